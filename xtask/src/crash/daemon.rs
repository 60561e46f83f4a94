//! A fauxkey process that can be killed.
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long it may take to open its vault and to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program, and the home that all its processes share.
pub(crate) struct Program {
    /// The binary.
    pub(crate) fauxkey: PathBuf,
    /// Its home, kept over all kills.
    pub(crate) home: PathBuf,
}

/// A process that is killed, at the latest when this is dropped.
pub(crate) struct Daemon(Child);

impl Program {
    /// Starts it on one device. Whether it comes up is another question.
    pub(crate) fn start(&self, device: &str, profile: &str) -> Result<Daemon> {
        let ready = self.ready();
        if ready.exists() {
            fs::remove_file(&ready).with_context(|| format!("cannot remove {}", ready.display()))?;
        }
        let log =
            File::create(self.log()).with_context(|| format!("cannot make {}", self.log().display()))?;
        let mut command = Command::new(&self.fauxkey);
        command.args(["run", "--device", device, "--profile", profile, "--approve", "auto"]);
        command.args(["--attach", "socket", "--socket", "tcp:127.0.0.1:0", "--ready-file"]).arg(&ready);
        command.env("FAUXKEY_HOME", &self.home).env_remove("FAUXKEY_URL").env_remove("FAUXKEY_TOKEN");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {}", self.fauxkey.display()))?;
        Ok(Daemon(child))
    }

    /// Waits until it listens and says where; or what it said when it did not come up.
    pub(crate) fn socket(&self, daemon: &mut Daemon) -> Result<std::result::Result<String, String>> {
        let start = Instant::now();
        loop {
            if let Some(socket) = fs::read(self.ready()).ok().and_then(|text| address(&text)) {
                return Ok(Ok(socket));
            }
            let ended = daemon.0.try_wait().context("cannot ask for the process")?;
            if ended.is_some() || start.elapsed() > PATIENCE {
                let how = ended
                    .map_or_else(|| format!("not ready after {PATIENCE:?}"), |status| status.to_string());
                let said = fs::read_to_string(self.log()).unwrap_or_default();
                return Ok(Err(format!("{how}: {}", said.trim_end())));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn ready(&self) -> PathBuf {
        self.home.join("ready.json")
    }

    fn log(&self) -> PathBuf {
        self.home.join("stderr.log")
    }
}

impl Daemon {
    /// kill -9, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.0.kill().context("cannot kill the process")?;
        self.0.wait().context("cannot wait for the process")?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may be dead already, and there is nothing to do about a process that cannot be killed.
        let _dead = self.kill();
    }
}

/// The TCP address of the device in a ready file.
fn address(ready: &[u8]) -> Option<String> {
    let ready: serde_json::Value = serde_json::from_slice(ready).ok()?;
    let attached = ready["devices"][0]["attached"].as_array()?;
    attached.iter().find_map(|address| address.as_str()?.strip_prefix("tcp:").map(str::to_owned))
}
