//! setPIN and changePIN, CTAP 2.1 §6.5.5.5 and §6.5.5.6.
use super::attempt::Given;
use super::commands::required;
use super::policy;
use super::protocol::{Protocol, SharedSecret};
use crate::authenticator::Authenticator;
use crate::store::{self, PIN_RETRIES, Pin, UV_RETRIES};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use wire::ctap2::ClientPin;
use wire::status::{CtapError, Status};
use zeroize::Zeroizing;

/// Bytes that a PIN is padded to.
const PADDED: usize = 64;

/// setPIN, CTAP 2.1 §6.5.5.5: decides.
pub(super) fn begin_set(auth: &Authenticator, request: ClientPin) -> Result<Pin, CtapError> {
    // Step 1.
    let number = required(request.protocol, "pinUvAuthProtocol")?;
    let peer = required(request.key_agreement, "keyAgreement")?;
    let sealed = required(request.new_pin_enc, "newPinEnc")?;
    let param = required(request.pin_uv_auth_param, "pinUvAuthParam")?;
    // Step 2.
    let protocol = auth.protocol(Some(number))?;
    // Step 3.
    if auth.memory.state().verification.pin.is_some() {
        return Err(Status::PIN_AUTH_INVALID.because("CTAP 2.1 §6.5.5.5 step 3: a PIN is set already"));
    }
    // Step 4.
    let secret = auth.decapsulate(protocol, &peer)?;
    // Step 5.
    if !secret.verify(&sealed, &param) {
        return Err(
            Status::PIN_AUTH_INVALID.because("CTAP 2.1 §6.5.5.5 step 5: pinUvAuthParam does not verify")
        );
    }
    // Steps 6 to 11.
    open(auth, &secret, &sealed)
}

/// setPIN step 12.
pub(super) fn set(auth: &mut Authenticator, pin: Pin) -> Result<Vec<u8>, CtapError> {
    let mut state = auth.memory.state().clone();
    state.verification.pin = Some(pin);
    state.verification.pin_retries = PIN_RETRIES;
    state.verification.uv_retries = UV_RETRIES;
    state.verification.uv_count_since_pin = 0;
    auth.commit(&[store::Change::PutState(state)], None)?;
    Ok(Vec::from([Status::OK.0]))
}

/// changePIN, as far as it was decided.
pub(crate) struct Change {
    protocol: Protocol,
    given: Given,
    /// What the new PIN is refused for comes to light only after the old one was right.
    new: Result<Pin, CtapError>,
}

/// changePIN, CTAP 2.1 §6.5.5.6: decides.
pub(super) fn begin_change(auth: &Authenticator, request: ClientPin) -> Result<Change, CtapError> {
    // Step 1.
    let number = required(request.protocol, "pinUvAuthProtocol")?;
    let peer = required(request.key_agreement, "keyAgreement")?;
    let current = required(request.pin_hash_enc, "pinHashEnc")?;
    let sealed = required(request.new_pin_enc, "newPinEnc")?;
    let param = required(request.pin_uv_auth_param, "pinUvAuthParam")?;
    // Step 2.
    let protocol = auth.protocol(Some(number))?;
    // Step 3.
    auth.pin_may_be_tried()?;
    // Step 4.
    let secret = auth.decapsulate(protocol, &peer)?;
    // Step 5.
    if !secret.verify(&[sealed.as_slice(), &current].concat(), &param) {
        return Err(
            Status::PIN_AUTH_INVALID.because("CTAP 2.1 §6.5.5.6 step 5: pinUvAuthParam does not verify")
        );
    }
    Ok(Change { protocol, given: secret.decrypt(&current).ok(), new: open(auth, &secret, &sealed) })
}

impl Change {
    /// Steps 6 to 21.
    pub(super) fn resume(self, auth: &mut Authenticator) -> Result<Vec<u8>, CtapError> {
        let Self { protocol, given, new } = self;
        // Steps 6 to 8.
        let mut state = auth.try_pin(protocol, &given)?;
        // Steps 9 to 15.
        let old = state.verification.pin.as_ref();
        let same =
            |new: &Pin| old.is_some_and(|old| bool::from(old.hash.as_slice().ct_eq(new.hash.as_slice())));
        let new = match new {
            // Step 13.
            Ok(new) if state.settings.force_pin_change && same(&new) => {
                let why = "CTAP 2.1 §6.5.5.6 step 13: the PIN must be changed, and this is the old one";
                Err(Status::PIN_POLICY_VIOLATION.because(why))
            }
            judged => judged,
        };
        let new = match new {
            Ok(new) => new,
            Err(refused) => {
                // The old PIN was right all the same.
                auth.commit(&[store::Change::PutState(state)], None)?;
                return Err(refused);
            }
        };
        // Steps 16 to 18, and 20.
        state.settings.force_pin_change = false;
        state.verification.pin = Some(new);
        state.verification.persistent_token = None;
        auth.commit(&[store::Change::PutState(state)], None)?;
        // Step 19.
        auth.session.reset_tokens(&mut auth.rng);
        Ok(Vec::from([Status::OK.0]))
    }
}

/// setPIN steps 6 to 11, changePIN steps 9 to 12, 14 and 15: what is kept of a new PIN that is good enough.
fn open(auth: &Authenticator, secret: &SharedSecret, sealed: &[u8]) -> Result<Pin, CtapError> {
    let padded = secret.decrypt(sealed).map_err(|_| {
        Status::PIN_AUTH_INVALID
            .because("CTAP 2.1 §6.5.5.5 step 6: newPinEnc has no length that encrypt gives")
    })?;
    if padded.len() != PADDED {
        return Err(Status::INVALID_PARAMETER
            .because("CTAP 2.1 §6.5.5.5 step 7: the padded PIN is not 64 bytes long"));
    }
    let len = padded.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let pin = &padded[..len];
    let code_points = policy::judge(auth, pin)?;
    let digest = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(pin)));
    let mut hash = Zeroizing::new([0; 16]);
    hash.copy_from_slice(&digest[..16]);
    Ok(Pin { hash, code_points })
}
