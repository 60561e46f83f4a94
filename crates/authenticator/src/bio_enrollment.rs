//! authenticatorBioEnrollment, CTAP 2.1 §6.7: fingers, enrolled sample by sample, told, named and forgotten.
//!
//! A sample is a question to the user, so every subcommand that takes one is cut there. The samples are simulated: a
//! touch is a good one. What has been taken of a finger is kept until the power is cut and no longer; only the last
//! good sample commits anything.
use crate::authenticator::{Authenticator, Continuation, Question, Silent, Step, Via};
use crate::pin::{TokenUse, Verified};
use crate::profile::Verification;
use crate::store::{Change, Finger, State};
use crate::user::{Purpose, Refusal};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;
use wire::ctap2::bio_enrollment::{FINGERPRINT, FingerprintKind, SampleStatus, Subcommand, TemplateInfo};
use wire::ctap2::{BioEnrollment, BioEnrollmentResponse, Permissions};
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// Bytes that a name may have (maxTemplateFriendlyName).
const MAX_NAME: usize = 64;
/// Bytes of a templateId.
const ID: usize = 8;
/// How long a sample is waited for where the platform does not say.
const SAMPLE: Duration = Duration::from_secs(30);
/// How long it is waited for at most, whatever the platform says. A guess: the specification sets no limit.
const LONGEST_SAMPLE: Duration = Duration::from_secs(60);

/// A finger that is being enrolled. It ends with the power, a cancel, a reset, or the beginning of another.
pub(crate) struct Enrolling {
    /// Whose it is: no other platform may go on with it. A guess: the specification binds it to nobody.
    via: Via,
    id: Vec<u8>,
    /// Good samples that are still needed.
    remaining: u8,
}

/// A subcommand, read and judged, that may write without asking the user.
pub(crate) struct Command(Action);

enum Action {
    Cancel,
    Enumerate,
    /// The fingers as they are from now on.
    Put(Vec<Finger>),
}

/// A sample that the user is asked for.
pub(crate) struct Asked {
    via: Via,
    /// It is the first of another finger.
    begins: bool,
    /// Good samples that are needed, this one among them.
    remaining: u8,
    pub(crate) patience: Duration,
}

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(
    auth: &Authenticator,
    now: Instant,
    via: Via,
    request: BioEnrollment,
    used: &mut Option<TokenUse>,
) -> Result<Step, CtapError> {
    let Some(subcommand) = request.subcommand else { return modality(request.get_modality) };
    // That the modality must be there and right is what OpenSK does: the specification does not say so.
    match request.modality {
        Some(FINGERPRINT) => {}
        Some(_) => {
            return Err(Status::INVALID_PARAMETER.because("CTAP 2.1 §6.7: this modality is not supported"));
        }
        None => return Err(missing("CTAP 2.1 §6.7: modality is absent")),
    }
    match subcommand {
        // §6.7.3 and §6.7.5 need no token.
        Subcommand::GET_FINGERPRINT_SENSOR_INFO => Ok(Step::Reply(sensor_info(auth).encode())),
        Subcommand::CANCEL_CURRENT_ENROLLMENT => proceed(Action::Cancel),
        // §6.7.4.
        Subcommand::ENROLL_BEGIN => {
            *used = Some(verified(auth, now, &request, true)?);
            let samples = has_room(auth)?;
            Ok(ask(via, &request, true, samples))
        }
        Subcommand::ENROLL_CAPTURE_NEXT_SAMPLE => {
            *used = Some(verified(auth, now, &request, request.template_id.is_some())?);
            let remaining = goes_on(auth, via, &request)?;
            Ok(ask(via, &request, false, remaining))
        }
        // §6.7.6.
        Subcommand::ENUMERATE_ENROLLMENTS => {
            *used = Some(verified(auth, now, &request, true)?);
            if auth.memory.state().verification.fingers.is_empty() {
                return Err(Status::INVALID_OPTION.because("CTAP 2.1 §6.7.6: no finger is enrolled"));
            }
            proceed(Action::Enumerate)
        }
        // §6.7.7.
        Subcommand::SET_FRIENDLY_NAME => {
            let named = request.template_id.is_some() && request.friendly_name.is_some();
            *used = Some(verified(auth, now, &request, named)?);
            let (id, name) =
                (request.template_id.unwrap_or_default(), request.friendly_name.unwrap_or_default());
            proceed(Action::Put(renamed(auth, &id, name)?))
        }
        // §6.7.8.
        Subcommand::REMOVE_ENROLLMENT => {
            *used = Some(verified(auth, now, &request, request.template_id.is_some())?);
            proceed(Action::Put(without(auth, &request.template_id.unwrap_or_default())?))
        }
        _ => Err(Status::INVALID_SUBCOMMAND.because("CTAP 2.1 §6.7: unknown subcommand")),
    }
}

/// §6.7.2. Without a subcommand there is nothing else to ask for.
fn modality(asked: Option<bool>) -> Result<Step, CtapError> {
    match asked {
        Some(true) => {
            let answer =
                BioEnrollmentResponse { modality: Some(FINGERPRINT), ..BioEnrollmentResponse::default() };
            Ok(Step::Reply(answer.encode()))
        }
        Some(false) => Err(Status::INVALID_PARAMETER.because("CTAP 2.1 §6.7: getModality must be true")),
        None => Err(missing("CTAP 2.1 §6.7: neither subCommand nor getModality is there")),
    }
}

/// §6.7.3.
fn sensor_info(auth: &Authenticator) -> BioEnrollmentResponse {
    BioEnrollmentResponse {
        modality: Some(FINGERPRINT),
        fingerprint_kind: Some(FingerprintKind::TOUCH),
        max_capture_samples: Some(reader(auth).1.into()),
        max_friendly_name: u64::try_from(MAX_NAME).ok(),
        ..BioEnrollmentResponse::default()
    }
}

/// Fingers that the reader holds, and samples that each takes. The command is there only where there is a reader.
fn reader(auth: &Authenticator) -> (u8, u8) {
    match auth.capabilities.profile.verification {
        Verification::Enrollable { capacity, samples, .. } => (capacity, samples.max(1)),
        Verification::None | Verification::OnRequest | Verification::Always => (0, 1),
    }
}

/// The steps that every subcommand with a token begins with: it was sent, the parameters are there (`complete`), it
/// verifies, and it may enrol.
fn verified(
    auth: &Authenticator,
    now: Instant,
    request: &BioEnrollment,
    complete: bool,
) -> Result<TokenUse, CtapError> {
    let param = request.pin_uv_auth_param.as_deref();
    let param = param.ok_or(Status::PUAT_REQUIRED.because("CTAP 2.1 §6.7.4: pinUvAuthParam is absent"))?;
    if !complete {
        return Err(missing("CTAP 2.1 §6.7: a parameter of this subcommand is absent"));
    }
    let protocol = auth.protocol(request.protocol)?;
    let message = request.authenticated();
    if auth.capabilities.profile.pin_uv_auth_token {
        return auth.verify_token(now, protocol, &message, param, Permissions::BE).map(TokenUse::of);
    }
    // FIDO_2_1_PRE: tokens had no permissions yet, and whoever knew the PIN could enrol.
    auth.session.token(protocol).verify(now, protocol, &message, param)?;
    Ok(TokenUse::of(Verified { protocol }))
}

/// §6.7.4: samples that another finger takes, if there is room for it.
fn has_room(auth: &Authenticator) -> Result<u8, CtapError> {
    let (capacity, samples) = reader(auth);
    if auth.memory.state().verification.fingers.len() >= usize::from(capacity) {
        return Err(Status::FP_DATABASE_FULL.because("CTAP 2.1 §6.7.4: there is no room for another finger"));
    }
    Ok(samples)
}

/// §6.7.4: samples that the finger still needs, if it is the one that this platform enrols. INVALID_PARAMETER is what
/// OpenSK answers: the specification does not say.
fn goes_on(auth: &Authenticator, via: Via, request: &BioEnrollment) -> Result<u8, CtapError> {
    match &auth.enrolling {
        Some(now) if now.via == via && request.template_id.as_ref() == Some(&now.id) => Ok(now.remaining),
        _ => Err(Status::INVALID_PARAMETER.because("CTAP 2.1 §6.7.4: this finger is not being enrolled")),
    }
}

fn ask(via: Via, request: &BioEnrollment, begins: bool, remaining: u8) -> Step {
    let patience = request.timeout_milliseconds.map_or(SAMPLE, Duration::from_millis).min(LONGEST_SAMPLE);
    let question = Question::presence(Purpose::EnrollSample { remaining });
    Step::Ask(question, Continuation::EnrollSample(Asked { via, begins, remaining, patience }))
}

fn proceed(action: Action) -> Result<Step, CtapError> {
    Ok(Step::Proceed(Silent::BioEnrollment(Box::new(Command(action)))))
}

fn missing(why: &'static str) -> CtapError {
    Status::MISSING_PARAMETER.because(why)
}

/// The fingers, with another name for one of them.
pub(crate) fn renamed(auth: &Authenticator, id: &[u8], name: String) -> Result<Vec<Finger>, CtapError> {
    let mut fingers = auth.memory.state().verification.fingers.clone();
    let finger = fingers.iter_mut().find(|finger| finger.id == id);
    let finger = finger.ok_or(Status::INVALID_OPTION.because("CTAP 2.1 §6.7.7: there is no such finger"))?;
    finger.name = Some(checked(name)?).filter(|name| !name.is_empty());
    Ok(fingers)
}

/// A name that is not too long.
fn checked(name: String) -> Result<String, CtapError> {
    if name.len() > MAX_NAME {
        let why = "CTAP 2.1 §6.7.7: the name is longer than maxTemplateFriendlyName";
        return Err(Status::INVALID_LENGTH.because(why));
    }
    Ok(name)
}

/// The fingers without one of them.
pub(crate) fn without(auth: &Authenticator, id: &[u8]) -> Result<Vec<Finger>, CtapError> {
    let mut fingers = auth.memory.state().verification.fingers.clone();
    let before = fingers.len();
    fingers.retain(|finger| finger.id != id);
    if fingers.len() == before {
        return Err(Status::INVALID_OPTION.because("CTAP 2.1 §6.7.8: there is no such finger"));
    }
    Ok(fingers)
}

/// The fingers and another one, enrolled without samples: its owner's shortcut.
pub(crate) fn with_another(auth: &mut Authenticator, name: Option<String>) -> Result<Vec<Finger>, CtapError> {
    has_room(auth)?;
    let name = name.map(checked).transpose()?.filter(|name| !name.is_empty());
    let mut fingers = auth.memory.state().verification.fingers.clone();
    fingers.push(Finger { id: fresh_id(auth), name });
    Ok(fingers)
}

/// The one place where fingers change.
pub(crate) fn put(auth: &mut Authenticator, fingers: Vec<Finger>) -> Result<(), CtapError> {
    let mut state: State = auth.memory.state().clone();
    state.verification.fingers = fingers;
    auth.commit(&[Change::PutState(state)], None)
}

/// An ID that no finger has.
fn fresh_id(auth: &mut Authenticator) -> Vec<u8> {
    loop {
        let mut id = alloc::vec![0; ID];
        auth.rng.fill_bytes(&mut id);
        if auth.memory.state().verification.fingers.iter().all(|finger| finger.id != id) {
            return id;
        }
    }
}

/// Does what was decided.
pub(crate) fn resume(command: Command, auth: &mut Authenticator, via: Via) -> Result<Vec<u8>, CtapError> {
    match command.0 {
        Action::Cancel => {
            auth.enrolling.take_if(|enrolling| enrolling.via == via);
        }
        Action::Enumerate => {
            // A name is there even if none was given: python-fido2 2.2.1 takes it for granted.
            let info = |finger: &Finger| TemplateInfo {
                id: finger.id.clone(),
                name: Some(finger.name.clone().unwrap_or_default()),
            };
            let fingers = &auth.memory.state().verification.fingers;
            let templates = Some(fingers.iter().map(info).collect());
            return Ok(BioEnrollmentResponse { templates, ..BioEnrollmentResponse::default() }.encode());
        }
        Action::Put(fingers) => put(auth, fingers)?,
    }
    Ok(Vec::from([Status::OK.0]))
}

impl Asked {
    /// A good sample. The last one enrols the finger.
    pub(crate) fn captured(self, auth: &mut Authenticator) -> Result<Vec<u8>, CtapError> {
        let remaining = self.remaining.saturating_sub(1);
        self.sampled(auth, SampleStatus::FP_GOOD, remaining)
    }

    /// No good sample. The answer is a success all the same, and the enrolment goes on, except that a user who
    /// declines ends the command. What was wrong with a bad one is made up.
    pub(crate) fn failed(self, auth: &mut Authenticator, refusal: Refusal) -> Result<Vec<u8>, CtapError> {
        let status = match refusal {
            Refusal::NotVerified => SampleStatus::FP_TOO_FAST,
            Refusal::TimedOut => SampleStatus::NO_USER_ACTIVITY,
            Refusal::Declined => return Err(refused()),
        };
        let remaining = self.remaining;
        self.sampled(auth, status, remaining)
    }

    fn sampled(
        self,
        auth: &mut Authenticator,
        status: SampleStatus,
        remaining: u8,
    ) -> Result<Vec<u8>, CtapError> {
        // An unfinished enrolment ends where another begins.
        let going_on = auth.enrolling.take();
        let id = match going_on {
            Some(Enrolling { id, .. }) if !self.begins => id,
            _ => fresh_id(auth),
        };
        if remaining == 0 {
            let mut fingers = auth.memory.state().verification.fingers.clone();
            fingers.push(Finger { id: id.clone(), name: None });
            if let Err(failed) = put(auth, fingers) {
                // The sample is lost, the finger is not.
                if !self.begins {
                    auth.enrolling = Some(Enrolling { via: self.via, id, remaining: self.remaining });
                }
                return Err(failed);
            }
        } else {
            auth.enrolling = Some(Enrolling { via: self.via, id: id.clone(), remaining });
        }
        let response = BioEnrollmentResponse {
            template_id: self.begins.then_some(id),
            last_sample: Some(status),
            remaining_samples: Some(remaining.into()),
            ..BioEnrollmentResponse::default()
        };
        Ok(response.encode())
    }
}

/// The user would not give a sample. A guess: the specification knows no such user.
pub(crate) fn refused() -> CtapError {
    Status::OPERATION_DENIED.because("CTAP 2.1 §6.7.4: the user declined to give a sample")
}
