//! The sled database: opening it, and making a batch durable.
use crate::guard::{Fault, guarded, guarded_quietly};
use rustix::fs::{FlockOperation, flock};
use sled::transaction::{ConflictableTransactionError, TransactionError, Transactional};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

/// The names of sled's own files: `conf`, `db`, `snap.…`, and `blobs/`, which stays empty.
pub(crate) const DATABASE: &str = "db";
pub(crate) const CONFIG: &str = "conf";
const LARGE: &str = "blobs";
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
}

/// The longest value in bytes. sled puts a page of more than 128 KB into a file of its own, which it never
/// syncs; and if the disk is full just then, it waits for that page for ever, and every other database of the
/// process with it. A page has some twenty values.
pub(crate) const VALUE_LIMIT: usize = 4096;

/// How many trees there may be: their names and roots are one page.
const TREE_LIMIT: usize = 4096;

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
        Ok(Self { db, file })
    }

    pub(crate) fn has_tree(&self, name: &[u8]) -> bool {
        self.db.tree_names().iter().any(|found| found == name)
    }

    /// Whether there may be one tree more.
    pub(crate) fn takes_trees(&self) -> bool {
        self.db.tree_names().len() < TREE_LIMIT
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
        Ok(self.file.sync_data()?)
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
        let Self { db, file } = self;
        // What is acknowledged is durable already, so nothing that goes wrong here matters.
        let _ = guarded_quietly(|| {
            drop(db);
            Ok::<_, Fault>(())
        });
        for _ in 0..PATIENCE {
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                // Closing is not enough: a child that another thread is just starting has a copy of the handle.
                let _ = flock(&file, FlockOperation::Unlock);
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
