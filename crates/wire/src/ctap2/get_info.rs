//! authenticatorGetInfo (0x04), CTAP 2.1 §6.4.
use super::{Command, PUBLIC_KEY, members_of, success};
use crate::aaguid::Aaguid;
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::cose::Algorithm;
use crate::status::{CtapError, Status};
use alloc::{string::String, vec::Vec};

/// The strings that `versions` may hold. `FIDO_2_2` is not one: CTAP 2.2 features are told by other members.
#[derive(Clone, Copy, Debug)]
pub struct Versions;

impl Versions {
    /// Every defined value.
    pub const DEFINED: [&str; 5] = ["U2F_V2", "FIDO_2_0", "FIDO_2_1_PRE", "FIDO_2_1", "FIDO_2_3"];
}

/// The members of the answer. Absent members are `None` or empty.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GetInfoResponse {
    /// 0x01: CTAP versions.
    pub versions: Vec<String>,
    /// 0x02: extensions.
    pub extensions: Vec<String>,
    /// 0x03: the model.
    pub aaguid: Aaguid,
    /// 0x04: options that are not absent.
    pub options: Vec<(String, bool)>,
    /// 0x05: the longest message in bytes, command byte included; 1,024 if absent.
    pub max_msg_size: Option<u64>,
    /// 0x07: entries that an allowList or excludeList may have.
    pub max_credential_count_in_list: Option<u64>,
    /// 0x08: bytes that a credential ID may have.
    pub max_credential_id_length: Option<u64>,
    /// 0x09: AuthenticatorTransport values.
    pub transports: Vec<String>,
    /// 0x0A: algorithms, most preferred first.
    pub algorithms: Vec<Algorithm>,
    /// 0x0E: firmware version.
    pub firmware_version: Option<u64>,
}

const RESPONSE: &[Field] = &[
    Field::required(Key::Int(0x01), "versions", Kind::Array),
    Field::optional(Key::Int(0x02), "extensions", Kind::Array),
    Field::required(Key::Int(0x03), "aaguid", Kind::Bytes),
    Field::optional(Key::Int(0x04), "options", Kind::Map),
    Field::optional(Key::Int(0x05), "maxMsgSize", Kind::Uint),
    Field::optional(Key::Int(0x07), "maxCredentialCountInList", Kind::Uint),
    Field::optional(Key::Int(0x08), "maxCredentialIdLength", Kind::Uint),
    Field::optional(Key::Int(0x09), "transports", Kind::Array),
    Field::optional(Key::Int(0x0A), "algorithms", Kind::Array),
    Field::optional(Key::Int(0x0E), "firmwareVersion", Kind::Uint),
];

impl GetInfoResponse {
    /// The request: a command without parameters.
    pub fn request() -> Vec<u8> {
        Vec::from([Command::GET_INFO.0])
    }

    /// The value of an option; `None` if it is absent.
    pub fn option(&self, name: &str) -> Option<bool> {
        self.options.iter().find(|(option, _)| option == name).map(|(_, value)| *value)
    }

    /// The response as an authenticator sends it, status included. Empty lists are left out.
    pub fn encode(&self) -> Vec<u8> {
        let texts = |list: &[String]| {
            (!list.is_empty()).then(|| Value::Array(list.iter().map(|t| cbor::text(t.as_str())).collect()))
        };
        let options =
            self.options.iter().map(|(name, value)| (cbor::text(name.as_str()), Value::Bool(*value)));
        let algorithms = self
            .algorithms
            .iter()
            .map(|alg| cbor::text_map([("alg", Some(alg.0.into())), ("type", Some(cbor::text(PUBLIC_KEY)))]));
        success(&cbor::int_map([
            (0x01, texts(&self.versions)),
            (0x02, texts(&self.extensions)),
            (0x03, Some(cbor::bytes(self.aaguid.0))),
            (0x04, (!self.options.is_empty()).then(|| Value::Map(options.collect()))),
            (0x05, self.max_msg_size.map(Value::from)),
            (0x07, self.max_credential_count_in_list.map(Value::from)),
            (0x08, self.max_credential_id_length.map(Value::from)),
            (0x09, texts(&self.transports)),
            (0x0A, (!self.algorithms.is_empty()).then(|| Value::Array(algorithms.collect()))),
            (0x0E, self.firmware_version.map(Value::from)),
        ]))
    }

    /// Reads a response, status included. Members that are not text where text belongs are passed over.
    ///
    /// # Errors
    /// The status if it is not OK; the statuses of [`Record::read`] if the members do not fit; INVALID_LENGTH
    /// if the AAGUID is not 16 bytes.
    pub fn decode(response: &[u8]) -> Result<Self, CtapError> {
        let value = members_of(response)?;
        let map = Record::read(&value, "authenticatorGetInfo response", RESPONSE)?;
        let texts = |key: i64| {
            let items = map.array(key).unwrap_or_default();
            items.iter().filter_map(|item| item.as_text().map(Into::into)).collect()
        };
        let number = |key: i64| map.int(key).and_then(|n| u64::try_from(n).ok());
        let aaguid = map.bytes(0x03).expect("required by the table").try_into();
        let options = map.any(0x04).and_then(Value::as_map).map(Vec::as_slice).unwrap_or_default();
        let algorithms = map.array(0x0A).unwrap_or_default();
        Ok(Self {
            versions: texts(0x01),
            extensions: texts(0x02),
            aaguid: Aaguid(
                aaguid
                    .map_err(|_| Status::INVALID_LENGTH.because("CTAP 2.1 §6.4: aaguid is not 16 bytes"))?,
            ),
            options: options
                .iter()
                .filter_map(|(name, value)| Some((name.as_text()?.into(), value.as_bool()?)))
                .collect(),
            max_msg_size: number(0x05),
            max_credential_count_in_list: number(0x07),
            max_credential_id_length: number(0x08),
            transports: texts(0x09),
            algorithms: algorithms
                .iter()
                .filter_map(|item| {
                    let alg = item.as_map()?.iter().find(|(key, _)| key.as_text() == Some("alg"))?;
                    i64::try_from(alg.1.as_integer()?).ok().map(Algorithm)
                })
                .collect(),
            firmware_version: number(0x0E),
        })
    }
}
