//! Each extension: what goes to the authenticator, and what the page gets.
use super::peer::{Asked, Peer, evaluate};
use super::{creation_json, origin, platform, with_options};
use crate::{Account, Client, ClientError, Create, Get, Pin, Platform, options, run};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wire::base64url;
use wire::cbor;
use wire::ctap2::{Command, GetInfoResponse};

const PIN: &str = "1234";

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

/// A key with a PIN and those extensions.
fn having(protocol: i64, extensions: &[&str]) -> Platform {
    let options = [
        ("rk", true),
        ("clientPin", true),
        ("pinUvAuthToken", true),
        ("makeCredUvNotRqd", true),
        ("largeBlobs", true),
    ];
    let info = GetInfoResponse {
        pin_uv_auth_protocols: vec![protocol],
        extensions: extensions.iter().map(|id| (*id).into()).collect(),
        max_cred_blob_length: Some(32),
        ..with_options(&options)
    };
    Platform { info, ..platform(Client::SpecL3) }
}

/// The page's outputs and the notes.
type Outcome = Result<(Value, Vec<String>), ClientError>;

fn create_with(members: Value, extensions: Value, platform: &Platform, peer: &mut Peer) -> Outcome {
    let mut members = members;
    members["extensions"] = extensions;
    let options = options::creation(&creation_json(members).to_string()).unwrap().options;
    let pin = peer.pin.as_deref().map(|pin| Pin::new(pin).unwrap());
    let begun = Create::begin_with(&origin(), &options, platform, pin, &mut rng())?;
    let done = run(begun, |message| Ok::<_, ClientError>(peer.exchange(message)))?;
    Ok((done.response.client_extension_results.into(), done.notes))
}

fn create(extensions: Value, platform: &Platform, peer: &mut Peer) -> Outcome {
    create_with(json!({}), extensions, platform, peer)
}

fn get_with(members: Value, extensions: Value, platform: &Platform, peer: &mut Peer) -> Outcome {
    let mut document = members;
    document["challenge"] = "Y2hhbGxlbmdl".into();
    document["rpId"] = super::RP_ID.into();
    document["extensions"] = extensions;
    let options = options::request(&document.to_string()).unwrap().options;
    let pin = peer.pin.as_deref().map(|pin| Pin::new(pin).unwrap());
    let begun = Get::begin_with(&origin(), &options, platform, Account::Newest, pin, &mut rng())?;
    let done = run(begun, |message| Ok::<_, ClientError>(peer.exchange(message)))?;
    Ok((done.response.client_extension_results.into(), done.notes))
}

fn get(extensions: Value, platform: &Platform, peer: &mut Peer) -> Outcome {
    get_with(json!({}), extensions, platform, peer)
}

fn peer() -> Peer {
    Peer::new(2, Some(PIN))
}

/// What the peer's hmac-secret gives for an input of the page.
fn evaluated(input: &[u8]) -> String {
    base64url::encode(&evaluate(&Sha256::digest([b"WebAuthn PRF\0", input].concat())))
}

fn allow(ids: &[&[u8]]) -> Value {
    let list: Vec<_> =
        ids.iter().map(|id| json!({ "type": "public-key", "id": base64url::encode(id) })).collect();
    json!({ "allowCredentials": list })
}

#[test]
fn prf_evaluates_one_input_or_two_by_either_protocol() {
    for protocol in [1, 2] {
        let platform = having(protocol, &["hmac-secret"]);
        let (one, two) = (base64url::encode(b"one"), base64url::encode(b"two"));
        for (eval, results) in [
            (json!({ "first": one }), json!({ "first": evaluated(b"one") })),
            (
                json!({ "first": one, "second": two }),
                json!({ "first": evaluated(b"one"), "second": evaluated(b"two") }),
            ),
            (json!({ "first": "", "second": null }), json!({ "first": evaluated(b"") })),
        ] {
            let mut peer = Peer::new(protocol, Some(PIN));
            let (outputs, notes) = get(json!({ "prf": { "eval": eval } }), &platform, &mut peer).unwrap();
            assert_eq!(outputs, json!({ "prf": { "results": results } }));
            assert_eq!(notes, [""; 0]);
        }
    }
}

#[test]
fn prf_evaluates_at_a_registration_where_the_authenticator_can() {
    let mut peer = peer();
    peer.outputs = vec![("hmac-secret", true.into())];
    let input = json!({ "prf": { "eval": { "first": base64url::encode(b"one") } } });
    let (outputs, _) =
        create(input.clone(), &having(2, &["hmac-secret", "hmac-secret-mc"]), &mut peer).unwrap();
    assert_eq!(outputs, json!({ "prf": { "enabled": true, "results": { "first": evaluated(b"one") } } }));
    let (outputs, notes) = create(input.clone(), &having(2, &["hmac-secret"]), &mut peer).unwrap();
    assert_eq!(outputs, json!({ "prf": { "enabled": true } }));
    assert!(notes.iter().any(|note| note.contains("hmac-secret-mc")), "{notes:?}");
    assert!(peer.input("hmac-secret-mc").is_none());
    peer.outputs.clear();
    let (outputs, _) = create(input, &having(2, &[]), &mut peer).unwrap();
    assert_eq!((outputs, peer.inputs), (json!({ "prf": { "enabled": false } }), None));
}

#[test]
fn prf_takes_the_input_of_the_credential_that_answers() {
    let platform = having(2, &["hmac-secret"]);
    let input = |text: &[u8]| json!({ "first": base64url::encode(text) });
    let prf = json!({ "prf": {
        "eval": input(b"any"),
        "evalByCredential": { base64url::encode(b"a"): input(b"for a"), base64url::encode(b"b"): input(b"for b") },
    } });
    for (here, expected) in [(&b"a"[..], &b"for a"[..]), (b"b", b"for b"), (b"c", b"any")] {
        let mut peer = Peer { ids: vec![here.into()], ..peer() };
        let (outputs, _) = get_with(allow(&[b"a", b"b", b"c"]), prf.clone(), &platform, &mut peer).unwrap();
        assert_eq!(outputs["prf"]["results"]["first"], evaluated(expected));
        assert!(peer.asked.contains(&Asked::Silently), "it must be known which one will answer");
    }
    // An only credential need not be searched for.
    let only = json!({ "prf": { "evalByCredential": { base64url::encode(b"a"): input(b"for a") } } });
    let mut peer = peer();
    let (outputs, _) = get_with(allow(&[b"a"]), only, &platform, &mut peer).unwrap();
    assert_eq!(outputs["prf"]["results"]["first"], evaluated(b"for a"));
    assert!(!peer.asked.contains(&Asked::Silently));
}

#[test]
fn prf_verifies_the_user_whatever_the_page_says() {
    let platform = having(2, &["hmac-secret"]);
    let discouraged = json!({ "userVerification": "discouraged" });
    let prf = json!({ "prf": { "eval": { "first": "AA" } } });
    let (outputs, notes) = get_with(discouraged.clone(), prf.clone(), &platform, &mut peer()).unwrap();
    assert_eq!(outputs["prf"]["results"]["first"], evaluated(&[0]));
    assert!(notes[0].contains("prf and large blobs are for a verified user"), "{notes:?}");
    // Without a PIN there is nobody to be verified, and the sign-in goes on.
    let mut peer = Peer { pin: None, ..peer() };
    let (outputs, notes) = get_with(discouraged, prf, &platform, &mut peer).unwrap();
    assert_eq!((outputs, peer.asked), (json!({ "prf": {} }), vec![Asked::Ceremony(Command::GET_ASSERTION)]));
    assert!(notes[0].contains("evaluates nothing"), "{notes:?}");
}

#[test]
fn what_hmac_secret_gives_for_a_user_who_was_not_verified_is_kept_from_the_page() {
    let platform = having(2, &["hmac-secret", "hmac-secret-mc"]);
    let prf = json!({ "prf": { "eval": { "first": "AA" } } });
    let mut peer = Peer { denies_uv: true, ..peer() };
    for (outputs, notes) in
        [get(prf.clone(), &platform, &mut peer).unwrap(), create(prf, &platform, &mut peer).unwrap()]
    {
        assert!(outputs["prf"].get("results").is_none());
        assert!(notes.iter().any(|note| note.contains("kept from the page")), "{notes:?}");
    }
}

#[test]
fn prf_that_a_page_may_not_send_is_refused_as_the_specification_says() {
    let platform = having(2, &["hmac-secret"]);
    let first = || json!({ "first": "AA" });
    let exception = |outcome: Outcome| outcome.unwrap_err().exception();
    let by = |key: &str| json!({ "prf": { "evalByCredential": { key: first() } } });
    assert_eq!(exception(create(by("YQ"), &platform, &mut peer())), "NotSupportedError");
    assert_eq!(exception(get(by("YQ"), &platform, &mut peer())), "NotSupportedError");
    for key in ["", "Yg", "not base64url!"] {
        assert_eq!(
            exception(get_with(allow(&[b"a"]), by(key), &platform, &mut peer())),
            "SyntaxError",
            "{key}"
        );
    }
    for (prf, path) in [
        (json!(true), "extensions.prf: "),
        (json!({ "eval": {} }), "extensions.prf.eval.first: "),
        (json!({ "eval": { "first": 1 } }), "extensions.prf.eval.first: "),
        (json!({ "eval": { "first": "AA", "second": "?" } }), "extensions.prf.eval.second: "),
        (json!({ "evalByCredential": [] }), "extensions.prf.evalByCredential: "),
    ] {
        let error = get_with(allow(&[b"a"]), json!({ "prf": prf }), &platform, &mut peer()).unwrap_err();
        assert_eq!(error.exception(), "TypeError");
        assert!(error.to_string().starts_with(path), "{error}");
    }
}

#[test]
fn what_hmac_secret_gives_and_cannot_be_decrypted_is_kept_from_the_page() {
    for garbage in [cbor::bytes([1; 15]), cbor::bytes([1; 32]), cbor::bytes([1; 80]), true.into()] {
        let platform = having(2, &["hmac-secret"]);
        let options = options::request(
            &json!({ "challenge": "AA", "rpId": super::RP_ID, "extensions": { "prf": { "eval": { "first": "AA" } } } }).to_string(),
        );
        let options = options.unwrap().options;
        let pin = Some(Pin::new(PIN).unwrap());
        let begun =
            Get::begin_with(&origin(), &options, &platform, Account::Newest, pin, &mut rng()).unwrap();
        let mut peer = Peer { outputs: vec![("hmac-secret", garbage)], ..peer() };
        // It answers with what it was told, and evaluates nothing.
        let done = run(begun, |message| {
            let mut message = message.to_vec();
            if message[0] == Command::GET_ASSERTION.0 {
                let mut request =
                    wire::ctap2::GetAssertion::decode(&cbor::decode(&message[1..]).unwrap()).unwrap();
                assert!(request.extensions.take().is_some());
                message = request.encode();
            }
            Ok::<_, ClientError>(peer.exchange(&message))
        });
        let done = done.unwrap();
        assert_eq!(Value::from(done.response.client_extension_results), json!({ "prf": {} }));
        assert_eq!(done.notes, ["odd: what the authenticator gave for hmac-secret cannot be decrypted"]);
    }
}

#[test]
fn hmac_create_secret_says_whether_it_is_there() {
    for there in [false, true] {
        let mut peer = Peer { outputs: vec![("hmac-secret", there.into())], ..peer() };
        let (outputs, _) =
            create(json!({ "hmacCreateSecret": true }), &having(2, &["hmac-secret"]), &mut peer).unwrap();
        assert_eq!(outputs, json!({ "hmacCreateSecret": there }));
        assert_eq!(peer.input("hmac-secret"), Some(&true.into()));
    }
}

#[test]
fn each_protection_policy_has_its_level() {
    let policies = [
        "userVerificationOptional",
        "userVerificationOptionalWithCredentialIDList",
        "userVerificationRequired",
    ];
    for (level, policy) in (1_i64..).zip(policies) {
        for enforce in [false, true] {
            let input =
                json!({ "credentialProtectionPolicy": policy, "enforceCredentialProtectionPolicy": enforce });
            let mut peer = Peer { outputs: vec![("credProtect", level.into())], ..peer() };
            let (outputs, notes) = create(input.clone(), &having(2, &["credProtect"]), &mut peer).unwrap();
            assert_eq!((outputs, peer.input("credProtect")), (json!({}), Some(&level.into())));
            assert!(!notes.iter().any(|note| note.contains("credProtect")), "{notes:?}");
            // A lower level than was asked for is told.
            peer.outputs = vec![("credProtect", (level - 1).into())];
            let (_, notes) = create(input.clone(), &having(2, &["credProtect"]), &mut peer).unwrap();
            assert!(notes.iter().any(|note| note.starts_with("odd: ")), "{notes:?}");
            // What cannot be enforced is not done.
            let without = create(input, &having(2, &[]), &mut Peer::new(2, Some(PIN)));
            assert_eq!(without.is_err(), enforce && level > 1, "{policy}");
            if let Err(error) = without {
                assert_eq!(error.exception(), "NotAllowedError");
            }
        }
    }
    let error =
        create(json!({ "credentialProtectionPolicy": "all" }), &having(2, &[]), &mut peer()).unwrap_err();
    assert_eq!(error.exception(), "TypeError");
}

#[test]
fn a_blob_is_kept_if_it_fits_and_read_at_a_sign_in() {
    let platform = having(2, &["credBlob"]);
    for (length, fits) in [(0, true), (32, true), (33, false)] {
        let mut peer = Peer { outputs: vec![("credBlob", fits.into())], ..peer() };
        let input = json!({ "credBlob": base64url::encode(&vec![7; length]) });
        let (outputs, _) = create(input, &platform, &mut peer).unwrap();
        assert_eq!(outputs, json!({ "credBlob": fits }));
        assert_eq!(peer.input("credBlob"), Some(&cbor::bytes(vec![7; length])).filter(|_| fits));
    }
    let mut peer = Peer { outputs: vec![("credBlob", cbor::bytes([7; 3]))], ..peer() };
    let (outputs, _) = get(json!({ "getCredBlob": true }), &platform, &mut peer).unwrap();
    assert_eq!((outputs, peer.input("credBlob")), (json!({ "getCredBlob": "BwcH" }), Some(&true.into())));
    let (outputs, _) =
        create(json!({ "credBlob": "AA" }), &having(2, &[]), &mut Peer::new(2, Some(PIN))).unwrap();
    assert_eq!(outputs, json!({ "credBlob": false }));
}

#[test]
fn the_minimum_length_of_a_pin_is_asked_of_those_who_tell() {
    for there in [true, false] {
        let mut peer = peer();
        let platform = having(2, if there { &["minPinLength"] } else { &[] });
        let (outputs, _) = create(json!({ "minPinLength": true }), &platform, &mut peer).unwrap();
        assert_eq!((outputs, peer.input("minPinLength")), (json!({}), Some(&true.into()).filter(|_| there)));
    }
}

#[test]
fn a_large_blob_is_supported_where_the_authenticator_says_so() {
    let resident = || json!({ "authenticatorSelection": { "residentKey": "required" } });
    for support in ["preferred", "required"] {
        for (extension, input) in [
            ("largeBlobKey", cbor::Value::from(true)),
            ("largeBlob", cbor::text_map([("support", Some(cbor::text(support)))])),
        ] {
            let mut peer = peer();
            let asked = json!({ "largeBlob": { "support": support } });
            let (outputs, _) = create_with(resident(), asked, &having(2, &[extension]), &mut peer).unwrap();
            assert_eq!(
                (outputs, peer.input(extension)),
                (json!({ "largeBlob": { "supported": true } }), Some(&input))
            );
        }
        // A key needs a discoverable credential.
        let asked = json!({ "largeBlob": { "support": support } });
        let outcome = create(asked, &having(2, &["largeBlobKey"]), &mut peer());
        match support {
            "required" => assert_eq!(outcome.unwrap_err().exception(), "NotAllowedError"),
            _ => assert_eq!(outcome.unwrap().0, json!({ "largeBlob": { "supported": false } })),
        }
    }
}

#[test]
fn a_large_blob_that_a_page_may_not_ask_for_is_refused_as_the_specification_says() {
    let platform = having(2, &["largeBlobKey"]);
    let (read, write) = (json!({ "read": true }), json!({ "write": "AA" }));
    for (list, input) in [
        (allow(&[b"a"]), json!({ "read": true, "write": "AA" })),
        (allow(&[b"a"]), json!({ "support": "preferred" })),
        (json!({}), write.clone()),
        (allow(&[b"a", b"b"]), write.clone()),
    ] {
        let error = get_with(list, json!({ "largeBlob": input }), &platform, &mut peer()).unwrap_err();
        assert_eq!(error.exception(), "NotSupportedError", "{error}");
    }
    for input in [read, write] {
        let error = create(json!({ "largeBlob": input }), &platform, &mut peer()).unwrap_err();
        assert_eq!(error.exception(), "NotSupportedError", "{error}");
    }
    for input in [json!({ "support": "maybe" }), json!(1)] {
        let error = create(json!({ "largeBlob": input }), &platform, &mut peer()).unwrap_err();
        assert_eq!(error.exception(), "TypeError", "{error}");
    }
}

/// Writes, and says whether it is written.
fn write(id: &[u8], blob: &[u8], platform: &Platform, peer: &mut Peer) -> bool {
    let input = json!({ "largeBlob": { "write": base64url::encode(blob) } });
    let (outputs, _) = get_with(allow(&[id]), input, platform, peer).unwrap();
    outputs["largeBlob"]["written"].as_bool().unwrap()
}

fn read(id: &[u8], platform: &Platform, peer: &mut Peer) -> Value {
    let input = json!({ "largeBlob": { "read": true } });
    get_with(allow(&[id]), input, platform, peer).unwrap().0["largeBlob"].clone()
}

fn blob(bytes: &[u8]) -> Value {
    json!({ "blob": base64url::encode(bytes) })
}

#[test]
fn each_credential_has_its_own_large_blob_in_the_one_array() {
    for protocol in [1, 2] {
        let mut platform = having(protocol, &["largeBlobKey"]);
        platform.info.max_serialized_large_blob_array = Some(4096);
        let mut peer = Peer { ids: vec![b"a".into(), b"b".into()], ..Peer::new(protocol, Some(PIN)) };
        assert_eq!(read(b"a", &platform, &mut peer), json!({}));
        assert!(write(b"a", b"of a", &platform, &mut peer) && write(b"b", b"", &platform, &mut peer));
        assert_eq!(read(b"a", &platform, &mut peer), blob(b"of a"));
        assert_eq!(read(b"b", &platform, &mut peer), blob(b""));
        // Noise cannot be pressed together, so this takes many fragments.
        let noise: Vec<u8> = (0..40_u8).flat_map(|n| Sha256::digest([n])).collect();
        platform.info.max_msg_size = Some(384);
        assert!(write(b"a", &noise, &platform, &mut peer));
        assert!(peer.asked.iter().filter(|a| **a == Asked::Ceremony(Command::LARGE_BLOBS)).count() > 8);
        platform.info.max_msg_size = None;
        assert_eq!(read(b"a", &platform, &mut peer), blob(&noise));
        assert_eq!(read(b"b", &platform, &mut peer), blob(b""));
        // The same again takes the place of what was there.
        let length = peer.array.len();
        assert!(write(b"a", &noise, &platform, &mut peer));
        assert_eq!(peer.array.len(), length);
    }
}

#[test]
fn what_other_platforms_wrote_stays_and_what_was_written_by_half_counts_as_nothing() {
    let mut platform = having(2, &["largeBlobKey"]);
    platform.info.max_serialized_large_blob_array = Some(1024);
    let foreign = cbor::Value::Array(vec![cbor::text("anything"), cbor::int_map([(1, Some(2.into()))])]);
    let mut peer = Peer { array: super::peer::with_trailer(&cbor::encode(&foreign)), ..peer() };
    assert_eq!(read(b"a", &platform, &mut peer), json!({}));
    assert!(write(b"a", b"mine", &platform, &mut peer));
    let kept = cbor::decode(&peer.array[..peer.array.len() - 16]).unwrap();
    assert_eq!(kept.as_array().unwrap()[..2], foreign.as_array().unwrap()[..]);
    peer.array[0] ^= 1;
    assert_eq!(read(b"a", &platform, &mut peer), json!({}));
    assert!(write(b"a", b"mine", &platform, &mut peer));
    assert_eq!(read(b"a", &platform, &mut peer), blob(b"mine"));
}

#[test]
fn a_large_blob_that_cannot_be_written_leaves_the_sign_in_and_the_array_as_they_are() {
    let mut platform = having(2, &["largeBlobKey"]);
    platform.info.max_serialized_large_blob_array = Some(100);
    let mut full = peer();
    let noise: Vec<u8> = (0..4_u8).flat_map(|n| Sha256::digest([n])).collect();
    assert!(!write(b"a", &noise, &platform, &mut full));
    assert_eq!(full.array, peer().array);
    // Nobody can be verified, so there is no token, and the authenticator refuses.
    let mut without = Peer { pin: None, ..peer() };
    assert!(!write(b"a", b"mine", &platform, &mut without));
    assert_eq!(without.array, peer().array);
    // No way at all.
    let nowhere = having(2, &[]);
    assert!(!write(b"a", b"mine", &nowhere, &mut peer()));
    assert_eq!(read(b"a", &nowhere, &mut peer()), json!({}));
    // More than there can be ends the reading.
    let mut endless = Peer { array: vec![0; 5000], ..peer() };
    let (outputs, notes) = get(json!({ "largeBlob": { "read": true } }), &platform, &mut endless).unwrap();
    assert_eq!(outputs, json!({ "largeBlob": {} }));
    assert!(notes[0].contains("longer than it can be"), "{notes:?}");
}

#[test]
fn an_authenticator_of_ctap_2_3_keeps_large_blobs_itself() {
    let platform = having(2, &["largeBlob"]);
    let unsigned = |members| Some(cbor::text_map([("largeBlob", Some(cbor::Value::Map(members)))]));
    let mut peer = Peer { unsigned: unsigned(vec![(cbor::text("written"), true.into())]), ..peer() };
    assert!(write(b"a", b"mine", &platform, &mut peer));
    let Some(cbor::Value::Map(input)) = peer.input("largeBlob").cloned() else { panic!("it was asked") };
    let member = |name: &str| input.iter().find(|(key, _)| key.as_text() == Some(name)).unwrap().1.clone();
    assert_eq!((input.len(), member("originalSize")), (2, 4.into()));
    let answer = |size: i64| {
        unsigned(vec![(cbor::text("blob"), member("write")), (cbor::text("originalSize"), size.into())])
    };
    peer.unsigned = answer(4);
    assert_eq!(read(b"a", &platform, &mut peer), blob(b"mine"));
    assert_eq!(peer.input("largeBlob"), Some(&cbor::text_map([("read", Some(true.into()))])));
    for lie in [0, 3, 5, i64::MAX] {
        peer.unsigned = answer(lie);
        assert_eq!(read(b"a", &platform, &mut peer), json!({}), "{lie}");
    }
    assert!(!peer.asked.contains(&Asked::Ceremony(Command::LARGE_BLOBS)));
}

#[test]
fn an_app_id_of_the_same_site_passes_and_changes_nothing() {
    let platform = having(2, &[]);
    for app_id in
        ["", "https://login.example.test", "https://example.test/app-id.json", "https://other.example.test"]
    {
        let (outputs, _) = get(json!({ "appid": app_id }), &platform, &mut peer()).unwrap();
        assert_eq!(outputs, json!({ "appid": false }), "{app_id}");
        let (outputs, _) = create(json!({ "appidExclude": app_id }), &platform, &mut peer()).unwrap();
        assert_eq!(outputs, json!({ "appidExclude": true }), "{app_id}");
    }
    for app_id in ["https://example.org", "http://login.example.test", "https://test", "login.example.test"] {
        let error = get(json!({ "appid": app_id }), &platform, &mut peer()).unwrap_err();
        assert_eq!(error.exception(), "SecurityError", "{app_id}");
        let error = create(json!({ "appidExclude": app_id }), &platform, &mut peer()).unwrap_err();
        assert_eq!(error.exception(), "SecurityError", "{app_id}");
    }
    assert_eq!(get(json!({ "appid": 1 }), &platform, &mut peer()).unwrap_err().exception(), "TypeError");
}

#[test]
fn no_flipped_bit_in_an_answer_makes_a_ceremony_panic() {
    let platform = having(2, &["hmac-secret", "hmac-secret-mc", "largeBlobKey", "credProtect", "credBlob"]);
    let prf = json!({ "eval": { "first": "AA" }, "evalByCredential": { "YQ": { "first": "AQ" } } });
    let signing_in = json!({ "prf": prf, "largeBlob": { "read": true }, "getCredBlob": true });
    let mut document = allow(&[b"a", b"b"]);
    document["challenge"] = "Y2hhbGxlbmdl".into();
    document["rpId"] = super::RP_ID.into();
    document["extensions"] = signing_in;
    let options = options::request(&document.to_string()).unwrap().options;
    let mut outcomes = [0; 2];
    let mut step = 0;
    loop {
        let (mut length, mut place) = (None, 0);
        while length.is_none_or(|length| place < length) {
            let mut peer = peer();
            let pin = Some(Pin::new(PIN).unwrap());
            let begun = Get::begin_with(&origin(), &options, &platform, Account::Newest, pin, &mut rng());
            let mut sent = 0;
            let outcome = run(begun.unwrap(), |message| {
                // The peer itself panics over what it cannot read, so it is not asked any more.
                let mut answer = if sent > step { vec![0x7F] } else { peer.exchange(message) };
                if sent == step {
                    length = Some(answer.len());
                    answer[place] ^= 1 << (place % 8);
                }
                sent += 1;
                Ok::<_, ClientError>(answer)
            });
            if length.is_none() {
                // There is no such message any more.
                assert!(step >= 6 && outcomes[0] > 50 && outcomes[1] > 50, "{step} {outcomes:?}");
                return;
            }
            outcomes[usize::from(outcome.is_ok())] += 1;
            place += 1;
        }
        step += 1;
    }
}
