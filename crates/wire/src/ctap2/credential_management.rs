//! authenticatorCredentialManagement (0x0A, preview 0x41), CTAP 2.1 §6.8.
use super::entities::{Descriptor, RpEntity, UserEntity};
use super::{Command, message, success};
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::CtapError;
use alloc::vec::Vec;

/// What authenticatorCredentialManagement is asked to do. Unknown values survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subcommand(pub i64);

impl Subcommand {
    /// How many there are and fit.
    pub const GET_CREDS_METADATA: Self = Self(0x01);
    /// The first relying party.
    pub const ENUMERATE_RPS_BEGIN: Self = Self(0x02);
    /// The next relying party.
    pub const ENUMERATE_RPS_NEXT: Self = Self(0x03);
    /// The first credential of a relying party.
    pub const ENUMERATE_CREDENTIALS_BEGIN: Self = Self(0x04);
    /// The next credential.
    pub const ENUMERATE_CREDENTIALS_NEXT: Self = Self(0x05);
    /// Deletes one.
    pub const DELETE_CREDENTIAL: Self = Self(0x06);
    /// Gives its account other names.
    pub const UPDATE_USER_INFORMATION: Self = Self(0x07);
}

/// The parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialManagement {
    /// What to do.
    pub subcommand: Subcommand,
    /// subCommandParams as they came: what pinUvAuthParam is made over.
    pub raw_parameters: Option<Value>,
    /// SHA-256 of an RP ID.
    pub rp_id_hash: Option<[u8; 32]>,
    /// Which credential.
    pub credential: Option<Descriptor>,
    /// The account's new names.
    pub user: Option<UserEntity>,
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

const PARAMETERS: &[Field] = &[
    Field::optional(Key::Int(0x01), "rpIDHash", Kind::Bytes),
    Field::optional(Key::Int(0x02), "credentialID", Kind::Map),
    Field::optional(Key::Int(0x03), "user", Kind::Map),
];

impl CredentialManagement {
    /// Reads the parameters.
    ///
    /// # Errors
    /// The statuses of [`Record::read`] for each map; INVALID_LENGTH if rpIDHash is not 32 bytes.
    pub fn decode(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "authenticatorCredentialManagement", REQUEST)?;
        let empty = Value::Map(Vec::new());
        let raw = map.any(0x02);
        let parameters = Record::read(raw.unwrap_or(&empty), "subCommandParams", PARAMETERS)?;
        let hash = parameters.bytes(0x01).map(<[u8; 32]>::try_from).transpose();
        Ok(Self {
            subcommand: Subcommand(map.int(0x01).expect("required by the table")),
            raw_parameters: raw.cloned(),
            rp_id_hash: hash.map_err(|_| {
                crate::status::Status::INVALID_LENGTH.because("CTAP 2.1 §6.8: rpIDHash is not 32 bytes")
            })?,
            credential: parameters.any(0x02).map(Descriptor::read).transpose()?.flatten(),
            user: parameters.any(0x03).map(UserEntity::read).transpose()?,
            protocol: map.int(0x03),
            pin_uv_auth_param: map.bytes(0x04).map(Into::into),
        })
    }

    /// What a pinUvAuthParam for this request is made over: the subcommand byte and the encoded parameters.
    pub fn authenticated(&self) -> Vec<u8> {
        let mut message = Vec::from([u8::try_from(self.subcommand.0).unwrap_or(0)]);
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
        message(Command::CREDENTIAL_MANAGEMENT, &parameters)
    }
}

/// The members of the answer. Which are there depends on the subcommand.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CredentialManagementResponse {
    /// Discoverable credentials there are.
    pub existing: Option<u64>,
    /// Discoverable credentials that still fit, at least.
    pub remaining: Option<u64>,
    /// A relying party.
    pub rp: Option<RpEntity>,
    /// SHA-256 of its RP ID.
    pub rp_id_hash: Option<[u8; 32]>,
    /// How many relying parties there are; with the first only.
    pub total_rps: Option<u64>,
    /// An account.
    pub user: Option<UserEntity>,
    /// Its credential.
    pub credential: Option<Descriptor>,
    /// The public key, as it was created.
    pub public_key: Option<Value>,
    /// How many credentials there are; with the first only.
    pub total_credentials: Option<u64>,
    /// The credProtect level.
    pub cred_protect: Option<u64>,
    /// The large-blob key.
    pub large_blob_key: Option<Vec<u8>>,
    /// Whether third-party payment is allowed (CTAP 2.2).
    pub third_party_payment: Option<bool>,
}

impl CredentialManagementResponse {
    /// The response as an authenticator sends it, status included.
    pub fn encode(&self) -> Vec<u8> {
        success(&cbor::int_map([
            (0x01, self.existing.map(Value::from)),
            (0x02, self.remaining.map(Value::from)),
            (0x03, self.rp.as_ref().map(RpEntity::to_value)),
            (0x04, self.rp_id_hash.map(cbor::bytes)),
            (0x05, self.total_rps.map(Value::from)),
            (0x06, self.user.as_ref().map(UserEntity::to_value)),
            (0x07, self.credential.as_ref().map(Descriptor::to_value)),
            (0x08, self.public_key.clone()),
            (0x09, self.total_credentials.map(Value::from)),
            (0x0A, self.cred_protect.map(Value::from)),
            (0x0B, self.large_blob_key.as_deref().map(cbor::bytes)),
            (0x0C, self.third_party_payment.map(Value::Bool)),
        ]))
    }
}
