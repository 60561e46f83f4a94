//! What a phone does wrong on purpose, for those who test desktops. All of it happens to what leaves the session, but for
//! what is made of keys.
use crate::control::{Failure, FailureKind};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use transport::hybrid::Stage;
use transport::hybrid::phone::Deviations;

/// Bytes of a message that no desktop takes: Chromium takes one mebibyte.
pub const OVERSIZE: usize = (1 << 20) + 1;
/// What follows an advert where nobody offered a channel for it: the port of an L2CAP server (CTAP 2.3).
const SUFFIX: [u8; 5] = [0xA1, 0x01, 0x19, 0x01, 0x00];

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The handshake is made with another pre-shared key than the advert's.
    WrongPsk,
    /// The first sealed message has a tag that is wrong.
    BadMac,
    /// The first sealed message says that it has more padding than bytes.
    BadPadding,
    /// The advert has a MAC that is wrong.
    BadAdvert,
    /// The advert goes out so much later.
    LateAdvert(Duration),
    /// Bytes follow the advert.
    Suffix,
    /// The first sealed message is larger than desktops take.
    Oversize,
    /// The phone leaves as soon as it has come so far.
    DropAfter(Stage),
    /// No advert at all: Bluetooth is off on the phone.
    BluetoothOff,
}

/// Each with an example and what it does.
pub const ALL: [(&str, &str); 9] = [
    ("wrong-psk", "the handshake is made with another key than the advert's"),
    ("bad-mac", "the first sealed message has a wrong tag"),
    ("bad-padding", "the first sealed message says that it has more padding than bytes"),
    ("bad-advert", "the advert has a wrong MAC"),
    ("late-advert=5s", "the advert goes out so much later"),
    ("suffix", "bytes follow the advert"),
    ("oversize", "the first sealed message has more than 1 MiB"),
    (
        "drop-after=handshake",
        "the phone leaves at this stage: tunnel, advert, handshake, ready, request, answered",
    ),
    ("bluetooth-off", "the phone never advertises"),
];

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let stage = || {
            let found = value.and_then(|value| Stage::ALL.into_iter().find(|stage| stage.name() == value));
            let names = Stage::ALL.map(Stage::name).join(", ");
            found.ok_or_else(|| format!("drop-after takes a stage: {names}"))
        };
        let fault = match name {
            "late-advert" => {
                let value = value.ok_or("late-advert takes a time, such as late-advert=5s")?;
                return crate::cli::duration(value).map(Self::LateAdvert);
            }
            "drop-after" => return stage().map(Self::DropAfter),
            "wrong-psk" => Self::WrongPsk,
            "bad-mac" => Self::BadMac,
            "bad-padding" => Self::BadPadding,
            "bad-advert" => Self::BadAdvert,
            "suffix" => Self::Suffix,
            "oversize" => Self::Oversize,
            "bluetooth-off" => Self::BluetoothOff,
            _ => {
                let names = ALL.map(|(name, _)| name).join(", ");
                return Err(format!(
                    "`{}` is no fault of the hybrid transport: {names}",
                    text.escape_debug()
                ));
            }
        };
        if value.is_some() {
            return Err(format!("{name} takes no value"));
        }
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongPsk => f.write_str("wrong-psk"),
            Self::BadMac => f.write_str("bad-mac"),
            Self::BadPadding => f.write_str("bad-padding"),
            Self::BadAdvert => f.write_str("bad-advert"),
            Self::LateAdvert(by) => write!(f, "late-advert={}ms", by.as_millis()),
            Self::Suffix => f.write_str("suffix"),
            Self::Oversize => f.write_str("oversize"),
            Self::DropAfter(stage) => write!(f, "drop-after={stage}"),
            Self::BluetoothOff => f.write_str("bluetooth-off"),
        }
    }
}

/// The faults of one transaction.
#[derive(Clone, Debug, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    /// What the session itself has to do otherwise.
    pub fn deviations(&self) -> Deviations {
        Deviations { wrong_psk: self.has(Fault::WrongPsk), bad_padding: self.has(Fault::BadPadding) }
    }

    /// What is advertised, and how much later.
    ///
    /// # Errors
    /// Conflict, if Bluetooth is off.
    pub fn advert(&self, mut service_data: Vec<u8>) -> Result<(Vec<u8>, Duration), Failure> {
        if self.has(Fault::BluetoothOff) {
            return Err(bluetooth_off());
        }
        if self.has(Fault::BadAdvert)
            && let Some(last) = service_data.last_mut()
        {
            *last ^= 1;
        }
        if self.has(Fault::Suffix) {
            service_data.extend(SUFFIX);
        }
        let late = self.0.iter().find_map(|fault| match fault {
            Fault::LateAdvert(by) => Some(*by),
            _ => None,
        });
        Ok((service_data, late.unwrap_or_default()))
    }

    /// What is sent instead of the message with that place, counted from 0: the handshake's comes first.
    pub fn message(&self, place: usize, mut message: Vec<u8>) -> Vec<u8> {
        if place != 1 {
            return message;
        }
        if self.has(Fault::BadMac)
            && let Some(last) = message.last_mut()
        {
            *last ^= 1;
        }
        if self.has(Fault::Oversize) {
            message.resize(OVERSIZE, 0);
        }
        message
    }

    /// Whether the phone leaves, having come to that stage.
    pub fn drops(&self, stage: Stage) -> bool {
        self.has(Fault::DropAfter(stage))
    }
}

/// Why nothing can be advertised.
pub fn bluetooth_off() -> Failure {
    Failure::new(FailureKind::Conflict, "Bluetooth is off on the phone")
        .hint("turn it on: without its advert no desktop knows that the phone is near")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_reads_as_it_is_written_and_others_are_refused() {
        for (text, _) in ALL {
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.to_string().parse(), Ok(fault), "{text}");
        }
        for stage in Stage::ALL {
            assert_eq!(format!("drop-after={stage}").parse(), Ok(Fault::DropAfter(stage)));
        }
        for bad in
            ["", "wrong-psk=1", "drop-after", "drop-after=never", "late-advert", "late-advert=x", "psk"]
        {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }
}
