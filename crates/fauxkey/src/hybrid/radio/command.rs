//! A program of the user's that advertises: for radios that BlueZ does not know, and for tests elsewhere.
use super::{fits, hex};
use crate::control::{Failure, FailureKind};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::stderr;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The environment variable with the service data, in hexadecimal digits.
const ADVERT: &str = "FAUXKEY_ADVERT";
/// How long a command is watched for an early end, such as that of a program that does not exist.
const WATCH: Duration = Duration::from_millis(60);
/// How long a command may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(2);
/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Sends adverts by a command.
pub(super) struct Advertiser {
    command: String,
    running: Option<Child>,
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
            .env(ADVERT, hex(service_data))
            .stdin(Stdio::null())
            .stdout(beside)
            .process_group(0)
            .spawn();
        let mut child =
            started.map_err(|error| self.failed(format_args!("could not be started: {error}")))?;
        // One that has done its work by then, such as a call of another service, is as good as one that goes on.
        match wait(&mut child, WATCH) {
            Some(status) if !status.success() => Err(self.failed(format_args!("ended at once: {status}"))),
            _ => {
                self.running = Some(child);
                Ok(())
            }
        }
    }

    fn stop(&mut self) {
        let Some(mut child) = self.running.take() else { return };
        let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
        // The group is of the shell and what it started. That it is not there any more is as well.
        let _gone = kill_process_group(group, Signal::TERM);
        if wait(&mut child, GRACE).is_none() {
            let _gone = kill_process_group(group, Signal::KILL);
            let _status = child.wait();
        }
    }
}

impl Drop for Advertiser {
    fn drop(&mut self) {
        super::Advertiser::stop(self);
    }
}

/// How a command ended, if it did in so long.
fn wait(child: &mut Child, patience: Duration) -> Option<std::process::ExitStatus> {
    let until = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            _ if Instant::now() >= until => return None,
            _ => sleep(LOOK),
        }
    }
}
