//! The tenant itself: what it knows, and the doors through which it changes.
use crate::challenge::Challenges;
use crate::guid::Guid;
use crate::policy::Fido2Policy;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Sessions;
use crate::settings::Settings;
use crate::state::{Change, State};
use crate::store::{ChallengeKey, Dated, Row, Store, StoreChange};
use crate::time::Time;
use crate::user::{Subject, User};
use rand_core::CryptoRng;
use std::collections::BTreeSet;
use std::time::Duration;
use zeroize::Zeroizing;

/// An Entra-like tenant. One owner; every operation takes the time, and what it changed is durable when it returns.
pub struct Tenant {
    pub(crate) settings: Settings,
    pub(crate) state: State,
    pub(crate) sessions: Sessions,
    pub(crate) challenges: Challenges,
    pub(crate) rng: Box<dyn CryptoRng + Send>,
    store: Box<dyn Store + Send>,
    /// The entries that the logs were given since the start.
    entries: u16,
}

/// The groups of somebody who is in none.
static NO_GROUPS: BTreeSet<Guid> = BTreeSet::new();

impl Tenant {
    /// Opens a tenant, and makes one if `store` has none. `arrange` is given what was kept, and an ID for a tenant
    /// that is new, and says what it is to be from now on.
    ///
    /// # Errors
    /// Broken if the records cannot be read, or make no sense.
    pub fn open(
        mut store: Box<dyn Store + Send>,
        mut rng: Box<dyn CryptoRng + Send>,
        arrange: impl FnOnce(Option<Settings>, Guid) -> Settings,
    ) -> Result<Self, Refusal> {
        let mut state = State::default();
        for content in store.load().map_err(|error| broken("read", &*error))? {
            let row =
                Row::decode(&content).map_err(|why| Refusal::new(RefusalKind::Broken, "sim_damaged", why))?;
            state.restore(row);
        }
        state.settle();
        let settings = arrange(state.settings.clone(), Guid::random(&mut *rng));
        let mut changes = Vec::new();
        if state.settings.as_ref() != Some(&settings) {
            changes.push(Change::from(Row::Settings(settings.clone())));
        }
        let key = state.challenge_key.clone().unwrap_or_else(|| {
            let mut key = Zeroizing::new(vec![0; 32]);
            rng.fill_bytes(&mut key);
            changes.push(Change::from(Row::ChallengeKey(ChallengeKey { key: key.clone() })));
            key
        });
        if state.fido2.is_empty() {
            let first = Dated { since: Time::default(), policy: Fido2Policy::default() };
            changes.push(Change::from(Row::Fido2Policy(vec![first])));
        }
        let issuer = settings.origins.first().cloned().unwrap_or_default();
        let challenges = Challenges::new(&key, issuer);
        let mut tenant =
            Self { settings, state, sessions: Sessions::default(), challenges, rng, store, entries: 0 };
        tenant.commit(changes)?;
        Ok(tenant)
    }

    /// What kind of tenant it is.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes changes durable, then true.
    pub(crate) fn commit(&mut self, changes: Vec<Change>) -> Result<(), Refusal> {
        if changes.is_empty() {
            return Ok(());
        }
        let kept: Vec<StoreChange> = changes.iter().map(Change::kept).collect();
        self.store.commit(&kept).map_err(|error| broken("keep", &*error))?;
        for change in changes {
            self.state.apply(change);
        }
        Ok(())
    }

    /// The ID of a new entry in a log: those of the same moment are in the order in which they came.
    pub(crate) fn log_id(&mut self, now: Time) -> Guid {
        self.entries = self.entries.wrapping_add(1);
        Guid::ordered(now, self.entries, &mut *self.rng)
    }

    /// The passkey policy as administrators see it.
    pub(crate) fn policy(&self) -> &Fido2Policy {
        &self.state.fido2.last().expect("open leaves at least one version").policy
    }

    /// The passkey policy that sign-ins feel: an older one while a change has not come through.
    pub(crate) fn felt_policy(&self, now: Time) -> &Fido2Policy {
        let through = now - self.settings.propagation_delay;
        let felt = self.state.fido2.iter().rev().find(|version| version.since <= through);
        felt.map_or_else(|| &self.state.fido2[0].policy, |version| &version.policy)
    }

    /// The versions to keep when a new one begins now: those that are still felt.
    pub(crate) fn with_policy(&self, policy: Fido2Policy, now: Time) -> Vec<Dated<Fido2Policy>> {
        let mut versions = self.state.fido2.clone();
        if self.settings.propagation_delay == Duration::ZERO {
            versions.clear();
        } else if let Some(felt) =
            versions.iter().rposition(|version| version.since <= now - self.settings.propagation_delay)
        {
            versions.drain(..felt);
        }
        versions.push(Dated { since: now, policy });
        versions
    }

    /// Who that is, for policies.
    pub(crate) fn subject<'a>(&'a self, user: &'a User) -> Subject<'a> {
        let belongings = self.state.belongings.get(&user.id);
        Subject { user, groups: belongings.map_or(&NO_GROUPS, |belongings| &belongings.groups) }
    }
}

fn broken(what: &str, error: &dyn std::error::Error) -> Refusal {
    Refusal::new(RefusalKind::Broken, "sim_store", format!("cannot {what} the tenant's records: {error}"))
}
