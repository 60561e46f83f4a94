//! Every vector in `fixtures/` that an authenticator or a client would take is explained as what it is.
use super::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The vectors of a folder by their members; `fixtures/README.md` has the format.
fn vectors(folder: &str) -> Vec<BTreeMap<String, String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let text: String = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap() + "\n\n").collect();
    let lines = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    let blocks = lines.split(|line| line.is_empty()).filter(|block| !block.is_empty());
    let member =
        |line: &&str| line.split_once(':').map(|(key, value)| (key.into(), value.trim().into())).unwrap();
    let all: Vec<BTreeMap<_, _>> = blocks.map(|block| block.iter().map(member).collect()).collect();
    assert!(!all.is_empty(), "{} holds no vectors", folder.display());
    all
}

fn accepted(folder: &str) -> Vec<BTreeMap<String, String>> {
    let mut all = vectors(folder);
    all.retain(|vector| vector["expect"].starts_with("OK"));
    assert!(all.len() > 3, "{folder}");
    all
}

#[test]
fn answers_to_get_info_are_recognized_with_their_aaguid() {
    for vector in accepted("getinfo") {
        let explanation = explained(&vector["hex"]);
        assert_eq!(explanation.kind, Kind::GetInfo, "{}", vector["name"]);
        assert_eq!(line(&explanation, "0x03 aaguid").value, vector["aaguid"], "{}", vector["name"]);
    }
}

#[test]
fn cose_keys_are_recognized_with_their_algorithm() {
    for vector in accepted("cose") {
        let explanation = explained(&vector["hex"]);
        assert_eq!(explanation.kind, Kind::CoseKey, "{}", vector["name"]);
        let (found, expected) = (&line(&explanation, "alg").value, &vector["expect"]["OK ".len()..]);
        // Of some that `wire` has no name for there is one here.
        let same = found == expected
            || found.ends_with(&format!(" ({expected})"))
            || found.starts_with(&format!("{expected}, "));
        assert!(same, "{}: {found}, not {expected}", vector["name"]);
    }
}

#[test]
fn messages_are_recognized_with_their_command() {
    for vector in accepted("ctap2") {
        let explanation = explained(&vector["hex"]);
        let name = &vector["name"];
        match (vector["message"].as_str(), explanation.kind) {
            ("request", Kind::CtapRequest) => {
                assert_eq!(format!("OK {}", line(&explanation, "command").note), vector["expect"], "{name}");
                assert!(!is_odd(&explanation, "refuses"), "{name}\n{explanation}");
            }
            ("request", Kind::CtapByte) => {
                assert_eq!(
                    format!("OK {}", line(&explanation, "as a request").note),
                    vector["expect"],
                    "{name}"
                );
            }
            (response, Kind::CtapResponse) => {
                let answered = &line(&explanation, "answers").value;
                assert_eq!(&format!("response to {answered}"), response, "{name}");
            }
            (message, kind) => panic!("{name}: a {message} was taken for {kind}\n{explanation}"),
        }
    }
}

#[test]
fn hybrid_codes_are_explained_and_those_that_phones_refuse_are_odd() {
    let (mut good, mut bad) = (0, 0);
    for vector in vectors("hybrid").iter().filter(|vector| vector.contains_key("text")) {
        let (name, accepted) = (&vector["name"], vector["expect"] == "OK");
        match explain(vector["text"].as_bytes(), None) {
            Ok(explanation) if explanation.kind == Kind::HybridQr => {
                assert_eq!(explanation.odd.is_empty(), accepted, "{name}\n{explanation}");
                assert_eq!(is_odd(&explanation, "phones refuse it: "), !accepted, "{name}\n{explanation}");
                *(if accepted { &mut good } else { &mut bad }) += 1;
            }
            _ => assert!(!accepted, "{name} is not recognized"),
        }
    }
    assert!(good > 15 && bad > 20, "{good} {bad}");
}

#[test]
fn requests_that_an_authenticator_refuses_say_with_which_status() {
    let mut seen = 0;
    for vector in vectors("ctap2") {
        let refused = vector["message"] == "request" && !vector["expect"].starts_with("OK");
        let Some(Ok(explanation)) = refused.then(|| explain(vector["hex"].as_bytes(), None)) else {
            continue;
        };
        if explanation.kind == Kind::CtapRequest && !is_odd(&explanation, "after the end") {
            assert!(is_odd(&explanation, &vector["expect"]), "{}\n{explanation}", vector["name"]);
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen}");
}

#[test]
fn canonical_cbor_is_recognized_and_what_is_not_canonical_is_odd() {
    let (mut canonical, mut odd) = (0, 0);
    for vector in vectors("cbor") {
        let Ok(explanation) = explain(vector["hex"].as_bytes(), None) else { continue };
        if explanation.kind == Kind::Cbor && explanation.form == Form::Hex {
            let is_canonical = vector["expect"].starts_with("OK");
            assert_eq!(explanation.odd.is_empty(), is_canonical, "{}\n{explanation}", vector["name"]);
            *(if is_canonical { &mut canonical } else { &mut odd }) += 1;
        }
    }
    assert!(canonical > 20 && odd > 50, "{canonical} {odd}");
}

/// The test vectors of WebAuthn Level 3 §16, one JSON document each.
#[test]
fn the_test_vectors_of_webauthn_are_recognized_with_all_their_parts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/webauthn");
    let mut certificates = 0;
    for file in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let vector: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let text =
            |pointer: &str| vector.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default();
        for (pointer, kind) in [
            ("/registration/attestationObject", Kind::AttestationObject),
            ("/registration/clientDataJSON", Kind::ClientData),
            ("/authentication/authenticatorData", Kind::AuthenticatorData),
            ("/authentication/clientDataJSON", Kind::ClientData),
        ] {
            assert_eq!(explained(text(pointer)).kind, kind, "{}: {pointer}", path.display());
        }
        let object = explained(text("/registration/attestationObject"));
        let attested = line(&object, "authData/attestedCredentialData");
        assert_eq!(
            attested.children[0].value.replace('-', ""),
            text("/registration/aaguid"),
            "{}",
            path.display()
        );
        assert_eq!(attested.children[1].value, text("/registration/credentialId"), "{}", path.display());
        assert!(!is_odd(&object, "X.509") && !is_odd(&object, "mismatch"), "{}\n{object}", path.display());
        let statement = line(&object, "attStmt");
        let chain = statement.children.iter().find(|line| line.label == "x5c");
        for certificate in chain.iter().flat_map(|chain| &chain.children) {
            assert_eq!(certificate.children[2].value, "2024-01-01 00:00:00 UTC to 3024-01-01 00:00:00 UTC");
            certificates += 1;
        }
    }
    assert!(certificates > 3, "{certificates}");
}
