//! Reading what a page sends: WebIDL dictionaries in JSON, buffers in base64url.
use crate::error::ClientError;
use crate::options::OptionsError;
use serde_json::{Map, Value};
use wire::base64url;

/// A `TypeError`: a member is not what WebIDL wants there. `path` begins at the extension's identifier.
pub(super) fn wrong(path: &str, why: &str) -> ClientError {
    OptionsError::Member { path: format!("extensions.{path}"), why: why.into() }.into()
}

/// A `NotSupportedError`.
pub(super) fn not_supported(id: &'static str, why: &str) -> ClientError {
    ClientError::Extension { id, why: why.into(), exception: "NotSupportedError" }
}

pub(super) fn dictionary<'a>(path: &str, input: &'a Value) -> Result<&'a Map<String, Value>, ClientError> {
    input.as_object().ok_or_else(|| wrong(path, "expected an object"))
}

pub(super) fn buffer(path: &str, input: &Value) -> Result<Vec<u8>, ClientError> {
    let bytes = input.as_str().and_then(base64url::decode_lenient);
    bytes.ok_or_else(|| wrong(path, "expected base64url text"))
}

pub(super) fn text<'a>(path: &str, input: &'a Value) -> Result<&'a str, ClientError> {
    input.as_str().ok_or_else(|| wrong(path, "expected text"))
}

/// A member that is there and not null.
pub(super) fn present<'a>(dictionary: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    dictionary.get(name).filter(|value| !value.is_null())
}
