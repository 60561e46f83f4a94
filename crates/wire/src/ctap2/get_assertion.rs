//! authenticatorGetAssertion (0x02) and authenticatorGetNextAssertion (0x08), CTAP 2.1 §6.2 and §6.3.
use super::entities::{Descriptor, UserEntity, options_to_value, read_options};
use super::{Command, members_of, message, success};
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::{CtapError, Status};
use alloc::{string::String, vec::Vec};

/// The parameters of authenticatorGetAssertion.
#[derive(Clone, Debug, PartialEq)]
pub struct GetAssertion {
    /// Who asks.
    pub rp_id: String,
    /// SHA-256 of the client data.
    pub client_data_hash: [u8; 32],
    /// Credentials that will do; empty means any discoverable one.
    pub allow_list: Vec<Descriptor>,
    /// Extension inputs, a map with text keys.
    pub extensions: Option<Value>,
    /// `up`: false asks silently whether a credential is here.
    pub up: Option<bool>,
    /// `uv`: verify the user by built-in means.
    pub uv: Option<bool>,
    /// `rk`: has no meaning here and is refused.
    pub rk: Option<bool>,
    /// Proof that the platform holds a pinUvAuthToken.
    pub pin_uv_auth_param: Option<Vec<u8>>,
    /// Which PIN/UV auth protocol made it.
    pub pin_uv_auth_protocol: Option<i64>,
}

/// The shape of the request, for the decoder and for tests that break each row.
pub const REQUEST: &[Field] = &[
    Field::required(Key::Int(0x01), "rpId", Kind::Text),
    Field::required(Key::Int(0x02), "clientDataHash", Kind::Bytes),
    Field::optional(Key::Int(0x03), "allowList", Kind::Array),
    Field::optional(Key::Int(0x04), "extensions", Kind::Map),
    Field::optional(Key::Int(0x05), "options", Kind::Map),
    Field::optional(Key::Int(0x06), "pinUvAuthParam", Kind::Bytes),
    Field::optional(Key::Int(0x07), "pinUvAuthProtocol", Kind::Uint),
];

impl GetAssertion {
    /// Reads the parameters.
    ///
    /// # Errors
    /// The statuses of [`Record::read`] for each map; INVALID_LENGTH if clientDataHash is not 32 bytes.
    pub fn decode(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "authenticatorGetAssertion", REQUEST)?;
        let hash = map.bytes(0x02).expect("required by the table");
        let [up, uv, rk] = read_options(map.any(0x05), ["up", "uv", "rk"])?;
        Ok(Self {
            rp_id: map.text(0x01).expect("required by the table").into(),
            client_data_hash: hash.try_into().map_err(|_| {
                Status::INVALID_LENGTH.because("CTAP 2.1 §6.2: clientDataHash is not 32 bytes")
            })?,
            allow_list: Descriptor::read_list(map.array(0x03).unwrap_or_default())?,
            extensions: map.any(0x04).cloned(),
            up,
            uv,
            rk,
            pin_uv_auth_param: map.bytes(0x06).map(Into::into),
            pin_uv_auth_protocol: map.int(0x07),
        })
    }

    /// The request as a platform sends it.
    pub fn encode(&self) -> Vec<u8> {
        let parameters = cbor::int_map([
            (0x01, Some(cbor::text(self.rp_id.as_str()))),
            (0x02, Some(cbor::bytes(self.client_data_hash))),
            (0x03, Descriptor::list_to_value(&self.allow_list)),
            (0x04, self.extensions.clone()),
            (0x05, options_to_value([("rk", self.rk), ("up", self.up), ("uv", self.uv)])),
            (0x06, self.pin_uv_auth_param.as_deref().map(cbor::bytes)),
            (0x07, self.pin_uv_auth_protocol.map(Value::from)),
        ]);
        message(Command::GET_ASSERTION, &parameters)
    }
}

/// The members of the answer to either command.
#[derive(Clone, Debug, PartialEq)]
pub struct GetAssertionResponse {
    /// Which credential signed. Required since CTAP 2.1.
    pub credential: Option<Descriptor>,
    /// Authenticator data as it was signed.
    pub auth_data: Vec<u8>,
    /// The signature over authenticator data and clientDataHash.
    pub signature: Vec<u8>,
    /// The account, for discoverable credentials.
    pub user: Option<UserEntity>,
    /// How many accounts match, if more than one and this is the first.
    pub number_of_credentials: Option<u64>,
    /// Whether the user chose the account on the authenticator.
    pub user_selected: bool,
    /// The key under which the platform keeps a large blob.
    pub large_blob_key: Option<Vec<u8>>,
    /// Extension outputs that are not signed (CTAP 2.2), a map with text keys; `None` if there are none.
    pub unsigned_extension_outputs: Option<Value>,
}

const RESPONSE: &[Field] = &[
    Field::optional(Key::Int(0x01), "credential", Kind::Map),
    Field::required(Key::Int(0x02), "authData", Kind::Bytes),
    Field::required(Key::Int(0x03), "signature", Kind::Bytes),
    Field::optional(Key::Int(0x04), "user", Kind::Map),
    Field::optional(Key::Int(0x05), "numberOfCredentials", Kind::Uint),
    Field::optional(Key::Int(0x06), "userSelected", Kind::Bool),
    Field::optional(Key::Int(0x07), "largeBlobKey", Kind::Bytes),
    Field::optional(Key::Int(0x08), "unsignedExtensionOutputs", Kind::Map),
];

impl GetAssertionResponse {
    /// The response as an authenticator sends it, status included.
    pub fn encode(&self) -> Vec<u8> {
        success(&cbor::int_map([
            (0x01, self.credential.as_ref().map(Descriptor::to_value)),
            (0x02, Some(cbor::bytes(self.auth_data.as_slice()))),
            (0x03, Some(cbor::bytes(self.signature.as_slice()))),
            (0x04, self.user.as_ref().map(UserEntity::to_value)),
            (0x05, self.number_of_credentials.map(Value::from)),
            (0x06, self.user_selected.then_some(Value::Bool(true))),
            (0x07, self.large_blob_key.as_deref().map(cbor::bytes)),
            (0x08, self.unsigned_extension_outputs.clone()),
        ]))
    }

    /// Reads a response, status included.
    ///
    /// # Errors
    /// The status if it is not OK; the statuses of [`Record::read`] if the members do not fit.
    pub fn decode(response: &[u8]) -> Result<Self, CtapError> {
        let value = members_of(response)?;
        let map = Record::read(&value, "authenticatorGetAssertion response", RESPONSE)?;
        Ok(Self {
            credential: map.any(0x01).map(Descriptor::read).transpose()?.flatten(),
            auth_data: map.bytes(0x02).expect("required by the table").into(),
            signature: map.bytes(0x03).expect("required by the table").into(),
            user: map.any(0x04).map(UserEntity::read).transpose()?,
            number_of_credentials: map.int(0x05).and_then(|n| u64::try_from(n).ok()),
            user_selected: map.bool(0x06).unwrap_or(false),
            large_blob_key: map.bytes(0x07).map(Into::into),
            unsigned_extension_outputs: map.any(0x08).cloned(),
        })
    }
}
