//! Extension outputs: WebAuthn L3 §7.1 step 28, §7.2 step 23.
use crate::rejection::{Verdict, ensure, quoted};
use wire::cbor::Value;

/// Client extensions whose answer an authenticator gives under another name (CTAP 2.1 §12, CTAP 2.2 §12).
const CARRIED_BY: &[(&str, &str)] = &[
    ("credentialProtectionPolicy", "credProtect"),
    ("enforceCredentialProtectionPolicy", "credProtect"),
    ("getCredBlob", "credBlob"),
    ("hmacCreateSecret", "hmac-secret"),
    ("hmacGetSecret", "hmac-secret"),
    ("payment", "thirdPartyPayment"),
    ("prf", "hmac-secret"),
    ("prf", "hmac-secret-mc"),
];

/// What to do about an answer to a question that was not put. Clients put questions of their own: Chromium asks
/// an authenticator that has it for `credProtect` wherever the new credential may be discoverable, so a page that
/// wants to work with security keys there asks for it too, or ignores the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unsolicited {
    /// The ceremony is refused.
    #[default]
    Refuse,
    /// The ceremony goes on, and a warning says so.
    Ignore,
}

/// The client extension outputs that nobody asked for.
pub(crate) fn unsolicited_by_client<'a>(
    outputs: &'a serde_json::Map<String, serde_json::Value>,
    asked: &[String],
) -> Vec<&'a str> {
    outputs.keys().filter(|id| !asked.contains(id)).map(String::as_str).collect()
}

/// The authenticator extension outputs that nobody asked for, by client extension or by their own name.
pub(crate) fn unsolicited_by_authenticator(outputs: Option<&Value>, asked: &[String]) -> Vec<String> {
    let members = outputs.and_then(Value::as_map).map(Vec::as_slice).unwrap_or_default();
    let was_asked = |id: &str| {
        let under = |asked: &String| asked == id || CARRIED_BY.contains(&(asked.as_str(), id));
        asked.iter().any(under)
    };
    let name = |id: &Value| match id {
        Value::Text(id) => (!was_asked(id)).then(|| id.clone()),
        _ => Some("an identifier that is not text".into()),
    };
    members.iter().filter_map(|(id, _)| name(id)).collect()
}

/// Judges what [`unsolicited_by_client`] or [`unsolicited_by_authenticator`] found.
pub(crate) fn only_solicited(policy: Unsolicited, who: &str, found: &[impl AsRef<str>]) -> Verdict {
    ensure(policy == Unsolicited::Ignore || found.is_empty(), || describe(who, found))
}

/// One sentence about unsolicited outputs, for a verdict or a warning.
pub(crate) fn describe(who: &str, found: &[impl AsRef<str>]) -> String {
    let names: Vec<String> = found.iter().take(8).map(|id| quoted(id.as_ref())).collect();
    let more = if found.len() > 8 { " and others" } else { "" };
    format!("the {who} answered extensions that were not asked for: {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::cbor;

    fn asked(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn an_authenticator_answers_under_the_name_of_ctap_or_under_its_own() {
        let outputs = cbor::text_map([("hmac-secret", Some(true.into())), ("credProtect", Some(2.into()))]);
        let unsolicited = |ids: &[&str]| unsolicited_by_authenticator(Some(&outputs), &asked(ids));
        assert_eq!(unsolicited(&[]), ["hmac-secret", "credProtect"]);
        assert_eq!(unsolicited(&["prf"]), ["credProtect"]);
        assert_eq!(unsolicited(&["hmacCreateSecret", "credentialProtectionPolicy"]), [""; 0]);
        assert_eq!(unsolicited(&["credProtect", "hmac-secret"]), [""; 0]);
    }

    #[test]
    fn an_identifier_that_is_not_text_was_never_asked_for() {
        let outputs = Value::Map(vec![(7.into(), true.into())]);
        assert_eq!(unsolicited_by_authenticator(Some(&outputs), &asked(&["7"])).len(), 1);
        assert!(unsolicited_by_authenticator(None, &[]).is_empty());
    }

    #[test]
    fn a_thousand_names_make_a_short_sentence() {
        let names: Vec<String> = (0..1000).map(|n| format!("{n}{}", "x".repeat(500))).collect();
        assert!(describe("client", &names).len() < 1000);
    }
}
