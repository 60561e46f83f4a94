//! Where everything is, and how to run things in it.
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The project's folder and cargo's.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

/// Which of the two builds of `fauxkey`.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Build {
    /// Built quickly
    Dev,
    /// As it is used
    Release,
}

impl Workspace {
    /// The workspace that this program was built in.
    pub(crate) fn here() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask/ lies in the workspace")?;
        let output = Command::new(cargo())
            .args(["metadata", "--format-version=1", "--no-deps"])
            .current_dir(root)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start cargo")?;
        if !output.status.success() {
            bail!("cargo metadata ended with {}", output.status);
        }
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let target =
            metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
        Ok(Self { root: root.into(), target: target.into() })
    }

    /// The project's folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where built things go.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Cargo, in the project's folder.
    pub(crate) fn cargo<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.command(cargo());
        command.args(args);
        // What cargo says of xtask to xtask: ring's build script reads such variables, and ring and all above it would be
        // built anew where `cargo build` has built them.
        let of_xtask = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| of_xtask.iter().any(|prefix| name.starts_with(prefix))) {
                command.env_remove(name);
            }
        }
        command
    }

    /// A program, in the project's folder and without standard input.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// Builds the binary and says where it is.
    pub(crate) fn fauxkey(&self, build: Build) -> Result<PathBuf> {
        let mut command = self.cargo(["build", "--locked", "--quiet", "--bin", "fauxkey"]);
        let folder = match build {
            Build::Dev => "debug",
            Build::Release => {
                command.arg("--release");
                "release"
            }
        };
        run(&mut command)?;
        Ok(self.target.join(folder).join(format!("fauxkey{}", std::env::consts::EXE_SUFFIX)))
    }
}

fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Runs a command to its end, which must be a good one.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = shown(command);
    let status = command.status().with_context(|| format!("cannot start {name}"))?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}

/// The command as one would type it, without folders before the program.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
