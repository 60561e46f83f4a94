//! Signing in: a session, one factor after the other, and what conditional access makes of them.
mod other;
mod passkey;
mod push;

pub(crate) use passkey::{claimed_challenge, code};

use crate::access::{Access, Factor, Mode, Target, Verdict, evaluate};
use crate::guid::Guid;
use crate::passkey::Passkey;
use crate::records::{AuthenticationDetail, SignIn, SignInFacts};
use crate::refusal::{Clause, Refusal, RefusalKind};
use crate::session::{Session, Shown, Visitor};
use crate::state::Change;
use crate::store::Row;
use crate::tenant::Tenant;
use crate::time::Time;
use crate::user::User;
use relying_party::Step;

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

    /// Whether whoever is signed in was sent to register something that a policy asks for.
    pub fn is_registering(&self, now: Time, session: &str) -> bool {
        self.sessions.get(session, now).is_ok_and(|found| found.sent_to_register > 0)
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
        until: Option<Time>,
        changes: Vec<Change>,
    ) -> Result<Progress, Refusal> {
        let found = self.sessions.get_mut(session, now)?;
        found.shown.push(Shown { factor: Factor::plain(mode), at: now, until });
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
        changes.push(Change::from(Row::SignIn(Box::new(SignIn::new(&self.settings, facts)))));
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
        let policies: Vec<_> = self.state.conditional.values().collect();
        // Where nothing is asked for, it does not matter what there would be.
        let (usable, registrable) = match policies.as_slice() {
            [] => (Vec::new(), Vec::new()),
            _ => (self.usable(now, user), self.registrable(now, user)),
        };
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
        let mut changes = vec![Change::from(Row::SignIn(Box::new(SignIn::new(&self.settings, facts))))];
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
        let id = self.log_id(now);
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
