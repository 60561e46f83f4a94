//! Attestation: WebAuthn L3 §6.5, §7.1 steps 21 to 24, and the formats of §8.
//!
//! Supported are `none`, `packed` and `fido-u2f`. A statement that carries certificates needs trust anchors to mean
//! anything: a [`RelyingParty`](crate::RelyingParty) that was given none refuses it at
//! [`Step::TrustAnchors`](crate::Step::TrustAnchors).
mod certificate;
mod chain;
mod fido_u2f;
mod none;
mod packed;
mod requirements;
mod statement;

pub(crate) use statement::{Format, Statement};

use crate::rejection::{Verdict, ensure};
use certificate::Certificate;
use serde::{Deserialize, Serialize};

/// What proves the origin of a credential, WebAuthn L3 §6.5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttestationType {
    /// Nothing.
    None,
    /// The credential's own key: it proves possession of that key and nothing else.
    SelfAttestation,
    /// An attestation key with certificates up to a trust anchor. Basic, AttCA or AnonCA: which of them it is, only
    /// knowledge about the anchor could tell.
    Basic,
}

/// AttestationConveyancePreference, WebAuthn L3 §5.4.7: what the client is asked to pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Conveyance {
    /// Nothing.
    #[default]
    None,
    /// Whatever the client likes, as long as it can be verified.
    Indirect,
    /// What the authenticator made.
    Direct,
    /// What the authenticator made, and what tells devices apart.
    Enterprise,
}

impl Conveyance {
    /// The word in the options.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Indirect => "indirect",
            Self::Direct => "direct",
            Self::Enterprise => "enterprise",
        }
    }
}

/// What attestation a relying party asks for, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationPolicy {
    /// What it asks for.
    pub conveyance: Conveyance,
    /// What it takes. Empty if nothing will do.
    pub accepted: Vec<AttestationType>,
    /// The X.509 certificates in DER up to which attestation must lead. They are trusted as they are: their own
    /// signatures are not looked at. Attestation by certificate is refused if there is none.
    pub trust_anchors: Vec<Vec<u8>>,
    /// The time, in seconds since 1970, at which certificates must be valid. `None` where there is no clock: their
    /// dates are then not looked at, which a warning says.
    pub now: Option<u64>,
}

impl Default for AttestationPolicy {
    fn default() -> Self {
        Self {
            conveyance: Conveyance::None,
            accepted: vec![AttestationType::None, AttestationType::SelfAttestation, AttestationType::Basic],
            trust_anchors: Vec::new(),
            now: None,
        }
    }
}

impl AttestationPolicy {
    /// §7.1 step 24.
    pub(crate) fn trusts(&self, found: AttestationType) -> Verdict {
        ensure(self.accepted.contains(&found), || match found {
            AttestationType::None => "there is no attestation, which is not accepted here".into(),
            AttestationType::SelfAttestation => "self attestation is not accepted here".into(),
            AttestationType::Basic => "attestation by certificate is not accepted here".into(),
        })
    }

    /// §7.1 step 23: the anchors, which a statement with certificates needs.
    pub(crate) fn anchors(&self, statement: &Statement<'_>) -> Result<Vec<Certificate>, String> {
        let certificates = statement.certificates();
        if certificates == 0 {
            return Ok(Vec::new());
        }
        ensure(!self.trust_anchors.is_empty(), || {
            format!(
                "the statement carries x5c ({certificates} certificate{}), which needs trust anchors, and this relying party was given none",
                if certificates == 1 { "" } else { "s" }
            )
        })?;
        let read = |(at, der): (usize, &Vec<u8>)| {
            Certificate::read(der).map_err(|why| format!("trust anchor {} {why}", at + 1))
        };
        self.trust_anchors.iter().enumerate().map(read).collect()
    }

    /// Whether what tells one device apart was asked for.
    pub(crate) fn asks_for_enterprise(&self) -> bool {
        self.conveyance == Conveyance::Enterprise
    }
}
