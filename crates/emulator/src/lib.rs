//! One virtual authenticator: a profile, an authenticator, links and a user. No I/O.
//!
//! [`VirtualAuthenticator`] owns one [`authenticator::Authenticator`] and any number of [`transport::Link`]s.
//! One thread or task owns one `VirtualAuthenticator`; drivers and servers only send it inputs, so there is no
//! lock in the protocol.
//!
//! In a test of a relying party in Rust, a phone in the same process is ten lines; [`VirtualAuthenticator::set_user`] says
//! what its user does, and [`VirtualAuthenticator::arm`] what goes wrong.
//!
//! ```
//! use authenticator::store::MemoryStore;
//! use client::{Client, ClientError, Create, Link, Origin, Platform, options};
//! use emulator::{DeviceProfile, FastSigner, VirtualAuthenticator};
//! use rand::{rand_core::UnwrapErr, rngs::SysRng};
//! use wire::{ctap2::GetInfoResponse, time::Instant};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let options = r#"{"rp":{"name":"Example"},"user":{"id":"AQ","name":"ada","displayName":"Ada"},
//! #     "challenge":"AAECAwQFBgcICQoLDA0ODw","pubKeyCredParams":[{"type":"public-key","alg":-7}]}"#;
//! let (now, profile) = (Instant::POWER_UP, DeviceProfile::named("ms-authenticator-ios").ok_or("no such profile")?);
//! let (store, signer, rng) = (Box::<MemoryStore>::default(), Box::<FastSigner>::default(), Box::new(UnwrapErr(SysRng)));
//! let mut phone = VirtualAuthenticator::new(now, profile, store, signer, rng)?;
//! let port = phone.plug(authenticator::Link::Internal, Box::new(transport::direct::Device::new()));
//! let mut exchange = |request: &[u8]| {
//!     phone.handle_frame(now, port, request);
//!     Ok::<_, ClientError>(phone.poll_frame().expect("its user answers at once").1)
//! };
//! let info = GetInfoResponse::decode(&exchange(&GetInfoResponse::request())?).map_err(|error| error.reason)?;
//! let platform = Platform::new(Client::SpecL3, Link::Internal, info);
//! let (document, origin) = (options::creation(options)?, Origin::parse("https://login.example.test")?);
//! let made = client::run(Create::begin(&origin, &document.options, &platform)?, exchange)?;
//! assert_eq!(made.response.response.transports, ["hybrid", "internal"]);
//! # Ok(())
//! # }
//! ```
mod admin;
pub mod attestation;
pub mod faults;
pub mod metadata;
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
