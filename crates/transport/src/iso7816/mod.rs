//! The card's side of CTAP over ISO 7816 and ISO 14443, CTAP 2.1 §11.3: command APDUs in, response APDUs out.
//!
//! To every command APDU there is exactly one response APDU, and a platform waits for it before it sends the next; a
//! command that comes earlier is not heard. A request may be longer than a command (chaining, ISO 7816-4 §5.1.1.1), and
//! an answer longer than what Le allows (GET RESPONSE, ISO 7816-4 §11.8.1).
//!
//! A platform that knows NFCCTAP_GETRESPONSE says so in NFCCTAP_MSG, and is then told again and again that the
//! authenticator is at work or waits for its user (§11.3.7.2). To any other, the answer comes late.
mod outgoing;
#[cfg(test)]
mod tests;

use self::outgoing::Outgoing;
use crate::{Event, Format, Link};
use alloc::{vec, vec::Vec};
use wire::apdu::{Command, Response, StatusWord};
use wire::ctap1::VERSION;
use wire::ctaphid::keepalive;
use wire::time::Instant;

/// The FIDO application's identifier, CTAP 2.1 §11.3.3.
pub const AID: [u8; 8] = [0xA0, 0x00, 0x00, 0x06, 0x47, 0x2F, 0x00, 0x01];
/// What a card without U2F says when it is selected, §11.3.4.
const FIDO_2_0: &[u8] = b"FIDO_2_0";

/// The bit of CLA that says that more of the command follows, ISO 7816-4 §5.4.1.
const CHAINED: u8 = 0x10;
/// CLA of ISO's own commands and U2F's, and CLA of NFCCTAP's.
const ISO: u8 = 0x00;
const NFCCTAP: u8 = 0x80;

/// INS values: ISO 7816-4 §11.1.1 and §11.8.1, CTAP 2.1 §11.3.5 to §11.3.7.
mod ins {
    pub(super) const SELECT: u8 = 0xA4;
    pub(super) const GET_RESPONSE: u8 = 0xC0;
    pub(super) const MSG: u8 = 0x10;
    pub(super) const GETRESPONSE: u8 = 0x11;
    pub(super) const CONTROL: u8 = 0x12;
}

/// There is no application of that name (ISO 7816-4 §5.6).
const FILE_NOT_FOUND: StatusWord = StatusWord(0x6A82);
/// The last command of a chain was expected.
const CHAIN_BROKEN: StatusWord = StatusWord(0x6883);
/// §11.3.7.2: at work; the data is one byte, the status of a KEEPALIVE.
const UPDATE: StatusWord = StatusWord(0x9100);

/// What the card is able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// CTAP2, by NFCCTAP_MSG.
    pub cbor: bool,
    /// U2F, by its own APDUs.
    pub u2f: bool,
    /// The longest request in bytes; a longer one is WRONG_LENGTH.
    pub max_message_size: usize,
}

/// A card that lies in the field of a reader.
#[derive(Debug)]
pub struct Card {
    config: Config,
    selected: bool,
    chain: Option<Chain>,
    request: Request,
    outgoing: Outgoing,
}

/// The beginning of a command.
#[derive(Debug)]
struct Chain {
    /// CLA without the bit, INS, P1 and P2, which the rest repeats.
    header: [u8; 4],
    data: Vec<u8>,
}

/// The request that the authenticator has.
#[derive(Debug)]
enum Request {
    None,
    /// Its response is owed to the command that brought it, or to the NFCCTAP_GETRESPONSE that asks for it.
    Open {
        /// Le of the command that is waited for, if one is.
        waiting: Option<Le>,
        form: Form,
        keepalive: u8,
    },
    /// Nobody wants its response any more.
    Abandoned,
    /// NFCCTAP_GETRESPONSE may fetch it.
    Answered(Vec<u8>),
}

/// In which form a response goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// CTAP2's, as the data of an APDU.
    Ctap2 {
        /// Whether the platform knows NFCCTAP_GETRESPONSE.
        polled: bool,
    },
    /// U2F's, which is an APDU: its status word stands at its end.
    U2f,
}

/// The most bytes of data that a response may have.
type Le = usize;

impl Card {
    /// A card that was put into the field, and of which nothing is selected.
    pub fn new(config: Config) -> Self {
        Self { config, selected: false, chain: None, request: Request::None, outgoing: Outgoing::default() }
    }

    fn say(&mut self, data: Vec<u8>, status: StatusWord, le: Le) {
        self.outgoing.put(data, status, le);
    }

    fn refuse(&mut self, status: StatusWord) -> Option<Event> {
        self.say(Vec::new(), status, 0);
        None
    }

    /// A whole command, its chain put together.
    fn command(&mut self, command: &Command) -> Option<Event> {
        let Command { class, instruction, p1, p2, .. } = *command;
        let le = le(command);
        if (class, instruction) == (ISO, ins::SELECT) {
            return self.select(command, le);
        }
        if !self.selected {
            // No application, so that none of its instructions.
            return self.refuse(StatusWord::INS_NOT_SUPPORTED);
        }
        match (class, instruction) {
            // Platforms send it with either class.
            (ISO | NFCCTAP, ins::GET_RESPONSE) => {
                if !self.outgoing.next(le) {
                    return self.refuse(StatusWord::CONDITIONS_NOT_SATISFIED);
                }
                None
            }
            (NFCCTAP, ins::MSG) if self.config.cbor => match (p1, p2) {
                (0x00 | 0x80, 0x00) => self.begin(Form::Ctap2 { polled: p1 == 0x80 }, command, le),
                _ => self.refuse(StatusWord::INCORRECT_P1_P2),
            },
            (NFCCTAP, ins::GETRESPONSE) if self.config.cbor => match (p1, p2) {
                (0x00 | 0x11, 0x00) => self.get_response(p1 == 0x11, le),
                _ => self.refuse(StatusWord::INCORRECT_P1_P2),
            },
            (NFCCTAP, ins::CONTROL) => match (p1, p2) {
                (0x01, 0x00) => {
                    let event = self.abandon();
                    self.selected = false;
                    self.say(Vec::new(), StatusWord::NO_ERROR, 0);
                    event
                }
                _ => self.refuse(StatusWord::INCORRECT_P1_P2),
            },
            // What U2F knows of them is for the authenticator to say.
            (ISO, _) if self.config.u2f => self.begin(Form::U2f, command, le),
            _ => self.refuse(StatusWord::INS_NOT_SUPPORTED),
        }
    }

    /// §11.3.3 and §11.3.4.
    fn select(&mut self, command: &Command, le: Le) -> Option<Event> {
        let event = self.abandon();
        // By name, its first and only occurrence (ISO 7816-4 §11.1.1); P2 0C wants no data, which U2F gives all the same.
        self.selected = command.p1 == 0x04 && matches!(command.p2, 0x00 | 0x0C) && command.data == AID;
        if self.selected {
            let version = if self.config.u2f { VERSION.as_bytes() } else { FIDO_2_0 };
            self.say(version.into(), StatusWord::NO_ERROR, le);
        } else {
            self.say(Vec::new(), FILE_NOT_FOUND, 0);
        }
        event
    }

    fn begin(&mut self, form: Form, command: &Command, le: Le) -> Option<Event> {
        if let Request::Open { .. } | Request::Abandoned = self.request {
            // The authenticator has one yet. The platform may ask for its response, or select again.
            return self.refuse(StatusWord::CONDITIONS_NOT_SATISFIED);
        }
        self.request = Request::Open { waiting: Some(le), form, keepalive: keepalive::PROCESSING };
        let channel = 0;
        Some(match form {
            Form::Ctap2 { .. } => Event::Ctap2 { channel, message: command.data.clone() },
            Form::U2f => Event::U2f { channel, message: command.encode() },
        })
    }

    /// §11.3.7.2.
    fn get_response(&mut self, cancel: bool, le: Le) -> Option<Event> {
        match &mut self.request {
            Request::Answered(response) => {
                let response = core::mem::take(response);
                self.request = Request::None;
                self.say(response, StatusWord::NO_ERROR, le);
                None
            }
            Request::Open { waiting, .. } => {
                *waiting = Some(le);
                cancel.then_some(Event::Cancel)
            }
            Request::None | Request::Abandoned => self.refuse(StatusWord::CONDITIONS_NOT_SATISFIED),
        }
    }

    /// Nobody wants the response to the open request, if there is one.
    fn abandon(&mut self) -> Option<Event> {
        match self.request {
            Request::Open { .. } => {
                self.request = Request::Abandoned;
                Some(Event::Cancel)
            }
            Request::Abandoned => None,
            Request::None | Request::Answered(_) => {
                self.request = Request::None;
                None
            }
        }
    }
}

/// Ne (ISO 7816-4 §5.1). Without Le, as much as the form of the command allows: U2F hosts leave it out.
fn le(command: &Command) -> Le {
    let expected = command.expected.unwrap_or(if command.extended { 0x1_0000 } else { 0x100 });
    usize::try_from(expected).unwrap_or(usize::MAX)
}

impl Link for Card {
    fn format(&self) -> Format {
        Format::Apdu
    }

    /// A command APDU. While the response to the one before is owed, it is not heard.
    fn handle_frame(&mut self, _now: Instant, frame: &[u8]) -> Option<Event> {
        if matches!(self.request, Request::Open { waiting: Some(_), .. }) || self.outgoing.is_unsent() {
            return None;
        }
        let Some([class, ..]) = Command::header(frame) else {
            return self.refuse(StatusWord::WRONG_LENGTH);
        };
        if ![ISO, NFCCTAP].contains(&(class & !CHAINED)) {
            self.chain = None;
            return self.refuse(StatusWord::CLA_NOT_SUPPORTED);
        }
        let Ok(mut command) = Command::decode(frame) else {
            self.chain = None;
            return self.refuse(StatusWord::WRONG_LENGTH);
        };
        let last = class & CHAINED == 0;
        command.class &= !CHAINED;
        // An answer that was not fetched is gone with any other command.
        if command.instruction != ins::GET_RESPONSE {
            self.outgoing.drop_rest();
        }
        let header = [command.class, command.instruction, command.p1, command.p2];
        match self.chain.take() {
            Some(chain) if chain.header == header => {
                let mut data = chain.data;
                data.append(&mut command.data);
                command.data = data;
            }
            // ISO 7816-4 §5.1.1.1: nothing else may come in between, but for a new beginning by SELECT.
            Some(_) if last && command.instruction != ins::SELECT => return self.refuse(CHAIN_BROKEN),
            _ => {}
        }
        if command.data.len() > self.config.max_message_size {
            return self.refuse(StatusWord::WRONG_LENGTH);
        }
        if !last {
            self.chain = Some(Chain { header, data: command.data });
            return self.refuse(StatusWord::NO_ERROR);
        }
        self.command(&command)
    }

    fn await_user(&mut self, _now: Instant) {
        if let Request::Open { keepalive, .. } = &mut self.request {
            *keepalive = keepalive::UPNEEDED;
        }
    }

    fn processing(&mut self, _now: Instant) {
        if let Request::Open { keepalive, .. } = &mut self.request {
            *keepalive = keepalive::PROCESSING;
        }
    }

    fn respond(&mut self, _now: Instant, response: &[u8]) {
        match self.request {
            Request::Open { waiting: Some(le), form, .. } => {
                self.request = Request::None;
                match Response::decode(response).filter(|_| form == Form::U2f) {
                    Some(Response { data, status }) => self.say(data, status, le),
                    None => self.say(response.into(), StatusWord::NO_ERROR, le),
                }
            }
            Request::Open { waiting: None, .. } => self.request = Request::Answered(response.into()),
            Request::Abandoned => self.request = Request::None,
            Request::None | Request::Answered(_) => {}
        }
    }

    /// A response APDU. A platform that asks for updates gets one if there is no response yet.
    fn poll_frame(&mut self) -> Option<Vec<u8>> {
        if let Request::Open { waiting, form: Form::Ctap2 { polled: true }, keepalive } = &mut self.request
            && waiting.take().is_some()
        {
            let status = *keepalive;
            self.say(vec![status], UPDATE, 1);
        }
        self.outgoing.take()
    }

    /// Never: the platform asks.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _now: Instant) -> Option<Event> {
        None
    }

    /// The card left the field, or its power was cut: nothing is selected.
    fn reset(&mut self) {
        *self = Self::new(self.config);
    }
}
