//! What PATCH takes, and how it says no.
use super::*;

const DEFAULT: &str = "00000000-0000-0000-0000-000000000001";
const SECOND: &str = "77777777-8888-4999-8aaa-bbbbbbbbbbbb";
const THIRD: &str = "77777777-8888-4999-8aaa-cccccccccccc";

fn profile(id: &str) -> Value {
    json!({ "id": id, "name": format!("profile {id}"), "passkeyTypes": "deviceBound,synced" })
}

fn target(id: &str, profiles: &[&str]) -> Value {
    json!({ "targetType": "group", "id": id, "isRegistrationRequired": false, "allowedPasskeyProfiles": profiles })
}

/// A tenant with two profiles, both in use.
fn with_profiles() -> Fido2Policy {
    patched(
        &Fido2Policy::default(),
        json!({
            "passkeyProfiles": [profile(DEFAULT), profile(SECOND)],
            "includeTargets": [target("all_users", &[DEFAULT]), target(GROUP, &[SECOND])],
        }),
    )
}

#[test]
fn what_is_not_named_stays() {
    let before = patched(
        &Fido2Policy::default(),
        json!({ "state": "enabled", "keyRestrictions": { "isEnforced": true, "enforcementType": "allow", "aaGuids": [YUBIKEY] } }),
    );
    // Also within keyRestrictions.
    let after = patched(&before, json!({ "keyRestrictions": { "enforcementType": "block" } }));
    assert_eq!(after.key_restrictions.aa_guids, before.key_restrictions.aa_guids);
    assert!(after.key_restrictions.is_enforced);
    assert_eq!(after.key_restrictions.enforcement_type, EnforcementType::Block);
    assert_eq!(after.state, State::Enabled);
    assert_eq!(patched(&before, json!({})), before);
}

#[test]
fn a_list_is_replaced_whole() {
    let one = patched(&Fido2Policy::default(), json!({ "keyRestrictions": { "aaGuids": [YUBIKEY] } }));
    let other = patched(&one, json!({ "keyRestrictions": { "aaGuids": [AUTHENTICATOR_IOS.to_string()] } }));
    assert_eq!(other.key_restrictions.aa_guids, [AUTHENTICATOR_IOS]);
    let none = patched(&other, json!({ "keyRestrictions": { "aaGuids": [] } }));
    assert!(none.key_restrictions.aa_guids.is_empty());
    let nobody = patched(&one, json!({ "includeTargets": [], "excludeTargets": [{ "id": GROUP }] }));
    assert!(nobody.include_targets.is_empty());
    assert_eq!(nobody.exclude_targets.len(), 1);
}

#[test]
fn names_words_and_ids_are_read_in_any_case_and_booleans_as_text() {
    let policy = patched(
        &Fido2Policy::default(),
        json!({
            "STATE": "Enabled",
            "ID": "FIDO2",
            "IsAttestationEnforced": "False",
            "isSelfServiceRegistrationAllowed": "true",
            "KeyRestrictions": { "@odata.type": "#microsoft.graph.fido2KeyRestrictions", "IsEnforced": "TRUE",
                "EnforcementType": "Allow", "AaGuids": ["EE882879-721C-4913-9775-3DFCCE97072A"] },
            "includeTargets@odata.context": "https://graph.microsoft.com/v1.0/$metadata",
            "includeTargets": [{ "Id": "ALL_USERS", "targetType": "Group", "displayName": "All users" }],
        }),
    );
    let document = policy.to_graph(Behaviour::Current);
    assert_eq!(document["state"], "enabled");
    assert_eq!(document["isAttestationEnforced"], false);
    assert_eq!(document["keyRestrictions"]["aaGuids"], json!([YUBIKEY]));
    assert_eq!(document["includeTargets"][0]["id"], "all_users");
}

#[test]
fn the_type_has_to_be_said() {
    let policy = Fido2Policy::default();
    let refuse = |body: Value| policy.patched(&body, Behaviour::Current).unwrap_err();
    let missing = refuse(json!({ "state": "enabled" }));
    assert_eq!(missing.message, "@odata.type is missing");
    assert!(missing.hint.unwrap().contains("#microsoft.graph.fido2AuthenticationMethodConfiguration"));
    let other = refuse(json!({ "@odata.type": authenticator::TYPE }));
    assert!(other.message.starts_with("@odata.type: expected #microsoft.graph.fido2"), "{other}");
    assert_eq!(refuse(json!([])).message, "expected an object, not a list of 0");
    assert_eq!(refuse(json!(null)).message, "expected an object, not null");
}

#[test]
fn an_unknown_property_is_refused_with_the_nearest_name() {
    let policy = Fido2Policy::default();
    let typo = refused(&policy, json!({ "isAttestationEnforce": true }));
    assert_eq!(typo.message, "there is no property \"isAttestationEnforce\"");
    assert_eq!(typo.hint.as_deref(), Some("did you mean isAttestationEnforced?"));
    let deep = refused(&policy, json!({ "keyRestrictions": { "aaguid": [] } }));
    assert_eq!(deep.message, "keyRestrictions: there is no property \"aaguid\"");
    assert_eq!(deep.hint.as_deref(), Some("did you mean aaGuids?"));
    let far = refused(&policy, json!({ "zzz": 1 }));
    assert!(far.hint.unwrap().starts_with("there are id, state, "));
    let long = refused(&policy, json!({ "x".repeat(100_000): 1 }));
    assert!(long.message.len() < 200);
}

#[test]
fn each_wrong_value_is_refused_with_its_place() {
    for (members, message) in [
        (json!({ "state": "on" }), "state: expected enabled or disabled, not \"on\""),
        (json!({ "state": null }), "state: expected enabled or disabled, not null"),
        (json!({ "state": "enabled", "State": "enabled" }), "state is there twice, in different case"),
        (json!({ "id": "Fido3" }), "id: expected Fido2, not \"Fido3\": an ID is not changed"),
        (json!({ "id": 2 }), "id: expected text, not 2"),
        (
            json!({ "isAttestationEnforced": "yes" }),
            "isAttestationEnforced: expected true or false, not \"yes\"",
        ),
        (json!({ "isAttestationEnforced": 1 }), "isAttestationEnforced: expected true or false, not 1"),
        (json!({ "keyRestrictions": [] }), "keyRestrictions: expected an object, not a list of 0"),
        (
            json!({ "keyRestrictions": { "enforcementType": "unknownFutureValue" } }),
            "keyRestrictions.enforcementType: expected allow or block, not \"unknownFutureValue\"",
        ),
        (
            json!({ "keyRestrictions": { "aaGuids": [YUBIKEY, "ee88"] } }),
            "keyRestrictions.aaGuids[1]: expected an AAGUID such as 90a3ccdf-635c-4729-a248-9b709135078f, not \"ee88\"",
        ),
        (
            json!({ "keyRestrictions": { "aaGuids": {} } }),
            "keyRestrictions.aaGuids: expected a list, not an object of 0",
        ),
        (json!({ "includeTargets": [{}] }), "includeTargets[0]: id is missing"),
        (
            json!({ "includeTargets": [{ "id": "everyone" }] }),
            "includeTargets[0].id: expected an ID such as 11111111-2222-4333-8444-555555555555, not \"everyone\"",
        ),
        (
            json!({ "includeTargets": [{ "id": GROUP, "targetType": "role" }] }),
            "includeTargets[0].targetType: expected group or user, not \"role\"",
        ),
        (
            json!({ "excludeTargets": [{ "id": GROUP }, { "id": GROUP.to_uppercase() }] }),
            "excludeTargets[1]: the target 22222222-3333-4444-8555-666666666666 is there already",
        ),
        (json!({ "passkeyProfiles": [7] }), "passkeyProfiles[0]: expected an object, not 7"),
        (json!({ "passkeyProfiles": [{ "id": DEFAULT }] }), "passkeyProfiles[0]: name is missing"),
        (json!({ "passkeyProfiles": [{ "name": " " }] }), "passkeyProfiles[0].name: a profile needs a name"),
        (json!({ "passkeyProfiles": [{ "name": "x" }] }), "passkeyProfiles[0]: passkeyTypes is missing"),
        (
            json!({ "passkeyProfiles": [{ "name": "x", "passkeyTypes": "" }] }),
            "passkeyProfiles[0].passkeyTypes: expected deviceBound, synced or both with a comma between, not \"\"",
        ),
        (
            json!({ "passkeyProfiles": [{ "name": "x", "passkeyTypes": "synced", "attestationEnforcement": "always" }] }),
            "passkeyProfiles[0].attestationEnforcement: expected disabled or registrationOnly, not \"always\"",
        ),
        (
            json!({ "defaultPasskeyProfile": "one" }),
            "defaultPasskeyProfile: expected an ID such as 11111111-2222-4333-8444-555555555555, not \"one\"",
        ),
        (
            json!({ "defaultPasskeyProfile": SECOND }),
            "defaultPasskeyProfile: there is no profile 77777777-8888-4999-8aaa-bbbbbbbbbbbb",
        ),
    ] {
        assert_eq!(refused(&Fido2Policy::default(), members).message, message);
    }
}

#[test]
fn the_first_profile_opts_in_and_settings_become_the_default_profile() {
    let before = patched(
        &Fido2Policy::default(),
        json!({ "isAttestationEnforced": false,
            "keyRestrictions": { "isEnforced": true, "enforcementType": "allow", "aaGuids": [YUBIKEY] } }),
    );
    assert!(!before.has_profiles());
    let after =
        patched(&before, json!({ "passkeyProfiles": [{ "name": "Pilot", "passkeyTypes": "synced" }] }));
    assert!(after.has_profiles());
    let names: Vec<_> = after.passkey_profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["Default passkey profile", "Pilot"]);
    assert_eq!(after.passkey_profiles[0].key_restrictions, before.key_restrictions);
    assert_eq!(after.passkey_profiles[0].passkey_types, PasskeyTypes::BOTH);
    assert_eq!(after.include_targets[0].allowed_passkey_profiles, [DEFAULT_PROFILE]);
    // The new profile got an ID, by which it can be given to somebody.
    let id = after.passkey_profiles[1].id.to_string();
    let given = patched(&after, json!({ "includeTargets": [target(GROUP, &[&id])] }));
    assert_eq!(given.include_targets[0].allowed_passkey_profiles, [after.passkey_profiles[1].id]);
    // Naming the default profile alone opts in too, and so does a target.
    assert!(patched(&before, json!({ "defaultPasskeyProfile": DEFAULT })).has_profiles());
    assert!(patched(&before, json!({ "includeTargets": [target("all_users", &[DEFAULT])] })).has_profiles());
    // Another may be the default one.
    let other = json!({ "defaultPasskeyProfile": SECOND, "passkeyProfiles": [profile(SECOND)] });
    let other = patched(&before, other);
    assert_eq!(other.include_targets[0].allowed_passkey_profiles, other.default_passkey_profile.as_slice());
}

#[test]
fn attestation_that_is_enforced_makes_a_default_profile_of_device_bound_passkeys() {
    let after = patched(&Fido2Policy::default(), json!({ "defaultPasskeyProfile": DEFAULT }));
    assert_eq!(after.passkey_profiles[0].passkey_types, PasskeyTypes::DEVICE_BOUND);
    assert_eq!(after.passkey_profiles[0].attestation_enforcement, AttestationEnforcement::RegistrationOnly);
}

#[test]
fn opting_in_cannot_be_undone() {
    const MESSAGE: &str = "a tenant that has opted in to passkey profiles cannot opt out";
    for (place, members) in [
        ("defaultPasskeyProfile", json!({ "defaultPasskeyProfile": null })),
        ("passkeyProfiles", json!({ "passkeyProfiles": [] })),
        ("passkeyProfiles", json!({ "passkeyProfiles": [], "includeTargets": [] })),
    ] {
        assert_eq!(refused(&with_profiles(), members).message, format!("{place}: {MESSAGE}"));
    }
    // DELETE neither: the default document then has the default profile.
    let reset = with_profiles().reset();
    assert_eq!(reset.passkey_profiles.len(), 1);
    assert_eq!(reset.default_passkey_profile, Some(DEFAULT_PROFILE));
    let changed = patched(&Fido2Policy::default(), json!({ "state": "enabled" }));
    assert_eq!(changed.reset(), Fido2Policy::default());
}

#[test]
fn a_target_needs_profiles_that_exist() {
    let policy = with_profiles();
    for none in [target("all_users", &[]), json!({ "id": "all_users" })] {
        let refusal = refused(&policy, json!({ "includeTargets": [none] }));
        assert_eq!(refusal.message, "Include conditions are missing passkey profile targets");
    }
    let unknown = refused(&policy, json!({ "includeTargets": [target("all_users", &[DEFAULT, THIRD])] }));
    let place = "includeTargets[0].allowedPasskeyProfiles";
    assert_eq!(unknown.message, format!("{place}: there is no profile {THIRD}"));
    let twice = refused(&policy, json!({ "includeTargets": [target("all_users", &[DEFAULT, DEFAULT])] }));
    assert_eq!(twice.message, format!("{place}[1]: {DEFAULT} is there already"));
}

#[test]
fn a_profile_in_use_and_the_default_one_cannot_be_deleted() {
    let policy = with_profiles();
    let in_use = refused(&policy, json!({ "passkeyProfiles": [profile(DEFAULT)] }));
    assert_eq!(
        in_use.message,
        format!(
            "passkeyProfiles: the profile {SECOND} cannot be deleted while it is in use by the target {GROUP}"
        )
    );
    let both =
        json!({ "passkeyProfiles": [profile(DEFAULT)], "includeTargets": [target("all_users", &[DEFAULT])] });
    assert_eq!(patched(&policy, both).passkey_profiles.len(), 1);
    let default = refused(&policy, json!({ "passkeyProfiles": [profile(SECOND)] }));
    assert_eq!(
        default.message,
        format!("passkeyProfiles: the default passkey profile {DEFAULT} is missing: it cannot be deleted")
    );
}

#[test]
fn there_are_at_most_three_profiles_each_with_an_id_of_its_own() {
    let policy = with_profiles();
    let three = json!({ "passkeyProfiles": [profile(DEFAULT), profile(SECOND), profile(THIRD)] });
    assert_eq!(patched(&policy, three).passkey_profiles.len(), 3);
    let four = json!([profile(DEFAULT), profile(SECOND), profile(THIRD), profile(YUBIKEY)]);
    let too_many = "passkeyProfiles: 4 profiles are too many: there may be 3, the default one among them";
    assert_eq!(refused(&policy, json!({ "passkeyProfiles": four })).message, too_many);
    // Three beside the one that opting in makes are four.
    let three = json!([profile(YUBIKEY), profile(SECOND), profile(THIRD)]);
    assert_eq!(refused(&Fido2Policy::default(), json!({ "passkeyProfiles": three })).message, too_many);
    let twice = json!([profile(DEFAULT), profile(DEFAULT)]);
    let refusal = refused(&policy, json!({ "passkeyProfiles": twice }));
    assert_eq!(refusal.message, format!("passkeyProfiles[1]: the profile {DEFAULT} is there already"));
    let unnamed = json!({ "name": "New", "passkeyTypes": "synced" });
    let refusal = refused(&policy, json!({ "passkeyProfiles": [profile(DEFAULT), unnamed, unnamed] }));
    assert!(refusal.message.starts_with("passkeyProfiles[2]: there is a profile named \"New\" already"));
}

#[test]
fn enforced_attestation_locks_the_types_to_device_bound() {
    let enforced = |types: &str| {
        let mut profile = profile(DEFAULT);
        profile["passkeyTypes"] = types.into();
        profile["attestationEnforcement"] = "registrationOnly".into();
        json!({ "passkeyProfiles": [profile, profile_second()] })
    };
    fn profile_second() -> Value {
        profile(SECOND)
    }
    let policy = patched(&with_profiles(), enforced("deviceBound,synced"));
    assert_eq!(policy.passkey_profiles[0].passkey_types, PasskeyTypes::DEVICE_BOUND);
    let refusal = refused(&with_profiles(), enforced("synced"));
    assert!(
        refusal.message.starts_with("passkeyProfiles[0].passkeyTypes: synced passkeys cannot be attested")
    );
}

#[test]
fn the_default_profile_and_the_settings_change_together() {
    let policy = patched(
        &with_profiles(),
        json!({ "isAttestationEnforced": true,
            "keyRestrictions": { "isEnforced": true, "enforcementType": "allow", "aaGuids": [YUBIKEY] } }),
    );
    let default = &policy.passkey_profiles[0];
    assert_eq!(default.attestation_enforcement, AttestationEnforcement::RegistrationOnly);
    assert_eq!(default.passkey_types, PasskeyTypes::DEVICE_BOUND);
    assert_eq!(default.key_restrictions, policy.key_restrictions);
    assert!(!policy.passkey_profiles[1].key_restrictions.is_enforced);
    let policy = patched(&policy, json!({ "passkeyProfiles": [profile(DEFAULT), profile(SECOND)] }));
    assert!(!policy.is_attestation_enforced);
    assert!(!policy.key_restrictions.is_enforced);
}

#[test]
fn a_policy_that_is_too_large_says_by_how_much() {
    let policy = Fido2Policy::default();
    let listed = |count: usize| json!({ "keyRestrictions": { "aaGuids": vec![YUBIKEY; count] } });
    let room = LARGEST - policy.size(Behaviour::Current);
    // Each takes 36 characters, two quotes and a comma; the last has no comma.
    let most = (room + 1) / 39;
    let full = patched(&policy, listed(most));
    assert!(full.size(Behaviour::Current) <= LARGEST);
    let too_large = policy.size(Behaviour::Current) + (most + 1) * 39 - 1 - LARGEST;
    let message = format!("Policy size is larger than allowed by {too_large} bytes");
    assert_eq!(refused(&policy, listed(most + 1)).message, message);
    assert!(
        refused(&policy, listed(200_000)).message.starts_with("Policy size is larger than allowed by 77")
    );
}

#[test]
fn there_are_no_profiles_in_the_preview_of_2024() {
    let policy = Fido2Policy::default();
    for (place, members) in [
        ("passkeyProfiles", json!({ "passkeyProfiles": [profile(DEFAULT)] })),
        ("defaultPasskeyProfile", json!({ "defaultPasskeyProfile": null })),
        (
            "includeTargets[0].allowedPasskeyProfiles",
            json!({ "includeTargets": [target(GROUP, &[DEFAULT])] }),
        ),
    ] {
        let refusal = policy.patched(&body(members), Behaviour::Preview2024).unwrap_err();
        assert!(refusal.message.starts_with(&format!("{place}: there are no passkey profiles")), "{refusal}");
        assert!(refusal.hint.unwrap().contains("--behaviour current"));
    }
    // Profiles from before the behaviour was changed stay, out of sight, and nobody is left without one.
    let targets = body(json!({ "includeTargets": [{ "id": GROUP }] }));
    let policy = with_profiles().patched(&targets, Behaviour::Preview2024).unwrap();
    assert!(!policy.to_graph(Behaviour::Preview2024).to_string().to_lowercase().contains("profile"));
    assert_eq!(policy.include_targets[0].allowed_passkey_profiles, [DEFAULT_PROFILE]);
}

#[test]
fn the_app_s_policy_keeps_feature_settings_as_they_were_given() {
    let patch = |policy: &AuthenticatorPolicy, members: Value| {
        let mut body = body(members);
        body["@odata.type"] = authenticator::TYPE.into();
        policy.patched(&body)
    };
    let number =
        json!({ "state": "enabled", "includeTarget": { "targetType": "group", "id": " not an id" } });
    let policy = AuthenticatorPolicy::default();
    let policy =
        patch(&policy, json!({ "featureSettings": { "numberMatchingRequiredState": number } })).unwrap();
    let policy = patch(&policy, json!({ "featureSettings": { "companionAppAllowedState": {} } })).unwrap();
    let settings = &policy.to_graph()["featureSettings"];
    assert_eq!(settings, &json!({ "numberMatchingRequiredState": number, "companionAppAllowedState": {} }));
    for (members, message) in [
        (json!({ "featureSettings": [] }), "featureSettings: expected an object"),
        (json!({ "isSoftwareOath": true }), "there is no property \"isSoftwareOath\""),
        (
            json!({ "includeTargets": [{ "id": "all_users", "authenticationMode": "passwordless" }] }),
            "includeTargets[0].authenticationMode: expected any or push or deviceBasedPush, not \"passwordless\"",
        ),
        (
            json!({ "id": "Fido2" }),
            "id: expected MicrosoftAuthenticator, not \"Fido2\": an ID is not changed",
        ),
    ] {
        assert_eq!(patch(&policy, members).unwrap_err().message, message);
    }
    let large = json!({ "featureSettings": { "x": "x".repeat(30_000) } });
    assert!(patch(&policy, large).unwrap_err().message.starts_with("Policy size is larger than allowed by "));
}

#[test]
fn the_app_s_mode_is_that_of_the_user_s_targets() {
    let (user, groups) = (adele(UserType::Member), groups());
    let subject = Subject { user: &user, groups: &groups };
    let mode = |state: &str, targets: &[(&str, &str)], excluded: &[&str]| {
        let targets = targets.iter().map(|(id, mode)| json!({ "id": id, "authenticationMode": mode }));
        let excluded = excluded.iter().map(|id| json!({ "id": id }));
        let body = json!({ "@odata.type": authenticator::TYPE, "state": state,
            "includeTargets": targets.collect::<Vec<_>>(), "excludeTargets": excluded.collect::<Vec<_>>() });
        AuthenticatorPolicy::default().patched(&body).unwrap().mode_for(subject)
    };
    use AuthenticationMode::{Any, DeviceBasedPush, Push};
    assert_eq!(mode("disabled", &[("all_users", "any")], &[]), None);
    assert_eq!(mode("enabled", &[], &[]), None);
    assert_eq!(mode("enabled", &[(OTHER_GROUP, "any")], &[]), None);
    assert_eq!(mode("enabled", &[("all_users", "any")], &[GROUP]), None);
    assert_eq!(mode("enabled", &[(GROUP, "push"), (OTHER_GROUP, "any")], &[OTHER_GROUP]), Some(Push));
    assert_eq!(mode("enabled", &[("all_users", "deviceBasedPush")], &[]), Some(DeviceBasedPush));
    assert_eq!(mode("enabled", &[("all_users", "push"), (GROUP, "deviceBasedPush")], &[]), Some(Any));
    assert!(Any.push() && Any.phone_sign_in() && Push.push() && !Push.phone_sign_in());
    assert!(!DeviceBasedPush.push() && DeviceBasedPush.phone_sign_in());
}
