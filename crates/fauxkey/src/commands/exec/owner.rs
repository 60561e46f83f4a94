//! The process that has the devices of an `exec` for which nobody else runs them. It is one of its own, so that
//! the first `exec` can end with its program while another one's still uses them: nothing is handed over, and no
//! connection breaks. It ends with the last of them ([`super::share`]).
use super::share::{Lock, Named};
use super::user::User;
use super::{Stop, library};
use crate::cli::{Attach, Door, Exec, Run};
use crate::commands::{Context, run};
use crate::control::{self, Device, Failure, FailureKind};
use crate::drivers::exec::Place;
use crate::home::Home;
use crate::output::Output;
use crate::process::on_signal;
use clap::ColorChoice;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use tempfile::TempDir;

/// The name by which this program is started to be the owner: its argument zero, which process lists show.
pub const NAME: &str = "fauxkey-devices";

/// What an owner is asked for, on its standard input.
#[derive(Serialize, Deserialize)]
struct Wanted {
    home: Home,
    device: Option<String>,
    profile: Option<String>,
    approve: Option<control::User>,
    /// The user and the group that use the devices, if it is not this user.
    user: Option<(u32, u32)>,
}

/// What it answers, on its standard output.
#[derive(Serialize, Deserialize)]
pub(super) struct Started {
    pub(super) url: String,
    pub(super) token: String,
    pub(super) devices: Vec<Device>,
    /// The folder of devices, where it is not the usual one.
    pub(super) place: Option<PathBuf>,
}

/// Starts an owner, and returns when programs can see its devices. Somebody must have a share in them.
///
/// # Errors
/// What went wrong there, or that it cannot be started.
pub(super) fn start(home: &Home, arguments: &Exec, user: Option<&User>) -> Result<Started, Failure> {
    let wanted = Wanted {
        home: home.clone(),
        device: arguments.device.clone(),
        profile: arguments.profile.clone(),
        approve: arguments.approve.map(Into::into),
        user: user.map(|user| (user.id, user.group)),
    };
    let ask = || -> io::Result<Vec<u8>> {
        // The file that runs now, even if another one has its name since.
        let mut command = Command::new("/proc/self/exe");
        // Its folder is not to be in anybody's way. The terminal is its own no longer than it takes to start.
        command.arg0(NAME).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut answer = Vec::new();
        let asked = serde_json::to_vec(&wanted).map_err(io::Error::other)?;
        child.stdin.take().expect("it is piped").write_all(&asked)?;
        child.stdout.take().expect("it is piped").read_to_end(&mut answer)?;
        Ok(answer)
    };
    let broken = |why: String| {
        Failure::new(FailureKind::Broken, format!("cannot start a process for the devices: {why}"))
    };
    let answer = ask().map_err(|error| broken(error.to_string()))?;
    let answer: Result<Started, Failure> =
        serde_json::from_slice(&answer).map_err(|_| broken("it ended before it answered".into()))?;
    answer
}

/// The owner's whole life.
///
/// # Errors
/// If it cannot even say what went wrong.
pub fn own() -> io::Result<()> {
    // What the terminal says to those who use the devices, it does not say to this process.
    let _leads_one_already = rustix::process::setsid();
    let (wake, woken) = mpsc::channel();
    let signal = wake.clone();
    on_signal(move || drop(signal.send(None)))?;
    let mut asked = Vec::new();
    io::stdin().read_to_end(&mut asked)?;
    let wanted: Wanted = serde_json::from_slice(&asked)?;
    let owned = Owned::start(&wanted);
    serde_json::to_writer(io::stdout(), &owned.as_ref().map(Owned::tell))?;
    io::stdout().flush()?;
    // Nobody who reads what others write there is to wait for this process.
    let nothing = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    dup2_stderr(&nothing)?;
    let Ok(owned) = owned else { return Ok(()) };
    let folder = wanted.home.exec();
    let wait = move || drop(wake.send(Lock::take(&folder, false).ok()));
    thread::Builder::new().name("shares".into()).spawn(wait)?;
    // Held to the very end, so that who comes now waits until everything is closed.
    let _alone = woken.recv();
    owned.stop();
    Ok(())
}

/// The devices, and what goes with them.
struct Owned {
    running: run::Running,
    place: Option<PathBuf>,
    _named: Named,
    /// Goes at the end.
    _temporary: Option<TempDir>,
}

impl Owned {
    fn start(wanted: &Wanted) -> Result<Self, Failure> {
        // What is for another user has a place that they reach, and that goes.
        let temporary = wanted.user.is_some().then(library::temporary).transpose()?;
        let place = match (&temporary, wanted.user) {
            (Some(folder), Some((user, group))) => Place::new(folder.path()).owned_by(user, group),
            _ => Place::new(wanted.home.exec()),
        };
        let output = Output::new(false, false, ColorChoice::Never);
        let context = Context { home: wanted.home.clone(), output };
        let run = run_of(wanted.device.as_deref(), wanted.profile.as_deref(), wanted.approve.map(Into::into));
        let running = run::start(&context, &run, &place).map_err(|stop| match stop {
            Stop::Failed(failure) => failure,
            Stop::Unwritten(error) => Failure::new(FailureKind::Broken, error.to_string()),
        })?;
        let named = match Named::write(&wanted.home) {
            Ok(named) => named,
            Err(failure) => {
                running.stop();
                return Err(failure);
            }
        };
        let place = temporary.as_ref().map(|folder| folder.path().to_owned());
        Ok(Self { running, place, _named: named, _temporary: temporary })
    }

    fn tell(&self) -> Started {
        let served = &self.running.served;
        Started {
            url: served.url.clone(),
            token: served.token.clone(),
            devices: self.running.devices.clone(),
            place: self.place.clone(),
        }
    }

    fn stop(self) {
        self.running.stop();
    }
}

/// `fauxkey run` for programs that `exec` starts.
pub(in crate::commands) fn run_of(
    device: Option<&str>,
    profile: Option<&str>,
    approve: Option<emulator::UserPolicy>,
) -> Run {
    Run {
        device: device.map(str::to_owned).into_iter().collect(),
        profile: profile.map(str::to_owned),
        attach: vec![Attach { device: None, doors: vec![Door::Exec] }],
        socket: None,
        usbip: None,
        pcsc: None,
        usbip_anywhere: false,
        approve: approve.map(crate::cli::Approval::Policy),
        fault: Vec::new(),
        seed: None,
        listen_name: Vec::new(),
        tls: false,
        tls_certificate: None,
        tls_key: None,
        trace: None,
        ephemeral: false,
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        ready_file: None,
        exit_with_parent: false,
    }
}
