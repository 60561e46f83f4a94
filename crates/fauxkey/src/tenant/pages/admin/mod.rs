//! The administrator's page: every form is a request to Graph.
mod view;

use super::look::{self, flag, items, word};
use super::shell::{Shell, admit, answer};
use crate::tenant::serve::Site;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use tenant::access::apps;
use tenant::administration::MethodPolicy;
use tenant::{Behaviour, Tenant, Time};
use view::{Choice, Conditional, Keys, Models, Profile, StrengthRow, Targets, UserRow};

/// Users that the page lists; Graph lists all.
const LISTED: usize = 100;

#[derive(Template)]
#[template(path = "tenant/admin.html")]
struct Page {
    shell: Shell,
    contents: [(&'static str, &'static str); 6],
    preview: bool,
    domain: String,
    fido2: Fido2,
    authenticator: Authenticator,
    tap: Tap,
    users: Vec<UserRow>,
    user_count: usize,
    groups: Vec<Choice>,
    strengths: Vec<StrengthRow>,
    strength_keys: Keys,
    combinations: Vec<Choice>,
    conditional: Vec<Conditional>,
    everybody: Targets,
    states: Vec<Choice>,
    apps: Vec<Choice>,
    excludable: Vec<Choice>,
    grants: Vec<Choice>,
}

/// The passkey policy.
struct Fido2 {
    enabled: bool,
    self_service: bool,
    attestation: bool,
    keys: Keys,
    targets: Targets,
    default_profile: String,
    /// Those that there are, and a blank one.
    profiles: Vec<Profile>,
}

/// The policy of Microsoft Authenticator.
struct Authenticator {
    enabled: bool,
    modes: Vec<Choice>,
    targets: Targets,
}

/// The policy of Temporary Access Pass.
struct Tap {
    enabled: bool,
    once: bool,
    default_lifetime: String,
    /// Property, title, value.
    numbers: Vec<(&'static str, &'static str, String)>,
    targets: Targets,
}

/// Answers GET `/admin`.
pub(super) async fn page(State(site): State<Arc<Site>>, parts: Parts) -> Response {
    if let Err(answer) = admit(&site, &parts, "/admin") {
        return answer;
    }
    match site.with(look).await {
        Ok(page) => answer(StatusCode::OK, &page.shell.nonce, &page),
        Err(status) => status.into_response(),
    }
}

fn look(tenant: &mut Tenant, now: Time) -> Page {
    let groups: Vec<Choice> =
        tenant.groups().map(|group| Choice::new(&group.id.to_string(), &group.display_name)).collect();
    let models = Models::new(tenant);
    let strengths: Vec<Value> = tenant.strengths().iter().map(tenant::access::Strength::to_graph).collect();
    let conditional: Vec<Value> = tenant.conditional_access().map(|policy| policy.to_graph()).collect();
    let preview = tenant.settings().behaviour == Behaviour::Preview2024;
    let users = users(tenant, now);
    Page {
        shell: Shell::new(tenant, "/admin", include_str!("../assets/admin.js")),
        contents: [
            ("passkeys", "Passkeys"),
            ("authenticator", "Microsoft Authenticator"),
            ("tap", "Temporary Access Pass"),
            ("users", "Users and groups"),
            ("strengths", "Authentication strengths"),
            ("access", "Conditional access"),
        ],
        preview,
        domain: tenant.settings().domain.clone(),
        fido2: fido2(&tenant.method_policy(MethodPolicy::Fido2), &models, &groups),
        authenticator: authenticator(&tenant.method_policy(MethodPolicy::MicrosoftAuthenticator), &groups),
        tap: tap(&tenant.method_policy(MethodPolicy::TemporaryAccessPass), &groups),
        users,
        user_count: tenant.user_count(),
        strength_keys: models.keys(&json!({ "aaGuids": models.authenticator() })),
        combinations: view::combinations(),
        conditional: conditional
            .iter()
            .map(|policy| Conditional::new(policy, &strengths, &groups, tenant))
            .collect(),
        everybody: Targets::new(&json!({ "includeTargets": [{ "id": "all_users" }] }), &groups),
        states: view::states(""),
        apps: [Choice::new("All", "All resources")]
            .into_iter()
            .chain([Choice::new("urn:user:registersecurityinfo", "Register security info")])
            .chain(apps::WELL_KNOWN.iter().map(|app| Choice::new(&app.id.to_string(), app.name)))
            .collect(),
        excludable: apps::WELL_KNOWN.iter().map(|app| Choice::new(&app.id.to_string(), app.name)).collect(),
        grants: view::grants(&strengths),
        strengths: strengths.iter().map(|strength| StrengthRow::new(strength, tenant)).collect(),
        groups,
    }
}

fn fido2(policy: &Value, models: &Models, groups: &[Choice]) -> Fido2 {
    let default = word(policy, "defaultPasskeyProfile");
    let mut profiles: Vec<Profile> = items(policy, "passkeyProfiles")
        .iter()
        .map(|profile| Profile::new(profile, &default, policy, models, groups))
        .collect();
    if !profiles.is_empty() && profiles.len() < tenant::policy::MOST_PROFILES {
        profiles.push(Profile::blank(models, groups));
    }
    Fido2 {
        enabled: word(policy, "state") == "enabled",
        self_service: flag(policy, "isSelfServiceRegistrationAllowed"),
        attestation: flag(policy, "isAttestationEnforced"),
        keys: models.keys(&policy["keyRestrictions"]),
        targets: Targets::new(policy, groups),
        default_profile: default,
        profiles,
    }
}

fn authenticator(policy: &Value, groups: &[Choice]) -> Authenticator {
    let mode = items(policy, "includeTargets").first().map(|target| word(target, "authenticationMode"));
    let modes = [("any", "Any"), ("push", "Push"), ("deviceBasedPush", "Passwordless")];
    Authenticator {
        enabled: word(policy, "state") == "enabled",
        modes: modes.map(|(id, name)| Choice::new(id, name).ticked(mode.as_deref() == Some(id))).into(),
        targets: Targets::new(policy, groups),
    }
}

fn tap(policy: &Value, groups: &[Choice]) -> Tap {
    let numbers = [
        ("minimumLifetimeInMinutes", "Minimum lifetime, minutes"),
        ("maximumLifetimeInMinutes", "Maximum lifetime, minutes"),
        ("defaultLifetimeInMinutes", "Default lifetime, minutes"),
        ("defaultLength", "Length, characters"),
    ];
    Tap {
        enabled: word(policy, "state") == "enabled",
        once: flag(policy, "isUsableOnce"),
        default_lifetime: policy["defaultLifetimeInMinutes"].to_string(),
        numbers: numbers.map(|(name, title)| (name, title, policy[name].to_string())).into(),
        targets: Targets::new(policy, groups),
    }
}

fn users(tenant: &mut Tenant, now: Time) -> Vec<UserRow> {
    let path = format!("/v1.0/users?$top={LISTED}");
    let (documents, _) = look::list(tenant, now, &path).unwrap_or_default();
    documents.iter().map(|document| UserRow::new(document, tenant, now)).collect()
}
