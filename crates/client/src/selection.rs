//! What the page wants against what the authenticator can, WebAuthn Level 3 §5.1.3 step 22 and §5.1.4.2.
use crate::{Client, ClientError};
use std::fmt;
use wire::ctap2::GetInfoResponse;

/// Everything around a ceremony that is not the page: whose rules, and which authenticator.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    /// Whose rules to follow.
    pub client: Client,
    /// How the authenticator is reached.
    pub link: Link,
    /// What it says it can do, over that link.
    pub info: GetInfoResponse,
    /// The RP IDs for which whoever manages this platform allows enterprise attestation (CTAP 2.1 §7.1.2).
    pub enterprise: Vec<String>,
    /// Whether the page sits in a frame of another origin, and if so, where.
    pub embedded: Option<Embedding>,
}

/// A page that sits in a frame of another origin (WebAuthn Level 3 §5.8.1).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Embedding {
    /// The origin of the outermost page, if the client knows it.
    pub top_origin: Option<String>,
}

impl Platform {
    /// A platform that nobody manages.
    pub fn new(client: Client, link: Link, info: GetInfoResponse) -> Self {
        Self { client, link, info, enterprise: Vec::new(), embedded: None }
    }
}

/// How the authenticator is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// CTAPHID.
    Usb,
    /// ISO 7816, with or without contacts.
    Nfc,
    /// It is part of the device that the client runs on.
    Internal,
    /// The FIDO hybrid transport.
    Hybrid,
}

impl Link {
    /// The AuthenticatorTransport value, WebAuthn Level 3 §5.8.4.
    pub const fn transport(self) -> &'static str {
        match self {
            Self::Usb => "usb",
            Self::Nfc => "nfc",
            Self::Internal => "internal",
            Self::Hybrid => "hybrid",
        }
    }
}

/// Authenticator attachment modality, WebAuthn Level 3 §5.4.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// Part of the device that the client runs on.
    Platform,
    /// It can go to another device.
    CrossPlatform,
}

impl Attachment {
    /// The AuthenticatorAttachment value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::CrossPlatform => "cross-platform",
        }
    }

    /// `None` for an unknown value, which counts as absent (WebAuthn Level 3 §5.4.4).
    fn from_name(name: &str) -> Option<Self> {
        [Self::Platform, Self::CrossPlatform].into_iter().find(|attachment| attachment.name() == name)
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Platform {
    /// What the authenticator is to the client. Browsers that are imitated reach it in their own way.
    pub fn attachment(&self) -> Attachment {
        match (self.client, self.link) {
            (Client::SpecL3 | Client::Raw, Link::Internal) => Attachment::Platform,
            _ => Attachment::CrossPlatform,
        }
    }

    /// Step 22: `authenticatorAttachment` lets only authenticators of that modality through.
    pub(crate) fn check_attachment(&self, wish: Option<&str>) -> Result<(), ClientError> {
        let present = self.attachment();
        match wish.and_then(Attachment::from_name) {
            Some(wanted) if wanted != present => Err(ClientError::OtherAttachment { wanted, present }),
            _ => Ok(()),
        }
    }

    /// Step 22: the effective resident key requirement. Unknown values of `residentKey` count as absent.
    pub(crate) fn resident_key(
        &self,
        wish: Option<&str>,
        level_1: Option<bool>,
    ) -> Result<bool, ClientError> {
        let able = self.info.option("rk") == Some(true);
        match (wish, level_1) {
            (Some("discouraged"), _) => Ok(false),
            (Some("preferred"), _) => Ok(able),
            (Some("required"), _) | (_, Some(true)) if able => Ok(true),
            (Some("required"), _) | (_, Some(true)) => Err(ClientError::NoDiscoverableCredentials),
            _ => Ok(false),
        }
    }

    /// Whether makeCredential without user verification would end in PUAT_REQUIRED, CTAP 2.1 §6.1.2 steps 6
    /// to 8.
    pub(crate) fn creation_demands_verification(&self, rk: bool) -> bool {
        rk || self.info.option("alwaysUv") == Some(true) || self.info.option("makeCredUvNotRqd") != Some(true)
    }

    /// Whether getAssertion without user verification would end in PUAT_REQUIRED, CTAP 2.1 §6.2.2 step 5.
    pub(crate) fn assertion_demands_verification(&self) -> bool {
        self.info.option("alwaysUv") == Some(true)
    }

    /// Bytes that pinUvAuthParam and pinUvAuthProtocol add to a message, if there may be a token.
    pub(crate) fn room_for_proof(&self) -> usize {
        let tokens = self.info.option("clientPin").is_some() || self.info.option("pinUvAuthToken").is_some();
        // Two keys, a byte string of 32 with its head, and a small number.
        if tokens { 1 + 34 + 1 + 1 } else { 0 }
    }

    /// The longest message in bytes: 1,024 unless getInfo says otherwise, CTAP 2.1 §6.4. Phones say nothing over hybrid,
    /// where one Noise message (Noise §3) carries it, behind its type and before its padding.
    pub(crate) fn max_message(&self) -> usize {
        let untold = if self.link == Link::Hybrid { 65_535 - 16 - 33 } else { 1024 };
        self.info.max_msg_size.map_or(untold, |size| usize::try_from(size).unwrap_or(usize::MAX))
    }

    /// Whether prf goes in the clear: to a phone that has it over hybrid (CTAP 2.2 §11.5), whose tunnel encrypts it.
    pub(crate) fn evaluates_in_the_clear(&self) -> bool {
        self.link == Link::Hybrid && self.info.extensions.iter().any(|extension| extension == "prf")
    }
}
