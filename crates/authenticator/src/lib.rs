//! The authenticator: CTAP messages and gestures in, CTAP messages and commits out. No I/O, no clock, no
//! threads.
//!
//! A command is cut where the user is asked. `begin` decides and cannot change anything, because it borrows the
//! [`Authenticator`] read-only; what it leaves is a plain value. Only the second half, which consumes that
//! value and the user's consent, draws randomness, signs and commits. Cancelling is dropping the value.
//!
//! Every command runs in one order: **decide, make, sign, commit, reply**. Nothing may fail after the commit.
//!
//! | door | shape |
//! |---|---|
//! | time | `now` on every `handle_*`, on the owner's clock |
//! | user | [`Progress::AwaitingUser`] out, [`Authenticator::handle_gesture`] in |
//! | [`store::Store`] | `load`, `commit`: one transaction a command |
//! | [`signer::Signer`] | makes key pairs; everything signed leaves through it |
//! | randomness | a [`rand_core::CryptoRng`], so that a seed makes everything reproducible |
#![no_std]
extern crate alloc;

mod admin;
mod attestation;
mod attesting;
mod authenticator;
mod bio_enrollment;
mod capabilities;
mod config;
mod credential_management;
mod credentials;
mod extensions;
mod get_assertion;
mod identifier;
mod large_blobs;
mod make_credential;
mod memory;
mod pin;
pub mod profile;
mod reset;
mod sealed;
pub mod signer;
mod step;
pub mod store;
mod u2f;
mod untold;
mod user;

pub use admin::{Changed, Passkey};
pub use authenticator::{Authenticator, Event, Progress, Request, Via};
pub use credentials::RpIdHash;
pub use profile::Profile;
pub use sealed::{MARK as CREDENTIAL_ID_MARK, longest_id as longest_credential_id};
pub use user::{Gesture, Prompt, Purpose};

/// What carries messages between platform and authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// CTAPHID, whatever is under it.
    Usb,
    /// ISO 7816, with or without contacts.
    Nfc,
    /// The platform that the client runs on.
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
