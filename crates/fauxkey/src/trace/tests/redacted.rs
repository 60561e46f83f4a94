use crate::trace::redact;
use proptest::prelude::*;
use wire::cbor::{self, Value, bytes, int_map, text_map};
use wire::ctap2::Command;
use wire::webauthn::Flags;

/// What must not be seen.
const SECRET: [u8; 40] = *b"nobody may ever read this in any trace!!";

fn contains(message: &[u8], what: &[u8]) -> bool {
    message.windows(what.len()).any(|window| window == what)
}

fn message(first: u8, members: &Value) -> Vec<u8> {
    [vec![first], cbor::encode(members)].concat()
}

fn secret() -> Option<Value> {
    Some(bytes(SECRET))
}

/// Authenticator data with these extensions.
fn auth_data(attested: bool, extensions: &Value) -> Vec<u8> {
    let mut data = vec![0x11; 32];
    data.push(Flags::UP.0 | Flags::ED.0 | if attested { Flags::AT.0 } else { 0 });
    data.extend([0, 0, 0, 9]);
    if attested {
        data.extend([0xAA; 16]);
        data.extend([0, 4, 1, 2, 3, 4]);
        data.extend(cbor::encode(&int_map([
            (1, Some(2.into())),
            (3, Some((-7).into())),
            (-2, Some(bytes([5; 32]))),
        ])));
    }
    data.extend(cbor::encode(extensions));
    data
}

/// Requests with a secret in them, and what it is called.
fn requests() -> Vec<(Vec<u8>, &'static str)> {
    let public = || Some(bytes([0x22; 32]));
    let hmac = || Some(int_map([(2, secret()), (3, public())]));
    let with =
        |command: u8, key: i64, value: Value| message(command, &int_map([(1, public()), (key, Some(value))]));
    vec![
        (with(0x06, 5, bytes(SECRET)), "newPinEnc"),
        (with(0x06, 6, bytes(SECRET)), "pinHashEnc"),
        (with(0x0C, 2, bytes(SECRET)), "set"),
        (with(0x01, 6, text_map([("credBlob", secret())])), "credBlob"),
        (with(0x01, 6, text_map([("hmac-secret-mc", hmac())])), "hmac-secret-mc saltEnc"),
        (with(0x02, 4, text_map([("hmac-secret", hmac())])), "hmac-secret saltEnc"),
        (with(0x02, 4, text_map([("prf", Some(text_map([("eval", secret())])))])), "prf"),
        (with(0x02, 4, text_map([("largeBlob", Some(text_map([("write", secret())])))])), "largeBlob"),
        (with(0x55, 4, bytes(SECRET)), "the parameters of an unknown command"),
        ([&[0x06][..], &SECRET].concat(), "what is not CBOR"),
    ]
}

/// Responses with a secret in them, the command that they answer, and what the secret is called.
fn responses() -> Vec<(Option<Command>, Vec<u8>, &'static str)> {
    let with = |key: i64, value: Value| message(0, &int_map([(key, Some(value))]));
    let extensions = |name: &str| text_map([("credProtect", Some(2.into())), (name, secret())]);
    let (make, get, next) = (Command::MAKE_CREDENTIAL, Command::GET_ASSERTION, Command::GET_NEXT_ASSERTION);
    let unsigned = text_map([("prf", Some(text_map([("results", secret())])))]);
    let mut all = vec![
        (Some(Command::CLIENT_PIN), with(2, bytes(SECRET)), "pinUvAuthToken"),
        (Some(Command::LARGE_BLOBS), with(1, bytes(SECRET)), "config"),
        (Some(Command::CREDENTIAL_MANAGEMENT), with(0x0B, bytes(SECRET)), "largeBlobKey"),
        (Some(make), with(5, bytes(SECRET)), "largeBlobKey"),
        (Some(make), with(6, unsigned.clone()), "unsignedExtensionOutputs"),
        (Some(make), with(2, bytes(auth_data(true, &extensions("hmac-secret-mc")))), "hmac-secret-mc"),
        // Authenticator data that make no sense.
        (Some(make), with(2, bytes([&[0xFF; 37][..], &SECRET].concat())), "authData"),
        (None, with(9, bytes(SECRET)), "the answer to an unknown command"),
    ];
    for command in [get, next] {
        all.push((Some(command), with(7, bytes(SECRET)), "largeBlobKey"));
        all.push((Some(command), with(8, unsigned.clone()), "unsignedExtensionOutputs"));
        all.push((Some(command), with(2, bytes(auth_data(false, &extensions("credBlob")))), "credBlob"));
        all.push((
            Some(command),
            with(2, bytes(auth_data(false, &extensions("hmac-secret")))),
            "hmac-secret",
        ));
    }
    all
}

#[test]
fn every_secret_of_a_request_is_hidden_and_named_and_nothing_else_changes_its_length() {
    for (original, name) in requests() {
        let mut message = original.clone();
        assert!(contains(&message, &SECRET), "{name}: it was there");
        assert_eq!(redact::request(&mut message), [name]);
        assert!(!contains(&message, &SECRET[..4]), "{name}");
        assert_eq!((message.len(), message[0]), (original.len(), original[0]), "{name}");
    }
}

#[test]
fn every_secret_of_a_response_is_hidden_and_named() {
    for (command, original, name) in responses() {
        let mut message = original.clone();
        assert!(contains(&message, &SECRET), "{name}: it was there");
        assert_eq!(redact::response(command, &mut message), [name], "{command:?}");
        assert!(!contains(&message, &SECRET[..4]), "{command:?} {name}");
        assert_eq!(message.len(), original.len(), "{name}");
    }
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    let extensions = text_map([
        ("credBlob", Some(Value::Bool(true))),
        ("credProtect", Some(3.into())),
        ("largeBlobKey", Some(Value::Bool(true))),
    ]);
    let original = message(0x01, &int_map([(1, Some(bytes([7; 32]))), (6, Some(extensions.clone()))]));
    let mut redacted = original.clone();
    assert_eq!(redact::request(&mut redacted), <[String; 0]>::default());
    assert_eq!(redacted, original);
    let original =
        message(0, &int_map([(1, Some("none".into())), (2, Some(bytes(auth_data(true, &extensions))))]));
    let mut redacted = original.clone();
    assert_eq!(redact::response(Some(Command::MAKE_CREDENTIAL), &mut redacted), <[String; 0]>::default());
    assert_eq!(redacted, original);
}

/// A map that has the key twice, and one whose key is not written in the shortest form, are against the rules and on
/// the wire all the same.
#[test]
fn a_secret_that_stands_there_twice_or_behind_an_odd_key_is_hidden_every_time() {
    let string = cbor::encode(&bytes(SECRET));
    for body in [
        [&[0xA2, 0x05][..], &string, &[0x05], &string].concat(),
        [&[0xA1, 0x18, 0x05][..], &string].concat(),
        [&[0xBF, 0x05][..], &string, &[0xFF]].concat(),
        // In pieces of indefinite length.
        [&[0xA1, 0x05, 0x5F][..], &string, &string, &[0xFF]].concat(),
    ] {
        let mut message = [&[0x06][..], &body].concat();
        redact::request(&mut message);
        assert!(!contains(&message, &SECRET[..4]), "{body:02x?}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_redacted_without_a_panic_and_keeps_its_length(
        command in any::<u8>(),
        body in prop::collection::vec(any::<u8>(), 0..80),
        at in 0usize..80,
    ) {
        let original = [&[command][..], &body].concat();
        for answered in [None, Some(Command(command))] {
            let mut message = original.clone();
            redact::response(answered, &mut message);
            prop_assert_eq!(message.len(), original.len());
        }
        // A request that somebody damaged shows none of its secret either.
        for (mut message, _) in requests() {
            let at = 1 + at % (message.len() - 1);
            message[at] ^= command | 1;
            let readable = wire::cbor::decode_foreign(&message[1..]).is_ok_and(|value| value.is_map());
            redact::request(&mut message);
            if !readable {
                prop_assert!(message[1..].iter().all(|byte| *byte == 0));
            }
        }
    }
}
