//! `fauxkey browser` and `fauxkey extension`.
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use client::Client;
use std::ffi::OsString;
use std::path::PathBuf;

pub(super) const EXAMPLE: &str = "Example:
  fauxkey browser https://login.example.test
  fauxkey browser --browser firefox --device key https://login.example.test
  fauxkey browser --route script --browser chromium https://login.example.test -- --headless=new
  fauxkey browser --print

Routes: with exec the browser itself speaks CTAP to the device, as with a key in its port (Linux). With extension and
script, fauxkey does what a browser would between page and device; both reach Chrome, Edge and Chromium over DevTools'
pipe, extension also Firefox. The first of the three that works here is taken.";

pub(super) const EXTENSION_EXAMPLE: &str = "Example:
  fauxkey extension fauxkey-extension

Chromium: open chrome://extensions, switch on the developer mode, load DIR unpacked. Firefox: about:debugging, This
Firefox, Load Temporary Add-on, DIR/manifest.json. The package is paired with the instance that runs; one that starts
later has another address and token: write the package again, or give the extension's page what --pairing prints.";

/// Which browser, and by which way it sees the devices.
#[derive(Args)]
pub struct Browser {
    /// The page to open
    #[arg(value_name = "URL", default_value = "about:blank")]
    pub url: String,
    /// Which browser: chromium, chrome, edge, firefox, or the path of one [default: the first that is installed]
    #[arg(long, value_name = "NAME|PATH")]
    pub browser: Option<String>,
    /// By which way
    #[arg(long, value_enum, value_name = "ROUTE", default_value_t = Route::Auto)]
    pub route: Route,
    /// Print the command lines that would do it, and do nothing
    #[arg(long)]
    pub print: bool,
    /// Keep the browser's own profile in DIR [default: a new one, gone at the end]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Which device pages see; made if there is none and no instance runs
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// Of which profile the device is to be, where one is made
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// A new device that is kept nowhere, whatever else runs
    #[arg(long)]
    pub ephemeral: bool,
    /// With extension and script: whose rules to follow [default: what suits device and page]
    ///
    /// With raw, pages get the device's answers as they are, which no browser does; the trace marks it.
    #[arg(long, value_name = "CLIENT", value_parser = client())]
    pub client: Option<Client>,
    /// With extension and script: open pages whatever their certificate is
    #[arg(long)]
    pub any_certificate: bool,
    /// Write what passes to and from the devices to FILE
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// More arguments for the browser
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<OsString>,
}

/// By which way a browser sees the devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Route {
    /// The first that works here
    Auto,
    /// The browser's own CTAP, by a library that is put into it
    Exec,
    /// The extension
    Extension,
    /// A script in each page, and a binding of DevTools
    Script,
}

/// Where the extension goes.
#[derive(Args)]
pub struct Extension {
    /// The folder; it is made
    #[arg(value_name = "DIR", default_value = "fauxkey-extension")]
    pub folder: PathBuf,
    /// Which device pages see
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// Whose rules to follow [default: what suits device and page]
    #[arg(long, value_name = "CLIENT", value_parser = client())]
    pub client: Option<Client>,
    /// Print the pairing with the running instance, and write nothing
    #[arg(long)]
    pub pairing: bool,
}

fn client() -> impl TypedValueParser<Value = Client> {
    PossibleValuesParser::new(Client::ALL.map(Client::name))
        .map(|name| name.parse().expect("every name is one"))
}
