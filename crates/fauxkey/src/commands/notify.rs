//! A notification on the desktop, where there is one: a person who looks at a browser does not see the terminal.
use crate::control::Prompt;
use crate::question;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// The program of libnotify, which every desktop has or takes.
const PROGRAM: &str = "notify-send";
/// How long it stays, in milliseconds: about as long as programs wait.
const STAYS: &str = "30000";

/// Whoever shows notifications.
pub(super) struct Notifier {
    program: PathBuf,
}

impl Notifier {
    /// What this machine has, if anything. Without a session bus nobody would see it.
    pub(super) fn find() -> Option<Self> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let there = has_bus(set("DBUS_SESSION_BUS_ADDRESS").as_deref(), set("XDG_RUNTIME_DIR").as_deref());
        let folders = set("PATH").filter(|_| there)?;
        let program =
            env::split_paths(&folders).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file());
        program.map(|program| Self { program })
    }

    /// Shows that a device asks. It is no error if it cannot.
    pub(super) fn tell(&self, device: &str, prompt: &Prompt) {
        let mut command = Command::new(&self.program);
        command.args(["--app-name=fauxkey", "--category=device", "--expire-time", STAYS, "--"]);
        command.arg(format!("{device} asks: {}", question::title(prompt)));
        command.arg(escaped(&question::sentence(prompt)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Ok(mut child) = command.spawn() {
            // It may wait for a bus that does not answer, and nobody is to wait for it.
            let _unshown = thread::Builder::new().name("notify".into()).spawn(move || child.wait());
        }
    }
}

/// sd_bus_open_user(3): the address, or else the socket in the runtime folder.
fn has_bus(address: Option<&OsStr>, runtime: Option<&OsStr>) -> bool {
    match address {
        Some(address) => !address.to_string_lossy().starts_with("disabled:"),
        None => runtime.is_some_and(|folder| Path::new(folder).join("bus").exists()),
    }
}

/// The body of a notification may have markup (Desktop Notifications Specification §"Markup"); a stranger's text has none.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_desktop_where_there_is_a_session_bus() {
        let runtime = tempfile::tempdir().unwrap();
        let folder = Some(runtime.path().as_os_str());
        assert!(!has_bus(None, None) && !has_bus(None, folder));
        std::fs::write(runtime.path().join("bus"), "").unwrap();
        assert!(has_bus(None, folder));
        assert!(has_bus(Some(OsStr::new("unix:path=/run/user/1000/bus")), None));
        assert!(!has_bus(Some(OsStr::new("disabled:")), folder));
    }
}
