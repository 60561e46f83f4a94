//! Why a ceremony ended without a credential, and the exception that a page would see.
use crate::pin::PinError;
use crate::selection::Attachment;
use crate::{OptionsError, OriginError};
use thiserror::Error;
use wire::ctap2::Command;
use wire::status::Status;

/// Why a ceremony ended without a credential.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The origin, or the RP ID that it claims.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The options.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// `pubKeyCredParams` has entries, and none is of type `public-key`.
    #[error("pubKeyCredParams has no entry of type public-key")]
    NoPublicKeyParameters,
    /// The page wants an authenticator that is attached otherwise.
    #[error("the page asks for a {wanted} authenticator, and this one is {present}")]
    OtherAttachment {
        /// What `authenticatorSelection.authenticatorAttachment` says.
        wanted: Attachment,
        /// What this authenticator is to the client.
        present: Attachment,
    },
    /// The page requires a discoverable credential, and the authenticator cannot keep one.
    #[error("the page requires a discoverable credential, and the authenticator cannot keep one")]
    NoDiscoverableCredentials,
    /// The page requires user verification, and the authenticator cannot do it now.
    #[error("the page requires user verification, and the authenticator {why}")]
    NoUserVerification {
        /// What it can do.
        why: &'static str,
    },
    /// The authenticator verifies its user by a PIN, and the client was given none.
    #[error("the authenticator verifies its user by a PIN, and none was given")]
    PinRequired,
    /// A text that is no PIN, or not one for this authenticator.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// There is no PIN/UV auth protocol that both sides have.
    #[error("the authenticator has no PIN/UV auth protocol that this client has, which are 1 and 2")]
    NoPinProtocol,
    /// An extension's input that the page may not send, or that this authenticator cannot honour.
    #[error("extension {id}: {why}")]
    Extension {
        /// The extension's identifier.
        id: &'static str,
        /// What is wrong.
        why: String,
        /// What the page catches.
        exception: &'static str,
    },
    /// The message would be longer than the authenticator takes.
    #[error("{command} would have {length} bytes, and the authenticator takes {max}")]
    RequestTooLarge {
        /// Which message.
        command: Command,
        /// Its length in bytes without any list of credentials, command byte included.
        length: usize,
        /// getInfo's maxMsgSize in bytes.
        max: usize,
    },
    /// `allowCredentials` has entries, and none can be on this authenticator.
    #[error("no entry of allowCredentials is on this authenticator")]
    NothingAllowed,
    /// No account is the wanted one.
    #[error("no passkey for the account {wanted}; there are {seen}")]
    NoSuchAccount {
        /// What was wanted.
        wanted: String,
        /// What there was.
        seen: String,
    },
    /// The authenticator answered with an error status.
    #[error("the authenticator refused {command}: {status}")]
    Refused {
        /// What was asked.
        command: Command,
        /// What it answered.
        status: Status,
    },
    /// The authenticator answered what a client must not hand on.
    #[error("the authenticator answered {command} wrongly: {error}")]
    Answer {
        /// What was asked.
        command: Command,
        /// What is wrong with the answer.
        error: AnswerError,
    },
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// The bytes are no answer to that command.
    #[error("{0}")]
    Malformed(String),
    /// The authenticator data is for another RP ID.
    #[error("the RP ID hash is not that of {0:?}")]
    RpIdHash(String),
    /// A registration without attested credential data.
    #[error("there is no attested credential data")]
    NoCredential,
    /// A sign-in with attested credential data.
    #[error("there is attested credential data in an assertion")]
    UnexpectedCredential,
    /// The credential is not on the allowList.
    #[error("the credential {0} is not on the allowList")]
    NotAllowed(String),
    /// No credential ID where more than one credential would do.
    #[error("it does not say which credential signed")]
    NoCredentialId,
    /// No user handle where the credential must be discoverable.
    #[error("it does not say for which account, and the page named no credential")]
    NoUserHandle,
    /// More accounts than anybody has.
    #[error("it claims {0} accounts")]
    TooManyAccounts(u64),
}

impl ClientError {
    /// The exception that the page would catch, WebAuthn Level 3 §5.1.3.1 and §5.1.4.3.
    pub fn exception(&self) -> &'static str {
        match self {
            Self::Origin(_) => "SecurityError",
            // Before WebAuthn sees anything, JSON.parse throws the one and WebIDL the other; so does §5.1.3 step 5.
            Self::Options(OptionsError::NotJson(_)) => "SyntaxError",
            Self::Options(_) => "TypeError",
            Self::Extension { exception, .. } => exception,
            // §5.1.3 step 10.
            Self::NoPublicKeyParameters => "NotSupportedError",
            // §5.1.3 step 22: only these two tell the page more than that nothing came of it.
            Self::Refused { status: Status::CREDENTIAL_EXCLUDED, .. } => "InvalidStateError",
            Self::Refused { status: Status::UNSUPPORTED_ALGORITHM, .. } => "NotSupportedError",
            _ => "NotAllowedError",
        }
    }

    /// The CTAP status behind it, if the authenticator gave one.
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Origin(error) => return Some(error.hint()),
            Self::Options(error) => return error.hint(),
            Self::NoPublicKeyParameters => "offer {\"type\":\"public-key\",\"alg\":-7}",
            Self::OtherAttachment { wanted: Attachment::CrossPlatform, .. } => "reach it over USB or hybrid",
            Self::OtherAttachment { wanted: Attachment::Platform, .. } => {
                "use the authenticator of this device itself"
            }
            Self::NoDiscoverableCredentials => "use a profile that keeps passkeys",
            Self::NoUserVerification { .. } => "use a profile that verifies its user",
            Self::PinRequired => "give the client the authenticator's PIN",
            Self::Pin(PinError::TooManyBytes(_)) => {
                "shorten the PIN: letters beyond ASCII take 2 to 4 bytes each"
            }
            Self::Pin(_) | Self::NoPinProtocol | Self::Extension { .. } => return None,
            Self::RequestTooLarge { .. } => "shorten the names of the relying party and the user",
            Self::NothingAllowed => {
                "register first, or leave allowCredentials out to be offered every account"
            }
            Self::NoSuchAccount { .. } => {
                "name another; what has a display of its own lets its user choose there, and tells one account"
            }
            Self::Refused { status, .. } => return hint_of(*status).map(Into::into),
            Self::Answer { .. } => "the client raw hands such answers on, and marks them as a fault",
        };
        Some(text.into())
    }
}

fn hint_of(status: Status) -> Option<&'static str> {
    Some(match status {
        Status::CREDENTIAL_EXCLUDED => "delete that passkey first, or leave it out of excludeCredentials",
        Status::NO_CREDENTIALS => "register first, and compare the RP ID with that of the registration",
        Status::OPERATION_DENIED => "the user declined, or was not verified",
        Status::USER_ACTION_TIMEOUT | Status::ACTION_TIMEOUT => "nobody answered the authenticator in time",
        Status::KEEPALIVE_CANCEL => "the request was cancelled",
        Status::UNSUPPORTED_ALGORITHM => "offer an algorithm that the authenticator has, such as ES256 (-7)",
        Status::KEY_STORE_FULL => "delete a passkey to make room",
        Status::PUAT_REQUIRED => "ask for userVerification, or use a profile that does without a PIN",
        Status::PIN_INVALID => "the PIN is wrong; each wrong one costs one of at most eight tries",
        Status::PIN_AUTH_BLOCKED => {
            "three wrong PINs in a row: cut the authenticator's power, then try again"
        }
        Status::PIN_BLOCKED => "no tries are left: only a reset, which deletes every passkey, helps",
        Status::PIN_NOT_SET => "set a PIN first",
        Status::PIN_POLICY_VIOLATION => "choose another PIN: longer, or not the one there was",
        Status::UV_INVALID => "the user was not recognised; try again, or give a PIN",
        Status::UV_BLOCKED => "the user was not recognised too often; enter a PIN",
        _ => return None,
    })
}

pub(crate) fn answered(command: Command, error: AnswerError) -> ClientError {
    ClientError::Answer { command, error }
}

/// The members of a successful answer, read by `decode`, which judges the status too.
pub(crate) fn decode_answer<T>(
    command: Command,
    response: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, wire::status::CtapError>,
) -> Result<T, ClientError> {
    match response.first() {
        Some(&status) if Status(status) != Status::OK => {
            Err(ClientError::Refused { command, status: Status(status) })
        }
        _ => {
            decode(response).map_err(|why| answered(command, AnswerError::Malformed(why.reason.into_owned())))
        }
    }
}
