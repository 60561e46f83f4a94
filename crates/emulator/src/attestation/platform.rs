//! What stands in place of a platform's authority: the test CA, for devices that attest as a computer with a TPM or as a
//! phone does.
use super::{Draft, Format, TestCa};
use authenticator::profile::Attestation;
use authenticator::signer::{self, PlatformAuthority, Signer, SignerError};
use rand_core::CryptoRng;
use wire::cbor::Value;

/// Every format's authority in one. Without `Debug`, as it holds a private key.
pub struct TestPlatform {
    ca: TestCa,
    now: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl TestPlatform {
    /// An authority that signs by `ca`. `now` tells seconds since 1970: SafetyNet says when it spoke.
    pub fn new(ca: TestCa, now: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { ca, now: Box::new(now) }
    }
}

impl PlatformAuthority for TestPlatform {
    fn state(
        &self,
        draft: &signer::Draft<'_>,
        signer: &mut dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<Value, SignerError> {
        let format = match draft.mode {
            Attestation::Tpm => Format::Tpm,
            Attestation::AndroidKey => Format::AndroidKey,
            Attestation::AndroidSafetyNet => Format::AndroidSafetyNet,
            Attestation::Apple => Format::Apple,
            Attestation::None | Attestation::PackedSelf | Attestation::Packed | Attestation::FidoU2f => {
                return Err(SignerError::NoAttestationKey);
            }
        };
        let signer::Draft { auth_data, client_data_hash, credential, .. } = *draft;
        let draft = Draft { auth_data, client_data_hash, credential, now: (self.now)() };
        let forged = self.ca.forge(format, None, &draft, signer, rng).map_err(|_| SignerError::Failed)?;
        Ok(forged.att_stmt)
    }
}
