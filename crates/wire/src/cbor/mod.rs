//! CTAP2 canonical CBOR, CTAP 2.1 §8, strict both ways.
//!
//! [`ciborium`] holds the values. It accepts non-minimal, indefinite, tagged, duplicate and unsorted input,
//! so [`decode`] runs a small validator of ours first, and [`encode`] sorts the keys itself.
mod diagnostic;
mod read;
mod record;
#[cfg(test)]
mod tests;
mod write;

pub use ciborium::Value;
pub use ciborium::value::Integer;
pub use diagnostic::diagnostic;
pub use read::{Malformed, decode, decode_foreign, decode_foreign_prefix, decode_over_hybrid, decode_prefix};
pub use record::{Field, Key, Kind, Record};
pub use write::encode;

use alloc::{string::String, vec::Vec};

/// How deep CTAP messages may nest: `makeCredential > excludeList > descriptor > transports`.
pub const MAX_DEPTH: u8 = 4;

/// How deep they nest over hybrid: `getAssertion > extensions > prf > evalByCredential > inputs` is one level more than
/// CTAP 2.1 §8 allows, and Chromium sends it to phones.
pub const HYBRID_DEPTH: u8 = 5;

/// A map with integer keys, in the given order; absent members are left out.
pub fn int_map<const N: usize>(members: [(i64, Option<Value>); N]) -> Value {
    Value::Map(members.into_iter().filter_map(|(key, value)| Some((Value::from(key), value?))).collect())
}

/// A map with text keys, in the given order; absent members are left out.
pub fn text_map<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    Value::Map(members.into_iter().filter_map(|(key, value)| Some((Value::from(key), value?))).collect())
}

/// A byte string.
pub fn bytes(bytes: impl Into<Vec<u8>>) -> Value {
    Value::Bytes(bytes.into())
}

/// A text string.
pub fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}
