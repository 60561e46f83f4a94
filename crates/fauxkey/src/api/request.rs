//! What handlers take out of a request, with problems that name the member that is wrong.
use super::problem::Problem;
use crate::control::{Answer, FailureKind, Gesture, Link, Power, User};
use axum::body::{Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use wire::webauthn::json::Base64Url;

/// Bytes of a request's body that are taken in.
pub(super) const LONGEST_BODY: u64 = 1 << 20;
/// Bytes of one in which there may be a picture.
pub(super) const LONGEST_PICTURE_BODY: u64 = 16 << 20;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// A device's name in the path.
pub(super) struct Name(pub(super) String);

/// A device's name and the ID of a passkey or finger in the path.
pub(super) struct NameAndId(pub(super) String, pub(super) String);

/// A JSON body. It is taken for JSON whatever its `Content-Type`: the token keeps foreign pages out, so
/// `curl -d` may stay short.
pub(super) struct Body<T>(pub(super) T);

/// The same, with a picture in it.
pub(super) struct LongBody<T>(pub(super) T);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(segments(parts, state).await?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NameAndId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        segments(parts, state).await.map(|(name, id)| Self(name, id))
    }
}

async fn segments<T: DeserializeOwned + Send, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<T, Problem> {
    match Path::<T>::from_request_parts(parts, state).await {
        Ok(Path(segments)) => Ok(segments),
        Err(rejection) => Err(Problem::invalid(format!("the path: {rejection}"))),
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read(&bytes(request, state, LONGEST_BODY).await?).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for LongBody<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Problem> {
        let most = usize::try_from(LONGEST_PICTURE_BODY).expect("some mebibytes fit");
        DefaultBodyLimit::max(most).apply(&mut request);
        read(&bytes(request, state, LONGEST_PICTURE_BODY).await?).map(Self)
    }
}

/// The whole body, up to the limit that the request has; `longest` is to be the same.
async fn bytes<S: Send + Sync>(request: Request, state: &S, longest: u64) -> Result<Bytes, Problem> {
    // Before anything is read: `Bytes` notices only while it reads.
    if request.body().size_hint().lower() > longest {
        return Err(too_long(longest));
    }
    match tokio::time::timeout(PATIENCE, Bytes::from_request(request, state)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) => Err(match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_long(longest),
            _ => Problem::invalid("the request body did not arrive whole"),
        }),
        Err(_) => {
            let message = format!("the request body did not arrive within {PATIENCE:?}");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, FailureKind::Invalid, message))
        }
    }
}

fn too_long(longest: u64) -> Problem {
    let message = format!("the request body is longer than {longest} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, FailureKind::Invalid, message)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { String::new() } else { format!(", member `{path}`") };
        Problem::invalid(format!("the request body{at}: {}", error.inner()))
    })?;
    reader.end().map_err(|error| Problem::invalid(format!("the request body, after its value: {error}")))?;
    Ok(value)
}

/// What follows the `?`.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(Problem::invalid(format!("the query: {rejection}"))),
        }
    }
}

/// The query of GET prompt.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wait {
    wait_ms: Option<u64>,
}

/// The longest time that a question is waited for at once.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Wait {
    /// How long to wait, if at all.
    pub(super) fn patience(&self) -> Result<Option<Duration>, Problem> {
        match self.wait_ms.map(Duration::from_millis) {
            Some(wait) if wait > LONGEST_WAIT => {
                Err(Problem::invalid(format!("waitMs: {LONGEST_WAIT:?} at a time is the most"))
                    .hint("ask again"))
            }
            wait => Ok(wait),
        }
    }
}

/// The body of POST devices.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewDevice {
    pub(super) name: String,
    pub(super) profile: String,
}

/// The body of POST power.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewPower {
    pub(super) power: Power,
}

/// The body of PUT card.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CardPlace {
    pub(super) inserted: bool,
}

/// The body of PUT user: [`User`], but strict, so that a misspelt `delayMs` is not passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewUser {
    answer: Answer,
    #[serde(default)]
    delay_ms: u64,
}

impl From<NewUser> for User {
    fn from(user: NewUser) -> Self {
        Self { answer: user.answer, delay_ms: user.delay_ms }
    }
}

/// The body of POST clock.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClockAdvance {
    pub(super) advance_ms: u64,
}

/// The body of POST prompt.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PromptAnswer {
    pub(super) number: u64,
    pub(super) gesture: Gesture,
}

/// The body of PATCH passkeys.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewNames {
    #[serde(default)]
    pub(super) user_name: Option<String>,
    #[serde(default)]
    pub(super) user_display_name: Option<String>,
}

/// The body of POST fingers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewFinger {
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// The body of PATCH fingers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FingerName {
    pub(super) name: String,
}

/// The body of POST ctap2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Message {
    pub(super) link: Link,
    pub(super) message: Base64Url,
}
