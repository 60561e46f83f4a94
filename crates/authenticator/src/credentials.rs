//! Credentials in memory, indexed so that a sign-in does not slow down with the number of passkeys.
use crate::store::{Credential, RecordId};
use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use hashbrown::{Equivalent, HashMap};
use sha2::{Digest, Sha256};

/// SHA-256 of an RP ID.
pub type RpIdHash = [u8; 32];

/// Discoverable credentials by record, credential ID, relying party and account.
#[derive(Clone, Default)]
pub struct Credentials {
    by_record: HashMap<RecordId, Box<Credential>>,
    by_id: HashMap<Vec<u8>, RecordId>,
    /// In creation order, so that walking backwards gives the newest first.
    by_rp: HashMap<RpIdHash, BTreeSet<(u64, RecordId)>>,
    by_account: HashMap<Account, RecordId>,
    next_created: u64,
}

/// A user handle at a relying party.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Account {
    rp: RpIdHash,
    user_id: Vec<u8>,
}

/// An [`Account`] to look for. Fields and their order are those of the owned one, so that both hash alike.
#[derive(Hash)]
struct AccountRef<'a> {
    rp: &'a RpIdHash,
    user_id: &'a [u8],
}

impl Equivalent<Account> for AccountRef<'_> {
    fn equivalent(&self, account: &Account) -> bool {
        *self.rp == account.rp && self.user_id == account.user_id
    }
}

/// SHA-256 of `rp_id`, as it stands in authenticator data.
pub(crate) fn rp_id_hash(rp_id: &str) -> RpIdHash {
    Sha256::digest(rp_id.as_bytes()).into()
}

impl Credentials {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_record.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_record.is_empty()
    }

    /// All of them, in no meaningful order.
    pub fn iter(&self) -> impl Iterator<Item = &Credential> {
        self.by_record.values().map(Box::as_ref)
    }

    /// The credential with that name in the store.
    pub fn get(&self, record: RecordId) -> Option<&Credential> {
        self.by_record.get(&record).map(Box::as_ref)
    }

    /// The credential with that credential ID.
    pub fn by_id(&self, id: &[u8]) -> Option<&Credential> {
        self.get(*self.by_id.get(id)?)
    }

    /// The credentials of a relying party, newest first.
    pub fn of_rp(&self, rp: &RpIdHash) -> impl Iterator<Item = &Credential> {
        self.records_of_rp(rp).filter_map(|record| self.get(record))
    }

    /// The records of a relying party, newest first.
    pub(crate) fn records_of_rp(&self, rp: &RpIdHash) -> impl Iterator<Item = RecordId> {
        self.by_rp.get(rp).into_iter().flat_map(|records| records.iter().rev()).map(|(_, record)| *record)
    }

    /// The credential of an account at a relying party: there is at most one.
    pub fn of_user(&self, rp: &RpIdHash, user_id: &[u8]) -> Option<&Credential> {
        self.get(*self.by_account.get(&AccountRef { rp, user_id })?)
    }

    /// The number for the next [`Credential::created`].
    pub fn next_created(&self) -> u64 {
        self.next_created
    }

    pub(crate) fn put(&mut self, credential: Box<Credential>) {
        self.delete(credential.record);
        let rp = rp_id_hash(&credential.rp.id);
        self.by_id.insert(credential.id.clone(), credential.record);
        self.by_rp.entry(rp).or_default().insert((credential.created, credential.record));
        self.by_account.insert(Account { rp, user_id: credential.user.id.clone() }, credential.record);
        self.next_created = self.next_created.max(credential.created.saturating_add(1));
        self.by_record.insert(credential.record, credential);
    }

    pub(crate) fn delete(&mut self, record: RecordId) {
        let Some(credential) = self.by_record.remove(&record) else { return };
        let rp = rp_id_hash(&credential.rp.id);
        self.by_id.remove(&credential.id);
        if let Some(records) = self.by_rp.get_mut(&rp) {
            records.remove(&(credential.created, record));
            if records.is_empty() {
                self.by_rp.remove(&rp);
            }
        }
        // An overwriting account's record may already stand here.
        let account = AccountRef { rp: &rp, user_id: &credential.user.id };
        if self.by_account.get(&account) == Some(&record) {
            self.by_account.remove(&account);
        }
    }
}
