//! Cross-crate tests, one binary: each module is one subject.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod architecture;
mod ceremonies;
mod get_assertion;
mod make_credential;
mod oracle;
mod other_commands;
mod over_ctaphid;
mod persistence;
