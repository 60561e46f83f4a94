//! What is mounted over, in the lab's own mount namespace (mount_namespaces(7)).
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Lets nothing that is mounted from here on be seen outside. What is mounted outside still comes in.
pub(super) fn keep_inside() -> io::Result<()> {
    Ok(mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?)
}

/// Memory instead of the lab's folder: it goes with the last process inside.
pub(super) fn memory(folder: &Path) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount("fauxkey-lab", folder, "tmpfs", flags, Some(c"mode=0755,size=64m"))?)
}

/// The files and folders that were mounted over.
#[derive(Default)]
pub(super) struct Mounts(Vec<PathBuf>);

impl Mounts {
    /// What was mounted over.
    pub(super) fn replaced(self) -> Vec<PathBuf> {
        self.0
    }

    /// Puts a file or a folder on top of another, which must be there.
    pub(super) fn place(&mut self, ours: &Path, theirs: &Path) -> io::Result<()> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", theirs.display()));
        // Through a link the file that it leads to is mounted over, of which there may be two links.
        if is_same(ours, theirs) {
            return Ok(());
        }
        mount_bind(ours, theirs).map_err(|error| named(error.into()))?;
        self.0.push(theirs.to_path_buf());
        Ok(())
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    matches!((id(one), id(other)), (Ok(one), Ok(other)) if one == other)
}
