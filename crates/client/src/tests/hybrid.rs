//! A phone over hybrid: it is asked once, and prf goes in the clear.
use super::peer::{Asked, Peer};
use super::{creation_json, descriptor, info, origin, platform};
use crate::options;
use crate::preflight::{Bounds, Plan};
use crate::{Account, Client, ClientError, Create, Get, Link, Platform, run};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use wire::base64url;
use wire::cbor::{self, Value};
use wire::ctap2::{Command, GetInfoResponse};

/// What phones tell: no limits, no PIN.
fn phone(extensions: &[&str]) -> Platform {
    let told = info();
    let info = GetInfoResponse {
        versions: told.versions,
        aaguid: told.aaguid,
        options: told.options,
        transports: told.transports,
        extensions: extensions.iter().map(|id| (*id).into()).collect(),
        ..GetInfoResponse::default()
    };
    Platform { info, link: Link::Hybrid, ..platform(Client::ChromiumHybrid) }
}

fn peer(outputs: Option<Value>) -> Peer {
    let unsigned = outputs.map(|output| cbor::text_map([("prf", Some(output))]));
    Peer { unsigned, ..Peer::new(2, None) }
}

fn results(secrets: &[&[u8]]) -> Value {
    let mut each = secrets.iter().map(|secret| cbor::bytes(*secret));
    cbor::text_map([("first", each.next()), ("second", each.next())])
}

type Outcome = Result<(Json, Vec<String>), ClientError>;

fn get(members: Json, prf: Json, platform: &Platform, peer: &mut Peer) -> Outcome {
    let mut document = members;
    document["challenge"] = "Y2hhbGxlbmdl".into();
    document["rpId"] = super::RP_ID.into();
    document["extensions"] = json!({ "prf": prf });
    let options = options::request(&document.to_string()).unwrap().options;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let begun = Get::begin_with(&origin(), &options, platform, Account::Newest, None, &mut rng)?;
    let done = run(begun, |message| Ok::<_, ClientError>(peer.exchange(message)))?;
    Ok((done.response.client_extension_results["prf"].clone(), done.notes))
}

fn first(input: &[u8]) -> Json {
    json!({ "first": base64url::encode(input) })
}

/// SHA-256("WebAuthn PRF" || 0x00 || input), as the authenticator gets it.
fn salt(input: &[u8]) -> Value {
    let salt: [u8; 32] = Sha256::digest([b"WebAuthn PRF\0", input].concat()).into();
    cbor::text_map([("first", Some(cbor::bytes(salt)))])
}

#[test]
fn prf_goes_in_the_clear_and_what_comes_back_goes_to_the_page() {
    let mut peer = peer(Some(cbor::text_map([("results", Some(results(&[&[7; 32], &[8; 32]])))])));
    let both = json!({ "first": "AA", "second": "AQ" });
    let (told, notes) = get(json!({}), json!({ "eval": both }), &phone(&["prf"]), &mut peer).unwrap();
    let (one, two) = (base64url::encode(&[7; 32]), base64url::encode(&[8; 32]));
    assert_eq!((told, notes), (json!({ "results": { "first": one, "second": two } }), vec![]));
    assert_eq!(peer.asked, [Asked::Ceremony(Command::GET_ASSERTION)], "no PIN, no secret to agree on");
    // Without the extension nothing goes, and nothing is believed.
    let (told, notes) = get(json!({}), json!({ "eval": both }), &phone(&[]), &mut peer).unwrap();
    assert_eq!((told, peer.input("prf")), (json!({}), None));
    assert!(notes[0].contains("the authenticator has no hmac-secret"), "{notes:?}");
    // Nor over another link.
    let usb = Platform { link: Link::Usb, ..phone(&["prf"]) };
    let (told, _) = get(json!({}), json!({ "eval": both }), &usb, &mut peer).unwrap();
    assert_eq!((told, peer.input("prf")), (json!({}), None));
}

#[test]
fn all_that_is_named_goes_by_the_bytes_of_its_id_in_one_question() {
    let answer = || Some(cbor::text_map([("results", Some(results(&[&[7; 32]])))]));
    let mut peer = Peer { ids: vec![b"a".into()], ..peer(answer()) };
    let allow: Vec<_> =
        [b"b", b"a"].iter().map(|id| json!({ "type": "public-key", "id": base64url::encode(*id) })).collect();
    let allow = json!({ "allowCredentials": allow, "userVerification": "discouraged" });
    let named = json!({ base64url::encode(b"b"): first(b"for b"), base64url::encode(b"a"): first(b"for a") });
    let asked = json!({ "eval": first(b"for any"), "evalByCredential": named });
    let (told, notes) = get(allow, asked, &phone(&["prf"]), &mut peer).unwrap();
    assert_eq!(told, json!({ "results": first(&[7; 32]) }));
    assert!(notes[0].contains("user verification is asked for all the same"), "{notes:?}");
    assert_eq!(peer.asked, [Asked::Ceremony(Command::GET_ASSERTION)]);
    let by_id = vec![(cbor::bytes(*b"a"), salt(b"for a")), (cbor::bytes(*b"b"), salt(b"for b"))];
    let expected =
        cbor::text_map([("eval", Some(salt(b"for any"))), ("evalByCredential", Some(Value::Map(by_id)))]);
    assert_eq!(peer.input("prf"), Some(&expected));
}

#[test]
fn a_registration_tells_the_page_whether_it_is_there() {
    let asked = json!({ "extensions": { "prf": { "eval": first(b"one") } } });
    let options = options::creation(&creation_json(asked).to_string()).unwrap().options;
    for (output, expected) in [
        (None, json!({ "enabled": false })),
        (Some(cbor::text_map([("enabled", Some(true.into()))])), json!({ "enabled": true })),
        (
            Some(cbor::text_map([("enabled", Some(true.into())), ("results", Some(results(&[&[7; 32]])))])),
            json!({ "enabled": true, "results": first(&[7; 32]) }),
        ),
    ] {
        let mut peer = peer(output);
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let begun = Create::begin_with(&origin(), &options, &phone(&["prf"]), None, &mut rng).unwrap();
        let done = run(begun, |message| Ok::<_, ClientError>(peer.exchange(message))).unwrap();
        assert_eq!(done.response.client_extension_results["prf"], expected);
        assert_eq!(peer.input("prf"), Some(&cbor::text_map([("eval", Some(salt(b"one")))])));
        assert_eq!(peer.asked, [Asked::Ceremony(Command::MAKE_CREDENTIAL)]);
    }
}

#[test]
fn secrets_that_are_none_or_of_nobody_are_kept_from_the_page() {
    let eval = || json!({ "eval": { "first": "AA", "second": "AQ" } });
    for bad in [
        results(&[&[7; 32]]),
        results(&[&[7; 32], &[7; 31]]),
        results(&[&[7; 64], &[]]),
        results(&[]),
        cbor::text_map([("first", Some(true.into())), ("second", Some(cbor::bytes([7; 32])))]),
        true.into(),
    ] {
        let mut peer = peer(Some(cbor::text_map([("results", Some(bad.clone()))])));
        let (told, notes) = get(json!({}), eval(), &phone(&["prf"]), &mut peer).unwrap();
        assert_eq!(told, json!({}), "{bad:?}");
        assert!(notes.iter().any(|note| note.starts_with("odd: ")), "{bad:?}: {notes:?}");
    }
    let unverified = Some(cbor::text_map([("results", Some(results(&[&[7; 32], &[8; 32]])))]));
    let mut peer = Peer { denies_uv: true, ..peer(unverified) };
    let (told, notes) = get(json!({}), eval(), &phone(&["prf"]), &mut peer).unwrap();
    assert_eq!(told, json!({}));
    assert!(notes.iter().any(|note| note.contains("who was not verified")), "{notes:?}");
}

#[test]
fn a_list_goes_whole_or_not_at_all() {
    let mut notes = Vec::new();
    let mut plan = |entries: usize| {
        let list = vec![descriptor([7; 64]); entries];
        let bounds = Bounds { command: Command::GET_ASSERTION, length: 100, search: true };
        Plan::new(&phone(&[]), bounds, super::RP_ID, list.clone(), &mut notes).map(|plan| (plan, list))
    };
    for entries in [0, 1, 2, 700] {
        let (plan, list) = plan(entries).unwrap();
        assert_eq!(plan, Plan::AtOnce(list), "{entries}");
    }
    assert!(matches!(plan(800), Err(ClientError::RequestTooLarge { length: 65_536.., .. })));
    assert_eq!(notes, <[String; 0]>::default());
}
