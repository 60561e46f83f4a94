//! Fuzz targets: each takes any bytes and panics if they do what no bytes may do.
//!
//! | target | what the bytes are |
//! |---|---|
//! | [`cbor`] | an item, a request, a response, a foreign item |
//! | [`ctaphid`] | reports to the CTAPHID device, and what its owner does |
//! | [`apdu`] | APDUs to the card, and what its owner does |
//! | [`usbip`] | what a USB/IP client sends, in pieces, and reports of the device |
//! | [`qr`](hybrid::qr) | the text of a hybrid code, or the CBOR in it |
//! | [`advert`](hybrid::advert) | keys and a hybrid advert |
//! | [`handshake`](hybrid::handshake) | what strangers say to both ends of the hybrid transport |
//! | [`frames`](hybrid::frames) | what one says to either end who has its keys |
//! | [`requests`] | CTAP2 requests, gestures, cancellations, power cuts and time, to one authenticator |
//!
//! `src/mutate.rs` runs them without nightly and coverage, on mutations of known inputs.
pub mod apdu;
pub mod cbor;
pub mod ctaphid;
pub mod hybrid;
pub mod requests;
pub mod seeds;
pub mod usbip;

/// A target's name, and what it does with its input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 9] = [
    ("cbor", cbor::run),
    ("ctaphid", ctaphid::run),
    ("apdu", apdu::run),
    ("usbip", usbip::run),
    ("requests", requests::run),
    ("qr", hybrid::qr),
    ("advert", hybrid::advert),
    ("handshake", hybrid::handshake),
    ("frames", hybrid::frames),
];

/// Takes bytes from the front of an input; what is missing is zero.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// At most so many bytes.
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
