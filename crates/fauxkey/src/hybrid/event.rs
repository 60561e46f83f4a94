//! What happens in a hybrid transaction, and how it ends.
use crate::control::Failure;
use serde::{Deserialize, Serialize};
use std::fmt;
use transport::hybrid::{Ending, Stage};
use wire::status::Status;

/// Something that happened, for a log. No secret is in it: neither the code's nor a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A code was read.
    Scanned {
        /// What is coming, as the desktop says: `mc` or `ga`.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        hint: Option<String>,
        /// How old the code is in seconds, if it says when it was made; negative if in the future.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        age: Option<i64>,
    },
    /// A code is shown.
    Shown,
    /// A tunnel service is asked.
    Connecting {
        /// Its name.
        host: String,
    },
    /// The tunnel service has answered.
    Connected {
        /// Its name.
        host: String,
    },
    /// The phone says that it is near.
    Advertising {
        /// By which radio.
        radio: String,
    },
    /// The desktop heard the phone.
    Heard,
    /// The phone stays, for those whom it told how to call it.
    Waiting {
        /// The tunnel service's name.
        host: String,
        /// How the last transaction ended.
        outcome: Outcome,
    },
    /// Somebody calls who was told how.
    Called {
        /// What is coming: `mc` or `ga`.
        hint: String,
    },
    /// The desktop may call the phone from now on, without a code.
    Linked {
        /// What the phone is called.
        name: String,
    },
    /// The handshake is over: everything is sealed from here on.
    Sealed,
    /// The desktop asks.
    Request {
        /// The command's name.
        command: String,
    },
    /// The phone answered.
    Response {
        /// The CTAP status byte.
        status: u8,
        /// Its name.
        name: String,
    },
    /// Something is done wrong on purpose.
    Fault {
        /// Which.
        fault: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scanned { hint, age } => {
                let what = match hint.as_deref() {
                    Some("mc") => "a registration",
                    Some("ga") => "a sign-in",
                    _ => "something",
                };
                write!(f, "scanned a code for {what}")?;
                match age {
                    Some(age) if *age >= 0 => write!(f, ", {age} s old"),
                    Some(age) => write!(f, ", from {} s in the future", -age),
                    None => Ok(()),
                }
            }
            Self::Shown => f.write_str("the code is shown"),
            Self::Connecting { host } => write!(f, "connecting to the tunnel service {host}"),
            Self::Connected { host } => write!(f, "connected to the tunnel service {host}"),
            Self::Advertising { radio } => write!(f, "advertising by {radio}"),
            Self::Heard => f.write_str("heard the phone"),
            Self::Waiting { host, outcome } => write!(f, "{outcome}; waiting at {host} to be called"),
            Self::Called { hint } => write!(f, "called for {hint}"),
            Self::Linked { name } => write!(f, "linked with {name:?}, which needs no code any more"),
            Self::Sealed => f.write_str("the handshake is over, everything is sealed"),
            Self::Request { command } => write!(f, "asked for {command}"),
            Self::Response { status, name } => write!(f, "answered 0x{status:02X} {name}"),
            Self::Fault { fault } => write!(f, "fault: {fault}"),
        }
    }
}

impl Event {
    /// An answer of that status.
    pub fn response(status: u8) -> Self {
        Self::Response { status, name: status_name(status) }
    }
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// The ceremony succeeded.
    Done,
    /// The phone, its authenticator or its user said no.
    Refused {
        /// The CTAP status byte.
        status: u8,
        /// Its name.
        name: String,
    },
    /// Nobody came, or somebody left before there was an answer.
    Abandoned {
        /// How far it had come.
        stage: String,
        /// In words.
        why: String,
    },
    /// The other side broke the protocol.
    Broken {
        /// How far it had come.
        stage: String,
        /// In words.
        why: String,
    },
}

impl Outcome {
    /// Of the session's end and the last status that was answered.
    pub fn of(ending: &Ending, status: Option<u8>) -> Self {
        let why = ending.to_string();
        let at = |stage: &Stage| stage.name().to_owned();
        match (ending, status) {
            (Ending::Done, Some(0)) => Self::Done,
            (Ending::Done, Some(status)) => Self::Refused { status, name: status_name(status) },
            (Ending::Done, None) => Self::Abandoned { stage: at(&Stage::Ready), why },
            (Ending::Closed(stage) | Ending::TimedOut(stage), _) => Self::Abandoned { stage: at(stage), why },
            (Ending::Broken(stage, _), _) => Self::Broken { stage: at(stage), why },
        }
    }

    /// The exit code of a command that ended so. 2 is a failure, as everywhere.
    pub fn code(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused { .. } => 1,
            Self::Abandoned { .. } => 3,
            Self::Broken { .. } => 4,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Refused { status, name } => write!(f, "refused with 0x{status:02X} {name}"),
            Self::Abandoned { why, .. } | Self::Broken { why, .. } => f.write_str(why),
        }
    }
}

fn status_name(status: u8) -> String {
    Status(status).name().unwrap_or("UNKNOWN").into()
}

/// Somebody who hears what happens.
pub type Listener<'a> = &'a mut dyn FnMut(&Event);

/// A failure of a step, with what was being done.
pub(super) fn at(doing: &str, failure: Failure) -> Failure {
    Failure { message: format!("{doing}: {}", failure.message), ..failure }
}
