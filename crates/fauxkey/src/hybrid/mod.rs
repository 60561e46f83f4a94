//! The hybrid transport's outside: tunnel services, radios, pictures of codes, and the two drivers that run
//! `transport::hybrid`'s ends over them.
//!
//! ```text
//! a code ──► scan ──► phone::Session ──► tunnel, radio        desktop::Session ◄── show ◄── a ceremony
//!              │                                                     │
//!              └──► Control::ctap2 over Link::Hybrid                 └──► tunnel, radio
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | [`scan`] | the phone: a code in, a ceremony on a device, an [`event::Outcome`] out |
//! | [`show`] | the desktop: a code out, CTAP messages to whoever scans it |
//! | [`lookout`] | a phone that looks at a screen, and scans what appears there |
//! | [`ways`] | which tunnel service and which radio, of what was said, the environment, or what runs |
//! | [`event`] | what happens, for people and programs |
//! | [`fault`] | what a phone does wrong on purpose |
pub mod event;
pub mod fault;
pub mod image;
pub mod lab;
pub mod lookout;
pub mod radio;
pub mod scan;
pub mod show;
#[cfg(test)]
mod tests;
pub mod tunnel;
pub mod ways;

use std::future;
use std::time::Instant;
use tunnel::Socket;

/// A clock for sessions: time since the driver began.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn now(self) -> wire::time::Instant {
        wire::time::Instant::since_power_up(self.0.elapsed())
    }

    /// Waits until then; for ever, if there is no such moment.
    async fn wait_until(self, due: Option<wire::time::Instant>) {
        match due {
            Some(due) => tokio::time::sleep_until((self.0 + due.elapsed()).into()).await,
            None => future::pending().await,
        }
    }
}

/// The next message of a tunnel; `None` once it is closed. Without a tunnel there is never one.
async fn message(socket: &mut Option<Socket>) -> Option<Vec<u8>> {
    match socket {
        // A tunnel that broke is as good as one that was closed.
        Some(socket) => socket.recv().await.ok().flatten(),
        None => future::pending().await,
    }
}
