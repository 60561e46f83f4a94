//! `fauxkey passkey`.
use super::OnDevice;
use clap::Subcommand;

pub(super) const EXAMPLE: &str = "Example:\n  fauxkey passkey list --json";

/// What to do with a passkey. A private key is never shown.
#[derive(Subcommand)]
pub enum PasskeyVerb {
    /// All discoverable passkeys of a device, newest first
    #[command(after_help = "Example:\n  fauxkey passkey list --device phone")]
    List {
        /// Where
        #[command(flatten)]
        on: OnDevice,
    },
    /// One passkey
    #[command(after_help = "Example:\n  fauxkey passkey show 5tQ9x")]
    Show {
        /// Its ID as in the list, or the whole credential ID in base64url
        id: String,
        /// Where
        #[command(flatten)]
        on: OnDevice,
    },
    /// Make a passkey without a ceremony, for tests: its public key is shown, and its private key stays inside
    #[command(after_help = "Example:\n  fauxkey passkey add example.test --name ada@example.test --json")]
    Add {
        /// The RP ID
        rp_id: String,
        /// The user handle in base64url [default: 16 random bytes]
        #[arg(long, value_name = "BASE64URL")]
        user_handle: Option<String>,
        /// The account name, such as ada@example.test
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The person's name
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// Which kind of key, such as ES256 [default: the profile's first]
        #[arg(long, value_name = "NAME")]
        algorithm: Option<String>,
        /// Where
        #[command(flatten)]
        on: OnDevice,
    },
    /// Give a passkey's account other names; the relying party does not learn of it
    #[command(
        after_help = "Example:\n  fauxkey passkey rename 5tQ9x --display-name \"Ada\"",
        group = clap::ArgGroup::new("names").required(true).multiple(true)
    )]
    Rename {
        /// Its ID as in the list, or the whole credential ID in base64url
        id: String,
        /// The account name, such as ada@example.test
        #[arg(long, value_name = "NAME", group = "names")]
        name: Option<String>,
        /// The person's name
        #[arg(long, value_name = "NAME", group = "names")]
        display_name: Option<String>,
        /// Where
        #[command(flatten)]
        on: OnDevice,
    },
    /// Delete a passkey for good
    #[command(after_help = "Example:\n  fauxkey passkey delete 5tQ9x --yes")]
    Delete {
        /// Its ID as in the list, or the whole credential ID in base64url
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Where
        #[command(flatten)]
        on: OnDevice,
    },
}
