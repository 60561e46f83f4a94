//! 4: signing in on the phone itself, and from the computer.
use super::stage::{PHONE, Stage, checks, refused, sign_in, text};
use super::{ADELE, BEA};
use crate::ceremony::Kind;
use crate::control::{Answer, Control, Failure, User};
use crate::rehearse::story::ensure;
use crate::rehearse::{CrossDevice, Found, Teller};
use serde_json::{Value, json};

pub(super) fn play(stage: &mut Stage, teller: &mut Teller<'_>) -> Result<(), Failure> {
    teller.step("on the phone: Sign-in options → Face, fingerprint, PIN → the account", || {
        let door = stage.visit(None)?;
        let options = door.post("/login/options", &json!({}))?;
        let response = stage.on_the_phone(Kind::Get, options, Some(ADELE))?;
        judged(stage, ADELE, &door.post("/login/passkey", &json!({ "response": response }))?)
    })?;
    teller.step("on the phone, with the user name typed", || {
        let door = stage.visit_as(ADELE, None)?;
        let options = door.post("/login/options", &json!({}))?;
        let response = stage.on_the_phone(Kind::Get, options, None)?;
        judged(stage, ADELE, &door.post("/login/passkey", &json!({ "response": response }))?)
    })?;
    let what = match stage.cross_device {
        CrossDevice::Hid => "with another device: the phone at the computer",
        CrossDevice::Hybrid => "with another device: QR code → the passkey on the phone",
    };
    teller.step(what, || {
        let door = stage.visit_as(BEA, None)?;
        let answer = sign_in(&door, &mut *stage.computer)?;
        judged(stage, BEA, &answer)
    })?;
    teller.step("with another device, and the account is chosen on the phone", || {
        // The newest comes first, CTAP 2.1 §6.2.2 step 12, and that is not Adele's.
        stage.instance.set_user(PHONE, User { answer: Answer::Account(1), delay_ms: 0 })?;
        let answer = sign_in(&stage.visit(None)?, &mut *stage.computer)?;
        stage.instance.set_user(PHONE, User { answer: Answer::Approve, delay_ms: 0 })?;
        judged(stage, ADELE, &answer)
    })?;
    teller.step("an answer that was given elsewhere is refused", || {
        let there = stage.visit(None)?;
        let options = there.post("/login/options", &json!({}))?;
        let response = stage.on_the_phone(Kind::Get, options, Some(ADELE))?;
        let here = stage.visit(None)?;
        let message = refused(here.post("/login/passkey", &json!({ "response": response })), "135018")?;
        let entry = stage.last_sign_in()?;
        ensure(entry["status"]["errorCode"] == json!(135_018), "the log says something else")?;
        Ok((Found::new(message, "the tenant, WebAuthn L3 §7.2, and its log"), ()))
    })
}

/// Granted, by that many checks, as the log says too, and by the strength that was asked for.
fn judged(stage: &Stage, user: &str, answer: &Value) -> Result<(Found, ()), Failure> {
    ensure(text(answer, "/verdict") == "granted", &format!("the verdict is {:?}", text(answer, "/verdict")))?;
    ensure(text(answer, "/user/userPrincipalName") == user, "somebody else is signed in")?;
    let passed = checks(answer)?;
    let entry = stage.last_sign_in()?;
    ensure(text(&entry, "/userPrincipalName") == user, "the log has somebody else")?;
    ensure(entry["status"]["errorCode"] == json!(0), "the log tells of an error")?;
    let strength = &entry["appliedConditionalAccessPolicies"][0]["authenticationStrength"];
    ensure(text(strength, "/authenticationStrengthResult") == "satisfied", "the strength was not satisfied")?;
    let judge = format!("the tenant, {passed} checks of WebAuthn L3 §7.2, and its log");
    Ok((Found::new(format!("{user}, strength {}", text(strength, "/displayName")), judge), ()))
}
