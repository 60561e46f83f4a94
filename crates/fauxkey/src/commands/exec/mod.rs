//! `fauxkey exec`: a program that sees the devices, without root and without help from the kernel.
mod child;
mod library;
mod notes;
pub(super) mod program;
mod user;

use super::trace::Recorder;
use super::{Context, Exit, Stop, run};
use crate::cli::{Attach, Door, Exec, Run};
use crate::control::{Control, Device, Failure, FailureKind};
use crate::drivers::exec::{self, Place, bus_of};
use crate::remote::Remote;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use user::User;

/// Where the library looks for devices (crates/preload/src/bus.rs).
const FOLDER: &str = "FAUXKEY_EXEC";
/// Which of them the program sees, separated by commas (crates/preload/src/bus.rs).
const ONLY: &str = "FAUXKEY_EXEC_DEVICES";
const PRELOAD: &str = "LD_PRELOAD";

/// The exit codes of env(1), nohup(1) and shells where a program cannot be started, and where there is none.
const CANNOT_START: u8 = 126;
const NOT_FOUND: u8 = 127;

pub(super) fn exec(context: &Context, arguments: &Exec) -> Result<Exit, Stop> {
    let library = exec::library().ok_or_else(|| {
        let message = "exec is for Linux with glibc, on x86-64 and aarch64";
        Failure::new(FailureKind::Refused, message)
            .hint("`fauxkey run` offers a socket, and on Linux `--attach uhid` a device of the kernel")
    })?;
    let (name, rest) = arguments.program.split_first().expect("clap wants a program");
    let program = match program::find(name) {
        Ok(program) => program,
        Err(failure) => {
            context.output.failure(&failure, None);
            let found = failure.kind != FailureKind::NotFound;
            return Ok(Exit::Program(if found { CANNOT_START } else { NOT_FOUND }));
        }
    };
    let user = arguments.user.as_deref().map(User::find).transpose()?;
    let devices = Devices::reach(context, arguments, user.as_ref())?;
    let library = library::Installed::at(&devices.place, &context.home.exec(), library)?;
    let mut command = Command::new(&program.path);
    command.args(rest).env(PRELOAD, library.before(std::env::var_os(PRELOAD)));
    command.env(FOLDER, &devices.bus).env_remove(ONLY);
    if let Some(only) = &devices.only {
        command.env(ONLY, only.join(","));
    }
    if let (Some(running), true) = (&devices.running, arguments.ephemeral) {
        command.env("FAUXKEY_URL", &running.served.url).env("FAUXKEY_TOKEN", &running.served.token);
    }
    if let Some(user) = &user {
        user.become_in(&mut command);
    }
    devices.follow(context)?;
    let ended = child::run(&mut command);
    devices.stop();
    match ended {
        Ok(code) => Ok(Exit::Program(code)),
        Err(error) => {
            let message = format!("cannot start {}: {error}", program.path.display());
            context.output.failure(&Failure::new(FailureKind::Broken, message), None);
            Ok(Exit::Program(CANNOT_START))
        }
    }
}

/// The devices that the program is to see, and who has them.
struct Devices {
    /// The folder that the library looks at.
    bus: PathBuf,
    /// The names of those that it is to show, if not all.
    only: Option<Vec<String>>,
    /// Where the library is to be written, with its owner, if not in the usual folder.
    place: Option<Place>,
    running: Option<run::Running>,
    remote: Option<Remote>,
    /// Of an instance in another process.
    recorder: Option<Recorder>,
    /// Goes at the end.
    _temporary: Option<TempDir>,
}

impl Devices {
    /// The running instance's, or some that run here.
    fn reach(context: &Context, arguments: &Exec, user: Option<&User>) -> Result<Self, Stop> {
        if !arguments.ephemeral {
            let named = Remote::from_environment(&context.home)?;
            if let Some(remote) = named.or_else(|| Remote::running(&context.home)) {
                return Ok(Self::there(context, remote, arguments)?);
            }
        }
        Self::here(context, arguments, user)
    }

    fn there(context: &Context, remote: Remote, arguments: &Exec) -> Result<Self, Failure> {
        let conflict = |message: String, hint: &str| {
            Err(Failure::new(FailureKind::Conflict, message).hint(hint.to_owned()))
        };
        if arguments.approve.is_some() {
            let message = format!("the devices belong to the instance at {}", remote.url());
            return conflict(message, "`fauxkey device user POLICY` says what their user does");
        }
        if arguments.user.is_some() {
            let message =
                format!("the sockets of the instance at {} are for its own user alone", remote.url());
            return conflict(message, "stop it, or give --ephemeral");
        }
        let wanted = |device: &Device| {
            arguments.device.as_ref().is_none_or(|name| *name == device.name)
                && arguments.profile.as_ref().is_none_or(|profile| *profile == device.profile)
        };
        let mut devices = match &arguments.device {
            Some(name) => vec![remote.device(name)?],
            None => remote.devices()?,
        };
        devices.retain(wanted);
        if devices.is_empty() {
            let what =
                arguments.profile.as_ref().map_or_else(String::new, |name| format!(" of the profile {name}"));
            let message = format!("the instance at {} has no such device{what}", remote.url());
            return conflict(message, "`fauxkey device list` shows what it has; --ephemeral makes a new one");
        }
        let bus = devices.iter().flat_map(|device| &device.attached).find_map(|address| bus_of(address));
        let Some(bus) = bus.map(Path::to_path_buf) else {
            let message = format!("the instance at {} does not show its devices to programs", remote.url());
            return conflict(message, "start it with `fauxkey run --attach exec`, or give --ephemeral");
        };
        let record = |file: &PathBuf| Recorder::start(context.output, &remote, file);
        let recorder = arguments.trace.as_ref().map(record).transpose()?;
        let restricted = arguments.device.is_some() || arguments.profile.is_some();
        let only = restricted.then(|| devices.into_iter().map(|device| device.name).collect());
        Ok(Self { bus, only, place: None, running: None, remote: Some(remote), recorder, _temporary: None })
    }

    fn here(context: &Context, arguments: &Exec, user: Option<&User>) -> Result<Self, Stop> {
        // What is for another user or for now has a place that they reach, and that goes.
        let temporary = (arguments.ephemeral || user.is_some()).then(library::temporary).transpose()?;
        let place = match (&temporary, user) {
            (None, _) => Place::new(context.home.exec()),
            (Some(folder), None) => Place::new(folder.path()),
            (Some(folder), Some(user)) => Place::new(folder.path()).owned_by(user.id, user.group),
        };
        let run = Run {
            device: arguments.device.clone().into_iter().collect(),
            profile: arguments.profile.clone(),
            attach: vec![Attach { device: None, doors: vec![Door::Exec] }],
            socket: None,
            usbip: None,
            pcsc: None,
            usbip_anywhere: false,
            approve: arguments.approve,
            ephemeral: arguments.ephemeral,
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            ready_file: None,
            trace: arguments.trace.clone(),
            exit_with_parent: false,
        };
        let running = run::start(context, &run, &place)?;
        for device in &running.devices {
            context.output.detail(&format!("device {}: {} ({})", device.name, device.title, device.profile));
        }
        Ok(Self {
            bus: place.bus(),
            only: None,
            place: temporary.is_some().then_some(place),
            running: Some(running),
            remote: None,
            recorder: None,
            _temporary: temporary,
        })
    }

    /// Says on stderr what the program's user should know.
    fn follow(&self, context: &Context) -> Result<(), Stop> {
        let started = match (&self.running, &self.remote) {
            (Some(running), _) => notes::of(context.output, running.instance.subscribe()),
            (None, Some(remote)) => notes::of_remote(context.output, remote),
            (None, None) => Ok(()),
        };
        Ok(started.map_err(|error: io::Error| {
            Failure::new(FailureKind::Broken, format!("cannot start a thread: {error}"))
        })?)
    }

    fn stop(self) {
        if let Some(running) = self.running {
            running.stop();
        }
        if let Some(recorder) = self.recorder {
            recorder.finish(true);
        }
    }
}
