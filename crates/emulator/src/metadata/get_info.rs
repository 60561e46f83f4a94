//! What a device of a profile answers to authenticatorGetInfo as it leaves the factory, in JSON.
use super::MetadataError;
use crate::{DeviceProfile, FastSigner};
use authenticator::store::MemoryStore;
use authenticator::{Authenticator, Link, Progress, Request, Via};
use rand_core::SeedableRng;
use serde_json::{Map, Value, json};
use wire::ctap2::GetInfoResponse;
use wire::time::Instant;

/// The answer over the link that the model is known by: in its own platform where it is one, over USB elsewhere.
pub(super) fn of(profile: &DeviceProfile) -> Result<GetInfoResponse, MetadataError> {
    let refused = || MetadataError::GetInfo(profile.name.clone());
    let is_platform = profile.authenticator.seen.iter().any(|(link, _)| *link == Link::Internal);
    let via = Via { link: if is_platform { Link::Internal } else { Link::Usb }, channel: 0 };
    let (claims, store, signer) =
        (profile.authenticator.clone(), Box::<MemoryStore>::default(), Box::<FastSigner>::default());
    // What is drawn at random is what metadata leaves out.
    let rng = Box::new(rand_chacha::ChaCha20Rng::from_seed([0; 32]));
    let device = Authenticator::power_up(Instant::POWER_UP, claims, store, signer, rng);
    let request = GetInfoResponse::request();
    match device.map_err(|_| refused())?.handle_request(Instant::POWER_UP, via, Request::Ctap2(&request)) {
        Progress::Reply(reply) => GetInfoResponse::decode(&reply).map_err(|_| refused()),
        Progress::AwaitingUser(_) | Progress::Processing => Err(refused()),
    }
}

/// AuthenticatorGetInfo, FIDO Metadata Statement 3.1 §4: the members by their names in CTAP 2.3 §6.4, and the AAGUID as 32
/// hexadecimal digits. encIdentifier (0x19) and encCredStoreState (0x1E) are single devices', and left out, as are empty lists.
pub(super) fn to_value(info: &GetInfoResponse) -> Value {
    let texts = |texts: &[String]| (!texts.is_empty()).then(|| json!(texts));
    let some = |value: Option<u64>| value.map(Value::from);
    let told = |value: Option<bool>| value.map(Value::from);
    let numbers = |numbers: &Option<Vec<u64>>| numbers.as_ref().map(|numbers| json!(numbers));
    let options: Map<_, _> = info.options.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let certifications: Map<_, _> =
        info.certifications.iter().map(|(name, level)| (name.clone(), json!(level))).collect();
    let algorithms =
        info.algorithms.iter().map(|algorithm| json!({ "type": "public-key", "alg": algorithm.0 }));
    let algorithms: Vec<_> = algorithms.collect();
    let protocols = &info.pin_uv_auth_protocols;
    let url = info.pin_complexity_policy_url.as_deref().map(|url| json!(String::from_utf8_lossy(url)));
    let members = [
        ("versions", texts(&info.versions)),
        ("extensions", texts(&info.extensions)),
        ("aaguid", Some(wire::hex::encode(&info.aaguid.0).into())),
        ("options", (!options.is_empty()).then_some(Value::Object(options))),
        ("maxMsgSize", some(info.max_msg_size)),
        ("pinUvAuthProtocols", (!protocols.is_empty()).then(|| json!(protocols))),
        ("maxCredentialCountInList", some(info.max_credential_count_in_list)),
        ("maxCredentialIdLength", some(info.max_credential_id_length)),
        ("transports", texts(&info.transports)),
        ("algorithms", (!algorithms.is_empty()).then(|| json!(algorithms))),
        ("maxSerializedLargeBlobArray", some(info.max_serialized_large_blob_array)),
        ("forcePINChange", told(info.force_pin_change)),
        ("minPINLength", some(info.min_pin_length)),
        ("firmwareVersion", some(info.firmware_version)),
        ("maxCredBlobLength", some(info.max_cred_blob_length)),
        ("maxRPIDsForSetMinPINLength", some(info.max_rp_ids_for_set_min_pin_length)),
        ("preferredPlatformUvAttempts", some(info.preferred_platform_uv_attempts)),
        ("uvModality", some(info.uv_modality)),
        ("certifications", (!certifications.is_empty()).then_some(Value::Object(certifications))),
        ("remainingDiscoverableCredentials", some(info.remaining_discoverable_credentials)),
        ("vendorPrototypeConfigCommands", numbers(&info.vendor_prototype_config_commands)),
        ("attestationFormats", texts(&info.attestation_formats)),
        ("uvCountSinceLastPinEntry", some(info.uv_count_since_last_pin_entry)),
        ("longTouchForReset", told(info.long_touch_for_reset)),
        ("transportsForReset", texts(&info.transports_for_reset)),
        ("pinComplexityPolicy", told(info.pin_complexity_policy)),
        ("pinComplexityPolicyURL", url),
        ("maxPINLength", some(info.max_pin_length)),
        ("authenticatorConfigCommands", numbers(&info.authenticator_config_commands)),
    ];
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(members.collect())
}
