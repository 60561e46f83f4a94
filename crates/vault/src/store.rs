//! The vault behind the authenticator's door.
use crate::VaultError;
use crate::record::{decode, encode, extra};
use crate::shared::Shared;
use crate::tree::{Key, Plan, TreeId};
use authenticator::store::{Change, Persistent, Store, StoreError};
use std::sync::Arc;

/// Where one authenticator keeps what it remembers. One at a time for each authenticator.
pub struct AuthenticatorStore {
    shared: Arc<Shared>,
    tree: TreeId,
}

impl AuthenticatorStore {
    pub(crate) fn open(shared: Arc<Shared>, tree: TreeId) -> Result<Self, VaultError> {
        shared.take(tree)?;
        Ok(Self { shared, tree })
    }
}

impl Drop for AuthenticatorStore {
    fn drop(&mut self) {
        self.shared.give_back(self.tree);
    }
}

impl Store for AuthenticatorStore {
    fn load(&mut self) -> Result<Persistent, StoreError> {
        let mut persistent = Persistent::default();
        let tree = self.tree;
        let loaded = self.shared.read_all(tree, |key, plain| {
            persistent.apply(&match key {
                Key::Record(_) => Change::PutCredential(Box::new(decode(tree, key, &plain)?)),
                Key::State | Key::Manifest => Change::PutState(decode(tree, key, &plain)?),
            });
            Ok(())
        });
        loaded.map(|()| persistent).map_err(store_error)
    }

    /// If the disk is full and the database cannot even be opened again, it may be that the changes were made
    /// although this fails.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut plan = Plan::default();
        for change in changes {
            match change {
                Change::PutCredential(credential) => {
                    plan.put(Key::Record(credential.record), encode(&**credential, extra(credential)));
                }
                Change::DeleteCredential(record) => plan.delete(Key::Record(*record)),
                Change::PutState(state) => plan.put(Key::State, encode(state, 0)),
                Change::Reset(state) => {
                    plan.reset();
                    plan.put(Key::State, encode(state, 0));
                }
            }
        }
        self.shared.commit(self.tree, &plan).map_err(store_error)
    }
}

fn store_error(error: VaultError) -> StoreError {
    match error {
        VaultError::Full { .. } => StoreError::Full,
        error => StoreError::Failed(Box::new(error)),
    }
}
