//! What a device tells a driver's thread: a queue that can be waited for together with file descriptors.
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
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
    /// Tells when the driver has acted on more.
    progress: Condvar,
}

#[derive(Default)]
struct Queue {
    signals: VecDeque<Signal>,
    stopped: bool,
    /// Signals put in, taken out, and acted on, since the start.
    pushed: u64,
    taken: u64,
    acted_on: u64,
}

/// How long a driver is waited for that should act within microseconds.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is woken meanwhile.
const NUDGE: Duration = Duration::from_millis(1);

impl Mailbox {
    /// An empty one.
    ///
    /// # Errors
    /// If the process or the system has no descriptors left.
    pub(super) fn new() -> Result<Self, Errno> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { queue: Mutex::default(), wake, progress: Condvar::new() })
    }

    /// Puts a signal in. Never waits.
    pub(super) fn push(&self, signal: Signal) {
        let mut queue = self.lock();
        queue.signals.push_back(signal);
        queue.pushed += 1;
        drop(queue);
        self.wake();
    }

    /// Waits until the driver has acted on everything that was put in before, so that whoever switched the
    /// power finds programs cut off or let in as it should be. A driver that is busy for longer than a second
    /// is not waited for.
    pub(super) fn settle(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut queue = self.lock();
        let all = queue.pushed;
        while queue.acted_on < all && !queue.stopped && Instant::now() < deadline {
            // It acts on what it took before it takes again.
            self.wake();
            queue = self.progress.wait_timeout(queue, NUDGE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The driver is to end.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.progress.notify_all();
        self.wake();
    }

    /// Everything that is in it, or `None` if the driver is to end. To be called when what was taken before is
    /// done.
    pub(super) fn take(&self) -> Option<VecDeque<Signal>> {
        // Before the queue is looked at, so that what comes later wakes again.
        let _already_empty = rustix::io::read(&self.wake, &mut [0; 8]);
        let mut queue = self.lock();
        queue.acted_on = queue.taken;
        queue.taken = queue.pushed;
        self.progress.notify_all();
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
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

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
    fn who_waits_for_the_driver_waits_until_it_has_acted_on_what_was_in_it() {
        let mailbox = Mailbox::new().unwrap();
        mailbox.settle();
        mailbox.push(Signal::Power(false));
        let acted = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                mailbox.take().unwrap();
                thread::sleep(Duration::from_millis(30));
                acted.store(true, Ordering::SeqCst);
                mailbox.take().unwrap();
            });
            mailbox.settle();
            assert!(acted.load(Ordering::SeqCst));
        });
    }

    #[test]
    fn nobody_waits_for_a_driver_that_ended() {
        let mailbox = Mailbox::new().unwrap();
        mailbox.push(Signal::Power(false));
        mailbox.stop();
        let before = Instant::now();
        mailbox.settle();
        assert!(before.elapsed() < PATIENCE);
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
