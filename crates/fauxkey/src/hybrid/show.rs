//! The desktop: a code out, CTAP messages to whoever scans it.
use super::Clock;
use super::event::{Event, Listener};
use super::radio::Scanner;
use super::tunnel::{self, Socket};
use super::ways::Ways;
use crate::control::{Failure, FailureKind};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use transport::hybrid::desktop::{Config, KnownPhone, Output, Session};
use transport::hybrid::frame::PostHandshake;
use transport::hybrid::{Ending, Stage};
use wire::ctap2::Command;
use wire::status::Status;
use zeroize::Zeroizing;

/// How long a scanner listens before it looks whether somebody still wants to know.
const LISTEN: Duration = Duration::from_millis(200);

/// A desktop that shows a code, and then speaks to the phone.
pub struct Desktop {
    runtime: Runtime,
    line: Line,
}

/// The desktop's end of everything.
struct Line {
    clock: Clock,
    session: Session,
    ways: Ways,
    adverts: mpsc::UnboundedReceiver<Result<Vec<u8>, Failure>>,
    listening: Arc<AtomicBool>,
    ears: Option<JoinHandle<()>>,
    socket: Option<Socket>,
    info: Option<PostHandshake>,
    response: Option<Vec<u8>>,
    ended: Option<Ending>,
    linked: Option<KnownPhone>,
}

/// What has to be done next.
enum Wake {
    Message(Option<Vec<u8>>),
    Advert(Result<Vec<u8>, Failure>),
    Due,
}

impl Desktop {
    /// Makes a code, and listens for the phone from now on.
    ///
    /// # Errors
    /// Those of the radio: Bluetooth is off, or there is none.
    pub fn show(ways: Ways, config: &Config) -> Result<Self, Failure> {
        let clock = Clock::start();
        let session = Session::show(clock.now(), config, Box::new(UnwrapErr(SysRng)));
        Self::begin(ways, clock, session)
    }

    /// Calls a phone that is known, which needs no code, and listens for it from now on.
    ///
    /// # Errors
    /// Those of the radio.
    pub fn call(ways: Ways, phone: KnownPhone, config: &Config) -> Result<Self, Failure> {
        let clock = Clock::start();
        let session = Session::contact(clock.now(), phone, config, Box::new(UnwrapErr(SysRng)));
        Self::begin(ways, clock, session)
    }

    fn begin(ways: Ways, clock: Clock, session: Session) -> Result<Self, Failure> {
        let scanner = ways.radio.scanner()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::new(FailureKind::Broken, format!("cannot start the hybrid transport: {error}"))
        })?;
        let listening = Arc::new(AtomicBool::new(true));
        let (adverts, ears) = listen(scanner, listening.clone())?;
        let (socket, info, response, ended, linked) = Default::default();
        let ears = Some(ears);
        let line =
            Line { clock, session, ways, adverts, listening, ears, socket, info, response, ended, linked };
        Ok(Self { runtime, line })
    }

    /// The text of the code, if this began with one: whoever sees it may answer.
    pub fn code(&self) -> Option<Zeroizing<String>> {
        self.line.session.qr_text()
    }

    /// The phone, if it told how to call it. Once.
    pub fn take_linked(&mut self) -> Option<KnownPhone> {
        self.line.linked.take()
    }

    /// Waits until the phone is there. Its answer to getInfo in CBOR, without a status byte.
    ///
    /// # Errors
    /// Refused, if nobody comes or the phone breaks the protocol; those of the tunnel service.
    pub fn meet(&mut self, heard: Listener<'_>) -> Result<Vec<u8>, Failure> {
        if self.code().is_some() {
            heard(&Event::Shown);
        }
        self.drive(heard, |line| line.info.is_some())?;
        let info = self.line.info.as_ref().and_then(|first| first.get_info.clone());
        info.ok_or_else(|| Failure::new(FailureKind::Refused, "the phone does not say what it is"))
    }

    /// Sends a CTAP message and waits for the answer. getInfo is answered by what the phone said already.
    ///
    /// # Errors
    /// Refused, if the phone leaves or breaks the protocol.
    pub fn exchange(&mut self, message: &[u8], heard: Listener<'_>) -> Result<Vec<u8>, Failure> {
        if message == [Command::GET_INFO.0] {
            let info =
                self.line.info.as_ref().and_then(|first| first.get_info.as_deref()).unwrap_or_default();
            return Ok([&[Status::OK.0], info].concat());
        }
        self.line.response = None;
        let command = message.first().and_then(|code| Command(*code).name()).unwrap_or("a command");
        heard(&Event::Request { command: command.into() });
        self.line.session.request(self.line.clock.now(), message);
        self.drive(heard, |line| line.response.is_some())?;
        let response = self.line.response.take().unwrap_or_default();
        heard(&Event::response(response.first().copied().unwrap_or(Status::OTHER.0)));
        Ok(response)
    }

    /// Says that this was all, and leaves.
    pub fn finish(mut self) {
        self.line.session.finish();
        // The phone hears it, or hears that the connection is closed.
        let _ended = self.drive(&mut |_| {}, |line| line.ended.is_some());
    }

    /// Drives the session until that is so.
    fn drive(&mut self, heard: Listener<'_>, done: impl Fn(&Line) -> bool) -> Result<(), Failure> {
        self.runtime.block_on(self.line.work(heard, done))
    }
}

impl Line {
    async fn work(&mut self, heard: Listener<'_>, done: impl Fn(&Self) -> bool) -> Result<(), Failure> {
        loop {
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Connect { domain, path, payload } => {
                        // One that is called is heard after that.
                        if payload.is_none() {
                            heard(&Event::Heard);
                            self.listening.store(false, Ordering::Relaxed);
                        }
                        let service = self.ways.tunnels.service(domain)?;
                        heard(&Event::Connecting { host: service.host.clone() });
                        let opened = tunnel::open(&service, &path, payload.as_deref(), false).await?;
                        heard(&Event::Connected { host: service.host });
                        self.socket = Some(opened.socket);
                        self.session.handle_connected(self.clock.now());
                    }
                    Output::Send(message) => {
                        if let Some(socket) = &mut self.socket {
                            // A tunnel that is gone says so when it is listened to.
                            let _gone = socket.send(message).await;
                        }
                    }
                    Output::Ready(first) => {
                        heard(&Event::Sealed);
                        self.info = Some(first);
                    }
                    Output::Response(response) => self.response = Some(response),
                    Output::Linked(phone) => {
                        heard(&Event::Linked { name: phone.linking.name.clone() });
                        self.linked = Some(phone);
                    }
                    Output::Closed(ending) => {
                        if let Some(socket) = self.socket.take() {
                            socket.close().await;
                        }
                        self.ended = Some(ending);
                    }
                }
            }
            if done(self) {
                return Ok(());
            }
            if let Some(ending) = &self.ended {
                return Err(gone(ending));
            }
            match self.wake().await {
                Wake::Message(Some(message)) => self.session.handle_message(self.clock.now(), &message),
                Wake::Message(None) => {
                    self.socket = None;
                    self.session.handle_closed(self.clock.now());
                }
                Wake::Advert(Ok(service_data)) => {
                    self.session.handle_advert(self.clock.now(), &service_data);
                }
                Wake::Advert(Err(failure)) => return Err(failure),
                Wake::Due => self.session.handle_timeout(self.clock.now()),
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        let due = self.session.poll_timeout().map(|due| Instant::from_std(self.clock.at(due)));
        let due = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => future::pending().await,
            }
        };
        let message = async {
            match &mut self.socket {
                Some(socket) => socket.recv().await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            message = message => Wake::Message(message.ok().flatten()),
            Some(advert) = self.adverts.recv() => Wake::Advert(advert),
            () = due => Wake::Due,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.listening.store(false, Ordering::Relaxed);
        // The next desktop may listen at the same place.
        if let Some(ears) = self.ears.take() {
            let _panicked = ears.join();
        }
    }
}

/// What was heard, and the thread that hears.
type Ears = (mpsc::UnboundedReceiver<Result<Vec<u8>, Failure>>, JoinHandle<()>);

/// Listens in a thread of its own, as long as that is so.
fn listen(mut scanner: Box<dyn Scanner>, listening: Arc<AtomicBool>) -> Result<Ears, Failure> {
    let (sender, adverts) = mpsc::unbounded_channel();
    let work = move || {
        while listening.load(Ordering::Relaxed) {
            let heard = scanner.next(LISTEN).transpose();
            let broken = matches!(heard, Some(Err(_)));
            if heard.is_some_and(|heard| sender.send(heard).is_err()) || broken {
                return;
            }
        }
    };
    let ears = thread::Builder::new()
        .name("adverts".into())
        .spawn(work)
        .map_err(|error| Failure::new(FailureKind::Broken, format!("cannot listen for adverts: {error}")))?;
    Ok((adverts, ears))
}

/// Why there is no answer.
fn gone(ending: &Ending) -> Failure {
    let failure = Failure::new(FailureKind::Refused, format!("no answer from the phone: {ending}"));
    match ending {
        Ending::TimedOut(Stage::Advert) => {
            failure.hint("scan the code with a phone that is near and has Bluetooth on")
        }
        _ => failure,
    }
}
