//! authenticatorClientPIN (0x06), CTAP 2.1 §6.5.5.
use super::{Command, message, success};
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::{CtapError, Status};
use alloc::{string::String, vec::Vec};
use core::fmt;
use core::ops::BitOr;

/// What authenticatorClientPIN is asked to do. Unknown values survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subcommand(pub i64);

impl Subcommand {
    /// How many wrong PINs are still allowed.
    pub const GET_PIN_RETRIES: Self = Self(0x01);
    /// The authenticator's key-agreement key.
    pub const GET_KEY_AGREEMENT: Self = Self(0x02);
    /// The first PIN.
    pub const SET_PIN: Self = Self(0x03);
    /// Another PIN.
    pub const CHANGE_PIN: Self = Self(0x04);
    /// A token as in CTAP 2.0, by PIN.
    pub const GET_PIN_TOKEN: Self = Self(0x05);
    /// A token with permissions, by built-in user verification.
    pub const GET_TOKEN_USING_UV: Self = Self(0x06);
    /// How many failed verifications are still allowed.
    pub const GET_UV_RETRIES: Self = Self(0x07);
    /// A token with permissions, by PIN.
    pub const GET_TOKEN_USING_PIN: Self = Self(0x09);
}

/// What a pinUvAuthToken may be used for, CTAP 2.1 §6.5.5.7. Undefined bits survive.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(pub u8);

impl Permissions {
    /// makeCredential.
    pub const MC: Self = Self(0x01);
    /// getAssertion.
    pub const GA: Self = Self(0x02);
    /// credentialManagement.
    pub const CM: Self = Self(0x04);
    /// bioEnrollment.
    pub const BE: Self = Self(0x08);
    /// largeBlobs, writing.
    pub const LBW: Self = Self(0x10);
    /// authenticatorConfig.
    pub const ACFG: Self = Self(0x20);
    /// credentialManagement, reading, beyond a power cycle (CTAP 2.2).
    pub const PCMR: Self = Self(0x40);

    /// Whether all of `other` are among them.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Those that are also in `other`.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Permissions {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = ["mc", "ga", "cm", "be", "lbw", "acfg", "pcmr", "undefined"];
        write!(f, "0x{:02X}", self.0)?;
        (0..8).filter(|bit| self.0 >> bit & 1 == 1).try_for_each(|bit| write!(f, " {}", NAMES[bit]))
    }
}

/// A key-agreement key of the PIN/UV auth protocols: P-256, affine coordinates in big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAgreement {
    /// The x coordinate.
    pub x: [u8; 32],
    /// The y coordinate.
    pub y: [u8; 32],
}

/// ECDH-ES with HKDF-256, which nobody does: CTAP 2.1 §6.5.6 only wants the number to stand there.
const ALG: i64 = -25;

impl KeyAgreement {
    /// As a COSE key with exactly kty, alg, crv and the coordinates.
    pub fn to_value(&self) -> Value {
        cbor::int_map([
            (1, Some(2.into())),
            (3, Some(ALG.into())),
            (-1, Some(1.into())),
            (-2, Some(cbor::bytes(self.x))),
            (-3, Some(cbor::bytes(self.y))),
        ])
    }

    /// Reads a COSE key.
    ///
    /// # Errors
    /// INVALID_PARAMETER for anything but exactly those members; whether the point is on the curve shows when
    /// the key is used.
    pub fn from_value(value: &Value) -> Result<Self, CtapError> {
        let wrong =
            || Status::INVALID_PARAMETER.because("CTAP 2.1 §6.5.6: keyAgreement is no P-256 COSE key");
        let members = value.as_map().ok_or_else(wrong)?;
        let key = Self {
            x: coordinate(members, -2).ok_or_else(wrong)?,
            y: coordinate(members, -3).ok_or_else(wrong)?,
        };
        // Equal as encoded: no member is missing, and there is none more.
        if cbor::encode(&key.to_value()) == cbor::encode(value) { Ok(key) } else { Err(wrong()) }
    }
}

fn coordinate(members: &[(Value, Value)], key: i64) -> Option<[u8; 32]> {
    let (_, value) = members.iter().find(|(k, _)| *k == Value::from(key))?;
    value.as_bytes()?.as_slice().try_into().ok()
}

/// The parameters. Which are needed depends on the subcommand.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientPin {
    /// PIN/UV auth protocol.
    pub protocol: Option<i64>,
    /// What to do.
    pub subcommand: Subcommand,
    /// The platform's key-agreement key as it came; see [`KeyAgreement::from_value`].
    pub key_agreement: Option<Value>,
    /// Proof over the encrypted members.
    pub pin_uv_auth_param: Option<Vec<u8>>,
    /// The new PIN, padded to 64 bytes, encrypted.
    pub new_pin_enc: Option<Vec<u8>>,
    /// The left 16 bytes of SHA-256 of the PIN, encrypted.
    pub pin_hash_enc: Option<Vec<u8>>,
    /// What the token is for.
    pub permissions: Option<i64>,
    /// To which relying party the token is bound.
    pub rp_id: Option<String>,
}

/// The shape of the request, for the decoder and for tests that break each row.
pub const REQUEST: &[Field] = &[
    Field::optional(Key::Int(0x01), "pinUvAuthProtocol", Kind::Uint),
    Field::required(Key::Int(0x02), "subCommand", Kind::Uint),
    Field::optional(Key::Int(0x03), "keyAgreement", Kind::Map),
    Field::optional(Key::Int(0x04), "pinUvAuthParam", Kind::Bytes),
    Field::optional(Key::Int(0x05), "newPinEnc", Kind::Bytes),
    Field::optional(Key::Int(0x06), "pinHashEnc", Kind::Bytes),
    Field::optional(Key::Int(0x09), "permissions", Kind::Uint),
    Field::optional(Key::Int(0x0A), "rpId", Kind::Text),
];

impl ClientPin {
    /// A request with only a subcommand.
    pub fn new(subcommand: Subcommand) -> Self {
        Self {
            protocol: None,
            subcommand,
            key_agreement: None,
            pin_uv_auth_param: None,
            new_pin_enc: None,
            pin_hash_enc: None,
            permissions: None,
            rp_id: None,
        }
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// The statuses of [`Record::read`].
    pub fn decode(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "authenticatorClientPIN", REQUEST)?;
        Ok(Self {
            protocol: map.int(0x01),
            subcommand: Subcommand(map.int(0x02).expect("required by the table")),
            key_agreement: map.any(0x03).cloned(),
            pin_uv_auth_param: map.bytes(0x04).map(Into::into),
            new_pin_enc: map.bytes(0x05).map(Into::into),
            pin_hash_enc: map.bytes(0x06).map(Into::into),
            permissions: map.int(0x09),
            rp_id: map.text(0x0A).map(Into::into),
        })
    }

    /// The request as a platform sends it.
    pub fn encode(&self) -> Vec<u8> {
        let bytes = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(cbor::bytes);
        let parameters = cbor::int_map([
            (0x01, self.protocol.map(Value::from)),
            (0x02, Some(self.subcommand.0.into())),
            (0x03, self.key_agreement.clone()),
            (0x04, bytes(&self.pin_uv_auth_param)),
            (0x05, bytes(&self.new_pin_enc)),
            (0x06, bytes(&self.pin_hash_enc)),
            (0x09, self.permissions.map(Value::from)),
            (0x0A, self.rp_id.as_deref().map(cbor::text)),
        ]);
        message(Command::CLIENT_PIN, &parameters)
    }
}

/// The members of the answer. Which are there depends on the subcommand.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ClientPinResponse {
    /// The authenticator's key-agreement key.
    pub key_agreement: Option<KeyAgreement>,
    /// The encrypted token.
    pub pin_uv_auth_token: Option<Vec<u8>>,
    /// Wrong PINs still allowed.
    pub pin_retries: Option<u64>,
    /// Whether only a power cycle lets the next PIN be tried.
    pub power_cycle_state: Option<bool>,
    /// Failed verifications still allowed.
    pub uv_retries: Option<u64>,
}

const RESPONSE: &[Field] = &[
    Field::optional(Key::Int(0x01), "keyAgreement", Kind::Map),
    Field::optional(Key::Int(0x02), "pinUvAuthToken", Kind::Bytes),
    Field::optional(Key::Int(0x03), "pinRetries", Kind::Uint),
    Field::optional(Key::Int(0x04), "powerCycleState", Kind::Bool),
    Field::optional(Key::Int(0x05), "uvRetries", Kind::Uint),
];

impl ClientPinResponse {
    /// The response as an authenticator sends it, status included.
    pub fn encode(&self) -> Vec<u8> {
        success(&cbor::int_map([
            (0x01, self.key_agreement.as_ref().map(KeyAgreement::to_value)),
            (0x02, self.pin_uv_auth_token.as_deref().map(cbor::bytes)),
            (0x03, self.pin_retries.map(Value::from)),
            (0x04, self.power_cycle_state.map(Value::Bool)),
            (0x05, self.uv_retries.map(Value::from)),
        ]))
    }

    /// Reads a response, status included.
    ///
    /// # Errors
    /// The status if it is not OK; the statuses of [`Record::read`] if the members do not fit.
    pub fn decode(response: &[u8]) -> Result<Self, CtapError> {
        let Some(value) = super::decode_response(response)? else { return Ok(Self::default()) };
        let map = Record::read(&value, "authenticatorClientPIN response", RESPONSE)?;
        let number = |key: i64| map.int(key).and_then(|n| u64::try_from(n).ok());
        Ok(Self {
            key_agreement: map.any(0x01).map(KeyAgreement::from_value).transpose()?,
            pin_uv_auth_token: map.bytes(0x02).map(Into::into),
            pin_retries: number(0x03),
            power_cycle_state: map.bool(0x04),
            uv_retries: number(0x05),
        })
    }
}
