//! Registering a passkey.
use super::sign_in::steps;
use super::{Caller, Said, ask, read, said};
use crate::tenant::serve::Site;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use relying_party::Ceremony;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tenant::phone::Phone;
use tenant::{AuthenticatorApp, Refusal, RefusalKind, Route, Tenant};
use wire::webauthn::json::RegistrationResponse;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    route: Route,
    /// What the app or the page knows of the phone, where there is one.
    #[serde(default)]
    phone: Option<Phone>,
}

/// POST `/register/options`.
pub(super) async fn options(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let Wanted { route, phone } = read(&body)?;
        if route == Route::Provisioning {
            let message = "`route` is provisioning, which is an administrator's, over Graph";
            return Err(Refusal::new(RefusalKind::BadRequest, "badRequest", message));
        }
        said(tenant.registration_options(now, &caller.session, route, phone.as_ref())?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Made {
    #[serde(default)]
    display_name: Option<String>,
    response: RegistrationResponse,
}

/// POST `/register/finish`: 201 with the passkey as Graph has it.
pub(super) async fn finish(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let Made { display_name, response } = read(&body)?;
        let done = tenant.register(now, &caller.session, display_name.as_deref(), &response)?;
        let value = json!({
            "passkey": tenant.passkey_to_graph(&done.passkey),
            "app": done.app.as_ref().map(|(app, _)| for_the_phone(app)),
            "warnings": done.warnings,
            "explanation": done.explanation,
            "passed": steps(&done.passed, Ceremony::Registration),
        });
        Ok(Said::Json(StatusCode::CREATED, value))
    })
    .await
}

/// The app as Graph has it, and what it can do, which Graph does not say.
fn for_the_phone(app: &AuthenticatorApp) -> Value {
    let mut document = Tenant::app_to_graph(app);
    document["push"] = app.push.into();
    document["phoneSignIn"] = app.phone_sign_in.into();
    document["oneTimeCode"] = app.one_time_code.into();
    document
}
