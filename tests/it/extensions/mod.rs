//! Extensions, CTAP 2.1 §12 and its successors: one module each, and here the rules that all share.
mod combinations;
mod cred_blob;
mod cred_protect;
mod hmac_secret;
mod hmac_secret_mc;
mod large_blob;
mod large_blob_key;
mod pin_policies;
pub(crate) mod salts;
mod third_party_payment;

use authenticator::profile::{Extension, Profile, Verification};
use authenticator::store::{Change, Settings, Store};
use tests::{NOW, Rig, all_in, registration, sign_in, status};
use wire::cbor::{self, Value};
use wire::ctap2::{GetAssertion, GetAssertionResponse, MakeCredential, MakeCredentialResponse};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

/// Everything, with a reader that verifies on request: so that one credential can be used with and without.
fn with_reader() -> Profile {
    Profile { verification: Verification::OnRequest, ..all_in() }
}

/// Extension inputs.
pub(crate) fn inputs(members: &[(&str, Value)]) -> Option<Value> {
    Some(Value::Map(members.iter().map(|(name, input)| (cbor::text(*name), input.clone())).collect()))
}

/// One extension input.
fn input(name: &str, value: impl Into<Value>) -> Option<Value> {
    inputs(&[(name, value.into())])
}

/// What every type is tried with: one value of each.
fn one_of_each_type() -> [Value; 7] {
    [
        Value::from(1),
        Value::from(-1),
        cbor::bytes([1]),
        cbor::text("1"),
        Value::Array(vec![]),
        Value::Map(vec![]),
        Value::Bool(true),
    ]
}

/// Registers and reads the answer.
fn create(rig: &mut Rig, request: &MakeCredential) -> (MakeCredentialResponse, AuthenticatorData) {
    let response = MakeCredentialResponse::decode(&rig.call(&request.encode())).unwrap();
    let data = AuthenticatorData::decode(&response.auth_data).unwrap();
    assert_eq!(data.flags.contains(Flags::ED), data.extensions.is_some());
    (response, data)
}

/// Registers and tells the credential ID.
fn create_id(rig: &mut Rig, request: &MakeCredential) -> Vec<u8> {
    create(rig, request).1.attested.unwrap().credential_id
}

/// Signs in and reads the answer.
fn assertion(rig: &mut Rig, request: &GetAssertion) -> (GetAssertionResponse, AuthenticatorData) {
    read_assertion(&rig.call(&request.encode()))
}

fn read_assertion(reply: &[u8]) -> (GetAssertionResponse, AuthenticatorData) {
    let response = GetAssertionResponse::decode(reply).unwrap();
    let data = AuthenticatorData::decode(&response.auth_data).unwrap();
    (response, data)
}

/// A signed output.
fn output<'a>(data: &'a AuthenticatorData, name: &str) -> Option<&'a Value> {
    member(data.extensions.as_ref(), name)
}

/// The member of a map with text keys.
fn member<'a>(map: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    map?.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// Changes what authenticatorConfig sets, behind the authenticator's back, over a power cycle.
fn set(rig: &mut Rig, change: impl FnOnce(&mut Settings)) {
    let mut state = rig.shelf.stored().state.unwrap();
    change(&mut state.settings);
    rig.shelf.clone().commit(&[Change::PutState(state)]).unwrap();
    rig.authenticator.power_cycle(NOW).unwrap();
}

#[test]
fn an_unknown_extension_is_passed_over() {
    let mut rig = Rig::new(all_in());
    for unknown in one_of_each_type() {
        let extensions = input("tetris", unknown);
        let (made, data) =
            create(&mut rig, &MakeCredential { extensions: extensions.clone(), ..registration("a") });
        assert_eq!((data.extensions, made.unsigned_extension_outputs), (None, None));
        let (got, data) = assertion(&mut rig, &GetAssertion { extensions, ..sign_in() });
        assert_eq!((data.extensions, got.unsigned_extension_outputs), (None, None));
    }
}

#[test]
fn an_extension_that_is_not_advertised_is_passed_over_whatever_its_input() {
    let mut rig = Rig::new(Profile { extensions: vec![], ..all_in() });
    for extension in Extension::ALL {
        for value in one_of_each_type().into_iter().chain([Value::Bool(false)]) {
            let extensions = input(extension.name(), value);
            for rk in [Some(true), Some(false)] {
                let request = MakeCredential { rk, extensions: extensions.clone(), ..registration("a") };
                let (made, data) = create(&mut rig, &request);
                assert_eq!((data.extensions, made.unsigned_extension_outputs), (None, None), "{extension:?}");
                assert_eq!(made.large_blob_key, None);
            }
            for up in [Some(true), Some(false)] {
                let request = GetAssertion { up, extensions: extensions.clone(), ..sign_in() };
                let (got, data) = assertion(&mut rig, &request);
                assert_eq!((data.extensions, got.unsigned_extension_outputs), (None, None), "{extension:?}");
                assert_eq!(got.large_blob_key, None);
            }
        }
    }
}

#[test]
fn each_extension_takes_one_type_and_refuses_all_others_before_the_user_is_asked() {
    type Fits = fn(&Value) -> bool;
    let is_flag: Fits = |value| value.is_bool();
    let make: [(&str, Fits); 8] = [
        ("credProtect", |value| *value == Value::from(1) || *value == Value::from(-1)),
        ("credBlob", |value| value.is_bytes()),
        ("hmac-secret", is_flag),
        ("hmac-secret-mc", |value| value.is_map()),
        ("largeBlobKey", is_flag),
        ("minPinLength", is_flag),
        ("pinComplexityPolicy", is_flag),
        ("thirdPartyPayment", is_flag),
    ];
    let get: [(&str, Fits); 4] = [
        ("credBlob", is_flag),
        ("hmac-secret", |value| value.is_map()),
        ("largeBlobKey", is_flag),
        ("thirdPartyPayment", is_flag),
    ];
    let mut rig = Rig::new(all_in());
    rig.call(&registration("a").encode());
    let commits = rig.shelf.commits();
    for value in one_of_each_type() {
        for (name, _) in make.iter().filter(|(_, fits)| !fits(&value)) {
            let mut extensions = vec![(*name, value.clone())];
            if *name == "hmac-secret-mc" {
                extensions.push(("hmac-secret", Value::Bool(true)));
            }
            let request = MakeCredential { extensions: inputs(&extensions), ..registration("a") };
            let refused = rig.call_silently(&request.encode());
            assert_eq!(refused, status(Status::CBOR_UNEXPECTED_TYPE), "{name} {value:?}");
        }
        for (name, _) in get.iter().filter(|(_, fits)| !fits(&value)) {
            let request = GetAssertion { extensions: input(name, value.clone()), ..sign_in() };
            let refused = rig.call_silently(&request.encode());
            assert_eq!(refused, status(Status::CBOR_UNEXPECTED_TYPE), "{name} {value:?}");
        }
    }
    assert_eq!(rig.shelf.commits(), commits, "nothing was changed");
}
