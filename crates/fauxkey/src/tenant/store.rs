//! The tenant's records in the vault: a tree of their own, sealed like all others.
use authenticator::store::RecordId;
use tenant::store::{RowName, Store, StoreChange, StoreError};
use vault::{RecordChange, Records};
use zeroize::Zeroizing;

/// A tree of the vault, behind the tenant's door.
pub(super) struct Kept {
    records: Records,
}

impl Kept {
    pub(super) fn new(records: Records) -> Self {
        Self { records }
    }
}

impl Store for Kept {
    fn load(&mut self) -> Result<Vec<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(self.records.load()?.into_iter().map(|(_, content)| content).collect())
    }

    fn commit(&mut self, changes: &[StoreChange]) -> Result<(), StoreError> {
        let id = |name: RowName| RecordId(name.0);
        let changes: Vec<RecordChange> = changes
            .iter()
            .map(|change| match change {
                StoreChange::Put(name, content) => RecordChange::Put(id(*name), content.clone()),
                StoreChange::Delete(name) => RecordChange::Delete(id(*name)),
            })
            .collect();
        Ok(self.records.commit(&changes)?)
    }
}
