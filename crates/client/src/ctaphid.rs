//! The platform's side of one CTAPHID channel, CTAP 2.1 §11.2, over reports that somebody else carries.
//!
//! Hand every report of the device to [`Host::handle_report`], act on its event, then send what
//! [`Host::poll_report`] has. Requests go out after [`Event::Opened`], one at a time. There is no clock: who has
//! waited too long calls [`Host::cancel`] or gives up.
use std::collections::VecDeque;
use thiserror::Error;
use wire::ctaphid::{
    Assembly, BROADCAST, Command, ErrorCode, MAX_MESSAGE_SIZE, Packet, Report, capabilities, fragment,
};

/// One channel to a device.
#[derive(Debug)]
pub struct Host {
    state: State,
    /// The answer that is arriving.
    assembly: Option<Assembly>,
    outgoing: VecDeque<Report>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// INIT was sent on the broadcast channel.
    Opening { nonce: [u8; 8] },
    /// The channel is open.
    Idle { cid: u32 },
    /// A request was sent.
    Waiting { cid: u32, command: Command },
}

/// What a report led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The channel is open.
    Opened(Device),
    /// The device works on the request; the status is one of [`wire::ctaphid::keepalive`].
    KeepAlive(u8),
    /// The answer: for [`Command::CBOR`] a CTAP2 response, for [`Command::MSG`] a response APDU, for
    /// [`Command::PING`] the echo.
    Answer(Vec<u8>),
}

/// What a device says of itself when a channel is opened, CTAP 2.1 §11.2.9.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// The channel that was allocated.
    pub cid: u32,
    /// The CTAPHID protocol version, 2.
    pub protocol: u8,
    /// Major, minor and build version of the device.
    pub version: [u8; 3],
    /// Bits of [`wire::ctaphid::capabilities`].
    pub capabilities: u8,
}

impl Device {
    /// Whether it takes CTAP2 messages.
    pub const fn has_cbor(self) -> bool {
        self.capabilities & capabilities::CBOR != 0
    }

    /// Whether it takes CTAP1 messages.
    pub const fn has_msg(self) -> bool {
        self.capabilities & capabilities::NMSG == 0
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HostError {
    /// The channel is not open yet.
    #[error("the channel is not open")]
    NotOpen,
    /// The last request has no answer yet.
    #[error("the last request is not answered yet")]
    Busy,
    /// The request, or the announced answer, is longer than CTAPHID carries.
    #[error("{0} bytes are more than the {MAX_MESSAGE_SIZE} of a CTAPHID message")]
    TooLong(usize),
    /// The device answered ERROR.
    #[error("the device answered with error 0x{:02x}", .0.0)]
    Device(ErrorCode),
    /// The device answered another command than it was sent.
    #[error("the device answered {answered:?} to {asked:?}")]
    OtherCommand {
        /// What it was sent.
        asked: Command,
        /// What it answered.
        answered: Command,
    },
    /// A packet of the answer is missing, or another message began inside it.
    #[error("the packets of the answer are not in order")]
    OutOfSequence,
    /// The answer to INIT is too short, or allocates a channel that is none.
    #[error("the answer to INIT is malformed")]
    MalformedInit,
}

impl Host {
    /// Begins to open a channel. The nonce tells our answer from those to other programs, so it is to be random.
    pub fn new(nonce: [u8; 8]) -> Self {
        let outgoing = fragment(BROADCAST, Command::INIT, &nonce).into();
        Self { state: State::Opening { nonce }, assembly: None, outgoing }
    }

    /// The next report to send.
    pub fn poll_report(&mut self) -> Option<Report> {
        self.outgoing.pop_front()
    }

    /// Sends a CTAP2 message.
    ///
    /// # Errors
    /// If the channel is not open or busy, or the message too long.
    pub fn send_cbor(&mut self, message: &[u8]) -> Result<(), HostError> {
        self.send(Command::CBOR, message)
    }

    /// Sends a CTAP1 message: a U2F request APDU.
    ///
    /// # Errors
    /// If the channel is not open or busy, or the message too long.
    pub fn send_msg(&mut self, apdu: &[u8]) -> Result<(), HostError> {
        self.send(Command::MSG, apdu)
    }

    /// Asks for a visible or audible sign.
    ///
    /// # Errors
    /// If the channel is not open or busy.
    pub fn send_wink(&mut self) -> Result<(), HostError> {
        self.send(Command::WINK, &[])
    }

    /// Asks for an echo of `payload`.
    ///
    /// # Errors
    /// If the channel is not open or busy, or the payload too long.
    pub fn send_ping(&mut self, payload: &[u8]) -> Result<(), HostError> {
        self.send(Command::PING, payload)
    }

    /// Keeps other channels out for 1 to 10 seconds (the device is to refuse more), or lets them in again with 0.
    ///
    /// # Errors
    /// If the channel is not open or busy.
    pub fn send_lock(&mut self, seconds: u8) -> Result<(), HostError> {
        self.send(Command::LOCK, &[seconds])
    }

    fn send(&mut self, command: Command, payload: &[u8]) -> Result<(), HostError> {
        let cid = match self.state {
            State::Opening { .. } => return Err(HostError::NotOpen),
            State::Waiting { .. } => return Err(HostError::Busy),
            State::Idle { cid } => cid,
        };
        if payload.len() > MAX_MESSAGE_SIZE {
            return Err(HostError::TooLong(payload.len()));
        }
        self.outgoing.extend(fragment(cid, command, payload));
        self.state = State::Waiting { cid, command };
        Ok(())
    }

    /// Withdraws the CTAP2 message in progress, whose answer still comes (KEEPALIVE_CANCEL, unless it was done).
    /// Without one there is nothing to withdraw, and nothing happens.
    pub fn cancel(&mut self) {
        if let State::Waiting { cid, command: Command::CBOR } = self.state {
            self.outgoing.extend(fragment(cid, Command::CANCEL, &[]));
        }
    }

    /// Takes a report of the device. What is for another channel, or for nobody, is ignored.
    ///
    /// # Errors
    /// If the device answered ERROR or broke the protocol; the request is over then, and the channel stays.
    pub fn handle_report(&mut self, report: &Report) -> Result<Option<Event>, HostError> {
        let ours = match self.state {
            State::Opening { .. } => BROADCAST,
            State::Idle { .. } => return Ok(None),
            State::Waiting { cid, .. } => cid,
        };
        let result = match Packet::parse(report) {
            Packet::Initialization { cid, command, len, data } if cid == ours => {
                self.begin_message(command, len, data)
            }
            Packet::Continuation { cid, seq, data } if cid == ours => self.continue_message(seq, data),
            _ => return Ok(None),
        };
        if result.is_err() {
            self.assembly = None;
            self.become_idle();
        }
        result
    }

    fn begin_message(
        &mut self,
        command: Command,
        len: usize,
        data: &[u8],
    ) -> Result<Option<Event>, HostError> {
        if self.assembly.is_some() {
            return Err(HostError::OutOfSequence);
        }
        match (self.state, command) {
            (_, Command::ERROR) => {
                Err(HostError::Device(data.first().map_or(ErrorCode::OTHER, |code| ErrorCode(*code))))
            }
            (State::Opening { nonce }, Command::INIT) => self.open(nonce, data.get(..len).unwrap_or(data)),
            // On the broadcast channel everything else is for others.
            (State::Opening { .. } | State::Idle { .. }, _) => Ok(None),
            (State::Waiting { .. }, Command::KEEPALIVE) => {
                Ok(data.first().map(|status| Event::KeepAlive(*status)))
            }
            (State::Waiting { command: asked, .. }, answered) if asked != answered => {
                Err(HostError::OtherCommand { asked, answered })
            }
            (State::Waiting { cid, .. }, _) => {
                if len > MAX_MESSAGE_SIZE {
                    return Err(HostError::TooLong(len));
                }
                self.take(Assembly::new(cid, command, len, data))
            }
        }
    }

    fn continue_message(&mut self, seq: u8, data: &[u8]) -> Result<Option<Event>, HostError> {
        // A continuation packet that continues nothing is ignored, as CTAP 2.1 §11.2.5.4 has it for devices.
        let Some(mut assembly) = self.assembly.take() else { return Ok(None) };
        assembly.push(seq, data).map_err(|_| HostError::OutOfSequence)?;
        self.take(assembly)
    }

    fn take(&mut self, assembly: Assembly) -> Result<Option<Event>, HostError> {
        if !assembly.is_complete() {
            self.assembly = Some(assembly);
            return Ok(None);
        }
        self.become_idle();
        Ok(Some(Event::Answer(assembly.into_payload())))
    }

    /// CTAP 2.1 §11.2.9.1.3: nonce, channel, versions, capabilities. Later versions may append to it.
    fn open(&mut self, nonce: [u8; 8], payload: &[u8]) -> Result<Option<Event>, HostError> {
        let Some((echo, rest)) = payload.split_first_chunk::<8>() else { return Ok(None) };
        if *echo != nonce {
            return Ok(None);
        }
        let Some((&[c0, c1, c2, c3, protocol, major, minor, build, capabilities], _)) =
            rest.split_first_chunk()
        else {
            return Err(HostError::MalformedInit);
        };
        let cid = u32::from_be_bytes([c0, c1, c2, c3]);
        if cid == 0 || cid == BROADCAST {
            return Err(HostError::MalformedInit);
        }
        self.state = State::Idle { cid };
        Ok(Some(Event::Opened(Device { cid, protocol, version: [major, minor, build], capabilities })))
    }

    fn become_idle(&mut self) {
        if let State::Waiting { cid, .. } = self.state {
            self.state = State::Idle { cid };
        }
    }
}
