//! The device on a bench: a platform that says anything, and a clock that jumps from deadline to deadline.
mod channels;
mod garbage;
mod lock;
mod messages;
mod requests;
mod timing;

use super::*;
use alloc::{collections::BTreeMap, vec};
use wire::ctaphid::fragment;

const CONFIG: Config =
    Config { version: [5, 7, 1], wink: true, cbor: true, msg: true, max_message_size: MAX_MESSAGE_SIZE };
const NONCE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
/// A CBOR message: getInfo.
const INFO: &[u8] = &[0x04];
/// A MSG message: U2F_VERSION.
const VERSION: &[u8] = &[0, 3, 0, 0, 0, 0, 0];

/// A message from the device.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    /// When its last report came, in milliseconds since power-up.
    at: u64,
    cid: u32,
    command: Command,
    payload: Vec<u8>,
}

struct Bench {
    device: Device,
    /// Milliseconds since power-up.
    now: u64,
    halves: BTreeMap<u32, Assembly>,
    answers: Vec<Answer>,
}

impl Bench {
    fn new() -> Self {
        Self::with(CONFIG)
    }

    fn with(config: Config) -> Self {
        Self { device: Device::new(config), now: 0, halves: BTreeMap::new(), answers: Vec::new() }
    }

    fn instant(&self) -> Instant {
        Instant::since_power_up(Duration::from_millis(self.now))
    }

    /// One frame to the device; what it answers is kept.
    fn frame(&mut self, frame: &[u8]) -> Option<Event> {
        let event = self.device.handle_frame(self.instant(), frame);
        self.fetch();
        event
    }

    /// A message to the device, which gives at most one event, at its last packet.
    fn send(&mut self, cid: u32, command: Command, payload: &[u8]) -> Option<Event> {
        let reports = fragment(cid, command, payload);
        let (last, first) = reports.split_last().unwrap();
        for report in first {
            assert_eq!(self.frame(report), None);
        }
        self.frame(last)
    }

    /// An initialization packet that announces `len` bytes and has none of them set.
    fn announce(&mut self, cid: u32, command: Command, len: u16) -> Option<Event> {
        let mut report = [0; 64];
        report[..4].copy_from_slice(&cid.to_be_bytes());
        report[4] = 0x80 | command.0;
        report[5..7].copy_from_slice(&len.to_be_bytes());
        self.frame(&report)
    }

    /// A continuation packet full of nines.
    fn go_on(&mut self, cid: u32, seq: u8) -> Option<Event> {
        let mut report = [9; 64];
        report[..4].copy_from_slice(&cid.to_be_bytes());
        report[4] = seq;
        self.frame(&report)
    }

    /// Time passes; every deadline on the way is met, to the millisecond unless it is past already.
    fn wait(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        while let Some(due) = self.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            assert_eq!(self.device.handle_timeout(self.instant()), None);
            assert!(
                self.deadline().is_none_or(|next| next > self.now),
                "a deadline that was met comes again"
            );
            self.fetch();
        }
        self.now = end;
    }

    fn deadline(&self) -> Option<u64> {
        let at = self.device.poll_timeout()?.elapsed();
        Some(u64::try_from(at.as_millis()).unwrap())
    }

    fn respond(&mut self, response: &[u8]) {
        self.device.respond(self.instant(), response);
        self.fetch();
    }

    fn await_user(&mut self) {
        self.device.await_user(self.instant());
        self.fetch();
    }

    fn processing(&mut self) {
        self.device.processing(self.instant());
        self.fetch();
    }

    fn fetch(&mut self) {
        while let Some(frame) = self.device.poll_frame() {
            let report: &Report = frame.as_slice().try_into().expect("64 bytes");
            let cid = match Packet::parse(report) {
                Packet::Initialization { cid, command, len, data } => {
                    let before = self.halves.insert(cid, Assembly::new(cid, command, len, data));
                    assert!(before.is_none(), "a message of the device was cut short");
                    cid
                }
                Packet::Continuation { cid, seq, data } => {
                    self.halves.get_mut(&cid).expect("a first packet").push(seq, data).unwrap();
                    cid
                }
            };
            if self.halves[&cid].is_complete() {
                let message = self.halves.remove(&cid).unwrap();
                let (command, at) = (message.command, self.now);
                self.answers.push(Answer { at, cid, command, payload: message.into_payload() });
            }
        }
    }

    /// Everything that the device said since last asked.
    fn answers(&mut self) -> Vec<Answer> {
        mem::take(&mut self.answers)
    }

    /// The one thing that the device said since last asked, and said on this channel.
    #[track_caller]
    fn answer(&mut self, cid: u32) -> (Command, Vec<u8>) {
        let answers = self.answers();
        let [answer] = answers.as_slice() else { panic!("one answer, not {answers:?}") };
        assert_eq!(answer.cid, cid);
        (answer.command, answer.payload.clone())
    }

    /// The one thing that the device said since last asked is this error.
    #[track_caller]
    fn assert_error(&mut self, cid: u32, code: ErrorCode) {
        assert_eq!(self.answer(cid), (Command::ERROR, vec![code.0]));
    }

    #[track_caller]
    fn assert_silence(&mut self) {
        assert_eq!(self.answers(), []);
    }

    /// A channel from the broadcast channel.
    #[track_caller]
    fn open(&mut self) -> u32 {
        assert_eq!(self.send(BROADCAST, Command::INIT, &NONCE), None);
        let (command, reply) = self.answer(BROADCAST);
        assert_eq!((command, reply.len(), &reply[..8]), (Command::INIT, 17, &NONCE[..]));
        u32::from_be_bytes(reply[8..12].try_into().unwrap())
    }

    #[track_caller]
    fn assert_ping_works(&mut self, cid: u32) {
        assert_eq!(self.send(cid, Command::PING, b"ping"), None);
        assert_eq!(self.answer(cid), (Command::PING, b"ping".to_vec()));
    }

    /// A CBOR request on this channel, taken by the owner.
    #[track_caller]
    fn ask(&mut self, cid: u32) {
        let event = self.send(cid, Command::CBOR, INFO);
        assert_eq!(event, Some(Event::Ctap2 { channel: cid, message: INFO.to_vec() }));
        self.assert_silence();
    }
}

/// Every command there is, known or not.
fn commands() -> impl Iterator<Item = Command> {
    (0..0x80).map(Command)
}

/// Every command that is neither INIT nor CANCEL, which have rules of their own.
fn ordinary_commands() -> impl Iterator<Item = Command> {
    commands().filter(|command| ![Command::INIT, Command::CANCEL].contains(command))
}
