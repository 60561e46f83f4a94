//! CTAP 2.1 §10: one credential, spoken for by either protocol.
use super::OTHER;
use authenticator::Gesture;
use tests::platform::Pin;
use tests::u2f::{authenticate, register, u2f_only, verified, with_u2f};
use tests::{NOW, RP_ID, Rig, USB, listed, registration, sign_in, status};
use wire::apdu::StatusWord;
use wire::cbor::{self, Value};
use wire::cose::{Algorithm, PublicKey};
use wire::ctap1::{Control, Request};
use wire::ctap2::{
    Command, GetAssertion, GetAssertionResponse, GetInfoResponse, MakeCredential, MakeCredentialResponse,
    Permissions,
};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

/// Registers by CTAP2; the credential ID and its key.
fn made(rig: &mut Rig, request: &MakeCredential) -> (Vec<u8>, PublicKey) {
    let response = MakeCredentialResponse::decode(&rig.call(&request.encode())).unwrap();
    let attested = AuthenticatorData::decode(&response.auth_data).unwrap().attested.unwrap();
    (attested.credential_id, attested.public_key)
}

fn protected(level: u64) -> Option<Value> {
    Some(Value::Map(vec![(cbor::text("credProtect"), level.into())]))
}

/// CTAP 2.1 §10.3: the application parameter is the RP ID hash.
#[test]
fn a_u2f_key_signs_in_by_ctap2_at_the_relying_party_whose_id_was_its_application() {
    let mut rig = Rig::new(with_u2f());
    let key = rig.register_u2f(RP_ID);
    let allow_list = vec![listed(&key.key_handle)];
    let mut last = 0;
    for up in [None, Some(false), None] {
        let request = GetAssertion { allow_list: allow_list.clone(), up, ..sign_in() };
        let response = GetAssertionResponse::decode(&rig.call(&request.encode())).unwrap();
        assert_eq!(response.credential.unwrap().id, key.key_handle);
        assert_eq!(response.user, None, "U2F knows no accounts");
        let data = AuthenticatorData::decode(&response.auth_data).unwrap();
        assert_eq!(data.flags, Flags::UP.when(up.is_none()));
        assert!(data.sign_count > last);
        // The same bytes are signed by either protocol.
        let u2f = rig.u2f_touched(&authenticate(Control::EnforcePresence, RP_ID, &key.key_handle));
        last = verified(RP_ID, &key.x, &key.y, &u2f).counter;
        assert!(last > data.sign_count, "one counter for both");
    }
    let elsewhere = GetAssertion { allow_list, rp_id: "other.example.test".into(), ..sign_in() };
    assert_eq!(rig.call(&elsewhere.encode()), status(Status::NO_CREDENTIALS));
    assert_eq!(rig.call(&sign_in().encode()), status(Status::NO_CREDENTIALS), "it is not discoverable");
}

#[test]
fn a_u2f_key_on_the_exclude_list_is_there() {
    let mut rig = Rig::new(with_u2f());
    let exclude_list = vec![listed(&rig.register_u2f(RP_ID).key_handle)];
    let request = MakeCredential { exclude_list, ..registration("alice") };
    assert_eq!(rig.call(&request.encode()), status(Status::CREDENTIAL_EXCLUDED));
}

/// CTAP 2.1 §12.1: level 3 is for a user who is verified, which U2F cannot do.
#[test]
fn credentials_of_ctap2_sign_in_by_u2f_unless_they_are_protected_or_of_another_algorithm() {
    for rk in [true, false] {
        for (level, algorithm, usable) in [
            (1, Algorithm::ES256, true),
            (2, Algorithm::ES256, true),
            (3, Algorithm::ES256, false),
            (1, Algorithm::EDDSA, false),
        ] {
            let case = format!("rk {rk}, credProtect {level}, {algorithm}");
            let mut rig = Rig::new(with_u2f());
            let extensions = protected(level);
            let algorithms = vec![algorithm];
            let (id, key) =
                made(&mut rig, &MakeCredential { rk: Some(rk), extensions, algorithms, ..registration("a") });
            let check = authenticate(Control::CheckOnly, RP_ID, &id);
            if !usable {
                for control in [Control::CheckOnly, Control::EnforcePresence, Control::DontEnforcePresence] {
                    let refused = rig.u2f(&authenticate(control, RP_ID, &id));
                    assert_eq!(refused, StatusWord::WRONG_DATA, "{case}");
                }
                assert_eq!(rig.authenticator.prompt(), None, "{case}");
                continue;
            }
            assert_eq!(rig.u2f(&check), StatusWord::CONDITIONS_NOT_SATISFIED, "{case}");
            let elsewhere = rig.u2f(&authenticate(Control::CheckOnly, OTHER, &id));
            assert_eq!(elsewhere, StatusWord::WRONG_DATA, "{case}");
            let data = rig.u2f_touched(&authenticate(Control::EnforcePresence, RP_ID, &id));
            let PublicKey::P256 { x, y } = key else { panic!("{case}") };
            assert_eq!(verified(RP_ID, &x, &y, &data).presence, 1, "{case}");
        }
    }
}

/// CTAP 2.1 §7.2.
#[test]
fn always_uv_switches_u2f_off_and_off_switches_it_on_again() {
    let mut rig = Rig::new(with_u2f());
    let handle = rig.register_u2f(RP_ID).key_handle;
    let requests = [
        register(RP_ID),
        authenticate(Control::CheckOnly, RP_ID, &handle),
        authenticate(Control::EnforcePresence, RP_ID, &handle),
        authenticate(Control::DontEnforcePresence, RP_ID, &handle),
        Request::Version,
    ];
    let advertised = |rig: &mut Rig| {
        let info = GetInfoResponse::decode(&rig.call_silently(&GetInfoResponse::request())).unwrap();
        info.versions.iter().any(|version| version == "U2F_V2")
    };
    assert!(advertised(&mut rig));
    let toggle = |rig: &mut Rig, proof: Option<Vec<u8>>| {
        let protocol = proof.as_ref().map(|_| 2.into());
        let request = cbor::int_map([(1, Some(2.into())), (3, protocol), (4, proof.map(cbor::bytes))]);
        rig.call_silently(&[&[Command::CONFIG.0], cbor::encode(&request).as_slice()].concat())
    };
    assert_eq!(toggle(&mut rig, None), status(Status::OK));
    assert!(!advertised(&mut rig));
    for request in &requests {
        assert_eq!(rig.u2f(request), StatusWord::COMMAND_NOT_ALLOWED, "{request:?}");
    }
    assert_eq!(rig.u2f_at(NOW, &requests[0]).data, b"");
    assert_eq!(rig.authenticator.prompt(), None);

    Pin::new(2).set(&mut rig, "1234").unwrap();
    let token = Pin::new(2).token(&mut rig, "1234", Permissions::ACFG, None).unwrap();
    let message = [[0xFF; 32].as_slice(), &[0x0D, 2]].concat();
    assert_eq!(toggle(&mut rig, Some(token.authenticate(&message))), status(Status::OK));
    assert!(advertised(&mut rig));
    assert_eq!(rig.u2f(&requests[1]), StatusWord::CONDITIONS_NOT_SATISFIED, "the handle is still ours");
}

/// A touch that was given before is not good for afterwards either.
#[test]
fn a_pin_is_nothing_to_u2f() {
    let mut rig = Rig::new(with_u2f());
    Pin::new(2).set(&mut rig, "1234").unwrap();
    let key = rig.register_u2f(RP_ID);
    rig.u2f_touched(&authenticate(Control::EnforcePresence, RP_ID, &key.key_handle));
}

#[test]
fn a_reset_ends_u2f_keys() {
    let mut rig = Rig::new(with_u2f());
    let handle = rig.register_u2f(RP_ID).key_handle;
    let reply = rig.call_with(NOW, USB, &[Command::RESET.0], |_| Gesture::Present);
    assert_eq!(reply, status(Status::OK));
    assert_eq!(rig.u2f(&authenticate(Control::CheckOnly, RP_ID, &handle)), StatusWord::WRONG_DATA);
}

#[test]
fn an_authenticator_of_u2f_only_has_no_command_of_ctap2() {
    let mut rig = Rig::new(u2f_only());
    for command in 1..=255 {
        let reply = rig.call_silently(&[command, 0xA0]);
        assert_eq!(reply, status(Status::INVALID_COMMAND), "{command:#04X}");
    }
    rig.register_u2f(RP_ID);
}
