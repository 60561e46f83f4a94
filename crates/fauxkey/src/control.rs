//! What can be done with virtual devices from outside, whoever asks: a command, the API, a page.
//!
//! [`Control`] has two implementations: the [`crate::instance::Instance`] that owns the devices, and
//! [`crate::remote::Remote`], which asks a running instance over its API. The types are the API's JSON.
use crate::app::{Account, Added, Code, NewAccount, Push};
use crate::ceremony;
use crate::hybrid::event as hybrid;
use crate::trace::Line;
pub use emulator::{Fault, Script};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use wire::webauthn::json::Base64Url;

/// Why something was not done, in one line for people, with a way out where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure, for programs.
    pub kind: FailureKind,
    /// What was wrong and where: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Kinds of failure, each with an HTTP status and an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// What was asked for does not exist. HTTP 404, exit code 1.
    NotFound,
    /// It exists already, or is in another state than it should be. HTTP 409, exit code 1.
    Conflict,
    /// The client, the authenticator or its user said no. HTTP 422, exit code 1.
    Refused,
    /// The request makes no sense. HTTP 400, exit code 2.
    Invalid,
    /// Not with this token, host or origin. HTTP 403, exit code 2.
    Forbidden,
    /// Something broke on our side. HTTP 500, exit code 2.
    Broken,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same failure with a way out.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A virtual device. Where the W3C virtual authenticator has a word, it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Unique in its home.
    pub name: String,
    /// The name of its profile.
    pub profile: String,
    /// The profile's title.
    pub title: String,
    /// The model.
    pub aaguid: String,
    /// Whether it has power.
    pub powered: bool,
    /// Whether it holds discoverable credentials.
    pub has_resident_key: bool,
    /// Whether it verifies its user by built-in means.
    pub has_user_verification: bool,
    /// The BE flag of its passkeys.
    pub default_backup_eligibility: bool,
    /// The BS flag of its passkeys.
    pub default_backup_state: bool,
    /// How many discoverable passkeys it holds.
    pub passkeys: usize,
    /// What its user does when asked.
    pub user: User,
    /// Where programs reach it, such as `unix:/run/user/1000/fauxkey/phone.sock`.
    pub attached: Vec<String>,
}

/// What the device is called that is made where there is none, and meant where there are several.
pub const DEFAULT_DEVICE: &str = "phone";

/// The device that is meant where none is named: the only one, or `phone`.
pub fn usual(devices: &[Device]) -> Option<&Device> {
    match devices {
        [only] => Some(only),
        several => several.iter().find(|device| device.name == DEFAULT_DEVICE),
    }
}

/// What a device's user does when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Agree, refuse, or leave it to somebody else.
    pub answer: Answer,
    /// How long the user takes, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
}

/// The kinds of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Touches, and passes verification where it is asked for.
    Approve,
    /// A person answers, through [`Control::answer`].
    Ask,
    /// Says no.
    Deny,
    /// Does nothing until the command times out.
    Ignore,
    /// Touches, and fails every verification until there is no attempt left.
    WrongFinger,
    /// Like [`Answer::Approve`], as the account at that place where there is a choice, counted from 0.
    Account(usize),
}

/// A discoverable passkey. There is no private key here, nor anywhere else outside the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    /// The credential ID in base64url.
    pub credential_id: String,
    /// The RP ID.
    pub rp_id: String,
    /// The relying party's name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rp_name: Option<String>,
    /// The user handle.
    pub user_handle: Base64Url,
    /// The account name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_display_name: Option<String>,
    /// A COSE algorithm's name, such as `ES256`.
    pub algorithm: String,
    /// The public key as a COSE key.
    pub public_key: Base64Url,
    /// Counts up: a larger number is newer.
    pub created: u64,
}

/// A finger that is enrolled on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finger {
    /// templateId, in hexadecimal digits.
    pub id: String,
    /// templateFriendlyName, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A question that is open on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompt {
    /// To be named in the answer.
    pub number: u64,
    /// What the user agrees to: `register`, `already-registered`, `sign-in`, `nothing-to-sign-in`, `token`,
    /// `u2f-register`, `u2f-sign-in`, `select`, `reset` or `enroll-sample`.
    pub purpose: String,
    /// The RP ID, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rp_id: Option<String>,
    /// The accounts in question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Whether the user chooses one of them by [`Gesture::Account`]; absent if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub choice: bool,
    /// Whether presence is not enough.
    pub verification: bool,
    /// Verification attempts left in this command.
    pub attempts: u8,
    /// Whether a short touch is not enough; absent if it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub long_touch: bool,
    /// Good samples of a finger that are still needed, this one among them; absent if none is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u8>,
}

impl From<&authenticator::Prompt> for Prompt {
    fn from(prompt: &authenticator::Prompt) -> Self {
        use authenticator::Purpose;
        let account = |user: &wire::ctap2::UserEntity| {
            let name = user.name.clone().or_else(|| user.display_name.clone());
            name.unwrap_or_else(|| wire::base64url::encode(&user.id))
        };
        let accounts = match &prompt.purpose {
            Purpose::Register { user, .. } => vec![account(user)],
            Purpose::SignIn { accounts, .. } => accounts.iter().map(account).collect(),
            _ => Vec::new(),
        };
        Self {
            number: prompt.number,
            purpose: emulator::script::purpose(&prompt.purpose).into(),
            rp_id: prompt.purpose.rp_id().map(Into::into),
            accounts,
            verification: prompt.verification,
            attempts: prompt.attempts,
            choice: matches!(prompt.purpose, Purpose::SignIn { choice: true, .. }),
            long_touch: prompt.purpose == (Purpose::Reset { long_touch: true }),
            samples: match prompt.purpose {
                Purpose::EnrollSample { remaining } => Some(remaining),
                _ => None,
            },
        }
    }
}

/// An answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gesture {
    /// A touch.
    Present,
    /// A touch that is held for some seconds.
    LongTouch,
    /// A touch, and the finger, face or code matched.
    Verified,
    /// Everything that the question asks for, by the account at that place of [`Prompt::accounts`], counted from 0.
    Account(usize),
    /// A finger or face that does not match, or a bad sample of one.
    NotVerified,
    /// A refusal.
    Declined,
}

/// A fault that is armed on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmedFault {
    /// Names it until it is disarmed; not given twice on one device.
    pub id: u64,
    /// How often it has struck.
    pub struck: u64,
    /// What it is.
    pub fault: Fault,
}

/// A passkey that is made without a ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPasskey {
    /// The RP ID.
    pub rp_id: String,
    /// The relying party's name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rp_name: Option<String>,
    /// The user handle, 1 to 64 bytes.
    pub user_handle: Base64Url,
    /// The account name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_display_name: Option<String>,
    /// A COSE algorithm's name, such as `ES256`; the profile's first one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
}

/// A device profile, for those who choose one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileSummary {
    /// What it is called.
    pub name: String,
    /// For people.
    pub title: String,
    /// The model.
    pub aaguid: String,
    /// The links over which it can be reached, in WebAuthn's words.
    pub transports: Vec<String>,
    /// Whether it holds discoverable credentials.
    pub has_resident_key: bool,
    /// Whether it verifies its user by built-in means.
    pub has_user_verification: bool,
}

/// What to do with a device's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// Cut it.
    Off,
    /// Give it.
    On,
    /// Cut it and give it again.
    Cycle,
}

/// Over which kind of link a CTAP message is taken to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// CTAPHID.
    Usb,
    /// The platform that the client runs on.
    Internal,
    /// The FIDO hybrid transport.
    Hybrid,
}

impl Link {
    /// That link, if messages can be handed in as if over it.
    pub fn of(link: authenticator::Link) -> Option<Self> {
        match link {
            authenticator::Link::Usb => Some(Self::Usb),
            authenticator::Link::Internal => Some(Self::Internal),
            authenticator::Link::Hybrid => Some(Self::Hybrid),
            authenticator::Link::Nfc => None,
        }
    }
}

/// A QR code on another screen, for a device to scan: CTAP 2.2 §11.5. What it says is a secret while it is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scan {
    /// Its text: `FIDO:/` and decimal digits.
    Code(String),
    /// A picture with it, as a file in PNG, JPEG, WebP or BMP.
    Image(Base64Url),
}

/// What came of a code that was scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scanned {
    /// How it ended.
    #[serde(flatten)]
    pub outcome: hybrid::Outcome,
    /// What happened on the way.
    pub events: Vec<hybrid::Event>,
}

/// The test CA of a home: what relying parties may trust in tests, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestCa {
    /// What a relying party takes as its trust anchor.
    pub root: Certificate,
    /// Everything that it certified.
    pub leaves: Vec<Certificate>,
}

/// A certificate of the test CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Whose key it is.
    pub kind: CertificateKind,
    /// In the form of RFC 4514.
    pub subject: String,
    /// SHA-256 of the certificate in hexadecimal.
    pub fingerprint: String,
    /// The first moment at which it is valid, such as `2020-01-01T00:00:00Z`.
    pub not_before: String,
    /// The last one.
    pub not_after: String,
    /// The model that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aaguid: Option<String>,
    /// The name of the one device whose key it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What it calls that device, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// The certificate in DER.
    pub certificate: Base64Url,
}

/// Whose key a certificate of the test CA is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateKind {
    /// The CA's own.
    Root,
    /// All devices of a model share it, for format packed.
    Batch,
    /// All devices of a model share it, for format fido-u2f and U2F messages.
    U2f,
    /// One device's, for enterprise attestation.
    Enterprise,
}

/// Which metadata is wanted. Days are written as `2026-01-31`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MetadataRequest {
    /// Names of profiles. If empty: those of what is reported, those of the home's devices, and all others.
    pub profiles: Vec<String>,
    /// What is reported of them; that it is not certified, of those of which nothing is.
    pub reports: Vec<Reported>,
    /// The number of the BLOB, which counts up; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no: Option<u32>,
    /// The day on which readers should ask for another one; in 30 days if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_update: Option<String>,
}

/// What is reported of the devices of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reported {
    /// The name of the profile.
    pub profile: String,
    /// An AuthenticatorStatus of the FIDO Metadata Service, such as `REVOKED`.
    pub status: String,
    /// The day from which on it is so; today if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_date: Option<String>,
}

/// Metadata in the shape of the FIDO Metadata Service: for tests, and nobody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// What is signed: MetadataBLOBPayload.
    pub payload: serde_json::Value,
    /// The same as a signed JWT.
    pub blob: String,
    /// The test root, to which the JWT's certificate leads, and the attestation certificates.
    pub root: Certificate,
}

/// Lines of a trace as they come, and `None` now and then.
pub type Lines = Box<dyn Iterator<Item = Option<Line>> + Send>;

/// Everything that can be done with virtual devices from outside.
pub trait Control {
    /// All devices, by name.
    fn devices(&self) -> Result<Vec<Device>, Failure>;
    /// One device.
    fn device(&self, name: &str) -> Result<Device, Failure>;
    /// Makes a device of a profile.
    fn add_device(&self, name: &str, profile: &str) -> Result<Device, Failure>;
    /// Deletes a device and, for good, what is on it.
    fn delete_device(&self, name: &str) -> Result<(), Failure>;
    /// Back to the factory state: every passkey is gone for good.
    fn reset_device(&self, name: &str) -> Result<(), Failure>;
    /// Cuts or gives power.
    fn power(&self, name: &str, power: Power) -> Result<Device, Failure>;
    /// Puts the device on its reader of smart cards, or takes it away. It keeps its power.
    fn insert_card(&self, name: &str, inserted: bool) -> Result<Device, Failure>;
    /// What the user does from now on.
    fn set_user(&self, name: &str, user: User) -> Result<Device, Failure>;
    /// The script that the user follows, if any.
    fn script(&self, name: &str) -> Result<Option<Script>, Failure>;
    /// From the next question on the user follows this script, from its beginning, until the instance ends or
    /// [`Control::set_user`] is called; or none any more.
    fn set_script(&self, name: &str, script: Option<Script>) -> Result<(), Failure>;
    /// The faults that are armed, and those that have struck as often as they may.
    fn faults(&self, name: &str) -> Result<Vec<ArmedFault>, Failure>;
    /// Arms a fault until it is disarmed or the instance ends.
    fn arm(&self, name: &str, fault: Fault) -> Result<ArmedFault, Failure>;
    /// Disarms the fault with that ID, or all of them.
    fn disarm(&self, name: &str, id: Option<u64>) -> Result<(), Failure>;
    /// Lets the device's clock jump forward.
    fn advance_clock(&self, name: &str, by: Duration) -> Result<(), Failure>;
    /// The question that is open.
    fn prompt(&self, name: &str) -> Result<Option<Prompt>, Failure>;
    /// The question that is open, or the first one that is raised within `patience`.
    fn await_prompt(&self, name: &str, patience: Duration) -> Result<Option<Prompt>, Failure>;
    /// Answers the question with that number.
    fn answer(&self, name: &str, number: u64, gesture: Gesture) -> Result<(), Failure>;
    /// All discoverable passkeys, newest first.
    fn passkeys(&self, name: &str) -> Result<Vec<Passkey>, Failure>;
    /// One passkey, by its credential ID in base64url or an unambiguous beginning of what follows the mark.
    fn passkey(&self, name: &str, id: &str) -> Result<Passkey, Failure>;
    /// Makes a passkey without a ceremony.
    fn add_passkey(&self, name: &str, passkey: NewPasskey) -> Result<Passkey, Failure>;
    /// Gives a passkey's account other names; `None` leaves a name as it is.
    fn rename_passkey(
        &self,
        name: &str,
        id: &str,
        user_name: Option<String>,
        display_name: Option<String>,
    ) -> Result<Passkey, Failure>;
    /// Deletes a passkey for good.
    fn delete_passkey(&self, name: &str, id: &str) -> Result<(), Failure>;
    /// The fingers that are enrolled, the oldest first.
    fn fingers(&self, name: &str) -> Result<Vec<Finger>, Failure>;
    /// Enrols another finger without its samples.
    fn add_finger(&self, name: &str, finger: Option<String>) -> Result<Finger, Failure>;
    /// Gives a finger another name. `id` is its templateId in hexadecimal digits, an unambiguous beginning of it, or
    /// the name it has.
    fn rename_finger(&self, name: &str, id: &str, finger: String) -> Result<Finger, Failure>;
    /// Forgets a finger; `id` as for [`Control::rename_finger`].
    fn remove_finger(&self, name: &str, id: &str) -> Result<(), Failure>;
    /// What the Authenticator app on the device lists: the accounts that were added in it, oldest first, then the
    /// passkeys that were registered from other devices, each an entry of its own.
    fn accounts(&self, name: &str) -> Result<Vec<Account>, Failure>;
    /// Adds an account in the app: signs in to its tenant and registers a passkey on the same device, user included.
    fn add_account(&self, name: &str, new: &NewAccount) -> Result<Added, Failure>;
    /// Deletes an entry with its passkey. The tenant does not hear of it. `id` is the entry's, an unambiguous
    /// beginning of it, or the user's name.
    fn delete_account(&self, name: &str, id: &str) -> Result<(), Failure>;
    /// The one-time code of an account now; `id` as for [`Control::delete_account`].
    fn account_code(&self, name: &str, id: &str) -> Result<Code, Failure>;
    /// The sign-ins that wait for the app on the device.
    fn pushes(&self, name: &str) -> Result<Vec<Push>, Failure>;
    /// Answers the sign-in that waits for an account: with the number that is shown there, or declines. `id` as for
    /// [`Control::delete_account`].
    fn answer_push(&self, name: &str, id: &str, number: Option<u8>) -> Result<(), Failure>;
    /// Where the tenant is that accounts are added at if no other is named, if that is known here.
    fn tenant(&self) -> Option<String> {
        None
    }
    /// The test CA. Makes its root if there is none yet.
    fn ca(&self) -> Result<TestCa, Failure>;
    /// The attestation certificate of a model, then the root: by AAGUID or by the name of a profile.
    fn ca_chain(&self, model: &str) -> Result<Vec<Certificate>, Failure>;
    /// A new root. Running devices attest by it at once, others from their next start.
    fn rotate_ca(&self) -> Result<TestCa, Failure>;
    /// A metadata BLOB of models, signed by a new key that the test CA certifies.
    fn metadata(&self, wanted: &MetadataRequest) -> Result<Metadata, Failure>;
    /// From now on, everything that happens on all devices, as lines of a trace. `None` is said while nothing
    /// happens, at least once every few seconds, so that who listens can stop. Ends with the devices.
    fn trace(&self) -> Result<Lines, Failure>;
    /// Runs a WebAuthn ceremony as a page asks for it, user included.
    fn ceremony(&self, name: &str, request: &ceremony::Request) -> Result<ceremony::Outcome, Failure>;
    /// Cancels the ceremony with that ID, as a page does by an AbortSignal; false if there is none.
    fn cancel_ceremony(&self, name: &str, id: &str) -> Result<bool, Failure>;
    /// Lets the device scan a code on another screen, and waits until the ceremony that it is for is over, user included. What
    /// happens on the way is told to whoever watches too, as notes that begin with `hybrid: `.
    fn scan(&self, name: &str, scan: &Scan) -> Result<Scanned, Failure>;
    /// Gives up what a scanned code led to; false if there is nothing.
    fn cancel_scan(&self, name: &str) -> Result<bool, Failure>;
    /// All profiles that devices can be made of. One that cannot be used is left out.
    fn profiles(&self) -> Result<Vec<ProfileSummary>, Failure>;
    /// The TOML of a profile.
    fn profile(&self, name: &str) -> Result<String, Failure>;
    /// Sends a CTAP2 message as if over `link` and waits for the answer, user included.
    fn ctap2(&self, name: &str, link: Link, message: &[u8]) -> Result<Vec<u8>, Failure>;
}
