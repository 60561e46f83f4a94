//! Attestation: WebAuthn L3 §6.5, §7.1 steps 21 to 24, and the formats of §8.
//!
//! Supported are `none` and `packed`. Of `packed`, self attestation is verified. A statement that carries
//! certificates needs trust anchors to mean anything, and a [`RelyingParty`](crate::RelyingParty) is given none:
//! it is refused at [`Step::TrustAnchors`](crate::Step::TrustAnchors), without a look at the certificates, since
//! nothing that could be found in them would change that.
mod none;
mod packed;

use crate::rejection::{Verdict, ensure, quoted};
use crate::signature;
use serde::{Deserialize, Serialize};
use wire::cbor::Value;
use wire::cose::{Algorithm, PublicKey};

/// What proves the origin of a credential, WebAuthn L3 §6.5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttestationType {
    /// Nothing.
    None,
    /// The credential's own key: it proves possession of that key and nothing else.
    SelfAttestation,
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
}

impl Default for AttestationPolicy {
    fn default() -> Self {
        Self {
            conveyance: Conveyance::None,
            accepted: vec![AttestationType::None, AttestationType::SelfAttestation],
        }
    }
}

impl AttestationPolicy {
    /// §7.1 step 24.
    pub(crate) fn trusts(&self, found: AttestationType) -> Verdict {
        ensure(self.accepted.contains(&found), || match found {
            AttestationType::None => "there is no attestation, which is not accepted here".into(),
            AttestationType::SelfAttestation => "self attestation is not accepted here".into(),
        })
    }
}

/// A format that can be verified.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    None,
    Packed,
}

impl Format {
    /// §7.1 step 21: a case-sensitive match.
    pub(crate) fn named(fmt: &str) -> Result<Self, String> {
        match fmt {
            none::FORMAT => Ok(Self::None),
            packed::FORMAT => Ok(Self::Packed),
            _ => Err(format!("the format is {}; those supported are none and packed", quoted(fmt))),
        }
    }

    /// §7.1 step 22: the statement, if it has the shape of this format.
    pub(crate) fn read(self, att_stmt: &Value) -> Result<Statement<'_>, String> {
        match self {
            Self::None => none::read(att_stmt),
            Self::Packed => packed::read(att_stmt),
        }
    }
}

/// An attestation statement with the shape of its format.
pub(crate) enum Statement<'a> {
    /// §8.7.
    None,
    /// §8.2 without `x5c`: signed with the credential's own key.
    PackedSelf { alg: Algorithm, sig: &'a [u8] },
    /// §8.2 with `x5c`.
    PackedChain { certificates: usize },
}

impl Statement<'_> {
    /// §8.2, verification procedure: without `x5c`, alg is that of the credential public key.
    pub(crate) fn algorithm_fits(&self, key: &PublicKey) -> Verdict {
        let Self::PackedSelf { alg, .. } = self else { return Ok(()) };
        ensure(*alg == key.algorithm(), || {
            format!("self attestation says {alg}, the credential public key is for {}", key.algorithm())
        })
    }

    /// §8.2, verification procedure: without `x5c`, sig verifies with the credential public key.
    pub(crate) fn signature_verifies(
        &self,
        key: &PublicKey,
        auth_data: &[u8],
        client_data_hash: &[u8; 32],
    ) -> Verdict {
        let Self::PackedSelf { sig, .. } = self else { return Ok(()) };
        ensure(signature::verifies(key, auth_data, client_data_hash, sig), || {
            "the attestation signature does not verify with the credential public key".into()
        })
    }

    /// §7.1 step 23, and with it the type of attestation.
    pub(crate) fn attestation_type(&self) -> Result<AttestationType, String> {
        match self {
            Self::None => Ok(AttestationType::None),
            Self::PackedSelf { .. } => Ok(AttestationType::SelfAttestation),
            Self::PackedChain { certificates } => Err(format!(
                "the statement carries x5c ({certificates} certificate{}), which needs trust anchors, and this relying party was given none",
                if *certificates == 1 { "" } else { "s" }
            )),
        }
    }
}
