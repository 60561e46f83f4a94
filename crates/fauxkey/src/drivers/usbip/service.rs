//! What the server's thread does: it owns all connections, and the devices' ends of them.
use super::client::{Client, Over};
use super::lock;
use crate::drivers::hid::Writer;
use crate::drivers::mailbox::{Mailbox, Signal};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use transport::usbip::{Event, Exported, NoImport};

/// Connections at a time. Further ones end at once.
const CLIENTS: usize = 128;
/// How long to wait where the system has no descriptors or no memory left.
const PAUSE: Duration = Duration::from_millis(100);

/// New devices on their way to the thread, and the word to end.
pub(super) struct Inbox {
    content: Mutex<Content>,
    wake: OwnedFd,
}

#[derive(Default)]
struct Content {
    exports: Vec<Export>,
    stopped: bool,
}

impl Inbox {
    pub(super) fn new() -> Result<Self, Errno> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { content: Mutex::default(), wake })
    }

    pub(super) fn put(&self, export: Export) {
        lock(&self.content).exports.push(export);
        self.wake();
    }

    pub(super) fn stop(&self) {
        lock(&self.content).stopped = true;
        self.wake();
    }

    /// The new devices, or `None` if the thread is to end.
    fn take(&self) -> Option<Vec<Export>> {
        let _already_empty = rustix::io::read(&self.wake, &mut [0; 8]);
        let mut content = lock(&self.content);
        if content.stopped { None } else { Some(std::mem::take(&mut content.exports)) }
    }

    fn wake(&self) {
        let _awake = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }
}

/// A device that clients can have.
pub(super) struct Export {
    exported: Exported,
    mailbox: Arc<Mailbox>,
    writer: Writer,
    powered: bool,
    /// Dropped with this, so that whoever withdraws the device knows when it is gone.
    _alive: Sender<()>,
}

impl Export {
    pub(super) fn new(exported: Exported, mailbox: Arc<Mailbox>, writer: Writer, alive: Sender<()>) -> Self {
        Self { exported, mailbox, writer, powered: false, _alive: alive }
    }
}

/// What the thread owns.
pub(super) struct Service {
    listener: TcpListener,
    inbox: Arc<Inbox>,
    exports: Vec<Export>,
    clients: Vec<Client>,
}

impl Service {
    pub(super) fn new(listener: TcpListener, inbox: Arc<Inbox>) -> Self {
        Self { listener, inbox, exports: Vec::new(), clients: Vec::new() }
    }

    /// Until the server is dropped.
    pub(super) fn run(mut self) {
        loop {
            let somebody_calls = self.wait();
            // After the waiting and before any client is heard: devices and power that are there by then count.
            let Some(new) = self.inbox.take() else { return };
            self.exports.extend(new);
            self.hear_devices();
            self.hear_clients();
            if somebody_calls {
                self.accept();
            }
        }
    }

    /// Sends what there is room for, then waits until something is to be done. True if a client wants in.
    fn wait(&mut self) -> bool {
        self.clients.retain_mut(|client| client.flush().is_ok());
        let wanted = |client: &Client| match client.has_unsent() {
            true => PollFlags::IN | PollFlags::OUT,
            false => PollFlags::IN,
        };
        let mut fds =
            vec![PollFd::new(&self.inbox.wake, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
        fds.extend(self.clients.iter().map(|client| PollFd::new(client, wanted(client))));
        fds.extend(self.exports.iter().map(|export| PollFd::new(&*export.mailbox, PollFlags::IN)));
        if let Err(errno) = poll(&mut fds, None) {
            // Nothing in `fds` is ready then.
            if errno != Errno::INTR {
                thread::sleep(PAUSE);
            }
        }
        // What is not IN or OUT is an end or an error, which receiving finds out.
        let ready: Vec<bool> =
            fds.iter().skip(1).map(|fd| !fd.revents().difference(PollFlags::OUT).is_empty()).collect();
        for (client, ready) in self.clients.iter_mut().zip(ready.iter().skip(1)) {
            client.ready = *ready;
        }
        ready.first().is_some_and(|ready| *ready)
    }

    /// Reports to the clients that have the devices; devices that are gone or have no power, from their hands.
    fn hear_devices(&mut self) {
        let clients = &mut self.clients;
        self.exports.retain_mut(|export| {
            let number = export.exported.number;
            let Some(signals) = export.mailbox.take() else {
                clients.retain(|client| client.device != Some(number));
                return false;
            };
            for signal in signals {
                match signal {
                    Signal::Input(report) => {
                        let has_it = clients.iter_mut().filter(|client| client.device == Some(number));
                        has_it.for_each(|client| client.session.handle_report(&report));
                    }
                    Signal::Power(on) => {
                        export.powered = on;
                        if !on {
                            clients.retain(|client| client.device != Some(number));
                        }
                    }
                }
            }
            true
        });
    }

    /// Takes what clients sent and does what they ask.
    fn hear_clients(&mut self) {
        // One after the other, as what one has the next cannot get.
        let mut index = 0;
        while index < self.clients.len() {
            let client = &mut self.clients[index];
            let received = if client.ready { client.receive() } else { Ok(()) };
            match received.and_then(|()| self.serve(index)) {
                Ok(()) => index += 1,
                Err(Over) => drop(self.clients.remove(index)),
            }
        }
    }

    /// Acts on what the client's session makes of it.
    fn serve(&mut self, index: usize) -> Result<(), Over> {
        while let Some(event) = self.clients[index].session.poll_event() {
            match event {
                Event::List => {
                    let free = self.exports.iter().filter(|export| export.powered && !self.is_busy(export));
                    let list: Vec<Exported> = free.map(|export| export.exported.clone()).collect();
                    self.clients[index].session.respond_list(&list);
                }
                Event::Import(bus_id) => {
                    let found = self.exports.iter().find(|export| export.exported.bus_id() == bus_id);
                    let answer = match found.filter(|export| export.powered) {
                        None => Err(NoImport::NoDevice),
                        Some(export) if self.is_busy(export) => Err(NoImport::Busy),
                        Some(export) => Ok(&export.exported),
                    };
                    let client = &mut self.clients[index];
                    client.device = answer.ok().map(|exported| exported.number);
                    client.session.respond_import(answer);
                }
                Event::Report(report) => {
                    let number = self.clients[index].device;
                    let mut exports = self.exports.iter_mut();
                    let export = exports.find(|export| Some(export.exported.number) == number).ok_or(Over)?;
                    export.writer.write(&report).map_err(|_| Over)?;
                }
                Event::Refused(_) => return Err(Over),
            }
        }
        Ok(())
    }

    fn is_busy(&self, export: &Export) -> bool {
        self.clients.iter().any(|client| client.device == Some(export.exported.number))
    }

    /// Lets one client in.
    fn accept(&mut self) {
        match self.listener.accept() {
            Ok((socket, _)) if self.clients.len() < CLIENTS => {
                if let Ok(client) = Client::new(socket) {
                    self.clients.push(client);
                }
            }
            // The client finds its connection closed.
            Ok(_refused) => {}
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                _ => thread::sleep(PAUSE),
            },
        }
    }
}
