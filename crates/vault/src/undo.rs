//! Undoing what sled did to its files in an opening that did not succeed.
//!
//! When sled finds a message in its log that does not check, it takes it for the torn end of the log and
//! overwrites all that follows. After a crash that is right. If a bit was flipped, what follows was
//! acknowledged. The vault then notices that it is older than it should be and does not open; so what sled has
//! overwritten is put back, and the files are as they were found.
use crate::engine::{DATABASE, SNAPSHOT};
use crate::{VaultError, files};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The longest log that is kept in memory during an opening, in bytes: some twenty thousand passkeys.
const LIMIT: u64 = 16 << 20;

/// sled's files before it saw them.
pub(crate) struct Before {
    dir: PathBuf,
    log: Vec<u8>,
    snapshots: Vec<(PathBuf, Vec<u8>)>,
}

impl Before {
    /// `None` if there is no log yet, or it is too long.
    pub(crate) fn opening(dir: &Path) -> Result<Option<Self>, VaultError> {
        let path = dir.join(DATABASE);
        match fs::metadata(&path) {
            Ok(log) if log.len() <= LIMIT => {}
            _ => return Ok(None),
        }
        let Some(log) = files::read(&path)? else { return Ok(None) };
        let mut kept = Vec::new();
        for path in snapshots(dir)? {
            kept.extend(files::read(&path)?.map(|bytes| (path, bytes)));
        }
        Ok(Some(Self { dir: dir.into(), log, snapshots: kept }))
    }

    /// Puts back what has changed. The database must be closed.
    pub(crate) fn put_back(self) -> Result<(), VaultError> {
        let path = self.dir.join(DATABASE);
        let put_back = || -> io::Result<()> {
            if fs::read(&path)? != self.log {
                let file = OpenOptions::new().write(true).open(&path)?;
                file.write_all_at(&self.log, 0)?;
                file.set_len(self.log.len() as u64)?;
                file.sync_all()?;
            }
            Ok(())
        };
        put_back().map_err(VaultError::io("put back", &path))?;
        for (path, bytes) in &self.snapshots {
            if files::read(path)?.as_ref() != Some(bytes) {
                files::replace(path, bytes)?;
            }
        }
        // What sled made of a log that it had cut short.
        for path in snapshots(&self.dir)? {
            if !self.snapshots.iter().any(|(kept, _)| *kept == path) {
                fs::remove_file(&path).map_err(VaultError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// sled's snapshots in `dir`.
pub(crate) fn snapshots(dir: &Path) -> Result<Vec<PathBuf>, VaultError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(VaultError::io("read", dir))? {
        let path = entry.map_err(VaultError::io("read", dir))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SNAPSHOT)) {
            found.push(path);
        }
    }
    Ok(found)
}
