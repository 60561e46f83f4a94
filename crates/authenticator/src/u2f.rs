//! CTAP1, which is FIDO U2F: FIDO U2F Raw Message Formats 1.2, and CTAP 2.1 §10 for how it goes together with CTAP2.
//!
//! A U2F request never waits. One that needs a user who is not there is answered with 6985, and the platform sends it
//! again and again. So the question to the user outlives the request that raised it: it is the authenticator's, as a
//! light that blinks, for as long as the platform keeps asking. A touch is then good for one request of the same
//! kind.
use crate::authenticator::{Authenticator, Event, Question, Via};
use crate::credentials::RpIdHash;
use crate::memory::Held;
use crate::sealed::Sealed;
use crate::signer::{Attester, SignerError};
use crate::store::{Change, KeyPair};
use crate::user::{Consent, Gesture, Prompt, Purpose, Refusal as Refused};
use alloc::{format, string::String, vec::Vec};
use core::time::Duration;
use wire::apdu::{self, Refusal, Response, StatusWord};
use wire::cose::{Algorithm, PublicKey};
use wire::ctap1::{Control, Instruction, RegisterResponse, RegistrationData, Request, VERSION};
use wire::status::{CtapError, Status};
use wire::time::Instant;
use wire::webauthn::{AuthenticatorData, Flags};

/// How long a touch is good for, and how long a question stays open after the platform last asked. The specification
/// leaves both open; ten seconds are what the security key firmware OpenSK takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// A platform that polls does so several times a second. One that did not for so long may be pushed aside by another
/// channel.
const LIVELY: Duration = Duration::from_secs(1);

/// Who asks for presence, and for what.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Asked {
    via: Via,
    instruction: Instruction,
    application: RpIdHash,
    challenge: [u8; 32],
}

impl Asked {
    /// Whether a touch for the one is a touch for the other: the challenge may differ.
    fn is_like(&self, other: &Self) -> bool {
        Self { challenge: other.challenge, ..*self } == *other
    }
}

/// A user whom U2F requests wait for, without waiting.
pub(crate) struct Touch {
    asked: Asked,
    /// When the platform asked last.
    last: Instant,
    /// When all this is forgotten.
    until: Instant,
    standing: Standing,
}

enum Standing {
    Open(Prompt),
    /// Good for one request.
    Given(Consent),
    Declined {
        /// Whether it was told to the log.
        told: bool,
    },
}

/// Why there is no answer with data.
enum No {
    Because(Refusal),
    /// The same again as to the request before: a platform that polls for a touch hears it five times a second, and
    /// once is enough for a log.
    Again(Refusal),
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Because(refusal)
    }
}

impl Touch {
    /// The question, while it is open.
    pub(crate) fn prompt(&self) -> Option<&Prompt> {
        match &self.standing {
            Standing::Open(prompt) => Some(prompt),
            Standing::Given(_) | Standing::Declined { .. } => None,
        }
    }

    /// When it is forgotten.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// The user answered the question, if it was open. `None` where nothing is left to remember.
    pub(crate) fn answered(self, now: Instant, gesture: Gesture) -> Option<Self> {
        let Standing::Open(prompt) = &self.standing else { return Some(self) };
        let standing = match gesture.consent(prompt) {
            Ok(consent) => Standing::Given(consent),
            Err(Refused::TimedOut) => return None,
            Err(Refused::Declined | Refused::NotVerified) => Standing::Declined { told: false },
        };
        Some(Self { standing, until: now + PATIENCE, ..self })
    }
}

/// Answers a request APDU.
pub(crate) fn handle(auth: &mut Authenticator, now: Instant, via: Via, apdu: &[u8]) -> Vec<u8> {
    auth.touch.take_if(|touch| touch.until <= now);
    let (data, status, outcome) = match answer(auth, now, via, apdu) {
        Ok(data) => (data, StatusWord::NO_ERROR, Some(Ok(()))),
        Err(No::Because(refusal)) => (Vec::new(), refusal.status, Some(Err(refusal))),
        Err(No::Again(refusal)) => (Vec::new(), refusal.status, None),
    };
    if let Some(outcome) = outcome {
        let [_, instruction, ..] = apdu::Command::header(apdu).unwrap_or_default();
        auth.report(Event::U2fAnswered { instruction: Instruction(instruction), via, outcome });
    }
    Response { data, status }.encode()
}

fn answer(auth: &mut Authenticator, now: Instant, via: Via, apdu: &[u8]) -> Result<Vec<u8>, No> {
    if !auth.capabilities.profile.speaks_u2f() {
        let why = "CTAP 2.1 §6.4: U2F_V2 is not among the versions of this authenticator";
        return Err(StatusWord::INS_NOT_SUPPORTED.because(why).into());
    }
    let request = Request::decode(apdu)?;
    if auth.capabilities.always_uv(auth.memory.state()) {
        let why = "CTAP 2.1 §7.2: alwaysUv is on, and U2F cannot verify its user";
        return Err(StatusWord::COMMAND_NOT_ALLOWED.because(why).into());
    }
    let instruction = request.instruction();
    match request {
        Request::Version => Ok(VERSION.into()),
        Request::Register { challenge, application } => {
            let consent = present(auth, now, Asked { via, instruction, application, challenge })?;
            Ok(register(auth, application, challenge, &consent)?)
        }
        Request::Authenticate { control, challenge, application, key_handle } => {
            let key = find(auth, &application, &key_handle)?;
            let flags = match control {
                Control::CheckOnly => {
                    let why = "U2F Raw Message Formats §5.1: check-only, and the key handle is one of ours";
                    return Err(StatusWord::CONDITIONS_NOT_SATISFIED.because(why).into());
                }
                Control::EnforcePresence => {
                    present(auth, now, Asked { via, instruction, application, challenge })?.flags()
                }
                Control::DontEnforcePresence => Flags::default(),
            };
            Ok(sign(auth, &key, application, challenge, flags)?)
        }
    }
}

/// Evidence of a user who touched for this; who did not is asked. §4.2 and §5.2: without it the answer is 6985.
fn present(auth: &mut Authenticator, now: Instant, asked: Asked) -> Result<Consent, No> {
    let waits = |why| StatusWord::CONDITIONS_NOT_SATISFIED.because(why);
    let is_asked = waits("U2F Raw Message Formats §4.2 and §5.2: the user is asked, and has not touched yet");
    if auth.is_waiting() {
        return Err(waits("CTAP 2.1 §11.2.5.3: another command waits for its user").into());
    }
    let until = now + PATIENCE;
    match auth.touch.take() {
        Some(Touch { asked: before, standing: Standing::Given(consent), .. }) if before.is_like(&asked) => {
            return Ok(consent);
        }
        Some(Touch { asked: before, standing: Standing::Open(prompt), .. }) if before.is_like(&asked) => {
            let standing = Standing::Open(Prompt { deadline: until, ..prompt });
            auth.touch = Some(Touch { asked, last: now, until, standing });
            return Err(No::Again(is_asked));
        }
        // A new challenge is a new ceremony, about which the user said nothing yet.
        Some(Touch { asked: before, standing: Standing::Declined { told }, .. }) if before == asked => {
            auth.touch = Some(Touch { asked, last: now, until, standing: Standing::Declined { told: true } });
            let declined = waits("U2F Raw Message Formats §4.2 and §5.2: the user declined");
            return Err(if told { No::Again(declined) } else { No::Because(declined) });
        }
        Some(touch) if touch.asked.via != asked.via && now.since(touch.last) < LIVELY => {
            auth.touch = Some(touch);
            return Err(
                waits("U2F Raw Message Formats §4.2 and §5.2: another channel waits for a touch").into()
            );
        }
        _ => {}
    }
    let question = Question::presence(Purpose::U2f {
        registers: asked.instruction == Instruction::REGISTER,
        application: asked.application,
        rp_id: known_name(auth, &asked.application),
    });
    let prompt = auth.ask_for(now, asked.via, question, PATIENCE);
    auth.touch = Some(Touch { asked, last: now, until, standing: Standing::Open(prompt) });
    Err(is_asked.into())
}

/// The RP ID behind an application parameter, if a passkey here tells it.
fn known_name(auth: &Authenticator, application: &RpIdHash) -> Option<String> {
    auth.memory.credentials().of_rp(application).next().map(|credential| credential.rp.id.clone())
}

/// The key of a handle. CTAP 2.1 §10.3: credentials of CTAP2 are found too, unless they are only for a user who is
/// verified (§12.1), and all of U2F is ES256.
fn find(auth: &Authenticator, application: &RpIdHash, key_handle: &[u8]) -> Result<KeyPair, Refusal> {
    let wrong = |why| StatusWord::WRONG_DATA.because(why);
    let held = auth.memory.find(application, key_handle).ok_or(wrong(
        "U2F Raw Message Formats §5.3: the key handle is not one of ours for this application",
    ))?;
    if auth.memory.cred_protect(&held) >= 3 {
        return Err(wrong("CTAP 2.1 §12.1: credProtect level 3 hides it from a user who is not verified"));
    }
    let key = match held {
        Held::Sealed { credential, .. } => credential.key,
        Held::Stored(record) => {
            let credential = auth.memory.credentials().get(record);
            credential.map(|credential| credential.key.clone()).ok_or(wrong("the credential is gone"))?
        }
    };
    match key.public.algorithm() {
        Algorithm::ES256 => Ok(key),
        other => {
            let why =
                format!("U2F Raw Message Formats §5.4: signatures are ES256, and this key is for {other}");
            Err(StatusWord::WRONG_DATA.because_of(why))
        }
    }
}

/// §4.3: a key pair in its own handle, attested by the certificate of the model. Nothing is stored.
fn register(
    auth: &mut Authenticator,
    application: RpIdHash,
    challenge: [u8; 32],
    _consent: &Consent,
) -> Result<Vec<u8>, Refusal> {
    let key = auth.signer.generate(Algorithm::ES256, &mut auth.rng).map_err(signer_failed)?;
    let PublicKey::P256 { x, y } = key.public else {
        return Err(StatusWord::UNKNOWN.because("the signer made a key of another algorithm"));
    };
    let credential = Sealed { key, cred_protect: 1, third_party_payment: false };
    let key_handle = auth
        .memory
        .seal(&application, &credential, &mut auth.rng)
        .filter(|id| id.len() <= usize::from(u8::MAX))
        .ok_or(
            StatusWord::UNKNOWN.because("the credential could not be sealed into a handle of 255 bytes"),
        )?;
    let registration = RegistrationData { application, challenge, key_handle, x, y };
    let attested = auth.signer.attest_u2f(Attester::Batch, &registration).map_err(signer_failed)?;
    let certificate =
        attested.chain.into_iter().next().ok_or(
            StatusWord::UNKNOWN.because("U2F Raw Message Formats §4.3: the signer has no certificate"),
        )?;
    let RegistrationData { key_handle, .. } = registration;
    Ok(RegisterResponse { x, y, key_handle, certificate, signature: attested.signature }.encode())
}

/// §5.4: what is signed is authenticator data and a client data hash by other names.
fn sign(
    auth: &mut Authenticator,
    key: &KeyPair,
    application: RpIdHash,
    challenge: [u8; 32],
    flags: Flags,
) -> Result<Vec<u8>, Refusal> {
    let count = auth.memory.next_count(auth.capabilities.profile.counter).map_err(failed)?;
    let data = AuthenticatorData {
        rp_id_hash: application,
        flags,
        sign_count: count.value,
        attested: None,
        extensions: None,
    };
    let signed = auth.signer.sign(key, &data, &challenge).map_err(signer_failed)?;
    // Presence byte and counter as they were signed, which is the signer's to say.
    let told = signed.auth_data.get(32..37);
    let told = told.ok_or(StatusWord::UNKNOWN.because("the signer signed no authenticator data"))?;
    let answer = [told, &signed.signature].concat();
    let changes: Vec<Change> = count.reservation.into_iter().collect();
    auth.commit(&changes, Some(count.value)).map_err(failed)?;
    Ok(answer)
}

fn signer_failed(error: SignerError) -> Refusal {
    StatusWord::UNKNOWN.because_of(format!("{error}"))
}

fn failed(error: CtapError) -> Refusal {
    let status = match error.status {
        Status::KEY_STORE_FULL => StatusWord::NOT_ENOUGH_MEMORY,
        _ => StatusWord::UNKNOWN,
    };
    status.because_of(error.reason)
}
