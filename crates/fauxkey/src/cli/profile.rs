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
    /// Keep a profile of one's own, after checking it
    #[command(after_help = "Example:\n  fauxkey profile add mine.toml")]
    Add {
        /// A TOML file
        file: PathBuf,
    },
}
