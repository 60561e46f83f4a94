//! The tenant's pages, and the JSON that they and programs ask for.
//!
//! The server renders what there is, and a little script of ours sends what a person does. What administrators do is
//! sent to Graph's own routes, as the pages show it.
//!
//! | module | what |
//! |---|---|
//! | `shell` | what all pages have: head, style, script and the ways between them; who is let in |
//! | `look` | Graph's documents, for pages to show |
//! | `words` | what Graph's words mean to people |
//! | `front`, `login`, `security_info`, `admin`, `logs`, `activity` | the pages |
//! | `charts` | figures as SVG |
//! | `api` | signing in, registering, the Authenticator app and one's own methods as JSON |
mod activity;
mod admin;
mod api;
mod charts;
mod front;
mod login;
mod logs;
mod look;
mod security_info;
mod shell;
#[cfg(test)]
mod tests;
mod words;

pub(super) use shell::cookie;

use super::serve::Site;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;

/// Everything that is not Graph.
pub fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/", get(front::page))
        .route("/login", get(login::page))
        .route("/mysecurityinfo", get(security_info::page))
        .route("/admin", get(admin::page))
        .route("/signins", get(logs::sign_ins))
        .route("/audits", get(logs::audits))
        .route("/activity", get(activity::page))
        .merge(api::routes())
}
