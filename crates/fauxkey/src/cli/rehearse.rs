//! `fauxkey rehearse`.
use super::Behaviour;
use crate::rehearse::CrossDevice;
use clap::Args;

pub(super) const EXAMPLE: &str = "\
Two stories: of one device and a relying party, and of an Entra-like tenant with a phone, from the policy to the limits.
Both are played if nothing is said.

Example:
  fauxkey rehearse
  fauxkey rehearse --behaviour 2024-preview
  fauxkey rehearse --behaviour current --cross-device hybrid
  fauxkey rehearse --profile ms-authenticator-android";

/// The whole story, unattended.
#[derive(Args)]
pub struct Rehearse {
    /// Play the story of a device of this built-in profile; may be given several times
    #[arg(long, value_name = "NAME")]
    pub profile: Vec<String>,
    /// Play the story of a tenant that behaves so; may be given several times
    #[arg(long, value_name = "WHEN", value_enum)]
    pub behaviour: Vec<Behaviour>,
    /// How the computer reaches the phone in the tenant's story
    #[arg(long, value_name = "HOW", value_enum, default_value = "hid")]
    pub cross_device: CrossDevice,
}
