//! 5: the sign-in log, the activity, and who has registered what.
use super::stage::{Stage, any, text};
use super::{ADELE, BEA};
use crate::control::Failure;
use crate::rehearse::story::{broken, ensure};
use crate::rehearse::{Found, Teller};
use tenant::Behaviour;

/// The method of a passkey in Authenticator, as reports call it: "Passkey (Microsoft Authenticator)".
const METHOD: &str = "passKeyDeviceBoundAuthenticator";

pub(super) fn play(stage: &Stage, teller: &mut Teller<'_>) -> Result<(), Failure> {
    teller.step("the sign-in log tells the method and the model", || log(stage))?;
    teller.step("the activity counts passkeys in Authenticator", || activity(stage))?;
    teller.step("registration details, filtered by Passkey (Microsoft Authenticator)", || details(stage))
}

fn log(stage: &Stage) -> Result<(Found, ()), Failure> {
    // What the walk-through saw in 2024, and what others saw since.
    let (label, model) = match stage.behaviour {
        Behaviour::Preview2024 => ("Passkey (FIDO2)", "Microsoft Authenticator on iOS"),
        Behaviour::Current => ("Passkey (device-bound)", "90a3ccdf-635c-4729-a248-9b709135078f"),
    };
    let filter = format!("userPrincipalName eq '{ADELE}' and status/errorCode eq 0").replace(' ', "%20");
    let entries = stage.list(&format!("/beta/auditLogs/signIns?$filter={filter}"))?;
    ensure(!entries.is_empty(), "the filter found nothing")?;
    let details =
        entries.iter().flat_map(|entry| entry["authenticationDetails"].as_array().into_iter().flatten());
    let found = details.into_iter().find(|detail| text(detail, "/authenticationMethod") == label);
    let found = found.ok_or_else(|| broken(format!("no sign-in was by {label}")))?;
    let detail = text(found, "/authenticationMethodDetail");
    ensure(detail.contains(model), &format!("its detail is {detail:?}"))?;
    Ok((Found::new(format!("{label}, {detail}"), "signIns with $filter, over Graph"), ()))
}

fn activity(stage: &Stage) -> Result<(Found, ()), Failure> {
    let path = "/v1.0/reports/authenticationMethods/usersRegisteredByMethod(includedUserTypes='all',includedUserRoles='all')";
    let report = stage.call("GET", path, None)?;
    let counts = report["userRegistrationMethodCounts"].as_array().cloned().unwrap_or_default();
    let of_it = counts.iter().find(|count| text(count, "/authenticationMethod") == METHOD);
    let count = of_it.and_then(|count| count["userCount"].as_u64()).unwrap_or_default();
    let registered = [ADELE, BEA].map(|user| stage.methods(user).map(|methods| methods.len()));
    let mut really = 0;
    for of_user in registered {
        really += u64::from(of_user? > 0);
    }
    ensure(count == 2 && really == 2, &format!("it counts {count}, and there are {really}"))?;
    Ok((Found::new(format!("{count} users"), "usersRegisteredByMethod, against the users' methods"), ()))
}

fn details(stage: &Stage) -> Result<(Found, ()), Failure> {
    let filter = format!("methodsRegistered/any(x:x eq '{METHOD}')").replace(' ', "%20");
    let path = format!("/v1.0/reports/authenticationMethods/userRegistrationDetails?$filter={filter}");
    let users = stage.list(&path)?;
    for user in [ADELE, BEA] {
        ensure(any(&users, "/userPrincipalName", user), "a user is missing")?;
    }
    ensure(
        users.iter().all(|user| user["isMfaCapable"] == serde_json::json!(true)),
        "somebody is not capable",
    )?;
    Ok((
        Found::new(format!("{} users, MFA capable", users.len()), "userRegistrationDetails with $filter"),
        (),
    ))
}
