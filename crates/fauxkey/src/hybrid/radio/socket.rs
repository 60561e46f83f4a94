//! Adverts as lines of JSON over a UNIX socket: the radio of tests.
//!
//! The scanner listens, and any number of advertisers write to it. A program of one's own can be either.
use super::fits;
use crate::control::{Failure, FailureKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, fchmod};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use transport::hybrid::advert::{OLD_SERVICE, SERVICE};

/// How often an advert is sent.
const INTERVAL: Duration = Duration::from_millis(150);
/// Advertisers that are listened to at a time.
const ADVERTISERS: usize = 32;
/// Bytes of a line: an advert has at most 255 bytes of data, which is 510 digits.
const LINE: usize = 1024;
/// Adverts that are kept until somebody asks for them; older ones are forgotten.
const KEPT: usize = 256;

/// A line.
#[derive(Serialize, Deserialize)]
struct Advert {
    /// The service, as a 16-bit UUID in hexadecimal digits.
    uuid: String,
    /// Its service data, in hexadecimal digits.
    data: String,
}

impl Advert {
    /// The service data, if it is of the FIDO service; an error says what is wrong with the line.
    fn read(line: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let advert: Self = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let service = match unhex(&advert.uuid).as_deref() {
            Some(&[high, low]) => u16::from_be_bytes([high, low]),
            _ => return Err(format!("{:?} is no 16-bit UUID", advert.uuid)),
        };
        let data = unhex(&advert.data).ok_or("its data is not 1 to 255 bytes in hexadecimal digits")?;
        Ok([SERVICE, OLD_SERVICE].contains(&service).then_some(data))
    }
}

/// 1 to 255 bytes from hexadecimal digits.
fn unhex(digits: &str) -> Option<Vec<u8>> {
    wire::hex::decode(digits).filter(|bytes| (1..=255).contains(&bytes.len()))
}

/// Writes adverts to the scanner's socket.
pub(super) struct Advertiser {
    path: PathBuf,
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Advertiser {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.into(), running: None }
    }
}

impl super::Advertiser for Advertiser {
    fn advertise(&mut self, service_data: &[u8]) -> Result<(), Failure> {
        fits(service_data)?;
        self.stop();
        let stream = connect(&self.path).map_err(|error| nobody(&self.path, &error))?;
        let advert = Advert { uuid: format!("{SERVICE:04x}"), data: wire::hex::encode(service_data) };
        let mut line = serde_json::to_vec(&advert).expect("a map of texts is JSON");
        line.push(b'\n');
        let (stop, stopped) = channel();
        let path = self.path.clone();
        let send = move || {
            let mut stream = Some(stream);
            loop {
                // A line that was not taken whole leaves a connection behind that is of no use any more; whoever
                // listens at the path by then may hear the next advert.
                let mut scanner = stream.take().or_else(|| connect(&path).ok());
                if let Some(connected) = &mut scanner
                    && connected.write(&line).is_ok_and(|written| written == line.len())
                {
                    stream = scanner;
                }
                if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("advert".into()).spawn(send);
        let thread = thread.map_err(|error| {
            Failure::new(FailureKind::Broken, format!("cannot start a thread for the advert: {error}"))
        })?;
        self.running = Some((stop, thread));
        Ok(())
    }

    fn stop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            // A panic there was reported when it happened.
            let _reported = thread.join();
        }
    }
}

impl Drop for Advertiser {
    fn drop(&mut self) {
        super::Advertiser::stop(self);
    }
}

/// Connects to a scanner. Writing to it never waits: an advert that cannot be sent is missed, as on a real radio.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

fn nobody(path: &Path, error: &io::Error) -> Failure {
    let failure = |kind, message| Failure::new(kind, message);
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            failure(FailureKind::NotFound, format!("nobody listens for adverts at {path}"))
                .hint("start what shows the QR code first: it listens there")
        }
        ErrorKind::PermissionDenied => {
            failure(FailureKind::Forbidden, format!("the advert socket {path} is somebody else's"))
        }
        _ => failure(FailureKind::Broken, format!("cannot send adverts to {path}: {error}")),
    }
}

/// Listens at a socket that is its user's alone.
pub(super) struct Scanner {
    listener: UnixListener,
    path: PathBuf,
    advertisers: Vec<(UnixStream, Vec<u8>)>,
    heard: VecDeque<Vec<u8>>,
}

impl Scanner {
    /// Listens; a socket file that a dead process left is replaced. Conflict if somebody listens there, or it is
    /// another kind of file.
    pub(super) fn new(path: &Path) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(
                FailureKind::Broken,
                format!("cannot listen for adverts at {}: {error}", path.display()),
            )
        };
        let listener = match open(path) {
            Err(Errno::ADDRINUSE) => {
                remove_stale(path)?;
                open(path)
            }
            opened => opened,
        };
        let listener = listener.map_err(|errno| failed(&errno))?;
        Ok(Self { listener, path: path.into(), advertisers: Vec::new(), heard: VecDeque::new() })
    }

    /// Waits until somebody has written or connected, for so long.
    fn wait(&self, patience: Duration) {
        let patience = Timespec::try_from(patience).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 });
        let listener = PollFd::new(&self.listener, PollFlags::IN);
        let advertisers = self.advertisers.iter().map(|(stream, _)| PollFd::new(stream, PollFlags::IN));
        let mut fds: Vec<_> = std::iter::once(listener).chain(advertisers).collect();
        // However it ends, what follows looks for itself.
        let _ended = poll(&mut fds, Some(&patience));
    }

    /// Takes what has come, without waiting.
    fn receive(&mut self) -> Result<(), Failure> {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.advertisers.len() < ADVERTISERS && stream.set_nonblocking(true).is_ok() {
                self.advertisers.push((stream, Vec::new()));
            }
        }
        let mut wrong = None;
        let heard = &mut self.heard;
        self.advertisers.retain_mut(|(stream, rest)| match read(stream, rest, heard) {
            Ok(open) => open,
            Err(why) => {
                wrong = Some(why);
                false
            }
        });
        let surplus = heard.len().saturating_sub(KEPT);
        heard.drain(..surplus);
        let broken = |why| {
            let path = self.path.display();
            Failure::new(FailureKind::Invalid, format!("what was sent to {path} is no advert: {why}"))
                .hint(r#"an advert is a line such as {"uuid":"fff9","data":"00ff"}"#)
        };
        wrong.map_or(Ok(()), |why| Err(broken(why)))
    }
}

impl super::Scanner for Scanner {
    fn next(&mut self, patience: Duration) -> Result<Option<Vec<u8>>, Failure> {
        let begun = Instant::now();
        loop {
            if let Some(data) = self.heard.pop_front() {
                return Ok(Some(data));
            }
            self.receive()?;
            let left = patience.saturating_sub(begun.elapsed());
            if self.heard.is_empty() {
                if left.is_zero() {
                    return Ok(None);
                }
                self.wait(left);
            }
        }
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        // One that stays is stale, and replaced by whoever comes next.
        let _stale = fs::remove_file(&self.path);
    }
}

/// Reads the lines that are there, up to a bound, whose rest the next call finds. False at the end; an error says what
/// is wrong with a line.
fn read(stream: &mut UnixStream, rest: &mut Vec<u8>, heard: &mut VecDeque<Vec<u8>>) -> Result<bool, String> {
    let mut buffer = [0; 4 * LINE];
    let open = match stream.read(&mut buffer) {
        Ok(0) => false,
        Ok(length) => {
            rest.extend(&buffer[..length]);
            true
        }
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    };
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = rest.drain(..=end).collect();
        heard.extend(Advert::read(line.trim_ascii())?);
    }
    if rest.len() > LINE {
        return Err(format!("a line of more than {LINE} bytes"));
    }
    Ok(open)
}

/// A listening socket whose file has the owner's rights from its first moment.
pub(super) fn open(path: &Path) -> Result<UnixListener, Errno> {
    let name = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    bind(&socket, &name)?;
    listen(&socket, 64)?;
    Ok(socket.into())
}

/// Removes a socket file at which nobody listens any more.
fn remove_stale(path: &Path) -> Result<(), Failure> {
    let taken = |why: &str| {
        Failure::new(FailureKind::Conflict, format!("cannot listen for adverts at {}: {why}", path.display()))
            .hint("name another path")
    };
    if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        return Err(taken("there is a file already, and it is no socket"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| taken(&error.to_string()))
        }
        _ => Err(taken("another program listens there")),
    }
}
