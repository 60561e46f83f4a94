//! The TOML schema of a profile.
use super::keys::fields;
use super::{Attachment, Card, DeviceProfile, UsbIdentity};
use authenticator::Link;
use authenticator::profile::{
    Attestation, Backup, Counter, CredentialManagementClaims, Enterprise, Extension, PinClaims, Profile,
    Protocol, Seen, Untold, Verification,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use wire::aaguid::Aaguid;
use wire::cose::Algorithm;

/// Text that is no profile: the line, what is wrong there, and what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidToml {
    /// Counted from 1; `None` if the error is not at one place.
    pub line: Option<usize>,
    /// What is wrong.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for InvalidToml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

impl std::error::Error for InvalidToml {}

impl InvalidToml {
    /// What the parser says of `source`, with the nearest key that there is for one that there is not.
    pub fn new(source: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map(|span| Self::line_at(source, span.start));
        let why = error.message().to_string();
        Self { line, hint: nearest(&why), why }
    }

    /// The line, counted from 1, of the byte at `offset`.
    pub fn line_at(source: &str, offset: usize) -> usize {
        let before = source.as_bytes().iter().take(offset);
        1 + before.filter(|byte| **byte == b'\n').count()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    name: String,
    title: String,
    aaguid: String,
    device_bound: bool,
    ctap: Ctap,
    pin: Option<PinTable>,
    enterprise: Option<EnterpriseTable>,
    credential: Credential,
    user: User,
    fingers: Option<FingersTable>,
    seen: SeenOver,
    usb: Usb,
    card: Option<CardTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Ctap {
    versions: Vec<String>,
    firmware_version: Option<u64>,
    algorithms: Vec<String>,
    max_msg_size: u32,
    max_credential_count_in_list: u32,
    max_credential_id_length: u32,
    discoverable: Option<u32>,
    #[serde(default)]
    certifications: BTreeMap<String, u64>,
    #[serde(default)]
    extensions: Vec<String>,
    #[serde(default)]
    max_cred_blob_length: u32,
    #[serde(default)]
    pin_uv_auth_token: bool,
    #[serde(default)]
    no_mc_ga_permissions_with_client_pin: bool,
    #[serde(default)]
    make_cred_uv_not_rqd: bool,
    always_uv: Option<bool>,
    #[serde(default)]
    credential_management: Vec<ManagementForm>,
    large_blobs: Option<u32>,
    #[serde(default)]
    config_commands: Vec<u8>,
    #[serde(default)]
    transports_for_reset: Vec<String>,
    #[serde(default)]
    tells_identifier: bool,
    #[serde(default)]
    untold: Vec<String>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum ManagementForm {
    Standard,
    Preview,
    PersistentReadOnly,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PinTable {
    protocols: Vec<u8>,
    min_length: u8,
    max_length: u8,
    #[serde(default)]
    max_rp_ids: u8,
    complexity: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EnterpriseTable {
    rp_ids: Vec<String>,
    platform_managed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Credential {
    attestation: AttestationModes,
    backup_eligible: bool,
    backed_up: bool,
    counter: CounterMode,
}

/// One way, or several of which the first is the usual one.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an attestation is none, packed-self, packed, fido-u2f, tpm, android-key, android-safetynet or apple, or \
                        a list of these"
)]
enum AttestationModes {
    One(AttestationMode),
    Several(Vec<AttestationMode>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AttestationMode {
    None,
    PackedSelf,
    Packed,
    FidoU2f,
    Tpm,
    AndroidKey,
    #[serde(rename = "android-safetynet")]
    AndroidSafetyNet,
    Apple,
}

impl From<AttestationMode> for Attestation {
    fn from(mode: AttestationMode) -> Self {
        match mode {
            AttestationMode::None => Self::None,
            AttestationMode::PackedSelf => Self::PackedSelf,
            AttestationMode::Packed => Self::Packed,
            AttestationMode::FidoU2f => Self::FidoU2f,
            AttestationMode::Tpm => Self::Tpm,
            AttestationMode::AndroidKey => Self::AndroidKey,
            AttestationMode::AndroidSafetyNet => Self::AndroidSafetyNet,
            AttestationMode::Apple => Self::Apple,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CounterMode {
    Zero,
    Global,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct User {
    verification: VerificationMode,
    #[serde(default)]
    display: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum VerificationMode {
    None,
    OnRequest,
    Always,
    Enrollable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FingersTable {
    capacity: u8,
    samples: u8,
    #[serde(default)]
    preview: bool,
    #[serde(default)]
    uv_bio_enroll: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SeenOver {
    hid: Option<Look>,
    nfc: Option<Look>,
    hybrid: Option<LookOfAPhone>,
    same_device: Option<Look>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Look {
    transports: Vec<String>,
    attachment: AttachmentName,
    platform: bool,
}

/// Over hybrid a phone's operating system answers getInfo, for whatever passkey provider there is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LookOfAPhone {
    transports: Vec<String>,
    attachment: AttachmentName,
    /// Not told over hybrid. Profiles from before that was known say it.
    #[serde(default)]
    platform: bool,
    versions: Option<Vec<String>>,
    aaguid: Option<String>,
    extensions: Option<Vec<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AttachmentName {
    Platform,
    CrossPlatform,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Usb {
    vendor_id: u16,
    product_id: u16,
    manufacturer: String,
    product: String,
    device_version: [u8; 3],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CardTable {
    atr: String,
}

/// Every table of the schema by its path, with the keys in it.
pub(super) fn tables() -> Vec<(&'static str, &'static [&'static str])> {
    vec![
        ("", fields::<Document>()),
        ("ctap", fields::<Ctap>()),
        ("pin", fields::<PinTable>()),
        ("enterprise", fields::<EnterpriseTable>()),
        ("credential", fields::<Credential>()),
        ("user", fields::<User>()),
        ("fingers", fields::<FingersTable>()),
        ("seen", fields::<SeenOver>()),
        ("seen.hid", fields::<Look>()),
        ("seen.nfc", fields::<Look>()),
        ("seen.hybrid", fields::<LookOfAPhone>()),
        ("seen.same-device", fields::<Look>()),
        ("usb", fields::<Usb>()),
        ("card", fields::<CardTable>()),
    ]
}

pub(super) fn parse(source: &str) -> Result<DeviceProfile, InvalidToml> {
    let document: Document = toml::from_str(source).map_err(|error| InvalidToml::new(source, &error))?;
    let Document {
        name,
        title,
        aaguid,
        device_bound,
        ctap,
        pin,
        enterprise,
        credential,
        user,
        fingers,
        seen,
        usb,
        card,
    } = document;
    let wrong = |key: &str, why: String| InvalidToml { line: line_of(source, key), why, hint: None };

    let aaguid = read_aaguid(&aaguid).map_err(|why| wrong("aaguid", why))?;
    let algorithms = ctap.algorithms.iter().map(|name| {
        let unknown = || {
            wrong(
                "algorithms",
                format!("algorithms: `{name}` is not the name of a COSE algorithm, such as ES256"),
            )
        };
        Algorithm::from_name(name).ok_or_else(unknown)
    });
    let algorithms = algorithms.collect::<Result<Vec<_>, _>>()?;

    let extensions = read_extensions(&ctap.extensions).map_err(|why| wrong("extensions", why))?;
    let untold = ctap.untold.iter().map(|name| {
        let untold = Untold::ALL.into_iter().find(|untold| untold.name() == name);
        untold.ok_or_else(|| {
            let names = Untold::ALL.map(Untold::name);
            let nearest = names.iter().min_by_key(|known| strsim::damerau_levenshtein(name, known));
            InvalidToml {
                line: line_of(source, "untold"),
                why: format!("untold: `{name}` is no member of getInfo that may be left out"),
                hint: nearest.map(|nearest| format!("did you mean `{nearest}`?")),
            }
        })
    });
    let untold = untold.collect::<Result<Vec<_>, _>>()?;
    let card = card.map(|card| Card::read(&card.atr)).transpose();
    let card = card.map_err(|why| wrong("atr", format!("atr: {why}")))?;
    let pin = pin.map(read_pin).transpose().map_err(|why| wrong("protocols", why))?;
    let verification = read_verification(user.verification, fingers).map_err(|(why, hint)| InvalidToml {
        hint: Some(hint.into()),
        ..wrong("verification", why.into())
    })?;
    let manages = |form: ManagementForm| ctap.credential_management.contains(&form);
    let credential_management = CredentialManagementClaims {
        standard: manages(ManagementForm::Standard),
        preview: manages(ManagementForm::Preview),
        persistent_read_only: manages(ManagementForm::PersistentReadOnly),
    };

    let hybrid = seen.hybrid.map(|look| {
        look.read().map_err(|(key, why)| InvalidToml {
            line: line_in(source, "seen.hybrid", key),
            ..wrong(key, why)
        })
    });
    let looks = [
        (Link::Usb, seen.hid.map(Look::read)),
        (Link::Nfc, seen.nfc.map(Look::read)),
        (Link::Hybrid, hybrid.transpose()?),
        (Link::Internal, seen.same_device.map(Look::read)),
    ];
    let looks = looks.into_iter().filter_map(|(link, look)| Some((link, look?)));
    let (attachments, seen) =
        looks.map(|(link, (attachment, seen))| ((link, attachment), (link, seen))).unzip();

    let attestations = match credential.attestation {
        AttestationModes::One(mode) => vec![mode],
        AttestationModes::Several(modes) => modes,
    };
    let mut attestations = attestations.into_iter().map(Attestation::from);

    Ok(DeviceProfile {
        name,
        title,
        device_bound,
        attachments,
        authenticator: Profile {
            aaguid,
            versions: ctap.versions,
            firmware_version: ctap.firmware_version,
            certifications: ctap.certifications.into_iter().collect(),
            algorithms,
            attestation: attestations.next().unwrap_or(Attestation::None),
            further_attestations: attestations.collect(),
            backup: Backup { eligible: credential.backup_eligible, backed_up: credential.backed_up },
            counter: match credential.counter {
                CounterMode::Zero => Counter::Zero,
                CounterMode::Global => Counter::Global,
            },
            verification,
            enterprise: enterprise
                .map(|table| Enterprise { rp_ids: table.rp_ids, platform_managed: table.platform_managed }),
            pin,
            pin_uv_auth_token: ctap.pin_uv_auth_token,
            no_mc_ga_permissions_with_client_pin: ctap.no_mc_ga_permissions_with_client_pin,
            display: user.display,
            make_cred_uv_not_rqd: ctap.make_cred_uv_not_rqd,
            always_uv: ctap.always_uv,
            discoverable: ctap.discoverable,
            credential_management,
            large_blobs: ctap.large_blobs,
            config_commands: ctap.config_commands,
            extensions,
            max_cred_blob_length: ctap.max_cred_blob_length,
            transports_for_reset: ctap.transports_for_reset,
            tells_identifier: ctap.tells_identifier,
            untold,
            max_msg_size: ctap.max_msg_size,
            max_credential_count_in_list: ctap.max_credential_count_in_list,
            max_credential_id_length: ctap.max_credential_id_length,
            seen,
        },
        usb: UsbIdentity {
            vendor_id: usb.vendor_id,
            product_id: usb.product_id,
            manufacturer: usb.manufacturer,
            product: usb.product,
            device_version: usb.device_version,
        },
        card,
        source: source.into(),
    })
}

impl From<AttachmentName> for Attachment {
    fn from(name: AttachmentName) -> Self {
        match name {
            AttachmentName::Platform => Self::Platform,
            AttachmentName::CrossPlatform => Self::CrossPlatform,
        }
    }
}

impl Look {
    fn read(self) -> (Attachment, Seen) {
        let Self { transports, attachment, platform } = self;
        let seen = Seen { transports, platform, versions: None, aaguid: None, extensions: None };
        (attachment.into(), seen)
    }
}

impl LookOfAPhone {
    /// The key that is wrong, and why, if one is.
    fn read(self) -> Result<(Attachment, Seen), (&'static str, String)> {
        let Self { transports, attachment, platform, versions, aaguid, extensions } = self;
        let aaguid = aaguid.as_deref().map(read_aaguid).transpose().map_err(|why| ("aaguid", why))?;
        let extensions = extensions.as_deref().map(read_extensions).transpose();
        let extensions = extensions.map_err(|why| ("extensions", why))?;
        Ok((attachment.into(), Seen { transports, platform, versions, aaguid, extensions }))
    }
}

fn read_aaguid(text: &str) -> Result<Aaguid, String> {
    text.parse().map_err(|error| format!("aaguid: {error}"))
}

fn read_extensions(names: &[String]) -> Result<Vec<Extension>, String> {
    let extensions = names.iter().map(|name| {
        let known = Extension::ALL.into_iter().find(|extension| extension.name() == name);
        known.ok_or_else(|| format!("extensions: `{name}` is no extension that this authenticator has"))
    });
    extensions.collect()
}

/// The `[fingers]` table and `verification = "enrollable"` go together; else why not, and what to do about it.
fn read_verification(
    mode: VerificationMode,
    fingers: Option<FingersTable>,
) -> Result<Verification, (&'static str, &'static str)> {
    match (mode, fingers) {
        (VerificationMode::None, None) => Ok(Verification::None),
        (VerificationMode::OnRequest, None) => Ok(Verification::OnRequest),
        (VerificationMode::Always, None) => Ok(Verification::Always),
        (VerificationMode::Enrollable, Some(FingersTable { capacity, samples, preview, uv_bio_enroll })) => {
            Ok(Verification::Enrollable { capacity, samples, preview, by_finger: uv_bio_enroll })
        }
        (VerificationMode::Enrollable, None) => Err((
            "verification: a reader that is enrollable needs a [fingers] table",
            "add [fingers] with capacity = 5 and samples = 5",
        )),
        (_, Some(_)) => Err((
            "verification: there is a [fingers] table, but no fingers are enrolled here",
            "say verification = \"enrollable\", or leave the [fingers] table out",
        )),
    }
}

fn read_pin(table: PinTable) -> Result<PinClaims, String> {
    let PinTable { protocols, min_length, max_length, max_rp_ids, complexity } = table;
    let protocols = protocols.iter().map(|number| match number {
        1 => Ok(Protocol::One),
        2 => Ok(Protocol::Two),
        other => Err(format!("protocols: there is no PIN/UV auth protocol {other}")),
    });
    let protocols = protocols.collect::<Result<Vec<_>, _>>()?;
    Ok(PinClaims { protocols, min_length, max_length, max_rp_ids, complexity })
}

/// The known key that is most like the unknown one, out of serde's own message.
fn nearest(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next().filter(|_| message.starts_with("unknown"))?;
    let known = quoted.min_by_key(|known| strsim::damerau_levenshtein(unknown, known))?;
    Some(format!("did you mean `{known}`?"))
}

/// The line on which a key is set, counted from 1.
pub(super) fn line_of(source: &str, key: &str) -> Option<usize> {
    let sets = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    source.lines().position(sets).map(|line| line + 1)
}

/// The line on which a key of that table is set, counted from 1.
pub(super) fn line_in(source: &str, table: &str, key: &str) -> Option<usize> {
    let header = |line: &str| line.trim().strip_prefix('[').is_some_and(|rest| rest.starts_with(table));
    let (before, _) = source.lines().enumerate().find(|(_, line)| header(line))?;
    let rest: String = source.split_inclusive('\n').skip(before).collect();
    line_of(&rest, key).map(|line| before + line)
}
