use super::{ADELE, FIDO2, IOS, Rig};
use serde_json::{Value, json};
use tenant::Behaviour;

const IOS_AAGUID: &str = "90a3ccdf-635c-4729-a248-9b709135078f";

fn phone() -> Value {
    json!({ "name": "Adele's phone", "platform": "iOS", "osVersion": "17.4", "appVersion": "6.8.7",
        "usageData": true, "autoFill": true, "otherProviders": 0, "bluetooth": true, "computerBluetooth": true })
}

/// Whether some clause of an explanation refuses.
fn refuses(error: &Value) -> bool {
    error["explanation"].as_array().unwrap().iter().any(|clause| clause["holds"] == false)
}

#[test]
fn a_passkey_is_registered_and_signs_in_with_and_without_a_user_name() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.signed_in();
    let made = rig.register(&session, IOS, &json!({ "route": "crossDevice", "phone": phone() }));
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!(made["passkey"]["aaGuid"], IOS_AAGUID);
    assert_eq!(made["passkey"]["displayName"], "Adele's");
    assert_eq!(made["app"], Value::Null, "the app is registered in the app alone");
    assert!(!made["passed"].as_array().unwrap().is_empty());
    assert!(!made["warnings"].as_array().unwrap().is_empty(), "nothing warns that the AAGUID is not proven");
    for session in [rig.begin(), rig.named(ADELE)] {
        let went = rig.sign_in(&session, IOS).done();
        assert_eq!(
            (&went["verdict"], &went["user"]["userPrincipalName"]),
            (&json!("granted"), &json!(ADELE))
        );
        let passed = went["passed"].as_array().unwrap();
        let cited = |one: &Value| one.as_str().unwrap().starts_with("WebAuthn L3 §7.2 step 22: ");
        assert!(passed.iter().any(cited), "{passed:?}");
    }
    let log = rig.graph("GET", "/beta/auditLogs/signIns", &Value::Null);
    assert_eq!(log["value"].as_array().unwrap().len(), 3);
}

#[test]
fn in_the_app_the_account_gets_push_and_codes_too_and_they_sign_in() {
    let rig = Rig::new(Behaviour::Preview2024);
    let session = rig.signed_in();
    let made = rig.register(&session, IOS, &json!({ "route": "inApp", "phone": phone() })).done();
    let app = made["app"]["id"].clone();

    let session = rig.named(ADELE);
    assert_eq!(rig.post("", "/app/push", &json!({ "app": app })).done()["value"], json!([]));
    assert_eq!(rig.post(&session, "/login/push/wait", &json!({})).refused(400)["code"], "sim_no_push");
    let number = rig.post(&session, "/login/push", &json!({ "phoneSignIn": true })).done()["number"].clone();
    assert_eq!(rig.post(&session, "/login/push/wait", &json!({})).status, 204);
    let waiting = rig.post("", "/app/push", &json!({ "app": app })).done();
    assert_eq!(waiting["value"][0]["appDisplayName"], "OfficeHome");
    assert!(!waiting.to_string().contains(&format!(":{number}")), "the number is told: {waiting}");
    rig.post("", "/app/push/answer", &json!({ "app": app, "number": number })).done();
    assert_eq!(rig.post(&session, "/login/push/wait", &json!({})).done()["verdict"], "granted");

    let session = rig.named(ADELE);
    rig.post(&session, "/login/push", &json!({})).done();
    rig.post("", "/app/push/answer", &json!({ "app": app, "number": null })).done();
    assert_eq!(rig.post(&session, "/login/push/wait", &json!({})).refused(401)["number"], 500_121);

    let code = rig.post("", "/app/code", &json!({ "app": app })).done();
    assert!((1..=30).contains(&code["secondsLeft"].as_i64().unwrap()), "{code}");
    let session = rig.named(ADELE);
    let went = rig.post(&session, "/login/code", &json!({ "code": code["code"] })).done();
    assert_eq!(went["verdict"], "granted");
    let nobody = rig.post("", "/app/code", &json!({ "app": "00000000-0000-0000-0000-000000000007" }));
    nobody.refused(404);
}

#[test]
fn a_password_signs_in_and_a_wrong_one_is_50126() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.named(ADELE);
    let wrong = rig.post(&session, "/login/password", &json!({ "password": "wrong" }));
    assert_eq!(wrong.refused(401)["number"], 50_126);
    let went = rig.post(&session, "/login/password", &json!({ "password": "correct horse" })).done();
    assert_eq!(went["verdict"], "granted");
    // It is no second factor, and so registers nothing.
    let error = rig.post(&session, "/register/options", &json!({ "route": "securityInfo" })).refused(403);
    assert_eq!(error["code"], "sim_mfa_required");
    assert!(refuses(&error));
}

#[test]
fn a_phone_that_is_not_fit_is_refused_with_every_clause() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.signed_in();
    let mut old = phone();
    old["osVersion"] = json!("16");
    old["bluetooth"] = json!(false);
    let error = rig
        .post(&session, "/register/options", &json!({ "route": "crossDevice", "phone": old }))
        .refused(403);
    let failing: Vec<&str> = error["explanation"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|clause| clause["holds"] == false)
        .map(|clause| clause["clause"].as_str().unwrap())
        .collect();
    assert_eq!(failing, ["phone.osVersion", "phone.bluetooth"]);
    assert!(error["hint"].as_str().unwrap().contains("update"));
}

#[test]
fn another_device_signs_in_where_bluetooth_is_on_at_both_ends_alone() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.signed_in();
    let made = rig.post(&session, "/register/options", &json!({ "route": "crossDevice", "phone": phone() }));
    assert_eq!(made.done()["hints"], json!(["hybrid"]));
    let nearby = |bluetooth: bool, computer: bool| {
        let nearby = json!({ "bluetooth": bluetooth, "computerBluetooth": computer });
        rig.post(&rig.begin(), "/login/options", &json!({ "nearby": nearby }))
    };
    assert!(nearby(true, true).done()["challenge"].is_string());
    for (bluetooth, computer, whose) in [(false, true, "phone"), (true, false, "computer")] {
        let error = nearby(bluetooth, computer).refused(403);
        assert_eq!(error["code"], "sim_bluetooth_off");
        assert_eq!(error["message"], format!("Bluetooth is off on the {whose}"));
        assert!(refuses(&error));
    }
    let log = rig.graph("GET", "/beta/auditLogs/signIns", &Value::Null);
    assert_eq!(log["value"].as_array().unwrap().len(), 1, "only the pass came to the tenant");
}

#[test]
fn a_restriction_binds_sign_in_by_the_behaviour_and_the_refusal_explains_itself() {
    for behaviour in [Behaviour::Current, Behaviour::Preview2024] {
        let rig = Rig::new(behaviour);
        let session = rig.signed_in();
        rig.register(&session, IOS, &json!({ "route": "securityInfo" })).done();
        rig.graph("PATCH", FIDO2, &json!({
            "@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
            "keyRestrictions": { "isEnforced": true, "enforcementType": "block", "aaGuids": [IOS_AAGUID] },
        }));
        let answer = rig.sign_in(&rig.begin(), IOS);
        if behaviour == Behaviour::Preview2024 {
            assert_eq!(answer.done()["verdict"], "granted");
            continue;
        }
        let error = answer.refused(403);
        assert_eq!(error["number"], 135_016);
        assert!(refuses(&error), "{error}");
    }
}

#[test]
fn one_s_methods_are_listed_renamed_and_deleted() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.signed_in();
    let made = rig.register(&session, IOS, &json!({ "route": "inApp", "phone": phone() })).done();
    let list = || rig.asked(&session, "GET", "/me/methods", &Value::Null).done()["value"].clone();
    let kinds: Vec<Value> =
        list().as_array().unwrap().iter().map(|method| method["@odata.type"].clone()).collect();
    let kind = |kind: &str| json!(format!("#microsoft.graph.{kind}AuthenticationMethod"));
    assert_eq!(kinds, [kind("fido2"), kind("microsoftAuthenticator"), kind("temporaryAccessPass")]);
    let path = |id: &Value| format!("/me/methods/{}", id.as_str().unwrap());
    let passkey = path(&made["passkey"]["id"]);
    let name = |name: &str| rig.asked(&session, "PATCH", &passkey, &json!({ "displayName": name }));
    assert_eq!(name("Mine").done()["displayName"], "Mine");
    assert_eq!(name("").refused(400)["code"], "sim_display_name");
    assert_eq!(list()[0]["displayName"], "Mine");
    rig.asked(&session, "DELETE", &path(&made["app"]["id"]), &Value::Null).done();
    rig.asked(&session, "DELETE", &passkey, &Value::Null).done();
    rig.asked(&session, "DELETE", &passkey, &Value::Null).refused(404);
    assert_eq!(list().as_array().unwrap().len(), 1);
}

#[test]
fn a_name_alone_is_nobody_signed_in() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.named(ADELE);
    for (method, path) in [("GET", "/me/methods"), ("DELETE", "/me/methods/x")] {
        let error = rig.asked(&session, method, path, &Value::Null).refused(401);
        assert_eq!(error["code"], "sim_not_signed_in", "{method} {path}");
    }
    rig.post(&session, "/register/options", &json!({ "route": "securityInfo" })).refused(401);
    rig.post("", "/login/identify", &json!({ "userPrincipalName": ADELE })).refused(401);
    let nobody =
        rig.post(&rig.begin(), "/login/identify", &json!({ "userPrincipalName": "bob@contoso.test" }));
    assert_eq!(nobody.refused(404)["number"], 50_034);
}

#[test]
fn signing_out_ends_the_session_and_its_cookie() {
    let rig = Rig::new(Behaviour::Current);
    let begun = rig.post("", "/login/begin", &json!({}));
    let cookie = begun.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("session=") && cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/"),
        "{cookie}"
    );
    let session = rig.signed_in();
    let out = rig.post(&session, "/login/out", &json!({}));
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    rig.asked(&session, "GET", "/me/methods", &Value::Null).refused(401);
}

#[test]
fn what_makes_no_sense_is_refused_with_the_place_and_changes_nothing() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.begin();
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for (path, body, says) in [
        ("/login/begin", "{", "EOF"),
        ("/login/begin", "{} {}", "trailing"),
        ("/login/begin", r#"{"app":7}"#, "`app`"),
        ("/login/begin", r#"{"app":"office"}"#, "`app`"),
        ("/login/begin", r#"{"application":null}"#, "unknown field"),
        ("/login/identify", "{}", "missing field"),
        ("/login/password", r#"{"password":["secret"]}"#, "`password`"),
        ("/login/passkey", r#"{"response":{}}"#, "`response`"),
        ("/login/options", r#"{"nearby":{"bluetooth":true}}"#, "`nearby`"),
        ("/login/push", r#"{"phoneSignIn":"yes"}"#, "`phoneSignIn`"),
        ("/register/options", r#"{"route":"provisioning"}"#, "administrator"),
        ("/register/options", r#"{"route":"inApp","phone":{}}"#, "`phone`"),
        ("/app/push/answer", r#"{"app":"00000000-0000-0000-0000-000000000001","number":999}"#, "`number`"),
        ("/login/begin", "[null]", "expected an object"),
        ("/login/begin", &deep, "expected an object"),
    ] {
        let authorization = format!("Session {session}");
        let reply = rig.ask("POST", path, &[("authorization", &authorization)], body.as_bytes());
        let error = reply.refused(400);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(says), "{path} {body:.60}: {message}");
        assert!(!message.contains("secret"), "{message}");
    }
    let huge = vec![b' '; 2 << 20];
    assert_eq!(rig.ask("POST", "/login/begin", &[], &huge).status, 413);
}
