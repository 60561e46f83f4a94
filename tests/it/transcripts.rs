//! What real programs said to a device once, said again: `fixtures/transcripts` holds traces as `--trace` writes them.
//!
//! Each report goes in at its time, and each answer is held against the recorded one: CTAPHID's command, the status,
//! and the members that the message has. Keys, IDs and signatures are new every time; an ID that the device made is
//! put in the place of the recorded one when the program uses it.
use authenticator::Link as Kind;
use authenticator::signer::Attesting;
use authenticator::store::MemoryStore;
use emulator::{Answer, DeviceProfile, FastSigner, Port, UserPolicy, VirtualAuthenticator};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::time::Duration;
use std::{fs, iter};
use tests::{NOW, identity, rng};
use transport::ctaphid::{Config, Device};
use wire::cbor::{self, Value};
use wire::ctap1::RegisterResponse;
use wire::ctaphid::{Assembly, Command, MAX_MESSAGE_SIZE, Packet, fragment};
use wire::time::Instant;
use wire::{hex, webauthn::AuthenticatorData};

/// A CTAPHID message.
#[derive(Clone, Debug, PartialEq)]
struct Message {
    at: Instant,
    to_device: bool,
    channel: u32,
    command: Command,
    payload: Vec<u8>,
}

/// What a trace has of one device: its profile, and its messages but for KEEPALIVE, which depends on the clock.
fn recorded(text: &str) -> (String, Vec<Message>) {
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let profile = lines.iter().find_map(|line| line["name"].as_str()?.strip_prefix("runs as "));
    let message = |line: &Json| {
        let wire = &line["wire"];
        if wire["carrier"] != "ctaphid" || wire["command"] == "CTAPHID_KEEPALIVE" {
            return None;
        }
        assert_eq!(
            line.get("hidden"),
            None,
            "a message whose secrets are hidden cannot be said again: {line}"
        );
        let name = wire["command"].as_str()?.strip_prefix("CTAPHID_")?;
        let at = Duration::from_secs_f64(line["at"].as_f64()?);
        Some(Message {
            at: Instant::since_power_up(at),
            to_device: wire["towards"] == "device",
            channel: u32::from_str_radix(wire["channel"].as_str()?, 16).unwrap(),
            command: (0..0x80).map(Command).find(|command| command.name() == Some(name)).unwrap(),
            payload: hex::decode(line["bytes"].as_str()?).unwrap(),
        })
    };
    (profile.unwrap().to_owned(), lines.iter().filter_map(message).collect())
}

/// A device to which it is said again.
struct Replay {
    device: VirtualAuthenticator,
    port: Port,
    assemblies: HashMap<u32, Assembly>,
    /// Credential IDs: what the recorded device made, and what this one made in its place.
    ids: HashMap<Vec<u8>, Vec<u8>>,
}

impl Replay {
    fn new(profile: &str) -> Self {
        let profile = DeviceProfile::named(profile).unwrap();
        let signer = Box::new(Attesting::new(FastSigner::default(), identity(&profile.authenticator)));
        let config = Config {
            version: profile.usb.device_version,
            wink: true,
            cbor: profile.authenticator.speaks_ctap2(),
            msg: profile.authenticator.speaks_u2f(),
            max_message_size: MAX_MESSAGE_SIZE,
        };
        let mut device =
            VirtualAuthenticator::new(NOW, profile, Box::new(MemoryStore::default()), signer, rng(9))
                .unwrap();
        device.set_user(NOW, UserPolicy { answer: Answer::Approve, delay: Duration::ZERO });
        let port = device.plug(Kind::Usb, Box::new(Device::new(config)));
        Self { device, port, assemblies: HashMap::new(), ids: HashMap::new() }
    }

    /// Says a message, and hears everything but KEEPALIVE.
    fn say(&mut self, message: &Message) -> Vec<Message> {
        let payload = self.with_own_ids(&message.payload);
        for report in fragment(message.channel, message.command, &payload) {
            self.device.handle_frame(message.at, self.port, &report);
        }
        let frames: Vec<_> = iter::from_fn(|| self.device.poll_frame()).collect();
        let mut heard = Vec::new();
        for (_, frame) in frames {
            let assembly = match Packet::parse(frame.as_slice().try_into().unwrap()) {
                Packet::Initialization { cid, command, len, data } => {
                    self.assemblies.insert(cid, Assembly::new(cid, command, len, data));
                    cid
                }
                Packet::Continuation { cid, seq, data } => {
                    self.assemblies.get_mut(&cid).unwrap().push(seq, data).unwrap();
                    cid
                }
            };
            if self.assemblies[&assembly].is_complete() {
                let whole = self.assemblies.remove(&assembly).unwrap();
                let (channel, command) = (whole.cid, whole.command);
                if command != Command::KEEPALIVE {
                    let payload = whole.into_payload();
                    heard.push(Message { at: message.at, to_device: false, channel, command, payload });
                }
            }
        }
        heard
    }

    /// The message with the IDs that this device made.
    fn with_own_ids(&self, payload: &[u8]) -> Vec<u8> {
        let mut payload = payload.to_vec();
        for (old, new) in &self.ids {
            while let Some(at) = payload.windows(old.len()).position(|window| window == old) {
                payload[at..at + old.len()].copy_from_slice(new);
            }
        }
        payload
    }

    /// Remembers what stands for what.
    fn learn(&mut self, recorded: &[u8], made: &[u8]) {
        if let (Some(old), Some(new)) = (credential_id(recorded), credential_id(made)) {
            assert_eq!(old.len(), new.len(), "IDs of one profile are of one length");
            self.ids.insert(old, new);
        }
    }
}

/// The members of a CTAP2 response.
fn members(payload: &[u8]) -> Option<Vec<(Value, Value)>> {
    cbor::decode(payload.get(1..)?).ok()?.into_map().ok()
}

/// The new credential's ID, if it is an answer to authenticatorMakeCredential or U2F_REGISTER.
fn credential_id(payload: &[u8]) -> Option<Vec<u8>> {
    if let Some(data) = payload.strip_suffix(&[0x90, 0x00])
        && let Ok(registered) = RegisterResponse::decode(data)
    {
        return Some(registered.key_handle);
    }
    let members = members(payload)?;
    let data = members.iter().find(|(key, _)| *key == Value::from(2))?.1.as_bytes()?;
    Some(AuthenticatorData::decode(data).ok()?.attested?.credential_id)
}

/// What must be the same: for CTAP2, the status and which members there are, with their flags; else the length.
fn shape(message: &Message) -> String {
    let what = match message.command {
        Command::CBOR => {
            let keys: Vec<String> = members(&message.payload)
                .unwrap_or_default()
                .iter()
                .map(|(key, value)| match value {
                    Value::Bytes(data) if *key == Value::from(2) => {
                        let flags = AuthenticatorData::decode(data).map(|data| data.flags.to_string());
                        format!("{} ({})", cbor::diagnostic(key), flags.unwrap_or_default())
                    }
                    _ => cbor::diagnostic(key),
                })
                .collect();
            format!("status {:02x}, members {}", message.payload[0], keys.join(" "))
        }
        Command::MSG => format!("status word {}", hex::encode(message.payload.last_chunk::<2>().unwrap())),
        _ => format!("{} bytes", message.payload.len()),
    };
    format!("{:?} on {:08x}: {what}", message.command, message.channel)
}

#[test]
fn real_programs_are_answered_as_they_were() {
    let mut files: Vec<_> =
        fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/transcripts")).unwrap().collect();
    files.retain(|file| file.as_ref().unwrap().path().extension().is_some_and(|name| name == "jsonl"));
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let path = file.unwrap().path();
        let (profile, messages) = recorded(&fs::read_to_string(&path).unwrap());
        let mut replay = Replay::new(&profile);
        let (mut asked, mut compared) = (0, 0);
        for (at, message) in messages.iter().enumerate().filter(|(_, message)| message.to_device) {
            asked += 1;
            let expected: Vec<&Message> =
                messages[at + 1..].iter().take_while(|next| !next.to_device).collect();
            let heard = replay.say(message);
            let expected_shapes: Vec<String> = expected.iter().map(|message| shape(message)).collect();
            let shapes: Vec<String> = heard.iter().map(shape).collect();
            assert_eq!(shapes, expected_shapes, "{} after {message:?}", path.display());
            for (recorded, made) in expected.iter().zip(&heard) {
                replay.learn(&recorded.payload, &made.payload);
                compared += 1;
            }
        }
        assert!(asked >= 4 && compared >= 4, "{}: {asked} asked, {compared} compared", path.display());
    }
}
