//! What all pages have.
use crate::tenant::graph::path;
use crate::tenant::serve::Site;
use askama::Template;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use tenant::Tenant;

const STYLE: &str = include_str!("assets/tenant.css");
const COMMON: &str = include_str!("assets/common.js");

/// A page in the list of them.
pub(super) struct Entry {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    /// Whether it is for who has the token.
    pub(super) admin: bool,
}

const fn entry(path: &'static str, title: &'static str, admin: bool, about: &'static str) -> Entry {
    Entry { path, title, about, admin }
}

const PAGES: [Entry; 7] = [
    entry("/", "Start", false, ""),
    entry("/login", "Sign in", false, "With a passkey, a pass, a password, a code or a push notification."),
    entry("/mysecurityinfo", "My Security Info", false, "What a user signs in with: add, rename and delete."),
    entry(
        "/admin",
        "Admin",
        true,
        "Policies, users, Temporary Access Passes, strengths, conditional access.",
    ),
    entry("/signins", "Sign-in logs", true, "Who signed in by what, what policy made of it, and why."),
    entry("/audits", "Audit log", true, "What was registered, deleted and changed, and by whom."),
    entry("/activity", "Activity", true, "How passkeys are taken up: counts, charts, registration details."),
];

/// The parts of a page that all have.
pub(super) struct Shell {
    pub(super) nonce: String,
    pub(super) style: &'static str,
    pub(super) common: &'static str,
    /// The page's own script; without one there is none at all.
    pub(super) script: &'static str,
    pub(super) tenant: String,
    pub(super) behaviour: &'static str,
    /// The path of the page.
    pub(super) here: &'static str,
}

impl Shell {
    pub(super) fn new(tenant: &Tenant, here: &'static str, script: &'static str) -> Self {
        let settings = tenant.settings();
        Self {
            nonce: wire::base64url::encode(&rand::random::<[u8; 16]>()),
            style: STYLE,
            common: COMMON,
            script,
            tenant: settings.name.clone(),
            behaviour: settings.behaviour.as_str(),
            here,
        }
    }

    #[allow(clippy::unused_self, reason = "templates see nothing but `self`")]
    pub(super) fn pages(&self) -> &'static [Entry] {
        &PAGES
    }
}

/// A page as an answer. Only its own script and style run there (CSP Level 3 §7).
pub(super) fn answer(status: StatusCode, nonce: &str, page: &impl Template) -> Response {
    let html = page.render().expect("a string takes everything");
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::try_from(policy).expect("base64url is ASCII");
    (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

/// The page in the place of one that is not for everybody.
#[derive(Template)]
#[template(path = "tenant/locked.html")]
struct Locked {
    shell: Shell,
    title: &'static str,
}

/// Lets the administrator in, or else has an answer in the page's place. Who brings the token in the address gets it as a
/// cookie, and the address without it; who has neither is shown where the token is.
pub(super) fn admit(site: &Site, parts: &Parts, here: &'static str) -> Option<Response> {
    let query = parts.uri.query().unwrap_or_default();
    if let Some(given) = query.split('&').find_map(|pair| pair.strip_prefix("token="))
        && site.is_token(given)
    {
        let rest: Vec<&str> =
            query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("token=")).collect();
        let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
        let headers = [
            (header::LOCATION, format!("{here}{query}")),
            (header::SET_COOKIE, format!("token={given}; HttpOnly; SameSite=Strict; Path=/")),
        ];
        return Some((StatusCode::SEE_OTHER, headers).into_response());
    }
    if cookie(&parts.headers, "token").is_some_and(|token| site.is_token(token)) {
        return None;
    }
    let shell = site.host.with(|tenant, _| Shell::new(tenant, here, ""));
    let title = PAGES.iter().find(|page| page.path == here).map_or("This page", |page| page.title);
    let nonce = shell.nonce.clone();
    Some(answer(StatusCode::UNAUTHORIZED, &nonce, &Locked { shell, title }))
}

/// A cookie (RFC 6265 §4.2.1).
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// The pairs of a query, decoded; what cannot be decoded is left out.
pub(super) fn pairs(uri: &Uri) -> Vec<(String, String)> {
    path::pairs(uri.query().unwrap_or_default()).filter_map(Result::ok).collect()
}

/// A stranger's text without characters that HTML has no way to write.
pub(super) fn text(text: &str) -> String {
    let shown = |c: char| if c.is_control() && !c.is_whitespace() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(shown).collect()
}
