//! Registration, and what survives a restart.
use super::{BOTH, Device, IOS, Town};
use tenant::{Behaviour, RefusalKind, Route};

#[test]
fn everything_that_was_acknowledged_is_there_after_a_restart() {
    for behaviour in BOTH {
        let mut town = Town::new(behaviour);
        town.allow(&[IOS]);
        let (mut device, done) = town.registered("ms-authenticator-ios");
        town.sign_in(&mut device).unwrap();
        let (sign_ins, audits) = (town.tenant.sign_ins().count(), town.tenant.audits().count());
        let policy = town.tenant.method_policy(tenant::administration::MethodPolicy::Fido2);
        let report = town.tenant.registered_by_method(town.now, "all", "all").unwrap();
        let id = town.tenant.settings().tenant_id;
        town.restart(behaviour);
        assert_eq!(town.tenant.settings().tenant_id, id);
        assert_eq!(town.tenant.method_policy(tenant::administration::MethodPolicy::Fido2), policy);
        assert_eq!((town.tenant.sign_ins().count(), town.tenant.audits().count()), (sign_ins, audits));
        assert_eq!(town.tenant.registered_by_method(town.now, "all", "all").unwrap(), report);
        assert_eq!(town.tenant.passkeys(town.user.id).count(), 1);
        assert_eq!(
            town.tenant.passkey(town.user.id, &done.passkey.id()).unwrap().aaguid,
            done.passkey.aaguid
        );
        town.sign_in(&mut device).unwrap();
    }
}

#[test]
fn a_tenant_of_which_nothing_was_changed_yet_opens_again() {
    for behaviour in BOTH {
        let rows = super::Rows::default();
        for _ in 0..2 {
            drop(super::open(&rows, behaviour, |_| {}));
        }
    }
}

#[test]
fn a_damaged_record_is_an_error_that_says_so_and_never_skipped() {
    let mut town = Town::new(Behaviour::Current);
    let names: Vec<_> = town.rows.0.lock().unwrap().keys().copied().collect();
    assert!(names.len() > 5);
    for name in names {
        let good = town.rows.0.lock().unwrap().get(&name).cloned().unwrap();
        for bad in [b"".to_vec(), b"{}".to_vec(), good[..good.len() - 1].to_vec(), good.repeat(2)] {
            town.rows.0.lock().unwrap().insert(name, bad);
            let opened = tenant::Tenant::open(Box::new(town.rows.clone()), tests::rng(7), |kept, id| {
                kept.unwrap_or_else(|| {
                    tenant::Settings::new(id, "a.test", "https://a.test", Behaviour::Current)
                })
            });
            let refusal = opened.err().unwrap();
            assert_eq!(refusal.kind, RefusalKind::Broken);
            assert!(refusal.message.contains("record"), "{refusal}");
        }
        town.rows.0.lock().unwrap().insert(name, good);
    }
    town.restart(Behaviour::Current);
}

#[test]
fn the_options_ask_for_what_entra_s_were_seen_to_ask_for() {
    let mut town = Town::new(Behaviour::Current);
    let session = town.by_pass(false);
    let options = town.tenant.registration_options(town.now, &session, Route::SecurityInfo, None).unwrap();
    assert_eq!(options.attestation.as_deref(), Some("direct"));
    assert_eq!(options.user.id.0.len(), 51);
    // As long as those of Entra, but for what base64 leaves over.
    assert!((5190..=5198).contains(&options.challenge.0.len()), "{}", options.challenge.0.len());
    let algorithms: Vec<i64> = options.pub_key_cred_params.iter().map(|offered| offered.alg).collect();
    assert_eq!(algorithms, [-7, -257]);
    assert_eq!(options.timeout, Some(60_000));
    let selection = options.authenticator_selection.unwrap();
    assert_eq!(selection.authenticator_attachment.as_deref(), Some("cross-platform"));
    assert_eq!(selection.require_resident_key, Some(true));
    assert_eq!(selection.user_verification.as_deref(), Some("required"));
    // Enforcement changes the verdict, not the question.
    town.patch("fido2", serde_json::json!({ "isAttestationEnforced": true }));
    let options = town.tenant.registration_options(town.now, &session, Route::SecurityInfo, None).unwrap();
    assert_eq!(options.attestation.as_deref(), Some("direct"));
}

#[test]
fn a_passkey_is_registered_once_and_for_whom_its_challenge_was_made() {
    let mut town = Town::new(Behaviour::Current);
    let session = town.by_pass(false);
    let mut device = Device::new("ms-authenticator-ios", client::Link::Usb);
    let options = town.tenant.registration_options(town.now, &session, Route::SecurityInfo, None).unwrap();
    assert!(options.exclude_credentials.is_empty());
    let response = device.create(&options);
    town.tenant.register(town.now, &session, Some("Adele's iPhone"), &response).unwrap();
    // The same again: the challenge has served.
    let options = town.tenant.registration_options(town.now, &session, Route::SecurityInfo, None).unwrap();
    assert_eq!(options.exclude_credentials.len(), 1);
    let refusal = town.tenant.register(town.now, &session, None, &response).unwrap_err();
    assert!(refusal.message.contains("§7.1 step 8"), "{refusal}");
    // Another user's challenge.
    let new =
        tenant::directory::NewUser { user_principal_name: "bob@contoso.test".into(), ..Default::default() };
    let bob = town.tenant.add_user(town.now, new).unwrap();
    let (_, options) = town.tenant.creation_options(town.now, bob.id, 5).unwrap();
    let response = Device::new("security-key", client::Link::Usb).create(&options);
    let refusal = town.tenant.provision(town.now, town.user.id, None, &response).unwrap_err();
    assert!(refusal.message.contains("somebody else"), "{refusal}");
    town.tenant.provision(town.now, bob.id, None, &response).unwrap();
    assert_eq!(
        town.tenant.provision(town.now, bob.id, None, &response).unwrap_err().kind,
        RefusalKind::Ceremony
    );
}

#[test]
fn a_name_of_thirty_characters_is_taken_and_a_longer_one_not() {
    let mut town = Town::new(Behaviour::Current);
    for (length, good) in [(1, true), (30, true), (31, false)] {
        let (_, options) = town.tenant.creation_options(town.now, town.user.id, 5).unwrap();
        let response = Device::new("security-key", client::Link::Usb).create(&options);
        let name = "ü".repeat(length);
        let done = town.tenant.provision(town.now, town.user.id, Some(&name), &response);
        assert_eq!(done.is_ok(), good, "{length}");
    }
    // Who gives none gets the model's name.
    let (_, options) = town.tenant.creation_options(town.now, town.user.id, 5).unwrap();
    let response = Device::new("ms-authenticator-ios", client::Link::Usb).create(&options);
    let done = town.tenant.provision(town.now, town.user.id, None, &response).unwrap();
    assert_eq!(done.passkey.display_name, "Microsoft Authenticator");
}

#[test]
fn a_user_who_is_deleted_takes_everything_along_but_the_logs() {
    let mut town = Town::new(Behaviour::Current);
    let (mut device, _) = town.registered("ms-authenticator-ios");
    town.sign_in(&mut device).unwrap();
    let entries = town.tenant.sign_ins().count();
    town.tenant.delete_user(town.now, town.user.id).unwrap();
    let refusal = town.sign_in(&mut device).unwrap_err();
    assert_eq!(refusal.number, Some(135_010));
    assert_eq!(town.last_sign_in()["authenticationDetails"], serde_json::json!([]));
    assert_eq!(town.tenant.sign_ins().count(), entries + 1);
    town.restart(Behaviour::Current);
    assert_eq!(town.tenant.user_count(), 0);
    assert_eq!(town.tenant.all_passkeys().count(), 0);
}
