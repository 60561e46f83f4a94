use super::*;
use alloc::string::ToString;
use proptest::collection::vec as some;
use proptest::option::of;
use proptest::prelude::*;
use serde_json::json;

fn creation() -> Value {
    json!({
        "rp": { "id": "login.example.test", "name": "Example" },
        "user": { "id": "-_-_", "name": "adele@example.test", "displayName": "Adele" },
        "challenge": "AAECAwQFBgcICQoLDA0ODw",
        "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -257 }],
        "timeout": 60000,
        "excludeCredentials": [{ "type": "public-key", "id": "-_8", "transports": ["usb", "nfc"] }],
        "authenticatorSelection": {
            "authenticatorAttachment": "cross-platform",
            "residentKey": "required",
            "requireResidentKey": true,
            "userVerification": "required"
        },
        "hints": ["security-key"],
        "attestation": "direct",
        "attestationFormats": ["packed"],
        "extensions": { "hmacCreateSecret": true, "credentialProtectionPolicy": "userVerificationOptional" }
    })
}

fn request() -> Value {
    json!({
        "challenge": "AAECAwQFBgcICQoLDA0ODw",
        "timeout": 600000,
        "rpId": "login.example.test",
        "allowCredentials": [{ "type": "public-key", "id": "-_8" }],
        "userVerification": "required",
        "hints": ["hybrid"],
        "extensions": { "appid": "https://example.test" }
    })
}

fn registration() -> Value {
    json!({
        "id": "-_8",
        "rawId": "-_8",
        "response": {
            "clientDataJSON": "e30",
            "attestationObject": "oA",
            "authenticatorData": "AA",
            "transports": ["hybrid", "internal"],
            "publicKey": "MA",
            "publicKeyAlgorithm": -7
        },
        "authenticatorAttachment": "platform",
        "clientExtensionResults": { "credProps": { "rk": true } },
        "type": "public-key"
    })
}

fn authentication() -> Value {
    json!({
        "id": "-_8",
        "rawId": "-_8",
        "response": { "clientDataJSON": "e30", "authenticatorData": "AA", "signature": "MA", "userHandle": "AQ" },
        "authenticatorAttachment": "cross-platform",
        "clientExtensionResults": {},
        "type": "public-key"
    })
}

/// Reads and writes, so that one function serves all four documents.
fn reread<T: Serialize + for<'de> Deserialize<'de>>(value: Value) -> Result<Value, InvalidJson> {
    from_value::<T>(value).map(|read| serde_json::to_value(read).unwrap())
}

type Reread = fn(Value) -> Result<Value, InvalidJson>;

fn documents() -> [(&'static str, Value, Reread); 4] {
    [
        ("creation options", creation(), reread::<CreationOptions>),
        ("request options", request(), reread::<RequestOptions>),
        ("registration response", registration(), reread::<RegistrationResponse>),
        ("authentication response", authentication(), reread::<AuthenticationResponse>),
    ]
}

/// Puts `value` at a path such as `user.id` or `pubKeyCredParams[1].alg`.
fn at<'a>(document: &'a mut Value, path: &str) -> &'a mut Value {
    let pointer = path.replace(['.', '['], "/").replace(']', "");
    document.pointer_mut(&format!("/{pointer}")).unwrap()
}

#[test]
fn full_documents_read_and_are_written_as_they_came() {
    for (name, document, reread) in documents() {
        assert_eq!(reread(document.clone()).as_ref(), Ok(&document), "{name}");
    }
}

#[test]
fn members_that_nobody_knows_are_passed_over() {
    for (name, document, reread) in documents() {
        let mut more = document.clone();
        more["fromTheFuture"] = json!({ "deep": [1, 2, 3] });
        for inner in ["rp", "user", "response", "authenticatorSelection"] {
            if let Some(inner) = more.get_mut(inner) {
                inner["icon"] = json!("https://example.test/i.png");
            }
        }
        assert_eq!(reread(more), Ok(document), "{name}");
    }
}

#[test]
fn both_dialects_of_base64_read_and_base64url_is_written() {
    let places: [(usize, &[&str]); 4] = [
        (0, &["user.id", "challenge", "excludeCredentials[0].id"]),
        (1, &["challenge", "allowCredentials[0].id"]),
        (
            2,
            &[
                "rawId",
                "response.clientDataJSON",
                "response.attestationObject",
                "response.authenticatorData",
                "response.publicKey",
            ],
        ),
        (
            3,
            &[
                "rawId",
                "response.clientDataJSON",
                "response.authenticatorData",
                "response.signature",
                "response.userHandle",
            ],
        ),
    ];
    for (index, paths) in places {
        let (name, document, reread) = &documents()[index];
        for path in paths {
            for dialect in ["-_8", "-_8=", "+/8", "+/8="] {
                let mut other = document.clone();
                *at(&mut other, path) = dialect.into();
                let mut expected = document.clone();
                *at(&mut expected, path) = "-_8".into();
                assert_eq!(reread(other), Ok(expected), "{name}: {path}: {dialect}");
            }
            for bad in [json!("-_8 "), json!("é"), json!("A"), json!(7), json!([251, 255]), json!({})] {
                let mut broken = document.clone();
                *at(&mut broken, path) = bad.clone();
                let error = reread(broken).unwrap_err();
                assert_eq!(error.path, *path, "{name}: {bad}");
            }
        }
    }
}

/// Browsers write `"userHandle": null`, and other optional members are read as kindly.
#[test]
fn null_is_as_good_as_absent_where_a_member_is_optional_and_only_there() {
    for (index, path, optional) in [
        (0, "rp.id", true),
        (0, "timeout", true),
        (0, "authenticatorSelection", true),
        (0, "excludeCredentials[0].transports", true),
        (0, "user.id", false),
        (0, "challenge", false),
        (1, "rpId", true),
        (1, "challenge", false),
        (2, "authenticatorAttachment", true),
        (2, "response.authenticatorData", true),
        (2, "response.publicKey", true),
        (2, "response.attestationObject", false),
        (3, "response.userHandle", true),
        (3, "response.signature", false),
    ] {
        let (name, mut document, reread) = documents()[index].clone();
        *at(&mut document, path) = json!(null);
        assert_eq!(reread(document).is_ok(), optional, "{name}: {path}");
    }
}

#[test]
fn an_error_names_the_path_of_what_is_wrong() {
    for (index, path, value, why) in [
        (0, "rp", json!("login.example.test"), "expected struct RpEntity"),
        (0, "rp.id", json!(1), "expected a string"),
        (0, "user.displayName", json!(null), "expected a string"),
        (0, "pubKeyCredParams", json!({}), "expected a sequence"),
        (0, "pubKeyCredParams[1].alg", json!("ES256"), "expected i64"),
        (0, "pubKeyCredParams[0].type", json!(1), "expected a string"),
        (0, "timeout", json!(-1), "expected u64"),
        (0, "excludeCredentials[0].transports", json!("usb"), "expected a sequence"),
        (0, "excludeCredentials[0].transports[1]", json!(1), "expected a string"),
        (0, "authenticatorSelection.requireResidentKey", json!("true"), "expected a boolean"),
        (0, "extensions", json!([]), "expected a map"),
        (1, "userVerification", json!(true), "expected a string"),
        (1, "allowCredentials[0]", json!("-_8"), "expected struct Descriptor"),
        (2, "response.publicKeyAlgorithm", json!("-7"), "expected i64"),
        (2, "response.transports[0]", json!(0), "expected a string"),
        (3, "response.signature", json!("not base64!"), "expected base64url text"),
        (3, "type", json!(0), "expected a string"),
    ] {
        let (name, mut document, reread) = documents()[index].clone();
        *at(&mut document, path) = value;
        let error = reread(document).unwrap_err();
        assert_eq!(error.path, path, "{name}");
        assert!(error.why.contains(why), "{name}: {error}");
        assert!(error.to_string().starts_with(&format!("{path}: ")), "{error}");
    }
}

#[test]
fn an_absent_member_is_named_with_the_place_where_it_belongs() {
    for (index, parent, member) in [
        (0, "", "rp"),
        (0, "", "user"),
        (0, "", "challenge"),
        (0, "", "pubKeyCredParams"),
        (0, "user", "id"),
        (0, "user", "name"),
        (0, "pubKeyCredParams[1]", "alg"),
        (0, "pubKeyCredParams[0]", "type"),
        (0, "excludeCredentials[0]", "id"),
        (1, "", "challenge"),
        (1, "allowCredentials[0]", "type"),
        (2, "", "id"),
        (2, "", "rawId"),
        (2, "", "type"),
        (2, "response", "clientDataJSON"),
        (2, "response", "attestationObject"),
        (3, "", "response"),
        (3, "response", "authenticatorData"),
        (3, "response", "signature"),
    ] {
        let (name, mut document, reread) = documents()[index].clone();
        let holder = if parent.is_empty() { &mut document } else { at(&mut document, parent) };
        assert!(holder.as_object_mut().unwrap().remove(member).is_some(), "{name}: {parent}: {member}");
        let error = reread(document).unwrap_err();
        assert_eq!(error.path, if parent.is_empty() { "." } else { parent }, "{name}: {member}");
        assert_eq!(error.why, format!("missing field `{member}`"), "{name}");
    }
}

#[test]
fn the_least_of_each_document_reads() {
    let entity = json!({ "id": "AQ", "name": "a" });
    let least = json!({ "rp": {}, "user": entity, "challenge": "", "pubKeyCredParams": [] });
    let options: CreationOptions = from_value(least).unwrap();
    assert_eq!((options.rp.id, options.timeout, options.authenticator_selection), (None, None, None));
    assert!(
        options.exclude_credentials.is_empty() && options.hints.is_empty() && options.extensions.is_empty()
    );
    let options: RequestOptions = from_value(json!({ "challenge": "AA" })).unwrap();
    assert_eq!(options.challenge, Base64Url::from(alloc::vec![0]));
    let response = json!({ "clientDataJSON": "", "attestationObject": "" });
    let credential = json!({ "id": "", "rawId": "", "type": "public-key", "response": response });
    assert!(from_value::<RegistrationResponse>(credential).is_ok());
    let response =
        json!({ "clientDataJSON": "", "authenticatorData": "", "signature": "", "userHandle": null });
    let credential = json!({ "id": "", "rawId": "", "type": "public-key", "response": response });
    assert_eq!(from_value::<AuthenticationResponse>(credential).unwrap().response.user_handle, None);
}

#[test]
fn a_document_that_is_no_object_is_wrong_as_a_whole() {
    for (name, _, reread) in documents() {
        for value in [json!(null), json!(1), json!("x"), json!([[]])] {
            let error = reread(value).unwrap_err();
            assert!(!error.why.is_empty() && !error.to_string().starts_with(". "), "{name}: {error}");
        }
        assert_eq!(reread(json!(null)).unwrap_err().path, ".", "{name}");
        assert!(!reread(json!(null)).unwrap_err().to_string().starts_with('.'), "{name}");
    }
}

fn octets() -> impl Strategy<Value = Base64Url> {
    some(any::<u8>(), 0..60).prop_map(Base64Url)
}

prop_compose! {
    fn descriptor()(kind: String, id in octets(), transports: Option<Vec<String>>) -> Descriptor {
        Descriptor { kind, id, transports }
    }
}

prop_compose! {
    fn creation_options()(
        (rp_id, rp_name, name, display_name) in any::<(Option<String>, String, String, String)>(),
        (user_id, challenge) in (octets(), octets()),
        parameters in some(any::<(String, i64)>(), 0..4),
        timeout: Option<u64>,
        exclude_credentials in some(descriptor(), 0..3),
        selection in of(any::<(Option<String>, Option<String>, Option<bool>, Option<String>)>()),
        (hints, attestation, attestation_formats) in any::<(Vec<String>, Option<String>, Vec<String>)>(),
    ) -> CreationOptions {
        CreationOptions {
            rp: RpEntity { id: rp_id, name: rp_name },
            user: UserEntity { id: user_id, name, display_name },
            challenge,
            pub_key_cred_params: parameters.into_iter().map(|(kind, alg)| Parameters { kind, alg }).collect(),
            timeout, exclude_credentials,
            authenticator_selection: selection.map(|(attachment, resident_key, require_resident_key, user_verification)| {
                AuthenticatorSelection { authenticator_attachment: attachment, resident_key, require_resident_key, user_verification }
            }),
            hints, attestation, attestation_formats, extensions: Map::new(),
        }
    }
}

proptest! {
    #[test]
    fn creation_options_that_were_written_read_back(options in creation_options()) {
        let text = serde_json::to_string(&options).unwrap();
        prop_assert_eq!(from_value::<CreationOptions>(serde_json::from_str(&text).unwrap()), Ok(options));
    }

    #[test]
    fn request_options_that_were_written_read_back(
        challenge in octets(), timeout: Option<u64>, rp_id: Option<String>, allow_credentials in some(descriptor(), 0..3),
        user_verification: Option<String>, hints: Vec<String>,
    ) {
        let options = RequestOptions { challenge, timeout, rp_id, allow_credentials, user_verification, hints, extensions: Map::new() };
        let text = serde_json::to_string(&options).unwrap();
        prop_assert_eq!(from_value::<RequestOptions>(serde_json::from_str(&text).unwrap()), Ok(options));
    }

    #[test]
    fn responses_that_were_written_read_back(
        (id, kind, authenticator_attachment, transports) in any::<(String, String, Option<String>, Vec<String>)>(),
        (raw_id, client_data_json, attestation_object, signature) in (octets(), octets(), octets(), octets()),
        (authenticator_data, public_key, user_handle) in (of(octets()), of(octets()), of(octets())),
        public_key_algorithm: Option<i64>,
    ) {
        let client_extension_results = Map::new();
        let registration = RegistrationResponse {
            id: id.clone(), raw_id: raw_id.clone(), kind: kind.clone(),
            authenticator_attachment: authenticator_attachment.clone(),
            client_extension_results: client_extension_results.clone(),
            response: AttestationResponse {
                client_data_json: client_data_json.clone(), attestation_object, authenticator_data: authenticator_data.clone(),
                transports, public_key, public_key_algorithm,
            },
        };
        let text = serde_json::to_string(&registration).unwrap();
        prop_assert_eq!(from_value::<RegistrationResponse>(serde_json::from_str(&text).unwrap()), Ok(registration));
        let authentication = AuthenticationResponse {
            id, raw_id, kind, authenticator_attachment, client_extension_results,
            response: AssertionResponse {
                client_data_json, authenticator_data: authenticator_data.unwrap_or_default(), signature, user_handle,
            },
        };
        let text = serde_json::to_string(&authentication).unwrap();
        prop_assert_eq!(from_value::<AuthenticationResponse>(serde_json::from_str(&text).unwrap()), Ok(authentication));
    }
}
