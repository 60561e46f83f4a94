//! `fauxkey rehearse`.
use clap::Args;

pub(super) const EXAMPLE: &str = "Example:\n  fauxkey rehearse --profile ms-authenticator-android";

/// The whole story, unattended.
#[derive(Args)]
pub struct Rehearse {
    /// Play it with a device of this built-in profile; may be given several times
    #[arg(long, value_name = "NAME", default_values = ["ms-authenticator-ios", "ms-authenticator-android", "security-key"])]
    pub profile: Vec<String>,
}
