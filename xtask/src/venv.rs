//! Python packages of our own: pinned, and out of everybody's way.
use crate::workspace::{Workspace, run};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// A virtual environment under `target/peers`.
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The environment with everything in a requirements file, given by its path in the workspace. Every package
    /// is to be listed with its version: what is not listed is not installed, and nothing is built from source.
    pub(crate) fn with(workspace: &Workspace, requirements: &str) -> Result<Self> {
        Self::named(workspace, "venv", requirements)
    }

    /// The same in an environment of that name, for what is not to be beside everything else.
    pub(crate) fn named(workspace: &Workspace, name: &str, requirements: &str) -> Result<Self> {
        let venv = Self { folder: workspace.target().join("peers").join(name) };
        let python = venv.program("python");
        if !works(workspace, &python) {
            venv.create(workspace)?;
        }
        let file = workspace.root().join(requirements);
        let wanted = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        // What was installed is written down inside the environment, so it goes when the environment goes.
        let stamp = venv.folder.join(requirements.replace(['/', '\\'], "-"));
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(venv);
        }
        eprintln!("xtask: installing what {requirements} lists");
        let mut pip = workspace.command(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
        run(pip.args(["--no-deps", "--only-binary", ":all:", "--requirement"]).arg(&file))?;
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
        Ok(venv)
    }

    /// A program in it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs().join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Where its programs are.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.join(if cfg!(windows) { "Scripts" } else { "bin" })
    }

    /// The `PATH` of this program with its programs first.
    ///
    /// # Errors
    /// A folder's name has a colon in it.
    pub(crate) fn path(&self) -> Result<OsString> {
        let others = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.programs()).chain(std::env::split_paths(&others));
        std::env::join_paths(folders)
            .with_context(|| format!("{} cannot be in PATH", self.programs().display()))
    }

    fn create(&self, workspace: &Workspace) -> Result<()> {
        let python = if cfg!(windows) { "python" } else { "python3" };
        let made = run(workspace.command(python).args(["-m", "venv", "--clear"]).arg(&self.folder));
        if let Err(error) = made {
            bail!(
                "{error:#}\nhint: Python 3.11 or newer with its venv module is needed (Debian: python3-venv)"
            );
        }
        Ok(())
    }
}

fn works(workspace: &Workspace, python: &Path) -> bool {
    let mut command = workspace.command(python);
    command.args(["-c", "import pip"]).stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
