//! Authenticator Attestation GUIDs, WebAuthn Level 3 §6.5.2: which model made a credential.
use crate::hex;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// 128 bits in the order in which they are written: big-endian, unlike a .NET `Guid`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Aaguid(pub [u8; 16]);

impl Aaguid {
    /// All zeros: a U2F key, or a client that erased the model.
    pub const ZERO: Self = Self([0; 16]);
}

/// The text is not 8-4-4-4-12 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAaguid;

impl fmt::Display for InvalidAaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an AAGUID such as 90a3ccdf-635c-4729-a248-9b709135078f")
    }
}

impl core::error::Error for InvalidAaguid {}

impl FromStr for Aaguid {
    type Err = InvalidAaguid;

    fn from_str(text: &str) -> Result<Self, InvalidAaguid> {
        let groups: Vec<&str> = text.split('-').collect();
        if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
            return Err(InvalidAaguid);
        }
        let bytes = hex::decode(&groups.concat()).ok_or(InvalidAaguid)?;
        bytes.try_into().map(Self).map_err(|_| InvalidAaguid)
    }
}

impl fmt::Display for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = hex::encode(&self.0);
        write!(f, "{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
    }
}

impl fmt::Debug for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_text_of_an_aaguid_is_its_bytes_in_order() {
        let text = "90a3ccdf-635c-4729-a248-9b709135078f";
        let aaguid: Aaguid = text.parse().unwrap();
        assert_eq!(aaguid.0[..4], [0x90, 0xa3, 0xcc, 0xdf]);
        assert_eq!(aaguid.to_string(), text);
        assert_eq!(text.to_uppercase().parse(), Ok(aaguid));
    }

    #[test]
    fn text_that_is_no_aaguid_is_refused() {
        for bad in [
            "",
            "90a3ccdf635c4729a2489b709135078f",
            "90a3ccdf-635c-4729-a248-9b709135078",
            "90a3ccdf-635c-4729-a248-9b709135078g",
        ] {
            assert_eq!(bad.parse::<Aaguid>(), Err(InvalidAaguid), "{bad}");
        }
    }
}
