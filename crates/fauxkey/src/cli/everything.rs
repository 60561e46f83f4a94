//! The small verbs: `explain`, `completions`, `man`.
use clap::Args;
use clap_complete::Shell;
use std::path::PathBuf;

pub(super) const EXPLAIN_EXAMPLE: &str = "\
Takes attestation objects, authenticator data, client data, credential JSON, CTAP messages, COSE keys, getInfo
answers and more, as hex, base64, base64url, JSON or raw bytes.

Example:
  fauxkey explain registration.json
  fauxkey explain a301020326200121
  fauxkey webauthn create options.json --origin https://login.example.test | fauxkey explain";

pub(super) const COMPLETIONS_EXAMPLE: &str =
    "Example:\n  fauxkey completions bash > ~/.local/share/bash-completion/completions/fauxkey";

pub(super) const MAN_EXAMPLE: &str = "Example:\n  fauxkey man --dir ~/.local/share/man/man1";

/// What to explain.
#[derive(Args)]
pub struct Explain {
    /// The name of a file, or the text itself; - is standard input
    #[arg(value_name = "FILE|TEXT", default_value = "-")]
    pub input: String,
}

/// For which shell.
#[derive(Args)]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Where to.
#[derive(Args)]
pub struct Man {
    /// Write a page for each verb into DIR, instead of printing the first one
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
