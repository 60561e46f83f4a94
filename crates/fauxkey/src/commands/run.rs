//! `fauxkey run` and `fauxkey up`: devices that stay, until a signal.
use super::person::{Person, Where};
use super::simulation;
use super::trace::Recorder;
use super::{Context, Exit, Stop, up};
use crate::announce::Announced;
use crate::api::tls::Identity;
use crate::api::{self, Listen, Served};
use crate::cli::{Approval, Attach, Door, Run, Up};
use crate::control::{Control, DEFAULT_DEVICE, Device, Failure, FailureKind};
use crate::devices::name_after;
use crate::drivers::exec::{self, Place};
use crate::drivers::{PcscAddress, SocketAddress, UsbipAddress};
use crate::files;
use crate::home::Home;
use crate::instance::{DEFAULT_PROFILE, Happening, Instance};
use crate::log;
use crate::output::{Output, Tone};
use crate::process::{Parent, on_signal};
use emulator::Event;
use serde::Serialize;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// How often it is asked whether the parent is still there.
const PARENT_CHECK: Duration = Duration::from_millis(250);
/// How long the log has at the end to say the last things. Whoever reads it may have stopped reading.
const LAST_WORDS: Duration = Duration::from_millis(250);

pub(super) fn run(context: &Context, arguments: &Run) -> Result<Exit, Stop> {
    stay(context, arguments, None, |running| vec![format!("Try:   {}device list", running.prefix())])
}

pub(super) fn up(context: &Context, arguments: &Up) -> Result<Exit, Stop> {
    stay(context, &arguments.run, Some(arguments), |running| {
        let fauxkey = running.prefix();
        let mut lines = vec![format!("Phone:  {}", running.served.phone())];
        lines.extend(running.tenant.iter().flat_map(|tenant| tenant.welcome.lines(&fauxkey)));
        lines.push(format!("        {fauxkey}device user ask"));
        lines
    })
}

/// Why the first thread wakes, which does nothing but start and stop.
enum Wake {
    /// A signal.
    Stop,
    /// The log cannot be written.
    Unwritten(io::Error),
    /// Everything is logged.
    Logged,
}

fn send(wake: &Sender<Wake>, what: Wake) {
    // Nobody waits any more at the very end.
    let _ = wake.send(what);
}

/// Starts, stays until it is time to stop, and stops. `advice` is said once everything is there.
fn stay(
    context: &Context,
    arguments: &Run,
    up: Option<&Up>,
    advice: impl FnOnce(&Running) -> Vec<String>,
) -> Result<Exit, Stop> {
    let output = context.output;
    // Before anything is made, so that a signal leaves nothing of it behind.
    let parent = arguments.exit_with_parent.then(Parent::now);
    let (wake, woken) = mpsc::channel();
    let signal = wake.clone();
    on_signal(move || send(&signal, Wake::Stop)).map_err(|error| broken("catch signals", &error))?;

    let mut running = start(context, arguments, &Place::new(context.home.exec()))?;
    if let Some(arguments) = up {
        let home = (!arguments.run.ephemeral).then_some(&context.home);
        running.tenant = Some(up::start(&running.instance, home, &running.served.token, arguments)?);
    }
    running.say(&output)?;
    if !output.json {
        advice(&running).iter().for_each(|line| output.say(line));
    }
    let ended = running.log(output, wake, arguments).and_then(|()| {
        let _file = arguments.ready_file.as_deref().map(|file| running.announce(file)).transpose()?;
        wait(&output, &woken, parent)
    });
    running.stop();
    while let Ok(Wake::Stop | Wake::Unwritten(_)) = woken.recv_timeout(LAST_WORDS) {}
    output.detail("stopped");
    ended
}

/// Waits until it is time to stop.
fn wait(output: &Output, woken: &Receiver<Wake>, parent: Option<Parent>) -> Result<Exit, Stop> {
    loop {
        let next = match parent {
            Some(_) => woken.recv_timeout(PARENT_CHECK),
            None => woken.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(Wake::Unwritten(error)) => return Err(error.into()),
            Ok(Wake::Stop | Wake::Logged) | Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Done),
            Err(RecvTimeoutError::Timeout) if parent.is_some_and(Parent::is_gone) => {
                output.detail("the parent is gone");
                return Ok(Exit::Done);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn broken(what: &str, error: &io::Error) -> Failure {
    Failure::new(FailureKind::Broken, format!("cannot {what}: {error}"))
}

/// Everything that was started.
pub(super) struct Running {
    pub(super) instance: Arc<Instance>,
    recorder: Option<Recorder>,
    pub(super) served: Served,
    pub(super) devices: Vec<Device>,
    token_file: Option<PathBuf>,
    tenant: Option<up::Beside>,
}

/// What is there, for programs that wait for it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready<'a> {
    pid: u32,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_file: Option<&'a Path>,
    /// Only where there is no file with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    /// What a client trusts, in PEM, where the API is asked by TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a str>,
    devices: &'a [Device],
    /// The tenant, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a up::Welcome>,
}

/// Starts devices, their doors and the API. `place` is where programs that `fauxkey exec` starts find them.
pub(super) fn start(context: &Context, arguments: &Run, place: &Place) -> Result<Running, Stop> {
    let open = || match arguments.ephemeral {
        true => Instance::ephemeral(arguments.seed),
        false => Instance::open(&context.home),
    };
    start_on(open, context, arguments, place)
}

/// The same on an instance that is opened once it is known that the arguments make sense.
pub(super) fn start_on(
    open: impl FnOnce() -> Result<Instance, Failure>,
    context: &Context,
    arguments: &Run,
    place: &Place,
) -> Result<Running, Stop> {
    let output = &context.output;
    if let Some(file) = &arguments.ready_file {
        // One that was left over would be taken for ours.
        remove(file);
    }
    let socket = arguments.socket.as_deref().map(str::parse::<SocketAddress>).transpose()?;
    let usbip = arguments.usbip.as_deref().map(str::parse::<UsbipAddress>).transpose()?;
    let usbip = usbip.unwrap_or_default().checked(arguments.usbip_anywhere)?;
    let pcsc = arguments.pcsc.as_deref().map(str::parse::<PcscAddress>).transpose()?.unwrap_or_default();
    let faults = simulation::faults(&arguments.fault)?;
    let instance = Arc::new(open()?);
    let recorder =
        arguments.trace.as_deref().map(|file| Recorder::start(*output, &*instance, file)).transpose()?;
    let names = devices(&instance, arguments)?;
    if arguments.socket.is_some() && names.len() > 1 {
        return Err(Failure::new(FailureKind::Invalid, "--socket is for one device, and there are several")
            .hint(format!("give --device with one of {}", names.join(", ")))
            .into());
    }
    check_doors(&names, &arguments.attach)?;
    let folder = folder(output, place, arguments, &names)?;
    for name in &names {
        match &arguments.approve {
            Some(Approval::Policy(policy)) => instance.set_user_for_now(name, *policy)?,
            Some(Approval::Script(file)) => simulation::play(&*instance, name, file)?,
            None => {}
        }
        if let Some(seed) = faults.seed.or(arguments.seed) {
            instance.seed_faults(name, seed)?;
        }
        for fault in &faults.faults {
            instance.arm(name, fault.clone())?;
        }
        let address = socket.clone().unwrap_or_else(|| match arguments.ephemeral {
            true => SocketAddress::Tcp((Ipv4Addr::LOCALHOST, 0).into()),
            false => SocketAddress::Unix(context.home.socket(name)),
        });
        attach(output, &instance, name, &address, folder.as_ref(), (usbip, pcsc), arguments)?;
    }
    let home = (!arguments.ephemeral).then_some(&context.home);
    let served = api::serve(instance.clone(), home, listen(arguments)?)?;
    if !arguments.listen.ip().is_loopback() {
        output.warn("other hosts reach the API: whoever has its token can use every passkey here");
    }
    let devices = names.iter().map(|name| instance.device(name)).collect::<Result<Vec<_>, _>>()?;
    let token_file = home.map(Home::token);
    Ok(Running { instance, recorder, served, devices, token_file, tenant: None })
}

/// Where the API listens, and as whom.
fn listen(arguments: &Run) -> Result<Listen, Failure> {
    let names = arguments.listen_name.clone();
    let tls = match (&arguments.tls_certificate, &arguments.tls_key) {
        (Some(certificates), Some(key)) => Some(Identity::load(certificates, key)?),
        _ if arguments.tls => {
            let address = match arguments.listen.ip() {
                ip if ip.is_unspecified() => None,
                ip => Some(ip.to_string()),
            };
            let always = ["localhost", "127.0.0.1", "::1"].map(String::from);
            let mut all: Vec<String> = names.iter().cloned().chain(address).chain(always).collect();
            all.sort_unstable();
            all.dedup();
            Some(Identity::generate(&all)?)
        }
        _ => None,
    };
    Ok(Listen { address: Some(arguments.listen), names, tls })
}

/// Which devices to run; one is made where there is none.
fn devices(instance: &Instance, arguments: &Run) -> Result<Vec<String>, Failure> {
    let there = instance.devices()?;
    let profile = arguments.profile.as_deref();
    let make =
        |name: &str, profile: &str| instance.ensure_device(name, profile).map(|device| vec![device.name]);
    if !arguments.device.is_empty() {
        let mut names = Vec::new();
        for wanted in &arguments.device {
            let (name, profile) = match wanted.split_once('=') {
                Some((name, profile)) => (name, Some(profile)),
                None => (wanted.as_str(), profile),
            };
            named(instance, name, profile, there.is_empty())?;
            if !names.iter().any(|there| there == name) {
                names.push(name.to_owned());
            }
        }
        return Ok(names);
    }
    match profile {
        Some(profile) => {
            let of_it: Vec<String> = there
                .into_iter()
                .filter(|device| device.profile == profile)
                .map(|device| device.name)
                .collect();
            if !of_it.is_empty() {
                return Ok(of_it);
            }
            // The default profile's device has a shorter name than its profile.
            let name = if profile == DEFAULT_PROFILE { DEFAULT_DEVICE.into() } else { name_after(profile) };
            make(&name, profile)
        }
        None if there.is_empty() => make(DEFAULT_DEVICE, DEFAULT_PROFILE),
        None => Ok(there.into_iter().map(|device| device.name).collect()),
    }
}

/// The doors of a device that were asked for: its own, or else those of all.
fn doors(arguments: &Run, name: &str) -> Vec<Door> {
    let of = |of: Option<&str>| {
        let asked = arguments.attach.iter().filter(|attach| attach.device.as_deref() == of);
        asked.flat_map(|attach| attach.doors.iter().copied()).collect::<Vec<Door>>()
    };
    let mut doors = Some(of(Some(name))).filter(|own| !own.is_empty()).unwrap_or_else(|| of(None));
    if doors.is_empty() {
        doors.push(if arguments.socket.is_some() { Door::Socket } else { Door::Auto });
    }
    doors
}

/// The folder for programs that `fauxkey exec` starts, if it was asked for. An ephemeral instance has none unless
/// somebody named it: it would be on disk. To be called once the home is ours.
fn folder(
    output: &Output,
    place: &Place,
    arguments: &Run,
    names: &[String],
) -> Result<Option<Arc<exec::Folder>>, Failure> {
    let any = |door| names.iter().any(|name| doors(arguments, name).contains(&door));
    let asked = any(Door::Exec);
    let auto = any(Door::Auto) && !arguments.ephemeral && exec::library().is_some();
    if !asked && !auto {
        return Ok(None);
    }
    match exec::Folder::prepare(place) {
        Err(failure) if !asked => {
            output.detail(&format!("no exec: {failure}"));
            Ok(None)
        }
        prepared => prepared.map(Some),
    }
}

/// The device of that name, which is made if its profile was said, or if the home has none at all.
fn named(instance: &Instance, name: &str, profile: Option<&str>, first: bool) -> Result<Device, Failure> {
    let Some(profile) = profile else {
        return if first { instance.ensure_device(name, DEFAULT_PROFILE) } else { instance.device(name) };
    };
    let device = instance.ensure_device(name, profile)?;
    if device.profile != profile {
        let message = format!("the device {name} is of the profile {}", device.profile);
        return Err(Failure::new(FailureKind::Conflict, message)
            .hint("leave --profile out, or name another device, which is then made"));
    }
    Ok(device)
}

/// Doors of a device that does not run are a slip of the pen.
fn check_doors(names: &[String], attach: &[Attach]) -> Result<(), Failure> {
    let unknown =
        attach.iter().filter_map(|attach| attach.device.as_ref()).find(|name| !names.contains(name));
    let Some(unknown) = unknown else { return Ok(()) };
    let message = format!("--attach {unknown}=...: the device {} does not run here", unknown.escape_debug());
    Err(Failure::new(FailureKind::Invalid, message).hint(format!("there are: {}", names.join(", "))))
}

/// Opens the doors that were asked for. What `auto` asks for may be missing.
fn attach(
    output: &Output,
    instance: &Instance,
    name: &str,
    address: &SocketAddress,
    folder: Option<&Arc<exec::Folder>>,
    (usbip, pcsc): (UsbipAddress, PcscAddress),
    arguments: &Run,
) -> Result<(), Failure> {
    let doors = doors(arguments, name);
    let auto = doors.contains(&Door::Auto);
    if auto || doors.contains(&Door::Socket) {
        instance.attach_socket(name, address)?;
    }
    if let Some(folder) = folder {
        match instance.attach_exec(name, folder) {
            Ok(_) => {}
            Err(failure) if auto => output.detail(&format!("{name}: no exec: {failure}")),
            Err(failure) => return Err(failure),
        }
    }
    if auto || doors.contains(&Door::Uhid) {
        match instance.attach_uhid(name) {
            Ok(_) => {}
            Err(failure) if auto && !doors.contains(&Door::Uhid) => {
                output.detail(&format!("{name}: no uhid: {failure}"));
            }
            Err(failure) => return Err(failure),
        }
    }
    if doors.contains(&Door::Pcsc) {
        instance.attach_pcsc(name, pcsc)?;
    } else if auto {
        // Where a reader is, the devices that can lie there do.
        if let Err(failure) = instance.attach_pcsc(name, pcsc) {
            output.detail(&format!("{name}: no card: {failure}"));
        }
    }
    if doors.contains(&Door::Usbip) {
        instance.attach_usbip(name, usbip)?;
        if usbip.is_open_to_others() {
            output.warn(&format!(
                "USB/IP at {usbip} has no password: whoever reaches it can use {name} and every passkey on it"
            ));
        }
    }
    Ok(())
}

impl Running {
    /// How a command that finds this instance begins.
    fn prefix(&self) -> String {
        match self.token_file {
            Some(_) => "fauxkey ".into(),
            None => {
                format!("FAUXKEY_URL={} FAUXKEY_TOKEN={} fauxkey ", self.served.url, self.served.token)
            }
        }
    }

    /// Says what is there: to people on stderr, to programs on stdout.
    fn say(&self, output: &Output) -> Result<(), Stop> {
        if output.json {
            return Ok(output.document(&self.ready())?);
        }
        for device in &self.devices {
            output.say(&format!("Device {}: {} ({})", device.name, device.title, device.profile));
            for address in &device.attached {
                output.say(&format!("         {address}"));
                if let Some(command) = usbip_command(address) {
                    output.say(&format!("         {command}"));
                }
            }
        }
        output.say(&format!("API:   {}", self.served.url));
        if let Some((_, fingerprint)) = &self.served.certificate {
            output.say(&format!("TLS:   SHA-256 {fingerprint}"));
        }
        output.say(&match &self.token_file {
            Some(file) => format!("Token: in {}", file.display()),
            None => format!("Token: {}", self.served.token),
        });
        output.say_in(Tone::Loud, "Software keys protect nothing. Ctrl-C stops.");
        Ok(())
    }

    fn ready(&self) -> Ready<'_> {
        Ready {
            pid: std::process::id(),
            url: &self.served.url,
            token_file: self.token_file.as_deref(),
            token: self.token_file.is_none().then_some(self.served.token.as_str()),
            certificate: self.served.certificate.as_ref().map(|(pem, _)| pem.as_str()),
            devices: &self.devices,
            tenant: self.tenant.as_ref().map(|tenant| &tenant.welcome),
        }
    }

    /// Writes what is there to a file, which goes when the result of this is dropped.
    fn announce<'a>(&self, file: &'a Path) -> Result<ReadyFile<'a>, Stop> {
        let text = serde_json::to_string_pretty(&self.ready()).map_err(io::Error::other)?;
        // Whoever waits for the file sees all of it or nothing, and it is for this user alone.
        let written = std::path::absolute(file).and_then(|file| files::replace(&file, text.as_bytes()));
        written.map_err(|error| broken(&format!("write {}", file.display()), &error))?;
        Ok(ReadyFile(file))
    }

    /// Logs what happens, and asks the person at the terminal, on a thread of its own: who reads the log may stop
    /// reading, and that must not keep this process from stopping.
    fn log(&self, output: Output, wake: Sender<Wake>, arguments: &Run) -> Result<(), Stop> {
        // A program that waits for this one has a person of its own to ask.
        let desktop = arguments.ready_file.is_none() && !arguments.exit_with_parent;
        let place = Where { without_log: false, desktop };
        let person = (!output.json).then(|| Person::there(output, self.instance.clone(), place)).flatten();
        let asked = matches!(
            &arguments.approve,
            Some(Approval::Policy(policy)) if policy.answer == emulator::Answer::Ask
        );
        if asked && !person.as_ref().is_some_and(|person| person.is_at_the_terminal()) {
            output.note("there is no terminal to ask at: the page and the API answer");
        }
        let happenings = self.instance.subscribe();
        let mut announced = Announced::default();
        let log = move || {
            for happening in happenings {
                if let Event::Prompted(prompt) = &happening.event
                    && let Some(rp_id) = prompt.purpose.rp_id()
                {
                    log::announce(&mut announced, &output, rp_id);
                }
                if let Err(error) = report(&output, &happening) {
                    return send(&wake, Wake::Unwritten(error));
                }
                if let Some(person) = &person {
                    person.hear(&happening);
                }
            }
            send(&wake, Wake::Logged);
        };
        let started = thread::Builder::new().name("log".into()).spawn(log);
        Ok(started.map(drop).map_err(|error| broken("start a thread", &error))?)
    }

    pub(super) fn stop(self) {
        // It has the vault's records open.
        drop(self.tenant);
        self.served.stop();
        self.instance.shutdown();
        if let Some(recorder) = self.recorder {
            recorder.finish(false);
        }
    }
}

/// What a person types on Linux to plug in the device at that address.
fn usbip_command(address: &str) -> Option<String> {
    let (server, bus_id) = address.strip_prefix("usbip:")?.split_once('/')?;
    let server: SocketAddr = server.parse().ok()?;
    let port = match server.port() {
        transport::usbip::PORT => String::new(),
        port => format!(" --tcp-port {port}"),
    };
    // Whoever listens everywhere is reached at some address that is not known here.
    let host = match server.ip() {
        ip if ip.is_unspecified() => "ADDRESS".into(),
        ip => ip.to_string(),
    };
    Some(format!("sudo modprobe vhci-hcd && sudo usbip{port} attach -r {host} -b {bus_id}"))
}

/// One line for people, or one object for programs.
fn report(output: &Output, happening: &Happening) -> io::Result<()> {
    if output.json {
        output.text(&api::event_json(happening))?;
    } else if let Some(line) = log::line(&happening.device, &happening.event, output.verbose) {
        output.say(&line);
    }
    Ok(())
}

/// The file that says what is there, while it is.
struct ReadyFile<'a>(&'a Path);

impl Drop for ReadyFile<'_> {
    fn drop(&mut self) {
        remove(self.0);
    }
}

/// Removes a file that may not be there.
fn remove(file: &Path) {
    let _ = files::remove(file);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_plugs_a_usb_device_in_is_said_with_a_port_that_is_not_the_usual_one() {
        for (address, options) in [
            ("usbip:127.0.0.1:3240/1-1", Some(" attach -r 127.0.0.1 -b 1-1")),
            ("usbip:127.0.0.1:7/1-12", Some(" --tcp-port 7 attach -r 127.0.0.1 -b 1-12")),
            ("usbip:[::1]:3240/1-1", Some(" attach -r ::1 -b 1-1")),
            ("usbip:0.0.0.0:3240/1-1", Some(" attach -r ADDRESS -b 1-1")),
            ("unix:/run/phone.sock", None),
        ] {
            let expected = options.map(|options| format!("sudo modprobe vhci-hcd && sudo usbip{options}"));
            assert_eq!(usbip_command(address), expected);
        }
    }
}
