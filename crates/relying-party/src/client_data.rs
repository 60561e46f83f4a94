//! Checks of the client data: WebAuthn L3 §7.1 steps 5 to 11, §7.2 steps 8 to 14.
use crate::rejection::{Verdict, ensure, quoted};
use std::borrow::Cow;
use wire::base64url;
use wire::webauthn::ClientData;

/// UTF-8 decode, §7.1 step 5, §7.2 step 8: a leading byte order mark is stripped. Where the Encoding Standard
/// would put replacement characters, this refuses: what a client serialized is UTF-8.
pub(crate) fn utf8(client_data_json: &[u8]) -> Result<Cow<'_, str>, String> {
    let text = core::str::from_utf8(client_data_json)
        .map_err(|e| format!("the client data is not UTF-8 from byte {} on", e.valid_up_to()))?;
    Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text).into())
}

/// The JSON object inside, §7.1 step 6, §7.2 step 9. Members that WebAuthn does not know are passed over.
pub(crate) fn json(text: &str) -> Result<ClientData, String> {
    // serde would take an array for a struct, its items for the members in order.
    ensure(text.trim_ascii_start().starts_with('{'), || "the client data is not a JSON object".into())?;
    ClientData::decode(text.as_bytes())
        .map_err(|e| format!("the client data does not have the members of CollectedClientData: {e}"))
}

/// §7.1 step 7, §7.2 step 10.
pub(crate) fn is_of_type(client_data: &ClientData, expected: &str) -> Verdict {
    let found = &client_data.ceremony;
    ensure(found == expected, || format!("the type is {}, not {expected:?}", quoted(found)))
}

/// §7.1 step 8, §7.2 step 11: texts are compared, so that only one spelling of the challenge will do. A challenge of no
/// bytes was issued by nobody, and nothing answers it.
pub(crate) fn challenge(client_data: &ClientData, issued: &[u8]) -> Verdict {
    let expected = base64url::encode(issued);
    let found = &client_data.challenge;
    ensure(!issued.is_empty() && *found == expected, || {
        // Two mistakes that clients make often enough to be named.
        if issued.is_empty() {
            "no challenge was issued".into()
        } else if base64url::decode_lenient(found).as_deref() == Some(issued) {
            "the challenge was issued, but is not written in unpadded base64url".into()
        } else if *found == base64url::encode(expected.as_bytes()) {
            "the challenge was issued, but is encoded twice".into()
        } else {
            "the challenge is not the one that was issued".into()
        }
    })
}

/// §7.1 step 9, §7.2 step 12, by exact string matching (§13.5.9).
pub(crate) fn origin(client_data: &ClientData, ours: &[String]) -> Verdict {
    let found = &client_data.origin;
    ensure(ours.contains(found), || {
        format!("the origin {} is none of ours ({})", quoted(found), ours.join(", "))
    })
}

/// §7.1 step 10, §7.2 step 13: a frame of another origin is expected where some page may embed ours.
pub(crate) fn cross_origin(client_data: &ClientData, may_embed: &[String]) -> Verdict {
    ensure(client_data.cross_origin != Some(true) || !may_embed.is_empty(), || {
        "the page was in a frame of another origin, which is not expected here".into()
    })
}

/// §7.1 step 11, §7.2 step 14.
pub(crate) fn top_origin(client_data: &ClientData, may_embed: &[String]) -> Verdict {
    let Some(top) = &client_data.top_origin else { return Ok(()) };
    // §5.8.1: topOrigin is there only if crossOrigin is true.
    ensure(client_data.cross_origin == Some(true), || {
        "there is a topOrigin although crossOrigin is not true".into()
    })?;
    ensure(may_embed.contains(top), || {
        format!("the top origin {} is not one that may embed ours", quoted(top))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_stripped_once() {
        assert_eq!(utf8(b"\xEF\xBB\xBF{}"), Ok("{}".into()));
        assert_eq!(utf8(b"\xEF\xBB\xBF\xEF\xBB\xBF{}"), Ok("\u{FEFF}{}".into()));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused_with_their_place() {
        assert_eq!(utf8(b"{\"a\":\"\xFF\"}"), Err("the client data is not UTF-8 from byte 6 on".into()));
    }

    #[test]
    fn unknown_members_are_passed_over_and_known_ones_may_not_stand_twice() {
        let with = |extra: &str| json(&format!(r#" {{"type":"t","challenge":"c","origin":"o"{extra}}} "#));
        assert!(with("").is_ok());
        assert!(with(r#","tokenBinding":{"status":"supported"},"extraData":[[{}]]"#).is_ok());
        assert!(with(r#","type":"u""#).is_err());
        assert!(with(r#","crossOrigin":"false""#).is_err());
    }

    #[test]
    fn only_an_object_is_client_data() {
        for other in
            ["", "null", "\"{}\"", "7", r#"["webauthn.get","AA","https://a.test",false,null]"#, "{", "{}{}"]
        {
            assert!(json(other).is_err(), "{other}");
        }
    }

    #[test]
    fn familiar_misspellings_of_a_challenge_are_named() {
        let verdict = |text: &str| {
            let client_data = format!(r#"{{"type":"t","challenge":"{text}","origin":"o"}}"#);
            challenge(&json(&client_data).unwrap(), &[0xFB, 0xFF]).unwrap_err()
        };
        assert!(verdict("-_8=").contains("unpadded"));
        assert!(verdict("+/8").contains("unpadded"));
        assert!(verdict("LV84").contains("twice"));
        assert!(verdict("-_9").contains("not the one"));
    }
}
