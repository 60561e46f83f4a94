//! The tenant's server: on a listener of its own, as its pages belong to an origin of their own.
//!
//! Graph (`/v1.0`, `/beta`) is for who brings the token, in a header or, from a page of ours, as a cookie. The pages of
//! users are for everybody who reaches this machine's loopback interface, as a sign-in page has to be.
use crate::api::background::Background;
use crate::api::guard::{Guard, fits, harden, single};
use crate::api::presence::remove_if;
use crate::control::{Failure, FailureKind};
use crate::files;
use crate::home::Home;
use crate::instance::Instance;
use crate::tenant::graph::{self, Content, GraphAnswer, GraphRequest};
use crate::tenant::host::{Arrangement, Host};
use crate::tenant::pages;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// The longest body that is taken in, in bytes.
const LONGEST_BODY: usize = 1 << 20;

/// What the handlers share.
pub struct Site {
    /// The tenant.
    pub host: Host,
    /// Where it is, such as `http://localhost:8123`, without a slash at the end.
    pub url: String,
    token: String,
    guard: Guard,
}

impl Site {
    /// Whether a request brings the administrator's token.
    pub fn is_token(&self, token: &str) -> bool {
        fits(&self.token, token)
    }

    /// Does something with the tenant where it may block.
    pub async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce(&mut tenant::Tenant, tenant::Time) -> T + Send + 'static,
    ) -> Result<T, StatusCode> {
        let site = self.clone();
        let done = tokio::task::spawn_blocking(move || site.host.with(job)).await;
        done.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A tenant's server that runs, until this is dropped.
pub struct ServedTenant {
    /// What is served.
    pub site: Arc<Site>,
    /// Goes before the thread is waited for: nobody is to come any more.
    _presence: Option<Presence>,
    _thread: Background,
}

impl ServedTenant {
    /// Where it is.
    pub fn url(&self) -> &str {
        &self.site.url
    }

    /// The administrator's page, with the token in it.
    pub fn admin(&self) -> String {
        format!("{}/admin?token={}", self.site.url, self.site.token)
    }
}

/// Serves the tenant of an instance on the loopback interface; port 0 is any free one. With a home, it can be found
/// there. `token` is what administrators' programs bring.
///
/// # Errors
/// Invalid if the address is not a loopback address, Conflict if it is taken or the tenant is open already, Broken if
/// the system or the records do not play along.
pub fn serve(
    instance: &Instance,
    home: Option<&Home>,
    listen: Option<SocketAddr>,
    token: String,
    arrangement: &Arrangement,
) -> Result<ServedTenant, Failure> {
    let listen = listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
    if !listen.ip().is_loopback() {
        let message = format!("the tenant cannot listen on {listen}: not a loopback address");
        return Err(Failure::new(FailureKind::Invalid, message)
            .hint("use 127.0.0.1: its pages have the origin localhost, which browsers trust without TLS"));
    }
    let broken = |error: std::io::Error| {
        Failure::new(FailureKind::Broken, format!("cannot serve the tenant: {error}"))
    };
    let listener = crate::api::bind(listen)?;
    let local = listener.local_addr().map_err(broken)?;
    let url = format!("http://localhost:{}", local.port());
    let host = Host::open(instance, &url, arrangement)?;
    // The Authenticator app on the instance's phones signs in here, unless it is told otherwise.
    instance.set_tenant(&url);
    let guard = Guard::new(local, &[], "http", token.clone());
    let site = Arc::new(Site { host, url, token, guard });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
    let served = site.clone();
    let run = move |stopped: oneshot::Receiver<()>| {
        runtime.block_on(async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            let listener = crate::api::listener::Bounded::new(listener, None);
            let server = axum::serve(listener, router(served));
            tokio::select! {
                _ = server => {}
                // Told to, or nobody is there any more to tell.
                _ = stopped => {}
            }
        });
        runtime.shutdown_background();
    };
    let thread = Background::start("tenant", run).map_err(broken)?;
    let presence = home.map(|home| Presence::announce(home, &site.url)).transpose()?;
    Ok(ServedTenant { site, _presence: presence, _thread: thread })
}

fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/v1.0/{*rest}", any(ask_graph))
        .route("/beta/{*rest}", any(ask_graph))
        .route("/sim/clock", post(advance))
        .merge(pages::routes())
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn_with_state(site.clone(), gate))
        .with_state(site)
}

/// Around every route: foreign names and foreign pages are kept out, as in front of the control API.
async fn gate(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let mut response = match site.guard.turn_away(&request, |_| false) {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            let body = json!({ "error": { "code": "forbidden", "message": problem.message() } });
            (StatusCode::FORBIDDEN, Json(body)).into_response()
        }
    };
    harden(response.headers_mut());
    response
}

async fn nothing(request: Request) -> Response {
    let message = format!("there is nothing at `{}`", request.uri().path());
    let body = json!({ "error": { "code": "notFound", "message": message } });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

impl Site {
    /// Whether a request brings the administrator's token: in its header, or, from a page of this very site, in a
    /// cookie.
    fn is_administrator(&self, request: &Request) -> bool {
        if let Some(token) = bearer(request) {
            return self.is_token(token);
        }
        // Browsers say where a request comes from, and no page can make them lie.
        let ours = request.headers().get("sec-fetch-site").is_some_and(|site| site == "same-origin");
        ours && pages::cookie(request.headers(), "token").is_some_and(|token| self.is_token(token))
    }
}

/// The token of a request, in its header.
fn bearer(request: &Request) -> Option<&str> {
    let text = single(request.headers(), &header::AUTHORIZATION).ok().flatten()?;
    text.split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
}

async fn ask_graph(State(site): State<Arc<Site>>, request: Request) -> Response {
    if !site.is_administrator(&request) {
        let message = "Access token is empty, or is not this tenant's.";
        let body = json!({ "error": { "code": "InvalidAuthenticationToken", "message": message,
            "innerError": { "simHint": "send `Authorization: Bearer …`; the token is printed at start" } } });
        let bearer = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
        return (StatusCode::UNAUTHORIZED, bearer, Json(body)).into_response();
    }
    let (parts, body) = request.into_parts();
    let body: Bytes = match axum::body::to_bytes(body, LONGEST_BODY).await {
        Ok(body) => body,
        Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    let base = site.url.clone();
    let asked = site.with(move |tenant, now| {
        let request = GraphRequest {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            body: &body,
            base: &base,
        };
        graph::answer(tenant, now, &request)
    });
    match asked.await {
        Ok(answer) => respond(answer),
        Err(status) => status.into_response(),
    }
}

fn respond(answer: GraphAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let typed = |kind: &'static str, text: String| {
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()
    };
    match answer.body {
        Content::Nothing => status.into_response(),
        Content::Json(value) => (status, Json(value)).into_response(),
        Content::Csv(text) => typed("text/csv; charset=utf-8", text),
        Content::Xml(text) => typed("application/xml", text),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_ms: u64,
}

/// Moves the tenant's clock on, for tests of what expires.
async fn advance(State(site): State<Arc<Site>>, request: Request) -> Response {
    if !bearer(&request).is_some_and(|token| site.is_token(token)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let body = match axum::body::to_bytes(request.into_body(), LONGEST_BODY).await {
        Ok(body) => body,
        Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    match serde_json::from_slice::<Advance>(&body) {
        Ok(Advance { advance_ms }) => {
            site.host.advance(Duration::from_millis(advance_ms));
            Json(json!({ "now": site.host.now() })).into_response()
        }
        Err(error) => {
            let body = json!({ "error": { "code": "badRequest", "message": format!("the body: {error}") } });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

/// What `tenant.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTenant {
    /// Where it is.
    pub url: String,
    /// Its process.
    pub pid: u32,
}

/// The file by which the tenant is found; it goes when this is dropped.
struct Presence {
    path: std::path::PathBuf,
    contents: Vec<u8>,
}

impl Presence {
    fn announce(home: &Home, url: &str) -> Result<Self, Failure> {
        let running = RunningTenant { url: url.into(), pid: std::process::id() };
        let contents = serde_json::to_vec(&running).expect("text and a number are JSON");
        let path = home.tenant();
        files::make_folder(&home.run)
            .map_err(|error| files::refused("make the folder", &home.run, &error))?;
        files::replace(&path, &contents).map_err(|error| files::refused("write", &path, &error))?;
        Ok(Self { path, contents })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // Only what is still ours.
        remove_if(&self.path, &self.contents);
    }
}
