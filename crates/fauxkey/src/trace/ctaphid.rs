//! CTAPHID messages out of reports, both ways (CTAP 2.1 §11.2.4), and what those say that carry no CTAP message.
use super::line::Towards;
use std::collections::BTreeMap;
use wire::ctaphid::{Assembly, Command, ErrorCode, Packet, Report, capabilities, keepalive};
use wire::hex;

/// Messages that are begun at once. Whoever opens more loses the oldest channel's.
const MOST: usize = 256;

/// Puts the reports of one link together, in both directions.
#[derive(Default)]
pub struct Assembler {
    begun: BTreeMap<(u32, Towards), (Assembly, usize)>,
}

/// A message, or what came of one.
#[derive(Debug, PartialEq, Eq)]
pub struct Assembled {
    /// The channel.
    pub channel: u32,
    /// CTAPHID's command.
    pub command: Command,
    /// What came.
    pub payload: Vec<u8>,
    /// The length that was announced in bytes, if less came.
    pub announced: Option<usize>,
}

impl Assembler {
    /// Takes a report in. Returns what it completes, and before that what it breaks off.
    pub fn report(&mut self, towards: Towards, report: &Report) -> Vec<Assembled> {
        let (channel, done) = match Packet::parse(report) {
            Packet::Initialization { cid, command, len, data } => {
                let broken_off = self.take(cid, towards, true);
                if self.begun.len() == MOST {
                    self.begun.pop_first();
                }
                self.begun.insert((cid, towards), (Assembly::new(cid, command, len, data), len));
                (cid, broken_off)
            }
            // Without a beginning it belongs to nothing, and a device ignores it.
            Packet::Continuation { cid, seq, data } => {
                let pushed =
                    self.begun.get_mut(&(cid, towards)).map(|(assembly, _)| assembly.push(seq, data));
                let broken_off = if let Some(Err(_)) = pushed { self.take(cid, towards, true) } else { None };
                (cid, broken_off)
            }
        };
        let whole = self.take(channel, towards, false);
        done.into_iter().chain(whole).collect()
    }

    /// What is begun on a channel, if it is complete, or even if not.
    fn take(&mut self, channel: u32, towards: Towards, unfinished: bool) -> Option<Assembled> {
        let (assembly, _) = self.begun.get(&(channel, towards))?;
        if !unfinished && !assembly.is_complete() {
            return None;
        }
        let (assembly, announced) = self.begun.remove(&(channel, towards))?;
        let (whole, command) = (assembly.is_complete(), assembly.command);
        let payload = assembly.into_payload();
        Some(Assembled { channel, command, payload, announced: (!whole).then_some(announced) })
    }
}

/// The name of a command.
pub fn name(command: Command) -> String {
    match command.name() {
        Some(name) => format!("CTAPHID_{name}"),
        None => format!("CTAPHID 0x{:02X}", command.0),
    }
}

/// The command of that name.
pub fn named(name: &str) -> Option<Command> {
    let number = |name: &str| u8::from_str_radix(name.strip_prefix("CTAPHID 0x")?, 16).ok();
    number(name).map(Command).or_else(|| (0..0x80).map(Command).find(|command| self::name(*command) == name))
}

/// What the payload of a command says that carries no CTAP message, and its status if it is one.
pub fn say(command: Command, towards: Towards, payload: &[u8]) -> (String, Option<String>) {
    match (command, towards, payload) {
        (Command::INIT, Towards::Device, nonce) => (format!("nonce {}", hex::encode(nonce)), None),
        (Command::INIT, Towards::Platform, [answer @ .., version, major, minor, build, flags])
            if answer.len() == 12 =>
        {
            let (nonce, channel) = answer.split_at(8);
            let device = format!("device {major}.{minor}.{build}, {}", self::capabilities(*flags));
            let (nonce, channel) = (hex::encode(nonce), hex::encode(channel));
            (format!("nonce {nonce}, channel {channel}, version {version}, {device}"), None)
        }
        (Command::KEEPALIVE, Towards::Platform, [status]) => {
            let name = match *status {
                keepalive::PROCESSING => "PROCESSING",
                keepalive::UPNEEDED => "UPNEEDED",
                _ => "unnamed",
            };
            (String::new(), Some(format!("0x{status:02X} {name}")))
        }
        (Command::ERROR, Towards::Platform, [code]) => (String::new(), Some(ErrorCode(*code).to_string())),
        (Command::LOCK, Towards::Device, [seconds]) => (format!("{seconds} s"), None),
        (_, _, []) => (String::new(), None),
        (_, _, bytes) => (format!("{} bytes", bytes.len()), None),
    }
}

fn capabilities(flags: u8) -> String {
    let named = [(capabilities::WINK, "WINK"), (capabilities::CBOR, "CBOR"), (capabilities::NMSG, "NMSG")];
    let names: Vec<_> = named.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    format!("capabilities 0x{flags:02X} {}", names.join(" "))
}
