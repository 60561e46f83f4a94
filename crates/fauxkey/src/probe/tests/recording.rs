//! Recordings of browsers.
use crate::control::FailureKind;
use crate::probe::har::import;
use crate::probe::target::description::{Description, Way};
use serde_json::{Value, json};

fn entry(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &Value,
    status: u16,
    answer: &Value,
) -> Value {
    let headers: Vec<Value> =
        headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "request": {
            "method": method, "url": url, "headers": headers, "cookies": [{ "name": "sid", "value": "cookie-value" }],
            "postData": { "mimeType": "application/json", "text": body.to_string() },
        },
        "response": { "status": status, "content": { "mimeType": "application/json", "text": answer.to_string() } },
    })
}

const SECRETS: [&str; 6] = [
    "cookie-value",
    "bearer-value",
    "csrf-value-9",
    "password-value",
    "device-fingerprint-77",
    "path-secret-0123456789",
];

fn recording() -> String {
    let headers = [
        ("Authorization", "Bearer bearer-value"),
        ("Cookie", "sid=cookie-value"),
        ("Accept", "*/*"),
        ("X-CSRF", "csrf-value-9"),
    ];
    let creation = json!({ "data": { "publicKey": {
        "challenge": "Y2hhbGxlbmdl", "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }],
        "user": { "id": "AQ", "name": "ada@shop.test", "displayName": "Ada" }, "rp": { "name": "Shop" } } },
        "flow": "flow-of-registration-1" });
    let registration =
        json!({ "id": "AQ", "response": { "clientDataJSON": "e30", "attestationObject": "oA" } });
    let request = json!({ "challenge": "Y2hhbGxlbmdl", "rpId": "shop.test", "allowCredentials": [] });
    let assertion = json!({ "id": "AQ", "response": { "clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA" } });
    let entries = [
        entry("GET", "https://shop.test/style.css", &headers, &Value::Null, 200, &json!("no")),
        entry(
            "POST",
            "https://shop.test/passkeys/path-secret-0123456789/new",
            &headers,
            &json!({ "username": "ada@shop.test", "attestation": "direct", "csrf": "csrf-value-9", "password": "password-value" }),
            200,
            &creation,
        ),
        entry(
            "PUT",
            "https://shop.test/passkeys?lang=device-fingerprint-77",
            &headers,
            &json!({ "flow": "flow-of-registration-1", "inner": { "credential": registration }, "name": null, "n": 1 }),
            201,
            &json!({ "verified": true }),
        ),
        entry("GET", "https://shop.test/login?user=ada@shop.test", &headers, &Value::Null, 200, &request),
        entry("POST", "https://login.shop.test/login", &headers, &assertion, 200, &json!({ "status": "ok" })),
    ];
    json!({ "log": { "entries": entries } }).to_string()
}

#[test]
fn a_recording_becomes_a_target_that_is_read_and_has_no_secret_of_it() {
    let found = import("r.har", &recording()).unwrap();
    for secret in SECRETS {
        assert!(!found.toml.contains(secret), "{secret} was copied:\n{}", found.toml);
    }
    let (description, doors) = Description::read("r.toml", &found.toml).unwrap();
    assert_eq!(description.url.as_deref(), Some("https://shop.test"));
    assert_eq!(description.headers["Authorization"], "env:TARGET_AUTHORIZATION");
    assert_eq!(description.headers["X-CSRF"], "env:TARGET_X_CSRF");
    assert_eq!(description.headers.len(), 2);
    let parsed: Value = toml::from_str(&found.toml).unwrap();
    let begin = &parsed["registration"]["begin"];
    assert_eq!(begin["path"], "/passkeys/FILL-IN/new");
    assert_eq!(begin["options"], "/data/publicKey");
    assert_eq!(begin["keep"], json!({ "flow": "/flow" }));
    let body =
        json!({ "username": "{user}", "attestation": "direct", "csrf": "FILL-IN", "password": "FILL-IN" });
    assert_eq!(begin["body"], body);
    let finish = &parsed["registration"]["finish"];
    assert_eq!(finish["method"], "PUT");
    assert_eq!(finish["body"], json!({ "flow": "{flow}", "inner": { "credential": "{response}" }, "n": 1 }));
    assert_eq!(finish["accepted"], json!({ "status": [201], "pointer": "/verified", "equals": true }));
    let sign_in = &parsed["sign-in"];
    assert_eq!(sign_in["begin"]["query"], json!({ "user": "{user}" }));
    assert_eq!(sign_in["finish"]["path"], "https://login.shop.test/login", "another host stays another");
    assert_eq!(sign_in["finish"]["body"], "{response}");
    assert_eq!(
        sign_in["finish"]["accepted"],
        json!({ "status": [200], "pointer": "/status", "equals": "ok" })
    );
    assert!(matches!(doors.sign_in.unwrap().finish.way, Way::Http { .. }));
    assert!(
        found.notes.iter().any(|note| note.starts_with("registration.begin.body/csrf: ")),
        "{:?}",
        found.notes
    );
    assert!(found.notes.iter().any(|note| note.contains("cookies")));
}

#[test]
fn a_form_and_an_answer_in_base64_are_understood() {
    let mut recording: Value = serde_json::from_str(&recording()).unwrap();
    let entries = recording["log"]["entries"].as_array_mut().unwrap();
    let answer = entries[1]["response"]["content"]["text"].as_str().unwrap().to_owned();
    let mut padded = wire::base64url::encode(answer.as_bytes()).replace('-', "+").replace('_', "/");
    // RFC 4648 §4: to a multiple of four.
    padded.push_str(&"=".repeat((4 - padded.len() % 4) % 4));
    entries[1]["response"]["content"] = json!({ "encoding": "base64", "text": padded });
    let response =
        json!({ "id": "AQ", "response": { "clientDataJSON": "e30", "attestationObject": "oA" } }).to_string();
    entries[2]["request"]["postData"] = json!({ "mimeType": "application/x-www-form-urlencoded; charset=UTF-8",
        "text": url::form_urlencoded::Serializer::new(String::new()).append_pair("credential", &response).finish() });
    let found = import("r.har", &recording.to_string()).unwrap();
    let parsed: Value = toml::from_str(&found.toml).unwrap();
    assert_eq!(parsed["registration"]["finish"]["form"], json!({ "credential": "{response}" }));
}

#[test]
fn what_has_no_registration_in_it_is_refused() {
    for text in ["", "{}", "{\"log\":{\"entries\":[]}}", "{\"log\":{\"entries\":[{\"request\":{}}]}}"] {
        let failure = import("r.har", text).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid);
        assert!(failure.message.starts_with("r.har: "), "{failure}");
    }
}
