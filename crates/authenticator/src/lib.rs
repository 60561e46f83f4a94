//! The authenticator: CTAP messages and gestures in, CTAP messages and commits out. No I/O, no clock, no threads.
#![no_std]
extern crate alloc;

mod credentials;
pub mod profile;
pub mod signer;
pub mod store;
mod user;

pub use credentials::RpIdHash;
pub use profile::Profile;
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
