//! A link that is plugged into a device.
use crate::traffic::Protocol;
use crate::user::UserPolicy;
use authenticator::{Gesture, Link as Kind, Prompt, Purpose};
use std::time::Duration;
use transport::Link;
use wire::time::Instant;

/// How long a device that was put into the field counts as touched. A guess: real ones count the tap as presence, and
/// no edition at hand says for how long.
const TAP: Duration = Duration::from_secs(120);

/// A link, and what the device knows of it.
pub(crate) struct Plugged {
    /// What the authenticator takes it for.
    pub(crate) kind: Kind,
    pub(crate) link: Box<dyn Link>,
    /// The channel and the protocol of the request that is open.
    pub(crate) asked: (u32, Protocol),
    /// Since when the device lies in the field of this link's reader, if it does.
    pub(crate) in_field: Option<Instant>,
}

impl Plugged {
    pub(crate) fn new(kind: Kind, link: Box<dyn Link>) -> Self {
        Self { kind, link, asked: (0, Protocol::Ctap2), in_field: None }
    }

    /// Whoever lays a device on a reader touches it thereby, unless it is to be somebody who refuses or does nothing.
    pub(crate) fn tapped(
        &self,
        now: Instant,
        user: UserPolicy,
        prompt: &Prompt,
    ) -> Option<(Duration, Gesture)> {
        let more_than_a_touch = prompt.verification
            || matches!(prompt.purpose, Purpose::Reset { long_touch: true } | Purpose::EnrollSample { .. });
        let willing = user.answer.is_willing();
        let lies_there = self.kind == Kind::Nfc && self.in_field.is_some_and(|since| now.since(since) < TAP);
        (lies_there && willing && !more_than_a_touch).then_some((Duration::ZERO, Gesture::Present))
    }
}
