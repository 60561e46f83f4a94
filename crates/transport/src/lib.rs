//! Links between a platform and an authenticator, as state machines over frames. No I/O, no clock, no CTAP.
//!
//! A [`Link`] is driven by the owner of both ends: frames go in at [`Link::handle_frame`] and come out of
//! [`Link::poll_frame`]. The contract: **after every call of `handle_*`, `await_user`, `processing` and
//! `respond`, first call `poll_frame` until it is `None` and send what it gives, then call `poll_timeout` and
//! see that `handle_timeout` is called no later than that.** An [`Event::Ctap2`] or [`Event::U2f`] opens a
//! request; the link then counts as busy until [`Link::respond`], which is owed exactly once for each.
//! Meanwhile, `await_user` and `processing` say how the request stands. An [`Event::Cancel`] says that the
//! platform no longer wants the open request: tell the authenticator, and respond as it says. Whether that
//! response still goes out is for the link to know. No second request is handed out while one is open. After
//! [`Link::reset`] nothing is open and no response is owed.
//!
//! ```
//! # use transport::{Event, Link};
//! # fn authenticator(_: &[u8]) -> Vec<u8> { vec![0] }
//! # fn send(_: &[u8]) {}
//! # fn frame_from_the_platform(link: &mut dyn Link, now: wire::time::Instant, frame: &[u8]) {
//! if let Some(Event::Ctap2 { message, .. }) = link.handle_frame(now, frame) {
//!     link.processing(now);
//!     link.respond(now, &authenticator(&message));
//! }
//! while let Some(frame) = link.poll_frame() {
//!     send(&frame);
//! }
//! # }
//! ```
//!
//! | module | specification |
//! |---|---|
//! | [`ctaphid`] | the device side of CTAPHID, CTAP 2.1 §11.2 |
//! | [`iso7816`] | the card side of CTAP over ISO 7816 and ISO 14443 (NFC), CTAP 2.1 §11.3 |
//! | [`hybrid`] | the hybrid transport, CTAP 2.2 §11.5: both ends of a transaction, which are no [`Link`]s |
//! | [`direct`] | none: whole CTAP2 messages, for a platform in the same process |
//! | [`usb`] | what carries CTAPHID's reports: a USB device with a FIDO interface, USB 2.0 and HID 1.11 |
//! | [`usbip`] | what carries that device's transfers to a host on the network, USB/IP 1.1.1 |
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod ctaphid;
pub mod direct;
pub mod hybrid;
pub mod iso7816;
pub mod usb;
pub mod usbip;

use alloc::vec::Vec;
use wire::time::Instant;

/// What a link asks of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A complete CTAP2 message. [`Link::respond`] with its response.
    Ctap2 {
        /// The channel that asked; a sequence of commands stays on one channel.
        channel: u32,
        /// The command byte and the CBOR parameters.
        message: Vec<u8>,
    },
    /// A complete CTAP1/U2F message. [`Link::respond`] with its response, at once: there is no KEEPALIVE here.
    U2f {
        /// The channel that asked.
        channel: u32,
        /// The request APDU.
        message: Vec<u8>,
    },
    /// The platform withdrew the open request. It may be too late: a request that cannot be stopped any more
    /// ends with the response that it would have had.
    Cancel,
    /// The platform asked for a visible sign. It has been answered.
    Wink,
}

/// What a link's frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Reports of CTAPHID, 64 bytes each (CTAP 2.1 §11.2.4).
    Ctaphid,
    /// Whole CTAP messages.
    Message,
    /// Command APDUs one way, response APDUs the other (ISO 7816-4 §5).
    Apdu,
}

/// One transport binding (CTAP 2.1 §11), driven as the [crate documentation](crate) says.
pub trait Link: Send {
    /// What its frames are, for those who watch.
    fn format(&self) -> Format;

    /// A frame arrived from the platform. One that makes no sense is answered or ignored, never an error here.
    fn handle_frame(&mut self, now: Instant, frame: &[u8]) -> Option<Event>;

    /// The open request waits for its user: the platform hears so now, and again and again until that changes.
    /// To be called before the user is asked. Without effect if already said, or if nothing is open.
    fn await_user(&mut self, now: Instant);

    /// The open request is being computed: to be called before slow work, and when the user has answered.
    /// Otherwise like [`Link::await_user`].
    fn processing(&mut self, now: Instant);

    /// The response to the open request, which is no longer open. It goes out, unless the platform has
    /// abandoned the request. Without effect if nothing is open.
    fn respond(&mut self, now: Instant, response: &[u8]);

    /// The next frame to send, if any.
    fn poll_frame(&mut self) -> Option<Vec<u8>>;

    /// When to call [`Link::handle_timeout`], if ever. Later than the `now` of a `handle_timeout` just made.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Time has passed. Too early or too often does no harm.
    fn handle_timeout(&mut self, now: Instant) -> Option<Event>;

    /// The wire was cut and joined again (unplugged, power-cycled): channels, locks, half messages, the open
    /// request and everything unsent are gone. The owner withdraws that request from the authenticator itself.
    fn reset(&mut self);
}
