//! Small files, written so that a power cut leaves the old or the new.
use crate::VaultError;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rand::{TryRng, rngs::SysRng};
use ring::digest::{SHA256, digest};

/// Random bytes for keys, nonces and ids: always the operating system's, as a nonce from a seed could repeat.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| VaultError::NoRandomness)?;
    Ok(bytes)
}

/// Eight bytes that tell damage; they protect from nothing else.
pub(crate) fn checksum(bytes: &[u8]) -> [u8; 8] {
    digest(&SHA256, bytes).as_ref()[..8].try_into().expect("SHA-256 has 32 bytes")
}

/// `bytes` without a matching [`checksum`] at their end.
pub(crate) fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, check) = bytes.split_last_chunk::<8>()?;
    (checksum(body) == *check).then_some(body)
}

/// Makes a directory and its missing parents, for the owner alone, and returns when they are durable: a power
/// cut that takes away the directory of a key would take the vault with it.
pub(crate) fn make_dir(path: &Path) -> Result<(), VaultError> {
    let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(VaultError::io("make", path))?;
    missing.into_iter().filter(|path| *path != Path::new("")).try_for_each(|made| sync_dir(&parent(made)))
}

/// Makes a file for the owner alone that must not exist yet, and returns when it is durable.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(VaultError::io("make", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(VaultError::io("write", path))?;
    sync_dir(&parent(path))
}

/// Makes a file or replaces it whole, for the owner alone, and returns when it is durable.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    // A draft can only be left from a write that a power cut interrupted.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(VaultError::io("replace", &draft)(error));
        }
        _ => create(&draft, bytes)?,
    }
    fs::rename(&draft, path).map_err(VaultError::io("replace", path))?;
    sync_dir(&parent(path))
}

/// Makes what was created, renamed or removed in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> Result<(), VaultError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(VaultError::io("sync", path))
}

/// The content of a file, or `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(VaultError::io("read", path)(error)),
    }
}

/// The directory that a file is in.
pub(crate) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.into(),
        _ => ".".into(),
    }
}

/// `path` without links and dots, even if its end does not exist yet.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, VaultError> {
    let absolute = std::path::absolute(path).map_err(VaultError::io("find", path))?;
    match fs::canonicalize(&absolute) {
        Ok(resolved) => Ok(resolved),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            match (absolute.parent(), absolute.file_name()) {
                (Some(parent), Some(name)) => Ok(resolve(parent)?.join(name)),
                // `..` after something that does not exist.
                _ => Err(VaultError::io("find", path)(error)),
            }
        }
        Err(error) => Err(VaultError::io("find", path)(error)),
    }
}
