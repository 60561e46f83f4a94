//! `fauxkey exec`.
use clap::Args;
use emulator::UserPolicy;
use std::ffi::OsString;
use std::path::PathBuf;

pub(super) const EXAMPLE: &str = "Example:
  fauxkey exec -- fido2-token -L
  fauxkey exec -- ssh-keygen -t ecdsa-sk -f key
  fauxkey exec --ephemeral -- chromium https://login.example.test
  fauxkey exec --print-env --json

The devices are those of the running instance (fauxkey run or up), or else they run in a process of their own,
until PROGRAM and those of every other exec have ended.
Any dynamically linked Linux program will do. Snap and Flatpak programs, and those that gain rights as they
start (setuid), do not let anybody in.";

/// Which program, and which devices it sees.
#[derive(Args)]
pub struct Exec {
    /// Show only this device; made if there is none and no instance runs [default: all]
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// Show only the devices of this profile; made if there is none and no instance runs
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// What the user does while no other instance runs: approve (or auto), ask, deny, ignore, wrong-finger, account=N,
    /// after=2s
    #[arg(long, value_name = "POLICY")]
    pub approve: Option<UserPolicy>,
    /// Write what passes between PROGRAM and the devices to FILE: pcapng if its name ends so, else JSON lines
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// A new device that is kept nowhere, whatever else runs
    ///
    /// The program finds FAUXKEY_URL and FAUXKEY_TOKEN in its environment, by which `fauxkey` and the API
    /// reach the device.
    #[arg(long)]
    pub ephemeral: bool,
    /// Run the program as this user, a name or a number; takes root
    ///
    /// The device's socket is that user's then, and HOME, USER and LOGNAME are set.
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Print the environment in which a program sees the devices, for those who start it themselves
    ///
    /// The devices are those of the instance that runs, or will run, in this home with `--attach exec`; the program sees
    /// them come and go. The environment is good for as long as the home is there.
    #[arg(long, conflicts_with_all = ["program", "ephemeral", "user", "approve", "trace", "profile"])]
    pub print_env: bool,
    /// The program and its arguments
    #[arg(
        required_unless_present = "print_env",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "PROGRAM"
    )]
    pub program: Vec<OsString>,
}
