//! The helper's life: it makes the lab, starts the command, and says how it ended.
use super::apart::{self, Step};
use super::command::{OTHERS, OWN};
use super::mounts::{self, Mounts};
use super::refusal::{self, refused};
use super::remains::Spaces;
use super::tell::{FromCommand, FromHelper, Line, ToCommand, ToHelper, Wanted, answer, broken};
use super::{
    Doors, Opened, Place, Server, Services, TUNNEL_PORT, environment, hosts, network, outside, trust,
};
use crate::child::{Signals, code};
use crate::control::{Failure, FailureKind};
use crate::process;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The name by which this program is started to become the command.
pub(super) const COMMAND: &str = "fauxkey-lab-command";

/// The socket for that, in the lab's folder.
const SOCKET: &str = "command";

/// How long what runs beside the command may take to end after it, and the command after the caller.
const GRACE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);

/// The helper's whole life. Its arguments are the lab's folder, and the program with its arguments.
pub(super) fn live(arguments: &[OsString], doors: &Doors) -> ExitCode {
    let Some((folder, command)) = arguments.split_first().filter(|(_, command)| !command.is_empty()) else {
        return ExitCode::FAILURE;
    };
    let Ok(mut caller) = Caller::of(Path::new(folder)) else { return ExitCode::FAILURE };
    let message = match run(Path::new(folder), command, &mut caller, doors) {
        Ok((code, failure)) => FromHelper::Ended { code, failure },
        Err(failure) => FromHelper::Failed(failure),
    };
    // Who is gone needs no answer.
    let _unheard = caller.line.tell(&message);
    ExitCode::SUCCESS
}

/// The caller's process, which is gone when its end of the line is.
struct Caller {
    line: Line,
    stream: UnixStream,
    signals: Option<Signals>,
}

impl Caller {
    fn of(folder: &Path) -> io::Result<Self> {
        // Before anything else, so that none ends this process and leaves the rest.
        let signals = Some(Signals::hold()?);
        let stream = UnixStream::connect(folder.join(outside::SOCKET))?;
        Ok(Self { line: Line::over(stream.try_clone()?)?, stream, signals })
    }

    fn hear(&mut self) -> Result<ToHelper, Failure> {
        let heard = self.line.hear().and_then(|message| {
            message.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "it has ended"))
        });
        heard.map_err(|error| broken("cannot hear the lab's caller", &error))
    }

    fn tell(&mut self, message: &FromHelper) -> Result<(), Failure> {
        self.line.tell(message).map_err(|error| broken("cannot tell the lab's caller", &error))
    }
}

fn run(
    folder: &Path,
    command: &[OsString],
    caller: &mut Caller,
    doors: &Doors,
) -> Result<(u8, Option<Failure>), Failure> {
    let ToHelper::Wanted(wanted) = caller.hear()? else {
        return Err(Failure::new(FailureKind::Broken, "the lab's caller does not say what it wants"));
    };
    let has_users = enter(caller)?;
    let spaces = Spaces::of("self");
    let place = Place::new(folder.to_path_buf(), &wanted.options);
    let (services, opened) = furnish(&place, &wanted, doors)?;
    caller.tell(&FromHelper::Opened(opened))?;
    let ended = accompany(&place, command, has_users, caller, doors, wanted.options.beside);
    // What is left is asked to end while it still has a bus: Chromium takes its loss for a crash.
    if let Some(spaces) = spaces {
        spaces.end_all();
    }
    drop(services);
    ended
}

/// Goes where the lab is to be. The result says whether there is a user namespace.
fn enter(caller: &mut Caller) -> Result<bool, Failure> {
    let has_users = apart::leave().map_err(because(Step::Unshare))?;
    caller.tell(&FromHelper::Apart { has_users })?;
    let ToHelper::Mapped = caller.hear()? else {
        return Err(Failure::new(FailureKind::Broken, "the lab's caller does not say who is who"));
    };
    // Not before that: nobody could have written the map of a process that is closed to others.
    process::harden();
    mounts::keep_inside().map_err(because(Step::Mount))?;
    network::loopback().map_err(because(Step::Loopback))?;
    Ok(has_users)
}

/// Starts the services, and puts everything in its place.
fn furnish(place: &Place, wanted: &Wanted, doors: &Doors) -> Result<(Services, Opened), Failure> {
    let folder = place.folder();
    mounts::memory(folder).map_err(because(Step::Mount))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, TUNNEL_PORT)).map_err(because(Step::Listen))?;
    let services = (doors.services)(place, listener)?;
    equip(folder, &services.server).map_err(because(Step::Mount))?;
    let mut mounts = Mounts::default();
    let before = trust::Before {
        bundle: wanted.bundle.as_deref(),
        extra: wanted.extra.as_deref(),
        nss: wanted.nss.as_deref(),
    };
    trust::install(&mut mounts, folder, &services.root, &before).map_err(because(Step::Mount))?;
    name(&mut mounts, place).map_err(because(Step::Mount))?;
    let user = wanted.options.appear_as.map_or_else(|| geteuid().as_raw(), |(user, _)| user);
    let opened = Opened {
        replaced: mounts.replaced(),
        has_nss: wanted.nss.is_some(),
        is_online: network::pair().is_ok(),
        is_root: user == 0,
    };
    Ok((services, opened))
}

/// What servers under test need to be spoken to by TLS.
fn equip(folder: &Path, server: &Server) -> io::Result<()> {
    let [certificate, key] = environment::server(folder);
    fs::write(certificate, &server.certificate)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(key)?.write_all(server.key.as_bytes())
}

/// The lab's `/etc/hosts`.
fn name(mounts: &mut Mounts, place: &Place) -> io::Result<()> {
    let mut before = Vec::new();
    if let Ok(file) = File::open(HOSTS) {
        file.take(hosts::LONGEST).read_to_end(&mut before)?;
    }
    let names: Vec<&str> = place.tunnel_hosts().iter().chain(place.names()).map(String::as_str).collect();
    let system = rustix::system::uname();
    let own = system.nodename().to_string_lossy();
    let text = hosts::of(&String::from_utf8_lossy(&before), &names, &own);
    let file = place.folder().join("hosts");
    fs::write(&file, text)?;
    mounts.place(&file, Path::new(HOSTS))
}

const HOSTS: &str = "/etc/hosts";

/// Runs the command to its end, and what is beside it.
fn accompany(
    place: &Place,
    command: &[OsString],
    has_users: bool,
    caller: &mut Caller,
    doors: &Doors,
    beside: Option<serde_json::Value>,
) -> Result<(u8, Option<Failure>), Failure> {
    let (mut child, not_started) = start(place.folder(), command, has_users)?;
    let cannot = |error: io::Error| broken("cannot wait for the command", &error);
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a child has a number");
    let passing_on = match caller.signals.take().map(|signals| signals.pass_on(&child)) {
        Some(passing_on) => passing_on.map(Some).map_err(cannot)?,
        None => None,
    };
    if let Some(failure) = not_started {
        let _known = child.wait();
        return Ok((failure.0, Some(failure.1)));
    }
    end_with(caller, pid, place.clone()).map_err(cannot)?;
    let beside = beside.map(|value| run_beside(place, doors, value)).transpose().map_err(cannot)?;
    let status = child.wait();
    place.over.store(true, Ordering::Relaxed);
    drop(passing_on);
    if let Some(thread) = beside {
        wait_for(&thread);
    }
    status.map(code).map_err(cannot).map(|code| (code, None))
}

/// Starts the command, and waits until it runs; or says with which code and why it does not.
fn start(
    folder: &Path,
    command: &[OsString],
    has_users: bool,
) -> Result<(Child, Option<(u8, Failure)>), Failure> {
    let cannot = |error: io::Error| broken("cannot start a process for the command", &error);
    let socket = folder.join(SOCKET);
    let listener = UnixListener::bind(&socket).map_err(cannot)?;
    let mut starting = Command::new("/proc/self/exe");
    starting.arg0(COMMAND).arg(&socket).arg(if has_users { OWN } else { OTHERS }).args(command);
    let mut child = process::as_before(|| starting.spawn()).map_err(cannot)?;
    let mut line = answer(&listener, &mut child).map_err(cannot)?;
    // No other process is to connect.
    drop(listener);
    fs::remove_file(&socket).map_err(cannot)?;
    loop {
        match line.hear().map_err(cannot)? {
            Some(FromCommand::Apart) => {
                apart::map(child.id(), None).map_err(because(Step::Map))?;
                line.tell(&ToCommand::Mapped).map_err(cannot)?;
            }
            Some(FromCommand::NotStarted { code, failure }) => return Ok((child, Some((code, failure)))),
            None => return Ok((child, None)),
        }
    }
}

/// Ends the command when the caller has ended, however it did.
fn end_with(caller: &Caller, command: Pid, place: Place) -> io::Result<()> {
    let mut stream = caller.stream.try_clone()?;
    let watch = move || {
        // Nothing more is said, so that this returns at the end.
        let _gone = stream.read(&mut [0]);
        // It may have ended by now, here and below.
        let _ended = kill_process(command, Signal::TERM);
        let begun = Instant::now();
        while !place.is_over() && begun.elapsed() < GRACE {
            thread::sleep(PAUSE);
        }
        if !place.is_over() {
            let _ended = kill_process(command, Signal::KILL);
        }
    };
    thread::Builder::new().name("caller".into()).spawn(watch).map(drop)
}

fn run_beside(place: &Place, doors: &Doors, value: serde_json::Value) -> io::Result<JoinHandle<()>> {
    let (place, beside) = (place.clone(), doors.beside);
    thread::Builder::new().name("beside".into()).spawn(move || beside(&place, value))
}

fn wait_for(thread: &JoinHandle<()>) {
    let begun = Instant::now();
    while !thread.is_finished() && begun.elapsed() < GRACE {
        thread::sleep(PAUSE);
    }
}

fn because(step: Step) -> impl Fn(io::Error) -> Failure {
    move |error| refused(step, &error, &refusal::file)
}
