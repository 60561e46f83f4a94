//! A [`Failure`] on its way out: with an HTTP status, as JSON.
use crate::control::{Failure, FailureKind};
use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What every refused request is answered with.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    failure: Failure,
}

impl Problem {
    /// A failure of the request itself, with a status that [`FailureKind`] has no word for.
    pub(super) fn new(status: StatusCode, kind: FailureKind, message: impl Into<String>) -> Self {
        Self { status, failure: Failure::new(kind, message) }
    }

    /// The request makes no sense.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Failure::new(FailureKind::Invalid, message).into()
    }

    /// What is wrong, for people.
    pub(crate) fn message(&self) -> &str {
        &self.failure.message
    }

    /// The same problem with a way out.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { failure: self.failure.hint(hint), ..self }
    }
}

/// The statuses that [`FailureKind`] promises.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let status = match failure.kind {
            FailureKind::NotFound => StatusCode::NOT_FOUND,
            FailureKind::Conflict => StatusCode::CONFLICT,
            FailureKind::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            FailureKind::Invalid => StatusCode::BAD_REQUEST,
            FailureKind::Forbidden => StatusCode::FORBIDDEN,
            FailureKind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, failure }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.failure)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2: a 401 names the scheme that would do; RFC 6750 §3: it is this one.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Answers a path that leads nowhere.
pub(super) async fn no_such_route(request: Request) -> Problem {
    let message = format!("there is nothing at `{}`", request.uri().path());
    Problem::from(Failure::new(FailureKind::NotFound, message)).hint("GET /openapi.json lists what there is")
}

/// Answers a method that its path does not have; the router adds the `Allow` header.
pub(super) async fn no_such_method(request: Request) -> Problem {
    let message = format!("`{}` has no {}", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, FailureKind::Invalid, message)
        .hint("the Allow header of this answer lists what it has")
}
