use super::*;
use crate::api::testing::{ID, Rig, device, failure, finger, metadata, passkey, prompt};
use crate::control::{Answer, MetadataRequest, Reported};
use std::io::{Read, Write};
use std::net::TcpListener;

fn remote(rig: &Rig) -> Remote {
    Remote::at(&rig.served.url, &rig.served.token).unwrap()
}

#[test]
fn everything_that_can_be_controlled_can_be_from_another_process() {
    let rig = Rig::new();
    let remote = remote(&rig);
    let heard = |call: &str| assert_eq!(rig.fake.calls(), [call]);
    assert_eq!(remote.devices(), Ok(vec![device()]));
    heard("devices");
    assert_eq!(remote.device("phone"), Ok(device()));
    heard("device phone");
    assert_eq!(remote.add_device("phone", "security-key"), Ok(device()));
    heard("add phone security-key");
    assert_eq!(remote.delete_device("phone"), Ok(()));
    heard("delete phone");
    assert_eq!(remote.reset_device("phone"), Ok(()));
    heard("reset phone");
    for (power, powered) in [(Power::Off, false), (Power::On, true), (Power::Cycle, true)] {
        assert_eq!(remote.power("phone", power), Ok(Device { powered, ..device() }));
        heard(&format!("power phone {power:?}"));
    }
    for inserted in [true, false] {
        assert_eq!(remote.insert_card("phone", inserted), Ok(device()));
        heard(&format!("card phone {inserted}"));
    }
    let reported = Reported { profile: "phone".into(), status: "REVOKED".into(), effective_date: None };
    let wanted =
        MetadataRequest { profiles: vec!["phone".into()], reports: vec![reported], ..Default::default() };
    assert_eq!(remote.metadata(&wanted), Ok(metadata()));
    heard("metadata phone");
    for answer in [Answer::Approve, Answer::Ask, Answer::Deny, Answer::Ignore] {
        let user = User { answer, delay_ms: 9 };
        assert_eq!(remote.set_user("phone", user), Ok(Device { user, ..device() }));
        heard(&format!("user phone {answer:?} 9"));
    }
    assert_eq!(remote.advance_clock("phone", Duration::from_millis(1234)), Ok(()));
    heard("clock phone 1.234s");
    assert_eq!(remote.advance_clock("phone", Duration::MAX), Ok(()));
    heard(&format!("clock phone {:?}", Duration::from_millis(u64::MAX)));
    assert_eq!(remote.prompt("phone"), Ok(None));
    heard("prompt phone");
    *rig.fake.asking.lock().unwrap() = true;
    assert_eq!(remote.prompt("phone"), Ok(Some(prompt())));
    heard("prompt phone");
    for gesture in
        [Gesture::Present, Gesture::LongTouch, Gesture::Verified, Gesture::NotVerified, Gesture::Declined]
    {
        assert_eq!(remote.answer("phone", 7, gesture), Ok(()));
        heard(&format!("answer phone 7 {gesture:?}"));
    }
    assert_eq!(remote.passkeys("phone"), Ok(vec![passkey()]));
    heard("passkeys phone");
    assert_eq!(remote.passkey("phone", ID), Ok(passkey()));
    heard("passkey phone ZmF1eGtleQ");
    let renamed = Passkey { user_name: Some("grace".into()), user_display_name: None, ..passkey() };
    assert_eq!(remote.rename_passkey("phone", ID, Some("grace".into()), None), Ok(renamed));
    heard(r#"rename phone ZmF1eGtleQ Some("grace") None"#);
    assert_eq!(remote.delete_passkey("phone", ID), Ok(()));
    heard("forget phone ZmF1eGtleQ");
    assert_eq!(remote.fingers("phone"), Ok(vec![finger()]));
    heard("fingers phone");
    for name in [Some("thumb"), None] {
        let name = name.map(String::from);
        assert_eq!(remote.add_finger("phone", name.clone()), Ok(Finger { name: name.clone(), ..finger() }));
        heard(&format!("enrol phone {name:?}"));
    }
    let renamed = Finger { name: Some("index".into()), ..finger() };
    assert_eq!(remote.rename_finger("phone", ID, "index".into()), Ok(renamed));
    heard("call phone ZmF1eGtleQ index");
    assert_eq!(remote.remove_finger("phone", ID), Ok(()));
    heard("remove phone ZmF1eGtleQ");
    for link in [Link::Usb, Link::Internal, Link::Hybrid] {
        assert_eq!(remote.ctap2("phone", link, &[1, 2, 255]), Ok(vec![255, 2, 1]));
        heard(&format!("ctap2 phone {link:?} [1, 2, 255]"));
    }
}

#[test]
fn a_failure_arrives_as_it_was_sent() {
    let rig = Rig::new();
    let remote = remote(&rig);
    for name in ["missing", "busy", "refusing", "odd", "closed", "broken"] {
        assert_eq!(remote.device(name).err(), failure(name));
        assert_eq!(remote.ctap2(name, Link::Usb, &[4]).err(), failure(name));
        assert_eq!(remote.delete_device(name).err(), failure(name));
    }
    assert_eq!(remote.passkey("phone", "AAAA").unwrap_err().message, "no passkey `AAAA`");
}

#[test]
fn any_name_arrives_as_it_is() {
    let rig = Rig::new();
    let remote = remote(&rig);
    for name in ["my phone", "a/b", "..", ".", "?x#y", "%41", "é\u{1F511}", "a\nb", "+"] {
        remote.device(name).unwrap_err();
        assert_eq!(rig.fake.calls(), [format!("device {name}")]);
    }
    assert_eq!(remote.device("").unwrap_err().kind, FailureKind::Invalid);
    assert_eq!(remote.passkey("phone", "").unwrap_err().kind, FailureKind::Invalid);
    assert_eq!(rig.fake.calls(), [] as [&str; 0]);
}

#[test]
fn the_instance_of_a_home_is_found_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    assert!(Remote::running(&home).is_none());
    let rig = Rig::at(Some(&home));
    let remote = Remote::running(&home).unwrap();
    assert_eq!(remote.url(), rig.served.url);
    assert_eq!(remote.devices(), Ok(vec![device()]));
    rig.served.stop();
    assert!(Remote::running(&home).is_none());
    assert!(remote.devices().is_err());
}

#[test]
fn an_instance_that_was_killed_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    let rig = Rig::at(Some(&home));
    let (instance, token) = (fs::read(home.instance()).unwrap(), fs::read(home.token()).unwrap());
    rig.served.stop();
    fs::write(home.instance(), instance).unwrap();
    fs::write(home.token(), token).unwrap();
    assert!(Remote::running(&home).is_none());
}

#[test]
fn a_token_that_does_not_fit_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    let rig = Rig::at(Some(&home));
    fs::write(home.token(), "of somebody else").unwrap();
    assert!(Remote::running(&home).is_none());
    let refused = Remote::at(&rig.served.url, "wrong").err().unwrap();
    assert_eq!(refused.kind, FailureKind::Forbidden);
}

#[test]
fn who_names_an_instance_gets_that_one_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    let named = |url: &str, token: Option<&str>| {
        Remote::named(Some(url.into()), token.map(Into::into), None, &home)
            .map(|remote| remote.map(|found| found.url))
    };
    let elsewhere = Rig::new();
    let (url, token) = (elsewhere.served.url.clone(), elsewhere.served.token.clone());
    assert_eq!(Remote::named(None, None, None, &home).map(|found| found.is_none()).ok(), Some(true));
    assert_eq!(named(&format!("{url}/"), Some(&token)), Ok(Some(url.clone())));
    assert_eq!(named(&url, None).unwrap_err().kind, FailureKind::Invalid);
    let here = Rig::at(Some(&home));
    assert_eq!(named(&here.served.url, None), Ok(Some(here.served.url.clone())));
    assert_eq!(named(&url, Some("wrong")).unwrap_err().kind, FailureKind::Forbidden);
    for wrong in ["http://127.0.0.1:1", "https://127.0.0.1:1", "127.0.0.1", "http://", "x y", "file:///etc"] {
        let failure = named(wrong, Some("token")).unwrap_err();
        assert!(failure.message.contains(wrong.trim_end_matches('/')), "{failure:?}");
    }
}

/// Answers every connection with the same bytes.
fn stranger(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _heard = stream.read(&mut [0; 4096]);
            let _said = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn a_server_that_is_no_instance_is_told_apart() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{\"name\":\"another\",\"api\":\"1\"}",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\n<h1>",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n",
    ] {
        let failure = Remote::at(&stranger(answer), "token").err().unwrap();
        assert_eq!(failure.kind, FailureKind::Broken, "{answer}: {failure:?}");
    }
}

#[test]
fn nothing_but_a_ceremony_waits_without_end_and_nothing_goes_through_a_proxy() {
    let rig = Rig::new();
    let remote = remote(&rig);
    assert_eq!(remote.agent.config().timeouts().global, Some(PATIENCE));
    let patient = remote.patient.config().timeouts();
    assert_eq!(
        (patient.global, patient.per_call, patient.recv_response, patient.recv_body),
        (None, None, None, None)
    );
    for agent in [&remote.agent, &remote.patient] {
        assert!(agent.config().proxy().is_none());
    }
}
