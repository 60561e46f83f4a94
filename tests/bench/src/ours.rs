//! Our authenticator with a population of passkeys, bytes to bytes.
use crate::requests::{self, RP_ID};
use authenticator::profile::{Attestation, Counter, Verification};
use authenticator::signer::Signer;
use authenticator::store::{Change, Credential, CredentialExtensions, MemoryStore, RecordId, Store};
use authenticator::{Authenticator, CREDENTIAL_ID_MARK, Gesture, Link, Progress, Request, Via};
use emulator::{DeviceProfile, FastSigner};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::path::Path;
use vault::{AuthenticatorId, KeySource, Options, Vault};
use wire::cose::Algorithm;
use wire::ctap2::{RpEntity, UserEntity};
use wire::time::Instant;

const NOW: Instant = Instant::POWER_UP;
const USB: Via = Via { link: Link::Usb, channel: 1 };

/// An authenticator and the sign-ins that it will be asked for.
pub(crate) struct Ours {
    authenticator: Authenticator,
    make: Vec<u8>,
    /// One message for each passkey that is used.
    sign_ins: Vec<Vec<u8>>,
    next: usize,
}

impl Ours {
    /// In memory.
    pub(crate) fn in_memory(passkeys: usize) -> anyhow::Result<Self> {
        Self::over(Box::new(MemoryStore::default()), passkeys)
    }

    /// On a vault below `folder`.
    pub(crate) fn on_vault(folder: &Path, passkeys: usize) -> anyhow::Result<Self> {
        let key = KeySource::File(folder.join("keys").join("vault.key"));
        let vault = Vault::open(&folder.join("vault"), key, Options::default())?;
        let store = vault.authenticator(AuthenticatorId::random()?)?;
        Self::over(Box::new(store), passkeys)
    }

    fn over(mut store: Box<dyn Store + Send>, passkeys: usize) -> anyhow::Result<Self> {
        let mut rng = rand::rng();
        let ids = populate(store.as_mut(), passkeys, &mut rng)?;
        let mut profile = DeviceProfile::named("security-key").expect("it is built in").authenticator;
        profile.attestation = Attestation::PackedSelf;
        profile.verification = Verification::None;
        profile.counter = Counter::Global;
        profile.discoverable = Some(1_000_000);
        let signer = Box::new(FastSigner::default());
        let authenticator = Authenticator::power_up(
            NOW,
            profile,
            store,
            signer,
            Box::new(ChaCha20Rng::from_seed(rng.random())),
        )?;
        // At most a thousand of them are used.
        let used: Vec<&Vec<u8>> = ids.sample(&mut rng, 1_000.min(ids.len())).collect();
        let sign_ins = used.into_iter().map(|id| requests::sign_in(id)).collect();
        Ok(Self { authenticator, make: requests::registration(), sign_ins, next: 0 })
    }

    /// How many different passkeys are used.
    pub(crate) fn used(&self) -> usize {
        self.sign_ins.len()
    }

    /// Registers the same account again.
    pub(crate) fn make_credential(&mut self) {
        let message = std::mem::take(&mut self.make);
        self.call(&message);
        self.make = message;
    }

    /// Signs in with the next of the used passkeys.
    pub(crate) fn get_assertion(&mut self) {
        let at = self.next;
        self.next = (at + 1) % self.sign_ins.len();
        let message = std::mem::take(&mut self.sign_ins[at]);
        self.call(&message);
        self.sign_ins[at] = message;
    }

    /// Forgets every parsed key, so that the next use of each is a first use.
    pub(crate) fn cool(&mut self) -> anyhow::Result<()> {
        Ok(self.authenticator.power_cycle(NOW)?)
    }

    fn call(&mut self, message: &[u8]) {
        let reply = match self.authenticator.handle_request(NOW, USB, Request::Ctap2(message)) {
            Progress::Reply(reply) => reply,
            Progress::AwaitingUser(_) => match self.authenticator.handle_gesture(NOW, Gesture::Present) {
                Some(Progress::Reply(reply)) => reply,
                other => panic!("one gesture is enough: {other:?}"),
            },
            Progress::Processing => panic!("nothing is slow here"),
        };
        assert_eq!(reply[0], 0, "refused");
        while self.authenticator.poll_event().is_some() {}
    }
}

/// Puts passkeys in, a thousand in a commit; returns their credential IDs.
fn populate(
    store: &mut dyn Store,
    passkeys: usize,
    rng: &mut rand::rngs::ThreadRng,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut signer = FastSigner::default();
    let mut ids = Vec::with_capacity(passkeys);
    let mut changes = Vec::with_capacity(1_000);
    for number in 0..passkeys {
        let mut id = CREDENTIAL_ID_MARK.to_vec();
        id.extend(rng.random::<[u8; 24]>());
        ids.push(id.clone());
        let number = u64::try_from(number)?;
        changes.push(Change::PutCredential(Box::new(Credential {
            record: RecordId(rng.random()),
            id,
            rp: RpEntity { id: RP_ID.into(), name: Some("Bench".into()) },
            user: UserEntity {
                id: number.to_be_bytes().to_vec(),
                name: Some(format!("user{number}@bench.test")),
                display_name: Some(format!("User {number}")),
            },
            key: signer.generate(Algorithm::ES256, rng)?,
            created: number,
            extensions: CredentialExtensions::default(),
        })));
        if changes.len() == 1_000 {
            store.commit(&changes)?;
            changes.clear();
        }
    }
    if !changes.is_empty() {
        store.commit(&changes)?;
    }
    Ok(ids)
}
