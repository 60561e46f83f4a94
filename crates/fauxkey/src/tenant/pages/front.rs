//! The front page: the way to all others.
use super::shell::{Shell, answer};
use crate::tenant::serve::Site;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "tenant/front.html")]
struct Page {
    shell: Shell,
    url: String,
    users: usize,
    passkeys: usize,
    sign_ins: usize,
}

/// Answers GET `/`.
pub(super) async fn page(State(site): State<Arc<Site>>) -> Response {
    let url = site.url.clone();
    let look = move |tenant: &mut tenant::Tenant, _: tenant::Time| Page {
        shell: Shell::new(tenant, "/", ""),
        url,
        users: tenant.user_count(),
        passkeys: tenant.all_passkeys().count(),
        sign_ins: tenant.sign_ins().count(),
    };
    match site.with(look).await {
        Ok(page) => answer(StatusCode::OK, &page.shell.nonce, &page),
        Err(status) => status.into_response(),
    }
}
