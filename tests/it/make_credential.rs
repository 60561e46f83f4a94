//! authenticatorMakeCredential, CTAP 2.1 §6.1.2, step by step.
use authenticator::profile::{Attestation, Counter, Extension, Profile, Verification};
use authenticator::store::StoreError;
use authenticator::{CREDENTIAL_ID_MARK, Event, Gesture, Progress, Purpose, Request};
use std::collections::HashSet;
use tests::{
    ALGORITHMS, NOW, Rig, SLOW, USB, all_in, every_mode, everything, listed, registration, sign_in,
    since_2_1, status,
};
use wire::cbor;
use wire::cose::Algorithm;
use wire::ctap2::{Command, GetAssertion, GetAssertionResponse, MakeCredential, MakeCredentialResponse};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

fn created(reply: &[u8]) -> (MakeCredentialResponse, AuthenticatorData) {
    let response = MakeCredentialResponse::decode(reply).unwrap();
    let data = AuthenticatorData::decode(&response.auth_data).unwrap();
    (response, data)
}

fn id(reply: &[u8]) -> Vec<u8> {
    created(reply).1.attested.unwrap().credential_id
}

#[test]
fn every_combination_creates_what_was_asked_for_and_stores_that_and_nothing_else() {
    for profile in every_mode() {
        let profile = Profile { algorithms: ALGORITHMS.into(), ..profile };
        for algorithm in ALGORITHMS {
            // Slow keys only where they sign a statement and count.
            let signs = profile.attestation == Attestation::PackedSelf && profile.counter == Counter::Global;
            if SLOW.contains(&algorithm) && !signs {
                continue;
            }
            for rk in [None, Some(false), Some(true)] {
                for uv in [None, Some(false), Some(true)] {
                    let case = format!("{:?} {algorithm} rk {rk:?} uv {uv:?}", profile.verification);
                    let request =
                        MakeCredential { algorithms: vec![algorithm], rk, uv, ..registration("alice") };
                    let mut rig = Rig::pooled(profile.clone());
                    let before = rig.shelf.commits();
                    if uv == Some(true) && profile.verification == Verification::None {
                        assert_eq!(
                            rig.call_silently(&request.encode()),
                            status(Status::INVALID_OPTION),
                            "{case}"
                        );
                        assert_eq!(rig.shelf.commits(), before, "{case}");
                        continue;
                    }
                    check_created(&profile, &mut rig, &request, &case);
                    let stored = usize::from(rk == Some(true));
                    assert_eq!(rig.shelf.stored().credentials.len(), stored, "{case}");
                    let counted = usize::from(profile.counter == Counter::Global);
                    assert_eq!(
                        rig.shelf.commits() - before,
                        usize::from(stored + counted > 0),
                        "{case}: one commit at most"
                    );
                }
            }
        }
    }
}

fn check_created(profile: &Profile, rig: &mut Rig, request: &MakeCredential, case: &str) {
    let (response, data) = created(&rig.call(&request.encode()));
    let verified = match profile.verification {
        Verification::None => false,
        Verification::OnRequest | Verification::Enrollable { .. } => request.uv == Some(true),
        Verification::Always => true,
    };
    assert_eq!(data.flags, Flags::UP | Flags::AT | Flags::UV.when(verified), "{case}");
    assert_eq!(data.sign_count, u32::from(profile.counter == Counter::Global), "{case}");
    assert_eq!(data.extensions, None, "{case}");
    let attested = data.attested.unwrap();
    assert_eq!(attested.aaguid, profile.aaguid, "{case}");
    assert_eq!(attested.public_key.algorithm(), request.algorithms[0], "{case}");
    assert!(attested.credential_id.starts_with(&CREDENTIAL_ID_MARK), "{case}: the published mark");
    let fmt = if profile.attestation == Attestation::None { "none" } else { "packed" };
    assert_eq!(response.fmt, fmt, "{case}");
    assert_eq!(rig.prompts.len(), 1, "{case}: one question");
    assert_eq!(rig.prompts[0].verification, verified, "{case}");
}

#[test]
fn step_1_an_empty_pin_uv_auth_param_is_a_touch_that_ends_in_pin_not_set() {
    let mut rig = Rig::new(everything());
    let empty = MakeCredential {
        pin_uv_auth_param: Some(vec![]),
        pin_uv_auth_protocol: Some(1),
        ..registration("a")
    };
    assert_eq!(rig.call(&empty.encode()), status(Status::PIN_NOT_SET));
    assert_eq!(rig.prompts[0].purpose, Purpose::Select);
    assert_eq!(
        rig.call_with(NOW, USB, &empty.encode(), |_| Gesture::Declined),
        status(Status::OPERATION_DENIED)
    );
}

#[test]
fn step_2_a_pin_uv_auth_param_without_a_supported_protocol_is_refused() {
    let mut rig = Rig::new(everything());
    let with = |protocol| MakeCredential {
        pin_uv_auth_param: Some(vec![1; 16]),
        pin_uv_auth_protocol: protocol,
        ..registration("a")
    };
    assert_eq!(rig.call_silently(&with(None).encode()), status(Status::MISSING_PARAMETER));
    assert_eq!(rig.call_silently(&with(Some(1)).encode()), status(Status::INVALID_PARAMETER));
}

#[test]
fn step_3_the_platforms_first_algorithm_that_we_have_wins() {
    let mut rig = Rig::new(everything());
    let mut made_with = |algorithms: &[Algorithm]| {
        let request = MakeCredential { algorithms: algorithms.to_vec(), ..registration("a") };
        created(&rig.call(&request.encode())).1.attested.unwrap().public_key.algorithm()
    };
    assert_eq!(made_with(&[Algorithm::ES256, Algorithm::EDDSA]), Algorithm::ES256);
    assert_eq!(made_with(&[Algorithm::EDDSA, Algorithm::ES256]), Algorithm::EDDSA);
    assert_eq!(made_with(&[Algorithm::RS256, Algorithm(-999), Algorithm::ES256]), Algorithm::ES256);
    for none in [&[] as &[Algorithm], &[Algorithm::RS256], &[Algorithm(i64::MIN)]] {
        let request = MakeCredential { algorithms: none.to_vec(), ..registration("a") };
        assert_eq!(rig.call_silently(&request.encode()), status(Status::UNSUPPORTED_ALGORITHM), "{none:?}");
    }
}

#[test]
fn step_5_options_that_are_not_there_are_refused_before_the_user_is_asked() {
    let mut rig = Rig::new(Profile { verification: Verification::None, discoverable: None, ..everything() });
    for (request, expected) in [
        (MakeCredential { rk: None, uv: Some(true), ..registration("a") }, Status::INVALID_OPTION),
        (MakeCredential { rk: None, up: Some(false), ..registration("a") }, Status::INVALID_OPTION),
        (MakeCredential { rk: Some(true), ..registration("a") }, Status::UNSUPPORTED_OPTION),
    ] {
        assert_eq!(rig.call_silently(&request.encode()), status(expected), "{request:?}");
    }
    let fine = MakeCredential { rk: Some(false), up: Some(true), uv: Some(false), ..registration("a") };
    assert_eq!(rig.call(&fine.encode())[0], 0, "up may be true");
}

#[test]
fn step_9_enterprise_attestation_without_the_capability_is_refused() {
    let mut rig = Rig::new(everything());
    let request = MakeCredential { enterprise_attestation: Some(1), ..registration("a") };
    assert_eq!(rig.call_silently(&request.encode()), status(Status::INVALID_PARAMETER));
}

#[test]
fn step_9_a_kind_of_enterprise_attestation_that_does_not_exist_is_refused_once_it_is_enabled() {
    let mut rig = Rig::new(all_in());
    let asking = |kind| MakeCredential { enterprise_attestation: Some(kind), ..registration("a") }.encode();
    for kind in [0, 1, 2, 3] {
        let reply = rig.call_silently(&asking(kind));
        assert_eq!(reply, status(Status::INVALID_PARAMETER), "{kind}: not enabled");
    }
    let enable =
        [&[Command::CONFIG.0], cbor::encode(&cbor::int_map([(1, Some(1.into()))])).as_slice()].concat();
    assert_eq!(rig.call_silently(&enable), status(Status::OK));
    for kind in [0, 3, i64::MAX] {
        assert_eq!(rig.call_silently(&asking(kind)), status(Status::INVALID_OPTION), "{kind}");
    }
}

#[test]
fn step_19_who_wants_no_attestation_statement_gets_none_and_unknown_wishes_change_nothing() {
    let profile = Profile { attestation: Attestation::PackedSelf, ..everything() };
    for (wish, fmt) in [
        (vec!["none"], "none"),
        (vec!["none", "packed"], "packed"),
        (vec!["packed", "none"], "packed"),
        (vec!["tetris"], "packed"),
        (vec![], "packed"),
    ] {
        let formats = Some(wish.iter().map(|format| (*format).into()).collect());
        let request = MakeCredential { attestation_formats: formats, ..registration("a") };
        let (response, _) = created(&Rig::new(profile.clone()).call(&request.encode()));
        assert_eq!(response.fmt, fmt, "{wish:?}");
        let empty = response.att_stmt.as_map().unwrap().is_empty();
        assert_eq!(empty, fmt == "none", "{wish:?}");
    }
}

#[test]
fn step_12_before_ctap_2_1_an_excluded_credential_is_revealed_only_to_a_user_who_touches() {
    for rk in [Some(true), Some(false)] {
        let mut rig = Rig::new(everything());
        let first = id(&rig.call(&MakeCredential { rk, ..registration("alice") }.encode()));
        let again = MakeCredential {
            exclude_list: vec![listed(b"foreign"), listed(&first)],
            ..registration("alice")
        };
        let commits = rig.shelf.commits();
        assert_eq!(
            rig.call_with(NOW, USB, &again.encode(), |_| Gesture::Declined),
            status(Status::OPERATION_DENIED)
        );
        assert_eq!(
            rig.call_with(NOW, USB, &again.encode(), |_| Gesture::TimedOut),
            status(Status::OPERATION_DENIED)
        );
        assert_eq!(rig.call(&again.encode()), status(Status::CREDENTIAL_EXCLUDED));
        assert!(rig.reason().contains("§6.1.2 step 12"));
        assert_eq!(rig.shelf.commits(), commits, "nothing was stored");

        let mut elsewhere = again.clone();
        elsewhere.rp.id = "other.example.test".into();
        assert_eq!(rig.call(&elsewhere.encode())[0], 0, "the list is bound to the relying party");
    }
}

#[test]
fn step_12_from_ctap_2_1_on_an_excluded_credential_is_told_once_the_user_was_asked_whatever_the_user_did() {
    for rk in [Some(true), Some(false)] {
        let mut rig = Rig::new(since_2_1());
        let first = id(&rig.call(&MakeCredential { rk, ..registration("alice") }.encode()));
        let again = MakeCredential { exclude_list: vec![listed(&first)], ..registration("bob") }.encode();
        let commits = rig.shelf.commits();
        for gesture in [Gesture::Present, Gesture::Declined, Gesture::TimedOut] {
            rig.prompts.clear();
            let reply = rig.call_with(NOW, USB, &again, |_| gesture);
            assert_eq!(reply, status(Status::CREDENTIAL_EXCLUDED), "{gesture:?}");
            assert!(matches!(rig.prompts[0].purpose, Purpose::AlreadyRegistered { .. }));
        }
        let _ = rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&again));
        let cancelled = rig.authenticator.handle_cancel(NOW);
        assert_eq!(cancelled, Some(Progress::Reply(status(Status::KEEPALIVE_CANCEL))));
        assert_eq!(rig.shelf.commits(), commits, "nothing was stored");

        // Step 11 comes before: where verification was asked for, its failures are told.
        let mut rig = Rig::new(Profile { verification: Verification::OnRequest, ..since_2_1() });
        let uv = Some(true);
        let first = id(&rig.call(&MakeCredential { rk, uv, ..registration("alice") }.encode()));
        let again = MakeCredential { exclude_list: vec![listed(&first)], uv, ..registration("bob") }.encode();
        for (gesture, expected) in [
            (Gesture::Verified, Status::CREDENTIAL_EXCLUDED),
            (Gesture::NotVerified, Status::OPERATION_DENIED),
            (Gesture::Declined, Status::OPERATION_DENIED),
            (Gesture::TimedOut, Status::USER_ACTION_TIMEOUT),
        ] {
            let reply = rig.call_with(NOW, USB, &again, |_| gesture);
            assert_eq!(reply, status(expected), "{gesture:?}");
        }
    }
}

#[test]
fn step_6_always_uv_with_nothing_to_verify_by_refuses_even_a_token() {
    for (can_make, expected) in [(true, Status::PUAT_REQUIRED), (false, Status::OPERATION_DENIED)] {
        let mut rig = Rig::new(Profile {
            always_uv: Some(true),
            no_mc_ga_permissions_with_client_pin: !can_make,
            ..all_in()
        });
        for rk in [None, Some(true)] {
            for param in [None, Some(vec![1; 16])] {
                let request = MakeCredential {
                    rk,
                    pin_uv_auth_param: param,
                    pin_uv_auth_protocol: Some(1),
                    ..registration("a")
                };
                assert_eq!(rig.call_silently(&request.encode()), status(expected), "{request:?}");
            }
        }
    }
}

#[test]
fn names_are_kept_whole_and_so_never_cut_within_a_character() {
    let mut rig = Rig::new(Profile { max_msg_size: 4096, ..everything() });
    for (user, len) in [1, 31, 32, 33, 63, 64, 65, 200].into_iter().enumerate() {
        for name in ["x".repeat(len), "ü".repeat(len), "\u{1F511}".repeat(len)] {
            let mut request = registration(&format!("user {user}"));
            (request.user.name, request.user.display_name) = (Some(name.clone()), Some(name.clone()));
            let credential_id = id(&rig.call(&request.encode()));
            let message =
                GetAssertion { allow_list: vec![listed(&credential_id)], uv: Some(true), ..sign_in() };
            let told = GetAssertionResponse::decode(&rig.call(&message.encode())).unwrap().user.unwrap();
            assert_eq!((told.name.as_ref(), told.display_name.as_ref()), (Some(&name), Some(&name)));
        }
    }
}

#[test]
fn step_12_an_excluded_credential_of_level_3_shows_itself_only_to_a_user_who_is_verified() {
    let mut rig = Rig::new(Profile { extensions: vec![Extension::CredProtect], ..everything() });
    let level_3 = cbor::text_map([("credProtect", Some(3.into()))]);
    let first =
        id(&rig.call(&MakeCredential { extensions: Some(level_3), ..registration("alice") }.encode()));
    let again =
        |uv| MakeCredential { exclude_list: vec![listed(&first)], uv, ..registration("bob") }.encode();
    assert_eq!(rig.call(&again(None))[0], 0, "without verification it is not there");
    let touched = rig.call_with(NOW, USB, &again(Some(true)), |_| Gesture::Present);
    assert_eq!(touched, status(Status::OPERATION_DENIED), "a touch is not verification");
    assert_eq!(rig.call(&again(Some(true))), status(Status::CREDENTIAL_EXCLUDED));
}

#[test]
fn step_12_a_list_that_is_too_long_is_refused() {
    let mut rig = Rig::new(Profile { max_credential_count_in_list: 3, ..everything() });
    let with = |n: usize| MakeCredential { exclude_list: vec![listed(b"x"); n], ..registration("a") };
    assert_eq!(rig.call(&with(3).encode())[0], 0);
    assert_eq!(rig.call_silently(&with(4).encode()), status(Status::LIMIT_EXCEEDED));
}

#[test]
fn step_14_without_consent_nothing_is_created() {
    let mut rig = Rig::new(everything());
    let commits = rig.shelf.commits();
    let message = registration("a").encode();
    for gesture in [Gesture::Declined, Gesture::TimedOut] {
        assert_eq!(
            rig.call_with(NOW, USB, &message, |_| gesture),
            status(Status::OPERATION_DENIED),
            "{gesture:?}"
        );
    }
    assert_eq!(rig.shelf.commits(), commits);
}

#[test]
fn step_11_a_finger_that_does_not_match_may_try_again_and_then_no_more() {
    let message = MakeCredential { uv: Some(true), ..registration("a") }.encode();
    let mut rig = Rig::new(everything());
    assert_eq!(rig.call_with(NOW, USB, &message, |_| Gesture::NotVerified), status(Status::OPERATION_DENIED));
    assert_eq!(rig.prompts.iter().map(|prompt| prompt.attempts).collect::<Vec<_>>(), [3, 2, 1]);
    assert!(rig.shelf.stored().credentials.is_empty());

    let second = |prompt: &authenticator::Prompt| {
        if prompt.attempts == 2 { Gesture::Verified } else { Gesture::NotVerified }
    };
    let (_, data) = created(&rig.call_with(NOW, USB, &message, second));
    assert!(data.flags.contains(Flags::UV));
    assert_eq!(
        rig.call_with(NOW, USB, &message, |_| Gesture::Present),
        status(Status::OPERATION_DENIED),
        "presence is not verification"
    );
}

#[test]
fn step_18_an_account_has_one_passkey_at_a_relying_party_and_a_new_one_takes_its_place() {
    let mut rig = Rig::new(everything());
    let old = id(&rig.call(&registration("alice").encode()));
    let bob = id(&rig.call(&registration("bob").encode()));
    let new = id(&rig.call(&registration("alice").encode()));
    let held: HashSet<Vec<u8>> = rig.shelf.stored().credentials.iter().map(|c| c.id.clone()).collect();
    assert_eq!(held, HashSet::from([bob, new.clone()]));
    assert_ne!(old, new);
    let found = GetAssertionResponse::decode(&rig.call(&sign_in().encode())).unwrap();
    assert_eq!(
        (found.number_of_credentials, found.credential.unwrap().id),
        (Some(2), new),
        "the newest first"
    );
}

#[test]
fn step_18_when_every_slot_is_taken_only_an_overwrite_fits() {
    let mut rig = Rig::new(Profile { discoverable: Some(2), ..everything() });
    rig.call(&registration("alice").encode());
    rig.call(&registration("bob").encode());
    assert_eq!(rig.call(&registration("carol").encode()), status(Status::KEY_STORE_FULL));
    assert_eq!(rig.shelf.stored().credentials.len(), 2, "nobody was thrown out");
    assert_eq!(rig.call(&registration("bob").encode())[0], 0);
    let sealed = MakeCredential { rk: None, ..registration("carol") };
    assert_eq!(rig.call(&sealed.encode())[0], 0, "a credential in its own ID needs no slot");
}

#[test]
fn a_store_that_refuses_changes_nothing_and_the_next_try_succeeds() {
    for (refuse, expected) in [
        ((|| StoreError::Full) as fn() -> StoreError, Status::KEY_STORE_FULL),
        (|| StoreError::Failed("the disk is on fire".into()), Status::OTHER),
    ] {
        let mut rig = Rig::new(everything());
        rig.call(&registration("alice").encode());
        rig.shelf.refuse(Some(refuse));
        assert_eq!(rig.call(&registration("alice").encode()), status(expected));
        assert_eq!(rig.authenticator.passkey_count(), 1, "the old one is still there");
        rig.shelf.refuse(None);
        assert_eq!(rig.call(&registration("alice").encode())[0], 0);
        assert_eq!(rig.authenticator.passkey_count(), 1);
    }
}

#[test]
fn events_say_what_was_answered_and_why() {
    let mut rig = Rig::new(everything());
    rig.call(&registration("alice").encode());
    let events: Vec<Event> = std::iter::from_fn(|| rig.authenticator.poll_event()).collect();
    assert!(
        events.iter().any(|event| matches!(event, Event::Committed { changes: 2 })),
        "credential and counter: {events:?}"
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Answered { outcome: Ok(()), via, .. } if *via == USB))
    );
    rig.call_silently(&MakeCredential { algorithms: vec![], ..registration("a") }.encode());
    assert_eq!(rig.reason(), "CTAP 2.1 §6.1.2 step 3: no algorithm in common");
}
