//! The subcommands of authenticatorClientPIN, CTAP 2.1 §6.5.5.
use super::protocol::{Protocol, SharedSecret};
use super::{new_pin, token_by_pin, using_uv};
use crate::authenticator::{Authenticator, Silent, Step, Via};
use crate::store::Pin;
use alloc::{boxed::Box, format, vec::Vec};
use wire::cbor::Value;
use wire::ctap2::client_pin::Subcommand;
use wire::ctap2::{ClientPin, ClientPinResponse, KeyAgreement};
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// A subcommand, read and judged, that may write or draw.
pub(crate) enum Command {
    /// setPIN.
    Set(Pin),
    /// changePIN.
    Change(Box<new_pin::Change>),
    /// getPinToken and getPinUvAuthTokenUsingPinWithPermissions.
    Token(Box<token_by_pin::Asked>),
}

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(
    auth: &Authenticator,
    _: Instant,
    via: Via,
    request: ClientPin,
) -> Result<Step, CtapError> {
    let can = &auth.capabilities;
    let tokens = can.profile.pin_uv_auth_token;
    let built_in = can.uv(auth.memory.state()).is_some();
    let command = match request.subcommand {
        Subcommand::GET_PIN_RETRIES => return pin_retries(auth),
        Subcommand::GET_KEY_AGREEMENT => return key_agreement(auth, &request),
        Subcommand::GET_UV_RETRIES if can.speaks_2_1 && built_in => return Ok(uv_retries(auth)),
        Subcommand::GET_TOKEN_USING_UV if tokens && built_in => return using_uv::begin(auth, via, request),
        Subcommand::SET_PIN => Command::Set(new_pin::begin_set(auth, request)?),
        Subcommand::CHANGE_PIN => Command::Change(Box::new(new_pin::begin_change(auth, request)?)),
        Subcommand::GET_PIN_TOKEN => Command::Token(Box::new(token_by_pin::begin_plain(auth, via, request)?)),
        Subcommand::GET_TOKEN_USING_PIN if tokens => {
            Command::Token(Box::new(token_by_pin::begin_with_permissions(auth, via, request)?))
        }
        Subcommand(other) => {
            let why = format!("CTAP 2.1 §6.5.5: this authenticator has no subcommand 0x{other:02x}");
            return Err(Status::INVALID_SUBCOMMAND.because_of(why));
        }
    };
    Ok(Step::Proceed(Silent::ClientPin(Box::new(command))))
}

/// Does what was decided.
pub(crate) fn resume(command: Command, auth: &mut Authenticator, now: Instant) -> Result<Vec<u8>, CtapError> {
    match command {
        Command::Set(pin) => new_pin::set(auth, pin),
        Command::Change(change) => change.resume(auth),
        Command::Token(asked) => asked.resume(auth, now),
    }
}

/// getPINRetries, CTAP 2.1 §6.5.5.2. Without a PIN there are none to tell, which the specification leaves open.
fn pin_retries(auth: &Authenticator) -> Result<Step, CtapError> {
    let verification = &auth.memory.state().verification;
    if verification.pin.is_none() {
        return Err(Status::PIN_NOT_SET.because("CTAP 2.1 §6.5.5.2: there is no PIN that could be wrong"));
    }
    let response = ClientPinResponse {
        pin_retries: Some(verification.pin_retries.into()),
        power_cycle_state: auth.capabilities.speaks_2_1.then(|| auth.session.is_locked()),
        ..ClientPinResponse::default()
    };
    Ok(Step::Reply(response.encode()))
}

/// getUVRetries, CTAP 2.1 §6.5.5.3.
fn uv_retries(auth: &Authenticator) -> Step {
    let uv_retries = Some(auth.memory.state().verification.uv_retries.into());
    Step::Reply(ClientPinResponse { uv_retries, ..ClientPinResponse::default() }.encode())
}

/// getKeyAgreement, CTAP 2.1 §6.5.5.4.
fn key_agreement(auth: &Authenticator, request: &ClientPin) -> Result<Step, CtapError> {
    let protocol = auth.protocol(request.protocol)?;
    let key_agreement = Some(auth.session.key(protocol).public());
    Ok(Step::Reply(ClientPinResponse { key_agreement, ..ClientPinResponse::default() }.encode()))
}

/// Step 1 of every subcommand: what it needs is there.
pub(super) fn required<T>(member: Option<T>, name: &'static str) -> Result<T, CtapError> {
    let absent = || Status::MISSING_PARAMETER.because_of(format!("CTAP 2.1 §6.5.5 step 1: {name} is absent"));
    member.ok_or_else(absent)
}

impl Authenticator {
    /// decapsulate: the secret shared with the platform whose key came as a COSE key.
    ///
    /// # Errors
    /// INVALID_PARAMETER if it is no such key, or not on the curve.
    pub(super) fn decapsulate(&self, protocol: Protocol, peer: &Value) -> Result<SharedSecret, CtapError> {
        self.session.key(protocol).decapsulate(protocol, &KeyAgreement::from_value(peer)?)
    }
}
