//! Cross-crate tests, one binary: each module is one subject.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod architecture;
mod attestation;
mod ceremonies;
mod client_pin;
mod config;
mod credential_management;
mod extensions;
mod get_assertion;
mod identifier;
mod large_blobs;
mod make_credential;
mod oracle;
mod other_commands;
mod over_ctaphid;
mod persistence;
mod platform_ceremonies;
mod profiles;
mod tokens;
