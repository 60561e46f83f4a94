//! Who has the vault open: a locked file beside the database, with a name in it for people.
//!
//! sled locks its own file as well, and decides. This lock comes first, so that the files round the database
//! may be moved while it is held, and it names the holder to whoever comes second.
use crate::VaultError;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The lock. Ends when dropped, or when the process does.
pub(crate) struct Owner {
    file: File,
}

impl Owner {
    /// Takes the lock.
    pub(crate) fn lock(dir: &Path) -> Result<Self, VaultError> {
        let path = dir.join("owner");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(VaultError::io("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(in_use(dir)),
            Err(error) => return Err(VaultError::io("lock", &path)(error.into())),
        }
        let owner = Self { file };
        // The content is only for people: a disk too full for it keeps nobody out.
        let _ = owner.write(format!("{} (process {})\n", program(), std::process::id()).as_bytes());
        Ok(owner)
    }

    fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(bytes)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        // Closing is not enough: a child that another thread is just starting has a copy of the handle.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// The error for the second opener.
pub(crate) fn in_use(dir: &Path) -> VaultError {
    let named = fs::read_to_string(dir.join("owner")).unwrap_or_default();
    let by = match named.trim() {
        "" => "another process".into(),
        named => named.into(),
    };
    VaultError::InUse { dir: dir.into(), by }
}

fn program() -> String {
    let path = env::current_exe().ok();
    let name = path.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "a program".into())
}
