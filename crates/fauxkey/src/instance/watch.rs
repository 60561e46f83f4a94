//! Everything that happens on the devices of an instance, what passes over their links included: for traces.
use super::running::{Running, lock};
use super::{Instance, State};
use crate::control::Failure;
use emulator::{DeviceProfile, Event};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Things seen that wait for one watcher. A message of the greatest length is 130 of them.
const UNTAKEN_LIMIT: usize = 65_536;

/// Something that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// On which device.
    pub device: String,
    /// What.
    pub what: What,
}

/// What was seen.
#[derive(Clone, Debug)]
pub enum What {
    /// The device runs, as one of this profile: since before the watch began, or from now on.
    Runs(Box<DeviceProfile>),
    /// Something happened on it.
    Event(Event),
    /// So many things happened before that are not here: nobody took those that were.
    Missed(u64),
}

/// Why nothing was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// For as long as it was waited for.
    Yet,
    /// The instance has ended.
    AnyMore,
}

/// Sees everything until it is dropped, or the instance ends.
pub struct Watch(Receiver<Seen>);

impl Watch {
    /// The next thing that is seen, if it comes within `patience`.
    ///
    /// # Errors
    /// If nothing came, and whether something may come.
    pub fn next(&self, patience: Duration) -> Result<Seen, Nothing> {
        self.0.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => Nothing::Yet,
            RecvTimeoutError::Disconnected => Nothing::AnyMore,
        })
    }
}

/// Why something was not told.
enum Unsent {
    /// What was told before is not taken yet.
    NoRoom,
    /// Nobody watches any more.
    Gone,
}

/// The other end of a [`Watch`].
#[derive(Clone)]
struct Watcher {
    sender: SyncSender<Seen>,
    /// What there was no room for since the last thing that there was.
    missed: Arc<AtomicU64>,
}

impl Watcher {
    /// Tells without waiting. False if nobody watches any more.
    fn tell(&self, at: Instant, device: &str, what: What) -> bool {
        let missed = self.missed.load(Ordering::Relaxed);
        if missed > 0 {
            match self.send(at, device, What::Missed(missed)) {
                Ok(()) => self.missed.fetch_sub(missed, Ordering::Relaxed),
                Err(Unsent::NoRoom) => self.missed.fetch_add(1, Ordering::Relaxed),
                Err(Unsent::Gone) => return false,
            };
            if self.missed.load(Ordering::Relaxed) > 0 {
                return true;
            }
        }
        match self.send(at, device, what) {
            Ok(()) => true,
            Err(Unsent::NoRoom) => {
                self.missed.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(Unsent::Gone) => false,
        }
    }

    fn send(&self, at: Instant, device: &str, what: What) -> Result<(), Unsent> {
        self.sender.try_send(Seen { at, device: device.into(), what }).map_err(|error| match error {
            TrySendError::Full(_) => Unsent::NoRoom,
            TrySendError::Disconnected(_) => Unsent::Gone,
        })
    }

    /// Watches a device. False if nobody watches any more.
    fn watch(&self, name: &str, running: &Running) -> Result<bool, Failure> {
        if !self.tell(Instant::now(), name, What::Runs(Box::new(running.profile().clone()))) {
            return Ok(false);
        }
        let (watcher, device) = (self.clone(), name.to_owned());
        let hear = move |event: &Event, at| watcher.tell(at, &device, What::Event(event.clone()));
        running.handle().watch(Box::new(hear)).map_err(|gone| running.gone(gone))?;
        Ok(true)
    }
}

/// Everybody who watches.
#[derive(Default)]
pub(super) struct Watchers(Mutex<Vec<Watcher>>);

impl Watchers {
    /// A device has started.
    pub(super) fn started(&self, name: &str, running: &Running) -> Result<(), Failure> {
        let mut failed = None;
        lock(&self.0).retain(|watcher| {
            watcher.watch(name, running).unwrap_or_else(|failure| {
                failed = Some(failure);
                true
            })
        });
        failed.map_or(Ok(()), Err)
    }

    /// Nothing is seen any more.
    pub(super) fn close(&self) {
        lock(&self.0).clear();
    }
}

impl Instance {
    /// From now on, everything that happens on all devices, what passes over their links included. Who leaves tens of
    /// thousands of things lying is told how many were missed; devices never wait.
    ///
    /// # Errors
    /// If the instance is shutting down, or a device has broken down.
    pub fn watch(&self) -> Result<Watch, Failure> {
        // While nothing starts, so that no device is watched twice or not at all.
        let state = self.open_state()?;
        let State { running, .. } = &*state;
        let (sender, seen) = sync_channel(UNTAKEN_LIMIT);
        let watcher = Watcher { sender, missed: Arc::default() };
        for (name, running) in running {
            watcher.watch(name, running)?;
        }
        lock(&self.watchers.0).push(watcher);
        Ok(Watch(seen))
    }
}
