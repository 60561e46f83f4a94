//! Who may not be asked.
use super::{Reply, Server, adapter, settings};
use crate::control::FailureKind;
use crate::probe::target::Adapter;
use crate::probe::target::allowed::Allowed;
use crate::probe::target::description::Description;
use probe::target::{Session, Target};
use relying_party::Ceremony;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

const DOORS: &str =
    "registration = { begin = { path = '/b' }, finish = { path = '/f', body = '{response}' } }\n";

fn refused(text: &str, url: Option<&str>) -> FailureKind {
    adapter(text, url).map(drop).unwrap_err().kind
}

#[test]
fn a_stranger_is_refused_before_any_request_wherever_it_stands() {
    const STRANGER: &str = "https://bank.example-bank.com";
    assert_eq!(refused(DOORS, Some(STRANGER)), FailureKind::Forbidden);
    assert_eq!(refused(&format!("url = '{STRANGER}'\n{DOORS}"), None), FailureKind::Forbidden);
    for elsewhere in [
        format!("{DOORS}clean-up = {{ path = '{STRANGER}/x/{{credential}}' }}"),
        format!("{DOORS}changes.x = {{ path = '{STRANGER}/policy' }}"),
        format!("proxy = 'http://proxy.example-bank.com:8080'\n{DOORS}"),
        format!("proxy = 'http://user:word@10.0.0.1:8080'\n{DOORS}"),
    ] {
        assert_eq!(refused(&elsewhere, Some("http://localhost:1")), FailureKind::Forbidden, "{elsewhere}");
    }
    // A proxy on this machine makes no friend of a stranger.
    let text = format!("proxy = 'http://127.0.0.1:8080'\n{DOORS}");
    assert_eq!(refused(&text, Some(STRANGER)), FailureKind::Forbidden);
    assert_eq!(refused(DOORS, Some("http://user:word@localhost:1")), FailureKind::Invalid);
}

#[test]
fn a_value_of_an_answer_leads_nowhere_else() {
    let text = "
[registration.begin]
path = '/b'
keep = { next = '/next' }
[registration.finish]
path = '/f/{next}'
body = '{response}'
";
    let next = json!({ "challenge": "AAAA", "next": "/../..//@example-bank.com/?x" });
    let server = Server::start(move |_| Reply::json(200, &next));
    let mut target = adapter(text, Some(&server.url)).unwrap();
    target.begin(Session::First, Ceremony::Registration, None).unwrap();
    target.finish(Session::First, Ceremony::Registration, None, "{}").unwrap();
    assert_eq!(server.came().last().unwrap().path, "/f/%2F..%2F..%2F%2F%40example-bank.com%2F%3Fx");
}

#[test]
fn whoever_was_named_may_be_asked_and_once_a_second_at_most() {
    let server = Server::start(|_| Reply::json(200, &json!({ "challenge": "AAAA" })));
    for (host, rate, waits) in
        [("shop.example.test", "", 2), ("localhost", "", 0), ("localhost", "rate = 2\n", 2)]
    {
        let (description, doors) = Description::read("t", &format!("{rate}{DOORS}")).unwrap();
        let (settings, slept) = settings(Some(&format!("http://{host}:1/")));
        let mut target = Adapter::new(&description, doors, Path::new("/"), settings).unwrap();
        for _ in 0..3 {
            let _nobody_there = target.begin(Session::First, Ceremony::Registration, None);
        }
        let slept = slept.lock().unwrap();
        assert_eq!(slept.len(), waits, "{host} {rate}");
        let expected = Duration::from_millis(if rate.is_empty() { 700 } else { 300 });
        assert!(slept.iter().all(|pause| *pause > expected), "{host} {slept:?}");
    }
    let (description, doors) = Description::read("t", DOORS).unwrap();
    let (mut settings, _) = settings(Some("https://bank.example-bank.com"));
    settings.allowed = Allowed::new(&["bank.example-bank.com".to_owned()]);
    assert!(Adapter::new(&description, doors, Path::new("/"), settings).is_ok());
    drop(server);
}
