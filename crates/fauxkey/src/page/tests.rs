use super::*;
use crate::api::testing::Fake;
use crate::instance::Instance;
use std::sync::mpsc::channel;

const SOON: Duration = Duration::from_secs(20);

fn front(profile: &str) -> Arc<Front> {
    let instance = Instance::ephemeral(None).unwrap();
    instance.ensure_device("device", profile).unwrap();
    Arc::new(Front::new(Arc::new(instance), Choice::default()))
}

fn create(origin: &str, more: Value) -> Value {
    let mut call = json!({
        "type": "create",
        "id": "1",
        "origin": origin,
        "options": {
            "rp": { "name": "a" },
            "user": { "id": "AQ", "name": "ada", "displayName": "Ada" },
            "challenge": "AA",
            "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }],
            "authenticatorSelection": { "residentKey": "required", "userVerification": "required" }
        }
    });
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call
}

fn get(more: Value) -> Value {
    let mut call =
        json!({ "type": "get", "id": "2", "origin": "https://a.test", "options": { "challenge": "AA" } });
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call
}

fn call(front: &Arc<Front>, call: Value) -> Value {
    front.take(serde_json::from_value(call).unwrap())()
}

fn error(reply: &Value) -> &str {
    reply["error"]["name"].as_str().unwrap_or_else(|| panic!("{reply}"))
}

/// Answers elsewhere, and sends the reply.
fn later(front: &Arc<Front>, call: Value) -> std::sync::mpsc::Receiver<Value> {
    let (sender, reply) = channel();
    let job = front.take(serde_json::from_value(call).unwrap());
    thread::spawn(move || sender.send(job()));
    reply
}

#[test]
fn where_a_page_is_decides_whether_it_may() {
    let front = front("ms-authenticator-ios");
    for (more, expected) in [
        (json!({}), None),
        (json!({ "permitted": false }), Some("NotAllowedError")),
        (json!({ "crossOrigin": true }), Some("NotAllowedError")),
        (json!({ "crossOrigin": true, "permitted": true }), None),
        (json!({ "crossOrigin": true, "permitted": true, "activated": true }), None),
        (json!({ "crossOrigin": true, "permitted": true, "activated": false }), Some("NotAllowedError")),
        (json!({ "activated": false }), None),
        (json!({ "secure": false }), Some("SecurityError")),
        (json!({ "origin": "http://a.test" }), Some("SecurityError")),
        (json!({ "origin": "null" }), Some("SecurityError")),
        (json!({ "origin": "https://127.0.0.1" }), Some("SecurityError")),
        (json!({ "mediation": "silent" }), Some("NotSupportedError")),
    ] {
        let reply = call(&front, create("https://a.test", more.clone()));
        let found = reply.get("error").map(|_| error(&reply));
        assert_eq!(found, expected, "{more}: {reply}");
    }
    let reply = call(
        &front,
        create(
            "https://a.test",
            json!({ "crossOrigin": true, "topOrigin": "https://b.test", "permitted": true }),
        ),
    );
    let data =
        wire::base64url::decode(reply["response"]["response"]["clientDataJSON"].as_str().unwrap()).unwrap();
    let data: Value = serde_json::from_slice(&data).unwrap();
    assert_eq!((&data["crossOrigin"], &data["topOrigin"]), (&json!(true), &json!("https://b.test")));
}

#[test]
fn an_rp_id_that_is_not_the_page_s_to_claim_is_a_security_error_for_every_ceremony() {
    let front = front("ms-authenticator-ios");
    for rp_id in ["test", "b.test", "x.a.test", "evil.example", ""] {
        assert_eq!(
            error(&call(&front, get(json!({ "options": { "challenge": "AA", "rpId": rp_id } })))),
            "SecurityError"
        );
        let mut registration = create("https://a.test", json!({}));
        registration["options"]["rp"]["id"] = rp_id.into();
        assert_eq!(error(&call(&front, registration)), "SecurityError", "{rp_id}");
        let signal = json!({ "type": "signal", "method": "signalUnknownCredential", "origin": "https://a.test", "options": { "rpId": rp_id, "credentialId": "AA" } });
        assert_eq!(error(&call(&front, signal)), "SecurityError", "{rp_id}");
    }
}

#[test]
fn a_conditional_sign_in_waits_for_a_passkey_and_an_immediate_one_does_not() {
    let front = front("ms-authenticator-ios");
    assert_eq!(error(&call(&front, get(json!({ "mediation": "immediate" })))), "NotAllowedError");
    let conditional = later(&front, get(json!({ "mediation": "conditional" })));
    thread::sleep(2 * LOOK);
    assert!(conditional.try_recv().is_err(), "there is nothing to sign in with");
    let made = call(&front, create("https://a.test", json!({})));
    assert_eq!(conditional.recv_timeout(SOON).unwrap()["response"]["id"], made["response"]["id"]);
    assert_eq!(
        call(&front, get(json!({ "mediation": "immediate" })))["response"]["id"],
        made["response"]["id"]
    );
    assert!(front.pending().is_empty());
}

#[test]
fn a_conditional_sign_in_ends_when_its_page_does() {
    let front = front("ms-authenticator-ios");
    let conditional = later(&front, get(json!({ "id": "page/2", "mediation": "conditional" })));
    front.call_off_under("page/");
    assert_eq!(error(&conditional.recv_timeout(SOON).unwrap()), "AbortError");
}

#[test]
fn a_ceremony_that_is_called_off_before_it_begins_never_reaches_the_device() {
    let fake = Arc::new(Fake::default());
    let front = Arc::new(Front::new(fake.clone(), Choice { device: Some("phone".into()), client: None }));
    let job = front.take(serde_json::from_value(create("https://a.test", json!({}))).unwrap());
    front.call_off("1");
    assert_eq!(error(&job()), "AbortError");
    assert_eq!(fake.calls(), [] as [&str; 0]);
}

#[test]
fn one_id_is_for_one_ceremony_at_a_time() {
    let front = front("ms-authenticator-ios");
    let first = later(&front, get(json!({ "mediation": "conditional" })));
    assert_eq!(error(&call(&front, get(json!({})))), "OperationError");
    front.call_off("2");
    first.recv_timeout(SOON).unwrap();
}

#[test]
fn a_page_that_aborts_withdraws_the_question() {
    let instance = Arc::new(Instance::ephemeral(None).unwrap());
    instance.ensure_device("device", "ms-authenticator-ios").unwrap();
    let asking = crate::control::User { answer: crate::control::Answer::Ask, delay_ms: 0 };
    instance.set_user("device", asking).unwrap();
    let front = Arc::new(Front::new(instance.clone(), Choice::default()));
    let asked = later(&front, create("https://a.test", json!({})));
    assert!(instance.await_prompt("device", SOON).unwrap().is_some());
    front.call_off("1");
    assert_eq!(error(&asked.recv_timeout(SOON).unwrap()), "AbortError");
    assert_eq!(instance.prompt("device").unwrap(), None);
}

fn signal(front: &Arc<Front>, method: &str, options: Value) -> Value {
    let frame = json!({ "type": "signal", "method": method, "origin": "https://a.test", "options": options });
    call(front, frame)
}

#[test]
fn a_phone_obeys_signals_and_nobody_tells_a_key() {
    let phone = front("ms-authenticator-ios");
    let made = call(&phone, create("https://a.test", json!({})));
    let id = made["response"]["id"].as_str().unwrap();
    let passkeys = |front: &Arc<Front>| front.control.passkeys("device").unwrap();
    let details = json!({ "rpId": "a.test", "userId": "AQ", "name": "new", "displayName": "New" });
    assert_eq!(signal(&phone, "signalCurrentUserDetails", details.clone()), json!({}));
    assert_eq!(passkeys(&phone)[0].user_name.as_deref(), Some("new"));
    let accepted = |ids: Value| json!({ "rpId": "a.test", "userId": "AQ", "allAcceptedCredentialIds": ids });
    for kept in
        [accepted(json!([id])), json!({ "rpId": "a.test", "userId": "Ag", "allAcceptedCredentialIds": [] })]
    {
        assert_eq!(signal(&phone, "signalAllAcceptedCredentials", kept), json!({}));
        assert_eq!(passkeys(&phone).len(), 1);
    }
    assert_eq!(
        signal(&phone, "signalUnknownCredential", json!({ "rpId": "a.test", "credentialId": "AAAA" })),
        json!({})
    );
    assert_eq!(passkeys(&phone).len(), 1);
    assert_eq!(signal(&phone, "signalAllAcceptedCredentials", accepted(json!([]))), json!({}));
    assert_eq!(passkeys(&phone).len(), 0);
    for (method, options) in [
        ("signalUnknownCredential", json!({ "rpId": "a.test" })),
        ("signalUnknownCredential", json!({ "rpId": "a.test", "credentialId": "!" })),
        (
            "signalCurrentUserDetails",
            json!({ "rpId": "a.test", "userId": "AQ", "name": 1, "displayName": "" }),
        ),
        ("signalNothing", json!({ "rpId": "a.test" })),
        ("signalUnknownCredential", json!({})),
    ] {
        assert_eq!(error(&signal(&phone, method, options.clone())), "TypeError", "{method} {options}");
    }
    let key = front("all-in");
    call(&key, create("https://a.test", json!({})));
    let there = passkeys(&key).len();
    assert_eq!(signal(&key, "signalAllAcceptedCredentials", accepted(json!([]))), json!({}));
    assert_eq!(passkeys(&key).len(), there);
}

#[test]
fn a_page_learns_what_the_device_is() {
    let capabilities = |profile| call(&front(profile), json!({ "type": "capabilities" }));
    let phone = json!({ "platform": true, "conditional": true, "hybrid": true });
    assert_eq!(capabilities("ms-authenticator-ios"), phone);
    let key = json!({ "platform": false, "conditional": true, "hybrid": false });
    assert_eq!(capabilities("security-key"), key);
}

#[test]
fn with_several_devices_pages_see_the_phone_or_the_one_that_was_chosen() {
    let instance = Arc::new(Instance::ephemeral(None).unwrap());
    instance.ensure_device("a", "security-key").unwrap();
    instance.ensure_device("b", "security-key").unwrap();
    let device = |device: Option<&str>| {
        let choice = Choice { device: device.map(Into::into), client: None };
        Front::new(instance.clone(), choice).device()
    };
    assert_eq!(device(None).unwrap_err().kind, FailureKind::Conflict);
    assert_eq!(device(Some("b")).unwrap(), "b");
    instance.ensure_device("phone", "ms-authenticator-ios").unwrap();
    assert_eq!(device(None).unwrap(), "phone");
}
