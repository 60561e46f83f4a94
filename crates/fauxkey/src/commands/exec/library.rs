//! The library as a file, which the loader can put into programs.
use crate::control::{Failure, FailureKind};
use crate::drivers::exec::Place;
use crate::files;
use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::process::geteuid;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};

const NAME: &str = "libudev.so.1";

/// The written library.
pub(super) struct Installed {
    path: PathBuf,
    /// Where it is, if that goes at the end.
    temporary: Option<TempDir>,
}

/// A folder for this run.
///
/// # Errors
/// Broken, if it cannot be made.
pub(super) fn temporary() -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("fauxkey-exec-").tempdir();
    made.map_err(|error| files::refused("make a folder in", &std::env::temp_dir(), &error))
}

impl Installed {
    /// Writes the library to `place`, or else to the usual folder, where it stays for the next time. One that
    /// is there already is compared, byte by byte. A folder that the loader cannot take it from, or that others
    /// can write to, is passed over for a temporary one.
    ///
    /// # Errors
    /// Broken, if it cannot be written anywhere.
    pub(super) fn at(place: &Option<Place>, usual: &Path, library: &[u8]) -> Result<Self, Failure> {
        if let Some(place) = place {
            let path = write(place.path(), library)?;
            place.give(&path).map_err(|error| files::refused("give away", &path, &error))?;
            return Self::checked(path, None);
        }
        files::make_folder(usual).map_err(|error| files::refused("make", usual, &error))?;
        if problem(usual).is_none() && is_private(usual) {
            return Self::checked(write(usual, library)?, None);
        }
        let temporary = temporary()?;
        Self::checked(write(temporary.path(), library)?, Some(temporary))
    }

    fn checked(path: PathBuf, temporary: Option<TempDir>) -> Result<Self, Failure> {
        match problem(&path) {
            None => Ok(Self { path, temporary }),
            Some(why) => {
                let message = format!("programs cannot load {}: {why}", path.display());
                Err(Failure::new(FailureKind::Broken, message)
                    .hint("set TMPDIR to a folder from which programs can be run"))
            }
        }
    }

    /// Whether it stays there when this program ends.
    pub(super) fn stays(&self) -> bool {
        self.temporary.is_none()
    }

    /// The value of LD_PRELOAD that has it in front of what is there.
    pub(super) fn before(&self, others: Option<OsString>) -> OsString {
        let mut value = self.path.clone().into_os_string();
        // What stands between libraries, ld.so(8).
        let others = others.unwrap_or_default();
        for other in others.as_bytes().split(|byte| matches!(byte, b':' | b' ')) {
            let other = OsStr::from_bytes(other);
            if !other.is_empty() && other != self.path {
                value.push(":");
                value.push(other);
            }
        }
        value
    }
}

fn write(folder: &Path, library: &[u8]) -> Result<PathBuf, Failure> {
    let path = folder.join(NAME);
    if !fs::read(&path).is_ok_and(|there| there == library) {
        // Under a name of its own until it is whole: several of us may write it at once.
        let write = || -> io::Result<()> {
            let mut draft = NamedTempFile::new_in(folder)?;
            draft.write_all(library)?;
            draft.persist(&path)?;
            Ok(())
        };
        write().map_err(|error| files::refused("write", &path, &error))?;
    }
    Ok(path)
}

/// Why the loader does not take a library from there, if so.
fn problem(path: &Path) -> Option<&'static str> {
    if path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b':' | b' ')) {
        return Some("a colon or a space in a path ends it in LD_PRELOAD");
    }
    statvfs(path)
        .is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::NOEXEC))
        .then_some("the file system is mounted noexec")
}

/// Whether nobody else can put another library there.
fn is_private(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|found| found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn installed(folder: &Path) -> Installed {
        Installed::at(&None, folder, b"library").unwrap()
    }

    #[test]
    fn it_is_written_once_and_again_if_it_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let usual = folder.path().join("exec");
        let path = installed(&usual).path;
        assert_eq!(path, usual.join(NAME));
        let first = fs::metadata(&path).unwrap();
        assert_eq!(first.mode() & 0o777, 0o600);
        installed(&usual);
        assert_eq!(fs::metadata(&path).unwrap().ino(), first.ino(), "not written again");
        fs::write(&path, b"another").unwrap();
        installed(&usual);
        assert_eq!(fs::read(&path).unwrap(), b"library");
    }

    #[test]
    fn a_folder_that_the_loader_or_prudence_passes_over_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["with space", "with:colon", "open"] {
            let usual = folder.path().join(name);
            files::make_folder(&usual).unwrap();
            if name == "open" {
                fs::set_permissions(&usual, fs::Permissions::from_mode(0o777)).unwrap();
            }
            let installed = installed(&usual);
            assert!(!installed.path.starts_with(folder.path()), "{}", installed.path.display());
            assert!(installed.path.exists());
        }
    }

    #[test]
    fn what_was_to_be_loaded_before_is_loaded_behind_it_and_itself_once() {
        let library = Installed { path: "/run/libudev.so.1".into(), temporary: None };
        for (there, then) in [
            (None, "/run/libudev.so.1"),
            (Some(""), "/run/libudev.so.1"),
            (Some("/a.so b.so"), "/run/libudev.so.1:/a.so:b.so"),
            (Some("/run/libudev.so.1:/a.so"), "/run/libudev.so.1:/a.so"),
        ] {
            assert_eq!(library.before(there.map(Into::into)), then);
        }
    }
}
