//! Codes, adverts, and what comes over the tunnel of the hybrid transport: from strangers, and from one who has the keys.
use crate::Input;
use p256::SecretKey;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::time::Duration;
use transport::hybrid::advert::Eid;
use transport::hybrid::domain::TunnelDomain;
use transport::hybrid::frame::{MAX_BODY, pad};
use transport::hybrid::keys::{Purpose, derive};
use transport::hybrid::linking::ClientPayload;
use transport::hybrid::noise::{Channel, Handshake, Pattern};
use transport::hybrid::qr::{QrCode, SCHEME, from_digits, to_digits};
use transport::hybrid::{desktop, phone};
use wire::time::Instant;

const NOW: Instant = Instant::POWER_UP;
const GET_INFO: [u8; 3] = [0xA1, 0x01, 0x80];

/// A code is read or refused; what is read is written and read again, and says the same. Even first bytes stand before the
/// text, odd ones before the CBOR that its digits stand for.
pub fn qr(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    let text = match kind & 1 {
        0 => String::from_utf8_lossy(data).into_owned(),
        _ => format!("{SCHEME}{}", to_digits(data)),
    };
    if let Ok(bytes) = from_digits(&text) {
        assert_eq!(to_digits(&bytes), text, "two ways to write the same bytes");
    }
    if kind & 1 == 1 {
        assert_eq!(from_digits(&text[SCHEME.len()..]).as_deref(), Ok(data));
    }
    let Ok(code) = QrCode::parse(&text) else { return };
    let again = code.to_text();
    let read = QrCode::parse(&again).expect("our own code is refused");
    assert_eq!(read.to_text(), again);
    assert_eq!((read.public_key, *read.secret, read.unknown), (code.public_key, *code.secret, 0));
    let config = phone_config();
    if let Ok(mut session) = phone::Session::scan(NOW, code, config, rng(1)) {
        assert!(matches!(session.poll_output(), Some(phone::Output::Connect { .. })));
    }
}

/// The first 64 bytes are keys, the next an advert; it opens if it is what would be sealed. The same bytes as an EID and as
/// a client's payload.
pub fn advert(data: &[u8]) {
    let mut input = Input(data);
    let mut key = [0; 64];
    let taken = input.take(64);
    key[..taken.len()].copy_from_slice(taken);
    let rest = input.0;
    if let Some(eid) = Eid::open(rest, &key) {
        assert_eq!(eid.seal(&key)[..], *rest, "it opens, and is sealed otherwise");
        assert_eq!(eid.as_bytes()[0], 0, "the reserved byte");
    }
    let mut nonce = [0; 15];
    let taken = input.take(15);
    nonce[..taken.len()].copy_from_slice(taken);
    let eid = Eid::of_link(nonce);
    assert_eq!(Eid::open(&eid.seal(&key), &key), Some(eid));
    assert_eq!(eid.domain().host().is_none(), (2..256).contains(&eid.domain().0));
    if let Ok(payload) = ClientPayload::decode(rest) {
        assert_eq!(ClientPayload::decode(&payload.encode()).as_ref(), Ok(&payload));
    }
}

/// Strangers say anything to a phone and a desktop: neither ever takes them for the other, and both end.
pub fn handshake(data: &[u8]) {
    let mut input = Input(data);
    let (mut desktop, mut phone, advert) = met();
    let mut watched = Watched::default();
    let mut now = Duration::ZERO;
    if input.byte() & 1 == 1 {
        assert!(desktop.handle_advert(NOW, &advert));
        desktop.handle_connected(NOW);
    }
    while !input.is_empty() {
        let at = Instant::since_power_up(now);
        match input.byte() % 16 {
            0..=4 => {
                let length = input.byte().into();
                phone.handle_message(at, input.take(length));
            }
            5..=9 => {
                let length = input.byte().into();
                desktop.handle_message(at, input.take(length));
            }
            10 => {
                let length = (input.byte() % 64).into();
                assert!(!desktop.handle_advert(at, input.take(length)), "somebody else's advert");
            }
            11 => phone.handle_connected(at, std::str::from_utf8(input.take(6)).ok()),
            12 => desktop.handle_connected(at),
            13 => {
                phone.respond(at, &[0]);
                desktop.request(at, &[4]);
            }
            14 => {
                phone.handle_timeout(at);
                desktop.handle_timeout(at);
            }
            _ => now += Duration::from_millis(input.number().into()),
        }
        watched.settle(&mut desktop, &mut phone);
        assert!(watched.requests == 0 && watched.ready == 0, "a stranger is taken for the other side");
    }
    watched.end(&mut desktop, &mut phone);
}

/// One who has the keys says anything, well sealed: to a phone if the first byte is even, else to a desktop.
pub fn frames(data: &[u8]) {
    let mut input = Input(data);
    let to_phone = input.byte() & 1 == 0;
    let (mut desktop, mut phone, advert) = met();
    let mut watched = Watched::default();
    let mut channel = match to_phone {
        true => as_desktop(&mut phone),
        false => as_phone(&mut desktop, &advert),
    };
    let mut now = Duration::ZERO;
    while !input.is_empty() {
        let at = Instant::since_power_up(now);
        let operation = input.byte();
        match operation % 8 {
            0..=4 => {
                let length = input.byte().into();
                let bytes = input.take(length);
                // As it should be padded, or as it comes.
                let plaintext = if operation & 0x80 == 0 { pad(bytes) } else { bytes.into() };
                let message = channel.seal(&plaintext).expect("it is short");
                match to_phone {
                    true => phone.handle_message(at, &message),
                    false => desktop.handle_message(at, &message),
                }
            }
            5 => {
                let length = usize::from(input.number()).min(MAX_BODY + 1);
                match to_phone {
                    true => phone.respond(at, &vec![0; length]),
                    false => desktop.request(at, &vec![4; length]),
                }
            }
            6 => now += Duration::from_millis(input.number().into()),
            _ => {
                phone.handle_timeout(at);
                desktop.handle_timeout(at);
            }
        }
        watched.settle(&mut desktop, &mut phone);
        for message in watched.sent.drain(..) {
            assert!(channel.open(&message).is_ok(), "it seals with other keys");
        }
    }
    watched.end(&mut desktop, &mut phone);
}

fn rng(seed: u64) -> Box<ChaCha8Rng> {
    Box::new(ChaCha8Rng::seed_from_u64(seed))
}

fn phone_config() -> phone::Config {
    phone::Config {
        get_info: GET_INFO.into(),
        domain: TunnelDomain::GOOGLE,
        link: None,
        patience: phone::Patience::default(),
        deviations: phone::Deviations::default(),
    }
}

/// The desktop's private key and its code.
fn known() -> (SecretKey, QrCode) {
    let key = SecretKey::from_slice(&[7; 32]).expect("it is smaller than the order");
    let code = QrCode {
        public_key: key.public_key(),
        secret: [9; 16].into(),
        known_domains: Some(2),
        time: None,
        state_assisted: Some(true),
        hint: None,
        non_discoverable: None,
        channels: None,
        unknown: 0,
    };
    (key, code)
}

/// A desktop that shows a code, and a phone that has read it and advertises.
fn met() -> (desktop::Session, phone::Session, [u8; 20]) {
    let config = desktop::Config { state_assisted: true, ..desktop::Config::default() };
    let desktop = desktop::Session::show(NOW, &config, rng(2));
    let code = QrCode::parse(&desktop.qr_text().expect("it shows a code")).expect("it is a code");
    let mut phone = phone::Session::scan(NOW, code, phone_config(), rng(3)).expect("the service is known");
    phone.handle_connected(NOW, Some("0a0b0c"));
    let mut outputs = std::iter::from_fn(|| phone.poll_output());
    let advert = outputs.find_map(|output| match output {
        phone::Output::Advertise(advert) => Some(advert),
        _ => None,
    });
    (desktop, phone, advert.expect("the phone advertises"))
}

/// Takes the desktop's place, by a code that is known.
fn as_desktop(phone: &mut phone::Session) -> Channel {
    let (key, code) = known();
    let eid_key = derive(code.secret.as_slice(), &[], Purpose::EidKey);
    let secret = code.secret.clone();
    *phone = phone::Session::scan(NOW, code, phone_config(), rng(3)).expect("the service is known");
    phone.handle_connected(NOW, Some("0a0b0c"));
    let outputs: Vec<_> = std::iter::from_fn(|| phone.poll_output()).collect();
    let Some(phone::Output::Advertise(advert)) = outputs.last() else {
        panic!("the phone does not advertise")
    };
    let eid = Eid::open(advert, &eid_key).expect("it is the phone's advert");
    let psk = derive(secret.as_slice(), eid.as_bytes(), Purpose::Psk);
    let mut handshake = Handshake::new(&Pattern::QrDesktop(&key), &psk, &mut *rng(4));
    phone.handle_message(NOW, &handshake.write());
    let mut answers = std::iter::from_fn(|| phone.poll_output()).filter_map(|output| match output {
        phone::Output::Send(message) => Some(message),
        _ => None,
    });
    handshake.read(&answers.next().expect("the phone answers")).expect("by the same keys");
    let mut channel = handshake.into_channel();
    for sealed in answers {
        channel.open(&sealed).expect("by the same keys");
    }
    channel
}

/// Takes the phone's place; the greeting is not said yet.
fn as_phone(desktop: &mut desktop::Session, advert: &[u8]) -> Channel {
    let code = QrCode::parse(&desktop.qr_text().expect("it shows a code")).expect("it is a code");
    let eid_key = derive(code.secret.as_slice(), &[], Purpose::EidKey);
    let eid = Eid::open(advert, &eid_key).expect("it is the phone's advert");
    assert!(desktop.handle_advert(NOW, advert));
    desktop.handle_connected(NOW);
    let outputs: Vec<_> = std::iter::from_fn(|| desktop.poll_output()).collect();
    let Some(desktop::Output::Send(first)) = outputs.last() else { panic!("the desktop does not begin") };
    let psk = derive(code.secret.as_slice(), eid.as_bytes(), Purpose::Psk);
    let mut handshake = Handshake::new(&Pattern::QrPhone(&code.public_key), &psk, &mut *rng(5));
    handshake.read(first).expect("by the same keys");
    desktop.handle_message(NOW, &handshake.write());
    handshake.into_channel()
}

/// What came out of both sessions.
#[derive(Default)]
struct Watched {
    requests: usize,
    ready: usize,
    sent: Vec<Vec<u8>>,
    asked: bool,
    phone: bool,
    desktop: bool,
}

impl Watched {
    fn settle(&mut self, desktop: &mut desktop::Session, phone: &mut phone::Session) {
        while let Some(output) = phone.poll_output() {
            assert!(!self.phone, "something comes after the end");
            match output {
                phone::Output::Request(request) => {
                    assert!(!request.is_empty(), "a request without a command");
                    self.requests += 1;
                }
                phone::Output::Send(message) => self.sent.push(message),
                phone::Output::Closed(ending) => {
                    assert!(!ending.to_string().is_empty());
                    self.phone = true;
                }
                _ => {}
            }
        }
        while let Some(output) = desktop.poll_output() {
            assert!(!self.desktop, "something comes after the end");
            match output {
                desktop::Output::Ready(_) => self.ready += 1,
                desktop::Output::Send(message) => self.sent.push(message),
                desktop::Output::Linked(_) => panic!("a link that nobody could sign"),
                desktop::Output::Closed(_) => self.desktop = true,
                _ => {}
            }
        }
        assert!(self.ready <= 1, "ready twice");
        self.asked = phone.stage() == transport::hybrid::Stage::Request;
    }

    /// Whoever waits comes to an end by itself, or has a user who is asked.
    fn end(&mut self, desktop: &mut desktop::Session, phone: &mut phone::Session) {
        let later = Instant::since_power_up(Duration::from_secs(1_000_000));
        self.settle(desktop, phone);
        phone.handle_timeout(later);
        desktop.handle_timeout(later);
        self.settle(desktop, phone);
        assert!(self.phone || self.asked, "the phone waits for ever");
        assert!(self.desktop, "the desktop waits for ever");
    }
}
