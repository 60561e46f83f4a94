//! The attestation statement formats of WebAuthn L3 §8.
use super::statement::Procedure;
use super::{android_key, android_safetynet, apple, fido_u2f, none, packed, tpm};
use serde::{Deserialize, Serialize};
use wire::cbor::Value;

/// A format whose statements can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttestationFormat {
    /// §8.7.
    None,
    /// §8.2.
    Packed,
    /// §8.3.
    Tpm,
    /// §8.4.
    AndroidKey,
    /// §8.5, which new credentials do not have any more.
    #[serde(rename = "android-safetynet")]
    AndroidSafetyNet,
    /// §8.6.
    FidoU2f,
    /// §8.8.
    Apple,
    /// §8.9: several statements in one.
    Compound,
}

impl AttestationFormat {
    /// All of them, in the order of §8.
    pub const ALL: [Self; 8] = [
        Self::Packed,
        Self::Tpm,
        Self::AndroidKey,
        Self::AndroidSafetyNet,
        Self::FidoU2f,
        Self::None,
        Self::Apple,
        Self::Compound,
    ];

    /// The attestation statement format identifier, which `fmt` is compared with byte for byte.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Packed => "packed",
            Self::Tpm => "tpm",
            Self::AndroidKey => "android-key",
            Self::AndroidSafetyNet => "android-safetynet",
            Self::FidoU2f => "fido-u2f",
            Self::Apple => "apple",
            Self::Compound => "compound",
        }
    }

    /// §7.1 step 22: the statement, if it has the shape of this format.
    pub(super) fn read(self, att_stmt: &Value) -> Result<Box<dyn Procedure + '_>, String> {
        Ok(match self {
            Self::None => Box::new(none::read(att_stmt)?),
            Self::Packed => Box::new(packed::read(att_stmt)?),
            Self::Tpm => Box::new(tpm::read(att_stmt)?),
            Self::AndroidKey => Box::new(android_key::read(att_stmt)?),
            Self::AndroidSafetyNet => Box::new(android_safetynet::read(att_stmt)?),
            Self::FidoU2f => Box::new(fido_u2f::read(att_stmt)?),
            Self::Apple => Box::new(apple::read(att_stmt)?),
            Self::Compound => return Err("a compound statement holds no other (§8.9)".into()),
        })
    }
}

/// What becomes of a statement, by the name of its format.
#[derive(Clone, Copy)]
pub(crate) enum Treatment {
    /// It is verified.
    Verified(AttestationFormat),
    /// It is in a format that is not known, which is enough.
    Unknown,
    /// It is not looked at, as if there were none.
    Ignored,
}
