//! Bluetooth adverts: how a phone says that it is near, and how a computer hears it (CTAP 2.2 §11.5, hybrid
//! transports).
//!
//! The advert is service data of the FIDO service: 20 sealed bytes that only who made the QR code can open. Whence it
//! comes and where it goes is a [`Radio`]: a real adapter by BlueZ, a socket between two processes, a program of the
//! user's, or nothing. [`world`] is a BlueZ of our own, for where there is no adapter.
mod bluez;
mod command;
mod socket;
#[cfg(test)]
mod tests;
pub mod world;

use crate::control::{Failure, FailureKind};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Bytes of service data that fit into a legacy advert: 31 less the structure's length and type and the UUID.
pub const ROOM: usize = 27;

/// Where adverts go and come from.
///
/// As text: `bluez`, `bluez:hci1`, `socket:PATH`, `command:PROGRAM ARGUMENTS`, `off`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Radio {
    /// A Bluetooth adapter, by BlueZ on the system bus (`DBUS_SYSTEM_BUS_ADDRESS`, if it is set).
    BlueZ {
        /// The adapter's name, such as `hci1`; else the first that is on.
        adapter: Option<String>,
    },
    /// A UNIX socket at which the scanner listens, and to which each advertiser writes lines of JSON such as
    /// `{"uuid":"fff9","data":"00ff…"}`.
    Socket(PathBuf),
    /// A shell command that advertises the bytes which `FAUXKEY_ADVERT` holds in hexadecimal digits, until it is
    /// terminated or ends by itself.
    Command(String),
    /// Bluetooth is off.
    Off,
}

/// Sends an advert. Dropping it ends the advert as [`Advertiser::stop`] does.
pub trait Advertiser: Send {
    /// Begins to advertise service data of 0xFFF9, again and again until it is stopped; what was advertised before is
    /// stopped. Fails if the data does not fit into an advert ([`ROOM`]) or the radio refuses.
    fn advertise(&mut self, service_data: &[u8]) -> Result<(), Failure>;

    /// Ends the advert, if there is one.
    fn stop(&mut self);
}

/// Hears adverts.
pub trait Scanner: Send {
    /// The service data of the next advert of 0xFFF9 or 0xFDE2, whoever sent it and for whom; the same advert is heard
    /// again and again. `None` if there is none for so long. Fails if the radio does, or hears something broken; a
    /// scanner may be asked again after that.
    fn next(&mut self, patience: Duration) -> Result<Option<Vec<u8>>, Failure>;
}

impl Radio {
    /// Makes ready to advertise. Fails where that is clear beforehand: no bus, no BlueZ, no adapter, Bluetooth off.
    pub fn advertiser(&self) -> Result<Box<dyn Advertiser>, Failure> {
        Ok(match self {
            Self::BlueZ { adapter } => Box::new(bluez::Advertiser::new(None, adapter.as_deref())?),
            Self::Socket(path) => Box::new(socket::Advertiser::new(path)),
            Self::Command(command) => Box::new(command::Advertiser::new(command)),
            Self::Off => return Err(off()),
        })
    }

    /// Begins to listen. Fails as [`Radio::advertiser`] does, and for a command, which cannot listen.
    pub fn scanner(&self) -> Result<Box<dyn Scanner>, Failure> {
        Ok(match self {
            Self::BlueZ { adapter } => Box::new(bluez::Scanner::new(None, adapter.as_deref())?),
            Self::Socket(path) => Box::new(socket::Scanner::new(path)?),
            Self::Command(_) => {
                return Err(Failure::new(
                    FailureKind::Invalid,
                    "a command can send adverts, but not hear them",
                )
                .hint("listen by bluez or socket:PATH"));
            }
            Self::Off => return Err(off()),
        })
    }
}

impl fmt::Display for Radio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BlueZ { adapter: None } => f.write_str("bluez"),
            Self::BlueZ { adapter: Some(adapter) } => write!(f, "bluez:{adapter}"),
            Self::Socket(path) => write!(f, "socket:{}", path.display()),
            Self::Command(command) => write!(f, "command:{command}"),
            Self::Off => f.write_str("off"),
        }
    }
}

impl FromStr for Radio {
    type Err = Failure;

    /// Reads what [`Radio`] describes; anything else is Invalid, with what is wrong.
    fn from_str(text: &str) -> Result<Self, Failure> {
        let invalid = |message: String| {
            let hint = "use bluez, bluez:hci1, socket:PATH, command:PROGRAM, or off";
            Failure::new(FailureKind::Invalid, message).hint(hint)
        };
        match text.split_once(':') {
            None if text == "bluez" => Ok(Self::BlueZ { adapter: None }),
            None if text == "off" => Ok(Self::Off),
            Some(("bluez", adapter)) if is_adapter(adapter) => {
                Ok(Self::BlueZ { adapter: Some(adapter.into()) })
            }
            Some(("bluez", adapter)) => {
                Err(invalid(format!("{adapter:?} is no name of a Bluetooth adapter, which is like hci0")))
            }
            Some(("socket", "")) => Err(invalid("the path of the advert's socket is empty".into())),
            Some(("socket", path)) => Ok(Self::Socket(path.into())),
            Some(("command", command)) if command.trim().is_empty() => {
                Err(invalid("the command that is to send the advert is empty".into()))
            }
            Some(("command", command)) => Ok(Self::Command(command.into())),
            _ => Err(invalid(format!("{text:?} is no way to send an advert"))),
        }
    }
}

/// Names that kernels give to Bluetooth adapters.
fn is_adapter(name: &str) -> bool {
    name.strip_prefix("hci").is_some_and(|number| {
        (1..=5).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// Bluetooth is off, wherever that is found out.
fn off() -> Failure {
    Failure::new(FailureKind::Conflict, "Bluetooth is off")
        .hint("turn it on: without an advert no one can tell that the phone is near")
}

/// Service data that fits into an advert, or why it does not.
fn fits(service_data: &[u8]) -> Result<(), Failure> {
    match service_data.len() {
        1..=ROOM => Ok(()),
        length => Err(Failure::new(
            FailureKind::Invalid,
            format!("an advert holds 1 to {ROOM} bytes of service data, not {length}"),
        )),
    }
}
