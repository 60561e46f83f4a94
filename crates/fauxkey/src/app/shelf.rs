//! Where the accounts of all devices of a home are: in the vault, in a tree of records of their own; without a disk,
//! in memory.
use super::Kept;
use super::kept::Facts;
use crate::control::{Failure, FailureKind};
use authenticator::store::RecordId;
use std::sync::{Mutex, MutexGuard, PoisonError};
use vault::{AuthenticatorId, RecordChange, Records, Vault, VaultError};

/// The tree in the vault. Its name is not seen there.
const TREE: &str = "accounts";
/// How many accounts a device has at most.
const MOST: usize = 1_000;

/// The accounts of all devices. Nothing is opened, or made on disk, before it is needed.
pub struct Shelf {
    open: Mutex<State>,
}

enum State {
    Shut(Option<Vault>),
    Open(Accounts),
    Closed,
}

struct Accounts {
    /// `None` where nothing is kept on disk.
    records: Option<Records>,
    /// Oldest first.
    kept: Vec<Kept>,
}

impl Shelf {
    /// Of that vault; of none, it lives as long as this value.
    pub fn new(vault: Option<Vault>) -> Self {
        Self { open: Mutex::new(State::Shut(vault)) }
    }

    /// A device's accounts, oldest first.
    ///
    /// # Errors
    /// Broken if what was kept makes no sense, or the vault does not play along.
    pub fn of(&self, device: AuthenticatorId) -> Result<Vec<Kept>, Failure> {
        self.with(|accounts| Ok(accounts.kept.iter().filter(|kept| kept.device == device).cloned().collect()))
    }

    /// Adds an account, durably, in the place of the one that the same user had on the device at the same tenant.
    ///
    /// # Errors
    /// Those of [`Shelf::of`], and Conflict if the device has too many.
    pub fn add(&self, device: AuthenticatorId, mut facts: Facts) -> Result<Kept, Failure> {
        self.with(|accounts| {
            facts.order = accounts.kept.last().map_or(1, |last| last.facts.order.saturating_add(1));
            let same = |kept: &Kept| {
                kept.device == device
                    && kept.facts.tenant == facts.tenant
                    && kept.facts.user_name.eq_ignore_ascii_case(&facts.user_name)
            };
            let gone: Vec<RecordId> =
                accounts.kept.iter().filter(|kept| same(kept)).map(|kept| kept.record).collect();
            if accounts.kept.iter().filter(|kept| kept.device == device).count() - gone.len() >= MOST {
                let message = format!("there are {MOST} accounts on the device, and no more fit");
                return Err(Failure::new(FailureKind::Conflict, message).hint("delete some"));
            }
            let new = Kept::new(device, facts);
            accounts.commit(Some(&new), &gone)?;
            accounts.kept.retain(|kept| !gone.contains(&kept.record));
            accounts.kept.push(new.clone());
            Ok(new)
        })
    }

    /// Forgets an account, durably. Forgetting none is no error.
    ///
    /// # Errors
    /// Those of [`Shelf::of`].
    pub fn remove(&self, record: RecordId) -> Result<(), Failure> {
        self.forget_those(|kept| kept.record == record)
    }

    /// Forgets everything of a device that is deleted or reset.
    ///
    /// # Errors
    /// Those of [`Shelf::of`].
    pub fn forget(&self, device: AuthenticatorId) -> Result<(), Failure> {
        self.forget_those(|kept| kept.device == device)
    }

    /// Lets go of the vault, so that it can be closed.
    pub fn close(&self) {
        *self.lock() = State::Closed;
    }

    fn forget_those(&self, those: impl Fn(&Kept) -> bool) -> Result<(), Failure> {
        self.with(|accounts| {
            let gone: Vec<RecordId> =
                accounts.kept.iter().filter(|kept| those(kept)).map(|kept| kept.record).collect();
            if !gone.is_empty() {
                accounts.commit(None, &gone)?;
                accounts.kept.retain(|kept| !gone.contains(&kept.record));
            }
            Ok(())
        })
    }

    fn with<T>(&self, job: impl FnOnce(&mut Accounts) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut state = self.lock();
        if let State::Shut(vault) = &*state {
            *state = State::Open(Accounts::open(vault.as_ref())?);
        }
        match &mut *state {
            State::Open(accounts) => job(accounts),
            State::Shut(_) | State::Closed => {
                Err(Failure::new(FailureKind::Conflict, "this instance of fauxkey is shutting down"))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What is inside is whole at any time.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts {
    fn open(vault: Option<&Vault>) -> Result<Self, Failure> {
        let records = vault.map(|vault| vault.records(TREE)).transpose().map_err(vault_failure)?;
        let loaded = records.as_ref().map_or(Ok(Vec::new()), Records::load).map_err(vault_failure)?;
        let mut kept = Vec::new();
        for (record, content) in loaded {
            kept.push(Kept::decode(record, &content).ok_or_else(damaged)?);
        }
        kept.sort_by_key(|kept| kept.facts.order);
        Ok(Self { records, kept })
    }

    fn commit(&self, new: Option<&Kept>, gone: &[RecordId]) -> Result<(), Failure> {
        let Some(records) = &self.records else { return Ok(()) };
        let mut changes: Vec<_> = gone.iter().map(|record| RecordChange::Delete(*record)).collect();
        changes.extend(new.map(|kept| RecordChange::Put(kept.record, kept.encode())));
        records.commit(&changes).map_err(vault_failure)
    }
}

fn damaged() -> Failure {
    Failure::new(FailureKind::Broken, "what the vault has of the app's accounts makes no sense")
        .hint("a newer fauxkey may have written it; no passkey is lost with it")
}

fn vault_failure(error: VaultError) -> Failure {
    Failure { kind: FailureKind::Broken, message: error.to_string(), hint: error.hint() }
}
