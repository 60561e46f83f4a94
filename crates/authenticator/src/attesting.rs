//! Attestation keys beside the keys of credentials, for any signer.
use crate::profile::Attestation;
use crate::signer::{Attested, Attester, Signed, Signer, SignerError, Stated};
use crate::store::KeyPair;
use alloc::sync::Arc;
use alloc::vec::Vec;
use rand_core::CryptoRng;
use wire::cbor::Value;
use wire::cose::{Algorithm, PublicKey};
use wire::ctap1::RegistrationData;
use wire::webauthn::AuthenticatorData;

/// An attestation key and why it may be believed. Without `Debug`, as it holds a private key.
#[derive(Clone)]
pub struct AttestationKey {
    /// Never leaves.
    pub key: KeyPair,
    /// X.509 certificates in DER, that of `key` first, up to but without the root.
    pub chain: Vec<Vec<u8>>,
}

/// The attestation keys that one device has from its maker. The default is none.
#[derive(Clone, Default)]
pub struct AttestationIdentity {
    /// For format `packed`; shared by every device of the model.
    pub batch: Option<AttestationKey>,
    /// For format `fido-u2f` and for U2F registrations; shared by every device of the model. Exactly one
    /// certificate, as WebAuthn Level 3 §8.6 demands.
    pub u2f: Option<AttestationKey>,
    /// For enterprise attestation; this device's alone.
    pub enterprise: Option<AttestationKey>,
    /// For the formats whose statements somebody else makes; not of this device at all.
    pub platform: Option<Arc<dyn PlatformAuthority>>,
}

/// What an authority is asked to state.
#[derive(Clone, Copy)]
pub struct Draft<'a> {
    /// In which format; [`Attestation::is_by_platform`].
    pub mode: Attestation,
    /// Authenticator data as they go out, with attested credential data.
    pub auth_data: &'a [u8],
    /// SHA-256 of the client data.
    pub client_data_hash: &'a [u8; 32],
    /// The new credential's key: it is certified, and signs where the format wants that.
    pub credential: &'a KeyPair,
}

/// Who makes the statements that no authenticator can make alone: a TPM with its certified key, Android's keystore, Apple.
/// Outside it stays one place, and each credential is certified anew.
pub trait PlatformAuthority: Send + Sync {
    /// `attStmt` of the draft's format. Keys that it takes are made by `signer`.
    ///
    /// # Errors
    /// If the format cannot be about that credential, and if no key can be made or used.
    fn state(
        &self,
        draft: &Draft<'_>,
        signer: &mut dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<Value, SignerError>;
}

/// A signer that attests. `S` signs with the attestation keys as it does with those of credentials, so that
/// whatever it does to signatures, it does to these too.
pub struct Attesting<S> {
    signer: S,
    identity: AttestationIdentity,
}

impl<S: Signer> Attesting<S> {
    /// Gives `signer` an identity.
    pub fn new(signer: S, identity: AttestationIdentity) -> Self {
        Self { signer, identity }
    }
}

impl<S: Signer> Signer for Attesting<S> {
    fn generate(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<KeyPair, SignerError> {
        self.signer.generate(algorithm, rng)
    }

    fn is_slow(&self, algorithm: Algorithm) -> bool {
        self.signer.is_slow(algorithm)
    }

    fn can_prepare(&self, algorithm: Algorithm) -> bool {
        self.signer.can_prepare(algorithm)
    }

    fn prepare(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<(), SignerError> {
        self.signer.prepare(algorithm, rng)
    }

    fn sign(
        &mut self,
        key: &KeyPair,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
    ) -> Result<Signed, SignerError> {
        self.signer.sign(key, data, client_data_hash)
    }

    fn present(&mut self, data: &AuthenticatorData) -> Vec<u8> {
        self.signer.present(data)
    }

    fn attest(
        &mut self,
        by: Attester,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
    ) -> Result<Attested, SignerError> {
        let held = match by {
            Attester::Batch => &self.identity.batch,
            Attester::Enterprise => &self.identity.enterprise,
        };
        let AttestationKey { key, chain } = held.as_ref().ok_or(SignerError::NoAttestationKey)?;
        let Signed { auth_data, signature } = self.signer.sign(key, data, client_data_hash)?;
        let algorithm = key.public.algorithm();
        Ok(Attested { auth_data, signature, algorithm, chain: chain.clone() })
    }

    /// There is no enterprise attestation in U2F. The wrapped signer signs authenticator data only, so this
    /// signature is a deterministic one (RFC 6979), whichever signer it is.
    fn attest_u2f(&mut self, by: Attester, registration: &RegistrationData) -> Result<Attested, SignerError> {
        let held = self.identity.u2f.as_ref().filter(|_| by == Attester::Batch);
        let AttestationKey { key, chain } = held.ok_or(SignerError::NoAttestationKey)?;
        let PublicKey::P256 { .. } = key.public else { return Err(SignerError::InvalidKey) };
        let private =
            p256::ecdsa::SigningKey::from_slice(key.private.expose()).map_err(|_| SignerError::InvalidKey)?;
        let signature: p256::ecdsa::Signature =
            p256::ecdsa::signature::Signer::sign(&private, &registration.encode());
        let signature = signature.to_der().as_bytes().to_vec();
        Ok(Attested { auth_data: Vec::new(), signature, algorithm: Algorithm::ES256, chain: chain.clone() })
    }

    fn state(
        &mut self,
        mode: Attestation,
        key: &KeyPair,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
        rng: &mut dyn CryptoRng,
    ) -> Result<Stated, SignerError> {
        let authority = self.identity.platform.as_ref().ok_or(SignerError::NoAttestationKey)?;
        let auth_data = self.signer.present(data);
        let draft = Draft { mode, auth_data: &auth_data, client_data_hash, credential: key };
        let att_stmt = authority.state(&draft, &mut self.signer, rng)?;
        Ok(Stated { auth_data, att_stmt })
    }

    fn set_identity(&mut self, identity: AttestationIdentity) {
        self.identity = identity;
        // Keys of the old identity may be held ready.
        self.signer.forget();
    }

    fn forget(&mut self) {
        self.signer.forget();
    }
}
