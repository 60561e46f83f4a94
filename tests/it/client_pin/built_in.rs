//! Built-in user verification, CTAP 2.1 §6.5.3.1: its retries, and getPinUvAuthTokenUsingUvWithPermissions
//! (§6.5.5.7.3).
use super::{BOTH, PIN, edit, register, state, use_token, with_finger, with_pin};
use authenticator::profile::{Profile, Verification};
use authenticator::store::{Finger, StoreError};
use authenticator::{Gesture, Link, Purpose, Via};
use std::time::Duration;
use tests::platform::Pin;
use tests::{NOW, RP_ID, Rig, USB, all_in, everything, listed, registration, sign_in};
use wire::ctap2::{Command, GetAssertion, GetInfoResponse, MakeCredential, Permissions};
use wire::status::Status;

const RETRIES: u64 = 5;

/// A token by finger, answered by these gestures in turn.
fn token(rig: &mut Rig, platform: Pin, gestures: &[Gesture]) -> Status {
    let mut gestures = gestures.iter();
    let token =
        platform.token_by_uv(rig, Permissions::MC, None, |_| *gestures.next().expect("enough gestures"));
    token.err().unwrap_or(Status::OK)
}

/// A registration and a sign-in with `uv`, as messages.
fn ceremonies() -> [Vec<u8>; 2] {
    let sign_in = GetAssertion { uv: Some(true), ..sign_in() };
    [MakeCredential { uv: Some(true), ..registration("a") }.encode(), sign_in.encode()]
}

/// With a passkey, so that a sign-in asks.
fn with_passkey(profile: Profile) -> Rig {
    let mut rig = Rig::new(profile);
    let message = MakeCredential { uv: Some(true), ..registration("first") }.encode();
    assert_eq!(rig.call_with(NOW, USB, &message, |_| Gesture::Verified)[0], 0);
    rig
}

fn call(rig: &mut Rig, message: &[u8], gesture: Gesture) -> Status {
    Status(rig.call_with(NOW, USB, message, |_| gesture)[0])
}

#[test]
fn get_uv_retries_tells_what_is_left() {
    for platform in BOTH {
        let mut rig = Rig::new(with_finger());
        assert_eq!(platform.uv_retries(&mut rig), Ok(RETRIES));
        assert_eq!(token(&mut rig, platform, &[Gesture::NotVerified, Gesture::Verified]), Status::OK);
        assert_eq!(platform.uv_retries(&mut rig), Ok(RETRIES), "success restores them");
        assert_eq!(
            token(&mut rig, platform, &[Gesture::NotVerified, Gesture::Declined]),
            Status::OPERATION_DENIED
        );
        assert_eq!(platform.uv_retries(&mut rig), Ok(RETRIES - 1));
        rig.authenticator.power_cycle(NOW).unwrap();
        assert_eq!(platform.uv_retries(&mut rig), Ok(RETRIES - 1), "a power cycle does not");
        let old = Profile { versions: vec!["FIDO_2_0".into()], ..with_finger() };
        assert_eq!(platform.uv_retries(&mut Rig::new(old)), Err(Status::INVALID_SUBCOMMAND));
    }
}

#[test]
fn token_step_5_a_reader_without_fingers_is_not_set_up() {
    let verification = Verification::Enrollable { capacity: 5, samples: 3, preview: false, by_finger: false };
    for platform in BOTH {
        let mut rig = Rig::new(Profile { verification, ..all_in() });
        assert_eq!(token(&mut rig, platform, &[]), Status::NOT_ALLOWED);
        edit(&mut rig, |state| state.verification.fingers = vec![Finger { id: vec![1], name: None }]);
        assert_eq!(token(&mut rig, platform, &[Gesture::Verified]), Status::OK);
    }
}

#[test]
fn token_step_8_the_user_learns_what_the_platform_wants() {
    for platform in BOTH {
        let mut rig = Rig::new(with_finger());
        let permissions = Permissions(Permissions::GA.0 | Permissions::LBW.0);
        for rp_id in [None, Some(RP_ID)] {
            rig.prompts.clear();
            assert!(platform.token_by_uv(&mut rig, permissions, rp_id, |_| Gesture::Verified).is_ok());
            let prompt = &rig.prompts[0];
            assert!(prompt.verification && rig.prompts.len() == 1);
            assert_eq!(prompt.purpose, Purpose::Token { rp_id: rp_id.map(Into::into), permissions });
            assert_eq!((prompt.purpose.rp_id(), prompt.attempts), (rp_id, 3));
        }
        assert_eq!(token(&mut rig, platform, &[Gesture::Declined]), Status::OPERATION_DENIED);
        assert_eq!(token(&mut rig, platform, &[Gesture::TimedOut]), Status::USER_ACTION_TIMEOUT);
        assert_eq!(platform.uv_retries(&mut rig), Ok(RETRIES), "neither is an attempt");
    }
}

#[test]
fn token_steps_7_and_10_failed_attempts_run_out_and_only_a_pin_or_a_reset_helps() {
    for platform in BOTH {
        let mut rig = Rig::new(with_finger());
        let wrong = [Gesture::NotVerified; 3];
        assert_eq!(token(&mut rig, platform, &wrong), Status::UV_INVALID);
        assert_eq!(platform.uv_retries(&mut rig), Ok(2));
        rig.prompts.clear();
        assert_eq!(token(&mut rig, platform, &wrong[..2]), Status::UV_BLOCKED, "the last retry");
        assert_eq!(rig.prompts.iter().map(|prompt| prompt.attempts).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(platform.uv_retries(&mut rig), Ok(0));
        assert_eq!(token(&mut rig, platform, &[]), Status::UV_BLOCKED, "nobody is asked");
        rig.authenticator.power_cycle(NOW).unwrap();
        assert_eq!(token(&mut rig, platform, &[]), Status::UV_BLOCKED);

        assert_eq!(platform.set(&mut rig, PIN), Ok(()));
        assert_eq!(platform.uv_retries(&mut rig), Ok(RETRIES));
        for restore in [
            |rig: &mut Rig, platform: Pin| platform.plain_token(rig, PIN).map(drop),
            |rig: &mut Rig, platform: Pin| platform.token(rig, PIN, Permissions::GA, None).map(drop),
            |rig: &mut Rig, platform: Pin| platform.change(rig, PIN, PIN),
        ] {
            edit(&mut rig, |state| state.verification.uv_retries = 0);
            assert_eq!(platform.plain_token(&mut rig, "wrong").err(), Some(Status::PIN_INVALID));
            assert_eq!(platform.uv_retries(&mut rig), Ok(0), "a wrong PIN does not help");
            assert_eq!(restore(&mut rig, platform), Ok(()));
            assert_eq!(platform.uv_retries(&mut rig), Ok(RETRIES));
            assert_eq!(token(&mut rig, platform, &[Gesture::Verified]), Status::OK);
        }
        edit(&mut rig, |state| state.verification.uv_retries = 0);
        rig.call(&[Command::RESET.0]);
        assert_eq!(platform.uv_retries(&mut rig), Ok(RETRIES));
    }
}

#[test]
fn token_step_13_a_finger_is_presence_too_for_as_long_as_its_link_allows() {
    let permissions = Permissions(Permissions::MC.0 | Permissions::GA.0);
    for platform in BOTH {
        for (link, millis, asked) in [
            (Link::Usb, 0, 0),
            (Link::Usb, 30_000, 0),
            (Link::Usb, 30_001, 1),
            (Link::Nfc, 19_800, 0),
            (Link::Nfc, 19_801, 1),
        ] {
            let platform = platform.over(Via { link, channel: 1 });
            let mut rig = Rig::new(with_finger());
            let token = platform.token_by_uv(&mut rig, permissions, None, |_| Gesture::Verified).unwrap();
            // A silent use keeps it alive beyond the limit for its first use.
            let first = MakeCredential { uv: Some(true), ..registration("first") }.encode();
            assert_eq!(rig.call(&first)[0], 0);
            assert_eq!(use_token(&mut rig, platform, &token, RP_ID), Status::OK);
            rig.prompts.clear();
            let later = platform.at(NOW + Duration::from_millis(millis));
            let excluded = MakeCredential {
                exclude_list: vec![listed(&rig.authenticator.passkeys()[0].id)],
                pin_uv_auth_param: Some(token.authenticate(&registration("a").client_data_hash)),
                pin_uv_auth_protocol: Some(platform.protocol),
                ..registration("a")
            };
            let reply = rig.call_with(later.now, later.via, &excluded.encode(), |_| Gesture::Present);
            assert_eq!(reply, [Status::CREDENTIAL_EXCLUDED.0]);
            assert_eq!(rig.prompts.len(), asked, "after {millis} ms over {link:?}");
            assert_eq!(register(&mut rig, later, &token, "alice"), Status::OK);
            assert_eq!(rig.prompts.len(), 2 * asked, "after {millis} ms over {link:?}");
            assert_eq!(register(&mut rig, later, &token, "bob"), Status::PIN_AUTH_INVALID, "it is used up");
        }
    }
}

#[test]
fn token_step_11_a_finger_gives_the_persistent_token_too() {
    for platform in BOTH {
        let mut rig = with_pin(with_finger());
        let by_uv = platform.token_by_uv(&mut rig, Permissions::PCMR, None, |_| Gesture::Verified).unwrap();
        let by_pin = platform.token(&mut rig, PIN, Permissions::PCMR, None).unwrap();
        assert!(by_uv == by_pin);
    }
}

#[test]
fn a_finger_and_a_pin_end_each_others_tokens() {
    for platform in BOTH {
        let mut rig = with_pin(with_finger());
        let by_pin = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        let by_uv = platform.token_by_uv(&mut rig, Permissions::GA, None, |_| Gesture::Verified).unwrap();
        assert_eq!(use_token(&mut rig, platform, &by_pin, RP_ID), Status::PIN_AUTH_INVALID);
        assert_eq!(use_token(&mut rig, platform, &by_uv, RP_ID), Status::NO_CREDENTIALS);
    }
}

#[test]
fn an_attempt_is_durable_before_anybody_learns_how_it_ended() {
    let platform = Pin::new(2);
    for gesture in [Gesture::NotVerified, Gesture::Verified] {
        let mut rig = Rig::new(with_finger());
        edit(&mut rig, |state| state.verification.uv_retries = 3);
        rig.shelf.refuse(Some(|| StoreError::Failed("no".into())));
        assert_eq!(token(&mut rig, platform, &[gesture]), Status::OTHER, "{gesture:?}");
        rig.shelf.refuse(None);
        assert_eq!(platform.uv_retries(&mut rig), Ok(3), "{gesture:?}: the same as stored");
    }
}

#[test]
fn step_11_2_3_a_ceremony_whose_user_was_not_verified_points_to_the_pin_if_there_is_one() {
    let no_mc_ga = Profile { no_mc_ga_permissions_with_client_pin: true, ..with_finger() };
    // Profile, whether a PIN is set, the answer while there are retries, and the answer without.
    for (profile, pin, failed, blocked) in [
        (with_finger(), false, Status::OPERATION_DENIED, Status::PIN_BLOCKED),
        (with_finger(), true, Status::PUAT_REQUIRED, Status::PUAT_REQUIRED),
        (no_mc_ga, true, Status::OPERATION_DENIED, Status::PIN_BLOCKED),
    ] {
        for message in ceremonies() {
            let mut rig = with_passkey(profile.clone());
            if pin {
                assert_eq!(Pin::new(2).set(&mut rig, PIN), Ok(()));
            }
            let stored = rig.shelf.stored().credentials.len();
            assert_eq!(call(&mut rig, &message, Gesture::NotVerified), failed);
            assert_eq!(state(&rig).verification.uv_retries, 2);
            assert_eq!(call(&mut rig, &message, Gesture::TimedOut), Status::USER_ACTION_TIMEOUT);
            assert_eq!(call(&mut rig, &message, Gesture::Declined), Status::OPERATION_DENIED);
            assert_eq!(state(&rig).verification.uv_retries, 2, "neither is an attempt");
            assert_eq!(call(&mut rig, &message, Gesture::Present), blocked, "presence is not verification");
            assert_eq!(state(&rig).verification.uv_retries, 0);
            assert_eq!(Status(rig.call_silently(&message)[0]), blocked, "nobody is asked");
            assert_eq!(rig.shelf.stored().credentials.len(), stored);
            edit(&mut rig, |state| state.verification.uv_retries = 1);
            assert_eq!(call(&mut rig, &message, Gesture::Verified), Status::OK);
            assert_eq!(state(&rig).verification.uv_retries, 5);
        }
    }
}

#[test]
fn presence_is_asked_for_even_where_verification_is_blocked() {
    let mut rig = with_passkey(with_finger());
    edit(&mut rig, |state| state.verification.uv_retries = 0);
    let message = GetAssertion { allow_list: Vec::new(), ..sign_in() }.encode();
    assert_eq!(call(&mut rig, &message, Gesture::Present), Status::OK);
}

#[test]
fn without_a_pin_to_fall_back_on_nothing_is_counted() {
    let without = |profile| Profile { pin: None, pin_uv_auth_token: false, ..profile };
    let old = Profile { versions: vec!["FIDO_2_0".into()], ..with_finger() };
    for profile in [without(everything()), without(with_finger()), old] {
        for message in ceremonies() {
            let mut rig = with_passkey(profile.clone());
            let commits = rig.shelf.commits();
            for _ in 0..5 {
                assert_eq!(call(&mut rig, &message, Gesture::NotVerified), Status::OPERATION_DENIED);
            }
            assert_eq!(rig.shelf.commits(), commits);
            assert_eq!(call(&mut rig, &message, Gesture::Verified), Status::OK);
        }
    }
}

#[test]
fn get_info_0x17_counts_what_was_tried_since_the_pin() {
    let count = |rig: &mut Rig| {
        GetInfoResponse::decode(&rig.call_silently(&GetInfoResponse::request()))
            .unwrap()
            .uv_count_since_last_pin_entry
    };
    let platform = Pin::new(2);
    let mut rig = with_pin(with_finger());
    assert_eq!(count(&mut rig), Some(0));
    token(&mut rig, platform, &[Gesture::NotVerified, Gesture::NotVerified, Gesture::Verified]);
    assert_eq!(count(&mut rig), Some(3), "failed attempts count, too");
    rig.authenticator.power_cycle(NOW).unwrap();
    token(&mut rig, platform, &[Gesture::TimedOut]);
    assert_eq!(count(&mut rig), Some(3));
    assert_eq!(platform.plain_token(&mut rig, "wrong").err(), Some(Status::PIN_INVALID));
    assert_eq!(count(&mut rig), Some(3));
    platform.plain_token(&mut rig, PIN).unwrap();
    assert_eq!(count(&mut rig), Some(0));

    let older = Profile { versions: vec!["FIDO_2_1".into()], ..with_finger() };
    for profile in [all_in(), older, Profile { pin: None, pin_uv_auth_token: false, ..with_finger() }] {
        assert_eq!(count(&mut Rig::new(profile)), None);
    }
}

#[test]
fn steps_6_to_8_who_needs_a_token_is_told_so_only_where_a_pin_gives_one() {
    let no_mc_ga = Profile { no_mc_ga_permissions_with_client_pin: true, ..all_in() };
    let (puat, denied) = (Status::PUAT_REQUIRED, Status::OPERATION_DENIED);
    // Profile, whether a PIN is set, alwaysUv, and the answer to a registration without any verification.
    for (profile, pin, always_uv, expected) in [
        (all_in(), false, false, Status::OK),
        (all_in(), true, false, puat),
        (all_in(), false, true, puat),
        (all_in(), true, true, puat),
        (no_mc_ga.clone(), true, false, denied),
        (no_mc_ga.clone(), false, true, denied),
        (no_mc_ga, true, true, denied),
        // The finger is asked for where nothing but alwaysUv asks for it, and else `uv` is missing.
        (with_finger(), false, false, denied),
        (with_finger(), true, false, puat),
        (with_finger(), false, true, Status::OK),
        (with_finger(), true, true, Status::OK),
    ] {
        let mut rig = Rig::new(profile);
        if pin {
            assert_eq!(Pin::new(2).set(&mut rig, PIN), Ok(()));
        }
        edit(&mut rig, |state| state.settings.always_uv = always_uv);
        let answer = call(&mut rig, &registration("a").encode(), Gesture::Verified);
        assert_eq!(answer, expected, "PIN {pin}, alwaysUv {always_uv}");
    }
}
