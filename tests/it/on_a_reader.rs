//! A virtual device on a reader of smart cards: APDUs in and out, presence by lying there, and the reader's power.
use authenticator::Link;
use authenticator::signer::Attesting;
use authenticator::store::MemoryStore;
use emulator::{Answer, DeviceProfile, FastSigner, Port, UserPolicy, VirtualAuthenticator};
use std::time::Duration;
use tests::{NOW, identity, registration, rng};
use transport::iso7816::{AID, Card, Config};
use transport::{direct, iso7816};
use wire::ctap2::{GetInfoResponse, MakeCredentialResponse};
use wire::status::Status;
use wire::time::Instant;

const SELECTION: &[u8] = &[0x0B];

struct Reader {
    device: VirtualAuthenticator,
    port: Port,
    now: Instant,
}

impl Reader {
    fn new(user: Answer) -> Self {
        let profile = DeviceProfile::named("all-in").unwrap();
        let signer = Box::new(Attesting::new(FastSigner::default(), identity(&profile.authenticator)));
        let store = Box::new(MemoryStore::default());
        let mut device = VirtualAuthenticator::new(NOW, profile, store, signer, rng(3)).unwrap();
        device.set_user(NOW, UserPolicy { answer: user, delay: Duration::ZERO });
        let config = Config { cbor: true, u2f: true, max_message_size: 7609 };
        let port = device.plug(Link::Nfc, Box::new(Card::new(config)));
        device.power_cycle(NOW, port).unwrap();
        let mut reader = Self { device, port, now: NOW };
        reader.select();
        reader
    }

    fn select(&mut self) {
        let select = [&[0x00, 0xA4, 0x04, 0x00, 0x08][..], &AID].concat();
        assert_eq!(self.say(&select).unwrap(), b"U2F_V2\x90\x00");
    }

    /// The response APDU, unless the card lets the reader wait.
    fn say(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        self.device.handle_frame(self.now, self.port, command);
        self.device.poll_frame().map(|(_, frame)| frame)
    }

    /// A CTAP2 message in one extended command, of a platform that knows NFCCTAP_GETRESPONSE or does not.
    fn ctap2(&mut self, message: &[u8], polls: bool) -> Option<Vec<u8>> {
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        let p1 = if polls { 0x80 } else { 0x00 };
        self.say(&[&[0x80, 0x10, p1, 0x00, 0x00][..], &length, message, &[0, 0]].concat())
    }
}

#[test]
fn a_passkey_is_made_on_a_reader_and_what_getinfo_says_fits() {
    let mut reader = Reader::new(Answer::Approve);
    let info = reader.ctap2(&GetInfoResponse::request(), false).unwrap();
    let info = GetInfoResponse::decode(info.strip_suffix(&[0x90, 0x00]).unwrap()).unwrap();
    assert!(info.versions.iter().any(|version| version == "FIDO_2_1"));
    let request = registration("ada");
    let request = wire::ctap2::MakeCredential { rk: Some(false), ..request };
    let made = reader.ctap2(&request.encode(), false).unwrap();
    MakeCredentialResponse::decode(made.strip_suffix(&[0x90, 0x00]).unwrap()).unwrap();
}

/// Nobody answers, and yet a touch is there: whoever laid the device down touched it.
#[test]
fn lying_on_a_reader_is_presence_for_two_minutes() {
    let mut reader = Reader::new(Answer::Ask);
    assert_eq!(reader.ctap2(SELECTION, false).unwrap(), [0x00, 0x90, 0x00]);
    reader.now = NOW + Duration::from_millis(119_999);
    assert_eq!(reader.ctap2(SELECTION, false).unwrap(), [0x00, 0x90, 0x00]);
    reader.now = NOW + Duration::from_secs(120);
    assert_eq!(reader.ctap2(SELECTION, true).unwrap(), [0x02, 0x91, 0x00], "somebody has to touch it again");
    assert_eq!(reader.say(&[0x80, 0x11, 0x11, 0x00]).unwrap(), [Status::KEEPALIVE_CANCEL.0, 0x90, 0x00]);
    // Taken away and put there again.
    reader.device.power_cycle(reader.now, reader.port).unwrap();
    reader.select();
    assert_eq!(reader.ctap2(SELECTION, false).unwrap(), [0x00, 0x90, 0x00]);
}

#[test]
fn a_user_who_refuses_or_does_nothing_is_not_taken_for_present() {
    let mut reader = Reader::new(Answer::Deny);
    assert_eq!(reader.ctap2(SELECTION, false).unwrap(), [Status::OPERATION_DENIED.0, 0x90, 0x00]);
    let mut reader = Reader::new(Answer::Ignore);
    assert_eq!(reader.ctap2(SELECTION, true).unwrap(), [0x02, 0x91, 0x00]);
    let mut reader = Reader::new(Answer::Ignore);
    assert_eq!(reader.ctap2(SELECTION, false), None, "who does not poll waits");
}

#[test]
fn lying_there_is_no_touch_on_another_link() {
    let mut reader = Reader::new(Answer::Ask);
    let usb = reader.device.plug(Link::Usb, Box::new(direct::Device::new()));
    reader.device.handle_frame(NOW, usb, SELECTION);
    assert_eq!(reader.device.poll_frame(), None);
    assert!(reader.device.prompt().is_some());
    // The reader's power is the device's: what waits elsewhere is told so.
    reader.device.power_cycle(NOW, reader.port).unwrap();
    assert_eq!(reader.device.poll_frame(), Some((usb, vec![Status::KEEPALIVE_CANCEL.0])));
    assert!(reader.device.prompt().is_none());
}

#[test]
fn u2f_on_a_reader_needs_no_second_request() {
    let mut reader = Reader::new(Answer::Ask);
    let register = wire::ctap1::Request::Register { challenge: [1; 32], application: [2; 32] }.encode();
    let first = reader.say(&register).unwrap();
    assert!(first.ends_with(&[0x90, 0x00]) || first[first.len() - 2] == 0x61, "{first:02x?}");
    assert_eq!(first[0], 5, "the reserved byte of a registration");
}

#[test]
fn a_device_without_power_is_no_card() {
    let mut reader = Reader::new(Answer::Approve);
    reader.device.power_off(NOW);
    reader.device.power_cycle(NOW, reader.port).unwrap();
    assert_eq!(reader.say(&[&[0x00, 0xA4, 0x04, 0x00, 0x08][..], &iso7816::AID].concat()), None);
}
