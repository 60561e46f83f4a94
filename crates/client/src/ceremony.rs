//! A ceremony in progress: one step consumes it and says what comes next.
use crate::{ClientError, Platform};
use sha2::{Digest, Sha256};
use wire::webauthn::ClientData;

/// What follows an answer.
#[derive(Debug)]
#[must_use]
pub enum Next<C, T> {
    /// Send this CTAP message and hand its answer to that ceremony.
    Send(C, Vec<u8>),
    /// The ceremony is over.
    Done(T),
}

/// A ceremony that waits for the authenticator's answer.
pub trait Ceremony: Sized {
    /// What the page gets, and what we have to say about it.
    type Outcome;

    /// Takes the answer to the last message, status byte first.
    ///
    /// # Errors
    /// If the authenticator refused, or answered what a client must not hand on.
    fn handle_response(self, response: &[u8]) -> Result<Next<Self, Self::Outcome>, ClientError>;
}

/// Runs a ceremony to its end: `exchange` sends one CTAP message and returns the answer.
///
/// # Errors
/// Those of the ceremony and those of `exchange`.
pub fn run<C: Ceremony, E: From<ClientError>>(
    (mut ceremony, mut request): (C, Vec<u8>),
    mut exchange: impl FnMut(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<C::Outcome, E> {
    loop {
        match ceremony.handle_response(&exchange(&request)?)? {
            Next::Send(further, message) => (ceremony, request) = (further, message),
            Next::Done(outcome) => return Ok(outcome),
        }
    }
}

/// Client data as JSON and its hash, WebAuthn Level 3 §5.1.3 steps 13 to 15.
pub(crate) fn client_data(
    ceremony: &str,
    challenge: &[u8],
    origin: &crate::Origin,
    platform: &Platform,
) -> (Vec<u8>, [u8; 32]) {
    let json = ClientData {
        ceremony: ceremony.into(),
        challenge: wire::base64url::encode(challenge),
        origin: origin.as_str().into(),
        cross_origin: Some(platform.embedded.is_some()),
        top_origin: platform.embedded.as_ref().and_then(|embedded| embedded.top_origin.clone()),
    }
    .encode();
    let hash = sha256(&json);
    (json, hash)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
