//! Sign-ins under way, and those that are over and keep somebody signed in. In memory: a restart signs everybody
//! out.
use crate::access::{Factor, Mode};
use crate::guid::Guid;
use crate::passkey::Route;
use crate::phone::Phone;
use crate::records::AuthenticationDetail;
use crate::refusal::{Refusal, RefusalKind};
use crate::time::Time;
use rand_core::CryptoRng;
use std::collections::HashMap;
use std::time::Duration;

/// How long somebody stays signed in.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// How many sessions there may be at once.
const MOST: usize = 100_000;

/// Who asks, as far as logs tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The address, for the log.
    pub ip_address: String,
    /// The program, for the log.
    pub user_agent: String,
}

/// A factor that was shown in a session.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) factor: Factor,
    pub(crate) at: Time,
    /// The end of the pass that it was, with which the session ends.
    pub(crate) until: Option<Time>,
}

/// A registration that waits for its passkey.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) route: Route,
    pub(crate) phone: Option<Phone>,
}

/// A push notification that waits for its answer.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    pub(crate) app: Guid,
    /// The number to be typed on the phone, two digits.
    pub(crate) number: u8,
    pub(crate) asked: Time,
    /// Whether it stands for a password too.
    pub(crate) phone_sign_in: bool,
    pub(crate) answered: Option<bool>,
}

/// One session.
pub(crate) struct Session {
    pub(crate) visitor: Visitor,
    pub(crate) app: Guid,
    pub(crate) started: Time,
    pub(crate) correlation: Guid,
    pub(crate) user: Option<Guid>,
    pub(crate) shown: Vec<Shown>,
    /// What was asked for was granted.
    pub(crate) granted: bool,
    pub(crate) details: Vec<AuthenticationDetail>,
    pub(crate) pending: Option<Pending>,
    pub(crate) push: Option<Push>,
    /// How often somebody was sent to register something: twice without a new method is a loop.
    pub(crate) sent_to_register: u32,
}

impl Session {
    pub(crate) fn factors(&self) -> Vec<Factor> {
        self.shown.iter().map(|shown| shown.factor).collect()
    }

    /// Neither too old nor outlived by the pass that it began with.
    fn goes_on(&self, now: Time) -> bool {
        let over = |shown: &Shown| shown.until.is_some_and(|until| now >= until);
        now.since(self.started) <= LIFETIME && !self.shown.iter().any(over)
    }

    pub(crate) fn has_shown(&self, mode: Mode) -> bool {
        self.shown.iter().any(|shown| shown.factor.mode == mode)
    }
}

/// All of them.
#[derive(Default)]
pub(crate) struct Sessions {
    by_id: HashMap<String, Session>,
    /// When there are that many, those that are over go.
    crowded: usize,
}

impl Sessions {
    /// A new one; its ID is a secret of 32 random bytes in base64url.
    pub(crate) fn begin(
        &mut self,
        now: Time,
        visitor: Visitor,
        app: Guid,
        rng: &mut dyn CryptoRng,
    ) -> Result<String, Refusal> {
        if self.by_id.len() >= self.crowded.max(1024) {
            self.by_id.retain(|_, session| session.goes_on(now));
            self.crowded = self.by_id.len() * 2;
        }
        if self.by_id.len() >= MOST {
            let message = format!("{MOST} sessions are open, and no more are begun");
            return Err(Refusal::new(RefusalKind::Conflict, "sim_too_many_sessions", message)
                .hint("sign out of some, or start the tenant again"));
        }
        let mut id = [0; 32];
        rng.fill_bytes(&mut id);
        let id = wire::base64url::encode(&id);
        let correlation = Guid::random(rng);
        let session = Session {
            visitor,
            app,
            started: now,
            correlation,
            user: None,
            shown: Vec::new(),
            granted: false,
            details: Vec::new(),
            pending: None,
            push: None,
            sent_to_register: 0,
        };
        self.by_id.insert(id.clone(), session);
        Ok(id)
    }

    pub(crate) fn get(&self, id: &str, now: Time) -> Result<&Session, Refusal> {
        self.by_id.get(id).filter(|session| session.goes_on(now)).ok_or_else(unknown)
    }

    pub(crate) fn get_mut(&mut self, id: &str, now: Time) -> Result<&mut Session, Refusal> {
        self.by_id.get_mut(id).filter(|session| session.goes_on(now)).ok_or_else(unknown)
    }

    pub(crate) fn end(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    /// Of a user, when something happened that ends them.
    pub(crate) fn end_those(&mut self, ended: impl Fn(&Session) -> bool) {
        self.by_id.retain(|_, session| !ended(session));
    }

    /// The pushes that a phone has to answer, with their sessions.
    pub(crate) fn pushes(&self) -> impl Iterator<Item = (&str, &Session, &Push)> {
        self.by_id
            .iter()
            .filter_map(|(id, session)| session.push.as_ref().map(|push| (id.as_str(), session, push)))
    }
}

fn unknown() -> Refusal {
    Refusal::new(RefusalKind::Unauthenticated, "sim_no_session", "nobody is signed in here, or not any more")
        .hint("sign in")
}
