//! A device that runs: its thread, its links, and what is attached to it.
use super::ceremonies::Stop;
use super::convert;
use crate::control::{Device, Failure, FailureKind, User};
use crate::drivers::Driver;
use crate::drivers::hid::Hid;
use crate::drivers::pcsc::Reader;
use crate::runtime::{DeviceHandle, Gone};
use emulator::{DeviceProfile, Event, Port, VirtualAuthenticator};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use transport::direct;
use wire::time::Instant;

/// One running device. It ends when this and every copy of its handle are dropped.
pub(super) struct Running {
    name: String,
    profile: DeviceProfile,
    handle: DeviceHandle,
    /// One for each driver: what one door's programs are told is not heard at another's, as it would not be on
    /// another cable.
    hids: Mutex<Vec<Hid>>,
    drivers: Mutex<Vec<Box<dyn Driver>>>,
    /// Plugged when first used; held for as long as a message is being answered.
    direct: Mutex<BTreeMap<authenticator::Link, Direct>>,
    /// Over which link a message is being answered that can be withdrawn, and by what it is known.
    asking: Mutex<Option<(Port, Stop)>>,
    /// Counts what those who wait for a question must look at again: one was raised, or the power changed.
    raised: Arc<(Mutex<u64>, Condvar)>,
}

/// A link that carries whole messages.
struct Direct {
    port: Port,
    /// Who waits for the next response. Emptied when it comes, or when there will be none.
    waiting: Waiting,
}

type Waiting = Arc<Mutex<Option<Sender<Vec<u8>>>>>;

impl Running {
    pub(super) fn new(name: &str, profile: DeviceProfile, handle: DeviceHandle) -> Self {
        Self {
            name: name.into(),
            profile,
            handle,
            hids: Mutex::default(),
            drivers: Mutex::default(),
            direct: Mutex::default(),
            asking: Mutex::default(),
            raised: Arc::default(),
        }
    }

    /// Hears of questions from now on. To be called once, before anybody can wait for one.
    pub(super) fn hear_questions(&self) -> Result<(), Failure> {
        let raised = self.raised.clone();
        let hear = move |event: &Event| {
            if matches!(event, Event::Prompted(_) | Event::Power(_)) {
                *lock(&raised.0) += 1;
                raised.1.notify_all();
            }
            true
        };
        self.handle.listen(Box::new(hear)).map_err(|gone| self.gone(gone))
    }

    /// How often something was raised so far.
    pub(super) fn raised(&self) -> u64 {
        *lock(&self.raised.0)
    }

    /// Waits until something more was raised than that; false if nothing was until then.
    pub(super) fn await_more(&self, than: u64, until: std::time::Instant) -> bool {
        let mut count = lock(&self.raised.0);
        while *count == than {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return false;
            }
            count = self.raised.1.wait_timeout(count, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub(super) fn handle(&self) -> &DeviceHandle {
        &self.handle
    }

    pub(super) fn profile(&self) -> &DeviceProfile {
        &self.profile
    }

    /// Runs `job` on the device's thread.
    pub(super) fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut VirtualAuthenticator, Instant) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        self.handle.call(job).map_err(|gone| self.gone(gone))
    }

    /// The failure that the device's thread has ended, which it does only if it panicked.
    pub(super) fn gone(&self, gone: Gone) -> Failure {
        let hint = "start fauxkey again: what was acknowledged is safe";
        Failure::new(FailureKind::Broken, format!("{}: {gone}", self.name)).hint(hint)
    }

    pub(super) fn describe(&self) -> Result<Device, Failure> {
        let live = |device: &mut VirtualAuthenticator, _| {
            (device.is_powered(), device.passkey_count(), User::from(device.user()))
        };
        let (powered, passkeys, user) = self.call(live)?;
        let attached = lock(&self.drivers).iter().map(|driver| driver.address()).collect();
        Ok(Device { powered, passkeys, user, attached, ..convert::device(&self.name, &self.profile) })
    }

    /// Attaches what `make` makes over a HID interface of its own, and returns its address.
    pub(super) fn attach<D: Driver + 'static>(
        &self,
        make: impl FnOnce(&Hid) -> Result<D, Failure>,
    ) -> Result<String, Failure> {
        let hid = Hid::plug(&self.handle, &self.profile).map_err(|gone| self.gone(gone))?;
        // An interface that nobody can use after all says nothing and hears nothing.
        let driver = make(&hid)?;
        let address = driver.address();
        lock(&self.hids).push(hid);
        lock(&self.drivers).push(Box::new(driver));
        Ok(address)
    }

    /// Puts the device on the reader at `address`, and returns where it lies.
    pub(super) fn attach_card(&self, address: SocketAddr) -> Result<String, Failure> {
        let reader = Reader::attach(&self.handle, &self.profile, address)?;
        let address = reader.address();
        lock(&self.drivers).push(Box::new(reader));
        Ok(address)
    }

    /// Whether it has a place on a reader.
    pub(super) fn is_card(&self) -> bool {
        lock(&self.drivers).iter().any(|driver| driver.as_reader().is_some())
    }

    /// Puts the device on its readers, or takes it away. False if it has none.
    pub(super) fn insert(&self, inserted: bool) -> bool {
        let drivers = lock(&self.drivers);
        let readers = drivers.iter().filter_map(|driver| driver.as_reader());
        readers.map(|reader| reader.insert(inserted)).count() > 0
    }

    /// Waits until what happened on the device has reached the programs that use it: connections are cut, or let
    /// in again.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        // The device's thread tells of what happened before it takes the next input.
        self.call(|_, _| ())?;
        lock(&self.hids).iter().for_each(Hid::settle);
        Ok(())
    }

    /// Detaches everything and cuts the power, so that nobody waits for the device any more.
    pub(super) fn stop(&self) {
        lock(&self.drivers).clear();
        // A device that is gone needs no power cut.
        let _gone = self.handle.call(|device, now| device.power_off(now));
    }

    /// Withdraws the message that `stop` belongs to, which is set, if it waits for its answer.
    pub(super) fn cancel(&self, stop: &Stop) -> Result<(), Failure> {
        let asking = lock(&self.asking)
            .as_ref()
            .filter(|(_, asking)| Arc::ptr_eq(asking, stop))
            .map(|(port, _)| *port);
        match asking {
            // An empty frame withdraws what is open (transport::direct).
            Some(port) => self.call(move |device, now| device.handle_frame(now, port, &[])),
            None => Ok(()),
        }
    }

    /// Hands a message to the device as if over `link`, and waits for the response; not if `stop` is set.
    pub(super) fn ctap2(
        &self,
        link: authenticator::Link,
        message: &[u8],
        stop: Option<&Stop>,
    ) -> Result<Vec<u8>, Failure> {
        let profile = &self.profile;
        if !profile.authenticator.seen.iter().any(|(seen, _)| *seen == link) {
            let message =
                format!("{} is not reached so: its profile {} has no {link:?} link", self.name, profile.name);
            return Err(Failure::new(FailureKind::Refused, message)
                .hint("take another client or link, or a profile that describes it under [seen]"));
        }
        if message.is_empty() {
            let message = "the message is empty: a CTAP2 message begins with its command byte";
            return Err(Failure::new(FailureKind::Invalid, message));
        }
        // Held until the response is there: one caller at a time.
        let mut direct = lock(&self.direct);
        let direct = match direct.entry(link) {
            std::collections::btree_map::Entry::Occupied(direct) => direct.into_mut(),
            std::collections::btree_map::Entry::Vacant(none) => {
                none.insert(Direct::plug(&self.handle, link).map_err(|gone| self.gone(gone))?)
            }
        };
        let (sender, response) = channel();
        let (port, waiting, message) = (direct.port, direct.waiting.clone(), message.to_vec());
        *lock(&self.asking) = stop.map(|stop| (port, stop.clone()));
        let _asked = Asked(&self.asking);
        let stop = stop.cloned();
        let begun = self.call(move |device, now| {
            // Here, so that who sets it and then withdraws what is open cannot be too early.
            if stop.is_some_and(|stop| stop.load(Ordering::SeqCst)) {
                return Err(Unasked::Stopped);
            }
            if !device.is_powered() {
                return Err(Unasked::Unpowered);
            }
            *lock(&waiting) = Some(sender);
            device.handle_frame(now, port, &message);
            Ok(())
        })?;
        match begun {
            Ok(()) => {}
            Err(Unasked::Stopped) => {
                return Err(Failure::new(FailureKind::Refused, "the request was cancelled"));
            }
            Err(Unasked::Unpowered) => {
                let hint = format!("`fauxkey device power on --device {}` gives it some", self.name);
                let message = format!("{} has no power", self.name);
                return Err(Failure::new(FailureKind::Conflict, message).hint(hint));
            }
        }
        if let Ok(response) = response.recv() {
            return Ok(response);
        }
        self.call(|_, _| ())?;
        let message = format!("the power of {} was cut before it answered", self.name);
        Err(Failure::new(FailureKind::Conflict, message))
    }
}

/// Why a message was not handed in.
enum Unasked {
    Stopped,
    Unpowered,
}

/// Forgets, at the end, that somebody asked.
struct Asked<'a>(&'a Mutex<Option<(Port, Stop)>>);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        *lock(self.0) = None;
    }
}

impl Direct {
    fn plug(handle: &DeviceHandle, link: authenticator::Link) -> Result<Self, Gone> {
        let waiting = Waiting::default();
        let answered = waiting.clone();
        let sink = move |frame: &[u8]| {
            if let Some(sender) = lock(&answered).take() {
                // Who asked waits until this comes.
                let _gone = sender.send(frame.into());
            }
        };
        let port = handle.plug(link, Box::new(direct::Device::new()), Box::new(sink))?;
        let cut = waiting.clone();
        handle.listen(Box::new(move |event: &Event| {
            if let Event::Power(false) = event {
                *lock(&cut) = None;
            }
            true
        }))?;
        Ok(Self { port, waiting })
    }
}

/// Locks even after a panic of somebody else: what is inside is whole at any time.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
