//! CTAPHID packets, CTAP 2.1 §11.2.4: 64-byte reports, big-endian numbers.
use alloc::vec::Vec;
use core::fmt;

/// Bytes in a report, both ways.
pub const REPORT_SIZE: usize = 64;
/// Payload bytes in an initialization packet.
pub const INIT_DATA: usize = REPORT_SIZE - 7;
/// Payload bytes in a continuation packet.
pub const CONT_DATA: usize = REPORT_SIZE - 5;
/// The longest message: an initialization packet and 128 continuation packets, 7,609 bytes.
pub const MAX_MESSAGE_SIZE: usize = INIT_DATA + 128 * CONT_DATA;
/// The channel on which new channels are asked for.
pub const BROADCAST: u32 = 0xFFFF_FFFF;

/// One HID report without its report number.
pub type Report = [u8; REPORT_SIZE];

/// A CTAPHID command without the initialization bit, CTAP 2.1 §11.2.9. Unknown values survive.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command(pub u8);

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl Command {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name that the specification gives this command, if it gives one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($code => Some(stringify!($name)),)* _ => None }
            }
        }
    };
}
commands! {
    /// Echo.
    PING = 0x01;
    /// A CTAP1/U2F message.
    MSG = 0x03;
    /// Keeps other channels out for some seconds.
    LOCK = 0x04;
    /// Allocates or resynchronizes a channel.
    INIT = 0x06;
    /// Asks for a visible or audible sign.
    WINK = 0x08;
    /// A CTAP2 message.
    CBOR = 0x10;
    /// Withdraws the CBOR request in progress.
    CANCEL = 0x11;
    /// Sent while a CBOR request is worked on.
    KEEPALIVE = 0x3B;
    /// An error answer.
    ERROR = 0x3F;
}
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x} {}", self.0, self.name().unwrap_or("UNKNOWN"))
    }
}

/// The payload of [`Command::ERROR`], CTAP 2.1 §11.2.9.1.6. Unknown values survive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(pub u8);

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name that the specification gives this code, with `ERR_` in front, if it gives one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($code => Some(concat!("ERR_", stringify!($name))),)* _ => None }
            }
        }
    };
}
error_codes! {
    /// The command is not one that this device has.
    INVALID_CMD = 0x01;
    /// A parameter is out of range.
    INVALID_PAR = 0x02;
    /// The message length is wrong for its command, or over [`MAX_MESSAGE_SIZE`].
    INVALID_LEN = 0x03;
    /// A continuation packet has another sequence number than the next.
    INVALID_SEQ = 0x04;
    /// The rest of a message did not come in time.
    MSG_TIMEOUT = 0x05;
    /// Another channel has the device.
    CHANNEL_BUSY = 0x06;
    /// The command needs a channel lock.
    LOCK_REQUIRED = 0x0A;
    /// The channel is not allocated, or not one for this command.
    INVALID_CHANNEL = 0x0B;
    /// Something else went wrong.
    OTHER = 0x7F;
}
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X} {}", self.0, self.name().unwrap_or("unnamed"))
    }
}
impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Capability bits of the INIT answer, CTAP 2.1 §11.2.9.1.3.
pub mod capabilities {
    /// WINK is implemented.
    pub const WINK: u8 = 0x01;
    /// CBOR is implemented.
    pub const CBOR: u8 = 0x04;
    /// MSG is *not* implemented.
    pub const NMSG: u8 = 0x08;
}

/// The status byte of [`Command::KEEPALIVE`], CTAP 2.1 §11.2.9.1.7.
pub mod keepalive {
    /// The authenticator is computing.
    pub const PROCESSING: u8 = 1;
    /// The authenticator waits for its user.
    pub const UPNEEDED: u8 = 2;
}

/// A report, looked at as a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Packet<'a> {
    /// The first packet of a message.
    Initialization {
        /// Channel identifier.
        cid: u32,
        /// What the message is.
        command: Command,
        /// Payload length of the whole message in bytes.
        len: usize,
        /// The first [`INIT_DATA`] bytes of the payload, padded.
        data: &'a [u8; INIT_DATA],
    },
    /// A further packet of a message.
    Continuation {
        /// Channel identifier.
        cid: u32,
        /// 0 to 127, counting from the second packet.
        seq: u8,
        /// The next [`CONT_DATA`] bytes of the payload, padded.
        data: &'a [u8; CONT_DATA],
    },
}

impl<'a> Packet<'a> {
    /// Every 64-byte report parses; whether it makes sense is the transaction's business.
    pub fn parse(report: &'a Report) -> Self {
        let [c0, c1, c2, c3, type_or_seq, rest @ ..] = report;
        let cid = u32::from_be_bytes([*c0, *c1, *c2, *c3]);
        if type_or_seq & 0x80 == 0 {
            return Self::Continuation { cid, seq: *type_or_seq, data: rest };
        }
        let [high, low, data @ ..] = rest;
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        Self::Initialization { cid, command: Command(type_or_seq & 0x7F), len, data }
    }
}

/// Splits a message into the reports that carry it.
///
/// # Panics
/// If `payload` is longer than [`MAX_MESSAGE_SIZE`].
pub fn fragment(cid: u32, command: Command, payload: &[u8]) -> Vec<Report> {
    assert!(payload.len() <= MAX_MESSAGE_SIZE, "a CTAPHID message has at most {MAX_MESSAGE_SIZE} bytes");
    let len = u16::try_from(payload.len()).expect("7609 fits u16");
    let (first, rest) = payload.split_at(payload.len().min(INIT_DATA));
    let mut report = [0; REPORT_SIZE];
    report[..4].copy_from_slice(&cid.to_be_bytes());
    report[4] = command.0 | 0x80;
    report[5..7].copy_from_slice(&len.to_be_bytes());
    report[7..][..first.len()].copy_from_slice(first);
    let mut reports = Vec::with_capacity(1 + rest.len().div_ceil(CONT_DATA));
    reports.push(report);
    for (seq, chunk) in (0u8..).zip(rest.chunks(CONT_DATA)) {
        let mut report = [0; REPORT_SIZE];
        report[..4].copy_from_slice(&cid.to_be_bytes());
        report[4] = seq;
        report[5..][..chunk.len()].copy_from_slice(chunk);
        reports.push(report);
    }
    reports
}

/// A message of which some packets have arrived.
#[derive(Clone, Debug)]
pub struct Assembly {
    /// The channel that sends it.
    pub cid: u32,
    /// What the message is.
    pub command: Command,
    len: usize,
    next_seq: u8,
    payload: Vec<u8>,
}

/// A continuation packet had another sequence number than the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfSequence;

impl Assembly {
    /// Starts from an initialization packet's parts; `len` is the payload length of the whole message.
    pub fn new(cid: u32, command: Command, len: usize, data: &[u8]) -> Self {
        let mut payload = Vec::with_capacity(len.min(MAX_MESSAGE_SIZE));
        payload.extend(data.iter().take(len));
        Self { cid, command, len, next_seq: 0, payload }
    }

    /// Takes the next continuation packet.
    pub fn push(&mut self, seq: u8, data: &[u8]) -> Result<(), OutOfSequence> {
        if seq != self.next_seq {
            return Err(OutOfSequence);
        }
        self.next_seq += 1;
        let missing = self.len - self.payload.len();
        self.payload.extend(data.iter().take(missing));
        Ok(())
    }

    /// Whether the whole payload has arrived.
    pub fn is_complete(&self) -> bool {
        self.payload.len() == self.len
    }

    /// The payload so far.
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assemble(reports: &[Report]) -> Assembly {
        let Packet::Initialization { cid, command, len, data } = Packet::parse(&reports[0]) else { panic!() };
        let mut assembly = Assembly::new(cid, command, len, data);
        for report in &reports[1..] {
            let Packet::Continuation { seq, data, .. } = Packet::parse(report) else { panic!() };
            assembly.push(seq, data).unwrap();
        }
        assembly
    }

    #[test]
    fn the_longest_message_takes_129_reports() {
        let reports = fragment(7, Command::PING, &[0xA5; MAX_MESSAGE_SIZE]);
        assert_eq!((MAX_MESSAGE_SIZE, reports.len(), reports[128][4]), (7609, 129, 127));
        let whole = assemble(&reports);
        assert!(whole.is_complete());
        assert_eq!(whole.into_payload(), [0xA5; MAX_MESSAGE_SIZE]);
    }

    proptest! {
        #[test]
        fn what_is_fragmented_assembles_to_the_same(cid: u32, command in 0u8..0x80, payload in prop::collection::vec(any::<u8>(), 0..400)) {
            let whole = assemble(&fragment(cid, Command(command), &payload));
            prop_assert_eq!((whole.cid, whole.command), (cid, Command(command)));
            prop_assert!(whole.is_complete());
            prop_assert_eq!(whole.into_payload(), payload);
        }
    }
}
