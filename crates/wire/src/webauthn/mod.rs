//! Structures that authenticator, client and relying party handle, WebAuthn Level 3.
mod attestation_object;
mod authenticator_data;
mod client_data;
pub mod json;

pub use attestation_object::AttestationObject;
pub use authenticator_data::{AttestedCredentialData, AuthenticatorData, Flags, InvalidAuthenticatorData};
pub use client_data::{Ceremony, ClientData};
