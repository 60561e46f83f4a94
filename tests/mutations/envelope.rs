//! Changes of the JSON around both ceremonies' responses, WebAuthn L3 §5.1, and what changes are made with.
use super::good::{bytes, text};
use super::{Change::*, Outcome::*, Row, row};
use relying_party::Step;
use serde_json::{Value, json};
use wire::base64url;

pub(super) const DIALECT: &str = "both dialects of base64 are read, and the bytes are the same";
pub(super) const PASSED_OVER: &str = "unknown members are passed over";
pub(super) const ANY_VALUE: &str = "values that are not known are kept: they are hints";
pub(super) const LAST_WINS: &str = "of two equal names a JSON reader keeps the last, and that one is right";
pub(super) const RESERVED: &str = "reserved bits may be given a meaning, so they are a warning (§6.1)";
pub(super) const NO_OUTPUT: &str = "a client need not tell outputs";

/// A row that a step refuses.
pub(super) const fn refused(
    member: &'static str,
    what: &'static str,
    step: Step,
    change: super::Change,
) -> Row {
    row(member, what, Refused(step), change)
}

pub(super) fn twice(text: &str, last: &str) -> String {
    let at = text.rfind('}').expect("it is an object");
    format!("{},{last}}}", &text[..at])
}

/// Changes bytes that stand as base64url text.
pub(super) fn edit_bytes(json: &mut Value, member: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let member = &mut json["response"][member];
    let mut all = bytes(member);
    edit(&mut all);
    *member = text(&all);
}

/// The text of a member, encoded once more.
pub(super) fn again(json: &mut Value, member: &str) {
    let text = base64url::encode(json["response"][member].as_str().expect("it is text").as_bytes());
    json["response"][member] = text.into();
}

/// In the standard alphabet, with padding to the next four letters.
pub(super) fn standard(member: &mut Value) {
    let mut text = member.as_str().expect("it is text").replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    *member = text.into();
}

pub(super) const ROWS: &[Row] = &[
    // The JSON, §5.1.
    row("id", "absent", Unreadable, Json(|r| drop(r.as_object_mut().unwrap().remove("id")))),
    row("id", "a number", Unreadable, Json(|r| r["id"] = 7.into())),
    refused("id", "empty", Step::CredentialId, Json(|r| r["id"] = "".into())),
    refused("id", "of another credential", Step::CredentialId, Json(|r| r["id"] = "AAAA".into())),
    refused("id", "in base64 with padding", Step::CredentialId, Json(|r| standard(&mut r["id"]))),
    refused("id", "twice, a wrong one last", Step::CredentialId, Text(|r| twice(r, r#""id":"AAAA""#))),
    row(
        "id",
        "twice, the right one last",
        Accepted(LAST_WINS),
        Text(|r| r.replacen('{', r#"{"id":"AAAA","#, 1)),
    ),
    row("rawId", "absent", Unreadable, Json(|r| drop(r.as_object_mut().unwrap().remove("rawId")))),
    row("rawId", "no base64", Unreadable, Json(|r| r["rawId"] = "*".into())),
    refused("rawId", "of another credential", Step::CredentialId, Json(|r| r["rawId"] = "AAAA".into())),
    row("rawId", "in base64 with padding", Accepted(DIALECT), Json(|r| standard(&mut r["rawId"]))),
    row("type", "absent", Unreadable, Json(|r| drop(r.as_object_mut().unwrap().remove("type")))),
    row("type", "null", Unreadable, Json(|r| r["type"] = Value::Null)),
    refused("type", "another", Step::CredentialType, Json(|r| r["type"] = "password".into())),
    refused("type", "in capitals", Step::CredentialType, Json(|r| r["type"] = "PUBLIC-KEY".into())),
    row("response", "absent", Unreadable, Json(|r| drop(r.as_object_mut().unwrap().remove("response")))),
    row("response", "text", Unreadable, Json(|r| r["response"] = r["response"].to_string().into())),
    row(
        "authenticatorAttachment",
        "unknown",
        Accepted(ANY_VALUE),
        Json(|r| r["authenticatorAttachment"] = "x".into()),
    ),
    row("authenticatorAttachment", "a number", Unreadable, Json(|r| r["authenticatorAttachment"] = 1.into())),
    row(
        "clientExtensionResults",
        "absent",
        Accepted(NO_OUTPUT),
        Json(|r| {
            drop(r.as_object_mut().unwrap().remove("clientExtensionResults"));
        }),
    ),
    row("clientExtensionResults", "an array", Unreadable, Json(|r| r["clientExtensionResults"] = json!([]))),
    row(
        "(further)",
        "a member that nobody knows",
        Accepted(PASSED_OVER),
        Json(|r| r["goat"] = json!({"legs": 4})),
    ),
    row(
        "response.clientDataJSON",
        "absent",
        Unreadable,
        Json(|r| {
            drop(r["response"].as_object_mut().unwrap().remove("clientDataJSON"));
        }),
    ),
    row(
        "response.clientDataJSON",
        "no base64",
        Unreadable,
        Json(|r| r["response"]["clientDataJSON"] = "{}".into()),
    ),
    refused(
        "response.clientDataJSON",
        "empty",
        Step::ClientDataJson,
        Json(|r| {
            r["response"]["clientDataJSON"] = "".into();
        }),
    ),
    row(
        "response.clientDataJSON",
        "in base64 with padding",
        Accepted(DIALECT),
        Json(|r| {
            standard(&mut r["response"]["clientDataJSON"]);
        }),
    ),
    refused(
        "response.clientDataJSON",
        "encoded twice",
        Step::ClientDataJson,
        Json(|r| again(r, "clientDataJSON")),
    ),
];
