//! Built-in user verification and its retries: performBuiltInUv, CTAP 2.1 §6.5.3.1.
//!
//! Retries are counted only where a PIN is the way back: without one, a few strangers' fingers would lock the
//! owner out until a reset.
use crate::authenticator::{Authenticator, Continuation};
use crate::profile::Verification;
use crate::store::{Change, State, UV_RETRIES};
use crate::user::{Consent, Refusal};
use wire::status::{CtapError, Status};

/// How often a finger or face may fail within one command (maxUvAttemptsForInternalRetries).
const ATTEMPTS: u8 = 3;

impl Authenticator {
    /// Whether failed verifications are counted over commands.
    fn counts_uv(&self) -> bool {
        let profile = &self.capabilities.profile;
        self.capabilities.speaks_2_1 && profile.pin.is_some() && profile.verification != Verification::None
    }

    /// Whether built-in verification failed so often that only the PIN helps.
    pub(crate) fn uv_is_blocked(&self) -> bool {
        self.counts_uv() && self.memory.state().verification.uv_retries == 0
    }

    /// How many attempts a command has.
    pub(crate) fn uv_attempts(&self) -> u8 {
        if self.counts_uv() { self.memory.state().verification.uv_retries.min(ATTEMPTS) } else { ATTEMPTS }
    }

    /// Counts an attempt, durably, before anybody learns how it ended. One that was declined or not made counts
    /// for nothing.
    ///
    /// # Errors
    /// Those of the commit.
    pub(crate) fn count_uv(&mut self, attempt: &Result<Consent, Refusal>) -> Result<(), CtapError> {
        let state = self.memory.state();
        let before = &state.verification;
        let uv_retries = match attempt {
            Ok(_) => UV_RETRIES,
            Err(Refusal::NotVerified) => before.uv_retries.saturating_sub(1),
            Err(Refusal::Declined | Refusal::TimedOut) => return Ok(()),
        };
        // Failed attempts count here, too (CTAP 2.2 §6.4). Where getInfo does not tell, nothing is written for it.
        let told = self.capabilities.tells_uv_count(state);
        let uv_count_since_pin = before.uv_count_since_pin.saturating_add(told.into());
        if !self.counts_uv()
            || (uv_retries, uv_count_since_pin) == (before.uv_retries, before.uv_count_since_pin)
        {
            return Ok(());
        }
        let mut state: State = state.clone();
        state.verification.uv_retries = uv_retries;
        state.verification.uv_count_since_pin = uv_count_since_pin;
        self.commit(&[Change::PutState(state)], None)
    }

    /// What a command answers whose user was to be verified by built-in means and was not: CTAP 2.1 §6.1.2 step
    /// 11.2.3, §6.2.2 step 6.2.3 and §6.5.5.7.3 step 10.
    pub(crate) fn uv_failed(&self, then: &Continuation, refusal: Refusal) -> CtapError {
        let can = &self.capabilities;
        match (then, refusal) {
            (Continuation::TokenUsingUv(_), Refusal::NotVerified) if self.uv_is_blocked() => {
                Status::UV_BLOCKED.because("CTAP 2.1 §6.5.5.7.3 step 10.2: the last retry failed")
            }
            (Continuation::MakeCredential(_) | Continuation::GetAssertion(_), _) if !can.speaks_2_1 => {
                then.refused(refusal)
            }
            (Continuation::MakeCredential(_) | Continuation::GetAssertion(_), Refusal::TimedOut) => {
                let why = "CTAP 2.1 §6.1.2 step 11.2.3: nobody was verified in time";
                Status::USER_ACTION_TIMEOUT.because(why)
            }
            (Continuation::MakeCredential(_) | Continuation::GetAssertion(_), Refusal::NotVerified) => {
                let pin = can.client_pin(self.memory.state()) == Some(true);
                if pin && !can.profile.no_mc_ga_permissions_with_client_pin {
                    Status::PUAT_REQUIRED
                        .because("CTAP 2.1 §6.1.2 step 11.2.3: not verified, but there is a PIN")
                } else if self.uv_is_blocked() {
                    Status::PIN_BLOCKED
                        .because("CTAP 2.1 §6.1.2 step 11.2.3: uvRetries is 0, and no PIN helps")
                } else {
                    then.refused(refusal)
                }
            }
            _ => then.refused(refusal),
        }
    }
}
