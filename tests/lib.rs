//! Support for the cross-crate tests: an authenticator with a store that counts, requests to start from, and
//! one way to call.
pub mod mutations;
pub mod platform;
pub mod u2f;

use authenticator::profile::{
    Attestation, Counter, CredentialManagementClaims, Enterprise, Extension, PinClaims, Profile, Protocol,
    Verification,
};
use authenticator::signer::{
    AttestationIdentity, Attesting, DeterministicSigner, Signed, Signer, SignerError,
};
use authenticator::store::{Change, KeyPair, MemoryStore, Persistent, Store, StoreError};
use authenticator::{Authenticator, Event, Gesture, Link, Progress, Prompt, Request, Via};
use emulator::DeviceProfile;
use emulator::attestation::{TestCa, TestPlatform};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use wire::aaguid::Aaguid;
use wire::cose::Algorithm;
use wire::ctap2::{Descriptor, GetAssertion, MakeCredential, RpEntity, UserEntity};
use wire::status::Status;
use wire::time::Instant;
use wire::webauthn::AuthenticatorData;

/// Power-up, and every moment of a test in which time does not matter.
pub const NOW: Instant = Instant::POWER_UP;
/// A channel on USB.
pub const USB: Via = Via { link: Link::Usb, channel: 1 };
/// The relying party of the sample requests.
pub const RP_ID: &str = "login.example.test";

/// A store that outlives the authenticator, counts its commits and can be told to refuse.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    store: MemoryStore,
    commits: usize,
    refuse: Option<fn() -> StoreError>,
}

impl Shelf {
    /// How many transactions were made.
    pub fn commits(&self) -> usize {
        self.inside().commits
    }

    /// What is stored.
    pub fn stored(&self) -> Persistent {
        self.inside().store.load().expect("memory loads")
    }

    /// From now on every commit fails so; `None` lets them pass again.
    pub fn refuse(&self, with: Option<fn() -> StoreError>) {
        self.inside().refuse = with;
    }

    fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.0.lock().expect("no test panics while it holds the shelf")
    }
}

impl Store for Shelf {
    fn load(&mut self) -> Result<Persistent, StoreError> {
        self.inside().store.load()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut inside = self.inside();
        if let Some(refuse) = inside.refuse {
            return Err(refuse());
        }
        inside.commits += 1;
        inside.store.commit(changes)
    }
}

/// Reproducible randomness.
pub fn rng(seed: u64) -> Box<dyn CryptoRng + Send> {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

/// The root of every attestation in the tests.
pub static CA: LazyLock<TestCa> = LazyLock::new(|| {
    TestCa::generate(&mut DeterministicSigner, &mut rng(0xCA)).expect("a seeded generator makes keys")
});
/// A moment at which its certificates are valid, in seconds since 1970: 2027-01-15.
pub const TODAY: u64 = 1_800_000_000;
/// The serial number in enterprise attestations.
pub const SERIAL: [u8; 8] = *b"serial 1";

/// What a device of this profile has from its maker. Made once for each model.
pub fn identity(profile: &Profile) -> AttestationIdentity {
    static MADE: LazyLock<Mutex<HashMap<Aaguid, AttestationIdentity>>> = LazyLock::new(Mutex::default);
    let attests = |mode| profile.attestations().any(|other| other == mode);
    let packed = attests(Attestation::Packed);
    let u2f = attests(Attestation::FidoU2f) || profile.speaks_u2f();
    let platform = profile.attestations().any(Attestation::is_by_platform);
    if !packed && !u2f && !platform && profile.enterprise.is_none() {
        return AttestationIdentity::default();
    }
    let make = || {
        let (aaguid, model) = (profile.aaguid, "a model of the tests");
        let (signer, rng) = (&mut DeterministicSigner, &mut rng(0x1D));
        let made = |key: Result<_, _>| Some(key.expect("a seeded generator makes keys"));
        AttestationIdentity {
            batch: made(CA.batch(aaguid, model, signer, rng)),
            u2f: made(CA.u2f(model, false, signer, rng)),
            enterprise: made(CA.enterprise(aaguid, model, &SERIAL, signer, rng)),
            platform: Some(Arc::new(TestPlatform::new(CA.clone(), || TODAY))),
        }
    };
    let mut all = MADE
        .lock()
        .expect("nobody panics while making keys")
        .entry(profile.aaguid)
        .or_insert_with(make)
        .clone();
    // A device that does not claim to attest so has no key to do it.
    all.batch = all.batch.filter(|_| packed);
    all.u2f = all.u2f.filter(|_| u2f);
    all.enterprise = all.enterprise.filter(|_| profile.enterprise.is_some());
    all.platform = all.platform.filter(|_| platform);
    all
}

/// A profile of CTAP 2.0: both algorithms, rk, uv on request, and nothing of later editions.
pub fn everything() -> Profile {
    Profile {
        versions: vec!["FIDO_2_0".into()],
        verification: Verification::OnRequest,
        pin: None,
        pin_uv_auth_token: false,
        display: false,
        make_cred_uv_not_rqd: false,
        always_uv: None,
        enterprise: None,
        credential_management: CredentialManagementClaims::default(),
        large_blobs: None,
        config_commands: Vec::new(),
        extensions: Vec::new(),
        ..DeviceProfile::named("security-key").expect("it is built in").authenticator
    }
}

/// As [`everything`] without uv, and of CTAP 2.1 as well: nothing protects it, so that a touch does everything.
pub fn since_2_1() -> Profile {
    Profile {
        versions: vec!["FIDO_2_0".into(), "FIDO_2_1".into()],
        verification: Verification::None,
        ..everything()
    }
}

/// A profile of CTAP 2.1 to 2.3 with everything that can be had together.
pub fn all_in() -> Profile {
    Profile {
        versions: vec!["FIDO_2_0".into(), "FIDO_2_1".into(), "FIDO_2_3".into()],
        verification: Verification::None,
        pin: Some(PinClaims {
            protocols: vec![Protocol::Two, Protocol::One],
            min_length: 4,
            max_length: 63,
            max_rp_ids: 4,
            complexity: Some(false),
        }),
        pin_uv_auth_token: true,
        display: false,
        make_cred_uv_not_rqd: true,
        always_uv: Some(false),
        enterprise: Some(Enterprise { rp_ids: vec![RP_ID.into()], platform_managed: true }),
        credential_management: CredentialManagementClaims {
            standard: true,
            preview: true,
            persistent_read_only: true,
        },
        large_blobs: Some(2048),
        config_commands: vec![1, 2, 3, 4],
        extensions: Extension::ALL
            .into_iter()
            .filter(|extension| !matches!(extension, Extension::LargeBlob | Extension::Prf))
            .collect(),
        max_cred_blob_length: 32,
        tells_identifier: true,
        attestation: Attestation::Packed,
        further_attestations: vec![Attestation::FidoU2f],
        ..everything()
    }
}

/// An authenticator, what it stores to, and what its user was asked.
pub struct Rig {
    /// The authenticator itself.
    pub authenticator: Authenticator,
    /// Where it stores.
    pub shelf: Shelf,
    /// Every question since the start.
    pub prompts: Vec<Prompt>,
    /// How often it had its platform told that the work takes long.
    pub slow: usize,
}

impl Rig {
    /// Of that profile, with deterministic keys.
    pub fn new(profile: Profile) -> Self {
        let signer = Attesting::new(DeterministicSigner, identity(&profile));
        Self::with_signer(profile, Box::new(signer))
    }

    /// Of that profile, with deterministic keys, those of RSA out of [`Pooled`].
    pub fn pooled(profile: Profile) -> Self {
        let signer = Attesting::new(Pooled(DeterministicSigner), identity(&profile));
        Self::with_signer(profile, Box::new(signer))
    }

    /// Of that profile and signer.
    pub fn with_signer(profile: Profile, signer: Box<dyn Signer + Send>) -> Self {
        let shelf = Shelf::default();
        let authenticator = Authenticator::power_up(NOW, profile, Box::new(shelf.clone()), signer, rng(1));
        Self { authenticator: authenticator.expect("memory loads"), shelf, prompts: Vec::new(), slow: 0 }
    }

    /// Sends a message; the user agrees to everything, and is verified where that is asked for.
    pub fn call(&mut self, message: &[u8]) -> Vec<u8> {
        self.call_with(NOW, USB, message, |prompt| {
            if prompt.verification { Gesture::Verified } else { Gesture::Present }
        })
    }

    /// Sends a message that must be answered without asking the user.
    pub fn call_silently(&mut self, message: &[u8]) -> Vec<u8> {
        self.call_with(NOW, USB, message, |prompt| panic!("the user was asked: {prompt:?}"))
    }

    /// Sends a message and answers each question.
    pub fn call_with(
        &mut self,
        now: Instant,
        via: Via,
        message: &[u8],
        mut user: impl FnMut(&Prompt) -> Gesture,
    ) -> Vec<u8> {
        let mut progress = self.authenticator.handle_request(now, via, Request::Ctap2(message));
        loop {
            match progress {
                Progress::Reply(reply) => return reply,
                Progress::AwaitingUser(prompt) => {
                    let gesture = user(&prompt);
                    self.prompts.push(prompt);
                    progress = self.authenticator.handle_gesture(now, gesture).expect("a question is open");
                }
                Progress::Processing => {
                    self.slow += 1;
                    progress = self.authenticator.proceed(now).expect("work waits");
                }
            }
        }
    }

    /// The reason of the newest refusal.
    pub fn reason(&mut self) -> String {
        let mut reason = String::new();
        while let Some(event) = self.authenticator.poll_event() {
            if let Event::Answered { outcome: Err(error), .. } = event {
                reason = error.reason.into_owned();
            }
        }
        reason
    }
}

/// Every algorithm that keys are made for.
pub use emulator::profile::ALGORITHMS;

/// Those whose every signature takes milliseconds in a build without optimisation: not for thousands of cases.
pub const SLOW: [Algorithm; 4] =
    [Algorithm::ES384, Algorithm::RS256, Algorithm::ML_DSA_44, Algorithm::ML_DSA_65];

/// A signer whose RSA keys come from a few that were made once: finding primes for thousands of rigs takes minutes.
pub struct Pooled<S>(pub S);

impl<S: Signer> Signer for Pooled<S> {
    fn generate(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<KeyPair, SignerError> {
        static KEYS: LazyLock<[KeyPair; 4]> = LazyLock::new(|| {
            let mut rng = ChaCha20Rng::seed_from_u64(2048);
            std::array::from_fn(|_| {
                DeterministicSigner.generate(Algorithm::RS256, &mut rng).expect("primes exist")
            })
        });
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        match algorithm {
            Algorithm::RS256 => Ok(KEYS[NEXT.fetch_add(1, Ordering::Relaxed) % KEYS.len()].clone()),
            other => self.0.generate(other, rng),
        }
    }

    fn sign(
        &mut self,
        key: &KeyPair,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
    ) -> Result<Signed, SignerError> {
        self.0.sign(key, data, client_data_hash)
    }

    fn forget(&mut self) {
        self.0.forget();
    }
}

/// A bare status, as it is answered.
pub fn status(status: Status) -> Vec<u8> {
    vec![status.0]
}

/// A registration of `user` that anything can be changed in.
pub fn registration(user: &str) -> MakeCredential {
    MakeCredential {
        client_data_hash: [0xCD; 32],
        rp: RpEntity { id: RP_ID.into(), name: Some("Example".into()) },
        user: UserEntity {
            id: user.as_bytes().into(),
            name: Some(format!("{user}@example.test")),
            display_name: Some(user.to_uppercase()),
        },
        algorithms: vec![Algorithm::ES256],
        exclude_list: Vec::new(),
        extensions: None,
        rk: Some(true),
        up: None,
        uv: None,
        pin_uv_auth_param: None,
        pin_uv_auth_protocol: None,
        enterprise_attestation: None,
        attestation_formats: None,
    }
}

/// A sign-in that anything can be changed in.
pub fn sign_in() -> GetAssertion {
    GetAssertion {
        rp_id: RP_ID.into(),
        client_data_hash: [0xCE; 32],
        allow_list: Vec::new(),
        extensions: None,
        up: None,
        uv: None,
        rk: None,
        pin_uv_auth_param: None,
        pin_uv_auth_protocol: None,
    }
}

/// An entry of an allowList or excludeList.
pub fn listed(id: &[u8]) -> Descriptor {
    Descriptor { id: id.into(), transports: Vec::new() }
}

/// Every way to attest, to count and to verify that a profile can have.
pub fn every_mode() -> impl Iterator<Item = Profile> {
    let attestations = [Attestation::None, Attestation::PackedSelf, Attestation::Packed];
    let counters = [Counter::Zero, Counter::Global];
    let verifications = [Verification::None, Verification::OnRequest, Verification::Always];
    attestations.into_iter().flat_map(move |attestation| {
        counters.into_iter().flat_map(move |counter| {
            verifications.into_iter().map(move |verification| Profile {
                attestation,
                counter,
                verification,
                ..everything()
            })
        })
    })
}
