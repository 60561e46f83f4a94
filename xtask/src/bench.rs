//! `cargo xtask bench`.
use crate::peers::{self, Extent, Peer};
use crate::workspace::{Build, Workspace, run as run_command};
use anyhow::Result;
use std::ffi::OsString;

/// What the bench program is told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For the bench program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub(crate) args: Vec<OsString>,
}

/// Builds the bench program, and the fauxkey whose start it times, with optimisation, and runs it; then, unless it was
/// told what to measure, how fast pages are.
pub(crate) fn run(workspace: &Workspace, args: &[OsString]) -> Result<()> {
    workspace.fauxkey(Build::Release)?;
    let program = run_command(
        workspace.cargo(["run", "--locked", "--quiet", "--release", "--package", "bench", "--"]).args(args),
    );
    if !args.is_empty() {
        return program;
    }
    // Whatever was missed, all figures are wanted.
    program.and(peers::run(workspace, &[Peer::PageSpeed], Build::Release, Extent::Full))
}
