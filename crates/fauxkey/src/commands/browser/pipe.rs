//! DevTools over a pipe: JSON with a zero byte after each message, at the browser's descriptors 3 and 4. Nobody else on
//! this machine can reach it, as one can a port.
use crate::control::{Failure, FailureKind};
use crate::process;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a browser may take to answer. One that starts on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser's end of the pipe, to say things into. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pipe(Arc<Mutex<Side>>);

struct Side {
    input: ChildStdin,
    count: u64,
    /// Who waits for which answer.
    waiting: HashMap<u64, Sender<Value>>,
    closed: bool,
}

impl Pipe {
    /// Starts a browser; its events come out of the receiver until it ends.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start<I: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = I>,
        environment: &[(&str, OsString)],
        verbose: bool,
    ) -> Result<(Child, Self, Receiver<Value>), Failure> {
        // The shell puts our two ends where the browser wants them, and becomes the browser.
        const PLACE: &str = r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>&2"#;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", PLACE]).arg(program).args(arguments);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(if verbose { Stdio::inherit() } else { Stdio::null() });
        let mut child = process::as_before(|| command.spawn()).map_err(|error| {
            Failure::new(FailureKind::Broken, format!("cannot start {}: {error}", program.display()))
        })?;
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let side = Side { input, count: 0, waiting: HashMap::new(), closed: false };
        let pipe = Self(Arc::new(Mutex::new(side)));
        let (events, heard) = channel();
        let reader = pipe.clone();
        let read = move || {
            let mut output = BufReader::new(output);
            let mut message = Vec::new();
            while matches!(output.read_until(0, &mut message), Ok(length) if length > 0) {
                if message.last() == Some(&0) {
                    message.pop();
                }
                if let Ok(message) = serde_json::from_slice(&message) {
                    reader.hear(message, &events);
                }
                message.clear();
            }
            let mut side = reader.side();
            side.closed = true;
            side.waiting.clear();
        };
        thread::Builder::new()
            .name("devtools".into())
            .spawn(read)
            .map_err(|error| Failure::new(FailureKind::Broken, format!("cannot start a thread: {error}")))?;
        Ok((child, pipe, heard))
    }

    fn side(&self) -> MutexGuard<'_, Side> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, message: Value, events: &Sender<Value>) {
        match message.get("id").and_then(Value::as_u64) {
            Some(id) => {
                let waiting = self.side().waiting.remove(&id);
                // Who asked may not want to know.
                let _unheard = waiting.map(|waiting| waiting.send(message));
            }
            None => drop(events.send(message)),
        }
    }

    /// Asks for something in a session, or of the browser itself, and waits for the answer.
    ///
    /// # Errors
    /// What the browser says against it, or that it is gone.
    pub(super) fn ask(
        &self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
    ) -> Result<Value, String> {
        let answer = self.send(session, method, parameters)?;
        let gone = || format!("{method}: the browser is gone, or does not answer");
        let mut answer = answer.recv_timeout(PATIENCE).map_err(|_| gone())?;
        match answer.get("error") {
            Some(error) => Err(error.get("message").and_then(Value::as_str).unwrap_or("refused").to_owned()),
            None => Ok(answer["result"].take()),
        }
    }

    /// Asks for something without waiting.
    ///
    /// # Errors
    /// That the browser is gone.
    pub(super) fn send(
        &self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
    ) -> Result<Receiver<Value>, String> {
        let (sender, answer) = channel();
        let mut side = self.side();
        if side.closed {
            return Err("the browser is gone".into());
        }
        side.count += 1;
        let id = side.count;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        side.waiting.insert(id, sender);
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        side.input.write_all(&bytes).map_err(|error| format!("the browser is gone: {error}"))?;
        Ok(answer)
    }
}
