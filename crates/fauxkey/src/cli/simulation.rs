//! What several verbs take of users and faults.
use super::OnDevice;
use clap::Subcommand;
use emulator::{Fault, UserPolicy};
use std::path::PathBuf;
use std::str::FromStr;

/// What the user does: a policy, or a script in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The same each time.
    Policy(UserPolicy),
    /// Question by question; TOML, or JSON if the name ends so.
    Script(PathBuf),
}

impl FromStr for Approval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("script=") {
            Some(file) if !file.is_empty() => Ok(Self::Script(file.into())),
            _ => text
                .parse()
                .map(Self::Policy)
                .map_err(|invalid: emulator::InvalidPolicy| format!("{invalid}; or script=FILE")),
        }
    }
}

/// One fault, or a file of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultSource {
    /// As typed.
    One(Fault),
    /// TOML, or JSON if the name ends so.
    File(PathBuf),
}

impl FromStr for FaultSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_file = |end: &str| text.ends_with(end);
        if is_file(".toml") || is_file(".json") {
            return Ok(Self::File(text.into()));
        }
        text.parse().map(Self::One).map_err(|invalid: emulator::faults::InvalidFault| match invalid.hint {
            Some(hint) => format!("{}: {hint}", invalid.why),
            None => invalid.why,
        })
    }
}

/// What to do with faults.
#[derive(Subcommand)]
pub enum FaultVerb {
    /// What can go wrong
    #[command(after_help = "Example:\n  fauxkey device fault kinds")]
    Kinds,
    /// Arm faults
    #[command(after_help = "\
A fault is KIND[=VALUE][,once][,times=N][,after=N][,chance=PERCENT][,command=NAME][,rp=ID][,towards=device].
A file is TOML, or JSON if its name ends so:
  seed = 7                       # decides where something is left to chance
  [[faults]]
  fault = \"counter-backwards\"
  times = 1

Example:
  fauxkey device fault arm counter-backwards,once
  fauxkey device fault arm status=0x27,command=getAssertion drop-frame,chance=5
  fauxkey device fault arm faults.toml")]
    Arm {
        /// Which
        #[arg(required = true, value_name = "FAULT|FILE")]
        faults: Vec<FaultSource>,
        /// On which device
        #[command(flatten)]
        on: OnDevice,
    },
    /// The faults that are armed, and how often each has struck
    #[command(after_help = "Example:\n  fauxkey device fault list")]
    List {
        /// On which device
        #[command(flatten)]
        on: OnDevice,
    },
    /// Disarm a fault, or all
    #[command(after_help = "Example:\n  fauxkey device fault clear")]
    Clear {
        /// Its number in the list [default: all]
        id: Option<u64>,
        /// On which device
        #[command(flatten)]
        on: OnDevice,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_a_file_and_everything_else_a_policy() {
        assert_eq!("script=a.toml".parse(), Ok(Approval::Script("a.toml".into())));
        assert_eq!("approve".parse(), Ok(Approval::Policy(UserPolicy::APPROVE)));
        for bad in ["script=", "scripted"] {
            assert!(bad.parse::<Approval>().unwrap_err().ends_with("; or script=FILE"), "{bad}");
        }
    }

    #[test]
    fn a_name_that_ends_so_is_a_file_and_everything_else_a_fault() {
        assert_eq!("a/faults.toml".parse(), Ok(FaultSource::File("a/faults.toml".into())));
        let once = Fault::new(emulator::faults::Kind::BadSignature).once();
        assert_eq!("bad-signature,once".parse(), Ok(FaultSource::One(once)));
        let error = "bad-signatur".parse::<FaultSource>().unwrap_err();
        assert_eq!(error, "`bad-signatur` is no fault: did you mean `bad-signature`?");
    }
}
