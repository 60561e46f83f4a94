//! 4: signing in on the phone itself, and from the computer.
use super::stage::{Stage, checks, refused, sign_in, text};
use super::{ADELE, BEA};
use crate::ceremony::Kind;
use crate::control::Failure;
use crate::rehearse::story::ensure;
use crate::rehearse::{Found, Teller};
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
    teller.step("with another device: the phone at the computer", || {
        let door = stage.visit_as(BEA, None)?;
        let answer = sign_in(&door, &mut *stage.computer)?;
        judged(stage, BEA, &answer)
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
