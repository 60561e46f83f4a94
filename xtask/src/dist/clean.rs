//! Whether others can follow us: `README.md`'s "In CI", the jobs of the workflow and the recipe of the image, step by
//! step in a Debian that has nothing of this machine. `tests/ci/follow.py` reads and follows them.
use super::Dist;
use crate::debian::{self, Package};
use crate::workspace::run as run_command;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makers of a root and of an image, Debian's.
const PACKAGES: [Package; 2] =
    [Package::new("debootstrap", "/usr/sbin/debootstrap"), Package::new("buildah", "/usr/bin/buildah")];
/// The oldest that mirrors are sure to have, for its glibc (2.31), and the one after it (2.36).
const SUITES: [&str; 2] = ["bullseye", "bookworm"];
/// What the runners of GitHub have, and the least of Debian has not.
const INCLUDE: &str = "ca-certificates,sudo";

/// Follows all of it.
pub(super) fn follow(dist: &Dist<'_>) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("a clean root is made by root\nhint: `sudo`, or leave --clean-root out");
    }
    debian::install(&PACKAGES)?;
    let root = root(dist)?;
    let mut follow = dist.workspace.command(dist.venv.program("python"));
    follow
        .args(["-B", "-u", "tests/ci/follow.py"])
        .arg(&root)
        .arg(&dist.out)
        .arg(dist.building.join("clean"));
    run_command(&mut follow)
}

/// A Debian as an archive, kept for the next time.
fn root(dist: &Dist<'_>) -> Result<PathBuf> {
    let archive = |suite: &str| dist.building.join(format!("debian-{suite}.tar"));
    if let Some(there) = SUITES.iter().map(|suite| archive(suite)).find(|path| path.exists()) {
        return Ok(there);
    }
    let folder = dist.building.join("debootstrap");
    for suite in SUITES {
        eprintln!("dist: making a Debian {suite}");
        remove(&folder)?;
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", "--include", INCLUDE, suite]).arg(&folder).args(mirror());
        if let Err(error) = run_command(debootstrap.stdout(std::process::Stdio::null())) {
            eprintln!("dist: no {suite}: {error:#}");
            continue;
        }
        // Devices are the kernel's; whoever unpacks this has his own.
        let unfinished = dist.building.join("debian.tar");
        let mut tar = Command::new("tar");
        tar.args(["--create", "--exclude=./dev/*", "--exclude=./var/cache/apt/archives/*.deb", "--file"]);
        run_command(tar.arg(&unfinished).arg("--directory").arg(&folder).arg("."))?;
        remove(&folder)?;
        fs::rename(&unfinished, archive(suite)).context("cannot keep the root")?;
        return Ok(archive(suite));
    }
    bail!("debootstrap made none of {}\nhint: what it prints above says why", SUITES.join(", "))
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// Where this machine has its own packages from, if it is a Debian: debootstrap's own idea of a mirror otherwise.
fn mirror() -> Option<String> {
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(RELEASE) $(ORIGIN) $(SITE)", "Created-By: Packages"])
        .output()
        .ok()?;
    main_site(&String::from_utf8_lossy(&output.stdout))
}

/// The site of the release itself, not of its updates.
fn main_site(targets: &str) -> Option<String> {
    targets.lines().find_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [release, "Debian", site] if !release.contains(['-', '/']) => Some(site.to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_that_of_the_release_itself() {
        let targets = "bookworm-security Debian http://a.test/security\nnoble Ubuntu http://b.test/\n\
                       bookworm Debian http://c.test/debian\n";
        assert_eq!(main_site(targets).as_deref(), Some("http://c.test/debian"));
        assert_eq!(main_site("noble Ubuntu http://b.test/"), None);
    }
}
