use super::*;
use alloc::format;
use proptest::prelude::*;

fn sample() -> ClientData {
    ClientData {
        ceremony: Ceremony::CREATE.into(),
        challenge: "AAECAw".into(),
        origin: "https://login.example.test".into(),
        cross_origin: None,
        top_origin: None,
    }
}

#[test]
fn members_stand_in_the_order_of_the_limited_verification_algorithm() {
    let expected = r#"{"type":"webauthn.create","challenge":"AAECAw","origin":"https://login.example.test","crossOrigin":false}"#;
    assert_eq!(String::from_utf8(sample().encode()).unwrap(), expected);
    let framed =
        ClientData { cross_origin: Some(true), top_origin: Some("https://top.test".into()), ..sample() };
    let expected = expected.replace("false}", r#"true,"topOrigin":"https://top.test"}"#);
    assert_eq!(String::from_utf8(framed.encode()).unwrap(), expected);
}

#[test]
fn what_is_written_reads_back_even_with_quotes_and_control_characters() {
    let odd = ClientData {
        origin: "https://\"\\\u{7}ü".into(),
        cross_origin: Some(true),
        top_origin: Some("https://top.example".into()),
        ..sample()
    };
    assert_eq!(ClientData::decode(&odd.encode()).unwrap(), odd);
}

/// WebAuthn Level 3 §5.8.1.2: U+0020 to U+10FFFF stand as they are, but for the quote and the backslash.
#[test]
fn only_quotes_backslashes_and_control_characters_are_escaped() {
    let origin = "a\"\\\u{0}\u{1f} /\u{7f}\u{2028}é😀";
    let json = String::from_utf8(ClientData { origin: origin.into(), ..sample() }.encode()).unwrap();
    assert!(json.contains("\"origin\":\"a\\\"\\\\\\u0000\\u001f /\u{7f}\u{2028}é😀\""), "{json}");
}

#[test]
fn members_may_stand_in_any_order_with_others_between_and_a_byte_order_mark_in_front() {
    let json = r#"{"other_keys_can_be_added_here":"do not compare","origin":"https://login.example.test","crossOrigin":null,"challenge":"AAECAw","type":"webauthn.create"}"#;
    assert_eq!(ClientData::decode(json.as_bytes()).unwrap(), sample());
    let marked = [b"\xEF\xBB\xBF", json.as_bytes()].concat();
    assert_eq!(ClientData::decode(&marked).unwrap(), sample());
    let twice = [b"\xEF\xBB\xBF", marked.as_slice()].concat();
    assert!(ClientData::decode(&twice).is_err());
}

#[test]
fn an_absent_member_or_one_of_another_type_is_an_error_that_names_it() {
    let whole: serde_json::Value = serde_json::from_slice(&sample().encode()).unwrap();
    for member in ["type", "challenge", "origin"] {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(member);
        let error = ClientData::decode(&serde_json::to_vec(&without).unwrap()).unwrap_err();
        assert!(format!("{error}").contains(member), "{error}");
        let mut other = whole.clone();
        other[member] = 7.into();
        assert!(ClientData::decode(&serde_json::to_vec(&other).unwrap()).is_err(), "{member}");
    }
    for bad in [&b""[..], b"{", b"[]", b"null", b"{}", b"{\"type\":\"\xff\"}"] {
        assert!(ClientData::decode(bad).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn any_client_data_that_was_written_reads_back(
        (ceremony, challenge, origin) in any::<(String, String, String)>(),
        cross: bool,
        top_origin: Option<String>,
    ) {
        let data = ClientData { ceremony, challenge, origin, cross_origin: Some(cross), top_origin };
        prop_assert_eq!(ClientData::decode(&data.encode()).unwrap(), data);
    }

    #[test]
    fn no_bytes_can_make_it_panic(json: Vec<u8>) {
        prop_assert!(ClientData::decode(&json).is_err());
    }
}
