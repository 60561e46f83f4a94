//! The server's side of USB/IP, one [`Session`] for each connection: bytes in, bytes out.
//!
//! A client asks which devices there are, or to have one. From then on the connection carries the transfers of
//! that device, until it ends: that unplugs the device from the client, whoever ends it. The contract: after
//! every call of a `handle_*` or `respond_*`, call [`Session::poll_event`] until it is `None` and act on what
//! it gives, then send what [`Session::poll_bytes`] gives.
//!
//! - A transfer from the interrupt IN endpoint waits until there is a report, and then completes with that one.
//! - A transfer that waits is given up by an unlink, which answers -ECONNRESET; if it has completed by then, 0.
//!   Linux unlinks whenever the last program closes the device.
//! - Reports wait for a client that reads or writes. For one that has stopped reading, as no program has the
//!   device open there, a few of the newest are kept: they come from other programs at other doors.
//! - Bytes that make no sense end the session ([`Event::Refused`]); what a device merely does not do is stalled.
//!
//! Source: the Linux kernel's `Documentation/usb/usbip_protocol.rst`; status codes of operations are those of
//! its `tools/usb/usbip/libsrc/usbip_common.h`, status codes of transfers those of errno(3).
mod message;
#[cfg(test)]
mod tests;

pub use message::Refusal;

use crate::usb::{self, Direction, PACKET_SIZE};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use message::{Command, Operation, Submit};
use wire::ctaphid::Report;

/// The port of USB/IP.
pub const PORT: u16 = 3240;

/// Reports that wait for a client which reads: eight of the longest messages.
const UNREAD_LIMIT: usize = 8 * 129;
/// Reports that wait for a client which has stopped reading. Fewer than Linux's hidraw has room for (64), so
/// that they do not push out what the next program there asks for.
const STALE_LIMIT: usize = 16;
/// Transfers that may wait for a report. Linux submits one.
const PARKED_LIMIT: usize = 256;

/// EPIPE of errno(3): a stall.
const STALLED: i32 = -32;
/// EOVERFLOW: the report is longer than the room for it.
const OVERFLOW: i32 = -75;
/// ECONNRESET: unlinked before it completed.
const UNLINKED: i32 = -104;

/// A device as clients can have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// 1 and up, different for each device of one server.
    pub number: u16,
    /// What it says of itself.
    pub identity: usb::Identity,
}

impl Exported {
    /// What clients name it by, such as `1-1`: the bus, and the port on it.
    pub fn bus_id(&self) -> String {
        alloc::format!("1-{}", self.number)
    }
}

/// Why a client does not get the device that it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoImport {
    /// Another client has it: `ST_DEV_BUSY`.
    Busy,
    /// There is no such device: `ST_NODEV`.
    NoDevice,
}

/// What a session asks of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Which devices are there: [`Session::respond_list`].
    List,
    /// To have the device with that bus ID: [`Session::respond_import`].
    Import(String),
    /// An output report of the client, of at most 64 bytes.
    Report(Vec<u8>),
    /// The client makes no sense. Nothing more comes of this session: hang up.
    Refused(Refusal),
}

/// One connection of a client.
#[derive(Debug, Default)]
pub struct Session {
    state: State,
    /// What was received and is not a whole message yet.
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    events: VecDeque<Event>,
}

#[derive(Debug, Default)]
enum State {
    /// The client has no device.
    #[default]
    Operations,
    /// The owner owes a response.
    Asked,
    Imported(Imported),
    /// Nothing more is read.
    Over,
}

/// A device in the hands of a client.
#[derive(Debug)]
struct Imported {
    device_id: u32,
    device: usb::Device,
    /// Transfers that wait for a report, the oldest first: number, and room in bytes.
    parked: VecDeque<(u32, u32)>,
    /// Reports that wait for a transfer.
    unread: VecDeque<Report>,
    /// Whether the client reads, or wrote something since it last did.
    attentive: bool,
}

impl Session {
    /// A connection on which nothing was said.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the client has a device.
    pub fn has_device(&self) -> bool {
        matches!(self.state, State::Imported(_))
    }

    /// Bytes came from the client, in pieces of any size.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Over) {
            self.incoming.extend_from_slice(bytes);
            self.advance();
        }
    }

    /// The device has an input report for its host. It goes nowhere while the client has no device.
    pub fn handle_report(&mut self, report: &Report) {
        if let State::Imported(imported) = &mut self.state {
            imported.push(report, &mut self.outgoing);
        }
    }

    /// Answers [`Event::List`] with the devices that nobody has. Without effect if nothing was asked.
    pub fn respond_list(&mut self, devices: &[Exported]) {
        if let State::Asked = self.state {
            self.outgoing.extend(message::device_list(devices));
            self.state = State::Operations;
            self.advance();
        }
    }

    /// Answers [`Event::Import`]. From here on the client has the device. Without effect if nothing was asked.
    pub fn respond_import(&mut self, device: Result<&Exported, NoImport>) {
        let State::Asked = self.state else { return };
        self.state = match device {
            Ok(device) => State::Imported(Imported {
                device_id: message::device_id(device),
                device: usb::Device::new(device.identity.clone()),
                parked: VecDeque::new(),
                unread: VecDeque::new(),
                attentive: false,
            }),
            Err(_) => State::Operations,
        };
        self.outgoing.extend(message::import(device.map_err(|why| match why {
            NoImport::Busy => 2,
            NoImport::NoDevice => 4,
        })));
        self.advance();
    }

    /// What the owner is to act on.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Bytes for the client: everything that there is, if there is anything.
    pub fn poll_bytes(&mut self) -> Option<Vec<u8>> {
        (!self.outgoing.is_empty()).then(|| core::mem::take(&mut self.outgoing))
    }

    /// Acts on what is there, up to a question that the owner has to answer.
    fn advance(&mut self) {
        loop {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return,
                Err(refusal) => {
                    self.state = State::Over;
                    self.incoming = Vec::new();
                    self.events.push_back(Event::Refused(refusal));
                }
            }
        }
    }

    /// Acts on one message; false if there is none to act on.
    fn step(&mut self) -> Result<bool, Refusal> {
        match &mut self.state {
            State::Operations => {
                let Some(operation) = message::take_operation(&mut self.incoming)? else { return Ok(false) };
                self.state = State::Asked;
                self.events.push_back(match operation {
                    Operation::List => Event::List,
                    // What is not UTF-8 is no bus ID of ours, and stays none when it is made readable.
                    Operation::Import(bus_id) => Event::Import(String::from_utf8_lossy(&bus_id).into()),
                });
                Ok(false)
            }
            State::Imported(imported) => {
                match message::take_command(&mut self.incoming, imported.device_id)? {
                    None => return Ok(false),
                    Some(Command::Submit(submit)) => {
                        imported.submit(submit, &mut self.outgoing, &mut self.events)?;
                    }
                    Some(Command::Unlink { seqnum, submitted }) => {
                        self.outgoing.extend(message::unlinked(seqnum, imported.unlink(submitted)));
                    }
                }
                Ok(true)
            }
            State::Asked | State::Over => Ok(false),
        }
    }
}

impl Imported {
    fn submit(
        &mut self,
        submit: Submit,
        outgoing: &mut Vec<u8>,
        events: &mut VecDeque<Event>,
    ) -> Result<(), Refusal> {
        let Submit { seqnum, direction, endpoint, length, setup, data } = submit;
        let stalled = || message::submitted(seqnum, STALLED, 0, &[]);
        let answer = match (endpoint, direction) {
            // Data that goes the other way than the request says belongs to no request.
            (0, _) if direction != setup.direction() => stalled(),
            (0, Direction::In) => match self.device.control_in(setup) {
                Ok(mut data) => {
                    data.truncate(usize::try_from(length).unwrap_or(usize::MAX));
                    message::submitted(seqnum, 0, data.len(), &data)
                }
                Err(usb::Stall) => stalled(),
            },
            (0, Direction::Out) => match self.device.control_out(setup, &data) {
                Ok(()) => message::submitted(seqnum, 0, data.len(), &[]),
                Err(usb::Stall) => stalled(),
            },
            (1, _) if !self.device.accepts(direction) => stalled(),
            (1, Direction::In) => {
                if self.parked.len() == PARKED_LIMIT {
                    return Err(Refusal::TooMany);
                }
                self.attentive = true;
                self.parked.push_back((seqnum, length));
                self.complete(outgoing);
                return Ok(());
            }
            (1, Direction::Out) => {
                self.attentive = true;
                // One packet is one report, however many of them the host puts into a transfer.
                events.extend(data.chunks(PACKET_SIZE).map(|packet| Event::Report(packet.into())));
                message::submitted(seqnum, 0, data.len(), &[])
            }
            _ => stalled(),
        };
        outgoing.extend(answer);
        Ok(())
    }

    fn unlink(&mut self, submitted: u32) -> i32 {
        let Some(at) = self.parked.iter().position(|(seqnum, _)| *seqnum == submitted) else { return 0 };
        self.parked.remove(at);
        self.attentive = !self.parked.is_empty();
        UNLINKED
    }

    fn push(&mut self, report: &Report, outgoing: &mut Vec<u8>) {
        self.unread.push_back(*report);
        self.complete(outgoing);
        let limit = if self.attentive { UNREAD_LIMIT } else { STALE_LIMIT };
        while self.unread.len() > limit {
            self.unread.pop_front();
        }
    }

    /// Brings reports and transfers together.
    fn complete(&mut self, outgoing: &mut Vec<u8>) {
        while !self.unread.is_empty()
            && let Some((seqnum, room)) = self.parked.pop_front()
            && let Some(report) = self.unread.pop_front()
        {
            let fits = usize::try_from(room).is_ok_and(|room| room >= report.len());
            outgoing.extend(match fits {
                true => message::submitted(seqnum, 0, report.len(), &report),
                // The report is lost, as a packet is that does not fit. USB 2.0 §8.7.4 calls it babble.
                false => message::submitted(seqnum, OVERFLOW, 0, &[]),
            });
        }
    }
}
