//! A jumping clock: passes, challenges, sessions and changes of policy.
use super::{ANDROID, Device, IOS, Town};
use serde_json::json;
use std::time::Duration;
use tenant::{Behaviour, ChallengeUse, Route};

#[test]
fn a_challenge_is_answered_within_five_minutes_or_ten_where_it_is_entra_s() {
    for (challenges, seconds, good) in [
        (ChallengeUse::Once, 300, true),
        (ChallengeUse::Once, 301, false),
        (ChallengeUse::Entra, 600, true),
        (ChallengeUse::Entra, 601, false),
    ] {
        let mut town = Town::with(Behaviour::Current, |settings| settings.challenges = challenges);
        let (mut device, _) = town.registered("ms-authenticator-ios");
        let session = town.session();
        let options = town.tenant.request_options(town.now, &session).unwrap();
        let response = device.get(&options);
        town.later(seconds);
        let signed = town.tenant.sign_in_with_passkey(town.now, &session, &response);
        assert_eq!(signed.is_ok(), good, "{challenges:?} {seconds}");
        if let Err(refusal) = signed {
            assert_eq!(refusal.number, Some(135_018));
            assert!(refusal.message.contains("expired"), "{refusal}");
            assert!(refusal.message.contains("§7.2 step 11"), "{refusal}");
        }
    }
}

#[test]
fn an_answer_serves_once_and_in_its_own_session_unless_challenges_are_entra_s() {
    for challenges in [ChallengeUse::Once, ChallengeUse::Entra] {
        let mut town = Town::with(Behaviour::Current, |settings| settings.challenges = challenges);
        let (mut device, _) = town.registered("ms-authenticator-ios");
        let session = town.session();
        let options = town.tenant.request_options(town.now, &session).unwrap();
        let response = device.get(&options);
        town.tenant.sign_in_with_passkey(town.now, &session, &response).unwrap();
        let replayed = town.tenant.sign_in_with_passkey(town.now, &session, &response);
        let other = town.session();
        let elsewhere = town.tenant.sign_in_with_passkey(town.now, &other, &response);
        for signed in [replayed, elsewhere] {
            match challenges {
                ChallengeUse::Once => assert_eq!(signed.unwrap_err().number, Some(135_018)),
                // Measured at Entra in 2026, and the reason for the mode.
                ChallengeUse::Entra => drop(signed.unwrap()),
            }
        }
    }
}

#[test]
fn provisioning_has_five_minutes_or_as_many_as_were_asked_for() {
    for (minutes, seconds, good) in
        [(5, 300, true), (5, 301, false), (43_200, 2_592_000, true), (43_200, 2_592_001, false)]
    {
        let mut town = Town::new(Behaviour::Current);
        let (until, options) = town.tenant.creation_options(town.now, town.user.id, minutes).unwrap();
        assert_eq!(until, town.now.plus_minutes(minutes.into()));
        let response = Device::new("security-key", client::Link::Usb).create(&options);
        town.later(seconds);
        // The options survive a restart: nothing but the key that signed them is needed.
        town.restart(Behaviour::Current);
        let done = town.tenant.provision(town.now, town.user.id, Some("Key"), &response);
        assert_eq!(done.is_ok(), good, "{minutes} {seconds}: {:?}", done.err());
    }
    let mut town = Town::new(Behaviour::Current);
    for minutes in [0, 4, 43_201] {
        assert!(town.tenant.creation_options(town.now, town.user.id, minutes).is_err(), "{minutes}");
    }
}

#[test]
fn a_one_time_pass_registers_for_ten_minutes_and_signs_in_once() {
    for (seconds, good) in [(600, true), (601, false)] {
        let mut town = Town::new(Behaviour::Current);
        let session = town.by_pass(true);
        town.later(seconds);
        let options = town.tenant.registration_options(town.now, &session, Route::InApp, None);
        assert_eq!(options.is_ok(), good, "{seconds}");
    }
    let mut town = Town::new(Behaviour::Current);
    let (_, pass) =
        town.tenant.create_tap(town.now, town.user.id, &json!({ "isUsableOnce": true }), None).unwrap();
    for good in [true, false] {
        let session = town.session();
        town.tenant.identify(town.now, &session, "adele@contoso.test").unwrap();
        let signed = town.tenant.sign_in_with_pass(town.now, &session, &pass);
        assert_eq!(signed.is_ok(), good);
        if let Err(refusal) = signed {
            assert!(refusal.message.contains("OneTimeUsed"), "{refusal}");
        }
    }
}

#[test]
fn a_session_ends_with_the_pass_that_it_began_with() {
    let mut town = Town::new(Behaviour::Current);
    let session = town.by_pass(false);
    town.later(3599);
    assert!(town.tenant.session(town.now, &session).is_ok());
    town.later(1);
    assert_eq!(town.tenant.session(town.now, &session).unwrap_err().code, "sim_no_session");
    // And with its deletion.
    let session = town.by_pass(false);
    let id = town.tenant.tap(town.now, &town.user).unwrap().0.id.to_string();
    town.tenant.delete_tap(town.now, town.user.id, &id).unwrap();
    assert!(town.tenant.session(town.now, &session).is_err());
}

#[test]
fn a_change_of_policy_reaches_sign_ins_when_it_has_come_through() {
    let delay = Duration::from_secs(360);
    let mut town = Town::with(Behaviour::Current, |settings| settings.propagation_delay = delay);
    town.allow(&[IOS]);
    town.later(360);
    let (mut device, _) = town.registered("ms-authenticator-ios");
    town.allow(&[ANDROID]);
    town.later(359);
    town.sign_in(&mut device).unwrap();
    town.later(1);
    assert_eq!(town.sign_in(&mut device).unwrap_err().number, Some(135_016));
    town.allow(&[IOS]);
    town.later(360);
    town.sign_in(&mut device).unwrap();
}

#[test]
fn logs_are_kept_for_thirty_days_and_then_go() {
    let mut town = Town::new(Behaviour::Current);
    let (mut device, _) = town.registered("ms-authenticator-ios");
    town.sign_in(&mut device).unwrap();
    let before = town.tenant.sign_ins().count();
    town.later(30 * 86_400 + 1);
    town.sign_in(&mut device).unwrap();
    assert_eq!(town.tenant.sign_ins().count(), 1, "of {before} before");
}
