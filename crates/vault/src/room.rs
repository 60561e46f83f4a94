//! Room on the disk: how much there is, and the ballast that is let go when there is none.
//!
//! sled cannot even open on a full disk, and deleting needs room, as it is a log. So a file of a few megabytes
//! lies in the vault and is removed when the disk is full; it is made anew when there is room again.
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The room of one vault.
pub(crate) struct Room {
    dir: PathBuf,
    /// Bytes that must be free before something is added.
    reserve: u64,
    /// Bytes of the ballast file; 0 for none.
    ballast: u64,
}

impl Room {
    pub(crate) fn new(dir: &Path, reserve: u64, ballast: u64) -> Self {
        Self { dir: dir.into(), reserve, ballast }
    }

    /// Bytes that are free for a user who is not root. A file system that does not say counts as roomy.
    pub(crate) fn free(&self) -> u64 {
        statvfs(&self.dir).map_or(u64::MAX, |fs| fs.f_bavail.saturating_mul(fs.f_frsize))
    }

    /// Whether there is room for something new. The room of a ballast that was let go does not count.
    pub(crate) fn is_enough(&self) -> bool {
        let missing = if self.path().exists() { 0 } else { self.ballast };
        self.free() >= self.reserve.saturating_add(missing)
    }

    fn path(&self) -> PathBuf {
        self.dir.join("ballast")
    }

    /// Makes the ballast if it is missing and would leave the reserve free. Not being able to is no error: the
    /// next commit tries again.
    pub(crate) fn take_ballast(&self) {
        let path = self.path();
        let wanted = self.ballast.saturating_add(self.reserve);
        if self.ballast == 0 || path.exists() || self.free() < wanted {
            return;
        }
        if self.fill(&path).is_err() {
            let _ = fs::remove_file(&path);
        }
    }

    fn fill(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        if fallocate(&file, FallocateFlags::empty(), 0, self.ballast).is_ok() {
            return Ok(());
        }
        // A file system without fallocate: zeros could become a hole on some.
        let block = [0xBA; 8192];
        let mut left = self.ballast;
        while left > 0 {
            let len = left.min(block.len() as u64);
            file.write_all(&block[..usize::try_from(len).unwrap_or(block.len())])?;
            left -= len;
        }
        file.sync_all()
    }

    /// Lets the ballast go. Whether there was any.
    pub(crate) fn drop_ballast(&self) -> bool {
        fs::remove_file(self.path()).is_ok()
    }
}
