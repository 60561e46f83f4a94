//! The sign-in log and the audit log.
use super::look::{self, flag, items, moment, word};
use super::shell::{Shell, admit, answer, pairs, text};
use super::words::sentence;
use crate::tenant::graph::path;
use crate::tenant::serve::Site;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::sync::Arc;
use tenant::access::apps;
use tenant::{Tenant, Time};

/// Entries that a page lists; exports have all.
const LISTED: usize = 200;
const SCRIPT: &str = include_str!("assets/logs.js");

#[derive(Template)]
#[template(path = "tenant/sign_ins.html")]
struct SignIns {
    shell: Shell,
    fields: Vec<Field>,
    filtered: bool,
    problem: Option<String>,
    csv: String,
    json: String,
    rows: Vec<SignInRow>,
    all: usize,
}

/// A field of the filter.
struct Field {
    name: &'static str,
    title: &'static str,
    /// The clause of `$filter`, with `{}` for the value.
    clause: &'static str,
    /// Whether the value stands there as it is, and not as text.
    raw: bool,
    value: String,
    /// What there is to choose from; anything if nothing.
    choices: Vec<Choice>,
}

struct Choice {
    id: String,
    name: String,
    ticked: bool,
}

struct SignInRow {
    time: String,
    user: String,
    app: String,
    class: &'static str,
    status: String,
    why: Option<String>,
    method: String,
    detail: Option<String>,
    conditional: String,
    basics: Vec<(&'static str, String)>,
    steps: Vec<Step>,
    policies: Vec<Applied>,
    clauses: Vec<Clause>,
    document: String,
}

struct Step {
    method: String,
    class: &'static str,
    verdict: &'static str,
    more: Vec<String>,
}

struct Applied {
    name: String,
    class: &'static str,
    result: String,
    strength: Option<String>,
}

struct Clause {
    clause: String,
    holds: bool,
    says: String,
}

/// Answers GET `/signins`.
pub(super) async fn sign_ins(State(site): State<Arc<Site>>, parts: Parts) -> Response {
    if let Some(answer) = admit(&site, &parts, "/signins") {
        return answer;
    }
    let asked = pairs(&parts.uri);
    let look = move |tenant: &mut Tenant, now: Time| {
        let fields = fields(tenant, &asked);
        let clauses: Vec<String> = fields.iter().filter_map(Field::filled).collect();
        let filter = path::encode(&clauses.join(" and "));
        let filter = if filter.is_empty() { String::new() } else { format!("&$filter={filter}") };
        let path = format!("/beta/auditLogs/signIns?$count=true&$top={LISTED}{filter}");
        let (found, problem) = match look::list(tenant, now, &path) {
            Ok(found) => (found, None),
            Err(problem) => (Default::default(), Some(sentence(&problem))),
        };
        SignIns {
            shell: Shell::new(tenant, "/signins", SCRIPT),
            fields,
            filtered: !filter.is_empty(),
            problem,
            csv: format!("/beta/auditLogs/signIns?$format=csv{filter}"),
            json: format!("/beta/auditLogs/signIns?$top=999{filter}"),
            rows: found.0.iter().map(SignInRow::new).collect(),
            all: found.1,
        }
    };
    match site.with(look).await {
        Ok(page) => answer(StatusCode::OK, &page.shell.nonce, &page),
        Err(status) => status.into_response(),
    }
}

fn fields(tenant: &Tenant, asked: &[(String, String)]) -> Vec<Field> {
    let field = |name, title, clause, raw, choices: Vec<(String, String)>| {
        let value = asked.iter().find(|(key, _)| key == name).map(|(_, value)| text(value.trim()));
        let value = value.unwrap_or_default();
        let choices =
            choices.into_iter().map(|(id, name)| Choice { ticked: id == value, id, name }).collect();
        Field { name, title, clause, raw, value, choices }
    };
    let pair = |id: &str, name: &str| (id.to_owned(), name.to_owned());
    let labels = &tenant.settings().labels;
    let mut methods = vec![labels.device_bound.clone()];
    methods.extend((labels.synced != labels.device_bound).then(|| labels.synced.clone()));
    methods.extend(
        [
            "Password",
            "Temporary Access Pass",
            "Mobile app notification",
            "Passwordless phone sign-in",
            "OATH verification code",
        ]
        .map(Into::into),
    );
    vec![
        field("user", "User, from the beginning", "startswith(userPrincipalName,{})", false, Vec::new()),
        field(
            "status",
            "Status",
            "status/errorCode {}",
            true,
            vec![pair("eq 0", "Success"), pair("ne 0", "Not a success")],
        ),
        field("error", "Error code", "status/errorCode eq {}", true, Vec::new()),
        field(
            "method",
            "Authentication method",
            "authenticationDetails/any(d:d/authenticationMethod eq {})",
            false,
            methods.into_iter().map(|method| (method.clone(), method)).collect(),
        ),
        field(
            "app",
            "Application",
            "appDisplayName eq {}",
            false,
            apps::WELL_KNOWN.iter().map(|app| pair(app.name, app.name)).collect(),
        ),
    ]
}

impl Field {
    /// Its clause of `$filter`, if it has a value that makes sense.
    fn filled(&self) -> Option<String> {
        if self.value.is_empty() {
            return None;
        }
        let value = if self.raw {
            let number = self.choices.is_empty() && self.value.chars().all(|c| c.is_ascii_digit());
            let chosen = self.choices.iter().any(|choice| choice.ticked);
            (number || chosen).then(|| self.value.clone())?
        } else {
            format!("'{}'", self.value.replace('\'', "''"))
        };
        Some(self.clause.replace("{}", &value))
    }
}

impl SignInRow {
    fn new(entry: &Value) -> Self {
        let status = &entry["status"];
        let number = status["errorCode"].as_u64().unwrap_or_default();
        let details = items(entry, "authenticationDetails");
        let first = details.first();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let basics = [
            ("Time (UTC)", moment(&word(entry, "createdDateTime"))),
            ("User", word(entry, "userDisplayName")),
            ("User principal name", word(entry, "userPrincipalName")),
            ("Application", word(entry, "appDisplayName")),
            ("Sign-in error code", number.to_string()),
            ("Failure reason", if number == 0 { String::new() } else { word(status, "failureReason") }),
            ("Additional details", word(status, "additionalDetails")),
            ("Requirement", word(entry, "authenticationRequirement")),
            ("IP address", word(entry, "ipAddress")),
            ("Client", word(entry, "clientAppUsed")),
            ("Request ID", word(entry, "id")),
            ("Correlation ID", word(entry, "correlationId")),
        ];
        Self {
            time: moment(&word(entry, "createdDateTime")),
            user: some(word(entry, "userPrincipalName")).unwrap_or_else(|| "nobody known".into()),
            app: word(entry, "appDisplayName"),
            class: match number {
                0 => "good",
                50_074 | 50_079 => "warn",
                _ => "bad",
            },
            status: match number {
                0 => "Success".into(),
                50_074 | 50_079 => format!("Interrupted, {number}"),
                _ => format!("Failure, {number}"),
            },
            why: some(word(status, "failureReason")).filter(|_| number != 0),
            method: first.map(|detail| word(detail, "authenticationMethod")).unwrap_or_else(|| "none".into()),
            detail: first.and_then(|detail| some(word(detail, "authenticationMethodDetail"))),
            conditional: word(entry, "conditionalAccessStatus"),
            basics: basics.into_iter().filter(|(_, text)| !text.is_empty()).collect(),
            steps: details.iter().map(Step::new).collect(),
            policies: items(entry, "appliedConditionalAccessPolicies").iter().map(Applied::new).collect(),
            clauses: items(entry, "simExplanation").iter().map(Clause::new).collect(),
            document: written(entry),
        }
    }
}

impl Step {
    fn new(detail: &Value) -> Self {
        let succeeded = flag(detail, "succeeded");
        let more = [
            word(detail, "authenticationMethodDetail"),
            word(detail, "authenticationStepResultDetail"),
            Some(word(detail, "authenticationStepRequirement"))
                .filter(|requirement| !requirement.is_empty())
                .map(|requirement| format!("Requirement: {requirement}"))
                .unwrap_or_default(),
        ];
        Self {
            method: word(detail, "authenticationMethod"),
            class: if succeeded { "good" } else { "bad" },
            verdict: if succeeded { "succeeded" } else { "failed" },
            more: more.into_iter().filter(|text| !text.is_empty()).collect(),
        }
    }
}

impl Applied {
    fn new(policy: &Value) -> Self {
        let result = word(policy, "result");
        let strength = &policy["authenticationStrength"];
        Self {
            name: word(policy, "displayName"),
            class: match result.as_str() {
                "success" | "reportOnlySuccess" => "good",
                "failure" | "reportOnlyFailure" => "bad",
                _ => "",
            },
            result,
            strength: strength.is_object().then(|| {
                let result = word(strength, "authenticationStrengthResult");
                let name = word(strength, "displayName");
                if result.is_empty() { name } else { format!("{name} ({result})") }
            }),
        }
    }
}

impl Clause {
    fn new(clause: &Value) -> Self {
        Self {
            clause: word(clause, "clause"),
            holds: flag(clause, "holds"),
            says: sentence(&word(clause, "says")),
        }
    }
}

/// A document as it is shown.
fn written(document: &Value) -> String {
    let written = serde_json::to_string_pretty(document);
    text(&written.unwrap_or_default())
}

#[derive(Template)]
#[template(path = "tenant/audits.html")]
struct Audits {
    shell: Shell,
    csv: &'static str,
    json: &'static str,
    rows: Vec<AuditRow>,
    all: usize,
}

struct AuditRow {
    time: String,
    activity: String,
    service: String,
    class: &'static str,
    result: String,
    why: Option<String>,
    by: String,
    target: String,
    details: Vec<(String, String)>,
    document: String,
}

/// Answers GET `/audits`.
pub(super) async fn audits(State(site): State<Arc<Site>>, parts: Parts) -> Response {
    if let Some(answer) = admit(&site, &parts, "/audits") {
        return answer;
    }
    let look = |tenant: &mut Tenant, now: Time| {
        let path = format!("/v1.0/auditLogs/directoryAudits?$count=true&$top={LISTED}");
        let (entries, all) = look::list(tenant, now, &path).unwrap_or_default();
        Audits {
            shell: Shell::new(tenant, "/audits", SCRIPT),
            csv: "/v1.0/auditLogs/directoryAudits?$format=csv",
            json: "/v1.0/auditLogs/directoryAudits?$top=999",
            rows: entries.iter().map(AuditRow::new).collect(),
            all,
        }
    };
    match site.with(look).await {
        Ok(page) => answer(StatusCode::OK, &page.shell.nonce, &page),
        Err(status) => status.into_response(),
    }
}

impl AuditRow {
    fn new(entry: &Value) -> Self {
        let by = &entry["initiatedBy"];
        let name = [word(&by["user"], "userPrincipalName"), word(&by["app"], "displayName")];
        let target = items(entry, "targetResources").first();
        let target = target.map(|target| [word(target, "userPrincipalName"), word(target, "displayName")]);
        let either = |names: [String; 2]| names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let result = word(entry, "result");
        Self {
            time: moment(&word(entry, "activityDateTime")),
            activity: word(entry, "activityDisplayName"),
            service: word(entry, "loggedByService"),
            class: if result == "success" { "good" } else { "bad" },
            result,
            why: Some(word(entry, "resultReason")).filter(|why| !why.is_empty()),
            by: either(name),
            target: target.map(either).unwrap_or_default(),
            details: items(entry, "additionalDetails")
                .iter()
                .map(|detail| (word(detail, "key"), word(detail, "value")))
                .collect(),
            document: written(entry),
        }
    }
}
