//! `fauxkey webauthn`.
use super::OnDevice;
use crate::control::Link;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use client::Client;

pub(super) const EXAMPLE: &str =
    "Example:\n  fauxkey webauthn create options.json --origin https://login.example.test";

/// Which ceremony.
#[derive(Subcommand)]
pub enum WebauthnVerb {
    /// Register: make a passkey, and print the RegistrationResponseJSON
    #[command(after_help = "\
FILE holds PublicKeyCredentialCreationOptionsJSON, {\"publicKey\": …}, or the creationOptions of Microsoft Graph.

Example:
  fauxkey webauthn create options.json --origin https://login.example.test > registration.json

For Microsoft Graph:
  fauxkey webauthn create options.json --origin https://login.microsoft.com \\
      --format graph --display-name Phone")]
    Create(Create),
    /// Sign in: use a passkey, and print the AuthenticationResponseJSON
    #[command(after_help = "\
FILE holds PublicKeyCredentialRequestOptionsJSON or {\"publicKey\": …}.

Example:
  fauxkey webauthn get options.json --origin https://login.example.test --account ada@example.test")]
    Get(Get),
}

/// A registration.
#[derive(Args)]
pub struct Create {
    /// Who asks, and of whom.
    #[command(flatten)]
    pub page: Page,
    /// What to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Json)]
    pub format: Format,
    /// This platform is managed, and allows enterprise attestation to this RP ID
    ///
    /// It is then asked for as platform-managed (2), and otherwise as vendor-facilitated (1), if the options ask for
    /// enterprise attestation and the device has it enabled.
    #[arg(long)]
    pub managed: bool,
    /// The passkey's name for Microsoft Graph, 1 to 30 characters (with --format graph)
    #[arg(long, value_name = "NAME")]
    pub display_name: Option<String>,
}

/// A sign-in.
#[derive(Args)]
pub struct Get {
    /// Who asks, and of whom.
    #[command(flatten)]
    pub page: Page,
    /// Which account, where there are several: its name, or its place counted from 0 at the newest
    #[arg(long, value_name = "NAME|INDEX")]
    pub account: Option<String>,
}

/// The page that asks, and the way to the authenticator.
#[derive(Args)]
pub struct Page {
    /// The options as JSON; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub options: String,
    // Not the doc comment, in which rustdoc would want a link and help would show its brackets.
    #[doc = "The origin of the page that asks"]
    #[arg(
        long,
        value_name = "URL",
        help = "The origin of the page that asks, such as https://login.example.test (required)"
    )]
    pub origin: Option<String>,
    /// Whose rules to follow between page and authenticator
    #[arg(long, value_name = "CLIENT", default_value_t = Client::SpecL3, value_parser = client())]
    pub client: Client,
    /// How the authenticator is reached [default: as the client does; else internal if the page wants a platform
    /// authenticator, and usb otherwise]
    #[arg(long, value_enum, value_name = "LINK")]
    pub link: Option<Over>,
    /// The PIN of the device, where it has one and it is needed (or set FAUXKEY_PIN)
    #[arg(long, value_name = "PIN", env = "FAUXKEY_PIN", hide_env = true)]
    pub pin: Option<String>,
    /// Which device.
    #[command(flatten)]
    pub on: OnDevice,
}

/// What to print of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// RegistrationResponseJSON
    Json,
    /// The body to post to Microsoft Graph
    Graph,
}

/// How the authenticator is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Over {
    /// CTAPHID
    Usb,
    /// It is part of the device that the page is open on
    Internal,
    /// Across devices, by QR code
    Hybrid,
}

impl From<Over> for Link {
    fn from(over: Over) -> Self {
        match over {
            Over::Usb => Self::Usb,
            Over::Internal => Self::Internal,
            Over::Hybrid => Self::Hybrid,
        }
    }
}

impl From<Over> for client::Link {
    fn from(over: Over) -> Self {
        match over {
            Over::Usb => Self::Usb,
            Over::Internal => Self::Internal,
            Over::Hybrid => Self::Hybrid,
        }
    }
}

fn client() -> impl TypedValueParser<Value = Client> {
    let names = PossibleValuesParser::new(Client::ALL.map(Client::name));
    names.try_map(|name| name.parse::<Client>())
}
