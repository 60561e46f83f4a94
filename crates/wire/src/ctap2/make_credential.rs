//! authenticatorMakeCredential (0x01), CTAP 2.1 §6.1.
use super::entities::{Descriptor, PUBLIC_KEY, RpEntity, UserEntity, options_to_value, read_options};
use super::{Command, members_of, message, success};
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::cose::Algorithm;
use crate::status::{CtapError, Status};
use alloc::{string::String, vec::Vec};

/// The parameters of authenticatorMakeCredential.
#[derive(Clone, Debug, PartialEq)]
pub struct MakeCredential {
    /// SHA-256 of the client data.
    pub client_data_hash: [u8; 32],
    /// Who asks.
    pub rp: RpEntity,
    /// For whom.
    pub user: UserEntity,
    /// Algorithms of type `public-key`, most wanted first.
    pub algorithms: Vec<Algorithm>,
    /// Credentials that must not be here yet.
    pub exclude_list: Vec<Descriptor>,
    /// Extension inputs, a map with text keys.
    pub extensions: Option<Value>,
    /// `rk`: make it discoverable.
    pub rk: Option<bool>,
    /// `up`: only true is allowed.
    pub up: Option<bool>,
    /// `uv`: verify the user by built-in means.
    pub uv: Option<bool>,
    /// Proof that the platform holds a pinUvAuthToken.
    pub pin_uv_auth_param: Option<Vec<u8>>,
    /// Which PIN/UV auth protocol made it.
    pub pin_uv_auth_protocol: Option<i64>,
    /// 1 or 2: enterprise attestation is wanted.
    pub enterprise_attestation: Option<i64>,
    /// Attestation statement formats, most wanted first (CTAP 2.2); items of another type are passed over.
    pub attestation_formats: Option<Vec<String>>,
}

/// The shape of the request, for the decoder and for tests that break each row.
pub const REQUEST: &[Field] = &[
    Field::required(Key::Int(0x01), "clientDataHash", Kind::Bytes),
    Field::required(Key::Int(0x02), "rp", Kind::Map),
    Field::required(Key::Int(0x03), "user", Kind::Map),
    Field::required(Key::Int(0x04), "pubKeyCredParams", Kind::Array),
    Field::optional(Key::Int(0x05), "excludeList", Kind::Array),
    Field::optional(Key::Int(0x06), "extensions", Kind::Map),
    Field::optional(Key::Int(0x07), "options", Kind::Map),
    Field::optional(Key::Int(0x08), "pinUvAuthParam", Kind::Bytes),
    Field::optional(Key::Int(0x09), "pinUvAuthProtocol", Kind::Uint),
    Field::optional(Key::Int(0x0A), "enterpriseAttestation", Kind::Uint),
    Field::optional(Key::Int(0x0B), "attestationFormatsPreference", Kind::Array),
];

const PARAMETER: &[Field] = &[
    Field::required(Key::Text("alg"), "alg", Kind::Int),
    Field::required(Key::Text("type"), "type", Kind::Text),
];

impl MakeCredential {
    /// Reads the parameters.
    ///
    /// # Errors
    /// The statuses of [`Record::read`] for each map; INVALID_LENGTH if clientDataHash is not 32 bytes or
    /// user.id is longer than 64.
    pub fn decode(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "authenticatorMakeCredential", REQUEST)?;
        let hash = map.bytes(0x01).expect("required by the table");
        let [rk, up, uv] = read_options(map.any(0x07), ["rk", "up", "uv"])?;
        Ok(Self {
            client_data_hash: hash.try_into().map_err(|_| {
                Status::INVALID_LENGTH.because("CTAP 2.1 §6.1: clientDataHash is not 32 bytes")
            })?,
            rp: RpEntity::read(map.any(0x02).expect("required by the table"))?,
            user: UserEntity::read(map.any(0x03).expect("required by the table"))?,
            algorithms: read_algorithms(map.array(0x04).expect("required by the table"))?,
            exclude_list: Descriptor::read_list(map.array(0x05).unwrap_or_default())?,
            extensions: map.any(0x06).cloned(),
            rk,
            up,
            uv,
            pin_uv_auth_param: map.bytes(0x08).map(Into::into),
            pin_uv_auth_protocol: map.int(0x09),
            enterprise_attestation: map.int(0x0A),
            attestation_formats: map
                .array(0x0B)
                .map(|formats| formats.iter().filter_map(|f| f.as_text().map(Into::into)).collect()),
        })
    }

    /// The request as a platform sends it.
    pub fn encode(&self) -> Vec<u8> {
        let algorithms = self
            .algorithms
            .iter()
            .map(|alg| cbor::text_map([("alg", Some(alg.0.into())), ("type", Some(cbor::text(PUBLIC_KEY)))]));
        let formats = self.attestation_formats.as_ref();
        let parameters = cbor::int_map([
            (0x01, Some(cbor::bytes(self.client_data_hash))),
            (0x02, Some(self.rp.to_value())),
            (0x03, Some(self.user.to_value())),
            (0x04, Some(Value::Array(algorithms.collect()))),
            (0x05, Descriptor::list_to_value(&self.exclude_list)),
            (0x06, self.extensions.clone()),
            (0x07, options_to_value([("rk", self.rk), ("up", self.up), ("uv", self.uv)])),
            (0x08, self.pin_uv_auth_param.as_deref().map(cbor::bytes)),
            (0x09, self.pin_uv_auth_protocol.map(Value::from)),
            (0x0A, self.enterprise_attestation.map(Value::from)),
            (0x0B, formats.map(|f| Value::Array(f.iter().map(|f| cbor::text(f.as_str())).collect()))),
        ]);
        message(Command::MAKE_CREDENTIAL, &parameters)
    }
}

/// Walks all of pubKeyCredParams, CTAP 2.1 §6.1.2 step 3: each entry must be well formed, even after the
/// first that will do. Types other than `public-key` are passed over.
fn read_algorithms(items: &[Value]) -> Result<Vec<Algorithm>, CtapError> {
    let mut algorithms = Vec::with_capacity(items.len());
    for item in items {
        let map = Record::read(item, "pubKeyCredParams entry", PARAMETER)?;
        if map.text("type") == Some(PUBLIC_KEY) {
            algorithms.push(Algorithm(map.int("alg").expect("required by the table")));
        }
    }
    Ok(algorithms)
}

/// The members of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct MakeCredentialResponse {
    /// The attestation statement format.
    pub fmt: String,
    /// Authenticator data as it was signed.
    pub auth_data: Vec<u8>,
    /// The attestation statement.
    pub att_stmt: Value,
    /// Whether this is enterprise attestation.
    pub ep_att: bool,
    /// The key under which the platform keeps a large blob.
    pub large_blob_key: Option<Vec<u8>>,
    /// Extension outputs that are not signed (CTAP 2.2), a map with text keys; `None` if there are none.
    pub unsigned_extension_outputs: Option<Value>,
}

const RESPONSE: &[Field] = &[
    Field::required(Key::Int(0x01), "fmt", Kind::Text),
    Field::required(Key::Int(0x02), "authData", Kind::Bytes),
    Field::optional(Key::Int(0x03), "attStmt", Kind::Map),
    Field::optional(Key::Int(0x04), "epAtt", Kind::Bool),
    Field::optional(Key::Int(0x05), "largeBlobKey", Kind::Bytes),
    Field::optional(Key::Int(0x06), "unsignedExtensionOutputs", Kind::Map),
];

impl MakeCredentialResponse {
    /// The response as an authenticator sends it, status included.
    pub fn encode(&self) -> Vec<u8> {
        success(&cbor::int_map([
            (0x01, Some(cbor::text(self.fmt.as_str()))),
            (0x02, Some(cbor::bytes(self.auth_data.as_slice()))),
            (0x03, Some(self.att_stmt.clone())),
            (0x04, self.ep_att.then_some(Value::Bool(true))),
            (0x05, self.large_blob_key.as_deref().map(cbor::bytes)),
            (0x06, self.unsigned_extension_outputs.clone()),
        ]))
    }

    /// Reads a response, status included.
    ///
    /// # Errors
    /// The status if it is not OK; the statuses of [`Record::read`] if the members do not fit.
    pub fn decode(response: &[u8]) -> Result<Self, CtapError> {
        let value = members_of(response)?;
        let map = Record::read(&value, "authenticatorMakeCredential response", RESPONSE)?;
        Ok(Self {
            fmt: map.text(0x01).expect("required by the table").into(),
            auth_data: map.bytes(0x02).expect("required by the table").into(),
            att_stmt: map.any(0x03).cloned().unwrap_or(Value::Map(Vec::new())),
            ep_att: map.bool(0x04).unwrap_or(false),
            large_blob_key: map.bytes(0x05).map(Into::into),
            unsigned_extension_outputs: map.any(0x06).cloned(),
        })
    }
}
