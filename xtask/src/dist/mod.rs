//! `cargo xtask dist`: what others take. One binary for every Linux of this machine's kind whose glibc is not older
//! than `BASELINE`, the packages for test harnesses, and SHA-256 checksums, in `target/dist`.
//!
//! rustup has an old glibc for no target, so cargo-zigbuild links against the stubs that Zig carries. What came of it
//! is read from the binary, and from the library in it that `exec` puts into programs; then the binary is run.
mod clean;
mod elf;

use crate::bindings;
use crate::venv::Venv;
use crate::workspace::{Workspace, run as run_command};
use anyhow::{Context, Result, bail};
use elf::{Glibc, Needs};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to do besides.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also follow README.md and fixtures/ci in a Debian of its own, which debootstrap makes; as root
    #[arg(long)]
    clean_root: bool,
}

impl Args {
    /// Everything.
    pub(crate) const fn all() -> Self {
        Self { clean_root: true }
    }
}

/// The oldest that Rust's standard library takes: Red Hat's of 2014.
const BASELINE: Glibc = Glibc(2, 17);
const REQUIREMENTS: &str = "xtask/dist-requirements.txt";
/// What the binary carries for `exec`.
const PRELOAD: &str = "libudev.so.1";

/// Where things are made, and where what others take is put.
struct Dist<'a> {
    workspace: &'a Workspace,
    venv: Venv,
    /// For cargo and others.
    building: PathBuf,
    /// Nothing but what is in the list of checksums.
    out: PathBuf,
}

/// Makes it all; where it is comes last.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        bail!(
            "only a Linux with glibc makes the portable binary\nhint: here, `cargo build --release` is for this machine"
        );
    }
    let dist = Dist {
        workspace,
        venv: Venv::with(workspace, REQUIREMENTS)?,
        building: workspace.target().join("dist-build"),
        out: workspace.target().join("dist"),
    };
    if dist.out.exists() {
        fs::remove_dir_all(&dist.out).with_context(|| format!("cannot clear {}", dist.out.display()))?;
    }
    for folder in [&dist.building, &dist.out] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let target = host()?;
    let binary = dist.binary(&target)?;
    dist.examine(&binary)?;
    dist.try_out(&binary)?;
    dist.archive(&binary, &target)?;
    dist.packages()?;
    for line in dist.checksums()?.lines() {
        println!("{line}");
    }
    if args.clean_root {
        clean::follow(&dist)?;
    }
    eprintln!("dist: all of it is in {}", dist.out.display());
    Ok(())
}

/// The only target whose standard library is sure to be there.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("rustc -vV does not name its host")
}

impl Dist<'_> {
    /// The packages for npm and PyPI.
    fn packages(&self) -> Result<()> {
        let folder = bindings::pack(self.workspace)?.folder;
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            let name = path.file_name().context("it is a file")?;
            fs::copy(&path, self.out.join(name))
                .with_context(|| format!("cannot copy {}", path.display()))?;
        }
        Ok(())
    }

    /// Builds it with the oldest glibc.
    fn binary(&self, target: &str) -> Result<PathBuf> {
        eprintln!("dist: building for {target}, glibc {BASELINE}");
        let mut zigbuild = self.workspace.command(self.venv.program("cargo-zigbuild"));
        zigbuild.args([
            "zigbuild",
            "--locked",
            "--quiet",
            "--profile",
            "dist",
            "--package",
            "fauxkey",
            "--bin",
            "fauxkey",
        ]);
        zigbuild.arg("--target").arg(format!("{target}.{BASELINE}"));
        zigbuild.arg("--target-dir").arg(&self.building);
        // Zig is a package of the same environment, found as `python -m ziglang`.
        zigbuild.env("PATH", self.venv.path()?);
        zigbuild.env("ZIG_GLOBAL_CACHE_DIR", self.building.join("zig"));
        zigbuild.env("CARGO_ZIGBUILD_CACHE_DIR", self.building.join("zigbuild"));
        // Messages of panics name files, but not this machine's folders.
        let prefixes =
            self.folders()?.map(|(folder, instead)| format!("--remap-path-prefix={folder}={instead}"));
        zigbuild.env("CARGO_ENCODED_RUSTFLAGS", prefixes.join("\x1f"));
        run_command(&mut zigbuild)?;
        Ok(self.building.join(target).join("dist").join("fauxkey"))
    }

    /// Folders of this machine that no binary names, and what stands for each.
    fn folders(&self) -> Result<[(String, &'static str); 2]> {
        let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let cargo =
            cargo.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("there is no home")?;
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a folder's name is not UTF-8");
        Ok([(text(self.workspace.root())?, "fauxkey"), (text(&cargo)?, "cargo")])
    }

    /// Refuses a binary that would not run elsewhere, or tells of this machine.
    fn examine(&self, binary: &Path) -> Result<()> {
        let file = fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
        let program = Needs::of(&file).with_context(|| format!("{} is no ELF file", binary.display()))?;
        if program.loader.is_none() {
            bail!("the binary is linked statically: it could look up no names, and `exec` would not work");
        }
        let library =
            elf::carried(&file, PRELOAD).with_context(|| format!("the binary carries no {PRELOAD}"))?;
        for (name, needs) in [("fauxkey", &program), (PRELOAD, &library)] {
            let glibc = needs.glibc().with_context(|| name.to_owned())?;
            if glibc > BASELINE {
                bail!(
                    "{name} needs glibc {glibc}, newer than {BASELINE}\nhint: its symbols are of {:?}",
                    needs.versions
                );
            }
            eprintln!("dist: {name} needs glibc {glibc}");
        }
        let [(root, _), (cargo, _)] = self.folders()?;
        // With what is below them: `/src` alone, a folder in many containers, is part of every other path.
        for path in [format!("{root}/crates/"), format!("{root}/target/"), format!("{cargo}/registry/")] {
            if elf::holds(&file, path.as_bytes()) {
                bail!("the binary names {path}, a folder of this machine");
            }
        }
        Ok(())
    }

    /// Runs it: the whole story, and a program that sees a device.
    fn try_out(&self, binary: &Path) -> Result<()> {
        let home = tempfile::tempdir().context("cannot make a home for the trial")?;
        let fauxkey = |args: &[&str]| {
            let mut command = self.workspace.command(binary);
            command.args(args).env("FAUXKEY_HOME", home.path());
            let output = command.output().context("cannot start the binary")?;
            if !output.status.success() {
                bail!(
                    "fauxkey {} ended with {}\n{}",
                    args.join(" "),
                    output.status,
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let version = fauxkey(&["--version"])?;
        if version.trim() != format!("fauxkey {}", self.version()) {
            bail!("the binary says {:?}", version.trim());
        }
        fauxkey(&["rehearse"])?;
        let node = "/dev/hidraw64";
        let seen = fauxkey(&["exec", "--ephemeral", "--", "ls", node])?;
        if seen.trim() != node {
            bail!("a program under `fauxkey exec` does not see {node}, but {:?}", seen.trim());
        }
        Ok(())
    }

    /// All crates have one.
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// The binary with its licences, the same bytes from the same commit.
    fn archive(&self, binary: &Path, target: &str) -> Result<()> {
        let name = format!("fauxkey-{}-{target}", self.version());
        let folder = self.building.join(&name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let root = self.workspace.root();
        let files = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"].map(|file| (root.join(file), file));
        for (from, to) in files.into_iter().chain([(binary.to_owned(), "fauxkey")]) {
            fs::copy(&from, folder.join(to)).with_context(|| format!("cannot copy {}", from.display()))?;
        }
        let mut tar = self.workspace.command("tar");
        tar.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
        tar.arg("--mode=u=rwX,go=rX").arg(format!("--mtime=@{}", self.date()));
        tar.arg("--use-compress-program=gzip --no-name").arg("--file");
        tar.arg(self.out.join(format!("{name}.tar.gz"))).arg("--directory").arg(&self.building).arg(&name);
        run_command(&mut tar)
    }

    /// Seconds since 1970: the commit's, or none without git.
    fn date(&self) -> String {
        let git = self.workspace.command("git").args(["log", "-1", "--format=%ct"]).output();
        let date = git.ok().filter(|output| output.status.success());
        date.and_then(|output| String::from_utf8(output.stdout).ok())
            .map_or_else(|| "0".into(), |date| date.trim().into())
    }

    /// Writes `SHA256SUMS`, as `sha256sum --check` reads it.
    fn checksums(&self) -> Result<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.out).with_context(|| format!("cannot list {}", self.out.display()))? {
            names.push(entry?.file_name().into_string().ok().context("an archive's name is not UTF-8")?);
        }
        names.sort();
        let mut lines = String::new();
        for name in names {
            let file = fs::read(self.out.join(&name)).with_context(|| format!("cannot read {name}"))?;
            for byte in Sha256::digest(&file) {
                write!(lines, "{byte:02x}").context("a text takes everything")?;
            }
            writeln!(lines, "  {name}").context("a text takes everything")?;
        }
        fs::write(self.out.join("SHA256SUMS"), &lines).context("cannot write SHA256SUMS")?;
        Ok(lines)
    }
}
