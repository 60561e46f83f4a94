//! Signing in: a session, one factor after the other, and what conditional access makes of them.
use crate::access::{Access, Factor, Mode, Target, Verdict, evaluate};
use crate::challenge::{self, For};
use crate::guid::Guid;
use crate::passkey::{Passkey, PasskeyType};
use crate::policy::{Purpose, Question};
use crate::records::{AuthenticationDetail, SignIn, SignInFacts};
use crate::refusal::{Clause, Refusal, RefusalKind};
use crate::session::{Push, Session, Shown, Visitor};
use crate::settings::{ChallengeUse, CounterMode};
use crate::state::Change;
use crate::store::Row;
use crate::tenant::Tenant;
use crate::time::Time;
use crate::user::User;
use relying_party::{AuthenticationExpectation, Rejection, Step, UserVerification};
use std::time::Duration;
use wire::webauthn::ClientData;
use wire::webauthn::json::{AuthenticationResponse, RequestOptions};

/// How long a push notification waits.
const PUSH_LIFETIME: Duration = Duration::from_secs(60);

/// Entra's `timeout` at sign-in, in milliseconds.
const TIMEOUT: u64 = 600_000;

/// AADSTS numbers that Microsoft documents, for what is no passkey's fault.
pub mod number {
    /// InvalidUserNameOrPassword.
    pub const WRONG_PASSWORD: u32 = 50126;
    /// UserAccountNotFound.
    pub const NO_SUCH_USER: u32 = 50034;
    /// UserStrongAuthClientAuthNRequiredInterrupt: more is asked for.
    pub const MORE_REQUIRED: u32 = 50074;
    /// UserStrongAuthEnrollmentRequired: something has to be registered first.
    pub const REGISTRATION_REQUIRED: u32 = 50079;
    /// Authentication failed during strong authentication.
    pub const FAILED: u32 = 500_121;
    /// BlockedByConditionalAccess.
    pub const BLOCKED: u32 = 53003;
    /// KeyNotFound.
    pub const KEY_NOT_FOUND: u32 = 135_010;
    /// FIDO sign-in is disabled via policy.
    pub const DISABLED_BY_POLICY: u32 = 135_016;
    /// Unexpected signature counter.
    pub const COUNTER: u32 = 135_017;
    /// Invalid challenge.
    pub const CHALLENGE: u32 = 135_018;
}

/// What a factor led to.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Who it is.
    pub user: User,
    /// What conditional access makes of what was shown so far.
    pub access: Access,
    /// What is worth knowing although it was no reason to refuse.
    pub warnings: Vec<String>,
    /// What was looked at, in order.
    pub explanation: Vec<Clause>,
    /// The checks of WebAuthn L3 §7.2 that a passkey passed.
    pub passed: Vec<Step>,
}

impl Progress {
    /// Whether the user is in.
    pub fn is_granted(&self) -> bool {
        matches!(self.access.verdict, Verdict::Granted)
    }
}

/// What a user that was named may use.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Who it is.
    pub user: User,
    /// What can be used now, registered and allowed.
    pub modes: Vec<Mode>,
}

impl Tenant {
    /// Begins a sign-in to an application, and returns the session's ID, which is a secret.
    ///
    /// # Errors
    /// Conflict if there are too many.
    pub fn begin_sign_in(&mut self, now: Time, visitor: Visitor, app: Guid) -> Result<String, Refusal> {
        self.sessions.begin(now, visitor, app, &mut *self.rng)
    }

    /// Ends a session: signing out.
    pub fn end_session(&mut self, session: &str) {
        self.sessions.end(session);
    }

    /// Who a session is signed in as, and whether everything that was asked for was shown.
    ///
    /// # Errors
    /// Unauthenticated if there is no such session.
    pub fn session(&self, now: Time, session: &str) -> Result<(Option<&User>, bool), Refusal> {
        let found = self.sessions.get(session, now)?;
        let user = found.user.and_then(|user| self.state.users.get(&user));
        Ok((user, found.granted))
    }

    /// Wants another application in a session that somebody is signed in to: what was shown still counts.
    ///
    /// # Errors
    /// Unauthenticated.
    pub fn enter(&mut self, now: Time, session: &str, app: Guid) -> Result<Progress, Refusal> {
        let found = self.sessions.get_mut(session, now)?;
        found.app = app;
        found.granted = false;
        self.proceed(now, session, Vec::new(), Vec::new(), Vec::new(), Vec::new())
    }

    /// A user name was typed.
    ///
    /// # Errors
    /// NotFound, which tells who asks that there is no such user, as Entra does.
    pub fn identify(&mut self, now: Time, session: &str, who: &str) -> Result<Offer, Refusal> {
        self.sessions.get(session, now)?;
        let user = match self.user(who) {
            Ok(user) => user.clone(),
            Err(refusal) => return Err(refusal.numbered(number::NO_SUCH_USER)),
        };
        let mut modes: Vec<Mode> = self.usable(now, &user).into_iter().map(|factor| factor.mode).collect();
        modes.dedup();
        let session = self.sessions.get_mut(session, now)?;
        if session.user != Some(user.id) {
            session.shown.clear();
            session.granted = false;
        }
        session.user = Some(user.id);
        Ok(Offer { user, modes })
    }

    /// What to pass to `navigator.credentials.get()`: of the user that was named, or of any.
    ///
    /// # Errors
    /// Unauthenticated if there is no such session.
    pub fn request_options(&mut self, now: Time, session: &str) -> Result<RequestOptions, Refusal> {
        let found = self.sessions.get(session, now)?;
        let purpose = For::SignIn { session: session.into() };
        let allow: Vec<_> = found
            .user
            .into_iter()
            .flat_map(|user| self.state.passkeys_of(user))
            .map(|passkey| {
                let mut descriptor = passkey.credential.descriptor();
                // As Entra does: measured.
                descriptor.transports.clear();
                descriptor
            })
            .collect();
        let challenge = self.challenges.issue(purpose, now, challenge::LIFETIME, &mut *self.rng);
        let mut options = self.relying_party(now).request_options(challenge, &[]);
        options.allow_credentials = allow;
        options.timeout = Some(TIMEOUT);
        Ok(options)
    }

    /// A passkey signed, WebAuthn L3 §7.2.
    ///
    /// # Errors
    /// The step that refused it, with Entra's number where it is known: 135010, 135016, 135017, 135018; 53003 if
    /// conditional access blocks. All of them are in the sign-in log.
    pub fn sign_in_with_passkey(
        &mut self,
        now: Time,
        session: &str,
        response: &AuthenticationResponse,
    ) -> Result<Progress, Refusal> {
        let identified = self.sessions.get(session, now)?.user;
        let Some(passkey) = self.state.passkeys.get(&response.raw_id.0).cloned() else {
            let refusal = Refusal::new(
                RefusalKind::Ceremony,
                "KeyNotFound",
                "WebAuthn L3 §7.2 step 6: nobody here has a passkey with that ID",
            )
            .numbered(number::KEY_NOT_FOUND)
            .hint("the passkey was deleted here, or registered with another tenant: delete it on the device");
            return Err(self.refused(now, session, None, None, refusal));
        };
        if let Some(why) = &passkey.dead {
            let message = format!("the passkey is dead: {why}");
            let refusal = Refusal::new(RefusalKind::Ceremony, "sim_dead", message)
                .numbered(number::COUNTER)
                .hint("delete it and register another");
            return Err(self.refused(now, session, Some(passkey.user), Some(&passkey), refusal));
        }
        match self.verify_assertion(now, session, identified, response, &passkey) {
            Ok(verified) => self.accept_passkey(now, session, &passkey, verified),
            Err(rejection) => Err(self.reject(now, session, &passkey, &rejection, response)),
        }
    }

    fn verify_assertion(
        &mut self,
        now: Time,
        session: &str,
        identified: Option<Guid>,
        response: &AuthenticationResponse,
        passkey: &Passkey,
    ) -> Result<relying_party::Authenticated, Rejection> {
        // The challenge is its own proof. What is none of ours is expected in vain, so that steps before it come first.
        let claimed = claimed_challenge(&response.response.client_data_json.0);
        let known = claimed.as_deref().and_then(|challenge| self.known(now, session, challenge).ok());
        let challenge = match (&known, claimed) {
            (Some(_), Some(claimed)) => claimed,
            _ => Vec::new(),
        };
        let allowed = identified.into_iter().flat_map(|user| self.state.passkeys_of(user));
        let expected = AuthenticationExpectation {
            challenge,
            user_verification: UserVerification::Required,
            allowed: allowed.map(|passkey| passkey.credential.id.clone()).collect(),
            user_handle: identified.map(|user| self.user_handle(user)),
            extensions: Vec::new(),
        };
        let verified =
            self.relying_party(now).verify_authentication(&expected, response, &passkey.credential)?;
        if let Some(known) = known {
            self.challenges.use_up(known, now);
        }
        Ok(verified)
    }

    /// A challenge of ours that is good in this session.
    fn known(&self, now: Time, session: &str, challenge: &[u8]) -> Result<challenge::Known, String> {
        let known = self.challenges.check(challenge, self.settings.challenges, now)?;
        let anybody = self.settings.challenges == ChallengeUse::Entra;
        match &known.purpose {
            For::SignIn { session: made_for } if anybody || made_for == session => Ok(known),
            For::SignIn { .. } => Err("the challenge was made for another session".into()),
            For::Registration { .. } => Err("the challenge was made to register a passkey by".into()),
        }
    }

    fn accept_passkey(
        &mut self,
        now: Time,
        session: &str,
        passkey: &Passkey,
        verified: relying_party::Authenticated,
    ) -> Result<Progress, Refusal> {
        let user = self.user(&passkey.user.to_string())?.clone();
        let facts = passkey.facts();
        let question = Question {
            purpose: Purpose::SignIn,
            behaviour: self.settings.behaviour,
            subject: self.subject(&user),
            passkey: Some(&facts),
        };
        let decision = self.felt_policy(now).decide(&question);
        if !decision.allowed {
            let refusal = Refusal::new(
                RefusalKind::Policy,
                decision.refused.as_ref().map_or("sim_policy", |refused| refused.code()),
                "your company policy requires a different method",
            )
            .numbered(number::DISABLED_BY_POLICY)
            .because(decision.clauses);
            return Err(self.refused(now, session, Some(user.id), Some(passkey), refusal));
        }
        let mut kept = passkey.clone();
        kept.credential = verified.credential;
        kept.last_used = Some(now);
        let factor = Factor { mode: Mode::Fido2, aaguid: Some(passkey.aaguid) };
        let detail = AuthenticationDetail::passkey(&self.settings, passkey, now, true, None);
        let found = self.sessions.get_mut(session, now)?;
        if found.user != Some(user.id) {
            found.shown.clear();
        }
        found.user = Some(user.id);
        found.shown.push(Shown { factor, at: now });
        found.details.push(detail);
        let mut warnings = decision.warnings;
        warnings.extend(verified.warnings);
        let changes = vec![Change::Put(Row::Passkey(Box::new(kept)))];
        self.proceed(now, session, changes, decision.clauses, warnings, verified.passed)
    }

    /// A ceremony that does not verify.
    fn reject(
        &mut self,
        now: Time,
        session: &str,
        passkey: &Passkey,
        rejection: &Rejection,
        response: &AuthenticationResponse,
    ) -> Refusal {
        let mut message = rejection.to_string();
        let number = match rejection.step {
            Step::Challenge => {
                let claimed = claimed_challenge(&response.response.client_data_json.0);
                if let Some(why) = claimed.and_then(|claimed| self.known(now, session, &claimed).err()) {
                    message = format!("{}: {why}", rejection.cite());
                }
                number::CHALLENGE
            }
            Step::Counter => number::COUNTER,
            _ => number::FAILED,
        };
        let mut refusal = Refusal::new(RefusalKind::Ceremony, code(rejection.step), message).numbered(number);
        let synced = passkey.passkey_type == PasskeyType::Synced;
        if rejection.step == Step::Counter && synced && self.settings.counter == CounterMode::Entra2026 {
            let mut dead = passkey.clone();
            dead.dead = Some("its counter moved, and a synced passkey's has to stay zero".into());
            if let Err(broken) = self.commit(vec![Change::Put(Row::Passkey(Box::new(dead)))]) {
                return broken;
            }
            refusal =
                refusal.hint("measured at Entra: such a passkey never signs in again; register another");
        }
        self.refused(now, session, Some(passkey.user), Some(passkey), refusal)
    }

    /// A password was typed.
    ///
    /// # Errors
    /// Unauthenticated with 50126, whether there is none or it is another; 53003 if conditional access blocks.
    pub fn sign_in_with_password(
        &mut self,
        now: Time,
        session: &str,
        password: &str,
    ) -> Result<Progress, Refusal> {
        let user = self.named(now, session)?;
        let belongings = self.state.belongings.get(&user.id);
        let matches = belongings
            .and_then(|belongings| belongings.password.as_ref())
            .is_some_and(|hash| hash.matches(password));
        if !matches {
            let message = "the user name or password is wrong";
            let refusal = Refusal::new(RefusalKind::Unauthenticated, "invalid_grant", message)
                .numbered(number::WRONG_PASSWORD);
            return Err(self.refused(now, session, Some(user.id), None, refusal));
        }
        self.shown(now, session, Mode::Password, "Password", Vec::new())
    }

    /// A Temporary Access Pass was typed.
    ///
    /// # Errors
    /// Unauthenticated, with the reason why the pass cannot be used, if it is the right one.
    pub fn sign_in_with_pass(&mut self, now: Time, session: &str, pass: &str) -> Result<Progress, Refusal> {
        let user = self.named(now, session)?;
        let tap = self.state.belongings.get(&user.id).and_then(|belongings| belongings.tap.clone());
        let Some(mut tap) = tap.filter(|tap| tap.matches(pass)) else {
            let message = "the Temporary Access Pass is wrong";
            let refusal = Refusal::new(RefusalKind::Unauthenticated, "sim_wrong_pass", message)
                .numbered(number::WRONG_PASSWORD);
            return Err(self.refused(now, session, Some(user.id), None, refusal));
        };
        let usability = tap.usability(&self.state.tap, &self.subject(&user), now);
        if !usability.is_usable {
            let message = format!("the Temporary Access Pass cannot be used: {}", usability.reason.as_str());
            let refusal = Refusal::new(RefusalKind::Policy, "sim_pass_unusable", message)
                .numbered(number::FAILED)
                .hint("ask an administrator for another: fauxkey tenant tap create USER");
            return Err(self.refused(now, session, Some(user.id), None, refusal));
        }
        let mode = if tap.is_usable_once {
            tap.used = Some(now);
            Mode::TemporaryAccessPassOneTime
        } else {
            Mode::TemporaryAccessPassMultiUse
        };
        let changes = vec![Change::Put(Row::Tap(tap))];
        self.shown(now, session, mode, "Temporary Access Pass", changes)
    }

    /// A one-time code of the Authenticator app was typed.
    ///
    /// # Errors
    /// Unauthenticated if it is none of now.
    pub fn sign_in_with_code(&mut self, now: Time, session: &str, code: &str) -> Result<Progress, Refusal> {
        let user = self.named(now, session)?;
        let apps = self.state.belongings.get(&user.id).map(|belongings| belongings.apps.as_slice());
        let matches = apps.unwrap_or_default().iter().any(|(app, secret)| {
            app.one_time_code && secret.as_ref().is_some_and(|secret| secret.matches(code.trim(), now))
        });
        if !matches {
            let message = "the code is wrong, or older than a minute";
            let refusal = Refusal::new(RefusalKind::Unauthenticated, "sim_wrong_code", message)
                .numbered(number::FAILED);
            return Err(self.refused(now, session, Some(user.id), None, refusal));
        }
        self.shown(now, session, Mode::SoftwareOath, "OATH verification code", Vec::new())
    }

    /// Sends a push notification to the user's Authenticator app, and returns the number to type there.
    ///
    /// # Errors
    /// Policy if no app takes any.
    pub fn send_push(&mut self, now: Time, session: &str, phone_sign_in: bool) -> Result<u8, Refusal> {
        let user = self.named(now, session)?;
        let wanted = if phone_sign_in { Mode::DeviceBasedPush } else { Mode::MicrosoftAuthenticatorPush };
        let allowed = self.usable(now, &user).iter().any(|factor| factor.mode == wanted);
        let apps = self.state.belongings.get(&user.id).map(|belongings| belongings.apps.as_slice());
        let app = apps
            .unwrap_or_default()
            .iter()
            .find(|(app, _)| if phone_sign_in { app.phone_sign_in } else { app.push })
            .map(|(app, _)| app.id)
            .filter(|_| allowed);
        let Some(app) = app else {
            let message = format!("{} has no Authenticator app that takes this", user.user_principal_name);
            return Err(Refusal::new(RefusalKind::Policy, "sim_no_app", message));
        };
        let mut random = [0];
        self.rng.fill_bytes(&mut random);
        let number = 10 + random[0] % 90;
        let push = Push { app, number, asked: now, phone_sign_in, answered: None };
        self.sessions.get_mut(session, now)?.push = Some(push);
        Ok(number)
    }

    /// The phone answers a push notification: `number` as it was typed there, or `None` to decline.
    ///
    /// # Errors
    /// NotFound if nothing was asked of that app.
    pub fn answer_push(&mut self, now: Time, app: Guid, number: Option<u8>) -> Result<(), Refusal> {
        let waiting = self
            .sessions
            .pushes()
            .find(|(_, _, push)| {
                push.app == app && push.answered.is_none() && now.since(push.asked) <= PUSH_LIFETIME
            })
            .map(|(id, _, push)| (id.to_owned(), push.number));
        let Some((session, asked)) = waiting else {
            let message = "no sign-in waits for this app";
            return Err(Refusal::new(RefusalKind::NotFound, "sim_no_push", message));
        };
        if let Some(push) = &mut self.sessions.get_mut(&session, now)?.push {
            push.answered = Some(number == Some(asked));
        }
        Ok(())
    }

    /// Whether a push notification was answered; `None` while it was not.
    ///
    /// # Errors
    /// Unauthenticated if it was declined, answered with another number or not in time.
    pub fn sign_in_with_push(&mut self, now: Time, session: &str) -> Result<Option<Progress>, Refusal> {
        let user = self.named(now, session)?;
        let Some(push) = self.sessions.get(session, now)?.push.clone() else {
            let message = "no push notification was sent";
            return Err(Refusal::new(RefusalKind::BadRequest, "sim_no_push", message));
        };
        let late = now.since(push.asked) > PUSH_LIFETIME;
        match push.answered {
            None if !late => return Ok(None),
            Some(true) if !late => {}
            answered => {
                self.sessions.get_mut(session, now)?.push = None;
                let message = if answered == Some(false) {
                    "the notification was declined, or answered with another number"
                } else {
                    "the notification was not answered in time"
                };
                let refusal =
                    Refusal::new(RefusalKind::Unauthenticated, "sim_push", message).numbered(number::FAILED);
                return Err(self.refused(now, session, Some(user.id), None, refusal));
            }
        }
        self.sessions.get_mut(session, now)?.push = None;
        let (mode, label) = if push.phone_sign_in {
            (Mode::DeviceBasedPush, "Passwordless phone sign-in")
        } else {
            (Mode::MicrosoftAuthenticatorPush, "Mobile app notification")
        };
        self.shown(now, session, mode, label, Vec::new()).map(Some)
    }

    /// The pushes that wait for an app: the number is not told, as it has to be typed.
    pub fn pushes(&self, now: Time, app: Guid) -> Vec<(Guid, Time)> {
        let waiting = self.sessions.pushes().filter(|(_, _, push)| {
            push.app == app && push.answered.is_none() && now.since(push.asked) <= PUSH_LIFETIME
        });
        waiting.map(|(_, session, push)| (session.app, push.asked)).collect()
    }

    /// Sessions that began with a Temporary Access Pass end with it.
    pub(crate) fn end_sessions_by_pass(&mut self, user: Guid) {
        self.sessions.end_those(|session| {
            session.user == Some(user)
                && (session.has_shown(Mode::TemporaryAccessPassOneTime)
                    || session.has_shown(Mode::TemporaryAccessPassMultiUse))
        });
    }

    /// The user that a session named.
    fn named(&self, now: Time, session: &str) -> Result<User, Refusal> {
        let session = self.sessions.get(session, now)?;
        let user = session.user.and_then(|user| self.state.users.get(&user)).cloned();
        user.ok_or_else(|| {
            Refusal::new(RefusalKind::BadRequest, "sim_no_user", "no user was named yet")
                .hint("type the user name first")
        })
    }

    /// A factor that is no passkey was right.
    fn shown(
        &mut self,
        now: Time,
        session: &str,
        mode: Mode,
        label: &str,
        changes: Vec<Change>,
    ) -> Result<Progress, Refusal> {
        let found = self.sessions.get_mut(session, now)?;
        found.shown.push(Shown { factor: Factor { mode, aaguid: None }, at: now });
        found.details.push(AuthenticationDetail::plain(label, now, true, None));
        self.proceed(now, session, changes, Vec::new(), Vec::new(), Vec::new())
    }

    /// What conditional access makes of what was shown so far.
    fn proceed(
        &mut self,
        now: Time,
        session: &str,
        mut changes: Vec<Change>,
        mut explanation: Vec<Clause>,
        warnings: Vec<String>,
        passed: Vec<Step>,
    ) -> Result<Progress, Refusal> {
        let user = self.named(now, session)?;
        let found = self.sessions.get(session, now)?;
        let access = self.access(now, &user, Target::App(found.app), &found.factors());
        explanation.extend(access.clauses.iter().cloned());
        explanation.extend(access.loop_noticed.clone());
        let (granted, number, failure) = match &access.verdict {
            Verdict::Granted => (true, 0, None),
            // Entra logs interrupted sign-ins too; the entry comes when it is known what became of it.
            Verdict::StepUp { .. } => {
                self.commit(changes)?;
                return Ok(Progress { user, access, warnings, explanation, passed });
            }
            Verdict::Register { .. } => (false, number::REGISTRATION_REQUIRED, None),
            Verdict::Blocked => {
                let message = "access has been blocked by conditional access policies";
                let refusal = Refusal::new(RefusalKind::Policy, "BlockedByConditionalAccess", message)
                    .numbered(number::BLOCKED)
                    .because(explanation.clone());
                (false, number::BLOCKED, Some(refusal))
            }
        };
        let facts = self.facts(now, session, Some(&user), number, Some(&access), &explanation, &warnings)?;
        changes.push(Change::Put(Row::SignIn(Box::new(SignIn::new(&self.settings, facts)))));
        changes.extend(self.outdated(now));
        self.commit(changes)?;
        let found = self.sessions.get_mut(session, now)?;
        found.details.clear();
        found.granted = granted;
        if matches!(access.verdict, Verdict::Register { .. }) {
            found.sent_to_register += 1;
        }
        match failure {
            Some(refusal) => Err(refusal),
            None => Ok(Progress { user, access, warnings, explanation, passed }),
        }
    }

    /// What conditional access makes of factors.
    pub(crate) fn access(&self, now: Time, user: &User, target: Target, shown: &[Factor]) -> Access {
        let usable = self.usable(now, user);
        let registrable = self.registrable(now, user);
        let policies: Vec<_> = self.state.conditional.values().collect();
        let strengths = |id: Guid| self.strength_of(id);
        evaluate(&policies, &strengths, &self.subject(user), target, shown, &usable, &registrable)
    }

    /// Logs a refusal, and hands it back.
    fn refused(
        &mut self,
        now: Time,
        session: &str,
        user: Option<Guid>,
        passkey: Option<&Passkey>,
        refusal: Refusal,
    ) -> Refusal {
        let user = user.and_then(|user| self.state.users.get(&user)).cloned();
        let detail = match passkey {
            Some(passkey) => {
                let why = Some(refusal.message.clone());
                Some(AuthenticationDetail::passkey(&self.settings, passkey, now, false, why))
            }
            None => None,
        };
        if let (Some(detail), Ok(found)) = (detail, self.sessions.get_mut(session, now)) {
            found.details.push(detail);
        }
        let number = refusal.number.unwrap_or(number::FAILED);
        let facts = self.facts(now, session, user.as_ref(), number, None, &refusal.explanation, &[]);
        let mut facts = match facts {
            Ok(facts) => facts,
            Err(gone) => return gone,
        };
        facts.message = Some(refusal.message.clone());
        let mut changes = vec![Change::Put(Row::SignIn(Box::new(SignIn::new(&self.settings, facts))))];
        changes.extend(self.outdated(now));
        if let Err(broken) = self.commit(changes) {
            return broken;
        }
        if let Ok(found) = self.sessions.get_mut(session, now) {
            found.details.clear();
        }
        refusal
    }

    #[allow(clippy::too_many_arguments, reason = "they are what one line of the log tells")]
    fn facts<'a>(
        &mut self,
        now: Time,
        session: &str,
        user: Option<&'a User>,
        error_code: u32,
        access: Option<&'a Access>,
        explanation: &'a [Clause],
        warnings: &'a [String],
    ) -> Result<SignInFacts<'a>, Refusal> {
        let id = Guid::random(&mut *self.rng);
        let found: &Session = self.sessions.get(session, now)?;
        Ok(SignInFacts {
            id,
            now,
            correlation_id: found.correlation,
            user,
            app_id: found.app,
            ip_address: found.visitor.ip_address.clone(),
            user_agent: found.visitor.user_agent.clone(),
            error_code,
            message: None,
            details: found.details.clone(),
            applied: access.map_or(&[], |access| access.applied.as_slice()),
            multi_factor: found.shown.len() > 1 || found.has_shown(Mode::Fido2),
            explanation,
            warnings,
        })
    }

    /// Log entries that are older than they are kept.
    fn outdated(&self, now: Time) -> Vec<Change> {
        let oldest = now - self.settings.retention;
        let sign_ins = self.state.sign_ins.keys().take_while(|(time, _)| *time < oldest).take(16);
        let audits = self.state.audits.keys().take_while(|(time, _)| *time < oldest).take(16);
        let sign_ins = sign_ins.map(|(time, id)| Change::RemoveSignIn(*time, *id));
        sign_ins.chain(audits.map(|(time, id)| Change::RemoveAudit(*time, id.clone()))).collect()
    }
}

/// The challenge that client data claim to answer.
pub(crate) fn claimed_challenge(client_data_json: &[u8]) -> Option<Vec<u8>> {
    wire::base64url::decode(&ClientData::decode(client_data_json).ok()?.challenge)
}

/// A step as a word of ours.
pub(crate) fn code(step: Step) -> String {
    let word = serde_json::to_value(step).ok();
    let word = word.as_ref().and_then(serde_json::Value::as_str).unwrap_or("step");
    format!("sim_{word}")
}
