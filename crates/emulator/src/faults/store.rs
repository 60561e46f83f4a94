//! A store that is full or fails.
use super::effect::{Door, Effect};
use super::plan::{Faults, Occasion};
use authenticator::store::{Change, Persistent, Store, StoreError};

/// Wraps a store. What a fault refuses never reaches it.
pub(crate) struct FaultyStore {
    store: Box<dyn Store + Send>,
    faults: Faults,
}

impl FaultyStore {
    pub(crate) fn new(store: Box<dyn Store + Send>, faults: Faults) -> Self {
        Self { store, faults }
    }
}

impl Store for FaultyStore {
    fn load(&mut self) -> Result<Persistent, StoreError> {
        self.store.load()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut refused = None;
        self.faults.strike(Door::Store, Occasion::default(), |striking| {
            let (error, what) = match striking.effect {
                Effect::Full => (StoreError::Full, "the store has no room"),
                Effect::Failing => (StoreError::Failed("a fault that is armed".into()), "the store fails"),
                _ => return None,
            };
            refused = Some(error);
            Some(what.into())
        });
        match refused {
            Some(error) => Err(error),
            None => self.store.commit(changes),
        }
    }
}
