//! Bytes to values and back: the vocabulary that every other room of fauxkey shares.
//!
//! No state, no keys, no policy, no I/O and no clock live here. A value that this crate decoded is
//! well formed; whether it is *allowed* is for the authenticator, the client or the relying party.
//!
//! | module | specification |
//! |---|---|
//! | [`apdu`] | command and response APDUs, ISO/IEC 7816-4 §5 |
//! | [`cbor`] | CTAP2 canonical CBOR, CTAP 2.1 §8 |
//! | [`cose`] | COSE keys and algorithms, RFC 9052 and 9053 |
//! | [`ctap1`] | CTAP1 (FIDO U2F) messages, FIDO U2F Raw Message Formats 1.2 |
//! | [`ctap2`] | CTAP2 requests and responses, CTAP 2.1 §6 |
//! | [`ctaphid`] | CTAPHID packets, CTAP 2.1 §11.2 |
//! | [`status`] | status codes, CTAP 2.1 §8.2 |
//! | [`webauthn`] | authenticator data, attestation objects, client data and JSON, WebAuthn Level 3 |
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod aaguid;
pub mod apdu;
pub mod base64url;
pub mod cbor;
pub mod cose;
pub mod ctap1;
pub mod ctap2;
pub mod ctaphid;
pub mod hex;
pub mod status;
#[cfg(test)]
mod testing;
pub mod time;
pub mod webauthn;
