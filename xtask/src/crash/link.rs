//! A platform at the other end of the socket: CTAPHID reports over TCP.
use super::accounts::Trouble;
use client::ctaphid::{Event, Host};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use wire::ctap2::GetInfoResponse;
use wire::ctaphid::REPORT_SIZE;

/// Longer than any answer takes. A process that is killed closes its sockets, so this is only for a bug.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open channel.
pub(crate) struct Link {
    stream: TcpStream,
    host: Host,
    /// What the authenticator says that it can do.
    pub(crate) info: GetInfoResponse,
}

impl Link {
    /// Connects, opens a channel and asks for getInfo.
    pub(crate) fn open(address: &str) -> Result<Self, Trouble> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut link = Self { stream, host: Host::new(rand::random()), info: GetInfoResponse::default() };
        link.flush()?;
        while !matches!(link.event()?, Some(Event::Opened(_))) {}
        let answer = link.exchange(&GetInfoResponse::request())?;
        link.info =
            GetInfoResponse::decode(&answer).map_err(|error| Trouble::GetInfo(error.reason.into_owned()))?;
        Ok(link)
    }

    /// Sends a CTAP2 message and waits for the answer.
    pub(crate) fn exchange(&mut self, message: &[u8]) -> Result<Vec<u8>, Trouble> {
        self.host.send_cbor(message)?;
        self.flush()?;
        loop {
            if let Some(Event::Answer(answer)) = self.event()? {
                return Ok(answer);
            }
        }
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        while let Some(report) = self.host.poll_report() {
            self.stream.write_all(&report)?;
        }
        Ok(())
    }

    fn event(&mut self) -> Result<Option<Event>, Trouble> {
        let mut report = [0; REPORT_SIZE];
        self.stream.read_exact(&mut report)?;
        Ok(self.host.handle_report(&report)?)
    }
}
