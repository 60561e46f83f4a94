//! One try at the PIN: the steps that changePIN, getPinToken and getPinUvAuthTokenUsingPinWithPermissions have in
//! common, CTAP 2.1 §6.5.5.6 steps 3 and 6 to 8.
use super::protocol::Protocol;
use crate::authenticator::Authenticator;
use crate::store::{Change, PIN_RETRIES, State, UV_RETRIES};
use alloc::vec::Vec;
use subtle::ConstantTimeEq;
use wire::status::{CtapError, Status};
use zeroize::Zeroizing;

/// The left 16 bytes of SHA-256 of the PIN as the platform sent them, decrypted; `None` if they do not decrypt,
/// which counts as a wrong PIN.
pub(super) type Given = Option<Zeroizing<Vec<u8>>>;

impl Authenticator {
    /// Step 3: whether a PIN may be tried at all.
    ///
    /// # Errors
    /// PIN_NOT_SET; PIN_BLOCKED if only a reset helps; PIN_AUTH_BLOCKED if a power cycle helps.
    pub(super) fn pin_may_be_tried(&self) -> Result<(), CtapError> {
        let verification = &self.memory.state().verification;
        if verification.pin.is_none() {
            return Err(Status::PIN_NOT_SET.because("CTAP 2.1 §6.5.5: no PIN is set"));
        }
        if verification.pin_retries == 0 {
            return Err(Status::PIN_BLOCKED.because("CTAP 2.1 §6.5.5.6 step 3: pinRetries is 0"));
        }
        // Even the right PIN, and nothing is decremented: else a program could block the PIN without its user.
        if self.session.is_locked() {
            let why = "CTAP 2.1 §6.5.5.6 step 7.1.2: three wrong PINs in a row, and no power cycle since";
            return Err(Status::PIN_AUTH_BLOCKED.because(why));
        }
        Ok(())
    }

    /// Steps 6 to 8. The state that comes back has all its retries again and is to be committed.
    ///
    /// # Errors
    /// PIN_INVALID, PIN_AUTH_BLOCKED or PIN_BLOCKED for a wrong PIN; those of the commit.
    pub(super) fn try_pin(&mut self, protocol: Protocol, given: &Given) -> Result<State, CtapError> {
        // Step 6: durable before the comparison, so that cutting the power does not give a try for nothing.
        let mut state = self.memory.state().clone();
        state.verification.pin_retries = state.verification.pin_retries.saturating_sub(1);
        self.commit(&[Change::PutState(state.clone())], None)?;

        // Step 7.
        let stored = state.verification.pin.as_ref().map(|pin| pin.hash.as_slice());
        let matches = match (given, stored) {
            (Some(given), Some(stored)) => bool::from(given.as_slice().ct_eq(stored)),
            _ => false,
        };
        if !matches {
            self.session.missed(protocol, &mut self.rng);
            return Err(if state.verification.pin_retries == 0 {
                Status::PIN_BLOCKED
                    .because("CTAP 2.1 §6.5.5.6 step 7.1.2: a wrong PIN, and no retries are left")
            } else if self.session.is_locked() {
                let why =
                    "CTAP 2.1 §6.5.5.6 step 7.1.2: the third wrong PIN in a row; a power cycle is needed";
                Status::PIN_AUTH_BLOCKED.because(why)
            } else {
                Status::PIN_INVALID.because("CTAP 2.1 §6.5.5.6 step 7.1.2: a wrong PIN")
            });
        }

        // Step 8. Who knows the PIN may use a finger again, too (§6.5.3.1).
        self.session.matched();
        state.verification.pin_retries = PIN_RETRIES;
        state.verification.uv_retries = UV_RETRIES;
        state.verification.uv_count_since_pin = 0;
        Ok(state)
    }
}
