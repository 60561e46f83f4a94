//! Authenticator data, WebAuthn Level 3 §6.1.
use crate::aaguid::Aaguid;
use crate::cbor::{self, Value};
use crate::cose::PublicKey;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{BitOr, BitOrAssign};

/// The flags octet. Reserved bits survive.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// The user was present.
    pub const UP: Self = Self(0x01);
    /// The user was verified.
    pub const UV: Self = Self(0x04);
    /// Backup eligible: the credential may be copied to other devices.
    pub const BE: Self = Self(0x08);
    /// Backed up: the credential has been copied.
    pub const BS: Self = Self(0x10);
    /// Attested credential data follows.
    pub const AT: Self = Self(0x40);
    /// An extension map follows.
    pub const ED: Self = Self(0x80);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags if `condition` holds, else none.
    pub const fn when(self, condition: bool) -> Self {
        if condition { self } else { Self(0) }
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, rhs: Self) {
        self.0 |= rhs.0;
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X}", self.0)?;
        const NAMES: [(u8, &str); 8] =
            [(0, "UP"), (1, "RFU1"), (2, "UV"), (3, "BE"), (4, "BS"), (5, "RFU2"), (6, "AT"), (7, "ED")];
        NAMES.iter().filter(|(bit, _)| self.0 >> bit & 1 == 1).try_for_each(|(_, name)| write!(f, " {name}"))
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Authenticator data as a value. The AT and ED flags say what follows; [`AuthenticatorData::encode`] writes
/// `flags` as they are, so that a lie can be told on purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthenticatorData {
    /// SHA-256 of the RP ID.
    pub rp_id_hash: [u8; 32],
    /// What was done and what follows.
    pub flags: Flags,
    /// The signature counter.
    pub sign_count: u32,
    /// Present at creation.
    pub attested: Option<AttestedCredentialData>,
    /// Extension outputs: a map with text keys.
    pub extensions: Option<Value>,
}

/// Attested credential data, WebAuthn Level 3 §6.5.1.
#[derive(Clone, Debug, PartialEq)]
pub struct AttestedCredentialData {
    /// The model.
    pub aaguid: Aaguid,
    /// Its length is written in 16 bits.
    pub credential_id: Vec<u8>,
    /// The credential's public key.
    pub public_key: PublicKey,
}

/// Bytes that are no authenticator data, and the member that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAuthenticatorData(pub &'static str);

impl fmt::Display for InvalidAuthenticatorData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "authenticator data (WebAuthn §6.1): {}", self.0)
    }
}

impl core::error::Error for InvalidAuthenticatorData {}

impl AuthenticatorData {
    /// The bytes that are signed. Numbers are big-endian.
    ///
    /// # Panics
    /// If the credential ID is longer than 65,535 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(&self.rp_id_hash);
        out.push(self.flags.0);
        out.extend_from_slice(&self.sign_count.to_be_bytes());
        if let Some(attested) = &self.attested {
            let length = u16::try_from(attested.credential_id.len()).expect("credential IDs fit 16 bits");
            out.extend_from_slice(&attested.aaguid.0);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&attested.credential_id);
            out.extend_from_slice(&cbor::encode(&attested.public_key.to_value()));
        }
        if let Some(extensions) = &self.extensions {
            out.extend_from_slice(&cbor::encode(extensions));
        }
        out
    }

    /// Reads the bytes back, by the AT and ED flags.
    ///
    /// # Errors
    /// If a member is truncated, not canonical CBOR or no COSE key (one for an unknown algorithm is kept as it is), or
    /// if bytes are left over.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidAuthenticatorData> {
        const SHORT: InvalidAuthenticatorData = InvalidAuthenticatorData("shorter than 37 bytes");
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(SHORT)?;
        let (flags, rest) = rest.split_first().ok_or(SHORT)?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
        let flags = Flags(*flags);
        let attested = if flags.contains(Flags::AT) {
            let (attested, after) = AttestedCredentialData::decode(rest)?;
            rest = after;
            Some(attested)
        } else {
            None
        };
        let extensions = if flags.contains(Flags::ED) {
            let (map, after) = cbor::decode_prefix(rest)
                .map_err(|_| InvalidAuthenticatorData("extensions are not canonical CBOR"))?;
            if !map.is_map() {
                return Err(InvalidAuthenticatorData("extensions are no map"));
            }
            rest = after;
            Some(map)
        } else {
            None
        };
        if !rest.is_empty() {
            return Err(InvalidAuthenticatorData("bytes are left over"));
        }
        Ok(Self {
            rp_id_hash: *rp_id_hash,
            flags,
            sign_count: u32::from_be_bytes(*sign_count),
            attested,
            extensions,
        })
    }
}

impl AttestedCredentialData {
    fn decode(bytes: &[u8]) -> Result<(Self, &[u8]), InvalidAuthenticatorData> {
        const SHORT: InvalidAuthenticatorData =
            InvalidAuthenticatorData("attested credential data is truncated");
        let (aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(SHORT)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
        let (id, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(SHORT)?;
        let (key, rest) = cbor::decode_prefix(rest)
            .map_err(|_| InvalidAuthenticatorData("the public key is not canonical CBOR"))?;
        let public_key = PublicKey::from_value(&key)
            .map_err(|_| InvalidAuthenticatorData("the public key is no COSE key of its algorithm"))?;
        Ok((Self { aaguid: Aaguid(*aaguid), credential_id: id.into(), public_key }, rest))
    }
}

#[cfg(test)]
mod tests;
