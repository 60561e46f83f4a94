//! The hybrid transport, CTAP 2.2 §11.5 (caBLE v2.1): a desktop shows a QR code, a phone scans it, and both meet at a
//! tunnel service of the phone's choosing, after the phone has shown by a Bluetooth advert that it is near. No I/O, no clock.
//!
//! ```text
//! desktop                          tunnel service                       phone
//!    │ qr: FIDO:/digits ·····················(screen)····················►│ keys: tunnel ID, EID key
//!    │                                  │◄── GET /cable/new/TUNNEL ───────┤
//!    │                                  ├── X-caBLE-Routing-ID ──────────►│
//!    │◄···················(Bluetooth) advert: EID, sealed ················┤
//!    ├─ GET /cable/connect/ROUTING/TUNNEL ►│                              │ keys: PSK of the EID
//!    ├── noise: 81 bytes ───────────────┼────────────────────────────────►│
//!    │◄─────────────────────────────────┼──────────────── 81 bytes: noise ┤
//!    │◄─────────────────────────────────┼──── frame: getInfo (and a link) ┤ sealed from here on
//!    ├── frame: CTAP request ───────────┼────────────────────────────────►│
//!    │◄─────────────────────────────────┼───────────── CTAP reply: frame ─┤
//!    ├── frame: shutdown ───────────────┼────────────────────────────────►│
//! ```
//!
//! [`phone::Session`] and [`desktop::Session`] are the two ends as state machines: what happened goes in at `handle_*`, and
//! what is to be done comes out of `poll_output`. The contract is that of every link here: **after each call, first call
//! `poll_output` until it is `None` and do what it says, then call `poll_timeout` and see that `handle_timeout` is called
//! no later than that.** After a `Closed` nothing comes any more.
//!
//! Everything that comes from outside is bounded: a QR text by [`qr::MAX_DIGITS`], a message of the tunnel by
//! [`frame::MAX_MESSAGE`].
pub mod advert;
pub mod desktop;
pub mod domain;
pub mod frame;
pub mod keys;
pub mod linking;
pub mod noise;
pub mod phone;
pub mod qr;
#[cfg(test)]
mod tests;

use alloc::string::String;
use core::fmt;

/// Why something that came from outside is not what it should be: lower case, no full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl Malformed {
    /// With that reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Malformed {}

/// How far a session had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The tunnel service has not answered.
    Tunnel,
    /// The phone advertises, or the desktop looks for its advert; the other side is not there yet.
    Advert,
    /// The other side is there, and the handshake is not over.
    Handshake,
    /// Sealed, and no request is open.
    Ready,
    /// A request is open.
    Request,
    /// A request was answered, and the end is awaited.
    Answered,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::Tunnel, Self::Advert, Self::Handshake, Self::Ready, Self::Request, Self::Answered];

    /// Its name, for logs and command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tunnel => "tunnel",
            Self::Advert => "advert",
            Self::Handshake => "handshake",
            Self::Ready => "ready",
            Self::Request => "request",
            Self::Answered => "answered",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// At least one request was answered, and the desktop said that it has all that it wanted, or left.
    Done,
    /// The tunnel was closed by the other side or the service before there was an answer.
    Closed(Stage),
    /// Nothing came for too long.
    TimedOut(Stage),
    /// The other side sent what it should not.
    Broken(Stage, Malformed),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Closed(stage) => write!(f, "the connection was closed at stage {stage}"),
            Self::TimedOut(stage) => write!(f, "nothing came for too long at stage {stage}"),
            Self::Broken(stage, why) => {
                write!(f, "the other side broke the protocol at stage {stage}: {why}")
            }
        }
    }
}
