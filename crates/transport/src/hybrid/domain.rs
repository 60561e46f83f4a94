//! Which tunnel service a number means, CTAP 2.2 §11.5.1.
use alloc::format;
use alloc::string::String;
use sha2::{Digest as _, Sha256};

/// The number of a tunnel service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TunnelDomain(pub u16);

/// The hosts of the services that have a number of their own, in the order of the numbers.
pub const ASSIGNED_HOSTS: [&str; 2] = ["cable.ua5v.com", "cable.auth.com"];
/// From here on a name is computed from the number.
const FIRST_COMPUTED: u16 = 256;

impl TunnelDomain {
    /// Google's service, `cable.ua5v.com`.
    pub const GOOGLE: Self = Self(0);
    /// Apple's service, `cable.auth.com`.
    pub const APPLE: Self = Self(1);
    /// How many services have a number of their own: what a desktop says in key 2 of its QR code.
    pub const ASSIGNED: u64 = ASSIGNED_HOSTS.len() as u64;

    /// Whether it has a number of its own, which desktops have to know.
    pub fn is_assigned(self) -> bool {
        self.0 < FIRST_COMPUTED
    }

    /// The host's name; `None` for a number that nobody has yet.
    pub fn host(self) -> Option<String> {
        if self.is_assigned() {
            return ASSIGNED_HOSTS.get(usize::from(self.0)).map(|host| String::from(*host));
        }
        let digest = Sha256::new()
            .chain_update(b"caBLEv2 tunnel server domain")
            .chain_update(self.0.to_le_bytes())
            .chain_update([0])
            .finalize();
        let mut bits = u64::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"));
        let tld = match bits & 3 {
            0 => "com",
            1 => "org",
            2 => "net",
            _ => "info",
        };
        bits >>= 2;
        let mut label = String::new();
        while bits != 0 {
            let letter = b"abcdefghijklmnopqrstuvwxyz234567"[(bits & 31) as usize];
            label.push(char::from(letter));
            bits >>= 5;
        }
        Some(format!("cable.{label}.{tld}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assigned_and_computed_names_are_those_of_the_vectors() {
        let rows = [
            (0, Some("cable.ua5v.com")),
            (1, Some("cable.auth.com")),
            (2, None),
            (255, None),
            (266, Some("cable.wufkweyy3uaxb.com")),
            (0xF980, Some("cable.my4kstlhndi4c.net")),
        ];
        for (number, host) in rows {
            assert_eq!(TunnelDomain(number).host().as_deref(), host, "{number}");
        }
    }
}
