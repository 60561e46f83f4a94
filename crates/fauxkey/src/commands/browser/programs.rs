//! Which browsers are installed, and how they are started.
use crate::control::{Failure, FailureKind};
use rustix::fs::{Access, access};
use rustix::process::geteuid;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Whose tongue a browser speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Family {
    Chromium,
    Firefox,
}

/// A browser that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Found {
    pub(in crate::commands) path: PathBuf,
    pub(in crate::commands) family: Family,
}

/// How to start it.
pub(super) struct Start<'a> {
    pub(super) found: &'a Found,
    /// The folder of its own profile.
    pub(super) data: &'a Path,
    /// Whether pages with any certificate are to open.
    pub(super) any_certificate: bool,
    /// What it is to have in its environment beside ours.
    pub(super) environment: &'a [(&'static str, OsString)],
    /// Arguments that its user gave.
    pub(super) more: &'a [OsString],
    /// Whether its user wants to see what it writes.
    pub(super) verbose: bool,
}

/// What browsers are called, the best first. The last three are macOS's.
const NAMES: [(&str, Family, &[&str]); 4] = [
    (
        "chromium",
        Family::Chromium,
        &[
            "chromium",
            "chromium-browser",
            "chromium-headless-shell",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
        ],
    ),
    (
        "chrome",
        Family::Chromium,
        &[
            "google-chrome",
            "google-chrome-stable",
            "chrome",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        ],
    ),
    (
        "edge",
        Family::Chromium,
        &[
            "microsoft-edge",
            "microsoft-edge-stable",
            "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
        ],
    ),
    (
        "firefox",
        Family::Firefox,
        &["firefox", "firefox-esr", "/Applications/Firefox.app/Contents/MacOS/firefox"],
    ),
];

/// Finds a browser by what its user calls it, by its path, or the first that is installed.
///
/// # Errors
/// NotFound if there is none.
pub(in crate::commands) fn find(wanted: Option<&str>) -> Result<Found, Failure> {
    let none = |what: &str| {
        Failure::new(FailureKind::NotFound, format!("there is no {what} here"))
            .hint("install Chromium, Chrome, Edge or Firefox, or name one with --browser PATH")
    };
    let Some(wanted) = wanted else {
        let all = NAMES.iter().flat_map(|(_, family, names)| names.iter().map(|name| (*name, *family)));
        let first = all.into_iter().find_map(|(name, family)| Some(Found { path: search(name)?, family }));
        return first.ok_or_else(|| none("browser that fauxkey knows"));
    };
    if let Some((_, family, names)) = NAMES.iter().find(|(name, ..)| *name == wanted) {
        let path = names.iter().find_map(|name| search(name)).ok_or_else(|| none(wanted))?;
        return Ok(Found { path, family: *family });
    }
    let path = search(wanted).ok_or_else(|| none(&format!("browser {wanted}")))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let family = if name.contains("firefox") { Family::Firefox } else { Family::Chromium };
    Ok(Found { path, family })
}

pub(super) fn search(name: &str) -> Option<PathBuf> {
    let runs = |path: &PathBuf| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(runs);
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(runs)
}

impl Found {
    /// What every start of it needs: a profile of its own, and no questions to a new user.
    pub(super) fn flags(&self, data: &Path) -> Vec<OsString> {
        match self.family {
            Family::Chromium => {
                let mut folder = OsString::from("--user-data-dir=");
                folder.push(data);
                let mut flags = vec![folder, "--no-first-run".into(), "--no-default-browser-check".into()];
                if geteuid().is_root() {
                    // Chromium does not start as root without it.
                    flags.push("--no-sandbox".into());
                }
                flags
            }
            Family::Firefox => vec!["--no-remote".into(), "--profile".into(), data.into()],
        }
    }
}

/// Preferences of Firefox, for a profile of its own.
const PREFERENCES: &str = "\
// Written by fauxkey.
user_pref(\"datareporting.policy.dataSubmissionEnabled\", false);
user_pref(\"browser.shell.checkDefaultBrowser\", false);
user_pref(\"browser.aboutwelcome.enabled\", false);
user_pref(\"browser.startup.homepage_override.mstone\", \"ignore\");
// Otherwise Firefox asks its user before it passes on an attestation, and an unattended test waits.
user_pref(\"security.webauthn.always_allow_direct_attestation\", true);
";

/// Writes them, unless there are some already.
pub(super) fn write_preferences(folder: &Path) -> Result<(), Failure> {
    let path = folder.join("user.js");
    if path.exists() {
        return Ok(());
    }
    fs::write(&path, PREFERENCES).map_err(|error| crate::files::refused("write", &path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_which_family_it_is_of() {
        let folder = tempfile::tempdir().unwrap();
        for (name, family) in [("brave", Family::Chromium), ("Firefox-nightly", Family::Firefox)] {
            let path = folder.path().join(name);
            fs::copy("/bin/true", &path).unwrap();
            let found = find(path.to_str()).unwrap();
            assert_eq!(found, Found { path, family });
        }
        let missing = find(folder.path().join("none").to_str()).unwrap_err();
        assert_eq!(missing.kind, FailureKind::NotFound);
    }
}
