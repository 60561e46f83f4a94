//! What is remembered, and the one way in which it changes.
use crate::credentials::{Credentials, RpIdHash, rp_id_hash};
use crate::profile::{Counter, Profile};
use crate::sealed::{self, Sealed};
use crate::store::{
    Change, NO_LARGE_BLOBS, Persistent, RecordId, SealingKey, Settings, State, Store, StoreError,
    VerificationState,
};
use alloc::{boxed::Box, format, vec::Vec};
use rand_core::CryptoRng;
use wire::status::{CtapError, Status};
use zeroize::Zeroizing;

/// Signature counters reserved at a time: a sign-in then writes to disk once in so many.
const COUNTERS_RESERVED: u32 = 1_000;

/// A credential, wherever it lives.
pub(crate) enum Held {
    /// In the store.
    Stored(RecordId),
    /// In its own ID.
    Sealed { id: Vec<u8>, credential: Box<Sealed> },
}

/// A signature counter, and what makes it safe to use.
pub(crate) struct Count {
    pub(crate) value: u32,
    /// To be committed before the counter leaves.
    pub(crate) reservation: Option<Change>,
}

/// Typed data in memory over a store that makes each change durable first.
pub(crate) struct Memory {
    persistent: Persistent,
    store: Box<dyn Store + Send>,
    /// The last signature counter that was handed out since power-up.
    counter: u32,
}

impl Memory {
    /// Loads everything; begins to remember if nothing is there.
    pub(crate) fn load(
        store: Box<dyn Store + Send>,
        profile: &Profile,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, StoreError> {
        let mut memory = Self { persistent: Persistent::default(), store, counter: 0 };
        memory.reload(profile, rng)?;
        Ok(memory)
    }

    /// Forgets what is in memory and loads what was stored, as a power cycle does.
    pub(crate) fn reload(&mut self, profile: &Profile, rng: &mut dyn CryptoRng) -> Result<(), StoreError> {
        self.persistent = self.store.load()?;
        if self.persistent.state.is_none() {
            let state = factory_state(profile, 1, rng);
            self.write(&[Change::PutState(state)])?;
        }
        // What was reserved before may have been handed out: go on above it.
        self.counter = self.state().counter_ceiling.saturating_sub(1);
        Ok(())
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.persistent.credentials
    }

    pub(crate) fn state(&self) -> &State {
        self.persistent.state.as_ref().expect("loading makes a state where there is none")
    }

    /// Seals a key pair into a credential ID for one relying party.
    pub(crate) fn seal(
        &self,
        rp: &RpIdHash,
        credential: &Sealed,
        rng: &mut dyn CryptoRng,
    ) -> Option<Vec<u8>> {
        sealed::seal(&self.state().sealing_key, rp, credential, rng)
    }

    /// A credential of a relying party by its ID.
    pub(crate) fn find(&self, rp: &RpIdHash, id: &[u8]) -> Option<Held> {
        match self.credentials().by_id(id) {
            Some(credential) => {
                (rp_id_hash(&credential.rp.id) == *rp).then_some(Held::Stored(credential.record))
            }
            None => {
                let credential = sealed::open(&self.state().sealing_key, rp, id)?;
                Some(Held::Sealed { id: id.into(), credential: Box::new(credential) })
            }
        }
    }

    /// The credProtect level of a credential that [`Memory::find`] found.
    pub(crate) fn cred_protect(&self, held: &Held) -> u8 {
        match held {
            Held::Stored(record) => self.credentials().get(*record).map_or(1, |c| c.extensions.cred_protect),
            Held::Sealed { credential, .. } => credential.cred_protect,
        }
    }

    /// The next signature counter, WebAuthn Level 3 §6.1.1: never one that was handed out before, even over a
    /// crash, because a durable ceiling stands above it.
    pub(crate) fn next_count(&self, mode: Counter) -> Result<Count, CtapError> {
        if mode == Counter::Zero {
            return Ok(Count { value: 0, reservation: None });
        }
        let spent = || Status::OPERATION_DENIED.because("WebAuthn §6.1.1: the signature counter is used up");
        let value = self.counter.checked_add(1).ok_or_else(spent)?;
        let reservation = (value >= self.state().counter_ceiling).then(|| {
            let counter_ceiling = value.saturating_add(COUNTERS_RESERVED);
            Change::PutState(State { counter_ceiling, ..self.state().clone() })
        });
        Ok(Count { value, reservation })
    }

    /// Adds to `changes` of discoverable credentials that they happened: another random value, where a platform can
    /// learn of it (CTAP 2.3 §6.4, encCredStoreState).
    pub(crate) fn renew_store_state(
        &self,
        profile: &Profile,
        changes: &mut Vec<Change>,
        rng: &mut dyn CryptoRng,
    ) {
        if !profile.tells_identifier {
            return;
        }
        let mut cred_store_state = [0; 16];
        rng.fill_bytes(&mut cred_store_state);
        // A signature counter may be reserved in the same commit.
        let put = changes.iter_mut().rev().find_map(|change| match change {
            Change::PutState(state) => Some(state),
            _ => None,
        });
        match put {
            Some(state) => state.cred_store_state = cred_store_state,
            None => changes.push(Change::PutState(State { cred_store_state, ..self.state().clone() })),
        }
    }

    /// Forgets everything: another sealing key ends the credentials that live in their own IDs.
    pub(crate) fn reset(&self, profile: &Profile, rng: &mut dyn CryptoRng) -> Change {
        Change::Reset(factory_state(profile, self.state().counter_ceiling, rng))
    }

    /// The only way in which anything persistent changes: all of `changes` or none, stored before applied.
    /// `count` is the signature counter that leaves with them.
    pub(crate) fn commit(&mut self, changes: &[Change], count: Option<u32>) -> Result<(), CtapError> {
        if !changes.is_empty() {
            self.write(changes).map_err(|error| match error {
                StoreError::Full => Status::KEY_STORE_FULL.because("the store has no room"),
                StoreError::Failed(why) => Status::OTHER.because_of(format!("the store failed: {why}")),
            })?;
        }
        self.counter = count.filter(|count| *count > 0).unwrap_or(self.counter);
        Ok(())
    }

    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.store.commit(changes)?;
        changes.iter().for_each(|change| self.persistent.apply(change));
        Ok(())
    }
}

/// As it leaves the factory, with secrets of its own.
fn factory_state(profile: &Profile, counter_ceiling: u32, rng: &mut dyn CryptoRng) -> State {
    let mut sealing_key = Zeroizing::new([0; 32]);
    rng.fill_bytes(sealing_key.as_mut());
    let (mut device_identifier, mut cred_store_state) = ([0; 16], [0; 16]);
    rng.fill_bytes(&mut device_identifier);
    rng.fill_bytes(&mut cred_store_state);
    State {
        sealing_key: SealingKey::new(sealing_key),
        counter_ceiling,
        verification: VerificationState::default(),
        settings: Settings {
            min_pin_length: profile.pin.as_ref().map_or(4, |pin| pin.min_length),
            min_pin_length_rp_ids: Vec::new(),
            force_pin_change: false,
            pin_complexity: profile.pin.as_ref().and_then(|pin| pin.complexity).unwrap_or(false),
            always_uv: profile.always_uv.unwrap_or(false),
            enterprise_attestation: false,
            long_touch_for_reset: false,
        },
        large_blobs: NO_LARGE_BLOBS.to_vec(),
        device_identifier,
        cred_store_state,
    }
}
