//! What the users' pages, and the phone's app, ask for: JSON in, JSON out.
//!
//! A session is the cookie `session` of a browser, or `Authorization: Session ID` of a program. A refusal is
//! `{"error": {"code", "number", "message", "hint", "explanation"}}`.
mod app;
mod me;
mod register;
mod sign_in;

pub(super) use me::{documents, signed_in};

use crate::api::guard::single;
use crate::tenant::serve::Site;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tenant::{Refusal, RefusalKind, Tenant, Time};

/// The routes.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/login/begin", post(sign_in::begin))
        .route("/login/identify", post(sign_in::identify))
        .route("/login/options", post(sign_in::options))
        .route("/login/passkey", post(sign_in::passkey))
        .route("/login/password", post(sign_in::password))
        .route("/login/pass", post(sign_in::pass))
        .route("/login/code", post(sign_in::code))
        .route("/login/push", post(sign_in::push))
        .route("/login/push/wait", post(sign_in::wait))
        .route("/login/enter", post(sign_in::enter))
        .route("/login/out", post(sign_in::out))
        .route("/app/push", post(app::pushes))
        .route("/app/push/answer", post(app::answer))
        .route("/app/code", post(app::code))
        .route("/register/options", post(register::options))
        .route("/register/finish", post(register::finish))
        .route("/me/methods", get(me::methods))
        .route("/me/methods/{id}", patch(me::rename).delete(me::remove))
}

/// What is answered.
enum Said {
    /// JSON.
    Json(StatusCode, Value),
    /// JSON and the session's cookie: one that is set, or with an empty ID one that goes.
    Session(String, Value),
    /// Nothing.
    Nothing,
}

type Answered = Result<Said, Refusal>;

fn said(value: impl Serialize) -> Answered {
    let value = serde_json::to_value(value).map_err(|error| {
        Refusal::new(RefusalKind::Broken, "sim_json", format!("the answer does not go into JSON: {error}"))
    })?;
    Ok(Said::Json(StatusCode::OK, value))
}

/// Does it where it may block, and answers.
async fn ask(site: Arc<Site>, job: impl FnOnce(&mut Tenant, Time) -> Answered + Send + 'static) -> Response {
    match site.with(job).await {
        Ok(Ok(said)) => said.into_response(),
        Ok(Err(refusal)) => refused(&refusal),
        Err(status) => status.into_response(),
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        match self {
            Self::Json(status, value) => (status, Json(value)).into_response(),
            Self::Session(id, value) => {
                let gone = if id.is_empty() { "; Max-Age=0" } else { "" };
                let cookie = format!("session={id}; HttpOnly; SameSite=Strict; Path=/{gone}");
                ([(header::SET_COOKIE, cookie)], Json(value)).into_response()
            }
            Self::Nothing => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = match refusal.kind {
        RefusalKind::BadRequest | RefusalKind::Ceremony => StatusCode::BAD_REQUEST,
        RefusalKind::Policy | RefusalKind::Forbidden => StatusCode::FORBIDDEN,
        RefusalKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        RefusalKind::NotFound => StatusCode::NOT_FOUND,
        RefusalKind::Conflict => StatusCode::CONFLICT,
        RefusalKind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut error = json!({
        "code": refusal.code,
        "message": refusal.message,
        "explanation": refusal.explanation,
    });
    if let Some(number) = refusal.number {
        error["number"] = number.into();
    }
    if let Some(hint) = &refusal.hint {
        error["hint"] = hint.clone().into();
    }
    (status, Json(json!({ "error": error }))).into_response()
}

/// The session that a request brings.
pub(super) fn session_of(headers: &HeaderMap) -> Option<&str> {
    let authorization = single(headers, &header::AUTHORIZATION).ok().flatten();
    let given = authorization
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("session"))
        .map(|(_, id)| id.trim());
    given.or_else(|| super::shell::cookie(headers, "session"))
}

/// Who asks: the session, empty where there is none, and the program.
struct Caller {
    session: String,
    user_agent: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let session = session_of(&parts.headers).unwrap_or_default().to_owned();
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self { session, user_agent: agent.unwrap_or_default().chars().take(512).collect() })
    }
}

/// A body with nothing in it: `{}`, or none.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A body as what is expected.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    let bad = |why: String| Refusal::new(RefusalKind::BadRequest, "badRequest", format!("the body: {why}"));
    // Serde takes arrays for objects.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(bad("expected an object".into()));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let why = error.into_inner();
        if path == "." { bad(why.to_string()) } else { bad(format!("`{path}`: {why}")) }
    })?;
    json.end().map_err(|error| bad(error.to_string()))?;
    Ok(value)
}
