//! 6: what must not work, does not.
use super::prepare::{allowed, restrictions};
use super::stage::{PHONE, Stage, any, checks, refused, register, sign_in, text};
use super::{ADELE, BEA};
use crate::app::{NewAccount, PhoneFacts, Secret};
use crate::control::{Control, Failure};
use crate::home::Home;
use crate::instance::Instance;
use crate::profiles::Profiles;
use crate::profiles::edit::edited;
use crate::rehearse::platform::Platform as Computer;
use crate::rehearse::story::{broken, copy, ensure};
use crate::rehearse::{Found, Teller};
use serde_json::{Value, json};
use tenant::policy::WINDOWS_HELLO;
use tenant::{Behaviour, Phone, Platform};

pub(super) fn play(mut stage: Stage, teller: &mut Teller<'_>) -> Result<(), Failure> {
    for (what, facts) in [
        ("a system that is too old stops the app", PhoneFacts { os_version: Some("16.7".into()), ..none() }),
        ("an app that is too old does, too", PhoneFacts { app_version: Some("6.8.6".into()), ..none() }),
        ("and so does one without usage data", PhoneFacts { usage_data: Some(false), ..none() }),
    ] {
        teller.step(what, || unfit(&stage, facts))?;
    }
    teller.step("Bluetooth off on one side stops the other device", || bluetooth(&mut stage))?;
    teller.step("so does attestation that is enforced", || enforced(&stage))?;
    teller.step("a synced passkey is refused: the policy says device-bound", || synced(&stage))?;
    teller.step("a security key is refused by its AAGUID alone", || security_key(&stage))?;
    teller.step("one that claims Authenticator's AAGUID is let in, with a warning", || spoofed(&stage))?;
    match stage.behaviour {
        Behaviour::Preview2024 => {
            teller.step("Windows Hello is refused, though it is listed", || hello(&stage))
        }
        Behaviour::Current => teller.step("Windows Hello is let in once it is listed", || hello(&stage)),
    }?;
    match stage.behaviour {
        Behaviour::Preview2024 => {
            teller.step("a model that is taken off the list still signs in", || unlisted(&mut stage))
        }
        Behaviour::Current => {
            teller.step("a model that is taken off the list signs in no more", || unlisted(&mut stage))
        }
    }?;
    teller.step("there is no backup: a copied vault does not sign", || copied(stage))
}

fn none() -> PhoneFacts {
    PhoneFacts::default()
}

fn unfit(stage: &Stage, facts: PhoneFacts) -> Result<(Found, ()), Failure> {
    let before = stage.instance.passkeys(PHONE)?.len();
    let pass = stage.passes.get(BEA).and_then(Value::as_str).ok_or_else(|| broken("no pass was told"))?;
    let new = NewAccount {
        user_name: BEA.into(),
        pass: Some(Secret::from(pass)),
        phone: Some(facts),
        ..NewAccount::default()
    };
    let message = refused(stage.instance.add_account(PHONE, &new), "sim_phone_not_fit")?;
    ensure(stage.instance.passkeys(PHONE)?.len() == before, "a passkey was made all the same")?;
    Ok((Found::new(message, "the tenant, and the passkeys on the phone"), ()))
}

fn bluetooth(stage: &mut Stage) -> Result<(Found, ()), Failure> {
    let door = stage.visit_with_pass(BEA)?;
    let fit = Phone::fit("Bea's iPhone", Platform::Ios);
    let mut last = String::new();
    for phone in
        [Phone { bluetooth: false, ..fit.clone() }, Phone { computer_bluetooth: false, ..fit.clone() }]
    {
        let wanted = json!({ "route": "crossDevice", "phone": phone });
        last = refused(door.post("/register/options", &wanted), "sim_phone_not_fit")?;
        ensure(last.contains("Bluetooth"), &format!("it does not say why: {last}"))?;
    }
    // It is Bluetooth that it was about.
    door.post("/register/options", &json!({ "route": "crossDevice", "phone": fit }))?;
    for (phone, computer) in [(false, true), (true, false)] {
        let nearby = json!({ "bluetooth": phone, "computerBluetooth": computer });
        let asked = stage.visit(None)?.post("/login/options", &json!({ "nearby": nearby }));
        last = refused(asked, "sim_bluetooth_off")?;
    }
    let before = stage.instance.passkeys(PHONE)?.len();
    let Some(told) = stage.computer.without_bluetooth()? else {
        return Ok((Found::new(last, "the tenant, for the phone and for the computer, both ways"), ()));
    };
    ensure(stage.instance.passkeys(PHONE)?.len() == before, "a passkey was made all the same")?;
    Ok((Found::new(told, "the tenant and both ends of the transport, both ways"), ()))
}

/// A registration from another device cannot be attested.
fn enforced(stage: &Stage) -> Result<(Found, ()), Failure> {
    let (before, group) = (stage.policy("fido2")?, text(&stage.policy("fido2")?, "/includeTargets/0/id"));
    let mut changes = restrictions(stage.behaviour, &group, &allowed());
    match stage.behaviour {
        Behaviour::Preview2024 => changes["isAttestationEnforced"] = true.into(),
        Behaviour::Current => {
            changes["passkeyProfiles"][0]["attestationEnforcement"] = "registrationOnly".into()
        }
    }
    stage.patch_policy("fido2", "fido2", changes)?;
    let door = stage.visit_with_pass(BEA)?;
    let wanted = json!({ "route": "crossDevice", "phone": Phone::fit("Bea's iPhone", Platform::Ios) });
    let message = refused(door.post("/register/options", &wanted), "sim_cross_device_not_attestable")?;
    allow(stage, &allowed())?;
    ensure(stage.policy("fido2")? == before, "the policy is not as it was")?;
    Ok((Found::new(message, "the tenant, before anybody makes a passkey"), ()))
}

/// Bea in My Security Info with that device plugged in, which must be refused by that word.
fn turned_away(stage: &Stage, computer: &mut Computer, code: &str) -> Result<(Found, ()), Failure> {
    let before = stage.methods(BEA)?.len();
    let door = stage.visit_with_pass(BEA)?;
    let message = refused(register(&door, computer, &json!({ "route": "securityInfo" }), None), code)?;
    ensure(stage.methods(BEA)?.len() == before, "it was registered all the same")?;
    let audits = stage.list("/v1.0/auditLogs/directoryAudits?$top=1")?;
    ensure(any(&audits, "/result", "failure"), "the audit log does not tell of it")?;
    Ok((Found::new(message, "the tenant's methods, and its audit log"), ()))
}

fn synced(stage: &Stage) -> Result<(Found, ()), Failure> {
    let mut computer = stage.plug("synced", "icloud-keychain")?;
    turned_away(stage, &mut computer, "sim_passkey_type")
}

/// A security key that knows its user, and says of itself to be that model.
fn plug_key(stage: &Stage, name: &str, aaguid: &str) -> Result<Computer, Failure> {
    let profiles = Profiles::of(&stage.home);
    let setting = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let settings = [setting("aaguid", aaguid), setting("user.verification", "always")];
    let source = profiles.find("security-key")?.source;
    profiles.add_text(name, &edited(&source, name, &settings)?)?;
    stage.plug(name, name)
}

fn security_key(stage: &Stage) -> Result<(Found, ()), Failure> {
    let mut computer = plug_key(stage, "some-key", "fa0c5e11-0000-4000-8000-736563757265")?;
    turned_away(stage, &mut computer, "sim_key_restriction")
}

fn spoofed(stage: &Stage) -> Result<(Found, ()), Failure> {
    let aaguid = allowed().swap_remove(0);
    let mut computer = plug_key(stage, "claims-authenticator", &aaguid)?;
    let door = stage.visit_with_pass(BEA)?;
    let done = register(&door, &mut computer, &json!({ "route": "securityInfo" }), Some("A key that lies"))?;
    checks(&done)?;
    let warning = text(&done, "/warnings/0");
    ensure(warning.contains("unverified"), &format!("it warns of {warning:?}"))?;
    ensure(text(&done, "/passkey/attestationLevel") == "notAttested", "it is attested")?;
    let again = sign_in(&stage.visit_as(BEA, None)?, &mut computer)?;
    ensure(text(&again, "/verdict") == "granted", "it does not sign in")?;
    Ok((Found::new(warning, "the tenant, WebAuthn L3 §7.1 and §7.2"), ()))
}

/// The models that are allowed from now on.
fn allow(stage: &Stage, aaguids: &[String]) -> Result<(), Failure> {
    let group = text(&stage.policy("fido2")?, "/includeTargets/0/id");
    let mut changes = restrictions(stage.behaviour, &group, aaguids);
    if stage.behaviour == Behaviour::Preview2024 {
        changes["isAttestationEnforced"] = false.into();
    }
    stage.patch_policy("fido2", "fido2", changes).map(drop)
}

fn hello(stage: &Stage) -> Result<(Found, ()), Failure> {
    let mut computer = stage.plug("hello", "windows-hello-hardware")?;
    let mut listed = allowed();
    listed.extend(WINDOWS_HELLO.iter().map(ToString::to_string));
    match stage.behaviour {
        Behaviour::Preview2024 => {
            allow(stage, &listed)?;
            let found = turned_away(stage, &mut computer, "sim_windows_hello")?;
            allow(stage, &allowed())?;
            Ok(found)
        }
        Behaviour::Current => {
            turned_away(stage, &mut computer, "sim_key_restriction")?;
            allow(stage, &listed)?;
            let door = stage.visit_with_pass(BEA)?;
            let done = register(&door, &mut computer, &json!({ "route": "securityInfo" }), None)?;
            let passed = checks(&done)?;
            allow(stage, &allowed())?;
            let judge = format!("the tenant, {passed} checks of WebAuthn L3 §7.1");
            Ok((Found::new(text(&done, "/passkey/model"), judge), ()))
        }
    }
}

fn unlisted(stage: &mut Stage) -> Result<(Found, ()), Failure> {
    allow(stage, &allowed()[1..])?;
    let door = stage.visit_as(BEA, None)?;
    let answer = sign_in(&door, &mut *stage.computer);
    let found = match stage.behaviour {
        Behaviour::Preview2024 => {
            let answer = answer?;
            ensure(text(&answer, "/verdict") == "granted", "it signs in no more")?;
            let passed = checks(&answer)?;
            Found::new("granted", format!("the tenant, {passed} checks of WebAuthn L3 §7.2"))
        }
        Behaviour::Current => {
            let message = refused(answer, "135016")?;
            let entry = stage.last_sign_in()?;
            ensure(entry["status"]["errorCode"] == json!(135_016), "the log says something else")?;
            Found::new(message, "the tenant, and its sign-in log")
        }
    };
    allow(stage, &allowed())?;
    Ok((found, ()))
}

/// What device-bound means: without its key, which lies elsewhere, a copied vault stays shut.
fn copied(stage: Stage) -> Result<(Found, ()), Failure> {
    let Stage { folder, home, served, instance, .. } = stage;
    ensure(
        instance.passkeys(PHONE)?.iter().any(|one| one.user_name.as_deref() == Some(ADELE)),
        "no passkey",
    )?;
    drop(served);
    instance.shutdown();
    let elsewhere = Home::at(folder.join("another phone"));
    copy(&home.vault(), &elsewhere.vault()).map_err(broken)?;
    copy(&home.devices(), &elsewhere.devices()).map_err(broken)?;
    match Instance::open(&elsewhere) {
        Ok(_) => Err(broken("the copy opened")),
        Err(failure) => Ok((Found::new(failure.message, "the vault"), ())),
    }
}
