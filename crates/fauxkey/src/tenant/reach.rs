//! The way to a tenant: to the one that runs, or to that of this home, opened for one command.
use crate::api::presence::is_alive;
use crate::control::{Failure, FailureKind};
use crate::home::Home;
use crate::instance::Instance;
use crate::remote::Remote;
use crate::tenant::graph::{self, Content, GraphRequest};
use crate::tenant::host::{Arrangement, Host, failure};
use crate::tenant::serve::RunningTenant;
use serde_json::Value;
use std::time::Duration;
use std::{env, fs};
use ureq::Agent;
use ureq::http::Request;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer that are taken in.
const LONGEST_ANSWER: u64 = 64 << 20;

/// A tenant that can be asked in Graph's words.
pub enum Reach {
    /// Another process has it.
    Running(Running),
    /// This process has it, until it ends.
    Here(Box<Here>),
}

/// A tenant in another process.
pub struct Running {
    url: String,
    token: String,
    agent: Agent,
}

/// A tenant in this one.
pub struct Here {
    host: Host,
    /// Holds the vault.
    _instance: Instance,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// JSON, if it is.
    pub value: Option<Value>,
    /// Everything else.
    pub text: Option<String>,
}

impl Reach {
    /// The tenant that `FAUXKEY_TENANT` names, with the token of `FAUXKEY_TOKEN` or else that of this home; the one that
    /// runs in this home; or that of this home, opened.
    ///
    /// # Errors
    /// Conflict if an instance runs here without a tenant; those of [`Instance::open`] and [`Host::open`].
    pub fn find(home: &Home) -> Result<Self, Failure> {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let token = || {
            set("FAUXKEY_TOKEN")
                .or_else(|| fs::read_to_string(home.token()).ok().map(|token| token.trim().to_owned()))
                .unwrap_or_default()
        };
        if let Some(url) = set("FAUXKEY_TENANT") {
            return Ok(Self::running(url.trim_end_matches('/').to_owned(), token()));
        }
        let found = fs::read(home.tenant()).ok();
        let running = found.and_then(|bytes| serde_json::from_slice::<RunningTenant>(&bytes).ok());
        if let Some(running) = running.filter(|running| is_alive(running.pid)) {
            return Ok(Self::running(running.url, token()));
        }
        if let Some(other) = Remote::running(home) {
            let message = format!("fauxkey runs at {} without a tenant, and has the vault open", other.url());
            return Err(Failure::new(FailureKind::Conflict, message)
                .hint("stop it and start `fauxkey up`, which has one"));
        }
        let instance = Instance::open(home)?;
        // Nobody opens a page of it: the origin is what it was.
        let host = Host::open(&instance, "http://localhost", &Arrangement::default())?;
        Ok(Self::Here(Box::new(Here { host, _instance: instance })))
    }

    /// A tenant at an address.
    pub fn running(url: String, token: String) -> Self {
        let agent: Agent =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
        Self::Running(Running { url, token, agent })
    }

    /// Where it is, if it runs.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Running(running) => Some(&running.url),
            Self::Here(_) => None,
        }
    }

    /// Asks, and hands back whatever came.
    ///
    /// # Errors
    /// Broken if it does not answer.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply, Failure> {
        match self {
            Self::Running(running) => running.ask(method, path, body),
            Self::Here(here) => Ok(here.ask(method, path, body)),
        }
    }

    /// Asks for what is done, and hands back the JSON of it.
    ///
    /// # Errors
    /// What the tenant refused, with its explanation in the hint.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let reply = self.ask(method, path, body)?;
        if reply.status < 400 {
            return Ok(reply.value.unwrap_or(Value::Null));
        }
        Err(refused(&reply))
    }
}

impl Running {
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply, Failure> {
        let url = format!("{}{}", self.url, path.replace(' ', "%20"));
        let silent = |why: String| {
            Failure::new(FailureKind::Broken, format!("the tenant at {} does not answer: {why}", self.url))
        };
        let bytes = match body {
            Some(body) => serde_json::to_vec(body).expect("a value is JSON"),
            None => Vec::new(),
        };
        let request = Request::builder()
            .method(method)
            .uri(&url)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(bytes)
            .map_err(|error| silent(error.to_string()))?;
        let mut response = self.agent.run(request).map_err(|error| silent(error.to_string()))?;
        let status = response.status().as_u16();
        let text = response
            .body_mut()
            .with_config()
            .limit(LONGEST_ANSWER)
            .read_to_string()
            .map_err(|error| silent(error.to_string()))?;
        let value = serde_json::from_str(&text).ok();
        Ok(Reply { status, text: value.is_none().then_some(text), value })
    }
}

impl Here {
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let body = body.map(|body| serde_json::to_vec(body).expect("a value is JSON")).unwrap_or_default();
        let request = GraphRequest { method, path, query, body: &body, base: "http://localhost" };
        let answer = self.host.with(|tenant, now| graph::answer(tenant, now, &request));
        let (value, text) = match answer.body {
            Content::Nothing => (None, None),
            Content::Json(value) => (Some(value), None),
            Content::Csv(text) | Content::Xml(text) => (None, Some(text)),
        };
        Reply { status: answer.status, value, text }
    }
}

/// What Graph refused, as a failure.
fn refused(reply: &Reply) -> Failure {
    let kind = match reply.status {
        400 | 405 => FailureKind::Invalid,
        401 => FailureKind::Forbidden,
        403 => FailureKind::Refused,
        404 => FailureKind::NotFound,
        409 => FailureKind::Conflict,
        _ => FailureKind::Broken,
    };
    let error = reply.value.as_ref().map(|value| &value["error"]).unwrap_or(&Value::Null);
    let message = error["message"].as_str().unwrap_or("the tenant refused without a word");
    // Registrations are refused by JSON in JSON.
    let nested: Option<Value> = serde_json::from_str(message).ok();
    let inner = nested.as_ref().and_then(|nested| nested["odata.error"]["message"]["value"].as_str());
    let failure = Failure::new(kind, inner.unwrap_or(message));
    let failing = error["innerError"]["simExplanation"].as_array().into_iter().flatten();
    let mut reasons: Vec<String> = failing
        .filter(|clause| clause["holds"] == Value::Bool(false))
        .map(|clause| {
            let part = |name: &str| clause[name].as_str().unwrap_or_default().to_owned();
            format!("{}: {}", part("clause"), part("says"))
        })
        .collect();
    reasons.extend(error["innerError"]["simHint"].as_str().map(Into::into));
    if reasons.is_empty() { failure } else { failure.hint(reasons.join("; ")) }
}

/// A refusal of the tenant itself.
impl From<tenant::Refusal> for Failure {
    fn from(refusal: tenant::Refusal) -> Self {
        failure(refusal)
    }
}
