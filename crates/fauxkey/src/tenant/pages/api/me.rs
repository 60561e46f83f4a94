//! The methods of who is signed in.
use super::{Caller, Said, ask, read, said};
use crate::tenant::serve::Site;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tenant::{Refusal, RefusalKind, Tenant, Time, User};

/// Who a session is signed in as: to an application, or on the way to register what one asks for.
///
/// # Errors
/// Unauthenticated.
pub(in super::super) fn signed_in(tenant: &Tenant, now: Time, session: &str) -> Result<User, Refusal> {
    let user = tenant.signed_in(now, session)?;
    if tenant.session(now, session)?.1 || tenant.is_registering(now, session) {
        return Ok(user);
    }
    let message = format!("{} is not signed in here yet", user.user_principal_name);
    Err(Refusal::new(RefusalKind::Unauthenticated, "sim_not_signed_in", message)
        .hint("sign in with what the policy asks for"))
}

/// GET `/me/methods`.
pub(super) async fn methods(State(site): State<Arc<Site>>, caller: Caller) -> Response {
    ask(site, move |tenant, now| {
        let user = signed_in(tenant, now, &caller.session)?;
        said(json!({ "value": documents(tenant, now, &user) }))
    })
    .await
}

/// All methods of a user, as Graph has them.
pub(in super::super) fn documents(tenant: &Tenant, now: Time, user: &User) -> Vec<Value> {
    let mut all: Vec<Value> =
        tenant.passkeys(user.id).map(|passkey| tenant.passkey_to_graph(passkey)).collect();
    all.extend(tenant.apps(user.id).map(Tenant::app_to_graph));
    all.extend(tenant.tap(now, user).map(|(pass, usability)| pass.to_graph(usability, None)));
    all
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Name {
    display_name: String,
}

/// PATCH `/me/methods/{id}`: another name for a passkey.
pub(super) async fn rename(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    ask(site, move |tenant, now| {
        let user = signed_in(tenant, now, &caller.session)?;
        let Name { display_name } = read(&body)?;
        tenant.rename_passkey(user.id, &id, &display_name)?;
        let passkey = tenant.passkey(user.id, &id)?;
        said(tenant.passkey_to_graph(passkey))
    })
    .await
}

/// DELETE `/me/methods/{id}`: a passkey or an app.
pub(super) async fn remove(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Response {
    ask(site, move |tenant, now| {
        let user = signed_in(tenant, now, &caller.session)?;
        if tenant.passkey(user.id, &id).is_ok() {
            tenant.delete_passkey(now, user.id, &id, false)?;
        } else {
            tenant.delete_app(now, user.id, &id)?;
        }
        Ok(Said::Nothing)
    })
    .await
}
