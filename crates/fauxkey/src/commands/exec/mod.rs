//! `fauxkey exec`: a program that sees the devices, without root and without help from the kernel.
mod environment;
mod library;
pub(super) mod notes;
mod owner;
pub(super) mod program;
mod share;
mod user;

use super::trace::Recorder;
use super::{Context, Exit, Stop, run};
use crate::child;
use crate::cli::{Exec, Run};
use crate::control::{Control, Device, Failure, FailureKind};
use crate::drivers::exec::{self, Place, bus_of};
use crate::instance::Loan;
use crate::remote::Remote;
use share::{Owner, Share, Turn};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use user::User;

pub(super) use owner::run_of;
pub use owner::{NAME as OWNER, own};

/// Where the library looks for devices (crates/preload/src/bus.rs).
const FOLDER: &str = "FAUXKEY_EXEC";
/// Which of them the program sees, separated by commas (crates/preload/src/bus.rs).
const ONLY: &str = "FAUXKEY_EXEC_DEVICES";
const PRELOAD: &str = "LD_PRELOAD";

/// The exit codes of env(1), nohup(1) and shells where a program cannot be started, and where there is none.
const CANNOT_START: u8 = 126;
const NOT_FOUND: u8 = 127;

fn not_here() -> Failure {
    let message = "exec is for Linux with glibc, on x86-64 and aarch64";
    Failure::new(FailureKind::Refused, message)
        .hint("`fauxkey run` offers a socket, and on Linux `--attach uhid` a device of the kernel")
}

pub(super) fn exec(context: &Context, arguments: &Exec) -> Result<Exit, Stop> {
    let library = exec::library().ok_or_else(not_here)?;
    if arguments.print_env {
        return environment::print(context, arguments.device.as_deref(), library);
    }
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
    if let Source::Here(running) = &devices.source {
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

/// A device that is kept nowhere, and the environment in which a program sees it and no other.
pub(super) struct Ephemeral {
    pub(super) running: run::Running,
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// Goes at the end.
    _temporary: TempDir,
}

impl Ephemeral {
    /// Starts one of that profile, with what the home lends it.
    ///
    /// # Errors
    /// Refused, where `exec` is not for this system; and what keeps a device from starting.
    pub(super) fn start(context: &Context, loan: &Loan, profile: &str) -> Result<Self, Stop> {
        let library = exec::library().ok_or_else(not_here)?;
        let temporary = library::temporary()?;
        let place = Place::new(temporary.path());
        let run = Run { ephemeral: true, ..owner::run_of(None, Some(profile), None) };
        let running = run::start_on(|| Ok(loan.instance()), context, &run, &place)?;
        let bus = place.bus();
        let library = match library::Installed::at(&Some(place), &context.home.exec(), library) {
            Ok(library) => library,
            Err(failure) => {
                running.stop();
                return Err(failure.into());
            }
        };
        let preload = library.before(std::env::var_os(PRELOAD));
        let names: Vec<&str> = running.devices.iter().map(|device| device.name.as_str()).collect();
        let environment = vec![(PRELOAD, preload), (FOLDER, bus.into()), (ONLY, names.join(",").into())];
        Ok(Self { running, environment, _temporary: temporary })
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
    source: Source,
    /// Goes at the end.
    _temporary: Option<TempDir>,
}

/// Who has the devices.
enum Source {
    /// This process: they are kept nowhere, and nobody else's.
    Here(Box<run::Running>),
    /// An instance in another process.
    There {
        remote: Box<Remote>,
        /// What is needed of it for as long as the program runs, if it is of this home.
        share: Option<Share>,
        /// Whether it was started by an `exec`, and has no terminal of its own.
        is_owner: bool,
        recorder: Option<Recorder>,
    },
}

impl Devices {
    /// The running instance's, or some that are started for this and other `exec`s, or for this one alone.
    fn reach(context: &Context, arguments: &Exec, user: Option<&User>) -> Result<Self, Stop> {
        if arguments.ephemeral {
            return Self::here(context, arguments, user);
        }
        let home = &context.home;
        if let Some(remote) = Remote::from_environment(home)? {
            return Ok(Self::there(context, remote, None, arguments)?);
        }
        let turn = Turn::take(home)?;
        let share = Share::take(home, &turn)?;
        match Remote::running(home) {
            Some(remote) => Ok(Self::there(context, remote, Some(share), arguments)?),
            None => Ok(Self::beside(context, share, arguments, user)?),
        }
    }

    fn there(
        context: &Context,
        remote: Remote,
        share: Option<Share>,
        arguments: &Exec,
    ) -> Result<Self, Failure> {
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
        let restricted = arguments.device.is_some() || arguments.profile.is_some();
        let only = restricted.then(|| devices.into_iter().map(|device| device.name).collect());
        let is_owner = share.is_some() && Owner::of(&context.home).is_some();
        let source = Source::reached(context, remote, share, is_owner, arguments)?;
        Ok(Self { bus, only, place: None, source, _temporary: None })
    }

    /// Starts a process that has the devices as long as any `exec` uses them.
    fn beside(
        context: &Context,
        share: Share,
        arguments: &Exec,
        user: Option<&User>,
    ) -> Result<Self, Failure> {
        let started = owner::start(&context.home, arguments, user)?;
        told(context, &started.devices);
        let remote = Remote::at(&started.url, &started.token)?;
        let source = Source::reached(context, remote, Some(share), true, arguments)?;
        let place = started.place.map(|folder| owned(Place::new(folder), user));
        let bus = place.as_ref().map_or_else(|| Place::new(context.home.exec()).bus(), Place::bus);
        Ok(Self { bus, only: None, place, source, _temporary: None })
    }

    fn here(context: &Context, arguments: &Exec, user: Option<&User>) -> Result<Self, Stop> {
        let temporary = library::temporary()?;
        let place = owned(Place::new(temporary.path()), user);
        let (device, profile) = (arguments.device.as_deref(), arguments.profile.as_deref());
        let run = Run {
            ephemeral: true,
            trace: arguments.trace.clone(),
            ..owner::run_of(device, profile, arguments.approve)
        };
        let running = run::start(context, &run, &place)?;
        told(context, &running.devices);
        let source = Source::Here(Box::new(running));
        Ok(Self { bus: place.bus(), only: None, place: Some(place), source, _temporary: Some(temporary) })
    }

    /// Says on stderr what the program's user should know.
    fn follow(&self, context: &Context) -> Result<(), Stop> {
        let started = match &self.source {
            Source::Here(running) => notes::of(context.output, running.instance.clone()),
            Source::There { remote, is_owner, .. } => notes::of_remote(context.output, remote, *is_owner),
        };
        Ok(started.map_err(|error: io::Error| {
            Failure::new(FailureKind::Broken, format!("cannot start a thread: {error}"))
        })?)
    }

    /// Ends what is needed no longer. What cannot be ended here ends by itself with this process.
    fn stop(self) {
        match self.source {
            Source::Here(running) => running.stop(),
            Source::There { share, recorder, .. } => {
                if let Some(recorder) = recorder {
                    recorder.finish(true);
                }
                let _by_itself = share.map(Share::give_back);
            }
        }
    }
}

impl Source {
    fn reached(
        context: &Context,
        remote: Remote,
        share: Option<Share>,
        is_owner: bool,
        arguments: &Exec,
    ) -> Result<Self, Failure> {
        let record = |file: &PathBuf| Recorder::start(context.output, &remote, file);
        let recorder = arguments.trace.as_ref().map(record).transpose()?;
        Ok(Self::There { remote: Box::new(remote), share, is_owner, recorder })
    }
}

fn owned(place: Place, user: Option<&User>) -> Place {
    match user {
        Some(user) => place.owned_by(user.id, user.group),
        None => place,
    }
}

fn told(context: &Context, devices: &[Device]) {
    for device in devices {
        context.output.detail(&format!("device {}: {} ({})", device.name, device.title, device.profile));
    }
}
