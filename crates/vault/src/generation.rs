//! The note beside the key that tells when an older copy of the vault was put back.
//!
//! The vault counts its commits. The note is written at open, at close and at every 64th commit, always after
//! the vault is durable and never synced: it may lag, never lead. So a vault that lags behind the note is not
//! the newest. Up to 63 commits before a crash can be taken away unnoticed.
use crate::{VaultError, files};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

// magic 8, format 1, vault id 16, generation 8 big-endian, checksum 8: always overwritten in place and within
// one sector, so that a power cut cannot leave it empty.
const MAGIC: &[u8; 8] = b"fauxkeyG";
const FORMAT: u8 = 1;

/// How many commits the note may lag behind.
const INTERVAL: u64 = 64;

/// An open note.
pub(crate) struct Note {
    path: PathBuf,
    file: File,
    vault: [u8; 16],
    noted: u64,
}

fn encode(vault: &[u8; 16], generation: u64) -> Vec<u8> {
    let mut bytes = [MAGIC.as_slice(), &[FORMAT], vault, &generation.to_be_bytes()].concat();
    bytes.extend_from_slice(&files::checksum(&bytes));
    bytes
}

/// The vault and generation of a note; `None` if it is damaged.
fn decode(path: &Path, bytes: &[u8]) -> Result<Option<([u8; 16], u64)>, VaultError> {
    let Some(&format) = bytes.strip_prefix(MAGIC).and_then(|rest| rest.first()) else { return Ok(None) };
    if format > FORMAT {
        return Err(VaultError::NewerFormat { path: path.into(), format, known: FORMAT });
    }
    let parts = files::checked(bytes).and_then(|body| {
        let (vault, generation) = body[MAGIC.len() + 1..].split_first_chunk::<16>()?;
        Some((*vault, u64::from_be_bytes(generation.try_into().ok()?)))
    });
    Ok(parts)
}

impl Note {
    /// Compares the vault `dir` with the note at `path`. A note that is missing is made: the key may have been
    /// brought here alone.
    ///
    /// # Errors
    /// If the vault is older than the note or the note cannot be used, unless `accept_rollback`.
    pub(crate) fn check(
        path: PathBuf,
        dir: &Path,
        vault: &[u8; 16],
        generation: u64,
        accept_rollback: bool,
    ) -> Result<Self, VaultError> {
        let found = match files::read(&path)? {
            None => None,
            Some(bytes) => match decode(&path, &bytes)? {
                Some((noted_vault, noted)) if noted_vault == *vault && noted <= generation => Some(noted),
                // A vault that was never finished left it.
                Some((_, 0)) => None,
                _ if accept_rollback => None,
                None => return Err(VaultError::NoteDamaged { note: path, dir: dir.into() }),
                // A vault without a single commit is new: the one that the note knows is gone.
                Some((noted_vault, _)) if noted_vault != *vault && generation > 0 => {
                    return Err(VaultError::NoteForeign { note: path, dir: dir.into() });
                }
                Some((_, noted)) => {
                    return Err(VaultError::RolledBack { dir: dir.into(), generation, noted, note: path });
                }
            },
        };
        if found.is_none() {
            files::replace(&path, &encode(vault, generation))?;
        }
        let file = OpenOptions::new().write(true).open(&path).map_err(VaultError::io("open", &path))?;
        Ok(Self { path, file, vault: *vault, noted: found.unwrap_or(generation) })
    }

    /// Tells of a commit: writes when it is time.
    pub(crate) fn advance(&mut self, generation: u64) -> Result<(), VaultError> {
        if generation < self.noted.saturating_add(INTERVAL) { Ok(()) } else { self.write(generation) }
    }

    /// Writes now, if there is anything new.
    pub(crate) fn write(&mut self, generation: u64) -> Result<(), VaultError> {
        if generation > self.noted {
            let bytes = encode(&self.vault, generation);
            self.file.write_all_at(&bytes, 0).map_err(VaultError::io("write", &self.path))?;
            self.noted = generation;
        }
        Ok(())
    }
}
