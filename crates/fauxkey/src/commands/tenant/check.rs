//! `fauxkey tenant check`: what the policy would say, before anybody touches a device.
use super::{Asked, models, text};
use crate::cli::{Check, Purpose};
use crate::commands::{Exit, Stop};
use serde_json::json;

pub(super) fn check(asked: &Asked<'_>, arguments: &Check) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    let fmt =
        arguments.fmt.clone().unwrap_or_else(|| if arguments.attested { "packed" } else { "none" }.into());
    let body = json!({
        "user": arguments.user,
        "purpose": match arguments.purpose {
            Purpose::Registration => "registration",
            Purpose::SignIn => "signIn",
        },
        "aaGuid": models::aaguid(asked, &arguments.aaguid)?,
        "passkeyType": if arguments.synced { "synced" } else { "deviceBound" },
        "attestationLevel": if arguments.attested { "attested" } else { "notAttested" },
        "fmt": fmt,
    });
    let decision = asked.call("POST", "/beta/sim/decide", Some(&body))?;
    let allowed = decision["allowed"] == true;
    output.result(&decision, || {
        let mut lines = vec![if allowed { "allowed".to_owned() } else { "refused".into() }];
        for clause in decision["clauses"].as_array().into_iter().flatten() {
            let mark = if clause["holds"] == true { "  yes" } else { "  no " };
            lines.push(format!("{mark}  {}: {}", text(clause, "clause"), text(clause, "says")));
        }
        for warning in decision["warnings"].as_array().into_iter().flatten() {
            lines.push(format!("  warning: {}", warning.as_str().unwrap_or_default()));
        }
        lines.join("\n")
    })?;
    Ok(if allowed { Exit::Done } else { Exit::Found })
}
