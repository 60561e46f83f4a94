//! largeBlob, CTAP 2.3 §12: a blob with each credential.
use super::{assertion, create, create_id, input, member, read_assertion};
use authenticator::profile::{Extension, Profile};
use tests::{NOW, Rig, all_in, listed, registration, sign_in, status};
use wire::cbor::{self, Value};
use wire::ctap2::{Command, Descriptor, GetAssertion, MakeCredential};
use wire::status::Status;

/// With the one instead of the other.
fn profile() -> Profile {
    let others = Extension::ALL.into_iter().filter(|extension| *extension != Extension::LargeBlobKey);
    Profile { extensions: others.collect(), large_blobs: None, ..all_in() }
}

fn support(value: &str) -> Option<Value> {
    input("largeBlob", cbor::text_map([("support", Some(cbor::text(value)))]))
}

fn reading() -> Option<Value> {
    input("largeBlob", cbor::text_map([("read", Some(Value::Bool(true)))]))
}

fn writing(blob: &[u8], size: u64) -> Option<Value> {
    let members = [("write", Some(cbor::bytes(blob))), ("originalSize", Some(size.into()))];
    input("largeBlob", cbor::text_map(members))
}

/// The unsigned output, after a look that there is no signed one.
fn asked(rig: &mut Rig, allow_list: &[Descriptor], extensions: Option<Value>) -> Option<Value> {
    let request = GetAssertion { allow_list: allow_list.to_vec(), extensions, ..sign_in() };
    let (response, data) = assertion(rig, &request);
    assert_eq!(data.extensions, None);
    response.unsigned_extension_outputs.map(|outputs| member(Some(&outputs), "largeBlob").unwrap().clone())
}

fn written(written: bool) -> Option<Value> {
    Some(cbor::text_map([("written", Some(Value::Bool(written)))]))
}

fn told(blob: &[u8], size: u64) -> Option<Value> {
    Some(cbor::text_map([("blob", Some(cbor::bytes(blob))), ("originalSize", Some(size.into()))]))
}

#[test]
fn a_discoverable_credential_supports_it_and_another_cannot() {
    let mut rig = Rig::new(profile());
    for (rk, wanted, expected) in [
        (true, "preferred", Ok(true)),
        (true, "required", Ok(true)),
        (false, "preferred", Ok(false)),
        (false, "required", Err(Status::INVALID_OPTION)),
    ] {
        let request = MakeCredential { rk: Some(rk), extensions: support(wanted), ..registration("alice") };
        match expected {
            Ok(supported) => {
                let (response, data) = create(&mut rig, &request);
                assert_eq!(data.extensions, None, "it is not signed");
                let outputs = response.unsigned_extension_outputs;
                let output = member(member(outputs.as_ref(), "largeBlob"), "supported");
                assert_eq!(output, Some(&Value::Bool(supported)), "rk {rk} {wanted}");
            }
            Err(refused) => assert_eq!(rig.call_silently(&request.encode()), status(refused)),
        }
    }
    let (response, _) = create(&mut rig, &registration("alice"));
    assert_eq!(response.unsigned_extension_outputs, None);
}

#[test]
fn what_was_written_is_read_back_with_that_credential_only_until_it_is_overwritten() {
    let mut rig = Rig::new(profile());
    let with = |user: &str| MakeCredential { extensions: support("required"), ..registration(user) };
    let alice = [listed(&create_id(&mut rig, &with("alice")))];
    let bob = [listed(&create_id(&mut rig, &with("bob")))];
    assert_eq!(asked(&mut rig, &alice, reading()), None, "there is none yet");

    for (blob, size) in [(b"first".as_slice(), 500), (b"", 0), (&[7; 700], u64::MAX)] {
        let commits = rig.shelf.commits();
        assert_eq!(asked(&mut rig, &alice, writing(blob, size)), written(true));
        assert_eq!(rig.shelf.commits(), commits + 1, "in the one commit of the command");
        rig.authenticator.power_cycle(NOW).unwrap();
        assert_eq!(asked(&mut rig, &alice, reading()), told(blob, size));
        assert_eq!(asked(&mut rig, &bob, reading()), None);
    }
    assert_eq!(rig.authenticator.passkey_count(), 2);
}

#[test]
fn every_discoverable_credential_has_room_even_if_nobody_asked_at_its_creation() {
    let mut rig = Rig::new(profile());
    let id = [listed(&create_id(&mut rig, &registration("alice")))];
    assert_eq!(asked(&mut rig, &id, writing(b"blob", 4)), written(true));
    assert_eq!(asked(&mut rig, &id, reading()), told(b"blob", 4));
}

#[test]
fn nothing_is_written_without_an_allow_list_a_store_or_a_user() {
    let mut rig = Rig::new(profile());
    let stored = create_id(&mut rig, &registration("alice"));
    let sealed = create_id(&mut rig, &MakeCredential { rk: Some(false), ..registration("alice") });
    assert_eq!(asked(&mut rig, &[], writing(b"blob", 4)), written(false));
    assert_eq!(asked(&mut rig, &[listed(&sealed)], writing(b"blob", 4)), written(false));
    let silent = GetAssertion {
        allow_list: vec![listed(&stored)],
        up: Some(false),
        extensions: writing(b"blob", 4),
        ..sign_in()
    };
    let (response, _) = read_assertion(&rig.call_silently(&silent.encode()));
    let outputs = response.unsigned_extension_outputs;
    assert_eq!(member(outputs.as_ref(), "largeBlob"), written(false).as_ref());
    for id in [&stored, &sealed] {
        assert_eq!(asked(&mut rig, &[listed(id)], reading()), None);
    }
}

#[test]
fn each_account_of_a_sequence_tells_its_own_blob_and_none_is_written() {
    let mut rig = Rig::new(profile());
    for user in ["alice", "bob"] {
        let id = create_id(&mut rig, &registration(user));
        asked(&mut rig, &[listed(&id)], writing(user.as_bytes(), 1));
    }
    let overwrite = GetAssertion { extensions: writing(b"mallory", 1), ..sign_in() };
    rig.call(&overwrite.encode());
    rig.call_silently(&[Command::GET_NEXT_ASSERTION.0]);

    let request = GetAssertion { extensions: reading(), ..sign_in() };
    let first = rig.call(&request.encode());
    let second = rig.call_silently(&[Command::GET_NEXT_ASSERTION.0]);
    for (reply, user) in [(first, "bob"), (second, "alice")] {
        let outputs = read_assertion(&reply).0.unsigned_extension_outputs;
        assert_eq!(member(outputs.as_ref(), "largeBlob"), told(user.as_bytes(), 1).as_ref());
    }
}

#[test]
fn any_other_shape_of_the_input_is_invalid_cbor() {
    let mut rig = Rig::new(profile());
    rig.call(&registration("alice").encode());
    let map = |members: &[(&str, Value)]| {
        Value::Map(members.iter().map(|(key, value)| (cbor::text(*key), value.clone())).collect())
    };
    let (blob, size) = (cbor::bytes([1]), Value::from(1));
    let not_maps = [Value::Bool(true), size.clone(), blob.clone(), cbor::text("read"), Value::Array(vec![])];

    let make = [
        map(&[]),
        map(&[("support", cbor::text("optional"))]),
        map(&[("support", cbor::text("Required"))]),
        map(&[("support", true.into())]),
        map(&[("read", true.into())]),
    ];
    for bad in make.iter().chain(&not_maps) {
        let request = MakeCredential { extensions: input("largeBlob", bad.clone()), ..registration("bob") };
        assert_eq!(rig.call_silently(&request.encode()), status(Status::INVALID_CBOR), "{bad:?}");
    }

    let get = [
        map(&[]),
        map(&[("support", cbor::text("required"))]),
        map(&[("read", 1.into())]),
        map(&[("read", cbor::text("true"))]),
        map(&[("read", true.into()), ("write", blob.clone())]),
        map(&[("read", true.into()), ("originalSize", size.clone())]),
        map(&[("read", true.into()), ("write", blob.clone()), ("originalSize", size.clone())]),
        map(&[("write", blob.clone())]),
        map(&[("originalSize", size.clone())]),
        map(&[("write", cbor::text("1")), ("originalSize", size.clone())]),
        map(&[("write", blob.clone()), ("originalSize", cbor::text("1"))]),
        map(&[("write", blob), ("originalSize", (-1).into())]),
    ];
    for bad in get.iter().chain(&not_maps) {
        let request = GetAssertion { extensions: input("largeBlob", bad.clone()), ..sign_in() };
        assert_eq!(rig.call_silently(&request.encode()), status(Status::INVALID_CBOR), "{bad:?}");
    }
    let nothing = input("largeBlob", map(&[("read", false.into())]));
    assert_eq!(asked(&mut rig, &[], nothing), None, "false asks for nothing");
}
