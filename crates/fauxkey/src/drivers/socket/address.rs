//! Addresses of sockets, as they are typed.
use crate::control::{Failure, FailureKind};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketAddress {
    /// `unix:PATH`: one report is one packet (`SOCK_SEQPACKET`).
    Unix(PathBuf),
    /// `tcp:127.0.0.1:PORT`: a stream of reports. Loopback alone; port 0 takes a free one.
    Tcp(SocketAddr),
    /// `tcp-anywhere:ADDRESS:PORT`: the same on any address, and whoever reaches it can use the device.
    TcpAnywhere(SocketAddr),
}

/// The longest path of a Unix socket in bytes: `sun_path` has 108, and a zero at the end (unix(7)).
const LONGEST_PATH: usize = 107;

impl SocketAddress {
    /// Whether something can listen here.
    ///
    /// # Errors
    /// Invalid, for a path that is too long, or an address that others reach.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self {
            Self::Unix(path) => {
                let len = path.as_os_str().len();
                if (1..=LONGEST_PATH).contains(&len) {
                    return Ok(());
                }
                let message = match len {
                    0 => "the path of the socket is empty".into(),
                    _ => format!("{self}: the path has {len} bytes, and a socket's at most {LONGEST_PATH}"),
                };
                Err(invalid(message, "name a shorter path, such as unix:/tmp/phone.sock"))
            }
            Self::Tcp(address) if !address.ip().is_loopback() => {
                let message = format!("{self}: others than this machine could use the device");
                let port = address.port();
                Err(invalid(
                    message,
                    &format!("use tcp:127.0.0.1:{port}, or tcp-anywhere:{address} if they may"),
                ))
            }
            Self::Tcp(_) | Self::TcpAnywhere(_) => Ok(()),
        }
    }
}

impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::TcpAnywhere(address) => write!(f, "tcp-anywhere:{address}"),
        }
    }
}

impl FromStr for SocketAddress {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            let message = format!("`{}` is no socket address: {why}", text.escape_debug());
            invalid(message, "write unix:/tmp/phone.sock or tcp:127.0.0.1:0")
        };
        let address = match text.split_once(':') {
            Some(("unix", path)) if path.contains('\0') => {
                return Err(wrong("there is a zero byte in the path"));
            }
            Some(("unix", path)) => Self::Unix(path.into()),
            Some((scheme @ ("tcp" | "tcp-anywhere"), address)) => {
                let localhost = address.strip_prefix("localhost:").and_then(|port| port.parse().ok());
                let localhost = localhost.map(|port: u16| (Ipv4Addr::LOCALHOST, port).into());
                let address = localhost.or_else(|| address.parse().ok());
                let address = address.ok_or_else(|| wrong("there is no IP address and port in it"))?;
                if scheme == "tcp" { Self::Tcp(address) } else { Self::TcpAnywhere(address) }
            }
            _ => return Err(wrong("it begins with neither `unix:` nor `tcp:`")),
        };
        address.check().map(|()| address)
    }
}

fn invalid(message: String, hint: &str) -> Failure {
    Failure::new(FailureKind::Invalid, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in [
            "unix:/tmp/phone.sock",
            "unix:relative",
            "unix:a:b",
            "tcp:127.0.0.1:0",
            "tcp:[::1]:7",
            "tcp:127.9.9.9:1",
            "tcp-anywhere:0.0.0.0:7",
        ] {
            assert_eq!(text.parse::<SocketAddress>().unwrap().to_string(), text);
        }
        let localhost: SocketAddress = "tcp:localhost:80".parse().unwrap();
        assert_eq!(localhost.to_string(), "tcp:127.0.0.1:80");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "neither"),
            ("/tmp/phone.sock", "neither"),
            ("http://x", "neither"),
            ("unix:", "empty"),
            ("unix:a\0b", "zero byte"),
            ("tcp:7", "no IP address"),
            ("tcp:example.com:7", "no IP address"),
            ("tcp:127.0.0.1:65536", "no IP address"),
            ("tcp:localhost:x", "no IP address"),
        ] {
            let failure = text.parse::<SocketAddress>().unwrap_err();
            assert_eq!(failure.kind, FailureKind::Invalid);
            assert!(failure.message.contains(why) && failure.hint.is_some(), "{text:?}: {failure}");
        }
    }

    #[test]
    fn only_loopback_is_taken_unless_it_is_asked_for_by_name() {
        for address in ["0.0.0.0:7", "192.0.2.1:7", "[::]:7"] {
            let failure = format!("tcp:{address}").parse::<SocketAddress>().unwrap_err();
            assert!(failure.message.contains("others than this machine"), "{failure}");
            let hint = format!("use tcp:127.0.0.1:7, or tcp-anywhere:{address} if they may");
            assert_eq!(failure.hint.unwrap(), hint);
            format!("tcp-anywhere:{address}").parse::<SocketAddress>().unwrap();
        }
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_refused_with_its_length() {
        let longest = format!("unix:/{}", "a".repeat(106));
        longest.parse::<SocketAddress>().unwrap();
        let failure = format!("{longest}a").parse::<SocketAddress>().unwrap_err();
        assert!(failure.message.contains("has 108 bytes, and a socket's at most 107"), "{failure}");
        assert!(failure.hint.unwrap().contains("shorter"));
    }
}
