//! What becomes of a pinUvAuthToken, CTAP 2.1 §6.5.2.1 and §6.5.5.7: its clocks, its end, and the persistent one.
use super::{BOTH, OTHER_RP_ID, PIN, edit, register, state, use_token, with_pin};
use authenticator::profile::Profile;
use authenticator::store::StoreError;
use authenticator::{Gesture, Link, Via};
use std::time::Duration;
use tests::platform::{Pin, Token};
use tests::{NOW, RP_ID, Rig, USB, all_in, listed, registration};
use wire::ctap2::{ClientPin, Command, MakeCredential, Permissions};
use wire::status::Status;

/// A silent sign-in at that many milliseconds: whether the token verifies.
fn verifies(rig: &mut Rig, platform: Pin, token: &Token, millis: u64) -> bool {
    let platform = platform.at(NOW + Duration::from_millis(millis));
    match use_token(rig, platform, token, RP_ID) {
        Status::NO_CREDENTIALS => true,
        Status::PIN_AUTH_INVALID => false,
        other => panic!("{other}"),
    }
}

/// As [`verifies`], where a passkey is there.
fn signs_in(rig: &mut Rig, platform: Pin, token: &Token, millis: u64) -> bool {
    match use_token(rig, platform.at(NOW + Duration::from_millis(millis)), token, RP_ID) {
        Status::OK => true,
        Status::PIN_AUTH_INVALID => false,
        other => panic!("{other}"),
    }
}

fn with_passkey(platform: Pin) -> Rig {
    let mut rig = with_pin(all_in());
    let token = platform.token(&mut rig, PIN, Permissions::MC, None).unwrap();
    assert_eq!(register(&mut rig, platform, &token, "alice"), Status::OK);
    rig
}

#[test]
fn a_token_waits_for_its_first_use_as_long_as_its_link_allows() {
    for platform in BOTH {
        // Over hybrid there is no clientPIN.
        for (link, limit) in [(Link::Usb, 30_000), (Link::Nfc, 19_800), (Link::Internal, 30_000)] {
            let platform = platform.over(Via { link, channel: 1 });
            let fresh = || {
                let mut rig = with_pin(all_in());
                let token = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
                (rig, token)
            };
            let (mut rig, token) = fresh();
            assert!(verifies(&mut rig, platform, &token, limit), "{link:?}");
            let (mut rig, token) = fresh();
            assert!(!verifies(&mut rig, platform, &token, limit + 1), "{link:?}");
            assert!(!verifies(&mut rig, platform, &token, 0), "{link:?}: what has ended does not come back");
        }
    }
}

#[test]
fn a_token_that_was_used_lasts_ten_minutes() {
    for platform in BOTH {
        let mut rig = with_passkey(platform);
        let token = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        for millis in [30_000, 30_001, 400_000, 600_000] {
            assert!(signs_in(&mut rig, platform, &token, millis), "{millis} ms");
        }
        assert!(!signs_in(&mut rig, platform, &token, 600_001));
    }
}

#[test]
fn a_token_counts_its_time_from_when_it_was_given_out() {
    for platform in BOTH {
        for (millis, fresh) in [(1_030_000, true), (1_030_001, false)] {
            let mut rig = with_pin(all_in());
            let later = platform.at(NOW + Duration::from_secs(1_000));
            let token = later.token(&mut rig, PIN, Permissions::GA, None).unwrap();
            assert_eq!(verifies(&mut rig, platform, &token, millis), fresh);
        }
    }
}

#[test]
fn a_token_that_verified_a_command_is_used_and_bound_whatever_became_of_the_command() {
    for platform in BOTH {
        let later = platform.at(NOW + Duration::from_secs(100));
        let mut rig = with_pin(all_in());
        let token = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        assert_eq!(use_token(&mut rig, platform, &token, RP_ID), Status::NO_CREDENTIALS);
        assert_eq!(
            use_token(&mut rig, later, &token, OTHER_RP_ID),
            Status::PIN_AUTH_INVALID,
            "§6.2.2 step 6"
        );
        assert_eq!(use_token(&mut rig, later, &token, RP_ID), Status::NO_CREDENTIALS);

        // Declined: the same token may ask again, and still for this relying party only.
        let token = platform.token(&mut rig, PIN, Permissions::MC, None).unwrap();
        let request = MakeCredential {
            pin_uv_auth_param: Some(token.authenticate(&registration("alice").client_data_hash)),
            pin_uv_auth_protocol: Some(platform.protocol),
            ..registration("alice")
        };
        let declined = rig.call_with(NOW, USB, &request.encode(), |_| Gesture::Declined);
        assert_eq!(declined, [Status::OPERATION_DENIED.0]);
        let mut elsewhere = request.clone();
        elsewhere.rp.id = OTHER_RP_ID.into();
        assert_eq!(rig.call_silently(&elsewhere.encode()), [Status::PIN_AUTH_INVALID.0], "§6.1.2 step 11");
        assert_eq!(register(&mut rig, later, &token, "alice"), Status::OK);
    }
}

#[test]
fn an_excluded_credential_does_not_use_a_token_up() {
    for platform in BOTH {
        let mut rig = with_passkey(platform);
        let id = rig.authenticator.passkeys()[0].id.clone();
        let token = platform.token(&mut rig, PIN, Permissions::MC, None).unwrap();
        let request = MakeCredential {
            exclude_list: vec![listed(&id)],
            pin_uv_auth_param: Some(token.authenticate(&registration("bob").client_data_hash)),
            pin_uv_auth_protocol: Some(platform.protocol),
            ..registration("bob")
        };
        assert_eq!(rig.call(&request.encode()), [Status::CREDENTIAL_EXCLUDED.0]);
        assert_eq!(register(&mut rig, platform, &token, "bob"), Status::OK, "§6.1.2 step 12 clears nothing");
        assert_eq!(register(&mut rig, platform, &token, "carol"), Status::PIN_AUTH_INVALID, "step 14 does");
    }
}

#[test]
fn a_token_verifies_nothing_but_what_it_signed() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let token = platform.token(&mut rig, PIN, Permissions::MC, None).unwrap();
        let sound = token.authenticate(&registration("a").client_data_hash);
        let mut flipped = sound.clone();
        *flipped.last_mut().unwrap() ^= 0x80;
        let elsewhere = token.authenticate(&[0; 32]);
        for param in [flipped, sound[1..].to_vec(), sound[..8].to_vec(), elsewhere] {
            let message = MakeCredential {
                pin_uv_auth_param: Some(param),
                pin_uv_auth_protocol: Some(platform.protocol),
                ..registration("a")
            };
            assert_eq!(rig.call_silently(&message.encode()), [Status::PIN_AUTH_INVALID.0]);
        }
        assert_eq!(register(&mut rig, platform, &token, "a"), Status::OK);
    }
}

#[test]
fn a_token_of_one_protocol_is_not_one_of_the_other() {
    for (platform, other) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let mut rig = with_pin(all_in());
        let token = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        let mut disguised = token;
        disguised.protocol = other.protocol;
        assert_eq!(use_token(&mut rig, platform, &disguised, RP_ID), Status::PIN_AUTH_INVALID);
    }
}

#[test]
fn a_new_token_ends_those_of_both_protocols() {
    for old in BOTH {
        for new in BOTH {
            let mut rig = with_pin(all_in());
            let first = old.token(&mut rig, PIN, Permissions::GA, None).unwrap();
            let second = new.token(&mut rig, PIN, Permissions::GA, None).unwrap();
            assert!(first != second);
            assert!(!verifies(&mut rig, old, &first, 0));
            assert!(verifies(&mut rig, new, &second, 0));
        }
    }
}

#[test]
fn a_token_does_not_outlive_a_power_cycle_or_a_reset() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let token = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        rig.authenticator.power_cycle(NOW).unwrap();
        assert!(!verifies(&mut rig, platform, &token, 0));
        let token = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        rig.call(&[Command::RESET.0]);
        assert!(!verifies(&mut rig, platform, &token, 0));
    }
}

#[test]
fn a_touch_uses_a_token_up() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let both = Permissions(Permissions::MC.0 | Permissions::GA.0);
        let token = platform.token(&mut rig, PIN, both, None).unwrap();
        assert!(verifies(&mut rig, platform, &token, 0), "a silent request does not");
        assert_eq!(register(&mut rig, platform, &token, "alice"), Status::OK);
        assert_eq!(rig.prompts.len(), 1, "a PIN says nothing of presence");
        assert!(!rig.prompts[0].verification);
        assert!(!signs_in(&mut rig, platform, &token, 0));
        assert_eq!(register(&mut rig, platform, &token, "bob"), Status::PIN_AUTH_INVALID);
    }
}

#[test]
fn a_token_that_cannot_be_written_for_is_not_given_out_and_the_one_before_it_lives() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let token = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        rig.shelf.refuse(Some(|| StoreError::Failed("no".into())));
        assert_eq!(platform.token(&mut rig, PIN, Permissions::GA, None).err(), Some(Status::OTHER));
        rig.shelf.refuse(None);
        assert!(verifies(&mut rig, platform, &token, 0));
    }
}

#[test]
fn the_persistent_token_is_one_for_both_protocols_and_outlives_a_power_cycle_but_not_a_reset() {
    let [one, two] = BOTH;
    let mut rig = with_pin(all_in());
    assert!(state(&rig).verification.persistent_token.is_none(), "it is made when first asked for");
    let first = one.token(&mut rig, PIN, Permissions::PCMR, None).unwrap();
    assert_eq!(**state(&rig).verification.persistent_token.as_ref().unwrap(), *first.value());
    let second = two.token(&mut rig, PIN, Permissions::PCMR, Some(RP_ID)).unwrap();
    assert_eq!(first.value(), second.value());
    rig.authenticator.power_cycle(NOW).unwrap();
    let third =
        two.at(NOW + Duration::from_secs(10_000)).token(&mut rig, PIN, Permissions::PCMR, None).unwrap();
    assert_eq!(first.value(), third.value());
    rig.call(&[Command::RESET.0]);
    assert_eq!(one.set(&mut rig, PIN), Ok(()));
    let fourth = one.token(&mut rig, PIN, Permissions::PCMR, None).unwrap();
    assert_ne!(first.value(), fourth.value());
}

#[test]
fn the_persistent_token_neither_ends_the_others_nor_signs_nor_registers() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let token = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        let persistent = platform.token(&mut rig, PIN, Permissions::PCMR, None).unwrap();
        assert!(!verifies(&mut rig, platform, &persistent, 0));
        assert_eq!(register(&mut rig, platform, &persistent, "a"), Status::PIN_AUTH_INVALID);
        assert!(verifies(&mut rig, platform, &token, 0));
    }
}

#[test]
fn the_state_of_a_token_is_not_written() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let commits = rig.shelf.commits();
        platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        assert_eq!(rig.shelf.commits(), commits + 2, "the lowered retries and the restored ones");
    }
}

/// An authenticator of CTAP 2.0: one pinToken for everything.
fn before_2_1() -> Profile {
    Profile { versions: vec!["FIDO_2_0".into()], pin_uv_auth_token: false, ..all_in() }
}

#[test]
fn before_ctap_2_1_a_token_lasts_until_the_power_is_cut_for_everything_and_everybody() {
    for platform in BOTH {
        let mut rig = with_pin(before_2_1());
        let token = platform.plain_token(&mut rig, PIN).unwrap();
        let hour = platform.at(NOW + Duration::from_secs(3_600));
        for user in ["alice", "bob"] {
            assert_eq!(register(&mut rig, hour, &token, user), Status::OK, "{user}");
        }
        assert_eq!(use_token(&mut rig, hour, &token, RP_ID), Status::OK);
        assert_eq!(use_token(&mut rig, hour, &token, "other.example.test"), Status::NO_CREDENTIALS);
        let again = hour.plain_token(&mut rig, PIN).unwrap();
        assert_eq!(again.value(), token.value());
        assert_eq!(platform.change(&mut rig, PIN, "another one"), Ok(()));
        assert_eq!(use_token(&mut rig, hour, &token, RP_ID), Status::PIN_AUTH_INVALID);
        let token = hour.plain_token(&mut rig, "another one").unwrap();
        rig.authenticator.power_cycle(NOW).unwrap();
        assert_eq!(use_token(&mut rig, platform, &token, RP_ID), Status::PIN_AUTH_INVALID);
    }
}

#[test]
fn before_ctap_2_1_nobody_knows_permissions_or_power_cycle_state() {
    for platform in BOTH {
        let mut rig = with_pin(before_2_1());
        assert_eq!(platform.retries(&mut rig), Ok((8, None)));
        let shared = platform.agree(&mut rig);
        let request = ClientPin { permissions: Some(1), rp_id: Some("x".into()), ..shared.plain_token(PIN) };
        assert!(platform.send(&mut rig, &request).is_ok(), "unknown members are ignored");
    }
}

#[test]
fn the_clock_of_the_link_is_that_of_the_command_that_asked() {
    let mut rig = with_pin(all_in());
    edit(&mut rig, |_| ());
    let nfc = Pin::new(2).over(Via { link: Link::Nfc, channel: 0 });
    let token = nfc.token(&mut rig, PIN, Permissions::GA, None).unwrap();
    assert!(!verifies(&mut rig, Pin::new(2).over(USB), &token, 19_801), "although it is used over USB");
}
