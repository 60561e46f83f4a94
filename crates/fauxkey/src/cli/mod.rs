//! The command line: one definition of each flag, from which help, man pages and completions come.
mod account;
mod browser;
mod ca;
mod device;
mod everything;
mod exec;
mod hybrid;
mod matrix;
mod mds;
mod passkey;
mod probe;
mod profile;
mod rehearse;
mod run;
mod simulation;
mod tenant;
mod trace;
mod usage;
mod webauthn;

pub use account::{AccountVerb, AddAccount, OnOff};
pub use browser::{Browser, Extension, Route};
pub use ca::CaVerb;
pub use device::{CardPlace, DeviceVerb, FingerVerb, PinVerb};
pub use everything::{Completions, Explain, Man};
pub use exec::Exec;
pub use hybrid::{HybridVerb, Lab, OverWhat, Scan, Show};
pub use matrix::{Coordinates, Matrix, PATIENCE, Way};
pub use mds::Mds;
pub use passkey::PasskeyVerb;
pub use probe::{Probe, ProbeRun, ProbeVerb};
pub use profile::ProfileVerb;
pub use rehearse::Rehearse;
pub use run::{Attach, Door, Run, Up};
pub use simulation::{Approval, FaultSource, FaultVerb};
pub use tenant::{
    AccessVerb, Behaviour, Challenges, Check, Counter, Graph, GroupVerb, Kind, Log, Method, MethodVerb, Mode,
    PolicySet, PolicyVerb, Purpose, Report, ReportKind, Serve, StrengthVerb, Switch, TapVerb, TenantVerb,
    UserVerb,
};
pub use trace::Trace;
pub use usage::wrong_use;
pub use webauthn::{Create, Format, Get, Over, Page, WebauthnVerb};

use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that was typed.
#[derive(Parser)]
#[command(
    name = "fauxkey",
    version,
    about = "A phone full of passkeys, as a process: a FIDO2 authenticator for tests.\n\
             Software keys protect nothing: never use one for an account that matters.",
    after_help = "Example:\n  fauxkey up       then, in a second terminal:  fauxkey passkey list",
    disable_help_subcommand = true,
    disable_version_flag = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Flags that every verb takes.
    #[command(flatten)]
    pub everywhere: Everywhere,
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Print version
    // Not in the short help, which has to fit a screen.
    #[arg(id = "version", short = 'V', long = "version", action = clap::ArgAction::Version, hide_short_help = true)]
    _version: Option<bool>,
}

/// Flags that every verb takes.
#[derive(Args)]
pub struct Everywhere {
    /// Results, events and errors as JSON
    ///
    /// Results and events go to stdout, one document a line where there are several; errors, notes and warnings
    /// go to stderr, one object a line.
    #[arg(long, global = true, help_heading = "Everywhere", hide_short_help = true)]
    pub json: bool,
    /// Keep everything under DIR instead of the XDG folders
    ///
    /// The variable FAUXKEY_HOME does the same.
    #[arg(long, value_name = "DIR", global = true, help_heading = "Everywhere", hide_short_help = true)]
    pub home: Option<PathBuf>,
    /// Colours
    ///
    /// With auto there are colours when the output is a terminal, and neither NO_COLOR nor TERM=dumb is set.
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t = ColorChoice::Auto,
        global = true,
        help_heading = "Everywhere",
        hide_short_help = true
    )]
    pub color: ColorChoice,
    /// Say more on stderr
    ///
    /// Among others what is stored, and the CTAP messages of webauthn.
    #[arg(short, long, global = true, help_heading = "Everywhere", hide_short_help = true)]
    pub verbose: bool,
}

/// What to do.
#[derive(Subcommand)]
pub enum Verb {
    /// Start a phone and a tenant, and say what to try next
    #[command(after_help = "Example:\n  fauxkey up --behaviour 2024-preview")]
    Up(Box<Up>),
    /// Play the whole story unattended, each step verified
    #[command(after_help = rehearse::EXAMPLE)]
    Rehearse(Rehearse),
    /// Run virtual devices until stopped
    #[command(after_help = run::EXAMPLE)]
    Run(Run),
    /// Run a program that sees the devices, without root
    #[command(after_help = exec::EXAMPLE)]
    Exec(Exec),
    /// Open a browser whose pages see the devices
    #[command(after_help = browser::EXAMPLE)]
    Browser(Browser),
    /// Write out the browser extension, paired with the running instance
    #[command(after_help = browser::EXTENSION_EXAMPLE)]
    Extension(Extension),
    /// Make or use a passkey, from WebAuthn options in JSON
    #[command(subcommand, arg_required_else_help = false, after_help = webauthn::EXAMPLE)]
    Webauthn(WebauthnVerb),
    /// Virtual devices: add, list, show, delete, reset, power, user
    #[command(subcommand, arg_required_else_help = false, after_help = device::EXAMPLE)]
    Device(DeviceVerb),
    /// Passkeys on a device: list, show, rename, delete
    #[command(subcommand, arg_required_else_help = false, after_help = passkey::EXAMPLE)]
    Passkey(PasskeyVerb),
    /// The Authenticator app: accounts, codes, push notifications
    #[command(subcommand, arg_required_else_help = false, after_help = account::EXAMPLE)]
    Account(AccountVerb),
    /// Device profiles: list, show, check, add
    #[command(subcommand, arg_required_else_help = false, after_help = profile::EXAMPLE)]
    Profile(ProfileVerb),
    /// The test CA: show, export, rotate
    #[command(subcommand, arg_required_else_help = false, after_help = ca::EXAMPLE)]
    Ca(CaVerb),
    /// A metadata BLOB (MDS3) of profiles, signed by the test CA
    #[command(after_help = mds::EXAMPLE)]
    Mds(Mds),
    /// The Entra-like tenant: policy, users, passes, strengths, logs
    #[command(subcommand, arg_required_else_help = false, after_help = tenant::EXAMPLE)]
    Tenant(TenantVerb),
    /// Phone across the room: scan, show, lab
    #[command(subcommand, arg_required_else_help = false, after_help = hybrid::EXAMPLE)]
    Hybrid(HybridVerb),
    /// What a relying party really checks, by lies and honest ceremonies
    #[command(arg_required_else_help = true, after_help = probe::EXAMPLE)]
    Probe(Box<Probe>),
    /// A sign-up page with every profile, route and attestation
    #[command(arg_required_else_help = true, after_help = matrix::EXAMPLE)]
    Matrix(Box<Matrix>),
    /// Decode anything of WebAuthn or CTAP, and say what is odd in it
    #[command(after_help = everything::EXPLAIN_EXAMPLE)]
    Explain(Explain),
    /// What passes between platforms and devices, one line a message
    #[command(after_help = trace::EXAMPLE)]
    Trace(Trace),
    /// What works on this machine, and the one command for the rest
    #[command(after_help = "Example:\n  fauxkey doctor --json")]
    Doctor,
    /// Completions for a shell
    #[command(after_help = everything::COMPLETIONS_EXAMPLE)]
    Completions(Completions),
    /// Man pages
    #[command(after_help = everything::MAN_EXAMPLE)]
    Man(Man),
}

/// Which device, where a home may have several.
#[derive(Args, Default)]
pub struct OnDevice {
    /// Which device; needed only where there are several and none is called phone
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
}

/// The whole definition, for help, completions and man pages.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// A length of time such as `250ms`, `10s`, `2m` or `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let read = |(unit, seconds): (&str, f64)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Duration::try_from_secs_f64(number * seconds).ok()
    };
    units.into_iter().find_map(read).ok_or_else(|| "expected a time such as 250ms, 10s, 2m or 1h".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every verb, and every verb under it.
    fn all(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            found.push((path.clone(), sub.clone()));
            all(sub, &path, found);
        }
    }

    fn verbs() -> Vec<(String, clap::Command)> {
        let mut root = definition();
        root.build();
        let mut found = Vec::new();
        all(&root, "fauxkey", &mut found);
        found
    }

    /// The words of a line, as a shell takes them apart: quotation marks hold together.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (place, part) in line.split('"').enumerate() {
            match place % 2 {
                0 => words.extend(part.split_whitespace().map(Into::into)),
                _ => words.push(part.into()),
            }
        }
        words
    }

    #[test]
    fn the_definition_is_consistent() {
        definition().debug_assert();
    }

    #[test]
    fn every_verb_s_help_has_an_example_that_parses() {
        let mut examples = 0;
        for (path, mut command) in verbs() {
            let help = command.render_long_help().to_string();
            let example = help.split_once("Example:\n").unwrap_or_else(|| panic!("{path} has no example")).1;
            assert!(example.contains(&path), "{path}: {example}");
            let example = example.replace("\\\n", "");
            for line in example.lines().filter(|line| line.trim_start().starts_with("fauxkey ")) {
                let words = words(line);
                let words =
                    words.iter().take_while(|word| !["|", ">", "<", "&&", "#"].contains(&word.as_str()));
                if let Err(error) = Cli::try_parse_from(words) {
                    panic!("{path}: {line}: {error}");
                }
                examples += 1;
            }
        }
        assert!(examples > 20, "{examples}");
    }

    #[test]
    fn every_argument_says_what_it_is_for() {
        for (path, command) in verbs() {
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path}: {}", argument.get_id());
            }
            assert!(command.get_about().is_some(), "{path}");
        }
    }

    #[test]
    fn the_short_help_fits_a_screen_and_warns() {
        let help = definition().render_help().to_string();
        // Two thirds of a screen of today.
        assert!(help.lines().count() <= 34, "{} lines:\n{help}", help.lines().count());
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
        }
        assert!(help.contains("Software keys protect nothing"), "{help}");
        assert!(help.contains("Example:"), "{help}");
    }

    #[test]
    fn the_short_help_of_the_prober_fits_a_screen() {
        for (path, mut command) in verbs().into_iter().filter(|(path, _)| path.starts_with("fauxkey probe")) {
            let help = command.render_help().to_string();
            assert!(help.lines().count() <= 32, "{path}: {} lines:\n{help}", help.lines().count());
        }
    }

    #[test]
    fn times_are_read_with_their_unit() {
        for (text, millis) in
            [("250ms", 250), ("10s", 10_000), ("0.5s", 500), ("2m", 120_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "10", "s", "-1s", "NaNs", "1e300s", "10 seconds"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
