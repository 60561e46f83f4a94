//! Where a vault is and what opens it, and the way from there to an open one.
use crate::engine::{Engine, PATIENCE};
use crate::generation::Note;
use crate::guard::Fault;
use crate::header::Header;
use crate::key::{KeyEncryptionKey, KeySource};
use crate::owner::{Owner, in_use};
use crate::room::{Ballast, Room};
use crate::running::{CommitError, Running};
use crate::set_aside::{self, SetAside};
use crate::tree::ReadError;
use crate::undo::Before;
use crate::{Options, VaultError, files};
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A vault that exists or is about to.
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
    pub(crate) vault: [u8; 16],
    pub(crate) kek: KeyEncryptionKey,
    pub(crate) room: Room,
    note: PathBuf,
    options: Options,
    /// Whether it is still being made.
    draft: bool,
}

/// An open vault.
pub(crate) struct Opened {
    pub(crate) running: Running,
    pub(crate) note: Note,
    /// Where damaged files were put.
    pub(crate) set_aside: Option<PathBuf>,
}

/// Why one attempt to open did not succeed.
enum Failure {
    Fault(Fault),
    Vault(VaultError),
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Fault(fault) => Self::Fault(fault),
            ReadError::Vault(error) => error.into(),
        }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Io { source, .. } if source.kind() == ErrorKind::StorageFull => {
                Self::Fault(Fault::Full)
            }
            error => Self::Vault(error),
        }
    }
}

impl Home {
    /// Locks the directory and finds the key. Makes both if there is nothing yet.
    pub(crate) fn find(dir: &Path, key: &KeySource, options: Options) -> Result<(Self, Owner), VaultError> {
        key.check_place(dir)?;
        if !Header::path(dir).exists() && !Header::draft_path(dir).exists() {
            check_empty(dir)?;
            files::make_dir(dir)?;
        }
        let owner = Owner::lock(dir)?;
        let note = key.generation_note();

        let known = |header: &Header| match header.key_kind == key.kind() {
            true => key.unlock(dir, &header.key),
            false => Err(VaultError::KeyKind { dir: dir.into(), kind: header.key_kind }),
        };
        let (header, kek, draft) = if let Some(header) = Header::read(&Header::path(dir))? {
            let kek = known(&header)?;
            (header, kek, false)
        } else if let Some(header) = Header::read(&Header::draft_path(dir))? {
            let kek = known(&header)?;
            (header, kek, true)
        } else {
            let kek = key.unlock_or_make()?;
            let header = Header { key_kind: key.kind(), vault: files::random()?, key: kek.id };
            // A key that knows of commits had a vault already, and it is gone.
            Note::check(note.clone(), dir, &header.vault, 0, options.accept_rollback)?;
            header.draft(dir)?;
            (header, kek, true)
        };
        let room = Room::new(dir, options.reserve, options.ballast);
        Ok((Self { dir: dir.into(), vault: header.vault, kek, room, note, options, draft }, owner))
    }

    /// Opens the database, and gets round what can be got round.
    pub(crate) fn open(&mut self) -> Result<Opened, VaultError> {
        let mut attempt = self.attempt(false);
        for part in Ballast::ALL {
            if matches!(attempt, Err(Failure::Fault(Fault::Full))) && self.room.drop_ballast(part) {
                attempt = self.attempt(false);
            }
        }
        let opened = match attempt {
            Err(Failure::Fault(Fault::Damaged(why))) => self.open_without_snapshot(why),
            attempt => attempt.map_err(|failure| self.error(failure)),
        }?;
        if self.draft {
            Header::publish(&self.dir)?;
            self.draft = false;
        }
        self.room.take_ballast();
        Ok(opened)
    }

    fn open_without_snapshot(&self, why: String) -> Result<Opened, VaultError> {
        let aside = SetAside::take(&self.dir)?;
        match self.attempt(true) {
            Ok(opened) => Ok(Opened { set_aside: Some(aside.place().into()), ..opened }),
            Err(failure) => {
                aside.put_back()?;
                Err(match failure {
                    // This has a way forward of its own.
                    Failure::Vault(error @ VaultError::RolledBack { .. }) => error,
                    Failure::Fault(Fault::Full) => self.error(failure),
                    _ => VaultError::Corrupt { dir: self.dir.clone(), why },
                })
            }
        }
    }

    fn attempt(&self, thoroughly: bool) -> Result<Opened, Failure> {
        set_aside::unfinished(&self.dir)?;
        let before = Before::opening(&self.dir)?;
        let opened = self.attempt_once(thoroughly);
        match (&opened, before) {
            // A full disk is no reason for sled to give anything up, and somebody else's files are not touched.
            (Ok(_) | Err(Failure::Fault(Fault::Full | Fault::Locked)), _) | (_, None) => opened,
            (Err(_), Some(before)) => {
                before.put_back()?;
                opened
            }
        }
    }

    fn attempt_once(&self, thoroughly: bool) -> Result<Opened, Failure> {
        let engine = self.engine().map_err(Failure::Fault)?;
        let running = match self.draft {
            true => Running::create(engine, self),
            false => Running::check(engine, self, thoroughly),
        };
        let mut running = running?;
        match self.settle(&mut running) {
            Ok(note) => Ok(Opened { running, note, set_aside: None }),
            Err(failure) => {
                running.close();
                Err(failure)
            }
        }
    }

    /// Compares with the note beside the key, and finishes what was interrupted.
    fn settle(&self, running: &mut Running) -> Result<Note, Failure> {
        let accept = self.options.accept_rollback;
        let mut note = Note::check(self.note.clone(), &self.dir, &self.vault, running.generation, accept)?;
        running.finish(self).map_err(|error| match error {
            CommitError::Full => Failure::Fault(Fault::Full),
            CommitError::Refused(error) => error.into(),
            CommitError::Failed(fault) => Failure::Fault(fault),
        })?;
        note.write(running.generation)?;
        Ok(note)
    }

    fn engine(&self) -> Result<Engine, Fault> {
        // Our own lock is held, so who holds sled's may be a thread of an opener that has just gone.
        for _ in 1..PATIENCE {
            match Engine::open(&self.dir, self.options.cache_capacity) {
                Err(Fault::Locked) => std::thread::sleep(Duration::from_millis(1)),
                opened => return opened,
            }
        }
        Engine::open(&self.dir, self.options.cache_capacity)
    }

    /// What a failure of the database means for the vault.
    pub(crate) fn fault(&self, fault: Fault) -> VaultError {
        let dir = self.dir.clone();
        match fault {
            Fault::Locked => in_use(&self.dir),
            Fault::Full => VaultError::Full { dir, free: self.room.free() },
            Fault::Damaged(why) => VaultError::Corrupt { dir, why },
            Fault::Io(source) => VaultError::Io { doing: "use the database in", path: dir, source },
        }
    }

    pub(crate) fn read_error(&self, error: ReadError) -> VaultError {
        match error {
            ReadError::Fault(fault) => self.fault(fault),
            ReadError::Vault(error) => error,
        }
    }

    fn error(&self, failure: Failure) -> VaultError {
        match failure {
            Failure::Fault(fault) => self.fault(fault),
            Failure::Vault(error) => error,
        }
    }
}

/// Refuses a directory in which a vault would be made beside something else.
fn check_empty(dir: &Path) -> Result<(), VaultError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(VaultError::io("read", dir)(error)),
    };
    let mut others = false;
    for entry in entries {
        let name = entry.map_err(VaultError::io("read", dir))?.file_name();
        if name == OsStr::new(crate::engine::DATABASE) {
            return Err(VaultError::HeaderMissing { path: Header::path(dir) });
        }
        // The first opener of all may have left no more than its name.
        others |= name != OsStr::new("owner") && name != OsStr::new("header.new.new");
    }
    if others { Err(VaultError::NotAVault { dir: dir.into() }) } else { Ok(()) }
}
