//! The WebAuthn dictionaries inside CTAP messages, CTAP 2.1 §6.1.
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::{CtapError, Status};
use alloc::{string::String, vec::Vec};

/// The only credential type there is.
pub const PUBLIC_KEY: &str = "public-key";

/// PublicKeyCredentialRpEntity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpEntity {
    /// The RP ID.
    pub id: String,
    /// For people.
    pub name: Option<String>,
}

const RP: &[Field] = &[
    Field::required(Key::Text("id"), "id", Kind::Text),
    Field::optional(Key::Text("name"), "name", Kind::Text),
];

impl RpEntity {
    pub(super) fn read(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "rp", RP)?;
        let id = map.text("id").expect("required by the table").into();
        Ok(Self { id, name: map.text("name").map(Into::into) })
    }

    pub(super) fn to_value(&self) -> Value {
        cbor::text_map([
            ("id", Some(cbor::text(self.id.as_str()))),
            ("name", self.name.as_deref().map(cbor::text)),
        ])
    }
}

/// PublicKeyCredentialUserEntity.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UserEntity {
    /// The user handle, at most 64 bytes.
    pub id: Vec<u8>,
    /// The account name.
    pub name: Option<String>,
    /// The person's name.
    pub display_name: Option<String>,
}

const USER: &[Field] = &[
    Field::required(Key::Text("id"), "id", Kind::Bytes),
    Field::optional(Key::Text("name"), "name", Kind::Text),
    Field::optional(Key::Text("displayName"), "displayName", Kind::Text),
];

impl UserEntity {
    pub(super) fn read(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "user", USER)?;
        let id = map.bytes("id").expect("required by the table");
        if id.len() > 64 {
            return Err(Status::INVALID_LENGTH.because("WebAuthn §5.4.3: user.id is longer than 64 bytes"));
        }
        Ok(Self {
            id: id.into(),
            name: map.text("name").map(Into::into),
            display_name: map.text("displayName").map(Into::into),
        })
    }

    pub(super) fn to_value(&self) -> Value {
        cbor::text_map([
            ("id", Some(cbor::bytes(self.id.as_slice()))),
            ("name", self.name.as_deref().map(cbor::text)),
            ("displayName", self.display_name.as_deref().map(cbor::text)),
        ])
    }
}

/// PublicKeyCredentialDescriptor of type `public-key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The credential ID.
    pub id: Vec<u8>,
    /// How the platform reached it; no authenticator needs this.
    pub transports: Vec<String>,
}

const DESCRIPTOR: &[Field] = &[
    Field::required(Key::Text("id"), "id", Kind::Bytes),
    Field::required(Key::Text("type"), "type", Kind::Text),
    Field::optional(Key::Text("transports"), "transports", Kind::Array),
];

impl Descriptor {
    /// Reads an excludeList or allowList. Entries of another type than `public-key` are passed over; malformed
    /// ones are errors.
    pub(super) fn read_list(items: &[Value]) -> Result<Vec<Self>, CtapError> {
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            let map = Record::read(item, "credential descriptor", DESCRIPTOR)?;
            if map.text("type") == Some(PUBLIC_KEY) {
                let transports = map.array("transports").unwrap_or_default();
                list.push(Self {
                    id: map.bytes("id").expect("required by the table").into(),
                    transports: transports.iter().filter_map(|t| t.as_text().map(Into::into)).collect(),
                });
            }
        }
        Ok(list)
    }

    pub(super) fn read(value: &Value) -> Result<Option<Self>, CtapError> {
        Ok(Self::read_list(core::slice::from_ref(value))?.pop())
    }

    pub(super) fn to_value(&self) -> Value {
        let transports = self.transports.iter().map(|t| cbor::text(t.as_str())).collect::<Vec<_>>();
        cbor::text_map([
            ("id", Some(cbor::bytes(self.id.as_slice()))),
            ("type", Some(cbor::text(PUBLIC_KEY))),
            ("transports", (!transports.is_empty()).then_some(Value::Array(transports))),
        ])
    }

    pub(super) fn list_to_value(list: &[Self]) -> Option<Value> {
        (!list.is_empty()).then(|| Value::Array(list.iter().map(Self::to_value).collect()))
    }
}

/// The `options` member: unknown options are ignored, each known one is true or false.
pub(super) fn read_options<const N: usize>(
    value: Option<&Value>,
    names: [&'static str; N],
) -> Result<[Option<bool>; N], CtapError> {
    let Some(value) = value else { return Ok([None; N]) };
    let table = names.map(|name| Field::optional(Key::Text(name), name, Kind::Bool));
    let map = Record::read(value, "options", &table)?;
    Ok(names.map(|name| map.bool(name)))
}

/// An options map; `None` if no option is set.
pub(super) fn options_to_value<const N: usize>(options: [(&str, Option<bool>); N]) -> Option<Value> {
    let any = options.iter().any(|(_, value)| value.is_some());
    any.then(|| cbor::text_map(options.map(|(name, value)| (name, value.map(Value::Bool)))))
}
