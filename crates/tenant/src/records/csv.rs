//! Logs and the report of registrations as comma-separated values (RFC 4180), with the columns that the admin
//! centre's downloads have, as far as this tenant has something to put there.
//!
//! They are made of Graph's documents, so that what was filtered, ordered and selected stays so; what a document does
//! not have is an empty cell. Spreadsheets take a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage
//! return for a formula, and users choose what they are called: such a cell has an apostrophe in front.
use super::details::ReportedMethod;
use serde_json::Value;

/// A column: its name, and what it shows of a document.
type Column = (&'static str, fn(&Value) -> String);

/// The sign-in log, of documents of `signIns`. What only beta tells is empty in documents of v1.0.
pub fn sign_ins(documents: &[Value]) -> String {
    const COLUMNS: [Column; 19] = [
        ("Date (UTC)", |entry| text(entry, "/createdDateTime")),
        ("Request ID", |entry| text(entry, "/id")),
        ("User agent", |entry| text(entry, "/userAgent")),
        ("Correlation ID", |entry| text(entry, "/correlationId")),
        ("User ID", |entry| text(entry, "/userId")),
        ("User", |entry| text(entry, "/userDisplayName")),
        ("Username", |entry| text(entry, "/userPrincipalName")),
        ("Application", |entry| text(entry, "/appDisplayName")),
        // The space is in the download, too.
        ("Application ID ", |entry| text(entry, "/appId")),
        ("IP address", |entry| text(entry, "/ipAddress")),
        ("Status", |entry| {
            let status = |code| if code == 0 { "Success" } else { "Failure" };
            entry.pointer("/status/errorCode").and_then(Value::as_u64).map(status).unwrap_or_default().into()
        }),
        ("Sign-in error code", |entry| text(entry, "/status/errorCode")),
        ("Failure reason", |entry| text(entry, "/status/failureReason")),
        ("Client app", |entry| text(entry, "/clientAppUsed")),
        ("Multifactor authentication result", |entry| {
            steps(entry).last().map(|step| text(step, "/authenticationStepResultDetail")).unwrap_or_default()
        }),
        ("Multifactor authentication auth method", |entry| last_shown(entry, "/authenticationMethod")),
        ("Multifactor authentication auth detail", |entry| last_shown(entry, "/authenticationMethodDetail")),
        ("Authentication requirement", |entry| text(entry, "/authenticationRequirement")),
        ("Conditional Access", |entry| text(entry, "/conditionalAccessStatus")),
    ];
    table(&COLUMNS.map(|(name, _)| name), documents, |entry| COLUMNS.map(|(_, cell)| cell(entry)).into())
}

/// The audit log, of documents of `directoryAudits`. There are as many additional details as the longest entry has.
pub fn audits(documents: &[Value]) -> String {
    const COLUMNS: [Column; 14] = [
        ("Date (UTC)", |entry| text(entry, "/activityDateTime")),
        ("Service", |entry| text(entry, "/loggedByService")),
        ("Category", |entry| text(entry, "/category")),
        ("Activity", |entry| text(entry, "/activityDisplayName")),
        ("Result", |entry| text(entry, "/result")),
        ("ResultReason", |entry| text(entry, "/resultReason")),
        ("ActorType", |entry| {
            let is = |kind: &str| entry.pointer(kind).is_some_and(Value::is_object);
            match (is("/initiatedBy/user"), is("/initiatedBy/app")) {
                (true, _) => "User".into(),
                (_, true) => "Application".into(),
                _ => String::new(),
            }
        }),
        ("ActorDisplayName", |entry| text(entry, "/initiatedBy/app/displayName")),
        ("ActorObjectId", |entry| text(entry, "/initiatedBy/user/id")),
        ("ActorUserPrincipalName", |entry| text(entry, "/initiatedBy/user/userPrincipalName")),
        ("Target1Type", |entry| text(entry, "/targetResources/0/type")),
        ("Target1DisplayName", |entry| text(entry, "/targetResources/0/displayName")),
        ("Target1ObjectId", |entry| text(entry, "/targetResources/0/id")),
        ("Target1UserPrincipalName", |entry| text(entry, "/targetResources/0/userPrincipalName")),
    ];
    let details = documents.iter().map(|entry| list(entry, "/additionalDetails").len()).max().unwrap_or(0);
    let mut names: Vec<String> = COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for number in 1..=details {
        names.extend([format!("AdditionalDetail{number}Key"), format!("AdditionalDetail{number}Value")]);
    }
    table(&names, documents, |entry| {
        let mut cells: Vec<String> = COLUMNS.iter().map(|(_, cell)| cell(entry)).collect();
        let more = list(entry, "/additionalDetails").iter();
        cells.extend(more.flat_map(|detail| [text(detail, "/key"), text(detail, "/value")]));
        cells.resize(names.len(), String::new());
        cells
    })
}

/// The report of registrations, of documents of `userRegistrationDetails`. The columns are those that Microsoft's
/// documentation of the report lists.
pub fn registration_details(documents: &[Value]) -> String {
    const COLUMNS: [Column; 10] = [
        ("User principal name", |user| text(user, "/userPrincipalName")),
        ("Name", |user| text(user, "/userDisplayName")),
        ("Multifactor authentication registered", |user| {
            either(user, "/isMfaRegistered", "Registered", "Not Registered")
        }),
        ("Multifactor authentication capable", |user| {
            either(user, "/isMfaCapable", "Capable", "Not Capable")
        }),
        ("Passwordless capable", |user| either(user, "/isPasswordlessCapable", "Capable", "Not Capable")),
        ("SSPR registered", |user| either(user, "/isSsprRegistered", "Registered", "Not Registered")),
        ("SSPR enabled", |user| either(user, "/isSsprEnabled", "Enabled", "Not Enabled")),
        ("SSPR capable", |user| either(user, "/isSsprCapable", "Capable", "Not Capable")),
        ("Methods registered", |user| {
            let words = list(user, "/methodsRegistered").iter().filter_map(Value::as_str);
            words.map(method_name).collect::<Vec<_>>().join(", ")
        }),
        ("Last updated time", |user| text(user, "/lastUpdatedDateTime")),
    ];
    table(&COLUMNS.map(|(name, _)| name), documents, |user| COLUMNS.map(|(_, cell)| cell(user)).into())
}

/// What people call a method, or Graph's word for it.
fn method_name(word: &str) -> String {
    let known = ReportedMethod::ALL.into_iter().find(|method| method.as_str() == word);
    known.map_or(word, |method| method.display_name()).to_owned()
}

fn table(names: &[impl AsRef<str>], documents: &[Value], cells: impl Fn(&Value) -> Vec<String>) -> String {
    let infallible = "memory takes every write, and every line is as long as the first";
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(names.iter().map(|name| name.as_ref().as_bytes())).expect(infallible);
    for document in documents {
        writer.write_record(cells(document).into_iter().map(guarded)).expect(infallible);
    }
    String::from_utf8(writer.into_inner().expect(infallible)).expect("every cell is text")
}

/// What no spreadsheet takes for a formula.
fn guarded(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

/// What stands there: text as it is, anything else as JSON, nothing if it is null or not there.
fn text(document: &Value, at: &str) -> String {
    match document.pointer(at) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn either(document: &Value, at: &str, yes: &str, no: &str) -> String {
    let word = document.pointer(at).and_then(Value::as_bool).map(|is| if is { yes } else { no });
    word.unwrap_or_default().into()
}

fn list<'a>(document: &'a Value, at: &str) -> &'a [Value] {
    document.pointer(at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn steps(entry: &Value) -> &[Value] {
    list(entry, "/authenticationDetails")
}

/// A member of the last step in which something was shown: `Other` says only what that satisfied beside.
fn last_shown(entry: &Value, at: &str) -> String {
    let shown = |step: &&Value| step.pointer("/authenticationMethod") != Some(&Value::from("Other"));
    steps(entry).iter().rev().find(shown).map(|step| text(step, at)).unwrap_or_default()
}
