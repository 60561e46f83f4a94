//! The file in the vault that says, in the clear, which key opens it.
use crate::{VaultError, files};
use std::fs;
use std::path::{Path, PathBuf};

// magic 8, format 1, kind of key source 1, vault id 16, id of the key-encryption key 16, checksum 8.
// A kind with parameters of its own (salt and cost of a passphrase) may put them before the checksum.
const MAGIC: &[u8; 8] = b"fauxkeyV";

/// The newest format of a vault that this program knows.
pub(crate) const FORMAT: u8 = 1;

/// What is known about a vault before anything is decrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Where the key-encryption key comes from.
    pub(crate) key_kind: u8,
    /// Random: binds everything sealed to this vault.
    pub(crate) vault: [u8; 16],
    /// Which key-encryption key.
    pub(crate) key: [u8; 16],
}

impl Header {
    /// Its place in a vault.
    pub(crate) fn path(dir: &Path) -> PathBuf {
        dir.join("header")
    }

    /// Its place while the vault is still being made.
    pub(crate) fn draft_path(dir: &Path) -> PathBuf {
        dir.join("header.new")
    }

    /// `None` if there is no such file.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, VaultError> {
        let Some(bytes) = files::read(path)? else { return Ok(None) };
        let damaged = || VaultError::HeaderDamaged { path: path.into() };
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let &format = rest.first().ok_or_else(damaged)?;
        if format > FORMAT {
            return Err(VaultError::NewerFormat { path: path.into(), format, known: FORMAT });
        }
        let body = files::checked(&bytes).ok_or_else(damaged)?;
        let [_format, key_kind, ids @ ..] = &body[MAGIC.len()..] else { return Err(damaged()) };
        let (vault, key) = ids.split_first_chunk::<16>().ok_or_else(damaged)?;
        Ok(Some(Self { key_kind: *key_kind, vault: *vault, key: key.try_into().map_err(|_| damaged())? }))
    }

    /// Writes it as a draft, durable.
    pub(crate) fn draft(&self, dir: &Path) -> Result<(), VaultError> {
        let mut bytes = [MAGIC.as_slice(), &[FORMAT, self.key_kind], &self.vault, &self.key].concat();
        bytes.extend_from_slice(&files::checksum(&bytes));
        files::replace(&Self::draft_path(dir), &bytes)
    }

    /// Makes the draft the header: from now on this is a vault.
    pub(crate) fn publish(dir: &Path) -> Result<(), VaultError> {
        let path = Self::path(dir);
        fs::rename(Self::draft_path(dir), &path).map_err(VaultError::io("make", &path))?;
        files::sync_dir(dir)
    }
}
