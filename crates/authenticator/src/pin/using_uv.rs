//! getPinUvAuthTokenUsingUvWithPermissions, CTAP 2.1 §6.5.5.7.3, cut where the user is asked.
use super::commands::required;
use super::grant::{self, Grant};
use crate::authenticator::{Authenticator, Continuation, Question, Step, Via};
use crate::user::{Consent, Purpose, Refusal};
use alloc::{boxed::Box, vec::Vec};
use wire::ctap2::ClientPin;
use wire::status::{CtapError, Status};
use wire::time::Instant;
use wire::webauthn::Flags;

/// What was decided before the user was asked.
pub(crate) struct Asked(Grant);

/// Decides; changes nothing, as `&Authenticator` promises.
pub(super) fn begin(auth: &Authenticator, via: Via, request: ClientPin) -> Result<Step, CtapError> {
    // Step 1.
    let number = required(request.protocol, "pinUvAuthProtocol")?;
    let peer = required(request.key_agreement, "keyAgreement")?;
    let wanted = required(request.permissions, "permissions")?;
    // Step 2.
    let protocol = auth.protocol(Some(number))?;
    // Steps 3 and 4.
    let permissions = grant::by_uv(auth, wanted)?;
    // Step 5.
    if !auth.uv_is_configured() {
        let why = "CTAP 2.1 §6.5.5.7.3 step 5: built-in user verification is not set up";
        return Err(Status::NOT_ALLOWED.because(why));
    }
    // Step 7.
    if auth.uv_is_blocked() {
        return Err(Status::UV_BLOCKED.because("CTAP 2.1 §6.5.5.7.3 step 7: uvRetries is 0"));
    }
    let secret = auth.decapsulate(protocol, &peer)?;

    // Steps 8 and 9: one gesture is the consent and the verification. Step 6: without preferredPlatformUvAttempts
    // the authenticator itself lets a finger try again.
    let purpose = Purpose::Token { rp_id: request.rp_id.clone(), permissions };
    let grant = Grant { protocol, secret, link: via.link, permissions, rp_id: request.rp_id };
    Ok(Step::Ask(
        Question { purpose, verification: true },
        Continuation::TokenUsingUv(Box::new(Asked(grant))),
    ))
}

impl Asked {
    /// Steps 11 to 16: the finger that verified the user also touched.
    pub(crate) fn resume(
        self,
        auth: &mut Authenticator,
        now: Instant,
        consent: &Consent,
    ) -> Result<Vec<u8>, CtapError> {
        self.0.issue(auth, now, consent.flags().contains(Flags::UP), None)
    }
}

/// Steps 8 and 10, while there are retries left.
pub(crate) fn refused(refusal: Refusal) -> CtapError {
    match refusal {
        Refusal::Declined => {
            Status::OPERATION_DENIED.because("CTAP 2.1 §6.5.5.7.3 step 8: the user declined")
        }
        Refusal::TimedOut => {
            Status::USER_ACTION_TIMEOUT.because("CTAP 2.1 §6.5.5.7.3 step 10.1: the user did nothing in time")
        }
        Refusal::NotVerified => {
            Status::UV_INVALID.because("CTAP 2.1 §6.5.5.7.3 step 10.3: the user could not be verified")
        }
    }
}
