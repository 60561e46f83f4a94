//! Ten things that software authenticators usually get wrong, each the way that the specification wants it. The modules
//! of the commands go into each more deeply; here they stand together.
use crate::extensions::{inputs, salts::Platform, salts::SALT};
use crate::tokens::{PIN, protected, token};
use authenticator::profile::{Profile, Verification};
use authenticator::{Gesture, Progress, Purpose, Request, Via};
use emulator::DeviceProfile;
use std::time::Duration;
use tests::platform::Pin;
use tests::{NOW, RP_ID, Rig, USB, all_in, everything, listed, registration, sign_in, status};
use wire::cbor::Value;
use wire::ctap2::{
    Command, GetAssertion, GetAssertionResponse, GetInfoResponse, MakeCredential, MakeCredentialResponse,
    Permissions,
};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

fn created(rig: &mut Rig, request: &MakeCredential) -> AuthenticatorData {
    let response = MakeCredentialResponse::decode(&rig.call(&request.encode())).unwrap();
    AuthenticatorData::decode(&response.auth_data).unwrap()
}

fn id(rig: &mut Rig, request: &MakeCredential) -> Vec<u8> {
    created(rig, request).attested.unwrap().credential_id
}

/// Strict clients encode the map anew and compare: python-fido2 and Chromium refuse what differs.
#[test]
fn mistake_1_extension_maps_are_canonical_and_none_is_no_map() {
    let mut rig = Rig::new(all_in());
    let members =
        [("thirdPartyPayment", true.into()), ("credProtect", Value::from(2)), ("hmac-secret", true.into())];
    let data = created(&mut rig, &MakeCredential { extensions: inputs(&members), ..registration("alice") });
    let outputs = data.extensions.unwrap();
    let names: Vec<_> = outputs.as_map().unwrap().iter().map(|(key, _)| key.as_text().unwrap()).collect();
    assert_eq!(names, ["credProtect", "hmac-secret", "thirdPartyPayment"], "by length, then by bytes");
    let data = created(&mut rig, &registration("alice"));
    assert_eq!((data.flags.contains(Flags::ED), data.extensions), (false, None), "none is no empty map");
}

#[test]
fn mistake_2_after_three_wrong_pins_even_the_right_one_is_refused_and_costs_nothing_until_a_power_cycle() {
    let mut rig = protected(all_in());
    let platform = Pin::new(2);
    let attempt = |rig: &mut Rig, pin| platform.token(rig, pin, Permissions::GA, None).map(drop);
    assert_eq!(attempt(&mut rig, "wrong 1"), Err(Status::PIN_INVALID));
    assert_eq!(attempt(&mut rig, "wrong 2"), Err(Status::PIN_INVALID));
    assert_eq!(attempt(&mut rig, "wrong 3"), Err(Status::PIN_AUTH_BLOCKED));
    for _ in 0..10 {
        assert_eq!(attempt(&mut rig, PIN), Err(Status::PIN_AUTH_BLOCKED));
    }
    assert_eq!(platform.retries(&mut rig), Ok((5, Some(true))));
    rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(platform.retries(&mut rig), Ok((5, Some(false))));
    assert_eq!(attempt(&mut rig, PIN), Ok(()));
    assert_eq!(platform.retries(&mut rig), Ok((8, Some(false))));
}

#[test]
fn mistake_3_a_token_dies_of_disuse_of_age_of_a_touch_and_of_the_next_token() {
    let used = |rig: &mut Rig, token: &tests::platform::Token, after: u64, up: bool| {
        let request = GetAssertion {
            up: Some(up),
            pin_uv_auth_param: Some(token.authenticate(&sign_in().client_data_hash)),
            pin_uv_auth_protocol: Some(token.protocol),
            ..sign_in()
        };
        let now = NOW + Duration::from_secs(after);
        Status(rig.call_with(now, USB, &request.encode(), |_| Gesture::Present)[0])
    };
    let fresh = || {
        let mut rig = protected(all_in());
        let making = token(&mut rig, 2, Permissions::MC, Some(RP_ID));
        let request = MakeCredential {
            pin_uv_auth_param: Some(making.authenticate(&registration("alice").client_data_hash)),
            pin_uv_auth_protocol: Some(2),
            ..registration("alice")
        };
        assert_eq!(rig.call(&request.encode())[0], Status::OK.0);
        let token = token(&mut rig, 2, Permissions::GA, Some(RP_ID));
        (rig, token)
    };
    let (mut rig, by_disuse) = fresh();
    assert_eq!(used(&mut rig, &by_disuse, 31, false), Status::PIN_AUTH_INVALID, "30 s over USB");
    let (mut rig, by_age) = fresh();
    for after in [29, 300, 599] {
        assert_eq!(used(&mut rig, &by_age, after, false), Status::OK, "{after} s");
    }
    assert_eq!(used(&mut rig, &by_age, 601, false), Status::PIN_AUTH_INVALID, "ten minutes");
    let (mut rig, by_touch) = fresh();
    assert_eq!(used(&mut rig, &by_touch, 1, true), Status::OK);
    assert_eq!(used(&mut rig, &by_touch, 1, true), Status::PIN_AUTH_INVALID, "a touch takes its permissions");
    let (mut rig, by_another) = fresh();
    token(&mut rig, 1, Permissions::GA, Some(RP_ID));
    assert_eq!(used(&mut rig, &by_another, 1, false), Status::PIN_AUTH_INVALID, "of the other protocol, too");
}

#[test]
fn mistake_4_cancel_is_answered_by_the_command_that_waits_and_only_by_that() {
    let mut rig = Rig::new(everything());
    assert_eq!(rig.authenticator.handle_cancel(NOW), None, "nothing waits, and nothing is said");
    let message = registration("alice").encode();
    let waits = rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&message));
    assert!(matches!(waits, Progress::AwaitingUser(_)));
    let cancelled = rig.authenticator.handle_cancel(NOW);
    assert_eq!(cancelled, Some(Progress::Reply(status(Status::KEEPALIVE_CANCEL))));
    assert_eq!(rig.authenticator.handle_cancel(NOW), None, "once");
    assert_eq!(rig.authenticator.handle_gesture(NOW, Gesture::Present), None, "a touch comes too late");
    assert!(rig.shelf.stored().credentials.is_empty());
    assert_eq!(rig.call(&message)[0], Status::OK.0, "and the next command is not cancelled with it");
}

#[test]
fn mistake_5_hmac_secret_has_one_secret_with_and_another_without_verification() {
    let mut rig = Rig::new(Profile { verification: Verification::OnRequest, ..all_in() });
    let made = MakeCredential {
        extensions: inputs(&[("hmac-secret", true.into())]),
        uv: Some(true),
        ..registration("a")
    };
    let id = id(&mut rig, &made);
    let salts = Platform::agree(&mut rig, 2);
    let mut secret = |uv| {
        let request = GetAssertion {
            allow_list: vec![listed(&id)],
            uv: Some(uv),
            extensions: inputs(&[("hmac-secret", salts.input(&[SALT]))]),
            ..sign_in()
        };
        let response = GetAssertionResponse::decode(&rig.call(&request.encode())).unwrap();
        let data = AuthenticatorData::decode(&response.auth_data).unwrap();
        assert_eq!(data.flags.contains(Flags::UV), uv);
        let outputs = data.extensions.unwrap();
        salts.open(outputs.as_map().unwrap().first().map(|(_, value)| value))
    };
    let (with, without) = (secret(true), secret(false));
    assert_ne!(with, without);
    assert_eq!((secret(true), secret(false)), (with, without), "and each stays what it is");
}

#[test]
fn mistake_6_a_reset_ends_credentials_in_their_own_ids_and_its_window_outlives_a_get_info() {
    let mut rig = protected(all_in());
    let id = id(&mut rig, &MakeCredential { rk: Some(false), ..registration("alice") });
    let within = NOW + Duration::from_secs(10);
    rig.call_with(within, USB, &GetInfoResponse::request(), |_| unreachable!());
    Pin::new(2).at(within).retries(&mut rig).unwrap();
    let reset = rig.call_with(within, USB, &[Command::RESET.0], |_| Gesture::Present);
    assert_eq!(reset, status(Status::OK));
    let by_list = GetAssertion { allow_list: vec![listed(&id)], ..sign_in() };
    assert_eq!(rig.call(&by_list.encode()), status(Status::NO_CREDENTIALS));
    let late = within + Duration::from_secs(1);
    let refused = rig.call_with(late, USB, &[Command::RESET.0], |_| unreachable!());
    assert_eq!(refused, status(Status::NOT_ALLOWED));
}

/// `tests/it/profiles.rs` walks every profile and tries everything; here is what most often is not true.
#[test]
fn mistake_7_get_info_tells_the_truth_at_every_moment() {
    for profile in DeviceProfile::built_in().into_iter().map(|profile| profile.authenticator) {
        let mut rig = Rig::new(profile.clone());
        let told = |rig: &mut Rig| GetInfoResponse::decode(&rig.call(&GetInfoResponse::request()));
        let Ok(info) = told(&mut rig) else { continue };
        assert!(!info.versions.iter().any(|version| version == "FIDO_2_2"), "there is no such version");
        if let Some(room) = info.remaining_discoverable_credentials
            && rig.call(&registration("alice").encode())[0] == Status::OK.0
        {
            let now = told(&mut rig).unwrap().remaining_discoverable_credentials;
            assert_eq!(now, Some(room - 1), "what fits now, not what fitted once");
        }
        if let Some(pin) = &profile.pin {
            let client_pin = |info: &GetInfoResponse| option(info, "clientPin");
            assert_eq!(client_pin(&told(&mut rig).unwrap()), Some(false));
            Pin::new(pin.protocols[0].number()).set(&mut rig, PIN).unwrap();
            assert_eq!(client_pin(&told(&mut rig).unwrap()), Some(true));
        }
        let before = told(&mut rig).unwrap();
        rig.authenticator.power_cycle(NOW).unwrap();
        assert_eq!(told(&mut rig).unwrap(), before, "a power cycle changes nothing in it");
    }
}

fn option(info: &GetInfoResponse, name: &str) -> Option<bool> {
    info.options.iter().find(|(option, _)| option == name).map(|(_, set)| *set)
}

#[test]
fn mistake_8_uv_beside_a_pin_uv_auth_param_is_no_error_and_asks_for_no_finger() {
    for verification in [Verification::None, Verification::OnRequest] {
        let mut rig = protected(Profile { verification, ..all_in() });
        let making = token(&mut rig, 2, Permissions::MC, Some(RP_ID));
        let request = MakeCredential {
            uv: Some(true),
            pin_uv_auth_param: Some(making.authenticate(&registration("alice").client_data_hash)),
            pin_uv_auth_protocol: Some(2),
            ..registration("alice")
        };
        assert!(created(&mut rig, &request).flags.contains(Flags::UP | Flags::UV));
        let signing = token(&mut rig, 2, Permissions::GA, Some(RP_ID));
        let request = GetAssertion {
            uv: Some(true),
            pin_uv_auth_param: Some(signing.authenticate(&sign_in().client_data_hash)),
            pin_uv_auth_protocol: Some(2),
            ..sign_in()
        };
        assert_eq!(rig.call(&request.encode())[0], Status::OK.0);
        assert!(rig.prompts.iter().all(|prompt| !prompt.verification), "the token vouches for the user");
    }
}

#[test]
fn mistake_9_the_credential_is_always_named_and_the_account_only_after_verification() {
    let mut rig = Rig::new(Profile { verification: Verification::OnRequest, ..everything() });
    let id = id(&mut rig, &registration("alice"));
    for allow_list in [vec![], vec![listed(&id)]] {
        for uv in [false, true] {
            let request = GetAssertion { allow_list: allow_list.clone(), uv: Some(uv), ..sign_in() };
            let response = GetAssertionResponse::decode(&rig.call(&request.encode())).unwrap();
            assert_eq!(response.credential.map(|credential| credential.id), Some(id.clone()));
            let user = response.user.unwrap();
            assert_eq!(user.id, b"alice");
            assert_eq!((user.name.is_some(), user.display_name.is_some()), (uv, uv));
        }
    }
}

#[test]
fn mistake_10_excluded_is_said_after_a_touch_and_level_3_is_not_there_for_strangers() {
    let mut rig = Rig::new(all_in());
    let id_1 = id(&mut rig, &registration("alice"));
    let level_3 = MakeCredential { extensions: inputs(&[("credProtect", 3.into())]), ..registration("bob") };
    let id_3 = id(&mut rig, &level_3);
    let excluding =
        |id: &[u8]| MakeCredential { exclude_list: vec![listed(id)], ..registration("carol") }.encode();

    let message = excluding(&id_1);
    let asked = rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&message));
    let Progress::AwaitingUser(prompt) = asked else { panic!("nobody was asked: {asked:?}") };
    assert!(matches!(prompt.purpose, Purpose::AlreadyRegistered { .. }));
    let answer = rig.authenticator.handle_gesture(NOW, Gesture::Present);
    assert_eq!(answer, Some(Progress::Reply(status(Status::CREDENTIAL_EXCLUDED))));
    // CTAP 2.0 tells nothing to who declines; from CTAP 2.1 on it is said whatever the user does.
    let mut old = Rig::new(everything());
    let message = excluding(&id(&mut old, &registration("alice")));
    let declined = old.call_with(NOW, USB, &message, |_| Gesture::Declined);
    assert_eq!(declined, status(Status::OPERATION_DENIED));

    // Without verification it is as if it were not there: neither excluded, nor found, listed or not.
    assert_eq!(rig.call(&excluding(&id_3))[0], Status::OK.0);
    let listing = GetAssertion { allow_list: vec![listed(&id_3)], ..sign_in() };
    assert_eq!(rig.call(&listing.encode()), status(Status::NO_CREDENTIALS));
    let other = Via { channel: 2, ..USB };
    assert_eq!(
        rig.call_with(NOW, other, &listing.encode(), |_| unreachable!()),
        status(Status::NO_CREDENTIALS)
    );
}
