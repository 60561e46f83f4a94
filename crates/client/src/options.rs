//! What a page asks for, read from JSON in any of the shapes in which it is passed around.
//!
//! | shape | where it comes from |
//! |---|---|
//! | `{"challenge": …, "rp": …}` | WebAuthn Level 3 §5.1.8 and §5.1.9, most server libraries |
//! | `{"publicKey": {…}}` | the argument of `navigator.credentials.create()` and `.get()` |
//! | `{"challengeTimeoutDateTime": …, "publicKey": {…}}` | Microsoft Graph, `fido2Methods/creationOptions` |
//!
//! Members that nobody knows are ignored, as WebIDL dictionaries do. The challenge of any length goes into client
//! data as the base64url of its bytes, so one that came as base64url goes in unchanged.
use serde_json::Value;
use thiserror::Error;
use wire::webauthn::json::{self, CreationOptions, RequestOptions};

/// Options, and what stood around them.
#[derive(Clone, Debug, PartialEq)]
pub struct Document<T> {
    /// What the page asks for.
    pub options: T,
    /// Which shape it came in.
    pub shape: Shape,
    /// Graph's `challengeTimeoutDateTime`, an ISO 8601 moment in UTC after which the answer comes too late.
    pub challenge_timeout: Option<String>,
}

/// The shapes in which options are passed around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The options alone.
    Bare,
    /// Inside `publicKey`.
    PublicKey,
    /// A Microsoft Graph `webauthnCredentialCreationOptions`.
    Graph,
}

/// Why a document holds no options.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OptionsError {
    /// The text is no JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// A member is absent or of another type than the specification gives it.
    #[error("{path}: {why}")]
    Member {
        /// Where, such as `publicKey.user.id`.
        path: String,
        /// What is wrong there.
        why: String,
    },
    /// Options for the other ceremony.
    #[error("these are options for {found}, and {wanted} was asked for")]
    OtherCeremony {
        /// What they are for.
        found: &'static str,
        /// What they were taken for.
        wanted: &'static str,
    },
}

impl OptionsError {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotJson(_) => None,
            Self::Member { path, .. } if path == "." => {
                Some("give the options, {\"publicKey\": …} or a Graph creationOptions document".into())
            }
            Self::Member { .. } => None,
            Self::OtherCeremony { found, .. } => Some(format!("use webauthn {found}")),
        }
    }
}

/// Reads `PublicKeyCredentialCreationOptionsJSON` in any shape.
///
/// # Errors
/// If the text is no JSON, a member does not fit, or the options are for a sign-in.
pub fn creation(text: &str) -> Result<Document<CreationOptions>, OptionsError> {
    let (value, shape, challenge_timeout) = unwrap(text)?;
    if value.get("pubKeyCredParams").is_none()
        && value.get("rp").is_none()
        && value.get("challenge").is_some()
    {
        return Err(OptionsError::OtherCeremony { found: "get", wanted: "create" });
    }
    let options: CreationOptions = json::from_value(value).map_err(|error| located(error, shape))?;
    // WebAuthn Level 3 §5.1.3 step 5.
    if let Err(why) = check_user_id(&options.user.id.0) {
        return Err(located(json::InvalidJson { path: "user.id".into(), why }, shape));
    }
    Ok(Document { options, shape, challenge_timeout })
}

/// Reads `PublicKeyCredentialRequestOptionsJSON` in any shape.
///
/// # Errors
/// If the text is no JSON, a member does not fit, or the options are for a registration.
pub fn request(text: &str) -> Result<Document<RequestOptions>, OptionsError> {
    let (value, shape, challenge_timeout) = unwrap(text)?;
    // Every member that a request must have stands in a registration's options too, so they would pass.
    if value.get("pubKeyCredParams").is_some() {
        return Err(OptionsError::OtherCeremony { found: "create", wanted: "get" });
    }
    let options = json::from_value(value).map_err(|error| located(error, shape))?;
    Ok(Document { options, shape, challenge_timeout })
}

/// The length that WebAuthn Level 3 §5.1.3 step 5 allows a user handle.
pub(crate) fn check_user_id(id: &[u8]) -> Result<(), String> {
    match id.len() {
        1..=64 => Ok(()),
        other => Err(format!("has {other} bytes, and a user handle has 1 to 64")),
    }
}

fn unwrap(text: &str) -> Result<(Value, Shape, Option<String>), OptionsError> {
    let document: Value = serde_json::from_str(text).map_err(|why| OptionsError::NotJson(why.to_string()))?;
    let Value::Object(mut document) = document else {
        return Err(OptionsError::Member { path: ".".into(), why: "expected an object".into() });
    };
    let timeout = document.get("challengeTimeoutDateTime").and_then(Value::as_str).map(Into::into);
    let (mut options, shape) = match document.remove("publicKey") {
        Some(inner) if document.contains_key("challengeTimeoutDateTime") => (inner, Shape::Graph),
        Some(inner) => (inner, Shape::PublicKey),
        None => (Value::Object(document), Shape::Bare),
    };
    let Some(members) = options.as_object_mut() else {
        return Err(OptionsError::Member { path: "publicKey".into(), why: "expected an object".into() });
    };
    // WebIDL takes null for an empty dictionary; some server libraries write it.
    if members.get("extensions").is_some_and(Value::is_null) {
        members.remove("extensions");
    }
    Ok((options, shape, timeout))
}

/// An error with the whole path to its member, from the top of the document.
fn located(error: json::InvalidJson, shape: Shape) -> OptionsError {
    let mut path: Vec<&str> = Vec::new();
    if shape != Shape::Bare {
        path.push("publicKey");
    }
    if error.path != "." {
        path.push(&error.path);
    }
    // serde reports a missing member at its parent.
    let missing = error.why.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    path.extend(missing);
    let path = if path.is_empty() { ".".into() } else { path.join(".") };
    let why = if missing.is_some() { "is missing".into() } else { clipped(&error.why) };
    OptionsError::Member { path, why }
}

/// serde quotes what it did not like, which can be a challenge of several kilobytes.
fn clipped(why: &str) -> String {
    const LIMIT: usize = 160;
    match why.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &why[..end]),
        None => why.into(),
    }
}
