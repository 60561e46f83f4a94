//! Hashes and signatures, by ring.
use ring::digest;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
use wire::cose::PublicKey;

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Whether `signature` is one over the concatenation of `auth_data` and `client_data_hash`, in the encoding of
/// WebAuthn L3 §6.5.5: DER for ECDSA, 64 bytes for EdDSA. A key that is not on its curve verifies nothing.
pub(crate) fn verifies(
    key: &PublicKey,
    auth_data: &[u8],
    client_data_hash: &[u8; 32],
    signature: &[u8],
) -> bool {
    let message = [auth_data, client_data_hash].concat();
    let verified = match key {
        PublicKey::P256 { x, y } => {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, uncompressed(x, y)).verify(&message, signature)
        }
        PublicKey::Ed25519 { x } => UnparsedPublicKey::new(&ED25519, x).verify(&message, signature),
    };
    verified.is_ok()
}

/// The uncompressed point of SEC 1 §2.3.3: 0x04, then x and y.
fn uncompressed(x: &[u8; 32], y: &[u8; 32]) -> Vec<u8> {
    [&[4], x.as_slice(), y].concat()
}

/// The SubjectPublicKeyInfo in DER that `getPublicKey()` gives, RFC 5480 §2 and RFC 8410 §4.
pub(crate) fn subject_public_key_info(key: &PublicKey) -> Vec<u8> {
    // SEQUENCE { SEQUENCE { OID id-ecPublicKey, OID secp256r1 }, BIT STRING with no unused bits }
    const P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
        \x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    // SEQUENCE { SEQUENCE { OID id-Ed25519 }, BIT STRING with no unused bits }
    const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    match key {
        PublicKey::P256 { x, y } => [P256, &uncompressed(x, y)].concat(),
        PublicKey::Ed25519 { x } => [ED25519, x].concat(),
    }
}
