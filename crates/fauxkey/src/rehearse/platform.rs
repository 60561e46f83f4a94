//! A computer at the other end of the socket: real CTAPHID over a real connection, as a browser's platform
//! would speak it.
use crate::control::{Failure, FailureKind};
use client::ctaphid::{Device, Event, Host};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
    socket_with, sockopt,
};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};
use wire::ctaphid::{REPORT_SIZE, Report};

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

fn out_of_turn(event: &Event) -> Failure {
    broken(&format!("the device answered out of turn: {event:?}"))
}

fn broken(why: &str) -> Failure {
    Failure::new(FailureKind::Broken, format!("over CTAPHID: {why}"))
}
