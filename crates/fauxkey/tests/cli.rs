//! The real binary, as a person and as a program use it.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

#[path = "cli/accounts.rs"]
mod accounts;
#[path = "cli/browser.rs"]
mod browser;
#[path = "cli/ca.rs"]
mod ca;
#[path = "cli/ceremonies.rs"]
mod ceremonies;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "cli/exec.rs"]
mod exec;
#[path = "cli/help.rs"]
mod help;
#[cfg(target_os = "linux")]
#[path = "cli/lab.rs"]
mod lab;
#[path = "cli/matrix.rs"]
mod matrix;
#[path = "cli/mds.rs"]
mod mds;
#[path = "cli/messages.rs"]
mod messages;
#[path = "cli/probe.rs"]
mod probe;
#[path = "cli/profiles.rs"]
mod profiles;
#[path = "cli/running.rs"]
mod running;
#[path = "cli/simulation.rs"]
mod simulation;
#[path = "cli/tenant.rs"]
mod tenant;
#[path = "cli/terminal.rs"]
mod terminal;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "cli/trace.rs"]
mod trace;

use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A home of one's own, gone with the test.
struct Home {
    folder: TempDir,
}

/// What a command left behind.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A home with one device, of the default profile.
    fn with_phone() -> Self {
        let home = Self::new();
        home.run(&["device", "add", "phone"]).done();
        home
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A file beside the home.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path.display().to_string()
    }

    /// The command line, in an environment in which nothing but the home is set.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = fauxkey(arguments);
        command.env("FAUXKEY_HOME", self.path()).current_dir(self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs a command that reads `input`.
    fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary is there");
        // A command that does not read its input closes it.
        let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        Ran {
            code: output.status.code(),
            stdout: self.told(&output.stdout),
            stderr: self.told(&output.stderr),
        }
    }

    /// Output in which the folder of this test has a name that is always the same.
    fn told(&self, output: &[u8]) -> String {
        let folder = self.folder.path().display().to_string();
        String::from_utf8(output.into()).expect("output is UTF-8").replace(&folder, "FOLDER")
    }

    /// The result of a command as JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[&["--json"], arguments].concat()).done().stdout).expect("JSON")
    }
}

impl Ran {
    /// The same, which must have ended well.
    #[track_caller]
    fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// It must have ended with that code, without a result, and have said exactly this.
    #[track_caller]
    fn refused(self, code: i32, message: &str) {
        let wanted = Self { code: Some(code), stdout: String::new(), stderr: message.into() };
        assert_eq!(self, wanted, "\n{}", self.stderr);
    }
}

/// The binary, in an environment without surprises.
fn fauxkey(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fauxkey"));
    command.args(arguments).env_clear();
    command
}

/// Options for a registration at `example.test`.
fn creation_options(user: &str) -> Value {
    json!({
        "rp": { "id": "example.test", "name": "Example" },
        "user": { "id": wire::base64url::encode(user.as_bytes()), "name": user, "displayName": "Ada" },
        "challenge": "AAECAwQFBgcICQoLDA0ODw",
        "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }],
        "authenticatorSelection": { "residentKey": "required", "userVerification": "required" },
    })
}

/// Options for a sign-in at `example.test`.
fn request_options() -> Value {
    json!({ "challenge": "AAECAwQFBgcICQoLDA0ODw", "rpId": "example.test" })
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let below = entries.flat_map(|entry| {
        let path = entry.expect("the folder is ours").path();
        if path.is_dir() { files(&path) } else { vec![path] }
    });
    below.collect()
}

const ORIGIN: &str = "https://login.example.test";
