//! Decisions, one promise each; all of them together are in `truth`.
use super::*;

fn enabled() -> Fido2Policy {
    patched(&Fido2Policy::default(), json!({ "state": "enabled", "isAttestationEnforced": false }))
}

fn allowing(aaguids: &[Aaguid]) -> Value {
    let aaguids: Vec<_> = aaguids.iter().map(Aaguid::to_string).collect();
    json!({ "isEnforced": true, "enforcementType": "allow", "aaGuids": aaguids })
}

fn profile(number: u8, name: &str, types: &str, enforcement: &str, keys: Value) -> Value {
    json!({ "id": Guid::small(number), "name": name, "passkeyTypes": types, "attestationEnforcement": enforcement,
        "keyRestrictions": keys })
}

#[test]
fn an_excluded_group_wins_over_everything_at_registration_and_at_sign_in() {
    let policy = patched(
        &enabled(),
        json!({ "includeTargets": [{ "id": "all_users" }, { "id": GROUP }], "excludeTargets": [{ "id": GROUP }] }),
    );
    for behaviour in [Behaviour::Current, Behaviour::Preview2024] {
        for purpose in [Purpose::Registration, Purpose::SignIn] {
            for passkey in [None, Some(&facts(AUTHENTICATOR_IOS))] {
                let decision = ask(&policy, purpose, behaviour, passkey);
                assert_eq!(decision.refused, Some(PolicyRefusal::Excluded));
                let says = format!(
                    "excludeTargets: the user is excluded by {GROUP}, and an exclusion wins over everything"
                );
                assert_eq!(failing(&decision), [says]);
            }
        }
    }
}

#[test]
fn who_is_not_targeted_gets_the_code_that_entra_was_seen_to_answer() {
    let policy = patched(&enabled(), json!({ "includeTargets": [{ "id": OTHER_GROUP }] }));
    let decision = ask(&policy, Purpose::Registration, Behaviour::Current, None);
    let refusal = decision.refusal(Purpose::Registration).unwrap();
    assert_eq!(refusal.code, "error_user_group_restriction_policy_failure");
    assert_eq!(refusal.message, "User or group restriction policy failed");
    assert_eq!((refusal.kind, refusal.number), (RefusalKind::Policy, None));
    let decision = ask(&policy, Purpose::SignIn, Behaviour::Current, None);
    assert_eq!(decision.refusal(Purpose::SignIn).unwrap().number, Some(135_016));
}

#[test]
fn codes_of_this_tenant_s_own_say_that_they_are() {
    let known = "error_user_group_restriction_policy_failure";
    for refusal in PolicyRefusal::ALL {
        assert!(refusal.code() == known || refusal.code().starts_with("sim_"), "{refusal:?}");
        for text in [refusal.message(), refusal.hint()] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{refusal:?}: {text}");
        }
    }
}

#[test]
fn self_service_off_stops_every_registration_and_no_sign_in() {
    let policy = patched(&enabled(), json!({ "isSelfServiceRegistrationAllowed": false }));
    for route in [Route::SecurityInfo, Route::InApp, Route::CrossDevice, Route::Provisioning] {
        let facts = PasskeyFacts { route, ..facts(AUTHENTICATOR_IOS) };
        let decision = ask(&policy, Purpose::Registration, Behaviour::Current, Some(&facts));
        assert_eq!(decision.refused, Some(PolicyRefusal::SelfServiceOff));
        assert!(ask(&policy, Purpose::SignIn, Behaviour::Current, Some(&facts)).allowed);
    }
}

#[test]
fn guests_register_nothing() {
    let (user, groups) = (adele(UserType::Guest), groups());
    let subject = Subject { user: &user, groups: &groups };
    let ask = |purpose| {
        enabled().decide(&Question { purpose, behaviour: Behaviour::Current, subject, passkey: None }).refused
    };
    assert_eq!(ask(Purpose::Registration), Some(PolicyRefusal::Guest));
    assert_eq!(ask(Purpose::SignIn), None);
}

#[test]
fn a_model_taken_off_the_list_signs_in_in_the_preview_and_not_today() {
    let policy = patched(&enabled(), json!({ "keyRestrictions": allowing(&[AUTHENTICATOR_ANDROID]) }));
    let passkey = facts(AUTHENTICATOR_IOS);
    for behaviour in [Behaviour::Current, Behaviour::Preview2024] {
        let registration = ask(&policy, Purpose::Registration, behaviour, Some(&passkey));
        assert_eq!(registration.refused, Some(PolicyRefusal::KeyRestriction));
        let says = "keyRestrictions: AAGUID 90a3ccdf-635c-4729-a248-9b709135078f (Microsoft Authenticator for iOS) is \
                    not on the allow list";
        assert_eq!(failing(&registration), [says]);
    }
    assert!(ask(&policy, Purpose::SignIn, Behaviour::Preview2024, Some(&passkey)).allowed);
    let today = ask(&policy, Purpose::SignIn, Behaviour::Current, Some(&passkey));
    assert_eq!(today.refused, Some(PolicyRefusal::KeyRestriction));
}

#[test]
fn an_unproven_aaguid_that_decided_is_warned_of() {
    let policy = patched(&enabled(), json!({ "keyRestrictions": allowing(&[YUBIKEY.parse().unwrap()]) }));
    let mut spoofed = PasskeyFacts { fmt: "packed".into(), ..facts(YUBIKEY.parse().unwrap()) };
    let decision = ask(&policy, Purpose::Registration, Behaviour::Current, Some(&spoofed));
    assert!(decision.allowed);
    assert_eq!(
        decision.warnings,
        [format!("AAGUID {YUBIKEY} is unverified: attestation was not enforced, so anybody can claim it")]
    );
    // It decides nothing where no list is looked at, and nobody lies where it is proven.
    assert!(ask(&enabled(), Purpose::Registration, Behaviour::Current, Some(&spoofed)).warnings.is_empty());
    spoofed.attestation = AttestationLevel::Attested;
    assert!(ask(&policy, Purpose::Registration, Behaviour::Current, Some(&spoofed)).warnings.is_empty());
}

#[test]
fn an_aaguid_of_zeros_is_explained() {
    let policy = patched(&enabled(), json!({ "keyRestrictions": allowing(&[AUTHENTICATOR_IOS]) }));
    let decision = ask(&policy, Purpose::Registration, Behaviour::Current, Some(&facts(Aaguid::ZERO)));
    assert_eq!(decision.refused, Some(PolicyRefusal::KeyRestriction));
    let explained = "erased by the browser: Chromium does so over USB when a page asks none";
    assert!(failing(&decision)[0].contains(explained), "{:?}", failing(&decision));
    assert!(decision.warnings.iter().any(|warning| warning.contains(explained)));
}

#[test]
fn the_format_none_was_for_authenticator_alone_in_the_preview() {
    let ask = |aaguid, fmt: &str| {
        let facts = PasskeyFacts { fmt: fmt.into(), ..facts(aaguid) };
        ask(&enabled(), Purpose::Registration, Behaviour::Preview2024, Some(&facts))
    };
    assert!(ask(AUTHENTICATOR_IOS, "none").allowed);
    assert!(ask(AUTHENTICATOR_ANDROID, "none").allowed);
    let other = ask(YUBIKEY.parse().unwrap(), "none");
    assert_eq!(other.refused, Some(PolicyRefusal::FormatNotAccepted));
    assert!(failing(&other)[0].contains("Attestation format none not supported for aaguid ee882879-"));
    assert!(ask(YUBIKEY.parse().unwrap(), "packed").allowed);
    for hello in WINDOWS_HELLO {
        assert_eq!(ask(hello, "none").refused, Some(PolicyRefusal::WindowsHello));
    }
}

#[test]
fn synced_passkeys_need_a_profile_that_lets_them_through() {
    let synced = PasskeyFacts { passkey_type: PasskeyType::Synced, ..facts(Aaguid::ZERO) };
    for behaviour in [Behaviour::Current, Behaviour::Preview2024] {
        let decision = ask(&enabled(), Purpose::Registration, behaviour, Some(&synced));
        assert_eq!(decision.refused, Some(PolicyRefusal::PasskeyType), "{behaviour:?}");
    }
    let opted_in = patched(&enabled(), json!({ "defaultPasskeyProfile": Guid::small(1) }));
    assert!(ask(&opted_in, Purpose::Registration, Behaviour::Current, Some(&synced)).allowed);
}

#[test]
fn enforced_attestation_asks_nothing_at_sign_in_and_cannot_be_had_from_another_device() {
    let policy = patched(&enabled(), json!({ "isAttestationEnforced": true }));
    let mut passkey = facts(AUTHENTICATOR_IOS);
    let register = |passkey: &PasskeyFacts| {
        ask(&policy, Purpose::Registration, Behaviour::Current, Some(passkey)).refused
    };
    assert_eq!(register(&passkey), Some(PolicyRefusal::AttestationRequired));
    assert!(ask(&policy, Purpose::SignIn, Behaviour::Current, Some(&passkey)).allowed);
    passkey.attestation = AttestationLevel::Attested;
    passkey.fmt = "tpm".into();
    assert_eq!(register(&passkey), Some(PolicyRefusal::FormatNotAccepted));
    passkey.fmt = "packed".into();
    assert_eq!(register(&passkey), None);
    passkey.route = Route::CrossDevice;
    assert_eq!(register(&passkey), Some(PolicyRefusal::CrossDeviceNotAttestable));
}

#[test]
fn another_device_is_not_even_tried_where_everything_for_the_user_enforces_attestation() {
    let try_it = |policy: &Fido2Policy, behaviour| {
        let (user, groups) = (adele(UserType::Member), groups());
        let subject = Subject { user: &user, groups: &groups };
        policy.decide_cross_device(&Question {
            purpose: Purpose::Registration,
            behaviour,
            subject,
            passkey: None,
        })
    };
    let enforced = patched(&enabled(), json!({ "isAttestationEnforced": true }));
    for behaviour in [Behaviour::Current, Behaviour::Preview2024] {
        assert!(try_it(&enabled(), behaviour).allowed);
        let decision = try_it(&enforced, behaviour);
        assert_eq!(decision.refused, Some(PolicyRefusal::CrossDeviceNotAttestable));
        let says = "isAttestationEnforced: attestation is enforced, and a registration from another device cannot be \
                    attested";
        assert_eq!(failing(&decision), [says]);
    }
    // Of two profiles, that which a group of the user has lets it be tried.
    let off = || json!({ "isEnforced": false });
    let profiles = |group: &str| {
        patched(
            &enforced,
            json!({
                "passkeyProfiles": [
                    profile(1, "Attested", "deviceBound", "registrationOnly", off()),
                    profile(2, "Phones", "deviceBound", "disabled", off()),
                ],
                "includeTargets": [
                    { "id": "all_users", "allowedPasskeyProfiles": [Guid::small(1)] },
                    { "id": group, "allowedPasskeyProfiles": [Guid::small(2)] },
                ],
            }),
        )
    };
    let decision = try_it(&profiles(GROUP), Behaviour::Current);
    assert!(decision.allowed && decision.refused.is_none());
    assert_eq!(decision.clauses.len(), 2, "{:?}", decision.clauses);
    let refused = try_it(&profiles(OTHER_GROUP), Behaviour::Current).refused;
    assert_eq!(refused, Some(PolicyRefusal::CrossDeviceNotAttestable));
}

#[test]
fn one_profile_that_is_wholly_satisfied_is_enough_and_half_of_two_is_not() {
    let keys = allowing(&[AUTHENTICATOR_IOS]);
    let off = json!({ "isEnforced": false });
    let policy = patched(
        &enabled(),
        json!({
            "passkeyProfiles": [
                profile(1, "Attested", "deviceBound", "registrationOnly", off),
                profile(2, "Phones", "deviceBound", "disabled", keys),
            ],
            "includeTargets": [
                { "id": "all_users", "allowedPasskeyProfiles": [Guid::small(1)] },
                { "id": GROUP, "allowedPasskeyProfiles": [Guid::small(2)] },
            ],
        }),
    );
    let phone = ask(&policy, Purpose::Registration, Behaviour::Current, Some(&facts(AUTHENTICATOR_IOS)));
    assert!(phone.allowed);
    assert_eq!(
        phone.clauses.last().unwrap().says,
        "passkeyProfiles[Phones] is wholly satisfied, and one is enough"
    );
    assert!(failing(&phone)[0].starts_with("passkeyProfiles[Attested].attestationEnforcement: "));
    // Not attested, and not on the list: each profile says what it lacks, and the nearer one is named.
    let key = PasskeyFacts { fmt: "packed".into(), ..facts(YUBIKEY.parse().unwrap()) };
    let key = ask(&policy, Purpose::Registration, Behaviour::Current, Some(&key));
    assert_eq!(key.refused, Some(PolicyRefusal::AttestationRequired));
    let failing = failing(&key);
    assert_eq!(failing.len(), 3);
    assert!(
        failing[0].starts_with("passkeyProfiles[Attested].attestationEnforcement: attestation is enforced")
    );
    assert!(failing[1].starts_with("passkeyProfiles[Phones].keyRestrictions: AAGUID ee882879-"));
    assert!(failing[2].starts_with(
        "passkeyProfiles: none of 2 profiles is wholly satisfied; nearest is \
         passkeyProfiles[Attested].attestationEnforcement: "
    ));
}

#[test]
fn a_long_format_name_is_somebody_else_s_text_and_cut() {
    let long =
        PasskeyFacts { fmt: "x".repeat(1_000_000), route: Route::Provisioning, ..facts(AUTHENTICATOR_IOS) };
    let decision = ask(&enabled(), Purpose::Registration, Behaviour::Current, Some(&long));
    assert_eq!(decision.refused, Some(PolicyRefusal::FormatNotAccepted));
    assert!(failing(&decision)[0].len() < 200);
}
