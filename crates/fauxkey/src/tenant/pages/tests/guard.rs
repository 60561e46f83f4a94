use super::{Rig, TOKEN};
use serde_json::json;
use tenant::Behaviour;

const ADMIN_PAGES: [&str; 4] = ["/admin", "/signins", "/audits", "/activity"];

#[test]
fn pages_of_administrators_want_the_token_once_and_then_its_cookie() {
    let rig = Rig::new(Behaviour::Current);
    for path in ADMIN_PAGES {
        let none = rig.ask("GET", path, &[], &[]);
        assert_eq!(none.status, 401, "{path}");
        assert!(none.body.contains("needs the token"), "{path}");
        assert!(!none.body.contains(TOKEN) && !none.body.contains("adele"), "{path}");
        assert_eq!(rig.ask("GET", &format!("{path}?token=wrong"), &[], &[]).status, 401, "{path}");
        assert_eq!(rig.ask("GET", path, &[("cookie", "token=wrong")], &[]).status, 401, "{path}");

        let first = rig.ask("GET", &format!("{path}?x=1&token={TOKEN}"), &[], &[]);
        assert_eq!((first.status, first.header("location")), (303, Some(format!("{path}?x=1").as_str())));
        let cookie = first.header("set-cookie").unwrap();
        assert_eq!(cookie, format!("token={TOKEN}; HttpOnly; SameSite=Strict; Path=/"));
        let page = rig.page(path);
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert!(!page.body.contains(TOKEN), "{path} shows the token");
    }
}

#[test]
fn graph_takes_the_cookie_of_our_own_pages_alone() {
    let rig = Rig::new(Behaviour::Current);
    let cookie = format!("token={TOKEN}");
    let ask = |site: Option<&str>| {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(site.map(|site| ("sec-fetch-site", site)));
        rig.ask("GET", "/v1.0/users", &headers, &[]).status
    };
    assert_eq!(ask(Some("same-origin")), 200);
    assert_eq!(ask(None), 401);
    assert_eq!(ask(Some("cross-site")), 401);
    assert_eq!(ask(Some("same-site")), 401, "another port of localhost is the same site");
    let headers = [("cookie", "token=wrong"), ("sec-fetch-site", "same-origin")];
    assert_eq!(rig.ask("GET", "/v1.0/users", &headers, &[]).status, 401);
}

#[test]
fn foreign_pages_and_names_are_kept_out_of_everything() {
    let rig = Rig::new(Behaviour::Current);
    for path in ["/", "/login", "/mysecurityinfo", "/admin", "/login/begin", "/me/methods", "/app/code"] {
        for header in [("origin", "http://localhost:1"), ("origin", "null"), ("host", "evil.test")] {
            let method = if path == "/login/begin" || path == "/app/code" { "POST" } else { "GET" };
            assert_eq!(rig.ask(method, path, &[header], b"{}").status, 403, "{path} {header:?}");
        }
    }
    let ours = rig.ask("POST", "/login/begin", &[("origin", rig.served.url())], b"{}");
    assert_eq!(ours.status, 200);
}

#[test]
fn only_a_page_s_own_script_and_style_run_on_it() {
    let rig = Rig::new(Behaviour::Current);
    for path in ["/", "/login", "/mysecurityinfo", "/admin", "/signins", "/audits", "/activity"] {
        let page = rig.page(path);
        let policy = page.header("content-security-policy").unwrap();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        for tag in ["<style", "<script"] {
            for found in page.body.split(tag).skip(1) {
                assert!(found.starts_with(&format!(" nonce=\"{nonce}\"")), "{path}: {tag}{found:.60}");
            }
        }
        let lower = page.body.to_lowercase();
        let body = &lower[lower.find("<body").unwrap()..];
        let markup: String = body.split("<script").next().unwrap().to_owned();
        for foreign in [" style=", " onclick=", " onload=", " src=", "@import", "url("] {
            assert!(!markup.contains(foreign), "{path} has {foreign}");
        }
        assert_ne!(
            rig.page(path).header("content-security-policy").unwrap(),
            policy,
            "a nonce is used twice"
        );
    }
}

#[test]
fn a_session_s_cookie_is_as_good_as_its_header() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.signed_in();
    let cookie = format!("other=1; session={session}; more=2");
    let page = rig.ask("GET", "/mysecurityinfo", &[("cookie", &cookie)], &[]);
    assert!(page.body.contains("adele@contoso.test"), "{}", page.body);
    assert_eq!(rig.ask("GET", "/me/methods", &[("cookie", &cookie)], &[]).status, 200);
    let nobody = rig.ask("GET", "/mysecurityinfo", &[], &[]);
    assert!(nobody.body.contains("Nobody is signed in") && !nobody.body.contains("adele"));
    let body = serde_json::to_vec(&json!({})).unwrap();
    let options = rig.ask("POST", "/login/options", &[("cookie", &cookie)], &body);
    assert_eq!(options.status, 200, "{options:?}");
}
