//! `fauxkey device`.
use super::{Approval, FaultVerb, OnDevice, duration};
use crate::control::Power;
use clap::{Subcommand, ValueEnum};
use std::time::Duration;

pub(super) const EXAMPLE: &str = "Example:\n  fauxkey device add tablet --profile ms-authenticator-android";

/// What to do with a device.
#[derive(Subcommand)]
pub enum DeviceVerb {
    /// Make a device
    #[command(after_help = "Example:\n  fauxkey device add key --profile security-key")]
    Add {
        /// What to call it: lower-case letters, digits and hyphens
        name: String,
        /// What it claims to be; NAME+packed, +packed-self, +fido-u2f, +tpm, +android-key, +android-safetynet, +apple
        /// and +none choose the attestation
        #[arg(long, value_name = "PROFILE", default_value = crate::instance::DEFAULT_PROFILE)]
        profile: String,
    },
    /// All devices
    #[command(after_help = "Example:\n  fauxkey device list")]
    List,
    /// One device
    #[command(after_help = "Example:\n  fauxkey device show phone")]
    Show {
        /// Which one; needed only where there are several and none is called phone
        name: Option<String>,
    },
    /// Delete a device and, for good, its passkeys
    #[command(after_help = "Example:\n  fauxkey device delete key --yes")]
    Delete {
        /// Which one
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Back to the factory state: every passkey is gone for good
    #[command(after_help = "Example:\n  fauxkey device reset phone --yes")]
    Reset {
        /// Which one
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Cut or give the power of a running device
    #[command(after_help = "Example:\n  fauxkey device power cycle")]
    Power {
        /// What to do
        #[arg(value_enum)]
        state: PowerState,
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
    /// Put a device on its reader of smart cards, or take it away
    #[command(after_help = "Example:\n  fauxkey device card remove --device key")]
    Card {
        /// What to do
        #[arg(value_enum)]
        place: CardPlace,
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
    /// What the user of a device does when asked
    #[command(after_help = "\
A script is TOML, or JSON if its name ends so; the first step that is about a question answers it:
  otherwise = \"approve\"      # where no step is about the question
  [[steps]]
  purpose = \"sign-in\"        # or register, token, select, reset ...; any, if absent
  rpId = \"example.test\"      # any, if absent
  prompt = 2                 # the second such question; each, if absent
  do = \"wrong-finger\"

Example:
  fauxkey device user after=2s
  fauxkey device user account=1
  fauxkey device user script=user.toml")]
    User {
        /// approve, ask, deny, ignore, wrong-finger, account=N, after=2s to approve later, or script=FILE
        policy: Approval,
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
    /// The PIN of a device: set, change, retries
    #[command(subcommand, after_help = "Example:\n  fauxkey device pin set 123456 --device key")]
    Pin(PinVerb),
    /// The fingers of a device with a fingerprint reader: list, add, rename, remove
    #[command(subcommand, after_help = "Example:\n  fauxkey device finger add thumb --device key")]
    Finger(FingerVerb),
    /// What a running device does wrong on purpose: kinds, arm, list, clear
    #[command(subcommand, after_help = "Example:\n  fauxkey device fault arm counter-backwards,once")]
    Fault(FaultVerb),
    /// Let the clock of a running device jump forward
    #[command(after_help = "Example:\n  fauxkey device clock --advance 30s")]
    Clock {
        /// By how much, such as 10s or 2m
        #[arg(long, value_name = "TIME", value_parser = duration)]
        advance: Duration,
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
}

/// What to do with a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CardPlace {
    /// Put it on the reader.
    Insert,
    /// Take it away.
    Remove,
}

/// What to do with a PIN, as a computer would do it: by authenticatorClientPIN.
#[derive(Subcommand)]
pub enum PinVerb {
    /// Set the first PIN
    #[command(after_help = "Example:\n  fauxkey device pin set 123456 --device key")]
    Set {
        /// At least 4 characters
        pin: String,
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
    /// Change the PIN
    #[command(after_help = "Example:\n  fauxkey device pin change 123456 654321 --device key")]
    Change {
        /// The PIN so far
        present: String,
        /// At least 4 characters
        new: String,
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
    /// How many wrong PINs are still allowed
    #[command(after_help = "Example:\n  fauxkey device pin retries --device key")]
    Retries {
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
}

/// What to do with fingers, as their owner and not as a computer: without PIN and samples.
#[derive(Subcommand)]
pub enum FingerVerb {
    /// The fingers that are enrolled
    #[command(after_help = "Example:\n  fauxkey device finger list --device key")]
    List {
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
    /// Enrol a finger; built-in verification works from the first one on
    #[command(after_help = "Example:\n  fauxkey device finger add thumb --device key")]
    Add {
        /// What to call it: at most 64 bytes
        name: Option<String>,
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
    /// Give a finger another name
    #[command(after_help = "Example:\n  fauxkey device finger rename thumb right-thumb --device key")]
    Rename {
        /// Its name, its ID, or a beginning of the ID
        finger: String,
        /// What to call it from now on: at most 64 bytes
        name: String,
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
    /// Forget a finger; after the last one only the PIN is left
    #[command(after_help = "Example:\n  fauxkey device finger remove thumb --device key")]
    Remove {
        /// Its name, its ID, or a beginning of the ID
        finger: String,
        /// Which one
        #[command(flatten)]
        on: OnDevice,
    },
}

/// What to do with the power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PowerState {
    /// Cut it
    Off,
    /// Give it
    On,
    /// Cut it and give it again
    Cycle,
}

impl From<PowerState> for Power {
    fn from(state: PowerState) -> Self {
        match state {
            PowerState::Off => Self::Off,
            PowerState::On => Self::On,
            PowerState::Cycle => Self::Cycle,
        }
    }
}
