//! The one door to what survives a power cycle.
use alloc::{boxed::Box, string::String, vec::Vec};
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
    /// What extensions keep with it.
    pub extensions: CredentialExtensions,
}

/// What extensions keep with a discoverable credential.
#[derive(Clone)]
pub struct CredentialExtensions {
    /// credProtect level: 1, 2 or 3.
    pub cred_protect: u8,
    /// credBlob.
    pub cred_blob: Option<Vec<u8>>,
    /// largeBlobKey, 32 bytes.
    pub large_blob_key: Option<Zeroizing<[u8; 32]>>,
    /// The largeBlob of CTAP 2.3: compressed bytes and their original size.
    pub large_blob: Option<LargeBlob>,
    /// thirdPartyPayment.
    pub third_party_payment: bool,
}

/// A blob that the platform keeps with a credential (CTAP 2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeBlob {
    /// As the platform compressed it.
    pub compressed: Vec<u8>,
    /// Bytes before compression.
    pub original_size: u64,
}

impl Default for CredentialExtensions {
    /// credProtect at its default (CTAP 2.1 §12.1), nothing else.
    fn default() -> Self {
        Self {
            cred_protect: 1,
            cred_blob: None,
            large_blob_key: None,
            large_blob: None,
            third_party_payment: false,
        }
    }
}

/// A private key and its public key.
#[derive(Clone)]
pub struct KeyPair {
    /// For the relying party.
    pub public: PublicKey,
    /// Never leaves.
    pub private: PrivateKey,
}

/// A raw private key: the scalar of an elliptic curve in big-endian; the seed of Ed25519 (RFC 8032 §5.1.5) or of
/// ML-DSA (ξ of FIPS 204 algorithm 1), 32 bytes; both primes of an RSA key, the larger first, 128 bytes each and
/// big-endian. Zeroized on drop, and without `Debug`.
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
    /// PIN, built-in user verification and their retries.
    pub verification: VerificationState,
    /// What authenticatorConfig sets.
    pub settings: Settings,
    /// The serialized large-blob array, its trailer included.
    pub large_blobs: Vec<u8>,
    /// Who this is until the next reset, told only to holders of the persistent token.
    pub device_identifier: [u8; 16],
    /// Another random value with every change of a discoverable credential.
    pub cred_store_state: [u8; 16],
}

impl State {
    /// As an authenticator leaves the factory, but for what it draws and its profile sets.
    pub fn new(sealing_key: SealingKey, counter_ceiling: u32) -> Self {
        Self {
            sealing_key,
            counter_ceiling,
            verification: VerificationState::default(),
            settings: Settings::default(),
            large_blobs: NO_LARGE_BLOBS.to_vec(),
            device_identifier: [0; 16],
            cred_store_state: [0; 16],
        }
    }
}

/// PIN, built-in user verification and their retries.
#[derive(Clone)]
pub struct VerificationState {
    /// `None` while no PIN is set.
    pub pin: Option<Pin>,
    /// Wrong PINs still allowed.
    pub pin_retries: u8,
    /// Failed built-in verifications still allowed.
    pub uv_retries: u8,
    /// Built-in verifications since the PIN was last entered.
    pub uv_count_since_pin: u32,
    /// Enrolled fingers.
    pub fingers: Vec<Finger>,
    /// persistentPinUvAuthToken; made when first asked for.
    pub persistent_token: Option<Zeroizing<[u8; 32]>>,
}

/// A PIN, as far as it is kept. Zeroized on drop, and without `Debug`.
#[derive(Clone)]
pub struct Pin {
    /// The left 16 bytes of its SHA-256.
    pub hash: Zeroizing<[u8; 16]>,
    /// How many code points it has.
    pub code_points: u8,
}

/// An enrolled finger or face.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finger {
    /// templateId.
    pub id: Vec<u8>,
    /// templateFriendlyName.
    pub name: Option<String>,
}

/// What authenticatorConfig sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Code points that a PIN must have.
    pub min_pin_length: u8,
    /// The RP IDs that may ask for it.
    pub min_pin_length_rp_ids: Vec<String>,
    /// The PIN must be changed before it is used again.
    pub force_pin_change: bool,
    /// PINs must be complex.
    pub pin_complexity: bool,
    /// User verification is always required.
    pub always_uv: bool,
    /// Enterprise attestation may be asked for.
    pub enterprise_attestation: bool,
    /// A reset wants a long touch.
    pub long_touch_for_reset: bool,
}

impl Default for Settings {
    /// Nothing was set: PINs of four code points (CTAP 2.1 §6.4).
    fn default() -> Self {
        Self {
            min_pin_length: 4,
            min_pin_length_rp_ids: Vec::new(),
            force_pin_change: false,
            pin_complexity: false,
            always_uv: false,
            enterprise_attestation: false,
            long_touch_for_reset: false,
        }
    }
}

/// Wrong PINs allowed before the PIN is blocked, CTAP 2.1 §6.5.2.3.
pub const PIN_RETRIES: u8 = 8;
/// Failed built-in verifications allowed before they are blocked, CTAP 2.1 §6.5.3.1 (at most 25).
pub const UV_RETRIES: u8 = 5;
/// The initial serialized large-blob array: an empty array and its trailer, CTAP 2.1 §6.10.
pub const NO_LARGE_BLOBS: [u8; 17] =
    [0x80, 0x76, 0xBE, 0x8B, 0x52, 0x8D, 0x00, 0x75, 0xF7, 0xAA, 0xE9, 0x8D, 0x6F, 0xA5, 0x7A, 0x6D, 0x3C];

impl Default for VerificationState {
    /// Nothing is set or enrolled, and all retries are there.
    fn default() -> Self {
        Self {
            pin: None,
            pin_retries: PIN_RETRIES,
            uv_retries: UV_RETRIES,
            uv_count_since_pin: 0,
            fingers: Vec::new(),
            persistent_token: None,
        }
    }
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
