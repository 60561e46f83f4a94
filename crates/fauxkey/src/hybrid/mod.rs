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
//! | [`ways`] | which tunnel service and which radio, of what was said, the environment, or what runs |
//! | [`event`] | what happens, for people and programs |
//! | [`fault`] | what a phone does wrong on purpose |
pub mod event;
pub mod fault;
pub mod image;
pub mod lab;
pub mod radio;
pub mod scan;
pub mod show;
#[cfg(test)]
mod tests;
pub mod tunnel;
pub mod ways;

use std::time::Instant;

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

    /// The moment on the clock of the system.
    fn at(self, instant: wire::time::Instant) -> Instant {
        self.0 + instant.elapsed()
    }
}
