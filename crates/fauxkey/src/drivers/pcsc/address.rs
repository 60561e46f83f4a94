//! Where a virtual reader is, as it is typed.
use crate::control::{Failure, FailureKind};
use crate::drivers::address::read;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// Where vpcd listens for the card in its first slot.
const VPCD: u16 = 35_963;
/// How many slots it has, at ports that follow one another.
const SLOTS: u16 = 2;

/// The address of a reader's first slot, on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcscAddress(SocketAddr);

impl PcscAddress {
    /// The slot for the device that comes after `others` at this reader.
    ///
    /// # Errors
    /// Refused, if they take all of them.
    pub fn slot(self, others: u16) -> Result<SocketAddr, Failure> {
        let port = self.0.port().checked_add(others).filter(|_| others < SLOTS);
        let port = port.ok_or_else(|| {
            let message = format!("the reader at {self} has {SLOTS} slots, and devices in all of them");
            Failure::new(FailureKind::Refused, message)
                .hint("`--attach NAME=pcsc` says which devices are to be there")
        })?;
        Ok(SocketAddr::new(self.0.ip(), port))
    }
}

impl Default for PcscAddress {
    /// `127.0.0.1:35963`.
    fn default() -> Self {
        Self((Ipv4Addr::LOCALHOST, VPCD).into())
    }
}

impl fmt::Display for PcscAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PcscAddress {
    type Err = Failure;

    /// `127.0.0.1:35963`, `[::1]:35963`, `localhost:35963`, or an IP address alone.
    fn from_str(text: &str) -> Result<Self, Failure> {
        let address = read(text, VPCD).ok_or_else(|| {
            Failure::new(FailureKind::Invalid, format!("--pcsc {text}: that is no address"))
                .hint("write 127.0.0.1:35963, the first port of vpcd")
        })?;
        if !address.ip().is_loopback() {
            let message = format!("--pcsc {text}: not a loopback address");
            return Err(Failure::new(FailureKind::Invalid, message).hint(
                "vpcd has no password: reach another machine's by `ssh -L 35963:127.0.0.1:35963 MACHINE`",
            ));
        }
        Ok(Self(address))
    }
}
