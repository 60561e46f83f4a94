use crate::api::routes::{Access, ROUTES};
use crate::api::testing::{Reply, Rig};
use crate::control::FailureKind;

/// Each route with names in its path; the streams, of which one does not end, aside.
fn routes() -> impl Iterator<Item = (&'static str, String, Access)> {
    let streams = ["/api/v1/events", "/api/v1/trace"];
    ROUTES.iter().filter(move |route| !streams.contains(&route.path)).map(|route| {
        let path = route.path.replace("{name}", "phone").replace("{id}", "x");
        (route.method, path, crate::api::routes::access(route.path))
    })
}

fn is_refusal(reply: &Reply, status: u16) -> bool {
    reply.status == status && reply.failure().kind == FailureKind::Forbidden
}

#[test]
fn without_the_token_nothing_is_answered_but_the_door_and_the_description() {
    let rig = Rig::new();
    let token = &rig.served.token;
    let longer = format!("Authorization: Bearer {token}x");
    let shorter = format!("Authorization: Bearer {}", &token[1..]);
    let other = format!("Authorization: Bearer {}", token.chars().rev().collect::<String>());
    let basic = format!("Authorization: Basic {token}");
    let bare = format!("Authorization: {token}");
    let wrong =
        [longer.as_str(), &shorter, &other, &basic, &bare, "Authorization: Bearer ", "Authorization: Bearer"];
    for (method, path, access) in routes() {
        for headers in [[].as_slice()].into_iter().chain(wrong.iter().map(std::slice::from_ref)) {
            let reply = rig.ask_with(method, &path, headers, "");
            match access {
                Access::Open => assert_eq!(reply.status, 200, "{path}"),
                Access::Page => assert_eq!(reply.status, 401, "{path}"),
                _ => assert!(is_refusal(&reply, 401), "{method} {path} {headers:?}: {reply:?}"),
            }
            if reply.status == 401 && access != Access::Page {
                assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            }
        }
    }
    for stream in ["/api/v1/events", "/api/v1/trace"] {
        assert!(is_refusal(&rig.ask_with("GET", stream, &[], ""), 401));
    }
    assert!(is_refusal(&rig.ask_with("GET", "/nothing/here", &[], ""), 401), "not even what does not exist");
    assert_eq!(rig.fake.calls(), [] as [&str; 0]);
}

#[test]
fn the_token_in_the_query_opens_the_page_and_the_events_alone() {
    let rig = Rig::new();
    let query = format!("?a=b&token={}&c", rig.served.token);
    assert_eq!(rig.ask_with("GET", &format!("/{query}"), &[], "").status, 200);
    for (method, path, access) in routes().filter(|(.., access)| *access == Access::Token) {
        assert!(
            is_refusal(&rig.ask_with(method, &format!("{path}{query}"), &[], ""), 401),
            "{path} {access:?}"
        );
    }
    assert!(is_refusal(&rig.ask_with("GET", "/api/v1/events?token=wrong", &[], ""), 401));
    let contradiction = rig.ask_with("GET", &format!("/{query}"), &["Authorization: Bearer wrong"], "");
    assert_eq!(contradiction.status, 401, "the header counts");
}

#[test]
fn a_host_that_is_not_this_machine_is_refused_everywhere() {
    let rig = Rig::new();
    let port = rig.authority().rsplit_once(':').unwrap().1.to_owned();
    let authorization = format!("Authorization: Bearer {}", rig.served.token);
    for host in [
        format!("evil.test:{port}"),
        format!("127.0.0.1.evil.test:{port}"),
        format!("localhost.evil.test:{port}"),
        format!("evil.localhost:{port}"),
        format!("localhost.:{port}"),
        format!("127.0.0.2:{port}"),
        format!("user@127.0.0.1:{port}"),
        "127.0.0.1".into(),
        "127.0.0.1:1".into(),
        "localhost".into(),
        String::new(),
    ] {
        let host = format!("Host: {host}");
        for (method, path, _) in routes() {
            let reply = rig.ask_with(method, &path, &[&host, &authorization], "");
            assert!(is_refusal(&reply, 403), "{method} {path} {host}: {reply:?}");
        }
        assert!(is_refusal(&rig.ask_with("GET", "/nothing", &[&host, &authorization], ""), 403));
    }
    assert_eq!(rig.fake.calls(), [] as [&str; 0]);
    for host in ["localhost", "LocalHost", "127.0.0.1", "[::1]"] {
        let host = format!("Host: {host}:{port}");
        assert_eq!(
            rig.ask_with("GET", "/api/v1/version", &[&host, &authorization], "").status,
            200,
            "{host}"
        );
    }
}

#[test]
fn a_host_that_is_missing_double_or_contradicted_is_refused() {
    let rig = Rig::new();
    let (host, token) = (rig.authority().to_owned(), &rig.served.token);
    let rest = format!("Authorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    let missing = rig.say(format!("GET /api/v1/version HTTP/1.0\r\n{rest}").as_bytes());
    assert!(is_refusal(&missing, 403), "{missing:?}");
    let double = format!("GET /api/v1/version HTTP/1.1\r\nHost: {host}\r\nHost: evil.test\r\n{rest}");
    assert_eq!(rig.say(double.as_bytes()).failure().kind, FailureKind::Invalid);
    let absolute =
        |target: &str| rig.say(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{rest}").as_bytes()).status;
    assert_eq!(absolute(&format!("http://{host}/api/v1/version")), 200);
    assert_eq!(absolute("http://evil.test/api/v1/version"), 403);
    let unreadable = [b"GET / HTTP/1.1\r\nHost: \xFF\r\n", rest.as_bytes()].concat();
    assert_eq!(rig.say(&unreadable).failure().kind, FailureKind::Invalid);
}

#[test]
fn a_page_of_another_origin_is_refused_even_with_the_token() {
    let rig = Rig::new();
    let authorization = format!("Authorization: Bearer {}", rig.served.token);
    let authority = rig.authority().to_owned();
    let port = authority.rsplit_once(':').unwrap().1;
    for origin in [
        "http://evil.test".into(),
        "null".into(),
        "http://127.0.0.1".into(),
        "http://127.0.0.1:1".into(),
        format!("https://{authority}"),
        format!("http://localhost:{port}"),
        format!("http://{authority}.evil.test"),
        authority.clone(),
        String::new(),
    ] {
        let origin = format!("Origin: {origin}");
        for (method, path, _) in routes() {
            let reply = rig.ask_with(method, &path, &[&origin, &authorization], "");
            assert!(is_refusal(&reply, 403), "{method} {path} {origin}: {reply:?}");
        }
    }
    assert_eq!(rig.fake.calls(), [] as [&str; 0]);
    let ours = format!("Origin: http://{authority}");
    assert_eq!(rig.ask_with("GET", "/api/v1/version", &[&ours, &authorization], "").status, 200);
}

#[test]
fn every_answer_keeps_to_itself() {
    let rig = Rig::new();
    let ours = format!("Origin: {}", rig.served.url);
    let authorization = format!("Authorization: Bearer {}", rig.served.token);
    let ask = |method, path| rig.ask_with(method, path, &[&ours, &authorization], "");
    let replies = [
        ask("GET", "/"),
        ask("GET", "/openapi.json"),
        ask("GET", "/api/v1/devices"),
        ask("OPTIONS", "/api/v1/devices"),
        ask("GET", "/nothing"),
        ask("POST", "/api/v1/devices"),
        ask("GET", "/api/v1/devices/missing"),
        rig.ask_with("GET", "/api/v1/devices", &[], ""),
        rig.ask_with("GET", "/", &[], ""),
        rig.ask_with("GET", "/", &["Host: evil.test"], ""),
    ];
    assert_eq!(
        replies.each_ref().map(|reply| reply.status),
        [200, 200, 200, 405, 404, 400, 404, 401, 401, 403]
    );
    for reply in replies {
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!reply.headers().any(|name| name.to_ascii_lowercase().starts_with("access-control-")));
    }
}

#[test]
fn who_guesses_on_is_told_to_stop_and_who_knows_the_token_is_not_kept_out() {
    let rig = Rig::new();
    let guess = || rig.ask_with("GET", "/api/v1/version", &["Authorization: Bearer guess"], "");
    let kept_out = (0..1_100).map(|_| guess()).position(|reply| reply.status == 429);
    assert_eq!(kept_out, Some(1_000));
    assert!(is_refusal(&guess(), 429));
    assert_eq!(rig.ask_with("GET", "/?token=guess", &[], "").status, 429, "nor by way of the page");
    assert_eq!(rig.ask_with("GET", "/", &[], "").status, 401, "who brings none does not guess");
    assert_eq!(rig.ask("GET", "/api/v1/version", "").status, 200);
}

/// What a page that is not ours could try: each by itself is refused, whatever else is right.
#[test]
fn a_hostile_page_gets_nowhere() {
    let rig = Rig::new();
    let token = format!("Authorization: Bearer {}", rig.served.token);
    let port = rig.authority().rsplit_once(':').unwrap().1.to_owned();
    let ours = format!("Origin: http://{}", rig.authority());
    let power = r#"{"power":"off"}"#;
    let path = "/api/v1/devices/phone/power";
    // A form or a fetch from another site (CSRF): the browser adds Origin, and knows no token.
    for origin in ["https://evil.test", "null", "http://localhost:1", "http://127.0.0.1.evil.test"] {
        let origin = format!("Origin: {origin}");
        assert!(is_refusal(&rig.ask_with("POST", path, &[&origin], power), 403), "{origin}");
        assert!(is_refusal(&rig.ask_with("POST", path, &[&origin, &token], power), 403), "{origin}");
    }
    // A name of theirs that points here (DNS rebinding): the page is same-origin to the browser.
    let host = format!("Host: evil.test:{port}");
    let origin = format!("Origin: http://evil.test:{port}");
    assert!(is_refusal(&rig.ask_with("POST", path, &[&host, &origin, &token], power), 403));
    assert!(is_refusal(&rig.ask_with("GET", "/api/v1/devices", &[&host], ""), 403));
    // An image or a script, which sends no Origin: without the token nothing.
    assert!(is_refusal(&rig.ask_with("GET", "/api/v1/devices", &[], ""), 401));
    // A guessed token.
    let guessed = format!("Authorization: Bearer {}", "A".repeat(rig.served.token.len()));
    assert!(is_refusal(&rig.ask_with("POST", path, &[&ours, &guessed], power), 401));
    // A question beforehand (CORS preflight) is not allowed anything.
    let preflight = rig.ask_with("OPTIONS", path, &["Origin: https://evil.test"], "");
    assert!(preflight.status >= 400 && preflight.headers().all(|name| !name.starts_with("access-control")));
    assert_eq!(rig.fake.calls(), [] as [&str; 0]);
    // And the page that is ours.
    assert_eq!(rig.ask_with("POST", path, &[&ours, &token], power).status, 200);
}
