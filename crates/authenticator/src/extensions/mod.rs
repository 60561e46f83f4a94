//! Extensions, CTAP 2.1 §12 and its successors: what is asked is read and judged before the user is asked,
//! and done after. One file each.
//!
//! An extension that is unknown, or that the profile does not advertise, is passed over without a word. There
//! is never an output for what was not asked.
mod cred_blob;
mod cred_protect;
mod hmac_secret;
mod hmac_secret_mc;
mod large_blob;
mod large_blob_key;
mod min_pin_length;
mod pin_complexity_policy;
mod prf;
mod third_party_payment;

use crate::Link;
use crate::authenticator::{Authenticator, Via};
use crate::capabilities::Capabilities;
use crate::profile::Extension;
use crate::store::CredentialExtensions;
use alloc::{format, vec::Vec};
use wire::cbor::Value;
use wire::ctap2::{GetAssertion, MakeCredential};
use wire::status::{CtapError, Status};

/// What a registration asks of extensions, read and judged.
pub(crate) struct MakePlan {
    cred_protect: Option<u8>,
    cred_blob: Option<Vec<u8>>,
    hmac_secret: bool,
    hmac_secret_mc: Option<hmac_secret::Evaluation>,
    large_blob_key: bool,
    large_blob: bool,
    min_pin_length: bool,
    pin_complexity_policy: bool,
    third_party_payment: bool,
    prf: Option<prf::Creating>,
}

/// What has to stand in the ID of a credential that lives there.
pub(crate) struct SealedExtensions {
    pub(crate) cred_protect: u8,
    pub(crate) third_party_payment: bool,
}

/// What is known when a credential is made.
pub(crate) struct MakeFacts<'a> {
    pub(crate) credential_id: &'a [u8],
    pub(crate) rp_id: &'a str,
    pub(crate) discoverable: bool,
    /// The user was verified.
    pub(crate) uv: bool,
}

/// What came of it.
pub(crate) struct Made {
    /// What is kept with the credential.
    pub(crate) kept: CredentialExtensions,
    /// For authenticator data; `None` if there is nothing to say.
    pub(crate) signed: Option<Value>,
    /// For the unsigned outputs (CTAP 2.2); `None` if there is nothing to say.
    pub(crate) unsigned: Option<Value>,
}

impl MakePlan {
    /// Reads the inputs. Changes nothing.
    ///
    /// # Errors
    /// Those of each extension.
    pub(crate) fn read(auth: &Authenticator, via: Via, request: &MakeCredential) -> Result<Self, CtapError> {
        let inputs = Inputs::of(&auth.capabilities, via.link, request.extensions.as_ref());
        let rk = request.rk == Some(true);
        let hmac_secret = inputs.flag(Extension::HmacSecret)?;
        Ok(Self {
            cred_protect: cred_protect::read(&inputs)?,
            cred_blob: cred_blob::read(&inputs)?,
            hmac_secret,
            hmac_secret_mc: hmac_secret_mc::read(auth, &inputs, hmac_secret)?,
            large_blob_key: large_blob_key::read_make(&inputs, rk)?,
            large_blob: large_blob::read_make(&inputs, rk)?,
            min_pin_length: inputs.flag(Extension::MinPinLength)?,
            pin_complexity_policy: inputs.flag(Extension::PinComplexityPolicy)?,
            third_party_payment: inputs.flag(Extension::ThirdPartyPayment)?,
            prf: prf::read_make(&inputs)?,
        })
    }

    /// What has to stand in the ID of a credential that lives there.
    pub(crate) fn sealed(&self) -> SealedExtensions {
        SealedExtensions {
            cred_protect: self.cred_protect.unwrap_or(cred_protect::DEFAULT),
            third_party_payment: self.third_party_payment,
        }
    }

    /// Does what was asked, for the credential that is being made.
    pub(crate) fn run(self, auth: &mut Authenticator, facts: &MakeFacts<'_>) -> Result<Made, CtapError> {
        let (mut signed, mut unsigned) = (Outputs::default(), Outputs::default());
        let SealedExtensions { cred_protect, third_party_payment } = self.sealed();
        let cred_blob =
            self.cred_blob.map(|blob| cred_blob::keep(&auth.capabilities, facts.discoverable, blob));

        signed.put(Extension::CredProtect, self.cred_protect.map(Value::from));
        signed.put(Extension::CredBlob, cred_blob.as_ref().map(|kept| Value::Bool(kept.is_some())));
        signed.put(Extension::HmacSecret, self.hmac_secret.then_some(Value::Bool(true)));
        let secrets = self.hmac_secret_mc.map(|asked| asked.run(auth, facts.credential_id, facts.uv));
        signed.put(Extension::HmacSecretMc, secrets);
        signed.put(Extension::MinPinLength, min_pin_length::tell(auth, self.min_pin_length, facts.rp_id));
        let policy = pin_complexity_policy::tell(auth, self.pin_complexity_policy, facts.rp_id);
        signed.put(Extension::PinComplexityPolicy, policy);
        signed.put(Extension::ThirdPartyPayment, third_party_payment::created(third_party_payment));
        unsigned
            .put(Extension::LargeBlob, self.large_blob.then(|| large_blob::supported(facts.discoverable)));
        unsigned.put(Extension::Prf, self.prf.map(|asked| asked.run(auth, facts)));

        let kept = CredentialExtensions {
            cred_protect,
            cred_blob: cred_blob.flatten(),
            large_blob_key: self.large_blob_key.then(|| large_blob_key::draw(&mut auth.rng)),
            large_blob: None,
            third_party_payment,
        };
        Ok(Made { kept, signed: signed.into_value(), unsigned: unsigned.into_value() })
    }
}

/// What a sign-in asks of extensions, read and judged.
pub(crate) struct GetPlan {
    cred_blob: bool,
    hmac_secret: Option<hmac_secret::Evaluation>,
    large_blob_key: bool,
    large_blob: Option<large_blob::Operation>,
    third_party_payment: bool,
    prf: Option<prf::SigningIn>,
}

/// What is known when a credential signs.
pub(crate) struct GetFacts<'a> {
    pub(crate) credential_id: &'a [u8],
    /// What is kept with it; the defaults for one that lives in its own ID.
    pub(crate) kept: &'a CredentialExtensions,
    pub(crate) uv: bool,
    pub(crate) up: bool,
    /// Whether the credential was found through an allowList.
    pub(crate) listed: bool,
    /// Whether it is in the store, where something can be kept with it.
    pub(crate) stored: bool,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Got {
    pub(crate) signed: Option<Value>,
    pub(crate) unsigned: Option<Value>,
    /// largeBlobKey of the response.
    pub(crate) large_blob_key: Option<Vec<u8>>,
    /// What is kept from now on, where the command changes it.
    pub(crate) kept: Option<CredentialExtensions>,
}

impl GetPlan {
    /// Reads the inputs. Changes nothing.
    ///
    /// # Errors
    /// Those of each extension.
    pub(crate) fn read(auth: &Authenticator, via: Via, request: &GetAssertion) -> Result<Self, CtapError> {
        let inputs = Inputs::of(&auth.capabilities, via.link, request.extensions.as_ref());
        Ok(Self {
            cred_blob: inputs.flag(Extension::CredBlob)?,
            hmac_secret: hmac_secret::read_get(auth, &inputs, request.up != Some(false))?,
            large_blob_key: large_blob_key::read(&inputs)?,
            large_blob: large_blob::read_get(&inputs)?,
            third_party_payment: inputs.flag(Extension::ThirdPartyPayment)?,
            prf: prf::read_get(&inputs)?,
        })
    }

    /// Does what was asked with one credential.
    pub(crate) fn run(&self, auth: &mut Authenticator, facts: &GetFacts<'_>) -> Result<Got, CtapError> {
        let (mut signed, mut unsigned) = (Outputs::default(), Outputs::default());
        signed.put(Extension::CredBlob, self.cred_blob.then(|| cred_blob::tell(facts.kept)));
        let secrets = self.hmac_secret.as_ref().map(|asked| asked.run(auth, facts.credential_id, facts.uv));
        signed.put(Extension::HmacSecret, secrets);
        let payment = self.third_party_payment.then(|| third_party_payment::tell(facts.kept));
        signed.put(Extension::ThirdPartyPayment, payment);

        unsigned.put(Extension::Prf, self.prf.as_ref().and_then(|asked| asked.run(auth, facts)));
        let mut kept = None;
        if let Some(operation) = &self.large_blob {
            let (output, changed) = operation.run(facts);
            unsigned.put(Extension::LargeBlob, output);
            kept = changed;
        }
        let large_blob_key = facts.kept.large_blob_key.as_ref().filter(|_| self.large_blob_key);
        Ok(Got {
            signed: signed.into_value(),
            unsigned: unsigned.into_value(),
            large_blob_key: large_blob_key.map(|key| key.to_vec()),
            kept,
        })
    }
}

/// Extension inputs, of which only those are seen that the profile advertises over that link.
struct Inputs<'a> {
    can: &'a Capabilities,
    link: Link,
    members: &'a [(Value, Value)],
}

impl<'a> Inputs<'a> {
    fn of(can: &'a Capabilities, link: Link, extensions: Option<&'a Value>) -> Self {
        let members = extensions.and_then(Value::as_map).map_or(&[] as &[_], |members| members.as_slice());
        Self { can, link, members }
    }

    /// The input of an extension, if it is advertised and asked for.
    fn input(&self, extension: Extension) -> Option<&'a Value> {
        let named = |(name, _): &&(Value, Value)| name.as_text() == Some(extension.name());
        let input = self.members.iter().find(named).map(|(_, input)| input);
        input.filter(|_| self.can.extends_over(self.link, extension))
    }

    /// The input of an extension that is asked for by `true`. A `false` asks for nothing.
    fn flag(&self, extension: Extension) -> Result<bool, CtapError> {
        let Some(input) = self.input(extension) else { return Ok(false) };
        input.as_bool().ok_or_else(|| unexpected_type(extension, "a boolean"))
    }
}

/// An input of another CBOR type than the extension has.
fn unexpected_type(extension: Extension, expected: &str) -> CtapError {
    let why = format!("CTAP 2.1 §12 ({}): the input is not {expected}", extension.name());
    Status::CBOR_UNEXPECTED_TYPE.because_of(why)
}

/// Extension outputs. The encoder puts them in canonical order.
#[derive(Default)]
struct Outputs(Vec<(Value, Value)>);

impl Outputs {
    fn put(&mut self, extension: Extension, output: Option<Value>) {
        self.0.extend(output.map(|output| (Value::from(extension.name()), output)));
    }

    /// `None` if there is nothing to say: then the ED flag and the member are absent.
    fn into_value(self) -> Option<Value> {
        if self.0.is_empty() { None } else { Some(Value::Map(self.0)) }
    }
}
