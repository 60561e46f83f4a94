//! The messages of the shim. Where a page is, its carrier says, and not the page.
use serde::Deserialize;
use serde_json::Value;

/// What a page asks for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Call {
    /// `navigator.credentials.create()`.
    Create(Wish),
    /// `navigator.credentials.get()`.
    Get(Wish),
    /// A ceremony is called off.
    Cancel {
        /// Which one.
        id: String,
    },
    /// `PublicKeyCredential.getClientCapabilities()` and what came before it.
    Capabilities,
    /// `PublicKeyCredential.signalUnknownCredential()` and its like.
    Signal {
        /// The method's name.
        method: String,
        /// Where the page is.
        #[serde(flatten)]
        frame: Frame,
        /// Its argument.
        options: Value,
    },
}

/// A ceremony that a page wants.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wish {
    /// By which it is called off.
    pub id: String,
    /// Where the page is.
    #[serde(flatten)]
    pub frame: Frame,
    /// CredentialMediationRequirement, or `immediate` for `uiMode`.
    #[serde(default)]
    pub mediation: Option<String>,
    /// The options as JSON.
    pub options: Value,
}

/// Where a page is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Its origin.
    pub origin: String,
    /// Whether a page above it is of another origin.
    #[serde(default)]
    pub cross_origin: bool,
    /// The origin of the outermost page, where it is another one.
    #[serde(default)]
    pub top_origin: Option<String>,
    /// Whether its permissions policy lets it use passkeys; if it is not known, only pages that are in no frame of another
    /// origin may.
    #[serde(default)]
    pub permitted: Option<bool>,
    /// Whether its user has just done something in it, where that is known.
    #[serde(default)]
    pub activated: Option<bool>,
    /// Whether it is in a secure context.
    #[serde(default = "yes")]
    pub secure: bool,
}

fn yes() -> bool {
    true
}
