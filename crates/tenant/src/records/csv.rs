//! Logs and reports as comma-separated values, RFC 4180, with columns named as the portal's downloads name them.
//!
//! What begins with `=`, `+`, `-` or `@` gets an apostrophe before it: spreadsheets would take it for a formula, and
//! names come from anybody.
use serde_json::Value;

type Column = (&'static str, fn(&Value) -> String);

/// A member, at a path of names and numbers with full stops between, as text.
fn at(value: &Value, path: &str) -> String {
    let found = path.split('.').fold(Some(value), |found, name| match name.parse::<usize>() {
        Ok(index) => found?.get(index),
        Err(_) => found?.get(name),
    });
    match found {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let words: Vec<String> =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), Into::into)).collect();
            words.join("; ")
        }
        Some(other) => other.to_string(),
    }
}

/// Sign-ins, from Graph's shape in beta.
pub fn sign_ins(entries: &[Value]) -> String {
    const COLUMNS: &[Column] = &[
        ("Date (UTC)", |entry| at(entry, "createdDateTime")),
        ("Request ID", |entry| at(entry, "id")),
        ("Correlation ID", |entry| at(entry, "correlationId")),
        ("User", |entry| at(entry, "userDisplayName")),
        ("Username", |entry| at(entry, "userPrincipalName")),
        ("User ID", |entry| at(entry, "userId")),
        ("Application", |entry| at(entry, "appDisplayName")),
        ("IP address", |entry| at(entry, "ipAddress")),
        ("Status", |entry| if at(entry, "status.errorCode") == "0" { "Success" } else { "Failure" }.into()),
        ("Sign-in error code", |entry| at(entry, "status.errorCode")),
        ("Failure reason", |entry| at(entry, "status.failureReason")),
        ("Client app", |entry| at(entry, "clientAppUsed")),
        ("Conditional Access", |entry| at(entry, "conditionalAccessStatus")),
        ("Authentication requirement", |entry| at(entry, "authenticationRequirement")),
        ("Multifactor authentication auth method", |entry| {
            at(entry, "authenticationDetails.0.authenticationMethod")
        }),
        ("Multifactor authentication auth detail", |entry| {
            at(entry, "authenticationDetails.0.authenticationMethodDetail")
        }),
    ];
    table(COLUMNS, entries)
}

/// Audits.
pub fn audits(entries: &[Value]) -> String {
    const COLUMNS: &[Column] = &[
        ("Date (UTC)", |entry| at(entry, "activityDateTime")),
        ("Service", |entry| at(entry, "loggedByService")),
        ("Category", |entry| at(entry, "category")),
        ("Activity", |entry| at(entry, "activityDisplayName")),
        ("Result", |entry| at(entry, "result")),
        ("ResultReason", |entry| at(entry, "resultReason")),
        ("ActorUserPrincipalName", |entry| at(entry, "initiatedBy.user.userPrincipalName")),
        ("Target1UserPrincipalName", |entry| at(entry, "targetResources.0.userPrincipalName")),
        ("Target1DisplayName", |entry| at(entry, "targetResources.0.displayName")),
        ("AAGuid", |entry| {
            let more = entry["additionalDetails"].as_array().into_iter().flatten();
            let mut found = more.filter(|detail| detail["key"] == "AAGuid").map(|detail| at(detail, "value"));
            found.next().unwrap_or_default()
        }),
    ];
    table(COLUMNS, entries)
}

/// User registration details.
pub fn registration_details(entries: &[Value]) -> String {
    const COLUMNS: &[Column] = &[
        ("Id", |entry| at(entry, "id")),
        ("User principal name", |entry| at(entry, "userPrincipalName")),
        ("User display name", |entry| at(entry, "userDisplayName")),
        ("User type", |entry| at(entry, "userType")),
        ("Is admin", |entry| at(entry, "isAdmin")),
        ("Is MFA registered", |entry| at(entry, "isMfaRegistered")),
        ("Is MFA capable", |entry| at(entry, "isMfaCapable")),
        ("Is passwordless capable", |entry| at(entry, "isPasswordlessCapable")),
        ("Methods registered", |entry| at(entry, "methodsRegistered")),
        ("Last updated", |entry| at(entry, "lastUpdatedDateTime")),
    ];
    table(COLUMNS, entries)
}

fn table(columns: &[Column], entries: &[Value]) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let heading = writer.write_record(columns.iter().map(|(name, _)| *name));
    heading.expect("memory takes everything");
    for entry in entries {
        let row = writer.write_record(columns.iter().map(|(_, cell)| harmless(cell(entry))));
        row.expect("memory takes everything, and rows have as many cells as columns");
    }
    let bytes = writer.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("cells are text")
}

/// No formula.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}
