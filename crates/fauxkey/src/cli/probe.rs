//! `fauxkey probe`.
use super::Behaviour;
use clap::{Args, Subcommand, ValueEnum};
use std::fmt;
use std::path::PathBuf;

pub(super) const EXAMPLE: &str = "\
Exit code 0: nothing was found; 1: something was; 2: it could not be told.

Example:
  fauxkey probe --target simplewebauthn --url http://localhost:8000
  fauxkey probe --target tenant --only signature";

/// What a relying party really checks.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Probe {
    /// Something else than a run.
    #[command(subcommand)]
    pub verb: Option<ProbeVerb>,
    /// A run.
    #[command(flatten)]
    pub run: ProbeRun,
}

/// Something else than a run.
#[derive(Subcommand)]
pub enum ProbeVerb {
    /// The checks: ID, clause, severity, what is tried
    #[command(after_help = "Example:\n  fauxkey probe list")]
    List,
    /// Compare two reports: exit code 1 only if something got worse
    #[command(after_help = "Example:\n  fauxkey probe diff main.json branch.json")]
    Diff {
        /// The report of before, as --out wrote it
        old: PathBuf,
        /// The report of now
        new: PathBuf,
    },
    /// Make a target of a browser's recording (HAR), without its secrets
    #[command(after_help = "\
Record a registration and a sign-in in a browser's developer tools, and save them as HAR.

Example:
  fauxkey probe har recording.har > shop.toml")]
    Har {
        /// The recording, or - for standard input
        file: String,
    },
    /// The targets that are built in, or the text of one
    #[command(
        after_help = "Example:\n  fauxkey probe targets\n  fauxkey probe targets simplewebauthn > shop.toml"
    )]
    Targets {
        /// Print this one
        name: Option<String>,
    },
}

/// A run.
#[derive(Args, Clone, Default)]
pub struct ProbeRun {
    /// What to try, and what to expect, as TOML [default: everything]
    pub plan: Option<PathBuf>,
    /// Who is asked: a target by name or file, or `tenant`
    ///
    /// A file says how: docs/probe-targets.md. `tenant` is one of one's own, for the run.
    #[arg(long, value_name = "NAME|FILE")]
    pub target: Option<String>,
    /// Where it is, instead of where the target says
    #[arg(long)]
    pub url: Option<String>,
    /// Try this check or group, or what begins so before a *
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
    /// Do not try it
    #[arg(long, value_name = "ID", hide_short_help = true)]
    pub except: Vec<String>,
    /// What it makes of attestation
    #[arg(long, value_name = "WHAT", value_enum)]
    pub attestation: Option<Attestation>,
    /// It wants no passkeys that are copied to other devices
    #[arg(long)]
    pub device_bound: bool,
    /// Names of the accounts that are made; a number takes the place of `n` in braces
    #[arg(long, value_name = "PATTERN", hide_short_help = true)]
    pub user: Option<String>,
    /// Each registration is a sign-up under another name
    #[arg(long, hide_short_help = true)]
    pub sign_up: bool,
    /// Whose behaviour the tenant imitates (with --target tenant)
    #[arg(long, value_name = "WHEN", value_enum, hide_short_help = true)]
    pub behaviour: Option<Behaviour>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write it as JUnit XML, for a CI
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write it as SARIF, for code scanning
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Write it as one page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Make the same random choices as the run that said this number
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    pub seed: Option<u64>,
    /// An HTTP proxy on the way
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub proxy: Option<String>,
    /// I may test this host, which is not of this machine; may be given several times
    ///
    /// One request a second is sent there, unless the target says otherwise.
    #[arg(long = "i-am-authorised-to-test", value_name = "HOST", hide_short_help = true)]
    pub authorised: Vec<String>,
}

/// What is made of attestation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Attestation {
    /// Nothing
    None,
    /// It is verified where it is there
    Accepted,
    /// Nobody registers without
    Enforced,
}

impl From<Attestation> for probe::Attestation {
    fn from(attestation: Attestation) -> Self {
        match attestation {
            Attestation::None => Self::None,
            Attestation::Accepted => Self::Accepted,
            Attestation::Enforced => Self::Enforced,
        }
    }
}

impl fmt::Display for Attestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.to_possible_value().expect("no value is hidden");
        f.write_str(word.get_name())
    }
}
