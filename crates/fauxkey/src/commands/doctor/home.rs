//! The home: its folders, the disk, the key and the vault.
use super::{Check, State};
use crate::control::{Failure, FailureKind};
use crate::home::Home;
use crate::instance::Instance;
use rustix::fs::{Access, access, statvfs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Whether a folder is writable, or can be made.
pub(super) fn writable(what: &'static str, folder: &Path) -> Check {
    let there = existing(folder);
    if !there.is_dir() {
        let fix = format!("mv {0} {0}.old", there.display());
        return Check::broken(what, format!("{} is no folder", there.display()), fix);
    }
    match access(&there, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if there == folder => Check::works(what, folder.display().to_string()),
        Ok(()) => Check::works(what, format!("{}, made when needed", folder.display())),
        Err(error) => {
            let detail = format!("cannot write to {}: {}", there.display(), io::Error::from(error));
            let fix = match there == folder {
                true => format!("sudo chown \"$USER\" {}", folder.display()),
                false => "export FAUXKEY_HOME=DIR, with a folder that you can write to".into(),
            };
            Check::broken(what, detail, fix)
        }
    }
}

/// The folder, or the nearest one above it that exists.
pub(super) fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/")).into()
}

/// The vault keeps a reserve, and takes no new passkeys on a disk that is nearly full.
pub(super) fn disk(folder: &Path) -> Check {
    const WHAT: &str = "disk";
    const LITTLE: u64 = 64 << 20;
    match statvfs(existing(folder)) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let detail = format!("{} MiB free for {}", free >> 20, folder.display());
            if free >= LITTLE {
                Check::works(WHAT, detail)
            } else {
                Check::broken(WHAT, detail, "make room; deleting passkeys still works")
            }
        }
        Err(error) => {
            let detail = format!("cannot tell how much is free: {}", io::Error::from(error));
            Check::broken(WHAT, detail, format!("ls -ld {}", folder.display()))
        }
    }
}

pub(super) fn key(home: &Home) -> Check {
    const WHAT: &str = "key file";
    let path = home.vault_key();
    let shown = path.display();
    match fs::metadata(&path) {
        Ok(metadata) => match metadata.permissions().mode() & 0o777 {
            mode if mode & 0o077 == 0 => Check::works(WHAT, format!("{shown}, mode {mode:04o}")),
            mode => {
                let detail = format!("{shown} has mode {mode:04o}: others than its owner may use it");
                Check::broken(WHAT, detail, format!("chmod 600 {shown}"))
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound && !home.vault().exists() => {
            Check::works(WHAT, "none yet; made with the vault")
        }
        Err(error) => Check::broken(
            WHAT,
            format!("cannot read {shown}: {error}"),
            "put the key file back; without it nothing in the vault can be read",
        ),
    }
}

pub(super) fn vault(home: &Home, running: bool) -> Check {
    const WHAT: &str = "vault";
    let shown = home.vault().display().to_string();
    if running {
        return Check::works(WHAT, format!("{shown}, held by the running instance"));
    }
    if !home.vault().exists() {
        return Check::works(WHAT, format!("{shown}, made at first use"));
    }
    match Instance::open(home) {
        Ok(_closed_again) => Check::works(WHAT, format!("{shown} opens")),
        Err(Failure { kind: FailureKind::Conflict, message, hint }) => {
            Check { what: WHAT, state: State::NotYet, detail: message, fix: hint }
        }
        Err(Failure { message, hint, .. }) => {
            Check { what: WHAT, state: State::Broken, detail: message, fix: hint }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        assert_eq!(existing(&deep), folder.path());
        assert!(writable("data", &deep).state == State::Works);
        fs::write(folder.path().join("a"), "").unwrap();
        let check = writable("data", &deep);
        assert!(
            check.state == State::Broken && check.detail.ends_with("/a is no folder"),
            "{}",
            check.detail
        );
    }

    #[test]
    fn a_key_file_that_others_may_read_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        assert!(key(&home).state == State::Works, "none is needed before there is a vault");
        fs::create_dir_all(home.vault_key().parent().unwrap()).unwrap();
        fs::write(home.vault_key(), "").unwrap();
        for (mode, state) in [(0o600, State::Works), (0o400, State::Works), (0o640, State::Broken)] {
            fs::set_permissions(home.vault_key(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(key(&home).state == state, "{mode:o}");
        }
    }
}
