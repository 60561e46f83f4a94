//! An open vault: the database, its trees, and how far it has come.
use crate::VaultError;
use crate::data_key::{self, DataKeyFile, Found};
use crate::engine::Engine;
use crate::guard::{Fault, guarded_quietly};
use crate::home::Home;
use crate::record::{Manifest, encode};
use crate::seal::{Sealer, SetSum};
use crate::tree::{Key, OpenTree, Plan, ReadError, TreeId};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Everything that is open.
pub(crate) struct Running {
    // Trees hold on to the database, so they are dropped first.
    pub(crate) trees: BTreeMap<TreeId, OpenTree>,
    engine: Engine,
    /// How many commits the vault has seen: those of all its trees.
    pub(crate) generation: u64,
}

/// How a commit ended, other than well.
pub(crate) enum CommitError {
    /// There was no room. Nothing is known about the database any more: it has to be opened again.
    Full,
    /// Nothing was written.
    Refused(VaultError),
    /// The database failed. Nothing is known about it any more.
    Failed(Fault),
}

impl From<ReadError> for CommitError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Fault(fault) => fault.into(),
            ReadError::Vault(error) => Self::Refused(error),
        }
    }
}

impl From<VaultError> for CommitError {
    fn from(error: VaultError) -> Self {
        Self::Refused(error)
    }
}

impl From<Fault> for CommitError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Full => Self::Full,
            fault => Self::Failed(fault),
        }
    }
}

impl Running {
    /// Finds all trees of an open database and checks that each is whole as far as its manifest tells, or with
    /// `thoroughly`, record by record.
    pub(crate) fn check(engine: Engine, home: &Home, thoroughly: bool) -> Result<Self, ReadError> {
        match find_trees(&engine, home, thoroughly) {
            Ok((trees, unburied)) => {
                let commits = trees.values().map(|tree| tree.manifest.commits);
                let generation = commits.fold(unburied, u64::saturating_add);
                Ok(Self { trees, engine, generation })
            }
            Err(error) => {
                engine.close();
                Err(error)
            }
        }
    }

    /// Makes the registry of a new vault. Returns when all its files are durable.
    pub(crate) fn create(mut engine: Engine, home: &Home) -> Result<Self, ReadError> {
        match new_registry(&mut engine, home) {
            Ok(registry) => {
                let generation = registry.manifest.commits;
                Ok(Self { trees: [(TreeId::REGISTRY, registry)].into(), engine, generation })
            }
            Err(error) => {
                engine.close();
                Err(error)
            }
        }
    }

    /// Opens a tree, or makes it and enters it into the registry.
    pub(crate) fn open_tree(&mut self, home: &Home, id: TreeId) -> Result<(), CommitError> {
        if self.trees.contains_key(&id) {
            return Ok(());
        }
        if !self.engine.takes_trees() {
            return Err(VaultError::TooMany { dir: home.dir.clone() }.into());
        }
        let new = new_tree(&self.engine, home, id)?;
        let mut batch = sled::Batch::default();
        batch.insert(Key::Manifest.bytes(), new.sealer.seal(Key::Manifest, &encode(&new.manifest, 0))?);

        let mut plan = Plan::default();
        plan.put(id.entry(), Zeroizing::new(id.name().to_vec()));
        let registry = self.registry();
        let entry = registry.prepare(&plan, None)?;
        let batches = [(registry.tree.clone(), entry.batch), (new.tree.clone(), batch)];
        self.engine.commit(&batches)?;

        self.generation += 1 + new.manifest.commits;
        self.registry().manifest = entry.manifest;
        self.trees.insert(id, new);
        Ok(())
    }

    /// Writes `plan` to a tree. Returns when it is durable.
    pub(crate) fn commit(&mut self, home: &Home, id: TreeId, plan: &Plan) -> Result<(), CommitError> {
        let tree = self.trees.get(&id).ok_or(VaultError::Destroyed { tree: id })?;
        let keys = DataKeyFile::new(&home.dir, id);
        let fresh = match plan.reset {
            true => Some(keys.add(&home.kek, &home.vault, tree.slot)?),
            false => None,
        };
        let fresh = fresh.map(|key| (key.slot, Sealer::new(&home.vault, id, &key.bytes)));
        let prepared = tree.prepare(plan, fresh.as_ref().map(|(_, sealer)| sealer))?;
        let batch = [(tree.tree.clone(), prepared.batch)];
        self.engine.commit(&batch)?;

        self.generation += 1;
        let tree = self.trees.get_mut(&id).expect("it was found above");
        tree.manifest = prepared.manifest;
        if let Some((slot, sealer)) = fresh {
            let old = std::mem::replace(&mut tree.slot, slot);
            tree.sealer = sealer;
            // This is what erases. The reset is durable, so it may not fail any more: should this not work, the
            // next reset or opening does it.
            tree.stale = keys.erase(old).is_err();
        }
        Ok(())
    }

    /// Destroys the data key of a tree, then its entry and its records.
    pub(crate) fn destroy(&mut self, home: &Home, id: TreeId) -> Result<(), CommitError> {
        let tree = self.trees.get(&id).ok_or(VaultError::TreeMissing { tree: id })?;
        DataKeyFile::new(&home.dir, id).destroy(tree.manifest.commits)?;
        self.bury(home, id)
    }

    /// Finishes a destruction after the data key is gone.
    fn bury(&mut self, home: &Home, id: TreeId) -> Result<(), CommitError> {
        let keys = DataKeyFile::new(&home.dir, id);
        self.trees.remove(&id);
        let registry = self.registry();
        if let (true, Found::Destroyed(commits)) =
            (registry.contains(id.entry())?, keys.read(&home.kek, &home.vault)?)
        {
            // The registry inherits the commits, so that the generation does not go back.
            let mut plan = Plan { inherits: commits, ..Plan::default() };
            plan.delete(id.entry());
            let prepared = registry.prepare(&plan, None)?;
            let batch = [(registry.tree.clone(), prepared.batch)];
            self.engine.commit(&batch)?;
            self.registry().manifest = prepared.manifest;
            self.generation += 1;
        }
        self.engine.drop_tree(&id.name())?;
        Ok(keys.remove()?)
    }

    /// Finishes resets and destructions that were interrupted. Only after the vault is known to be the newest:
    /// an older one would have the wrong key erased.
    pub(crate) fn finish(&mut self, home: &Home) -> Result<(), CommitError> {
        for tree in self.trees.values_mut().filter(|tree| tree.stale) {
            DataKeyFile::new(&home.dir, tree.id).erase(1 - tree.slot)?;
            tree.stale = false;
        }
        for id in data_key::trees(&home.dir)? {
            // What is not open is destroyed, or was never finished.
            let keys = DataKeyFile::new(&home.dir, id);
            if !self.trees.contains_key(&id)
                && matches!(keys.read(&home.kek, &home.vault), Ok(Found::Destroyed(_)))
            {
                self.bury(home, id)?;
            }
        }
        Ok(())
    }

    fn registry(&mut self) -> &mut OpenTree {
        self.trees.get_mut(&TreeId::REGISTRY).expect("a vault is not open without its registry")
    }

    pub(crate) fn close(self) {
        let Self { trees, engine, .. } = self;
        drop(trees);
        engine.close();
    }
}

/// A tree that is not in the registry yet. What an interrupted creation left is used.
fn new_tree(engine: &Engine, home: &Home, id: TreeId) -> Result<OpenTree, ReadError> {
    let keys = DataKeyFile::new(&home.dir, id);
    let key = match keys.read(&home.kek, &home.vault)? {
        Found::Keys(mut found) => found.swap_remove(0),
        Found::Nothing | Found::Destroyed(_) => keys.create(&home.kek, &home.vault)?,
    };
    let tree = engine.tree(&id.name())?;
    if guarded_quietly(|| tree.iter().next().transpose())?.is_some() {
        return Err(VaultError::TreeUnknown { tree: id }.into());
    }
    let manifest = Manifest { commits: 1, records: 0, sum: SetSum::default() };
    let sealer = Sealer::new(&home.vault, id, &key.bytes);
    Ok(OpenTree { id, tree, sealer, slot: key.slot, stale: false, manifest })
}

fn new_registry(engine: &mut Engine, home: &Home) -> Result<OpenTree, ReadError> {
    let id = TreeId::REGISTRY;
    let registry = match new_tree(engine, home, id) {
        // The making of the vault was interrupted just before its end.
        Err(ReadError::Vault(VaultError::TreeUnknown { .. })) => {
            let found = DataKeyFile::new(&home.dir, id).read(&home.kek, &home.vault)?;
            find_tree(engine, home, id, found)?
        }
        registry => registry?,
    };
    let mut batch = sled::Batch::default();
    batch.insert(Key::Manifest.bytes(), registry.sealer.seal(Key::Manifest, &encode(&registry.manifest, 0))?);
    engine.commit(&[(registry.tree.clone(), batch)])?;
    engine.sync_files(&home.dir)?;
    Ok(registry)
}

/// All trees, and the commits of those that are destroyed but still in the registry.
fn find_trees(
    engine: &Engine,
    home: &Home,
    thoroughly: bool,
) -> Result<(BTreeMap<TreeId, OpenTree>, u64), ReadError> {
    let found = DataKeyFile::new(&home.dir, TreeId::REGISTRY).read(&home.kek, &home.vault)?;
    let registry = find_tree(engine, home, TreeId::REGISTRY, found)?;
    let mut ids = Vec::new();
    registry.read_all(|key, plain| {
        let id = TreeId::from_name(&plain).filter(|id| id.entry() == key).ok_or_else(|| {
            let why = "it names no tree".into();
            VaultError::RecordUnknown { tree: TreeId::REGISTRY, record: key.to_string(), why }
        })?;
        ids.push(id);
        Ok(())
    })?;
    let mut trees = BTreeMap::from([(TreeId::REGISTRY, registry)]);
    let mut unburied = 0_u64;
    for id in ids {
        match DataKeyFile::new(&home.dir, id).read(&home.kek, &home.vault)? {
            Found::Destroyed(commits) => unburied = unburied.saturating_add(commits),
            found => {
                let tree = find_tree(engine, home, id, found)?;
                if thoroughly {
                    tree.read_all(|_, _| Ok(()))?;
                }
                trees.insert(id, tree);
            }
        }
    }
    Ok((trees, unburied))
}

/// A tree that must be there, and what its key file holds.
fn find_tree(engine: &Engine, home: &Home, id: TreeId, found: Found) -> Result<OpenTree, ReadError> {
    if !engine.has_tree(&id.name()) {
        return Err(VaultError::TreeMissing { tree: id }.into());
    }
    let tree = engine.tree(&id.name())?;
    let file = DataKeyFile::new(&home.dir, id);
    let Found::Keys(keys) = found else {
        return Err(VaultError::DataKeyDamaged { tree: id, path: file.path().into() }.into());
    };
    // Two keys are there if a reset was interrupted: the right one opens the manifest.
    let stale = keys.len() > 1;
    let mut failed = None;
    for key in &keys {
        let sealer = Sealer::new(&home.vault, id, &key.bytes);
        match OpenTree::read_manifest(&tree, id, &sealer) {
            Ok(manifest) => return Ok(OpenTree { id, tree, sealer, slot: key.slot, stale, manifest }),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| VaultError::TreeMissing { tree: id }.into()))
}
