//! prf in the clear, WebAuthn Level 3 §10.1.4, as phones take it over hybrid (CTAP 2.2 §11.5): they have no PIN/UV auth
//! protocol to agree on a secret with, and the tunnel encrypts everything. The salts are those of hmac-secret.
use super::hmac_secret::{SALT, Salts, results};
use super::member;
use serde_json::Value;
use std::collections::BTreeMap;
use wire::cbor;

/// The input to the authenticator: what to evaluate for any credential, and for those that are named by the bytes of
/// their IDs.
pub(super) fn input(eval: Option<&Salts>, by_credential: &BTreeMap<Vec<u8>, Salts>) -> cbor::Value {
    let by_credential = by_credential.iter().map(|(id, salts)| (cbor::bytes(id.as_slice()), values(salts)));
    let by_credential: Vec<_> = by_credential.collect();
    cbor::text_map([
        ("eval", eval.map(values)),
        ("evalByCredential", (!by_credential.is_empty()).then_some(cbor::Value::Map(by_credential))),
    ])
}

fn values(salts: &Salts) -> cbor::Value {
    let mut each = salts.each().map(cbor::bytes);
    cbor::text_map([("first", each.next()), ("second", each.next())])
}

/// Whether the new credential has it.
pub(super) fn enabled(output: Option<&cbor::Value>) -> bool {
    output.and_then(|output| member(output, "enabled")).and_then(cbor::Value::as_bool) == Some(true)
}

/// `results` of the page's output; `None` if the authenticator did not evaluate.
///
/// # Errors
/// What is wrong with the authenticator's output.
pub(super) fn told(salts: &Salts, output: Option<&cbor::Value>) -> Result<Option<Value>, String> {
    let Some(told) = output.and_then(|output| member(output, "results")) else { return Ok(None) };
    let secret = |name: &str| member(told, name).and_then(cbor::Value::as_bytes).map(Vec::as_slice);
    let secrets: Vec<&[u8]> = ["first", "second"].into_iter().filter_map(secret).collect();
    if secrets.len() != salts.each().count() || secrets.iter().any(|secret| secret.len() != SALT) {
        return Err(format!(
            "odd: what the authenticator gave for prf is not a secret of {SALT} bytes for each input"
        ));
    }
    Ok(Some(results(secrets.into_iter())))
}
