//! Object IDs of a directory.
use crate::time::Time;
use rand_core::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;
use wire::aaguid::Aaguid;

/// 128 bits, in the order in which they are written (big-endian); lower-case text, read in any case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Guid(pub [u8; 16]);

/// The text is not 8-4-4-4-12 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an ID such as 11111111-2222-4333-8444-555555555555")]
pub struct InvalidGuid;

impl Guid {
    /// A new one, RFC 9562 version 4.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        bytes[6] = bytes[6] & 0x0F | 0x40;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        Self(bytes)
    }

    /// A new one that comes after those of earlier moments, and after those of the same moment with a smaller number
    /// (modulo 4096): RFC 9562 version 7, §6.2 method 1.
    pub fn ordered(now: Time, number: u16, rng: &mut dyn CryptoRng) -> Self {
        let mut id = Self::random(rng);
        let millis = u64::try_from(now.0).unwrap_or(0).to_be_bytes();
        id.0[..6].copy_from_slice(&millis[2..]);
        let [high, low] = number.to_be_bytes();
        id.0[6] = high & 0x0F | 0x70;
        id.0[7] = low;
        id
    }

    /// That number, as the IDs of what is built in are written: `00000000-0000-0000-0000-000000000001`.
    pub const fn small(number: u8) -> Self {
        let mut bytes = [0; 16];
        bytes[15] = number;
        Self(bytes)
    }

    /// The bytes as .NET's `Guid.ToByteArray` gives them: the first three groups little-endian, the last two as
    /// written.
    pub fn to_dotnet(self) -> [u8; 16] {
        let mut bytes = self.0;
        bytes[0..4].reverse();
        bytes[4..6].reverse();
        bytes[6..8].reverse();
        bytes
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An AAGUID is written in the same way.
        fmt::Display::fmt(&Aaguid(self.0), f)
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Guid {
    type Err = InvalidGuid;

    fn from_str(text: &str) -> Result<Self, InvalidGuid> {
        text.parse::<Aaguid>().map(|id| Self(id.0)).map_err(|_| InvalidGuid)
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// AAGUIDs in JSON, as text.
pub(crate) mod aaguid {
    use super::{Aaguid, de};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(aaguid: &Aaguid, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(aaguid)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Aaguid, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotnet_turns_the_first_three_groups_around() {
        let id: Guid = "00112233-4455-6677-8899-AABBCCDDEEFF".parse().unwrap();
        assert_eq!(id.to_string(), "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(wire::hex::encode(&id.to_dotnet()), "33221100554477668899aabbccddeeff");
    }

    #[test]
    fn ids_of_one_moment_are_in_order_and_after_those_of_earlier_ones() {
        use rand_chacha::rand_core::SeedableRng;
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(7);
        let moments = [(1, 0), (1, 1), (1, 255), (1, 256), (1, 4095), (2, 0), (1_768_947_847_000, 3)];
        let ids: Vec<Guid> =
            moments.iter().map(|(now, number)| Guid::ordered(Time(*now), *number, &mut rng)).collect();
        assert!(ids.is_sorted());
        assert_eq!(&ids[6].to_string()[14..15], "7");
    }

    #[test]
    fn a_random_id_says_that_it_is_one() {
        use rand_chacha::rand_core::SeedableRng;
        let id = Guid::random(&mut rand_chacha::ChaCha20Rng::seed_from_u64(7)).to_string();
        assert_eq!(&id[14..15], "4", "{id}");
        assert!("89ab".contains(&id[19..20]), "{id}");
    }
}
