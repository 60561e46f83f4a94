//! A tenant as it is asked over HTTP: JSON out and in, in a session that this app alone has.
use super::Secret;
use crate::control::{Failure, FailureKind};
use client::Origin;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use ureq::Agent;
use zeroize::Zeroizing;

/// How long the tenant may take to be reached.
const CONNECT: Duration = Duration::from_secs(2);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of an answer that are taken in.
const LONGEST_ANSWER: u64 = 1 << 20;
/// Characters of a text of the tenant's that are taken in.
const LONGEST_TEXT: usize = 512;

/// The way to a tenant.
pub struct Door {
    origin: String,
    agent: Agent,
    session: Option<Secret>,
}

#[derive(Deserialize)]
struct Refused {
    error: Refusal,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    #[serde(default)]
    number: Option<u32>,
    message: String,
    #[serde(default)]
    hint: Option<String>,
}

impl Door {
    /// To the tenant at that address, which is on this machine: this app is no way to any other.
    ///
    /// # Errors
    /// Invalid if the address is none of a page on this machine.
    pub fn to(address: &str, agent: &str) -> Result<Self, Failure> {
        let address = address.trim().trim_end_matches('/');
        let invalid = |why: String| {
            Failure::new(FailureKind::Invalid, why)
                .hint("a tenant is at an address such as http://localhost:8123; `fauxkey up` says which")
        };
        let origin = Origin::parse(address).map_err(|error| invalid(format!("the tenant: {error}")))?;
        let origin = origin.as_str().to_owned();
        if !origin.starts_with("http://") {
            return Err(invalid(format!("the tenant {origin} is not on this machine")));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(agent)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(PATIENCE));
        Ok(Self { origin, agent: Agent::new_with_config(config.build()), session: None })
    }

    /// The tenant's origin, such as `http://localhost:8123`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// From now on everything is asked in that session.
    pub fn enter(&mut self, session: Secret) {
        self.session = Some(session);
    }

    /// Asks, and takes the answer; `null` if it is empty.
    ///
    /// # Errors
    /// Refused, with what the tenant says; Conflict if it does not answer; Broken if it answers something else.
    pub fn post(&self, path: &str, body: &impl Serialize) -> Result<Value, Failure> {
        let mut request = self.agent.post(format!("{}{path}", self.origin));
        request = request.header("Content-Type", "application/json");
        if let Some(session) = &self.session {
            request = request.header("Authorization", format!("Session {}", *session.0));
        }
        let silent = |error: ureq::Error| {
            let message = format!("the tenant at {} does not answer: {error}", self.origin);
            Failure::new(FailureKind::Conflict, message).hint("`fauxkey up` starts one, and says where it is")
        };
        let body =
            serde_json::to_string(body).map(Zeroizing::new).expect("texts, maps and booleans are JSON");
        let mut answer = request.send(body.as_bytes()).map_err(silent)?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec().map_err(silent)?;
        let strange = || {
            let message = format!("{}{path} answered what no tenant does: {status}", self.origin);
            Failure::new(FailureKind::Broken, message).hint("is this the address of the tenant?")
        };
        if status.is_success() {
            let text = if text.is_empty() { b"null" } else { text.as_slice() };
            return serde_json::from_slice(text).map_err(|_| strange());
        }
        let Refused { error } = serde_json::from_slice(&text).map_err(|_| strange())?;
        let kind = match status.as_u16() {
            404 => FailureKind::NotFound,
            409 => FailureKind::Conflict,
            500.. => FailureKind::Broken,
            _ => FailureKind::Refused,
        };
        let named = match (error.number, error.code.as_str()) {
            (Some(number), _) => format!(" ({number})"),
            (None, "") => String::new(),
            (None, code) => format!(" ({})", shortened(code)),
        };
        let message = format!("the tenant refuses: {}{named}", shortened(&error.message));
        Err(Failure { kind, message, hint: error.hint.as_deref().map(shortened) })
    }
}

/// A member of an answer, as text. Nothing longer than a name is taken.
pub(super) fn text(answer: &Value, pointer: &str) -> Option<String> {
    answer.pointer(pointer)?.as_str().map(shortened).filter(|text| !text.is_empty())
}

/// A member of an answer that is true or absent.
pub(super) fn yes(answer: &Value, pointer: &str) -> bool {
    answer.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// Texts that the tenant tells, none with a character that could play with a terminal.
pub(super) fn texts(answer: &Value, pointer: &str) -> Vec<String> {
    let all = answer.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).map(shortened).collect()
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect()
}
