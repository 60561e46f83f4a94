//! Activity: how passkeys are taken up.
use super::charts;
use super::look::{self, flag, items, word, words};
use super::security_info::Badge;
use super::shell::{Shell, admit, answer, pairs};
use super::words::{METHODS, say};
use crate::tenant::graph::path;
use crate::tenant::serve::Site;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tenant::policy as models;
use tenant::{Tenant, Time};

/// Names with counts.
type Counts = Vec<(String, u64)>;

/// Users that the page lists; Graph lists all.
const LISTED: usize = 200;
/// Models that a chart shows.
const MODELS: usize = 12;
const BY_METHOD: &str = "/v1.0/reports/authenticationMethods/usersRegisteredByMethod(includedUserTypes='all',includedUserRoles='all')";
const BY_SIGN_IN: &str = "/beta/reports/authenticationMethods/usersSignInsByAuthMethod";

#[derive(Template)]
#[template(path = "tenant/activity.html")]
struct Page {
    shell: Shell,
    figures: Vec<(&'static str, u64)>,
    charts: Vec<Chart>,
    methods: Vec<Method>,
    rows: Vec<Row>,
    all: usize,
}

struct Chart {
    title: &'static str,
    /// What its names are.
    of: &'static str,
    /// What its counts are.
    what: &'static str,
    request: &'static str,
    svg: String,
    figures: Vec<(String, u64)>,
}

struct Method {
    id: &'static str,
    name: &'static str,
    ticked: bool,
}

/// A user in the table.
struct Row {
    name: String,
    principal: String,
    methods: String,
    mfa: Badge,
    passwordless: Badge,
}

/// Answers GET `/activity`; `method` is one of `methodsRegistered`.
pub(super) async fn page(State(site): State<Arc<Site>>, parts: Parts) -> Response {
    if let Some(answer) = admit(&site, &parts, "/activity") {
        return answer;
    }
    let asked = pairs(&parts.uri);
    let wanted = asked.into_iter().find(|(key, _)| key == "method").map(|(_, value)| value);
    let wanted = wanted.filter(|wanted| METHODS.iter().any(|(method, _)| method == wanted));
    match site.with(move |tenant, now| look(tenant, now, wanted.as_deref())).await {
        Ok(page) => answer(StatusCode::OK, &page.shell.nonce, &page),
        Err(status) => status.into_response(),
    }
}

fn look(tenant: &mut Tenant, now: Time, wanted: Option<&str>) -> Page {
    let registered = look::get(tenant, now, BY_METHOD).unwrap_or_default();
    let by_method = counted(items(&registered, "userRegistrationMethodCounts"), "userCount");
    let (sign_ins, _) = look::list(tenant, now, BY_SIGN_IN).unwrap_or_default();
    let by_sign_in = counted(&sign_ins, "successActivityCount");
    let (by_model, by_day) = passkeys(tenant);
    let count_of = |method: &str| {
        let name = say(&METHODS, method);
        by_method.iter().find(|(found, _)| *found == name).map_or(0, |(_, count)| *count)
    };
    let figures = vec![
        ("Users", u64::try_from(tenant.user_count()).unwrap_or(u64::MAX)),
        ("Passkeys", by_day.iter().map(|(_, count)| count).sum()),
        ("Users with a passkey in Microsoft Authenticator", count_of("passKeyDeviceBoundAuthenticator")),
    ];
    let filter = wanted.map(|method| path::encode(&format!("methodsRegistered/any(x:x eq '{method}')")));
    let filter = filter.map_or_else(String::new, |filter| format!("&$filter={filter}"));
    let path = format!(
        "/v1.0/reports/authenticationMethods/userRegistrationDetails?$count=true&$top={LISTED}{filter}"
    );
    let (details, all) = look::list(tenant, now, &path).unwrap_or_default();
    let provisioned = "/beta/users/{id}/authentication/fido2Methods, for each user";
    Page {
        shell: Shell::new(tenant, "/activity", include_str!("assets/logs.js")),
        figures,
        charts: vec![
            Chart {
                title: "Users registered by method",
                of: "Method",
                what: "Users",
                request: BY_METHOD,
                svg: charts::bars(&by_method),
                figures: by_method,
            },
            Chart {
                title: "Passkeys by model",
                of: "Model, as its AAGUID says",
                what: "Passkeys",
                request: provisioned,
                svg: charts::bars(&by_model),
                figures: by_model,
            },
            Chart {
                title: "Passkeys registered by day",
                of: "Day",
                what: "Passkeys",
                request: provisioned,
                svg: charts::columns(&by_day),
                figures: by_day,
            },
            Chart {
                title: "Successful sign-ins by method",
                of: "Method",
                what: "Sign-ins",
                request: BY_SIGN_IN,
                svg: charts::bars(&by_sign_in),
                figures: by_sign_in,
            },
        ],
        methods: METHODS.iter().map(|(id, name)| Method { id, name, ticked: wanted == Some(id) }).collect(),
        rows: details.iter().map(Row::new).collect(),
        all,
    }
}

/// Counts by method, without those of nobody.
fn counted(counts: &[Value], name: &str) -> Counts {
    counts
        .iter()
        .map(|count| {
            (say(&METHODS, &word(count, "authenticationMethod")), count[name].as_u64().unwrap_or_default())
        })
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// Passkeys by model, most first, and by the day of their registration.
fn passkeys(tenant: &Tenant) -> (Counts, Counts) {
    let mut models = BTreeMap::new();
    let mut days = BTreeMap::new();
    for passkey in tenant.all_passkeys() {
        *models.entry(passkey.aaguid).or_insert(0_u64) += 1;
        let moment = passkey.created.to_string();
        *days.entry(moment.get(..10).unwrap_or_default().to_owned()).or_insert(0_u64) += 1;
    }
    let name = |aaguid: wire::aaguid::Aaguid| {
        models::friendly(aaguid, tenant.settings()).unwrap_or_else(|| aaguid.to_string())
    };
    let mut models: Vec<(String, u64)> =
        models.into_iter().map(|(aaguid, count)| (name(aaguid), count)).collect();
    models.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rest: u64 = models.iter().skip(MODELS).map(|(_, count)| count).sum();
    models.truncate(MODELS);
    if rest > 0 {
        models.push(("all others".into(), rest));
    }
    (models, days.into_iter().collect())
}

impl Row {
    fn new(details: &Value) -> Self {
        let badge = |name: &str| {
            let yes = flag(details, name);
            Badge { class: if yes { "good" } else { "" }, text: if yes { "yes" } else { "no" }.into() }
        };
        let methods: Vec<String> =
            words(details, "methodsRegistered").iter().map(|method| say(&METHODS, method)).collect();
        Self {
            name: word(details, "userDisplayName"),
            principal: word(details, "userPrincipalName"),
            methods: if methods.is_empty() { "none".into() } else { methods.join(", ") },
            mfa: badge("isMfaCapable"),
            passwordless: badge("isPasswordlessCapable"),
        }
    }
}
