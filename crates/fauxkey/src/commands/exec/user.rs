//! Another user, as whom the program is to run.
use crate::control::{Failure, FailureKind};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// A user of this machine.
pub(super) struct User {
    pub(super) id: u32,
    pub(super) group: u32,
    name: String,
    home: String,
}

impl User {
    /// The user of that name or number, wherever this machine has its users: getent(1) asks.
    ///
    /// # Errors
    /// NotFound, if there is none; Forbidden, unless this is root.
    pub(super) fn find(name: &str) -> Result<Self, Failure> {
        if !rustix::process::geteuid().is_root() {
            return Err(Failure::new(FailureKind::Forbidden, "only root can run a program as another user"));
        }
        let unknown =
            || Failure::new(FailureKind::NotFound, format!("there is no user `{}`", name.escape_debug()));
        let output = Command::new("getent")
            .args(["passwd", "--", name])
            .output()
            .map_err(|error| Failure::new(FailureKind::Broken, format!("cannot start getent: {error}")))?;
        Self::parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(unknown)
    }

    /// A line of passwd(5).
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.lines().next()?.split(':');
        let (name, _password) = (fields.next()?.to_owned(), fields.next()?);
        let (id, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let (_comment, home) = (fields.next()?, fields.next()?.to_owned());
        Some(Self { id, group, name, home })
    }

    /// Lets the command run as this user. Other groups of the user, and of root, are left out.
    pub(super) fn become_in(&self, command: &mut Command) {
        command.uid(self.id).gid(self.group);
        command.env("HOME", &self.home).env("USER", &self.name).env("LOGNAME", &self.name);
        // They are root's.
        for folder in ["XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
            command.env_remove(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_passwd_is_read() {
        let user = User::parse("ada:x:1000:100:Ada,,,:/home/ada:/bin/sh\n").unwrap();
        assert_eq!(
            (user.id, user.group, user.name.as_str(), user.home.as_str()),
            (1000, 100, "ada", "/home/ada")
        );
        assert!(User::parse("").is_none() && User::parse("ada:x:a:b::/:").is_none());
    }
}
