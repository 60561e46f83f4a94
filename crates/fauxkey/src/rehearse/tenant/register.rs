//! 2 and 3: a passkey in the app itself, with everything that comes with it, and one from a browser.
use super::stage::{PHONE, Stage, any, checks, refused, register, text};
use super::{ADELE, BEA};
use crate::app::{Account, AccountKind, Added, NewAccount, Secret};
use crate::control::{Control, Failure};
use crate::rehearse::story::{broken, ensure};
use crate::rehearse::{CrossDevice, Found, Teller};
use serde_json::{Value, json};
use tenant::access::apps::MICROSOFT_AUTHENTICATOR_CREDENTIAL_REGISTRATION as REGISTRATION;
use tenant::{Phone, Platform};

pub(super) fn in_the_app(stage: &mut Stage, teller: &mut Teller<'_>) -> Result<(), Failure> {
    let account = teller.step("+ → Work or school account → the pass → face or PIN", || add(stage))?;
    teller.step("passkey, push, phone sign-in and codes stand under one account", || {
        let entries = stage.instance.accounts(PHONE)?;
        let [only] = entries.as_slice() else {
            return Err(broken(format!("{} entries instead of one", entries.len())));
        };
        // What the tenant warned of is told once.
        let told = Account { warnings: Vec::new(), ..account.clone() };
        ensure(*only == told, "the list has another account")?;
        let all = only.passkey.is_some() && only.push && only.phone_sign_in && only.one_time_code;
        ensure(all, "something is missing under the account")?;
        Ok((Found::new(format!("{} at Contoso", only.user_name), "the phone's list"), ()))
    })?;
    teller.step("a password and the app's one-time code sign in", || code(stage))?;
    teller.step("a push with another number does not", || {
        let message = refused(push(stage, false, 1), "500121")?;
        logged(stage, 500_121, None)?;
        Ok((Found::new(message, "the tenant, and its sign-in log"), ()))
    })?;
    teller.step("a push with the right number does", || {
        push(stage, false, 0)?;
        logged(stage, 0, Some("Mobile app notification"))
    })?;
    teller.step("phone sign-in does without a password", || {
        push(stage, true, 0)?;
        logged(stage, 0, Some("Passwordless phone sign-in"))
    })
}

pub(super) fn from_a_browser(stage: &mut Stage, teller: &mut Teller<'_>) -> Result<(), Failure> {
    let what = match stage.cross_device {
        CrossDevice::Hid => "My Security Info → Passkey in Microsoft Authenticator, over the virtual key",
        CrossDevice::Hybrid => {
            "My Security Info → Passkey in Microsoft Authenticator → QR code → friendly name"
        }
    };
    teller.step(what, || {
        let door = stage.visit_with_pass(BEA)?;
        let phone = Phone::fit("Bea's iPhone", Platform::Ios);
        let wanted = json!({ "route": "crossDevice", "phone": phone });
        let done = register(&door, &mut *stage.computer, &wanted, Some("Bea's iPhone"))?;
        let passed = checks(&done)?;
        let model = text(&done, "/passkey/model");
        ensure(text(&done, "/passkey/passkeyType") == "deviceBound", "it is not device-bound")?;
        Ok((Found::new(model, format!("the tenant, {passed} checks of WebAuthn L3 §7.1")), ()))
    })?;
    teller.step("it is listed separately on the phone", || {
        let entries = stage.instance.accounts(PHONE)?;
        let [adele, bea] = entries.as_slice() else {
            return Err(broken(format!("{} entries instead of two", entries.len())));
        };
        ensure(
            adele.kind == AccountKind::Account && bea.kind == AccountKind::Passkey,
            "the kinds are others",
        )?;
        ensure(bea.user_name == BEA && bea.tenant.is_none(), "it is somebody else's")?;
        same(stage, BEA, bea)?;
        Ok((Found::new(format!("{BEA}, a passkey alone"), "the phone's list, and Graph's method ID"), ()))
    })
}

fn add(stage: &Stage) -> Result<(Found, Account), Failure> {
    let pass = stage.passes.get(ADELE).and_then(Value::as_str).ok_or_else(|| broken("no pass was told"))?;
    let new = NewAccount {
        user_name: ADELE.into(),
        pass: Some(Secret::from(pass)),
        display_name: Some("Adele's iPhone".into()),
        ..NewAccount::default()
    };
    let Added::Account(account) = stage.instance.add_account(PHONE, &new)? else {
        return Err(broken("the app waits for a push notification"));
    };
    same(stage, ADELE, &account)?;
    let methods = stage.methods(ADELE)?;
    for (member, expected) in [
        ("/passkeyType", "deviceBound"),
        ("/attestationLevel", "notAttested"),
        ("/displayName", "Adele's iPhone"),
        ("/aaGuid", "90a3ccdf-635c-4729-a248-9b709135078f"),
    ] {
        ensure(any(&methods, member, expected), &format!("{member} is not {expected}"))?;
    }
    let apps = stage.list(&format!("/v1.0/users/{ADELE}/authentication/microsoftAuthenticatorMethods"))?;
    ensure(apps.len() == 1, "the app is not among the user's methods")?;
    let audits = stage.list("/v1.0/auditLogs/directoryAudits")?;
    ensure(any(&audits, "/activityDisplayName", "User registered security info"), "nothing was audited")?;
    let model = text(methods.first().unwrap_or(&Value::Null), "/model");
    Ok((Found::new(model, "Graph's methods, the audit log, and the passkey's ID on the phone"), *account))
}

/// The method's ID at the tenant is that of the passkey on the phone.
fn same(stage: &Stage, user: &str, account: &Account) -> Result<(), Failure> {
    let id = account.passkey.as_deref().and_then(wire::base64url::decode).unwrap_or_default();
    let methods = stage.methods(user)?;
    ensure(methods.len() == 1, "there is not one passkey at the tenant")?;
    ensure(any(&methods, "/id", &tenant::passkey::method_id(&id)), "the tenant has another passkey")
}

fn code(stage: &Stage) -> Result<(Found, ()), Failure> {
    let code = stage.instance.account_code(PHONE, ADELE)?;
    let door = stage.visit_as(ADELE, Some(&REGISTRATION.id.to_string()))?;
    door.post("/login/password", &json!({ "password": format!("correct horse {ADELE}") }))?;
    let granted = door.post("/login/code", &json!({ "code": code.code }))?;
    ensure(text(&granted, "/verdict") == "granted", "it was not enough")?;
    logged(stage, 0, Some("OATH verification code"))
}

/// A sign-in by push notification: the number is read at one end and typed at the other, that much too large.
fn push(stage: &Stage, phone_sign_in: bool, too_large: u8) -> Result<(), Failure> {
    let door = stage.visit_as(ADELE, Some(&REGISTRATION.id.to_string()))?;
    if !phone_sign_in {
        door.post("/login/password", &json!({ "password": format!("correct horse {ADELE}") }))?;
    }
    let sent = door.post("/login/push", &json!({ "phoneSignIn": phone_sign_in }))?;
    let number = sent["number"].as_u64().and_then(|number| u8::try_from(number).ok());
    let number = number.ok_or_else(|| broken("no number was shown"))?;
    let waiting = stage.instance.pushes(PHONE)?;
    ensure(waiting.len() == 1 && waiting[0].user_name == ADELE, "nothing waits on the phone")?;
    let nothing = door.post("/login/push/wait", &json!({}))?;
    ensure(nothing.is_null(), "it was granted before anybody answered")?;
    stage.instance.answer_push(PHONE, ADELE, Some((number + too_large) % 100))?;
    let granted = door.post("/login/push/wait", &json!({}))?;
    ensure(text(&granted, "/verdict") == "granted", "it was not enough")
}

/// The newest entry of the log, which has to be Adele's, end so, and tell of that method.
fn logged(stage: &Stage, error_code: u64, method: Option<&str>) -> Result<(Found, ()), Failure> {
    let entry = stage.last_sign_in()?;
    ensure(text(&entry, "/userPrincipalName") == ADELE, "the log's newest entry is somebody else's")?;
    ensure(entry["status"]["errorCode"] == json!(error_code), "the log says something else")?;
    let details = entry["authenticationDetails"].as_array().cloned().unwrap_or_default();
    if let Some(method) = method {
        ensure(any(&details, "/authenticationMethod", method), &format!("the log has no {method}"))?;
    }
    Ok((Found::new("granted", format!("the sign-in log: {}", method.unwrap_or_default())), ()))
}
