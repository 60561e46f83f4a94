//! A computer at the other end of the socket: real CTAPHID over a real connection, as a browser's platform
//! would speak it.
use crate::control::{Failure, FailureKind};
use client::ctaphid::{Device, Event, Host};
use client::{Account, Authentication, Client, ClientError, Create, Get, Link, Origin, Registration};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
    socket_with, sockopt,
};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};
use wire::ctap2::GetInfoResponse;
use wire::ctaphid::{REPORT_SIZE, Report};
use wire::webauthn::json::{CreationOptions, RequestOptions};

/// How long the device may be silent: it speaks every 100 ms while it waits for its user.
const SILENCE: Duration = Duration::from_secs(5);

/// A connection with a channel on it.
pub(super) struct Platform {
    socket: OwnedFd,
    host: Host,
    /// What the device said of itself.
    pub(super) device: Device,
}

/// An answer, and what the platform saw while it waited.
pub(super) struct Answer {
    /// The response.
    pub(super) bytes: Vec<u8>,
    /// KEEPALIVEs before it.
    pub(super) keepalives: usize,
    /// From the last report out to the last report in.
    pub(super) took: Duration,
}

/// Why a ceremony had no result: the client says so, or the connection broke.
pub(super) enum Refused {
    Client(ClientError),
    Broken(Failure),
}

impl From<ClientError> for Refused {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Client(error) => Self::new(FailureKind::Broken, error.to_string()),
            Refused::Broken(failure) => failure,
        }
    }
}

impl Platform {
    /// Connects, and asks for a channel.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let broken =
            |error: rustix::io::Errno| broken(&format!("cannot connect to {}: {error}", path.display()));
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let socket = socket.map_err(broken)?;
        connect(&socket, &SocketAddrUnix::new(path).map_err(broken)?).map_err(broken)?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(SILENCE)).map_err(broken)?;
        let mut host = Host::new(rand::random());
        match exchange(&socket, &mut host)?.0 {
            Event::Opened(device) => Ok(Self { socket, host, device }),
            other => Err(out_of_turn(&other)),
        }
    }

    /// Sends a CTAP2 message.
    pub(super) fn call(&mut self, message: &[u8]) -> Result<Answer, Failure> {
        self.host.send_cbor(message).map_err(|error| broken(&error.to_string()))?;
        self.answer()
    }

    /// Asks for the same bytes back.
    pub(super) fn ping(&mut self, payload: &[u8]) -> Result<Answer, Failure> {
        self.host.send_ping(payload).map_err(|error| broken(&error.to_string()))?;
        self.answer()
    }

    /// getInfo, as the platform reads it.
    pub(super) fn info(&mut self) -> Result<GetInfoResponse, Failure> {
        let answer = self.call(&GetInfoResponse::request())?;
        GetInfoResponse::decode(&answer.bytes)
            .map_err(|error| Failure::new(FailureKind::Broken, error.to_string()))
    }

    /// The registration ceremony of a page of that origin, by a client that follows the specification.
    pub(super) fn create(
        &mut self,
        origin: &str,
        options: &CreationOptions,
    ) -> Result<(Registration, Answer), Refused> {
        let platform = self.client()?;
        let begun = Create::begin(&parsed(origin)?, options, &platform)?;
        self.run(begun)
    }

    /// The sign-in ceremony, likewise.
    pub(super) fn get(
        &mut self,
        origin: &str,
        options: &RequestOptions,
    ) -> Result<(Authentication, Answer), Refused> {
        self.get_as(origin, options, Account::Newest)
    }

    /// The same, as that account where there is a choice.
    pub(super) fn get_as(
        &mut self,
        origin: &str,
        options: &RequestOptions,
        account: Account,
    ) -> Result<(Authentication, Answer), Refused> {
        let platform = self.client()?;
        let begun = Get::begin(&parsed(origin)?, options, &platform, account)?;
        self.run(begun)
    }

    fn client(&mut self) -> Result<client::Platform, Refused> {
        let info = self.info().map_err(Refused::Broken)?;
        Ok(client::Platform::new(Client::SpecL3, Link::Usb, info))
    }

    fn run<C: client::Ceremony>(&mut self, begun: (C, Vec<u8>)) -> Result<(C::Outcome, Answer), Refused> {
        let mut last = None;
        let outcome = client::run(begun, |message| {
            let answer = self.call(message).map_err(Refused::Broken)?;
            let bytes = answer.bytes.clone();
            last = Some(answer);
            Ok::<_, Refused>(bytes)
        })?;
        let last = last.ok_or_else(|| Refused::Broken(broken("no message was sent")))?;
        Ok((outcome, last))
    }

    fn answer(&mut self) -> Result<Answer, Failure> {
        let begun = Instant::now();
        match exchange(&self.socket, &mut self.host)? {
            (Event::Answer(bytes), keepalives) => Ok(Answer { bytes, keepalives, took: begun.elapsed() }),
            (other, _) => Err(out_of_turn(&other)),
        }
    }
}

/// Sends what is to be sent; returns what ends the exchange, and the number of KEEPALIVEs before it.
fn exchange(socket: &OwnedFd, host: &mut Host) -> Result<(Event, usize), Failure> {
    while let Some(report) = host.poll_report() {
        send(socket, &report, SendFlags::NOSIGNAL)
            .map_err(|error| broken(&format!("cannot write: {error}")))?;
    }
    let mut keepalives = 0;
    loop {
        let mut report: Report = [0; REPORT_SIZE];
        let (read, _) = recv(socket, &mut report[..], RecvFlags::empty())
            .map_err(|error| broken(&format!("the device does not answer: {error}")))?;
        if read != REPORT_SIZE {
            return Err(broken(&format!("a report of {read} bytes")));
        }
        match host.handle_report(&report).map_err(|error| broken(&error.to_string()))? {
            None => {}
            Some(Event::KeepAlive(_)) => keepalives += 1,
            Some(event) => return Ok((event, keepalives)),
        }
    }
}

fn parsed(origin: &str) -> Result<Origin, Refused> {
    Origin::parse(origin).map_err(|error| Refused::Client(error.into()))
}

fn out_of_turn(event: &Event) -> Failure {
    broken(&format!("the device answered out of turn: {event:?}"))
}

fn broken(why: &str) -> Failure {
    Failure::new(FailureKind::Broken, format!("over CTAPHID: {why}"))
}
