//! The walk-through of April 2024, step by step, in both behaviours.
use super::{ANDROID, BOTH, Device, IOS, OFFICE, Town};
use serde_json::json;
use tenant::access::Verdict;
use tenant::{Behaviour, Phone, Platform, Route};

/// An authentication strength "Passkeys" with the two models, which a conditional access policy asks for.
fn require_passkeys(town: &mut Town) {
    let strength = json!({
        "displayName": "Passkeys",
        "allowedCombinations": ["fido2"],
        "combinationConfigurations": [{
            "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
            "appliesToCombinations": ["fido2"],
            "allowedAAGUIDs": [IOS, ANDROID],
        }],
    });
    let strength = town.tenant.add_strength(town.now, &strength).unwrap();
    let policy = json!({
        "displayName": "Require passkeys",
        "state": "enabled",
        "conditions": {
            "users": { "includeUsers": ["All"] },
            "applications": { "includeApplications": [OFFICE] },
        },
        "grantControls": { "operator": "OR", "builtInControls": [], "authenticationStrength": { "id": strength.id } },
    });
    town.tenant.add_conditional_access(town.now, &policy).unwrap();
}

#[test]
fn the_walk_through_is_told_from_policy_to_report_in_both_behaviours() {
    for behaviour in BOTH {
        let mut town = Town::new(behaviour);
        town.allow(&[IOS, ANDROID]);
        require_passkeys(&mut town);

        // A pass alone does not satisfy the strength: the user is sent to register.
        let session = town.by_pass(false);
        let sent = &town.last_sign_in();
        assert_eq!(sent["status"]["errorCode"], 50079, "{behaviour:?}");

        let mut phone = Device::phone();
        let fit = Phone::fit("Adele's iPhone", Platform::Ios);
        let done = town.register(&session, &mut phone, Route::InApp, Some(&fit)).unwrap();
        let (app, _) = done.app.unwrap();
        assert!(app.push && app.phone_sign_in && app.one_time_code, "the mode is any");
        let shown = town.tenant.passkey_to_graph(&done.passkey);
        assert_eq!(shown["aaGuid"], IOS);
        assert_eq!(shown["model"], "Microsoft Authenticator for iOS");
        assert_eq!(
            (&shown["passkeyType"], &shown["attestationLevel"]),
            (&json!("deviceBound"), &json!("notAttested"))
        );
        assert!(done.warnings.iter().any(|warning| warning.contains("unverified")), "{:?}", done.warnings);

        // Another device.
        let mut other = Device::new("ms-authenticator-android", client::Link::Usb);
        let fit = Phone::fit("Adele's Pixel", Platform::Android);
        let done = town.register(&session, &mut other, Route::CrossDevice, Some(&fit)).unwrap();
        assert!(done.app.is_none(), "listed apart");

        let progress = town.sign_in(&mut phone).unwrap();
        assert_eq!(progress.access.verdict, Verdict::Granted, "{:?}", progress.explanation);
        let entry = town.last_sign_in();
        let first = &entry["authenticationDetails"][0];
        assert_eq!(first["authenticationStepRequirement"], "Passkeys");
        match behaviour {
            Behaviour::Preview2024 => {
                assert_eq!(first["authenticationMethod"], "Passkey (FIDO2)");
                assert_eq!(first["authenticationMethodDetail"], "Microsoft Authenticator on iOS");
            }
            Behaviour::Current => {
                assert_eq!(first["authenticationMethod"], "Passkey (device-bound)");
                let detail = first["authenticationMethodDetail"].as_str().unwrap();
                assert!(detail.ends_with(&format!(" - {IOS}")), "{detail}");
            }
        }
        town.sign_in(&mut other).unwrap();

        let report = town.tenant.registered_by_method(town.now, "all", "all").unwrap();
        let counts = report["userRegistrationMethodCounts"].as_array().unwrap();
        let authenticator = counts
            .iter()
            .find(|count| count["authenticationMethod"] == "passKeyDeviceBoundAuthenticator")
            .unwrap();
        assert_eq!(authenticator["userCount"], 1);
    }
}

#[test]
fn the_restriction_binds_registration_alone_in_the_preview_and_sign_in_too_today() {
    for behaviour in BOTH {
        let mut town = Town::new(behaviour);
        town.allow(&[IOS]);
        let (mut device, _) = town.registered("ms-authenticator-ios");
        town.sign_in(&mut device).unwrap();
        town.allow(&[ANDROID]);
        let signed = town.sign_in(&mut device);
        match behaviour {
            Behaviour::Preview2024 => drop(signed.unwrap()),
            Behaviour::Current => {
                let refusal = signed.unwrap_err();
                assert_eq!(refusal.number, Some(135_016));
                let failing: Vec<_> = refusal.explanation.iter().filter(|clause| !clause.holds).collect();
                assert_eq!(failing.len(), 1, "{failing:?}");
                assert!(failing[0].clause.ends_with("keyRestrictions"), "{failing:?}");
                assert_eq!(
                    town.last_sign_in()["status"]["failureReason"],
                    "FIDO sign-in is disabled via policy"
                );
            }
        }
        // Registration feels it in both.
        let session = town.by_pass(false);
        let mut another = Device::new("ms-authenticator-ios", client::Link::Usb);
        let refusal = town.register(&session, &mut another, Route::SecurityInfo, None).unwrap_err();
        assert_eq!(refusal.code, "sim_key_restriction");
    }
}

#[test]
fn a_key_that_does_not_satisfy_the_strength_is_blocked_or_asked_for_more_after_it_was_shown() {
    let mut town = Town::new(Behaviour::Current);
    let (mut key, _) = town.registered("yubikey-5-nfc");
    town.sign_in(&mut key).unwrap();
    require_passkeys(&mut town);
    // Nothing of it is registered, but could be.
    let progress = town.sign_in(&mut key).unwrap();
    assert!(matches!(progress.access.verdict, Verdict::Register { .. }), "{:?}", progress.access);
    // And if it cannot be registered either, there is no way in.
    town.allow(&[]);
    let aaguid = town.tenant.passkeys(town.user.id).next().unwrap().aaguid.to_string();
    town.allow(&[&aaguid]);
    let refusal = town.sign_in(&mut key).unwrap_err();
    assert_eq!(refusal.number, Some(53003), "{refusal:?}");
    assert_eq!(town.last_sign_in()["conditionalAccessStatus"], "failure");
}

#[test]
fn a_passkey_found_by_name_is_asked_for_by_its_id_and_another_user_s_does_not_do() {
    let mut town = Town::new(Behaviour::Current);
    let (mut device, done) = town.registered("ms-authenticator-ios");
    let new =
        tenant::directory::NewUser { user_principal_name: "bob@contoso.test".into(), ..Default::default() };
    town.tenant.add_user(town.now, new).unwrap();
    let session = town.session();
    let offer = town.tenant.identify(town.now, &session, "adele@contoso.test").unwrap();
    assert!(offer.modes.contains(&tenant::access::Mode::Fido2));
    let options = town.tenant.request_options(town.now, &session).unwrap();
    assert_eq!(options.allow_credentials.len(), 1);
    assert_eq!(options.allow_credentials[0].id.0, done.passkey.credential.id);
    let response = device.get(&options);
    town.tenant.sign_in_with_passkey(town.now, &session, &response).unwrap();

    // Bob's name was typed, and Adele's passkey answers.
    let session = town.session();
    town.tenant.identify(town.now, &session, "bob@contoso.test").unwrap();
    let options = town.tenant.request_options(town.now, &session).unwrap();
    assert!(options.allow_credentials.is_empty());
    let response = device.get(&options);
    let refusal = town.tenant.sign_in_with_passkey(town.now, &session, &response).unwrap_err();
    assert!(refusal.message.contains("§7.2 step 6"), "{refusal}");
}
