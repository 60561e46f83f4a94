//! Whose certificates count, and how to get to a service.
use super::*;
use crate::control::{Failure, FailureKind};
use std::process::Command;

#[test]
fn a_service_behind_an_unknown_authority_is_not_trusted() {
    run(async {
        let rig = Rig::new();
        let stranger = TunnelCa::new(&[]).unwrap();
        let service = Service { trust: Trust::Roots(vec![stranger.root_der()]), ..rig.service() };
        let error = open(&service, &format!("/cable/new/{ID}"), None, false).await.err().unwrap();
        assert!(error.to_string().starts_with("cannot trust the tunnel service cable.ua5v.com: "), "{error}");
        assert!(matches!(error, TunnelError::Untrusted { .. }), "{error:?}");
        let failure = Failure::from(error);
        assert_eq!(failure.kind, FailureKind::Broken);
        assert!(failure.hint.unwrap().contains("SSL_CERT_FILE"));
    });
}

#[test]
fn a_service_goes_by_the_names_that_were_asked_for_and_no_others() {
    run(async {
        let ca = TunnelCa::new(&["cable.my4kstlhndi4c.net".into(), "192.0.2.1".into()]).unwrap();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Server::start(listener, &ca, Limits::default()).unwrap();
        for (n, host) in [
            "cable.my4kstlhndi4c.net",
            "CABLE.UA5V.COM",
            "cable.auth.com",
            "localhost",
            "127.0.0.1",
            "::1",
            "192.0.2.1",
        ]
        .into_iter()
        .enumerate()
        {
            let path = format!("/cable/new/{n:032x}");
            let opened = open(&Service::embedded(host, &server, &ca), &path, None, false).await;
            assert!(opened.is_ok(), "{host}: {}", opened.err().unwrap());
        }
        let other = Service::embedded("cable.example.test", &server, &ca);
        let error = open(&other, &format!("/cable/new/{ID}"), None, false).await.err().unwrap();
        assert!(matches!(error, TunnelError::Untrusted { .. }), "{error}");
    });
}

#[test]
fn a_name_is_looked_up_where_no_address_is_given() {
    run(async {
        let rig = Rig::new();
        let service = Service { host: "localhost".into(), address: None, ..rig.service() };
        assert!(open(&service, &format!("/cable/new/{ID}"), None, false).await.is_ok());
    });
}

#[test]
fn a_name_that_is_none_is_not_certified() {
    for name in ["", "a b", "https://x", "x/y", "*.com", "é"] {
        let failure = TunnelCa::new(&[name.into()]).err().unwrap();
        assert_eq!(failure.kind, FailureKind::Invalid, "{name}");
    }
}

#[test]
fn a_host_path_or_payload_that_is_none_is_not_asked_for() {
    run(async {
        let rig = Rig::new();
        let path = format!("/cable/new/{ID}");
        let asked = async |host: &str, path: &str, payload: Option<&str>| {
            let service = Service { host: host.into(), ..rig.service() };
            open(&service, path, payload, false).await.err().unwrap()
        };
        for error in [
            asked("", &path, None).await,
            asked("a b", &path, None).await,
            asked("x\r\ny", &path, None).await,
            asked("x/y", &path, None).await,
            asked("localhost", "cable", None).await,
            asked("localhost", "/cable new", None).await,
            asked("localhost", "/é", None).await,
            asked("localhost", &path, Some("a\r\nb: c")).await,
        ] {
            assert!(matches!(error, TunnelError::Request(_)), "{error}");
            assert!(!error.to_string().contains('\r'), "{error:?}");
        }
    });
}

#[test]
fn nobody_there_is_a_clear_error() {
    run(async {
        let rig = Rig::new();
        let service = rig.service();
        let address = rig.server.address();
        drop(rig);
        let error = open(&service, "/cable/new/x", None, false).await.err().unwrap();
        let start = format!("cannot connect to the tunnel service cable.ua5v.com at {address}: ");
        assert!(error.to_string().starts_with(&start), "{error}");
    });
}

/// Where the test below finds the service when it is run by itself.
const AT: &str = "FAUXKEY_TEST_TUNNEL";

#[test]
fn a_file_that_ssl_cert_file_names_is_trusted() {
    if let Ok(address) = std::env::var(AT) {
        let address = address.parse().unwrap();
        let service = Service {
            host: "cable.ua5v.com".into(),
            address: Some(address),
            port: 443,
            trust: Trust::System,
        };
        let opened = run(open(&service, &format!("/cable/new/{ID}"), None, false));
        return opened.map(drop).unwrap_or_else(|error| panic!("{error}"));
    }
    let rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    let (good, empty) = (folder.path().join("root.pem"), folder.path().join("empty.pem"));
    std::fs::write(&good, rig.ca.root_pem()).unwrap();
    std::fs::write(&empty, "").unwrap();
    let child = |file: &std::path::Path| {
        // Variables belong to a whole process: this very test, by itself.
        let name = std::thread::current().name().unwrap().to_owned();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", &name, "--nocapture"]).env(AT, rig.server.address().to_string());
        let output = child.env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR").output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let (done, said) = child(&good);
    assert!(done, "{said}");
    assert!(said.contains("1 passed"), "{said}");
    let (done, said) = child(&empty);
    assert!(!done && said.contains("no certificate authorities to judge tunnel services by"), "{said}");
}
