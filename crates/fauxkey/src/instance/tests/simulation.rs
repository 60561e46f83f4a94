//! Waiting for questions, ceremonies that are cancelled, and what tests arrange.
use super::{phone, user};
use crate::ceremony::{Kind, Request};
use crate::control::{Answer, Control as _, FailureKind, Gesture, Power};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

fn registration(id: &str) -> Request {
    let options = json!({
        "rp": { "id": "example.test", "name": "Example" },
        "user": { "id": "YWRh", "name": "ada", "displayName": "Ada" },
        "challenge": "AAAA",
        "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }],
    });
    Request {
        kind: Kind::Create,
        origin: "https://login.example.test".into(),
        options: options.as_object().unwrap().clone(),
        id: Some(id.into()),
        cross_origin: false,
        top_origin: None,
        client: None,
        link: None,
        account: None,
        pins: Vec::new(),
    }
}

#[test]
fn a_question_is_waited_for_until_it_is_raised() {
    let instance = phone();
    instance.set_user("phone", user(Answer::Ask)).unwrap();
    let begun = Instant::now();
    assert_eq!(instance.await_prompt("phone", Duration::from_millis(30)).unwrap(), None);
    assert!(begun.elapsed() >= Duration::from_millis(30));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| instance.await_prompt("phone", LONG).unwrap().unwrap());
        thread::sleep(Duration::from_millis(30));
        let registered = scope.spawn(|| instance.ceremony("phone", &registration("1")).unwrap());
        let prompt = waiting.join().unwrap();
        assert_eq!(prompt.purpose, "register");
        assert_eq!(instance.await_prompt("phone", LONG).unwrap(), Some(prompt.clone()), "it is open");
        instance.answer("phone", prompt.number, Gesture::Verified).unwrap();
        assert!(registered.join().unwrap().response.is_some());
    });
}

#[test]
fn who_waits_for_a_question_is_let_go_when_the_devices_are() {
    let instance = phone();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| instance.await_prompt("phone", LONG));
        thread::sleep(Duration::from_millis(30));
        instance.power("phone", Power::Cycle).unwrap();
        thread::sleep(Duration::from_millis(30));
        assert!(!waiting.is_finished(), "a device without a question may be asked yet");
        instance.shutdown();
        assert_eq!(waiting.join().unwrap().unwrap_err().kind, FailureKind::Conflict);
    });
}

#[test]
fn a_ceremony_that_is_cancelled_leaves_no_question_and_no_passkey() {
    let instance = phone();
    instance.set_user("phone", user(Answer::Ask)).unwrap();
    assert_eq!(instance.cancel_ceremony("phone", "1"), Ok(false));
    thread::scope(|scope| {
        let registered = scope.spawn(|| instance.ceremony("phone", &registration("1")).unwrap());
        instance.await_prompt("phone", LONG).unwrap().unwrap();
        let again = instance.ceremony("phone", &registration("1")).unwrap_err();
        assert_eq!(again.kind, FailureKind::Conflict, "its ID is taken");
        // One that waits for its turn is cancelled before it has begun.
        let queued = scope.spawn(|| instance.ceremony("phone", &registration("2")).unwrap());
        while instance.cancel_ceremony("phone", "2") != Ok(true) {
            thread::sleep(Duration::from_millis(5));
        }
        assert!(!registered.is_finished(), "the other goes on");
        assert_eq!(instance.cancel_ceremony("phone", "1"), Ok(true));
        for ended in [registered, queued] {
            assert_eq!(ended.join().unwrap().error.unwrap().name, "NotAllowedError");
        }
    });
    assert_eq!(instance.prompt("phone").unwrap(), None);
    assert_eq!(instance.device("phone").unwrap().passkeys, 0);
    assert_eq!(instance.cancel_ceremony("phone", "1"), Ok(false), "it is over");
}
