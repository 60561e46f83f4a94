//! A link without a wire: each frame is a whole CTAP message. One that begins with a zero byte is CTAP1: no CTAP2
//! command is zero, and every APDU of U2F has the class zero.
//!
//! For a platform in the same process, or one that brings its own framing. One frame in is one request, and one
//! frame out is its response; there are no channels and no KEEPALIVE. An empty frame in, which no request can
//! be, withdraws the open request (like CTAPHID_CANCEL, CTAP 2.1 §11.2.9.1.5): its response still comes.
//!
//! A request is open until its response has been fetched. One that comes earlier is refused with CHANNEL_BUSY.
//! Responses come in the order of the requests, so that refusal follows the response to the open request.
use crate::{Event, Format, Link};
use alloc::{vec, vec::Vec};
use core::mem;
use wire::status::Status;
use wire::time::Instant;

/// The device's end of the link. Its only channel is 0.
#[derive(Debug, Default)]
pub struct Device {
    transaction: Transaction,
    /// Requests that were refused and not told so yet.
    refused: usize,
}

#[derive(Debug, Default)]
enum Transaction {
    #[default]
    Idle,
    /// The owner owes a response.
    Open,
    /// The platform has not fetched the response yet.
    Answered(Vec<u8>),
}

impl Device {
    /// A device that nobody has spoken to.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Link for Device {
    fn format(&self) -> Format {
        Format::Message
    }

    /// A request: command byte and CBOR parameters, or an APDU, of any length. An empty frame withdraws the open
    /// request, and is ignored if none is open.
    fn handle_frame(&mut self, _now: Instant, frame: &[u8]) -> Option<Event> {
        match self.transaction {
            Transaction::Open if frame.is_empty() => Some(Event::Cancel),
            _ if frame.is_empty() => None,
            Transaction::Idle if self.refused == 0 => {
                self.transaction = Transaction::Open;
                let (channel, message) = (0, frame.into());
                Some(match frame.first() {
                    Some(0) => Event::U2f { channel, message },
                    _ => Event::Ctap2 { channel, message },
                })
            }
            _ => {
                self.refused = self.refused.saturating_add(1);
                None
            }
        }
    }

    /// The platform does not hear of it.
    fn await_user(&mut self, _now: Instant) {}

    /// The platform does not hear of it.
    fn processing(&mut self, _now: Instant) {}

    fn respond(&mut self, _now: Instant, response: &[u8]) {
        if let Transaction::Open = self.transaction {
            self.transaction = Transaction::Answered(response.into());
        }
    }

    fn poll_frame(&mut self) -> Option<Vec<u8>> {
        match mem::take(&mut self.transaction) {
            Transaction::Answered(response) => Some(response),
            Transaction::Idle if self.refused > 0 => {
                self.refused -= 1;
                Some(vec![Status::CHANNEL_BUSY.0])
            }
            other => {
                self.transaction = other;
                None
            }
        }
    }

    /// Never: nothing here depends on time.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _now: Instant) -> Option<Event> {
        None
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Instant = Instant::POWER_UP;
    const BUSY: [u8; 1] = [0x06];

    /// A device with an open request.
    fn asked() -> Device {
        let mut device = Device::new();
        let event = device.handle_frame(NOW, b"ask");
        assert_eq!(event, Some(Event::Ctap2 { channel: 0, message: b"ask".to_vec() }));
        device
    }

    fn fetch(device: &mut Device) -> Vec<Vec<u8>> {
        core::iter::from_fn(|| device.poll_frame()).collect()
    }

    #[test]
    fn a_request_that_begins_with_a_zero_byte_is_an_apdu() {
        let mut device = Device::new();
        let apdu = [0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00];
        let event = device.handle_frame(NOW, &apdu);
        assert_eq!(event, Some(Event::U2f { channel: 0, message: apdu.to_vec() }));
        device.respond(NOW, b"U2F_V2\x90\x00");
        assert_eq!(device.poll_frame().as_deref(), Some(b"U2F_V2\x90\x00".as_slice()));
    }

    #[test]
    fn one_frame_in_is_a_request_and_one_frame_out_its_response() {
        let mut device = asked();
        device.processing(NOW);
        device.await_user(NOW);
        assert_eq!(fetch(&mut device), <[Vec<u8>; 0]>::default(), "the platform hears nothing meanwhile");
        assert_eq!((device.poll_timeout(), device.handle_timeout(NOW)), (None, None));
        let long = [7; 100_000];
        device.respond(NOW, &long);
        assert_eq!(fetch(&mut device), [long]);
        assert!(device.handle_frame(NOW, b"again").is_some());
    }

    #[test]
    fn an_empty_frame_withdraws_the_open_request_whose_response_still_comes() {
        let mut device = asked();
        assert_eq!(device.handle_frame(NOW, &[]), Some(Event::Cancel));
        device.respond(NOW, &[0x2D]);
        assert_eq!(device.handle_frame(NOW, &[]), None, "it is answered");
        assert_eq!(fetch(&mut device), [[0x2D]]);
        assert_eq!(device.handle_frame(NOW, &[]), None, "nothing is open");
        assert_eq!(fetch(&mut device), <[Vec<u8>; 0]>::default());
    }

    #[test]
    fn a_request_while_one_is_open_is_refused_after_the_open_one_is_answered() {
        let mut device = asked();
        assert_eq!(device.handle_frame(NOW, b"second"), None);
        assert_eq!(device.poll_frame(), None);
        device.respond(NOW, b"first");
        assert_eq!(device.handle_frame(NOW, b"third"), None, "the first is not fetched yet");
        assert_eq!(fetch(&mut device), [b"first".to_vec(), BUSY.to_vec(), BUSY.to_vec()]);
        assert!(device.handle_frame(NOW, b"fourth").is_some());
    }

    #[test]
    fn a_response_that_nobody_waits_for_goes_nowhere() {
        let mut device = Device::new();
        device.respond(NOW, b"unasked");
        assert_eq!(device.poll_frame(), None);
        let mut device = asked();
        device.respond(NOW, b"once");
        device.respond(NOW, b"twice");
        assert_eq!(fetch(&mut device), [b"once"]);
    }

    #[test]
    fn a_reset_leaves_nothing_open_and_nothing_unsent() {
        for answered in [false, true] {
            let mut device = asked();
            device.handle_frame(NOW, b"second");
            if answered {
                device.respond(NOW, b"first");
            }
            device.reset();
            assert_eq!(device.poll_frame(), None);
            device.respond(NOW, b"late");
            assert_eq!(device.poll_frame(), None);
            assert!(device.handle_frame(NOW, b"new").is_some());
        }
    }

    proptest! {
        /// Whatever happens in whatever order, every request gets one frame, in order.
        #[test]
        fn every_request_is_answered_once_and_in_order(steps in prop::collection::vec(0u8..4, 0..60)) {
            let mut device = Device::new();
            let (mut asked, mut open, mut answers) = (0u8, None, Vec::new());
            let mut expected = Vec::new();
            for step in steps {
                match step {
                    0 | 1 => {
                        asked += 1;
                        match device.handle_frame(NOW, &[asked]) {
                            Some(Event::Ctap2 { message, .. }) => {
                                prop_assert_eq!((open, &message), (None, &vec![asked]));
                                open = Some(asked);
                                expected.push(vec![asked, asked]);
                            }
                            None => expected.push(BUSY.to_vec()),
                            other => prop_assert!(false, "{:?}", other),
                        }
                    }
                    2 => {
                        if let Some(request) = open.take() {
                            device.respond(NOW, &[request, request]);
                        }
                    }
                    _ => answers.extend(device.poll_frame()),
                }
            }
            if let Some(request) = open {
                device.respond(NOW, &[request, request]);
            }
            answers.extend(fetch(&mut device));
            prop_assert_eq!(answers, expected);
        }
    }
}
