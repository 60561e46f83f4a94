//! How a running instance is found: `instance.json` and `token` in [`Home::run`], for this user alone.
use crate::control::{Failure, FailureKind};
use crate::files;
use crate::home::Home;
use crate::remote::Remote;
use rustix::process::{Pid, geteuid, test_kill_process};
use serde::{Deserialize, Serialize};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// What `instance.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Where its API is, such as `http://127.0.0.1:8123`.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// Which fauxkey it is.
    pub version: String,
}

impl Running {
    /// The instance of a home, if its file can be read and its process lives.
    pub fn read(home: &Home) -> Option<Self> {
        let running: Self = serde_json::from_slice(&fs::read(home.instance()).ok()?).ok()?;
        running.is_alive().then_some(running)
    }

    /// Whether its process lives. The number may have gone to another process since, so this is needed and not
    /// enough: it only keeps the token of a dead instance from whoever has its port now.
    fn is_alive(&self) -> bool {
        is_alive(self.pid)
    }
}

/// Whether there is a process of that number.
pub fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // EPERM: alive, and somebody else's.
    pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}

/// The files of this instance; they go when this is dropped.
pub(super) struct Presence {
    home: Home,
    instance: Vec<u8>,
    token: String,
}

impl Presence {
    /// Writes the files, over those that a dead instance left.
    ///
    /// # Errors
    /// Conflict if another instance answers in this home; Broken if the files cannot be written, or if the
    /// folder is not ours.
    pub(super) fn announce(home: &Home, url: &str, token: &str) -> Result<Self, Failure> {
        if let Some(other) = Remote::running(home) {
            let message = format!("an instance runs already, at {}", other.url());
            return Err(Failure::new(FailureKind::Conflict, message)
                .hint("stop it, or set FAUXKEY_HOME to another folder to have a second one"));
        }
        let running = Running {
            url: url.to_owned(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let instance = serde_json::to_vec(&running).expect("text and a number are JSON");
        private_folder(&home.run)?;
        let presence = Self { home: home.clone(), instance, token: token.to_owned() };
        // The token first: who sees the instance must find its token.
        for (path, contents) in [(home.token(), token.as_bytes()), (home.instance(), &presence.instance)] {
            files::replace(&path, contents).map_err(|error| files::refused("write", &path, &error))?;
        }
        Ok(presence)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // Only what is still ours: another instance may have taken over.
        remove_if(&self.home.instance(), &self.instance);
        remove_if(&self.home.token(), self.token.as_bytes());
    }
}

/// Removes a file that has those contents still.
pub(crate) fn remove_if(path: &Path, contents: &[u8]) {
    if fs::read(path).is_ok_and(|found| found == contents) {
        // A file that stays names a dead process and is passed over.
        let _stays = fs::remove_file(path);
    }
}

/// Makes the folder, or makes sure of it: ours, and closed to everybody else.
fn private_folder(path: &Path) -> Result<(), Failure> {
    files::make_folder(path).map_err(|error| files::refused("make the folder", path, &error))?;
    let metadata = fs::symlink_metadata(path).map_err(|error| files::refused("look at", path, &error))?;
    if metadata.uid() != geteuid().as_raw() || !metadata.is_dir() {
        let message = format!("the folder `{}` belongs to somebody else", path.display());
        return Err(Failure::new(FailureKind::Broken, message).hint("remove it, or set FAUXKEY_HOME"));
    }
    if metadata.mode() & 0o077 != 0 {
        let closed = fs::set_permissions(path, Permissions::from_mode(0o700));
        closed.map_err(|error| files::refused("close to others", path, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        (folder, home)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    /// A process that has ended: its number is free until the system has counted once around.
    fn dead_pid() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn token_and_address_are_for_this_user_alone_and_go_with_the_instance() {
        let (_folder, home) = home();
        let presence = Presence::announce(&home, "http://127.0.0.1:1", "secret").unwrap();
        assert_eq!(fs::read_to_string(home.token()).unwrap(), "secret");
        assert_eq!((mode(&home.run), mode(&home.token()), mode(&home.instance())), (0o700, 0o600, 0o600));
        let running = Running::read(&home).unwrap();
        assert_eq!((running.url.as_str(), running.pid), ("http://127.0.0.1:1", std::process::id()));
        drop(presence);
        assert_eq!(fs::read_dir(&home.run).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_stood_open_is_closed() {
        let (_folder, home) = home();
        fs::create_dir_all(&home.run).unwrap();
        fs::set_permissions(&home.run, Permissions::from_mode(0o755)).unwrap();
        let _presence = Presence::announce(&home, "http://127.0.0.1:1", "secret").unwrap();
        assert_eq!(mode(&home.run), 0o700);
    }

    #[test]
    fn a_link_in_place_of_the_folder_is_refused() {
        let (folder, home) = home();
        fs::create_dir(folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &home.run).unwrap();
        let refused = Presence::announce(&home, "http://127.0.0.1:1", "secret").err().unwrap();
        assert_eq!(refused.kind, FailureKind::Broken);
        assert_eq!(fs::read_dir(folder.path().join("elsewhere")).unwrap().count(), 0);
    }

    #[test]
    fn the_files_of_a_dead_instance_are_passed_over_and_replaced() {
        let (_folder, home) = home();
        fs::create_dir_all(&home.run).unwrap();
        let dead = Running { url: "http://127.0.0.1:1".into(), pid: dead_pid(), version: "0".into() };
        fs::write(home.instance(), serde_json::to_vec(&dead).unwrap()).unwrap();
        fs::write(home.token(), "old").unwrap();
        assert_eq!(Running::read(&home), None);
        let _presence = Presence::announce(&home, "http://127.0.0.1:2", "new").unwrap();
        assert_eq!(Running::read(&home).unwrap().url, "http://127.0.0.1:2");
        assert_eq!(fs::read_to_string(home.token()).unwrap(), "new");
        assert_eq!(mode(&home.token()), 0o600);
    }

    #[test]
    fn a_file_that_is_no_presence_is_no_instance() {
        let (_folder, home) = home();
        fs::create_dir_all(&home.run).unwrap();
        for text in ["", "{}", "[]", r#"{"url":"x","pid":0,"version":""}"#, r#"{"url":"x","pid":-1}"#] {
            fs::write(home.instance(), text).unwrap();
            assert_eq!(Running::read(&home), None, "{text}");
        }
        let beyond = Running { url: "x".into(), pid: u32::MAX, version: String::new() };
        fs::write(home.instance(), serde_json::to_vec(&beyond).unwrap()).unwrap();
        assert_eq!(Running::read(&home), None);
    }

    #[test]
    fn files_that_another_instance_wrote_since_are_left_alone() {
        let (_folder, home) = home();
        let presence = Presence::announce(&home, "http://127.0.0.1:1", "ours").unwrap();
        fs::write(home.token(), "theirs").unwrap();
        drop(presence);
        assert_eq!(fs::read_to_string(home.token()).unwrap(), "theirs");
        assert!(!home.instance().exists());
    }
}
