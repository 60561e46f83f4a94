//! A virtual device behind CTAPHID, with a clock that jumps: reports in, reports out.
use authenticator::signer::Attesting;
use authenticator::{Gesture, Link as Kind, Purpose};
use client::ctaphid::{Event as HostEvent, Host};
use emulator::{Answer, DeviceProfile, Event, FastSigner, Port, UserPolicy, VirtualAuthenticator};
use std::time::Duration;
use tests::{NOW, Shelf, identity, registration, rng, sign_in};
use transport::ctaphid::{Config, Device};
use wire::cose::Algorithm;
use wire::ctap2::{Command, GetAssertionResponse, GetInfoResponse, MakeCredential, MakeCredentialResponse};
use wire::ctaphid::{self as hid, REPORT_SIZE, Report};
use wire::status::Status;
use wire::time::Instant;

/// A device, a computer, and the time.
struct Desk {
    device: VirtualAuthenticator,
    port: Port,
    host: Host,
    now: Instant,
    shelf: Shelf,
    keepalives: Vec<(Duration, u8)>,
}

impl Desk {
    fn new(user: UserPolicy) -> Self {
        Self::of("ms-authenticator-ios", user)
    }

    fn of(profile: &str, user: UserPolicy) -> Self {
        let shelf = Shelf::default();
        let profile = DeviceProfile::named(profile).unwrap();
        let signer = Attesting::new(FastSigner::default(), identity(&profile.authenticator));
        let signer = Box::new(signer);
        let mut device =
            VirtualAuthenticator::new(NOW, profile, Box::new(shelf.clone()), signer, rng(1)).unwrap();
        device.set_user(NOW, user);
        let port = device.plug(Kind::Usb, link());
        let mut desk = Self { device, port, host: Host::new([1; 8]), now: NOW, shelf, keepalives: vec![] };
        assert!(matches!(desk.settle(), Some(HostEvent::Opened(_))));
        desk
    }

    /// Everything that is to be sent, both ways, at this moment.
    fn settle(&mut self) -> Option<HostEvent> {
        let mut last = None;
        loop {
            let mut quiet = true;
            while let Some(report) = self.host.poll_report() {
                self.device.handle_frame(self.now, self.port, &report);
                quiet = false;
            }
            while let Some((port, frame)) = self.device.poll_frame() {
                assert_eq!(port, self.port);
                quiet = false;
                match self.host.handle_report(frame.as_slice().try_into().unwrap()).unwrap() {
                    Some(HostEvent::KeepAlive(status)) => self.keepalives.push((self.now.elapsed(), status)),
                    None => {}
                    event => last = event,
                }
            }
            if quiet {
                return last;
            }
        }
    }

    fn send(&mut self, message: &[u8]) -> Option<HostEvent> {
        self.host.send_cbor(message).unwrap();
        self.settle()
    }

    fn call(&mut self, message: &[u8]) -> Vec<u8> {
        match self.send(message) {
            Some(HostEvent::Answer(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// Lets time jump from deadline to deadline until then.
    fn advance(&mut self, by: Duration) -> Option<HostEvent> {
        let end = self.now + by;
        let mut last = None;
        while let Some(at) = self.device.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.device.handle_timeout(self.now);
            last = self.settle().or(last);
        }
        self.now = end;
        last
    }
}

fn link() -> Box<Device> {
    let max_message_size = hid::MAX_MESSAGE_SIZE;
    Box::new(Device::new(Config { version: [0, 1, 0], wink: true, cbor: true, msg: false, max_message_size }))
}

#[test]
fn from_report_to_store_and_back_with_one_commit() {
    let mut desk = Desk::new(UserPolicy::APPROVE);
    let before = desk.shelf.commits();
    assert!(MakeCredentialResponse::decode(&desk.call(&registration("alice").encode())).is_ok());
    assert_eq!(desk.shelf.commits() - before, 1);
    assert!(GetAssertionResponse::decode(&desk.call(&sign_in().encode())).is_ok());
    assert_eq!(desk.shelf.commits() - before, 1);
    assert_eq!(desk.keepalives.last().map(|(_, status)| *status), Some(hid::keepalive::UPNEEDED));
}

#[test]
fn the_platform_hears_every_100_ms_that_the_user_is_waited_for_and_the_timeout_at_30_s() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ignore));
    assert_eq!(desk.send(&registration("a").encode()), None);
    assert_eq!(desk.advance(Duration::from_millis(29_999)), None);
    let beats: Vec<Duration> =
        desk.keepalives.iter().filter(|(_, s)| *s == hid::keepalive::UPNEEDED).map(|(at, _)| *at).collect();
    assert!(beats.len() > 295, "{}", beats.len());
    assert!(beats.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_millis(100)), "{beats:?}");
    let over = desk.advance(Duration::from_millis(1));
    assert_eq!(over, Some(HostEvent::Answer(vec![Status::OPERATION_DENIED.0])));
    desk.keepalives.clear();
    desk.advance(Duration::from_secs(60));
    assert_eq!(desk.keepalives, [], "silence when idle");
}

#[test]
fn a_user_who_takes_two_seconds_answers_after_two_seconds() {
    let mut desk = Desk::new("after=2s".parse().unwrap());
    assert_eq!(desk.send(&registration("a").encode()), None);
    assert_eq!(desk.advance(Duration::from_millis(1_999)), None);
    let Some(HostEvent::Answer(reply)) = desk.advance(Duration::from_millis(1)) else { panic!() };
    assert_eq!(reply[0], 0);
}

#[test]
fn cancel_is_answered_at_once_and_stores_nothing() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask));
    let before = desk.shelf.commits();
    assert_eq!(desk.send(&registration("a").encode()), None);
    desk.advance(Duration::from_secs(1));
    desk.host.cancel();
    assert_eq!(desk.settle(), Some(HostEvent::Answer(vec![Status::KEEPALIVE_CANCEL.0])));
    assert_eq!((desk.device.prompt(), desk.shelf.commits()), (None, before));
    assert_eq!(desk.call(&GetInfoResponse::request())[0], 0, "and life goes on");
}

#[test]
fn an_init_on_the_same_channel_withdraws_the_question() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask));
    assert_eq!(desk.send(&registration("a").encode()), None);
    assert!(desk.device.prompt().is_some());
    let frame = hid::fragment(1, hid::Command::INIT, &[9; 8])[0];
    desk.device.handle_frame(desk.now, desk.port, &frame);
    assert_eq!(desk.device.prompt(), None);
    let frames: Vec<Report> =
        std::iter::from_fn(|| desk.device.poll_frame()).map(|(_, f)| f.try_into().unwrap()).collect();
    assert_eq!(frames.len(), 1, "the INIT answer and nothing of the abandoned command");
    assert_eq!(frames[0][4], hid::Command::INIT.0 | 0x80);
}

#[test]
fn a_person_answers_by_the_number_of_the_question() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask));
    assert_eq!(desk.send(&registration("alice").encode()), None);
    let prompt = desk.device.prompt().unwrap().clone();
    assert!(matches!(&prompt.purpose, Purpose::Register { user, .. } if user.id == b"alice"));
    assert!(!desk.device.answer(desk.now, prompt.number + 1, Gesture::Verified), "another question");
    assert!(desk.device.answer(desk.now, prompt.number, Gesture::NotVerified), "a wrong finger");
    assert_eq!(desk.settle(), None);
    let again = desk.device.prompt().unwrap().clone();
    assert_eq!(again.attempts, prompt.attempts - 1);
    assert!(!desk.device.answer(desk.now, prompt.number, Gesture::Verified), "that one is closed");
    assert!(desk.device.answer(desk.now, again.number, Gesture::Verified));
    assert!(matches!(desk.settle(), Some(HostEvent::Answer(reply)) if reply[0] == 0));
    let events: Vec<Event> = std::iter::from_fn(|| desk.device.poll_event()).collect();
    for number in [prompt.number, again.number] {
        assert!(events.contains(&Event::PromptClosed(number)), "{events:?}");
    }
}

#[test]
fn a_policy_that_changes_while_a_question_is_open_answers_it() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask));
    assert_eq!(desk.send(&registration("a").encode()), None);
    desk.device.set_user(desk.now, UserPolicy::at_once(Answer::Deny));
    assert_eq!(desk.settle(), Some(HostEvent::Answer(vec![Status::OPERATION_DENIED.0])));
}

#[test]
fn a_second_link_finds_the_device_busy_and_the_first_goes_on() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask));
    let other = desk.device.plug(Kind::Internal, Box::new(transport::direct::Device::default()));
    assert_eq!(desk.send(&registration("a").encode()), None);
    desk.device.handle_frame(desk.now, other, &GetInfoResponse::request());
    assert_eq!(desk.device.poll_frame(), Some((other, vec![Status::CHANNEL_BUSY.0])));
    let number = desk.device.prompt().unwrap().number;
    assert!(desk.device.answer(desk.now, number, Gesture::Verified));
    assert!(matches!(desk.settle(), Some(HostEvent::Answer(reply)) if reply[0] == 0));
}

#[test]
fn power_cut_at_the_question_leaves_no_trace_and_opens_the_reset_window_anew() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask));
    let before = desk.shelf.commits();
    assert_eq!(desk.send(&registration("a").encode()), None);
    desk.advance(Duration::from_secs(11));
    desk.device.power_off(desk.now);
    assert_eq!(desk.device.prompt(), None);
    desk.device.handle_frame(desk.now, desk.port, &[0xFF; REPORT_SIZE]);
    while desk.device.poll_frame().is_some() {}
    assert_eq!(desk.device.poll_timeout(), None);
    assert_eq!(desk.shelf.commits(), before);

    desk.device.power_on(desk.now).unwrap();
    desk.device.set_user(desk.now, UserPolicy::APPROVE);
    desk.host = Host::new([2; 8]);
    desk.settle();
    assert_eq!(desk.call(&[Command::RESET.0]), [Status::OK.0]);
}

#[test]
fn an_unplugged_link_withdraws_its_command() {
    let mut desk = Desk::new(UserPolicy::at_once(Answer::Ask));
    assert_eq!(desk.send(&registration("a").encode()), None);
    desk.device.unplug(desk.now, desk.port);
    assert_eq!(desk.device.prompt(), None);
    assert_eq!(desk.device.poll_frame(), None);
}

#[test]
fn deleting_a_passkey_while_its_sign_in_waits_cancels_the_sign_in() {
    let mut desk = Desk::new(UserPolicy::APPROVE);
    desk.call(&registration("alice").encode());
    desk.device.set_user(desk.now, UserPolicy::at_once(Answer::Ask));
    assert_eq!(desk.send(&sign_in().encode()), None);
    let id = desk.device.passkeys()[0].id.clone();
    assert_eq!(desk.device.delete_passkey(desk.now, &id), Ok(true));
    assert_eq!(desk.settle(), Some(HostEvent::Answer(vec![Status::KEEPALIVE_CANCEL.0])));
    assert_eq!(desk.shelf.stored().credentials.len(), 0);
}

#[test]
fn a_wink_is_an_event() {
    let mut desk = Desk::new(UserPolicy::APPROVE);
    desk.host.send_wink().unwrap();
    desk.settle();
    assert!(std::iter::from_fn(|| desk.device.poll_event()).any(|event| event == Event::Winked));
}

fn rsa(user: &str) -> Vec<u8> {
    MakeCredential { algorithms: vec![Algorithm::RS256], ..registration(user) }.encode()
}

#[test]
fn the_platform_hears_of_an_rsa_key_before_it_is_made() {
    let mut desk = Desk::of("all-in", UserPolicy::APPROVE);
    let before = desk.shelf.commits();
    assert_eq!(desk.send(&rsa("a")), None, "everything has been sent, and the key is still to be made");
    assert_eq!(desk.keepalives.last(), Some(&(Duration::ZERO, hid::keepalive::PROCESSING)));
    assert_eq!((desk.device.prompt(), desk.shelf.commits()), (None, before));
    assert_eq!(desk.device.poll_timeout(), Some(desk.now), "it is due at once");
    let Some(HostEvent::Answer(reply)) = desk.advance(Duration::ZERO) else { panic!("no answer") };
    assert!(MakeCredentialResponse::decode(&reply).is_ok());
    assert_eq!(desk.shelf.stored().credentials.len(), 1);
    assert_eq!(desk.device.poll_timeout(), None);
}

#[test]
fn an_rsa_key_that_was_made_in_advance_is_answered_at_once_and_made_up_for_later() {
    let mut desk = Desk::of("all-in", UserPolicy::APPROVE);
    assert!(!desk.device.can_prepare(), "a channel is open, and no platform has asked for anything");
    desk.call(&GetInfoResponse::request());
    assert!(desk.device.can_prepare(), "a platform has asked for something");
    desk.device.prepare();
    assert!(!desk.device.can_prepare(), "one spare key is enough");
    assert!(MakeCredentialResponse::decode(&desk.call(&rsa("a"))).is_ok());
    assert!(desk.device.can_prepare());
    desk.device.power_off(desk.now);
    assert!(!desk.device.can_prepare(), "there is no power");
}

#[test]
fn nothing_is_prepared_while_a_command_waits_nor_where_nothing_is_slow() {
    let mut desk = Desk::of("all-in", UserPolicy::at_once(Answer::Ask));
    assert_eq!(desk.send(&registration("a").encode()), None);
    assert!(!desk.device.can_prepare(), "the user is asked");
    assert!(!Desk::of("security-key", UserPolicy::APPROVE).device.can_prepare(), "it has no RSA");
    let profile = DeviceProfile::named("all-in").unwrap();
    let signer = Box::new(FastSigner::default());
    let silent = VirtualAuthenticator::new(NOW, profile, Box::new(Shelf::default()), signer, rng(1)).unwrap();
    assert!(!silent.can_prepare(), "nobody has spoken to it");
}

#[test]
fn a_command_can_be_cancelled_between_the_touch_and_the_slow_work() {
    let mut desk = Desk::of("all-in", UserPolicy::APPROVE);
    let before = desk.shelf.commits();
    assert_eq!(desk.send(&rsa("a")), None);
    desk.host.cancel();
    assert_eq!(desk.settle(), Some(HostEvent::Answer(vec![Status::KEEPALIVE_CANCEL.0])));
    assert_eq!(desk.advance(Duration::from_secs(1)), None);
    assert_eq!(desk.shelf.commits(), before, "nothing was made");

    assert_eq!(desk.send(&rsa("a")), None);
    desk.device.power_off(desk.now);
    desk.device.power_on(desk.now).unwrap();
    assert_eq!((desk.device.poll_timeout(), desk.shelf.commits()), (None, before), "the power was cut");
}
