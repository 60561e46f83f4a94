//! A device in programs that `fauxkey exec` starts: a folder tells the library in them (`crates/preload`) which
//! devices there are, and each has a socket of its own there.
//!
//! The folder looks like a small `/sys`; `crates/preload/src/bus.rs` describes it. A device with power is in it, and
//! one without is not: it comes and goes as a whole, by rename, so that who watches the folder hears of it once,
//! when everything is there.
mod entry;
#[cfg(test)]
mod tests;

use self::entry::Entry;
use super::Driver;
use super::hid::Hid;
use super::mailbox::{Mailbox, Signal};
use super::socket::Socket;
use super::socket::SocketAddress;
use crate::control::{Failure, FailureKind};
use crate::files;
use emulator::profile::UsbIdentity;
use rustix::event::{PollFd, PollFlags, poll};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// The number of the first device: the kernel's own end at 63 (`HIDRAW_MAX_DEVICES`, include/linux/hidraw.h).
const FIRST: u32 = 64;

/// What an address of this kind begins with.
pub const SCHEME: &str = "exec:";

/// Where a folder is to be, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    /// The user and the group that use the devices, if it is not this process's.
    owner: Option<(u32, u32)>,
}

impl Place {
    /// A folder of this user's.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), owner: None }
    }

    /// The same for another user and group, which takes the right to give files away.
    pub fn owned_by(self, user: u32, group: u32) -> Self {
        Self { owner: Some((user, group)), ..self }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that programs look at.
    pub fn bus(&self) -> PathBuf {
        self.path.join("bus")
    }

    /// Gives a file or a folder in it, with what is below, to whom it is for.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        let Some((user, group)) = self.owner else { return Ok(()) };
        if fs::symlink_metadata(path)?.is_dir() {
            for below in fs::read_dir(path)? {
                self.give(&below?.path())?;
            }
        }
        lchown(path, Some(user), Some(group))
    }
}

/// The library that programs get, or `None` if there is none for this system.
pub fn library() -> Option<&'static [u8]> {
    const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libudev.so.1"));
    (!LIBRARY.is_empty()).then_some(LIBRARY)
}

/// The folder of an instance: its devices, and their sockets beside them.
pub struct Folder {
    place: Place,
    taken: Mutex<BTreeSet<u32>>,
}

impl Folder {
    /// Makes the folder, and empties it of what a dead instance left. Only the instance of a home may do so.
    ///
    /// # Errors
    /// Broken, if the file system refuses.
    pub fn prepare(place: &Place) -> Result<Arc<Self>, Failure> {
        let bus = place.bus();
        let prepare = || -> io::Result<()> {
            files::make_folder(&bus)?;
            for left in fs::read_dir(&bus)? {
                fs::remove_dir_all(left?.path())?;
            }
            place.give(&place.path)
        };
        prepare().map_err(|error| files::refused("prepare", &bus, &error))?;
        Ok(Arc::new(Self { place: place.clone(), taken: Mutex::default() }))
    }

    fn take(&self) -> u32 {
        let mut taken = self.taken();
        let number = (FIRST..).find(|number| !taken.contains(number)).expect("there are fewer devices");
        taken.insert(number);
        number
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folder that programs look at, by the address of a device in it.
pub fn bus_of(address: &str) -> Option<&Path> {
    Path::new(address.strip_prefix(SCHEME)?).parent()
}

/// A device in a folder. Dropping it takes it out.
pub struct Exec {
    number: Number,
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
    /// Ends after the device is no longer to be found.
    _socket: Socket,
}

/// A number that is taken as long as this lives.
struct Number {
    folder: Arc<Folder>,
    number: u32,
}

impl Drop for Number {
    fn drop(&mut self) {
        self.folder.taken().remove(&self.number);
    }
}

impl Exec {
    /// Puts the device into the folder, and returns when programs can see it, if it has power.
    ///
    /// # Errors
    /// Those of [`Socket::bind`]; Broken, if the folder cannot be written to or the device is gone.
    pub fn attach(
        hid: &Hid,
        identity: &UsbIdentity,
        name: &str,
        folder: &Arc<Folder>,
    ) -> Result<Self, Failure> {
        let number = Number { number: folder.take(), folder: folder.clone() };
        let path = folder.place.path.join(format!("{}.sock", number.number));
        let broken = |why: String| {
            let message = format!("cannot show {name} in {}: {why}", folder.place.path.display());
            Failure::new(FailureKind::Broken, message)
        };
        // Before the folder hears of power, so that a device that is to be found lets programs in.
        let socket = Socket::bind(hid, &SocketAddress::Unix(path.clone()))?;
        folder.place.give(&path).map_err(|error| files::refused("give away", &path, &error))?;
        let entry = Entry::new(&folder.place, number.number, name, identity, &path);
        let mailbox = Arc::new(Mailbox::new().map_err(|errno| broken(errno.to_string()))?);
        // It only listens; programs write to the socket.
        let _writer = hid.open(&mailbox).map_err(|gone| broken(gone.to_string()))?;
        let heard = mailbox.clone();
        let thread = thread::Builder::new()
            .name("exec".into())
            .spawn(move || show(&heard, &entry))
            .map_err(|error| broken(error.to_string()))?;
        mailbox.settle();
        Ok(Self { number, mailbox, thread: Some(thread), _socket: socket })
    }
}

/// Shows the device while it has power, until the driver is dropped.
fn show(mailbox: &Mailbox, entry: &Entry) {
    let mut shown = false;
    while let Some(signals) = mailbox.take() {
        for signal in signals {
            if let Signal::Power(on) = signal
                && on != shown
            {
                // A folder that is gone or full shows nothing: programs do not find the device.
                let _unchanged = if on { entry.show() } else { entry.hide() };
                shown = on;
            }
        }
        let mut fds = [PollFd::new(mailbox, PollFlags::IN)];
        // Woken for nothing, it looks again.
        let _woken = poll(&mut fds, None);
    }
    let _gone = entry.hide();
}

impl Driver for Exec {
    /// `exec:FOLDER/hidraw64`.
    fn address(&self) -> String {
        let path = self.number.folder.place.bus().join(format!("hidraw{}", self.number.number));
        format!("{SCHEME}{}", path.display())
    }
}

impl Drop for Exec {
    fn drop(&mut self) {
        self.mailbox.stop();
        if let Some(thread) = self.thread.take() {
            // One that panicked leaves an entry whose socket does not answer.
            let _hidden = thread.join();
        }
    }
}
