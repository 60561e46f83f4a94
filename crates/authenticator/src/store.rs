//! The one door to what survives a power cycle.
use alloc::{boxed::Box, vec::Vec};
use core::fmt;
use wire::cose::PublicKey;
use wire::ctap2::{RpEntity, UserEntity};
use zeroize::Zeroizing;

pub use crate::credentials::Credentials;

/// A credential's name inside the store: random, so that it tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub [u8; 16]);

/// A discoverable credential.
#[derive(Clone)]
pub struct Credential {
    /// Its name inside the store.
    pub record: RecordId,
    /// The credential ID.
    pub id: Vec<u8>,
    /// Where it signs in.
    pub rp: RpEntity,
    /// The account.
    pub user: UserEntity,
    /// The keys.
    pub key: KeyPair,
    /// Counts up: a larger number is newer.
    pub created: u64,
}

/// A private key and its public key.
#[derive(Clone)]
pub struct KeyPair {
    /// For the relying party.
    pub public: PublicKey,
    /// Never leaves.
    pub private: PrivateKey,
}

/// A raw private key: the scalar of an elliptic curve in big-endian, or the seed of Ed25519. Zeroized on drop,
/// and without `Debug`.
#[derive(Clone)]
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// Takes over the bytes of a key.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// `len` zero bytes, to be filled.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self(Zeroizing::new(alloc::vec![0; len]))
    }

    /// The bytes, for a signer or a store that seals them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// The key under which non-discoverable credentials are sealed into their own IDs. Zeroized on drop, and
/// without `Debug`.
#[derive(Clone)]
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    /// Takes over the bytes of a key.
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The bytes, for sealing or for a store that seals them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What an authenticator has one of.
#[derive(Clone)]
pub struct State {
    /// Opens non-discoverable credentials; a reset makes another, and so ends them.
    pub sealing_key: SealingKey,
    /// No signature counter at or above this has been handed out.
    pub counter_ceiling: u32,
}

/// Everything that an authenticator remembers. Loaded whole at power-up.
#[derive(Clone, Default)]
pub struct Persistent {
    /// `None` until the first power-up.
    pub state: Option<State>,
    /// Discoverable credentials, indexed.
    pub credentials: Credentials,
}

/// One change to what is remembered.
#[derive(Clone)]
pub enum Change {
    /// Inserts a credential, or replaces the one with the same record id.
    PutCredential(Box<Credential>),
    /// Removes a credential. Removing none is no error.
    DeleteCredential(RecordId),
    /// Replaces the state.
    PutState(State),
    /// Forgets everything for good and begins anew with this state.
    Reset(State),
}

impl Persistent {
    /// What a change means. The authenticator and every store apply changes through this.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::PutCredential(credential) => self.credentials.put(credential.clone()),
            Change::DeleteCredential(record) => self.credentials.delete(*record),
            Change::PutState(state) => self.state = Some(state.clone()),
            Change::Reset(state) => {
                *self = Self { state: Some(state.clone()), credentials: Credentials::default() }
            }
        }
    }
}

/// Where everything is kept.
pub trait Store {
    /// Everything that was committed. Called once, at power-up.
    fn load(&mut self) -> Result<Persistent, StoreError>;

    /// Makes all of `changes` durable, in order, or none of them and says why. Returns after they are safe
    /// from a killed process and a power cut.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;
}

/// Why nothing was committed, or nothing could be loaded.
#[derive(Debug)]
pub enum StoreError {
    /// There is no room.
    Full,
    /// Anything else, in the words of the store.
    Failed(Box<dyn core::error::Error + Send + Sync>),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the store is full"),
            Self::Failed(why) => write!(f, "the store failed: {why}"),
        }
    }
}

impl core::error::Error for StoreError {}

/// Forgets everything when dropped.
#[derive(Clone, Default)]
pub struct MemoryStore {
    persistent: Persistent,
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Persistent, StoreError> {
        Ok(self.persistent.clone())
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        changes.iter().for_each(|change| self.persistent.apply(change));
        Ok(())
    }
}
