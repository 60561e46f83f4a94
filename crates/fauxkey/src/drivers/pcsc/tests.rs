//! A device on a reader that a test plays.
use super::*;
use crate::control::{Control, Power};
use crate::instance::Instance;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Instant;

const SELECT: &[u8] = &[0x00, 0xA4, 0x04, 0x00, 0x08, 0xA0, 0x00, 0x00, 0x06, 0x47, 0x2F, 0x00, 0x01];
const GET_INFO: &[u8] = &[0x80, 0x10, 0x00, 0x00, 0x01, 0x04, 0x00];

/// A reader, and an instance with the device `key`.
struct Rig {
    listener: TcpListener,
    instance: Instance,
}

/// The card in the slot, as the reader sees it.
struct Slot(TcpStream);

impl Rig {
    fn new(profile: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let instance = Instance::ephemeral(None).unwrap();
        instance.add_device("key", profile).unwrap();
        Self { listener, instance }
    }

    fn address(&self) -> PcscAddress {
        self.listener.local_addr().unwrap().to_string().parse().unwrap()
    }

    fn attach(&self) -> Slot {
        self.instance.attach_pcsc("key", self.address()).unwrap();
        self.card()
    }

    /// The card that comes next.
    fn card(&self) -> Slot {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut slot = Slot(stream);
        slot.tell(&[control::ON]);
        slot
    }
}

impl Slot {
    fn tell(&mut self, what: &[u8]) {
        let length = u16::try_from(what.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&length[..], what].concat()).unwrap();
    }

    fn ask(&mut self, what: &[u8]) -> Vec<u8> {
        self.tell(what);
        self.hear().expect("the card answers")
    }

    /// `None` if the card is gone.
    fn hear(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length).ok()?;
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        self.0.read_exact(&mut answer).ok()?;
        Some(answer)
    }
}

#[test]
fn a_card_tells_its_atr_and_answers_command_after_command() {
    let rig = Rig::new("yubikey-5-nfc");
    let mut slot = rig.attach();
    let atr = DeviceProfile::named("yubikey-5-nfc").unwrap().card.unwrap().atr;
    assert_eq!(slot.ask(&[control::ATR]), atr);
    assert_eq!(slot.ask(&[control::ATR]), atr, "it is asked again and again");
    assert_eq!(slot.ask(SELECT), b"U2F_V2\x90\x00");
    let info = slot.ask(GET_INFO);
    assert_eq!((info[0], &info[info.len() - 2..][..1]), (0, &[0x61][..]), "more than 256 bytes");
    slot.tell(&[control::RESET]);
    assert_eq!(slot.ask(GET_INFO), [0x6D, 0x00], "nothing is selected any more");
    slot.tell(&[control::OFF]);
    slot.tell(&[control::ON]);
    assert_eq!(slot.ask(SELECT), b"U2F_V2\x90\x00");
}

#[test]
fn a_card_is_taken_away_and_put_back_with_its_power_and_with_the_devices() {
    let rig = Rig::new("all-in");
    let mut slot = rig.attach();
    let attached = |rig: &Rig| rig.instance.device("key").unwrap().attached;
    let address = format!("pcsc:{}", rig.address());
    assert_eq!(attached(&rig), [address.as_str()]);
    let device = rig.instance.insert_card("key", false).unwrap();
    assert_eq!((device.powered, device.attached), (true, vec![format!("{address}/removed")]));
    assert_eq!(slot.hear(), None);
    rig.instance.insert_card("key", true).unwrap();
    let mut slot = rig.card();
    assert_eq!(slot.ask(SELECT), b"U2F_V2\x90\x00");
    rig.instance.power("key", Power::Off).unwrap();
    assert_eq!(slot.hear(), None);
    rig.instance.power("key", Power::On).unwrap();
    assert_eq!(rig.card().ask(SELECT), b"U2F_V2\x90\x00");
}

/// The platform waits for an answer that never comes: the reader says that the card is gone, at once.
#[test]
fn a_card_that_is_taken_away_while_it_asks_its_user_is_gone_and_comes_back_unharmed() {
    let rig = Rig::new("all-in");
    rig.instance
        .set_user("key", crate::control::User { answer: crate::control::Answer::Ignore, delay_ms: 0 })
        .unwrap();
    let mut slot = rig.attach();
    assert_eq!(slot.ask(SELECT), b"U2F_V2\x90\x00");
    slot.tell(&[0x80, 0x10, 0x00, 0x00, 0x01, 0x0B, 0x00]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while rig.instance.prompt("key").unwrap().is_none() {
        assert!(Instant::now() < deadline, "nobody was asked");
        thread::sleep(Duration::from_millis(5));
    }
    rig.instance.insert_card("key", false).unwrap();
    assert_eq!(slot.hear(), None);
    while rig.instance.prompt("key").unwrap().is_some() {
        assert!(Instant::now() < deadline, "the user is asked for nobody");
        thread::sleep(Duration::from_millis(5));
    }
    rig.instance.insert_card("key", true).unwrap();
    assert_eq!(rig.card().ask(SELECT), b"U2F_V2\x90\x00");
}

#[test]
fn a_reader_that_comes_back_gets_its_card_back() {
    let rig = Rig::new("all-in");
    drop(rig.attach());
    let mut slot = rig.card();
    assert_eq!(slot.ask(SELECT), b"U2F_V2\x90\x00");
}

#[test]
fn what_cannot_lie_on_a_reader_is_refused_with_what_to_do() {
    let rig = Rig::new("ms-authenticator-ios");
    let refused = rig.instance.attach_pcsc("key", rig.address()).unwrap_err();
    assert_eq!(refused.kind, FailureKind::Refused, "{refused}");
    let refused = rig.instance.insert_card("key", true).unwrap_err();
    assert_eq!(refused.kind, FailureKind::Conflict, "{refused}");
    let rig = Rig::new("all-in");
    let nobody = rig.address();
    drop(rig.listener);
    let refused = rig.instance.attach_pcsc("key", nobody).unwrap_err();
    assert!(refused.hint.unwrap().contains("vsmartcard-vpcd"));
    assert!(!listens(nobody.slot(0).unwrap()));
}

#[test]
fn each_device_takes_the_next_slot_and_a_third_finds_none() {
    let base: PcscAddress = "127.0.0.1:35963".parse().unwrap();
    assert_eq!(base.slot(1).unwrap().port(), 35964);
    assert_eq!(base.slot(2).unwrap_err().kind, FailureKind::Refused);
    for (text, expected) in
        [("localhost:7", Some("127.0.0.1:7")), ("::1", Some("[::1]:35963")), ("", None), ("10.0.0.1:7", None)]
    {
        assert_eq!(
            text.parse::<PcscAddress>().ok().map(|address| address.to_string()).as_deref(),
            expected,
            "{text}"
        );
    }
}
