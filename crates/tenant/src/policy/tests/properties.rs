//! Whatever is sent: no panic, nothing half done, and nothing that could not be sent again.
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const IDS: [&str; 4] = [
    "00000000-0000-0000-0000-000000000001",
    "77777777-8888-4999-8aaa-bbbbbbbbbbbb",
    "77777777-8888-4999-8aaa-cccccccccccc",
    GROUP,
];
/// Names and words that mean something somewhere, some in wrong case or beside the point.
const WORDS: [&str; 36] = [
    "id",
    "state",
    "State",
    "isSelfServiceRegistrationAllowed",
    "isAttestationEnforced",
    "defaultPasskeyProfile",
    "keyRestrictions",
    "includeTargets",
    "excludeTargets",
    "passkeyProfiles",
    "PASSKEYPROFILES",
    "isEnforced",
    "enforcementType",
    "aaGuids",
    "targetType",
    "isRegistrationRequired",
    "allowedPasskeyProfiles",
    "name",
    "passkeyTypes",
    "attestationEnforcement",
    "@odata.type",
    "x@odata.context",
    "enabled",
    "disabled",
    "allow",
    "block",
    "group",
    "user",
    "all_users",
    "Fido2",
    "deviceBound",
    "synced",
    "deviceBound, synced",
    "registrationOnly",
    "true",
    "unknownFutureValue",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        select(&WORDS[..]).prop_map(Value::from),
        select(&IDS[..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let name =
            prop_oneof![4 => select(&WORDS[..]).prop_map(String::from), 1 => ".{0,8}".prop_map(String::from)];
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((name, inner), 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn restrictions() -> impl Strategy<Value = Value> {
    let list = vec(select(&[YUBIKEY, IDS[0], "90A3CCDF-635C-4729-A248-9B709135078F"][..]), 0..40);
    (any::<bool>(), select(&["allow", "block"][..]), list).prop_map(
        |(enforced, kind, list)| json!({ "isEnforced": enforced, "enforcementType": kind, "aaGuids": list }),
    )
}

fn profile() -> impl Strategy<Value = Value> {
    let types = select(&["deviceBound", "synced", "deviceBound,synced"][..]);
    let enforcement = select(&["disabled", "registrationOnly"][..]);
    (select(&IDS[..]), types, enforcement, restrictions()).prop_map(|(id, types, enforcement, keys)| {
        json!({ "id": id, "name": "p", "passkeyTypes": types, "attestationEnforcement": enforcement,
            "keyRestrictions": keys })
    })
}

fn target() -> impl Strategy<Value = Value> {
    let id = select(&["all_users", GROUP, OTHER_GROUP][..]);
    (id, vec(select(&IDS[..]), 0..3), any::<bool>())
        .prop_map(|(id, profiles, _)| json!({ "id": id, "allowedPasskeyProfiles": profiles }))
}

/// Bodies of which many are taken.
fn any_patch() -> impl Strategy<Value = Value> {
    let member = prop_oneof![
        select(&["enabled", "disabled"][..]).prop_map(|state| ("state".to_owned(), json!(state))),
        any::<bool>().prop_map(|on| ("isSelfServiceRegistrationAllowed".to_owned(), json!(on))),
        any::<bool>().prop_map(|on| ("isAttestationEnforced".to_owned(), json!(on))),
        select(&IDS[..2]).prop_map(|id| ("defaultPasskeyProfile".to_owned(), json!(id))),
        restrictions().prop_map(|keys| ("keyRestrictions".to_owned(), keys)),
        vec(target(), 0..3).prop_map(|targets| ("includeTargets".to_owned(), json!(targets))),
        vec(profile(), 0..5).prop_map(|profiles| ("passkeyProfiles".to_owned(), json!(profiles))),
    ];
    vec(member, 0..5).prop_map(|members| body(Value::Object(members.into_iter().collect())))
}

/// What holds of every policy.
fn check(policy: &Fido2Policy) {
    assert!(policy.size(Behaviour::Current) <= LARGEST);
    assert!(policy.passkey_profiles.len() <= MOST_PROFILES);
    assert_eq!(policy.has_profiles(), !policy.passkey_profiles.is_empty());
    if let Some(default) = policy.default_passkey_profile {
        let default = policy.profile(default).expect("the default profile exists");
        assert_eq!(default.key_restrictions, policy.key_restrictions);
        let enforced = default.attestation_enforcement == AttestationEnforcement::RegistrationOnly;
        assert_eq!(enforced, policy.is_attestation_enforced);
    }
    for target in &policy.include_targets {
        assert_eq!(target.allowed_passkey_profiles.is_empty(), !policy.has_profiles());
        assert!(target.allowed_passkey_profiles.iter().all(|id| policy.profile(*id).is_some()));
    }
    for profile in &policy.passkey_profiles {
        let enforced = profile.attestation_enforcement == AttestationEnforcement::RegistrationOnly;
        assert!(!(enforced && profile.passkey_types.synced));
    }
    let document = policy.to_graph(Behaviour::Current);
    assert_eq!(&policy.patched(&document, Behaviour::Current).unwrap(), policy, "what is read can be sent");
    let kept = serde_json::to_vec(policy).unwrap();
    assert_eq!(&serde_json::from_slice::<Fido2Policy>(&kept).unwrap(), policy);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_json_is_taken_whole_or_refused_and_never_panics(mut sent in any_json(), typed in any::<bool>()) {
        for behaviour in [Behaviour::Current, Behaviour::Preview2024] {
            if let (true, Some(members)) = (typed, sent.as_object_mut()) {
                members.insert("@odata.type".into(), fido2::TYPE.into());
            }
            let before = Fido2Policy::default();
            match before.patched(&sent, behaviour) {
                Ok(policy) => check(&policy),
                Err(refusal) => {
                    prop_assert!(!refusal.message.is_empty() && refusal.message.len() < 1000);
                    prop_assert_eq!(refusal.kind, RefusalKind::BadRequest);
                }
            }
            prop_assert_eq!(before, Fido2Policy::default());
            if let (true, Some(members)) = (typed, sent.as_object_mut()) {
                members.insert("@odata.type".into(), authenticator::TYPE.into());
            }
            if let Ok(policy) = AuthenticatorPolicy::default().patched(&sent) {
                prop_assert_eq!(&policy.patched(&policy.to_graph()).unwrap(), &policy);
            }
        }
    }

    #[test]
    fn after_any_patches_a_policy_holds_together(patches in vec(any_patch(), 1..6)) {
        let mut policy = Fido2Policy::default();
        for patch in patches {
            let before = policy.clone();
            match policy.patched(&patch, Behaviour::Current) {
                Ok(after) => {
                    prop_assert!(after.has_profiles() || !before.has_profiles(), "opted out");
                    // What was not named stays, but for what is worked out of something else.
                    if patch.get("state").is_none() {
                        prop_assert_eq!(after.state, before.state);
                    }
                    prop_assert_eq!(&after.exclude_targets, &before.exclude_targets);
                    // Sent twice, it changes nothing the second time; but a list without the default profile is good
                    // only as long as there is none.
                    match after.patched(&patch, Behaviour::Current) {
                        Ok(again) => prop_assert_eq!(&again, &after),
                        Err(_) => prop_assert!(!before.has_profiles()),
                    }
                    policy = after;
                }
                Err(_) => prop_assert_eq!(&policy, &before),
            }
            check(&policy);
            check(&policy.reset());
            for purpose in [Purpose::Registration, Purpose::SignIn] {
                for behaviour in [Behaviour::Current, Behaviour::Preview2024] {
                    let decision = ask(&policy, purpose, behaviour, Some(&facts(AUTHENTICATOR_IOS)));
                    prop_assert_eq!(decision.clauses.last().unwrap().holds, decision.allowed);
                }
            }
        }
    }
}
