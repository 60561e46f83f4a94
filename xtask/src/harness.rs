//! What judges the packages for test harnesses: they are installed from their archives, beside nothing of ours.
use crate::bindings;
use crate::peers::Peer;
use crate::venv::Venv;
use crate::workspace::{Workspace, run};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = "tests/peers/harness/requirements.txt";
/// Debian 12 has no package of it. It is Mozilla's own, from crates.io.
const GECKODRIVER: &str = "0.37.1";

/// Everything that is installed.
pub(crate) struct Harness {
    venv: Venv,
    archives: PathBuf,
}

impl Harness {
    /// Packs the packages, and installs those for Python; the one for Node is installed where it is used.
    pub(crate) fn install(workspace: &Workspace) -> Result<Self> {
        let archives = bindings::pack(workspace)?.folder;
        let venv = Venv::named(workspace, "harness", REQUIREMENTS)?;
        let mut pip = workspace.command(venv.program("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
        // They have been of this version before, and may be others now.
        pip.args(["--no-deps", "--no-index", "--force-reinstall"]).args(wheels(&archives)?);
        run(&mut pip)?;
        Ok(Self { venv, archives })
    }

    /// What judges, in an environment in which the packages are installed.
    pub(crate) fn command(&self, workspace: &Workspace, peer: Peer, fauxkey: &Path) -> Result<Command> {
        let mut command = workspace.command(self.venv.program("python"));
        command.args(["-B", "-u", peer.script()]).env("FAUXKEY_BIN", fauxkey);
        command.env("FAUXKEY_ARCHIVES", &self.archives);
        if peer.drives_firefox() {
            command.env("GECKODRIVER", geckodriver(workspace)?);
        }
        command.env("FAUXKEY_PEERS", workspace.target().join("peers"));
        // Neither reports of use nor downloads of browsers.
        command.env("SE_AVOID_STATS", "true").env("SE_OFFLINE", "true");
        Ok(command)
    }
}

fn wheels(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = || format!("cannot read {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            found.push(path);
        }
    }
    Ok(found)
}

/// The program, which is built once. That takes some minutes.
fn geckodriver(workspace: &Workspace) -> Result<PathBuf> {
    let root = workspace.target().join("peers").join("geckodriver");
    let program = root.join("bin").join("geckodriver");
    if !program.exists() {
        eprintln!("xtask: building geckodriver {GECKODRIVER}");
        let mut cargo = workspace.cargo(["install", "--quiet", "--locked", "geckodriver", "--version"]);
        run(cargo.arg(GECKODRIVER).arg("--root").arg(&root).current_dir(workspace.target()))?;
    }
    Ok(program)
}
