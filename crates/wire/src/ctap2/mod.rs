//! CTAP2 requests and responses, CTAP 2.1 §6: one file a command, each way both ways.
//!
//! A request is one command byte and a canonical CBOR map; a response is one status byte and, on success, a
//! canonical CBOR map.
pub mod bio_enrollment;
pub mod client_pin;
pub mod config;
pub mod credential_management;
mod disordered;
mod entities;
pub mod get_assertion;
mod get_info;
pub mod large_blobs;
pub mod make_credential;
#[cfg(test)]
mod tests;

pub use bio_enrollment::{BioEnrollment, BioEnrollmentResponse};
pub use client_pin::{ClientPin, ClientPinResponse, KeyAgreement, Permissions};
pub use config::Config;
pub use credential_management::{CredentialManagement, CredentialManagementResponse};
pub use entities::{Descriptor, PUBLIC_KEY, RpEntity, UserEntity};
pub use get_assertion::{GetAssertion, GetAssertionResponse};
pub use get_info::{GetInfoResponse, Versions};
pub use large_blobs::LargeBlobs;
pub use make_credential::{MakeCredential, MakeCredentialResponse};

use crate::cbor::{self, Malformed, Value};
use crate::status::{CtapError, Status};
use alloc::{format, vec::Vec};
use core::fmt;

/// An authenticator API command byte, CTAP 2.1 §6. Unknown values survive.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command(pub u8);

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        impl Command {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name that the specification gives this command, if it gives one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($code => Some($text),)* _ => None }
            }
        }
    };
}
commands! {
    /// Registers.
    MAKE_CREDENTIAL = 0x01, "authenticatorMakeCredential";
    /// Signs in.
    GET_ASSERTION = 0x02, "authenticatorGetAssertion";
    /// Says what the authenticator can do.
    GET_INFO = 0x04, "authenticatorGetInfo";
    /// PIN and tokens.
    CLIENT_PIN = 0x06, "authenticatorClientPIN";
    /// Back to the factory state.
    RESET = 0x07, "authenticatorReset";
    /// The next of several accounts.
    GET_NEXT_ASSERTION = 0x08, "authenticatorGetNextAssertion";
    /// Fingers.
    BIO_ENROLLMENT = 0x09, "authenticatorBioEnrollment";
    /// Lists and deletes passkeys.
    CREDENTIAL_MANAGEMENT = 0x0A, "authenticatorCredentialManagement";
    /// Asks for a touch, to choose among authenticators.
    SELECTION = 0x0B, "authenticatorSelection";
    /// The large-blob array.
    LARGE_BLOBS = 0x0C, "authenticatorLargeBlobs";
    /// Settings.
    CONFIG = 0x0D, "authenticatorConfig";
    /// Fingers, before CTAP 2.1.
    BIO_ENROLLMENT_PREVIEW = 0x40, "authenticatorBioEnrollment (preview)";
    /// Lists and deletes passkeys, before CTAP 2.1.
    CREDENTIAL_MANAGEMENT_PREVIEW = 0x41, "authenticatorCredentialManagement (preview)";
}
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "command 0x{:02x}", self.0),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A decoded request.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// authenticatorMakeCredential.
    MakeCredential(MakeCredential),
    /// authenticatorGetAssertion.
    GetAssertion(GetAssertion),
    /// authenticatorGetInfo.
    GetInfo,
    /// authenticatorReset.
    Reset,
    /// authenticatorGetNextAssertion.
    GetNextAssertion,
    /// authenticatorSelection.
    Selection,
    /// authenticatorClientPIN.
    ClientPin(ClientPin),
    /// authenticatorBioEnrollment, by either command byte.
    BioEnrollment(BioEnrollment),
    /// authenticatorCredentialManagement, by either command byte.
    CredentialManagement(CredentialManagement),
    /// authenticatorLargeBlobs.
    LargeBlobs(LargeBlobs),
    /// authenticatorConfig.
    Config(Config),
}

impl Request {
    /// Decodes a message.
    ///
    /// # Errors
    /// INVALID_LENGTH for an empty message, INVALID_COMMAND for a command byte that is none of ours, and the
    /// statuses of the command's own decoder.
    pub fn decode(message: &[u8]) -> Result<Self, CtapError> {
        Self::decode_with(message, cbor::decode)
    }

    /// Decodes a message that came over hybrid, which may nest deeper ([`cbor::HYBRID_DEPTH`]).
    ///
    /// # Errors
    /// Those of [`Request::decode`].
    pub fn decode_over_hybrid(message: &[u8]) -> Result<Self, CtapError> {
        Self::decode_with(message, cbor::decode_over_hybrid)
    }

    fn decode_with(
        message: &[u8],
        decode: impl Fn(&[u8]) -> Result<Value, Malformed>,
    ) -> Result<Self, CtapError> {
        let (command, parameters) =
            message.split_first().ok_or(Status::INVALID_LENGTH.because("CTAP 2.1 §8: an empty message"))?;
        match Command(*command) {
            Command::MAKE_CREDENTIAL => {
                let parameters = disordered::parameters(parameters, 0x07, decode)?;
                MakeCredential::decode(&parameters).map(Self::MakeCredential)
            }
            Command::GET_ASSERTION => {
                let parameters = disordered::parameters(parameters, 0x05, decode)?;
                GetAssertion::decode(&parameters).map(Self::GetAssertion)
            }
            Command::GET_INFO => without_parameters(parameters, Self::GetInfo),
            Command::RESET => without_parameters(parameters, Self::Reset),
            Command::GET_NEXT_ASSERTION => without_parameters(parameters, Self::GetNextAssertion),
            Command::SELECTION => without_parameters(parameters, Self::Selection),
            Command::CLIENT_PIN => ClientPin::decode(&cbor::decode(parameters)?).map(Self::ClientPin),
            Command::BIO_ENROLLMENT | Command::BIO_ENROLLMENT_PREVIEW => {
                BioEnrollment::decode(&cbor::decode(parameters)?).map(Self::BioEnrollment)
            }
            Command::CREDENTIAL_MANAGEMENT | Command::CREDENTIAL_MANAGEMENT_PREVIEW => {
                CredentialManagement::decode(&cbor::decode(parameters)?).map(Self::CredentialManagement)
            }
            Command::LARGE_BLOBS => LargeBlobs::decode(&cbor::decode(parameters)?).map(Self::LargeBlobs),
            Command::CONFIG => Config::decode(&cbor::decode(parameters)?).map(Self::Config),
            unknown => Err(Status::INVALID_COMMAND
                .because_of(format!("CTAP 2.1 §6: this authenticator has no {unknown}"))),
        }
    }
}

/// Commands that take no parameters ignore a map of them, as every command ignores members that it does not
/// know (CTAP 2.1 §8), but what is there must be canonical.
fn without_parameters(parameters: &[u8], request: Request) -> Result<Request, CtapError> {
    if !parameters.is_empty() {
        cbor::decode(parameters)?;
    }
    Ok(request)
}

/// A message: the command byte and the canonical encoding of its parameters.
fn message(command: Command, parameters: &Value) -> Vec<u8> {
    let mut message = Vec::from([command.0]);
    message.append(&mut cbor::encode(parameters));
    message
}

/// A successful response: status 0 and the canonical encoding of its members.
fn success(members: &Value) -> Vec<u8> {
    let mut response = Vec::from([Status::OK.0]);
    response.append(&mut cbor::encode(members));
    response
}

/// Splits a response into its status and its members; the members of a bare status are `None`.
///
/// # Errors
/// The status itself if it is not OK; INVALID_LENGTH for an empty response; INVALID_CBOR if the members are
/// not canonical.
pub fn decode_response(response: &[u8]) -> Result<Option<Value>, CtapError> {
    let (status, members) =
        response.split_first().ok_or(Status::INVALID_LENGTH.because("CTAP 2.1 §8: an empty response"))?;
    match Status(*status) {
        Status::OK if members.is_empty() => Ok(None),
        Status::OK => Ok(Some(cbor::decode(members)?)),
        refused => Err(refused.because("the authenticator refused")),
    }
}

fn members_of(response: &[u8]) -> Result<Value, CtapError> {
    decode_response(response)?
        .ok_or(Status::MISSING_PARAMETER.because("CTAP 2.1 §6: the response has no members"))
}
