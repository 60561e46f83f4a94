//! What kind of tenant it is: everything that no administrator of a real one could set.
use crate::guid::Guid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Whose behaviour is imitated, where Entra's changed over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Behaviour {
    /// The public preview of passkeys in Microsoft Authenticator, April 2024: key restrictions bind registration
    /// only, there are no passkey profiles and no synced passkeys, Windows Hello is refused.
    #[serde(rename = "2024-preview")]
    Preview2024,
    /// As documented in 2026: restrictions bind sign-in too, passkey profiles, synced passkeys.
    #[default]
    #[serde(rename = "current")]
    Current,
}

impl Behaviour {
    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preview2024 => "2024-preview",
            Self::Current => "current",
        }
    }
}

/// What is made of signature counters at sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CounterMode {
    /// Stored at registration and never looked at: Entra until early 2026.
    Ignore,
    /// WebAuthn L3 §7.2 step 22: it grows, or both sides are zero.
    W3c,
    /// The same, and a synced passkey's stays zero: measured at Entra in September 2026.
    #[serde(rename = "entra-2026")]
    Entra2026,
}

/// What a challenge at sign-in is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChallengeUse {
    /// For one sign-in, in the session that it was made for.
    #[default]
    Once,
    /// For anybody, until ten minutes after it was made: measured at Entra in 2026.
    Entra,
}

/// Labels in sign-in logs, where Entra's own changed or are not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Labels {
    /// `authenticationMethod` of a device-bound passkey.
    pub device_bound: String,
    /// `authenticationMethod` of a synced passkey.
    pub synced: String,
    /// `authenticationMethodDetail` by AAGUID, where it is not the passkey's name and AAGUID.
    pub details: BTreeMap<String, String>,
}

impl Labels {
    /// Those of that time.
    pub fn of(behaviour: Behaviour) -> Self {
        let labels = |bound: &str, synced: &str, details: &[(&str, &str)]| Self {
            device_bound: bound.into(),
            synced: synced.into(),
            details: details.iter().map(|(aaguid, detail)| ((*aaguid).into(), (*detail).into())).collect(),
        };
        match behaviour {
            Behaviour::Preview2024 => labels(
                "Passkey (FIDO2)",
                "Passkey (FIDO2)",
                &[
                    ("90a3ccdf-635c-4729-a248-9b709135078f", "Microsoft Authenticator on iOS"),
                    ("de1e552d-db1d-4423-a619-566b625cdc84", "Microsoft Authenticator on Android"),
                ],
            ),
            Behaviour::Current => labels("Passkey (device-bound)", "Passkey (synced)", &[]),
        }
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::of(Behaviour::default())
    }
}

/// What kind of tenant it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The tenant's ID, a part of every user handle.
    pub tenant_id: Guid,
    /// For people, such as `Contoso`.
    pub name: String,
    /// What user principal names end in, such as `contoso.test`.
    pub domain: String,
    /// The RP ID.
    pub rp_id: String,
    /// The origins of its pages and of related ones, matched exactly.
    pub origins: Vec<String>,
    /// Whose behaviour is imitated.
    pub behaviour: Behaviour,
    /// What is made of counters.
    pub counter: CounterMode,
    /// What a challenge is good for.
    pub challenges: ChallengeUse,
    /// Labels in logs.
    pub labels: Labels,
    /// How long a change of policy takes until sign-ins feel it. None at all is the default.
    pub propagation_delay: Duration,
    /// How long logs are kept.
    pub retention: Duration,
    /// X.509 certificates in DER up to which attestation must lead, in base64url. Not kept with the records: given
    /// anew at each start.
    #[serde(skip)]
    pub trust_anchors: Vec<Vec<u8>>,
    /// Names of models by AAGUID in lower case, beside those that are built in. Given anew at each start.
    #[serde(skip)]
    pub model_names: BTreeMap<String, String>,
}

impl Settings {
    /// Contoso at that RP ID, whose pages have that origin.
    pub fn new(
        tenant_id: Guid,
        rp_id: impl Into<String>,
        origin: impl Into<String>,
        behaviour: Behaviour,
    ) -> Self {
        Self {
            tenant_id,
            name: "Contoso".into(),
            domain: "contoso.test".into(),
            rp_id: rp_id.into(),
            origins: vec![origin.into()],
            behaviour,
            counter: match behaviour {
                Behaviour::Preview2024 => CounterMode::Ignore,
                Behaviour::Current => CounterMode::Entra2026,
            },
            challenges: ChallengeUse::default(),
            labels: Labels::of(behaviour),
            propagation_delay: Duration::ZERO,
            retention: Duration::from_secs(30 * 86_400),
            trust_anchors: Vec::new(),
            model_names: BTreeMap::new(),
        }
    }
}
