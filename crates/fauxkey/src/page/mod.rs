//! What a page in a browser asks for, by the shim or the extension of `crates/fauxkey/extension`, and what becomes of it.
//!
//! Here is what a browser does around a ceremony that [`crate::ceremony`] does not know: permissions policy, secure
//! contexts, mediation, capabilities and signals. The carriers are the extension's WebSocket (`api/extension.rs`) and a
//! browser's DevTools (`commands/browser`).
//!
//! | module | what |
//! |---|---|
//! | `call` | the messages of the shim |
//! | `signal` | what a page says about passkeys that it no longer takes |
mod call;
mod signal;
#[cfg(test)]
mod tests;

pub use call::{Call, Frame, Wish};

use crate::ceremony::{Kind, Outcome, PageError, Request};
use crate::control::{Control, Failure, FailureKind, Link, usual};
use client::Origin;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use wire::ctap2::GetInfoResponse;

/// How often a conditional sign-in looks whether there is something to sign in with.
const LOOK: Duration = Duration::from_millis(250);
/// When to try again what may be too early.
const SHORTLY: Duration = Duration::from_millis(10);

/// Which device pages see, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Its name; the only one, or `phone`, if it is not said.
    pub device: Option<String>,
    /// Whose rules to follow; what suits the device and the page, if it is not said. `raw` answers as no browser does.
    pub client: Option<String>,
}

/// Answers the calls of pages.
pub struct Front {
    control: Arc<dyn Control + Send + Sync>,
    choice: Choice,
    /// What goes on, by the ID that its carrier gave it.
    pending: Mutex<HashMap<String, Pending>>,
}

/// A ceremony that goes on.
#[derive(Default)]
struct Pending {
    called_off: bool,
    /// Where the device has it, and under which ID.
    at_device: Option<(String, String)>,
}

impl Front {
    /// For pages that see what `choice` says.
    pub fn new(control: Arc<dyn Control + Send + Sync>, choice: Choice) -> Self {
        Self { control, choice, pending: Mutex::default() }
    }

    /// Takes a call, and returns what answers it in the shim's JSON. The answer may wait for a user, so it is given where
    /// that keeps nobody waiting; from here on, the call can be called off.
    pub fn take(self: &Arc<Self>, call: Call) -> impl FnOnce() -> Value + Send + 'static {
        let front = self.clone();
        let is_new = match &call {
            Call::Create(wish) | Call::Get(wish) => self.expect(&wish.id),
            _ => true,
        };
        move || match is_new {
            true => front.answer(call),
            false => told(Err(error("OperationError", "a ceremony of that id goes on already"))),
        }
    }

    /// From here on, the ceremony of that ID can be called off: it is to be answered, or forgotten, in any case. False if
    /// there is one of that ID already.
    pub fn expect(&self, id: &str) -> bool {
        match self.pending().entry(id.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(Pending::default());
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// An expected ceremony does not come.
    pub fn forget(&self, id: &str) {
        self.pending().remove(id);
    }

    /// Answers a call that was expected, or one that is no ceremony.
    pub fn answer(&self, call: Call) -> Value {
        match call {
            Call::Create(wish) => self.ceremony(Kind::Create, wish),
            Call::Get(wish) => self.ceremony(Kind::Get, wish),
            Call::Cancel { id } => {
                self.call_off(&id);
                json!({})
            }
            Call::Capabilities => self.capabilities(),
            Call::Signal { method, frame, options } => match signal::obey(self, &method, &frame, &options) {
                Ok(()) => json!({}),
                Err(refused) => told(Err(refused)),
            },
        }
    }

    /// Calls off the ceremony of that ID, if it goes on.
    pub fn call_off(&self, id: &str) {
        let at_device = self.pending().get_mut(id).and_then(|pending| {
            pending.called_off = true;
            pending.at_device.clone()
        });
        let Some((device, at_device)) = at_device else { return };
        // It may be on its way to the device, which has not heard of it then; or it has ended a moment ago.
        while matches!(self.control.cancel_ceremony(&device, &at_device), Ok(false))
            && self.goes_on(id, &at_device)
        {
            thread::sleep(SHORTLY);
        }
    }

    fn goes_on(&self, id: &str, at_device: &str) -> bool {
        let pending = self.pending();
        let there = pending.get(id).and_then(|pending| pending.at_device.as_ref());
        there.is_some_and(|(_, there)| there == at_device)
    }

    fn is_called_off(&self, id: &str) -> bool {
        self.pending().get(id).is_none_or(|pending| pending.called_off)
    }

    /// Calls off everything whose ID begins so: nobody is there any more to take an answer.
    pub fn call_off_under(&self, prefix: &str) {
        let ids: Vec<String> = self.pending().keys().filter(|id| id.starts_with(prefix)).cloned().collect();
        ids.iter().for_each(|id| self.call_off(id));
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<String, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ceremony(&self, kind: Kind, wish: Wish) -> Value {
        let id = wish.id.clone();
        let outcome = self.judge(kind, &wish).and_then(|rp_id| self.mediate(kind, wish, &rp_id));
        self.pending().remove(&id);
        told(outcome)
    }

    /// What a browser checks before it looks for an authenticator; the RP ID.
    fn judge(&self, kind: Kind, wish: &Wish) -> Result<String, PageError> {
        // Web IDL: [SecureContext]. A page in an insecure one has no such method, unless it made one.
        if !wish.frame.secure {
            return Err(error("SecurityError", "the page is not in a secure context"));
        }
        // WebAuthn Level 3 §5.9: 'self' by default, so a frame of another origin must be allowed by those above it.
        if !wish.frame.permitted.unwrap_or(!wish.frame.cross_origin) {
            let message = format!(
                "the permissions policy publickey-credentials-{} does not allow it in this frame",
                name(kind)
            );
            return Err(error("NotAllowedError", message));
        }
        // §5.1.3 step 3: a frame of another origin makes passkeys only for a user who has just done something in it.
        if kind == Kind::Create && wish.frame.cross_origin && wish.frame.activated == Some(false) {
            let message = "a frame of another origin takes a user's activation to create a passkey";
            return Err(error("NotAllowedError", message));
        }
        let security = |why: client::OriginError| error("SecurityError", why.to_string());
        let claimed = match kind {
            Kind::Create => wish.options.pointer("/rp/id"),
            Kind::Get => wish.options.get("rpId"),
        };
        let origin = Origin::parse(&wish.frame.origin).map_err(security)?;
        origin.rp_id(claimed.and_then(Value::as_str)).map_err(security)
    }

    fn mediate(&self, kind: Kind, wish: Wish, rp_id: &str) -> Result<Outcome, PageError> {
        let device = self.device().map_err(refused)?;
        match (kind, wish.mediation.as_deref()) {
            (Kind::Get, Some("conditional")) => self.wait_and_run(&device, wish, rp_id),
            // Chromium's words; WebAuthn Level 3 §5.1.4.2 step 1 leaves it to the client.
            (_, Some("silent")) => {
                Err(error("NotSupportedError", "silent mediation is not supported for passkeys"))
            }
            (Kind::Get, Some("immediate")) if !self.has_passkey(&device, rp_id)? => Err(error(
                "NotAllowedError",
                "there is no passkey at hand, and the page does not want to wait",
            )),
            _ => self.run(kind, wish, device),
        }
    }

    /// WebAuthn Level 3 §5.1.4.2: with conditional mediation the page is told of nothing but a passkey that was chosen.
    /// What is refused is as if it had not been seen; only the page ends it.
    fn wait_and_run(&self, device: &str, wish: Wish, rp_id: &str) -> Result<Outcome, PageError> {
        let mut asked = false;
        while !self.is_called_off(&wish.id) {
            if !asked && self.has_passkey(device, rp_id)? {
                asked = true;
                let outcome = self.run(Kind::Get, wish.clone(), device.into())?;
                if outcome.response.is_some() {
                    return Ok(outcome);
                }
            }
            thread::sleep(LOOK);
        }
        Err(error("AbortError", "the page called it off"))
    }

    fn has_passkey(&self, device: &str, rp_id: &str) -> Result<bool, PageError> {
        let passkeys = self.control.passkeys(device).map_err(refused)?;
        Ok(passkeys.iter().any(|passkey| passkey.rp_id == rp_id))
    }

    fn run(&self, kind: Kind, wish: Wish, device: String) -> Result<Outcome, PageError> {
        let at_device = format!("page-{}", wire::base64url::encode(&rand::random::<[u8; 12]>()));
        match self.pending().get_mut(&wish.id) {
            Some(pending) if !pending.called_off => {
                pending.at_device = Some((device.clone(), at_device.clone()));
            }
            _ => return Err(error("AbortError", "the page called it off")),
        }
        let request = Request {
            id: Some(at_device),
            kind,
            origin: wish.frame.origin,
            options: wish.options.as_object().cloned().unwrap_or_default(),
            cross_origin: wish.frame.cross_origin,
            top_origin: wish.frame.top_origin,
            client: self.choice.client.clone(),
            link: None,
            account: None,
            pins: Vec::new(),
        };
        let outcome = self.control.ceremony(&device, &request).map_err(refused)?;
        match self.is_called_off(&wish.id) {
            true => Err(error("AbortError", "the page called it off")),
            false => Ok(outcome),
        }
    }

    fn device(&self) -> Result<String, Failure> {
        if let Some(name) = &self.choice.device {
            return Ok(name.clone());
        }
        let devices = self.control.devices()?;
        usual(&devices).map(|device| device.name.clone()).ok_or_else(|| {
            let message =
                format!("there are {} devices, and it is not said which one pages see", devices.len());
            Failure::new(FailureKind::Conflict, message)
        })
    }

    fn capabilities(&self) -> Value {
        let info = |link| self.device().ok().and_then(|device| self.info(&device, link));
        let internal = info(Link::Internal);
        let verifies = internal.is_some_and(|info| info.option("uv") == Some(true));
        json!({ "platform": verifies, "conditional": true, "hybrid": info(Link::Hybrid).is_some() })
    }

    /// What the device says of itself over a link; `None` if it has no such link.
    fn info(&self, device: &str, link: Link) -> Option<GetInfoResponse> {
        let answer = self.control.ctap2(device, link, &GetInfoResponse::request()).ok()?;
        GetInfoResponse::decode(&answer).ok()
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Create => "create",
        Kind::Get => "get",
    }
}

/// The page's promise is rejected.
fn error(name: &str, message: impl Into<String>) -> PageError {
    PageError { name: name.into(), message: message.into() }
}

/// A page sees of our own troubles only that nothing came of its request.
fn refused(failure: Failure) -> PageError {
    error("NotAllowedError", failure.message)
}

/// In the shim's JSON. The notes are for people, and in the trace.
fn told(outcome: Result<Outcome, PageError>) -> Value {
    let rejected = |error| Outcome { response: None, error: Some(error), notes: Vec::new() };
    let outcome = Outcome { notes: Vec::new(), ..outcome.unwrap_or_else(rejected) };
    serde_json::to_value(outcome).expect("text is JSON")
}
