//! A device behind a socket: 64-byte CTAPHID reports over `unix:PATH` or `tcp:127.0.0.1:PORT`.
//!
//! It behaves as `/dev/hidraw` does, so that little more than another `open` separates a program from it:
//!
//! - a connection is an open file, and all of them share the one HID interface: every connection gets every
//!   input report, and any of them may write;
//! - over `unix:`, which is `SOCK_SEQPACKET`, a packet is a report of 64 bytes; what a program writes may also
//!   have the report number 0 before it, as hidraw wants it. Packets of other lengths are ignored. Over `tcp:`
//!   there is a stream of reports of 64 bytes, without numbers;
//! - a program that does not read what it is sent loses its connection: nobody waits for it;
//! - when the device loses its power, connections end, and while it has none, new ones end at once.
//!
//! The socket file is for this user alone, in a folder that is made so. Over TCP whoever is on this machine can
//! use the device; a web page cannot, as what begins like HTTP is hung up on.
mod address;
mod connection;
mod listener;
#[cfg(test)]
mod tests;

pub use address::SocketAddress;

use self::connection::{Connection, Over};
use self::listener::Listener;
use super::Driver;
use super::hid::{Hid, Writer};
use super::mailbox::{Mailbox, Signal};
use crate::control::{Failure, FailureKind};
use crate::runtime::Gone;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Connections at a time. Further ones end at once.
const CONNECTIONS: usize = 128;
/// How long to wait where the system has no descriptors or no memory left.
const PAUSE: Duration = Duration::from_millis(100);

/// A device's socket. Dropping it closes everything and removes the file.
pub struct Socket {
    address: SocketAddress,
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
}

impl Socket {
    /// Listens, and lets programs use the device from now on.
    ///
    /// # Errors
    /// Invalid for an address that nothing can listen at; Conflict if somebody else listens there; Broken for
    /// what else the operating system says, and if the device is gone.
    pub fn bind(hid: &Hid, address: &SocketAddress) -> Result<Self, Failure> {
        let broken =
            |why: String| Failure::new(FailureKind::Broken, format!("cannot listen at {address}: {why}"));
        let listener = Listener::bind(address)?;
        let address = listener.address().clone();
        let mailbox = Arc::new(Mailbox::new().map_err(|errno| broken(errno.to_string()))?);
        let writer = hid.open(&mailbox).map_err(|gone| broken(gone.to_string()))?;
        let service =
            Service { listener, mailbox: mailbox.clone(), writer, connections: Vec::new(), powered: false };
        let thread = thread::Builder::new()
            .name("socket".into())
            .spawn(move || service.run())
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self { address, mailbox, thread: Some(thread) })
    }
}

impl Driver for Socket {
    fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.mailbox.stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has closed everything, too.
            let _closed = thread.join();
        }
    }
}

/// What the thread owns.
struct Service {
    listener: Listener,
    mailbox: Arc<Mailbox>,
    writer: Writer,
    connections: Vec<Connection>,
    powered: bool,
}

impl Service {
    /// Until the driver is dropped or the device is gone.
    fn run(mut self) {
        loop {
            let somebody_calls = self.wait();
            // After the waiting and before anybody is let in: power that is on by then counts.
            let Some(signals) = self.mailbox.take() else { return };
            self.tell(signals);
            if self.receive().is_err() {
                return;
            }
            if somebody_calls {
                self.accept();
            }
        }
    }

    fn tell(&mut self, signals: VecDeque<Signal>) {
        for signal in signals {
            match signal {
                Signal::Input(report) => {
                    self.connections.retain_mut(|connection| connection.queue(report).is_ok());
                }
                Signal::Power(on) => {
                    self.powered = on;
                    if !on {
                        self.connections.clear();
                    }
                }
            }
        }
    }

    /// Sends what there is room for, then waits until something is to be done. True if a program wants in.
    fn wait(&mut self) -> bool {
        self.connections.retain_mut(|connection| connection.flush().is_ok());
        let wanted = |connection: &Connection| match connection.has_unread() {
            true => PollFlags::IN | PollFlags::OUT,
            false => PollFlags::IN,
        };
        let fixed = [PollFd::new(&*self.mailbox, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
        let connections =
            self.connections.iter().map(|connection| PollFd::new(connection, wanted(connection)));
        let mut fds: Vec<PollFd<'_>> = fixed.into_iter().chain(connections).collect();
        if let Err(errno) = poll(&mut fds, None) {
            // Nothing in `fds` is ready then.
            if errno != Errno::INTR {
                thread::sleep(PAUSE);
            }
        }
        // What is not IN or OUT is an end or an error, which receiving finds out.
        let ready: Vec<bool> =
            fds.iter().skip(1).map(|fd| !fd.revents().difference(PollFlags::OUT).is_empty()).collect();
        for (connection, ready) in self.connections.iter_mut().zip(ready.iter().skip(1)) {
            connection.ready = *ready;
        }
        ready.first().is_some_and(|ready| *ready)
    }

    /// Takes what programs wrote.
    fn receive(&mut self) -> Result<(), Gone> {
        let (writer, mut written) = (&mut self.writer, Ok(()));
        self.connections.retain_mut(|connection| {
            let mut write = |report: &[u8]| {
                written = written.and_then(|()| writer.write(report));
                written.map_err(|_| Over)
            };
            !connection.ready || connection.receive(&mut write).is_ok()
        });
        written
    }

    /// Lets one program in.
    fn accept(&mut self) {
        match self.listener.accept() {
            Ok(socket) if self.powered && self.connections.len() < CONNECTIONS => {
                self.connections.push(Connection::new(socket, self.listener.is_stream()));
            }
            // The program finds its connection closed.
            Ok(_refused) => {}
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => {}
            Err(_) => thread::sleep(PAUSE),
        }
    }
}
