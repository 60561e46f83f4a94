//! authenticatorReset, CTAP 2.1 §6.6, cut where the user is asked.
use crate::authenticator::{Authenticator, Continuation, Question, Step, Via};
use crate::pin;
use crate::user::{Purpose, Refusal};
use alloc::vec::Vec;
use core::time::Duration;
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// How long after power-up a reset may be asked for. Other commands do not close the window: platforms send
/// INIT and getInfo first.
const WINDOW: Duration = Duration::from_secs(10);

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(auth: &Authenticator, now: Instant, via: Via) -> Result<Step, CtapError> {
    // Over the transports that getInfo lists (CTAP 2.2 §6.4, transportsForReset), if it lists any.
    let allowed = &auth.capabilities.profile.transports_for_reset;
    if !allowed.is_empty() && !allowed.iter().any(|transport| transport == via.link.transport()) {
        return Err(Status::OPERATION_DENIED.because("CTAP 2.1 §6.6: not over this transport"));
    }
    if now.since(auth.powered_up) > WINDOW {
        return Err(Status::NOT_ALLOWED.because("CTAP 2.1 §6.6: more than 10 seconds after power-up"));
    }
    // CTAP 2.3 §6.6: a touch that nobody makes by accident, where that was asked for.
    let long_touch = auth.memory.state().settings.long_touch_for_reset;
    Ok(Step::Ask(Question::presence(Purpose::Reset { long_touch }), Continuation::Reset))
}

pub(crate) fn refused(refusal: Refusal) -> CtapError {
    match refusal {
        Refusal::TimedOut => Status::USER_ACTION_TIMEOUT
            .because("CTAP 2.1 §6.6: the user did not touch in time, or not for long"),
        Refusal::Declined | Refusal::NotVerified => {
            Status::OPERATION_DENIED.because("CTAP 2.1 §6.6: the user declined")
        }
    }
}

pub(crate) fn resume(auth: &mut Authenticator) -> Result<Vec<u8>, CtapError> {
    let change = auth.memory.reset(&auth.capabilities.profile, &mut auth.rng);
    auth.commit(&[change], None)?;
    auth.session = pin::Session::new(&mut auth.rng);
    auth.enrolling = None;
    Ok(Vec::from([Status::OK.0]))
}
