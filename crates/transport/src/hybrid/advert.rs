//! The Bluetooth advert, CTAP 2.2 §11.5.2: 20 bytes of service data by which a desktop knows that the phone is near, and
//! where its tunnel is.
use super::domain::TunnelDomain;
use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The UUID of the service, 16 bits: FIDO's own.
pub const SERVICE: u16 = 0xFFF9;
/// The UUID that Google had before. Desktops look for it too, and iOS 16 sends it.
pub const OLD_SERVICE: u16 = 0xFDE2;
/// Bytes of service data.
pub const LENGTH: usize = 20;
/// Bytes of the cipher text; the rest is its MAC.
const SEALED: usize = 16;

/// What an advert says: the ephemeral identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eid([u8; SEALED]);

impl Eid {
    /// For a QR code: a nonce, where the tunnel service put the phone, and which service it is.
    pub fn new(nonce: [u8; 10], routing_id: [u8; 3], domain: TunnelDomain) -> Self {
        let mut plain = [0; SEALED];
        plain[1..11].copy_from_slice(&nonce);
        plain[11..14].copy_from_slice(&routing_id);
        plain[14..].copy_from_slice(&domain.0.to_le_bytes());
        Self(plain)
    }

    /// For a link, where the desktop knows the rest: a nonce alone.
    pub fn of_link(nonce: [u8; 15]) -> Self {
        let mut plain = [0; SEALED];
        plain[1..].copy_from_slice(&nonce);
        Self(plain)
    }

    /// All of it: the salt of the PSK.
    pub fn as_bytes(&self) -> &[u8; SEALED] {
        &self.0
    }

    /// Where the tunnel service put the phone.
    pub fn routing_id(&self) -> [u8; 3] {
        [self.0[11], self.0[12], self.0[13]]
    }

    /// Which tunnel service.
    pub fn domain(&self) -> TunnelDomain {
        TunnelDomain(u16::from_le_bytes([self.0[14], self.0[15]]))
    }

    /// The advert, under the keys of [`super::keys::Purpose::EidKey`].
    pub fn seal(&self, key: &[u8; 64]) -> [u8; LENGTH] {
        let (cipher, mac) = halves(key);
        let mut block = self.0.into();
        cipher.encrypt_block(&mut block);
        let tag = mac.chain_update(block).finalize().into_bytes();
        let mut advert = [0; LENGTH];
        advert[..SEALED].copy_from_slice(&block);
        advert[SEALED..].copy_from_slice(&tag[..LENGTH - SEALED]);
        advert
    }

    /// Opens an advert. `None` if it is another phone's, or has bytes too many: a suffix (CTAP 2.3) follows only where the
    /// desktop offered a channel for which it is, and those who offer none match 20 bytes alone.
    pub fn open(advert: &[u8], key: &[u8; 64]) -> Option<Self> {
        let advert: &[u8; LENGTH] = advert.try_into().ok()?;
        let (sealed, tag) = advert.split_first_chunk::<SEALED>()?;
        let (cipher, mac) = halves(key);
        let expected = mac.chain_update(sealed).finalize().into_bytes();
        if !bool::from(expected[..tag.len()].ct_eq(tag)) {
            return None;
        }
        let mut block = (*sealed).into();
        cipher.decrypt_block(&mut block);
        // The first byte is reserved, and clients refuse others.
        Some(Self(block.into())).filter(|eid| eid.0[0] == 0)
    }
}

fn halves(key: &[u8; 64]) -> (Aes256, Hmac<Sha256>) {
    let (cipher, mac) = key.split_at(32);
    let cipher = Aes256::new_from_slice(cipher).expect("32 bytes are an AES-256 key");
    (cipher, Hmac::new_from_slice(mac).expect("HMAC takes a key of any length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_the_same_key_alone() {
        let (key, other) = ([7; 64], [8; 64]);
        let eid = Eid::new([1; 10], [2, 3, 4], TunnelDomain(266));
        let advert = eid.seal(&key);
        assert_eq!(Eid::open(&advert, &key), Some(eid));
        assert_eq!((eid.routing_id(), eid.domain()), ([2, 3, 4], TunnelDomain(266)));
        assert_eq!(Eid::open(&advert, &other), None);
        assert_eq!(Eid::open(&advert[..19], &key), None);
        for at in 0..LENGTH {
            let mut changed = advert;
            changed[at] ^= 1;
            assert_eq!(Eid::open(&changed, &key), None, "byte {at}");
        }
    }
}
