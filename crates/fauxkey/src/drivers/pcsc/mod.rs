//! A device on a reader of smart cards: `vpcd`, the virtual reader of vsmartcard, shows it to PC/SC, and programs find it
//! as they find a card.
//!
//! vpcd listens, and whoever connects is a card in its slot. It says a length in two bytes, big-endian, then as many
//! bytes: one alone is 0 (power off), 1 (power on), 2 (reset), which have no answer, or 4, which is answered by the ATR;
//! everything else is a command APDU, answered by its response APDU in the same form.
//!
//! The reader's power is the field that the device lies in: when it comes, the device starts anew. pcscd takes it away
//! some seconds after the last program has gone.
mod address;
#[cfg(test)]
mod tests;

pub use address::PcscAddress;

use super::Driver;
use crate::control::{Failure, FailureKind};
use crate::runtime::DeviceHandle;
use emulator::{DeviceProfile, Event, Port};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use transport::iso7816;
use wire::ctaphid::MAX_MESSAGE_SIZE;

/// How long vpcd may take to let the card in.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait before a reader that has gone is looked for again.
const RETRY: Duration = Duration::from_millis(500);
/// What helps where there is no reader.
const NO_READER: &str = "Debian's packages are pcscd and vsmartcard-vpcd: `sudo apt-get install pcscd vsmartcard-vpcd`, \
                         then `sudo pcscd --foreground` where no service starts it";

/// What vpcd says in one byte.
mod control {
    pub(super) const OFF: u8 = 0;
    pub(super) const ON: u8 = 1;
    pub(super) const RESET: u8 = 2;
    pub(super) const ATR: u8 = 4;
}

/// A device's place on a reader. Dropping it takes the device away.
pub struct Reader {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    stop: bool,
    /// Whether it is to lie on the reader.
    inserted: bool,
    /// Whether the device has power: one that is switched off is no card.
    powered: bool,
    /// The connection, while there is one.
    stream: Option<TcpStream>,
    /// Ends waiting for a response.
    wake: Sender<Signal>,
}

/// What the thread waits for while a command is worked on.
enum Signal {
    Response(Vec<u8>),
    /// Look at the state again.
    Wake,
}

impl Reader {
    /// Puts the device on the reader at `address`.
    ///
    /// # Errors
    /// Refused if the profile is of no card, Broken if there is no reader or the device is gone.
    pub fn attach(
        handle: &DeviceHandle,
        profile: &DeviceProfile,
        address: SocketAddr,
    ) -> Result<Self, Failure> {
        let card = profile.card.as_ref().ok_or_else(|| {
            let message = format!("{} cannot be put on a reader: its profile has no [card] with an ATR", profile.name);
            Failure::new(FailureKind::Refused, message)
                .hint("the profiles all-in, yubikey-5-nfc and yubikey-5-fips have one; `fauxkey profile show all-in`")
        })?;
        let stream = connect(address).map_err(|error| {
            let message = format!("no reader at {address}: {error}");
            Failure::new(FailureKind::Broken, message).hint(NO_READER)
        })?;
        let broken = |why: String| Failure::new(FailureKind::Broken, format!("cannot use the reader: {why}"));
        let (sender, signals) = channel();
        let link = iso7816::Card::new(iso7816::Config {
            cbor: profile.authenticator.speaks_ctap2(),
            u2f: profile.authenticator.speaks_u2f(),
            max_message_size: MAX_MESSAGE_SIZE,
        });
        let responses = sender.clone();
        let sink = move |frame: &[u8]| {
            // The thread has gone only if the reader was dropped.
            let _gone = responses.send(Signal::Response(frame.into()));
        };
        let port = handle
            .plug(authenticator::Link::Nfc, Box::new(link), Box::new(sink))
            .map_err(|gone| broken(gone.to_string()))?;
        let state = State { stop: false, inserted: true, powered: true, stream: None, wake: sender };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let listening = shared.clone();
        handle
            .listen(Box::new(move |event: &Event| {
                if let Event::Power(on) = event {
                    listening.change(|state| state.powered = *on);
                }
                !listening.state().stop
            }))
            .map_err(|gone| broken(gone.to_string()))?;
        // On the device's thread, and after it listens, so that no change of the power is overheard.
        let asking = shared.clone();
        handle
            .call(move |device, _| asking.change(|state| state.powered = device.is_powered()))
            .map_err(|gone| broken(gone.to_string()))?;
        let card = Card { handle: handle.clone(), port, atr: card.atr.clone(), signals };
        let service = (shared.clone(), card);
        let thread = thread::Builder::new()
            .name("pcsc".into())
            .spawn(move || run(&service.0, &service.1, address, stream))
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Puts the device on the reader, or takes it away.
    pub fn insert(&self, inserted: bool) {
        self.shared.change(|state| state.inserted = inserted);
    }
}

impl Driver for Reader {
    /// `pcsc:127.0.0.1:35963`, and `/removed` behind it while the device does not lie there.
    fn address(&self) -> String {
        let removed = if self.shared.state().inserted { "" } else { "/removed" };
        format!("pcsc:{}{removed}", self.address)
    }

    fn as_reader(&self) -> Option<&Reader> {
        Some(self)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.change(|state| state.stop = true);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Whether a virtual reader listens there, so that a device could be put on it.
pub fn listens(address: SocketAddr) -> bool {
    connect(address).is_ok()
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl State {
    /// Whether the device lies on the reader.
    fn lies_there(&self) -> bool {
        self.inserted && self.powered && !self.stop
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is wanted, and ends what is not wanted any more.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        if !state.lies_there()
            && let Some(stream) = state.stream.take()
        {
            // It may have ended by itself.
            let _ended = stream.shutdown(Shutdown::Both);
        }
        let _gone = state.wake.send(Signal::Wake);
        self.changed.notify_all();
    }
}

/// What the thread owns.
struct Card {
    handle: DeviceHandle,
    port: Port,
    atr: Vec<u8>,
    signals: Receiver<Signal>,
}

fn run(shared: &Shared, card: &Card, address: SocketAddr, first: TcpStream) {
    let mut first = Some(first);
    loop {
        let mut state = shared.state();
        while !state.lies_there() && !state.stop {
            first = None;
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stop {
            return;
        }
        drop(state);
        let Some(stream) = first.take().or_else(|| connect(address).ok()) else {
            // pcscd may come back.
            let state = shared.state();
            let waited = shared.changed.wait_timeout(state, RETRY);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            continue;
        };
        let known = stream.try_clone().is_ok_and(|clone| {
            let mut state = shared.state();
            let wanted = state.lies_there();
            state.stream = wanted.then_some(clone);
            wanted
        });
        if known {
            // The reader went, or the device was taken away: both are looked at above.
            let _ended = card.serve(shared, stream);
            let port = card.port;
            // Nobody waits for what it was asked any more. A device that is gone asks nobody either.
            let _gone = card.handle.call(move |device, now| device.leave_field(now, port));
            shared.state().stream = None;
        }
    }
}

impl Card {
    /// Answers a reader until it goes, or the device is taken away.
    fn serve(&self, shared: &Shared, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut said = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut said)?;
            let answer = match said[..] {
                [control::OFF] => continue,
                [control::ON | control::RESET] => {
                    let port = self.port;
                    let cycled = self.handle.call(move |device, now| device.power_cycle(now, port));
                    // A device that cannot read what it stored is a card that does not answer.
                    cycled.map_err(io::Error::other)?.map_err(io::Error::other)?;
                    continue;
                }
                [control::ATR] => self.atr.clone(),
                _ => match self.exchange(shared, said)? {
                    Some(answer) => answer,
                    None => return Ok(()),
                },
            };
            let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes()[..], &answer].concat())?;
        }
    }

    /// The response to a command; `None` if the device was taken away meanwhile.
    fn exchange(&self, shared: &Shared, command: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        // What came too late for the command before.
        while self.signals.try_recv().is_ok() {}
        self.handle.frame(self.port, command).map_err(io::Error::other)?;
        loop {
            match self.signals.recv().map_err(io::Error::other)? {
                Signal::Response(response) => return Ok(Some(response)),
                Signal::Wake if shared.state().lies_there() => {}
                Signal::Wake => return Ok(None),
            }
        }
    }
}
