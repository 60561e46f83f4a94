//! Hashes and signatures: by ring, and ML-DSA, which ring does not have, by `ml-dsa`.
use ml_dsa::{MlDsa44, MlDsa65, MlDsaParams, VerifyingKey};
use ring::digest;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use wire::cose::PublicKey;

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Whether `signature` is one over the concatenation of `auth_data` and `client_data_hash`, in the encoding of
/// WebAuthn L3 §6.5.5: DER for ECDSA, 64 bytes for EdDSA, PKCS #1 for RSA; FIPS 204's for ML-DSA. A key that is not
/// on its curve verifies nothing, nor does a key that is not understood.
pub(crate) fn verifies(
    key: &PublicKey,
    auth_data: &[u8],
    client_data_hash: &[u8; 32],
    signature: &[u8],
) -> bool {
    let message = [auth_data, client_data_hash].concat();
    let by_ring = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
        UnparsedPublicKey::new(algorithm, key).verify(&message, signature).is_ok()
    };
    match key {
        PublicKey::P256 { x, y } => by_ring(&ECDSA_P256_SHA256_ASN1, &uncompressed(x, y)),
        PublicKey::P384 { x, y } => by_ring(&ECDSA_P384_SHA384_ASN1, &uncompressed(x, y)),
        PublicKey::Ed25519 { x } => by_ring(&ED25519, x),
        PublicKey::Rsa { n, e } => {
            RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, &message, signature).is_ok()
        }
        PublicKey::MlDsa44 { key } => ml_dsa_verifies::<MlDsa44>(&**key, &message, signature),
        PublicKey::MlDsa65 { key } => ml_dsa_verifies::<MlDsa65>(&**key, &message, signature),
        PublicKey::Foreign(_) => false,
    }
}

/// FIPS 204 algorithm 3 with an empty context, as RFC 9964 §3 has it.
fn ml_dsa_verifies<P: MlDsaParams>(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (key.try_into(), ml_dsa::Signature::try_from(signature)) else {
        return false;
    };
    VerifyingKey::<P>::decode(key).verify_with_context(message, &[], &signature)
}

/// The uncompressed point of SEC 1 §2.3.3: 0x04, then x and y.
fn uncompressed(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// The SubjectPublicKeyInfo in DER that `getPublicKey()` gives, RFC 5480 §2, RFC 8410 §4, RFC 3279 §2.3.1 and RFC
/// 9881 §4; `None` for a key that is not understood.
pub(crate) fn subject_public_key_info(key: &PublicKey) -> Option<Vec<u8>> {
    // The content of an AlgorithmIdentifier: an OID, and what goes with it.
    const ID_EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
    const SECP256R1: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    const SECP384R1: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";
    const ID_ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
    const RSA_ENCRYPTION_NULL: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    const ID_ML_DSA_44: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11";
    const ID_ML_DSA_65: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12";
    let (algorithm, subject) = match key {
        PublicKey::P256 { x, y } => ([ID_EC_PUBLIC_KEY, SECP256R1].concat(), uncompressed(x, y)),
        PublicKey::P384 { x, y } => ([ID_EC_PUBLIC_KEY, SECP384R1].concat(), uncompressed(x, y)),
        PublicKey::Ed25519 { x } => (ID_ED25519.to_vec(), x.to_vec()),
        PublicKey::Rsa { n, e } => {
            (RSA_ENCRYPTION_NULL.to_vec(), der(SEQUENCE, &[integer(n), integer(e)].concat()))
        }
        PublicKey::MlDsa44 { key } => (ID_ML_DSA_44.to_vec(), key.to_vec()),
        PublicKey::MlDsa65 { key } => (ID_ML_DSA_65.to_vec(), key.to_vec()),
        PublicKey::Foreign(_) => return None,
    };
    let no_unused_bits = [&[0], subject.as_slice()].concat();
    Some(der(SEQUENCE, &[der(SEQUENCE, &algorithm), der(BIT_STRING, &no_unused_bits)].concat()))
}

/// r and s of ECDSA as the Ecdsa-Sig-Value of RFC 3279 §2.2.3.
pub(crate) fn ecdsa_der(r: &[u8], s: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[integer(r), integer(s)].concat())
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// A positive number, big-endian, as an INTEGER of X.690 §8.3.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    match number.first() {
        Some(..0x80) => der(INTEGER, number),
        _ => der(INTEGER, &[&[0], number].concat()),
    }
}

/// Tag, length (X.690 §10.1) and content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    match significant {
        [] => vec![tag, 0],
        [short @ ..0x80] => [&[tag, *short], content].concat(),
        long => [&[tag, 0x80 | u8::try_from(long.len()).expect("8 at most")], long, content].concat(),
    }
}
