//! Cross-crate tests, one binary: each module is one subject.
mod architecture;
mod make_credential;
mod get_assertion;
mod other_commands;
mod persistence;
