//! What all handles of one vault share: one writer at a time, and what happens when the disk is full.
use crate::generation::Note;
use crate::home::{Home, Opened};
use crate::owner::Owner;
use crate::room::Ballast;
use crate::running::{CommitError, Running};
use crate::seal::Plain;
use crate::tree::{Key, OpenTree, Plan, ReadError, TreeId};
use crate::{KeySource, Options, VaultError};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One vault of this process.
pub(crate) struct Shared {
    dir: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    home: Home,
    state: State,
    /// Trees that somebody holds.
    taken: BTreeSet<TreeId>,
    set_aside: Option<PathBuf>,
}

enum State {
    Open(Open),
    /// The disk was full; the next use opens the database again.
    Interrupted(Owner),
    Stopped(String),
    Closed,
}

struct Open {
    running: Running,
    note: Note,
    owner: Owner,
}

impl Shared {
    pub(crate) fn open(dir: &Path, key: &KeySource, options: Options) -> Result<Self, VaultError> {
        let (mut home, owner) = Home::find(dir, key, options)?;
        let Opened { running, note, set_aside } = home.open()?;
        let state = State::Open(Open { running, note, owner });
        let inner = Inner { home, state, taken: BTreeSet::new(), set_aside };
        Ok(Self { dir: dir.into(), inner: Mutex::new(inner) })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn set_aside(&self) -> Option<PathBuf> {
        self.lock().set_aside.clone()
    }

    /// The trees in the vault.
    pub(crate) fn trees(&self) -> Result<Vec<TreeId>, VaultError> {
        self.lock().read(|running| Ok(running.trees.keys().copied().collect()))
    }

    /// Opens a tree for one holder; makes it if there is none.
    pub(crate) fn take(&self, id: TreeId) -> Result<(), VaultError> {
        let mut inner = self.lock();
        if inner.taken.contains(&id) {
            return Err(VaultError::AlreadyOpen { tree: id });
        }
        let there = |running: &Running| running.trees.contains_key(&id);
        if !inner.read(|running| Ok(there(running)))? {
            inner.check_room()?;
            inner.write(Effect::Adds, |running, home| running.open_tree(home, id), there)?;
        }
        inner.taken.insert(id);
        Ok(())
    }

    /// The holder is gone.
    pub(crate) fn give_back(&self, id: TreeId) {
        self.lock().taken.remove(&id);
    }

    pub(crate) fn destroy(&self, id: TreeId) -> Result<(), VaultError> {
        let gone = |running: &Running| !running.trees.contains_key(&id);
        self.lock().write(Effect::Other, |running, home| running.destroy(home, id), gone)
    }

    /// Hands every record of a tree to `each`, after it has been checked. All of them count only if this
    /// succeeds.
    pub(crate) fn read_all(
        &self,
        id: TreeId,
        each: impl FnMut(Key, Plain) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        self.lock().read(|running| tree(running, id)?.read_all(each))
    }

    /// One record.
    pub(crate) fn read(&self, id: TreeId, key: Key) -> Result<Option<Plain>, VaultError> {
        self.lock().read(|running| tree(running, id)?.read(key))
    }

    /// Writes to a tree. Returns when it is safe from a killed process and from a power cut.
    pub(crate) fn commit(&self, id: TreeId, plan: &Plan) -> Result<(), VaultError> {
        let mut inner = self.lock();
        let (commits, effect) = inner.read(|running| {
            let tree = tree(running, id)?;
            Ok((tree.manifest.commits, effect(tree, plan)?))
        })?;
        if effect == Effect::Adds {
            inner.check_room()?;
        }
        let done =
            |running: &Running| running.trees.get(&id).is_some_and(|tree| tree.manifest.commits > commits);
        inner.write(effect, |running, home| running.commit(home, id, plan), done)
    }

    /// Closes for all holders.
    pub(crate) fn close(&self) -> Result<(), VaultError> {
        self.lock().close()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic inside leaves a state that the next use checks.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Everything acknowledged is durable; only the note could not be written, and it may lag.
        let _ = self.lock().close();
    }
}

fn tree(running: &Running, id: TreeId) -> Result<&OpenTree, ReadError> {
    running.trees.get(&id).ok_or(ReadError::Vault(VaultError::Destroyed { tree: id }))
}

/// What a write does to the room on the disk, in the long run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// There will be a record more.
    Adds,
    /// A record less, or the same ones.
    Other,
}

fn effect(tree: &OpenTree, plan: &Plan) -> Result<Effect, ReadError> {
    for (key, plain) in &plan.writes {
        let written = matches!(key, Key::Record(_)) && plain.is_some();
        if written && (plan.reset || !tree.contains(*key)?) {
            return Ok(Effect::Adds);
        }
    }
    Ok(Effect::Other)
}

impl Inner {
    /// The open vault. Opens it again if the disk was full before.
    fn running(&mut self) -> Result<(&mut Open, &mut Home), VaultError> {
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Interrupted(owner) => match self.home.open() {
                Ok(Opened { running, note, set_aside }) => {
                    self.set_aside = set_aside.or(self.set_aside.take());
                    State::Open(Open { running, note, owner })
                }
                Err(error) => {
                    self.state = State::Interrupted(owner);
                    return Err(error);
                }
            },
            other => other,
        };
        let dir = self.home.dir.clone();
        match &mut self.state {
            State::Open(open) => Ok((open, &mut self.home)),
            State::Stopped(why) => Err(VaultError::Stopped { dir, why: why.clone() }),
            State::Interrupted(_) | State::Closed => Err(VaultError::Closed { dir }),
        }
    }

    fn read<T>(&mut self, read: impl FnOnce(&Running) -> Result<T, ReadError>) -> Result<T, VaultError> {
        let (open, home) = self.running()?;
        read(&open.running).map_err(|error| home.read_error(error))
    }

    /// Refuses when the disk is nearly full.
    fn check_room(&self) -> Result<(), VaultError> {
        if self.home.room.is_enough() { Ok(()) } else { Err(self.full()) }
    }

    fn full(&self) -> VaultError {
        VaultError::Full { dir: self.home.dir.clone(), free: self.home.room.free() }
    }

    /// Runs `write`. If the disk is full, opens the database again, which lets the ballast go if it must, and
    /// asks `done` whether the write was made. If it was not and adds nothing, it gets the room of the ballast
    /// and is tried once more.
    fn write(
        &mut self,
        effect: Effect,
        write: impl Fn(&mut Running, &Home) -> Result<(), CommitError>,
        done: impl Fn(&Running) -> bool,
    ) -> Result<(), VaultError> {
        self.home.room.take_ballast();
        for last in [effect == Effect::Adds, true] {
            let (open, home) = self.running()?;
            match write(&mut open.running, home) {
                Ok(()) => {
                    // The commit is durable, and the note may lag.
                    let _ = open.note.advance(open.running.generation);
                    return Ok(());
                }
                Err(CommitError::Refused(error)) => return Err(error),
                Err(CommitError::Failed(fault)) => {
                    let error = home.fault(fault);
                    self.stop(error.to_string());
                    return Err(error);
                }
                Err(CommitError::Full) => {
                    self.interrupt();
                    if !last {
                        self.home.room.drop_ballast(Ballast::Writing);
                    }
                    let (open, _) = self.running()?;
                    if done(&open.running) {
                        return Ok(());
                    }
                    if last {
                        return Err(self.full());
                    }
                }
            }
        }
        Err(self.full())
    }

    fn interrupt(&mut self) {
        if let State::Open(open) = std::mem::replace(&mut self.state, State::Closed) {
            open.running.close();
            self.state = State::Interrupted(open.owner);
        }
    }

    fn stop(&mut self, why: String) {
        if let State::Open(open) = std::mem::replace(&mut self.state, State::Stopped(why)) {
            open.running.close();
        }
    }

    fn close(&mut self) -> Result<(), VaultError> {
        let State::Open(mut open) = std::mem::replace(&mut self.state, State::Closed) else { return Ok(()) };
        let noted = open.note.write(open.running.generation);
        open.running.close();
        noted
    }
}
