//! What an authenticator claims to be, as pure data. Where it comes from is the emulator's business.
use crate::Link;
use alloc::{string::String, vec::Vec};
use wire::aaguid::Aaguid;
use wire::cose::Algorithm;

/// Everything that makes one authenticator differ from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The model.
    pub aaguid: Aaguid,
    /// getInfo 0x01.
    pub versions: Vec<String>,
    /// getInfo 0x0E.
    pub firmware_version: Option<u64>,
    /// COSE algorithms, most preferred first; the platform's order decides all the same.
    pub algorithms: Vec<Algorithm>,
    /// How a new credential is attested.
    pub attestation: Attestation,
    /// The BE and BS flags.
    pub backup: Backup,
    /// What the signature counter does.
    pub counter: Counter,
    /// Whether and when built-in means verify the user.
    pub verification: Verification,
    /// Whether it holds discoverable credentials, and how many; `None` if it cannot hold any.
    pub discoverable: Option<u32>,
    /// The longest message in bytes, command byte included.
    pub max_msg_size: u32,
    /// How many entries an excludeList or allowList may have.
    pub max_credential_count_in_list: u32,
    /// How many bytes a credential ID may have.
    pub max_credential_id_length: u32,
    /// What a platform sees over each link. A link that is not listed looks like USB.
    pub seen: Vec<(Link, Seen)>,
}

/// How a new credential is attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attestation {
    /// Format `none`: the AAGUID stands there unproven.
    None,
    /// Format `packed`, signed by the credential itself.
    PackedSelf,
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
    /// When the platform asks for it by `uv`.
    OnRequest,
    /// At every use, asked for or not, as a phone does.
    Always,
}

/// What a platform sees over one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// getInfo 0x09 and `getTransports()`.
    pub transports: Vec<String>,
    /// The `plat` option: built into the device that the client runs on.
    pub platform: bool,
}

impl Profile {
    /// What a platform sees over `link`.
    pub fn seen(&self, link: Link) -> Option<&Seen> {
        let over = |link| self.seen.iter().find(|(seen, _)| *seen == link).map(|(_, seen)| seen);
        over(link).or_else(|| over(Link::Usb))
    }
}
