//! U2F over CTAPHID_MSG, CTAP 2.1 §11.2.9.1.1: reports in, reports out, and a user.
use authenticator::Link as Kind;
use authenticator::signer::{Attesting, DeterministicSigner};
use authenticator::{Gesture, Purpose};
use client::ctaphid::{Device as Seen, Event as HostEvent, Host, HostError};
use emulator::{Answer, DeviceProfile, Event, Port, UserPolicy, VirtualAuthenticator};
use std::time::Duration;
use tests::u2f::{application, authenticate, register, u2f_only, with_u2f};
use tests::{NOW, RP_ID, Shelf, everything, identity, registration, rng};
use transport::ctaphid::{Config, Device};
use wire::apdu::{Response, StatusWord};
use wire::ctap1::{Control, RegisterResponse, Request};
use wire::ctap2::GetInfoResponse;
use wire::ctaphid::{ErrorCode, MAX_MESSAGE_SIZE};
use wire::time::Instant;

/// How often platforms ask.
const POLL: Duration = Duration::from_millis(200);

struct Desk {
    device: VirtualAuthenticator,
    port: Port,
    host: Host,
    seen: Seen,
    now: Instant,
    keepalives: usize,
}

impl Desk {
    fn new(user: UserPolicy, claims: authenticator::Profile) -> Self {
        let profile = DeviceProfile::named("security-key").unwrap();
        let profile = DeviceProfile { authenticator: claims.clone(), ..profile };
        let store = Box::new(Shelf::default());
        let signer = Attesting::new(DeterministicSigner, identity(&claims));
        let mut device = VirtualAuthenticator::new(NOW, profile, store, Box::new(signer), rng(1)).unwrap();
        device.set_user(NOW, user);
        let link = Device::new(Config {
            version: [0, 1, 0],
            wink: true,
            cbor: claims.speaks_ctap2(),
            msg: claims.speaks_u2f(),
            max_message_size: MAX_MESSAGE_SIZE,
        });
        let port = device.plug(Kind::Usb, Box::new(link));
        let seen = Seen { cid: 0, protocol: 0, version: [0; 3], capabilities: 0 };
        let mut desk = Self { device, port, host: Host::new([1; 8]), seen, now: NOW, keepalives: 0 };
        let Ok(Some(HostEvent::Opened(seen))) = desk.settle() else { panic!("no channel") };
        Self { seen, ..desk }
    }

    fn settle(&mut self) -> Result<Option<HostEvent>, HostError> {
        let mut last = None;
        loop {
            let mut quiet = true;
            while let Some(report) = self.host.poll_report() {
                self.device.handle_frame(self.now, self.port, &report);
                quiet = false;
            }
            while let Some((_, frame)) = self.device.poll_frame() {
                quiet = false;
                match self.host.handle_report(frame.as_slice().try_into().unwrap())? {
                    Some(HostEvent::KeepAlive(_)) => self.keepalives += 1,
                    event => last = event.or(last),
                }
            }
            if quiet {
                return Ok(last);
            }
        }
    }

    /// Sends a request and hears the answer, at the same moment.
    fn call(&mut self, request: &Request) -> Response {
        self.host.send_msg(&request.encode()).unwrap();
        match self.settle() {
            Ok(Some(HostEvent::Answer(reply))) => Response::decode(&reply).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Lets time jump from deadline to deadline until then.
    fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some(at) = self.device.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.device.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// Asks every 200 ms until it is granted; how often it was not.
    fn poll(&mut self, request: &Request) -> (usize, Vec<u8>) {
        for refused in 0..300 {
            let Response { data, status } = self.call(request);
            if status == StatusWord::NO_ERROR {
                return (refused, data);
            }
            assert_eq!(status, StatusWord::CONDITIONS_NOT_SATISFIED);
            self.advance(POLL);
        }
        panic!("never granted");
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.device.poll_event()).collect()
    }
}

#[test]
fn a_user_who_approves_at_once_is_not_even_polled_for() {
    let mut desk = Desk::new(UserPolicy::APPROVE, u2f_only());
    let (refused, data) = desk.poll(&register(RP_ID));
    let key = RegisterResponse::decode(&data).unwrap();
    assert_eq!(refused, 0);
    assert_eq!(desk.poll(&authenticate(Control::EnforcePresence, RP_ID, &key.key_handle)).0, 0);
    let check = desk.call(&authenticate(Control::CheckOnly, RP_ID, &key.key_handle));
    assert_eq!(check.status, StatusWord::CONDITIONS_NOT_SATISFIED);
    let events = desk.events();
    let asked = events.iter().filter(|event| matches!(event, Event::Prompted(_))).count();
    let closed = events.iter().filter(|event| matches!(event, Event::PromptClosed(_))).count();
    assert_eq!((asked, closed), (2, 2), "one question each, and none for the check");
    assert_eq!(desk.device.prompt(), None);
}

#[test]
fn a_user_who_takes_two_seconds_is_polled_for_ten_times_without_a_keepalive() {
    let mut desk = Desk::new("after=2s".parse().unwrap(), with_u2f());
    let (refused, _) = desk.poll(&register(RP_ID));
    assert_eq!((refused, desk.keepalives), (10, 0));
    let asked = desk.events().iter().filter(|event| matches!(event, Event::Prompted(_))).count();
    assert_eq!(asked, 1);
}

#[test]
fn somebody_at_a_page_answers_the_question_while_the_platform_polls() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask), with_u2f());
    assert_eq!(desk.call(&register(RP_ID)).status, StatusWord::CONDITIONS_NOT_SATISFIED);
    let prompt = desk.device.prompt().unwrap().clone();
    assert!(matches!(prompt.purpose, Purpose::U2f { registers: true, .. }));
    desk.advance(POLL);
    assert_eq!(desk.call(&register(RP_ID)).status, StatusWord::CONDITIONS_NOT_SATISFIED);
    assert!(desk.device.answer(desk.now, prompt.number, Gesture::Present));
    assert!(desk.events().contains(&Event::PromptClosed(prompt.number)));
    assert!(!desk.device.answer(desk.now, prompt.number, Gesture::Present), "it is closed");
    desk.advance(POLL);
    assert_eq!(desk.call(&register(RP_ID)).status, StatusWord::NO_ERROR);
}

#[test]
fn a_user_who_changes_their_mind_from_ask_to_approve_answers_the_open_question() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ignore), with_u2f());
    assert_eq!(desk.call(&register(RP_ID)).status, StatusWord::CONDITIONS_NOT_SATISFIED);
    desk.device.set_user(desk.now, UserPolicy::APPROVE);
    assert_eq!(desk.device.prompt(), None);
    assert_eq!(desk.call(&register(RP_ID)).status, StatusWord::NO_ERROR);
}

#[test]
fn a_user_who_denies_is_asked_once_a_ceremony() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Deny), with_u2f());
    for _ in 0..20 {
        assert_eq!(desk.call(&register(RP_ID)).status, StatusWord::CONDITIONS_NOT_SATISFIED);
        desk.advance(POLL);
    }
    let asked = desk.events().iter().filter(|event| matches!(event, Event::Prompted(_))).count();
    assert_eq!(asked, 1);
}

#[test]
fn a_question_that_nobody_asks_any_more_closes_by_itself() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ignore), with_u2f());
    desk.call(&register(RP_ID));
    let number = desk.device.prompt().unwrap().number;
    desk.advance(Duration::from_secs(11));
    assert_eq!((desk.device.prompt(), desk.device.poll_timeout()), (None, None));
    assert!(desk.events().contains(&Event::PromptClosed(number)));
}

#[test]
fn power_and_plug_take_the_question_with_them() {
    for cut in [VirtualAuthenticator::power_off as fn(&mut VirtualAuthenticator, Instant), |device, now| {
        // The only port there is.
        let port = device.plug(Kind::Nfc, Box::new(transport::direct::Device::default()));
        device.unplug(now, port);
        assert!(device.prompt().is_some(), "another link's unplugging is no matter");
        device.power_off(now);
    }] {
        let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask), with_u2f());
        desk.call(&register(RP_ID));
        let number = desk.device.prompt().unwrap().number;
        cut(&mut desk.device, desk.now);
        assert_eq!(desk.device.prompt(), None);
        assert!(desk.events().contains(&Event::PromptClosed(number)));
    }
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask), with_u2f());
    desk.call(&register(RP_ID));
    desk.device.unplug(desk.now, desk.port);
    assert_eq!(desk.device.prompt(), None);
}

/// While a CTAP2 command waits on one link, U2F on another is answered and disturbs nothing.
#[test]
fn a_ctap2_command_that_waits_keeps_its_question_and_gets_its_answer() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask), with_u2f());
    let other = desk.device.plug(Kind::Internal, Box::new(transport::direct::Device::default()));
    desk.device.handle_frame(desk.now, other, &registration("alice").encode());
    let number = desk.device.prompt().unwrap().number;
    assert_eq!(desk.call(&register(RP_ID)).status, StatusWord::CONDITIONS_NOT_SATISFIED);
    assert_eq!(desk.device.prompt().unwrap().number, number);
    assert!(desk.device.answer(desk.now, number, Gesture::Present));
    let (port, reply) = desk.device.poll_frame().unwrap();
    assert_eq!((port, reply[0]), (other, 0));
}

/// CTAP 2.1 §11.2.9.1.3: NMSG and CBOR say what there is, and the rest is INVALID_CMD.
#[test]
fn the_capabilities_say_which_protocols_are_spoken_and_the_others_are_invalid_commands() {
    for (claims, cbor, msg) in
        [(u2f_only(), false, true), (with_u2f(), true, true), (everything(), true, false)]
    {
        let mut desk = Desk::new(UserPolicy::APPROVE, claims);
        assert_eq!((desk.seen.has_cbor(), desk.seen.has_msg()), (cbor, msg));
        let refused = Err(HostError::Device(ErrorCode::INVALID_CMD));
        desk.host.send_cbor(&GetInfoResponse::request()).unwrap();
        let answer = desk.settle();
        assert_eq!(answer == refused, !cbor, "{answer:?}");
        desk.host.send_msg(&Request::Version.encode()).unwrap();
        let answer = desk.settle();
        assert_eq!(answer == refused, !msg, "{answer:?}");
        if msg {
            assert_eq!(answer, Ok(Some(HostEvent::Answer(b"U2F_V2\x90\x00".to_vec()))));
        }
    }
}

/// The bogus registration by which browsers ask for a touch when no key handle is known.
#[test]
fn a_registration_for_nobody_is_a_registration() {
    let mut desk = Desk::new(UserPolicy::APPROVE, u2f_only());
    let bogus = Request::Register { challenge: [0x42; 32], application: [0x41; 32] };
    assert_eq!(desk.call(&bogus).status, StatusWord::NO_ERROR);
    assert_ne!(application(RP_ID), [0x41; 32]);
}
