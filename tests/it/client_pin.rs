//! authenticatorClientPIN, CTAP 2.1 §6.5, with both PIN/UV auth protocols: what all its subcommands have in common.
mod attempts;
mod built_in;
mod new_pin;
mod permissions;
mod tokens;

use authenticator::Gesture;
use authenticator::profile::{PinClaims, Profile, Protocol, Verification};
use authenticator::store::{Change, State, Store};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tests::platform::{Pin, Shared, Token};
use tests::{NOW, Rig, all_in, registration, sign_in};
use wire::cbor::Value;
use wire::ctap2::client_pin::Subcommand;
use wire::ctap2::{ClientPin, GetAssertion, MakeCredential, Permissions};
use wire::status::Status;

/// The PIN of these tests.
const PIN: &str = "a1b2c3d4";
/// Not the relying party of the sample requests.
const OTHER_RP_ID: &str = "other.example.test";
/// A platform for each protocol.
const BOTH: [Pin; 2] = [Pin::new(1), Pin::new(2)];
/// The subcommands that take a PIN, and the one that takes a finger.
const EVERY: [Subcommand; 5] = [
    Subcommand::SET_PIN,
    Subcommand::CHANGE_PIN,
    Subcommand::GET_PIN_TOKEN,
    Subcommand::GET_TOKEN_USING_PIN,
    Subcommand::GET_TOKEN_USING_UV,
];

/// With everything, and with built-in user verification.
fn with_finger() -> Profile {
    Profile { verification: Verification::OnRequest, ..all_in() }
}

/// An authenticator whose PIN is [`PIN`].
fn with_pin(profile: Profile) -> Rig {
    let mut rig = Rig::new(profile);
    assert_eq!(Pin::new(2).set(&mut rig, PIN), Ok(()));
    rig
}

/// Changes what is stored behind the authenticator's back, and cuts the power.
fn edit(rig: &mut Rig, change: impl FnOnce(&mut State)) {
    let mut state = state(rig);
    change(&mut state);
    rig.shelf.commit(&[Change::PutState(state)]).unwrap();
    rig.authenticator.power_cycle(NOW).unwrap();
}

/// What is stored.
fn state(rig: &Rig) -> State {
    rig.shelf.stored().state.unwrap()
}

/// A sound request of each subcommand.
fn sound(shared: &Shared, subcommand: Subcommand) -> ClientPin {
    match subcommand {
        Subcommand::SET_PIN => shared.set_pin(PIN.as_bytes()),
        Subcommand::CHANGE_PIN => shared.change_pin(PIN, b"another one"),
        Subcommand::GET_PIN_TOKEN => shared.plain_token(PIN),
        Subcommand::GET_TOKEN_USING_PIN => shared.token_by_pin(PIN, Permissions::MC, None),
        Subcommand::GET_TOKEN_USING_UV => shared.token_by_uv(Permissions::MC, None),
        other => panic!("{other:?} takes no key"),
    }
}

/// An authenticator that would do a sound request of that subcommand.
fn ready_for(subcommand: Subcommand) -> Rig {
    if subcommand == Subcommand::SET_PIN { Rig::new(with_finger()) } else { with_pin(with_finger()) }
}

/// A silent sign-in with a token, which does not use it up.
fn use_token(rig: &mut Rig, platform: Pin, token: &Token, rp_id: &str) -> Status {
    let message = GetAssertion {
        rp_id: rp_id.into(),
        up: Some(false),
        pin_uv_auth_param: Some(token.authenticate(&sign_in().client_data_hash)),
        pin_uv_auth_protocol: Some(token.protocol),
        ..sign_in()
    };
    Status(rig.call_with(platform.now, platform.via, &message.encode(), |_| panic!("silent"))[0])
}

/// A registration with a token; the user touches if asked.
fn register(rig: &mut Rig, platform: Pin, token: &Token, user: &str) -> Status {
    let message = MakeCredential {
        pin_uv_auth_param: Some(token.authenticate(&registration(user).client_data_hash)),
        pin_uv_auth_protocol: Some(token.protocol),
        ..registration(user)
    };
    Status(rig.call_with(platform.now, platform.via, &message.encode(), |_| Gesture::Present)[0])
}

#[test]
fn sound_requests_are_done() {
    for platform in BOTH {
        for subcommand in EVERY {
            let mut rig = ready_for(subcommand);
            let request = sound(&platform.agree(&mut rig), subcommand);
            let done = platform.send_with(&mut rig, &request, |_| Gesture::Verified);
            assert!(done.is_ok(), "{subcommand:?}: {:?}", rig.reason());
        }
    }
}

#[test]
fn unknown_subcommands_and_those_that_this_authenticator_has_not() {
    let plain = Profile { pin_uv_auth_token: false, ..all_in() };
    for (profile, number) in [
        (with_finger(), 0),
        (with_finger(), 8),
        (with_finger(), 10),
        (with_finger(), 1 << 40),
        // Without built-in user verification.
        (all_in(), 6),
        (all_in(), 7),
        // Without permissions.
        (plain.clone(), 6),
        (plain, 9),
    ] {
        let mut rig = with_pin(profile);
        let platform = Pin::new(2);
        let mut request = platform.agree(&mut rig).token_by_pin(PIN, Permissions::MC, None);
        request.subcommand = Subcommand(number);
        assert_eq!(platform.send(&mut rig, &request), Err(Status::INVALID_SUBCOMMAND), "{number}");
    }
}

#[test]
fn without_pins_there_is_no_such_command() {
    let mut rig = Rig::new(Profile { pin: None, ..all_in() });
    assert_eq!(Pin::new(2).retries(&mut rig), Err(Status::INVALID_COMMAND));
}

/// Takes one member out of a request.
type Without = (&'static str, fn(&mut ClientPin));

#[test]
fn step_1_what_a_subcommand_needs_must_be_there_and_says_so_before_anything_else_is_looked_at() {
    let members: [Without; 6] = [
        ("pinUvAuthProtocol", |request| request.protocol = None),
        ("keyAgreement", |request| request.key_agreement = None),
        ("pinUvAuthParam", |request| request.pin_uv_auth_param = None),
        ("newPinEnc", |request| request.new_pin_enc = None),
        ("pinHashEnc", |request| request.pin_hash_enc = None),
        ("permissions", |request| request.permissions = None),
    ];
    for platform in BOTH {
        for subcommand in EVERY {
            let mut rig = ready_for(subcommand);
            let sound = sound(&platform.agree(&mut rig), subcommand);
            let mut needed = 0;
            for (name, remove) in &members {
                let mut request = sound.clone();
                remove(&mut request);
                if request == sound {
                    continue;
                }
                needed += 1;
                // A protocol that is not there is a later step.
                if request.protocol.is_some() {
                    request.protocol = Some(99);
                }
                let missing = platform.send(&mut rig, &request);
                assert_eq!(missing, Err(Status::MISSING_PARAMETER), "{subcommand:?} without {name}");
                assert!(rig.reason().contains(name), "{subcommand:?} without {name}");
            }
            assert!(needed >= 3, "{subcommand:?}");
        }
    }
    let mut rig = Rig::new(all_in());
    let request = ClientPin::new(Subcommand::GET_KEY_AGREEMENT);
    assert_eq!(Pin::new(1).send(&mut rig, &request), Err(Status::MISSING_PARAMETER));
}

#[test]
fn step_2_a_protocol_that_is_not_offered_is_refused() {
    for platform in BOTH {
        for subcommand in EVERY {
            let mut rig = ready_for(subcommand);
            let sound = sound(&platform.agree(&mut rig), subcommand);
            for number in [0, 3, 256, 257] {
                let request = ClientPin { protocol: Some(number), ..sound.clone() };
                let refused = platform.send(&mut rig, &request);
                assert_eq!(refused, Err(Status::INVALID_PARAMETER), "{subcommand:?} with protocol {number}");
            }
        }
    }
    let pin = all_in().pin.map(|pin| PinClaims { protocols: vec![Protocol::One], ..pin });
    let mut rig = Rig::new(Profile { pin, ..all_in() });
    let request = ClientPin { protocol: Some(2), ..ClientPin::new(Subcommand::GET_KEY_AGREEMENT) };
    assert_eq!(Pin::new(2).send(&mut rig, &request), Err(Status::INVALID_PARAMETER));
    assert_eq!(Pin::new(1).set(&mut rig, PIN), Ok(()));
}

#[test]
fn decapsulate_takes_p_256_points_in_exactly_the_cose_key_of_the_specification() {
    let key = |change: Break| {
        move |sound: &Value| {
            let mut members = sound.as_map().unwrap().clone();
            change(&mut members);
            Value::Map(members)
        }
    };
    let broken: [(&str, Break); 6] = [
        ("not on the curve", |members| replace(members, -3, Value::Bytes(vec![5; 32]))),
        ("the point at infinity", |members| {
            replace(members, -2, Value::Bytes(vec![0; 32]));
            replace(members, -3, Value::Bytes(vec![0; 32]));
        }),
        ("a short coordinate", |members| replace(members, -2, Value::Bytes(vec![1; 31]))),
        ("another algorithm", |members| replace(members, 3, Value::from(-7))),
        ("another curve", |members| replace(members, -1, Value::from(2))),
        ("a member too few", |members| members.retain(|(key, _)| *key != Value::from(3))),
    ];
    for platform in BOTH {
        for subcommand in EVERY {
            let mut rig = ready_for(subcommand);
            let sound = sound(&platform.agree(&mut rig), subcommand);
            let commits = rig.shelf.commits();
            for (what, change) in broken {
                let request = ClientPin {
                    key_agreement: sound.key_agreement.as_ref().map(key(change)),
                    ..sound.clone()
                };
                let refused = platform.send(&mut rig, &request);
                assert_eq!(refused, Err(Status::INVALID_PARAMETER), "{subcommand:?}: {what}");
            }
            assert_eq!(rig.shelf.commits(), commits, "{subcommand:?}: no retry was spent");
        }
    }
}

/// Breaks a COSE key.
type Break = fn(&mut Vec<(Value, Value)>);

fn replace(members: &mut [(Value, Value)], key: i64, value: Value) {
    members.iter_mut().find(|(k, _)| *k == Value::from(key)).unwrap().1 = value;
}

#[test]
fn the_key_agreement_key_lasts_until_the_power_is_cut_and_each_protocol_has_its_own() {
    let mut rig = Rig::new(all_in());
    let key = |rig: &mut Rig, platform: Pin| {
        let request =
            ClientPin { protocol: Some(platform.protocol), ..ClientPin::new(Subcommand::GET_KEY_AGREEMENT) };
        platform.send(rig, &request).unwrap().key_agreement.unwrap()
    };
    let before = BOTH.map(|platform| key(&mut rig, platform));
    assert_eq!(BOTH.map(|platform| key(&mut rig, platform)), before);
    assert_ne!(before[0], before[1]);
    rig.authenticator.power_cycle(NOW).unwrap();
    let after = BOTH.map(|platform| key(&mut rig, platform));
    assert!(after.iter().all(|key| !before.contains(key)));
}

/// Any request, with the platform's key or without.
fn any_request() -> impl Strategy<Value = (bool, ClientPin)> {
    let bytes = || option::of(vec(any::<u8>(), 0..100));
    let numbers = (option::of(0i64..4), 0i64..12, option::of(0i64..0x200));
    let members = (bytes(), bytes(), bytes(), option::of(".{0,20}"));
    (any::<bool>(), numbers, members).prop_map(|(key, (protocol, subcommand, permissions), members)| {
        let (pin_uv_auth_param, new_pin_enc, pin_hash_enc, rp_id) = members;
        let subcommand = Subcommand(subcommand);
        let key_agreement = None;
        let request = ClientPin {
            protocol,
            subcommand,
            key_agreement,
            pin_uv_auth_param,
            new_pin_enc,
            pin_hash_enc,
            permissions,
            rp_id,
        };
        (key, request)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_nobody_guesses_the_pin_and_a_try_costs_at_most_one_retry(
        requests in vec(any_request(), 1..12),
    ) {
        let mut rig = with_pin(with_finger());
        let platform = Pin::new(2);
        let key = platform.agree(&mut rig).key_agreement.to_value();
        let hash = state(&rig).verification.pin.unwrap().hash;
        for (with_key, request) in requests {
            let before = state(&rig).verification.pin_retries;
            let request = ClientPin { key_agreement: with_key.then(|| key.clone()), ..request };
            let answer = platform.send_with(&mut rig, &request, |_| Gesture::Declined);
            let after = state(&rig).verification;
            prop_assert!(after.pin.is_some_and(|pin| *pin.hash == *hash));
            prop_assert!(after.pin_retries == before || after.pin_retries + 1 == before);
            prop_assert!(answer.is_err() || after.pin_retries == before);
            prop_assert!(!answer.is_ok_and(|answer| answer.pin_uv_auth_token.is_some()) );
        }
    }
}
