use crate::api::extension::pairing;
use crate::api::routes::ROUTES;
use crate::api::testing::{
    ID, Rig, account, armed, device, finger, metadata, passkey, prompt, push, scanned,
};
use crate::control::{Device, FailureKind, Finger};
use serde_json::{Value, json};

/// What is asked, with a body that is right where there is one, what the control hears, and what comes back.
fn good() -> Vec<(&'static str, String, Value, &'static str, u16, Value)> {
    let off = Device { powered: false, ..device() };
    let asking = crate::control::User { answer: crate::control::Answer::Ask, delay_ms: 250 };
    let renamed =
        crate::control::Passkey { user_name: None, user_display_name: Some("Ada L.".into()), ..passkey() };
    let at = |rest: &str| format!("/api/v1/devices/phone{rest}");
    let of_finger = at(&format!("/fingers/{ID}"));
    let index = Finger { name: Some("index".into()), ..finger() };
    let of_account = at(&format!("/accounts/{ID}"));
    let of_passkey = at(&format!("/passkeys/{ID}"));
    let none = Value::Null;
    vec![
        ("GET", "/api/v1/devices".into(), none.clone(), "devices", 200, json!([device()])),
        (
            "POST",
            "/api/v1/devices".into(),
            json!({ "name": "phone", "profile": "security-key" }),
            "add phone security-key",
            201,
            json!(device()),
        ),
        ("GET", at(""), none.clone(), "device phone", 200, json!(device())),
        ("DELETE", at(""), none.clone(), "delete phone", 204, none.clone()),
        ("POST", at("/reset"), none.clone(), "reset phone", 204, none.clone()),
        ("POST", at("/power"), json!({ "power": "off" }), "power phone Off", 200, json!(off)),
        ("POST", at("/power"), json!({ "power": "cycle" }), "power phone Cycle", 200, json!(device())),
        ("GET", at("/user"), none.clone(), "device phone", 200, json!({ "answer": "approve", "delayMs": 0 })),
        (
            "PUT",
            at("/user"),
            json!({ "answer": "ask", "delayMs": 250 }),
            "user phone Ask 250",
            200,
            json!(Device { user: asking, ..device() }),
        ),
        (
            "POST",
            "/api/v1/ca/metadata".into(),
            json!({ "profiles": ["security-key"], "reports": [{ "profile": "security-key", "status": "REVOKED" }], "no": 2 }),
            "metadata security-key",
            200,
            json!(metadata()),
        ),
        ("PUT", at("/card"), json!({ "inserted": false }), "card phone false", 200, json!(device())),
        ("PUT", at("/user"), json!({ "answer": "approve" }), "user phone Approve 0", 200, json!(device())),
        (
            "GET",
            at("/script"),
            none.clone(),
            "script phone",
            200,
            json!({ "steps": [], "otherwise": "deny" }),
        ),
        (
            "PUT",
            at("/script"),
            json!({ "steps": [{ "do": "deny", "prompt": 2, "purpose": "sign-in", "rpId": "a.test", "delayMs": 5 }] }),
            "play phone Some(1)",
            204,
            none.clone(),
        ),
        ("DELETE", at("/script"), none.clone(), "play phone None", 204, none.clone()),
        ("GET", at("/faults"), none.clone(), "faults phone", 200, json!([armed()])),
        (
            "POST",
            at("/faults"),
            json!({ "fault": "status", "value": 39, "command": "getAssertion", "after": 1 }),
            "arm phone status=39,command=getAssertion,after=1",
            201,
            json!({ "id": 3, "struck": 1, "fault":
                { "fault": "status", "value": "39", "command": "getAssertion", "after": 1 } }),
        ),
        ("DELETE", at("/faults"), none.clone(), "disarm phone None", 204, none.clone()),
        ("DELETE", at("/faults/3"), none.clone(), "disarm phone Some(3)", 204, none.clone()),
        ("POST", at("/clock"), json!({ "advanceMs": 1500 }), "clock phone 1.5s", 204, none.clone()),
        ("GET", at("/prompt"), none.clone(), "prompt phone", 200, json!(prompt())),
        (
            "POST",
            at("/prompt"),
            json!({ "number": 7, "gesture": "not-verified" }),
            "answer phone 7 NotVerified",
            204,
            none.clone(),
        ),
        ("GET", at("/passkeys"), none.clone(), "passkeys phone", 200, json!([passkey()])),
        (
            "POST",
            at("/passkeys"),
            json!({ "rpId": "a.test", "userHandle": "AQID", "algorithm": "EdDSA" }),
            r#"make phone a.test Some("EdDSA")"#,
            201,
            json!(passkey()),
        ),
        ("GET", of_passkey.clone(), none.clone(), "passkey phone ZmF1eGtleQ", 200, json!(passkey())),
        (
            "PATCH",
            of_passkey.clone(),
            json!({ "userDisplayName": "Ada L.", "userName": null }),
            r#"rename phone ZmF1eGtleQ None Some("Ada L.")"#,
            200,
            json!(renamed),
        ),
        ("DELETE", of_passkey, none.clone(), "forget phone ZmF1eGtleQ", 204, none.clone()),
        ("GET", at("/fingers"), none.clone(), "fingers phone", 200, json!([finger()])),
        (
            "POST",
            at("/fingers"),
            json!({ "name": "thumb" }),
            r#"enrol phone Some("thumb")"#,
            201,
            json!(finger()),
        ),
        (
            "PATCH",
            of_finger.clone(),
            json!({ "name": "index" }),
            "call phone ZmF1eGtleQ index",
            200,
            json!(index),
        ),
        ("DELETE", of_finger, none.clone(), "remove phone ZmF1eGtleQ", 204, none.clone()),
        ("GET", at("/accounts"), none.clone(), "accounts phone", 200, json!([account()])),
        (
            "POST",
            at("/accounts"),
            json!({ "userName": "ada@contoso.test", "pass": "7kQ2mR9x" }),
            "enter phone ada@contoso.test None",
            201,
            json!(account()),
        ),
        (
            "POST",
            at("/accounts"),
            json!({ "userName": "ada", "tenant": "http://localhost:1", "password": "x", "push": true }),
            r#"enter phone ada Some("http://localhost:1")"#,
            202,
            json!({ "number": 42, "waiting": "later" }),
        ),
        ("DELETE", of_account.clone(), none.clone(), "leave phone ZmF1eGtleQ", 204, none.clone()),
        (
            "GET",
            format!("{of_account}/code"),
            none.clone(),
            "code phone ZmF1eGtleQ",
            200,
            json!({ "code": "012345", "secondsLeft": 7 }),
        ),
        (
            "POST",
            format!("{of_account}/push"),
            json!({ "number": 42 }),
            "push phone ZmF1eGtleQ Some(42)",
            204,
            none.clone(),
        ),
        (
            "POST",
            format!("{of_account}/push"),
            json!({ "number": null }),
            "push phone ZmF1eGtleQ None",
            204,
            none.clone(),
        ),
        ("GET", at("/pushes"), none.clone(), "pushes phone", 200, json!([push()])),
        (
            "POST",
            at("/ctap2"),
            json!({ "link": "hybrid", "message": "AQID" }),
            "ctap2 phone Hybrid [1, 2, 3]",
            200,
            json!({ "response": "AwIB" }),
        ),
        (
            "POST",
            at("/ceremonies"),
            json!({ "type": "get", "origin": "https://a.test", "options": {}, "id": "first" }),
            r#"ceremony phone Get https://a.test Some("first")"#,
            200,
            json!({ "error": { "name": "NotAllowedError", "message": "no" }, "notes": ["a note"] }),
        ),
        (
            "POST",
            at("/hybrid"),
            json!({ "code": "FIDO:/123" }),
            "scan phone code FIDO:/123",
            200,
            json!(scanned()),
        ),
        (
            "POST",
            at("/hybrid"),
            json!({ "image": "iVBORw" }),
            "scan phone image of 4 bytes",
            200,
            json!(scanned()),
        ),
        ("DELETE", at("/hybrid"), none.clone(), "give up phone", 204, none.clone()),
        (
            "DELETE",
            at(&format!("/ceremonies/{ID}")),
            none.clone(),
            "cancel phone ZmF1eGtleQ",
            204,
            none.clone(),
        ),
    ]
}

fn text(body: &Value) -> String {
    if body.is_null() { String::new() } else { body.to_string() }
}

#[test]
fn each_route_does_what_it_says() {
    let rig = Rig::new();
    *rig.fake.asking.lock().unwrap() = true;
    for (method, path, body, call, status, answer) in good() {
        let reply = rig.ask(method, &path, &text(&body));
        assert_eq!(rig.fake.calls(), [call], "{method} {path}");
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        if answer.is_null() {
            assert_eq!(reply.body, "", "{method} {path}");
        } else {
            assert_eq!(reply.header("content-type"), Some("application/json"));
            assert_eq!(reply.json(), answer, "{method} {path}");
        }
    }
}

#[test]
fn each_route_has_such_a_case() {
    for route in ROUTES.iter().filter(|route| route.path.contains("/devices")) {
        let id = if route.path.contains("/faults/") { "3" } else { ID };
        let path = route.path.replace("{name}", "phone").replace("{id}", id);
        assert!(
            good().iter().any(|case| (case.0, &case.1) == (route.method, &path)),
            "{} {path}",
            route.method
        );
    }
}

#[test]
fn each_route_passes_on_the_failure_of_each_kind_with_its_status() {
    let rig = Rig::new();
    for (method, path, body, ..) in good().into_iter().filter(|case| case.1.contains("/phone")) {
        for (name, status, kind) in [
            ("missing", 404, FailureKind::NotFound),
            ("busy", 409, FailureKind::Conflict),
            ("refusing", 422, FailureKind::Refused),
            ("odd", 400, FailureKind::Invalid),
            ("closed", 403, FailureKind::Forbidden),
            ("broken", 500, FailureKind::Broken),
        ] {
            let path = path.replace("phone", name);
            let reply = rig.ask(method, &path, &text(&body));
            assert_eq!((reply.status, reply.failure().kind), (status, kind), "{method} {path}");
            assert_eq!(Some(reply.failure()), crate::api::testing::failure(name));
        }
    }
    let refused = rig.ask("POST", "/api/v1/devices", r#"{"name":"busy","profile":"x"}"#);
    assert_eq!((refused.status, refused.failure().kind), (409, FailureKind::Conflict));
    let unknown = rig.ask("GET", "/api/v1/devices/phone/passkeys/AAAA", "");
    assert_eq!((unknown.status, unknown.failure().message.as_str()), (404, "no passkey `AAAA`"));
}

#[test]
fn a_body_that_is_no_json_or_has_a_wrong_member_is_refused_and_the_member_named() {
    let rig = Rig::new();
    for (path, body, complaint) in [
        ("power", "", "the request body: EOF while parsing a value"),
        ("power", "power=off", "the request body: expected value"),
        ("power", "[]", "the request body: invalid length 0, expected struct NewPower with 1 element"),
        (
            "power",
            r#"{"power":"of"}"#,
            "the request body, member `power`: unknown variant `of`, expected one of",
        ),
        ("power", "{}", "the request body: missing field `power`"),
        ("power", r#"{"power":"off"} x"#, "the request body, after its value: trailing characters"),
        ("power", r#"{"power":"off","power":"on"}"#, "the request body: duplicate field `power`"),
        ("clock", r#"{"advanceMs":-1}"#, "the request body, member `advanceMs`: invalid value: integer `-1`"),
        (
            "clock",
            r#"{"advanceMs":1.5}"#,
            "the request body, member `advanceMs`: invalid type: floating point",
        ),
        (
            "clock",
            r#"{"advance":1}"#,
            "the request body, member `advance`: unknown field `advance`, expected",
        ),
        (
            "prompt",
            r#"{"number":"7","gesture":"verified"}"#,
            "the request body, member `number`: invalid type",
        ),
        (
            "ctap2",
            r#"{"link":"usb","message":"*"}"#,
            "the request body, member `message`: invalid value: string \"*\"",
        ),
        ("ctap2", r#"{"link":"nfc","message":""}"#, "the request body, member `link`: unknown variant `nfc`"),
    ] {
        let reply = rig.ask("POST", &format!("/api/v1/devices/phone/{path}"), body);
        let failure = reply.failure();
        assert_eq!((reply.status, failure.kind), (400, FailureKind::Invalid), "{body}");
        assert!(failure.message.starts_with(complaint), "{body}: {}", failure.message);
    }
    let user = rig.ask("PUT", "/api/v1/devices/phone/user", r#"{"answer":"approve","delay":5}"#);
    assert!(user.failure().message.contains("member `delay`: unknown field"), "{user:?}");
    let nested = format!(r#"{{"power":{}"#, "[".repeat(200_000));
    assert_eq!(rig.ask("POST", "/api/v1/devices/phone/power", &nested).status, 400);
    assert_eq!(rig.fake.calls(), [] as [&str; 0]);
}

#[test]
fn a_body_is_json_whatever_its_content_type_says() {
    let rig = Rig::new();
    let authorization = format!("Authorization: Bearer {}", rig.served.token);
    for content_type in ["application/json", "application/x-www-form-urlencoded", "nonsense"] {
        let headers = [authorization.as_str(), &format!("Content-Type: {content_type}")];
        let reply = rig.ask_with("POST", "/api/v1/devices/phone/power", &headers, r#"{"power":"on"}"#);
        assert_eq!(reply.status, 200, "{content_type}");
    }
}

#[test]
fn a_body_beyond_the_limit_is_refused_before_it_is_read() {
    let rig = Rig::new();
    let path = "/api/v1/devices/phone/power";
    let padded = |len: usize| {
        let body = r#"{"power":"on"}"#;
        body.to_owned() + &" ".repeat(len - body.len())
    };
    assert_eq!(rig.ask("POST", path, &padded(1 << 20)).status, 200);
    let head = format!(
        "POST {path} HTTP/1.1\r\nConnection: close\r\nHost: {}\r\nAuthorization: Bearer {}\r\n",
        rig.authority(),
        rig.served.token
    );
    let declared = rig.say(format!("{head}Content-Length: {}\r\n\r\n", 1_u64 << 40).as_bytes());
    assert_eq!((declared.status, declared.failure().kind), (413, FailureKind::Invalid));
    let chunk = format!("100000\r\n{}\r\n", padded(1 << 20));
    let streamed =
        rig.say(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}1\r\n \r\n0\r\n\r\n").as_bytes());
    assert_eq!(streamed.status, 413, "{streamed:?}");
    assert_eq!(rig.fake.calls().len(), 1);
}

#[test]
fn a_body_with_a_picture_may_be_longer() {
    let rig = Rig::new();
    let path = "/api/v1/devices/phone/hybrid";
    let image = "A".repeat(15 << 20);
    let reply = rig.ask("POST", path, &json!({ "image": image }).to_string());
    assert_eq!((reply.status, reply.json()), (200, json!(scanned())));
    assert_eq!(rig.fake.calls(), ["scan phone image of 11796480 bytes"]);
    let head = format!(
        "POST {path} HTTP/1.1\r\nConnection: close\r\nHost: {}\r\nAuthorization: Bearer {}\r\n",
        rig.authority(),
        rig.served.token
    );
    let declared = rig.say(format!("{head}Content-Length: {}\r\n\r\n", (16 << 20) + 1).as_bytes());
    assert_eq!((declared.status, declared.failure().kind), (413, FailureKind::Invalid));
    assert_eq!(declared.failure().message, "the request body is longer than 16777216 bytes");
}

#[test]
fn a_code_is_given_as_text_or_as_a_picture() {
    let rig = Rig::new();
    let path = "/api/v1/devices/phone/hybrid";
    for body in ["{}", "[]", r#"{"code":1}"#, r#"{"image":"*"}"#, r#"{"code":"x","image":"AA"}"#, r#""code""#]
    {
        let reply = rig.ask("POST", path, body);
        assert_eq!((reply.status, reply.failure().kind), (400, FailureKind::Invalid), "{body}");
    }
    assert_eq!(rig.fake.calls(), [] as [&str; 0]);
    *rig.fake.scans.lock().unwrap() = false;
    let idle = rig.ask("DELETE", path, "");
    assert_eq!((idle.status, idle.failure().kind), (404, FailureKind::NotFound));
    assert_eq!(idle.failure().message, "no scanned code is being answered on phone");
}

#[test]
fn what_is_not_there_says_where_the_list_is() {
    let rig = Rig::new();
    for path in ["/nothing", "/api/v1", "/api/v2/devices", "/api/v1/devices/", "//"] {
        let reply = rig.ask("GET", path, "");
        assert_eq!((reply.status, reply.failure().kind), (404, FailureKind::NotFound), "{path}");
        assert!(reply.failure().hint.unwrap().contains("/openapi.json"));
    }
    let paired = format!("Sec-WebSocket-Protocol: fauxkey.token.{}", pairing(&rig.served.token));
    for route in ROUTES {
        let path = route.path.replace("{name}", "phone").replace("{id}", "x");
        let reply = match route.path {
            "/api/v1/extension" => rig.ask_with("TRACE", &path, &[&paired], ""),
            _ => rig.ask("TRACE", &path, ""),
        };
        assert_eq!((reply.status, reply.failure().kind), (405, FailureKind::Invalid), "{path}");
        let allowed: Vec<&str> = reply.header("allow").unwrap().split(',').collect();
        for other in ROUTES {
            let allowed = allowed.contains(&other.method);
            assert!(other.path != route.path || allowed, "{} {path}", other.method);
        }
    }
    assert_eq!(rig.fake.calls(), [] as [&str; 0]);
}

#[test]
fn a_name_in_the_path_may_be_any_text_percent_encoded() {
    let rig = Rig::new();
    for (encoded, name) in
        [("my%20phone", "my phone"), ("a%2Fb", "a/b"), ("%C3%A9", "é"), ("%2e%2E", ".."), ("%", "%")]
    {
        assert_eq!(rig.ask("GET", &format!("/api/v1/devices/{encoded}"), "").status, 404);
        assert_eq!(rig.fake.calls(), [format!("device {name}")]);
    }
    let reply = rig.ask("GET", "/api/v1/devices/%FF", "");
    assert_eq!((reply.status, reply.failure().kind), (400, FailureKind::Invalid), "{reply:?}");
}

#[test]
fn no_open_question_is_no_content() {
    let rig = Rig::new();
    let reply = rig.ask("GET", "/api/v1/devices/phone/prompt", "");
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
}

#[test]
fn the_version_names_the_program() {
    let reply = Rig::new().ask("GET", "/api/v1/version", "");
    let expected = json!({ "name": "fauxkey", "version": env!("CARGO_PKG_VERSION"), "api": "v1" });
    assert_eq!((reply.status, reply.json()), (200, expected));
}

#[test]
fn a_bug_below_breaks_one_request_and_not_the_server() {
    let rig = Rig::new();
    let reply = rig.ask("GET", "/api/v1/devices/panics", "");
    assert_eq!((reply.status, reply.failure().kind), (500, FailureKind::Broken));
    assert_eq!(rig.ask("GET", "/api/v1/devices/phone", "").status, 200);
}
