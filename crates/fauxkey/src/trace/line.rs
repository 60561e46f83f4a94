//! One line of a trace. Its JSON is what files hold and what the API streams.
use serde::{Deserialize, Serialize};

/// The version of the format, in its first line.
pub const VERSION: u32 = 1;

/// Something that happened: a message, or what led to one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Seconds since the trace began.
    pub at: f64,
    /// The device's name; empty where it is about the trace itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// Of the first line: the version of the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<u32>,
    /// What kind of thing.
    pub kind: Kind,
    /// How it travelled, if it is a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<Wire>,
    /// The words of its specification: `CTAPHID_INIT`, `authenticatorMakeCredential`, `SELECT`, `asks`, `power on`.
    pub name: String,
    /// What it says: CBOR in diagnostic notation with long strings cut short, or the parts of what is no CBOR.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Of an answer: its status, such as `0x2E NO_CREDENTIALS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why the status is not success: edition, section and clause. The platform does not hear of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of an answer: milliseconds since its request was complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<f64>,
    /// Of a message: all of it in hexadecimal digits, with zeros in place of what is hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
    /// Of a device that runs: the TOML of its profile, if it is none of the built-in ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The names of what is hidden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
}

/// Kinds of line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The first line: `name` is the program and its version, `text` when the trace began.
    Trace,
    /// A device: its profile when the trace begins or the device starts, its power, a visible sign.
    Device,
    /// A message between the platform and the device.
    Message,
    /// The user is asked, or no longer.
    User,
    /// The store took changes.
    Store,
    /// What a client changed between page and device, or passed over.
    Client,
    /// Something went wrong on purpose.
    Fault,
    /// Some of what happened is not here, as there was no room for it.
    Missed,
}

/// How a message travelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wire {
    /// Which way.
    pub towards: Towards,
    /// The kind of link that the authenticator sees: `usb`, `nfc`, `hybrid`, `internal`.
    pub link: String,
    /// Which of the device's links, counted from 0.
    pub port: usize,
    /// What carries it.
    pub carrier: Carrier,
    /// The link's channel; CTAPHID's has eight hexadecimal digits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// CTAPHID's command, such as `CTAPHID_CBOR`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The length that was announced, in bytes, if less came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<usize>,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Towards {
    /// From the platform to the device.
    Device,
    /// From the device to the platform.
    Platform,
}

/// What carries a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carrier {
    /// CTAPHID packets (CTAP 2.1 §11.2).
    Ctaphid,
    /// An APDU (ISO 7816-4 §5). What is in its data has a line of its own.
    Apdu,
    /// Nothing: it is a whole CTAP message.
    Message,
}

impl Line {
    /// A line without details.
    pub fn new(at: f64, device: impl Into<String>, kind: Kind, name: impl Into<String>) -> Self {
        let (device, name) = (device.into(), name.into());
        let (text, hidden) = Default::default();
        let (wire, status, reason, took_ms, bytes, profile, trace) = Default::default();
        Self { at, device, trace, kind, wire, name, text, status, reason, took_ms, bytes, profile, hidden }
    }
}

impl From<emulator::Towards> for Towards {
    fn from(towards: emulator::Towards) -> Self {
        match towards {
            emulator::Towards::Device => Self::Device,
            emulator::Towards::Platform => Self::Platform,
        }
    }
}
