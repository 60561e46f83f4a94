//! A tenant that runs: behind a lock, with a clock that tests may move.
use crate::control::{Failure, FailureKind};
use crate::instance::Instance;
use crate::tenant::store::Kept;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tenant::store::{Forgetful, Store};
use tenant::{Behaviour, Guid, Refusal, RefusalKind, Settings, Tenant, Time};

/// The tree in the vault. Its name is not seen there.
const TREE: &str = "tenant";
/// The RP ID of a tenant whose pages a browser on this machine opens.
pub const RP_ID: &str = "localhost";

/// What a tenant is to be from now on; what is `None` stays as it was, or is as it always is.
#[derive(Clone, Debug, Default)]
pub struct Arrangement {
    /// Whose behaviour is imitated.
    pub behaviour: Option<Behaviour>,
    /// What is made of signature counters.
    pub counter: Option<tenant::CounterMode>,
    /// What a challenge is good for.
    pub challenges: Option<tenant::ChallengeUse>,
    /// How long a change of the passkey policy takes to be felt.
    pub propagation_delay: Option<Duration>,
    /// Labels in logs: `device-bound`, `synced` or an AAGUID in lower case, and the text.
    pub labels: Vec<(String, String)>,
    /// Certificates in DER up to which attestation must lead.
    pub trust_anchors: Vec<Vec<u8>>,
    /// Names of models by AAGUID.
    pub model_names: std::collections::BTreeMap<String, String>,
}

/// A tenant that runs.
pub struct Host {
    tenant: Mutex<Tenant>,
    /// Milliseconds by which its clock is ahead of the system's.
    ahead: AtomicI64,
}

impl Host {
    /// Opens the tenant of an instance's vault, and makes it if there is none; without a vault it lives as long as
    /// this value. Its pages are at `origin`.
    ///
    /// # Errors
    /// Conflict if somebody has it open already, Broken if what was kept makes no sense.
    pub fn open(instance: &Instance, origin: &str, arrangement: &Arrangement) -> Result<Self, Failure> {
        let store: Box<dyn Store + Send> = match instance.records(TREE)? {
            Some(records) => Box::new(Kept::new(records)),
            None => Box::new(Forgetful),
        };
        let arrange = |kept: Option<Settings>, id: Guid| arranged(kept, id, origin, arrangement);
        let tenant = Tenant::open(store, Box::new(UnwrapErr(SysRng)), arrange).map_err(failure)?;
        Ok(Self { tenant: Mutex::new(tenant), ahead: AtomicI64::new(0) })
    }

    /// Does something with the tenant, at this moment of its clock.
    pub fn with<T>(&self, job: impl FnOnce(&mut Tenant, Time) -> T) -> T {
        // A panic inside leaves what was committed, and nothing else counts.
        let mut tenant = self.tenant.lock().unwrap_or_else(PoisonError::into_inner);
        job(&mut tenant, self.now())
    }

    /// The time on the tenant's clock.
    pub fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Time(millis.saturating_add(self.ahead.load(Ordering::Relaxed)))
    }

    /// Moves the clock on, for tests of what expires.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

fn arranged(kept: Option<Settings>, id: Guid, origin: &str, wanted: &Arrangement) -> Settings {
    let behaviour = wanted.behaviour.or_else(|| kept.as_ref().map(|kept| kept.behaviour)).unwrap_or_default();
    let tenant_id = kept.as_ref().map_or(id, |kept| kept.tenant_id);
    let fresh = Settings::new(tenant_id, RP_ID, origin, behaviour);
    // Another behaviour brings its own counters and labels; what was chosen apart from it stays with the same one.
    let mut settings = match kept {
        Some(kept) if kept.behaviour == behaviour => {
            Settings { origins: fresh.origins, rp_id: fresh.rp_id, ..kept }
        }
        _ => fresh,
    };
    if let Some(counter) = wanted.counter {
        settings.counter = counter;
    }
    if let Some(challenges) = wanted.challenges {
        settings.challenges = challenges;
    }
    if let Some(delay) = wanted.propagation_delay {
        settings.propagation_delay = delay;
    }
    for (what, label) in &wanted.labels {
        match what.as_str() {
            "device-bound" => settings.labels.device_bound.clone_from(label),
            "synced" => settings.labels.synced.clone_from(label),
            aaguid => drop(settings.labels.details.insert(aaguid.into(), label.clone())),
        }
    }
    settings.trust_anchors.clone_from(&wanted.trust_anchors);
    settings.model_names.clone_from(&wanted.model_names);
    settings
}

/// A refusal in the words of everything else here.
pub fn failure(refusal: Refusal) -> Failure {
    let kind = match refusal.kind {
        RefusalKind::BadRequest => FailureKind::Invalid,
        RefusalKind::Policy | RefusalKind::Ceremony => FailureKind::Refused,
        RefusalKind::Forbidden | RefusalKind::Unauthenticated => FailureKind::Forbidden,
        RefusalKind::NotFound => FailureKind::NotFound,
        RefusalKind::Conflict => FailureKind::Conflict,
        RefusalKind::Broken => FailureKind::Broken,
    };
    let failure = Failure::new(kind, refusal.message);
    match refusal.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
