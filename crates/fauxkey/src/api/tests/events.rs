use crate::api::event_json;
use crate::api::testing::{Rig, SOON};
use crate::instance::Happening;
use authenticator::{Link, Prompt, Purpose, Via};
use emulator::Event;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use wire::ctap2::{Command, RpEntity, UserEntity};
use wire::status::Status;

fn prompted(rp_id: &str) -> Event {
    let user = UserEntity { id: vec![1], name: Some("ada".into()), display_name: None };
    let purpose = Purpose::Register { rp: RpEntity { id: rp_id.into(), name: None }, user };
    let deadline = wire::time::Instant::since_power_up(Duration::from_secs(30));
    Event::Prompted(Prompt { number: 1, purpose, verification: true, attempts: 3, link: Link::Usb, deadline })
}

fn answered(link: Link, outcome: Result<(), wire::status::CtapError>) -> Event {
    let via = Via { link, channel: 9 };
    Event::Authenticator(authenticator::Event::Answered { command: Command::MAKE_CREDENTIAL, via, outcome })
}

fn happening(event: Event) -> Happening {
    Happening { device: "phone".into(), event }
}

/// One of each that devices send, and of each link.
pub(super) fn every_event() -> Vec<Happening> {
    let refused = Err(Status::OPERATION_DENIED.because("CTAP 2.1 §6.1.2 step 14: the user said \"no\""));
    let mut events = vec![
        prompted("example.test"),
        Event::PromptClosed(1),
        Event::Winked,
        Event::Power(false),
        Event::Authenticator(authenticator::Event::Committed { changes: 2 }),
        answered(Link::Usb, refused),
    ];
    events.extend([Link::Usb, Link::Nfc, Link::Internal, Link::Hybrid].map(|link| answered(link, Ok(()))));
    events.extend([
        Event::Noted("the AAGUID is kept".into()),
        Event::Fault(emulator::faults::Strike {
            id: 1,
            kind: emulator::faults::Kind::DropFrame,
            what: "a frame is lost".into(),
        }),
    ]);
    events.into_iter().map(happening).collect()
}

/// A listener whose stream is open: what happens from now on reaches it.
pub(super) struct Listener(BufReader<TcpStream>);

impl Listener {
    fn new(rig: &Rig) -> Self {
        Self::to(rig, "events")
    }

    /// To what the API streams there.
    pub(super) fn to(rig: &Rig, what: &str) -> Self {
        let mut stream = rig.connect();
        let path = format!("/api/v1/{what}?token={}", rig.served.token);
        write!(stream, "GET {path} HTTP/1.1\r\nConnection: close\r\nHost: {}\r\n\r\n", rig.authority())
            .unwrap();
        let mut listener = Self(BufReader::new(stream));
        let head: Vec<String> =
            std::iter::from_fn(|| listener.line()).take_while(|line| !line.is_empty()).collect();
        assert_eq!(head[0], "HTTP/1.1 200 OK");
        assert!(head.contains(&"content-type: text/event-stream".to_owned()), "{head:?}");
        assert!(head.contains(&"cache-control: no-store".to_owned()), "{head:?}");
        listener
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        (self.0.read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event; `None` at the end of the stream.
    pub(super) fn event(&mut self) -> Option<Value> {
        loop {
            let line = self.line()?;
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }
}

#[test]
fn events_tell_what_happened_where_and_why() {
    let texts: Vec<Value> =
        every_event().iter().map(|happening| serde_json::from_str(&event_json(happening)).unwrap()).collect();
    assert_eq!(
        texts[0],
        json!({ "device": "phone", "kind": "prompted", "prompt": {
            "number": 1, "purpose": "register", "rpId": "example.test", "accounts": ["ada"], "verification": true,
            "attempts": 3 } })
    );
    assert_eq!(texts[1], json!({ "device": "phone", "kind": "prompt-closed", "number": 1 }));
    assert_eq!(texts[2], json!({ "device": "phone", "kind": "winked" }));
    assert_eq!(texts[3], json!({ "device": "phone", "kind": "power", "powered": false }));
    assert_eq!(texts[4], json!({ "device": "phone", "kind": "committed", "changes": 2 }));
    assert_eq!(
        texts[5],
        json!({ "device": "phone", "kind": "answered", "command": "authenticatorMakeCredential", "link": "usb",
            "status": "0x27 OPERATION_DENIED", "reason": "CTAP 2.1 §6.1.2 step 14: the user said \"no\"" })
    );
    assert_eq!(texts[6]["status"], "0x00 OK");
    assert_eq!(texts[6].get("reason"), None);
    assert_eq!(texts[10], json!({ "device": "phone", "kind": "noted", "text": "the AAGUID is kept" }));
    let fault = json!({ "device": "phone", "kind": "fault", "id": 1, "fault": "drop-frame", "text": "a frame is lost" });
    assert_eq!(texts[11], fault);
}

#[test]
fn every_listener_hears_every_event_in_order() {
    let rig = Rig::new();
    let mut listeners = [Listener::new(&rig), Listener::new(&rig)];
    for happening in every_event() {
        rig.happenings.send(happening).unwrap();
    }
    for listener in &mut listeners {
        for happening in every_event() {
            assert_eq!(listener.event().unwrap().to_string(), event_json(&happening));
        }
    }
}

#[test]
fn a_listener_that_went_away_is_no_trouble_to_the_others() {
    let rig = Rig::new();
    drop(Listener::new(&rig));
    let mut listener = Listener::new(&rig);
    for _ in 0..3 {
        rig.happenings.send(happening(Event::Winked)).unwrap();
        assert_eq!(listener.event().unwrap()["kind"], "winked");
    }
}

#[test]
fn the_first_use_for_somebodys_real_relying_party_is_announced_once() {
    let rig = Rig::new();
    let mut listener = Listener::new(&rig);
    for rp_id in ["example.test", "localhost", "login.microsoft.com", "login.microsoft.com", "github.com"] {
        rig.happenings.send(happening(prompted(rp_id))).unwrap();
    }
    let mut told = Vec::new();
    while told.len() < 7 {
        let event = listener.event().unwrap();
        let announced = event["kind"] == "announcement";
        let rp_id = if announced { &event["rpId"] } else { &event["prompt"]["rpId"] };
        told.push((announced, rp_id.as_str().unwrap().to_owned()));
    }
    let expected = [
        (false, "example.test"),
        (false, "localhost"),
        (true, "login.microsoft.com"),
        (false, "login.microsoft.com"),
        (false, "login.microsoft.com"),
        (true, "github.com"),
        (false, "github.com"),
    ];
    assert_eq!(told, expected.map(|(announced, rp_id)| (announced, rp_id.to_owned())));
}

/// A listener that does not read holds up neither the devices nor the others, and learns what it missed.
#[test]
fn a_listener_that_is_slow_is_told_how_many_events_it_missed() {
    const SENT: u64 = 60_000;
    let rig = Rig::new();
    let mut slow = Listener::new(&rig);
    for _ in 0..SENT {
        rig.happenings.send(every_event().swap_remove(5)).unwrap();
    }
    // The thread that takes events in is through once a request that follows is answered to a new listener.
    let mut late = Listener::new(&rig);
    rig.happenings.send(happening(Event::PromptClosed(77))).unwrap();
    while late.event().unwrap()["kind"] != "prompt-closed" {}
    let (mut heard, mut missed) = (0, 0);
    loop {
        let event = slow.event().unwrap();
        match event["kind"].as_str().unwrap() {
            "answered" => heard += 1,
            "missed" => missed += event["count"].as_u64().unwrap(),
            "prompt-closed" => break,
            other => panic!("{other}"),
        }
    }
    assert_eq!(heard + missed, SENT);
    assert!(missed > 0, "the socket took everything");
}

#[test]
fn streams_end_when_the_server_stops_or_the_devices_are_gone() {
    let rig = Rig::new();
    let mut listener = Listener::new(&rig);
    let started = Instant::now();
    rig.served.stop();
    assert_eq!(listener.event(), None);
    assert!(started.elapsed() < SOON / 4, "{:?}", started.elapsed());

    let rig = Rig::new();
    let mut listener = Listener::new(&rig);
    let Rig { served, happenings, .. } = rig;
    drop(happenings);
    assert_eq!(listener.event(), None);
    drop(served);
}
