//! The vault: where authenticators keep what survives a power cycle, encrypted, in one sled database.
//!
//! # What is where
//! ```text
//! <dir>/                        mode 0700; one process at a time
//!     header                    in the clear: format, id of the vault, which key opens it
//!     owner                     locked while open; names the holder, for people
//!     db  conf  blobs/  snap.*  sled's: one tree per authenticator, one for the registry of trees
//!     keys/                     the data key of each tree, wrapped by the key-encryption key
//!     ballast  ballast.open     room for deleting and opening when the disk is full
//!     set-aside-<n>/            what sled could not read; never deleted
//! <key file>                    mode 0600, elsewhere: the key-encryption key
//! <key file>.generation         how many commits the vault is known to have seen
//! ```
//!
//! # What it promises
//! - A commit is one transaction. When it returns, it is safe from a killed process and from a power cut, as far
//!   as the disk keeps its word: flushed by sled, then synced by `fdatasync`, which sled itself does not call.
//! - Every record is sealed with AES-256-GCM under the data key of its tree and bound to vault, tree, record and
//!   format. A manifest in each tree, written with every commit, counts and sums up its records. A record that
//!   was changed, moved, removed or put back to an older state is an error that names it, never skipped.
//! - Names and RP IDs stand nowhere in the clear: trees and records have random names.
//! - A reset overwrites the data key. sled is a log, and the old records stay in it for a while, but nothing
//!   opens them any more.
//! - A copied vault does not open without its key file. With it, it does: whoever has both has the passkeys.
//!   An older copy that is put back is noticed if 64 commits are missing, or any commit before the last close.
//! - Nothing is deleted to get going. What keeps sled from opening is set aside.
//! - There is no way to export a private key.
//!
//! # What it cannot promise
//! A process of the same user can read the memory of this one. The vault wipes its own copies of keys and
//! records; ring does not wipe the keys that it expands, and sled's cache holds sealed records only.
mod data_key;
mod engine;
mod error;
mod files;
mod generation;
mod guard;
mod header;
mod home;
mod key;
mod owner;
mod record;
mod records;
mod room;
mod running;
mod seal;
mod set_aside;
mod shared;
mod store;
mod tree;
mod undo;

use shared::Shared;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::VaultError;
pub use key::KeySource;
pub use records::{Content, RecordChange, Records};
pub use store::AuthenticatorStore;
pub use tree::TreeId;

/// The name of a virtual authenticator inside the vault: random, so that it tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthenticatorId(pub [u8; 16]);

impl AuthenticatorId {
    /// A new one.
    ///
    /// # Errors
    /// If the operating system gives no random bytes.
    pub fn random() -> Result<Self, VaultError> {
        files::random().map(Self)
    }
}

impl fmt::Display for AuthenticatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wire::hex::encode(&self.0))
    }
}

/// How a vault is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes that must be free on the file system before a passkey is added. Deleting goes on below it.
    pub reserve: u64,
    /// Bytes of the files that are let go when the disk is full, so that the vault opens and passkeys can be
    /// deleted. A quarter is kept for opening, which may take a segment of the log (half a megabyte) and a
    /// snapshot. 0 for none.
    pub ballast: u64,
    /// Bytes of memory that the database may use as a cache.
    pub cache_capacity: u64,
    /// Opens a vault that is older than the note beside its key, and makes the note anew: the way forward after
    /// an older copy was put back on purpose.
    pub accept_rollback: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { reserve: 4 << 20, ballast: 4 << 20, cache_capacity: 32 << 20, accept_rollback: false }
    }
}

/// An open vault. Clones share it; it is closed with [`close`](Self::close), or when the last clone, store and
/// record tree is dropped.
#[derive(Clone)]
pub struct Vault {
    shared: Arc<Shared>,
}

impl Vault {
    /// Opens the vault in `dir`. Makes it, and the key, if there is none yet.
    ///
    /// # Errors
    /// Every [`VaultError`] but those of handles that are used too late; each says what to do.
    pub fn open(dir: &Path, key: KeySource, options: Options) -> Result<Self, VaultError> {
        Ok(Self { shared: Arc::new(Shared::open(dir, &key, options)?) })
    }

    /// The store of an authenticator. Makes its tree and data key if there are none yet.
    ///
    /// # Errors
    /// [`VaultError::AlreadyOpen`] if somebody holds it already, as both would think that they know what is in
    /// it; [`VaultError::Full`] if there is no room for a new one; any error of the database.
    pub fn authenticator(&self, id: AuthenticatorId) -> Result<AuthenticatorStore, VaultError> {
        AuthenticatorStore::open(self.shared.clone(), TreeId::authenticator(id))
    }

    /// The authenticators that have something here.
    ///
    /// # Errors
    /// If the vault is closed or has stopped.
    pub fn authenticators(&self) -> Result<Vec<AuthenticatorId>, VaultError> {
        Ok(self.shared.trees()?.iter().filter_map(TreeId::as_authenticator).collect())
    }

    /// Deletes an authenticator: its data key is destroyed, then its records. A store that is still open on it
    /// fails from now on.
    ///
    /// # Errors
    /// [`VaultError::TreeMissing`] if there is none of that name; any error of the database. A destruction that
    /// was interrupted after the data key was destroyed is finished when the vault is opened again.
    pub fn destroy(&self, id: AuthenticatorId) -> Result<(), VaultError> {
        self.shared.destroy(TreeId::authenticator(id))
    }

    /// The records of another owner, sealed in the same way. The name is not seen in the vault.
    ///
    /// # Errors
    /// As for [`authenticator`](Self::authenticator).
    pub fn records(&self, tree: &str) -> Result<Records, VaultError> {
        Records::open(self.shared.clone(), TreeId::records(tree))
    }

    /// Where files were put that the database could not read, if that was so in this opening.
    pub fn set_aside(&self) -> Option<PathBuf> {
        self.shared.set_aside()
    }

    /// The directory of the vault.
    pub fn dir(&self) -> &Path {
        self.shared.dir()
    }

    /// Closes the vault for all clones, stores and record trees, and returns when another process can open it.
    ///
    /// # Errors
    /// If the note beside the key cannot be written. The vault is closed and nothing is lost all the same.
    pub fn close(self) -> Result<(), VaultError> {
        self.shared.close()
    }
}
