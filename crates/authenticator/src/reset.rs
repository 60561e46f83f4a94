//! authenticatorReset, CTAP 2.1 §6.6, cut where the user is asked.
use crate::authenticator::{Authenticator, Continuation, Question, Step};
use crate::user::{Purpose, Refusal};
use alloc::vec::Vec;
use core::time::Duration;
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// How long after power-up a reset may be asked for. Other commands do not close the window: platforms send
/// INIT and getInfo first.
const WINDOW: Duration = Duration::from_secs(10);

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(auth: &Authenticator, now: Instant) -> Result<Step, CtapError> {
    if now.since(auth.powered_up) > WINDOW {
        return Err(Status::NOT_ALLOWED.because("CTAP 2.1 §6.6: more than 10 seconds after power-up"));
    }
    Ok(Step::Ask(Question::presence(Purpose::Reset), Continuation::Reset))
}

pub(crate) fn refused(refusal: Refusal) -> CtapError {
    match refusal {
        Refusal::TimedOut => {
            Status::USER_ACTION_TIMEOUT.because("CTAP 2.1 §6.6: the user did nothing in time")
        }
        Refusal::Declined | Refusal::NotVerified => {
            Status::OPERATION_DENIED.because("CTAP 2.1 §6.6: the user declined")
        }
    }
}

pub(crate) fn resume(auth: &mut Authenticator) -> Result<Vec<u8>, CtapError> {
    let change = auth.memory.reset(&mut auth.rng);
    auth.commit(&[change], None)?;
    Ok(Vec::from([Status::OK.0]))
}
