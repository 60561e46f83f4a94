use crate::api::listener::CONNECTIONS;
use crate::api::testing::{FREE, Fake, Rig, SOON};
use crate::api::tls::Identity;
use crate::api::{Listen, serve_control};
use crate::control::{Control as _, Failure, FailureKind};
use crate::home::Home;
use crate::remote::Remote;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

fn serve(home: Option<&Home>, listen: SocketAddr) -> Result<crate::api::Served, Failure> {
    serve_control(Arc::new(Fake::default()), channel().1, home, listen)
}

#[test]
fn only_the_loopback_interface_is_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:127.0.0.1]:0", "[2001:db8::1]:80"] {
        let refused = serve(None, address.parse().unwrap()).err().unwrap();
        assert_eq!(refused.kind, FailureKind::Invalid, "{address}");
        assert!(refused.message.contains(address) && refused.hint.is_some(), "{refused:?}");
    }
}

/// A server that other hosts could reach, under a name, and the file of its certificate.
fn open_to_others(folder: &std::path::Path) -> (crate::api::Served, String) {
    let identity =
        Identity::generate(&["phone.test".into(), "localhost".into(), "127.0.0.1".into()]).unwrap();
    let address = Some("0.0.0.0:0".parse().unwrap());
    let listen = Listen { address, names: vec!["phone.test".into()], tls: Some(identity) };
    let served = serve_control(Arc::new(Fake::default()), channel().1, None, listen).unwrap();
    let file = folder.join("ca.pem");
    std::fs::write(&file, &served.certificate.as_ref().unwrap().0).unwrap();
    (served, file.display().to_string())
}

#[test]
fn by_tls_other_hosts_may_ask_and_who_trusts_the_certificate_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (served, file) = open_to_others(folder.path());
    assert!(served.url.starts_with("https://phone.test:"), "{}", served.url);
    let port = served.url.rsplit_once(':').unwrap().1;
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{port}");
        let remote = Remote::trusting(&url, &served.token, Some(&file)).unwrap();
        assert_eq!(remote.devices().unwrap().len(), 1);
        assert!(Remote::trusting(&url, &served.token, None).is_err(), "it is trusted by nobody else");
        assert!(Remote::trusting(&format!("http://{host}:{port}"), &served.token, None).is_err(), "no TLS");
    }
    let missing = Remote::trusting(&served.url, &served.token, Some("nowhere.pem")).err().unwrap();
    assert!(missing.message.starts_with("FAUXKEY_CA: cannot use nowhere.pem: "), "{missing}");
}

#[test]
fn a_connection_that_says_nothing_keeps_nobody_from_shaking_hands() {
    let folder = tempfile::tempdir().unwrap();
    let (served, file) = open_to_others(folder.path());
    let port = served.url.rsplit_once(':').unwrap().1;
    let silent: Vec<TcpStream> =
        (0..10).map(|_| TcpStream::connect(format!("127.0.0.1:{port}")).unwrap()).collect();
    let begun = Instant::now();
    Remote::trusting(&format!("https://127.0.0.1:{port}"), &served.token, Some(&file)).unwrap();
    assert!(begun.elapsed() < SOON / 4);
    drop(silent);
}

#[test]
fn certificates_that_are_none_are_refused_with_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cert.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let refused = Identity::load(&file, &file).err().unwrap();
    assert_eq!(refused.kind, FailureKind::Invalid);
    assert!(refused.message.contains("cert.pem"), "{refused}");
}

#[test]
fn a_port_that_is_taken_is_a_conflict() {
    let taken = TcpListener::bind(FREE).unwrap();
    let refused = serve(None, taken.local_addr().unwrap()).err().unwrap();
    assert_eq!(refused.kind, FailureKind::Conflict, "{refused:?}");
}

#[test]
fn each_server_has_a_token_of_its_own_of_32_bytes() {
    let tokens = [(); 3].map(|()| serve(None, FREE).unwrap().token.clone());
    for token in &tokens {
        assert_eq!(wire::base64url::decode(token).unwrap().len(), 32);
        assert_eq!(tokens.iter().filter(|other| *other == token).count(), 1);
    }
}

#[test]
fn a_home_has_one_instance_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    let first = Rig::at(Some(&home));
    let refused = serve(Some(&home), FREE).err().unwrap();
    assert_eq!(refused.kind, FailureKind::Conflict);
    assert!(refused.message.contains(&first.served.url), "{refused:?}");
    assert!(home.token().exists(), "the first keeps its files");
    first.served.stop();
    assert!(!home.token().exists() && !home.instance().exists());
    serve(Some(&home), FREE).unwrap();
}

#[test]
fn a_home_that_cannot_be_written_to_stops_the_server_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("run"), "a file where the folder should be").unwrap();
    let refused = serve(Some(&Home::at(folder.path())), FREE).err().unwrap();
    assert_eq!(refused.kind, FailureKind::Broken);
    assert!(refused.message.contains(folder.path().to_str().unwrap()), "{refused:?}");
}

#[test]
fn a_server_stops_even_if_a_user_is_being_asked() {
    let rig = Rig::new();
    let (touch, touched) = channel();
    *rig.fake.touch.lock().unwrap() = Some(touched);
    let mut stream = rig.connect();
    let body = r#"{"link":"usb","message":"AQ"}"#;
    let request = format!(
        "POST /api/v1/devices/phone/ctap2 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        rig.authority(),
        rig.served.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let started = Instant::now();
    while rig.fake.calls().is_empty() {
        assert!(started.elapsed() < SOON, "the request does not arrive");
        std::thread::sleep(Duration::from_millis(5));
    }
    let started = Instant::now();
    rig.served.stop();
    assert!(started.elapsed() < SOON / 4, "{:?}", started.elapsed());
    assert_eq!(stream.read(&mut [0]).unwrap_or_default(), 0, "no answer: the user was not there");
    drop(touch);
}

#[test]
fn other_requests_are_answered_while_a_user_is_being_asked() {
    let rig = Rig::new();
    let (touch, touched) = channel();
    *rig.fake.touch.lock().unwrap() = Some(touched);
    std::thread::scope(|scope| {
        let waiting = scope
            .spawn(|| rig.ask("POST", "/api/v1/devices/phone/ctap2", r#"{"link":"usb","message":"AQI"}"#));
        assert_eq!(rig.ask("GET", "/api/v1/devices", "").status, 200);
        assert!(!waiting.is_finished());
        touch.send(()).unwrap();
        let reply = waiting.join().unwrap();
        assert_eq!((reply.status, reply.json()["response"].as_str()), (200, Some("AgE")));
    });
}

/// Whether the other side has closed it.
fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    !matches!((&mut &*stream).read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn connections_beyond_the_bound_are_closed_and_room_comes_back() {
    const MORE: usize = 20;
    let rig = Rig::new();
    let idle: Vec<_> = (0..CONNECTIONS + MORE).map(|_| rig.connect()).collect();
    let closed = || idle.iter().filter(|stream| is_closed(stream)).count();
    let until = Instant::now() + SOON;
    while closed() < MORE && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(closed(), MORE);
    drop(idle);
    let request = format!("GET / HTTP/1.1\r\nConnection: close\r\nHost: {}\r\n\r\n", rig.authority());
    let answered = || {
        let mut probe = rig.connect();
        let sent = probe.write_all(request.as_bytes()).is_ok();
        sent && probe.read(&mut [0]).is_ok_and(|len| len > 0)
    };
    while !answered() {
        assert!(Instant::now() < until, "the room did not come back");
        std::thread::sleep(Duration::from_millis(5));
    }
}
