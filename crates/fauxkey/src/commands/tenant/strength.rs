//! `fauxkey tenant strength` and `access`.
use super::{Asked, encoded, models, text};
use crate::cli::{AccessVerb, StrengthVerb};
use crate::commands::{Exit, Stop};
use serde_json::{Value, json};

const STRENGTHS: &str = "/v1.0/policies/authenticationStrengthPolicies";
const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";

pub(super) fn strength(asked: &Asked<'_>, verb: StrengthVerb) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    let path = |which: &str| format!("{STRENGTHS}/{}", encoded(which));
    match verb {
        StrengthVerb::List => {
            let strengths = asked.list(STRENGTHS)?;
            output.result(&strengths, || {
                let row = |strength: &Value| {
                    [
                        text(strength, "displayName"),
                        text(strength, "policyType"),
                        joined(&strength["allowedCombinations"], " | "),
                        text(strength, "id"),
                    ]
                };
                let rows: Vec<_> = strengths.iter().map(row).collect();
                output.table(["STRENGTH", "TYPE", "COMBINATIONS", "ID"], &rows)
            })?;
        }
        StrengthVerb::Show { strength } => {
            let found = asked.call("GET", &path(&strength), None)?;
            output.result(&found, || description(&found))?;
        }
        StrengthVerb::Add { name, combination, aaguid } => {
            let mut body = json!({ "displayName": name, "allowedCombinations": combination });
            if !aaguid.is_empty() {
                body["combinationConfigurations"] = json!([{
                    "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
                    "appliesToCombinations": ["fido2"],
                    "allowedAAGUIDs": models::aaguids(asked, &aaguid)?,
                }]);
            }
            let made = asked.call("POST", STRENGTHS, Some(&body))?;
            output.result(&made, || description(&made))?;
        }
        StrengthVerb::Delete { strength } => {
            asked.call("DELETE", &path(&strength), None)?;
            output.inform(&format!("deleted {strength}"));
        }
    }
    Ok(Exit::Done)
}

fn joined(list: &Value, between: &str) -> String {
    let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(between)
}

fn description(strength: &Value) -> String {
    let mut lines = vec![
        format!("strength      {}", text(strength, "displayName")),
        format!("ID            {}", text(strength, "id")),
        format!("combinations  {}", joined(&strength["allowedCombinations"], "\n              ")),
    ];
    for configuration in strength["combinationConfigurations"].as_array().into_iter().flatten() {
        let aaguids = configuration["allowedAAGUIDs"].as_array().into_iter().flatten();
        for (at, aaguid) in aaguids.filter_map(Value::as_str).enumerate() {
            let heading = if at == 0 { "models" } else { "" };
            lines.push(format!("{heading:<14}{}", models::named(aaguid)));
        }
    }
    lines.join("\n")
}

pub(super) fn access(asked: &Asked<'_>, verb: AccessVerb) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    match verb {
        AccessVerb::List => {
            let policies = asked.list(POLICIES)?;
            let strengths = asked.list(STRENGTHS)?;
            output.result(&policies, || {
                if policies.is_empty() {
                    return "no conditional access policies yet".into();
                }
                let row = |policy: &Value| {
                    let id = &policy["grantControls"]["authenticationStrength"]["id"];
                    let named = strengths.iter().find(|strength| strength["id"] == *id);
                    let wanted = named.map(|strength| text(strength, "displayName")).unwrap_or_default();
                    [text(policy, "displayName"), text(policy, "state"), wanted, text(policy, "id")]
                };
                let rows: Vec<_> = policies.iter().map(row).collect();
                output.table(["POLICY", "STATE", "STRENGTH", "ID"], &rows)
            })?;
        }
        AccessVerb::Add { name, strength, app, exclude_app, target, report_only } => {
            let strength = asked.call("GET", &format!("{STRENGTHS}/{}", encoded(&strength)), None)?;
            let mut users = json!({ "includeUsers": [], "includeGroups": [] });
            for (id, kind) in models::targets(asked, &target)? {
                let (list, id) = match (id.as_str(), kind) {
                    ("all_users", _) => ("includeUsers", "All".to_owned()),
                    (_, "user") => ("includeUsers", id),
                    _ => ("includeGroups", id),
                };
                if let Some(list) = users[list].as_array_mut() {
                    list.push(id.into());
                }
            }
            let (actions, apps): (Vec<_>, Vec<_>) =
                app.into_iter().partition(|app| app == "register-security-info");
            let applications = if actions.is_empty() {
                json!({ "includeApplications": apps, "excludeApplications": exclude_app })
            } else {
                json!({ "includeUserActions": ["urn:user:registersecurityinfo"] })
            };
            let body = json!({
                "displayName": name,
                "state": if report_only { "enabledForReportingButNotEnforced" } else { "enabled" },
                "conditions": { "users": users, "applications": applications },
                "grantControls": {
                    "operator": "OR",
                    "builtInControls": [],
                    "authenticationStrength": { "id": strength["id"] },
                },
            });
            let made = asked.call("POST", POLICIES, Some(&body))?;
            output.result(&made, || {
                format!("{} asks for {}", text(&made, "displayName"), text(&strength, "displayName"))
            })?;
        }
        AccessVerb::Delete { policy } => {
            asked.call("DELETE", &format!("{POLICIES}/{}", encoded(&policy)), None)?;
            output.inform(&format!("deleted {policy}"));
        }
    }
    Ok(Exit::Done)
}
