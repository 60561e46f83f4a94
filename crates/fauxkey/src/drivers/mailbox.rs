//! What a device tells a driver's thread: a queue that can be waited for together with file descriptors.
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::ctaphid::Report;

/// What a driver hears of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// An input report: from the device to whoever has it open.
    Input(Report),
    /// The power is on, or is off. The first signal of all says how it is.
    Power(bool),
}

/// The queue. Its descriptor is readable while there is something in it.
///
/// It has no bound of its own: a driver empties it before it reads on from its programs, and a device that
/// nobody speaks to says nothing.
pub(super) struct Mailbox {
    queue: Mutex<Queue>,
    wake: OwnedFd,
}

#[derive(Default)]
struct Queue {
    signals: VecDeque<Signal>,
    stopped: bool,
}

impl Mailbox {
    /// An empty one.
    ///
    /// # Errors
    /// If the process or the system has no descriptors left.
    pub(super) fn new() -> Result<Self, Errno> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { queue: Mutex::default(), wake })
    }

    /// Puts a signal in. Never waits.
    pub(super) fn push(&self, signal: Signal) {
        self.lock().signals.push_back(signal);
        self.wake();
    }

    /// The driver is to end.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.wake();
    }

    /// Everything that is in it, or `None` if the driver is to end.
    pub(super) fn take(&self) -> Option<VecDeque<Signal>> {
        // Before the queue is looked at, so that what comes later wakes again.
        let _already_empty = rustix::io::read(&self.wake, &mut [0; 8]);
        let mut queue = self.lock();
        if queue.stopped { None } else { Some(std::mem::take(&mut queue.signals)) }
    }

    fn wake(&self) {
        // The counter is full after 2^64 signals that nobody took, and then the driver is awake anyway.
        let _awake = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn is_readable(mailbox: &Mailbox) -> bool {
        let mut fds = [PollFd::new(mailbox, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
    }

    #[test]
    fn signals_come_in_order_and_wake_until_they_are_taken() {
        let mailbox = Mailbox::new().unwrap();
        assert!(!is_readable(&mailbox));
        mailbox.push(Signal::Power(true));
        mailbox.push(Signal::Input([7; 64]));
        assert!(is_readable(&mailbox));
        assert_eq!(mailbox.take().unwrap(), [Signal::Power(true), Signal::Input([7; 64])]);
        assert!(!is_readable(&mailbox));
        assert_eq!(mailbox.take().unwrap(), []);
    }

    #[test]
    fn an_end_wakes_and_stays() {
        let mailbox = Mailbox::new().unwrap();
        mailbox.push(Signal::Power(true));
        mailbox.stop();
        assert!(is_readable(&mailbox));
        assert_eq!((mailbox.take(), mailbox.take()), (None, None));
    }
}
