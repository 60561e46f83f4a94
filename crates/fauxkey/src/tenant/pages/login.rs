//! The sign-in page.
use super::api::session_of;
use super::shell::{Shell, answer, pairs};
use super::words::MODES;
use crate::tenant::serve::Site;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use tenant::Guid;
use tenant::access::apps;

#[derive(Template)]
#[template(path = "tenant/login.html")]
struct Page {
    shell: Shell,
    domain: String,
    app: String,
    app_name: String,
    /// Where to go then: a page of ours, or empty.
    next: String,
    /// Names of modes, as JSON.
    modes: String,
    /// Who is signed in already.
    signed_in: Option<String>,
}

/// Answers GET `/login`: `app` is the application by its ID, `next` the page to come to.
pub(super) async fn page(State(site): State<Arc<Site>>, parts: Parts) -> Response {
    let asked = pairs(&parts.uri);
    let of = |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let app = of("app").and_then(|app| app.parse::<Guid>().ok()).unwrap_or(apps::OFFICE_HOME.id);
    let next = of("next").filter(|next| *next == "/mysecurityinfo").unwrap_or_default().to_owned();
    let session = session_of(&parts.headers).map(str::to_owned);
    let look = move |tenant: &mut tenant::Tenant, now: tenant::Time| {
        let standing = session.as_deref().and_then(|session| tenant.session(now, session).ok());
        let signed_in = match standing {
            Some((Some(user), true)) => Some(user.user_principal_name.clone()),
            _ => None,
        };
        let modes: serde_json::Map<String, serde_json::Value> =
            MODES.iter().map(|(mode, name)| ((*mode).to_owned(), (*name).into())).collect();
        Page {
            shell: Shell::new(tenant, "/login", include_str!("assets/login.js")),
            domain: tenant.settings().domain.clone(),
            app: app.to_string(),
            app_name: apps::name(app).map_or_else(|| app.to_string(), Into::into),
            next,
            modes: serde_json::Value::from(modes).to_string(),
            signed_in,
        }
    };
    match site.with(look).await {
        Ok(page) => answer(StatusCode::OK, &page.shell.nonce, &page),
        Err(status) => status.into_response(),
    }
}
