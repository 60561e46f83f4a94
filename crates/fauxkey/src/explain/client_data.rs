//! Client data, WebAuthn Level 3 §5.8.1.
use super::Stuck;
use super::tree::{Node, quoted, size, word};
use serde_json::Value;
use wire::base64url;
use wire::webauthn::{Ceremony, ClientData};

/// The least that WebAuthn Level 3 §13.4.3 recommends for a challenge, in bytes.
pub(super) const SHORTEST_CHALLENGE: usize = 16;

/// Client data inside something else. `ceremony` is the type that it should have.
pub(super) fn node(
    label: &str,
    json: &[u8],
    ceremony: &str,
    odd: &mut Vec<String>,
) -> (Node, Option<ClientData>) {
    match lines(json, odd) {
        Ok((lines, data)) => {
            if data.ceremony != ceremony {
                odd.push(format!(
                    "client data has type {}, where {ceremony} belongs",
                    quoted(&data.ceremony)
                ));
            }
            (Node::holder(label, json.len(), lines), Some(data))
        }
        Err(stuck) => {
            odd.push(format!("{label} is no client data: {stuck}"));
            (Node::bytes(label, json), None)
        }
    }
}

/// Client data as lines.
pub(super) fn lines(json: &[u8], odd: &mut Vec<String>) -> Result<(Vec<Node>, ClientData), Stuck> {
    let data = ClientData::decode(json).map_err(|error| Stuck::near(error.to_string()))?;
    let bare = json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json);
    if bare.len() != json.len() {
        odd.push("client data begins with a byte order mark".into());
    }
    let mut lines = vec![
        Node::text("type", &data.ceremony).note(match data.ceremony.as_str() {
            Ceremony::CREATE => "a registration",
            Ceremony::GET => "a sign-in",
            _ => "",
        }),
        challenge("challenge", &data.challenge, odd),
        Node::text("origin", &data.origin),
    ];
    if let Some(cross) = data.cross_origin {
        lines.push(Node::new("crossOrigin", cross.to_string()));
    }
    if let Some(top) = &data.top_origin {
        lines.push(Node::text("topOrigin", top));
    }
    const KNOWN: [&str; 5] = ["type", "challenge", "origin", "crossOrigin", "topOrigin"];
    let members: serde_json::Map<String, Value> = serde_json::from_slice(bare).unwrap_or_default();
    for (name, value) in members.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
        lines.push(super::json::node(name, value));
        // Chromium adds it now and then so that nobody compares client data with a template.
        if name != "other_keys_can_be_added_here" {
            odd.push(format!(
                "client data has a member {}, which WebAuthn Level 3 §5.8.1 does not have",
                word(name)
            ));
        }
    }
    check(&data, bare, odd);
    Ok((lines, data))
}

fn check(data: &ClientData, json: &[u8], odd: &mut Vec<String>) {
    if !matches!(data.ceremony.as_str(), Ceremony::CREATE | Ceremony::GET) {
        odd.push(format!(
            "client data has type {}, which is neither webauthn.create nor webauthn.get",
            quoted(&data.ceremony)
        ));
    }
    check_origin("origin", &data.origin, odd);
    if data.cross_origin == Some(true) {
        odd.push("crossOrigin is true: the page sits in a frame of another origin".into());
    }
    if let Some(top) = &data.top_origin {
        check_origin("topOrigin", top, odd);
        if data.cross_origin != Some(true) {
            odd.push("topOrigin without crossOrigin (WebAuthn Level 3 §5.8.1)".into());
        }
    }
    // §5.8.1.1: a verifier without a JSON parser compares the beginning; more members may follow.
    let expected = data.encode();
    if !expected.strip_suffix(b"}").is_some_and(|beginning| json.starts_with(beginning)) {
        odd.push("client data is not serialized as WebAuthn Level 3 §5.8.1.1 says: members out of order, white space, or none of crossOrigin".into());
    }
}

fn check_origin(name: &str, origin: &str, odd: &mut Vec<String>) {
    let host = |origin: &str| {
        origin.split_once("://").map(|(_, rest)| rest.split([':', '/']).next().unwrap_or_default().to_owned())
    };
    let local = host(origin).is_some_and(|host| host == "localhost" || host.ends_with(".localhost"));
    if !origin.starts_with("https://") && !local {
        let app = ["android:apk-key-hash:", "ios:bundle-id:"].iter().any(|scheme| origin.starts_with(scheme));
        let why = if app { "an app's, not a page's" } else { "not https" };
        odd.push(format!("{name} {} is {why}", quoted(origin)));
    } else if origin.ends_with('/') || origin.matches('/').count() > 2 {
        odd.push(format!("{name} {} has a path; an origin has none", quoted(origin)));
    }
}

/// A challenge in base64url.
pub(super) fn challenge(label: &str, text: &str, odd: &mut Vec<String>) -> Node {
    let node = Node::text(label, text);
    let Some(bytes) = base64url::decode(text) else {
        odd.push(match base64url::decode_lenient(text) {
            Some(_) => format!("{label} is standard or padded base64, not unpadded base64url"),
            None => format!("{label} is no base64url"),
        });
        return node;
    };
    check_challenge(&bytes, odd);
    node.note(size(bytes.len())).note_if(entra(&bytes))
}

/// A challenge's length.
pub(super) fn check_challenge(bytes: &[u8], odd: &mut Vec<String>) {
    if bytes.len() < SHORTEST_CHALLENGE {
        odd.push(format!(
            "challenge has {}, and at least {SHORTEST_CHALLENGE} are recommended (WebAuthn Level 3 §13.4.3)",
            size(bytes.len())
        ));
    }
}

/// Entra ID's challenges are tokens in ASCII; in client data they stand encoded a second time.
pub(super) fn entra(bytes: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(bytes).ok()?;
    match text.strip_prefix("O.") {
        Some(token) if token.starts_with("eyJ") => Some("an Entra ID token as a challenge"),
        _ if text.starts_with("eyJ") && text.split('.').count() >= 3 => {
            Some("a signed or encrypted token as a challenge")
        }
        _ => None,
    }
}
