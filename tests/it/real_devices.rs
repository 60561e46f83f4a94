//! Profiles of products beside what the products answer: getInfo differs in the members that are named here, each
//! with its reason, and in no other.
use authenticator::{Link, Via};
use emulator::DeviceProfile;
use std::collections::{BTreeMap, BTreeSet};
use tests::{NOW, Rig};
use wire::ctap2::GetInfoResponse;

const FIXTURE: &str = include_str!("../../fixtures/getinfo/real-devices.txt");

/// Profile (or the beginning of its name), member, and why it differs.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("yubikey-5", "maxCredentialIdLength", "128, and IDs that are made here are longer"),
    ("feitian-biopass", "maxCredentialIdLength", "96, and IDs that are made here are longer"),
    ("windows-hello", "maxCredentialIdLength", "32, and IDs that are made here are longer"),
    ("windows-hello", "maxMsgSize", "the statement has none, as Windows is asked through an API"),
    ("windows-hello", "minPINLength", "Windows verifies by itself, and CTAP's PIN is not there"),
    ("windows-hello", "option uv", "clients ask for it, and the statement has none"),
];

/// The answers that name a profile: the profile's name, and what the real one says.
fn real() -> Vec<(String, GetInfoResponse)> {
    let block = |block: &str| {
        let lines =
            block.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
        let members: BTreeMap<_, _> = lines.collect();
        let hex = members.get("hex")?;
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        let bytes: Vec<u8> = bytes.collect();
        Some((members.get("profile")?.to_string(), GetInfoResponse::decode(&bytes).unwrap()))
    };
    FIXTURE.split("\n\n").filter_map(block).collect()
}

/// What the profile says where its product is: a platform authenticator on its own computer, others on USB.
fn ours(profile: &DeviceProfile) -> GetInfoResponse {
    let platform = profile.authenticator.seen.iter().any(|(_, seen)| seen.platform);
    let link = if platform { Link::Internal } else { Link::Usb };
    let mut rig = Rig::new(profile.authenticator.clone());
    let via = Via { link, channel: 1 };
    let reply = rig.call_with(NOW, via, &GetInfoResponse::request(), |_| unreachable!());
    GetInfoResponse::decode(&reply).unwrap()
}

/// The members and options in which two answers differ, by their names in CTAP. What is there is destructured, so
/// that no member can be forgotten.
fn differences(one: &GetInfoResponse, other: &GetInfoResponse) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    macro_rules! compare {
        ($($member:ident $name:literal),* $(,)?) => {
            let GetInfoResponse { options: _, $($member: _),* } = one;
            $(if one.$member != other.$member { found.insert($name.to_string()); })*
        };
    }
    compare! {
        versions "versions",
        extensions "extensions",
        aaguid "aaguid",
        max_msg_size "maxMsgSize",
        pin_uv_auth_protocols "pinUvAuthProtocols",
        max_credential_count_in_list "maxCredentialCountInList",
        max_credential_id_length "maxCredentialIdLength",
        transports "transports",
        algorithms "algorithms",
        max_serialized_large_blob_array "maxSerializedLargeBlobArray",
        force_pin_change "forcePINChange",
        min_pin_length "minPINLength",
        firmware_version "firmwareVersion",
        max_cred_blob_length "maxCredBlobLength",
        max_rp_ids_for_set_min_pin_length "maxRPIDsForSetMinPINLength",
        preferred_platform_uv_attempts "preferredPlatformUvAttempts",
        uv_modality "uvModality",
        certifications "certifications",
        remaining_discoverable_credentials "remainingDiscoverableCredentials",
        vendor_prototype_config_commands "vendorPrototypeConfigCommands",
        attestation_formats "attestationFormats",
        uv_count_since_last_pin_entry "uvCountSinceLastPinEntry",
        long_touch_for_reset "longTouchForReset",
        enc_identifier "encIdentifier",
        transports_for_reset "transportsForReset",
        pin_complexity_policy "pinComplexityPolicy",
        pin_complexity_policy_url "pinComplexityPolicyURL",
        max_pin_length "maxPINLength",
        enc_cred_store_state "encCredStoreState",
        authenticator_config_commands "authenticatorConfigCommands",
    }
    let names = one.options.iter().chain(&other.options).map(|(name, _)| name.as_str());
    found.extend(
        names.filter(|name| one.option(name) != other.option(name)).map(|name| format!("option {name}")),
    );
    found
}

#[test]
fn profiles_of_products_answer_get_info_as_the_products_do_but_for_what_is_named() {
    let real = real();
    assert!(real.len() >= 8, "{}", real.len());
    for (name, real) in real {
        let profile = DeviceProfile::named(&name).unwrap_or_else(|| panic!("{name} is not built in"));
        let expected = DIFFERENCES.iter().filter(|(profile, ..)| name.starts_with(profile));
        let expected: BTreeSet<String> = expected.map(|(_, member, _)| member.to_string()).collect();
        assert_eq!(differences(&real, &ours(&profile)), expected, "{name}");
    }
}
