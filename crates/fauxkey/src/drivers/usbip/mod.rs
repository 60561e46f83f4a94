//! Devices behind USB/IP: another machine, or a virtual one, or this one's kernel, plugs them in as USB devices.
//!
//! One [`Server`] has all devices of an instance that were given this door, each with a bus ID: `1-1`, `1-2` and
//! so on. A client lists those that nobody has and imports one; it is busy for others from then on, until the
//! connection ends. When a device loses its power, the connection ends, which unplugs it there, and it is not in
//! the list until it has power again; a client then imports it anew, as after pulling out a real one.
//!
//! USB/IP knows no passwords: whoever reaches the port can use the devices. Hence loopback, unless others are
//! let in by name ([`UsbipAddress::checked`]). A web page cannot get in: what begins like HTTP is hung up on.
mod address;
mod client;
mod service;
#[cfg(test)]
mod tests;

pub use address::UsbipAddress;

use self::service::{Export, Inbox, Service};
use super::Driver;
use super::hid::Hid;
use super::mailbox::Mailbox;
use crate::control::{Failure, FailureKind};
use emulator::profile::UsbIdentity;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use transport::usb;
use transport::usbip::Exported;

/// How long the thread is waited for that lets a device go. It takes microseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// The server of one instance. Dropping it hangs up on everybody.
pub struct Server {
    address: UsbipAddress,
    inbox: Arc<Inbox>,
    /// Numbers that devices have.
    numbers: Numbers,
    thread: Option<JoinHandle<()>>,
}

type Numbers = Arc<Mutex<BTreeSet<u16>>>;

/// A device's presence on the server. Dropping it unplugs the device there.
pub struct Usbip {
    server: UsbipAddress,
    exported: Exported,
    numbers: Numbers,
    mailbox: Arc<Mailbox>,
    /// Ends when the server has let the device go.
    gone: Receiver<()>,
}

impl Server {
    /// Listens. There is no device yet.
    ///
    /// # Errors
    /// Invalid for an address that this machine does not have; Conflict if somebody listens there; Broken for
    /// what else the operating system says.
    pub fn bind(address: UsbipAddress) -> Result<Self, Failure> {
        let broken = |why: String| {
            Failure::new(FailureKind::Broken, format!("cannot listen for USB/IP at {address}: {why}"))
        };
        let listen = || {
            let listener = TcpListener::bind(address.socket())?;
            listener.set_nonblocking(true)?;
            Ok((UsbipAddress::of(listener.local_addr()?), listener))
        };
        let (address, listener) = listen().map_err(|error: std::io::Error| match error.kind() {
            ErrorKind::AddrInUse => {
                let port = address.socket().port();
                let message = format!("port {port} for USB/IP is taken, perhaps by usbipd");
                Failure::new(FailureKind::Conflict, message).hint("name another one: --usbip 127.0.0.1:3241")
            }
            ErrorKind::AddrNotAvailable => Failure::new(
                FailureKind::Invalid,
                format!("{address}: this machine does not have that address"),
            ),
            _ => broken(error.to_string()),
        })?;
        let inbox = Arc::new(Inbox::new().map_err(|errno| broken(errno.to_string()))?);
        let service = Service::new(listener, inbox.clone());
        let thread = thread::Builder::new()
            .name("usbip".into())
            .spawn(move || service.run())
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self { address, inbox, numbers: Numbers::default(), thread: Some(thread) })
    }

    /// From now on clients can have the device.
    ///
    /// # Errors
    /// Broken, if the device is gone, or there are as many as there can be.
    pub fn export(&self, hid: &Hid, identity: &UsbIdentity) -> Result<Usbip, Failure> {
        let broken =
            |why: String| Failure::new(FailureKind::Broken, format!("cannot export by USB/IP: {why}"));
        let mailbox = Arc::new(Mailbox::new().map_err(|errno| broken(errno.to_string()))?);
        let writer = hid.open(&mailbox).map_err(|gone| broken(gone.to_string()))?;
        let number = {
            let mut numbers = lock(&self.numbers);
            let free = (1..=u16::MAX).find(|number| !numbers.contains(number));
            let free = free.ok_or_else(|| broken("there are 65535 devices".into()))?;
            numbers.insert(free);
            free
        };
        let exported = Exported { number, identity: usb_identity(identity) };
        let (alive, gone) = channel();
        self.inbox.put(Export::new(exported.clone(), mailbox.clone(), writer, alive));
        Ok(Usbip { server: self.address, exported, numbers: self.numbers.clone(), mailbox, gone })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.inbox.stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has closed everything, too.
            let _closed = thread.join();
        }
    }
}

impl Driver for Usbip {
    /// `usbip:127.0.0.1:3240/1-1`: the server, and the bus ID there.
    fn address(&self) -> String {
        format!("usbip:{}/{}", self.server, self.exported.bus_id())
    }
}

impl Drop for Usbip {
    fn drop(&mut self) {
        self.mailbox.stop();
        let _gone = self.gone.recv_timeout(PATIENCE);
        lock(&self.numbers).remove(&self.exported.number);
    }
}

/// As the profile has it; the release number is major and minor. FIDO devices have no serial number: it would
/// tell one from another.
fn usb_identity(identity: &UsbIdentity) -> usb::Identity {
    let [major, minor, _build] = identity.device_version;
    usb::Identity {
        vendor_id: identity.vendor_id,
        product_id: identity.product_id,
        device_version: u16::from_be_bytes([major, minor]),
        manufacturer: identity.manufacturer.clone(),
        product: identity.product.clone(),
        serial: String::new(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
