//! Changes of the client data, WebAuthn L3 §5.8.1, the same in both ceremonies.
use super::envelope::{PASSED_OVER, refused};
use super::{Change::*, Draft, ORIGIN, Outcome::*, RP_ID, Row, row};
use relying_party::Step;
use wire::base64url;

pub(super) const SAME_OBJECT: &str = "it is the same JSON object";
pub(super) const DEFAULT: &str = "absent means false";

/// The type of this ceremony, and that of the other.
fn types(draft: &Draft) -> [&'static str; 2] {
    let text = String::from_utf8_lossy(&draft.client);
    let [create, get] = ["webauthn.create", "webauthn.get"];
    if text.contains(create) { [create, get] } else { [get, create] }
}

pub(super) const ROWS: &[Row] = &[
    refused(
        "clientData.type",
        "of the other ceremony",
        Step::Type,
        Made(|d| {
            let [this, other] = types(d);
            d.client(this, other);
        }),
    ),
    refused("clientData.type", "in capitals", Step::Type, Made(|d| d.client("webauthn.", "WebAuthn."))),
    refused(
        "clientData.type",
        "absent",
        Step::ClientDataJson,
        Made(|d| {
            let [this, _] = types(d);
            d.client(&format!(r#""type":"{this}","#), "");
        }),
    ),
    refused(
        "clientData.type",
        "twice",
        Step::ClientDataJson,
        Made(|d| {
            let [this, _] = types(d);
            d.client("{", &format!(r#"{{"type":"{this}","#));
        }),
    ),
    refused(
        "clientData.challenge",
        "another",
        Step::Challenge,
        Made(|d| d.challenge(|text| format!("A{}", &text[1..]))),
    ),
    refused(
        "clientData.challenge",
        "absent",
        Step::ClientDataJson,
        Made(|d| d.client(&format!(r#""challenge":"{}","#, d.challenge_text()), "")),
    ),
    refused("clientData.challenge", "empty", Step::Challenge, Made(|d| d.challenge(|_| String::new()))),
    refused("clientData.challenge", "cut", Step::Challenge, Made(|d| d.challenge(|text| text[..40].into()))),
    refused(
        "clientData.challenge",
        "with padding",
        Step::Challenge,
        Made(|d| d.challenge(|text| format!("{text}="))),
    ),
    refused(
        "clientData.challenge",
        "in base64 with padding",
        Step::Challenge,
        Made(|d| d.challenge(|text| format!("{}=", text.replace('-', "+").replace('_', "/")))),
    ),
    refused(
        "clientData.challenge",
        "encoded twice",
        Step::Challenge,
        Made(|d| d.challenge(|text| base64url::encode(text.as_bytes()))),
    ),
    refused(
        "clientData.challenge",
        "with letters that base64url does not have",
        Step::Challenge,
        Made(|d| d.challenge(|text| format!("!{text}"))),
    ),
    refused(
        "clientData.challenge",
        "with bits after its end",
        Step::Challenge,
        // Its last letter carries bits that are no part of a byte.
        Made(|d| d.challenge(|text| format!("{}t", &text[..text.len() - 1]))),
    ),
    refused(
        "clientData.challenge",
        "a number",
        Step::ClientDataJson,
        Made(|d| d.client(&format!("\"{}\"", d.challenge_text()), "7")),
    ),
    refused(
        "clientData.origin",
        "another host",
        Step::Origin,
        Made(|d| d.client(ORIGIN, "https://login.contoso.test.evil.test")),
    ),
    refused(
        "clientData.origin",
        "a host below",
        Step::Origin,
        Made(|d| d.client(ORIGIN, "https://a.login.contoso.test")),
    ),
    refused(
        "clientData.origin",
        "without TLS",
        Step::Origin,
        Made(|d| d.client(ORIGIN, "http://login.contoso.test")),
    ),
    refused(
        "clientData.origin",
        "another port",
        Step::Origin,
        Made(|d| d.client(ORIGIN, "https://login.contoso.test:8443")),
    ),
    refused(
        "clientData.origin",
        "a slash after it",
        Step::Origin,
        Made(|d| d.client(ORIGIN, "https://login.contoso.test/")),
    ),
    refused(
        "clientData.origin",
        "in capitals",
        Step::Origin,
        Made(|d| d.client(ORIGIN, "https://LOGIN.contoso.test")),
    ),
    refused("clientData.origin", "only the RP ID", Step::Origin, Made(|d| d.client(ORIGIN, RP_ID))),
    refused(
        "clientData.origin",
        "absent",
        Step::ClientDataJson,
        Made(|d| d.client(&format!(r#""origin":"{ORIGIN}","#), "")),
    ),
    refused(
        "clientData.origin",
        "a list",
        Step::ClientDataJson,
        Made(|d| {
            d.client(&format!("\"{ORIGIN}\""), &format!("[\"{ORIGIN}\"]"));
        }),
    ),
    refused("clientData.crossOrigin", "true", Step::CrossOrigin, Made(|d| d.client("false", "true"))),
    refused(
        "clientData.crossOrigin",
        "text",
        Step::ClientDataJson,
        Made(|d| d.client("false", r#""false""#)),
    ),
    row(
        "clientData.crossOrigin",
        "absent",
        Accepted(DEFAULT),
        Made(|d| d.client(r#","crossOrigin":false"#, "")),
    ),
    refused(
        "clientData.topOrigin",
        "without a frame",
        Step::TopOrigin,
        Made(|d| {
            d.client("false", r#"false,"topOrigin":"https://portal.contoso.test""#);
        }),
    ),
    refused(
        "clientData.topOrigin",
        "of a frame",
        Step::CrossOrigin,
        Made(|d| {
            d.client("false", r#"true,"topOrigin":"https://portal.contoso.test""#);
        }),
    ),
    row(
        "clientData.(further)",
        "a member that nobody knows",
        Accepted(PASSED_OVER),
        Made(|d| d.client("false", r#"false,"goat":[4]"#)),
    ),
    row("clientData", "a space after it", Accepted(SAME_OBJECT), Made(|d| d.client.push(b' '))),
    refused("clientData", "bytes after it", Step::ClientDataJson, Made(|d| d.client.extend(b"{}"))),
    refused("clientData", "not in UTF-8", Step::ClientDataUtf8, Made(|d| d.client.push(0xFF))),
    refused(
        "clientData",
        "in UTF-16",
        Step::ClientDataJson,
        Made(|d| {
            d.client = d.client.iter().flat_map(|byte| [*byte, 0]).collect();
        }),
    ),
    row(
        "clientData",
        "a byte order mark",
        Accepted("UTF-8 decode strips it (§7.1 step 5, §7.2 step 8)"),
        Made(|d| {
            d.client.splice(..0, *b"\xEF\xBB\xBF");
        }),
    ),
    refused(
        "clientData",
        "an array of its values",
        Step::ClientDataJson,
        Made(|d| {
            let [this, _] = types(d);
            d.client = format!(r#"["{this}","{}","{ORIGIN}",false,null]"#, d.challenge_text()).into();
        }),
    ),
];
