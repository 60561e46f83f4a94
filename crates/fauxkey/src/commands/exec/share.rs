//! Who uses the devices that `fauxkey exec` started, and who ends them: by locks, which the kernel takes back from
//! whoever ends, however that is.
//!
//! Each `exec` shares the lock of the folder of devices ([`Home::exec`]) while its program runs. The process that
//! owns the devices ([`super::owner`]) waits for that lock alone: it gets it when nobody shares it any more. Whoever
//! comes or goes takes the lock of the folder above first ([`Turn`]), so that one comes or goes at a time. Locks
//! are of folders, so that no file is left behind.
use crate::api::presence;
use crate::control::Failure;
use crate::files;
use crate::home::Home;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// How long an owner may take to end. What it acknowledged is durable, so nothing is lost by not waiting for it.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// A lock, held until this is dropped.
#[must_use]
pub(super) struct Lock(File);

impl Lock {
    /// Waits until nobody else has the folder's lock, alone or, if `shared`, alone alone.
    pub(super) fn take(folder: &Path, shared: bool) -> Result<Self, Failure> {
        let operation = if shared { FlockOperation::LockShared } else { FlockOperation::LockExclusive };
        let take = || -> io::Result<File> {
            files::make_folder(folder)?;
            let file = File::open(folder)?;
            retry_on_intr(|| flock(&file, operation))?;
            Ok(file)
        };
        take().map(Self).map_err(|error| files::refused("lock", folder, &error))
    }

    /// Changes it without waiting. False, and there is no lock any more, if others have it.
    fn change(&self, operation: FlockOperation) -> bool {
        match retry_on_intr(|| flock(&self.0, operation)) {
            Ok(()) => true,
            Err(Errno::WOULDBLOCK) => false,
            // A lock that cannot be had is no reason to wait for anything.
            Err(_) => false,
        }
    }
}

/// The right to come or go.
pub(super) struct Turn(#[allow(dead_code, reason = "it is held")] Lock);

impl Turn {
    pub(super) fn take(home: &Home) -> Result<Self, Failure> {
        Lock::take(&home.run, false).map(Self)
    }
}

/// A share in the devices of a home.
pub(super) struct Share {
    home: Home,
    lock: Lock,
}

impl Share {
    /// Takes one, after an owner that is ending has ended.
    pub(super) fn take(home: &Home, _turn: &Turn) -> Result<Self, Failure> {
        Ok(Self { home: home.clone(), lock: Lock::take(&home.exec(), true)? })
    }

    /// Gives it back. The last one ends the owner, if there is one, and waits until the vault is closed, so that
    /// the next command can open it.
    ///
    /// # Errors
    /// If the turn cannot be had; the kernel takes the share back all the same.
    pub(super) fn give_back(self) -> Result<(), Failure> {
        let _turn = Turn::take(&self.home)?;
        if self.lock.change(FlockOperation::NonBlockingLockExclusive) {
            // Nobody comes as long as the lock is ours.
            if let Some(owner) = Owner::of(&self.home) {
                owner.end();
            }
        } else if !self.lock.change(FlockOperation::NonBlockingLockShared) {
            // The owner was faster, and is ending by itself.
            let _ended = retry_on_intr(|| flock(&self.lock.0, FlockOperation::LockShared));
        }
        Ok(())
    }
}

/// The process that has the devices.
pub(super) struct Owner(OwnedFd);

impl Owner {
    /// The one of a home, if one runs.
    pub(super) fn of(home: &Home) -> Option<Self> {
        let written: i32 = fs::read_to_string(file(home)).ok()?.trim().parse().ok()?;
        // One that was killed leaves its file, and the instance of the home is another one then.
        let running = presence::Running::read(home)?;
        let pid =
            Some(written).filter(|pid| u32::try_from(*pid) == Ok(running.pid)).and_then(Pid::from_raw)?;
        pidfd_open(pid, PidfdFlags::empty()).ok().map(Self)
    }

    fn end(self) {
        // It may have ended by now.
        let _ended = pidfd_send_signal(&self.0, Signal::TERM);
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let _slow = retry_on_intr(|| poll(&mut fds, Some(&PATIENCE)));
    }
}

/// Says who the owner is, until it is dropped.
pub(super) struct Named(PathBuf);

impl Named {
    /// Writes it, for this process.
    pub(super) fn write(home: &Home) -> Result<Self, Failure> {
        let file = file(home);
        fs::write(&file, format!("{}\n", std::process::id()))
            .map_err(|error| files::refused("write", &file, &error))?;
        Ok(Self(file))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // One that stays names a process that is no instance.
        let _stays = fs::remove_file(&self.0);
    }
}

fn file(home: &Home) -> PathBuf {
    home.exec().join("owner")
}
