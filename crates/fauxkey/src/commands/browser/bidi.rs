//! Firefox, driven over WebDriver BiDi: it takes an extension from there that nobody has signed, for as long as it runs.
use super::programs::Start;
use super::tab::{Happening, LONGEST_POST, Tab, first_line};
use crate::control::{Failure, FailureKind};
use crate::process;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tungstenite::{Error, Message, WebSocket};
use wire::base64url;

/// How long Firefox may take. One that starts on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(90);
/// The shortest that a socket can wait.
const LEAST: Duration = Duration::from_millis(1);
/// What it writes before the address.
const LISTENS: &str = "WebDriver BiDi listening on ";
/// By which scripts of ours are known to this program.
const CHANNEL: &str = "fauxkey";
/// What is heard of a page.
const EVENTS: [&str; 4] =
    ["script.message", "network.beforeRequestSent", "network.responseCompleted", "network.fetchError"];
/// Statuses by which an answer sends the browser on, RFC 9110 §15.4: it is not the last one of the request.
const SENT_ON: [u64; 5] = [301, 302, 303, 307, 308];

/// The line to a Firefox. The session ends with it, and the extension stays.
pub(super) struct Line {
    socket: WebSocket<TcpStream>,
    count: u64,
    /// What came while something else was waited for.
    events: VecDeque<Value>,
}

/// Starts Firefox.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn start(start: &Start<'_>) -> Result<(Child, Line), Failure> {
    let mut command = Command::new(&start.found.path);
    let mut arguments: Vec<OsString> = start.found.flags(start.data);
    arguments.push("--remote-debugging-port=0".into());
    arguments.extend(start.more.iter().cloned());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.envs(start.environment.iter().map(|(name, value)| (name, value)));
    let mut child = process::as_before(|| command.spawn()).map_err(|error| broken(&error.to_string()))?;
    let said = BufReader::new(child.stderr.take().expect("it is piped"));
    let (sender, address) = channel();
    let verbose = start.verbose;
    // To its end: a Firefox that nobody listens to would stand still.
    let listen = move || {
        for line in said.lines().map_while(Result::ok) {
            if let Some(address) = line.split(LISTENS).nth(1) {
                let _unheard = sender.send(address.trim().to_owned());
            }
            if verbose {
                eprintln!("{line}");
            }
        }
    };
    let opened = thread::Builder::new()
        .name("firefox".into())
        .spawn(listen)
        .map_err(|error| error.to_string())
        .and_then(|_| {
            address.recv_timeout(PATIENCE).map_err(|_| "it does not say where it listens".to_owned())
        })
        .and_then(|address| Line::open(&address, start.any_certificate));
    match opened {
        Ok(line) => Ok((child, line)),
        Err(why) => {
            end(&mut child);
            Err(broken(&why))
        }
    }
}

/// Starts Firefox with an extension, and opens a page in it.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn open(how: &Start<'_>, package: &Path, url: &str) -> Result<(Child, Line), Failure> {
    let (mut child, mut line) = start(how)?;
    let shown = line.install(package).and_then(|()| line.context()).and_then(|context| {
        line.ask("browsingContext.navigate", json!({ "context": context, "url": url, "wait": "none" }))
    });
    match shown {
        Ok(_) => Ok((child, line)),
        Err(why) => {
            end(&mut child);
            Err(broken(&why))
        }
    }
}

/// Ends one that is of no use.
pub(super) fn end(child: &mut Child) {
    // It may have ended by itself.
    let _gone = child.kill();
    let _status = child.wait();
}

pub(super) fn broken(why: &str) -> Failure {
    Failure::new(FailureKind::Broken, format!("Firefox cannot be used: {why}"))
}

impl Line {
    fn open(address: &str, any_certificate: bool) -> Result<Self, String> {
        let authority = address.strip_prefix("ws://").ok_or("its address is no ws://")?;
        let authority = authority.split('/').next().unwrap_or_default();
        let stream = TcpStream::connect(authority).map_err(|error| error.to_string())?;
        let url = format!("ws://{authority}/session");
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        let (socket, _) = tungstenite::client(url, stream).map_err(|error| error.to_string())?;
        let mut line = Self { socket, count: 0, events: VecDeque::new() };
        let always = json!({ "alwaysMatch": { "acceptInsecureCerts": any_certificate } });
        line.ask("session.new", json!({ "capabilities": always }))?;
        Ok(line)
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.count += 1;
        let message = json!({ "id": self.count, "method": method, "params": parameters });
        self.socket.send(Message::text(message.to_string())).map_err(|error| error.to_string())?;
        let end = Instant::now() + PATIENCE;
        loop {
            let Some(mut answer) = self.read(end).map_err(|error| format!("{method}: {error}"))? else {
                return Err(format!("{method}: the browser does not answer"));
            };
            if answer["type"] == "event" {
                self.events.push_back(answer);
            } else if answer["id"] == self.count {
                return match answer["type"] == "success" {
                    true => Ok(answer["result"].take()),
                    false => Err(format!("{method}: {}", answer["message"].as_str().unwrap_or("refused"))),
                };
            }
        }
    }

    /// The next message, if one comes until then.
    fn read(&mut self, end: Instant) -> Result<Option<Value>, Error> {
        loop {
            let left = end.saturating_duration_since(Instant::now()).max(LEAST);
            self.socket.get_ref().set_read_timeout(Some(left))?;
            match self.socket.read() {
                Ok(message) => {
                    let read = message.to_text().ok().and_then(|text| serde_json::from_str(text).ok());
                    if read.is_some() {
                        return Ok(read);
                    }
                }
                Err(Error::Io(error))
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next event, if one comes until then.
    fn event(&mut self, end: Instant) -> Option<Value> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        // What is no event answers a question that nobody waits for any more.
        while let Ok(Some(message)) = self.read(end) {
            if message["type"] == "event" {
                return Some(message);
            }
        }
        // Whoever is gone says nothing until then.
        thread::sleep(end.saturating_duration_since(Instant::now()));
        None
    }

    /// Installs an extension, for as long as it runs.
    pub(super) fn install(&mut self, package: &Path) -> Result<(), String> {
        let data = json!({ "type": "path", "path": package });
        self.ask("webExtension.install", json!({ "extensionData": data })).map(drop)
    }

    /// The page that it has begun with.
    fn context(&mut self) -> Result<String, String> {
        let tree = self.ask("browsingContext.getTree", json!({ "maxDepth": 0 }))?;
        Ok(tree["contexts"][0]["context"].as_str().ok_or("it has no page")?.to_owned())
    }
}

/// A page of Firefox.
pub(super) struct BidiTab {
    line: Mutex<Line>,
    context: String,
}

impl BidiTab {
    /// A new one. WebAuthn wants its page to have the focus, which the one that it has begun with does not get.
    ///
    /// # Errors
    /// That there is none.
    pub(super) fn new(mut line: Line) -> Result<Self, String> {
        let made = line.ask("browsingContext.create", json!({ "type": "tab" }))?;
        let context = made["context"].as_str().ok_or("it has no page")?.to_owned();
        Ok(Self { line: Mutex::new(line), context })
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a request or its answer has in its body.
    fn data(&self, of: &str, id: &str) -> Vec<u8> {
        let data =
            self.line().ask("network.getData", json!({ "dataType": of, "request": id })).unwrap_or_default();
        let value = data["bytes"]["value"].as_str().unwrap_or_default();
        match data["bytes"]["type"] == "base64" {
            true => base64url::decode_lenient(value).unwrap_or_default(),
            false => value.as_bytes().to_vec(),
        }
    }
}

impl Tab for BidiTab {
    fn prepare(&self, watch: &str) -> Result<(), String> {
        let mut line = self.line();
        line.ask("session.subscribe", json!({ "events": EVENTS, "contexts": [self.context] }))?;
        let collect = json!({ "dataTypes": ["request", "response"], "maxEncodedDataSize": LONGEST_POST });
        line.ask("network.addDataCollector", collect)?;
        let channel = json!({ "type": "channel", "value": { "channel": CHANNEL } });
        let script =
            json!({ "functionDeclaration": watch, "arguments": [channel], "contexts": [self.context] });
        line.ask("script.addPreloadScript", script).map(drop)
    }

    fn open(&self, url: &str) -> Result<(), String> {
        let ask = json!({ "context": self.context, "url": url, "wait": "interactive" });
        self.line().ask("browsingContext.navigate", ask).map(drop)
    }

    fn evaluate(&self, expression: &str) -> Result<Option<Value>, String> {
        let ask = json!({
            "expression": format!("JSON.stringify({expression})"),
            "target": { "context": self.context },
            "awaitPromise": false,
            "userActivation": true,
        });
        let Ok(done) = self.line().ask("script.evaluate", ask) else { return Ok(None) };
        match done["exceptionDetails"]["text"].as_str() {
            Some(why) => Err(first_line(why)),
            None => Ok(done["result"]["value"].as_str().and_then(|text| serde_json::from_str(text).ok())),
        }
    }

    fn hear(&self, end: Instant) -> Vec<Happening> {
        let mut heard = Vec::new();
        loop {
            let Some(event) = self.line().event(end) else { return heard };
            // Of one that is sent on too: what goes on from there may have no body any more.
            if let Some(id) = posted(&event) {
                heard.push(Happening::Body(id.to_owned(), self.data("request", id)));
            }
            let Some(happening) = happening(&event) else { continue };
            let ended = match &happening {
                Happening::Answered(id, _) => Some(Happening::Ended(id.clone())),
                _ => None,
            };
            heard.push(happening);
            heard.extend(ended);
        }
    }

    fn body(&self, id: &str) -> String {
        String::from_utf8_lossy(&self.data("response", id)).into_owned()
    }

    fn quit(&self) {
        let _gone = self.line().ask("browser.close", json!({}));
    }
}

/// The request that an answer is to, if it had a body.
fn posted(event: &Value) -> Option<&str> {
    let request = &event["params"]["request"];
    // How long it is may not be known, and is null then.
    let is_answer = event["method"] == "network.responseCompleted" && request["bodySize"] != 0;
    request["request"].as_str().filter(|_| is_answer)
}

/// An answer is complete when it is told of.
fn happening(event: &Value) -> Option<Happening> {
    let parameters = &event["params"];
    let request = &parameters["request"];
    let id = || request["request"].as_str().unwrap_or_default().to_owned();
    Some(match event["method"].as_str()? {
        "script.message" if parameters["channel"] == CHANNEL => {
            Happening::Told(parameters["data"]["value"].as_str()?.to_owned())
        }
        "network.beforeRequestSent" => {
            let method = request["method"].as_str().unwrap_or_default();
            let kind = request["initiatorType"].as_str().unwrap_or_default();
            Happening::Sent {
                id: id(),
                name: format!("{method} {}", request["url"].as_str().unwrap_or_default()),
                is_call: matches!(kind, "xmlhttprequest" | "fetch" | "beacon") || method == "POST",
                bodies: Vec::new(),
            }
        }
        "network.responseCompleted" => {
            let status = parameters["response"]["status"].as_u64();
            if status.is_some_and(|status| SENT_ON.contains(&status)) {
                return None;
            }
            Happening::Answered(id(), status)
        }
        "network.fetchError" => Happening::Ended(id()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_firefox_tells_of_a_page_is_what_devtools_would() {
        let event = |method: &str, params: Value| happening(&json!({ "method": method, "params": params }));
        let request = |method: &str, kind: &str| json!({ "request": { "request": "7", "method": method, "url": "/x", "initiatorType": kind } });
        for (method, kind, is_call) in
            [("GET", "fetch", true), ("POST", "other", true), ("GET", "img", false)]
        {
            let sent =
                Happening::Sent { id: "7".into(), name: format!("{method} /x"), is_call, bodies: Vec::new() };
            assert_eq!(event("network.beforeRequestSent", request(method, kind)), Some(sent));
        }
        let answered = |status: u64| {
            let response = json!({ "request": { "request": "7" }, "response": { "status": status } });
            event("network.responseCompleted", response)
        };
        assert_eq!(answered(403), Some(Happening::Answered("7".into(), Some(403))));
        assert_eq!(answered(303), None, "there is another answer to come");
        for (size, id) in [(json!(0), None), (json!(7), Some("7")), (Value::Null, Some("7"))] {
            let request = json!({ "request": "7", "bodySize": size });
            let event = json!({ "method": "network.responseCompleted", "params": { "request": request } });
            assert_eq!(posted(&event), id);
        }
        for (channel, told) in [(CHANNEL, Some(Happening::Told("x".into()))), ("other", None)] {
            let message = json!({ "channel": channel, "data": { "type": "string", "value": "x" } });
            assert_eq!(event("script.message", message), told);
        }
    }
}
