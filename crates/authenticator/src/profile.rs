//! What an authenticator claims to be, as pure data. Where it comes from is the emulator's business.
use crate::Link;
use alloc::{string::String, vec::Vec};
use wire::aaguid::Aaguid;
use wire::cose::Algorithm;

pub use crate::pin::Protocol;
pub use crate::untold::Untold;

/// Everything that makes one authenticator differ from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The model.
    pub aaguid: Aaguid,
    /// getInfo 0x01.
    pub versions: Vec<String>,
    /// getInfo 0x0E.
    pub firmware_version: Option<u64>,
    /// getInfo 0x13.
    pub certifications: Vec<(String, u64)>,
    /// COSE algorithms, most preferred first; the platform's order decides all the same.
    pub algorithms: Vec<Algorithm>,
    /// How a new credential is attested, unless the platform prefers one of the others.
    pub attestation: Attestation,
    /// Formats that a platform may prefer (CTAP 2.2 §6.1.2); none of them twice, nor that of `attestation`.
    pub further_attestations: Vec<Attestation>,
    /// Whether and for whom enterprise attestation may be enabled.
    pub enterprise: Option<Enterprise>,
    /// The BE and BS flags.
    pub backup: Backup,
    /// What the signature counter does.
    pub counter: Counter,
    /// Whether and when built-in means verify the user.
    pub verification: Verification,
    /// Whether it shows accounts on a screen of its own, so that its user chooses among them there
    /// (CTAP 2.1 §6.2.2 step 12).
    pub display: bool,
    /// PIN, if it has one.
    pub pin: Option<PinClaims>,
    /// `pinUvAuthToken`: tokens with permissions (CTAP 2.1).
    pub pin_uv_auth_token: bool,
    /// `noMcGaPermissionsWithClientPin`.
    pub no_mc_ga_permissions_with_client_pin: bool,
    /// `makeCredUvNotRqd`: non-discoverable credentials without user verification.
    pub make_cred_uv_not_rqd: bool,
    /// `alwaysUv` as it leaves the factory; `None` if it cannot be switched.
    pub always_uv: Option<bool>,
    /// Whether it holds discoverable credentials, and how many; `None` if it cannot hold any.
    pub discoverable: Option<u32>,
    /// credentialManagement.
    pub credential_management: CredentialManagementClaims,
    /// Bytes of the serialized large-blob array, its trailer included; `None` without the command.
    pub large_blobs: Option<u32>,
    /// Subcommands of authenticatorConfig.
    pub config_commands: Vec<u8>,
    /// What getInfo 0x02 lists over every link but hybrid.
    pub extensions: Vec<Extension>,
    /// Bytes that a credBlob may have.
    pub max_cred_blob_length: u32,
    /// Transports over which a reset is allowed; empty allows all (CTAP 2.2).
    pub transports_for_reset: Vec<String>,
    /// getInfo 0x19 and 0x1E: tells holders of the persistent token who it is and what is stored.
    pub tells_identifier: bool,
    /// Members that getInfo leaves out.
    pub untold: Vec<Untold>,
    /// The longest message in bytes, command byte included.
    pub max_msg_size: u32,
    /// How many entries an excludeList or allowList may have.
    pub max_credential_count_in_list: u32,
    /// How many bytes a credential ID may have.
    pub max_credential_id_length: u32,
    /// What a platform sees over each link. A link that is not listed looks like USB.
    pub seen: Vec<(Link, Seen)>,
}

/// How a new credential is attested. Format `compound` is not among them: certificates in its statements would be nested
/// deeper than the four levels of a CTAP message (CTAP 2.1 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attestation {
    /// Format `none`: the AAGUID stands there unproven.
    None,
    /// Format `packed`, signed by the credential itself.
    PackedSelf,
    /// Format `packed`, signed by the model's attestation key, with its certificates.
    Packed,
    /// Format `fido-u2f`, as a U2F key attests: ES256 only, and without an AAGUID.
    FidoU2f,
    /// Format `tpm`, as a computer attests whose TPM holds the key.
    Tpm,
    /// Format `android-key`: Android's keystore certifies the credential's key.
    AndroidKey,
    /// Format `android-safetynet`, which Android spoke before; its service is switched off.
    AndroidSafetyNet,
    /// Format `apple`: Apple certifies the credential's key anonymously.
    Apple,
}

impl Attestation {
    /// The attestation statement format identifier.
    pub const fn format(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PackedSelf | Self::Packed => "packed",
            Self::FidoU2f => "fido-u2f",
            Self::Tpm => "tpm",
            Self::AndroidKey => "android-key",
            Self::AndroidSafetyNet => "android-safetynet",
            Self::Apple => "apple",
        }
    }

    /// Whether keys of `algorithm` can be attested so. WebAuthn Level 3 §8.6 knows ES256 only, and Apple makes no other;
    /// TPMs and keystores have keys of RSA and on the curves of NIST (§8.3, §8.4.1).
    pub fn attests(self, algorithm: Algorithm) -> bool {
        match self {
            Self::None | Self::PackedSelf | Self::Packed | Self::AndroidSafetyNet => true,
            Self::FidoU2f | Self::Apple => algorithm == Algorithm::ES256,
            Self::Tpm | Self::AndroidKey => {
                [Algorithm::ES256, Algorithm::ES384, Algorithm::RS256].contains(&algorithm)
            }
        }
    }

    /// Whether what it says leads to the root of whoever made the authenticator or its platform.
    pub const fn is_certified(self) -> bool {
        !matches!(self, Self::None | Self::PackedSelf)
    }

    /// Whether an authority of the platform's says it, anew for each credential, and no key that the authenticator has
    /// from its maker.
    pub const fn is_by_platform(self) -> bool {
        self.is_certified() && !matches!(self, Self::Packed | Self::FidoU2f)
    }
}

/// Enterprise attestation, CTAP 2.1 §7.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enterprise {
    /// The RP IDs to which a vendor-facilitated request (1) is granted.
    pub rp_ids: Vec<String>,
    /// Whether a platform-managed request (2) is granted.
    pub platform_managed: bool,
}

/// The backup flags, WebAuthn Level 3 §6.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// BE: never changes in the life of a credential.
    pub eligible: bool,
    /// BS: only ever set together with BE.
    pub backed_up: bool,
}

/// What the signature counter does, WebAuthn Level 3 §6.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// It is always zero: the authenticator does not count.
    Zero,
    /// One counter for all credentials counts every signature.
    Global,
}

/// Built-in user verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// There is none.
    None,
    /// When the platform asks for it by `uv`, or by a token.
    OnRequest,
    /// At every use, asked for or not, as a phone does.
    Always,
    /// A reader whose fingers platforms enrol through bioEnrollment: nothing is enrolled at first.
    Enrollable {
        /// Fingers that it holds.
        capacity: u8,
        /// Touches that one enrolment takes.
        samples: u8,
        /// Whether only the preview command (0x40) is there.
        preview: bool,
        /// `uvBioEnroll`: a token by finger may enrol fingers, too.
        by_finger: bool,
    },
}

/// What is said of PINs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinClaims {
    /// PIN/UV auth protocols, most preferred first.
    pub protocols: Vec<Protocol>,
    /// Code points that a PIN must have as it leaves the factory; at least 4.
    pub min_length: u8,
    /// Code points that a PIN may have; at least 8, at most 63.
    pub max_length: u8,
    /// RP IDs that setMinPINLength may name.
    pub max_rp_ids: u8,
    /// pinComplexityPolicy as it leaves the factory; `None` if it is not told.
    pub complexity: Option<bool>,
}

/// Which forms of credentialManagement there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CredentialManagementClaims {
    /// `credMgmt`: the command of CTAP 2.1.
    pub standard: bool,
    /// `credentialMgmtPreview`: the command before it.
    pub preview: bool,
    /// `perCredMgmtRO`: persistent read-only tokens (CTAP 2.2).
    pub persistent_read_only: bool,
}

/// Extensions that an authenticator can process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// CTAP 2.1 §12.1.
    CredProtect,
    /// CTAP 2.1 §12.2.
    CredBlob,
    /// CTAP 2.1 §12.3.
    LargeBlobKey,
    /// CTAP 2.3: a blob kept with the credential; excludes [`Extension::LargeBlobKey`].
    LargeBlob,
    /// CTAP 2.1 §12.4.
    MinPinLength,
    /// CTAP 2.1 §12.5.
    HmacSecret,
    /// CTAP 2.2: hmac-secret already at creation.
    HmacSecretMc,
    /// CTAP 2.2.
    PinComplexityPolicy,
    /// CTAP 2.2.
    ThirdPartyPayment,
    /// WebAuthn Level 3 §10.1.4, in the clear: over hybrid alone, as phones do it.
    Prf,
}

impl Extension {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::CredProtect,
        Self::CredBlob,
        Self::LargeBlobKey,
        Self::LargeBlob,
        Self::MinPinLength,
        Self::HmacSecret,
        Self::HmacSecretMc,
        Self::PinComplexityPolicy,
        Self::ThirdPartyPayment,
        Self::Prf,
    ];

    /// The extension identifier.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CredProtect => "credProtect",
            Self::CredBlob => "credBlob",
            Self::LargeBlobKey => "largeBlobKey",
            Self::LargeBlob => "largeBlob",
            Self::MinPinLength => "minPinLength",
            Self::HmacSecret => "hmac-secret",
            Self::HmacSecretMc => "hmac-secret-mc",
            Self::PinComplexityPolicy => "pinComplexityPolicy",
            Self::ThirdPartyPayment => "thirdPartyPayment",
            Self::Prf => "prf",
        }
    }
}

/// What a platform sees over one link.
///
/// Over hybrid (CTAP 2.2 §11.5) it is the phone's operating system that answers getInfo, for whatever passkey provider
/// the user has: what is `Some` here is what the system says in place of the profile's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// getInfo 0x09 and `getTransports()`.
    pub transports: Vec<String>,
    /// The `plat` option: built into the device that the client runs on. Phones do not tell it over hybrid.
    pub platform: bool,
    /// getInfo 0x01 over hybrid.
    pub versions: Option<Vec<String>>,
    /// getInfo 0x03 over hybrid. The passkeys have the profile's AAGUID all the same.
    pub aaguid: Option<Aaguid>,
    /// getInfo 0x02 over hybrid, and what is done there; `None` is nothing.
    pub extensions: Option<Vec<Extension>>,
}

impl Profile {
    /// Whether it speaks CTAP1, which is FIDO U2F.
    pub fn speaks_u2f(&self) -> bool {
        self.versions.iter().any(|version| version == "U2F_V2")
    }

    /// Whether it speaks CTAP2, of whatever edition; a U2F-only key does not.
    pub fn speaks_ctap2(&self) -> bool {
        self.versions.iter().any(|version| version != "U2F_V2")
    }

    /// Every way in which it attests, the usual one first.
    pub fn attestations(&self) -> impl Iterator<Item = Attestation> {
        core::iter::once(self.attestation).chain(self.further_attestations.iter().copied())
    }

    /// Whether an enterprise attestation may be given to `rp_id` (CTAP 2.1 §6.1.2 step 9): who is listed gets it
    /// for either value, and who is not relies on a platform that manages it (2).
    pub fn grants_enterprise_attestation(&self, value: i64, rp_id: &str) -> bool {
        self.enterprise.as_ref().is_some_and(|enterprise| {
            enterprise.rp_ids.iter().any(|listed| listed == rp_id)
                || (value == 2 && enterprise.platform_managed)
        })
    }

    /// What a platform sees over `link`.
    pub fn seen(&self, link: Link) -> Option<&Seen> {
        let over = |link| self.seen.iter().find(|(seen, _)| *seen == link).map(|(_, seen)| seen);
        over(link).or_else(|| over(Link::Usb))
    }
}
