//! What cannot be explained is refused with what was tried and what may help.
use super::*;

fn refused(input: impl AsRef<[u8]>) -> (String, String) {
    let error = explain(input.as_ref(), None).map(|e| e.to_string()).unwrap_err();
    (error.to_string(), error.hint().unwrap_or_default())
}

#[test]
fn nothing_is_nothing() {
    for empty in ["", " ", "\n\t\r\n", "\u{FEFF}"] {
        assert_eq!(explain(empty.as_bytes(), None), Err(ExplainError::Empty));
    }
    assert!(ExplainError::Empty.hint().is_some());
}

#[test]
fn far_too_much_is_refused_unread() {
    assert_eq!(explain(&vec![b'0'; LONGEST + 1], None), Err(ExplainError::TooLong(LONGEST + 1)));
    assert!(!matches!(explain(&vec![b'0'; LONGEST], None), Err(ExplainError::TooLong(_))));
}

#[test]
fn a_missing_digit_is_noticed() {
    let text = hex::encode(&none());
    let (_, hint) = refused(&text[..text.len() - 1]);
    assert_eq!(
        hint,
        format!("{} hexadecimal digits are an odd number: one is missing or one too many", text.len() - 1)
    );
}

#[test]
fn what_was_cut_short_is_noticed_and_what_came_furthest_stands_first() {
    for (reading, sample) in [
        ("attestation object", none()),
        ("authenticator data", registered().encode()),
        ("CTAP request", message(1, &make_credential())),
        ("CTAP response", message(0, &asserted())),
    ] {
        let (error, hint) = refused(hex::encode(&sample[..sample.len() - 1]));
        let first = error.lines().nth(1).unwrap();
        assert!(first.starts_with(&format!("  {reading} (hex): byte ")), "{error}");
        assert_eq!(
            hint,
            format!("it comes nearest to {reading}, but stops too early: was all of it copied?"),
            "{error}"
        );
    }
}

#[test]
fn every_reading_is_listed_once_for_each_form() {
    // 20 bytes that are neither CBOR nor long enough for anything else.
    let error = explain(b"ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00", None).unwrap_err();
    let ExplainError::NothingFits { tried, .. } = &error else { panic!("{error}") };
    for reading in READINGS {
        for form in [Form::Text, Form::Hex] {
            let wanted = if form == Form::Text { reading.text } else { reading.decoded };
            let count =
                tried.iter().filter(|tried| tried.reading == reading.name && tried.form == form).count();
            assert_eq!(count, usize::from(wanted), "{} as {form}", reading.name);
        }
    }
    assert!(tried.iter().all(|tried| !tried.why.is_empty() && !tried.why.ends_with('.')));
}

#[test]
fn json_that_does_not_fit_names_the_member() {
    let mut document = registration();
    document["response"]["clientDataJSON"] = "not base64!".into();
    let (error, hint) = refused(document.to_string());
    assert!(error.contains("WebAuthn JSON (text): response.clientDataJSON: "), "{error}");
    assert!(hint.contains("response.clientDataJSON"), "{hint}");
    let (_, hint) = refused(r#"{"rp": {"#);
    assert!(hint.contains("does not parse") && hint.contains("line 1 column"), "{hint}");
    let (_, hint) = refused(r#"{"alpha": 1, "beta": 2}"#);
    assert!(hint.contains("alpha, beta"), "{hint}");
    let (_, hint) = refused(r#"{"rp": {"id": "a"}, "challenge": "AA"}"#);
    assert!(hint.contains("missing field `user`"), "{hint}");
}

#[test]
fn prose_is_refused_with_what_can_be_given() {
    let (error, hint) = refused("what is this passkey?");
    assert!(error.starts_with("nothing fits this input\n"), "{error}");
    assert_eq!(
        hint,
        "this is no hex, base64, base64url or JSON: give one of those, or a file with the bytes"
    );
}

#[test]
fn a_qr_code_with_a_digit_lost_is_refused() {
    let text = "FIDO:/335311851610699281684828783";
    let (error, _) = refused(&text[..text.len() - 1]);
    assert!(error.contains("do not make whole bytes"), "{error}");
    assert!(refused("FIDO:/12x").0.contains("character 2 after FIDO:/ is no decimal digit"));
    assert!(refused("FIDO:/999").0.contains("too large for its 1 bytes"));
    // "hello world" in digits: whole bytes, but no handshake.
    assert!(
        refused(text).0.contains("stand for text, not a map") || refused(text).0.contains("no CBOR"),
        "{}",
        refused(text).0
    );
}
