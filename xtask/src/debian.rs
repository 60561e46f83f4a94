//! Debian packages that peers and the virtual machine bring with them.
use anyhow::{Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// A package, and a file of it by which one sees that it is there.
#[derive(Clone, Copy)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    /// Installing it starts a server, where there is somebody who starts servers.
    pub(crate) serves: bool,
}

impl Package {
    /// A package without a server.
    pub(crate) const fn new(name: &'static str, file: &'static str) -> Self {
        Self { name, file, serves: false }
    }

    /// A library is found in the folder of its machine, too.
    fn is_there(self) -> bool {
        let multiarch = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        Path::new(self.file).exists() || Path::new(&self.file.replace("/usr/lib", &multiarch)).exists()
    }
}

/// Installs the packages whose file is missing, if this is root on Debian; or else says which.
pub(crate) fn install(packages: &[Package]) -> Result<()> {
    let missing: Vec<Package> = packages.iter().copied().filter(|package| !package.is_there()).collect();
    let would_serve =
        Path::new("/run/systemd/system").exists() && missing.iter().any(|package| package.serves);
    bring(&missing.iter().map(|package| package.name).collect::<Vec<_>>(), would_serve)
}

/// The same for packages that dpkg is asked for.
pub(crate) fn install_named(packages: &[&str]) -> Result<()> {
    bring(&packages.iter().copied().filter(|package| !is_installed(package)).collect::<Vec<_>>(), false)
}

fn bring(names: &[&str], would_serve: bool) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let root = rustix::process::geteuid().is_root();
    if !root || !Path::new("/usr/bin/apt-get").exists() || would_serve {
        let names = names.join(" ");
        bail!("{names} is missing\nhint: on Debian, `sudo apt-get install --no-install-recommends {names}`");
    }
    eprintln!("xtask: installing {}", names.join(", "));
    let install = [&["install", "--quiet", "--yes", "--no-install-recommends"], names].concat();
    if apt_get(&install).is_err() {
        // On a bare machine, nobody has fetched the lists of packages yet, and old lists name what is gone.
        apt_get(&["update", "--quiet"])?;
        apt_get(&install)?;
    }
    Ok(())
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
