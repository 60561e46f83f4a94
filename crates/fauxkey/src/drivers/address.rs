//! Addresses of sockets, as they are typed.
use std::net::{IpAddr, SocketAddr};

/// `127.0.0.1:7`, `[::1]:7`, `localhost:7`, or an IP address alone, whose port is then `usual`. Names are not looked up.
pub(super) fn read(text: &str, usual: u16) -> Option<SocketAddr> {
    let numeric = match text.strip_prefix("localhost") {
        Some(port) => format!("127.0.0.1{port}"),
        None => text.into(),
    };
    let alone = || numeric.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, usual));
    numeric.parse().ok().or_else(alone)
}
