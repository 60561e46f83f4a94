//! hmac-secret, CTAP 2.1 §12.5.
use super::salts::{OTHER_SALT, PROTOCOLS, Platform, SALT};
use super::{assertion, create, create_id, input, output, read_assertion, with_reader};
use authenticator::store::{Change, SealingKey, Store};
use std::collections::HashSet;
use tests::platform::Pin;
use tests::{NOW, RP_ID, Rig, all_in, listed, registration, sign_in, status};
use wire::cbor::{self, Value};
use wire::ctap2::{Command, GetAssertion, MakeCredential, Permissions};
use wire::status::Status;
use wire::webauthn::Flags;

/// The secrets of one credential for some salts.
fn secrets(rig: &mut Rig, protocol: i64, id: &[u8], uv: bool, salts: &[[u8; 32]]) -> Vec<u8> {
    let platform = Platform::agree(rig, protocol);
    let request = GetAssertion {
        allow_list: vec![listed(id)],
        uv: Some(uv),
        extensions: input("hmac-secret", platform.input(salts)),
        ..sign_in()
    };
    let (_, data) = assertion(rig, &request);
    platform.open(output(&data, "hmac-secret"))
}

/// The answer to a sign-in with that input, which nobody is asked about.
fn refused(rig: &mut Rig, extension: Value) -> Vec<u8> {
    rig.call_silently(&GetAssertion { extensions: input("hmac-secret", extension), ..sign_in() }.encode())
}

#[test]
fn a_registration_answers_true_with_true_and_nothing_to_false() {
    let mut rig = Rig::new(all_in());
    for rk in [false, true] {
        for asked in [false, true] {
            let extensions = input("hmac-secret", asked);
            let (_, data) =
                create(&mut rig, &MakeCredential { rk: Some(rk), extensions, ..registration("alice") });
            assert_eq!(output(&data, "hmac-secret"), asked.then_some(&Value::Bool(true)));
            assert_eq!(data.extensions.is_some(), asked);
        }
    }
}

#[test]
fn each_salt_credential_and_uv_bit_has_a_secret_of_its_own_the_same_at_all_times_in_both_protocols() {
    let mut rig = Rig::new(with_reader());
    let mut seen = HashSet::new();
    for rk in [true, false] {
        for asked in [true, false] {
            // A credential has secrets even if nobody asked for them at its creation.
            let request = MakeCredential {
                rk: Some(rk),
                uv: Some(true),
                extensions: input("hmac-secret", asked),
                ..registration(&format!("asked {asked}"))
            };
            let id = create_id(&mut rig, &request);
            for uv in [true, false] {
                let one = secrets(&mut rig, 1, &id, uv, &[SALT]);
                let other = secrets(&mut rig, 1, &id, uv, &[OTHER_SALT]);
                assert_eq!((one.len(), other.len()), (32, 32));
                rig.authenticator.power_cycle(NOW).unwrap();
                for protocol in PROTOCOLS {
                    assert_eq!(secrets(&mut rig, protocol, &id, uv, &[SALT]), one);
                    let both = secrets(&mut rig, protocol, &id, uv, &[SALT, OTHER_SALT]);
                    assert_eq!(both, [one.as_slice(), &other].concat());
                    let swapped = secrets(&mut rig, protocol, &id, uv, &[OTHER_SALT, SALT]);
                    assert_eq!(swapped, [other.as_slice(), &one].concat());
                }
                assert!(seen.insert(one) && seen.insert(other), "rk {rk} asked {asked} uv {uv}");
            }
        }
    }
    assert_eq!(seen.len(), 16);
}

#[test]
fn the_secrets_go_with_the_sealing_key_as_they_do_at_a_reset() {
    let mut rig = Rig::new(all_in());
    let id = create_id(&mut rig, &registration("alice"));
    let before = secrets(&mut rig, 2, &id, false, &[SALT]);
    let mut state = rig.shelf.stored().state.unwrap();
    state.sealing_key = SealingKey::new([0x5E; 32].into());
    rig.shelf.clone().commit(&[Change::PutState(state)]).unwrap();
    rig.authenticator.power_cycle(NOW).unwrap();
    assert_ne!(secrets(&mut rig, 2, &id, false, &[SALT]), before, "the credential stayed, its secrets went");
}

#[test]
fn a_pin_verifies_as_a_finger_does_and_a_token_leaves_the_agreed_secret_alone() {
    let mut rig = Rig::new(with_reader());
    let id = create_id(&mut rig, &MakeCredential { uv: Some(true), ..registration("alice") });
    let by_finger = secrets(&mut rig, 1, &id, true, &[SALT]);
    Pin::new(1).set(&mut rig, "1234").unwrap();
    for protocol in PROTOCOLS {
        let platform = Platform::agree(&mut rig, protocol);
        let token = Pin::new(protocol).token(&mut rig, "1234", Permissions::GA, Some(RP_ID)).unwrap();
        let request = sign_in();
        let request = GetAssertion {
            pin_uv_auth_param: Some(token.authenticate(&request.client_data_hash)),
            pin_uv_auth_protocol: Some(protocol),
            extensions: input("hmac-secret", platform.input(&[SALT])),
            ..request
        };
        let (_, data) = assertion(&mut rig, &request);
        assert!(data.flags.contains(Flags::UV));
        assert_eq!(platform.open(output(&data, "hmac-secret")), by_finger);
    }
}

#[test]
fn protocol_one_answers_the_same_bytes_and_protocol_two_never_does() {
    let mut rig = Rig::new(all_in());
    rig.call(&registration("alice").encode());
    for protocol in PROTOCOLS {
        let platform = Platform::agree(&mut rig, protocol);
        let request = GetAssertion { extensions: input("hmac-secret", platform.input(&[SALT])), ..sign_in() };
        let mut answer = || output(&assertion(&mut rig, &request).1, "hmac-secret").cloned();
        let (first, second) = (answer(), answer());
        assert_eq!(first == second, protocol == 1);
        assert_eq!(platform.open(first.as_ref()), platform.open(second.as_ref()));
        assert_eq!(first.unwrap().as_bytes().unwrap().len(), if protocol == 1 { 32 } else { 48 });
    }
}

#[test]
fn where_no_protocol_is_named_it_is_one() {
    let mut rig = Rig::new(all_in());
    let id = create_id(&mut rig, &registration("alice"));
    let expected = secrets(&mut rig, 1, &id, false, &[SALT]);
    let platform = Platform::agree(&mut rig, 1);
    let mut members = platform.members(platform.shared.encrypt(&SALT));
    members[3].1 = None;
    let request = GetAssertion { extensions: input("hmac-secret", cbor::int_map(members)), ..sign_in() };
    let (_, data) = assertion(&mut rig, &request);
    assert_eq!(platform.open(output(&data, "hmac-secret")), expected);

    let platform = Platform::agree(&mut rig, 2);
    let mut members = platform.members(platform.shared.encrypt(&SALT));
    members[3].1 = None;
    assert_eq!(refused(&mut rig, cbor::int_map(members)), status(Status::PIN_AUTH_INVALID), "so not two");
}

#[test]
fn every_account_of_a_sequence_tells_its_own_secret() {
    let mut rig = Rig::new(all_in());
    let ids = ["alice", "bob"].map(|user| create_id(&mut rig, &registration(user)));
    for protocol in PROTOCOLS {
        let expected = ids.each_ref().map(|id| secrets(&mut rig, protocol, id, false, &[SALT]));
        let platform = Platform::agree(&mut rig, protocol);
        let request = GetAssertion { extensions: input("hmac-secret", platform.input(&[SALT])), ..sign_in() };
        let bob = read_assertion(&rig.call(&request.encode())).1;
        let alice = read_assertion(&rig.call_silently(&[Command::GET_NEXT_ASSERTION.0])).1;
        let told = [alice, bob].map(|data| platform.open(output(&data, "hmac-secret")));
        assert_eq!(told, expected);
    }
}

#[test]
fn a_silent_request_is_refused() {
    let mut rig = Rig::new(all_in());
    rig.call(&registration("alice").encode());
    for protocol in PROTOCOLS {
        let extensions = input("hmac-secret", Platform::agree(&mut rig, protocol).input(&[SALT]));
        let request = GetAssertion { up: Some(false), extensions, ..sign_in() };
        assert_eq!(rig.call_silently(&request.encode()), status(Status::UNSUPPORTED_OPTION));
    }
}

#[test]
fn salts_of_another_length_are_refused() {
    let mut rig = Rig::new(all_in());
    rig.call(&registration("alice").encode());
    for protocol in PROTOCOLS {
        let platform = Platform::agree(&mut rig, protocol);
        for blocks in (0..=8).filter(|blocks| ![2, 4].contains(blocks)) {
            let members = platform.members(platform.shared.encrypt(&vec![1; 16 * blocks]));
            let answer = refused(&mut rig, cbor::int_map(members));
            assert_eq!(answer, status(Status::INVALID_PARAMETER), "protocol {protocol}, {blocks} blocks");
        }
        // What no encryption gives.
        for len in [0, 1, 15, 31, 33, 47, 63, 65] {
            let answer = refused(&mut rig, cbor::int_map(platform.members(vec![1; len])));
            assert_eq!(answer, status(Status::INVALID_PARAMETER), "protocol {protocol}, {len} bytes");
        }
    }
}

#[test]
fn a_salt_auth_that_is_not_the_mac_is_refused() {
    let mut rig = Rig::new(all_in());
    rig.call(&registration("alice").encode());
    for protocol in PROTOCOLS {
        let platform = Platform::agree(&mut rig, protocol);
        let salt_enc = platform.shared.encrypt(&SALT);
        let right = platform.shared.authenticate(&salt_enc);
        let mut wrong: Vec<Vec<u8>> = (0..right.len()).map(|len| right[..len].to_vec()).collect();
        wrong.push([right.as_slice(), &[0]].concat());
        wrong.extend((0..right.len() * 8).map(|bit| {
            let mut flipped = right.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        }));
        for wrong in wrong {
            let mut members = platform.members(salt_enc.clone());
            members[2].1 = Some(Value::Bytes(wrong));
            assert_eq!(refused(&mut rig, cbor::int_map(members)), status(Status::PIN_AUTH_INVALID));
        }
        let mut members = platform.members(salt_enc.clone());
        members[3].1 = Some((3 - protocol).into());
        let answer = refused(&mut rig, cbor::int_map(members));
        assert_eq!(answer, status(Status::PIN_AUTH_INVALID), "each protocol has a key of its own");
    }
}

#[test]
fn a_member_that_is_absent_of_another_type_or_of_another_kind_is_refused() {
    let mut rig = Rig::new(all_in());
    rig.call(&registration("alice").encode());
    let platform = Platform::agree(&mut rig, 2);
    let with = |at: usize, member: Option<Value>| {
        let mut members = platform.members(platform.shared.encrypt(&SALT));
        members[at].1 = member;
        cbor::int_map(members)
    };
    for at in 0..3 {
        assert_eq!(refused(&mut rig, with(at, None)), status(Status::MISSING_PARAMETER), "member {at}");
    }
    for at in 0..4 {
        let answer = refused(&mut rig, with(at, Some(cbor::text("wrong"))));
        assert_eq!(answer, status(Status::CBOR_UNEXPECTED_TYPE), "member {at}");
    }
    for protocol in [0, 3, i64::MAX] {
        let answer = refused(&mut rig, with(3, Some(protocol.into())));
        assert_eq!(answer, status(Status::INVALID_PARAMETER), "protocol {protocol}");
    }
    let mut off_curve = platform.shared.key_agreement.clone();
    off_curve.y[31] ^= 1;
    for key in [off_curve.to_value(), Value::Map(vec![])] {
        assert_eq!(refused(&mut rig, with(0, Some(key))), status(Status::INVALID_PARAMETER));
    }
}
