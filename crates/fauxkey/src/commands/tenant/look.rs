//! `fauxkey tenant show`, `log` and `report`.
use super::{Asked, CONFIGURATIONS, encoded, policy, text};
use crate::cli::{Log, Report, ReportKind};
use crate::commands::{Exit, Stop};
use crate::control::Failure;
use serde_json::{Value, json};

pub(super) fn show(asked: &Asked<'_>) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    let organization = asked.list("/v1.0/organization")?.into_iter().next().unwrap_or_default();
    let fido2 = asked.call("GET", &format!("{CONFIGURATIONS}/fido2"), None)?;
    let strengths =
        asked.list("/v1.0/policies/authenticationStrengthPolicies?$filter=policyType%20eq%20'custom'")?;
    let counts = asked.call("GET", &by("usersRegisteredByMethod"), None)?;
    let document = json!({
        "organization": organization, "url": asked.reach.url(), "fido2": fido2, "strengths": strengths, "registered": counts,
    });
    output.result(&document, || {
        let mut lines = vec![
            format!("tenant       {} ({})", text(&organization, "displayName"), text(&organization, "id")),
            format!("behaviour    {}", text(&organization, "simBehaviour")),
            format!("pages        {}", asked.reach.url().unwrap_or("(not running; fauxkey tenant serve)")),
            format!("users        {}", text(&counts, "totalUserCount")),
        ];
        for (at, strength) in strengths.iter().enumerate() {
            let heading = if at == 0 { "strengths" } else { "" };
            lines.push(format!("{heading:<13}{}", text(strength, "displayName")));
        }
        lines.push(String::new());
        lines.push("Passkeys (FIDO2):".into());
        lines.push(policy::described(&fido2));
        lines.join("\n")
    })?;
    Ok(Exit::Done)
}

fn by(what: &str) -> String {
    format!("/beta/reports/authenticationMethods/{what}(includedUserTypes='all',includedUserRoles='all')")
}

/// The text of a collection as comma-separated values.
fn csv(asked: &Asked<'_>, path: &str) -> Result<String, Failure> {
    let between = if path.contains('?') { '&' } else { '?' };
    let reply = asked.reach.ask("GET", &format!("{path}{between}$format=csv"), None)?;
    if reply.status >= 400 {
        // The refusal, in its own words.
        return asked.call("GET", path, None).map(|_| String::new());
    }
    Ok(reply.text.unwrap_or_default())
}

pub(super) fn log(asked: &Asked<'_>, arguments: &Log) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    let which = if arguments.audit { "directoryAudits" } else { "signIns" };
    let mut path = format!("/beta/auditLogs/{which}?$top={}", arguments.top);
    if let Some(filter) = &arguments.filter {
        path.push_str(&format!("&$filter={}", encoded(filter)));
    }
    if arguments.csv {
        output.text(csv(asked, &path)?.trim_end())?;
        return Ok(Exit::Done);
    }
    let found = asked.call("GET", &path, None)?;
    let entries = found["value"].as_array().cloned().unwrap_or_default();
    output.result(&entries, || {
        if entries.is_empty() {
            return "nothing in the log yet".into();
        }
        if arguments.audit {
            let row = |entry: &Value| {
                [
                    text(entry, "activityDateTime"),
                    text(entry, "activityDisplayName"),
                    text(&entry["targetResources"][0], "userPrincipalName"),
                    text(&entry["targetResources"][0], "displayName"),
                    text(entry, "result"),
                ]
            };
            let rows: Vec<_> = entries.iter().map(row).collect();
            return output.table(["WHEN", "WHAT", "WHOSE", "WHICH", "RESULT"], &rows);
        }
        let rows: Vec<_> = entries.iter().map(sign_in_row).collect();
        output.table(["WHEN", "USER", "RESULT", "METHOD", "DETAIL", "REQUIREMENT"], &rows)
    })?;
    Ok(Exit::Done)
}

fn sign_in_row(entry: &Value) -> [String; 6] {
    let status = &entry["status"];
    let result = match status["errorCode"].as_u64() {
        Some(0) => "success".into(),
        _ => format!("{} {}", text(status, "errorCode"), text(status, "failureReason")),
    };
    let first = &entry["authenticationDetails"][0];
    [
        text(entry, "createdDateTime"),
        text(entry, "userPrincipalName"),
        result,
        text(first, "authenticationMethod"),
        text(first, "authenticationMethodDetail"),
        text(first, "authenticationStepRequirement"),
    ]
}

pub(super) fn report(asked: &Asked<'_>, arguments: &Report) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    let counted = |found: Value, list: &str, name: &str, number: &str, headings: [&str; 2]| {
        let items = found[list].as_array().cloned().unwrap_or_default();
        let rows: Vec<_> = items.iter().map(|item| [text(item, name), text(item, number)]).collect();
        output.result(&found, || output.table(headings, &rows))
    };
    match arguments.kind {
        ReportKind::Methods => {
            let found = asked.call("GET", &by("usersRegisteredByMethod"), None)?;
            let list = "userRegistrationMethodCounts";
            counted(found, list, "authenticationMethod", "userCount", ["METHOD", "USERS"])?;
        }
        ReportKind::Features => {
            let found = asked.call("GET", &by("usersRegisteredByFeature"), None)?;
            counted(found, "userRegistrationFeatureCounts", "feature", "userCount", ["FEATURE", "USERS"])?;
        }
        ReportKind::SignIns => {
            let path = "/beta/reports/authenticationMethods/usersSignInsByAuthMethod";
            let found = asked.call("GET", path, None)?;
            counted(found, "value", "authenticationMethod", "successActivityCount", ["METHOD", "SIGN-INS"])?;
        }
        ReportKind::Users => {
            let mut path = "/beta/reports/authenticationMethods/userRegistrationDetails".to_owned();
            if let Some(filter) = &arguments.filter {
                path.push_str(&format!("?$filter={}", encoded(filter)));
            }
            if arguments.csv {
                output.text(csv(asked, &path)?.trim_end())?;
                return Ok(Exit::Done);
            }
            let found = asked.list(&path)?;
            output.result(&found, || {
                let row = |user: &Value| {
                    let methods = user["methodsRegistered"].as_array().into_iter().flatten();
                    let methods: Vec<&str> = methods.filter_map(Value::as_str).collect();
                    [
                        text(user, "userPrincipalName"),
                        text(user, "isMfaCapable"),
                        text(user, "isPasswordlessCapable"),
                        methods.join(", "),
                    ]
                };
                let rows: Vec<_> = found.iter().map(row).collect();
                output.table(["USER", "MFA CAPABLE", "PASSWORDLESS", "METHODS"], &rows)
            })?;
        }
    }
    Ok(Exit::Done)
}
