//! The machine: what comes in, what goes out, and the one way in which anything persistent changes.
use crate::capabilities::Capabilities;
use crate::memory::Memory;
use crate::profile::Profile;
use crate::signer::{AttestationIdentity, Signer, SignerError};
use crate::step::{Work, goes_on};
use crate::store::{Change, Store, StoreError};
use crate::user::{Gesture, Prompt, Purpose, Refusal};
use crate::{
    Link, bio_enrollment, config, credential_management, get_assertion, identifier, large_blobs,
    make_credential, pin, reset, u2f,
};
use alloc::{boxed::Box, collections::VecDeque, format, vec::Vec};
use core::time::Duration;
use rand_core::CryptoRng;
use wire::apdu::Refusal as ApduRefusal;
use wire::cose::Algorithm;
use wire::ctap1::Instruction;
use wire::ctap2::{self, Command};
use wire::status::{CtapError, Status};
use wire::time::Instant;

pub(crate) use crate::step::{Continuation, Question, Rest, SEQUENCE, Sequence, Silent, Step};

/// How long a user is waited for.
const USER_ACTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Events kept for an owner that does not ask for them.
const EVENTS_KEPT: usize = 256;

/// Which link and channel asked. Sequences are bound to a channel, the look of getInfo to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via {
    /// What carries the message.
    pub link: Link,
    /// The channel on it; 0 where a link has no channels.
    pub channel: u32,
}

/// A message from a platform.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// A command byte and canonical CBOR.
    Ctap2(&'a [u8]),
    /// A CTAP1 APDU. It never waits: without presence it answers 6985.
    U2f(&'a [u8]),
}

/// Where a command stands after an input.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The command is over; these are the bytes for the platform.
    Reply(Vec<u8>),
    /// Nothing happens until a gesture, a cancel or the deadline.
    AwaitingUser(Prompt),
    /// Slow work is next: tell the platform, then call [`Authenticator::proceed`]. Until then the command can still be
    /// cancelled.
    Processing,
}

/// What happened inside, for logs and user interfaces. Never needed to operate the authenticator.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A command was answered: well, or with a reason.
    Answered {
        /// Which command; byte 0 for an empty message.
        command: Command,
        /// Who asked.
        via: Via,
        /// Why it was refused, if it was.
        outcome: Result<(), CtapError>,
    },
    /// A U2F request was answered: well, or with a reason. Of one that is sent again and again until the user touches,
    /// only the first is told.
    U2fAnswered {
        /// Which instruction; byte 0 for a message without one.
        instruction: Instruction,
        /// Who asked.
        via: Via,
        /// Why it was refused, if it was.
        outcome: Result<(), ApduRefusal>,
    },
    /// The store took this many changes.
    Committed {
        /// At least one.
        changes: usize,
    },
}

/// A CTAP authenticator. Call `handle_*` with what comes in and act on the [`Progress`]; after every call,
/// call [`Authenticator::handle_timeout`] no later than [`Authenticator::poll_timeout`] says, and, if events
/// are of interest, [`Authenticator::poll_event`] until it is `None`.
pub struct Authenticator {
    pub(crate) capabilities: Capabilities,
    pub(crate) memory: Memory,
    pub(crate) powered_up: Instant,
    /// What a next command on the same channel may go on with.
    pub(crate) sequence: Option<Sequence>,
    /// A finger that is being enrolled, until the power is cut.
    pub(crate) enrolling: Option<bio_enrollment::Enrolling>,
    /// PIN and tokens, until the power is cut.
    pub(crate) session: pin::Session,
    pub(crate) signer: Box<dyn Signer + Send>,
    pub(crate) rng: Box<dyn CryptoRng + Send>,
    /// What U2F requests wait for without waiting.
    pub(crate) touch: Option<u2f::Touch>,
    pending: Option<Pending>,
    deferred: Option<Deferred>,
    prompts: u64,
    events: VecDeque<Event>,
}

/// A command that waits for its user: a value, not a stopped thread.
struct Pending {
    command: Command,
    via: Via,
    prompt: Prompt,
    then: Continuation,
}

/// A command whose slow half has not begun.
struct Deferred {
    command: Command,
    via: Via,
    work: Work,
}

impl Authenticator {
    /// Loads what is remembered, and on the very first power-up begins to remember. `now` is on the owner's
    /// clock, which goes on over power cycles.
    ///
    /// # Errors
    /// Those of the store.
    pub fn power_up(
        now: Instant,
        profile: Profile,
        store: Box<dyn Store + Send>,
        signer: Box<dyn Signer + Send>,
        mut rng: Box<dyn CryptoRng + Send>,
    ) -> Result<Self, StoreError> {
        let memory = Memory::load(store, &profile, &mut rng)?;
        let session = pin::Session::new(&mut rng);
        Ok(Self {
            capabilities: Capabilities::of(profile),
            memory,
            powered_up: now,
            sequence: None,
            enrolling: None,
            session,
            signer,
            rng,
            touch: None,
            pending: None,
            deferred: None,
            prompts: 0,
            events: VecDeque::new(),
        })
    }

    /// The power was cut and came back: what waited for its user is gone without an answer, and what was stored
    /// is loaded again.
    ///
    /// # Errors
    /// Those of the store. The authenticator is then as it was before.
    pub fn power_cycle(&mut self, now: Instant) -> Result<(), StoreError> {
        self.memory.reload(&self.capabilities.profile, &mut self.rng)?;
        self.session = pin::Session::new(&mut self.rng);
        self.pending = None;
        self.touch = None;
        self.deferred = None;
        self.sequence = None;
        self.enrolling = None;
        self.powered_up = now;
        self.signer.forget();
        Ok(())
    }

    /// The signer takes other attestation keys from now on.
    pub fn set_identity(&mut self, identity: AttestationIdentity) {
        self.signer.set_identity(identity);
    }

    /// A message from a platform.
    pub fn handle_request(&mut self, now: Instant, via: Via, request: Request<'_>) -> Progress {
        let message = match request {
            Request::Ctap2(message) => message,
            Request::U2f(apdu) => return Progress::Reply(u2f::handle(self, now, via, apdu)),
        };
        let command = message.first().copied().map(Command);
        let step = self.decide(now, via, message);
        self.advance(now, command.unwrap_or(Command(0)), via, step)
    }

    fn decide(&mut self, now: Instant, via: Via, message: &[u8]) -> Result<Step, CtapError> {
        if self.is_waiting() {
            let why = "CTAP 2.1 §11.2.5.3: another command waits for its user, or is being worked on";
            return Err(Status::CHANNEL_BUSY.because(why));
        }
        let longest = self.capabilities.longest_message(via.link);
        if u32::try_from(message.len()).map_or(true, |len| len > longest) {
            let limit = if via.link == Link::Hybrid { "a message over hybrid has," } else { "maxMsgSize" };
            let why = format!("CTAP 2.1 §6.4: {} bytes are more than {limit} {longest}", message.len());
            return Err(Status::REQUEST_TOO_LARGE.because_of(why));
        }
        // Before its parameters are looked at: a command that is not there has none.
        if let Some(command) = message.first().copied().map(Command)
            && !self.capabilities.answers(via.link, command)
        {
            let why = match via.link {
                Link::Hybrid => format!("CTAP 2.2 §11.5: over hybrid a phone answers no {command}"),
                _ => format!("CTAP 2.1 §6: this authenticator has no {command}"),
            };
            return Err(Status::INVALID_COMMAND.because_of(why));
        }
        let request = match via.link {
            Link::Hybrid => ctap2::Request::decode_over_hybrid(message)?,
            _ => ctap2::Request::decode(message)?,
        };
        // CTAP 2.1 §6: what is left of a sequence does not outlive another command.
        self.sequence.take_if(|sequence| !goes_on(&request, &sequence.rest));
        self.session.observe(now);
        // The receiver says what a command may touch before its user is asked: `&self`.
        let this = &*self;
        let mut used = None;
        let step = match request {
            ctap2::Request::MakeCredential(request) => {
                make_credential::begin(this, now, via, request, &mut used)
            }
            ctap2::Request::GetAssertion(request) => get_assertion::begin(this, now, via, request, &mut used),
            ctap2::Request::GetNextAssertion => get_assertion::begin_next(this, via, now),
            ctap2::Request::GetInfo => Ok(Step::Reply(self.get_info(via.link).encode())),
            ctap2::Request::Reset => reset::begin(this, now, via),
            ctap2::Request::Selection => {
                Ok(Step::Ask(Question::presence(Purpose::Select), Continuation::Selection))
            }
            ctap2::Request::ClientPin(request) => pin::begin(this, now, via, request),
            ctap2::Request::BioEnrollment(request) => {
                bio_enrollment::begin(this, now, via, request, &mut used)
            }
            ctap2::Request::CredentialManagement(request) => {
                credential_management::begin(this, now, via, request, &mut used)
            }
            ctap2::Request::LargeBlobs(request) => large_blobs::begin(this, now, via, request, &mut used),
            ctap2::Request::Config(request) => config::begin(this, now, via, request, &mut used),
        };
        // The one thing that a refused command leaves behind.
        if let Some(used) = used {
            self.note(used);
        }
        step
    }

    /// getInfo, with the members that are drawn anew each time.
    fn get_info(&mut self, link: Link) -> ctap2::GetInfoResponse {
        let mut info = self.capabilities.get_info(link, &self.memory);
        if self.capabilities.profile.tells_identifier
            && link != Link::Hybrid
            && let Some(sealed) = identifier::Sealed::of(&self.memory, &mut self.rng)
        {
            info.enc_identifier = Some(sealed.enc_identifier);
            info.enc_cred_store_state = Some(sealed.enc_cred_store_state);
        }
        info
    }

    /// What a command on this channel may go on with.
    ///
    /// # Errors
    /// NOT_ALLOWED if there is nothing, it came over another channel, or it is too old.
    pub(crate) fn continues(&self, via: Via, now: Instant) -> Result<&Rest, CtapError> {
        let refused = |why| Err(Status::NOT_ALLOWED.because(why));
        match &self.sequence {
            None => refused("CTAP 2.1 §6.3 step 1: there is nothing to go on with"),
            Some(sequence) if sequence.via != via => {
                refused("CTAP 2.1 §6.3 step 1: the command before came over another channel")
            }
            Some(sequence) if now > sequence.expires => {
                refused("CTAP 2.1 §6.3 step 3: more than 30 seconds since the command before")
            }
            Some(sequence) => Ok(&sequence.rest),
        }
    }

    /// The user answered. `None` if no command waits for it: nobody was asked, or a U2F request asked, which is sent
    /// again.
    pub fn handle_gesture(&mut self, now: Instant, gesture: Gesture) -> Option<Progress> {
        let Some(Pending { command, via, prompt, then }) = self.pending.take() else {
            self.touch = self.touch.take().and_then(|touch| touch.answered(now, gesture));
            return None;
        };
        let consent = gesture.consent(&prompt);
        // CTAP 2.1 §6.5.3.1: what is left of the retries is durable before anything follows from the attempt.
        if prompt.verification
            && let Err(failed) = self.count_uv(&consent)
        {
            return Some(self.advance(now, command, via, Err(failed)));
        }
        let step = match consent {
            // CTAP 2.1 §6.5.3.1: a failed attempt may be repeated while there are attempts left.
            Err(Refusal::NotVerified) if prompt.verification && prompt.attempts > 1 => {
                let question = Question { purpose: prompt.purpose, verification: true };
                let prompt = self.ask(now, via, question, &then, prompt.attempts - 1);
                self.pending = Some(Pending { command, via, prompt: prompt.clone(), then });
                return Some(Progress::AwaitingUser(prompt));
            }
            Err(refusal) if prompt.verification => Err(self.uv_failed(&then, refusal)),
            Err(refusal) => match then {
                // CTAP 2.1 §6.7.4: a bad sample is an answer, too.
                Continuation::EnrollSample(asked) => asked.failed(self, refusal).map(Step::Reply),
                then => Err(then.refused(refusal)),
            },
            Ok(consent) => return Some(self.perform(now, command, via, Work::Agreed(then, consent))),
        };
        Some(self.advance(now, command, via, step))
    }

    /// Does the slow work that [`Progress::Processing`] announced. `None` if there is none.
    pub fn proceed(&mut self, now: Instant) -> Option<Progress> {
        let Deferred { command, via, work } = self.deferred.take()?;
        let reply = work.resume(self, now, via);
        Some(self.reply(command, via, reply))
    }

    /// Whether something can be prepared, so that a later command is not slow.
    pub fn can_prepare(&self) -> bool {
        !self.is_waiting() && self.preparable().is_some()
    }

    /// Prepares one thing. It may take as long as the slow work that it saves: to be called while nobody waits.
    pub fn prepare(&mut self) {
        if let Some(algorithm) = self.preparable() {
            // A spare that cannot be made now is made when it is needed, and what is wrong is told then.
            let _ = self.signer.prepare(algorithm, &mut self.rng);
        }
    }

    fn preparable(&self) -> Option<Algorithm> {
        let offered = &self.capabilities.profile.algorithms;
        offered.iter().copied().find(|algorithm| self.signer.can_prepare(*algorithm))
    }

    /// The platform withdrew the command. `None` if there was none. What U2F requests ask of the user is withdrawn
    /// too.
    pub fn handle_cancel(&mut self, now: Instant) -> Option<Progress> {
        self.touch = None;
        let pending = self.pending.take().map(|pending| (pending.command, pending.via));
        let deferred = self.deferred.take().map(|deferred| (deferred.command, deferred.via));
        let (command, via) = pending.or(deferred)?;
        let cancelled =
            Status::KEEPALIVE_CANCEL.because("CTAP 2.1 §11.2.9.1.5: cancelled before anything was made");
        Some(self.advance(now, command, via, Err(cancelled)))
    }

    /// The deadline passed. `None` if nothing was due.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Progress> {
        self.touch.take_if(|touch| touch.until() <= now);
        let pending = self.pending.as_ref()?;
        if now < pending.prompt.deadline { None } else { self.handle_gesture(now, Gesture::TimedOut) }
    }

    /// When [`Authenticator::handle_timeout`] is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let touch = self.touch.as_ref().map(u2f::Touch::until);
        self.pending.as_ref().map(|pending| pending.prompt.deadline).into_iter().chain(touch).min()
    }

    /// The next thing that happened. Of a long silence only the newest events are kept.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The question that is open.
    pub fn prompt(&self) -> Option<&Prompt> {
        let pending = self.pending.as_ref().map(|pending| &pending.prompt);
        pending.or_else(|| self.touch.as_ref().and_then(u2f::Touch::prompt))
    }

    /// Whether a command waits for its user, or for its slow half.
    pub(crate) fn is_waiting(&self) -> bool {
        self.pending.is_some() || self.deferred.is_some()
    }

    fn advance(
        &mut self,
        now: Instant,
        command: Command,
        via: Via,
        step: Result<Step, CtapError>,
    ) -> Progress {
        let reply = match step {
            Ok(Step::Reply(reply)) => Ok(reply),
            // CTAP 2.1 §6.5.3.1: without retries nobody is asked.
            Ok(Step::Ask(question, then)) if question.verification && self.uv_is_blocked() => {
                Err(self.uv_failed(&then, Refusal::NotVerified))
            }
            Ok(Step::Ask(question, then)) => {
                let attempts = self.uv_attempts();
                let prompt = self.ask(now, via, question, &then, attempts);
                self.pending = Some(Pending { command, via, prompt: prompt.clone(), then });
                return Progress::AwaitingUser(prompt);
            }
            Ok(Step::Proceed(silent)) => return self.perform(now, command, via, Work::Silent(silent)),
            Err(error) => Err(error),
        };
        self.reply(command, via, reply)
    }

    /// The second half of a command: at once, or when its owner had the chance to tell the platform.
    fn perform(&mut self, now: Instant, command: Command, via: Via, work: Work) -> Progress {
        if work.is_slow(&self.capabilities.profile, &*self.signer) {
            self.deferred = Some(Deferred { command, via, work });
            return Progress::Processing;
        }
        let reply = work.resume(self, now, via);
        self.reply(command, via, reply)
    }

    fn reply(&mut self, command: Command, via: Via, reply: Result<Vec<u8>, CtapError>) -> Progress {
        let (reply, outcome) = match reply {
            Ok(reply) => (reply, Ok(())),
            Err(error) => (Vec::from([error.status.0]), Err(error)),
        };
        self.report(Event::Answered { command, via, outcome });
        Progress::Reply(reply)
    }

    fn ask(
        &mut self,
        now: Instant,
        via: Via,
        question: Question,
        then: &Continuation,
        attempts: u8,
    ) -> Prompt {
        // The user is asked one thing at a time.
        self.touch = None;
        let time = match then {
            Continuation::EnrollSample(asked) => asked.patience,
            _ => USER_ACTION_TIMEOUT,
        };
        Prompt { attempts, ..self.ask_for(now, via, question, time) }
    }

    /// A question that is open for so long, and with one attempt.
    pub(crate) fn ask_for(&mut self, now: Instant, via: Via, question: Question, time: Duration) -> Prompt {
        self.prompts += 1;
        let Question { purpose, verification } = question;
        let (link, deadline) = (via.link, now + time);
        Prompt { number: self.prompts, purpose, verification, attempts: 1, link, deadline }
    }

    /// Makes changes durable and lets a signature counter go. Nothing may fail after it.
    pub(crate) fn commit(&mut self, changes: &[Change], count: Option<u32>) -> Result<(), CtapError> {
        self.memory.commit(changes, count)?;
        if !changes.is_empty() {
            self.report(Event::Committed { changes: changes.len() });
        }
        if changes.iter().any(|change| matches!(change, Change::DeleteCredential(_) | Change::Reset(_))) {
            self.signer.forget();
        }
        Ok(())
    }

    pub(crate) fn signer_failed(error: SignerError) -> CtapError {
        Status::OTHER.because_of(format!("{error}"))
    }

    pub(crate) fn report(&mut self, event: Event) {
        if self.events.len() == EVENTS_KEPT {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
