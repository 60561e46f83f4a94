//! Maps with a known shape: one table per map, so that each fault has its own status code.
use super::Value;
use crate::status::{CtapError, Status};
use alloc::format;
use core::fmt;

/// A map key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// As in CTAP messages and COSE keys.
    Int(i64),
    /// As in WebAuthn dictionaries.
    Text(&'static str),
}

impl Key {
    fn is(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Int(key), Value::Integer(n)) => i128::from(*n) == i128::from(key),
            (Self::Text(key), Value::Text(text)) => key == text,
            _ => false,
        }
    }
}

impl From<i64> for Key {
    fn from(key: i64) -> Self {
        Self::Int(key)
    }
}

impl From<&'static str> for Key {
    fn from(key: &'static str) -> Self {
        Self::Text(key)
    }
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::Int(key) => Self::from(key),
            Key::Text(key) => Self::from(key),
        }
    }
}

/// The CBOR type that a member must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Major type 0 or 1, within 64 signed bits.
    Int,
    /// Major type 0, within 63 bits.
    Uint,
    /// Major type 2.
    Bytes,
    /// Major type 3.
    Text,
    /// Major type 4.
    Array,
    /// Major type 5.
    Map,
    /// False or true.
    Bool,
    /// Anything: judged later.
    Any,
}

impl Kind {
    fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (Self::Int, Value::Integer(n)) => i64::try_from(*n).is_ok(),
            (Self::Uint, Value::Integer(n)) => i64::try_from(*n).is_ok_and(|n| n >= 0),
            (Self::Bytes, Value::Bytes(_)) => true,
            (Self::Text, Value::Text(_)) => true,
            (Self::Array, Value::Array(_)) => true,
            (Self::Map, Value::Map(_)) => true,
            (Self::Bool, Value::Bool(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int => "an integer",
            Self::Uint => "an unsigned integer",
            Self::Bytes => "a byte string",
            Self::Text => "a text string",
            Self::Array => "an array",
            Self::Map => "a map",
            Self::Bool => "a boolean",
            Self::Any => "anything",
        })
    }
}

/// One row of a map's table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key on the wire.
    pub key: Key,
    /// The specification's name for the member.
    pub name: &'static str,
    /// Whether its absence is an error.
    pub required: bool,
    /// Its type.
    pub kind: Kind,
}

impl Field {
    /// A member whose absence is MISSING_PARAMETER.
    pub const fn required(key: Key, name: &'static str, kind: Kind) -> Self {
        Self { key, name, required: true, kind }
    }

    /// A member that may be absent.
    pub const fn optional(key: Key, name: &'static str, kind: Kind) -> Self {
        Self { key, name, required: false, kind }
    }
}

/// A map that fits its table. Keys that the table does not name are ignored, as CTAP 2.1 §8 demands.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    members: &'a [(Value, Value)],
}

impl<'a> Record<'a> {
    /// Checks `value` against `table`, row by row.
    ///
    /// # Errors
    /// CBOR_UNEXPECTED_TYPE if it is no map or a member has another type; MISSING_PARAMETER if a required
    /// member is absent. `what` names the map in the reason.
    pub fn read(value: &'a Value, what: &str, table: &[Field]) -> Result<Self, CtapError> {
        let Value::Map(members) = value else {
            return Err(Status::CBOR_UNEXPECTED_TYPE
                .because_of(format!("CTAP 2.1 §8.2: {what}: expected a map, found {}", kind_of(value))));
        };
        let record = Self { members };
        for field in table {
            match record.any(field.key) {
                None if field.required => {
                    return Err(Status::MISSING_PARAMETER.because_of(format!(
                        "CTAP 2.1 §8.2: {what}: required member {} is absent",
                        field.name
                    )));
                }
                Some(value) if !field.kind.admits(value) => {
                    return Err(Status::CBOR_UNEXPECTED_TYPE.because_of(format!(
                        "CTAP 2.1 §8.2: {what}: member {}: expected {}, found {}",
                        field.name,
                        field.kind,
                        kind_of(value)
                    )));
                }
                _ => {}
            }
        }
        Ok(record)
    }

    /// The member as it stands.
    pub fn any(&self, key: impl Into<Key>) -> Option<&'a Value> {
        let key = key.into();
        self.members.iter().find(|(k, _)| key.is(k)).map(|(_, value)| value)
    }

    /// A byte-string member; `None` if it is absent or its row says otherwise.
    pub fn bytes(&self, key: impl Into<Key>) -> Option<&'a [u8]> {
        self.any(key)?.as_bytes().map(|bytes| bytes.as_slice())
    }

    /// A text member; `None` if it is absent or its row says otherwise.
    pub fn text(&self, key: impl Into<Key>) -> Option<&'a str> {
        self.any(key)?.as_text()
    }

    /// An integer member; `None` if it is absent or its row says otherwise.
    pub fn int(&self, key: impl Into<Key>) -> Option<i64> {
        i64::try_from(self.any(key)?.as_integer()?).ok()
    }

    /// A boolean member; `None` if it is absent or its row says otherwise.
    pub fn bool(&self, key: impl Into<Key>) -> Option<bool> {
        self.any(key)?.as_bool()
    }

    /// An array member; `None` if it is absent or its row says otherwise.
    pub fn array(&self, key: impl Into<Key>) -> Option<&'a [Value]> {
        self.any(key)?.as_array().map(|items| items.as_slice())
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Integer(n) if i64::try_from(*n).is_err() => "an integer beyond 64 bits",
        Value::Integer(n) if i128::from(*n) < 0 => "a negative integer",
        Value::Integer(_) => "an unsigned integer",
        Value::Bytes(_) => "a byte string",
        Value::Text(_) => "a text string",
        Value::Array(_) => "an array",
        Value::Map(_) => "a map",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
        _ => "something else",
    }
}
