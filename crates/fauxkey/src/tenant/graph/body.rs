//! What is posted to Graph: JSON, with names in any case and bytes in either dialect of base64.
use serde_json::{Map, Value};
use tenant::{Refusal, RefusalKind};
use wire::webauthn::json::{AttestationResponse, Base64Url, RegistrationResponse};

/// How deep a document may go.
const DEEPEST: usize = 32;

/// A body as JSON.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Refusal> {
    let value = serde_json::from_slice(bytes).map_err(|error| {
        bad(format!("the body is not JSON (line {}, column {})", error.line(), error.column()))
    })?;
    if depth(&value, DEEPEST) { Ok(value) } else { Err(bad(format!("the body is more than {DEEPEST} deep"))) }
}

/// Whether a value is no deeper than that.
fn depth(value: &Value, left: usize) -> bool {
    match (value, left.checked_sub(1)) {
        (Value::Array(items), Some(left)) => items.iter().all(|item| depth(item, left)),
        (Value::Object(members), Some(left)) => members.values().all(|member| depth(member, left)),
        (Value::Array(_) | Value::Object(_), None) => false,
        _ => true,
    }
}

pub(super) fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::BadRequest, "badRequest", message)
}

/// A member by its name in any case.
pub(super) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// A member that is text, if it is there and not null.
pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match member(object, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("`{name}` is not text"))),
    }
}

/// A member that is true or false, or the same as text, if it is there.
pub(super) fn flag(object: &Map<String, Value>, name: &str) -> Result<Option<bool>, Refusal> {
    match member(object, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(bad(format!("`{name}` is neither true nor false"))),
    }
}

/// The members of an object.
pub(super) fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, Refusal> {
    value.as_object().ok_or_else(|| bad(format!("{what} is not an object")))
}

/// The name and the passkey in a `fido2AuthenticationMethod` that is posted. What WebAuthn has and Graph leaves out
/// (`type`, `rawId`, `authenticatorAttachment`) is made up for.
pub(super) fn passkey(body: &Value) -> Result<(Option<String>, RegistrationResponse), Refusal> {
    let body = object(body, "the body")?;
    let name = text(body, "displayName")?.map(Into::into);
    let missing = |name: &str| bad(format!("`{name}` is missing"));
    let credential = member(body, "publicKeyCredential").ok_or_else(|| missing("publicKeyCredential"))?;
    let credential = object(credential, "`publicKeyCredential`")?;
    let response = member(credential, "response").ok_or_else(|| missing("publicKeyCredential.response"))?;
    let response = object(response, "`publicKeyCredential.response`")?;
    let bytes = |object, name: &str| -> Result<Base64Url, Refusal> {
        let text = text(object, name)?.ok_or_else(|| missing(name))?;
        wire::base64url::decode_lenient(text)
            .map(Base64Url)
            .ok_or_else(|| bad(format!("`{name}` is not base64")))
    };
    let raw_id = bytes(credential, "id")?;
    let results = match member(credential, "clientExtensionResults") {
        None | Some(Value::Null) => Map::new(),
        Some(results) => object(results, "`clientExtensionResults`")?.clone(),
    };
    let response = AttestationResponse {
        client_data_json: bytes(response, "clientDataJSON")?,
        attestation_object: bytes(response, "attestationObject")?,
        authenticator_data: None,
        transports: Vec::new(),
        public_key: None,
        public_key_algorithm: None,
    };
    let credential = RegistrationResponse {
        id: wire::base64url::encode(&raw_id.0),
        raw_id,
        response,
        authenticator_attachment: None,
        client_extension_results: results,
        kind: text(credential, "type")?.unwrap_or("public-key").into(),
    };
    Ok((name, credential))
}
