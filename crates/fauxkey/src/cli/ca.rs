//! `fauxkey ca`.
use clap::Subcommand;
use std::path::PathBuf;

pub(super) const EXAMPLE: &str = "\
The test CA stands where a vendor's attestation CA stands, and its names say so. It certifies software keys: give its
root to a relying party in tests, and nowhere else. Its private keys cannot be exported.

Example:
  fauxkey ca export --out test-root.pem";

/// What to do with the test CA.
#[derive(Subcommand)]
pub enum CaVerb {
    /// The root, and everything that it certified
    #[command(after_help = "Example:\n  fauxkey ca show --json")]
    Show,
    /// The root certificate, for a relying party to trust in tests
    #[command(after_help = "\
Example:
  fauxkey ca export > test-root.pem
  fauxkey ca export --der --out test-root.der
  fauxkey ca export --chain all-in")]
    Export {
        /// Write to FILE instead of stdout
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// DER instead of PEM
        #[arg(long, conflicts_with = "chain")]
        der: bool,
        /// The attestation certificate of a model before the root
        #[arg(long, value_name = "AAGUID|PROFILE")]
        chain: Option<String>,
    },
    /// A new root in place of this one
    ///
    /// Running devices attest by it at once, others from their next start. Relying parties that trust the old root
    /// refuse new attestations until they are given the new one; passkeys go on working.
    #[command(after_help = "Example:\n  fauxkey ca rotate --yes")]
    Rotate {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}
