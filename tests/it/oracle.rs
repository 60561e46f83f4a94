//! ctap-types, somebody else's decoder: for every message that it covers, what we encode it decodes to the same.
use ctap_types::ctap2::{Request, get_assertion, get_info, make_credential};
use tests::{Rig, everything, listed, registration, sign_in};
use wire::cose::Algorithm;
use wire::ctap2::{GetAssertion, GetInfoResponse, MakeCredential};

#[test]
fn our_make_credential_request_is_theirs() {
    let ours = MakeCredential {
        algorithms: vec![Algorithm::ES256, Algorithm::EDDSA],
        exclude_list: vec![listed(b"one"), listed(b"two")],
        uv: Some(true),
        ..registration("alice")
    };
    let message = ours.encode();
    let Ok(Request::MakeCredential(theirs)) = Request::deserialize(&message) else {
        panic!("it does not decode")
    };
    assert_eq!(theirs.client_data_hash.as_ref(), ours.client_data_hash);
    assert_eq!(theirs.rp.id.as_str(), ours.rp.id);
    assert_eq!(theirs.user.id.as_slice(), ours.user.id);
    assert_eq!(theirs.user.name.as_ref().map(|n| n.as_str()), ours.user.name.as_deref());
    assert_eq!(theirs.exclude_list.map(|list| list.len()), Some(2));
    let options = theirs.options.unwrap();
    assert_eq!((options.rk, options.up, options.uv), (ours.rk, ours.up, ours.uv));
}

#[test]
fn our_get_assertion_request_is_theirs() {
    let ours = GetAssertion { allow_list: vec![listed(b"one")], up: Some(false), ..sign_in() };
    let message = ours.encode();
    let Ok(Request::GetAssertion(theirs)) = Request::deserialize(&message) else {
        panic!("it does not decode")
    };
    assert_eq!(theirs.rp_id, ours.rp_id);
    assert_eq!(theirs.client_data_hash.as_ref(), ours.client_data_hash);
    assert_eq!(theirs.allow_list.unwrap()[0].id.as_ref(), b"one");
    assert_eq!(theirs.options.unwrap().up, Some(false));
}

#[test]
fn commands_without_parameters_are_theirs() {
    for (byte, name) in [(0x04, "GetInfo"), (0x07, "Reset"), (0x08, "GetNextAssertion"), (0x0B, "Selection")]
    {
        let theirs = format!("{:?}", Request::deserialize(&[byte]).unwrap());
        assert_eq!(theirs, name);
        assert!(wire::ctap2::Request::decode(&[byte]).is_ok());
    }
}

#[test]
fn our_answers_decode_with_theirs() {
    let mut rig = Rig::new(everything());
    let info = rig.call(&GetInfoResponse::request());
    let theirs: get_info::Response = cbor_smol::cbor_deserialize(&info[1..]).unwrap();
    assert_eq!(theirs.aaguid.as_slice(), everything().aaguid.0);
    assert_eq!(theirs.max_msg_size, Some(1200));

    let created = rig.call(&registration("alice").encode());
    let theirs: make_credential::Response = cbor_smol::cbor_deserialize(&created[1..]).unwrap();
    let ours = wire::ctap2::MakeCredentialResponse::decode(&created).unwrap();
    assert_eq!(theirs.auth_data.as_slice(), ours.auth_data);

    let signed = rig.call(&sign_in().encode());
    let theirs: get_assertion::Response = cbor_smol::cbor_deserialize(&signed[1..]).unwrap();
    let ours = wire::ctap2::GetAssertionResponse::decode(&signed).unwrap();
    assert_eq!(theirs.signature.as_slice(), ours.signature);
    assert_eq!(theirs.user.unwrap().id.as_slice(), b"alice");
}
