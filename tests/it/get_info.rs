//! authenticatorGetInfo, CTAP 2.1 §6.4 to CTAP 2.3 §6.4: members that go together, on every profile, as it leaves the
//! factory and after what changes it.
use authenticator::profile::{Profile, Verification};
use emulator::DeviceProfile;
use std::collections::HashSet;
use tests::platform::Pin;
use tests::{Rig, all_in, every_mode, since_2_1};
use wire::cbor::{self, Value};
use wire::ctap2::{GetInfoResponse, Permissions, Versions};

const PIN: &str = "a1b2c3d4";

fn profiles() -> Vec<Profile> {
    // What a profile leaves out on purpose is compared with its product in `real_devices`.
    let all = DeviceProfile::built_in().into_iter().map(|profile| profile.authenticator);
    let built_in = all.filter(Profile::speaks_ctap2).map(|claims| Profile { untold: vec![], ..claims });
    let more = [
        Profile { always_uv: Some(true), ..all_in() },
        Profile { verification: Verification::OnRequest, ..all_in() },
        Profile { config_commands: vec![], ..all_in() },
        Profile { enterprise: None, discoverable: None, ..all_in() },
        all_in(),
        since_2_1(),
    ];
    built_in.chain(every_mode()).chain(more).collect()
}

/// Every profile as it leaves the factory and, where it takes a PIN, with one and its persistent token.
fn every(check: impl Fn(&Profile, &[u8], &GetInfoResponse)) {
    for profile in profiles() {
        let mut rig = Rig::new(profile.clone());
        let ask = |rig: &mut Rig| {
            let reply = rig.call_silently(&GetInfoResponse::request());
            check(&profile, &reply, &GetInfoResponse::decode(&reply).unwrap());
        };
        ask(&mut rig);
        if let Some(claims) = &profile.pin {
            let pin = Pin::new(claims.protocols[0].number());
            pin.set(&mut rig, PIN).unwrap();
            if profile.credential_management.persistent_read_only {
                pin.token(&mut rig, PIN, Permissions::PCMR, None).unwrap();
            }
            ask(&mut rig);
        }
    }
}

#[test]
fn lists_are_neither_empty_nor_say_anything_twice() {
    every(|profile, reply, _| {
        let Value::Map(members) = cbor::decode(&reply[1..]).unwrap() else { panic!("{profile:?}") };
        for (key, value) in members {
            let items: Vec<Vec<u8>> = match &value {
                Value::Array(items) => items.iter().map(cbor::encode).collect(),
                Value::Map(members) => members.iter().map(|(name, _)| cbor::encode(name)).collect(),
                _ => continue,
            };
            // authenticatorConfigCommands (0x1F) may be empty, as vendorPrototypeConfigCommands may.
            assert!(!items.is_empty() || key == Value::from(0x1F), "{key:?} of {profile:?}");
            assert_eq!(items.iter().collect::<HashSet<_>>().len(), items.len(), "{key:?} of {profile:?}");
        }
    });
}

#[test]
fn versions_are_defined_ones() {
    every(|profile, _, info| {
        for version in &info.versions {
            assert!(Versions::DEFINED.contains(&version.as_str()) && version != "FIDO_2_2", "{profile:?}");
        }
    });
}

#[test]
fn members_that_go_together_stand_together() {
    every(|profile, _, info| {
        let option = |name| info.option(name);
        let extends = |name: &str| info.extensions.iter().any(|extension| extension == name);
        let both = |a: bool, b: bool, what: &str| assert_eq!(a, b, "{what}: {profile:?}");
        let implies = |a: bool, b: bool, what: &str| assert!(!a || b, "{what}: {profile:?}");
        let pin = option("clientPin").is_some();

        implies(option("alwaysUv") == Some(true), option("makeCredUvNotRqd") != Some(true), "alwaysUv");
        both(extends("credBlob"), info.max_cred_blob_length.is_some(), "credBlob and its limit");
        implies(extends("credBlob"), info.max_cred_blob_length >= Some(32), "credBlob");
        let array = option("largeBlobs") == Some(true);
        both(array, info.max_serialized_large_blob_array.is_some(), "largeBlobs and its limit");
        implies(array, info.max_serialized_large_blob_array >= Some(1024), "largeBlobs");
        implies(extends("largeBlobKey"), array, "largeBlobKey");
        implies(extends("largeBlob"), !array && !extends("largeBlobKey"), "largeBlob excludes the array");
        both(pin, info.min_pin_length.is_some(), "clientPin and minPINLength");
        implies(pin, info.min_pin_length >= Some(4), "minPINLength");
        implies(info.max_pin_length.is_some(), pin && info.max_pin_length >= Some(8), "maxPINLength");
        both(pin, !info.pin_uv_auth_protocols.is_empty(), "clientPin and its protocols");
        let set_min = option("setMinPINLength") == Some(true);
        implies(set_min, pin, "setMinPINLength");
        both(set_min, info.max_rp_ids_for_set_min_pin_length.is_some(), "maxRPIDsForSetMinPINLength");
        implies(info.pin_complexity_policy.is_some(), pin, "pinComplexityPolicy");
        implies(extends("minPinLength") && option("authnrCfg").is_some(), set_min, "minPinLength");
        implies(option("pinUvAuthToken") == Some(true), pin || option("uv").is_some(), "pinUvAuthToken");
        assert!(!info.attestation_formats.iter().any(|format| format == "none"), "{profile:?}");
        assert_eq!(
            info.vendor_prototype_config_commands, None,
            "{profile:?}: no vendor commands, so no 0xFF"
        );
        assert!(info.max_msg_size >= Some(1024) && info.max_msg_size <= Some(7609), "{profile:?}");
        implies(true, info.max_credential_count_in_list > Some(0), "maxCredentialCountInList");
        implies(true, info.max_credential_id_length > Some(0), "maxCredentialIdLength");
        for option in ["rk", "up", "plat"] {
            assert!(info.option(option).is_some(), "{option}: {profile:?}");
        }
        both(info.enc_identifier.is_some(), info.enc_cred_store_state.is_some(), "encIdentifier");
        let persistent = profile.tells_identifier && option("clientPin") == Some(true);
        both(info.enc_identifier.is_some(), persistent, "told once the persistent token was given out");
        if let Some(sealed) = &info.enc_identifier {
            assert_eq!(sealed.len(), 32, "an IV and one block");
        }
    });
}
