//! `fauxkey account`.
use super::OnDevice;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

pub(super) const EXAMPLE: &str = "\
The Authenticator app on a device: + → Work or school account. The account gets a passkey on this very device and, as the
tenant's policy says, push notifications, phone sign-in and one-time codes.

Example:
  fauxkey account add adele@contoso.test --pass 7kQ2mR9x
  fauxkey account list";

/// What to do with the app's accounts.
#[derive(Subcommand)]
pub enum AccountVerb {
    /// Sign in to a tenant in the app, and register a passkey on the device
    #[command(
        after_help = "Example:\n  fauxkey account add adele@contoso.test --pass 7kQ2mR9x\n  fauxkey account add adele@contoso.test --password - --code 287082",
        group = ArgGroup::new("first").required(true)
    )]
    Add(Box<AddAccount>),
    /// What the app lists: accounts, and passkeys that were registered from other devices
    #[command(after_help = "Example:\n  fauxkey account list --device phone")]
    List {
        /// Where
        #[command(flatten)]
        on: OnDevice,
    },
    /// Delete an entry with its passkey; the tenant does not hear of it
    #[command(after_help = "Example:\n  fauxkey account delete adele@contoso.test --yes")]
    Delete {
        /// The user's name, or the ID as in the list
        account: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Where
        #[command(flatten)]
        on: OnDevice,
    },
    /// The one-time code that the app shows now
    #[command(after_help = "Example:\n  fauxkey account code adele@contoso.test")]
    Code {
        /// The user's name, or the ID as in the list; needed only where there are several accounts
        account: Option<String>,
        /// Where
        #[command(flatten)]
        on: OnDevice,
    },
    /// Answer the sign-in that waits: type the number that is shown there
    #[command(
        after_help = "Example:\n  fauxkey account approve 42\n  fauxkey account approve --decline",
        group = ArgGroup::new("answer").required(true)
    )]
    Approve {
        /// The number that is shown where somebody signs in
        #[arg(group = "answer", value_parser = clap::value_parser!(u8).range(0..=99))]
        number: Option<u8>,
        /// It was somebody else: decline
        #[arg(long, group = "answer")]
        decline: bool,
        /// The user's name, or the ID as in the list; needed only where several wait
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// Where
        #[command(flatten)]
        on: OnDevice,
    },
}

/// `account add`.
#[derive(Args)]
pub struct AddAccount {
    /// The user's name, such as adele@contoso.test
    pub user: String,
    /// A Temporary Access Pass; - reads it from standard input
    #[arg(long, value_name = "PASS", group = "first")]
    pub pass: Option<String>,
    /// The password, where MFA is set up already; - reads it from standard input
    #[arg(long, value_name = "PASSWORD", group = "first")]
    pub password: Option<String>,
    /// A one-time code, beside the password
    #[arg(long, value_name = "CODE", requires = "password", conflicts_with = "push")]
    pub code: Option<String>,
    /// Ask for a push notification beside the password, on the phone that has the account already
    #[arg(long, requires = "password")]
    pub push: bool,
    /// Where the tenant is [default: that of fauxkey up, or the last one]
    #[arg(long, value_name = "URL")]
    pub tenant: Option<String>,
    /// What the passkey is to be called at the tenant
    #[arg(long, value_name = "NAME")]
    pub display_name: Option<String>,
    /// The version of the phone's system, for phones that are too old
    #[arg(long, value_name = "VERSION")]
    pub os_version: Option<String>,
    /// The version of the app
    #[arg(long, value_name = "VERSION")]
    pub app_version: Option<String>,
    /// Whether the app's "Usage data" is on
    #[arg(long, value_name = "ON|OFF", value_enum)]
    pub usage_data: Option<OnOff>,
    /// Whether the app is enabled in AutoFill
    #[arg(long, value_name = "ON|OFF", value_enum)]
    pub auto_fill: Option<OnOff>,
    /// Where
    #[command(flatten)]
    pub on: OnDevice,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
    /// On
    On,
    /// Off
    Off,
}
