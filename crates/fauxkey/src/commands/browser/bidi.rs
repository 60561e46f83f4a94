//! Firefox, driven over WebDriver BiDi: it takes an extension from there that nobody has signed, for as long as it runs.
use super::programs::Start;
use crate::control::{Failure, FailureKind};
use crate::process;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use tungstenite::{Message, WebSocket};

/// How long Firefox may take. One that starts on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(90);
/// What it writes before the address.
const LISTENS: &str = "WebDriver BiDi listening on ";

/// The line to a Firefox. The session ends with it, and the extension stays.
pub(super) struct Line {
    socket: WebSocket<TcpStream>,
    count: u64,
}

/// Starts Firefox with an extension, and opens a page in it.
pub(super) fn open(start: &Start<'_>, package: &Path, url: &str) -> Result<(Child, Line), Failure> {
    let broken = |why: &str| Failure::new(FailureKind::Broken, format!("Firefox cannot be used: {why}"));
    let mut command = Command::new(&start.found.path);
    let mut arguments: Vec<OsString> = start.found.flags(start.data);
    arguments.push("--remote-debugging-port=0".into());
    arguments.extend(start.more.iter().cloned());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
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
        .and_then(|address| Line::open(&address))
        .and_then(|mut line| line.show(start, package, url).map(|()| line));
    opened
        .map_err(|why| {
            // It may have ended by itself.
            let _gone = child.kill();
            let _status = child.wait();
            broken(&why)
        })
        .map(|line| (child, line))
}

impl Line {
    fn open(address: &str) -> Result<Self, String> {
        let authority = address.strip_prefix("ws://").ok_or("its address is no ws://")?;
        let authority = authority.split('/').next().unwrap_or_default();
        let stream = TcpStream::connect(authority).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        let url = format!("ws://{authority}/session");
        let (socket, _) = tungstenite::client(url, stream).map_err(|error| error.to_string())?;
        Ok(Self { socket, count: 0 })
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.count += 1;
        let message = json!({ "id": self.count, "method": method, "params": parameters });
        self.socket.send(Message::text(message.to_string())).map_err(|error| error.to_string())?;
        loop {
            let message = self.socket.read().map_err(|error| format!("{method}: {error}"))?;
            let Ok(text) = message.to_text() else { continue };
            let Ok(mut answer) = serde_json::from_str::<Value>(text) else { continue };
            if answer["id"] != self.count {
                continue;
            }
            return match answer["type"] == "success" {
                true => Ok(answer["result"].take()),
                false => Err(format!("{method}: {}", answer["message"].as_str().unwrap_or("refused"))),
            };
        }
    }

    fn show(&mut self, start: &Start<'_>, package: &Path, url: &str) -> Result<(), String> {
        let always = json!({ "alwaysMatch": { "acceptInsecureCerts": start.any_certificate } });
        self.ask("session.new", json!({ "capabilities": always }))?;
        let data = json!({ "type": "path", "path": package });
        self.ask("webExtension.install", json!({ "extensionData": data }))?;
        let tree = self.ask("browsingContext.getTree", json!({ "maxDepth": 0 }))?;
        let context = tree["contexts"][0]["context"].clone();
        self.ask("browsingContext.navigate", json!({ "context": context, "url": url, "wait": "none" }))
            .map(drop)
    }
}
