//! `fauxkey matrix`.
use super::duration;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use client::conveyance::Preference;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How long each step may take where nothing else is said: `default_value` below.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const EXAMPLE: &str = "\
Exit code 0: every passkey was taken; 1: one was refused; 2: it could not be told.

Example:
  fauxkey matrix http://localhost:8000/sign-up --html matrix.html
  fauxkey matrix http://localhost:8000 --attestation none,direct --accepted text=Welcome
  fauxkey matrix http://localhost:8000 --profile yubikey-5c,ms-authenticator-ios+packed --attestation direct
  fauxkey matrix http://localhost:8000 --browser firefox --route exec,extension
  fauxkey matrix http://localhost:8000 --only yubikey-5c/exec/none

Cells with certificates are attested by the home's test CA: a relying party that checks has to trust what fauxkey ca
export prints. While fauxkey run has that home, another CA attests, for one run, and the report says so.

With hybrid the browser runs in a fauxkey hybrid lab, whose phone scans its QR code, and reaches the page from there; that
takes Linux with user namespaces, Xvfb, and a Chromium with windows. Firefox has exec and extension. Cells that cannot be
tried say why.

What is done on the page stands in a file of steps; without one the likely fields are filled, and the likely button is
clicked. A target is a CSS selector, or text= and words:

  accepted = \"text=Welcome\"
  [[step]]
  fill = \"#username\"
  with = \"matrix-{n}@example.test\"   # or env:NAME for a secret
  [[step]]
  click = \"text=Create a passkey\"
  [[step]]
  wait = \"#done\"";

/// A sign-up page, with every profile by every route at every attestation preference.
#[derive(Args)]
pub struct Matrix {
    /// The sign-up page
    #[arg(value_name = "URL")]
    pub url: String,
    /// Devices of these profiles, built in or of one's own, with + and an option [default: both Authenticators, a key, Windows Hello, a synced provider]
    #[arg(long, value_name = "PROFILE", value_delimiter = ',')]
    pub profile: Vec<String>,
    /// By these ways [default: all]
    #[arg(long, value_name = "ROUTE", value_enum, value_delimiter = ',')]
    pub route: Vec<Way>,
    /// What the page is made to ask for [default: all]
    #[arg(long, value_name = "PREFERENCE", value_delimiter = ',', value_parser = preference())]
    pub attestation: Vec<Preference>,
    /// Try this cell alone; may be given several times
    #[arg(long, value_name = "PROFILE/ROUTE/PREFERENCE")]
    pub only: Vec<Coordinates>,
    /// Which browser: chromium, chrome, edge, firefox, or the path of one [default: the first that is installed]
    #[arg(long, value_name = "NAME|PATH")]
    pub browser: Option<String>,
    /// What is done on the page, as TOML [default: what looks right]
    #[arg(long, value_name = "FILE")]
    pub steps: Option<PathBuf>,
    /// What is on the page when a passkey was taken [default: the answer to who was sent the passkey says it]
    #[arg(long, value_name = "TARGET")]
    pub accepted: Option<String>,
    /// Write the matrix as one page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write it as JSON
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How long each step may take
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    pub patience: Duration,
    /// Show the browser, on this screen
    #[arg(long)]
    pub show: bool,
    /// Open the page whatever its certificate is
    #[arg(long)]
    pub any_certificate: bool,
    /// I may test this host, which is not of this machine; may be given several times
    #[arg(long = "i-am-authorised-to-test", value_name = "HOST")]
    pub authorised: Vec<String>,
    /// In a lab: the socket of who is outside
    #[arg(long, value_name = "SOCKET", hide = true)]
    pub way_out: Option<PathBuf>,
    /// More arguments for the browser
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<OsString>,
}

/// By which way the page reaches the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The browser's own CTAP, as with a key in its port
    Exec,
    /// A script in the page: fauxkey does what a browser would
    Script,
    /// The extension: fauxkey does what a browser would
    Extension,
    /// A phone across the room, by QR code, in a lab
    Hybrid,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Exec, Self::Script, Self::Extension, Self::Hybrid];

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Script => "script",
            Self::Extension => "extension",
            Self::Hybrid => "hybrid",
        }
    }
}

/// A cell of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coordinates {
    /// Of which profile the device is.
    pub profile: String,
    /// How the page reaches it.
    pub way: Way,
    /// What the page asks for.
    pub preference: Preference,
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.profile, self.way.name(), self.preference.name())
    }
}

impl FromStr for Coordinates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let [profile, way, preference] = parts.as_slice() else {
            return Err("expected PROFILE/ROUTE/PREFERENCE, such as yubikey-5c/exec/direct".into());
        };
        Ok(Self {
            profile: (*profile).into(),
            way: Way::from_str(way, false).map_err(|_| format!("there is no route {way:?}"))?,
            preference: Preference::ALL
                .into_iter()
                .find(|one| one.name() == *preference)
                .ok_or_else(|| format!("there is no attestation preference {preference:?}"))?,
        })
    }
}

fn preference() -> impl TypedValueParser<Value = Preference> {
    PossibleValuesParser::new(Preference::ALL.map(Preference::name))
        .map(|name| Preference::from_option(Some(&name)))
}
