//! What an adapter makes of a description, request by request.
use super::{Came, Party, Reply, Server, adapter, settings};
use crate::control::FailureKind;
use crate::hybrid::tunnel;
use crate::probe::built_in;
use crate::probe::target::Adapter;
use crate::probe::target::description::Description;
use probe::target::{CleanedUp, Session, Target, TargetError};
use relying_party::Ceremony;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

const PLAIN: &str = "
[registration.begin]
path = '/begin'
body = { name = '{user}' }
[registration.finish]
path = '/finish'
body = '{response}'
[sign-in.begin]
path = '/login'
query = { name = '{user}', x = 'a b' }
nameless = false
[sign-in.finish]
path = '/login'
form = { assertion = '{response}', who = '{user}' }
";

fn options() -> Reply {
    Reply::json(200, &json!({ "challenge": "AAAA" }))
}

fn begin(target: &mut Adapter, session: Session, user: &str) -> Result<(), TargetError> {
    target.begin(session, Ceremony::Registration, Some(user)).map(drop)
}

#[test]
fn each_session_has_cookies_of_its_own() {
    let mut party = Party::default();
    let server = Server::start(move |came| party.answer(came));
    let mut target = adapter(built_in::named("conformance").unwrap().text, Some(&server.url)).unwrap();
    for session in [Session::First, Session::Second, Session::First, Session::Second] {
        begin(&mut target, session, "ada").unwrap();
    }
    let came = server.came();
    let [first, second, again, once_more] = came.as_slice() else { panic!("{came:?}") };
    assert_eq!((first.cookie(), second.cookie()), ("", ""));
    assert!(again.cookie().starts_with("sid=session-") && once_more.cookie().starts_with("sid=session-"));
    assert_ne!(again.cookie(), once_more.cookie());
}

#[test]
fn what_is_posted_is_what_the_description_says_byte_by_byte() {
    let server = Server::start(|_| options());
    let mut target = adapter(PLAIN, Some(&format!("{}/app/", server.url))).unwrap();
    assert_eq!(target.origin(), server.url);
    let lie = "{\"id\": 1, \"id\": 2} trailing";
    begin(&mut target, Session::First, "a\"b").unwrap();
    let ended = target.finish(Session::First, Ceremony::Registration, Some("a\"b"), lie).unwrap();
    target.begin(Session::First, Ceremony::Authentication, Some("a&b")).unwrap();
    target.finish(Session::First, Ceremony::Authentication, None, lie).unwrap();
    let nameless = target.begin(Session::First, Ceremony::Authentication, None);
    assert!(matches!(nameless, Err(TargetError::Unsupported(_))));
    let came = server.came();
    let told = |came: &Came| (came.method.clone(), came.path.clone(), came.query.clone(), came.body.clone());
    let told: Vec<_> = came.iter().map(told).collect();
    let of = |method: &str, path: &str, query: &str, body: &str| -> (String, String, String, String) {
        (method.into(), path.into(), query.into(), body.into())
    };
    let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("assertion", lie).finish();
    let expected = [
        of("POST", "/app/begin", "", "{\"name\":\"a\\\"b\"}"),
        of("POST", "/app/finish", "", lie),
        of("GET", "/app/login", "name=a%26b&x=a%20b", ""),
        of("POST", "/app/login", "", &form),
    ];
    assert_eq!(told, expected);
    assert_eq!(came[1].header("origin"), server.url);
    assert_eq!(came[1].header("content-type"), "application/json");
    assert!(
        ended.exchange.request.ends_with(lie) && ended.exchange.request.starts_with("POST http://localhost")
    );
}

#[test]
fn who_answers_that_it_is_too_early_is_asked_again_when_it_says() {
    let mut times = 0;
    let server = Server::start(move |_| {
        times += 1;
        match times {
            1 => Reply::json(429, &json!({})).with("retry-after", "7"),
            2 => Reply::json(408, &json!({})),
            _ => options(),
        }
    });
    let (description, doors) = Description::read("test.toml", PLAIN).unwrap();
    let (settings, slept) = settings(Some(&server.url));
    let mut target = Adapter::new(&description, doors, Path::new("/"), settings).unwrap();
    begin(&mut target, Session::First, "ada").unwrap();
    assert_eq!(*slept.lock().unwrap(), [Duration::from_secs(7), Duration::from_secs(1)]);
    assert_eq!(server.came().len(), 3);
}

#[test]
fn who_never_has_time_is_no_verdict_and_who_wants_an_hour_is_left_alone() {
    let busy = Server::start(|_| Reply::json(429, &json!({})).with("retry-after", "1"));
    let mut target = adapter(PLAIN, Some(&busy.url)).unwrap();
    let ended = target.finish(Session::First, Ceremony::Registration, None, "{}");
    assert!(matches!(ended, Err(TargetError::Failed(_))), "{ended:?}");
    assert_eq!(busy.came().len(), 4, "once, and three times again");
    let tired = Server::start(|_| Reply::json(429, &json!({})).with("retry-after", "3600"));
    let mut target = adapter(PLAIN, Some(&tired.url)).unwrap();
    let ended = target.finish(Session::First, Ceremony::Registration, None, "{}");
    assert!(matches!(ended, Err(TargetError::Gone(_))), "{ended:?}");
    assert_eq!(tired.came().len(), 1);
}

#[test]
fn what_an_answer_is_worth() {
    for (status, worth) in [
        (200, "yes"),
        (201, "yes"),
        (302, "no"),
        (400, "no"),
        (401, "no"),
        (500, "no"),
        (502, "none"),
        (503, "none"),
    ] {
        let server = Server::start(move |_| Reply::json(status, &json!({})).with("location", "/finish"));
        let mut target = adapter(PLAIN, Some(&server.url)).unwrap();
        let ended = target.finish(Session::First, Ceremony::Registration, None, "{}");
        let found = match ended {
            Ok(ended) if ended.accepted => "yes",
            Ok(_) => "no",
            Err(TargetError::Failed(_)) => "none",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(found, worth, "{status}");
        assert_eq!(server.came().len(), 1, "{status}: redirects are not followed");
    }
}

#[test]
fn nobody_there_is_gone() {
    let mut target = adapter(PLAIN, Some("http://127.0.0.1:1")).unwrap();
    assert!(matches!(begin(&mut target, Session::First, "ada"), Err(TargetError::Gone(_))));
}

#[test]
fn an_endless_answer_is_no_answer() {
    let server = Server::start(|_| Reply { status: 200, headers: Vec::new(), body: "x".repeat(2 << 20) });
    let mut target = adapter(PLAIN, Some(&server.url)).unwrap();
    assert!(matches!(begin(&mut target, Session::First, "ada"), Err(TargetError::Failed(_))));
}

#[test]
fn a_session_that_ended_is_renewed_by_the_hook_once() {
    let folder = tempfile::tempdir().unwrap();
    let counter = folder.path().join("n");
    let script = format!(
        "echo x >> {0}; echo \"Authorization: Bearer token-$FAUXKEY_SESSION-$(wc -l < {0})\"",
        counter.display()
    );
    let text = format!("{PLAIN}\n[session]\nrefresh = ['sh', '-c', '''{script}''']\n");
    let server = Server::start(|came| match came.header("authorization") {
        "Bearer token-first-2" => options(),
        seen => Reply::json(401, &json!({ "error": format!("{seen} is over") })),
    });
    let mut target = adapter(&text, Some(&server.url)).unwrap();
    begin(&mut target, Session::First, "ada").unwrap();
    let seen: Vec<_> = server.came().iter().map(|came| came.header("authorization").to_owned()).collect();
    assert_eq!(seen, ["Bearer token-first-1", "Bearer token-first-2"]);
    // The other session has its own, and one renewal that does not help is no reason for another.
    let error = begin(&mut target, Session::Second, "ada").unwrap_err().to_string();
    assert!(!error.contains("token-second"), "a secret was told: {error}");
    let seen: Vec<_> =
        server.came()[2..].iter().map(|came| came.header("authorization").to_owned()).collect();
    assert_eq!(seen, ["Bearer token-second-3", "Bearer token-second-4"]);
}

#[test]
fn a_hook_that_fails_ends_the_run() {
    let server = Server::start(|_| options());
    let text = format!("{PLAIN}\n[session]\nrefresh = ['false']\n");
    let mut target = adapter(&text, Some(&server.url)).unwrap();
    assert!(matches!(begin(&mut target, Session::First, "ada"), Err(TargetError::Gone(_))));
    assert_eq!(server.came().len(), 0);
}

#[test]
fn what_is_kept_is_kept_for_a_session_and_a_user() {
    let text = "
[registration.begin]
path = '/begin/{user}'
keep = { token = '/token' }
[registration.finish]
path = '/finish'
body = { r = '{response}', token = '{token}' }
[clean-up]
method = 'DELETE'
path = '/{credential}'
body = { token = '{token}' }
";
    let server = Server::start(|came| Reply::json(200, &json!({ "challenge": "AAAA", "token": came.path })));
    let mut target = adapter(text, Some(&server.url)).unwrap();
    begin(&mut target, Session::First, "ada").unwrap();
    begin(&mut target, Session::First, "bea").unwrap();
    begin(&mut target, Session::Second, "eve").unwrap();
    let response = "{\"id\":\"AQ\"}";
    for (session, user) in
        [(Session::First, "ada"), (Session::First, "bea"), (Session::Second, "ada"), (Session::Second, "eve")]
    {
        target.finish(session, Ceremony::Registration, Some(user), response).unwrap();
    }
    // The one who registered it last is asked to delete it, in that session.
    assert_eq!(target.clean_up("eve", &[1]).unwrap(), CleanedUp::Removed);
    let bodies: Vec<_> = server.came()[3..].iter().map(|came| came.body.clone()).collect();
    let of = |token: &str| format!("{{\"r\":{response},\"token\":\"/begin/{token}\"}}");
    let nothing = format!("{{\"r\":{response}}}");
    assert_eq!(bodies, [of("ada"), of("bea"), nothing, of("eve"), "{\"token\":\"/begin/eve\"}".into()]);
    assert_eq!(server.came()[7].path, "/AQ");
}

#[test]
fn a_change_is_sent_without_a_session_and_what_there_is_not_is_unsupported() {
    let text = format!(
        "{PLAIN}\n[changes.enforce]\nmethod = 'PATCH'\npath = '/policy'\nheaders = {{ X-Admin = 'a' }}\nbody = {{ on = true }}\n"
    );
    let server = Server::start(|came| options().with("set-cookie", format!("sid={}", came.path.len())));
    let mut target = adapter(&text, Some(&server.url)).unwrap();
    begin(&mut target, Session::First, "ada").unwrap();
    target.change("enforce").unwrap();
    assert!(matches!(target.change("enfroce"), Err(TargetError::Unsupported(_))));
    let came = server.came();
    let last = came.last().unwrap();
    assert_eq!((last.method.as_str(), last.body.as_str(), last.cookie()), ("PATCH", "{\"on\":true}", ""));
    assert_eq!(last.header("x-admin"), "a");
}

#[test]
fn programs_are_asked_as_servers_are() {
    let text = "
url = 'http://localhost:8000'
registration.begin = { command = ['sh', '-c', 'echo \"{{\\\"challenge\\\":\\\"$1\\\"}\"', 'x', '{user}'] }
registration.finish = { command = ['sh', '-c', 'cat; echo $FAUXKEY_SESSION; exit 3'] }
";
    let mut target = adapter(text, None).unwrap();
    let begun = target.begin(Session::First, Ceremony::Registration, Some("ada")).unwrap();
    assert_eq!(begun.options, json!({ "challenge": "ada" }));
    let ended = target.finish(Session::Second, Ceremony::Registration, Some("ada"), "lie").unwrap();
    assert_eq!((ended.accepted, ended.said.as_str()), (false, "liesecond"));
}

#[test]
fn a_secret_that_is_missing_is_said_before_anything_is_asked() {
    for place in ["headers = { A = 'env:FAUXKEY_TEST_OF_NOTHING' }", "cookies = { A = 'file:/nowhere/x' }"] {
        let text = format!("{place}\n{PLAIN}");
        let failure = adapter(&text, Some("http://localhost:1")).map(drop).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{failure}");
    }
    let text =
        format!("{PLAIN}\n[changes.x]\npath = '/'\nheaders = {{ A = 'env:FAUXKEY_TEST_OF_NOTHING' }}\n");
    assert!(adapter(&text, Some("http://localhost:1")).is_err());
}

#[test]
fn who_shows_a_certificate_of_an_unknown_authority_is_not_spoken_to_and_what_to_do_is_said() {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server =
        tunnel::Server::start(listener, &tunnel::TunnelCa::new(&[]).unwrap(), tunnel::Limits::default());
    let url = format!("https://localhost:{}", server.as_ref().unwrap().address().port());
    let mut target = adapter(PLAIN, Some(&url)).unwrap();
    let Err(TargetError::Gone(why)) = begin(&mut target, Session::First, "ada") else {
        panic!("it was spoken to")
    };
    assert!(
        why.starts_with(&format!("the certificate of {url}/begin is not trusted (UnknownIssuer): ")),
        "{why}"
    );
    assert!(why.contains("SSL_CERT_FILE"), "{why}");
}
