//! What must not work.
use super::{ANDROID, BOTH, Device, IOS, Town};
use serde_json::json;
use tenant::{Behaviour, Phone, Platform, RefusalKind, Route};

#[test]
fn windows_hello_is_refused_in_the_preview_and_taken_today_where_the_policy_lists_it() {
    for behaviour in BOTH {
        let mut town = Town::new(behaviour);
        let hello = "08987058-cadc-4b81-b6e1-30de50dcbe96";
        town.allow(&[IOS, hello]);
        let mut device = Device::new("windows-hello-hardware", client::Link::Internal);
        let session = town.by_pass(false);
        let registered = town.register(&session, &mut device, Route::InApp, None);
        match behaviour {
            Behaviour::Preview2024 => assert_eq!(registered.unwrap_err().code, "sim_windows_hello"),
            Behaviour::Current => assert_eq!(registered.unwrap().passkey.aaguid.to_string(), hello),
        }
    }
}

#[test]
fn a_synced_passkey_is_refused_where_the_policy_says_device_bound() {
    let profile = |types: &str| {
        json!({
            "defaultPasskeyProfile": "00000000-0000-0000-0000-000000000001",
            "includeTargets": [{
                "targetType": "group", "id": "all_users", "isRegistrationRequired": false,
                "allowedPasskeyProfiles": ["00000000-0000-0000-0000-000000000001"],
            }],
            "passkeyProfiles": [{
                "id": "00000000-0000-0000-0000-000000000001", "name": "Default passkey profile",
                "passkeyTypes": types, "attestationEnforcement": "disabled",
                "keyRestrictions": { "isEnforced": false, "enforcementType": "allow", "aaGuids": [] },
            }],
        })
    };
    let mut town = Town::new(Behaviour::Current);
    town.patch("fido2", profile("deviceBound,synced"));
    let (mut device, done) = town.registered("icloud-keychain");
    assert_eq!(done.passkey.passkey_type.as_str(), "synced");
    town.sign_in(&mut device).unwrap();
    town.patch("fido2", profile("deviceBound"));
    let refusal = town.sign_in(&mut device).unwrap_err();
    assert_eq!((refusal.number, refusal.code.as_str()), (Some(135_016), "sim_passkey_type"));
    let session = town.by_pass(false);
    let mut another = Device::new("icloud-keychain", client::Link::Usb);
    let refusal = town.register(&session, &mut another, Route::SecurityInfo, None).unwrap_err();
    assert_eq!(refusal.code, "sim_passkey_type");
}

#[test]
fn a_phone_that_is_not_fit_is_told_why_before_it_makes_a_passkey() {
    let mut town = Town::new(Behaviour::Current);
    let session = town.by_pass(false);
    let mut old = Phone::fit("old", Platform::Ios);
    old.os_version = "16.7".into();
    let refusal = town.tenant.registration_options(town.now, &session, Route::InApp, Some(&old)).unwrap_err();
    assert_eq!(refusal.message, "iOS 16.7 is too old: passkeys need at least 17");
    let mut deaf = Phone::fit("deaf", Platform::Android);
    deaf.computer_bluetooth = false;
    assert!(town.tenant.registration_options(town.now, &session, Route::InApp, Some(&deaf)).is_ok());
    let refusal =
        town.tenant.registration_options(town.now, &session, Route::CrossDevice, Some(&deaf)).unwrap_err();
    assert_eq!(refusal.message, "Bluetooth is off on the computer");
}

#[test]
fn another_device_is_refused_before_it_makes_a_passkey_where_attestation_is_enforced() {
    for behaviour in BOTH {
        let mut town = Town::new(behaviour);
        let session = town.by_pass(false);
        let fit = Phone::fit("phone", Platform::Ios);
        let options =
            |town: &mut Town, route| town.tenant.registration_options(town.now, &session, route, Some(&fit));
        let hints = options(&mut town, Route::CrossDevice).unwrap().hints;
        assert_eq!(hints, ["hybrid"], "a browser may show its QR code at once");
        town.patch("fido2", json!({ "isAttestationEnforced": true }));
        let refusal = options(&mut town, Route::CrossDevice).unwrap_err();
        assert_eq!(
            (refusal.kind, refusal.code.as_str()),
            (RefusalKind::Policy, "sim_cross_device_not_attestable")
        );
        assert_eq!(refusal.hint.as_deref(), Some("register in the Authenticator app itself"));
        assert!(refusal.explanation.iter().any(|clause| !clause.holds));
        // In the app it could be attested.
        assert!(options(&mut town, Route::InApp).unwrap().hints.is_empty());
    }
}

#[test]
fn a_key_may_claim_to_be_authenticator_where_attestation_is_not_enforced_and_a_warning_says_so() {
    let mut town = Town::new(Behaviour::Current);
    town.allow(&[IOS, ANDROID]);
    // There is no allowing of Authenticator apart from security keys, but by AAGUID.
    let mut key = Device::new("security-key", client::Link::Usb);
    key.arm(&format!("other-aaguid={IOS}"));
    let session = town.by_pass(false);
    let done = town.register(&session, &mut key, Route::SecurityInfo, None).unwrap();
    assert_eq!(done.passkey.aaguid.to_string(), IOS);
    assert!(done.warnings.iter().any(|warning| warning.contains("unverified")), "{:?}", done.warnings);
    // Enforced, it is refused.
    town.patch("fido2", json!({ "isAttestationEnforced": true }));
    let mut key = Device::new("security-key", client::Link::Usb);
    key.arm(&format!("other-aaguid={IOS}"));
    let refusal = town.register(&session, &mut key, Route::SecurityInfo, None).unwrap_err();
    assert_eq!(refusal.code, "sim_attestation_required");
}

#[test]
fn an_attested_key_is_registered_as_one_where_attestation_is_enforced() {
    let mut town = Town::new(Behaviour::Current);
    town.patch("fido2", json!({ "isAttestationEnforced": true }));
    let (mut key, done) = town.registered("yubikey-5-nfc");
    let shown = town.tenant.passkey_to_graph(&done.passkey);
    assert_eq!(shown["attestationLevel"], "attested");
    let certificates = shown["attestationCertificates"].as_array().unwrap();
    assert_eq!(certificates.len(), 1);
    assert_eq!(certificates[0].as_str().unwrap().len(), 40);
    town.sign_in(&mut key).unwrap();
}

#[test]
fn self_service_off_stops_both_the_page_and_the_administrator_s_program() {
    let mut town = Town::new(Behaviour::Current);
    let session = town.by_pass(false);
    town.patch("fido2", json!({ "isSelfServiceRegistrationAllowed": "false" }));
    let refusal =
        town.tenant.registration_options(town.now, &session, Route::SecurityInfo, None).unwrap_err();
    assert_eq!(refusal.code, "sim_self_service_off");
    assert_eq!(
        town.tenant.creation_options(town.now, town.user.id, 5).unwrap_err().code,
        "sim_self_service_off"
    );
}

#[test]
fn a_guest_and_an_excluded_user_register_nothing() {
    let mut town = Town::new(Behaviour::Current);
    let group = town.tenant.add_group("Left out").unwrap();
    town.tenant.set_member(group.id, town.user.id, true).unwrap();
    let (mut device, _) = town.registered("ms-authenticator-ios");
    town.patch("fido2", json!({ "excludeTargets": [{ "id": group.id, "targetType": "group" }] }));
    let refusal = town.sign_in(&mut device).unwrap_err();
    assert_eq!((refusal.kind, refusal.number), (RefusalKind::Policy, Some(135_016)));
    assert_eq!(refusal.code, "error_user_group_restriction_policy_failure");
    let session = town.by_pass(false);
    let refusal =
        town.tenant.registration_options(town.now, &session, Route::SecurityInfo, None).unwrap_err();
    assert_eq!(refusal.code, "error_user_group_restriction_policy_failure");
}

#[test]
fn a_password_alone_registers_nothing_and_a_second_factor_grows_old() {
    let mut town = Town::new(Behaviour::Current);
    let session = town.session();
    town.tenant.identify(town.now, &session, "adele@contoso.test").unwrap();
    let refusal = town.tenant.sign_in_with_password(town.now, &session, "wrong").unwrap_err();
    assert_eq!(refusal.number, Some(50126));
    assert!(town.tenant.sign_in_with_password(town.now, &session, "correct horse").unwrap().is_granted());
    let refusal =
        town.tenant.registration_options(town.now, &session, Route::SecurityInfo, None).unwrap_err();
    assert_eq!(refusal.code, "sim_mfa_required");

    // With the code of an app beside it, it does; for five minutes.
    let by_pass = town.by_pass(false);
    let fit = Phone::fit("phone", Platform::Ios);
    let done = town.register(&by_pass, &mut Device::phone(), Route::InApp, Some(&fit)).unwrap();
    let (_, code) = done.app.unwrap();
    town.tenant.sign_in_with_code(town.now, &session, &code.code(town.now)).unwrap();
    for (seconds, good) in [(300, true), (1, false)] {
        town.later(seconds);
        let options = town.tenant.registration_options(town.now, &session, Route::SecurityInfo, None);
        assert_eq!(options.is_ok(), good, "{options:?}");
    }
}

#[test]
fn a_push_is_answered_by_the_number_that_is_shown() {
    let mut town = Town::new(Behaviour::Current);
    let by_pass = town.by_pass(false);
    let fit = Phone::fit("phone", Platform::Ios);
    let done = town.register(&by_pass, &mut Device::phone(), Route::InApp, Some(&fit)).unwrap();
    let (app, _) = done.app.unwrap();
    for (answer, late, good) in [(0, 0, true), (1, 0, false), (0, 61, false)] {
        let session = town.session();
        town.tenant.identify(town.now, &session, "adele@contoso.test").unwrap();
        town.tenant.sign_in_with_password(town.now, &session, "correct horse").unwrap();
        let number = town.tenant.send_push(town.now, &session, false).unwrap();
        assert!((10..100).contains(&number));
        assert_eq!(town.tenant.pushes(town.now, app.id).len(), 1);
        assert!(town.tenant.sign_in_with_push(town.now, &session).unwrap().is_none());
        town.tenant.answer_push(town.now, app.id, Some(number ^ answer)).unwrap();
        town.later(late);
        let signed = town.tenant.sign_in_with_push(town.now, &session);
        assert_eq!(signed.is_ok_and(|progress| progress.is_some()), good, "{answer} {late}");
    }
    town.patch("microsoftAuthenticator", json!({ "state": "disabled" }));
    let session = town.session();
    town.tenant.identify(town.now, &session, "adele@contoso.test").unwrap();
    assert_eq!(town.tenant.send_push(town.now, &session, true).unwrap_err().code, "sim_no_app");
}
