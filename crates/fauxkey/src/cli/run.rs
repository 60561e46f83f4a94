//! `fauxkey run` and `fauxkey up`.
use clap::{Args, ValueEnum};
use emulator::UserPolicy;
use std::net::SocketAddr;
use std::path::PathBuf;

pub(super) const EXAMPLE: &str = "Example:
  fauxkey run --approve ask

For a test harness:
  fauxkey run --ephemeral --ready-file ready.json --exit-with-parent";

/// What to run, where programs reach it, and who answers.
#[derive(Args)]
pub struct Run {
    /// Run only this device; made if the home has none [default: all, or phone where there is none]
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// Run the devices of this profile; one is made if there is none [default: ms-authenticator-ios]
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Where programs reach the devices [default: auto, everything that works here]
    #[arg(long, value_name = "DOOR", value_enum)]
    pub attach: Vec<Door>,
    /// Address of the socket: unix:PATH or tcp:127.0.0.1:PORT (a port of 0 takes a free one)
    #[arg(long, value_name = "ADDRESS")]
    pub socket: Option<String>,
    /// What the user does: approve (or auto), ask, deny, ignore, after=2s [default: as the device has it]
    #[arg(long, value_name = "POLICY")]
    pub approve: Option<UserPolicy>,
    /// Keep nothing on disk: a new device, gone when this ends
    #[arg(long)]
    pub ephemeral: bool,
    /// Address of the control API and the page
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Write what is there to FILE, as JSON, once everything listens
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// End when the process that started this one ends
    #[arg(long)]
    pub exit_with_parent: bool,
}

/// Where programs reach a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Door {
    /// Everything that works here.
    Auto,
    /// A socket that carries CTAPHID reports.
    Socket,
    /// Programs that `fauxkey exec` starts.
    Exec,
    /// A HID device of the kernel, through /dev/uhid.
    Uhid,
}
