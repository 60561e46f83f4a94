//! Room on the disk: how much there is, and the ballast that is let go when there is none.
//!
//! sled cannot even open on a full disk, and deleting needs room, as it is a log. So two files lie in the vault
//! and are removed when the disk is full: the larger for writing, the smaller for opening again if writing took
//! all of the larger and still failed. They are made anew when there is room again.
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The parts of the ballast, in the order in which they go.
#[derive(Clone, Copy)]
pub(crate) enum Ballast {
    Writing,
    Opening,
}

impl Ballast {
    pub(crate) const ALL: [Self; 2] = [Self::Writing, Self::Opening];
}

/// The room of one vault.
pub(crate) struct Room {
    dir: PathBuf,
    /// Bytes that must be free before something is added.
    reserve: u64,
    /// Bytes of the ballast, both files together; 0 for none.
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
        let missing = Ballast::ALL.into_iter().filter(|part| !self.path(*part).exists());
        let missing: u64 = missing.map(|part| self.size(part)).sum();
        self.free() >= self.reserve.saturating_add(missing)
    }

    fn path(&self, part: Ballast) -> PathBuf {
        self.dir.join(match part {
            Ballast::Writing => "ballast",
            Ballast::Opening => "ballast.open",
        })
    }

    fn size(&self, part: Ballast) -> u64 {
        let opening = self.ballast / 4;
        match part {
            Ballast::Writing => self.ballast - opening,
            Ballast::Opening => opening,
        }
    }

    /// Makes the ballast that is missing, if that leaves the reserve free. Not being able to is no error: the
    /// next commit tries again.
    pub(crate) fn take_ballast(&self) {
        for part in [Ballast::Opening, Ballast::Writing] {
            let (path, size) = (self.path(part), self.size(part));
            if size == 0 || path.exists() || self.free() < size.saturating_add(self.reserve) {
                continue;
            }
            if fill(&path, size).is_err() {
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Lets a part of the ballast go. Whether there was any.
    pub(crate) fn drop_ballast(&self, part: Ballast) -> bool {
        fs::remove_file(self.path(part)).is_ok()
    }
}

fn fill(path: &Path, size: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    if fallocate(&file, FallocateFlags::empty(), 0, size).is_ok() {
        return Ok(());
    }
    // A file system without fallocate: zeros could become a hole on some.
    let block = [0xBA; 8192];
    let mut left = size;
    while left > 0 {
        let len = left.min(block.len() as u64);
        file.write_all(&block[..usize::try_from(len).unwrap_or(block.len())])?;
        left -= len;
    }
    file.sync_all()
}
