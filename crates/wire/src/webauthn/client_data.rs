//! Client data, WebAuthn Level 3 §5.8.1: what the client says about the page.
use alloc::{string::String, vec::Vec};
use core::fmt;
use serde::Deserialize;

/// The `type` member. Unknown values survive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony(pub String);

impl Ceremony {
    /// `type` of a registration.
    pub const CREATE: &'static str = "webauthn.create";
    /// `type` of a sign-in.
    pub const GET: &'static str = "webauthn.get";
}

impl fmt::Display for Ceremony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// CollectedClientData.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientData {
    /// [`Ceremony::CREATE`] or [`Ceremony::GET`].
    #[serde(rename = "type")]
    pub ceremony: String,
    /// The relying party's challenge in unpadded base64url, exactly as it will be compared.
    pub challenge: String,
    /// The origin of the page, such as `https://login.example.test`.
    pub origin: String,
    /// Whether the page sits in a frame of another origin.
    #[serde(default)]
    pub cross_origin: Option<bool>,
    /// The origin of the outermost page, if `cross_origin`.
    #[serde(default)]
    pub top_origin: Option<String>,
}

impl ClientData {
    /// The bytes that are hashed, by the limited serialization of WebAuthn Level 3 §5.8.1.1.
    pub fn encode(&self) -> Vec<u8> {
        let mut json = String::from("{\"type\":");
        push_string(&mut json, &self.ceremony);
        json.push_str(",\"challenge\":");
        push_string(&mut json, &self.challenge);
        json.push_str(",\"origin\":");
        push_string(&mut json, &self.origin);
        json.push_str(",\"crossOrigin\":");
        json.push_str(if self.cross_origin == Some(true) { "true" } else { "false" });
        if let Some(top) = &self.top_origin {
            json.push_str(",\"topOrigin\":");
            push_string(&mut json, top);
        }
        json.push('}');
        json.into_bytes()
    }

    /// Reads client data as a relying party must: any JSON object with these members, in any order. A byte order
    /// mark is stripped, as the UTF-8 decoding of WebAuthn Level 3 §7.1 and §7.2 does.
    pub fn decode(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json))
    }
}

/// CCDToString, WebAuthn Level 3 §5.8.1.2: only `"`, `\` and control characters are escaped.
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\0'..='\u{1F}' => json.push_str(&alloc::format!("\\u{:04x}", u32::from(c))),
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests;
