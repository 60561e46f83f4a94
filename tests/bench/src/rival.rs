//! passkey-authenticator 0.6, with each of its engines, bytes to bytes. It makes no attestation signature.
use crate::requests;
use passkey_authenticator::{Authenticator, MemoryStore, UiHint, UserCheck, UserValidationMethod};
use passkey_crypto::CryptoBackend;
use passkey_types::Passkey;
use passkey_types::ctap2::{Aaguid, Ctap2Error, get_assertion, make_credential};

/// A user who agrees to everything.
struct Agreeable;

#[async_trait::async_trait]
impl UserValidationMethod for Agreeable {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence, verification })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

/// The rival with one engine.
pub(crate) struct Rival<C> {
    authenticator: Authenticator<MemoryStore, Agreeable, C>,
    make: Vec<u8>,
    get: Vec<u8>,
}

impl<C: CryptoBackend + Send + Sync> Rival<C> {
    /// With one passkey to sign in with.
    pub(crate) fn new(engine: C) -> anyhow::Result<Self> {
        let authenticator = Authenticator::new(Aaguid::new_empty(), MemoryStore::new(), Agreeable, engine);
        let mut rival = Self { authenticator, make: requests::registration(), get: Vec::new() };
        let made = rival.make_credential();
        let made: make_credential::Response = ciborium::from_reader(made.as_slice())?;
        let id = made.auth_data.attested_credential_data.ok_or_else(|| anyhow::anyhow!("no credential"))?;
        rival.get = requests::sign_in_with(id.credential_id());
        rival.authenticator.store_mut().retain(|stored, _| stored == id.credential_id());
        Ok(rival)
    }

    /// authenticatorMakeCredential.
    pub(crate) fn make_credential(&mut self) -> Vec<u8> {
        let request: make_credential::Request =
            ciborium::from_reader(&self.make[1..]).expect("the fixture decodes");
        let response = pollster::block_on(self.authenticator.make_credential(request)).expect("it registers");
        let mut reply = Vec::new();
        ciborium::into_writer(&response, &mut reply).expect("writing to memory cannot fail");
        reply
    }

    /// authenticatorGetAssertion.
    pub(crate) fn get_assertion(&mut self) -> Vec<u8> {
        let request: get_assertion::Request =
            ciborium::from_reader(&self.get[1..]).expect("the request decodes");
        let response = pollster::block_on(self.authenticator.get_assertion(request)).expect("it signs in");
        let mut reply = Vec::new();
        ciborium::into_writer(&response, &mut reply).expect("writing to memory cannot fail");
        reply
    }
}
