//! Cross-crate tests, one binary: each module is one subject.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod architecture;
mod bio_enrollment;
mod ceremonies;
mod client_pin;
mod combinations;
mod config;
mod credential_management;
mod extensions;
mod faults;
mod get_assertion;
mod get_info;
mod identifier;
mod large_blobs;
mod make_credential;
mod oracle;
mod other_commands;
mod over_ctaphid;
mod persistence;
mod platform_ceremonies;
mod profiles;
mod real_devices;
mod reset;
mod rules;
mod tokens;
mod usual_mistakes;
mod u2f;
