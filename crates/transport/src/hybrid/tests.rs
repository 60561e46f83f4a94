//! Vectors of `fixtures/hybrid`, which an implementation made that shares nothing with this one, whole sessions among them;
//! properties; and what becomes of a session whose other side stays silent, says nonsense or goes away.
mod garbage;
mod properties;
mod replay;
mod silence;
mod vectors;
mod whole;

use super::*;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::convert::Infallible;
use core::time::Duration;
use p256::SecretKey;
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng as _, TryCryptoRng, TryRng};
use std::path::Path;
use std::{fs, println};
use wire::hex;
use wire::time::Instant;

/// Every moment of a test in which time does not matter.
const NOW: Instant = Instant::POWER_UP;

/// A block of a fixture: its lines in order.
struct Block(Vec<(String, String)>);

impl Block {
    /// The line `key`, if there is one.
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The line `key`, which must be there.
    fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or_else(|| panic!("{}: no {key}: line", self.name()))
    }

    fn name(&self) -> &str {
        self.get("name").expect("a block has a name")
    }

    fn bytes(&self, key: &str) -> Vec<u8> {
        hex::decode(self.text(key)).unwrap_or_else(|| panic!("{}: {key}: is no hexadecimal", self.name()))
    }

    /// The bytes, as many as there must be.
    fn array<const N: usize>(&self, key: &str) -> [u8; N] {
        self.bytes(key).try_into().unwrap_or_else(|_| panic!("{}: {key}: is not {N} bytes", self.name()))
    }

    fn secret_key(&self, key: &str) -> SecretKey {
        SecretKey::from_slice(&self.bytes(key)).unwrap()
    }
}

/// The blocks of `fixtures/hybrid/FILE`, at least so many.
fn blocks(file: &str, at_least: usize) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hybrid").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let line = |line: &&str| {
        let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("{file}: no key: {line}"));
        (key.to_string(), value.strip_prefix(' ').unwrap_or(value).to_string())
    };
    let blocks = lines.split(|line| line.is_empty()).filter(|block| !block.is_empty());
    let blocks: Vec<Block> = blocks.map(|block| Block(block.iter().map(line).collect())).collect();
    println!("{} blocks in {file}", blocks.len());
    assert!(blocks.len() >= at_least, "{file} has {} blocks", blocks.len());
    blocks
}

/// Randomness that is known: each draw takes the next piece, which has to be as long as what is drawn.
struct Script(VecDeque<Vec<u8>>);

impl Script {
    fn of(pieces: impl IntoIterator<Item = Vec<u8>>) -> Box<dyn CryptoRng + Send> {
        Box::new(Self(pieces.into_iter().collect()))
    }
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("bytes are drawn here, and no numbers")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("bytes are drawn here, and no numbers")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let piece = self.0.pop_front().expect("more is drawn than the fixture has");
        assert_eq!(piece.len(), bytes.len(), "another draw comes next");
        bytes.copy_from_slice(&piece);
        Ok(())
    }
}

impl TryCryptoRng for Script {}

/// What has to be drawn for a private key to come of it: its number with the smallest byte first.
fn drawn(mut key: Vec<u8>) -> Vec<u8> {
    key.reverse();
    key
}

fn rng(seed: u64) -> Box<dyn CryptoRng + Send> {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

fn at(milliseconds: u64) -> Instant {
    Instant::since_power_up(Duration::from_millis(milliseconds))
}

/// What a phone of the tests says of itself.
const GET_INFO: &[u8] = &[0xA1, 0x01, 0x81, 0x68, b'F', b'I', b'D', b'O', b'_', b'2', b'_', b'0'];

fn phone_config() -> phone::Config {
    phone::Config {
        get_info: GET_INFO.into(),
        domain: domain::TunnelDomain::GOOGLE,
        link: None,
        patience: phone::Patience::default(),
        deviations: phone::Deviations::default(),
    }
}

/// A desktop and a phone of ours, and the tunnel between them, which the tests may hold by the throat.
struct Pair {
    now: Instant,
    desktop: desktop::Session,
    phone: phone::Session,
    /// What each has still to hear.
    to_desktop: VecDeque<Vec<u8>>,
    to_phone: VecDeque<Vec<u8>>,
    advert: Option<[u8; advert::LENGTH]>,
    heard: Heard,
}

/// What came out of both sessions.
#[derive(Default)]
struct Heard {
    ready: usize,
    requests: Vec<Vec<u8>>,
    responses: Vec<Vec<u8>>,
    links: Vec<desktop::KnownPhone>,
    desktop: Option<Ending>,
    phone: Option<Ending>,
    advertising: bool,
}

impl Pair {
    /// Both know the code; nothing was sent.
    fn new(config: phone::Config, state_assisted: bool) -> Self {
        let shown = desktop::Config { state_assisted, ..desktop::Config::default() };
        let desktop = desktop::Session::show(NOW, &shown, rng(1));
        let code = qr::QrCode::parse(&desktop.qr_text().unwrap()).unwrap();
        let phone = phone::Session::scan(NOW, code, config, rng(2)).unwrap();
        Self::of(desktop, phone)
    }

    fn of(desktop: desktop::Session, phone: phone::Session) -> Self {
        Self {
            now: NOW,
            desktop,
            phone,
            to_desktop: VecDeque::new(),
            to_phone: VecDeque::new(),
            advert: None,
            heard: Heard::default(),
        }
    }

    /// Both are in the tunnel, and the handshake has passed.
    fn ready() -> Self {
        let mut pair = Self::new(phone_config(), false);
        pair.meet();
        pair.pass();
        assert_eq!(pair.heard.ready, 1);
        pair
    }

    /// The phone is in the tunnel, the desktop has seen it, and has sent its first message.
    fn meet(&mut self) {
        self.phone.handle_connected(self.now, Some("0A0b0c"));
        self.settle();
        let advert = self.advert.expect("the phone advertises");
        assert!(self.desktop.handle_advert(self.now, &advert));
        self.desktop.handle_connected(self.now);
        self.settle();
    }

    /// Does what the sessions say, and carries no message.
    fn settle(&mut self) {
        while let Some(output) = self.phone.poll_output() {
            assert_eq!(self.heard.phone, None, "something comes after the end");
            match output {
                phone::Output::Connect { .. } => {}
                phone::Output::Advertise(advert) => {
                    (self.advert, self.heard.advertising) = (Some(advert), true);
                }
                phone::Output::StopAdvertising => {
                    assert!(self.heard.advertising, "there is no advert to stop");
                    self.heard.advertising = false;
                }
                phone::Output::Send(message) => self.to_desktop.push_back(message),
                phone::Output::Request(request) => self.heard.requests.push(request),
                phone::Output::Closed(ending) => self.heard.phone = Some(ending),
            }
        }
        assert!(self.heard.phone.is_none() || !self.heard.advertising, "it advertises for ever");
        assert!(self.heard.phone.is_none() || self.phone.poll_timeout().is_none());
        while let Some(output) = self.desktop.poll_output() {
            assert_eq!(self.heard.desktop, None, "something comes after the end");
            match output {
                desktop::Output::Connect { .. } => {}
                desktop::Output::Send(message) => self.to_phone.push_back(message),
                desktop::Output::Ready(first) => {
                    assert_eq!(first.get_info.as_deref(), Some(GET_INFO));
                    self.heard.ready += 1;
                }
                desktop::Output::Response(response) => self.heard.responses.push(response),
                desktop::Output::Linked(phone) => self.heard.links.push(phone),
                desktop::Output::Closed(ending) => self.heard.desktop = Some(ending),
            }
        }
        assert!(self.heard.desktop.is_none() || self.desktop.poll_timeout().is_none());
    }

    /// Carries messages until there are none.
    fn pass(&mut self) {
        loop {
            self.settle();
            if let Some(message) = self.to_phone.pop_front() {
                self.phone.handle_message(self.now, &message);
            } else if let Some(message) = self.to_desktop.pop_front() {
                self.desktop.handle_message(self.now, &message);
            } else {
                return;
            }
        }
    }

    /// One request and its response.
    fn ask(&mut self, request: &[u8], response: &[u8]) {
        self.desktop.request(self.now, request);
        self.pass();
        assert_eq!(self.heard.requests.last().unwrap(), request);
        self.phone.respond(self.now, response);
        self.pass();
        assert_eq!(self.heard.responses.last().unwrap(), response);
    }
}
