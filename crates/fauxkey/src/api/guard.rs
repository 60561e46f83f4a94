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
use std::sync::Arc;

/// Which names are ours and which token opens.
pub(super) struct Guard {
    /// `host:port`, as `Host` has it.
    authorities: Vec<String>,
    token: String,
}

/// Left in a request that passed.
#[derive(Clone, Copy)]
pub(super) struct Admitted {
    /// Whether it brought the token: always, except where [`Access`] lets requests in without.
    pub(super) with_token: bool,
}

impl Guard {
    /// For a server that listens at `local`.
    pub(super) fn new(local: SocketAddr, token: String) -> Self {
        let port = local.port();
        let ip = match local {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        let hosts = ["localhost".into(), "127.0.0.1".into(), "[::1]".into(), ip];
        let mut authorities: Vec<String> = hosts.iter().map(|host| format!("{host}:{port}")).collect();
        if port == 80 {
            // RFC 9110 §4.2.1: the port of http that need not be written.
            authorities.extend(hosts);
        }
        Self { authorities, token }
    }

    fn is_ours(&self, authority: &str) -> bool {
        self.authorities.iter().any(|ours| ours.eq_ignore_ascii_case(authority))
    }

    fn admit(&self, request: &Request) -> Result<Admitted, Problem> {
        let headers = request.headers();
        let host = single(headers, &header::HOST)?.unwrap_or_default();
        // A request target in absolute form (RFC 9112 §3.2.2) names the host once more.
        let target = request.uri().authority().map(|authority| authority.as_str());
        if !self.is_ours(host) || target.is_some_and(|target| !self.is_ours(target)) {
            return Err(forbidden(format!("the Host `{}` is not this machine", target.unwrap_or(host)))
                .hint(format!("ask for http://{}/", self.authorities[1])));
        }
        let access = access(request.uri().path());
        if let Some(origin) = single(headers, &header::ORIGIN)?
            && !(access == Access::Paired && extension::is_extension(origin))
            && !origin.strip_prefix("http://").is_some_and(|origin| origin.eq_ignore_ascii_case(host))
        {
            return Err(forbidden(format!("a page of `{origin}` may not ask")));
        }
        let with_token = match self.token_of(request, access)? {
            Some(token) if access == Access::Paired => fits(&extension::pairing(&self.token), token),
            Some(token) => fits(&self.token, token),
            None => false,
        };
        match access {
            Access::Page | Access::Open => Ok(Admitted { with_token }),
            Access::Token | Access::TokenOrQuery | Access::Paired if with_token => {
                Ok(Admitted { with_token })
            }
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
fn fits(ours: &str, token: &str) -> bool {
    let differences = ours.bytes().zip(token.bytes()).fold(0, |sum, (a, b)| black_box(sum | (a ^ b)));
    ours.len() == token.len() && differences == 0
}

/// A header that may be there once, as text.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
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
    let headers = response.headers_mut();
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
    response
}
