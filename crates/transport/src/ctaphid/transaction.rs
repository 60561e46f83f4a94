//! The one transaction that a device can be in, CTAP 2.1 §11.2.5: a message that arrives, then a request that
//! is worked on. Being in one is being busy, and there is no being in two.
use core::time::Duration;
use wire::{
    ctaphid::{Assembly, Command, keepalive},
    time::Instant,
};

/// Time from one KEEPALIVE to the next, CTAP 2.1 §11.2.9.1.7: at least every 100 ms.
pub(super) const KEEPALIVE_INTERVAL: Duration = Duration::from_millis(100);

/// Where the device stands.
#[derive(Default)]
pub(super) enum Transaction {
    /// Nothing asked, nothing owed.
    #[default]
    Idle,
    /// Some packets of a message have arrived.
    Receiving {
        /// The message so far.
        message: Assembly,
        /// When the next packet is too late.
        until: Instant,
    },
    /// A request is with the authenticator.
    Processing(Request),
}

impl Transaction {
    /// The channel that has the device.
    pub(super) fn channel(&self) -> Option<u32> {
        match self {
            Self::Idle => None,
            Self::Receiving { message, .. } => Some(message.cid),
            Self::Processing(request) => Some(request.cid),
        }
    }

    /// Forgets the message that this channel has begun, if it has begun one.
    pub(super) fn drop_half_message(&mut self, cid: u32) -> bool {
        let begun = matches!(self, Self::Receiving { message, .. } if message.cid == cid);
        if begun {
            *self = Self::Idle;
        }
        begun
    }

    /// When the clock will change something here.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Idle => None,
            Self::Receiving { until, .. } => Some(*until),
            Self::Processing(request) => request.keepalive.as_ref().map(|keepalive| keepalive.due),
        }
    }
}

/// A request for which the owner owes a response.
pub(super) struct Request {
    /// The channel that asked.
    pub(super) cid: u32,
    /// MSG or CBOR; the response carries the same.
    pub(super) command: Command,
    /// What the platform still expects.
    pub(super) standing: Standing,
    /// The platform's reassurance; a MSG and an abandoned request have none.
    pub(super) keepalive: Option<Keepalive>,
}

/// What the platform expects of a request that it made.
#[derive(PartialEq, Eq)]
pub(super) enum Standing {
    /// The response.
    Wanted,
    /// The response, soon: CANCEL came.
    Cancelled,
    /// Nothing: INIT came. The authenticator may still be at it, so the device stays busy until it responds.
    Abandoned,
}

/// KEEPALIVE, while it is sent.
pub(super) struct Keepalive {
    status: u8,
    /// Whether `status` has been sent.
    said: bool,
    due: Instant,
}

impl Keepalive {
    /// A request arrived: if nobody says more, the platform hears PROCESSING after one interval.
    pub(super) fn start(now: Instant) -> Self {
        Self { status: keepalive::PROCESSING, said: false, due: now + KEEPALIVE_INTERVAL }
    }

    /// The status to send at once, if it is news. CTAP 2.1 §11.2.9.1.7: "whenever the status changes".
    pub(super) fn announce(&mut self, now: Instant, status: u8) -> Option<u8> {
        if self.said && self.status == status {
            return None;
        }
        *self = Self { status, said: true, due: now + KEEPALIVE_INTERVAL };
        Some(status)
    }

    /// The status to send if its time has come. Beats that were missed are not made up for.
    pub(super) fn beat(&mut self, now: Instant) -> Option<u8> {
        if now < self.due {
            return None;
        }
        let next = self.due + KEEPALIVE_INTERVAL;
        self.due = if next > now { next } else { now + KEEPALIVE_INTERVAL };
        self.said = true;
        Some(self.status)
    }
}
