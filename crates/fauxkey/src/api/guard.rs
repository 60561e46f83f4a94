//! Who may ask. Every request passes here before anything else, and every answer leaves here.
//!
//! A page from anywhere can make a browser send requests to the loopback interface. Three checks keep such
//! pages out: `Host` must be a name of this machine with our port, so that a foreign name that was pointed at
//! 127.0.0.1 (DNS rebinding) is refused; `Origin`, which browsers add to requests that a page makes, must be
//! ours; and the token must be there. No answer carries a CORS header.
use super::Api;
use super::extension;
use super::problem::Problem;
use super::routes::{Access, access};
use crate::control::FailureKind;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Which names are ours and which token opens.
pub(crate) struct Guard {
    /// `host:port`, as `Host` has it.
    authorities: Vec<String>,
    /// Whether any address does, as the server listens at all of them: only names can be pointed elsewhere.
    any_address: bool,
    scheme: &'static str,
    token: String,
    /// When the latest wrong tokens began to come, and how many came since.
    wrong: Mutex<(Instant, u32)>,
}

/// Wrong tokens that are answered within [`WRONG_WINDOW`]. Who brings the right one is never kept out.
const WRONG_TOKENS: u32 = 1_000;
const WRONG_WINDOW: Duration = Duration::from_secs(10);

/// Left in a request that passed.
#[derive(Clone, Copy)]
pub(super) struct Admitted {
    /// Whether it brought the token: always, except where [`Access`] lets requests in without.
    pub(super) with_token: bool,
}

impl Guard {
    /// For a server that listens at `local` and has these names beside.
    pub(crate) fn new(local: SocketAddr, names: &[String], scheme: &'static str, token: String) -> Self {
        let port = local.port();
        let ip = match local {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        let hosts = ["localhost".into(), "127.0.0.1".into(), "[::1]".into(), ip];
        let hosts: Vec<String> = hosts.into_iter().chain(names.iter().cloned()).collect();
        let mut authorities: Vec<String> = hosts.iter().map(|host| format!("{host}:{port}")).collect();
        if port == if scheme == "https" { 443 } else { 80 } {
            // RFC 9110 §4.2.1 and §4.2.2: the port that need not be written.
            authorities.extend(hosts);
        }
        let any_address = local.ip().is_unspecified();
        Self { authorities, any_address, scheme, token, wrong: Mutex::new((Instant::now(), 0)) }
    }

    /// Whether `Host` may name that.
    fn is_ours(&self, authority: &str) -> bool {
        self.authorities.iter().any(|ours| ours.eq_ignore_ascii_case(authority))
            || self.any_address && authority.parse::<SocketAddr>().is_ok()
    }

    /// Counts a wrong token; false once there were too many.
    fn bears_another(&self) -> bool {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.0.elapsed() > WRONG_WINDOW {
            *wrong = (Instant::now(), 0);
        }
        wrong.1 = wrong.1.saturating_add(1);
        wrong.1 <= WRONG_TOKENS
    }

    /// Refuses a request to a foreign name, or of a page that is neither ours nor `let_in`.
    pub(crate) fn turn_away(
        &self,
        request: &Request,
        let_in: impl FnOnce(&str) -> bool,
    ) -> Result<(), Problem> {
        let headers = request.headers();
        let host = single(headers, &header::HOST)?.unwrap_or_default();
        // A request target in absolute form (RFC 9112 §3.2.2) names the host once more.
        let target = request.uri().authority().map(|authority| authority.as_str());
        if !self.is_ours(host) || target.is_some_and(|target| !self.is_ours(target)) {
            return Err(forbidden(format!("the Host `{}` is not this machine", target.unwrap_or(host)))
                .hint(format!("ask for {}://{}/", self.scheme, self.authorities[1])));
        }
        if let Some(origin) = single(headers, &header::ORIGIN)?
            && !let_in(origin)
            && !origin
                .strip_prefix(self.scheme)
                .and_then(|origin| origin.strip_prefix("://"))
                .is_some_and(|origin| origin.eq_ignore_ascii_case(host))
        {
            return Err(forbidden(format!("a page of `{origin}` may not ask")));
        }
        Ok(())
    }

    fn admit(&self, request: &Request) -> Result<Admitted, Problem> {
        let access = access(request.uri().path());
        let extension = |origin: &str| access == Access::Paired && extension::is_extension(origin);
        self.turn_away(request, extension)?;
        let token = self.token_of(request, access)?;
        let with_token = match token {
            Some(token) if access == Access::Paired => fits(&extension::pairing(&self.token), token),
            Some(token) => fits(&self.token, token),
            None => false,
        };
        if access == Access::Page && token.is_some() && !with_token && !self.bears_another() {
            return Err(too_many());
        }
        match access {
            Access::Page | Access::Open => Ok(Admitted { with_token }),
            Access::Token | Access::TokenOrQuery | Access::Paired if with_token => {
                Ok(Admitted { with_token })
            }
            Access::Token | Access::TokenOrQuery | Access::Paired if !self.bears_another() => Err(too_many()),
            Access::Paired => {
                let message = "the request brings no token of a pairing, or a wrong one";
                Err(Problem::new(StatusCode::UNAUTHORIZED, FailureKind::Forbidden, message)
                    .hint("`fauxkey extension` writes a package that is paired with the instance that runs"))
            }
            Access::Token | Access::TokenOrQuery => {
                let message = "the request brings no token, or a wrong one";
                Err(Problem::new(StatusCode::UNAUTHORIZED, FailureKind::Forbidden, message).hint(
                    "send `Authorization: Bearer …`; the token is printed at start and is in the file `token` \
                     beside `instance.json`",
                ))
            }
        }
    }

    fn token_of<'a>(&self, request: &'a Request, access: Access) -> Result<Option<&'a str>, Problem> {
        if access == Access::Paired {
            return Ok(single(request.headers(), &header::SEC_WEBSOCKET_PROTOCOL)?.and_then(extension::token));
        }
        if let Some(authorization) = single(request.headers(), &header::AUTHORIZATION)? {
            // RFC 9110 §11.1: the scheme's name in any case.
            let bearer =
                authorization.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            return Ok(bearer.map(|(_, token)| token.trim()));
        }
        if !matches!(access, Access::Page | Access::TokenOrQuery) {
            return Ok(None);
        }
        let query = request.uri().query().unwrap_or_default();
        Ok(query.split('&').find_map(|pair| pair.strip_prefix("token=")))
    }
}

/// Compares without telling by its time where the difference is. The length is no secret.
pub(crate) fn fits(ours: &str, token: &str) -> bool {
    let differences = ours.bytes().zip(token.bytes()).fold(0, |sum, (a, b)| black_box(sum | (a ^ b)));
    ours.len() == token.len() && differences == 0
}

/// A header that may be there once, as text.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Problem::invalid(format!("the header `{name}` is not ASCII text"))),
        },
        (Some(_), Some(_)) => Err(Problem::invalid(format!("the header `{name}` is there more than once"))),
    }
}

fn too_many() -> Problem {
    let message = format!("more than {WRONG_TOKENS} wrong tokens within {WRONG_WINDOW:?}");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, FailureKind::Forbidden, message)
}

fn forbidden(message: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, FailureKind::Forbidden, message)
}

/// The gate: around every route, those that do not exist included.
pub(super) async fn guard(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let mut response = match api.guard.admit(&request) {
        Ok(admitted) => {
            request.extensions_mut().insert(admitted);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    harden(response.headers_mut());
    response
}

/// What every answer says to browsers.
pub(crate) fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
}
