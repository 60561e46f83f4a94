//! Programs of Debian that a chore needs.
use anyhow::{Result, bail};
use std::process::{Command, Stdio};

/// Installs what is not installed yet, if we are root on Debian.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let command = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if !rustix::process::geteuid().is_root() {
        bail!("not installed: {}\nhint: sudo {command}", missing.join(", "));
    }
    eprintln!("xtask: installing {}", missing.join(", "));
    apt_get(&["update", "--quiet"])?;
    apt_get(&[&["install", "--yes", "--quiet", "--no-install-recommends"], missing.as_slice()].concat())
}

/// Runs apt-get, waiting for others who do.
pub(crate) fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["-o", "DPkg::Lock::Timeout=600"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null());
    crate::workspace::run(&mut command)
}

fn is_installed(package: &str) -> bool {
    let mut command = Command::new("dpkg-query");
    command.args(["--show", "--showformat", "${Status}", package]).stderr(Stdio::null());
    command.output().is_ok_and(|output| output.stdout.ends_with(b"ok installed"))
}
