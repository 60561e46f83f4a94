//! Keys that sign anything: an authenticator's own signers take nothing but well-formed authenticator data.
//!
//! Signatures are deterministic (RFC 6979, RFC 8032), so that a seed repeats a run to the last byte.
use authenticator::signer::{DeterministicSigner, Signer as _, SignerError};
use authenticator::store::KeyPair;
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use rand_core::CryptoRng;
use ring::digest;
use ring::signature::Ed25519KeyPair;
use wire::cose::{Algorithm, PublicKey};

/// What credentials are made of here, most wanted first.
pub(crate) const ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::EDDSA];

/// A key pair. Without `Debug`, as it holds a private key.
#[derive(Clone)]
pub(crate) struct Key(KeyPair);

impl Key {
    pub(crate) fn generate(algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<Self, SignerError> {
        DeterministicSigner.generate(algorithm, rng).map(Self)
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.0.public
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.0.public.algorithm()
    }

    /// A signature as WebAuthn L3 §6.5.5 wants it.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        sign(&self.0, message)
    }
}

/// The same with a key that attests.
pub(crate) fn sign(key: &KeyPair, message: &[u8]) -> Result<Vec<u8>, SignerError> {
    let private = key.private.expose();
    let invalid = |_| SignerError::InvalidKey;
    match &key.public {
        PublicKey::P256 { .. } => {
            let signature: Signature = SigningKey::from_slice(private).map_err(invalid)?.sign(message);
            Ok(signature.to_der().as_bytes().to_vec())
        }
        PublicKey::Ed25519 { x } => {
            let key =
                Ed25519KeyPair::from_seed_and_public_key(private, x).map_err(|_| SignerError::InvalidKey)?;
            Ok(key.sign(message).as_ref().to_vec())
        }
        other => Err(SignerError::Unsupported(other.algorithm())),
    }
}

/// The other of the two ECDSA signatures of the same key over the same message: (r, n - s). `None` for other algorithms.
pub(crate) fn malleated(signature: &[u8]) -> Option<Vec<u8>> {
    let signature = Signature::from_der(signature).ok()?;
    let (r, s) = signature.split_scalars();
    let other = Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).ok()?;
    Some(other.to_der().as_bytes().to_vec())
}

/// Both numbers without DER around them, as IEEE P1363 writes them. `None` for other algorithms than ECDSA.
pub(crate) fn without_der(signature: &[u8]) -> Option<Vec<u8>> {
    Signature::from_der(signature).ok().map(|signature| signature.to_bytes().to_vec())
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

    fn key() -> Key {
        Key::generate(Algorithm::ES256, &mut rand_chacha::ChaCha20Rng::seed_from_u64(1)).unwrap()
    }

    fn verifies(key: &Key, message: &[u8], signature: &[u8]) -> bool {
        let PublicKey::P256 { x, y } = key.public() else { panic!("it is a point") };
        let point = [&[4], x.as_slice(), y].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
    }

    #[test]
    fn both_signatures_of_a_message_verify_and_are_not_the_same() {
        let (key, message) = (key(), b"anything at all");
        let one = key.sign(message).unwrap();
        let other = malleated(&one).unwrap();
        assert!(one != other && verifies(&key, message, &one) && verifies(&key, message, &other));
        assert_eq!(malleated(&other).unwrap(), one);
        assert!(!verifies(&key, b"something else", &one));
    }

    #[test]
    fn a_signature_without_der_is_64_bytes_and_one_of_eddsa_is_left_alone() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(2);
        assert_eq!(without_der(&key().sign(b"m").unwrap()).unwrap().len(), 64);
        let signature = Key::generate(Algorithm::EDDSA, &mut rng).unwrap().sign(b"m").unwrap();
        assert_eq!((signature.len(), malleated(&signature), without_der(&signature)), (64, None, None));
    }
}
