//! CTAP2 messages, and the user who is asked meanwhile.
use super::*;
use crate::control::{Gesture, Power};
use transport::direct;
use wire::ctap2::GetInfoResponse;

const ALL_LINKS: [Link; 3] = [Link::Usb, Link::Internal, Link::Hybrid];

/// A registration in a thread of its own.
fn register<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    instance: &'scope Instance,
    link: Link,
    user_name: &'static str,
) -> thread::ScopedJoinHandle<'scope, Result<Vec<u8>, Failure>> {
    scope.spawn(move || instance.ctap2("phone", link, &make_credential("example.test", user_name)))
}

#[test]
fn a_device_is_not_reached_over_a_link_that_its_profile_does_not_describe() {
    let instance = Instance::ephemeral(None).unwrap();
    instance.add_device("key", "security-key").unwrap();
    assert_eq!(status(&instance.ctap2("key", Link::Usb, GET_INFO).unwrap()), Status::OK);
    for link in [Link::Hybrid, Link::Internal] {
        let refused = instance.ctap2("key", link, GET_INFO).unwrap_err();
        assert_eq!(refused.kind, FailureKind::Refused, "{refused}");
    }
}

#[test]
fn a_message_is_answered_as_over_the_link_that_it_names() {
    let instance = phone();
    let platform = ALL_LINKS.map(|link| {
        let response = instance.ctap2("phone", link, GET_INFO).unwrap();
        GetInfoResponse::decode(&response).unwrap().option("plat")
    });
    // As the profile has it: of the platform, but not as a key on USB; and phones do not say over hybrid.
    assert_eq!(platform, [Some(false), Some(true), None]);
    for link in ALL_LINKS {
        for user_name in ["kim", "robin"] {
            let message = make_credential("example.test", user_name);
            assert_eq!(status(&instance.ctap2("phone", link, &message).unwrap()), Status::OK, "{link:?}");
        }
    }
}

#[test]
fn a_message_that_is_none_is_refused_here_and_one_that_makes_no_sense_by_the_authenticator() {
    let instance = phone();
    for link in ALL_LINKS {
        assert_eq!(instance.ctap2("phone", link, &[]).unwrap_err().kind, FailureKind::Invalid);
        for (message, expected) in [
            (vec![0xEE], Status::INVALID_COMMAND),
            (vec![0x01], Status::INVALID_CBOR),
            (vec![0x01; 100_000], Status::REQUEST_TOO_LARGE),
        ] {
            assert_eq!(instance.ctap2("phone", link, &message).unwrap(), [expected.0]);
        }
    }
}

#[test]
fn the_user_decides() {
    let instance = phone();
    instance.set_user("phone", user(Answer::Deny)).unwrap();
    let message = make_credential("example.test", "kim");
    let refused = instance.ctap2("phone", Link::Internal, &message).unwrap();
    assert_eq!(refused, [Status::OPERATION_DENIED.0]);
    let device = instance.set_user("phone", User { answer: Answer::Approve, delay_ms: 30 }).unwrap();
    assert_eq!(device.user.delay_ms, 30);
    assert_eq!(status(&instance.ctap2("phone", Link::Internal, &message).unwrap()), Status::OK);
    instance.set_user_for_now("phone", UserPolicy::at_once(emulator::Answer::Deny)).unwrap();
    assert_eq!(instance.device("phone").unwrap().user.answer, Answer::Deny);
}

#[test]
fn a_person_answers_the_question_that_is_open_and_no_other() {
    let instance = phone();
    assert_eq!(
        instance.answer("phone", 1, Gesture::Verified).unwrap_err().hint.unwrap(),
        "no question is open"
    );
    instance.set_user("phone", user(Answer::Ask)).unwrap();
    thread::scope(|scope| {
        let registered = register(scope, &instance, Link::Hybrid, "kim");
        let number = question(&instance, 0);
        let prompt = instance.prompt("phone").unwrap().unwrap();
        assert_eq!((prompt.purpose.as_str(), prompt.rp_id.as_deref()), ("register", Some("example.test")));
        let wrong = instance.answer("phone", number + 7, Gesture::Verified).unwrap_err();
        assert_eq!(wrong.kind, FailureKind::Conflict);
        assert_eq!(wrong.hint.unwrap(), format!("the open question is number {number}"));
        instance.answer("phone", number, Gesture::NotVerified).unwrap();
        instance.answer("phone", question(&instance, number), Gesture::Verified).unwrap();
        assert_eq!(status(&registered.join().unwrap().unwrap()), Status::OK);
        assert_eq!(instance.prompt("phone").unwrap(), None);
    });
}

#[test]
fn of_two_messages_at_once_the_second_waits_for_the_first() {
    let instance = phone();
    instance.set_user("phone", user(Answer::Ask)).unwrap();
    thread::scope(|scope| {
        let first = register(scope, &instance, Link::Internal, "kim");
        let first_question = question(&instance, 0);
        let second = register(scope, &instance, Link::Usb, "robin");
        thread::sleep(Duration::from_millis(50));
        assert!(!second.is_finished());
        instance.answer("phone", first_question, Gesture::Declined).unwrap();
        assert_eq!(first.join().unwrap().unwrap(), [Status::OPERATION_DENIED.0]);
        instance.answer("phone", question(&instance, first_question), Gesture::Verified).unwrap();
        assert_eq!(status(&second.join().unwrap().unwrap()), Status::OK);
    });
}

#[test]
fn a_program_on_another_link_hears_that_the_device_is_busy() {
    let instance = phone();
    instance.set_user("phone", user(Answer::Ask)).unwrap();
    let running = instance.running("phone").unwrap();
    let handle = running.handle();
    let (sender, answers) = std::sync::mpsc::channel();
    let sink = Box::new(move |frame: &[u8]| sender.send(frame.to_vec()).unwrap());
    let port = handle.plug(authenticator::Link::Usb, Box::new(direct::Device::new()), sink).unwrap();
    thread::scope(|scope| {
        let registered = register(scope, &instance, Link::Internal, "kim");
        let number = question(&instance, 0);
        handle.frame(port, GET_INFO.into()).unwrap();
        assert_eq!(answers.recv().unwrap(), [Status::CHANNEL_BUSY.0]);
        instance.answer("phone", number, Gesture::Verified).unwrap();
        assert_eq!(status(&registered.join().unwrap().unwrap()), Status::OK);
    });
}

#[test]
fn who_waits_is_told_when_there_will_be_no_answer() {
    type End = fn(&Instance);
    let ends: [(&str, End); 4] = [
        ("power off", |instance| drop(instance.power("phone", Power::Off).unwrap())),
        ("power cycle", |instance| drop(instance.power("phone", Power::Cycle).unwrap())),
        ("delete", |instance| instance.delete_device("phone").unwrap()),
        ("shutdown", Instance::shutdown),
    ];
    for (what, end) in ends {
        let instance = phone();
        instance.set_user("phone", user(Answer::Ask)).unwrap();
        thread::scope(|scope| {
            let registered = register(scope, &instance, Link::Internal, "kim");
            question(&instance, 0);
            end(&instance);
            let failure = registered.join().unwrap().unwrap_err();
            assert_eq!(failure.kind, FailureKind::Conflict, "{what}");
            assert_eq!(failure.message, "the power of phone was cut before it answered");
        });
    }
}

#[test]
fn a_change_from_outside_cancels_what_waits() {
    let instance = phone();
    let id = make_passkey(&instance, "phone", "example.test", "robin");
    let id = wire::base64url::encode(&id);
    instance.set_user("phone", user(Answer::Ask)).unwrap();
    thread::scope(|scope| {
        let registered = register(scope, &instance, Link::Internal, "kim");
        question(&instance, 0);
        instance.delete_passkey("phone", &id).unwrap();
        assert_eq!(registered.join().unwrap().unwrap(), [Status::KEEPALIVE_CANCEL.0]);
    });
}

#[test]
fn a_device_without_power_is_not_asked() {
    let instance = phone();
    instance.power("phone", Power::Off).unwrap();
    let failure = instance.ctap2("phone", Link::Internal, GET_INFO).unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Conflict, "phone has no power"));
    assert!(failure.hint.is_some());
    instance.power("phone", Power::On).unwrap();
    assert_eq!(status(&instance.ctap2("phone", Link::Internal, GET_INFO).unwrap()), Status::OK);
}

#[test]
fn time_that_is_made_to_pass_ends_the_patience_with_the_user() {
    let instance = phone();
    instance.set_user("phone", user(Answer::Ignore)).unwrap();
    thread::scope(|scope| {
        let registered = register(scope, &instance, Link::Internal, "kim");
        question(&instance, 0);
        instance.advance_clock("phone", Duration::from_secs(31)).unwrap();
        assert_eq!(registered.join().unwrap().unwrap(), [Status::OPERATION_DENIED.0]);
    });
    for _ in 0..100 {
        instance.advance_clock("phone", Duration::from_secs(366 * 24 * 3_600)).unwrap();
    }
    let too_far = instance.advance_clock("phone", Duration::MAX).unwrap_err();
    assert_eq!(too_far.kind, FailureKind::Invalid);
    assert_eq!(status(&instance.ctap2("phone", Link::Internal, GET_INFO).unwrap()), Status::OK);
}
