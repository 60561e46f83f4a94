use crate::control::{Answer, Control, Link, Power, User};
use crate::drivers::testing::{GET_INFO, make_credential};
use crate::instance::Instance;
use crate::trace::collect::{Collector, Place};
use crate::trace::line::{Carrier, Kind, Line, Towards};
use emulator::{Event, Protocol};
use std::time::Duration;
use wire::apdu::StatusWord;
use wire::ctaphid::{Command, REPORT_SIZE, Report, fragment};

fn instance() -> Instance {
    let instance = Instance::ephemeral(None).unwrap();
    instance.add_device("phone", "ms-authenticator-ios").unwrap();
    instance
}

/// The lines until the instance ends, of which the first says what wrote them.
fn until_the_end(instance: &Instance, lines: crate::control::Lines) -> Vec<Line> {
    instance.shutdown();
    let lines: Vec<Line> = lines.flatten().collect();
    assert_eq!((lines[0].kind, lines[0].trace), (Kind::Trace, Some(1)));
    lines[1..].to_vec()
}

fn names(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.name.as_str()).collect()
}

#[test]
fn a_trace_has_the_device_each_message_with_its_answer_and_what_the_user_was_asked() {
    let instance = instance();
    let lines = instance.trace().unwrap();
    instance.ctap2("phone", Link::Internal, &make_credential("example.test", "ada")).unwrap();
    let lines = until_the_end(&instance, lines);
    let expected = [
        "runs as ms-authenticator-ios",
        "authenticatorMakeCredential",
        "asks",
        "no longer asks",
        "stored",
        "authenticatorMakeCredential",
        "power off",
    ];
    assert_eq!(names(&lines), expected);
    let (request, answer) = (&lines[1], &lines[5]);
    let wire = request.wire.as_ref().unwrap();
    assert_eq!(
        (wire.towards, wire.link.as_str(), wire.carrier),
        (Towards::Device, "internal", Carrier::Message)
    );
    assert!(request.text.contains(r#"2 / rp /: {"id": "example.test""#), "{}", request.text);
    assert_eq!(answer.status.as_deref(), Some("0x00 OK"));
    assert!(answer.text.contains("aaguid 90a3ccdf-635c-4729-a248-9b709135078f"), "{}", answer.text);
    assert!(answer.took_ms.is_some() && answer.reason.is_none());
    assert!(lines[0].profile.is_none(), "it is built in");
}

#[test]
fn a_refusal_has_the_reason_that_its_platform_does_not_hear() {
    let instance = instance();
    let lines = instance.trace().unwrap();
    instance.set_user("phone", User { answer: Answer::Deny, delay_ms: 0 }).unwrap();
    instance.ctap2("phone", Link::Hybrid, &make_credential("example.test", "ada")).unwrap();
    instance.ctap2("phone", Link::Hybrid, GET_INFO).unwrap();
    let lines = until_the_end(&instance, lines);
    let answers: Vec<&Line> = lines.iter().filter(|line| line.status.is_some()).collect();
    let [denied, info] = answers[..] else { panic!("{lines:?}") };
    assert_eq!(denied.status.as_deref(), Some("0x27 OPERATION_DENIED"));
    assert!(denied.reason.as_ref().unwrap().starts_with("CTAP 2.1 §6.1.2"), "{denied:?}");
    assert_eq!((info.status.as_deref(), info.reason.as_deref()), (Some("0x00 OK"), None));
}

#[test]
fn a_device_that_starts_later_is_in_the_trace_and_a_watch_that_is_gone_costs_nothing() {
    let instance = instance();
    let lines = instance.trace().unwrap();
    drop(instance.trace().unwrap());
    instance.add_device("key", "security-key+none").unwrap();
    instance.ctap2("key", Link::Usb, GET_INFO).unwrap();
    instance.power("key", Power::Off).unwrap();
    let lines = until_the_end(&instance, lines);
    let of_key: Vec<Line> = lines.into_iter().filter(|line| line.device == "key").collect();
    assert_eq!(
        names(&of_key),
        ["runs as security-key+none", "authenticatorGetInfo", "authenticatorGetInfo", "power off"]
    );
    assert!(of_key[0].profile.as_ref().unwrap().contains("[credential]"), "a variant is told whole");
}

/// Somebody who does not read is told how much is missing, and the device has not waited.
#[test]
fn who_does_not_read_is_told_how_much_was_missed() {
    let instance = instance();
    let watch = instance.watch().unwrap();
    for _ in 0..20_000 {
        instance.ctap2("phone", Link::Usb, GET_INFO).unwrap();
    }
    // How much was missed is said by the next thing that happens after some was taken.
    let mut missed = 0;
    let mut taken = 0_u64;
    while let Ok(seen) = watch.next(Duration::from_millis(500)) {
        match seen.what {
            crate::instance::What::Missed(count) => missed += count,
            _ => taken += 1,
        }
    }
    instance.ctap2("phone", Link::Usb, GET_INFO).unwrap();
    while let Ok(seen) = watch.next(Duration::from_millis(500)) {
        match seen.what {
            crate::instance::What::Missed(count) => missed += count,
            _ => taken += 1,
        }
    }
    assert!(missed > 0, "there was room for everything");
    // A frame and a message each way, and what came of it; and that the device runs.
    assert_eq!(taken + missed, 20_001 * 5 + 1);
}

/// Reports of one message, as a collector sees them.
fn reports(collector: &mut Collector, towards: Towards, reports: &[Report]) -> Vec<Line> {
    let place = Place { at: Duration::ZERO, device: "key", towards, link: "usb", port: 0 };
    reports.iter().flat_map(|report| collector.report(place, report)).collect()
}

#[test]
fn ctaphid_is_told_by_its_own_words() {
    let mut collector = Collector::default();
    let mut say = |towards, command, payload: &[u8]| {
        let lines = reports(&mut collector, towards, &fragment(7, command, payload));
        let [line] = &lines[..] else { panic!("{lines:?}") };
        (line.name.clone(), line.status.clone(), line.text.clone())
    };
    let (to, from) = (Towards::Device, Towards::Platform);
    let answer = [&[1, 2, 3, 4, 5, 6, 7, 8][..], &[0, 0, 0, 9], &[2, 5, 7, 4, 0x0D]].concat();
    for (towards, command, payload, name, status, text) in [
        (to, Command::INIT, &[1, 2, 3, 4, 5, 6, 7, 8][..], "CTAPHID_INIT", None, "nonce 0102030405060708"),
        (
            from,
            Command::INIT,
            &answer,
            "CTAPHID_INIT",
            None,
            "nonce 0102030405060708, channel 00000009, version 2, device 5.7.4, capabilities 0x0D WINK CBOR NMSG",
        ),
        (from, Command::ERROR, &[6], "CTAPHID_ERROR", Some("0x06 ERR_CHANNEL_BUSY"), ""),
        (from, Command::ERROR, &[0x77], "CTAPHID_ERROR", Some("0x77 unnamed"), ""),
        (to, Command::LOCK, &[10], "CTAPHID_LOCK", None, "10 s"),
        (to, Command::CANCEL, &[], "CTAPHID_CANCEL", None, ""),
        (to, Command::PING, &[1; 100], "CTAPHID_PING", None, "100 bytes"),
        (to, Command(0x55), &[1], "CTAPHID 0x55", None, "1 bytes"),
    ] {
        let expected = (name.to_owned(), status.map(str::to_owned), text.to_owned());
        assert_eq!(say(towards, command, payload), expected);
    }
}

#[test]
fn a_keepalive_is_told_when_it_says_something_new() {
    let mut collector = Collector::default();
    reports(&mut collector, Towards::Device, &fragment(7, Command::CBOR, &[0x0B]));
    let told: Vec<usize> = [1, 1, 2, 2, 2, 1]
        .map(|status| {
            reports(&mut collector, Towards::Platform, &fragment(7, Command::KEEPALIVE, &[status])).len()
        })
        .into();
    assert_eq!(told, [1, 0, 1, 0, 0, 1]);
}

#[test]
fn what_is_broken_off_says_how_far_it_came_and_shows_nothing() {
    let mut collector = Collector::default();
    let message = fragment(7, Command::CBOR, &[0x06; 200]);
    assert_eq!(reports(&mut collector, Towards::Device, &message[..2]), []);
    let lines = reports(&mut collector, Towards::Device, &fragment(7, Command::INIT, &[0; 8]));
    assert_eq!(names(&lines), ["CTAPHID_CBOR", "CTAPHID_INIT"]);
    assert_eq!(lines[0].text, "broken off after 116 of 200 bytes");
    assert_eq!(lines[0].hidden, ["what is not complete"]);
    assert!(lines[0].bytes.as_ref().unwrap().starts_with("0600"), "{:?}", lines[0].bytes);
    // A packet out of turn breaks a message off too, and what belongs to nothing is nothing.
    reports(&mut collector, Towards::Device, &message[..1]);
    let lines = reports(&mut collector, Towards::Device, &message[2..3]);
    assert_eq!(lines[0].text, "broken off after 57 of 200 bytes");
    assert_eq!(reports(&mut collector, Towards::Device, &message[2..]), []);
    assert_eq!(reports(&mut collector, Towards::Device, &[[0; REPORT_SIZE]]), []);
}

#[test]
fn answers_are_those_of_the_request_on_their_channel_and_power_makes_all_forgotten() {
    let mut collector = Collector::default();
    reports(&mut collector, Towards::Device, &fragment(1, Command::CBOR, &[0x04]));
    reports(&mut collector, Towards::Device, &fragment(2, Command::CBOR, &[0x0B]));
    let mut answer =
        |channel| reports(&mut collector, Towards::Platform, &fragment(channel, Command::CBOR, &[0]));
    assert_eq!(names(&answer(2)), ["authenticatorSelection"]);
    assert_eq!(names(&answer(1)), ["authenticatorGetInfo"]);
    assert_eq!(names(&answer(1)), ["answer"], "to nothing");
    reports(&mut collector, Towards::Device, &fragment(1, Command::CBOR, &[0x04]));
    collector.event(Duration::ZERO, "key", &Event::Power(false));
    assert_eq!(
        names(&reports(&mut collector, Towards::Platform, &fragment(1, Command::CBOR, &[0]))),
        ["answer"]
    );
}

#[test]
fn u2f_has_its_names_and_its_status_words() {
    let mut collector = Collector::default();
    let place = |towards| Place { at: Duration::ZERO, device: "key", towards, link: "nfc", port: 0 };
    let version = wire::ctap1::Request::Version.encode();
    let asked = collector.message(place(Towards::Device), 0, Protocol::U2f, &version);
    assert_eq!(asked.name, "U2F_VERSION");
    let answer = [b"U2F_V2".as_slice(), &StatusWord::NO_ERROR.0.to_be_bytes()].concat();
    let answered = collector.message(place(Towards::Platform), 0, Protocol::U2f, &answer);
    assert_eq!(answered.status.as_deref(), Some("0x9000 NO_ERROR"));
    assert_eq!(answered.text, "h'5532465f5632'");
}

/// Over U2F the first answer is that nobody has touched; a user who does so at once makes it a success.
#[test]
fn a_success_has_no_reason_even_if_it_was_refused_a_moment_before() {
    let instance = Instance::ephemeral(None).unwrap();
    instance.add_device("key", "u2f-key").unwrap();
    let lines = instance.trace().unwrap();
    let register = wire::ctap1::Request::Register { challenge: [1; 32], application: [2; 32] }.encode();
    instance.ctap2("key", Link::Usb, &register).unwrap();
    let lines = until_the_end(&instance, lines);
    let answer = lines.iter().find(|line| line.status.is_some()).unwrap();
    assert_eq!((answer.status.as_deref(), answer.reason.as_deref()), (Some("0x9000 NO_ERROR"), None));
}
