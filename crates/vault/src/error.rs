//! What can be wrong with a vault, and what to do about it.
use crate::tree::TreeId;
use std::io;
use std::path::{Path, PathBuf};

/// Why a vault does not open, or why it did not do what was asked. What to do about it is in
/// [`hint`](Self::hint).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The operating system refused.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// The directory holds something else.
    #[error("{dir} is neither empty nor a vault")]
    NotAVault {
        /// The directory.
        dir: PathBuf,
    },
    /// There is a database, but the file that says how it is encrypted is gone.
    #[error("{path} is missing, although there is a database beside it")]
    HeaderMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file that says how the vault is encrypted is damaged.
    #[error("{path} is damaged: it does not say which key the vault needs")]
    HeaderDamaged {
        /// The file.
        path: PathBuf,
    },
    /// A file of the vault or a key file was made by a newer program.
    #[error("{path} has format {format}, and this program knows formats up to {known}")]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format that it has.
        format: u8,
        /// The newest format that this program knows.
        known: u8,
    },
    /// The key file would travel with a copy of the vault.
    #[error("the key file {key} lies inside the vault {dir}")]
    KeyInsideVault {
        /// The key file.
        key: PathBuf,
        /// The vault.
        dir: PathBuf,
    },
    /// There is a vault, but not its key.
    #[error("the vault {dir} is there, but its key file {key} is missing")]
    KeyMissing {
        /// Where the key file should be.
        key: PathBuf,
        /// The vault.
        dir: PathBuf,
    },
    /// Other users may use the key file.
    #[error("the key file {key} has mode {mode:04o}: others than its owner may use it")]
    KeyExposed {
        /// The key file.
        key: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file is not one, or is damaged.
    #[error("{key} is no key file, or a damaged one")]
    KeyDamaged {
        /// The key file.
        key: PathBuf,
    },
    /// A sound key file, but of another vault.
    #[error("the key file {key} does not belong to the vault {dir}")]
    WrongKey {
        /// The key file.
        key: PathBuf,
        /// The vault.
        dir: PathBuf,
    },
    /// The vault takes another kind of key.
    #[error("the vault {dir} takes another kind of key (kind {kind}) than was given")]
    KeyKind {
        /// The vault.
        dir: PathBuf,
        /// The kind of key source in its header.
        kind: u8,
    },
    /// A second opener.
    #[error("the vault {dir} is in use by {by}")]
    InUse {
        /// The vault.
        dir: PathBuf,
        /// Program and process id of the first opener, as far as it left them.
        by: String,
    },
    /// The disk has no room.
    #[error("no room for the vault {dir}: {free} bytes are free")]
    Full {
        /// The vault.
        dir: PathBuf,
        /// Free bytes of its file system.
        free: u64,
    },
    /// The database cannot be read.
    #[error("the database of the vault {dir} is damaged: {why}")]
    Corrupt {
        /// The vault.
        dir: PathBuf,
        /// In the words of the database, or of the check that failed.
        why: String,
    },
    /// A record was changed, moved or damaged.
    #[error("{record} of {tree} does not open: it was changed, moved or damaged")]
    RecordDamaged {
        /// Whose record.
        tree: TreeId,
        /// Which record.
        record: String,
    },
    /// A record of an unknown format.
    #[error("{record} of {tree} has format {format}, and this program knows formats up to {known}")]
    RecordFormat {
        /// Whose record.
        tree: TreeId,
        /// Which record.
        record: String,
        /// The format that it has.
        format: u8,
        /// The newest format that this program knows.
        known: u8,
    },
    /// A record opens, but its content makes no sense to this program.
    #[error("{record} of {tree} cannot be understood: {why}")]
    RecordUnknown {
        /// Whose record.
        tree: TreeId,
        /// Which record.
        record: String,
        /// What is odd about it.
        why: String,
    },
    /// Records are missing, are too many, or are older than they should be.
    #[error("the records of {tree} are not those that were committed: {}", changed(*found, *expected))]
    RecordsChanged {
        /// Whose records.
        tree: TreeId,
        /// How many there are.
        found: u64,
        /// How many there should be. When that is the same number, some are not the last that were written.
        expected: u64,
    },
    /// Everything that belongs to an authenticator or another owner is missing.
    #[error("{tree} is missing from the database")]
    TreeMissing {
        /// Whose records.
        tree: TreeId,
    },
    /// Records stand where nobody should have written yet.
    #[error("the database holds {tree}, which the vault does not know")]
    TreeUnknown {
        /// Whose records.
        tree: TreeId,
    },
    /// The file with a wrapped data key is missing or damaged.
    #[error("the data key of {tree} in {path} is missing or damaged")]
    DataKeyDamaged {
        /// Whose data key.
        tree: TreeId,
        /// The file.
        path: PathBuf,
    },
    /// The vault lags behind the note beside its key: an older copy of it was put back, or its end is lost.
    #[error(
        "the vault {dir} is older than it should be: it is at generation {generation}, and {note} says {noted}"
    )]
    RolledBack {
        /// The vault.
        dir: PathBuf,
        /// Commits in the vault.
        generation: u64,
        /// Commits that were noted beside the key.
        noted: u64,
        /// The file with the note.
        note: PathBuf,
    },
    /// The note beside the key is of another vault.
    #[error("{note} belongs to another vault than {dir}")]
    NoteForeign {
        /// The file with the note.
        note: PathBuf,
        /// The vault.
        dir: PathBuf,
    },
    /// The note beside the key cannot be read.
    #[error("{note} is damaged: whether the vault {dir} is the newest cannot be told")]
    NoteDamaged {
        /// The file with the note.
        note: PathBuf,
        /// The vault.
        dir: PathBuf,
    },
    /// A tree has one owner at a time.
    #[error("{tree} is already open in this process")]
    AlreadyOpen {
        /// What was asked for.
        tree: TreeId,
    },
    /// The authenticator was deleted while something still held it.
    #[error("{tree} was deleted")]
    Destroyed {
        /// What was used.
        tree: TreeId,
    },
    /// A record beyond what the vault takes.
    #[error("a record of {tree} has {len} bytes, and the limit is {limit}")]
    TooLarge {
        /// Whose record.
        tree: TreeId,
        /// Its length in bytes.
        len: usize,
        /// The longest record in bytes.
        limit: usize,
    },
    /// More authenticators than a vault takes: some four thousand.
    #[error("the vault {dir} has as many authenticators and record trees as it can have")]
    TooMany {
        /// The vault.
        dir: PathBuf,
    },
    /// The vault was closed.
    #[error("the vault {dir} is closed")]
    Closed {
        /// The vault.
        dir: PathBuf,
    },
    /// The disk or the database failed in the middle, so nothing more is written.
    #[error("the vault {dir} has stopped: {why}")]
    Stopped {
        /// The vault.
        dir: PathBuf,
        /// What happened.
        why: String,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
}

fn changed(found: u64, expected: u64) -> String {
    if found == expected {
        return format!("there are {found}, but not all as they were last written");
    }
    format!("there are {found} instead of {expected}")
}

impl VaultError {
    pub(crate) fn io<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self::Io { doing, path: path.into(), source }
    }

    /// What to do about it, for people: one sentence, lower case, no full stop.
    pub fn hint(&self) -> Option<String> {
        const COPY: &str = "restore the vault from a copy; nothing in it was deleted";
        Some(match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => "check who owns it, and its permissions".into(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk".into(),
                _ => return None,
            },
            Self::NotAVault { .. } => "name an empty directory, or one that does not exist yet".into(),
            Self::HeaderMissing { .. } | Self::HeaderDamaged { .. } => {
                "restore it from a copy of the vault".into()
            }
            Self::NewerFormat { .. } | Self::RecordFormat { .. } => {
                "use the newer program that wrote it".into()
            }
            Self::KeyInsideVault { .. } => {
                "keep the key elsewhere, so that a copied vault does not open".into()
            }
            Self::KeyMissing { .. } => {
                "put the key file back; without it nothing in the vault can be read, and no new one is made"
                    .into()
            }
            Self::KeyExposed { key, .. } => format!("chmod 600 {}", key.display()),
            Self::KeyDamaged { .. } => {
                "restore it from a copy; if no vault was ever made with it, delete it and a new one is made"
                    .into()
            }
            Self::WrongKey { .. } => "name the key file that the vault was made with".into(),
            Self::KeyKind { .. } => "open it as it was made; a newer program may know how".into(),
            Self::InUse { .. } => "talk to the running instance, or stop it".into(),
            Self::Full { dir, .. } => {
                format!("make room on the file system of {}; deleting passkeys still works", dir.display())
            }
            Self::Corrupt { .. } | Self::TreeMissing { .. } | Self::RecordsChanged { .. } => COPY.into(),
            Self::RecordDamaged { .. } | Self::TreeUnknown { .. } => COPY.into(),
            Self::RecordUnknown { .. } => {
                "use the newer program that wrote it, or restore the vault from a copy".into()
            }
            Self::DataKeyDamaged { .. } => "restore the file from a copy of the vault".into(),
            Self::RolledBack { .. } => {
                "if an older copy was put back on purpose, open it with accept_rollback: what was \
                 made since is not in it; if not, its end is damaged, and the newest copy is to be restored"
                    .into()
            }
            Self::NoteForeign { .. } => {
                "each vault needs a key file of its own; if this pair is meant to be one, open it \
                 with accept_rollback"
                    .into()
            }
            Self::NoteDamaged { .. } => {
                "if the vault is known to be the newest, open it with accept_rollback, and the \
                 note is made anew"
                    .into()
            }
            Self::AlreadyOpen { .. } => "drop the first before opening it again".into(),
            Self::TooMany { .. } => "delete one, or make another vault for the rest".into(),
            Self::Stopped { .. } => "check the disk, then start again; what was acknowledged is safe".into(),
            Self::Destroyed { .. } | Self::TooLarge { .. } | Self::Closed { .. } | Self::NoRandomness => {
                return None;
            }
        })
    }
}
