//! Sealed records of owners other than authenticators.
use crate::VaultError;
use crate::shared::Shared;
use crate::tree::{Key, Plan, TreeId};
use authenticator::store::RecordId;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The records of one owner: bytes under random names. What is in them, and its version, is the owner's
/// business.
pub struct Records {
    shared: Arc<Shared>,
    tree: TreeId,
}

/// The content of a record. Wiped when dropped.
pub type Content = Zeroizing<Vec<u8>>;

/// One change to the records of an owner.
#[derive(Clone)]
pub enum RecordChange {
    /// Inserts or replaces a record of at most a megabyte.
    Put(RecordId, Content),
    /// Removes a record. Removing none is no error.
    Delete(RecordId),
}

impl Records {
    pub(crate) fn open(shared: Arc<Shared>, tree: TreeId) -> Result<Self, VaultError> {
        shared.take(tree)?;
        Ok(Self { shared, tree })
    }

    /// One record.
    ///
    /// # Errors
    /// If it does not open, or the database fails.
    pub fn read(&self, record: RecordId) -> Result<Option<Content>, VaultError> {
        self.shared.read(self.tree, Key::Record(record))
    }

    /// All records, in the order of their names. Checks that they are exactly those that were committed.
    ///
    /// # Errors
    /// If one does not open, if any is missing or too many, or the database fails.
    pub fn load(&self) -> Result<Vec<(RecordId, Content)>, VaultError> {
        let mut records = Vec::new();
        self.shared.read_all(self.tree, |key, plain| {
            if let Key::Record(record) = key {
                records.push((record, plain));
            }
            Ok(())
        })?;
        Ok(records)
    }

    /// Makes all of `changes` durable, in order, in one transaction, or none of them.
    ///
    /// # Errors
    /// [`VaultError::Full`] if a record is new and the disk nearly full, [`VaultError::TooLarge`], or any error
    /// of the database.
    pub fn commit(&self, changes: &[RecordChange]) -> Result<(), VaultError> {
        let mut plan = Plan::default();
        for change in changes {
            match change {
                RecordChange::Put(record, bytes) => plan.put(Key::Record(*record), bytes.clone()),
                RecordChange::Delete(record) => plan.delete(Key::Record(*record)),
            }
        }
        self.shared.commit(self.tree, &plan)
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        self.shared.give_back(self.tree);
    }
}
