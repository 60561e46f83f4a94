//! setPIN and changePIN, CTAP 2.1 §6.5.5.5 and §6.5.5.6.
use super::{BOTH, PIN, edit, state, use_token, with_pin};
use authenticator::profile::{PinClaims, Profile};
use tests::platform::Pin;
use tests::{NOW, RP_ID, Rig, all_in};
use wire::ctap2::{ClientPin, Permissions};
use wire::status::Status;

/// setPIN of these bytes on a fresh authenticator, and changePIN to them on one that has a PIN.
fn both_ways(profile: &Profile, platform: Pin, pin: &[u8]) -> [Result<(), Status>; 2] {
    let mut fresh = Rig::new(profile.clone());
    let request = platform.agree(&mut fresh).set_pin(pin);
    let set = platform.send(&mut fresh, &request).map(drop);
    assert_eq!(state(&fresh).verification.pin.is_some(), set.is_ok());
    let mut used = with_pin(profile.clone());
    let before = state(&used).verification.pin.unwrap().hash;
    let request = platform.agree(&mut used).change_pin(PIN, pin);
    let changed = platform.send(&mut used, &request).map(drop);
    assert_eq!(state(&used).verification.pin.unwrap().hash != before, changed.is_ok());
    assert_eq!(state(&used).verification.pin_retries, 8, "the old PIN was right");
    [set, changed]
}

#[test]
fn set_step_3_a_pin_that_is_set_is_not_set_again() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        assert_eq!(platform.set(&mut rig, "another one"), Err(Status::PIN_AUTH_INVALID));
        assert!(platform.token(&mut rig, PIN, Permissions::MC, None).is_ok(), "the old one still holds");
    }
}

#[test]
fn set_step_5_and_change_step_5_the_platform_proves_that_it_encrypted_the_pins() {
    for platform in BOTH {
        let mut fresh = Rig::new(all_in());
        let mut used = with_pin(all_in());
        let set = platform.agree(&mut fresh).set_pin(PIN.as_bytes());
        let change = platform.agree(&mut used).change_pin(PIN, b"another one");
        let param = |request: &ClientPin| request.pin_uv_auth_param.clone().unwrap();
        for (rig, request) in [(&mut fresh, set), (&mut used, change)] {
            let commits = rig.shelf.commits();
            let sound = param(&request);
            let mut flipped = sound.clone();
            flipped[0] ^= 1;
            for bad in
                [flipped, sound[..sound.len() - 1].to_vec(), [sound.as_slice(), &[0]].concat(), Vec::new()]
            {
                let request = ClientPin { pin_uv_auth_param: Some(bad), ..request.clone() };
                assert_eq!(platform.send(rig, &request), Err(Status::PIN_AUTH_INVALID));
            }
            let mut other = request.clone();
            other.new_pin_enc.as_mut().unwrap()[20] ^= 1;
            assert_eq!(platform.send(rig, &other), Err(Status::PIN_AUTH_INVALID));
            assert_eq!(rig.shelf.commits(), commits, "nothing is stored and no retry is spent");
            assert!(platform.send(rig, &request).is_ok(), "the request itself was sound");
        }
    }
}

#[test]
fn set_step_6_what_cannot_be_decrypted_is_refused() {
    for platform in BOTH {
        let mut rig = Rig::new(all_in());
        let shared = platform.agree(&mut rig);
        for len in [1, 15, 17, 63, 81] {
            let new_pin_enc = vec![7; len];
            let pin_uv_auth_param = Some(shared.authenticate(&new_pin_enc));
            let request = ClientPin {
                new_pin_enc: Some(new_pin_enc),
                pin_uv_auth_param,
                ..shared.set_pin(PIN.as_bytes())
            };
            assert_eq!(platform.send(&mut rig, &request), Err(Status::PIN_AUTH_INVALID), "{len} bytes");
        }
    }
}

#[test]
fn set_step_7_a_pin_is_padded_to_64_bytes() {
    for platform in BOTH {
        let mut rig = Rig::new(all_in());
        let shared = platform.agree(&mut rig);
        for len in [0, 16, 48, 80, 128, 256] {
            let mut padded = PIN.as_bytes().to_vec();
            padded.resize(len, 0);
            let request = shared.set_padded_pin(&padded);
            assert_eq!(platform.send(&mut rig, &request), Err(Status::INVALID_PARAMETER), "{len} bytes");
        }
    }
}

#[test]
fn set_step_9_length_is_counted_in_code_points() {
    const NO: [Result<(), Status>; 2] = [Err(Status::PIN_POLICY_VIOLATION); 2];
    const YES: [Result<(), Status>; 2] = [Ok(()); 2];
    let sixty_three = "x".repeat(63);
    let sixty_four = "x".repeat(64);
    for platform in BOTH {
        for (pin, expected) in [
            ("", NO),
            ("123", NO),
            // Twelve bytes, three code points.
            ("🔑🔑🔑", NO),
            // Four code points of one to four bytes.
            ("aé€🔑", YES),
            ("1234", YES),
            // An accent of its own is a code point of its own.
            ("e\u{301}e\u{301}", YES),
            (sixty_three.as_str(), YES),
            (sixty_four.as_str(), NO),
        ] {
            assert_eq!(both_ways(&all_in(), platform, pin.as_bytes()), expected, "{pin:?}");
        }
        for broken in [&[0xFF; 8][..], b"abcd\xC3", b"\xF0\x9F\x94"] {
            assert_eq!(both_ways(&all_in(), platform, broken), NO, "{broken:?} is not UTF-8");
        }
        // A zero inside is not padding.
        assert_eq!(both_ways(&all_in(), platform, b"12\x0034"), YES);
    }
}

#[test]
fn set_step_9_what_the_profile_and_the_settings_say_decides() {
    let claims = |min_length, max_length| {
        let pin = all_in().pin.map(|pin| PinClaims { min_length, max_length, ..pin });
        Profile { pin, ..all_in() }
    };
    for platform in BOTH {
        let mut rig = Rig::new(claims(6, 8));
        for (pin, expected) in [
            ("12345", Err(Status::PIN_POLICY_VIOLATION)),
            ("123456789", Err(Status::PIN_POLICY_VIOLATION)),
            ("123456", Ok(())),
        ] {
            assert_eq!(platform.set(&mut rig, pin), expected, "{pin}");
        }
        assert_eq!(
            platform.change(&mut rig, "123456", "éééééééé"),
            Ok(()),
            "eight code points, sixteen bytes"
        );
        edit(&mut rig, |state| state.settings.min_pin_length = 7);
        assert_eq!(platform.change(&mut rig, "éééééééé", "123456"), Err(Status::PIN_POLICY_VIOLATION));
        assert_eq!(platform.change(&mut rig, "éééééééé", "1234567"), Ok(()));
    }
}

#[test]
fn set_step_10_simple_pins_are_refused_only_where_pin_complexity_policy_says_so() {
    let complexity = |complexity| {
        let pin = all_in().pin.map(|pin| PinClaims { complexity, ..pin });
        Profile { pin, ..all_in() }
    };
    for platform in BOTH {
        for (pin, simple) in
            [("0000", true), ("1234", true), ("dcba", true), ("123123", true), ("1357", false)]
        {
            let expected = if simple { Err(Status::PIN_POLICY_VIOLATION) } else { Ok(()) };
            assert_eq!(both_ways(&complexity(Some(true)), platform, pin.as_bytes()), [expected; 2], "{pin}");
            for off in [Some(false), None] {
                assert_eq!(both_ways(&complexity(off), platform, pin.as_bytes()), [Ok(()); 2], "{pin}");
            }
        }
    }
}

#[test]
fn set_steps_11_and_12_only_a_hash_and_a_length_are_kept() {
    // SHA-256 of "a1b2c3d4", as `printf a1b2c3d4 | sha256sum` tells it.
    const HASH: [u8; 16] =
        [0x7D, 0xCF, 0x40, 0x7F, 0xA8, 0x4A, 0x0E, 0x05, 0x19, 0xC7, 0x99, 0x11, 0x54, 0xC4, 0x14, 0x8D];
    for platform in BOTH {
        let mut rig = Rig::new(all_in());
        let commits = rig.shelf.commits();
        assert_eq!(platform.set(&mut rig, PIN), Ok(()));
        assert_eq!(rig.shelf.commits(), commits + 1);
        let verification = state(&rig).verification;
        let pin = verification.pin.unwrap();
        assert_eq!((*pin.hash, pin.code_points), (HASH, 8));
        assert_eq!(verification.pin_retries, 8);
        rig.authenticator.power_cycle(NOW).unwrap();
        assert!(platform.token(&mut rig, PIN, Permissions::MC, None).is_ok(), "it outlives a power cycle");
    }
}

#[test]
fn change_without_a_pin() {
    for platform in BOTH {
        let mut rig = Rig::new(all_in());
        assert_eq!(platform.change(&mut rig, PIN, "another one"), Err(Status::PIN_NOT_SET));
    }
}

#[test]
fn change_steps_7_and_12_a_bad_new_pin_is_told_only_to_who_knows_the_old_one() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        assert_eq!(platform.change(&mut rig, "wrong", "x"), Err(Status::PIN_INVALID));
        assert_eq!(state(&rig).verification.pin_retries, 7);
        assert_eq!(platform.change(&mut rig, PIN, "x"), Err(Status::PIN_POLICY_VIOLATION));
        assert_eq!(state(&rig).verification.pin_retries, 8, "the old one was right");
    }
}

#[test]
fn change_step_13_a_pin_that_must_be_changed_is_not_changed_to_itself() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        assert_eq!(platform.change(&mut rig, PIN, PIN), Ok(()), "allowed where nobody insists");
        edit(&mut rig, |state| state.settings.force_pin_change = true);
        assert_eq!(platform.change(&mut rig, PIN, PIN), Err(Status::PIN_POLICY_VIOLATION));
        assert!(state(&rig).settings.force_pin_change);
        assert_eq!(platform.change(&mut rig, PIN, "another one"), Ok(()));
        assert!(!state(&rig).settings.force_pin_change, "step 16");
        assert!(platform.token(&mut rig, "another one", Permissions::MC, None).is_ok());
    }
}

#[test]
fn change_steps_17_to_20_the_old_pin_and_all_tokens_are_gone() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let persistent = platform.token(&mut rig, PIN, Permissions::PCMR, None).unwrap();
        let token = platform.token(&mut rig, PIN, Permissions::GA, None).unwrap();
        assert_eq!(use_token(&mut rig, platform, &token, RP_ID), Status::NO_CREDENTIALS, "it verifies");
        assert!(state(&rig).verification.persistent_token.is_some());
        assert_eq!(platform.change(&mut rig, PIN, "another"), Ok(()));
        assert_eq!(state(&rig).verification.pin.unwrap().code_points, 7, "step 15");
        assert_eq!(use_token(&mut rig, platform, &token, RP_ID), Status::PIN_AUTH_INVALID, "step 19");
        assert!(state(&rig).verification.persistent_token.is_none(), "step 20");
        assert_eq!(platform.token(&mut rig, PIN, Permissions::GA, None).err(), Some(Status::PIN_INVALID));
        let again = platform.token(&mut rig, "another", Permissions::PCMR, None).unwrap();
        assert!(again != persistent, "another persistent token");
    }
}
