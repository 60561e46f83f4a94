//! One authenticator behind any number of links, with its user. Still without I/O.
use crate::faults::{Faults, FaultyLink, FaultySigner, FaultyStore, Strike};
use crate::plugged::Plugged;
use crate::port::Port;
use crate::profile::DeviceProfile;
use crate::script::{InvalidScript, Person, Playing, Script};
use crate::traffic::{Protocol, Towards, Traffic, Unit};
use crate::user::UserPolicy;
use authenticator::signer::{AttestationIdentity, Signer};
use authenticator::store::{Store, StoreError};
use authenticator::{Authenticator, Gesture, Progress, Prompt, Request, Via};
use rand_core::CryptoRng;
use std::collections::VecDeque;
use transport::Link;
use wire::ctap2::Command;
use wire::time::Instant;

/// What happened, for logs and user interfaces. Never needed to operate the device.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The user is asked.
    Prompted(Prompt),
    /// A question is no longer open; the number is its [`Prompt::number`].
    PromptClosed(u64),
    /// The authenticator reports.
    Authenticator(authenticator::Event),
    /// A platform asked for a visible sign.
    Winked,
    /// The power went on or off.
    Power(bool),
    /// A fault that is armed has struck.
    Fault(Strike),
    /// Somebody who uses the device has something to say to those who watch.
    Noted(String),
    /// Something passed over a link. Told only while somebody watches.
    Traffic(Traffic),
}

/// A virtual device. Everything is an input with the time at which it happened; after each, send what
/// [`VirtualAuthenticator::poll_frame`] gives until it is `None`, show or log what
/// [`VirtualAuthenticator::poll_event`] gives, and call [`VirtualAuthenticator::handle_timeout`] no later than
/// [`VirtualAuthenticator::poll_timeout`] says.
pub struct VirtualAuthenticator {
    profile: DeviceProfile,
    pub(crate) authenticator: Authenticator,
    user: Person,
    pub(crate) faults: Faults,
    /// Indexed by [`Port`]; `None` where a link was removed.
    links: Vec<Option<Plugged>>,
    /// The link whose command waits for the user.
    waiting: Option<Port>,
    /// The link whose U2F requests, which do not wait, ask the user.
    polling: Option<Port>,
    /// The number of the question that was announced and not yet closed.
    open: Option<u64>,
    /// What the user policy decided, and when it is due.
    due: Option<(Instant, Gesture)>,
    /// Since when slow work waits, so that the platform hears of it before it begins.
    processing: Option<Instant>,
    /// When a device that vanished comes back.
    returns: Option<Instant>,
    /// Whether a platform has spoken: a device that nobody uses prepares nothing.
    spoken_to: bool,
    powered: bool,
    watched: bool,
    events: VecDeque<Event>,
}

/// Events kept for an owner that does not ask for them.
const EVENTS_KEPT: usize = 1_024;

impl VirtualAuthenticator {
    /// Plugs a device together and powers it up.
    ///
    /// # Errors
    /// Those of the store.
    pub fn new(
        now: Instant,
        profile: DeviceProfile,
        store: Box<dyn Store + Send>,
        signer: Box<dyn Signer + Send>,
        rng: Box<dyn CryptoRng + Send>,
    ) -> Result<Self, StoreError> {
        let faults = Faults::default();
        let store = Box::new(FaultyStore::new(store, faults.clone()));
        let signer = Box::new(FaultySigner::new(signer, faults.clone()));
        let authenticator = Authenticator::power_up(now, profile.authenticator.clone(), store, signer, rng)?;
        Ok(Self {
            profile,
            authenticator,
            user: Person::default(),
            faults,
            links: Vec::new(),
            waiting: None,
            polling: None,
            open: None,
            due: None,
            processing: None,
            returns: None,
            spoken_to: false,
            powered: true,
            watched: false,
            events: VecDeque::new(),
        })
    }

    /// What the device claims to be.
    pub fn profile(&self) -> &DeviceProfile {
        &self.profile
    }

    /// The device takes other attestation keys from now on, with or without power.
    pub fn set_identity(&mut self, identity: AttestationIdentity) {
        self.authenticator.set_identity(identity);
    }

    /// Adds a link. `kind` is what the authenticator takes it for.
    pub fn plug(&mut self, kind: authenticator::Link, link: Box<dyn Link>) -> Port {
        let link = Box::new(FaultyLink::new(link, self.faults.clone()));
        self.links.push(Some(Plugged::new(kind, link)));
        Port(self.links.len() - 1)
    }

    /// Removes a link; a command that came over it is withdrawn.
    pub fn unplug(&mut self, now: Instant, port: Port) {
        if self.waiting == Some(port) || self.polling == Some(port) {
            self.withdraw(now);
        }
        if let Some(slot) = self.links.get_mut(port.0) {
            *slot = None;
        }
    }

    /// A frame arrived from the platform. A device without power hears nothing.
    pub fn handle_frame(&mut self, now: Instant, port: Port, frame: &[u8]) {
        if !self.powered {
            return;
        }
        let Some(Some(Plugged { link, .. })) = self.links.get_mut(port.0) else { return };
        let (format, event) = (link.format(), link.handle_frame(now, frame));
        self.saw(port, Towards::Device, || Unit::Frame { format, bytes: frame.into() });
        if let Some(event) = event {
            self.handle_link_event(now, port, event);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.returns.take_if(|at| *at <= now).is_some() {
            // A store that cannot be read leaves the device without power, as it would at any other time.
            let _stays_off = self.power_on(now);
        }
        // First, so that what the rest of this call defers is left until its frames have been sent.
        if self.processing.take_if(|since| *since <= now).is_some() {
            let progress = self.authenticator.proceed(now);
            self.advance(now, progress);
        }
        for index in 0..self.links.len() {
            let Some(Plugged { link, .. }) = &mut self.links[index] else { continue };
            if let Some(event) = link.handle_timeout(now) {
                self.handle_link_event(now, Port(index), event);
            }
        }
        if let Some((_, gesture)) = self.due.take_if(|(at, _)| *at <= now) {
            let progress = self.authenticator.handle_gesture(now, gesture);
            self.advance(now, progress);
        }
        let progress = self.authenticator.handle_timeout(now);
        self.advance(now, progress);
        self.close_lapsed_prompt();
    }

    /// When [`VirtualAuthenticator::handle_timeout`] is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let links = self.links.iter().flatten().filter_map(|plugged| plugged.link.poll_timeout());
        let due = self.due.map(|(at, _)| at);
        let own = [self.processing, self.returns, self.authenticator.poll_timeout()];
        links.chain(due).chain(own.into_iter().flatten()).min()
    }

    /// Whether there is something to prepare, so that a later command is not slow: never before a platform has
    /// spoken.
    pub fn can_prepare(&self) -> bool {
        self.powered && self.spoken_to && self.authenticator.can_prepare()
    }

    /// Prepares one thing, which may take long. To be called when nothing has come in for a while.
    pub fn prepare(&mut self) {
        if self.can_prepare() {
            self.authenticator.prepare();
        }
    }

    /// The next frame for a platform.
    pub fn poll_frame(&mut self) -> Option<(Port, Vec<u8>)> {
        let frame_of = |(index, slot): (usize, &mut Option<Plugged>)| {
            let Plugged { link, .. } = slot.as_mut()?;
            Some((Port(index), link.poll_frame()?, link.format()))
        };
        let (port, bytes, format) = self.links.iter_mut().enumerate().find_map(frame_of)?;
        self.saw(port, Towards::Platform, || Unit::Frame { format, bytes: bytes.clone() });
        Some((port, bytes))
    }

    /// Tells those who watch something that the device itself does not know.
    pub fn note(&mut self, note: String) {
        self.report(Event::Noted(note));
    }

    /// From now on, or from now on no longer, what passes over the links is told as [`Event::Traffic`].
    pub fn watch(&mut self, watched: bool) {
        self.watched = watched;
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| self.faults.poll().map(Event::Fault))
    }

    /// The question that is open.
    pub fn prompt(&self) -> Option<&Prompt> {
        self.authenticator.prompt()
    }

    /// Somebody answers the question with that number; false if it is not open (any more).
    pub fn answer(&mut self, now: Instant, number: u64, gesture: Gesture) -> bool {
        if self.prompt().is_none_or(|prompt| prompt.number != number) {
            return false;
        }
        self.due = None;
        let progress = self.authenticator.handle_gesture(now, gesture);
        self.advance(now, progress);
        self.close_lapsed_prompt();
        true
    }

    /// What the user does when asked, if no script says otherwise.
    pub fn user(&self) -> UserPolicy {
        self.user.policy
    }

    /// From now on the user does this, and if a question is open, answers it so. A script ends.
    pub fn set_user(&mut self, now: Instant, user: UserPolicy) {
        self.user = Person { policy: user, script: None };
        self.due = self
            .prompt()
            .and_then(|prompt| self.user.answer(prompt))
            .map(|(delay, gesture)| (now + delay, gesture));
        self.handle_timeout(now);
    }

    /// The script that the user follows.
    pub fn script(&self) -> Option<&Script> {
        self.user.script.as_ref().map(Playing::script)
    }

    /// From the next question on the user follows this script, from its beginning, or none any more.
    ///
    /// # Errors
    /// If the script makes no sense; then nothing changes.
    pub fn set_script(&mut self, script: Option<Script>) -> Result<(), InvalidScript> {
        self.user.script = script.map(Playing::new).transpose()?;
        Ok(())
    }

    /// Whether the device has power.
    pub fn is_powered(&self) -> bool {
        self.powered
    }

    /// Cuts the power: what waited is gone without an answer.
    pub fn power_off(&mut self, now: Instant) {
        self.returns = None;
        if self.powered {
            self.withdraw(now);
            self.links.iter_mut().flatten().for_each(|plugged| plugged.link.reset());
            self.powered = false;
            self.report(Event::Power(false));
        }
    }

    /// Gives the device power: it loads what was stored.
    ///
    /// # Errors
    /// Those of the store; the device then stays off.
    pub fn power_on(&mut self, now: Instant) -> Result<(), StoreError> {
        self.returns = None;
        if !self.powered {
            self.authenticator.power_cycle(now)?;
            self.powered = true;
            self.report(Event::Power(true));
        }
        Ok(())
    }

    /// The reader behind `port` took its field away and gave it again: the device starts anew, and whoever put it
    /// there is present. Other links stay plugged in, and their waiting command is cancelled. A device without power
    /// does not notice.
    ///
    /// # Errors
    /// Those of the store.
    pub fn power_cycle(&mut self, now: Instant, port: Port) -> Result<(), StoreError> {
        if !self.powered {
            return Ok(());
        }
        if self.waiting.is_some_and(|waiting| waiting != port) {
            let progress = self.authenticator.handle_cancel(now);
            self.advance(now, progress);
        }
        self.withdraw(now);
        self.leave_field(now, port);
        self.authenticator.power_cycle(now)?;
        if let Some(Some(plugged)) = self.links.get_mut(port.0) {
            plugged.in_field = Some(now);
        }
        Ok(())
    }

    /// The device was taken from the reader behind `port`: what came over it is gone without an answer.
    pub fn leave_field(&mut self, now: Instant, port: Port) {
        if self.waiting == Some(port) || self.polling == Some(port) {
            self.withdraw(now);
        }
        if let Some(Some(plugged)) = self.links.get_mut(port.0) {
            plugged.link.reset();
            plugged.in_field = None;
        }
    }

    fn handle_link_event(&mut self, now: Instant, port: Port, event: transport::Event) {
        self.spoken_to = true;
        let message = match &event {
            transport::Event::Ctap2 { channel, message } => Some((*channel, Protocol::Ctap2, message)),
            transport::Event::U2f { channel, message } => Some((*channel, Protocol::U2f, message)),
            transport::Event::Cancel | transport::Event::Wink => None,
        };
        if let Some((channel, protocol, bytes)) = message {
            let message = || Unit::Message { channel, protocol, bytes: bytes.clone() };
            self.saw(port, Towards::Device, message);
        }
        let Some(Some(Plugged { kind, asked, .. })) = self.links.get_mut(port.0) else { return };
        if let Some((channel, protocol, _)) = message {
            *asked = (channel, protocol);
        }
        let link_kind = *kind;
        if let Some((_, protocol, bytes)) = message {
            let command = bytes.first().filter(|_| protocol == Protocol::Ctap2);
            self.faults.begin(command.map(|byte| Command(*byte)));
            if let Some(away) = self.faults.vanish() {
                self.relay_events();
                self.power_off(now);
                self.returns = (!away.is_zero()).then(|| now + away);
                return;
            }
        }
        let Some(Some(Plugged { link, .. })) = self.links.get_mut(port.0) else { return };
        let via = |channel: u32| Via { link: link_kind, channel: port.channel(channel) };
        let progress = match &event {
            transport::Event::Ctap2 { channel, message } => {
                link.processing(now);
                self.authenticator.handle_request(now, via(*channel), Request::Ctap2(message))
            }
            transport::Event::U2f { channel, message } => {
                let via = via(*channel);
                let progress = self.authenticator.handle_request(now, via, Request::U2f(message));
                // A user who touches at once need not be polled for.
                match self.ask_for_u2f(now, port) {
                    true => self.authenticator.handle_request(now, via, Request::U2f(message)),
                    false => progress,
                }
            }
            transport::Event::Cancel => {
                if self.waiting == Some(port) {
                    let progress = self.authenticator.handle_cancel(now);
                    self.advance(now, progress);
                }
                return;
            }
            transport::Event::Wink => return self.report(Event::Winked),
        };
        match progress {
            // Another link's command may be waiting: this answer is for the one that just asked.
            Progress::Reply(reply) => self.respond(now, port, &reply),
            Progress::AwaitingUser(prompt) => {
                self.waiting = Some(port);
                self.await_user(now, port, prompt);
            }
            Progress::Processing => {
                self.waiting = Some(port);
                self.announce_work(now, port);
            }
        }
    }

    /// Tells the platform of slow work, which begins when its owner has sent that on.
    fn announce_work(&mut self, now: Instant, port: Port) {
        if let Some(Some(Plugged { link, .. })) = self.links.get_mut(port.0) {
            link.processing(now);
        }
        self.processing = Some(now);
        self.close_prompt();
        self.relay_events();
    }

    /// Where the command that waited stands now.
    pub(crate) fn advance(&mut self, now: Instant, progress: Option<Progress>) {
        let (Some(progress), Some(port)) = (progress, self.waiting) else { return };
        match progress {
            Progress::Reply(reply) => {
                self.waiting = None;
                self.processing = None;
                self.close_prompt();
                self.respond(now, port, &reply);
            }
            Progress::AwaitingUser(prompt) => self.await_user(now, port, prompt),
            Progress::Processing => self.announce_work(now, port),
        }
    }

    /// Answers the request that is open on a link.
    fn respond(&mut self, now: Instant, port: Port, reply: &[u8]) {
        // First what came of it, then the answer: who watches then knows why when he sees what.
        self.relay_events();
        let Some(Some(Plugged { link, asked, .. })) = self.links.get_mut(port.0) else { return };
        let (channel, protocol) = *asked;
        let reply = match protocol {
            Protocol::Ctap2 => self.faults.reply(reply),
            Protocol::U2f => reply.into(),
        };
        link.respond(now, &reply);
        self.relay_events();
        self.saw(port, Towards::Platform, || Unit::Message { channel, protocol, bytes: reply.into_owned() });
    }

    /// Something passed over a link.
    fn saw(&mut self, port: Port, towards: Towards, unit: impl FnOnce() -> Unit) {
        if self.watched
            && let Some(Some(Plugged { kind, .. })) = self.links.get(port.0)
        {
            let link = *kind;
            self.report(Event::Traffic(Traffic { port, link, towards, unit: unit() }));
        }
    }

    /// Tells the platform, then asks the user, who may answer at once.
    fn await_user(&mut self, now: Instant, port: Port, prompt: Prompt) {
        if let Some(Some(Plugged { link, .. })) = self.links.get_mut(port.0) {
            link.await_user(now);
        }
        self.announce(now, port, prompt);
        if let Some((_, gesture)) = self.due.take_if(|(at, _)| *at <= now) {
            let progress = self.authenticator.handle_gesture(now, gesture);
            self.advance(now, progress);
        }
    }

    /// A question is open, and the user policy may know the answer.
    fn announce(&mut self, now: Instant, port: Port, prompt: Prompt) {
        self.close_prompt();
        self.open = Some(prompt.number);
        let plugged = self.links.get(port.0).and_then(Option::as_ref);
        let policy = self.user.policy_for(&prompt);
        let tapped = plugged.and_then(|plugged| plugged.tapped(now, policy, &prompt));
        let answer = tapped.or_else(|| policy.answer(&prompt));
        self.relay_events();
        self.report(Event::Prompted(prompt));
        self.due = answer.map(|(delay, gesture)| (now + delay, gesture));
    }

    /// A U2F request was answered: if that raised a question, asks the user. True if the user touched at once.
    fn ask_for_u2f(&mut self, now: Instant, port: Port) -> bool {
        // While a command waits, the question that is open is that command's.
        if self.waiting.is_some() {
            return false;
        }
        self.close_lapsed_prompt();
        let Some(prompt) = self.prompt().filter(|prompt| self.open != Some(prompt.number)).cloned() else {
            return false;
        };
        self.announce(now, port, prompt);
        self.polling = Some(port);
        match self.due.take_if(|(at, _)| *at <= now) {
            Some((_, gesture)) => {
                let _no_command_waits = self.authenticator.handle_gesture(now, gesture);
                self.close_prompt();
                gesture == Gesture::Present
            }
            None => false,
        }
    }

    /// The authenticator withdraws a question that no command waits for by itself.
    pub(crate) fn close_lapsed_prompt(&mut self) {
        if self.open != self.prompt().map(|prompt| prompt.number) {
            self.close_prompt();
        }
    }

    /// Drops the command that waits, without an answer to anybody.
    fn withdraw(&mut self, now: Instant) {
        if self.waiting.take().is_some() || self.polling.is_some() {
            self.processing = None;
            let _unsent = self.authenticator.handle_cancel(now);
            self.close_prompt();
            self.relay_events();
        }
    }

    fn close_prompt(&mut self) {
        self.due = None;
        self.polling = None;
        if let Some(number) = self.open.take() {
            self.report(Event::PromptClosed(number));
        }
    }

    pub(crate) fn relay_events(&mut self) {
        while let Some(strike) = self.faults.poll() {
            self.report(Event::Fault(strike));
        }
        while let Some(event) = self.authenticator.poll_event() {
            self.report(Event::Authenticator(event));
        }
    }

    fn report(&mut self, event: Event) {
        if self.events.len() == EVENTS_KEPT {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
