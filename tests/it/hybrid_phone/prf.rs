//! prf in the clear, WebAuthn Level 3 §10.1.4.
use super::{Extension, HYBRID, agree, call, create, get, listed, phone_with, sign_in};
use crate::extensions::inputs;
use crate::extensions::salts::{OTHER_SALT, Platform, SALT};
use authenticator::{Gesture, Link, Via};
use client::{Account, Client, ClientError, Create, Get, Origin, options};
use emulator::DeviceProfile;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tests::{NOW, RP_ID, Rig, registration, status};
use wire::base64url;
use wire::cbor::{self, Value};
use wire::ctap2::{GetAssertion, GetAssertionResponse, GetInfoResponse, MakeCredential};
use wire::status::Status;
use wire::webauthn::AuthenticatorData;

fn phone() -> Rig {
    Rig::new(phone_with(&[Extension::Prf]))
}

fn values(first: [u8; 32], second: Option<[u8; 32]>) -> Value {
    cbor::text_map([("first", Some(cbor::bytes(first))), ("second", second.map(cbor::bytes))])
}

/// The extension's input.
fn prf(eval: Option<Value>, by_credential: Option<Vec<(Vec<u8>, Value)>>) -> Option<Value> {
    let by_credential = by_credential
        .map(|list| Value::Map(list.into_iter().map(|(id, values)| (cbor::bytes(id), values)).collect()));
    let input = cbor::text_map([("eval", eval), ("evalByCredential", by_credential)]);
    inputs(&[("prf", input)])
}

fn member<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    map.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// `first` and `second` of the results, one after the other, and `enabled`.
fn told(unsigned: Option<&Value>) -> (Vec<u8>, Option<bool>) {
    let Some(output) = unsigned.and_then(|outputs| member(outputs, "prf")) else { return (vec![], None) };
    let secret = |name| member(output, "results").and_then(|results| member(results, name)?.as_bytes());
    let secrets = ["first", "second"].into_iter().filter_map(secret).flatten().copied().collect();
    (secrets, member(output, "enabled").and_then(Value::as_bool))
}

#[test]
fn a_registration_tells_that_it_is_there_and_evaluates_at_once() {
    let both = [SALT, OTHER_SALT].concat();
    for (eval, salts) in [
        (None, vec![]),
        (Some(values(SALT, None)), SALT.to_vec()),
        (Some(values(SALT, Some(OTHER_SALT))), both),
    ] {
        let mut rig = phone();
        let request = MakeCredential { extensions: prf(eval.clone(), None), ..registration("alice") };
        let (made, data) = create(&mut rig, request);
        assert_eq!(data.extensions, None, "nothing of it is signed");
        let (secrets, enabled) = told(made.unsigned_extension_outputs.as_ref());
        assert_eq!((secrets.len(), enabled), (salts.len(), Some(true)));
        let signed = get(&mut rig, GetAssertion { extensions: prf(eval, None), ..sign_in() }, agree);
        let later = told(signed.unsigned_extension_outputs.as_ref());
        assert_eq!(later, (secrets, None), "the same at every sign-in, and enabled is of registrations");
    }
}

/// A page gets one secret from a passkey, by whatever link the platform comes to it.
#[test]
fn the_secrets_are_those_of_hmac_secret_over_usb_for_a_verified_user() {
    for protocol in [1, 2] {
        let mut rig = phone();
        let id = super::create_id(&mut rig, "alice");
        let platform = Platform::agree(&mut rig, protocol);
        let request = GetAssertion {
            allow_list: vec![listed(&id)],
            uv: Some(true),
            extensions: inputs(&[("hmac-secret", platform.input(&[SALT, OTHER_SALT]))]),
            ..sign_in()
        };
        let over_usb = GetAssertionResponse::decode(&rig.call(&request.encode())).unwrap();
        let data = AuthenticatorData::decode(&over_usb.auth_data).unwrap();
        let over_usb = platform.open(member(&data.extensions.unwrap(), "hmac-secret"));
        let eval = Some(values(SALT, Some(OTHER_SALT)));
        let signed = get(&mut rig, GetAssertion { extensions: prf(eval, None), ..sign_in() }, agree);
        assert_eq!(told(signed.unsigned_extension_outputs.as_ref()).0, over_usb, "protocol {protocol}");
        assert_eq!(over_usb.len(), 64);
    }
}

#[test]
fn what_names_the_passkey_that_the_user_chose_goes_first() {
    let mut rig = phone();
    let ids = ["alice", "bob", "carol"].map(|user| super::create_id(&mut rig, user));
    let mut ask = |eval: Option<Value>, named: Vec<(Vec<u8>, Value)>, account: usize| {
        let allow_list = ids.iter().map(|id| listed(id)).collect();
        let extensions = prf(eval, Some(named));
        let request = GetAssertion { allow_list, extensions, ..sign_in() };
        let signed = get(&mut rig, request, |_| Gesture::Account(account));
        assert_eq!(signed.credential.unwrap().id, ids[account]);
        told(signed.unsigned_extension_outputs.as_ref()).0
    };
    // The encoder puts the keys in order.
    let named = || vec![(ids[0].clone(), values(SALT, None)), (ids[1].clone(), values(OTHER_SALT, None))];
    let eval = || Some(values(OTHER_SALT, None));
    let by_name = ask(eval(), named(), 0);
    assert_eq!(by_name, ask(Some(values(SALT, None)), vec![], 0));
    assert_ne!(by_name, ask(eval(), vec![], 0));
    assert_eq!(ask(None, named(), 1), ask(eval(), vec![], 1));
    assert_eq!(ask(eval(), named(), 2), ask(eval(), vec![], 2), "eval is for all that are not named");
    assert_eq!(ask(None, named(), 2), [0; 0], "there is nothing to evaluate");
    assert_ne!(ask(None, named(), 1), ask(eval(), vec![], 2), "each passkey has secrets of its own");
}

#[test]
fn it_is_passed_over_where_get_info_has_it_not() {
    let asked = || prf(Some(values(SALT, None)), None);
    let profile = phone_with(&[Extension::Prf]);
    for link in [Link::Usb, Link::Nfc, Link::Internal] {
        let mut rig = Rig::new(profile.clone());
        let via = Via { link, channel: 1 };
        let request =
            MakeCredential { extensions: asked(), uv: Some(true), ..registration("alice") }.encode();
        let made = wire::ctap2::MakeCredentialResponse::decode(&rig.call_with(NOW, via, &request, agree));
        assert_eq!(made.unwrap().unsigned_extension_outputs, None, "{link:?}");
        let request = GetAssertion { extensions: asked(), uv: Some(true), ..sign_in() }.encode();
        let signed = GetAssertionResponse::decode(&rig.call_with(NOW, via, &request, agree));
        assert_eq!(signed.unwrap().unsigned_extension_outputs, None, "{link:?}");
    }
    let mut ios = Rig::new(DeviceProfile::named("ms-authenticator-ios").unwrap().authenticator);
    let (made, _) = create(&mut ios, MakeCredential { extensions: asked(), ..registration("alice") });
    assert_eq!(made.unsigned_extension_outputs, None);
}

#[test]
fn nobody_who_was_not_verified_gets_a_secret() {
    let mut rig = phone();
    super::create_id(&mut rig, "alice");
    let extensions = prf(Some(values(SALT, None)), None);
    let reply = call(&mut rig, &GetAssertion { extensions, ..sign_in() }.encode());
    assert_eq!(GetAssertionResponse::decode(&reply).unwrap().unsigned_extension_outputs, None);
}

#[test]
fn an_input_that_makes_no_sense_is_refused_before_the_user_is_asked() {
    use Status as S;
    let bytes = |len: usize| cbor::bytes(vec![1; len]);
    let eval = |first: Option<Value>, second: Option<Value>| {
        cbor::text_map([("eval", Some(cbor::text_map([("first", first), ("second", second)])))])
    };
    let named = |id: Value, values: Value| {
        cbor::text_map([("evalByCredential", Some(Value::Map(vec![(id, values)])))])
    };
    let good = || values(SALT, None);
    for (input, expected, at_registrations) in [
        (true.into(), S::CBOR_UNEXPECTED_TYPE, true),
        (Value::Array(vec![]), S::CBOR_UNEXPECTED_TYPE, true),
        (cbor::text_map([("eval", Some(true.into()))]), S::CBOR_UNEXPECTED_TYPE, true),
        (cbor::text_map([("evalByCredential", Some(1.into()))]), S::CBOR_UNEXPECTED_TYPE, true),
        (eval(None, None), S::MISSING_PARAMETER, true),
        (eval(None, Some(bytes(32))), S::MISSING_PARAMETER, true),
        (eval(Some(cbor::text("AQ")), None), S::CBOR_UNEXPECTED_TYPE, true),
        (eval(Some(bytes(31)), None), S::INVALID_LENGTH, true),
        (eval(Some(bytes(0)), None), S::INVALID_LENGTH, true),
        (eval(Some(bytes(33)), None), S::INVALID_LENGTH, true),
        (eval(Some(bytes(32)), Some(bytes(64))), S::INVALID_LENGTH, true),
        (named(cbor::text("AQ"), good()), S::CBOR_UNEXPECTED_TYPE, false),
        (named(bytes(0), good()), S::CBOR_UNEXPECTED_TYPE, false),
        (named(bytes(9), true.into()), S::CBOR_UNEXPECTED_TYPE, false),
        (named(bytes(9), Value::Map(vec![])), S::MISSING_PARAMETER, false),
    ] {
        let mut rig = phone();
        super::create_id(&mut rig, "alice");
        rig.prompts.clear();
        let extensions = inputs(&[("prf", input.clone())]);
        let request = GetAssertion { extensions: extensions.clone(), uv: Some(true), ..sign_in() }.encode();
        assert_eq!(call(&mut rig, &request), status(expected), "{input:?}");
        if at_registrations {
            let request = MakeCredential { extensions, uv: Some(true), ..registration("bob") }.encode();
            assert_eq!(call(&mut rig, &request), status(expected), "{input:?}");
        }
        assert_eq!((rig.prompts.len(), rig.authenticator.passkey_count()), (0, 1), "{input:?}");
    }
}

/// What a page gets for an input, over that link.
fn page(rig: &mut Rig, link: Link, get: bool, prf: Json) -> (Json, Vec<String>) {
    let via = Via { link, channel: 1 };
    let info = rig.call_with(NOW, via, &GetInfoResponse::request(), |_| unreachable!());
    let info = GetInfoResponse::decode(&info).unwrap();
    let (client, its_link) = match link {
        Link::Hybrid => (Client::ChromiumHybrid, client::Link::Hybrid),
        _ => (Client::ChromiumUsb, client::Link::Usb),
    };
    let platform = client::Platform::new(client, its_link, info);
    let origin = Origin::parse(&format!("https://{RP_ID}")).unwrap();
    let mut exchange = |message: &[u8]| Ok::<_, ClientError>(rig.call_with(NOW, via, message, agree));
    let mut rng = tests::rng(7);
    if get {
        let text = json!({ "challenge": "AAAA", "rpId": RP_ID, "extensions": { "prf": prf },
            "allowCredentials": [] });
        let mut text = text;
        if let Some(named) = prf.get("evalByCredential").and_then(Json::as_object) {
            let allow = named.keys().map(|id| json!({ "type": "public-key", "id": id }));
            text["allowCredentials"] = allow.chain([json!({ "type": "public-key", "id": "AAAA" })]).collect();
        }
        let options = options::request(&text.to_string()).unwrap().options;
        let begun = Get::begin_with(&origin, &options, &platform, Account::Index(0), None, &mut rng).unwrap();
        let done = client::run(begun, &mut exchange).unwrap();
        (done.response.client_extension_results["prf"].clone(), done.notes)
    } else {
        let text = json!({ "challenge": "AAAA", "rp": { "id": RP_ID, "name": "RP" },
            "user": { "id": "AQ", "name": "a", "displayName": "A" }, "pubKeyCredParams": [],
            "authenticatorSelection": { "residentKey": "required" }, "extensions": { "prf": prf } });
        let options = options::creation(&text.to_string()).unwrap().options;
        let begun = Create::begin_with(&origin, &options, &platform, None, &mut rng).unwrap();
        let done = client::run(begun, &mut exchange).unwrap();
        (done.response.client_extension_results["prf"].clone(), done.notes)
    }
}

#[test]
fn our_client_gives_a_page_the_same_over_hybrid_and_over_usb() {
    let mut rig = phone();
    let input =
        json!({ "eval": { "first": base64url::encode(b"one"), "second": base64url::encode(b"two") } });
    let (made, notes) = page(&mut rig, Link::Hybrid, false, input.clone());
    assert_eq!((&made["enabled"], notes.iter().any(|note| note.contains("prf"))), (&json!(true), false));
    let (over_hybrid, _) = page(&mut rig, Link::Hybrid, true, input.clone());
    assert_eq!(over_hybrid, json!({ "results": made["results"] }));
    let (over_usb, notes) = page(&mut rig, Link::Usb, true, input);
    assert_eq!(over_hybrid, over_usb, "{notes:?}");
    // It was hashed on the way, as pages are to be kept from what others use hmac-secret for.
    let salt: [u8; 32] = Sha256::digest(b"WebAuthn PRF\0one").into();
    let extensions = prf(Some(values(salt, None)), None);
    let signed = get(&mut rig, GetAssertion { extensions, ..sign_in() }, agree);
    let secret = told(signed.unsigned_extension_outputs.as_ref()).0;
    assert_eq!(over_usb["results"]["first"], base64url::encode(&secret));
}

#[test]
fn our_client_sends_a_phone_all_that_is_named_and_asks_it_nothing_first() {
    let mut rig = phone();
    let id = super::create_id(&mut rig, "alice");
    let first = |text: &[u8]| json!({ "first": base64url::encode(text) });
    rig.prompts.clear();
    let named = json!({ "evalByCredential": { base64url::encode(&id): first(b"one") } });
    let (by_name, _) = page(&mut rig, Link::Hybrid, true, named);
    assert_eq!(rig.prompts.len(), 1, "one question");
    assert_eq!(rig.prompts[0].link, HYBRID.link);
    let (by_any, _) = page(&mut rig, Link::Hybrid, true, json!({ "eval": first(b"one") }));
    assert_eq!(by_name, by_any);
}
