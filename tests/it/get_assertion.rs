//! authenticatorGetAssertion and authenticatorGetNextAssertion, CTAP 2.1 §6.2.2 and §6.3, step by step.
use authenticator::profile::{Attestation, Counter, Profile, Verification};
use authenticator::{Gesture, Link, Purpose, Via};
use std::time::Duration;
use tests::{
    ALGORITHMS, NOW, RP_ID, Rig, SLOW, USB, all_in, every_mode, everything, listed, registration, sign_in,
    since_2_1, status,
};
use wire::cose::Algorithm;
use wire::ctap2::{
    Command, GetAssertion, GetAssertionResponse, GetInfoResponse, MakeCredential, MakeCredentialResponse,
};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

const NEXT: [u8; 1] = [Command::GET_NEXT_ASSERTION.0];

fn register(rig: &mut Rig, request: &MakeCredential) -> Vec<u8> {
    let response = MakeCredentialResponse::decode(&rig.call(&request.encode())).unwrap();
    AuthenticatorData::decode(&response.auth_data).unwrap().attested.unwrap().credential_id
}

fn signed(reply: &[u8]) -> (GetAssertionResponse, AuthenticatorData) {
    let response = GetAssertionResponse::decode(reply).unwrap();
    let data = AuthenticatorData::decode(&response.auth_data).unwrap();
    (response, data)
}

#[test]
fn every_combination_signs_what_was_asked_for_and_tells_no_more_than_it_may() {
    for profile in every_mode() {
        let profile = Profile { algorithms: ALGORITHMS.into(), ..profile };
        for algorithm in ALGORITHMS {
            // Slow keys only where they sign a statement and count.
            let signs = profile.attestation == Attestation::PackedSelf && profile.counter == Counter::Global;
            if SLOW.contains(&algorithm) && !signs {
                continue;
            }
            for rk in [false, true] {
                for by_list in [false, true] {
                    for uv in [None, Some(true)] {
                        for up in [None, Some(true), Some(false)] {
                            check_signed(&profile, algorithm, rk, by_list, uv, up);
                        }
                    }
                }
            }
        }
    }
}

fn check_signed(
    profile: &Profile,
    algorithm: Algorithm,
    rk: bool,
    by_list: bool,
    uv: Option<bool>,
    up: Option<bool>,
) {
    let case = format!("{:?} {algorithm} rk {rk} list {by_list} uv {uv:?} up {up:?}", profile.verification);
    let mut rig = Rig::pooled(profile.clone());
    let id = register(
        &mut rig,
        &MakeCredential { algorithms: vec![algorithm], rk: Some(rk), ..registration("alice") },
    );
    let allow_list = if by_list { vec![listed(b"foreign"), listed(&id)] } else { vec![] };
    let message = GetAssertion { allow_list, uv, up, ..sign_in() }.encode();
    rig.prompts.clear();
    let commits = rig.shelf.commits();
    let reply = rig.call(&message);

    if uv == Some(true) && profile.verification == Verification::None {
        return assert_eq!(reply, status(Status::INVALID_OPTION), "{case}");
    }
    if !rk && !by_list {
        return assert_eq!(
            reply,
            status(Status::NO_CREDENTIALS),
            "{case}: non-discoverable must not be discovered"
        );
    }
    let (response, data) = signed(&reply);
    let silent = up == Some(false);
    let verified = match profile.verification {
        Verification::None => false,
        Verification::OnRequest | Verification::Enrollable { .. } => uv == Some(true),
        Verification::Always => uv == Some(true) || !silent,
    };
    let touched = !silent || verified;
    assert_eq!(data.flags, Flags::UP.when(touched) | Flags::UV.when(verified), "{case}: step 8");
    assert_eq!(data.sign_count, if profile.counter == Counter::Global { 2 } else { 0 }, "{case}");
    assert_eq!(data.attested, None, "{case}");
    assert_eq!(response.credential.unwrap().id, id, "{case}: always answered");
    assert_eq!(response.number_of_credentials, None, "{case}");
    match response.user {
        None => assert!(!rk, "{case}"),
        Some(user) => {
            assert!(rk && user.id == b"alice", "{case}");
            assert_eq!(
                (user.name.is_some(), user.display_name.is_some()),
                (verified, verified),
                "{case}: names after UV"
            );
        }
    }
    assert_eq!(rig.prompts.len(), usize::from(!silent || verified), "{case}");
    assert_eq!(rig.shelf.commits(), commits, "{case}: a sign-in needs no disk");
}

#[test]
fn steps_1_and_2_are_those_of_make_credential() {
    let mut rig = Rig::new(everything());
    let with = |param: &[u8], protocol| {
        GetAssertion { pin_uv_auth_param: Some(param.into()), pin_uv_auth_protocol: protocol, ..sign_in() }
            .encode()
    };
    assert_eq!(rig.call(&with(&[], Some(1))), status(Status::PIN_NOT_SET));
    assert_eq!(rig.call_silently(&with(&[1; 16], None)), status(Status::MISSING_PARAMETER));
    assert_eq!(rig.call_silently(&with(&[1; 16], Some(2))), status(Status::INVALID_PARAMETER));
}

#[test]
fn step_4_rk_has_no_meaning_here() {
    let mut rig = Rig::new(everything());
    for rk in [true, false] {
        let request = GetAssertion { rk: Some(rk), ..sign_in() };
        assert_eq!(rig.call_silently(&request.encode()), status(Status::UNSUPPORTED_OPTION));
    }
}

#[test]
fn step_7_ctap_2_0_tells_that_there_is_nothing_only_after_a_touch() {
    let mut rig = Rig::new(everything());
    assert_eq!(rig.call(&sign_in().encode()), status(Status::NO_CREDENTIALS));
    assert!(matches!(rig.prompts[0].purpose, Purpose::NothingToSignIn { .. }));
    assert_eq!(
        rig.call_with(NOW, USB, &sign_in().encode(), |_| Gesture::Declined),
        status(Status::OPERATION_DENIED)
    );
    let silent = GetAssertion { up: Some(false), ..sign_in() };
    assert_eq!(rig.call_silently(&silent.encode()), status(Status::NO_CREDENTIALS), "nobody to ask");
}

#[test]
fn step_7_from_ctap_2_1_on_it_is_told_at_once() {
    let mut rig = Rig::new(since_2_1());
    assert_eq!(rig.call_silently(&sign_in().encode()), status(Status::NO_CREDENTIALS));
}

#[test]
fn step_6_a_user_is_verified_before_it_is_told_that_there_is_nothing() {
    let message = GetAssertion { uv: Some(true), ..sign_in() }.encode();
    let verifies = Profile { verification: Verification::OnRequest, ..since_2_1() };
    for profile in [everything(), verifies] {
        let mut rig = Rig::new(profile);
        assert_eq!(rig.call(&message), status(Status::NO_CREDENTIALS));
        let Purpose::NothingToSignIn { rp_id } = &rig.prompts[0].purpose else { panic!() };
        assert_eq!((rp_id.as_str(), rig.prompts[0].verification), (RP_ID, true));
        let stranger = rig.call_with(NOW, USB, &message, |_| Gesture::NotVerified);
        assert_eq!(stranger, status(Status::OPERATION_DENIED), "who is not verified learns nothing");
        let silent = GetAssertion { up: Some(false), ..sign_in() };
        assert_eq!(rig.call_silently(&silent.encode()), status(Status::NO_CREDENTIALS));
    }
}

#[test]
fn step_5_always_uv_with_nothing_to_verify_by_refuses_even_a_token_and_lets_silence_through() {
    for (can_sign, expected) in [(true, Status::PUAT_REQUIRED), (false, Status::OPERATION_DENIED)] {
        let mut rig = Rig::new(Profile {
            always_uv: Some(true),
            no_mc_ga_permissions_with_client_pin: !can_sign,
            ..all_in()
        });
        for param in [None, Some(vec![1; 16])] {
            let request =
                GetAssertion { pin_uv_auth_param: param, pin_uv_auth_protocol: Some(1), ..sign_in() };
            assert_eq!(rig.call_silently(&request.encode()), status(expected), "{request:?}");
        }
        let silent = GetAssertion { up: Some(false), ..sign_in() };
        assert_eq!(rig.call_silently(&silent.encode()), status(Status::NO_CREDENTIALS));
    }
}

#[test]
fn step_7_a_credential_of_another_relying_party_does_not_match() {
    for rk in [Some(true), Some(false)] {
        let mut rig = Rig::new(everything());
        let id = register(&mut rig, &MakeCredential { rk, ..registration("alice") });
        let elsewhere =
            GetAssertion { rp_id: "other.example.test".into(), allow_list: vec![listed(&id)], ..sign_in() };
        assert_eq!(rig.call(&elsewhere.encode()), status(Status::NO_CREDENTIALS));
    }
}

#[test]
fn step_7_a_list_that_is_too_long_is_refused() {
    let mut rig = Rig::new(Profile { max_credential_count_in_list: 2, ..everything() });
    let with = |n: usize| GetAssertion { allow_list: vec![listed(b"x"); n], ..sign_in() }.encode();
    assert_eq!(rig.call(&with(2)), status(Status::NO_CREDENTIALS));
    assert_eq!(rig.call_silently(&with(3)), status(Status::LIMIT_EXCEEDED));
}

#[test]
fn step_9_without_consent_nothing_is_signed() {
    let mut rig = Rig::new(everything());
    register(&mut rig, &registration("alice"));
    for gesture in [Gesture::Declined, Gesture::TimedOut] {
        let reply = rig.call_with(NOW, USB, &sign_in().encode(), |_| gesture);
        assert_eq!(reply, status(Status::OPERATION_DENIED), "{gesture:?}");
    }
    let verified = GetAssertion { uv: Some(true), ..sign_in() };
    let reply = rig.call_with(NOW, USB, &verified.encode(), |_| Gesture::NotVerified);
    assert_eq!(reply, status(Status::OPERATION_DENIED));
}

fn three_accounts() -> Rig {
    three_accounts_of(everything())
}

fn three_accounts_of(profile: Profile) -> Rig {
    let mut rig = Rig::new(profile);
    for user in ["alice", "bob", "carol"] {
        register(&mut rig, &registration(user));
    }
    rig.prompts.clear();
    rig
}

fn user(reply: &[u8]) -> String {
    String::from_utf8(signed(reply).0.user.unwrap().id).unwrap()
}

#[test]
fn step_12_several_accounts_are_told_one_by_one_the_newest_first() {
    let mut rig = three_accounts();
    let message = GetAssertion { uv: Some(true), ..sign_in() }.encode();
    let first = rig.call(&message);
    let (response, data) = signed(&first);
    assert_eq!((user(&first).as_str(), response.number_of_credentials), ("carol", Some(3)));
    let Purpose::SignIn { accounts, .. } = &rig.prompts[0].purpose else { panic!() };
    assert_eq!(
        accounts.iter().map(|a| a.id.as_slice()).collect::<Vec<_>>(),
        [b"carol".as_slice(), b"bob", b"alice"]
    );
    for expected in ["bob", "alice"] {
        let next = rig.call_silently(&NEXT);
        let (response, next_data) = signed(&next);
        assert_eq!((user(&next).as_str(), response.number_of_credentials), (expected, None));
        assert_eq!(next_data.flags, data.flags, "the same flags");
        assert!(response.user.unwrap().name.is_some());
    }
    assert_eq!(rig.call_silently(&NEXT), status(Status::NOT_ALLOWED), "exhausted");
}

#[test]
fn step_12_a_user_with_a_display_chooses_there_and_the_platform_is_told_so() {
    let mut rig = three_accounts_of(Profile { display: true, ..everything() });
    let message = GetAssertion { uv: Some(true), ..sign_in() }.encode();
    for (gesture, chosen) in [
        (Gesture::Verified, "carol"),
        (Gesture::Account(0), "carol"),
        (Gesture::Account(1), "bob"),
        (Gesture::Account(2), "alice"),
    ] {
        let reply = rig.call_with(NOW, USB, &message, |_| gesture);
        let (response, data) = signed(&reply);
        assert_eq!((user(&reply).as_str(), response.number_of_credentials), (chosen, None), "{gesture:?}");
        assert!(response.user_selected && data.flags.contains(Flags::UV), "{gesture:?}");
        assert_eq!(rig.call_silently(&NEXT), status(Status::NOT_ALLOWED), "the others stay untold");
    }
    assert!(matches!(rig.prompts[0].purpose, Purpose::SignIn { choice: true, .. }));
    let reply = rig.call_with(NOW, USB, &message, |_| Gesture::Account(3));
    assert_eq!(reply, status(Status::OPERATION_DENIED), "there is no fourth account");
}

#[test]
fn step_12_one_account_on_a_display_is_agreed_to_and_a_listed_or_silent_one_is_not_chosen() {
    let mut rig = Rig::new(Profile { display: true, ..everything() });
    let id = register(&mut rig, &registration("alice"));
    let (response, _) = signed(&rig.call(&sign_in().encode()));
    assert!(response.user_selected);
    assert!(matches!(rig.prompts.last().unwrap().purpose, Purpose::SignIn { choice: false, .. }));
    let by_list = GetAssertion { allow_list: vec![listed(&id)], ..sign_in() };
    let silent = GetAssertion { up: Some(false), ..sign_in() };
    assert!(!signed(&rig.call(&by_list.encode())).0.user_selected, "CTAP 2.1 §6.2.2: not with an allowList");
    assert!(!signed(&rig.call_silently(&silent.encode())).0.user_selected, "nobody was asked");
}

#[test]
fn step_12_on_the_platform_s_own_device_the_platform_lets_its_user_choose() {
    let mut rig = three_accounts_of(Profile { display: true, ..everything() });
    let here = Via { link: Link::Internal, channel: 1 };
    let reply = rig.call_with(NOW, here, &sign_in().encode(), |_| Gesture::Account(2));
    let (response, _) = signed(&reply);
    assert_eq!((response.number_of_credentials, response.user_selected), (Some(3), false));
}

#[test]
fn step_12_without_a_display_a_choice_counts_for_nothing() {
    let mut rig = three_accounts();
    let reply = rig.call_with(NOW, USB, &sign_in().encode(), |_| Gesture::Account(2));
    let (response, _) = signed(&reply);
    assert_eq!((user(&reply).as_str(), response.number_of_credentials), ("carol", Some(3)));
    assert!(!response.user_selected);
    assert!(matches!(rig.prompts[0].purpose, Purpose::SignIn { choice: false, .. }));
}

#[test]
fn next_without_a_get_assertion_is_not_allowed() {
    assert_eq!(Rig::new(everything()).call_silently(&NEXT), status(Status::NOT_ALLOWED));
}

#[test]
fn next_from_another_channel_or_link_is_not_allowed_and_takes_nothing_away() {
    let mut rig = three_accounts();
    rig.call(&sign_in().encode());
    for via in [Via { channel: 2, ..USB }, Via { link: Link::Nfc, ..USB }] {
        assert_eq!(rig.call_with(NOW, via, &NEXT, |_| unreachable!()), status(Status::NOT_ALLOWED));
    }
    assert_eq!(user(&rig.call_silently(&NEXT)), "bob");
}

#[test]
fn next_may_wait_thirty_seconds_each_time_and_no_longer() {
    let mut rig = three_accounts();
    rig.call(&sign_in().encode());
    let at = |seconds| NOW + Duration::from_secs(seconds);
    assert_eq!(user(&rig.call_with(at(30), USB, &NEXT, |_| unreachable!())), "bob");
    assert_eq!(
        user(&rig.call_with(at(60), USB, &NEXT, |_| unreachable!())),
        "alice",
        "the timer started again"
    );

    rig.call(&sign_in().encode());
    let late = NOW + Duration::from_millis(30_001);
    assert_eq!(rig.call_with(late, USB, &NEXT, |_| unreachable!()), status(Status::NOT_ALLOWED));
}

#[test]
fn any_other_command_ends_the_sequence() {
    for other in [GetInfoResponse::request(), sign_in().encode(), vec![Command::SELECTION.0]] {
        let mut rig = three_accounts_of(since_2_1());
        rig.call(&sign_in().encode());
        rig.call(&other);
        let next = rig.call_silently(&NEXT);
        if other == sign_in().encode() {
            assert_eq!(user(&next), "bob", "a new getAssertion starts anew");
        } else {
            assert_eq!(next, status(Status::NOT_ALLOWED), "{other:?}");
        }
    }
}

#[test]
fn an_empty_user_handle_is_not_told() {
    let mut rig = Rig::new(everything());
    let mut request = registration("alice");
    request.user.id.clear();
    register(&mut rig, &request);
    assert_eq!(signed(&rig.call(&sign_in().encode())).0.user, None);
}

#[test]
fn a_counter_that_counts_goes_up_with_every_signature_of_any_credential() {
    let mut rig = Rig::new(Profile { counter: Counter::Global, ..everything() });
    register(&mut rig, &registration("alice"));
    let mut last = 1;
    for _ in 0..2_500 {
        let count = signed(&rig.call(&sign_in().encode())).1.sign_count;
        assert_eq!(count, last + 1);
        last = count;
    }
    assert!(rig.shelf.commits() < 10, "a ceiling is reserved ahead: {} commits", rig.shelf.commits());
}
