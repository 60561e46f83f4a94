//! The route by script: DevTools puts the shim into every page before the page's own scripts, and a binding carries its
//! calls out, without the page's network. Where a page is and what it may do, the browser says and not the page.
use super::pipe::Pipe;
use crate::extension::SHIM;
use crate::page::{Call, Front};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

const BINDING: &str = "__fauxkey";
/// By which answers are brought to the page.
const ANSWER: &str = "fauxkey.answer";

/// All pages of a browser.
pub(super) struct Pages {
    pipe: Pipe,
    front: Arc<Front>,
    sessions: Sessions,
    /// The frame of each document, by session and context.
    frames: HashMap<(String, u64), String>,
    /// Told the session of the first page, when it has the shim.
    ready: Option<Sender<String>>,
}

/// The targets that are attached: session to the session above it.
type Sessions = Arc<Mutex<HashMap<String, Option<String>>>>;

/// What runs in each page.
fn source() -> String {
    format!(
        "(() => {{ {SHIM}
  const send = globalThis.{BINDING};
  if (!send) return;
  delete globalThis.{BINDING};
  const {{ JSON, Map, Promise }} = globalThis;
  const waiting = new Map();
  let count = 0;
  Object.defineProperty(globalThis, Symbol.for('{ANSWER}'), {{ value: (number, reply) => {{
    waiting.get(number)?.(JSON.parse(reply));
    waiting.delete(number);
  }} }});
  fauxkeyShim((call) => new Promise((resolve) => {{
    count += 1;
    waiting.set(count, resolve);
    send(JSON.stringify({{ number: count, call }}));
  }}));
}})();"
    )
}

impl Pages {
    /// Attaches to every page that is and will be. What is received is the session of the first
    /// one, when it has the shim.
    pub(super) fn start(
        pipe: Pipe,
        events: Receiver<Value>,
        front: Arc<Front>,
    ) -> Result<Receiver<String>, String> {
        let (ready, heard) = channel();
        let mut pages = Self {
            pipe: pipe.clone(),
            front,
            sessions: Sessions::default(),
            frames: HashMap::new(),
            ready: Some(ready),
        };
        let work = move || {
            for event in events {
                pages.happened(&event);
            }
            pages.front.call_off_under("");
        };
        thread::Builder::new().name("pages".into()).spawn(work).map_err(|error| error.to_string())?;
        pipe.ask(None, "Target.setAutoAttach", attach())?;
        Ok(heard)
    }

    fn happened(&mut self, event: &Value) {
        let (parameters, session) = (&event["params"], event["sessionId"].as_str());
        match event["method"].as_str() {
            Some("Target.attachedToTarget") => self.attached(session, parameters),
            Some("Target.detachedFromTarget") => {
                if let Some(session) = parameters["sessionId"].as_str() {
                    self.sessions().remove(session);
                    self.frames.retain(|(there, _), _| there != session);
                    self.over(&format!("{session}/"));
                }
            }
            Some("Runtime.executionContextCreated") => {
                let context = &parameters["context"];
                if let (Some(session), Some(id)) = (session, context["id"].as_u64())
                    && let Some(frame) = context["auxData"]["frameId"].as_str()
                {
                    self.frames.insert((session.to_owned(), id), frame.to_owned());
                }
            }
            // A document has gone, and its ceremonies with it.
            Some("Runtime.executionContextDestroyed") => {
                let (session, context) = (session.unwrap_or_default(), &parameters["executionContextId"]);
                self.frames.remove(&(session.to_owned(), context.as_u64().unwrap_or_default()));
                self.over(&format!("{session}/{context}/"));
            }
            Some("Runtime.executionContextsCleared") => {
                let gone = session.unwrap_or_default();
                self.frames.retain(|(session, _), _| session != gone);
                self.over(&format!("{gone}/"));
            }
            Some("Runtime.bindingCalled") if parameters["name"] == BINDING => {
                if let Some(session) = session {
                    self.called(session, parameters);
                }
            }
            _ => {}
        }
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<String, Option<String>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn over(&self, prefix: &str) {
        self.front.call_off_under(prefix);
    }

    fn attached(&mut self, above: Option<&str>, parameters: &Value) {
        let Some(session) = parameters["sessionId"].as_str() else { return };
        let say = |method: &str, parameters: Value| {
            // It may be gone already; then there is nothing to be done in it.
            let _gone = self.pipe.send(Some(session), method, parameters);
        };
        if matches!(parameters["targetInfo"]["type"].as_str(), Some("page" | "iframe" | "tab")) {
            self.sessions().insert(session.to_owned(), above.map(Into::into));
            say("Page.enable", json!({}));
            say("Runtime.enable", json!({}));
            say("Runtime.addBinding", json!({ "name": BINDING }));
            let script = json!({ "source": source(), "runImmediately": true });
            say("Page.addScriptToEvaluateOnNewDocument", script);
            say("Target.setAutoAttach", attach());
        }
        say("Runtime.runIfWaitingForDebugger", json!({}));
        if parameters["targetInfo"]["type"] == "page"
            && let Some(ready) = self.ready.take()
        {
            // What was said is done in its order: an answer to the last means that all of it was.
            let (pipe, session) = (self.pipe.clone(), session.to_owned());
            let wait = move || {
                let _gone = pipe.ask(Some(&session), "Runtime.evaluate", json!({ "expression": "1" }));
                let _unheard = ready.send(session);
            };
            thread::spawn(wait);
        }
    }

    fn called(&self, session: &str, parameters: &Value) {
        let Some(context) = parameters["executionContextId"].as_u64() else { return };
        let Some(frame) = self.frames.get(&(session.to_owned(), context)).cloned() else { return };
        let Some(payload) = parameters["payload"].as_str() else { return };
        let Ok(mut message) = serde_json::from_str::<Value>(payload) else { return };
        let number = message["number"].take();
        let mut call = message["call"].take();
        // Ids of one document are not another's.
        if let Some(id) = call["id"].as_str() {
            call["id"] = format!("{session}/{context}/{id}").into();
        }
        let place = Place {
            pipe: self.pipe.clone(),
            sessions: self.sessions.clone(),
            session: session.into(),
            context,
            frame,
        };
        let front = self.front.clone();
        // A cancellation must not overtake what it cancels, so what needs no question is taken here.
        if call["type"] == "cancel" || call["type"] == "capabilities" {
            let Ok(call) = serde_json::from_value::<Call>(call) else { return };
            let job = front.take(call);
            thread::spawn(move || place.answer(&number, &job()));
            return;
        }
        let id = call["id"].as_str().unwrap_or_default().to_owned();
        let is_ceremony = call["type"] == "create" || call["type"] == "get";
        if is_ceremony && !front.expect(&id) {
            return;
        }
        thread::spawn(move || {
            let reply = place.located(call).map(|call| front.answer(call)).unwrap_or_else(|why| {
                front.forget(&id);
                json!({ "error": { "name": "NotAllowedError", "message": why } })
            });
            place.answer(&number, &reply);
        });
    }
}

fn attach() -> Value {
    json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true })
}

/// A document.
struct Place {
    pipe: Pipe,
    sessions: Sessions,
    session: String,
    context: u64,
    frame: String,
}

/// A frame, as the browser sees it.
#[derive(Clone)]
struct Seen {
    parent: Option<String>,
    origin: String,
    secure: bool,
}

impl Place {
    fn answer(&self, number: &Value, reply: &Value) {
        let parameters = json!({
            "executionContextId": self.context,
            "functionDeclaration": format!("function (number, reply) {{ globalThis[Symbol.for('{ANSWER}')](number, reply); }}"),
            "arguments": [{ "value": number }, { "value": reply.to_string() }],
            "silent": true,
        });
        // The document may have gone.
        let _gone = self.pipe.send(Some(&self.session), "Runtime.callFunctionOn", parameters);
    }

    /// The call with where its page really is.
    fn located(&self, mut call: Value) -> Result<Call, String> {
        let mut frames = HashMap::new();
        let mut session = Some(self.session.clone());
        while let Some(at) = session {
            let tree = self.pipe.ask(Some(&at), "Page.getFrameTree", json!({}))?;
            let above =
                self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(&at).cloned().flatten();
            let outside = match &above {
                Some(above) => self
                    .pipe
                    .ask(Some(above), "Page.getFrameTree", json!({}))
                    .ok()
                    .and_then(|tree| tree["frameTree"]["frame"]["id"].as_str().map(str::to_owned)),
                None => None,
            };
            gather(&tree["frameTree"], outside, &mut frames);
            session = above;
        }
        let here = frames.get(&self.frame).ok_or("the page has gone")?.clone();
        let mut above = Vec::new();
        let mut parent = here.parent.clone();
        while let Some(id) = parent {
            let Some(seen) = frames.get(&id) else { break };
            above.push(seen.clone());
            parent = seen.parent.clone();
        }
        let cross_origin = above.iter().any(|seen| seen.origin != here.origin);
        call["origin"] = here.origin.into();
        call["crossOrigin"] = cross_origin.into();
        call["topOrigin"] = match above.last() {
            Some(top) if cross_origin => top.origin.clone().into(),
            _ => Value::Null,
        };
        call["activated"] = self.activated().into();
        call["secure"] = here.secure.into();
        call["permitted"] = self.permitted(call["type"].as_str().unwrap_or_default()).into();
        serde_json::from_value(call).map_err(|why| format!("no call of ours: {why}"))
    }

    /// Whether the document's user has just done something in it. The page could lie here, about nobody but its own user.
    fn activated(&self) -> Option<bool> {
        let ask = json!({ "contextId": self.context, "expression": "navigator.userActivation?.isActive", "returnByValue": true });
        self.pipe.ask(Some(&self.session), "Runtime.evaluate", ask).ok()?["result"]["value"].as_bool()
    }

    /// What the permissions policy says, or nothing if the browser does not.
    fn permitted(&self, kind: &str) -> Option<bool> {
        let feature = format!("publickey-credentials-{kind}");
        let states = self.pipe.ask(
            Some(&self.session),
            "Page.getPermissionsPolicyState",
            json!({ "frameId": self.frame }),
        );
        let states = states.ok()?;
        let state = states["states"].as_array()?.iter().find(|state| state["feature"] == feature.as_str())?;
        state["allowed"].as_bool()
    }
}

/// All frames of a tree. `outside` is the frame above it, where the browser does not tell it.
fn gather(tree: &Value, outside: Option<String>, frames: &mut HashMap<String, Seen>) {
    let frame = &tree["frame"];
    let Some(id) = frame["id"].as_str() else { return };
    let seen = Seen {
        parent: frame["parentId"].as_str().map(str::to_owned).or(outside),
        origin: frame["securityOrigin"].as_str().unwrap_or("null").trim_end_matches('/').to_owned(),
        secure: frame["secureContextType"].as_str().is_none_or(|kind| kind.starts_with("Secure")),
    };
    frames.insert(id.to_owned(), seen);
    for child in tree["childFrames"].as_array().into_iter().flatten() {
        gather(child, None, frames);
    }
}
