//! `fauxkey profile`.
use clap::Subcommand;
use std::path::PathBuf;

pub(super) const EXAMPLE: &str = "Example:\n  fauxkey profile show security-key";

/// What to do with a profile.
#[derive(Subcommand)]
pub enum ProfileVerb {
    /// The profiles that devices can be made of
    #[command(after_help = "Example:\n  fauxkey profile list")]
    List,
    /// A profile as TOML, with the basis of each value
    #[command(after_help = "Example:\n  fauxkey profile show ms-authenticator-ios > mine.toml")]
    Show {
        /// Which one
        name: String,
    },
    /// Whether a file is a profile that can be kept, and if not, why
    #[command(after_help = "Example:\n  fauxkey profile check mine.toml")]
    Check {
        /// A TOML file
        file: PathBuf,
    },
    /// Keep a profile of one's own, after checking it: from a file, or made from another one or from a captured key
    #[command(after_help = ADD_EXAMPLES)]
    Add {
        /// A TOML file; with --from, what the new profile is called
        #[arg(value_name = "FILE|NAME")]
        what: String,
        /// Copy this profile, or make one of a captured answer to authenticatorGetInfo: a file with CBOR, its
        /// hexadecimal digits or JSON, or `-`
        #[arg(long, value_name = "PROFILE|FILE")]
        from: Option<String>,
        /// Change a key of the copy, such as ctap.max-msg-size=2048; the value in TOML, or plain text
        #[arg(long, value_name = "KEY=VALUE", requires = "from", value_parser = setting)]
        set: Vec<(String, String)>,
    },
}

const ADD_EXAMPLES: &str = "Example:
  fauxkey profile add mine.toml
  fauxkey profile add my-key --from security-key --set max-msg-size=2048 --set attestation=none
  fauxkey profile add my-key --from getinfo.cbor";

/// `KEY=VALUE`, cut at the first `=`.
fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().into(), value.trim().into())),
        _ => Err("write it as KEY=VALUE, such as max-msg-size=2048".into()),
    }
}
