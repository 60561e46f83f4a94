//! The door through which everything signed leaves.
mod deterministic;

pub use deterministic::{DeterministicSigner, RSA_EXPONENT, public_key};

use crate::profile::Attestation;
use crate::store::KeyPair;
use alloc::vec::Vec;
use core::fmt;
use rand_core::CryptoRng;
use wire::cbor::Value;
use wire::cose::Algorithm;
use wire::ctap1::RegistrationData;
use wire::webauthn::AuthenticatorData;

pub use crate::attesting::{AttestationIdentity, AttestationKey, Attesting, Draft, PlatformAuthority};

/// Authenticator data as signed, and the signature over it and the client data hash.
pub struct Signed {
    /// The bytes that were signed, before the client data hash.
    pub auth_data: Vec<u8>,
    /// In the encoding that WebAuthn Level 3 §6.5.5 wants: DER for ECDSA, 64 bytes for EdDSA, as long as
    /// the modulus for RSA; FIPS 204's for ML-DSA, with an empty context (RFC 9964 §3).
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

/// What an authority of the platform's says of a new credential.
pub struct Stated {
    /// The authenticator data that it is about, as they go out.
    pub auth_data: Vec<u8>,
    /// `attStmt`, in the syntax of its format.
    pub att_stmt: Value,
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

    /// Whether the next [`Signer::generate`] takes so long that a platform should hear of it first: finding the
    /// primes of an RSA key takes tens of milliseconds and sometimes many times that.
    fn is_slow(&self, algorithm: Algorithm) -> bool {
        algorithm == Algorithm::RS256
    }

    /// Whether [`Signer::prepare`] has anything to do for that algorithm.
    fn can_prepare(&self, algorithm: Algorithm) -> bool {
        let _ = algorithm;
        false
    }

    /// Makes a key pair in advance, so that the next [`Signer::generate`] is not slow. To be called while nobody
    /// waits. A signer that keeps no spare does nothing.
    fn prepare(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<(), SignerError> {
        let _ = (algorithm, rng);
        Ok(())
    }

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

    /// Has an authority of the platform's make the statement about the encoding of `data` and `client_data_hash`, where
    /// [`Attestation::is_by_platform`] (WebAuthn Level 3 §8.3 to §8.5 and §8.8).
    fn state(
        &mut self,
        mode: Attestation,
        key: &KeyPair,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
        rng: &mut dyn CryptoRng,
    ) -> Result<Stated, SignerError> {
        let _ = (mode, key, data, client_data_hash, rng);
        Err(SignerError::NoAttestationKey)
    }

    /// Takes other attestation keys from now on, as after the test CA was renewed. A signer without any has no use
    /// for them.
    fn set_identity(&mut self, identity: AttestationIdentity) {
        drop(identity);
    }

    /// Drops every key of a credential that is held ready. Called when credentials are deleted. A spare belongs to
    /// no credential yet and may stay.
    fn forget(&mut self) {}
}
