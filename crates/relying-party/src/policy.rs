//! What one relying party wants, and the options that it sends out for it.
use crate::attestation::AttestationPolicy;
use crate::credential::StoredCredential;
use crate::extensions::Unsolicited;
use serde_json::Map;
use wire::cose::Algorithm;
use wire::ctap2::PUBLIC_KEY;
use wire::webauthn::json::{
    AuthenticatorSelection, CreationOptions, Parameters, RequestOptions, RpEntity, UserEntity,
};

/// A relying party and its policy. [`RelyingParty::new`] has the defaults; every field may be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The RP ID, a domain.
    pub id: String,
    /// For people.
    pub name: String,
    /// The origins of its pages, such as `https://login.example.test`, matched exactly.
    pub origins: Vec<String>,
    /// The origins of pages that may embed its pages in a frame, matched exactly. Empty if none may.
    pub top_origins: Vec<String>,
    /// The COSE algorithms that it offers, most wanted first. Offering does not make one verifiable: ES256, ES384,
    /// EdDSA, RS256, ML-DSA-44 and ML-DSA-65 are.
    pub algorithms: Vec<Algorithm>,
    /// Whether the user must be verified.
    pub user_verification: UserVerification,
    /// What attestation it asks for and what it takes.
    pub attestation: AttestationPolicy,
    /// What it makes of the signature counter.
    pub counter: Counter,
    /// Whether it refuses credentials that can be copied to other devices (BE set).
    pub device_bound: bool,
    /// What it makes of extension outputs that it did not ask for.
    pub unsolicited_extensions: Unsolicited,
}

/// UserVerificationRequirement, WebAuthn L3 §5.8.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum UserVerification {
    /// UV must be set.
    Required,
    /// UV would be welcome.
    #[default]
    Preferred,
    /// UV is not worth a gesture.
    Discouraged,
}

impl UserVerification {
    /// The word in the options.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
            Self::Discouraged => "discouraged",
        }
    }

    /// The requirement that options state; `preferred` where they are silent or use another word, as a client
    /// reads them.
    pub fn from_options(word: Option<&str>) -> Self {
        match word {
            Some("required") => Self::Required,
            Some("discouraged") => Self::Discouraged,
            _ => Self::Preferred,
        }
    }
}

/// What is made of the signature counter, WebAuthn L3 §6.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Counter {
    /// It is stored at registration and never looked at or updated again.
    Ignore,
    /// It must grow unless both sides are zero, or the sign-in is refused: of the reactions that §7.2 step 22
    /// leaves to the relying party, the strictest.
    #[default]
    W3c,
    /// The same, and that of a credential that can be copied to other devices (BE set) must be zero: as measured at
    /// Entra in September 2026. Step 22 does not ask for it.
    Entra2026,
}

impl RelyingParty {
    /// A relying party at `https://{id}` for passkeys: ES256 and EdDSA, user verification required, no
    /// attestation asked for, any that can be verified taken, counters checked, no frames.
    pub fn new(id: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            name: id.clone(),
            origins: vec![format!("https://{id}")],
            id,
            top_origins: Vec::new(),
            algorithms: vec![Algorithm::ES256, Algorithm::EDDSA],
            user_verification: UserVerification::Required,
            attestation: AttestationPolicy::default(),
            counter: Counter::default(),
            device_bound: false,
            unsolicited_extensions: Unsolicited::default(),
        }
    }

    /// What to pass to `navigator.credentials.create()`, WebAuthn L3 §7.1 step 1, asking for a discoverable
    /// credential. `challenge` should be at least 16 random bytes (§13.5.3); `exclude` are the account's
    /// credentials so far. Extensions and hints are the caller's to add.
    pub fn creation_options(
        &self,
        user: UserEntity,
        challenge: Vec<u8>,
        exclude: &[StoredCredential],
    ) -> CreationOptions {
        let parameters = self.algorithms.iter().map(|alg| Parameters { kind: PUBLIC_KEY.into(), alg: alg.0 });
        CreationOptions {
            rp: RpEntity { id: Some(self.id.clone()), name: self.name.clone() },
            user,
            challenge: challenge.into(),
            pub_key_cred_params: parameters.collect(),
            timeout: Some(TIMEOUT),
            exclude_credentials: exclude.iter().map(StoredCredential::descriptor).collect(),
            authenticator_selection: Some(AuthenticatorSelection {
                authenticator_attachment: None,
                resident_key: Some("required".into()),
                require_resident_key: Some(true),
                user_verification: Some(self.user_verification.as_str().into()),
            }),
            hints: Vec::new(),
            attestation: Some(self.attestation.conveyance.as_str().into()),
            attestation_formats: Vec::new(),
            extensions: Map::new(),
        }
    }

    /// What to pass to `navigator.credentials.get()`, WebAuthn L3 §7.2 step 1. `allow` are the credentials of
    /// the account that wants to sign in; empty if it is not known yet and any passkey will do.
    pub fn request_options(&self, challenge: Vec<u8>, allow: &[StoredCredential]) -> RequestOptions {
        RequestOptions {
            challenge: challenge.into(),
            timeout: Some(TIMEOUT),
            rp_id: Some(self.id.clone()),
            allow_credentials: allow.iter().map(StoredCredential::descriptor).collect(),
            user_verification: Some(self.user_verification.as_str().into()),
            hints: Vec::new(),
            extensions: Map::new(),
        }
    }
}

/// Milliseconds: the short end of what WebAuthn L3 §15.1 recommends.
const TIMEOUT: u64 = 300_000;
