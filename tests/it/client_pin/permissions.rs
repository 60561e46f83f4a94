//! Which permissions may be had, CTAP 2.1 §6.5.5.7.1 steps 3, 4 and 14, §6.5.5.7.2 and §6.5.5.7.3 steps 3 and 4.
use super::{BOTH, OTHER_RP_ID, PIN, edit, register, state, use_token, with_finger, with_pin};
use authenticator::Gesture;
use authenticator::profile::{CredentialManagementClaims, Profile, Verification};
use tests::platform::Pin;
use tests::{RP_ID, Rig, all_in};
use wire::ctap2::client_pin::Subcommand;
use wire::ctap2::{ClientPin, Permissions};
use wire::status::Status;

const ALL: [Permissions; 7] = [
    Permissions::MC,
    Permissions::GA,
    Permissions::CM,
    Permissions::BE,
    Permissions::LBW,
    Permissions::ACFG,
    Permissions::PCMR,
];

fn fingers(preview: bool) -> Verification {
    Verification::Enrollable { capacity: 5, samples: 3, preview, by_finger: false }
}

/// Asks for these permissions by PIN.
fn by_pin(rig: &mut Rig, platform: Pin, permissions: i64) -> Status {
    let shared = platform.agree(rig);
    let request = ClientPin {
        permissions: Some(permissions),
        ..shared.token_by_pin(PIN, Permissions::default(), Some(RP_ID))
    };
    platform.send(rig, &request).err().unwrap_or(Status::OK)
}

/// Asks for these permissions by a finger that matches.
fn by_uv(rig: &mut Rig, platform: Pin, permissions: i64) -> Status {
    let shared = platform.agree(rig);
    let request = ClientPin {
        permissions: Some(permissions),
        ..shared.token_by_uv(Permissions::default(), Some(RP_ID))
    };
    platform.send_with(rig, &request, |_| Gesture::Verified).err().unwrap_or(Status::OK)
}

#[test]
fn step_3_no_permissions_at_all_are_refused() {
    for platform in BOTH {
        let mut rig = with_pin(with_finger());
        assert_eq!(by_pin(&mut rig, platform, 0), Status::INVALID_PARAMETER);
        assert_eq!(by_uv(&mut rig, platform, 0), Status::INVALID_PARAMETER);
    }
}

#[test]
fn step_4_undefined_permissions_are_ignored() {
    for platform in BOTH {
        let mut rig = with_pin(with_finger());
        for permissions in [0x80, 0x81, 0x100, i64::MAX & !0x7F] {
            assert_eq!(by_pin(&mut rig, platform, permissions), Status::OK, "{permissions:#x}");
            assert_eq!(by_uv(&mut rig, platform, permissions), Status::OK, "{permissions:#x}");
        }
        // Nor do they stand beside the one that must be alone.
        assert_eq!(by_pin(&mut rig, platform, 0xC0), Status::OK);
    }
}

#[test]
fn step_4_each_permission_needs_the_option_that_it_is_for() {
    let management = all_in().credential_management;
    let without = |credential_management| Profile { credential_management, ..with_finger() };
    // What is missing by PIN and by finger from each profile.
    let (be, acfg) = (Permissions::BE.0, Permissions::ACFG.0);
    let by_finger = Verification::Enrollable { capacity: 5, samples: 3, preview: false, by_finger: true };
    let cases = [
        ("all in", with_finger(), be, be | acfg),
        (
            "no credMgmt, with its preview",
            without(CredentialManagementClaims { standard: false, ..management }),
            be | Permissions::CM.0,
            be | acfg | Permissions::CM.0,
        ),
        (
            "no perCredMgmtRO",
            without(CredentialManagementClaims { persistent_read_only: false, ..management }),
            be | Permissions::PCMR.0,
            be | acfg | Permissions::PCMR.0,
        ),
        (
            "no largeBlobs",
            Profile { large_blobs: None, ..with_finger() },
            be | Permissions::LBW.0,
            be | acfg | Permissions::LBW.0,
        ),
        ("no authnrCfg", Profile { config_commands: Vec::new(), ..with_finger() }, be | acfg, be | acfg),
        (
            "noMcGaPermissionsWithClientPin",
            Profile { no_mc_ga_permissions_with_client_pin: true, ..with_finger() },
            be | Permissions::MC.0 | Permissions::GA.0,
            be | acfg,
        ),
        ("bioEnroll", Profile { verification: fingers(false), ..all_in() }, 0, be | acfg),
        ("uvBioEnroll", Profile { verification: by_finger, ..all_in() }, 0, acfg),
        ("only the preview of bioEnroll", Profile { verification: fingers(true), ..all_in() }, be, be | acfg),
    ];
    for platform in BOTH {
        for (name, profile, missing_by_pin, missing_by_uv) in cases.clone() {
            let enrollable = matches!(profile.verification, Verification::Enrollable { .. });
            let mut rig = with_pin(profile);
            if enrollable {
                let finger = authenticator::store::Finger { id: vec![1], name: None };
                edit(&mut rig, |state| state.verification.fingers = vec![finger]);
            }
            for bits in 1..0x80u8 {
                let alone = bits & Permissions::PCMR.0 == 0 || bits == Permissions::PCMR.0;
                let expected = |missing: u8| {
                    if alone && bits & missing == 0 { Status::OK } else { Status::UNAUTHORIZED_PERMISSION }
                };
                // Every permission alone, and every two: the whole square takes long.
                if bits.count_ones() > 2 && bits % 5 != 0 {
                    continue;
                }
                let commits = rig.shelf.commits();
                let got = by_pin(&mut rig, platform, bits.into());
                assert_eq!(got, expected(missing_by_pin), "{name}, by PIN: {:?}", Permissions(bits));
                assert!(got == Status::OK || rig.shelf.commits() == commits, "{name}: no retry was spent");
                let got = by_uv(&mut rig, platform, bits.into());
                assert_eq!(got, expected(missing_by_uv), "{name}, by finger: {:?}", Permissions(bits));
            }
        }
    }
}

#[test]
fn step_4_comes_before_the_question_whether_there_is_a_pin_or_it_is_blocked() {
    for platform in BOTH {
        let mut rig = Rig::new(all_in());
        assert_eq!(by_pin(&mut rig, platform, 0), Status::INVALID_PARAMETER);
        assert_eq!(by_pin(&mut rig, platform, Permissions::BE.0.into()), Status::UNAUTHORIZED_PERMISSION);
        assert_eq!(by_pin(&mut rig, platform, Permissions::MC.0.into()), Status::PIN_NOT_SET);
        let mut rig = with_pin(all_in());
        edit(&mut rig, |state| state.verification.pin_retries = 0);
        assert_eq!(by_pin(&mut rig, platform, Permissions::BE.0.into()), Status::UNAUTHORIZED_PERMISSION);
        assert_eq!(by_pin(&mut rig, platform, Permissions::MC.0.into()), Status::PIN_BLOCKED);
    }
}

#[test]
fn get_pin_token_steps_3_and_4_it_takes_no_permissions_and_no_rp_id() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let sound = platform.agree(&mut rig).plain_token(PIN);
        for request in [
            ClientPin { permissions: Some(1), ..sound.clone() },
            ClientPin { permissions: Some(0), ..sound.clone() },
            ClientPin { rp_id: Some(RP_ID.into()), ..sound.clone() },
        ] {
            assert_eq!(platform.send(&mut rig, &request), Err(Status::INVALID_PARAMETER));
        }
        assert_eq!(platform.retries(&mut rig), Ok((8, Some(false))));
    }
}

#[test]
fn get_pin_token_step_14_gives_the_default_permissions_or_none() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let token = platform.plain_token(&mut rig, PIN).unwrap();
        assert_eq!(use_token(&mut rig, platform, &token, RP_ID), Status::NO_CREDENTIALS);
        assert_eq!(register(&mut rig, platform, &token, "alice"), Status::OK);

        let mut rig = with_pin(Profile { no_mc_ga_permissions_with_client_pin: true, ..all_in() });
        let token = platform.plain_token(&mut rig, PIN).unwrap();
        assert_eq!(use_token(&mut rig, platform, &token, RP_ID), Status::PIN_AUTH_INVALID);
        assert_eq!(register(&mut rig, platform, &token, "alice"), Status::PIN_AUTH_INVALID);
    }
}

#[test]
fn a_token_may_do_what_was_asked_for_and_no_more() {
    for platform in BOTH {
        for permission in ALL.into_iter().filter(|p| ![Permissions::BE, Permissions::PCMR].contains(p)) {
            let mut rig = with_pin(all_in());
            let token = platform.token(&mut rig, PIN, permission, None).unwrap();
            let signs = use_token(&mut rig, platform, &token, RP_ID);
            let expected =
                if permission == Permissions::GA { Status::NO_CREDENTIALS } else { Status::PIN_AUTH_INVALID };
            assert_eq!(signs, expected, "{permission:?}");
            let registers = register(&mut rig, platform, &token, "alice");
            let expected = if permission == Permissions::MC { Status::OK } else { Status::PIN_AUTH_INVALID };
            assert_eq!(registers, expected, "{permission:?}");
        }
    }
}

#[test]
fn a_token_is_for_one_relying_party_named_or_met_first() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        let named = platform.token(&mut rig, PIN, Permissions::GA, Some(OTHER_RP_ID)).unwrap();
        assert_eq!(use_token(&mut rig, platform, &named, RP_ID), Status::PIN_AUTH_INVALID);

        let token = platform.plain_token(&mut rig, PIN).unwrap();
        assert_eq!(register(&mut rig, platform, &token, "alice"), Status::OK);
        let token = platform.plain_token(&mut rig, PIN).unwrap();
        assert_eq!(use_token(&mut rig, platform, &token, RP_ID), Status::OK);
        assert_eq!(use_token(&mut rig, platform, &token, OTHER_RP_ID), Status::PIN_AUTH_INVALID);
        assert_eq!(use_token(&mut rig, platform, &token, RP_ID), Status::OK);
    }
}

#[test]
fn step_11_a_pin_that_must_be_changed_first_gives_no_token_and_each_subcommand_says_so_in_its_own_way() {
    for platform in BOTH {
        let mut rig = with_pin(all_in());
        edit(&mut rig, |state| {
            state.settings.force_pin_change = true;
            state.verification.pin_retries = 4;
        });
        assert_eq!(platform.plain_token(&mut rig, PIN).err(), Some(Status::PIN_INVALID));
        assert_eq!(state(&rig).verification.pin_retries, 8, "the PIN was right: step 10");
        for permissions in [Permissions::GA, Permissions::PCMR] {
            let refused = platform.token(&mut rig, PIN, permissions, None).err();
            assert_eq!(refused, Some(Status::PIN_POLICY_VIOLATION), "{permissions:?}");
        }
        assert!(state(&rig).verification.persistent_token.is_none());
        assert_eq!(platform.retries(&mut rig), Ok((8, Some(false))), "no misses were counted");
        assert_eq!(platform.change(&mut rig, PIN, "another one"), Ok(()));
        assert!(platform.plain_token(&mut rig, "another one").is_ok());
    }
}

#[test]
fn every_subcommand_number_of_these_tests_is_the_one_of_the_specification() {
    assert_eq!(Subcommand::GET_PIN_TOKEN, Subcommand(5));
    assert_eq!(Subcommand::GET_TOKEN_USING_UV, Subcommand(6));
    assert_eq!(Subcommand::GET_TOKEN_USING_PIN, Subcommand(9));
    assert_eq!(ALL.map(|permission| permission.0), [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40]);
}
