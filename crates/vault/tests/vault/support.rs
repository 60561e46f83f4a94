//! A place for a vault, and passkeys to put into it.
use authenticator::store::{
    Change, Credential, CredentialExtensions, Finger, KeyPair, LargeBlob, Persistent, Pin, PrivateKey,
    RecordId, SealingKey, Settings, State, Store, StoreError, VerificationState,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use vault::{AuthenticatorId, AuthenticatorStore, KeySource, Options, Vault, VaultError};
use wire::cose::PublicKey;
use wire::ctap2::{RpEntity, UserEntity};
use zeroize::Zeroizing;

/// A directory with a vault in it and its key beside it.
pub(crate) struct Place {
    root: TempDir,
}

pub(crate) const PHONE: AuthenticatorId = AuthenticatorId([0xA1; 16]);
pub(crate) const TABLET: AuthenticatorId = AuthenticatorId([0xB2; 16]);

/// As small as can be, for tests that are not about room.
pub(crate) fn options() -> Options {
    Options { ballast: 0, ..Options::default() }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { root: TempDir::new().unwrap() }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().join("vault")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.root.path().join("key")
    }

    pub(crate) fn note(&self) -> PathBuf {
        self.root.path().join("key.generation")
    }

    pub(crate) fn try_open(&self) -> Result<Vault, VaultError> {
        self.try_open_with(options())
    }

    pub(crate) fn try_open_with(&self, options: Options) -> Result<Vault, VaultError> {
        Vault::open(&self.dir(), KeySource::File(self.key()), options)
    }

    pub(crate) fn open(&self) -> Vault {
        self.try_open().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Opens, which must fail, and gives the error and its hint.
    pub(crate) fn refusal(&self) -> (VaultError, String) {
        refusal(self.try_open().map(|_| ()))
    }

    /// A vault in which the phone holds `count` passkeys and a state; closed.
    pub(crate) fn with_passkeys(count: u32) -> Self {
        let place = Self::new();
        let vault = place.open();
        let mut phone = vault.authenticator(PHONE).unwrap();
        phone.commit(&[Change::PutState(state(7))]).unwrap();
        for n in 0..count {
            phone.commit(&[put(n)]).unwrap();
        }
        drop(phone);
        vault.close().unwrap();
        place
    }

    /// Lets `change` at the database, with nothing of the vault in between.
    pub(crate) fn with_database(&self, change: impl FnOnce(&sled::Db)) {
        let db = sled::Config::new().path(self.dir()).open().unwrap();
        change(&db);
        db.flush().unwrap();
        drop(db);
        wait_for_database(&self.dir());
    }

    /// The names of the files and directories in the vault.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Waits until sled's threads have let go of the database.
pub(crate) fn wait_for_database(dir: &Path) {
    let file = fs::File::open(dir.join("db")).unwrap();
    for _ in 0..2_000 {
        if file.try_lock().is_ok() {
            // Closing is not enough: a child that another test is just starting has a copy of the handle.
            file.unlock().unwrap();
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the database is still locked");
}

/// The error and its hint, both in the house style.
pub(crate) fn refusal<T>(result: Result<T, VaultError>) -> (VaultError, String) {
    let Err(error) = result else { panic!("this should have been refused") };
    let hint = error.hint().unwrap_or_else(|| panic!("no hint: {error}"));
    for text in [error.to_string(), hint.clone()] {
        let first = text.chars().next().unwrap();
        assert!(!first.is_uppercase() && !text.ends_with('.'), "{text}");
    }
    (error, hint)
}

/// The vault's error behind the authenticator's.
pub(crate) fn vault_error(error: StoreError) -> VaultError {
    match error {
        StoreError::Full => panic!("full"),
        StoreError::Failed(error) => *error.downcast::<VaultError>().unwrap(),
    }
}

pub(crate) fn record(n: u32) -> RecordId {
    let mut id = [0x5E; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    RecordId(id)
}

/// The private scalar of passkey `n`: nothing else in a vault looks like it.
pub(crate) fn scalar(n: u32) -> [u8; 32] {
    let mut scalar = *b"this is a private scalar    ....";
    scalar[28..].copy_from_slice(&n.to_be_bytes());
    scalar
}

pub(crate) fn credential(n: u32) -> Credential {
    let ed25519 = n % 2 == 1;
    let point = |with: u8| [with ^ u8::try_from(n % 251).unwrap(); 32];
    let public = match ed25519 {
        true => PublicKey::Ed25519 { x: point(1) },
        false => PublicKey::P256 { x: point(2), y: point(3) },
    };
    Credential {
        record: record(n),
        id: [b"credential id ".as_slice(), &n.to_be_bytes()].concat(),
        rp: RpEntity {
            id: format!("relying-party-{n}.example"),
            name: (!ed25519).then(|| "A Relying Party".into()),
        },
        user: UserEntity {
            id: [b"user handle ".as_slice(), &n.to_be_bytes()].concat(),
            name: Some(format!("lee.{n}@contoso.example")),
            display_name: ed25519.then(|| "Lee Gu".into()),
        },
        key: KeyPair { public, private: PrivateKey::new(Zeroizing::new(scalar(n).to_vec())) },
        created: u64::from(n),
        extensions: CredentialExtensions::default(),
    }
}

/// A passkey with everything that extensions keep.
pub(crate) fn credential_with_extensions(n: u32) -> Credential {
    let extensions = CredentialExtensions {
        cred_protect: 3,
        cred_blob: Some(b"a blob".to_vec()),
        large_blob_key: Some(Zeroizing::new([0x1B; 32])),
        large_blob: Some(LargeBlob { compressed: vec![7; 300], original_size: 900 }),
        third_party_payment: true,
    };
    Credential { extensions, ..credential(n) }
}

/// A state in which nothing is as it leaves the factory.
pub(crate) fn state_with_everything(n: u8) -> State {
    State {
        verification: VerificationState {
            pin: Some(Pin { hash: Zeroizing::new([0x91; 16]), code_points: 8 }),
            pin_retries: 3,
            uv_retries: 2,
            uv_count_since_pin: 77,
            fingers: vec![
                Finger { id: vec![1, 2], name: Some("thumb".into()) },
                Finger { id: vec![3], name: None },
            ],
            persistent_token: Some(Zeroizing::new([0x92; 32])),
        },
        settings: Settings {
            min_pin_length: 6,
            min_pin_length_rp_ids: vec!["one.example".into(), "two.example".into()],
            force_pin_change: true,
            pin_complexity: true,
            always_uv: true,
            enterprise_attestation: true,
            long_touch_for_reset: true,
        },
        large_blobs: vec![0x80; 600],
        device_identifier: [0x93; 16],
        cred_store_state: [0x94; 16],
        ..state(n)
    }
}

pub(crate) fn put(n: u32) -> Change {
    Change::PutCredential(Box::new(credential(n)))
}

pub(crate) fn state(n: u8) -> State {
    State::new(SealingKey::new(Zeroizing::new([n; 32])), u32::from(n) * 64)
}

/// Everything that is remembered, in a form that can be compared.
pub(crate) fn facts(persistent: &Persistent) -> Vec<String> {
    let mut facts: Vec<String> = persistent
        .credentials
        .iter()
        .map(|credential| {
            let Credential { record, id, rp, user, key, created, extensions } = credential;
            let CredentialExtensions { cred_protect, cred_blob, large_blob_key, large_blob, third_party_payment } =
                extensions;
            let large_blob_key = large_blob_key.as_ref().map(|key| key.to_vec());
            let (public, private) = (&key.public, key.private.expose());
            format!(
                "{record:?} {id:?} {rp:?} {user:?} {public:?} {private:?} {created} {cred_protect} {cred_blob:?} \
                 {large_blob_key:?} {large_blob:?} {third_party_payment}"
            )
        })
        .collect();
    facts.sort();
    if let Some(state) = &persistent.state {
        let State {
            sealing_key,
            counter_ceiling,
            verification,
            settings,
            large_blobs,
            device_identifier,
            cred_store_state,
        } = state;
        let VerificationState { pin, pin_retries, uv_retries, uv_count_since_pin, fingers, persistent_token } =
            verification;
        let pin = pin.as_ref().map(|pin| (pin.hash.to_vec(), pin.code_points));
        let persistent_token = persistent_token.as_ref().map(|token| token.to_vec());
        let sealing_key = sealing_key.expose();
        facts.push(format!(
            "{sealing_key:?} {counter_ceiling} {pin:?} {pin_retries} {uv_retries} {uv_count_since_pin} {fingers:?} \
             {persistent_token:?} {settings:?} {large_blobs:?} {device_identifier:?} {cred_store_state:?}"
        ));
    }
    facts
}

/// What [`Place::with_passkeys`] put there.
pub(crate) fn expected(count: u32) -> Vec<String> {
    let mut persistent = Persistent::default();
    persistent.apply(&Change::PutState(state(7)));
    (0..count).for_each(|n| persistent.apply(&put(n)));
    facts(&persistent)
}

pub(crate) fn load(store: &mut AuthenticatorStore) -> Vec<String> {
    facts(&store.load().unwrap_or_else(|error| panic!("{error}")))
}

/// Copies a directory and everything in it.
pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_dir(&entry.path(), &to),
            false => _ = fs::copy(entry.path(), to).unwrap(),
        }
    }
}

/// Every file under `dir` with its content.
pub(crate) fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

pub(crate) fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
