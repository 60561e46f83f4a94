//! Setting aside what keeps sled from opening. Nothing is ever deleted to get going.
//!
//! sled refuses to open over a damaged snapshot, although its log holds everything that the snapshot does. But
//! what looks like a damaged snapshot may be a damaged log, and then sled, without the snapshot, would overwrite
//! what it cannot read. So the log is copied first, and if the attempt without the snapshot does not give every
//! record that was committed, all is put back as it was.
use crate::engine::{CONFIG, DATABASE, UNFINISHED};
use crate::undo::snapshots;
use crate::{VaultError, files};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Files that were set aside.
pub(crate) struct SetAside {
    dir: PathBuf,
    place: PathBuf,
    moved: Vec<PathBuf>,
    /// Whether everything is in its place, so that sled was let at the rest.
    complete: bool,
}

/// Sets aside snapshots that sled did not finish writing, when it was killed or the disk was full. It takes them
/// for the newest. They are never needed.
pub(crate) fn unfinished(dir: &Path) -> Result<(), VaultError> {
    let names: Vec<_> = snapshots(dir)?.into_iter().filter(|path| is_unfinished(path)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut aside = SetAside::begin(dir)?;
    names.into_iter().try_for_each(|path| aside.move_in(path))
}

fn is_unfinished(path: &Path) -> bool {
    path.to_string_lossy().ends_with(UNFINISHED)
}

impl SetAside {
    fn begin(dir: &Path) -> Result<Self, VaultError> {
        for number in 1_u64.. {
            let place = dir.join(format!("set-aside-{number}"));
            match fs::DirBuilder::new().mode(0o700).create(&place) {
                Ok(()) => return Ok(Self { dir: dir.into(), place, moved: Vec::new(), complete: false }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(VaultError::io("make", &place)(error)),
            }
        }
        unreachable!("there are more numbers than directories")
    }

    /// Sets aside the snapshots and the configuration, and a copy of the log.
    pub(crate) fn take(dir: &Path) -> Result<Self, VaultError> {
        let mut aside = Self::begin(dir)?;
        match aside.fill() {
            Ok(()) => {
                aside.complete = true;
                Ok(aside)
            }
            Err(error) => {
                aside.put_back()?;
                Err(error)
            }
        }
    }

    /// Where the files are.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    fn fill(&mut self) -> Result<(), VaultError> {
        for path in snapshots(&self.dir)? {
            self.move_in(path)?;
        }
        let config = self.dir.join(CONFIG);
        if config.exists() {
            self.move_in(config)?;
        }
        copy(&self.dir.join(DATABASE), &self.place.join(DATABASE))?;
        files::sync_dir(&self.place)
    }

    fn move_in(&mut self, path: PathBuf) -> Result<(), VaultError> {
        let to = self.place.join(path.file_name().expect("it was found in a directory"));
        fs::rename(&path, to).map_err(VaultError::io("set aside", &path))?;
        self.moved.push(path);
        Ok(())
    }

    /// Undoes everything: the attempt did not help. The database must be closed.
    pub(crate) fn put_back(self) -> Result<(), VaultError> {
        if self.complete {
            // What sled made in the attempt, from less than there was.
            for path in snapshots(&self.dir)? {
                fs::remove_file(&path).map_err(VaultError::io("remove", &path))?;
            }
            let (log, copy) = (self.dir.join(DATABASE), self.place.join(DATABASE));
            if copy.exists() {
                fs::rename(copy, &log).map_err(VaultError::io("put back", &log))?;
            }
        }
        for path in &self.moved {
            let from = self.place.join(path.file_name().expect("it was found in a directory"));
            fs::rename(from, path).map_err(VaultError::io("put back", path))?;
        }
        // Only copies are left in it, if anything.
        fs::remove_dir_all(&self.place).map_err(VaultError::io("remove", &self.place))
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), VaultError> {
    let copied = fs::copy(from, to).and_then(|_| File::open(to)?.sync_all());
    match copied {
        Err(error) if error.kind() == ErrorKind::NotFound && !from.exists() => Ok(()),
        copied => copied.map_err(|error: io::Error| VaultError::Io {
            doing: "copy",
            path: from.into(),
            source: error,
        }),
    }
}
