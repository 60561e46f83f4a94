//! `getPublicKey()`: SubjectPublicKeyInfo in DER, RFC 5280 §4.1.
use wire::cose::PublicKey;

/// `None`, which the page sees as null, for a key that is not understood (WebAuthn Level 3 §5.2.1.1).
pub(crate) fn subject_public_key_info(key: &PublicKey) -> Option<Vec<u8>> {
    // All but the key is fixed for a kind of key, except where the key has no fixed length.
    Some(match key {
        // RFC 5480: SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of the uncompressed point }.
        PublicKey::P256 { x, y } => {
            const PREFIX: [u8; 27] = [
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08,
                0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
            ];
            [PREFIX.as_slice(), x, y].concat()
        }
        // The same with secp384r1.
        PublicKey::P384 { x, y } => {
            const PREFIX: [u8; 24] = [
                0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05,
                0x2B, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04,
            ];
            [PREFIX.as_slice(), x, y].concat()
        }
        // RFC 8410: SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING of the key }.
        PublicKey::Ed25519 { x } => {
            const PREFIX: [u8; 12] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];
            [PREFIX.as_slice(), x].concat()
        }
        // RFC 3279 §2.3.1: SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING of RSAPublicKey }.
        PublicKey::Rsa { n, e } => {
            const ALGORITHM: [u8; 15] =
                [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];
            let rsa_public_key = element(0x30, &[integer(n), integer(e)].concat());
            let bits = element(0x03, &[vec![0], rsa_public_key].concat());
            element(0x30, &[ALGORITHM.to_vec(), bits].concat())
        }
        // RFC 9881 §4: SEQUENCE { SEQUENCE { id-ml-dsa-44 }, BIT STRING of the key }.
        PublicKey::MlDsa44 { key } => {
            const PREFIX: [u8; 22] = [
                0x30, 0x82, 0x05, 0x32, 0x30, 0x0B, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
                0x03, 0x11, 0x03, 0x82, 0x05, 0x21, 0x00,
            ];
            [PREFIX.as_slice(), key.as_slice()].concat()
        }
        // The same with id-ml-dsa-65.
        PublicKey::MlDsa65 { key } => {
            const PREFIX: [u8; 22] = [
                0x30, 0x82, 0x07, 0xB2, 0x30, 0x0B, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
                0x03, 0x12, 0x03, 0x82, 0x07, 0xA1, 0x00,
            ];
            [PREFIX.as_slice(), key.as_slice()].concat()
        }
        PublicKey::Foreign(_) => return None,
    })
}

/// An element of DER. Its length takes one byte below 128, else the number of its bytes comes before it.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        Ok(length) => out.extend([0x81, length]),
        // An RSA key for which this does not hold would have more than half a million bits, and no message.
        Err(_) => {
            out.push(0x82);
            out.extend(u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend(content);
    out
}

/// A positive INTEGER: in its shortest form, with a zero before a first bit that is set.
fn integer(big_endian: &[u8]) -> Vec<u8> {
    let start = big_endian.iter().position(|byte| *byte != 0).unwrap_or(big_endian.len());
    let mut content = Vec::from(&big_endian[start..]);
    if content.first().is_none_or(|first| first & 0x80 != 0) {
        content.insert(0, 0);
    }
    element(0x02, &content)
}
