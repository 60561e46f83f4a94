//! The sled database: opening it, and making a batch durable.
use crate::guard::{Fault, guarded, guarded_quietly};
use rustix::fs::{FlockOperation, flock};
use sled::transaction::{ConflictableTransactionError, TransactionError, Transactional};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The names of sled's own files: `conf`, `db`, `blobs/` and `snap.…`.
pub(crate) const DATABASE: &str = "db";
pub(crate) const CONFIG: &str = "conf";
pub(crate) const LARGE: &str = "blobs";
pub(crate) const SNAPSHOT: &str = "snap.";
pub(crate) const UNFINISHED: &str = ".generating";

/// How many milliseconds sled's threads are given to let go of its file.
pub(crate) const PATIENCE: usize = 2_000;

/// An open database.
pub(crate) struct Engine {
    db: sled::Db,
    /// Our own handle on sled's file. sled's flush is `sync_file_range`, which survives a killed process but
    /// not a power cut; `fdatasync` acts on the inode, whoever wrote.
    file: File,
    /// Values that sled put into files of their own, as they are too long for its log. It never syncs them.
    large: PathBuf,
    synced: BTreeSet<OsString>,
}

impl Engine {
    /// Opens or makes the database. sled panics on some damaged bytes.
    pub(crate) fn open(dir: &Path, cache_capacity: u64) -> Result<Self, Fault> {
        let config = sled::Config::new()
            .path(dir)
            .mode(sled::Mode::LowSpace)
            .cache_capacity(cache_capacity)
            // Its own timer only tidies up: every commit is flushed at once.
            .flush_every_ms(Some(2_000));
        let db = guarded_quietly(|| config.open())?;
        let file = OpenOptions::new().read(true).write(true).open(dir.join(DATABASE))?;
        let mut engine = Self { db, file, large: dir.join(LARGE), synced: BTreeSet::new() };
        engine.sync_large()?;
        Ok(engine)
    }

    pub(crate) fn has_tree(&self, name: &[u8]) -> bool {
        self.db.tree_names().iter().any(|found| found == name)
    }

    /// The tree of that name; makes it if there is none.
    pub(crate) fn tree(&self, name: &[u8]) -> Result<sled::Tree, Fault> {
        guarded_quietly(|| self.db.open_tree(name))
    }

    pub(crate) fn drop_tree(&mut self, name: &[u8]) -> Result<(), Fault> {
        guarded(|| self.db.drop_tree(name))?;
        self.sync()
    }

    /// Writes all batches in one transaction. Returns when they are safe from a killed process and from a power
    /// cut.
    pub(crate) fn commit(&mut self, batches: &[(sled::Tree, sled::Batch)]) -> Result<(), Fault> {
        let trees: Vec<&sled::Tree> = batches.iter().map(|(tree, _)| tree).collect();
        guarded(|| {
            let done = trees[..].transaction(|views| {
                views.iter().zip(batches).try_for_each(|(view, (_, batch))| view.apply_batch(batch))?;
                Ok::<_, ConflictableTransactionError<sled::Error>>(())
            });
            done.map_err(|error| match error {
                TransactionError::Abort(error) | TransactionError::Storage(error) => error,
            })
        })?;
        self.sync()
    }

    fn sync(&mut self) -> Result<(), Fault> {
        guarded(|| self.db.flush())?;
        self.sync_large()?;
        Ok(self.file.sync_data()?)
    }

    /// Syncs the files of long values that are new.
    fn sync_large(&mut self) -> io::Result<()> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(&self.large)? {
            let name = entry?.file_name();
            if !self.synced.contains(&name) {
                match File::open(self.large.join(&name)) {
                    Ok(file) => file.sync_all()?,
                    // sled has just removed it.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
            }
            found.insert(name);
        }
        if !found.is_subset(&self.synced) {
            File::open(&self.large)?.sync_all()?;
        }
        self.synced = found;
        Ok(())
    }

    /// Makes the files themselves durable: once, when the vault is made.
    pub(crate) fn sync_files(&mut self, dir: &Path) -> Result<(), Fault> {
        self.sync()?;
        self.file.sync_all()?;
        for name in [CONFIG, LARGE, ""] {
            File::open(dir.join(name))?.sync_all()?;
        }
        Ok(())
    }

    /// Closes, and returns when sled's lock is free: its threads may hold on to the file for a moment.
    pub(crate) fn close(self) {
        let Self { db, file, .. } = self;
        // What is acknowledged is durable already, so nothing that goes wrong here matters.
        let _ = guarded_quietly(|| {
            drop(db);
            Ok::<_, Fault>(())
        });
        for _ in 0..PATIENCE {
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
