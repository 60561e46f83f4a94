//! `fauxkey hybrid`.
use super::{Approval, OnDevice, duration};
use crate::hybrid::fault::Fault;
use crate::hybrid::radio::Radio;
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(super) const EXAMPLE: &str = "\
Example:
  fauxkey hybrid lab -- chromium https://login.example.test
  fauxkey hybrid lab --auto-scan -- npx playwright test";

/// What to do over the hybrid transport.
#[derive(Subcommand)]
pub enum HybridVerb {
    /// Be the phone: answer the QR code that a computer shows
    #[command(after_help = "\
The code is FIDO:/ and digits, a picture (PNG, JPEG, WebP, BMP) or screenshot with it, or - for either on standard
input. The device does what its user does: see --approve.

A phone meets the computer at a tunnel service, and says by Bluetooth that it is near. In fauxkey hybrid lab both are
there. The services that real phones use, cable.ua5v.com (Google's) and cable.auth.com (Apple's), are other people's
and asked only with --public-tunnel.

Exit codes: 0 done, 1 refused by the phone or its user, 2 wrong use or broken, 3 nobody came or they left, 4 the other
side broke the protocol.

Example:
  fauxkey hybrid scan screenshot.png
  fauxkey hybrid scan --screen --json
  fauxkey hybrid scan --screen --fault bad-mac")]
    Scan(Scan),
    /// Be the computer: show a QR code, and register and sign in with the phone that scans it
    #[command(after_help = "\
Without --public-tunnel everything is on this machine: fauxkey hybrid scan in another terminal is the phone.
With it, a real phone can scan the code, if this machine has Bluetooth.

Example:
  fauxkey hybrid show
  fauxkey hybrid show --public-tunnel --rp-id example.com --verbose")]
    Show(Show),
    /// Run a program in a world of its own that has Bluetooth, tunnel services and names
    #[command(after_help = "\
The program gets namespaces of its own: no network but a loopback, where the names of the tunnel services lead to one of
ours on port 443 with a CA that programs trust there, and a system bus with a BlueZ of ours. Nothing outside is touched.
Servers under test are started inside, as PROGRAM or by it.

Example:
  fauxkey hybrid lab -- chromium https://login.example.test
  fauxkey hybrid lab --auto-scan --profile ms-authenticator-android -- npx playwright test
  fauxkey hybrid lab -- sh -c 'my-server & my-tests'")]
    Lab(Lab),
    /// What a phone can do wrong over hybrid
    #[command(after_help = "Example:\n  fauxkey hybrid faults")]
    Faults,
}

/// The ways between computer and phone.
#[derive(Args)]
pub struct OverWhat {
    /// How the phone says that it is near: bluez, bluez:hci1, socket:PATH, command:PROGRAM, off [default: bluez]
    #[arg(long, value_name = "RADIO", env = "FAUXKEY_RADIO", value_parser = radio)]
    pub advert: Option<Radio>,
    /// Where the tunnel service is, whatever its name says: HOST:PORT
    #[arg(long, value_name = "ADDRESS", env = "FAUXKEY_TUNNEL")]
    pub tunnel: Option<String>,
    /// Trust these certificates alone, in PEM, for the tunnel service
    #[arg(long, value_name = "FILE", env = "FAUXKEY_TUNNEL_CA")]
    pub tunnel_ca: Option<PathBuf>,
    /// Use the tunnel services of the public: Google's and Apple's
    #[arg(long, conflicts_with_all = ["tunnel", "tunnel_ca"])]
    pub public_tunnel: bool,
}

fn radio(text: &str) -> Result<Radio, String> {
    text.parse().map_err(|failure: crate::control::Failure| match failure.hint {
        Some(hint) => format!("{}: {hint}", failure.message),
        None => failure.message,
    })
}

/// How old a code may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxAge(pub Option<Duration>);

impl FromStr for MaxAge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "any" { Ok(Self(None)) } else { duration(text).map(|age| Self(Some(age))) }
    }
}

/// Which code, and what to do with it.
#[derive(Args)]
pub struct Scan {
    /// FIDO:/…, a file with a picture, or - for standard input
    #[arg(value_name = "CODE|FILE|-", required_unless_present = "screen", conflicts_with = "screen")]
    pub code: Option<String>,
    /// Look for a code on the screen of this X11 display [default: that of DISPLAY]
    #[arg(long, value_name = "DISPLAY", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub screen: Option<String>,
    /// How long to look for a code on the screen
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub wait: Duration,
    /// On which device
    #[command(flatten)]
    pub on: OnDevice,
    /// A new device of this profile that is kept nowhere
    #[arg(long, value_name = "PROFILE", conflicts_with = "device")]
    pub ephemeral: Option<String>,
    /// What the user does meanwhile: approve (or auto), ask, deny, ignore, wrong-finger, account=N, after=2s, script=FILE
    /// [default: as the device has it]
    #[arg(long, value_name = "POLICY")]
    pub approve: Option<Approval>,
    /// By which ways
    #[command(flatten)]
    pub ways: OverWhat,
    /// Refuse a code that is older; any for no limit
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub max_age: MaxAge,
    /// Offer to be called without a code from now on, and stay for that until the tunnel service ends
    #[arg(long)]
    pub link: bool,
    /// What the phone does wrong; see fauxkey hybrid faults
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<Fault>,
}

/// What to show, and to whom.
#[derive(Args)]
pub struct Show {
    /// The relying party that the passkey is for
    #[arg(long, value_name = "ID", default_value = "example.test")]
    pub rp_id: String,
    /// The account's name
    #[arg(long, value_name = "NAME", default_value = "ada@example.test")]
    pub user: String,
    /// Register only, and do not sign in
    #[arg(long)]
    pub register_only: bool,
    /// Ask the phone how to call it, and sign in so, without a second code; for fauxkey hybrid scan --link
    #[arg(long, conflicts_with = "register_only")]
    pub link: bool,
    /// By which ways
    #[command(flatten)]
    pub ways: OverWhat,
    /// Pretend that the code was made so long ago
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub age: Option<Duration>,
    /// Write the code as a picture to FILE too
    #[arg(long, value_name = "FILE")]
    pub png: Option<PathBuf>,
}

/// Which program, and who scans.
#[derive(Args)]
pub struct Lab {
    /// A phone scans every code that appears on the screen of DISPLAY, or of the display that PROGRAM starts
    #[arg(long)]
    pub auto_scan: bool,
    /// The phone's profile; it is a new one, kept nowhere
    #[arg(long, value_name = "PROFILE", default_value = crate::instance::DEFAULT_PROFILE)]
    pub profile: String,
    /// What the phone's user does: approve (or auto), deny, ignore, wrong-finger, account=N, after=2s
    #[arg(long, value_name = "POLICY", requires = "auto_scan")]
    pub approve: Option<emulator::UserPolicy>,
    /// A name that leads to the loopback inside, for a server under test
    #[arg(long, value_name = "HOST")]
    pub name: Vec<String>,
    /// For root: appear as this user and group inside, as browsers refuse their sandbox to root
    #[arg(long, value_name = "UID:GID", value_parser = user)]
    pub appear_as: Option<(u32, u32)>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM")]
    pub program: Vec<OsString>,
}

fn user(text: &str) -> Result<(u32, u32), String> {
    let wrong = || "expected two numbers such as 1000:1000".to_owned();
    let (user, group) = text.split_once(':').ok_or_else(wrong)?;
    Ok((user.parse().map_err(|_| wrong())?, group.parse().map_err(|_| wrong())?))
}
