//! No input can make it panic, hang or write to a terminal what it should not.
use super::*;
use proptest::prelude::*;

/// What an explanation or an error shows is printable, and an explanation can be written as JSON.
fn is_presentable(input: &[u8]) {
    let shown = match explain(input, Some(1_795_333_640)) {
        Ok(explanation) => {
            let json = serde_json::to_string(&explanation).unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
            explanation.to_string()
        }
        Err(error) => format!("{error}{}", error.hint().unwrap_or_default()),
    };
    let hidden = |c: char| matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    assert!(!shown.chars().any(|c| (c.is_control() && c != '\n') || hidden(c)), "{shown:?}");
}

fn samples() -> impl Strategy<Value = Vec<u8>> {
    let packed = text_map([
        ("alg", Some((-7).into())),
        ("sig", Some(bytes(SIGNATURE))),
        ("x5c", Some(Value::Array(vec![bytes([0x30, 3, 2, 1, 0])]))),
    ]);
    prop::sample::select(vec![
        none(),
        attestation_object("packed", packed, &registered()),
        registered().encode(),
        signed_in().encode(),
        client_data("webauthn.create").encode(),
        encode(&p256().to_value()),
        message(0, &get_info()),
        message(0, &made()),
        message(0, &asserted()),
        message(1, &make_credential()),
        message(2, &get_assertion()),
        message(6, &int_map([(1, Some(2.into())), (2, Some(9.into())), (9, Some(3.into()))])),
        registration().to_string().into_bytes(),
        authentication().to_string().into_bytes(),
        creation_options().to_string().into_bytes(),
        request_options().to_string().into_bytes(),
        b"FIDO:/335311851610699281684828783".to_vec(),
        AUTHENTICATOR_IOS.as_bytes().to_vec(),
    ])
}

#[test]
fn a_huge_claimed_length_and_deep_nesting_do_no_harm() {
    for input in [
        vec![0x9B, 0, 0, 1, 0, 0, 0, 0, 0],
        vec![0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        vec![0x81; 100_000],
        [vec![0x00], vec![0xA1; 100_000]].concat(),
        vec![0xD8; 100_000],
        "[".repeat(100_000).into_bytes(),
        "{\"a\":".repeat(100_000).into_bytes(),
        [b"FIDO:/".to_vec(), vec![b'9'; 100_000]].concat(),
        vec![b'='; 100_000],
    ] {
        is_presentable(&input);
    }
}

#[test]
fn a_container_with_very_many_entries_is_shown_in_part() {
    let explanation = explained_bytes(&encode(&Value::Array(vec![Value::from(7); 20_000])));
    assert_eq!(line(&explanation, "item").children.len(), 501);
    assert_eq!(line(&explanation, "item/…").value, "19500 more");
}

#[test]
fn text_from_outside_cannot_steer_the_terminal() {
    let evil = "\u{1b}[2J\u{202e}\u{7}";
    let mut document = creation_options();
    document["user"]["name"] = evil.into();
    document["rp"]["name"] = evil.into();
    document["extensions"] = serde_json::json!({ evil: { evil: [evil] } });
    document["hints"] = serde_json::json!([evil]);
    is_presentable(document.to_string().as_bytes());
    let map = text_map([(evil, Some(text(evil))), ("fmt", Some(text(evil)))]);
    is_presentable(&encode(&map));
    is_presentable(hex::encode(&attestation_object(evil, map, &registered())).as_bytes());
    is_presentable(evil.as_bytes());
}

proptest! {
    #[test]
    fn any_bytes_are_explained_or_refused(input in prop::collection::vec(any::<u8>(), 0..200)) {
        is_presentable(&input);
        is_presentable(hex::encode(&input).as_bytes());
        is_presentable(base64url::encode(&input).as_bytes());
    }

    #[test]
    fn any_text_is_explained_or_refused(input: String) {
        is_presentable(input.as_bytes());
        is_presentable(format!("{{{input}}}").as_bytes());
        is_presentable(format!("FIDO:/{input}").as_bytes());
    }

    #[test]
    fn a_damaged_sample_is_explained_or_refused(
        sample in samples(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut: prop::sample::Index,
        cuts: bool,
        more in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut input = sample;
        for (at, byte) in changes {
            let at = at.index(input.len());
            input[at] = byte;
        }
        if cuts {
            input.truncate(cut.index(input.len()));
        }
        input.extend(more);
        is_presentable(&input);
        is_presentable(hex::encode(&input).as_bytes());
    }
}
