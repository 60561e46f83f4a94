//! authenticatorLargeBlobs (0x0C), CTAP 2.1 §6.10.
use super::{Command, message, success};
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::CtapError;
use alloc::vec::Vec;

/// The parameters.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LargeBlobs {
    /// Reads that many bytes.
    pub get: Option<u64>,
    /// Writes a fragment.
    pub set: Option<Vec<u8>>,
    /// From where on, in bytes.
    pub offset: Option<u64>,
    /// The length of the whole array in bytes; with the first fragment only.
    pub length: Option<u64>,
    /// Proof that the platform holds a token.
    pub pin_uv_auth_param: Option<Vec<u8>>,
    /// PIN/UV auth protocol.
    pub protocol: Option<i64>,
}

/// The shape of the request, for the decoder and for tests that break each row.
pub const REQUEST: &[Field] = &[
    Field::optional(Key::Int(0x01), "get", Kind::Uint),
    Field::optional(Key::Int(0x02), "set", Kind::Bytes),
    Field::optional(Key::Int(0x03), "offset", Kind::Uint),
    Field::optional(Key::Int(0x04), "length", Kind::Uint),
    Field::optional(Key::Int(0x05), "pinUvAuthParam", Kind::Bytes),
    Field::optional(Key::Int(0x06), "pinUvAuthProtocol", Kind::Uint),
];

impl LargeBlobs {
    /// Reads the parameters. That `offset` is absent is INVALID_PARAMETER and so for the command to say.
    ///
    /// # Errors
    /// The statuses of [`Record::read`].
    pub fn decode(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "authenticatorLargeBlobs", REQUEST)?;
        let number = |key: i64| map.int(key).and_then(|n| u64::try_from(n).ok());
        Ok(Self {
            get: number(0x01),
            set: map.bytes(0x02).map(Into::into),
            offset: number(0x03),
            length: number(0x04),
            pin_uv_auth_param: map.bytes(0x05).map(Into::into),
            protocol: map.int(0x06),
        })
    }

    /// The request as a platform sends it.
    pub fn encode(&self) -> Vec<u8> {
        let parameters = cbor::int_map([
            (0x01, self.get.map(Value::from)),
            (0x02, self.set.as_deref().map(cbor::bytes)),
            (0x03, self.offset.map(Value::from)),
            (0x04, self.length.map(Value::from)),
            (0x05, self.pin_uv_auth_param.as_deref().map(cbor::bytes)),
            (0x06, self.protocol.map(Value::from)),
        ]);
        message(Command::LARGE_BLOBS, &parameters)
    }

    /// The answer to a read, status included.
    pub fn encode_response(config: &[u8]) -> Vec<u8> {
        success(&cbor::int_map([(0x01, Some(cbor::bytes(config)))]))
    }
}
