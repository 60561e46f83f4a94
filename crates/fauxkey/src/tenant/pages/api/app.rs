//! What the Authenticator app on a phone asks: the pushes that wait for it, and its codes.
//!
//! The app is known by its ID, which is a secret of the phone's as far as this rehearsal goes.
use super::{Said, ask, read, said};
use crate::tenant::serve::Site;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tenant::access::apps;
use tenant::{Guid, Refusal, RefusalKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    app: Guid,
}

/// POST `/app/push`: what waits for the app.
pub(super) async fn pushes(State(site): State<Arc<Site>>, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let App { app } = read(&body)?;
        let waiting = tenant
            .pushes(now, app)
            .into_iter()
            .map(|(to, asked)| json!({ "appId": to, "appDisplayName": apps::name(to), "asked": asked }));
        said(json!({ "value": waiting.collect::<Vec<_>>() }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    app: Guid,
    /// The number that was typed; none to decline.
    #[serde(default)]
    number: Option<u8>,
}

/// POST `/app/push/answer`.
pub(super) async fn answer(State(site): State<Arc<Site>>, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let Answer { app, number } = read(&body)?;
        tenant.answer_push(now, app, number)?;
        Ok(Said::Nothing)
    })
    .await
}

/// POST `/app/code`: the one-time code of now.
pub(super) async fn code(State(site): State<Arc<Site>>, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let App { app } = read(&body)?;
        let secret = tenant.code_secret(app).ok_or_else(|| {
            let message = format!("there is no app {app} that shows codes");
            Refusal::new(RefusalKind::NotFound, "Request_ResourceNotFound", message)
        })?;
        // RFC 6238: 30 seconds each.
        let left = 30 - now.seconds().rem_euclid(30);
        said(json!({ "code": secret.code(now), "secondsLeft": left }))
    })
    .await
}
