//! The packages for test harnesses, as archives that npm and pip install: `crates/fauxkey/bindings` has their sources.
use crate::venv::Venv;
use crate::workspace::{Workspace, run};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

const SOURCES: &str = "crates/fauxkey/bindings";
/// What runs in pages: the first is the extension's, too.
const SCRIPTS: [&str; 2] = ["crates/fauxkey/extension/shim.js", "crates/fauxkey/bindings/closer.js"];
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];
/// Programs that build Python's archives, and nothing else.
const REQUIREMENTS: &str = "xtask/bindings.txt";

/// The archives.
pub(crate) struct Archives {
    /// The folder that has them, and nothing else.
    pub(crate) folder: PathBuf,
}

/// Packs all of them anew. npm and Python are needed.
pub(crate) fn pack(workspace: &Workspace) -> Result<Archives> {
    let base = workspace.target().join("bindings");
    let (stage, folder) = (base.join("stage"), base.join("archives"));
    for old in [&stage, &folder] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("cannot empty {}", old.display()))?;
        }
        fs::create_dir_all(old).with_context(|| format!("cannot make {}", old.display()))?;
    }
    // `scripts`: where what runs in pages is to be, if the package has any.
    let staged = |name: &str, scripts: Option<&str>| -> Result<PathBuf> {
        let place = stage.join(name);
        copy(&workspace.root().join(SOURCES).join(name), &place)?;
        for licence in LICENCES {
            copy(&workspace.root().join(licence), &place.join(licence))?;
        }
        for script in SCRIPTS.iter().filter(|_| scripts.is_some()) {
            let name = Path::new(script).file_name().context("it is a file")?;
            copy(&workspace.root().join(script), &place.join(scripts.unwrap_or_default()).join(name))?;
        }
        Ok(place)
    };
    node_is_new_enough(workspace)?;
    let playwright = staged("playwright", Some(""))?;
    let mut npm = workspace.command("npm");
    npm.args(["pack", "--silent", "--pack-destination"]).arg(&folder).current_dir(playwright);
    run(&mut npm).context("cannot pack for npm")?;
    let venv = Venv::named(workspace, "pack", REQUIREMENTS)?;
    for (name, scripts) in [("selenium-python", Some("src/fauxkey_selenium")), ("pytest", None)] {
        let place = staged(name, scripts)?;
        let mut build = workspace.command(venv.program("python"));
        build.args(["-m", "build", "--no-isolation", "--outdir"]).arg(&folder).arg(place);
        // Its messages are many, and of no use if it works.
        run(build.stdout(std::process::Stdio::null()))?;
    }
    Ok(Archives { folder })
}

/// Debian 12's Node is 18, and relying-party libraries take 20.
const NODE: u32 = 20;

fn node_is_new_enough(workspace: &Workspace) -> Result<()> {
    let hint = format!("hint: Node {NODE} or newer with npm is needed: Debian 13 has it, and nodejs.org");
    let said = workspace.command("node").arg("--version").output();
    let said = said.with_context(|| format!("cannot start node\n{hint}"))?.stdout;
    let said = String::from_utf8_lossy(&said);
    match major(&said) {
        Some(major) if major >= NODE => Ok(()),
        _ => bail!("node says that it is {}\n{hint}", said.trim()),
    }
}

/// The first number of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// A file, or a folder with what is below, but for what programs leave there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("cannot copy {}", from.display());
    if !from.is_dir() {
        fs::create_dir_all(to.parent().with_context(failed)?).with_context(failed)?;
        fs::copy(from, to).with_context(failed)?;
        return Ok(());
    }
    for entry in fs::read_dir(from).with_context(failed)? {
        let name = entry.with_context(failed)?.file_name();
        if !["node_modules", "__pycache__", "dist"].iter().any(|left| name == *left) {
            copy(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_node_is_its_first_number() {
        for (said, number) in [("v20.20.2\n", Some(20)), ("v18.19.0", Some(18)), ("20.1", None), ("", None)] {
            assert_eq!(major(said), number, "{said}");
        }
    }
}
