//! What is on a device.
use super::*;
use crate::control::Passkey;
use authenticator::CREDENTIAL_ID_MARK;
use wire::base64url;

/// An instance with three passkeys, newest first.
fn three() -> (Instance, Vec<Passkey>) {
    let instance = phone();
    for user_name in ["kim", "robin", "sam"] {
        make_passkey(&instance, "phone", "example.test", user_name);
    }
    let passkeys = instance.passkeys("phone").unwrap();
    assert_eq!(passkeys.len(), 3);
    (instance, passkeys)
}

#[test]
fn passkeys_are_listed_newest_first_with_everything_but_the_private_key() {
    let (instance, passkeys) = three();
    let names: Vec<_> = passkeys.iter().map(|passkey| passkey.user_name.as_deref().unwrap()).collect();
    assert_eq!(names, ["sam", "robin", "kim"]);
    let passkey = &passkeys[0];
    assert_eq!((passkey.rp_id.as_str(), passkey.algorithm.as_str()), ("example.test", "ES256"));
    assert_eq!(passkey.user_handle.0, b"sam");
    let key = wire::cbor::decode(&passkey.public_key.0).unwrap();
    wire::cose::PublicKey::from_value(&key).unwrap();
    assert_eq!(instance.device("phone").unwrap().passkeys, 3);
}

#[test]
fn a_passkey_is_found_by_its_id_or_enough_of_it_with_or_without_the_mark() {
    let (instance, passkeys) = three();
    for wanted in &passkeys {
        let whole = &wanted.credential_id;
        let unmarked = base64url::encode(&base64url::decode(whole).unwrap()[CREDENTIAL_ID_MARK.len()..]);
        let standard = format!("{}=", whole.replace('-', "+").replace('_', "/"));
        // Three random IDs differ within 72 bits.
        for id in [whole, &whole[..22], &unmarked, &unmarked[..12], &standard] {
            assert_eq!(&instance.passkey("phone", id).unwrap(), wanted, "{id}");
        }
    }
}

#[test]
fn an_id_that_is_none_or_more_than_one_is_refused_with_a_way_out() {
    let (instance, passkeys) = three();
    let mark = base64url::encode(&CREDENTIAL_ID_MARK);
    let ambiguous = instance.passkey("phone", &mark[..10]).unwrap_err();
    assert_eq!(ambiguous.kind, FailureKind::Invalid);
    assert!(ambiguous.message.ends_with("is the beginning of 3 credential IDs on phone"), "{ambiguous}");
    let hint = ambiguous.hint.unwrap();
    assert!(hint.contains(&passkeys[0].credential_id) && hint.contains("(example.test)"), "{hint}");
    for short in ["", "Z", "ZmF", "Zm=====", "===="] {
        assert_eq!(instance.passkey("phone", short).unwrap_err().kind, FailureKind::Invalid, "{short}");
    }
    for unknown in ["....", "AAAAAAAAAAAA", &format!("{}A", passkeys[0].credential_id), "é\n\0x"] {
        let failure = instance.delete_passkey("phone", unknown).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotFound);
        assert!(!failure.message.contains('\n') && failure.hint.is_some(), "{failure:?}");
    }
    assert_eq!(instance.passkeys("phone").unwrap(), passkeys);
}

#[test]
fn a_renamed_passkey_keeps_the_names_that_were_not_given() {
    let (instance, passkeys) = three();
    let id = passkeys[1].credential_id.as_str();
    let text = |text: &str| Some(text.to_owned());
    for (name, display_name, expected) in [
        (None, None, (text("robin"), None)),
        (None, text("Robin R."), (text("robin"), text("Robin R."))),
        (text("rr"), None, (text("rr"), text("Robin R."))),
        (text("r"), text(""), (text("r"), text(""))),
    ] {
        let renamed = instance.rename_passkey("phone", id, name, display_name).unwrap();
        assert_eq!((renamed.user_name.clone(), renamed.user_display_name.clone()), expected);
        assert_eq!(instance.passkey("phone", id).unwrap(), renamed);
        assert_eq!(renamed.public_key, passkeys[1].public_key);
    }
    let longest = "x".repeat(256);
    instance.rename_passkey("phone", id, Some(longest.clone()), Some(longest.clone())).unwrap();
    for (name, display_name) in [(Some(longest.clone() + "x"), None), (None, Some(longest + "x"))] {
        let failure = instance.rename_passkey("phone", id, name, display_name).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid);
        assert!(failure.message.ends_with("name has 257 bytes, and may have 256"), "{failure}");
    }
}

#[test]
fn a_deleted_passkey_is_gone_and_the_others_stay() {
    let (instance, passkeys) = three();
    instance.delete_passkey("phone", &passkeys[1].credential_id).unwrap();
    assert_eq!(instance.passkeys("phone").unwrap(), [passkeys[0].clone(), passkeys[2].clone()]);
    let again = instance.delete_passkey("phone", &passkeys[1].credential_id).unwrap_err();
    assert_eq!(again.kind, FailureKind::NotFound);
}
