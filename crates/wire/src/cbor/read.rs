//! From bytes to values: a canonical validator in front of ciborium.
use super::{HYBRID_DEPTH, MAX_DEPTH, Value};
use crate::status::{CtapError, Status};
use alloc::format;
use core::fmt;

/// Why some bytes are not canonical CBOR, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Offset of the offending item in bytes.
    pub at: usize,
    /// The rule that it breaks.
    pub why: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.at, self.why)
    }
}

impl core::error::Error for Malformed {}

impl From<Malformed> for CtapError {
    fn from(malformed: Malformed) -> Self {
        Status::INVALID_CBOR.because_of(format!("CTAP 2.1 §8 (canonical CBOR): {malformed}"))
    }
}

/// Decodes exactly one canonical item that fills `input` and nests at most [`MAX_DEPTH`] deep.
pub fn decode(input: &[u8]) -> Result<Value, Malformed> {
    filling(input, decode_prefix(input)?)
}

/// As [`decode`], nested at most [`HYBRID_DEPTH`] deep.
pub fn decode_over_hybrid(input: &[u8]) -> Result<Value, Malformed> {
    filling(input, prefix(input, HYBRID_DEPTH, "nested deeper than 5")?)
}

fn filling(input: &[u8], (value, rest): (Value, &[u8])) -> Result<Value, Malformed> {
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(Malformed { at: input.len() - rest.len(), why: "bytes after the item" })
    }
}

/// Decodes one canonical item from the front of `input`; returns it and what follows.
pub fn decode_prefix(input: &[u8]) -> Result<(Value, &[u8]), Malformed> {
    prefix(input, MAX_DEPTH, "nested deeper than 4")
}

fn prefix<'a>(input: &'a [u8], depth: u8, too_deep: &'static str) -> Result<(Value, &'a [u8]), Malformed> {
    let mut cursor = Cursor { input, at: 0, too_deep };
    cursor.item(depth)?;
    let (item, rest) = input.split_at(cursor.at);
    Ok((from_valid(item)?, rest))
}

/// Decodes any well-formed CBOR item that fills `input`, canonical or not, nested at most 16 deep: for looking
/// at what somebody else made.
pub fn decode_foreign(input: &[u8]) -> Result<Value, Malformed> {
    filling(input, decode_foreign_prefix(input)?)
}

/// Decodes one item from the front of `input` as [`decode_foreign`] does; returns it and what follows.
pub fn decode_foreign_prefix(mut input: &[u8]) -> Result<(Value, &[u8]), Malformed> {
    let value = ciborium::de::from_reader_with_recursion_limit(&mut input, 16)
        .map_err(|_| Malformed { at: 0, why: "not well-formed CBOR" })?;
    Ok((value, input))
}

fn from_valid(item: &[u8]) -> Result<Value, Malformed> {
    ciborium::de::from_reader_with_recursion_limit(item, usize::from(HYBRID_DEPTH) + 3)
        .map_err(|_| Malformed { at: 0, why: "not well-formed CBOR" })
}

/// Walks one item without building it.
struct Cursor<'a> {
    input: &'a [u8],
    at: usize,
    /// What is said of an item that nests too deep.
    too_deep: &'static str,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.input.len());
        let end = end.ok_or(Malformed { at: self.at, why: "truncated" })?;
        let taken = &self.input[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// Major type and argument, in the shortest form.
    fn head(&mut self) -> Result<(u8, u64), Malformed> {
        let at = self.at;
        let first = self.take(1)?[0];
        let width = match first & 0x1F {
            small @ 0..24 => return Ok((first >> 5, u64::from(small))),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            28..=30 => return Err(Malformed { at, why: "reserved additional information" }),
            _ => return Err(Malformed { at, why: "indefinite length" }),
        };
        let argument = self.take(width)?.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        let shortest = match width {
            1 => argument >= 24,
            2 => argument > 0xFF,
            4 => argument > 0xFFFF,
            _ => argument > 0xFFFF_FFFF,
        };
        // Major type 7 carries simple values and floats, whose width is not a length.
        if shortest || first >> 5 == 7 {
            Ok((first >> 5, argument))
        } else {
            Err(Malformed { at, why: "not in the shortest form" })
        }
    }

    fn item(&mut self, depth: u8) -> Result<(), Malformed> {
        let at = self.at;
        let (major, argument) = self.head()?;
        let len = usize::try_from(argument).unwrap_or(usize::MAX);
        let too_deep = Malformed { at, why: self.too_deep };
        let inner = || depth.checked_sub(1).ok_or(too_deep);
        match major {
            0 | 1 => Ok(()),
            2 => self.take(len).map(drop),
            3 => core::str::from_utf8(self.take(len)?)
                .map(drop)
                .map_err(|_| Malformed { at, why: "text is not UTF-8" }),
            4 => {
                let depth = inner()?;
                // Each item takes a byte at least, so a huge claimed length ends in "truncated" at once.
                (0..len).try_for_each(|_| self.item(depth))
            }
            5 => {
                let depth = inner()?;
                let mut previous: Option<&[u8]> = None;
                for _ in 0..len {
                    let start = self.at;
                    self.item(depth)?;
                    let key = &self.input[start..self.at];
                    if let Some(previous) = previous {
                        match canonical_order(previous, key) {
                            core::cmp::Ordering::Less => {}
                            core::cmp::Ordering::Equal => {
                                return Err(Malformed { at: start, why: "duplicate map key" });
                            }
                            core::cmp::Ordering::Greater => {
                                return Err(Malformed { at: start, why: "map keys out of order" });
                            }
                        }
                    }
                    previous = Some(key);
                    self.item(depth)?;
                }
                Ok(())
            }
            6 => Err(Malformed { at, why: "tag" }),
            _ if self.input[at] == 0xF4 || self.input[at] == 0xF5 || self.input[at] == 0xF6 => Ok(()),
            _ => Err(Malformed { at, why: "float or simple value other than false, true and null" }),
        }
    }
}

/// The order of two encoded keys, CTAP 2.1 §8: major type, then length, then bytes.
pub(super) fn canonical_order(a: &[u8], b: &[u8]) -> core::cmp::Ordering {
    let rank = |key: &[u8]| (key.first().map(|head| head >> 5), key.len());
    rank(a).cmp(&rank(b)).then_with(|| a.cmp(b))
}
