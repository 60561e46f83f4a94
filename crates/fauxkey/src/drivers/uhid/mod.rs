//! A device behind the kernel's `/dev/uhid`: programs find it as `/dev/hidraw…`, like a key in a USB port.
//!
//! It takes the right to open `/dev/uhid`, which one udev rule gives ([`LET_IN`]). When the device loses its
//! power, the kernel's device goes, as if it had been pulled out, and whoever waits for an answer reads an end.
//!
//! The kernel keeps 32 events for this process and drops what comes beyond that, so this process reads them as fast
//! as it can and never waits for the device. A program that writes a message of more than 32 reports (some 1,900
//! bytes) at once on a machine that is very busy may find it cut all the same. USB/IP has no such limit.
//!
//! Programs that open and close it, drivers that come and go, and a machine that sleeps are none of its business.
mod event;
mod hidraw;
#[cfg(test)]
mod tests;

use self::event::{EVENT_SIZE, Event};
use super::Driver;
use super::hid::{Hid, Writer};
use super::mailbox::{Mailbox, Signal};
use crate::control::{Failure, FailureKind};
use emulator::profile::UsbIdentity;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use wire::ctaphid::Report;

/// The kernel's door.
const UHID: &str = "/dev/uhid";
/// The command that lets the user at the screen use it, now and after every start. `static_node` is for the
/// node that is there before the module is loaded.
pub const LET_IN: &str = "echo 'KERNEL==\"uhid\", SUBSYSTEM==\"misc\", OPTIONS+=\"static_node=uhid\", \
    TAG+=\"uaccess\"' | sudo tee /etc/udev/rules.d/70-fauxkey.rules && sudo udevadm control --reload && \
    sudo udevadm trigger --settle /dev/uhid";
/// How long the kernel and udev may take to make the device node.
const PATIENCE: Duration = Duration::from_secs(2);

/// Events taken from the kernel before the device is heard: twice what the kernel keeps.
const TURN: usize = 64;

/// A device's presence in the kernel. Dropping it unplugs the device.
pub struct Uhid {
    unique: String,
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
}

impl Uhid {
    /// Plugs the device in, and returns when programs can see it, or should.
    ///
    /// # Errors
    /// Broken, if there is no `/dev/uhid`, it may not be opened, or the device is gone; the hint says what would
    /// help.
    pub fn attach(hid: &Hid, identity: &UsbIdentity, name: &str) -> Result<Self, Failure> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let uhid = open(UHID, flags, Mode::empty()).map_err(refused)?;
        let attached = Self::over(uhid, hid, identity, name)?;
        let deadline = Instant::now() + PATIENCE;
        while attached.node().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(attached)
    }

    /// The same over a descriptor that stands for `/dev/uhid`.
    fn over(uhid: OwnedFd, hid: &Hid, identity: &UsbIdentity, name: &str) -> Result<Self, Failure> {
        let broken = |why: String| Failure::new(FailureKind::Broken, format!("cannot use {UHID}: {why}"));
        // Tells it from the devices of other instances.
        let unique = format!("fauxkey-{}-{name}", std::process::id());
        let mailbox = Arc::new(Mailbox::new().map_err(|errno| broken(errno.to_string()))?);
        let writer = hid.open(&mailbox).map_err(|gone| broken(gone.to_string()))?;
        let create = event::create(identity, &unique).into();
        let service = Service { uhid, mailbox: mailbox.clone(), writer, create, plugged: false };
        let thread = thread::Builder::new()
            .name("uhid".into())
            .spawn(move || service.run())
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self { unique, mailbox, thread: Some(thread) })
    }

    fn node(&self) -> Option<String> {
        hidraw::find(Path::new("/sys/class/hidraw"), &self.unique)
    }
}

impl Driver for Uhid {
    /// `hidraw:/dev/hidraw3`, or `uhid:…` with the serial number where the node cannot be told, as without
    /// power.
    fn address(&self) -> String {
        self.node().map_or_else(|| format!("uhid:{}", self.unique), |node| format!("hidraw:/dev/{node}"))
    }
}

impl Drop for Uhid {
    fn drop(&mut self) {
        self.mailbox.stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has closed its descriptor, and the kernel unplugged the device.
            let _unplugged = thread.join();
        }
    }
}

fn refused(errno: Errno) -> Failure {
    let failure = Failure::new(FailureKind::Broken, format!("cannot open {UHID}: {errno}"));
    match errno {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => {
            failure.hint("`sudo modprobe uhid` loads the kernel's module, if it has one; a socket needs none")
        }
        Errno::ACCESS | Errno::PERM => failure.hint(format!("one udev rule lets you in: {LET_IN}")),
        _ => failure,
    }
}

/// What the thread owns.
struct Service {
    uhid: OwnedFd,
    mailbox: Arc<Mailbox>,
    writer: Writer,
    /// The event that makes the kernel's device.
    create: Box<event::Bytes>,
    plugged: bool,
}

/// Nothing more can be done: the kernel or the device is gone.
struct Over;

impl Service {
    /// Until the driver is dropped or the device is gone.
    fn run(mut self) {
        while let Some(signals) = self.mailbox.take() {
            if self.tell(signals).and_then(|()| self.wait()).and_then(|()| self.receive()).is_err() {
                break;
            }
        }
        // The kernel does the same when the descriptor is closed.
        let _unplugged = self.plug(false);
    }

    fn tell(&mut self, signals: VecDeque<Signal>) -> Result<(), Over> {
        for signal in signals {
            match signal {
                Signal::Input(report) if self.plugged => self.input(&report)?,
                Signal::Input(_) => {}
                Signal::Power(on) => self.plug(on)?,
            }
        }
        Ok(())
    }

    fn plug(&mut self, plugged: bool) -> Result<(), Over> {
        if plugged != self.plugged {
            let event = if plugged { *self.create } else { event::destroy() };
            self.write(&event)?;
            self.plugged = plugged;
        }
        Ok(())
    }

    fn wait(&self) -> Result<(), Over> {
        let mut fds = [PollFd::new(&*self.mailbox, PollFlags::IN), PollFd::new(&self.uhid, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(_) => Err(Over),
        }
    }

    /// Takes the events that the kernel has, before the mailbox has its turn again.
    fn receive(&mut self) -> Result<(), Over> {
        let mut bytes = [0; EVENT_SIZE];
        for _ in 0..TURN {
            match rustix::io::read(&self.uhid, &mut bytes) {
                Ok(0) => return Err(Over),
                Ok(len) => self.act(&bytes[..len])?,
                Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                Err(_) => return Err(Over),
            }
        }
        Ok(())
    }

    fn act(&mut self, event: &[u8]) -> Result<(), Over> {
        match event::decode(event) {
            // Without report number or with it: the link takes both.
            Some(Event::Output(report)) => self.writer.post(report).map_err(|_| Over),
            Some(Event::GetReport(request)) => self.write(&event::refuse_get_report(request)),
            Some(Event::SetReport(request)) => self.write(&event::refuse_set_report(request)),
            // Whether programs have it open makes no difference to a FIDO device.
            Some(Event::Start | Event::Stop | Event::Open | Event::Close | Event::Other(_)) | None => Ok(()),
        }
    }

    /// A kernel that does not take a report at this moment, as its device has failed to start, loses it.
    fn input(&self, report: &Report) -> Result<(), Over> {
        match self.send(&event::input(report)) {
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(_) => Err(Over),
        }
    }

    fn write(&self, event: &event::Bytes) -> Result<(), Over> {
        self.send(event).map_err(|_| Over)
    }

    fn send(&self, event: &event::Bytes) -> Result<(), Errno> {
        loop {
            match rustix::io::write(&self.uhid, event) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}
