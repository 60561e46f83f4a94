//! One owner's records: names, what binds them together, and how changes become one batch.
use crate::engine::VALUE_LIMIT;
use crate::guard::{Fault, guarded, guarded_quietly, quietly};
use crate::record::{Manifest, decode, encode};
use crate::seal::{Plain, Sealer, SetSum};
use crate::{AuthenticatorId, VaultError};
use authenticator::store::RecordId;
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::fmt;

/// The name of a tree: what kind of owner it has, and which one. Tells nothing but that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeId {
    kind: u8,
    id: [u8; 16],
}

const REGISTRY: u8 = b'v';
const AUTHENTICATOR: u8 = b'a';
const RECORDS: u8 = b'r';

impl TreeId {
    /// The tree that lists all others.
    pub(crate) const REGISTRY: Self = Self { kind: REGISTRY, id: [0; 16] };

    pub(crate) fn authenticator(id: AuthenticatorId) -> Self {
        Self { kind: AUTHENTICATOR, id: id.0 }
    }

    /// The tree of another owner; `name` is hashed, so that it does not stand in the clear.
    pub(crate) fn records(name: &str) -> Self {
        let hash = digest(&SHA256, name.as_bytes());
        Self { kind: RECORDS, id: hash.as_ref()[..16].try_into().expect("SHA-256 has 32 bytes") }
    }

    pub(crate) fn as_authenticator(&self) -> Option<AuthenticatorId> {
        (self.kind == AUTHENTICATOR).then_some(AuthenticatorId(self.id))
    }

    /// Its name in the database, and its entry in the registry.
    pub(crate) fn name(&self) -> [u8; 17] {
        let mut name = [self.kind; 17];
        name[1..].copy_from_slice(&self.id);
        name
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        let (&kind, id) = name.split_first()?;
        let id = id.try_into().ok()?;
        matches!(kind, REGISTRY | AUTHENTICATOR | RECORDS).then_some(Self { kind, id })
    }

    /// The key of its entry in the registry.
    pub(crate) fn entry(&self) -> Key {
        Key::Record(RecordId(self.id))
    }

    pub(crate) fn file_name(&self) -> String {
        format!("{}{}", char::from(self.kind), wire::hex::encode(&self.id))
    }

    pub(crate) fn from_file_name(name: &str) -> Option<Self> {
        let kind = name.chars().next()?;
        let id = wire::hex::decode(name.get(kind.len_utf8()..)?)?;
        Self::from_name(&[&[u8::try_from(kind).ok()?], id.as_slice()].concat())
    }
}

impl fmt::Display for TreeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            REGISTRY => f.write_str("the registry"),
            AUTHENTICATOR => write!(f, "authenticator {}", wire::hex::encode(&self.id)),
            _ => write!(f, "record tree {}", wire::hex::encode(&self.id)),
        }
    }
}

/// Where a record stands in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// What binds the others together.
    Manifest,
    /// What an authenticator has one of.
    State,
    /// A credential, or what another owner put there.
    Record(RecordId),
}

impl Key {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Manifest => &[0],
            Self::State => &[1],
            Self::Record(id) => &id.0,
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0] => Some(Self::Manifest),
            [1] => Some(Self::State),
            id => Some(Self::Record(RecordId(id.try_into().ok()?))),
        }
    }

    /// Where a part of a long record stands: behind the first.
    fn part(&self, part: usize) -> Vec<u8> {
        let mut bytes = self.bytes().to_vec();
        if part > 0 {
            let part = u16::try_from(part).expect("the longest record has some hundred parts");
            bytes.extend_from_slice(&part.to_be_bytes());
        }
        bytes
    }

    /// Whether this is where a part other than the first stands.
    fn is_part(bytes: &[u8]) -> bool {
        bytes
            .split_last_chunk::<2>()
            .is_some_and(|(key, part)| Self::from_bytes(key).is_some() && *part != [0, 0])
    }
}

/// How many parts a sealed record has. The last is always shorter than a part may be, so that it is known for
/// the last.
fn parts(len: usize) -> usize {
    len / VALUE_LIMIT + 1
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.write_str("the manifest"),
            Self::State => f.write_str("the state"),
            Self::Record(id) => write!(f, "record {}", wire::hex::encode(&id.0)),
        }
    }
}

/// The longest record in bytes.
pub(crate) const RECORD_LIMIT: usize = 1 << 20;

/// What is to be written, in the clear: later changes have replaced earlier ones.
#[derive(Default)]
pub(crate) struct Plan {
    /// Everything that is there is forgotten first, and the data key with it.
    pub(crate) reset: bool,
    /// Commits of another tree that this one takes over.
    pub(crate) inherits: u64,
    /// `None` removes.
    pub(crate) writes: BTreeMap<Key, Option<Plain>>,
}

impl Plan {
    pub(crate) fn put(&mut self, key: Key, plain: Plain) {
        self.writes.insert(key, Some(plain));
    }

    pub(crate) fn delete(&mut self, key: Key) {
        self.writes.insert(key, None);
    }

    pub(crate) fn reset(&mut self) {
        self.reset = true;
        self.writes.clear();
    }
}

/// A [`Plan`], sealed.
pub(crate) struct Prepared {
    pub(crate) batch: sled::Batch,
    pub(crate) manifest: Manifest,
}

/// A tree that is open.
pub(crate) struct OpenTree {
    pub(crate) id: TreeId,
    pub(crate) tree: sled::Tree,
    pub(crate) sealer: Sealer,
    /// Which slot of the key file the data key is in.
    pub(crate) slot: usize,
    /// Whether the other slot holds a key that is to be erased.
    pub(crate) stale: bool,
    pub(crate) manifest: Manifest,
}

impl OpenTree {
    /// The manifest, if `sealer` opens it.
    pub(crate) fn read_manifest(
        tree: &sled::Tree,
        id: TreeId,
        sealer: &Sealer,
    ) -> Result<Manifest, ReadError> {
        let sealed = guarded_quietly(|| tree.get(Key::Manifest.bytes()))?;
        let sealed = sealed.ok_or(VaultError::TreeMissing { tree: id })?;
        Ok(decode(id, Key::Manifest, &sealer.open(Key::Manifest, &sealed)?)?)
    }

    /// Whether something stands at `key`.
    pub(crate) fn contains(&self, key: Key) -> Result<bool, Fault> {
        guarded(|| self.tree.contains_key(key.bytes()))
    }

    /// What stands at `key`.
    pub(crate) fn read(&self, key: Key) -> Result<Option<Plain>, ReadError> {
        let sealed = self.sealed(key)?;
        Ok(sealed.map(|sealed| self.sealer.open(key, &sealed)).transpose()?)
    }

    /// What stands at `key`, sealed as it is.
    fn sealed(&self, key: Key) -> Result<Option<Vec<u8>>, Fault> {
        let first = guarded(|| self.tree.get(key.bytes()))?;
        first.map(|first| self.join(key, &first)).transpose()
    }

    /// A sealed record from its first part on. If another is missing, the record will not open.
    fn join(&self, key: Key, first: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut sealed = first.to_vec();
        let mut last = first.len();
        for part in 1.. {
            if last != VALUE_LIMIT || part > parts(RECORD_LIMIT) {
                break;
            }
            let Some(next) = guarded(|| self.tree.get(key.part(part)))? else { break };
            sealed.extend_from_slice(&next);
            last = next.len();
        }
        Ok(sealed)
    }

    /// Opens every record in one pass and hands it to `each`.
    ///
    /// # Errors
    /// At the first record that does not open, and at the end if the records are not exactly those of the last
    /// commit.
    pub(crate) fn read_all(
        &self,
        each: impl FnMut(Key, Plain) -> Result<(), VaultError>,
    ) -> Result<(), ReadError> {
        quietly(|| self.read_each(each))
    }

    fn read_each(&self, mut each: impl FnMut(Key, Plain) -> Result<(), VaultError>) -> Result<(), ReadError> {
        let (mut records, mut sum) = (0, SetSum::default());
        let (mut parts_found, mut parts_read) = (0, 0);
        let mut entries = self.tree.iter();
        while let Some((bytes, first)) = guarded(|| entries.next().transpose())? {
            if Key::is_part(&bytes) {
                parts_found += 1;
                continue;
            }
            let key = Key::from_bytes(&bytes).ok_or_else(|| {
                let record = format!("record {}", wire::hex::encode(&bytes));
                VaultError::RecordDamaged { tree: self.id, record }
            })?;
            if key == Key::Manifest {
                continue;
            }
            let sealed = self.join(key, &first)?;
            parts_read += parts(sealed.len()) - 1;
            each(key, self.sealer.open(key, &sealed)?)?;
            sum.toggle(&self.sealer.hash(key, &sealed));
            records += 1;
        }
        if (records, sum, parts_read) != (self.manifest.records, self.manifest.sum, parts_found) {
            let (found, expected) = (records, self.manifest.records);
            return Err(VaultError::RecordsChanged { tree: self.id, found, expected }.into());
        }
        Ok(())
    }

    /// Seals what `plan` says, and the manifest that goes with it. A reset seals under `fresh`.
    pub(crate) fn prepare(&self, plan: &Plan, fresh: Option<&Sealer>) -> Result<Prepared, ReadError> {
        let mut batch = sled::Batch::default();
        let commits = self.manifest.commits.saturating_add(1).saturating_add(plan.inherits);
        let mut manifest = Manifest { commits, ..self.manifest };
        if plan.reset {
            (manifest.records, manifest.sum) = (0, SetSum::default());
            let mut keys = self.tree.iter().keys();
            while let Some(key) = guarded(|| keys.next().transpose())? {
                batch.remove(key);
            }
        }
        let sealer = fresh.unwrap_or(&self.sealer);
        for (&key, plain) in &plan.writes {
            let old = if plan.reset { None } else { self.sealed(key)? };
            if let Some(old) = &old {
                manifest.sum.toggle(&self.sealer.hash(key, old));
                manifest.records = manifest.records.saturating_sub(1);
                (0..parts(old.len())).for_each(|part| batch.remove(key.part(part)));
            }
            let Some(plain) = plain else { continue };
            if plain.len() > RECORD_LIMIT {
                let (len, limit) = (plain.len(), RECORD_LIMIT);
                return Err(VaultError::TooLarge { tree: self.id, len, limit }.into());
            }
            let sealed = sealer.seal(key, plain)?;
            manifest.sum.toggle(&sealer.hash(key, &sealed));
            manifest.records += 1;
            for part in 0..parts(sealed.len()) {
                let end = sealed.len().min((part + 1) * VALUE_LIMIT);
                batch.insert(key.part(part), &sealed[part * VALUE_LIMIT..end]);
            }
        }
        batch.insert(Key::Manifest.bytes(), sealer.seal(Key::Manifest, &encode(&manifest, 0))?);
        Ok(Prepared { batch, manifest })
    }
}

/// Why something could not be read: the database failed, or what it gave is wrong.
pub(crate) enum ReadError {
    Fault(Fault),
    Vault(VaultError),
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<VaultError> for ReadError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_one_name_everywhere() {
        for id in
            [TreeId::REGISTRY, TreeId::authenticator(AuthenticatorId([7; 16])), TreeId::records("tenant")]
        {
            assert_eq!(TreeId::from_name(&id.name()), Some(id));
            assert_eq!(TreeId::from_file_name(&id.file_name()), Some(id));
        }
        for name in ["", "a", "a00", "x00000000000000000000000000000000", "ä0000000000000000000000000000000"]
        {
            assert_eq!(TreeId::from_file_name(name), None, "{name}");
        }
        assert_ne!(TreeId::records("tenant"), TreeId::records("tenants"));
    }

    #[test]
    fn a_key_has_one_form() {
        for key in [Key::Manifest, Key::State, Key::Record(RecordId([9; 16]))] {
            assert_eq!(Key::from_bytes(key.bytes()), Some(key));
        }
        assert_eq!(Key::from_bytes(&[2]), None);
        assert_eq!(Key::from_bytes(&[]), None);
    }

    #[test]
    fn parts_of_a_record_stand_where_no_record_does() {
        for key in [Key::Manifest, Key::State, Key::Record(RecordId([9; 16]))] {
            assert_eq!(key.part(0), key.bytes());
            for part in [1, 255, 256, parts(RECORD_LIMIT)] {
                assert!(Key::is_part(&key.part(part)));
                assert_eq!(Key::from_bytes(&key.part(part)), None);
            }
            assert!(!Key::is_part(key.bytes()));
            assert!(!Key::is_part(&[key.bytes(), &[0, 0]].concat()));
        }
    }
}
