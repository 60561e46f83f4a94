//! A program of the user's that advertises: for radios that BlueZ does not know, and for tests elsewhere.
use super::fits;
use crate::control::{Failure, FailureKind};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};
use std::io::{self, stderr};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The environment variable with the service data, in hexadecimal digits.
const ADVERT: &str = "FAUXKEY_ADVERT";
/// How long a command is watched for an early end, such as that of a program that does not exist.
const WATCH: Duration = Duration::from_millis(60);
/// How long a command and what it started may take to end when they are told to.
const GRACE: Duration = Duration::from_secs(1);
/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Sends adverts by a command.
pub(super) struct Advertiser {
    command: String,
    running: Option<Running>,
}

impl Advertiser {
    pub(super) fn new(command: &str) -> Self {
        Self { command: command.into(), running: None }
    }

    fn failed(&self, why: impl std::fmt::Display) -> Failure {
        Failure::new(FailureKind::Broken, format!("the advert's command {:?} {why}", self.command))
            .hint(format!("it is run by sh, with the advert's bytes in {ADVERT}, and should advertise until it is terminated"))
    }
}

impl super::Advertiser for Advertiser {
    fn advertise(&mut self, service_data: &[u8]) -> Result<(), Failure> {
        fits(service_data)?;
        self.stop();
        // Our standard output is for events; what the command says goes beside.
        let beside = stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from);
        let started = Command::new("/bin/sh")
            .args(["-c", &self.command])
            .env(ADVERT, wire::hex::encode(service_data))
            .stdin(Stdio::null())
            .stdout(beside)
            .process_group(0)
            .spawn();
        let child = started.map_err(|error| self.failed(format_args!("could not be started: {error}")))?;
        let running = Running::new(child);
        // One that has done its work by then, such as a call of another service, is as good as one that goes on.
        if running.has_failed(WATCH) {
            let why = running.end().map_or_else(|error| error.to_string(), |status| status.to_string());
            return Err(self.failed(format_args!("ended at once: {why}")));
        }
        self.running = Some(running);
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            // However it ended, it has.
            let _ended = running.end();
        }
    }
}

impl Drop for Advertiser {
    fn drop(&mut self) {
        super::Advertiser::stop(self);
    }
}

/// A shell and what it started, as a process group.
struct Running {
    shell: Child,
    group: Pid,
}

impl Running {
    fn new(shell: Child) -> Self {
        let group = Pid::from_child(&shell);
        Self { shell, group }
    }

    /// Whether the shell ends in so long, and not well. It is not waited for, so that its number stays its own.
    fn has_failed(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(self.group), look) {
                Ok(Some(ended)) => return ended.exit_status() != Some(0),
                _ if Instant::now() >= until => return false,
                _ => sleep(LOOK),
            }
        }
    }

    /// Terminates the group, and kills what is left of it after a while.
    fn end(mut self) -> io::Result<ExitStatus> {
        let until = Instant::now() + GRACE;
        // What is not there any more is as well.
        let _gone = kill_process_group(self.group, Signal::TERM);
        loop {
            let ended = self.shell.try_wait()?;
            if let (Some(status), Err(_)) = (ended, test_kill_process_group(self.group)) {
                return Ok(status);
            }
            if Instant::now() >= until {
                let _gone = kill_process_group(self.group, Signal::KILL);
                return self.shell.wait();
            }
            sleep(LOOK);
        }
    }
}
