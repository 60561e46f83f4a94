//! Keys out of the secret of a QR code or of a link, CTAP 2.2 §11.5.1: HKDF-SHA-256 with the purpose as information.
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// What derived bytes are for. What is private to a phone (the purposes from 4 on) is drawn at random here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// 64 bytes: an AES-256 key and an HMAC-SHA-256 key for adverts. The salt is empty for a QR code, and the client nonce
    /// for a link.
    EidKey = 1,
    /// 16 bytes: the tunnel's ID. The salt is empty.
    TunnelId = 2,
    /// 32 bytes: the pre-shared key of the handshake. The salt is the plaintext EID.
    Psk = 3,
}

/// `N` bytes for that purpose.
pub fn derive<const N: usize>(secret: &[u8], salt: &[u8], purpose: Purpose) -> Zeroizing<[u8; N]> {
    let mut output = Zeroizing::new([0; N]);
    let info = (purpose as u32).to_le_bytes();
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand(&info, output.as_mut_slice())
        .expect("64 bytes at most are less than HKDF can give");
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::hex;

    #[test]
    fn the_vector_of_the_eid_key() {
        let secret = hex::decode("00112233445566778899aabbccddeeff").unwrap();
        let key = derive::<64>(&secret, &[], Purpose::EidKey);
        assert_eq!(
            hex::encode(key.as_slice()),
            "efafab5b2c84a11c80e3ad0770353138b414a859ccd3afcc99e3d3250dba6508\
             4ede8e38e75432617c0ccae1ffe5d8143df0db0cd6d296f489419cd6411ee505"
        );
    }
}
