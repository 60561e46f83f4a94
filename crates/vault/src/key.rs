//! The key-encryption key: wraps data keys, and lives outside the vault.
use crate::tree::TreeId;
use crate::{VaultError, files};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where the key-encryption key comes from. A passphrase or the keyring of the operating system would be
/// further variants, each with a kind of its own in the vault's header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySource {
    /// A file that only its owner may read, made on first use, so that the vault opens unattended. It may not
    /// lie inside the vault's directory: a copied vault does not open.
    File(PathBuf),
}

impl KeySource {
    /// What the header says about where the key comes from.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::File(_) => 1,
        }
    }

    /// Refuses a key that a copy of `dir` would take along.
    pub(crate) fn check_place(&self, dir: &Path) -> Result<(), VaultError> {
        let Self::File(key) = self;
        if files::resolve(key)?.starts_with(files::resolve(dir)?) {
            return Err(VaultError::KeyInsideVault { key: key.clone(), dir: dir.into() });
        }
        Ok(())
    }

    /// The file beside the key that notes the newest known generation of the vault.
    pub(crate) fn generation_note(&self) -> PathBuf {
        let Self::File(key) = self;
        let mut name = key.clone().into_os_string();
        name.push(".generation");
        name.into()
    }

    /// The key for a vault that exists.
    pub(crate) fn unlock(&self, dir: &Path, wanted: &[u8; 16]) -> Result<KeyEncryptionKey, VaultError> {
        let Self::File(key) = self;
        let found = read(key)?.ok_or_else(|| VaultError::KeyMissing { key: key.clone(), dir: dir.into() })?;
        if found.id != *wanted {
            return Err(VaultError::WrongKey { key: key.clone(), dir: dir.into() });
        }
        Ok(found)
    }

    /// The key for a vault that does not exist yet. Makes one if there is none.
    pub(crate) fn unlock_or_make(&self) -> Result<KeyEncryptionKey, VaultError> {
        let Self::File(key) = self;
        if let Some(found) = read(key)? {
            return Ok(found);
        }
        let bytes = Zeroizing::new(files::random::<32>()?);
        let id = files::random()?;
        files::make_dir(&files::parent(key))?;
        files::create(key, &encode(&id, &bytes))?;
        Ok(KeyEncryptionKey::new(id, &bytes))
    }
}

// The key file: magic 8, format 1, id 16, key 32, checksum 8.
const MAGIC: &[u8; 8] = b"fauxkeyK";
const FORMAT: u8 = 1;
const LEN: usize = 65;

fn encode(id: &[u8; 16], key: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LEN));
    bytes.extend_from_slice(MAGIC);
    bytes.push(FORMAT);
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(key);
    let check = files::checksum(&bytes);
    bytes.extend_from_slice(&check);
    bytes
}

fn read(path: &Path) -> Result<Option<KeyEncryptionKey>, VaultError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(VaultError::io("read", path)(error)),
    };
    let mode = file.metadata().map_err(VaultError::io("read", path))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(VaultError::KeyExposed { key: path.into(), mode });
    }
    // One byte more than a key file has, so that a longer file is not taken for one; and a buffer that need not
    // grow, which would leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * LEN));
    file.by_ref().take(LEN as u64 + 1).read_to_end(&mut bytes).map_err(VaultError::io("read", path))?;

    let damaged = || VaultError::KeyDamaged { key: path.into() };
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let (&format, _) = rest.split_first().ok_or_else(damaged)?;
    if format > FORMAT {
        return Err(VaultError::NewerFormat { path: path.into(), format, known: FORMAT });
    }
    let body =
        files::checked(&bytes).filter(|_| bytes.len() == LEN && format == FORMAT).ok_or_else(damaged)?;
    let (id, key) = body[9..].split_first_chunk::<16>().ok_or_else(damaged)?;
    Ok(Some(KeyEncryptionKey::new(*id, key.try_into().map_err(|_| damaged())?)))
}

/// How many bytes a wrapped data key has: nonce 12, key 32, tag 16.
pub(crate) const WRAPPED_LEN: usize = 60;

/// Wraps the data keys of a vault. Without `Debug`. ring does not wipe its keys when they are dropped; the
/// bytes that they are made from are wiped here.
pub(crate) struct KeyEncryptionKey {
    /// Tells one key from another; says nothing about the key.
    pub(crate) id: [u8; 16],
    key: LessSafeKey,
}

impl KeyEncryptionKey {
    fn new(id: [u8; 16], bytes: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 has keys of 32 bytes");
        Self { id, key: LessSafeKey::new(key) }
    }

    /// Seals a data key, bound to its vault and tree.
    pub(crate) fn wrap(
        &self,
        vault: &[u8; 16],
        tree: TreeId,
        data_key: &[u8; 32],
    ) -> Result<[u8; WRAPPED_LEN], VaultError> {
        let mut wrapped = [0; WRAPPED_LEN];
        let nonce = files::random::<12>()?;
        wrapped[..12].copy_from_slice(&nonce);
        wrapped[12..44].copy_from_slice(data_key);
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad(vault, tree)),
                &mut wrapped[12..44],
            )
            .expect("32 bytes are not too many for AES-GCM");
        wrapped[44..].copy_from_slice(tag.as_ref());
        Ok(wrapped)
    }

    /// Opens a data key; `None` if it was not wrapped by this key for this vault and tree.
    pub(crate) fn unwrap(
        &self,
        vault: &[u8; 16],
        tree: TreeId,
        wrapped: &[u8; WRAPPED_LEN],
    ) -> Option<Zeroizing<[u8; 32]>> {
        let (nonce, sealed) = wrapped.split_first_chunk::<12>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let opened = self.key.open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(aad(vault, tree)),
            sealed.as_mut_slice(),
        );
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(opened.ok()?);
        Some(key)
    }
}

fn aad(vault: &[u8; 16], tree: TreeId) -> Vec<u8> {
    [b"fauxkey data key 1".as_slice(), vault, &tree.name()].concat()
}
