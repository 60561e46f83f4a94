//! The device side of CTAPHID, CTAP 2.1 §11.2.
//!
//! The specification leaves some corners open and its test suites disagree about others. This device:
//!
//! - answers INIT on the broadcast channel, and INIT of any other channel, even in the middle of a
//!   transaction, which goes on (solo's and pico-fido's suites; webauthn4j would cancel the transaction, OpenSK
//!   would answer CHANNEL_BUSY). Only a lock keeps INIT out.
//! - allocates a channel that nobody handed out if the first word on it is INIT (the same suites); any other
//!   word there is INVALID_CHANNEL, or CHANNEL_BUSY while a transaction is under way.
//! - remembers 64 channels and forgets the least recently used one, never one that is in a transaction. (While
//!   a channel has the lock, nobody can push it out.) Its identifiers count up from 1; they tell applications apart and are no secret.
//! - sends MSG_TIMEOUT by itself, 500 ms after the last packet of a message that stopped arriving (suites want
//!   400 to 1000 ms; the specification names no number).
//! - refuses a message at its first packet where that suffices. The packets that follow are then stray, and
//!   stray continuation packets are ignored.
//! - stays busy after INIT abandoned a request, until its owner responds, and sends that response to nobody.
mod channels;
mod outbox;
mod transaction;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::{mem, time::Duration};
use wire::ctaphid::{
    Assembly, BROADCAST, Command, ErrorCode, INIT_DATA, MAX_MESSAGE_SIZE, Packet, Report, capabilities,
    keepalive,
};
use wire::time::Instant;

use self::channels::{Channels, RESERVED};
use self::outbox::Outbox;
use self::transaction::{Keepalive, Request, Standing, Transaction};
use crate::{Event, Format, Link};

/// The HID report descriptor of a FIDO interface, CTAP 2.1 §11.2.8.2, for whoever presents this device to a
/// host. Its reports have no report number.
#[rustfmt::skip]
pub const REPORT_DESCRIPTOR: [u8; 34] = [
    0x06, 0xD0, 0xF1, // Usage Page (FIDO Alliance)
    0x09, 0x01,       // Usage (CTAPHID)
    0xA1, 0x01,       // Collection (Application)
    0x09, 0x20,       //   Usage (Input Report Data)
    0x15, 0x00,       //   Logical Minimum (0)
    0x26, 0xFF, 0x00, //   Logical Maximum (255)
    0x75, 0x08,       //   Report Size (8 bits)
    0x95, 0x40,       //   Report Count (64)
    0x81, 0x02,       //   Input (Data, Variable, Absolute)
    0x09, 0x21,       //   Usage (Output Report Data)
    0x15, 0x00,       //   Logical Minimum (0)
    0x26, 0xFF, 0x00, //   Logical Maximum (255)
    0x75, 0x08,       //   Report Size (8 bits)
    0x95, 0x40,       //   Report Count (64)
    0x91, 0x02,       //   Output (Data, Variable, Absolute)
    0xC0,             // End Collection
];

/// The CTAPHID protocol version, CTAP 2.1 §11.2.7.
const PROTOCOL_VERSION: u8 = 2;
/// Bytes in the nonce of INIT, CTAP 2.1 §11.2.9.1.3.
const NONCE_SIZE: usize = 8;
/// The longest lock in seconds, CTAP 2.1 §11.2.9.2.2.
const LONGEST_LOCK: u8 = 10;
/// How long a message may wait for its next packet, CTAP 2.1 §11.2.5.2.
const MESSAGE_TIMEOUT: Duration = Duration::from_millis(500);

/// What the device says of itself, and does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Device version: major, minor, build. The vendor's own numbers.
    pub version: [u8; 3],
    /// Whether WINK is implemented.
    pub wink: bool,
    /// Whether CBOR, and with it CTAP2, is implemented.
    pub cbor: bool,
    /// Whether MSG, and with it CTAP1/U2F, is implemented.
    pub msg: bool,
    /// The longest payload accepted in any message, in bytes; a longer one is INVALID_LEN.
    /// [`MAX_MESSAGE_SIZE`] if larger than that.
    pub max_message_size: usize,
}

impl Config {
    /// The capability flags of the INIT answer, CTAP 2.1 §11.2.9.1.3.
    fn capabilities(&self) -> u8 {
        let flag = |set, bit| if set { bit } else { 0 };
        flag(self.wink, capabilities::WINK)
            | flag(self.cbor, capabilities::CBOR)
            | flag(!self.msg, capabilities::NMSG)
    }
}

/// The device: see the [module](self) for what it decides, and the [crate] for how to drive it.
pub struct Device {
    config: Config,
    channels: Channels,
    transaction: Transaction,
    lock: Option<Lock>,
    outbox: Outbox,
}

/// One channel keeps the others out, CTAP 2.1 §11.2.6.
struct Lock {
    cid: u32,
    until: Instant,
}

impl Device {
    /// A device that nobody has spoken to.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            channels: Channels::default(),
            transaction: Transaction::default(),
            lock: None,
            outbox: Outbox::default(),
        }
    }

    /// CANCEL, CTAP 2.1 §11.2.9.1.5: never answered; ignored unless a CBOR request of this channel is open.
    fn cancel(&mut self, cid: u32) -> Option<Event> {
        match &mut self.transaction {
            Transaction::Processing(request)
                if request.cid == cid
                    && request.command == Command::CBOR
                    && request.standing == Standing::Wanted =>
            {
                request.standing = Standing::Cancelled;
                Some(Event::Cancel)
            }
            _ => None,
        }
    }

    /// INIT, CTAP 2.1 §11.2.9.1.3: a new channel on the broadcast channel, a fresh start on any other.
    fn init(&mut self, cid: u32, len: usize, data: &[u8; INIT_DATA]) -> Option<Event> {
        // §11.2.3: channel 0 is reserved.
        if cid == RESERVED {
            return self.refuse(cid, ErrorCode::INVALID_CHANNEL);
        }
        // §11.2.6: a lock keeps every other channel out, the broadcast channel too.
        if self.is_locked_against(cid) {
            return self.refuse(cid, ErrorCode::CHANNEL_BUSY);
        }
        let (nonce, _) = data.split_at(NONCE_SIZE);
        if len != NONCE_SIZE {
            // §11.2.5.4: an initialization packet ends a half message of its channel, even a bad one.
            self.transaction.drop_half_message(cid);
            return self.refuse(cid, ErrorCode::INVALID_LEN);
        }
        let (event, assigned) = if cid == BROADCAST {
            (None, self.channels.allocate(self.transaction.channel()))
        } else {
            // §11.2.5.3: "discarding the current transaction, buffers and state".
            let event = self.abandon(cid);
            self.outbox.discard(cid);
            self.channels.adopt(cid, self.transaction.channel());
            (event, cid)
        };
        let mut reply = Vec::with_capacity(17);
        reply.extend(nonce);
        reply.extend(assigned.to_be_bytes());
        reply.push(PROTOCOL_VERSION);
        reply.extend(self.config.version);
        reply.push(self.config.capabilities());
        self.outbox.push(cid, Command::INIT, &reply);
        event
    }

    /// The first packet of any other message.
    fn begin(
        &mut self,
        now: Instant,
        cid: u32,
        command: Command,
        len: usize,
        data: &[u8; INIT_DATA],
    ) -> Option<Event> {
        // §11.2.3: channel 0 is reserved, and the broadcast channel is for INIT alone.
        if cid == RESERVED || cid == BROADCAST {
            return self.refuse(cid, ErrorCode::INVALID_CHANNEL);
        }
        self.channels.touch(cid);
        // §11.2.5.4: an initialization packet where a continuation packet was due.
        if self.transaction.drop_half_message(cid) {
            return self.refuse(cid, ErrorCode::INVALID_SEQ);
        }
        // §11.2.5.1, §11.2.6: one transaction at a time, and none of others during a lock. Asked before the
        // channel is looked up, as the suites expect.
        if self.transaction.channel().is_some() || self.is_locked_against(cid) {
            return self.refuse(cid, ErrorCode::CHANNEL_BUSY);
        }
        if !self.channels.is_allocated(cid) {
            return self.refuse(cid, ErrorCode::INVALID_CHANNEL);
        }
        if let Err(code) = self.check(command, len) {
            return self.refuse(cid, code);
        }
        self.receive(now, Assembly::new(cid, command, len, data))
    }

    /// What a message's first packet already tells, CTAP 2.1 §11.2.9.
    fn check(&self, command: Command, len: usize) -> Result<(), ErrorCode> {
        let lengths = match command {
            Command::PING => 0..=MAX_MESSAGE_SIZE,
            Command::MSG if self.config.msg => 1..=MAX_MESSAGE_SIZE,
            Command::CBOR if self.config.cbor => 1..=MAX_MESSAGE_SIZE,
            Command::WINK if self.config.wink => 0..=0,
            // The length is the seconds' business: 1 byte, or the parameter is wrong.
            Command::LOCK if len != 1 => return Err(ErrorCode::INVALID_PAR),
            Command::LOCK => 1..=1,
            // KEEPALIVE and ERROR go the other way; nothing from the vendor's range is implemented.
            _ => return Err(ErrorCode::INVALID_CMD),
        };
        if lengths.contains(&len) && len <= self.config.max_message_size {
            Ok(())
        } else {
            Err(ErrorCode::INVALID_LEN)
        }
    }

    /// A further packet, CTAP 2.1 §11.2.5.4: one that nothing waits for is ignored, whoever sent it.
    fn proceed(&mut self, now: Instant, cid: u32, seq: u8, data: &[u8]) -> Option<Event> {
        match mem::take(&mut self.transaction) {
            Transaction::Receiving { mut message, .. } if message.cid == cid => {
                match message.push(seq, data) {
                    Ok(()) => self.receive(now, message),
                    Err(_) => self.refuse(cid, ErrorCode::INVALID_SEQ),
                }
            }
            other => {
                self.transaction = other;
                None
            }
        }
    }

    /// A message has one more packet than before.
    fn receive(&mut self, now: Instant, message: Assembly) -> Option<Event> {
        if message.is_complete() {
            self.dispatch(now, message)
        } else {
            self.transaction = Transaction::Receiving { message, until: now + MESSAGE_TIMEOUT };
            None
        }
    }

    /// A message is complete.
    fn dispatch(&mut self, now: Instant, message: Assembly) -> Option<Event> {
        let Assembly { cid, command, .. } = message;
        let payload = message.into_payload();
        match command {
            Command::MSG => {
                self.transaction = Transaction::Processing(Request {
                    cid,
                    command,
                    standing: Standing::Wanted,
                    keepalive: None,
                });
                Some(Event::U2f { channel: cid, message: payload })
            }
            Command::CBOR => {
                self.transaction = Transaction::Processing(Request {
                    cid,
                    command,
                    standing: Standing::Wanted,
                    keepalive: Some(Keepalive::start(now)),
                });
                Some(Event::Ctap2 { channel: cid, message: payload })
            }
            // `check` saw to it that there is one byte.
            Command::LOCK => self.set_lock(now, cid, payload[0]),
            Command::WINK => {
                self.outbox.push(cid, command, &[]);
                Some(Event::Wink)
            }
            // PING, §11.2.9.1.4, is all that `check` lets through besides.
            _ => {
                self.outbox.push(cid, command, &payload);
                None
            }
        }
    }

    /// LOCK, CTAP 2.1 §11.2.9.2.2: 0 seconds release.
    fn set_lock(&mut self, now: Instant, cid: u32, seconds: u8) -> Option<Event> {
        if seconds > LONGEST_LOCK {
            return self.refuse(cid, ErrorCode::INVALID_PAR);
        }
        let until = now + Duration::from_secs(seconds.into());
        self.lock = (seconds > 0).then_some(Lock { cid, until });
        self.outbox.push(cid, Command::LOCK, &[]);
        None
    }

    /// INIT on the channel of the transaction in progress, CTAP 2.1 §11.2.5.3: nobody waits for its end.
    fn abandon(&mut self, cid: u32) -> Option<Event> {
        self.transaction.drop_half_message(cid);
        match &mut self.transaction {
            Transaction::Processing(request) if request.cid == cid => {
                request.keepalive = None;
                let before = mem::replace(&mut request.standing, Standing::Abandoned);
                (before == Standing::Wanted).then_some(Event::Cancel)
            }
            _ => None,
        }
    }

    /// Everything whose time has come, whether or not somebody called in time.
    fn advance(&mut self, now: Instant) {
        self.lock.take_if(|lock| lock.until <= now);
        match &mut self.transaction {
            Transaction::Receiving { message, until } if *until <= now => {
                // §11.2.5.2: the device says so by itself.
                let cid = message.cid;
                self.transaction = Transaction::Idle;
                self.refuse(cid, ErrorCode::MSG_TIMEOUT);
            }
            Transaction::Processing(Request { cid, keepalive: Some(keepalive), .. }) => {
                if let Some(status) = keepalive.beat(now) {
                    self.outbox.push_keepalive(*cid, status);
                }
            }
            _ => {}
        }
    }

    /// KEEPALIVE with this status from now on, CTAP 2.1 §11.2.9.1.7.
    fn announce(&mut self, now: Instant, status: u8) {
        if let Transaction::Processing(Request { cid, keepalive: Some(keepalive), .. }) =
            &mut self.transaction
            && let Some(status) = keepalive.announce(now, status)
        {
            self.outbox.push_keepalive(*cid, status);
        }
    }

    /// ERROR, CTAP 2.1 §11.2.9.1.6. Never an event.
    fn refuse(&mut self, cid: u32, code: ErrorCode) -> Option<Event> {
        self.outbox.push(cid, Command::ERROR, &[code.0]);
        None
    }

    fn is_locked_against(&self, cid: u32) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.cid != cid)
    }
}

impl Link for Device {
    fn format(&self) -> Format {
        Format::Ctaphid
    }

    /// A report of 64 bytes, or of 65 whose first is the report number 0 (hidraw and uhid pass it on).
    /// Anything else is ignored.
    fn handle_frame(&mut self, now: Instant, frame: &[u8]) -> Option<Event> {
        let report: &Report = frame.try_into().ok().or_else(|| frame.strip_prefix(&[0])?.try_into().ok())?;
        self.advance(now);
        match Packet::parse(report) {
            Packet::Initialization { cid, command: Command::CANCEL, .. } => self.cancel(cid),
            Packet::Initialization { cid, command: Command::INIT, len, data } => self.init(cid, len, data),
            Packet::Initialization { cid, command, len, data } => self.begin(now, cid, command, len, data),
            Packet::Continuation { cid, seq, data } => self.proceed(now, cid, seq, data),
        }
    }

    /// KEEPALIVE(UPNEEDED) now and every 100 ms, if the open request is a CBOR request.
    fn await_user(&mut self, now: Instant) {
        self.announce(now, keepalive::UPNEEDED);
    }

    /// KEEPALIVE(PROCESSING) now and every 100 ms, if the open request is a CBOR request. Without this call,
    /// the first one goes out 100 ms after the request came.
    fn processing(&mut self, now: Instant) {
        self.announce(now, keepalive::PROCESSING);
    }

    /// A response of more than [`MAX_MESSAGE_SIZE`] bytes, which CTAPHID cannot carry, becomes the error OTHER.
    fn respond(&mut self, _now: Instant, response: &[u8]) {
        match mem::take(&mut self.transaction) {
            Transaction::Processing(request) if request.standing == Standing::Abandoned => {}
            Transaction::Processing(request) if response.len() > MAX_MESSAGE_SIZE => {
                self.refuse(request.cid, ErrorCode::OTHER);
            }
            Transaction::Processing(request) => self.outbox.push(request.cid, request.command, response),
            other => self.transaction = other,
        }
    }

    fn poll_frame(&mut self) -> Option<Vec<u8>> {
        self.outbox.pop().map(Vec::from)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.transaction.deadline()
    }

    /// Never an event: the platform learns of a timeout, the owner need not.
    fn handle_timeout(&mut self, now: Instant) -> Option<Event> {
        self.advance(now);
        None
    }

    fn reset(&mut self) {
        self.channels.clear();
        self.transaction = Transaction::Idle;
        self.lock = None;
        self.outbox.clear();
    }
}
