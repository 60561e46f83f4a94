//! Where a command is cut: what it asks, what it does once the user agreed, and what goes on with the next command.
use crate::authenticator::{Authenticator, Via};
use crate::profile::Profile;
use crate::signer::Signer;
use crate::user::{Consent, Purpose, Refusal};
use crate::{
    bio_enrollment, config, credential_management, get_assertion, large_blobs, make_credential, pin, reset,
};
use alloc::{boxed::Box, vec::Vec};
use core::time::Duration;
use wire::ctap2;
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// What is left of a command once nobody needs to be asked (any more).
pub(crate) enum Work {
    Agreed(Continuation, Consent),
    Silent(Silent),
}

/// One half of a command ends in a reply, in a question and the other half, or in the other half at once.
pub(crate) enum Step {
    Reply(Vec<u8>),
    Ask(Question, Continuation),
    Proceed(Silent),
}

/// What the user is asked.
pub(crate) struct Question {
    pub(crate) purpose: Purpose,
    pub(crate) verification: bool,
}

impl Question {
    /// A question that a touch answers.
    pub(crate) fn presence(purpose: Purpose) -> Self {
        Self { purpose, verification: false }
    }
}

/// What a command does once the user agreed. Plain data: nothing borrowed, nothing running.
pub(crate) enum Continuation {
    MakeCredential(make_credential::Asked),
    GetAssertion(Box<get_assertion::Asked>),
    /// A touch, then the word whether there is a PIN: CTAP 2.0's way to choose an authenticator.
    TouchOnly,
    Selection,
    Reset,
    /// A sample of a finger, which may be no good.
    EnrollSample(bio_enrollment::Asked),
    /// getPinUvAuthTokenUsingUvWithPermissions.
    TokenUsingUv(Box<pin::UvAsked>),
}

/// What a command does without asking. It is apart from deciding because it may sign and commit.
pub(crate) enum Silent {
    /// The token vouches for the user.
    MakeCredential(make_credential::Asked),
    GetAssertion(Box<get_assertion::Asked>),
    GetNextAssertion,
    ClientPin(Box<pin::Command>),
    BioEnrollment(Box<bio_enrollment::Command>),
    CredentialManagement(Box<credential_management::Command>),
    LargeBlobs(Box<large_blobs::Command>),
    Config(Box<config::Command>),
}

/// Commands that go on where the one before left off, CTAP 2.1 §6: bound to a channel, for 30 seconds, and
/// dropped by any other command.
pub(crate) struct Sequence {
    pub(crate) via: Via,
    pub(crate) expires: Instant,
    pub(crate) rest: Rest,
}

/// What is still to come of a sequence.
pub(crate) enum Rest {
    Assertions(Box<get_assertion::Remaining>),
    RelyingParties(credential_management::RelyingParties),
    Credentials(credential_management::Credentials),
    LargeBlobs(large_blobs::Writing),
}

/// How long a sequence waits for its next command, CTAP 2.1 §6.3 step 3.
pub(crate) const SEQUENCE: Duration = Duration::from_secs(30);

/// Whether a request may go on with what a sequence left.
pub(crate) fn goes_on(request: &ctap2::Request, rest: &Rest) -> bool {
    use ctap2::credential_management::Subcommand;
    match (request, rest) {
        (ctap2::Request::GetNextAssertion, Rest::Assertions(_)) => true,
        (ctap2::Request::CredentialManagement(request), Rest::RelyingParties(_)) => {
            request.subcommand == Subcommand::ENUMERATE_RPS_NEXT
        }
        (ctap2::Request::CredentialManagement(request), Rest::Credentials(_)) => {
            request.subcommand == Subcommand::ENUMERATE_CREDENTIALS_NEXT
        }
        (ctap2::Request::LargeBlobs(request), Rest::LargeBlobs(_)) => {
            request.set.is_some() && request.offset.is_some_and(|at| at > 0)
        }
        _ => false,
    }
}

impl Work {
    /// Whether a platform should hear of it first.
    pub(crate) fn is_slow(&self, profile: &Profile, signer: &dyn Signer) -> bool {
        match self {
            Self::Agreed(Continuation::MakeCredential(asked), _)
            | Self::Silent(Silent::MakeCredential(asked)) => asked.is_slow(profile, signer),
            _ => false,
        }
    }

    /// Does it.
    pub(crate) fn resume(
        self,
        auth: &mut Authenticator,
        now: Instant,
        via: Via,
    ) -> Result<Vec<u8>, CtapError> {
        match self {
            Self::Agreed(then, consent) => then.resume(auth, now, &consent),
            Self::Silent(silent) => silent.resume(auth, now, via),
        }
    }
}

impl Silent {
    fn resume(self, auth: &mut Authenticator, now: Instant, via: Via) -> Result<Vec<u8>, CtapError> {
        match self {
            Self::MakeCredential(asked) => asked.resume(auth, now, None),
            Self::GetAssertion(asked) => asked.resume(auth, now, None),
            Self::GetNextAssertion => get_assertion::resume_next(auth, now),
            Self::ClientPin(command) => pin::resume(*command, auth, now),
            Self::BioEnrollment(command) => bio_enrollment::resume(*command, auth, via),
            Self::CredentialManagement(command) => credential_management::resume(*command, auth, now, via),
            Self::LargeBlobs(command) => large_blobs::resume(*command, auth, now, via),
            Self::Config(command) => config::resume(*command, auth, now, via),
        }
    }
}

impl Continuation {
    /// The second half of a command, with the evidence that it needs.
    fn resume(self, auth: &mut Authenticator, now: Instant, consent: &Consent) -> Result<Vec<u8>, CtapError> {
        match self {
            Self::MakeCredential(asked) => asked.resume(auth, now, Some(consent)),
            Self::GetAssertion(asked) => asked.resume(auth, now, Some(consent)),
            Self::TouchOnly if auth.memory.state().verification.pin.is_some() => Err(Status::PIN_INVALID
                .because("CTAP 2.1 §6.1.2 step 1: an empty pinUvAuthParam, and the user touched")),
            Self::TouchOnly => Err(Status::PIN_NOT_SET
                .because("CTAP 2.1 §6.1.2 step 1: an empty pinUvAuthParam, and the user touched")),
            Self::Selection => Ok(Vec::from([Status::OK.0])),
            Self::Reset => reset::resume(auth),
            Self::EnrollSample(asked) => asked.captured(auth),
            Self::TokenUsingUv(asked) => asked.resume(auth, now, consent),
        }
    }

    /// What a refusal means to the command.
    pub(crate) fn refused(&self, refusal: Refusal) -> CtapError {
        match self {
            Self::MakeCredential(asked) => asked.refused(refusal),
            Self::GetAssertion(_) => get_assertion::refused(refusal),
            Self::TouchOnly => Status::OPERATION_DENIED
                .because("CTAP 2.1 §6.1.2 step 1: an empty pinUvAuthParam, and no touch"),
            Self::Selection if refusal == Refusal::TimedOut => {
                Status::USER_ACTION_TIMEOUT.because("CTAP 2.1 §6.9: the user did nothing in time")
            }
            Self::Selection => Status::OPERATION_DENIED.because("CTAP 2.1 §6.9: the user declined"),
            Self::Reset => reset::refused(refusal),
            Self::EnrollSample(_) => bio_enrollment::refused(),
            Self::TokenUsingUv(_) => pin::uv_refused(refusal),
        }
    }
}
