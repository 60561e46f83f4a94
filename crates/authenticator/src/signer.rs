//! The door through which everything signed leaves.
use crate::store::{KeyPair, PrivateKey};
use alloc::vec::Vec;
use core::fmt;
use ed25519_dalek::Signer as _;
use rand_core::CryptoRng;
use wire::cose::{Algorithm, PublicKey};
use wire::ctap1::RegistrationData;
use wire::webauthn::AuthenticatorData;

pub use crate::attesting::{AttestationIdentity, AttestationKey, Attesting};

/// Authenticator data as signed, and the signature over it and the client data hash.
pub struct Signed {
    /// The bytes that were signed, before the client data hash.
    pub auth_data: Vec<u8>,
    /// In the encoding that WebAuthn Level 3 §6.5.5 wants: DER for ECDSA, 64 bytes for EdDSA.
    pub signature: Vec<u8>,
}

/// Whose key attests a new credential. Neither key is the authenticator's to hold: they are the signer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attester {
    /// The key that every authenticator of this model shares (basic attestation, WebAuthn Level 3 §6.5.4).
    Batch,
    /// The key whose certificate tells this one device apart (enterprise attestation, CTAP 2.1 §7.1).
    Enterprise,
}

/// What an attestation key signed, and why it may be believed.
pub struct Attested {
    /// The authenticator data as signed, or as it goes out beside a U2F signature; empty for a U2F message.
    pub auth_data: Vec<u8>,
    /// In the encoding that WebAuthn Level 3 §6.5.5 wants: DER for ECDSA.
    pub signature: Vec<u8>,
    /// The algorithm of the attestation key.
    pub algorithm: Algorithm,
    /// X.509 certificates in DER, the attestation key's first, up to but without the root.
    pub chain: Vec<Vec<u8>>,
}

/// Why nothing could be made or signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerError {
    /// This signer does not have the algorithm.
    Unsupported(Algorithm),
    /// A stored private key is not one.
    InvalidKey,
    /// There is no attestation key of that kind.
    NoAttestationKey,
    /// The source of randomness or the library failed.
    Failed,
}

impl fmt::Display for SignerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(algorithm) => write!(f, "the signer has no {algorithm}"),
            Self::InvalidKey => f.write_str("the stored private key is damaged"),
            Self::NoAttestationKey => f.write_str("the signer has no attestation key"),
            Self::Failed => f.write_str("the signer failed"),
        }
    }
}

impl core::error::Error for SignerError {}

/// Makes key pairs and signs with them. Returns the bytes that it signed, so that a secure element may own the
/// counter and a lie can carry a valid signature.
pub trait Signer {
    /// Makes a key pair.
    fn generate(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<KeyPair, SignerError>;

    /// Signs the encoding of `data`, followed by `client_data_hash`.
    fn sign(
        &mut self,
        key: &KeyPair,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
    ) -> Result<Signed, SignerError>;

    /// Authenticator data that goes out without a signature, as with attestation `none`.
    fn present(&mut self, data: &AuthenticatorData) -> Vec<u8> {
        data.encode()
    }

    /// Signs the encoding of `data`, followed by `client_data_hash`, with an attestation key (WebAuthn Level 3
    /// §8.2).
    fn attest(
        &mut self,
        by: Attester,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
    ) -> Result<Attested, SignerError> {
        let _ = (by, data, client_data_hash);
        Err(SignerError::NoAttestationKey)
    }

    /// Signs a U2F registration with an attestation key (FIDO U2F Raw Message Formats 1.2 §4.3).
    fn attest_u2f(&mut self, by: Attester, registration: &RegistrationData) -> Result<Attested, SignerError> {
        let _ = (by, registration);
        Err(SignerError::NoAttestationKey)
    }

    /// Takes other attestation keys from now on, as after the test CA was renewed. A signer without any has no use
    /// for them.
    fn set_identity(&mut self, identity: AttestationIdentity) {
        drop(identity);
    }

    /// Drops every key that is held ready. Called when credentials are deleted.
    fn forget(&mut self) {}
}

/// Software keys with deterministic signatures (RFC 6979, RFC 8032): for fixtures, transcripts and as the
/// second opinion beside the emulator's fast signer.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeterministicSigner;

impl Signer for DeterministicSigner {
    fn generate(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<KeyPair, SignerError> {
        match algorithm {
            Algorithm::ES256 => loop {
                // A scalar is valid unless it is zero or at least the group order: one draw in 2^32 at most.
                let mut private = PrivateKey::zeroed(32);
                rng.fill_bytes(private.expose_mut());
                if let Ok(key) = p256::ecdsa::SigningKey::from_slice(private.expose()) {
                    let point = key.verifying_key().to_sec1_point(false);
                    let (Some(x), Some(y)) = (point.x(), point.y()) else { return Err(SignerError::Failed) };
                    let public = PublicKey::P256 { x: (*x).into(), y: (*y).into() };
                    return Ok(KeyPair { public, private });
                }
            },
            Algorithm::EDDSA => {
                let mut private = PrivateKey::zeroed(32);
                rng.fill_bytes(private.expose_mut());
                let seed = private.expose().try_into().map_err(|_| SignerError::InvalidKey)?;
                let x = ed25519_dalek::SigningKey::from_bytes(seed).verifying_key().to_bytes();
                Ok(KeyPair { public: PublicKey::Ed25519 { x }, private })
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
        let signature = match key.public {
            PublicKey::P256 { .. } => {
                let key =
                    p256::ecdsa::SigningKey::from_slice(private).map_err(|_| SignerError::InvalidKey)?;
                let signature: p256::ecdsa::Signature = key.sign(&message);
                signature.to_der().as_bytes().to_vec()
            }
            PublicKey::Ed25519 { .. } => {
                let seed = private.try_into().map_err(|_| SignerError::InvalidKey)?;
                ed25519_dalek::SigningKey::from_bytes(seed).sign(&message).to_bytes().to_vec()
            }
        };
        Ok(Signed { auth_data, signature })
    }
}
