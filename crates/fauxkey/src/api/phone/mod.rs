//! The phone page: a device as if in the hand. Its accounts and passkeys, the question that is open and its answers, who its user
//! is, its power, its faults, and what passes between programs and it.
//!
//! The server renders what there is; the script asks for it again when the trace says that something has happened, and
//! sends what a person does to the API.
mod view;

use super::Api;
use super::guard::Admitted;
use super::page::policy;
use crate::app::{Account, Push, System};
use crate::control::{Control, Device, Failure, FailureKind, Passkey, Prompt};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use view::{Asked, Sheet, Shown, Tab};

const STYLE: &str = include_str!("phone.css");
const SCRIPT: &str = include_str!("phone.js");
/// Passkeys of the device, or accounts of the question, that the page lists; the API lists all.
pub(super) const LISTED: usize = 200;

/// The query, beside the token.
#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Which device; the first one that asks, or else the first one, if absent.
    #[serde(default)]
    device: Option<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "phone.html")]
struct Page<'a> {
    nonce: &'a str,
    style: &'static str,
    script: &'static str,
    locked: bool,
    tabs: Vec<Tab>,
    shown: Option<Shown>,
    sheet: Option<Sheet>,
    pushes: Vec<Asked>,
    /// Where nothing is shown: why, and what to do.
    missing: String,
    hint: String,
}

/// What the page shows.
struct Seen {
    device: Device,
    passkeys: Vec<Passkey>,
    prompt: Option<Prompt>,
    accounts: Vec<Account>,
    pushes: Vec<Push>,
    /// Where its app adds accounts.
    tenant: Option<String>,
    /// Whether it is reached over hybrid.
    scans: bool,
    /// All devices, with whether they ask.
    all: Vec<(Device, bool)>,
}

/// Answers GET `/phone`.
pub(super) async fn page(
    State(api): State<Arc<Api>>,
    Extension(admitted): Extension<Admitted>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let nonce = wire::base64url::encode(&rand::random::<[u8; 16]>());
    let mut page = Page {
        nonce: &nonce,
        style: STYLE,
        script: SCRIPT,
        locked: !admitted.with_token,
        tabs: Vec::new(),
        shown: None,
        sheet: None,
        pushes: Vec::new(),
        missing: String::new(),
        hint: String::new(),
    };
    let status = if admitted.with_token {
        let device = wanted.ok().and_then(|Query(wanted)| wanted.device);
        // A failure is for the page to show; only a panic is not.
        match api.ask(move |control| Ok(look(control, device))).await {
            Ok(Ok(seen)) => {
                page.show(seen);
                StatusCode::OK
            }
            Ok(Err(failure)) => page.miss(&failure),
            Err(problem) => return problem.into_response(),
        }
    } else {
        StatusCode::UNAUTHORIZED
    };
    let html = page.render().expect("a string takes everything");
    (status, [(header::CONTENT_SECURITY_POLICY, policy(&nonce))], Html(html)).into_response()
}

impl Page<'_> {
    fn show(&mut self, seen: Seen) {
        let Seen { device, passkeys, prompt, accounts, pushes, tenant, scans, all } = seen;
        let tab = |(one, asks): &(Device, bool)| Tab::new(one, *asks, one.name == device.name);
        self.tabs = all.iter().map(tab).collect();
        self.sheet = prompt.as_ref().map(Sheet::new);
        self.pushes = if device.powered { pushes.iter().map(Asked::new).collect() } else { Vec::new() };
        self.shown = Some(Shown::new(&device, passkeys, &accounts, tenant, scans));
    }

    fn miss(&mut self, failure: &Failure) -> StatusCode {
        self.missing.clone_from(&failure.message);
        self.hint = failure.hint.clone().unwrap_or_default();
        match failure.kind {
            FailureKind::NotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

fn look(control: &dyn Control, wanted: Option<String>) -> Result<Seen, Failure> {
    let mut all = Vec::new();
    for device in control.devices()? {
        let prompt = control.prompt(&device.name)?;
        all.push((device, prompt));
    }
    let place = match &wanted {
        Some(name) => all.iter().position(|(device, _)| device.name == *name).ok_or_else(|| {
            Failure::new(FailureKind::NotFound, format!("there is no device `{}`", name.escape_debug()))
                .hint("`fauxkey device list` shows what there is")
        })?,
        None if all.is_empty() => {
            return Err(Failure::new(FailureKind::NotFound, "there is no device yet")
                .hint("`fauxkey device add NAME` makes one"));
        }
        None => all.iter().position(|(_, prompt)| prompt.is_some()).unwrap_or(0),
    };
    let (device, prompt) = all[place].clone();
    let passkeys = control.passkeys(&device.name)?;
    let (accounts, pushes) = match device.aaguid.parse().ok().and_then(System::of) {
        // A tenant that answers nonsense is no reason to show no phone.
        Some(_) => (control.accounts(&device.name)?, control.pushes(&device.name).unwrap_or_default()),
        None => (Vec::new(), Vec::new()),
    };
    let last = || accounts.iter().rev().find_map(|account| account.tenant.clone());
    let tenant = control.tenant().or_else(last);
    let scans = scans(control, &device)?;
    let all = all.into_iter().map(|(device, prompt)| (device, prompt.is_some())).collect();
    Ok(Seen { device, passkeys, prompt, accounts, pushes, tenant, scans, all })
}

/// Whether what the device is made of says that it is reached over hybrid.
fn scans(control: &dyn Control, device: &Device) -> Result<bool, Failure> {
    let profiles = control.profiles()?;
    let mut over =
        profiles.iter().filter(|profile| profile.name == device.profile).flat_map(|it| &it.transports);
    Ok(over.any(|transport| transport == "hybrid"))
}
