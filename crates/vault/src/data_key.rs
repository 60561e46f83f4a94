//! The file that holds a tree's wrapped data key, outside the database.
//!
//! sled is a log: what it once wrote stays in its file for a while. A wrapped data key in there could still be
//! unwrapped after a reset, and the old records read. So each tree has a small file of its own in `keys/`, and
//! a key that is to be forgotten is overwritten in place and synced. That erases as well as the file system
//! and the disk let it: copy-on-write and wear levelling may keep what was overwritten.
use crate::key::{KeyEncryptionKey, WRAPPED_LEN};
use crate::tree::TreeId;
use crate::{VaultError, files};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

// magic 8, format 1, state 1, generation 8 big-endian (of a destroyed tree), then two slots of a byte that is 1
// if the slot is in use and a wrapped key. All of it lies within one sector.
const MAGIC: &[u8; 8] = b"fauxkeyD";
const FORMAT: u8 = 1;
const LIVE: u8 = 1;
const DESTROYED: u8 = 0;
const SLOTS_AT: usize = 32;
const SLOT_LEN: usize = 1 + WRAPPED_LEN;
const LEN: usize = SLOTS_AT + 2 * SLOT_LEN;

/// The file of one tree. Two slots, so that the old key stays until the database has taken the new one.
#[derive(Clone)]
pub(crate) struct DataKeyFile {
    path: PathBuf,
    tree: TreeId,
}

/// A data key and the slot that it is in.
#[derive(Clone)]
pub(crate) struct DataKey {
    pub(crate) slot: usize,
    pub(crate) bytes: Zeroizing<[u8; 32]>,
}

/// What stands in such a file.
pub(crate) enum Found {
    /// There is no file.
    Nothing,
    /// One key, or two if a reset was interrupted: only the database knows which it took.
    Keys(Vec<DataKey>),
    /// The tree was destroyed. It had so many commits.
    Destroyed(u64),
}

impl DataKeyFile {
    pub(crate) fn new(dir: &Path, tree: TreeId) -> Self {
        Self { path: keys_dir(dir).join(tree.file_name()), tree }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn damaged(&self) -> VaultError {
        VaultError::DataKeyDamaged { tree: self.tree, path: self.path.clone() }
    }

    /// Reads and unwraps.
    pub(crate) fn read(&self, kek: &KeyEncryptionKey, vault: &[u8; 16]) -> Result<Found, VaultError> {
        let Some(bytes) = files::read(&self.path)? else { return Ok(Found::Nothing) };
        let &[format, state, ref rest @ ..] = bytes.strip_prefix(MAGIC).ok_or_else(|| self.damaged())? else {
            return Err(self.damaged());
        };
        if format > FORMAT {
            return Err(VaultError::NewerFormat { path: self.path.clone(), format, known: FORMAT });
        }
        if bytes.len() != LEN || format != FORMAT {
            return Err(self.damaged());
        }
        let (commits, _) = rest.split_first_chunk::<8>().ok_or_else(|| self.damaged())?;
        match state {
            DESTROYED => Ok(Found::Destroyed(u64::from_be_bytes(*commits))),
            LIVE => {
                let mut keys = Vec::new();
                for (slot, bytes) in bytes[SLOTS_AT..].chunks_exact(SLOT_LEN).enumerate() {
                    let (&used, wrapped) = bytes.split_first().ok_or_else(|| self.damaged())?;
                    if used != 0 {
                        let wrapped = wrapped.try_into().map_err(|_| self.damaged())?;
                        let bytes = kek.unwrap(vault, self.tree, wrapped).ok_or_else(|| self.damaged())?;
                        keys.push(DataKey { slot, bytes });
                    }
                }
                if keys.is_empty() { Err(self.damaged()) } else { Ok(Found::Keys(keys)) }
            }
            _ => Err(self.damaged()),
        }
    }

    /// Makes the file with a new key in it.
    pub(crate) fn create(&self, kek: &KeyEncryptionKey, vault: &[u8; 16]) -> Result<DataKey, VaultError> {
        let key = DataKey { slot: 0, bytes: Zeroizing::new(files::random()?) };
        let mut bytes = vec![0; LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = FORMAT;
        bytes[9] = LIVE;
        bytes[SLOTS_AT..SLOTS_AT + SLOT_LEN].copy_from_slice(&self.slot(kek, vault, &key)?);
        files::make_dir(&files::parent(&self.path))?;
        // Replaces nothing but what an interrupted creation left.
        files::replace(&self.path, &bytes)?;
        Ok(key)
    }

    /// Puts a new key beside the current one.
    pub(crate) fn add(
        &self,
        kek: &KeyEncryptionKey,
        vault: &[u8; 16],
        current: usize,
    ) -> Result<DataKey, VaultError> {
        let key = DataKey { slot: 1 - current, bytes: Zeroizing::new(files::random()?) };
        self.overwrite(SLOTS_AT + key.slot * SLOT_LEN, &self.slot(kek, vault, &key)?)?;
        Ok(key)
    }

    /// Erases the key in a slot.
    pub(crate) fn erase(&self, slot: usize) -> Result<(), VaultError> {
        self.overwrite(SLOTS_AT + slot * SLOT_LEN, &[0; SLOT_LEN])
    }

    /// Erases both keys, and notes that this was meant, and how many commits the tree had.
    pub(crate) fn destroy(&self, commits: u64) -> Result<(), VaultError> {
        let mut rest = [0; LEN - 9];
        rest[0] = DESTROYED;
        rest[1..9].copy_from_slice(&commits.to_be_bytes());
        self.overwrite(9, &rest)
    }

    /// Removes the file of a destroyed tree.
    pub(crate) fn remove(&self) -> Result<(), VaultError> {
        fs::remove_file(&self.path).map_err(VaultError::io("remove", &self.path))?;
        files::sync_dir(&files::parent(&self.path))
    }

    fn slot(
        &self,
        kek: &KeyEncryptionKey,
        vault: &[u8; 16],
        key: &DataKey,
    ) -> Result<[u8; SLOT_LEN], VaultError> {
        let mut slot = [1; SLOT_LEN];
        slot[1..].copy_from_slice(&kek.wrap(vault, self.tree, &key.bytes)?);
        Ok(slot)
    }

    fn overwrite(&self, at: usize, bytes: &[u8]) -> Result<(), VaultError> {
        let file = OpenOptions::new().write(true).open(&self.path);
        let written =
            file.and_then(|file| file.write_all_at(bytes, at as u64).and_then(|()| file.sync_data()));
        written.map_err(VaultError::io("write", &self.path))
    }
}

/// The trees that have such a file.
pub(crate) fn trees(dir: &Path) -> Result<Vec<TreeId>, VaultError> {
    let keys = keys_dir(dir);
    let mut found = Vec::new();
    for entry in fs::read_dir(&keys).map_err(VaultError::io("read", &keys))? {
        let name = entry.map_err(VaultError::io("read", &keys))?.file_name();
        found.extend(name.to_str().and_then(TreeId::from_file_name));
    }
    Ok(found)
}

fn keys_dir(dir: &Path) -> PathBuf {
    dir.join("keys")
}
