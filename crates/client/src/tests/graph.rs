use super::{IOS, created, creation_json, made, origin, p256, platform};
use crate::{Client, Create, graph, options, run};
use serde_json::{Value, json};
use wire::webauthn::json::RegistrationResponse;

fn registration() -> RegistrationResponse {
    let asked = options::creation(&creation_json(json!({})).to_string()).unwrap().options;
    let begun = Create::begin(&origin(), &asked, &platform(Client::SpecL3)).unwrap();
    run(begun, |_| Ok::<_, crate::ClientError>(made(&created(IOS, b"id", p256())))).unwrap().response
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_body_has_the_members_that_graph_takes_and_no_others() {
    let registration = registration();
    let body = graph::body(&registration, Some("Adele's phone")).unwrap();
    assert_eq!(keys(&body), ["displayName", "publicKeyCredential"]);
    let credential = &body["publicKeyCredential"];
    assert_eq!(keys(credential), ["id", "response", "clientExtensionResults"]);
    assert_eq!(keys(&credential["response"]), ["clientDataJSON", "attestationObject"]);
    let whole = serde_json::to_value(&registration).unwrap();
    assert_eq!(credential["id"], whole["id"]);
    assert_eq!(credential["response"]["clientDataJSON"], whole["response"]["clientDataJSON"]);
    assert_eq!(credential["response"]["attestationObject"], whole["response"]["attestationObject"]);
    assert_eq!(credential["clientExtensionResults"], json!({}));
}

#[test]
fn a_display_name_has_1_to_30_characters_or_is_left_out() {
    let registration = registration();
    assert_eq!(keys(&graph::body(&registration, None).unwrap()), ["publicKeyCredential"]);
    for (name, fits) in [
        (String::new(), false),
        ("x".into(), true),
        ("x".repeat(30), true),
        ("x".repeat(31), false),
        ("ü".repeat(30), true),
        ("ü".repeat(31), false),
    ] {
        let body = graph::body(&registration, Some(&name));
        assert_eq!(body.is_ok(), fits, "{name}");
        if let Err(error) = body {
            let count = name.chars().count();
            let expected =
                format!("the display name has {count} characters, and Microsoft Graph takes 1 to 30");
            assert_eq!(error.to_string(), expected);
        }
    }
}
