//! One virtual authenticator: a profile, an authenticator, links and a user. No I/O.
//!
//! [`VirtualAuthenticator`] owns one [`authenticator::Authenticator`] and any number of [`transport::Link`]s.
//! One thread or task owns one `VirtualAuthenticator`; drivers and servers only send it inputs, so there is no
//! lock in the protocol.
mod admin;
pub mod attestation;
pub mod faults;
mod plugged;
mod port;
pub mod profile;
pub mod script;
mod signer;
mod traffic;
mod user;
mod virtual_authenticator;

pub use faults::Fault;
pub use port::Port;
pub use profile::DeviceProfile;
pub use script::Script;
pub use signer::FastSigner;
pub use traffic::{Protocol, Towards, Traffic, Unit};
pub use user::{Answer, InvalidPolicy, UserPolicy};
pub use virtual_authenticator::{Event, VirtualAuthenticator};
