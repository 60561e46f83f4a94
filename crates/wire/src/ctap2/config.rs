//! authenticatorConfig (0x0D), CTAP 2.1 §6.11.
use super::{Command, message};
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::CtapError;
use alloc::{string::String, vec::Vec};

/// What authenticatorConfig is asked to do. Unknown values survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subcommand(pub i64);

impl Subcommand {
    /// From now on enterprise attestation may be asked for.
    pub const ENABLE_ENTERPRISE_ATTESTATION: Self = Self(0x01);
    /// User verification is always required, or no longer.
    pub const TOGGLE_ALWAYS_UV: Self = Self(0x02);
    /// A longer minimum for PINs, who may know it, a forced change.
    pub const SET_MIN_PIN_LENGTH: Self = Self(0x03);
    /// From now on a reset wants a long touch (CTAP 2.3).
    pub const ENABLE_LONG_TOUCH_FOR_RESET: Self = Self(0x04);
    /// The vendor's own.
    pub const VENDOR_PROTOTYPE: Self = Self(0xFF);
}

/// The parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What to do.
    pub subcommand: Subcommand,
    /// subCommandParams as they came: what pinUvAuthParam is made over.
    pub raw_parameters: Option<Value>,
    /// Code points that a PIN must have.
    pub new_min_pin_length: Option<u64>,
    /// The RP IDs that may ask for it.
    pub min_pin_length_rp_ids: Option<Vec<String>>,
    /// The PIN must be changed before it is used again.
    pub force_change_pin: Option<bool>,
    /// PINs must be complex (CTAP 2.2).
    pub pin_complexity_policy: Option<bool>,
    /// PIN/UV auth protocol.
    pub protocol: Option<i64>,
    /// Proof that the platform holds a token.
    pub pin_uv_auth_param: Option<Vec<u8>>,
}

/// The shape of the request, for the decoder and for tests that break each row.
pub const REQUEST: &[Field] = &[
    Field::required(Key::Int(0x01), "subCommand", Kind::Uint),
    Field::optional(Key::Int(0x02), "subCommandParams", Kind::Map),
    Field::optional(Key::Int(0x03), "pinUvAuthProtocol", Kind::Uint),
    Field::optional(Key::Int(0x04), "pinUvAuthParam", Kind::Bytes),
];

const SET_MIN_PIN_LENGTH: &[Field] = &[
    Field::optional(Key::Int(0x01), "newMinPINLength", Kind::Uint),
    Field::optional(Key::Int(0x02), "minPinLengthRPIDs", Kind::Array),
    Field::optional(Key::Int(0x03), "forceChangePin", Kind::Bool),
    Field::optional(Key::Int(0x04), "pinComplexityPolicy", Kind::Bool),
];

impl Config {
    /// Reads the parameters.
    ///
    /// # Errors
    /// The statuses of [`Record::read`] for each map; CBOR_UNEXPECTED_TYPE for an RP ID that is no text.
    pub fn decode(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "authenticatorConfig", REQUEST)?;
        let subcommand = Subcommand(map.int(0x01).expect("required by the table"));
        let empty = Value::Map(Vec::new());
        let raw = map.any(0x02);
        // Other subcommands have no members, and those of the vendor's own are unknown.
        let known = subcommand == Subcommand::SET_MIN_PIN_LENGTH;
        let table = if known { SET_MIN_PIN_LENGTH } else { &[] };
        let parameters = Record::read(raw.unwrap_or(&empty), "subCommandParams", table)?;
        let int = |key: i64| parameters.int(key).filter(|_| known).and_then(|n| u64::try_from(n).ok());
        let bool = |key: i64| parameters.bool(key).filter(|_| known);
        let rp_ids = parameters.array(0x02).filter(|_| known).map(read_rp_ids).transpose()?;
        Ok(Self {
            subcommand,
            raw_parameters: raw.cloned(),
            new_min_pin_length: int(0x01),
            min_pin_length_rp_ids: rp_ids,
            force_change_pin: bool(0x03),
            pin_complexity_policy: bool(0x04),
            protocol: map.int(0x03),
            pin_uv_auth_param: map.bytes(0x04).map(Into::into),
        })
    }

    /// What a pinUvAuthParam for this request is made over: 32 bytes FF, the command, the subcommand and the
    /// encoded parameters.
    pub fn authenticated(&self) -> Vec<u8> {
        let mut message = Vec::from([0xFF; 32]);
        message.extend([Command::CONFIG.0, u8::try_from(self.subcommand.0).unwrap_or(0)]);
        if let Some(parameters) = &self.raw_parameters {
            message.append(&mut cbor::encode(parameters));
        }
        message
    }

    /// The request as a platform sends it, made of `raw_parameters`.
    pub fn encode(&self) -> Vec<u8> {
        let parameters = cbor::int_map([
            (0x01, Some(self.subcommand.0.into())),
            (0x02, self.raw_parameters.clone()),
            (0x03, self.protocol.map(Value::from)),
            (0x04, self.pin_uv_auth_param.as_deref().map(cbor::bytes)),
        ]);
        message(Command::CONFIG, &parameters)
    }
}

fn read_rp_ids(items: &[Value]) -> Result<Vec<String>, CtapError> {
    let wrong = crate::status::Status::CBOR_UNEXPECTED_TYPE.because("CTAP 2.1 §6.11.4: an RP ID is no text");
    items.iter().map(|item| item.as_text().map(Into::into).ok_or_else(|| wrong.clone())).collect()
}
