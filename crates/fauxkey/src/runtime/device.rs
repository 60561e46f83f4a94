//! The event loop of one virtual device.
use emulator::{Event, Port, Towards, VirtualAuthenticator};
use std::collections::HashMap;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;
use transport::Link;
use wire::time::Instant;

/// Takes the frames that a link sends to its platform. Called on the device's thread: it must not wait for
/// anybody for long.
pub type Sink = Box<dyn FnMut(&[u8]) + Send>;
/// Hears what happens on a device; false once it does not want to hear more.
pub type Listener = Box<dyn FnMut(&Event) -> bool + Send>;
/// The same with everything that passes over the links, and when: what comes in when it came, all else when it was done.
pub type Watcher = Box<dyn FnMut(&Event, std::time::Instant) -> bool + Send>;

/// The device's thread has ended.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the virtual device is gone")]
pub struct Gone;

/// How long nothing must have come in before a device prepares what would be slow later.
const IDLE: Duration = Duration::from_millis(250);

type Job = Box<dyn FnOnce(&mut Running) + Send>;

enum Input {
    Frame(Port, Vec<u8>),
    Job(Job),
}

/// Sends inputs to a running device. Cheap to clone; the device ends when the last handle is dropped.
#[derive(Clone)]
pub struct DeviceHandle {
    inputs: Sender<Input>,
}

/// What the thread owns.
struct Running {
    device: VirtualAuthenticator,
    clock: Clock,
    sinks: HashMap<Port, Sink>,
    listeners: Vec<Listener>,
    /// Those who hear of traffic too.
    watchers: Vec<Watcher>,
    /// When the newest input came.
    latest: std::time::Instant,
}

/// Real time since the device's start, and what a test added to it.
struct Clock {
    started: std::time::Instant,
    advanced: Duration,
}

impl Clock {
    fn now(&self) -> Instant {
        Instant::since_power_up(self.started.elapsed().saturating_add(self.advanced))
    }
}

/// Starts the thread that owns a device. `make` builds it there, at time zero; what it returns besides the
/// device comes back to the caller.
///
/// # Errors
/// Those of `make`.
pub fn spawn<E: Send + 'static>(
    name: &str,
    make: impl FnOnce(Instant) -> Result<VirtualAuthenticator, E> + Send + 'static,
) -> Result<DeviceHandle, E> {
    let (inputs, receiver) = mpsc::channel();
    let (made, result) = mpsc::channel();
    let body = move || {
        let clock = Clock { started: std::time::Instant::now(), advanced: Duration::ZERO };
        match make(clock.now()) {
            Ok(device) => {
                // The caller may have gone; then there are no handles and the loop ends at once.
                let _gone = made.send(Ok(()));
                let (sinks, listeners, watchers) = Default::default();
                let latest = std::time::Instant::now();
                Running { device, clock, sinks, listeners, watchers, latest }.run(&receiver);
            }
            Err(error) => {
                let _gone = made.send(Err(error));
            }
        }
    };
    thread::Builder::new()
        .name(format!("device {name}"))
        .spawn(body)
        .expect("the system has room for a thread");
    result.recv().expect("the thread answers before it ends")?;
    Ok(DeviceHandle { inputs })
}

impl DeviceHandle {
    /// Runs `job` on the device's thread and waits for its result.
    ///
    /// # Errors
    /// If the device is gone.
    pub fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut VirtualAuthenticator, Instant) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        self.run(|running| {
            let now = running.clock.now();
            job(&mut running.device, now)
        })
    }

    /// Runs `job` on the device's thread when its turn comes, without waiting for it.
    ///
    /// # Errors
    /// If the device is gone.
    pub fn post(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Gone> {
        self.inputs.send(Input::Job(Box::new(move |_| job()))).map_err(|_| Gone)
    }

    /// Plugs a link in; what it sends goes to `sink`.
    ///
    /// # Errors
    /// If the device is gone.
    pub fn plug(&self, kind: authenticator::Link, link: Box<dyn Link>, sink: Sink) -> Result<Port, Gone> {
        self.run(move |running| {
            let port = running.device.plug(kind, link);
            running.sinks.insert(port, sink);
            port
        })
    }

    /// Hands a frame from a platform to a link, without waiting.
    ///
    /// # Errors
    /// If the device is gone.
    pub fn frame(&self, port: Port, frame: Vec<u8>) -> Result<(), Gone> {
        self.inputs.send(Input::Frame(port, frame)).map_err(|_| Gone)
    }

    /// Lets the device's clock jump forward, so that time-outs happen without waiting.
    ///
    /// # Errors
    /// If the device is gone.
    pub fn advance_clock(&self, by: Duration) -> Result<(), Gone> {
        self.run(move |running| {
            running.clock.advanced = running.clock.advanced.saturating_add(by);
            let now = running.clock.now();
            running.device.handle_timeout(now);
        })
    }

    /// From now on `watcher` hears what happens, what passes over the links included.
    ///
    /// # Errors
    /// If the device is gone.
    pub fn watch(&self, watcher: Watcher) -> Result<(), Gone> {
        self.run(move |running| {
            running.watchers.push(watcher);
            running.device.watch(true);
        })
    }

    /// From now on `listener` hears what happens, but not what passes over the links.
    ///
    /// # Errors
    /// If the device is gone.
    pub fn listen(&self, listener: Listener) -> Result<(), Gone> {
        self.run(move |running| running.listeners.push(listener))
    }

    fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Running) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (done, result) = mpsc::channel();
        let job: Job = Box::new(move |running| {
            // Who asked may have stopped waiting.
            let _gone = done.send(job(running));
        });
        self.inputs.send(Input::Job(job)).map_err(|_| Gone)?;
        result.recv().map_err(|_| Gone)
    }
}

impl Running {
    fn run(mut self, inputs: &mpsc::Receiver<Input>) {
        loop {
            self.relay();
            let now = self.clock.now();
            let due = self.device.poll_timeout();
            let idle =
                self.device.can_prepare().then(|| now + IDLE).filter(|at| due.is_none_or(|due| *at < due));
            let input = match idle.or(due) {
                Some(at) => inputs.recv_timeout(at.since(now)),
                None => inputs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            self.latest = std::time::Instant::now();
            match input {
                Ok(Input::Frame(port, frame)) => self.device.handle_frame(self.clock.now(), port, &frame),
                Ok(Input::Job(job)) => job(&mut self),
                Err(RecvTimeoutError::Timeout) if idle.is_some() => self.device.prepare(),
                Err(RecvTimeoutError::Timeout) => self.device.handle_timeout(self.clock.now()),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Frames and events out, before anything else comes in.
    fn relay(&mut self) {
        while let Some((port, frame)) = self.device.poll_frame() {
            if let Some(sink) = self.sinks.get_mut(&port) {
                sink(&frame);
            }
        }
        while let Some(event) = self.device.poll_event() {
            if !matches!(event, Event::Traffic(_)) {
                self.listeners.retain_mut(|listener| listener(&event));
            }
            if !self.watchers.is_empty() {
                let came_in = matches!(&event, Event::Traffic(traffic) if traffic.towards == Towards::Device);
                let at = if came_in { self.latest } else { std::time::Instant::now() };
                self.watchers.retain_mut(|watcher| watcher(&event, at));
                self.device.watch(!self.watchers.is_empty());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authenticator::store::MemoryStore;
    use emulator::{DeviceProfile, FastSigner};
    use rand::rand_core::UnwrapErr;
    use rand::rngs::SysRng;

    fn device(profile: &'static str) -> DeviceHandle {
        spawn("test", move |now| {
            let profile = DeviceProfile::named(profile).unwrap();
            let (store, signer) = (Box::new(MemoryStore::default()), Box::new(FastSigner::default()));
            VirtualAuthenticator::new(now, profile, store, signer, Box::new(UnwrapErr(SysRng)))
        })
        .unwrap()
    }

    fn can_prepare(device: &DeviceHandle) -> bool {
        device.call(|device, _| device.can_prepare()).unwrap()
    }

    #[test]
    fn a_device_that_was_spoken_to_prepares_an_rsa_key_when_nothing_comes_in() {
        let device = device("all-in");
        let (replies, reply) = mpsc::channel();
        let sink = Box::new(move |frame: &[u8]| replies.send(frame.to_vec()).unwrap());
        let link = Box::new(transport::direct::Device::new());
        let port = device.plug(authenticator::Link::Usb, link, sink).unwrap();
        assert!(!can_prepare(&device), "nobody has spoken to it");

        device.frame(port, wire::ctap2::GetInfoResponse::request()).unwrap();
        assert_eq!(reply.recv().unwrap()[0], 0);
        assert!(can_prepare(&device), "nothing is prepared before the answer");
        // Asking is input too: it may not come more often than every 250 ms.
        let asked = std::iter::repeat_with(|| {
            thread::sleep(2 * IDLE);
            can_prepare(&device)
        });
        assert!(asked.take(120).any(|unprepared| !unprepared), "nothing was prepared within a minute");
    }
}
