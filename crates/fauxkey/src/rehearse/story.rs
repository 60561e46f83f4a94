//! The steps, in order.
use super::platform::Refused;
use super::stage::{ORIGIN, PHONE, Stage, USER};
use super::{Found, Teller};
use crate::control::{Answer, Failure, FailureKind, Power, User};
use crate::home::Home;
use crate::instance::Instance;
use crate::profiles::Profiles;
use authenticator::profile::Verification;
use relying_party::{Registered, StoredCredential, UserVerification};
use std::fs;
use std::path::Path;
use wire::ctap2::MakeCredentialResponse;
use wire::ctaphid::MAX_MESSAGE_SIZE;
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

/// Plays everything that there is of the story.
pub(super) fn play(folder: &Path, profile: &str, teller: &mut Teller<'_>) -> Result<(), Failure> {
    let claims = Profiles::built_in().find(profile)?;
    if claims.authenticator.discoverable.is_none() {
        let why = format!("the rehearsal is about passkeys, and `{profile}` keeps none");
        return Err(Failure::new(FailureKind::Invalid, why).hint("leave --profile out"));
    }
    let verifies = claims.authenticator.verification != Verification::None;
    let verification = if verifies { UserVerification::Required } else { UserVerification::Discouraged };

    let mut stage = teller.step("a new home, a new vault and a new device", || {
        let stage = Stage::set(folder, profile, verification)?;
        let device = stage.control().device(PHONE)?;
        ensure(device.aaguid == claims.authenticator.aaguid.to_string(), "the device has another AAGUID")?;
        let outcome = format!("{}, AAGUID {}", device.title, device.aaguid);
        Ok((Found::new(outcome, "the control door"), stage))
    })?;
    teller.step("a computer plugs it in over CTAPHID", || plug_in(&mut stage))?;
    teller.step("the computer asks what it can do", || ask_info(&mut stage))?;

    let registered = teller.step("a passkey is registered", || register(&mut stage))?;
    let credential = registered.credential;
    teller.step("the passkey is on the device, and its private key nowhere to be seen", || {
        show_passkey(&stage, &credential)
    })?;
    teller.step("a second registration of the account is refused", || {
        register_again(&mut stage, &credential)
    })?;
    teller.step("a user who declines registers nothing", || decline(&mut stage))?;
    teller.step("the user signs in without typing a name", || sign_in(&mut stage, &credential))?;
    teller.step("an answer to yesterday's challenge is refused", || replay(&mut stage, &credential))?;
    teller.step("the power is cut and comes back", || {
        stage.control().power(PHONE, Power::Cycle)?;
        stage.reconnect()?;
        sign_in(&mut stage, &credential)
    })?;
    teller.step("fauxkey is stopped and started again", || {
        stage.restart()?;
        sign_in(&mut stage, &credential)
    })?;
    teller.step("a copy of the vault does not open on another device", || copy_vault(&stage, folder))?;
    teller.step("after a reset the passkey is gone for good", || reset(&mut stage))
}

fn plug_in(stage: &mut Stage) -> Result<(Found, ()), Failure> {
    let payload: Vec<u8> = (0..=u8::MAX).cycle().take(MAX_MESSAGE_SIZE).collect();
    let echo = stage.platform.ping(&payload)?;
    ensure(echo.bytes == payload, "the longest PING did not come back as it was sent")?;
    let device = stage.platform.device;
    let outcome = format!(
        "channel {:08x}, a PING of {MAX_MESSAGE_SIZE} bytes came back in {:?}",
        device.cid, echo.took
    );
    Ok((Found::new(outcome, "the platform's CTAPHID, CTAP 2.1 §11.2"), ()))
}

fn ask_info(stage: &mut Stage) -> Result<(Found, ()), Failure> {
    let info = stage.info()?;
    ensure(info.versions.iter().any(|version| version == "FIDO_2_0"), "it does not speak CTAP 2")?;
    ensure(info.option("rk") == Some(true), "it holds no passkeys")?;
    let options: Vec<String> = info.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok((
        Found::new(format!("{}, {}", info.versions.join(" "), options.join(" ")), "getInfo, CTAP 2.1 §6.4"),
        (),
    ))
}

fn register(stage: &mut Stage) -> Result<(Found, Registered), Failure> {
    let options = stage.creation_options(&[]);
    let (made, answer) = stage.create(&options).map_err(unexpected)?;
    ensure(answer.keepalives > 0, "the computer never heard that the user was asked")?;
    // What came over the wire, read apart from the relying party.
    let response = MakeCredentialResponse::decode(&answer.bytes).map_err(broken)?;
    let data = AuthenticatorData::decode(&response.auth_data).map_err(broken)?;
    ensure(
        !data.flags.contains(Flags::BE) && !data.flags.contains(Flags::BS),
        "BE or BS is set on a bound passkey",
    )?;
    let registered = stage.judge_registration(&options, &made).map_err(broken)?;
    let outcome = format!(
        "{USER} at {ORIGIN}: flags {}, counter {}, attestation {}",
        data.flags, data.sign_count, registered.fmt
    );
    let judged = format!("the relying party, {} checks of WebAuthn L3 §7.1", registered.passed.len());
    Ok((Found::new(outcome, judged), registered))
}

fn show_passkey(stage: &Stage, credential: &StoredCredential) -> Result<(Found, ()), Failure> {
    let passkeys = stage.control().passkeys(PHONE)?;
    let [passkey] = passkeys.as_slice() else {
        return Err(Failure::new(FailureKind::Broken, format!("{} passkeys instead of one", passkeys.len())));
    };
    ensure(
        wire::base64url::decode(&passkey.credential_id).as_ref() == Some(&credential.id),
        "it is another passkey",
    )?;
    ensure(
        passkey.public_key.0 == wire::cbor::encode(&credential.public_key.to_value()),
        "it has another public key",
    )?;
    let text = serde_json::to_string(passkey).map_err(broken)?.to_lowercase();
    ensure(!text.contains("private"), "there is talk of a private key")?;
    let outcome =
        format!("{} at {}, {}", passkey.user_name.as_deref().unwrap_or(""), passkey.rp_id, passkey.algorithm);
    Ok((Found::new(outcome, "the credential ID and public key that the relying party stored"), ()))
}

fn register_again(stage: &mut Stage, credential: &StoredCredential) -> Result<(Found, ()), Failure> {
    let options = stage.creation_options(std::slice::from_ref(credential));
    let refused =
        refused(stage.create(&options).map(drop), "InvalidStateError", Status::CREDENTIAL_EXCLUDED)?;
    ensure(stage.control().passkeys(PHONE)?.len() == 1, "a passkey was made all the same")?;
    Ok((Found::new(refused, "the client, WebAuthn L3 §5.1.3, and the passkeys on the device"), ()))
}

fn decline(stage: &mut Stage) -> Result<(Found, ()), Failure> {
    let policy = |answer| User { answer, delay_ms: 0 };
    stage.control().set_user(PHONE, policy(Answer::Deny))?;
    let options = stage.creation_options(&[]);
    let refused = refused(stage.create(&options).map(drop), "NotAllowedError", Status::OPERATION_DENIED)?;
    ensure(stage.control().passkeys(PHONE)?.len() == 1, "a passkey was made all the same")?;
    stage.control().set_user(PHONE, policy(Answer::Approve))?;
    Ok((Found::new(refused, "the client, WebAuthn L3 §5.1.3, and the passkeys on the device"), ()))
}

fn sign_in(stage: &mut Stage, credential: &StoredCredential) -> Result<(Found, ()), Failure> {
    let options = stage.request_options();
    let (signed, answer) = stage.get(&options).map_err(unexpected)?;
    ensure(answer.keepalives > 0, "the computer never heard that the user was asked")?;
    let verified = stage.judge_sign_in(&options, &signed, credential).map_err(broken)?;
    let outcome = format!("flags {}, counter {}, in {:?}", verified.flags, verified.sign_count, answer.took);
    let judged = format!("the relying party, {} checks of WebAuthn L3 §7.2", verified.passed.len());
    Ok((Found::new(outcome, judged), ()))
}

/// Shows that the judge can say no.
fn replay(stage: &mut Stage, credential: &StoredCredential) -> Result<(Found, ()), Failure> {
    let yesterday = stage.request_options();
    let (signed, _) = stage.get(&yesterday).map_err(unexpected)?;
    let today = stage.request_options();
    match stage.judge_sign_in(&today, &signed, credential) {
        Ok(_) => Err(Failure::new(FailureKind::Broken, "the relying party took an old answer")),
        Err(rejection) => Ok((Found::new(rejection.to_string(), "the relying party"), ())),
    }
}

/// What device-bound means: without its key, which lies elsewhere, a copied vault stays shut.
fn copy_vault(stage: &Stage, folder: &Path) -> Result<(Found, ()), Failure> {
    stage.instance.shutdown();
    let elsewhere = Home::at(folder.join("another device"));
    copy(&stage.home.vault(), &elsewhere.vault()).map_err(broken)?;
    copy(&stage.home.devices(), &elsewhere.devices()).map_err(broken)?;
    match Instance::open(&elsewhere) {
        Ok(_) => Err(Failure::new(FailureKind::Broken, "the copy opened")),
        Err(failure) => Ok((Found::new(failure.message, "the vault"), ())),
    }
}

fn reset(stage: &mut Stage) -> Result<(Found, ()), Failure> {
    stage.restart()?;
    stage.control().power(PHONE, Power::Cycle)?;
    stage.reconnect()?;
    // Within ten seconds of power-up, by the command that a platform would send.
    let answer = stage.platform.call(&[wire::ctap2::Command::RESET.0])?;
    ensure(answer.bytes == [Status::OK.0], "authenticatorReset was refused")?;
    ensure(stage.control().passkeys(PHONE)?.is_empty(), "passkeys are left")?;
    let options = stage.request_options();
    let refused = refused(stage.get(&options).map(drop), "NotAllowedError", Status::NO_CREDENTIALS)?;
    Ok((Found::new(refused, "the client, WebAuthn L3 §5.1.4, and the passkeys on the device"), ()))
}

/// What was refused must be refused by that exception and status.
fn refused(result: Result<(), Refused>, exception: &str, status: Status) -> Result<String, Failure> {
    match result {
        Ok(()) => Err(Failure::new(FailureKind::Broken, "it was not refused")),
        Err(Refused::Client(error)) if error.exception() == exception && error.status() == Some(status) => {
            Ok(format!("{exception}: {status}"))
        }
        Err(other) => Err(unexpected(other)),
    }
}

fn unexpected(refused: Refused) -> Failure {
    refused.into()
}

pub(super) fn broken(why: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Broken, why.to_string())
}

pub(super) fn ensure(holds: bool, otherwise: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(broken(otherwise)) }
}

pub(super) fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
