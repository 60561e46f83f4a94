use super::creation_json;
use crate::options::{self, OptionsError, Shape};
use proptest::prelude::*;
use serde_json::{Value, json};
use wire::base64url;

fn request_json() -> Value {
    json!({ "challenge": "Y2hhbGxlbmdl", "rpId": "example.test" })
}

/// A Graph `creationOptions` document as it was captured, with other names in it.
fn graph_document() -> Value {
    json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.webauthnCredentialCreationOptions",
        "challengeTimeoutDateTime": "2026-01-20T22:24:07Z",
        "publicKey": {
            "rp": { "id": "login.contoso.example", "name": "Contoso" },
            "user": {
                "id": "T046ERERESIiM0OERFVVVVVVVaFDVqXLEsqcgvnOFzTt9Z-zWASFdY2wFPMjMOZjS2sm",
                "name": "adele@contoso.example",
                "displayName": "Adele Example",
            },
            "challenge": base64url::encode(format!("O.{}", "eyJ0eXAiOiJKV1Qi.".repeat(300)).as_bytes()),
            "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -257 }],
            "timeout": 60000,
            "excludeCredentials": [
                { "type": "public-key", "id": "2pJaMOMff9qnBE4+W6SuF2cN6C1new5631cAQooTejY=", "transports": [] },
                { "type": "public-key", "id": "E8Rv3V6_zeltZD8Vj09nFg", "transports": ["usb", "nfc"] },
            ],
            "authenticatorSelection": {
                "authenticatorAttachment": "cross-platform",
                "requireResidentKey": true,
                "userVerification": "required",
            },
            "attestation": "direct",
            "extensions": {
                "hmacCreateSecret": true,
                "enforceCredentialProtectionPolicy": true,
                "credentialProtectionPolicy": "userVerificationOptional",
            },
        },
    })
}

fn member_error(document: &Value) -> (String, String) {
    match options::creation(&document.to_string()) {
        Err(OptionsError::Member { path, why }) => (path, why),
        other => panic!("{document}: {other:?}"),
    }
}

#[test]
fn every_shape_gives_the_same_options() {
    let bare = creation_json(json!({}));
    let wrapped = json!({ "publicKey": bare, "mediation": "optional" });
    let graph = json!({ "challengeTimeoutDateTime": "2026-01-20T22:24:07Z", "publicKey": bare });
    let read = |document: &Value| options::creation(&document.to_string()).unwrap();
    assert_eq!(read(&bare).options, read(&wrapped).options);
    assert_eq!(read(&bare).options, read(&graph).options);
    assert_eq!(
        [&bare, &wrapped, &graph].map(|d| read(d).shape),
        [Shape::Bare, Shape::PublicKey, Shape::Graph]
    );
    assert_eq!(read(&graph).challenge_timeout.as_deref(), Some("2026-01-20T22:24:07Z"));
    assert_eq!(read(&wrapped).challenge_timeout, None);

    let bare = request_json();
    let wrapped = json!({ "publicKey": bare });
    let read = |document: &Value| options::request(&document.to_string()).unwrap();
    assert_eq!(read(&bare).options, read(&wrapped).options);
    assert_eq!([&bare, &wrapped].map(|d| read(d).shape), [Shape::Bare, Shape::PublicKey]);
}

#[test]
fn a_graph_document_is_read_whole() {
    let document = graph_document();
    let read = options::creation(&document.to_string()).unwrap().options;
    assert_eq!(read.user.id.0.len(), 51);
    assert_eq!(read.exclude_credentials.len(), 2);
    assert_eq!(read.exclude_credentials[0].id.0.len(), 32, "padded standard base64, as Graph once answered");
    assert!(read.challenge.0.len() > 5_000);
    assert_eq!(base64url::encode(&read.challenge.0), document["publicKey"]["challenge"]);
    assert_eq!(read.extensions.len(), 3);
}

#[test]
fn a_missing_member_is_named_with_its_path() {
    for (pointer, member) in [
        ("", "rp"),
        ("", "user"),
        ("", "challenge"),
        ("", "pubKeyCredParams"),
        ("/user", "id"),
        ("/user", "name"),
        ("/pubKeyCredParams/1", "alg"),
        ("/pubKeyCredParams/0", "type"),
        ("/excludeCredentials/0", "id"),
        ("/excludeCredentials/0", "type"),
    ] {
        let mut options =
            creation_json(json!({ "excludeCredentials": [{ "type": "public-key", "id": "AQ" }] }));
        options.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(member);
        let place =
            format!("{pointer}/{member}").replacen('/', "", 1).replace("/0/", "[0].").replace("/1/", "[1].");
        let place = place.replace('/', ".");
        assert_eq!(member_error(&options), (place.clone(), "is missing".into()));
        assert_eq!(
            member_error(&json!({ "publicKey": options })),
            (format!("publicKey.{place}"), "is missing".into())
        );
    }
    let error = options::request("{}").unwrap_err();
    assert_eq!(error.to_string(), "challenge: is missing");
}

#[test]
fn a_mistyped_member_is_named_with_its_path() {
    for (members, place) in [
        (json!({ "rp": "example.test" }), "rp"),
        (json!({ "rp": { "id": 7 } }), "rp.id"),
        (json!({ "user": { "id": [1, 2], "name": "a" } }), "user.id"),
        (json!({ "user": { "id": "not base64!", "name": "a" } }), "user.id"),
        (json!({ "user": { "id": "AQ", "name": null } }), "user.name"),
        (json!({ "challenge": { "0": 1 } }), "challenge"),
        (json!({ "pubKeyCredParams": {} }), "pubKeyCredParams"),
        (
            json!({ "pubKeyCredParams": [{ "type": "public-key", "alg": "ES256" }] }),
            "pubKeyCredParams[0].alg",
        ),
        (json!({ "timeout": "soon" }), "timeout"),
        (json!({ "excludeCredentials": [{ "type": "public-key", "id": 1 }] }), "excludeCredentials[0].id"),
        (
            json!({ "authenticatorSelection": { "requireResidentKey": "yes" } }),
            "authenticatorSelection.requireResidentKey",
        ),
        (json!({ "attestation": true }), "attestation"),
        (json!({ "extensions": [] }), "extensions"),
    ] {
        let (path, why) = member_error(&creation_json(members));
        assert_eq!(path, place);
        assert!(why.contains("expected"), "{path}: {why}");
    }
}

#[test]
fn a_user_handle_has_1_to_64_bytes() {
    for (length, fits) in [(0, false), (1, true), (64, true), (65, false), (3_000, false)] {
        let user = json!({ "id": base64url::encode(&vec![7; length]), "name": "a" });
        let document = json!({ "publicKey": creation_json(json!({ "user": user })) });
        match options::creation(&document.to_string()) {
            Ok(read) => assert!(fits && read.options.user.id.0.len() == length),
            Err(error) => {
                assert!(!fits, "{length}");
                assert_eq!(
                    error.to_string(),
                    format!("publicKey.user.id: has {length} bytes, and a user handle has 1 to 64")
                );
            }
        }
    }
}

#[test]
fn members_that_nobody_knows_are_ignored_and_null_extensions_are_none() {
    let options = creation_json(json!({
        "extensions": null, "authenticatorSelection": null, "attestation": null, "timeout": null, "future": [1, 2],
        "rp": { "id": "example.test", "name": "Example", "icon": "data:" },
    }));
    let read = options::creation(&options.to_string()).unwrap().options;
    assert!(read.extensions.is_empty() && read.authenticator_selection.is_none() && read.timeout.is_none());
}

#[test]
fn options_for_the_other_ceremony_are_recognised() {
    let error = options::creation(&request_json().to_string()).unwrap_err();
    assert_eq!(error, OptionsError::OtherCeremony { found: "get", wanted: "create" });
    assert_eq!(error.hint().as_deref(), Some("use webauthn get"));
    for document in [creation_json(json!({})), graph_document()] {
        let error = options::request(&document.to_string()).unwrap_err();
        assert_eq!(error, OptionsError::OtherCeremony { found: "create", wanted: "get" });
    }
}

#[test]
fn what_is_no_document_says_so_shortly() {
    for text in ["", "{", "nonsense", "{\"a\":}"] {
        assert!(matches!(options::creation(text), Err(OptionsError::NotJson(_))), "{text}");
    }
    for text in ["[]", "7", "null", "\"text\""] {
        let error = options::request(text).unwrap_err();
        assert_eq!(error.to_string(), ".: expected an object");
        assert!(error.hint().is_some());
    }
    let error = options::creation(r#"{"publicKey": [1]}"#).unwrap_err();
    assert_eq!(error.to_string(), "publicKey: expected an object");
    let long = creation_json(json!({ "challenge": "*".repeat(9_000) })).to_string();
    assert!(options::creation(&long).unwrap_err().to_string().len() < 300);
    assert!(options::creation(&"[".repeat(100_000)).is_err(), "deep nesting is an error, not a crash");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,200}") {
        let _ = (options::creation(&text), options::request(&text));
    }

    #[test]
    fn a_canonical_challenge_of_any_length_stays_as_it_was_written(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
        let challenge = base64url::encode(&bytes);
        let document = json!({ "challenge": challenge }).to_string();
        let read = options::request(&document).unwrap().options;
        prop_assert_eq!(base64url::encode(&read.challenge.0), challenge);
    }
}
