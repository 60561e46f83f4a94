//! Faults: what a device does wrong on purpose, behind doors that exist anyway.
//!
//! | door | decorator | faults |
//! |---|---|---|
//! | `transport::Link` | `link` | frames that are lost, doubled, damaged, late, short, or on another channel |
//! | the request itself | [`crate::VirtualAuthenticator`] | a device that vanishes for a while |
//! | `authenticator::signer::Signer` | `signer` | bad signatures, and lies that are signed well |
//! | the answer itself | `reply` | another status, and CBOR that is not what it should be |
//! | `authenticator::store::Store` | `store` | a store that is full or fails |
//!
//! A [`Fault`] is armed with [`crate::VirtualAuthenticator::arm`], for some times or for good, and each time that it
//! strikes is told as [`crate::Event::Fault`]. Where chance is asked for, and where a bit or a key is to be chosen, a
//! seed decides ([`crate::VirtualAuthenticator::seed_faults`]), so that a run can be repeated. The authenticator
//! knows nothing of this.
mod effect;
mod fault;
mod kind;
mod link;
mod plan;
mod reply;
mod signer;
mod store;
#[cfg(test)]
mod tests;

pub use fault::{Fault, InvalidFault, Way};
pub use kind::Kind;
pub use plan::{Armed, Strike};

pub(crate) use link::FaultyLink;
pub(crate) use plan::Faults;
pub(crate) use signer::FaultySigner;
pub(crate) use store::FaultyStore;
