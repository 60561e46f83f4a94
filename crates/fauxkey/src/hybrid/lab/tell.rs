//! What the lab's processes tell each other: a line of JSON a message, over a socket in the lab's folder.
use super::{Opened, Options};
use crate::control::{Failure, FailureKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

/// The longest message: a command's environment is not among them.
const LONGEST: u64 = 1 << 20;

/// How long a process of ours has to say its first word.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

/// From the caller's process to the helper.
#[derive(Serialize, Deserialize)]
pub(super) enum ToHelper {
    /// What is wanted: the first message.
    Wanted(Box<Wanted>),
    /// Users and groups of the namespace are known by now.
    Mapped,
}

/// What the helper must know.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) options: Options,
    /// `SSL_CERT_FILE` as it was.
    pub(super) bundle: Option<PathBuf>,
    /// `NODE_EXTRA_CA_CERTS` as it was.
    pub(super) extra: Option<PathBuf>,
    /// The folder of NSS's database.
    pub(super) nss: Option<PathBuf>,
}

/// From the helper to the caller's process.
#[derive(Serialize, Deserialize)]
pub(super) enum FromHelper {
    /// It is in its namespaces.
    Apart {
        /// Whether there is a user namespace among them, which wants a map.
        has_users: bool,
    },
    /// Everything is there, and the command is about to start.
    Opened(Opened),
    /// It did not come to that.
    Failed(Failure),
    /// The command ended.
    Ended { code: u8, failure: Option<Failure> },
}

/// From the process that becomes the command to the helper. The end of the stream means that it has become it.
#[derive(Serialize, Deserialize)]
pub(super) enum FromCommand {
    /// It is in its user namespace, which wants a map.
    Apart,
    /// There is no such program, or it cannot be started.
    NotStarted { code: u8, failure: Failure },
}

/// From the helper to the process that becomes the command.
#[derive(Serialize, Deserialize)]
pub(super) enum ToCommand {
    /// Go on.
    Mapped,
}

/// One end of a conversation.
pub(super) struct Line {
    writer: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Line {
    pub(super) fn over(stream: UnixStream) -> io::Result<Self> {
        Ok(Self { writer: stream.try_clone()?, reader: BufReader::new(stream) })
    }

    pub(super) fn tell(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
        line.push(b'\n');
        self.writer.write_all(&line)
    }

    /// The next message; none at the end.
    pub(super) fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&line).map(Some).map_err(io::Error::other)
    }
}

/// The conversation that a child begins, as long as it lives.
///
/// # Errors
/// If it ends before that, or says nothing for long.
pub(super) fn answer(listener: &UnixListener, child: &mut Child) -> io::Result<Line> {
    listener.set_nonblocking(true)?;
    let begun = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Line::over(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("it ended at once, with {status}")));
        }
        if begun.elapsed() > PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it says nothing"));
        }
        thread::sleep(PAUSE);
    }
}

/// Something that should not happen.
pub(super) fn broken(what: &str, error: &io::Error) -> Failure {
    Failure::new(FailureKind::Broken, format!("{what}: {error}"))
}
