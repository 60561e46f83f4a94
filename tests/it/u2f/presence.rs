//! FIDO U2F Raw Message Formats 1.2 §4.2 and §5.2: without a touch the answer is 6985, at once, and the platform asks
//! again.
use super::OTHER;
use authenticator::{Event, Gesture, Link, Purpose, Via};
use std::time::Duration;
use tests::u2f::{CHALLENGE, application, authenticate, register, with_u2f};
use tests::{NOW, RP_ID, Rig, USB, registration, status};
use wire::apdu::StatusWord;
use wire::ctap1::{Control, Request};
use wire::ctap2::{Command, GetInfoResponse};
use wire::status::Status;

const WAITS: StatusWord = StatusWord::CONDITIONS_NOT_SATISFIED;
const ELSEWHERE: Via = Via { link: Link::Usb, channel: 2 };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn open(rig: &Rig) -> Option<u64> {
    rig.authenticator.prompt().map(|prompt| prompt.number)
}

/// A U2F-only sign-in that is ready to ask for a touch.
fn sign_in(rig: &mut Rig) -> Request {
    let handle = rig.register_u2f(RP_ID).key_handle;
    authenticate(Control::EnforcePresence, RP_ID, &handle)
}

#[test]
fn the_user_is_asked_once_while_the_platform_asks_again_and_again_and_a_touch_is_for_the_next_time() {
    let mut rig = Rig::new(with_u2f());
    let sign_in = sign_in(&mut rig);
    for (request, registers) in [(register(RP_ID), true), (sign_in, false)] {
        let mut now = NOW;
        assert_eq!(rig.u2f_at(now, &request).status, WAITS);
        let prompt = rig.authenticator.prompt().unwrap().clone();
        let purpose = Purpose::U2f { registers, application: application(RP_ID), rp_id: None };
        assert_eq!((prompt.purpose, prompt.verification, prompt.link), (purpose, false, Link::Usb));
        for _ in 0..300 {
            now = now + Duration::from_millis(200);
            assert_eq!(rig.authenticator.handle_timeout(now), None);
            assert_eq!(rig.u2f_at(now, &request).status, WAITS);
            assert_eq!(open(&rig), Some(prompt.number), "the same question, for a minute");
        }
        rig.touch(now);
        assert_eq!(open(&rig), None);
        assert_eq!(rig.u2f_at(now + Duration::from_millis(200), &request).status, StatusWord::NO_ERROR);
        assert_eq!(
            rig.u2f_at(now + Duration::from_millis(400), &request).status,
            WAITS,
            "good for one request"
        );
        rig.authenticator.handle_cancel(now);
    }
}

#[test]
fn the_prompt_names_the_relying_party_that_a_passkey_here_tells() {
    let mut rig = Rig::new(with_u2f());
    assert_eq!(rig.call(&registration("alice").encode())[0], 0);
    rig.u2f(&register(RP_ID));
    assert_eq!(rig.authenticator.prompt().unwrap().purpose.rp_id(), Some(RP_ID));
}

#[test]
fn a_touch_is_good_for_ten_seconds() {
    let mut rig = Rig::new(with_u2f());
    for (after, expected) in
        [(seconds(10) - Duration::from_millis(1), StatusWord::NO_ERROR), (seconds(10), WAITS)]
    {
        rig.u2f(&register(RP_ID));
        rig.touch(NOW);
        assert_eq!(rig.authenticator.poll_timeout(), Some(NOW + seconds(10)));
        assert_eq!(rig.u2f_at(NOW + after, &register(RP_ID)).status, expected);
        rig.authenticator.handle_cancel(NOW);
    }
}

#[test]
fn a_touch_is_for_one_application_one_instruction_and_one_channel() {
    let mut rig = Rig::new(with_u2f());
    let sign_in = sign_in(&mut rig);
    for (request, via) in [(register(OTHER), USB), (sign_in, USB), (register(RP_ID), ELSEWHERE)] {
        rig.u2f(&register(RP_ID));
        rig.touch(NOW);
        assert_eq!(rig.apdu(NOW, via, &request.encode()).status, WAITS, "{request:?}");
        rig.authenticator.handle_cancel(NOW);
    }
    // Platforms may make another challenge for each attempt.
    rig.u2f(&register(RP_ID));
    rig.touch(NOW);
    let again = Request::Register { challenge: [1; 32], application: application(RP_ID) };
    assert_eq!(rig.u2f(&again), StatusWord::NO_ERROR);
}

#[test]
fn a_question_closes_ten_seconds_after_the_platform_last_asked() {
    let mut rig = Rig::new(with_u2f());
    rig.u2f(&register(RP_ID));
    rig.u2f_at(NOW + seconds(5), &register(RP_ID));
    assert_eq!(rig.authenticator.poll_timeout(), Some(NOW + seconds(15)));
    assert_eq!(rig.authenticator.handle_timeout(NOW + seconds(14)), None);
    assert!(open(&rig).is_some());
    assert_eq!(rig.authenticator.handle_timeout(NOW + seconds(15)), None);
    assert_eq!((open(&rig), rig.authenticator.poll_timeout()), (None, None));
    assert_eq!(rig.authenticator.handle_gesture(NOW + seconds(15), Gesture::Present), None);
    assert_eq!(rig.u2f_at(NOW + seconds(15), &register(RP_ID)).status, WAITS, "that touch was for nothing");
}

/// The platform is not told of a refusal: it goes on asking until it gives up. The user is not.
#[test]
fn a_user_who_declines_is_not_asked_again_until_there_is_another_challenge() {
    let mut rig = Rig::new(with_u2f());
    let mut now = NOW;
    rig.u2f_at(now, &register(RP_ID));
    assert_eq!(rig.authenticator.handle_gesture(now, Gesture::Declined), None);
    for _ in 0..300 {
        now = now + Duration::from_millis(200);
        assert_eq!(rig.authenticator.handle_timeout(now), None);
        assert_eq!((rig.u2f_at(now, &register(RP_ID)).status, open(&rig)), (WAITS, None));
    }
    let anew = Request::Register { challenge: [1; 32], application: application(RP_ID) };
    assert_eq!(rig.u2f_at(now, &anew).status, WAITS);
    assert!(open(&rig).is_some());
}

#[test]
fn a_request_of_another_kind_on_the_same_channel_asks_anew_and_what_asks_nobody_does_not_disturb() {
    let mut rig = Rig::new(with_u2f());
    let sign_in = sign_in(&mut rig);
    let Request::Authenticate { key_handle, .. } = &sign_in else { unreachable!() };
    rig.u2f(&register(RP_ID));
    let first = open(&rig);
    for silent in [
        Request::Version,
        authenticate(Control::CheckOnly, RP_ID, key_handle),
        authenticate(Control::CheckOnly, OTHER, key_handle),
        authenticate(Control::DontEnforcePresence, RP_ID, key_handle),
    ] {
        rig.u2f(&silent);
        assert_eq!(open(&rig), first, "{silent:?}");
    }
    rig.call_silently(&GetInfoResponse::request());
    assert_eq!(open(&rig), first);
    rig.u2f(&sign_in);
    assert!(open(&rig) > first, "another question");
}

/// Two browsers that poll do not take the question from each other five times a second.
#[test]
fn another_channel_gets_the_users_attention_only_when_the_first_has_stopped_asking() {
    let mut rig = Rig::new(with_u2f());
    rig.u2f(&register(RP_ID));
    let first = open(&rig);
    let rival = register(OTHER).encode();
    assert_eq!(rig.apdu(NOW + Duration::from_millis(999), ELSEWHERE, &rival).status, WAITS);
    assert_eq!(open(&rig), first);
    assert_eq!(rig.apdu(NOW + seconds(1), ELSEWHERE, &rival).status, WAITS);
    assert!(open(&rig) > first);
}

#[test]
fn a_ctap2_command_that_asks_the_user_ends_the_question_and_is_not_disturbed_by_u2f() {
    let mut rig = Rig::new(with_u2f());
    let handle = rig.register_u2f(RP_ID).key_handle;
    rig.u2f(&register(RP_ID));
    let reply = rig.call_with(NOW, USB, &[Command::SELECTION.0], |prompt| {
        assert_eq!(prompt.purpose, Purpose::Select);
        Gesture::Present
    });
    assert_eq!((reply, open(&rig)), (status(Status::OK), None));
    assert_eq!(rig.u2f(&register(RP_ID)), WAITS, "that touch was for the other question");
    rig.authenticator.handle_cancel(NOW);

    let message = [Command::SELECTION.0];
    let waiting = rig.authenticator.handle_request(NOW, USB, authenticator::Request::Ctap2(&message));
    assert!(matches!(waiting, authenticator::Progress::AwaitingUser(_)));
    let question = open(&rig);
    assert_eq!(rig.u2f(&register(RP_ID)), WAITS);
    assert_eq!(rig.u2f(&authenticate(Control::CheckOnly, RP_ID, &handle)), WAITS);
    assert_eq!(rig.u2f(&Request::Version), StatusWord::NO_ERROR);
    assert_eq!(open(&rig), question);
    let done = rig.authenticator.handle_gesture(NOW, Gesture::Present);
    assert_eq!(done, Some(authenticator::Progress::Reply(status(Status::OK))));
}

#[test]
fn a_power_cycle_and_a_change_by_the_owner_drop_the_question_and_the_touch() {
    for touched in [false, true] {
        for end in [
            |rig: &mut Rig| rig.authenticator.power_cycle(NOW).unwrap(),
            |rig: &mut Rig| rig.authenticator.factory_reset(NOW).result.unwrap(),
            |rig: &mut Rig| assert_eq!(rig.authenticator.handle_cancel(NOW), None),
        ] {
            let mut rig = Rig::new(with_u2f());
            rig.u2f(&register(RP_ID));
            if touched {
                rig.touch(NOW);
            }
            end(&mut rig);
            assert_eq!((open(&rig), rig.authenticator.poll_timeout()), (None, None));
            assert_eq!(rig.u2f(&register(RP_ID)), WAITS);
        }
    }
}

#[test]
fn of_a_request_that_is_sent_again_and_again_only_the_first_is_told() {
    let mut rig = Rig::new(with_u2f());
    let told = |rig: &mut Rig| {
        let events = std::iter::from_fn(|| rig.authenticator.poll_event());
        events.filter(|event| matches!(event, Event::U2fAnswered { .. })).count()
    };
    let ask = |rig: &mut Rig| (0..10).for_each(|_| assert_eq!(rig.u2f(&register(RP_ID)), WAITS));
    ask(&mut rig);
    assert_eq!(told(&mut rig), 1, "the user is asked");
    rig.authenticator.handle_gesture(NOW, Gesture::Declined);
    ask(&mut rig);
    assert_eq!(told(&mut rig), 1, "the user declined");
    rig.u2f(&Request::Register { challenge: CHALLENGE, application: application(OTHER) });
    rig.touch(NOW);
    rig.u2f(&register(OTHER));
    assert_eq!(told(&mut rig), 2, "asked, and done");
}
