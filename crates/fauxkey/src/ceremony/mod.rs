//! WebAuthn ceremonies between a page and a device that is controlled from outside: what a browser does in between.
mod page;

pub use page::{Kind, Outcome, PageError, Request, run};

use crate::control::{Failure, Link};
use client::ctap1::{self, Bridge};
use client::{ClientError, Platform};
use std::thread;
use std::time::{Duration, Instant};
use wire::ctap2::GetInfoResponse;
use wire::status::Status;

/// How long a touch is waited for over U2F, where the authenticator itself never waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// A device, and what the client knows of it.
pub struct Session<'a> {
    exchange: Exchange<'a>,
    link: Link,
    /// Whether it speaks U2F only.
    u2f: bool,
    /// Everything around the ceremony that is not the page.
    pub platform: Platform,
}

/// Sends a message over a link and waits for the answer: one of CTAP2, or an APDU of U2F.
pub type Exchange<'a> = &'a dyn Fn(Link, &[u8]) -> Result<Vec<u8>, Failure>;

/// Why a ceremony ended early.
#[derive(Debug)]
pub enum Ended {
    /// The client or the authenticator says no.
    Refused(ClientError),
    /// A device that speaks U2F was not touched in time.
    Untouched,
    /// The authenticator is no authenticator.
    Strange(String),
    /// It could not be reached.
    Unreachable(Failure),
}

impl From<ClientError> for Ended {
    fn from(why: ClientError) -> Self {
        Self::Refused(why)
    }
}

impl<'a> Session<'a> {
    /// Asks the device what it is, over `link`.
    ///
    /// # Errors
    /// If it cannot be reached, or answers what is no getInfo.
    pub fn open(exchange: Exchange<'a>, client: client::Client, link: Link) -> Result<Self, Ended> {
        let platform = Platform::new(client, of_client(link), GetInfoResponse::default());
        let mut session = Self { exchange, link, u2f: false, platform };
        let answer = session.exchange(&GetInfoResponse::request())?;
        // CTAP 2.1 §10: what has no getInfo is spoken to in CTAP1.
        if answer == [Status::INVALID_COMMAND.0] {
            session.u2f = true;
            session.platform.info = Bridge::info();
            return Ok(session);
        }
        session.platform.info = GetInfoResponse::decode(&answer)
            .map_err(|error| Ended::Strange(format!("getInfo was answered wrongly: {}", error.reason)))?;
        Ok(session)
    }

    fn exchange(&self, request: &[u8]) -> Result<Vec<u8>, Ended> {
        (self.exchange)(self.link, request).map_err(Ended::Unreachable)
    }

    /// Runs a ceremony to its end. `app_id` is what the page gave for passkeys of U2F.
    ///
    /// # Errors
    /// Those of the ceremony, and if the device cannot be reached.
    pub fn run<C: client::Ceremony>(
        &self,
        begun: (C, Vec<u8>),
        app_id: Option<&str>,
    ) -> Result<C::Outcome, Ended> {
        let bridge = Bridge::new(app_id);
        client::run(begun, |request: &[u8]| match self.u2f {
            true => self.exchange_u2f(&bridge, request),
            false => self.exchange(request),
        })
    }

    /// A CTAP2 message to an authenticator that speaks U2F only: it polls until the user touches, or for as long as a
    /// CTAP2 authenticator would wait.
    fn exchange_u2f(&self, bridge: &Bridge, request: &[u8]) -> Result<Vec<u8>, Ended> {
        let begun = Instant::now();
        let send = |apdu: &[u8]| self.exchange(apdu);
        let wait = || {
            if begun.elapsed() > PATIENCE {
                return Err(Ended::Untouched);
            }
            thread::sleep(ctap1::POLL);
            Ok(())
        };
        ctap1::run(bridge.begin(request), send, wait)
    }
}

/// The client's word for a link.
fn of_client(link: Link) -> client::Link {
    match link {
        Link::Usb => client::Link::Usb,
        Link::Internal => client::Link::Internal,
        Link::Hybrid => client::Link::Hybrid,
    }
}
