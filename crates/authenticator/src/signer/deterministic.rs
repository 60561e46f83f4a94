//! The deterministic signer, and what follows from a private key by itself.
use super::{Signed, Signer, SignerError};
use crate::store::{KeyPair, PrivateKey};
use alloc::{boxed::Box, vec::Vec};
use crypto_bigint::ConcatenatingMul as _;
use ml_dsa::{ExpandedSigningKey, MlDsa44, MlDsa65, MlDsaParams, Seed, SigningKey};
use rand_core::CryptoRng;
use rsa::signature::SignatureEncoding as _;
use rsa::traits::PrivateKeyParts as _;
use rsa::{BoxedUint, pkcs1v15};
use sha2::Sha256;
use wire::cose::{Algorithm, PublicKey};
use wire::webauthn::AuthenticatorData;
use zeroize::Zeroizing;

/// The public exponent of every RSA key made here, 65537, big-endian.
pub const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

const RSA_BITS: usize = 2048;
/// Bytes in one prime of an RSA key.
const PRIME: usize = RSA_BITS / 8 / 2;

/// Software keys with deterministic signatures (RFC 6979, RFC 8032, RFC 8017 §8.2, FIPS 204 without hedging): for
/// fixtures, transcripts and as the second opinion beside the emulator's fast signer.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeterministicSigner;

impl Signer for DeterministicSigner {
    fn generate(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<KeyPair, SignerError> {
        let mut drawn = |len: usize| {
            let mut private = PrivateKey::zeroed(len);
            rng.fill_bytes(private.expose_mut());
            private
        };
        match algorithm {
            // A scalar is valid unless it is zero or at least the group order: one draw in 2^32 at most is not.
            Algorithm::ES256 | Algorithm::ES384 => loop {
                let private = drawn(if algorithm == Algorithm::ES256 { 32 } else { 48 });
                if let Ok(public) = public_key(algorithm, &private) {
                    return Ok(KeyPair { public, private });
                }
            },
            Algorithm::EDDSA | Algorithm::ML_DSA_44 | Algorithm::ML_DSA_65 => {
                let private = drawn(32);
                Ok(KeyPair { public: public_key(algorithm, &private)?, private })
            }
            Algorithm::RS256 => {
                let key = rsa::PrivateKey::new(rng, RSA_BITS).map_err(|_| SignerError::Failed)?;
                let mut primes = [0, 1].map(|n| Zeroizing::new(key.primes()[n].to_be_bytes()));
                // The larger one first, as ring wants it.
                primes.sort_by(|a, b| b.cmp(a));
                let private = PrivateKey::new(Zeroizing::new(primes.map(|prime| prime.to_vec()).concat()));
                Ok(KeyPair { public: public_key(algorithm, &private)?, private })
            }
            other => Err(SignerError::Unsupported(other)),
        }
    }

    fn sign(
        &mut self,
        key: &KeyPair,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
    ) -> Result<Signed, SignerError> {
        let auth_data = data.encode();
        let message = [auth_data.as_slice(), client_data_hash].concat();
        let private = key.private.expose();
        let signature = match &key.public {
            PublicKey::P256 { .. } => {
                use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
                let key = SigningKey::from_slice(private).map_err(|_| SignerError::InvalidKey)?;
                let signature: Signature = key.sign(&message);
                signature.to_der().as_bytes().to_vec()
            }
            PublicKey::P384 { .. } => {
                use p384::ecdsa::{Signature, SigningKey, signature::Signer as _};
                let key = SigningKey::from_slice(private).map_err(|_| SignerError::InvalidKey)?;
                let signature: Signature = key.sign(&message);
                signature.to_der().as_bytes().to_vec()
            }
            PublicKey::Ed25519 { .. } => {
                use ed25519_dalek::Signer as _;
                let seed = private.try_into().map_err(|_| SignerError::InvalidKey)?;
                ed25519_dalek::SigningKey::from_bytes(seed).sign(&message).to_bytes().to_vec()
            }
            PublicKey::Rsa { .. } => {
                use rsa::signature::Signer as _;
                let [p, q] = primes(private)?;
                let e = BoxedUint::from_be_slice_vartime(&RSA_EXPONENT);
                let key = rsa::PrivateKey::from_p_q(p, q, e).map_err(|_| SignerError::InvalidKey)?;
                let signature = pkcs1v15::SigningKey::<Sha256>::new(key).try_sign(&message);
                signature.map_err(|_| SignerError::Failed)?.to_vec()
            }
            PublicKey::MlDsa44 { .. } => ml_dsa::<MlDsa44>(private, &message)?,
            PublicKey::MlDsa65 { .. } => ml_dsa::<MlDsa65>(private, &message)?,
            PublicKey::Foreign(_) => return Err(SignerError::Unsupported(key.public.algorithm())),
        };
        Ok(Signed { auth_data, signature })
    }
}

/// The public key that belongs to a private one, in the form that [`PrivateKey`] says.
///
/// # Errors
/// InvalidKey if the bytes are no key of that algorithm, Unsupported if the algorithm is none of ours.
pub fn public_key(algorithm: Algorithm, private: &PrivateKey) -> Result<PublicKey, SignerError> {
    const INVALID: SignerError = SignerError::InvalidKey;
    let private = private.expose();
    Ok(match algorithm {
        Algorithm::ES256 => {
            let key = p256::ecdsa::SigningKey::from_slice(private).map_err(|_| INVALID)?;
            let point = key.verifying_key().to_sec1_point(false);
            let (Some(x), Some(y)) = (point.x(), point.y()) else { return Err(INVALID) };
            PublicKey::P256 { x: (*x).into(), y: (*y).into() }
        }
        Algorithm::ES384 => {
            let key = p384::ecdsa::SigningKey::from_slice(private).map_err(|_| INVALID)?;
            let point = key.verifying_key().to_sec1_point(false);
            let (Some(x), Some(y)) = (point.x(), point.y()) else { return Err(INVALID) };
            PublicKey::P384 { x: (*x).into(), y: (*y).into() }
        }
        Algorithm::EDDSA => {
            let seed = private.try_into().map_err(|_| INVALID)?;
            PublicKey::Ed25519 { x: ed25519_dalek::SigningKey::from_bytes(seed).verifying_key().to_bytes() }
        }
        Algorithm::RS256 => {
            let [p, q] = primes(private)?;
            PublicKey::Rsa { n: p.concatenating_mul(&q).to_be_bytes().into(), e: RSA_EXPONENT.into() }
        }
        Algorithm::ML_DSA_44 => PublicKey::MlDsa44 { key: ml_dsa_public::<MlDsa44, _>(private)? },
        Algorithm::ML_DSA_65 => PublicKey::MlDsa65 { key: ml_dsa_public::<MlDsa65, _>(private)? },
        other => return Err(SignerError::Unsupported(other)),
    })
}

/// Both primes of an RSA key.
fn primes(private: &[u8]) -> Result<[BoxedUint; 2], SignerError> {
    if private.len() != 2 * PRIME {
        return Err(SignerError::InvalidKey);
    }
    let (p, q) = private.split_at(PRIME);
    Ok([p, q].map(BoxedUint::from_be_slice_vartime))
}

fn seed(private: &[u8]) -> Result<&Seed, SignerError> {
    private.try_into().map_err(|_| SignerError::InvalidKey)
}

/// FIPS 204 algorithm 2 with an empty context, without hedging.
fn ml_dsa<P: MlDsaParams>(private: &[u8], message: &[u8]) -> Result<Vec<u8>, SignerError> {
    let key = ExpandedSigningKey::<P>::from_seed(seed(private)?);
    let signature = key.sign_deterministic(message, &[]).map_err(|_| SignerError::Failed)?;
    Ok(signature.encode().to_vec())
}

fn ml_dsa_public<P: MlDsaParams, const LEN: usize>(private: &[u8]) -> Result<Box<[u8; LEN]>, SignerError> {
    use ml_dsa::Keypair as _;
    let public = SigningKey::<P>::from_seed(seed(private)?).verifying_key().encode();
    Box::<[u8]>::from(public.as_slice()).try_into().map_err(|_| SignerError::Failed)
}
