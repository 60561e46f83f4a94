//! Where a USB/IP server listens, as it is typed.
use crate::control::{Failure, FailureKind};
use crate::drivers::address::read;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use transport::usbip::PORT;

/// An address that is this machine's alone, unless others were let in by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsbipAddress(SocketAddr);

impl UsbipAddress {
    /// Whether others than this machine reach it.
    pub fn is_open_to_others(self) -> bool {
        !self.0.ip().is_loopback()
    }

    /// The same address, which others may reach only if that was asked for.
    ///
    /// # Errors
    /// Invalid, if they would and it was not.
    pub fn checked(self, anywhere: bool) -> Result<Self, Failure> {
        if self.is_open_to_others() && !anywhere {
            let message = format!("--usbip {self}: others than this machine could use the device");
            let hint =
                format!("use --usbip 127.0.0.1:{}, or add --usbip-anywhere if they may", self.0.port());
            return Err(Failure::new(FailureKind::Invalid, message).hint(hint));
        }
        Ok(self)
    }

    pub(super) fn socket(self) -> SocketAddr {
        self.0
    }

    pub(super) fn of(socket: SocketAddr) -> Self {
        Self(socket)
    }
}

impl Default for UsbipAddress {
    /// `127.0.0.1:3240`.
    fn default() -> Self {
        Self((Ipv4Addr::LOCALHOST, PORT).into())
    }
}

impl fmt::Display for UsbipAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UsbipAddress {
    type Err = Failure;

    /// `127.0.0.1:3240`, `[::1]:0`, `localhost:3240`, or an IP address alone.
    fn from_str(text: &str) -> Result<Self, Failure> {
        read(text, PORT).map(Self).ok_or_else(|| {
            let message = format!("`{}` is no IP address with a port", text.escape_debug());
            Failure::new(FailureKind::Invalid, message).hint(format!("write 127.0.0.1:{PORT}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_port() {
        for (text, shown) in [
            ("127.0.0.1:7", "127.0.0.1:7"),
            ("127.0.0.1", "127.0.0.1:3240"),
            ("localhost", "127.0.0.1:3240"),
            ("localhost:0", "127.0.0.1:0"),
            ("::1", "[::1]:3240"),
            ("[::1]:7", "[::1]:7"),
        ] {
            assert_eq!(text.parse::<UsbipAddress>().unwrap().to_string(), shown);
        }
        for text in ["", "3240", "example.test:3240", "localhost:x", "127.0.0.1:65536"] {
            let failure = text.parse::<UsbipAddress>().unwrap_err();
            assert!(failure.kind == FailureKind::Invalid && failure.hint.is_some(), "{text}");
        }
    }

    #[test]
    fn only_loopback_is_taken_unless_others_are_let_in_by_name() {
        for text in ["0.0.0.0:3240", "192.0.2.1:3240", "[::]:3240"] {
            let address: UsbipAddress = text.parse().unwrap();
            let failure = address.checked(false).unwrap_err();
            assert!(failure.message.contains("others than this machine"), "{failure}");
            assert!(failure.hint.unwrap().contains("--usbip-anywhere"));
            assert_eq!(address.checked(true), Ok(address));
        }
        for text in ["127.0.0.1:0", "127.9.9.9:1", "[::1]:7"] {
            text.parse::<UsbipAddress>().unwrap().checked(false).unwrap();
        }
    }
}
