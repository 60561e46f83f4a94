//! What a PIN may be, CTAP 2.1 §6.5.1.
use icu_normalizer::ComposingNormalizerBorrowed;
use sha2::{Digest, Sha256};
use thiserror::Error;
use wire::ctap2::GetInfoResponse;
use zeroize::Zeroizing;

/// A PIN, in Unicode Normalization Form C. Zeroized on drop, and without `Debug`.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

/// Why a text is no PIN. It never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PinError {
    /// Fewer code points than there must be.
    #[error("the PIN has {length} characters, and needs at least {min}")]
    TooShort {
        /// How many code points it has in Normalization Form C.
        length: usize,
        /// How many it needs.
        min: usize,
    },
    /// More code points than there may be.
    #[error("the PIN has {length} characters, and may have {max}")]
    TooLong {
        /// How many code points it has in Normalization Form C.
        length: usize,
        /// How many it may have.
        max: usize,
    },
    /// More bytes than there is room for.
    #[error("the PIN takes {0} bytes in UTF-8, and there is room for 63")]
    TooManyBytes(usize),
    /// The authenticator pads with zeros, so it could not tell.
    #[error("the PIN ends in a zero character")]
    EndsInZero,
}

impl Pin {
    /// Code points that every PIN has at least.
    pub const MIN: usize = 4;
    /// Bytes, and so code points, that every PIN has at most.
    pub const MAX: usize = 63;

    /// Takes what somebody typed, and normalises it: the same characters are the same PIN whatever keyboard they
    /// came from.
    ///
    /// # Errors
    /// If it is shorter than 4 code points, longer than 63 bytes, or ends in U+0000.
    pub fn new(text: &str) -> Result<Self, PinError> {
        let normal = ComposingNormalizerBorrowed::new_nfc().normalize(text);
        let pin = Self(Zeroizing::new(normal.into_owned()));
        pin.check(Self::MIN, Self::MAX)?;
        match pin.0.len() {
            ..=Self::MAX if pin.0.ends_with('\0') => Err(PinError::EndsInZero),
            ..=Self::MAX => Ok(pin),
            more => Err(PinError::TooManyBytes(more)),
        }
    }

    /// Whether it may become the PIN of this authenticator: its minPINLength and maxPINLength, CTAP 2.1 §6.4.
    ///
    /// # Errors
    /// If it is shorter or longer than that.
    pub fn check_for(&self, info: &GetInfoResponse) -> Result<(), PinError> {
        let limit = |limit: Option<u64>| limit.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let min = limit(info.min_pin_length).unwrap_or(Self::MIN);
        let max = limit(info.max_pin_length).unwrap_or(Self::MAX);
        self.check(min.max(Self::MIN), max.min(Self::MAX))
    }

    fn check(&self, min: usize, max: usize) -> Result<(), PinError> {
        let length = self.0.chars().count();
        if length < min {
            return Err(PinError::TooShort { length, min });
        }
        if length > max { Err(PinError::TooLong { length, max }) } else { Ok(()) }
    }

    /// paddedPin: 64 bytes, with zeros on the right.
    pub(crate) fn padded(&self) -> Zeroizing<[u8; 64]> {
        let mut padded = Zeroizing::new([0; 64]);
        padded[..self.0.len()].copy_from_slice(self.0.as_bytes());
        padded
    }

    /// LEFT(SHA-256(pin), 16).
    pub(crate) fn hash(&self) -> Zeroizing<[u8; 16]> {
        let mut digest = Sha256::digest(self.0.as_bytes());
        let mut hash = Zeroizing::new([0; 16]);
        hash.copy_from_slice(&digest[..16]);
        zeroize::Zeroize::zeroize(digest.as_mut_slice());
        hash
    }
}
