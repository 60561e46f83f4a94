//! Attestation: WebAuthn L3 §6.5, §7.1 steps 21 to 24, and the formats of §8.
//!
//! Supported are all of [`AttestationFormat`]. A statement that carries certificates needs trust anchors to mean
//! anything: a [`RelyingParty`](crate::RelyingParty) that was given none refuses it at
//! [`Step::TrustAnchors`](crate::Step::TrustAnchors). One that is content with less says so in its
//! [`AttestationPolicy`]: a chain that leads nowhere and a format that nobody knows are then
//! [`Unverified`](AttestationType::Unverified).
mod android_key;
mod android_safetynet;
mod apple;
mod certificate;
mod chain;
mod compound;
mod fido_u2f;
mod format;
mod none;
mod packed;
mod requirements;
mod signed;
mod statement;
mod tpm;

pub use format::AttestationFormat;
pub(crate) use format::Treatment;
pub(crate) use signed::is_signed_below;
pub(crate) use statement::{Inputs, Judged, Statement, TrustPath};

use crate::rejection::{Verdict, ensure, quoted};
use certificate::Certificate;
use serde::{Deserialize, Serialize};
use wire::cbor::Value;

/// What proves the origin of a credential, WebAuthn L3 §6.5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttestationType {
    /// Nothing.
    None,
    /// The credential's own key: it proves possession of that key and nothing else.
    SelfAttestation,
    /// Certificates up to a trust anchor: an attestation key's, or (§8.4, §8.8) the credential's own. Basic, AttCA or
    /// AnonCA: which of them it is, only knowledge about the anchor could tell.
    Basic,
    /// Nothing that was verified: certificates that lead to no trust anchor, or a statement in a format that is not
    /// known here. It can come only of [`UntrustedChain::AcceptAsUnverified`] and [`UnknownFormats::AcceptUpTo`].
    Unverified,
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

/// What becomes of certificates that lead to no trust anchor, or that are not valid today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum UntrustedChain {
    /// The registration is refused, WebAuthn L3 §7.1 steps 23 and 24.
    #[default]
    Refuse,
    /// They are worth nothing, and the registration goes on. The attestation signature and what §8.2.1 and §8.6
    /// demand of the certificate are judged as ever: what is lowered is trust alone. Entra without enforcement takes
    /// a certificate that somebody made for the one passkey (measured); whether it verifies the signature by it is
    /// not known.
    AcceptAsUnverified,
}

/// What becomes of a statement in a format that is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum UnknownFormats {
    /// The registration is refused, WebAuthn L3 §7.1 step 21.
    #[default]
    Refuse,
    /// The statement is not looked at, and the registration goes on, if the name of the format has at least one and
    /// at most so many characters.
    AcceptUpTo(usize),
}

/// What attestation a relying party asks for, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationPolicy {
    /// What it asks for.
    pub conveyance: Conveyance,
    /// What it takes. Empty if nothing will do.
    pub accepted: Vec<AttestationType>,
    /// The X.509 certificates in DER up to which attestation must lead. They are trusted as they are: their own
    /// signatures are not looked at. Attestation by certificate leads nowhere if there is none.
    pub trust_anchors: Vec<Vec<u8>>,
    /// The time, in seconds since 1970, at which certificates must be valid. `None` where there is no clock: their
    /// dates are then not looked at, which a warning says.
    pub now: Option<u64>,
    /// What becomes of a chain that cannot be trusted.
    pub untrusted_chain: UntrustedChain,
    /// The formats that it knows. Every other is [unknown](Self::unknown_formats) to it.
    pub formats: Vec<AttestationFormat>,
    /// What becomes of a statement that cannot be read.
    pub unknown_formats: UnknownFormats,
}

impl Default for AttestationPolicy {
    fn default() -> Self {
        Self {
            conveyance: Conveyance::None,
            accepted: vec![AttestationType::None, AttestationType::SelfAttestation, AttestationType::Basic],
            trust_anchors: Vec::new(),
            now: None,
            untrusted_chain: UntrustedChain::Refuse,
            formats: AttestationFormat::ALL.into(),
            unknown_formats: UnknownFormats::Refuse,
        }
    }
}

impl AttestationPolicy {
    /// A policy that tells what is attested from what is not and refuses neither, whatever the name of the format
    /// up to `longest_format` characters. No attestation is asked for and no anchor is trusted yet.
    pub fn lenient(longest_format: usize) -> Self {
        let mut policy = Self::default();
        policy.accepted.push(AttestationType::Unverified);
        policy.untrusted_chain = UntrustedChain::AcceptAsUnverified;
        policy.unknown_formats = UnknownFormats::AcceptUpTo(longest_format);
        policy
    }

    /// §7.1 step 21: a case-sensitive match.
    pub(crate) fn format(&self, fmt: &str) -> Result<Treatment, String> {
        if let Some(known) = self.formats.iter().find(|known| known.as_str() == fmt) {
            return Ok(Treatment::Verified(*known));
        }
        let UnknownFormats::AcceptUpTo(longest) = self.unknown_formats else {
            let known: Vec<&str> = self.formats.iter().map(|known| known.as_str()).collect();
            return Err(format!("the format is {}; those supported are {}", quoted(fmt), known.join(", ")));
        };
        ensure((1..=longest).contains(&fmt.chars().count()), || {
            let name = quoted(fmt);
            format!("the format is {name}; names of unknown formats have 1 to {longest} characters here")
        })?;
        Ok(Treatment::Unknown)
    }

    /// §7.1 step 22: the statement, if it has the shape of its format. The statements in a compound one are treated as
    /// if they stood alone (§8.9).
    pub(crate) fn statement<'a>(
        &self,
        treatment: Treatment,
        att_stmt: &'a Value,
    ) -> Result<Statement<'a>, String> {
        let format = match treatment {
            Treatment::Verified(format) => format,
            Treatment::Unknown => return Ok(Statement::unknown()),
            Treatment::Ignored => return Ok(Statement::ignored()),
        };
        if format != AttestationFormat::Compound {
            return Ok(Statement::single(format.read(att_stmt)?));
        }
        let mut whole = Statement { parts: Vec::new() };
        for (at, (fmt, att_stmt)) in compound::parts(att_stmt)?.into_iter().enumerate() {
            let place = format!("statement {} ({}): ", at + 1, quoted(fmt));
            let part = match self.format(fmt) {
                Ok(Treatment::Verified(AttestationFormat::Compound)) => {
                    Err("a compound statement holds no other (§8.9)".into())
                }
                Ok(treatment) => self.statement(treatment, att_stmt),
                Err(why) => Err(why),
            };
            let part = part.map_err(|why| format!("{place}{why}"))?;
            whole.parts.extend(part.parts.into_iter().map(|(_, procedure)| (place.clone(), procedure)));
        }
        Ok(whole)
    }

    /// §7.1 step 24: the path to a trust anchor. Where a chain may be worth nothing, one that is not valid today is
    /// worth nothing either.
    pub(crate) fn path<'a>(
        &self,
        judged: &'a Judged<'a>,
        anchors: &'a [Certificate],
    ) -> Result<TrustPath<'a>, String> {
        let path = judged.path(anchors);
        if self.untrusted_chain == UntrustedChain::Refuse {
            return path;
        }
        let valid = path.and_then(|path| path.is_valid_at(self.now).map(|()| path));
        Ok(valid.unwrap_or_else(TrustPath::Nowhere))
    }

    /// §7.1 step 24.
    pub(crate) fn trusts(&self, found: AttestationType) -> Verdict {
        ensure(self.accepted.contains(&found), || match found {
            AttestationType::None => "there is no attestation, which is not accepted here".into(),
            AttestationType::SelfAttestation => "self attestation is not accepted here".into(),
            AttestationType::Basic => "attestation by certificate is not accepted here".into(),
            AttestationType::Unverified => "attestation that cannot be verified is not accepted here".into(),
        })
    }

    /// §7.1 step 23: the anchors, which a statement with certificates needs.
    pub(crate) fn anchors(&self, statement: &Statement<'_>) -> Result<Vec<Certificate>, String> {
        let certificates = statement.certificates();
        if certificates == 0 {
            return Ok(Vec::new());
        }
        let needed = self.untrusted_chain == UntrustedChain::Refuse;
        ensure(!needed || !self.trust_anchors.is_empty(), || {
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
