//! authenticatorGetInfo (0x04), CTAP 2.1 §6.4 to CTAP 2.3 §6.4.
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

/// The members of the answer. Absent members are `None` or empty; a list that is there but empty is `Some`.
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
    /// 0x06: PIN/UV auth protocols, most preferred first.
    pub pin_uv_auth_protocols: Vec<i64>,
    /// 0x07: entries that an allowList or excludeList may have.
    pub max_credential_count_in_list: Option<u64>,
    /// 0x08: bytes that a credential ID may have.
    pub max_credential_id_length: Option<u64>,
    /// 0x09: AuthenticatorTransport values.
    pub transports: Vec<String>,
    /// 0x0A: algorithms, most preferred first.
    pub algorithms: Vec<Algorithm>,
    /// 0x0B: bytes that the serialized large-blob array may have, its 16-byte trailer included.
    pub max_serialized_large_blob_array: Option<u64>,
    /// 0x0C: the PIN must be changed before it is used again.
    pub force_pin_change: Option<bool>,
    /// 0x0D: code points that a PIN must have.
    pub min_pin_length: Option<u64>,
    /// 0x0E: firmware version.
    pub firmware_version: Option<u64>,
    /// 0x0F: bytes that a credBlob may have.
    pub max_cred_blob_length: Option<u64>,
    /// 0x10: RP IDs that setMinPINLength may name.
    pub max_rp_ids_for_set_min_pin_length: Option<u64>,
    /// 0x11: attempts that a platform should make before it offers the PIN.
    pub preferred_platform_uv_attempts: Option<u64>,
    /// 0x12: bit flags of FIDO Registry §3.1: how the user is verified.
    pub uv_modality: Option<u64>,
    /// 0x13: certifications by name and level.
    pub certifications: Vec<(String, u64)>,
    /// 0x14: discoverable credentials that still fit.
    pub remaining_discoverable_credentials: Option<u64>,
    /// 0x15: vendor subcommands of authenticatorConfig.
    pub vendor_prototype_config_commands: Option<Vec<u64>>,
    /// 0x16: attestation statement formats (CTAP 2.2).
    pub attestation_formats: Vec<String>,
    /// 0x17: verifications since the PIN was last entered (CTAP 2.2).
    pub uv_count_since_last_pin_entry: Option<u64>,
    /// 0x18: a reset wants a long touch (CTAP 2.2).
    pub long_touch_for_reset: Option<bool>,
    /// 0x19: who this is, for holders of the persistent token (CTAP 2.2).
    pub enc_identifier: Option<Vec<u8>>,
    /// 0x1A: transports over which a reset is allowed (CTAP 2.2).
    pub transports_for_reset: Vec<String>,
    /// 0x1B: whether PINs must be complex (CTAP 2.2).
    pub pin_complexity_policy: Option<bool>,
    /// 0x1C: where the rules are written, as a byte string (CTAP 2.2).
    pub pin_complexity_policy_url: Option<Vec<u8>>,
    /// 0x1D: code points that a PIN may have; 63 if absent (CTAP 2.2).
    pub max_pin_length: Option<u64>,
    /// 0x1E: what is stored, for holders of the persistent token (CTAP 2.3).
    pub enc_cred_store_state: Option<Vec<u8>>,
    /// 0x1F: subcommands of authenticatorConfig (CTAP 2.3).
    pub authenticator_config_commands: Option<Vec<u64>>,
}

const RESPONSE: &[Field] = &[
    Field::required(Key::Int(0x01), "versions", Kind::Array),
    Field::optional(Key::Int(0x02), "extensions", Kind::Array),
    Field::required(Key::Int(0x03), "aaguid", Kind::Bytes),
    Field::optional(Key::Int(0x04), "options", Kind::Map),
    Field::optional(Key::Int(0x05), "maxMsgSize", Kind::Uint),
    Field::optional(Key::Int(0x06), "pinUvAuthProtocols", Kind::Array),
    Field::optional(Key::Int(0x07), "maxCredentialCountInList", Kind::Uint),
    Field::optional(Key::Int(0x08), "maxCredentialIdLength", Kind::Uint),
    Field::optional(Key::Int(0x09), "transports", Kind::Array),
    Field::optional(Key::Int(0x0A), "algorithms", Kind::Array),
    Field::optional(Key::Int(0x0B), "maxSerializedLargeBlobArray", Kind::Uint),
    Field::optional(Key::Int(0x0C), "forcePINChange", Kind::Bool),
    Field::optional(Key::Int(0x0D), "minPINLength", Kind::Uint),
    Field::optional(Key::Int(0x0E), "firmwareVersion", Kind::Uint),
    Field::optional(Key::Int(0x0F), "maxCredBlobLength", Kind::Uint),
    Field::optional(Key::Int(0x10), "maxRPIDsForSetMinPINLength", Kind::Uint),
    Field::optional(Key::Int(0x11), "preferredPlatformUvAttempts", Kind::Uint),
    Field::optional(Key::Int(0x12), "uvModality", Kind::Uint),
    Field::optional(Key::Int(0x13), "certifications", Kind::Map),
    Field::optional(Key::Int(0x14), "remainingDiscoverableCredentials", Kind::Uint),
    Field::optional(Key::Int(0x15), "vendorPrototypeConfigCommands", Kind::Array),
    Field::optional(Key::Int(0x16), "attestationFormats", Kind::Array),
    Field::optional(Key::Int(0x17), "uvCountSinceLastPinEntry", Kind::Uint),
    Field::optional(Key::Int(0x18), "longTouchForReset", Kind::Bool),
    Field::optional(Key::Int(0x19), "encIdentifier", Kind::Bytes),
    Field::optional(Key::Int(0x1A), "transportsForReset", Kind::Array),
    Field::optional(Key::Int(0x1B), "pinComplexityPolicy", Kind::Bool),
    Field::optional(Key::Int(0x1C), "pinComplexityPolicyURL", Kind::Bytes),
    Field::optional(Key::Int(0x1D), "maxPINLength", Kind::Uint),
    Field::optional(Key::Int(0x1E), "encCredStoreState", Kind::Bytes),
    Field::optional(Key::Int(0x1F), "authenticatorConfigCommands", Kind::Array),
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
        let number = |number: Option<u64>| number.map(Value::from);
        let bytes = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(cbor::bytes);
        let algorithms = self
            .algorithms
            .iter()
            .map(|alg| cbor::text_map([("alg", Some(alg.0.into())), ("type", Some(cbor::text(PUBLIC_KEY)))]));
        success(&cbor::int_map([
            (0x01, texts(&self.versions)),
            (0x02, texts(&self.extensions)),
            (0x03, Some(cbor::bytes(self.aaguid.0))),
            (0x04, map(&self.options, |value| Value::Bool(*value))),
            (0x05, number(self.max_msg_size)),
            (0x06, array(self.pin_uv_auth_protocols.iter().map(|n| Value::from(*n)).collect())),
            (0x07, number(self.max_credential_count_in_list)),
            (0x08, number(self.max_credential_id_length)),
            (0x09, texts(&self.transports)),
            (0x0A, array(algorithms.collect())),
            (0x0B, number(self.max_serialized_large_blob_array)),
            (0x0C, self.force_pin_change.map(Value::Bool)),
            (0x0D, number(self.min_pin_length)),
            (0x0E, number(self.firmware_version)),
            (0x0F, number(self.max_cred_blob_length)),
            (0x10, number(self.max_rp_ids_for_set_min_pin_length)),
            (0x11, number(self.preferred_platform_uv_attempts)),
            (0x12, number(self.uv_modality)),
            (0x13, map(&self.certifications, |value| Value::from(*value))),
            (0x14, number(self.remaining_discoverable_credentials)),
            (0x15, self.vendor_prototype_config_commands.as_deref().map(numbers)),
            (0x16, texts(&self.attestation_formats)),
            (0x17, number(self.uv_count_since_last_pin_entry)),
            (0x18, self.long_touch_for_reset.map(Value::Bool)),
            (0x19, bytes(&self.enc_identifier)),
            (0x1A, texts(&self.transports_for_reset)),
            (0x1B, self.pin_complexity_policy.map(Value::Bool)),
            (0x1C, bytes(&self.pin_complexity_policy_url)),
            (0x1D, number(self.max_pin_length)),
            (0x1E, bytes(&self.enc_cred_store_state)),
            (0x1F, self.authenticator_config_commands.as_deref().map(numbers)),
        ]))
    }

    /// Reads a response, status included. Items that are not text where text belongs are passed over.
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
        let bytes = |key: i64| map.bytes(key).map(Into::into);
        let numbers = |key: i64| {
            let items = map.array(key)?;
            Some(items.iter().filter_map(|item| u64::try_from(item.as_integer()?).ok()).collect())
        };
        let members = |key: i64| map.any(key).and_then(Value::as_map).map(Vec::as_slice).unwrap_or_default();
        let aaguid = map.bytes(0x03).expect("required by the table").try_into();
        let protocols = map.array(0x06).unwrap_or_default();
        Ok(Self {
            versions: texts(0x01),
            extensions: texts(0x02),
            aaguid: Aaguid(
                aaguid
                    .map_err(|_| Status::INVALID_LENGTH.because("CTAP 2.1 §6.4: aaguid is not 16 bytes"))?,
            ),
            options: members(0x04)
                .iter()
                .filter_map(|(name, value)| Some((name.as_text()?.into(), value.as_bool()?)))
                .collect(),
            max_msg_size: number(0x05),
            pin_uv_auth_protocols: protocols
                .iter()
                .filter_map(|n| i64::try_from(n.as_integer()?).ok())
                .collect(),
            max_credential_count_in_list: number(0x07),
            max_credential_id_length: number(0x08),
            transports: texts(0x09),
            algorithms: map.array(0x0A).unwrap_or_default().iter().filter_map(algorithm).collect(),
            max_serialized_large_blob_array: number(0x0B),
            force_pin_change: map.bool(0x0C),
            min_pin_length: number(0x0D),
            firmware_version: number(0x0E),
            max_cred_blob_length: number(0x0F),
            max_rp_ids_for_set_min_pin_length: number(0x10),
            preferred_platform_uv_attempts: number(0x11),
            uv_modality: number(0x12),
            certifications: members(0x13)
                .iter()
                .filter_map(|(name, level)| {
                    Some((name.as_text()?.into(), u64::try_from(level.as_integer()?).ok()?))
                })
                .collect(),
            remaining_discoverable_credentials: number(0x14),
            vendor_prototype_config_commands: numbers(0x15),
            attestation_formats: texts(0x16),
            uv_count_since_last_pin_entry: number(0x17),
            long_touch_for_reset: map.bool(0x18),
            enc_identifier: bytes(0x19),
            transports_for_reset: texts(0x1A),
            pin_complexity_policy: map.bool(0x1B),
            pin_complexity_policy_url: bytes(0x1C),
            max_pin_length: number(0x1D),
            enc_cred_store_state: bytes(0x1E),
            authenticator_config_commands: numbers(0x1F),
        })
    }
}

fn array(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then_some(Value::Array(items))
}

fn texts(list: &[String]) -> Option<Value> {
    array(list.iter().map(|t| cbor::text(t.as_str())).collect())
}

fn numbers(list: &[u64]) -> Value {
    Value::Array(list.iter().map(|n| Value::from(*n)).collect())
}

fn map<T>(members: &[(String, T)], value: impl Fn(&T) -> Value) -> Option<Value> {
    let members = members.iter().map(|(name, member)| (cbor::text(name.as_str()), value(member)));
    let members: Vec<(Value, Value)> = members.collect();
    (!members.is_empty()).then_some(Value::Map(members))
}

/// The algorithm of a PublicKeyCredentialParameters map; `None` if it is malformed.
fn algorithm(item: &Value) -> Option<Algorithm> {
    let alg = item.as_map()?.iter().find(|(key, _)| key.as_text() == Some("alg"))?;
    i64::try_from(alg.1.as_integer()?).ok().map(Algorithm)
}
