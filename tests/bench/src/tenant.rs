//! A tenant with many users: sign-ins, reports, memory, and how long it takes to start.
use anyhow::{Context, Result, anyhow, ensure};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Map, json};
use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tenant::directory::NewUser;
use tenant::store::{Forgetful, Store, StoreChange, StoreError};
use tenant::{Behaviour, Guid, Settings, Tenant, Time, Visitor};
use vault::{KeySource, RecordChange, Records, Vault};
use wire::aaguid::Aaguid;
use wire::cbor::Value;
use wire::cose::PublicKey;
use wire::webauthn::json::{
    AssertionResponse, AttestationResponse, AuthenticationResponse, RegistrationResponse,
};
use wire::webauthn::{
    AttestationObject, AttestedCredentialData, AuthenticatorData, Ceremony, ClientData, Flags,
};
use zeroize::Zeroizing;

const RP_ID: &str = "login.contoso.test";
const ORIGIN: &str = "https://login.contoso.test";
/// Passkeys of each user.
const PASSKEYS: usize = 2;
/// Sign-ins that are timed at once.
const BATCH: usize = 500;

/// What a tenant of some size costs.
pub(crate) struct Figures {
    pub(crate) users: usize,
    /// Microseconds of one sign-in: session, options, verification, policies and log.
    pub(crate) sign_in: f64,
    /// Milliseconds of a summary over everybody.
    pub(crate) report: f64,
    /// Bytes of resident memory for each passkey, with its part of a user and of the logs.
    pub(crate) bytes: f64,
    /// The same sign-in with every log entry synced to disk, in microseconds.
    pub(crate) synced: f64,
    /// Seconds to open it from the vault.
    pub(crate) start: f64,
    /// How many of these the vault takes to hand out its records, opened and checked.
    pub(crate) reading: f64,
}

/// A vault's records, which while many are made commits in large pieces.
#[derive(Clone)]
struct Pieces {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    records: Records,
    waiting: Vec<RecordChange>,
    /// How many changes make a piece.
    piece: usize,
    /// How long reading everything took.
    read: Duration,
}

impl Pieces {
    fn new(records: Records, piece: usize) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner { records, waiting: Vec::new(), piece, read: Duration::ZERO })),
        }
    }

    /// Writes what waits; from now on in pieces of that size.
    fn flush(&self, piece: usize) -> Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = std::mem::take(&mut inner.waiting);
        inner.piece = piece;
        Ok(inner.records.commit(&waiting)?)
    }
}

impl Store for Pieces {
    fn load(&mut self) -> Result<Vec<Zeroizing<Vec<u8>>>, StoreError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        let records = inner.records.load()?;
        inner.read = begun.elapsed();
        Ok(records.into_iter().map(|(_, content)| content).collect())
    }

    fn commit(&mut self, changes: &[StoreChange]) -> Result<(), StoreError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            inner.waiting.push(match change {
                StoreChange::Put(name, content) => {
                    RecordChange::Put(authenticator::store::RecordId(name.0), content.clone())
                }
                StoreChange::Delete(name) => RecordChange::Delete(authenticator::store::RecordId(name.0)),
            });
        }
        if inner.waiting.len() >= inner.piece {
            let waiting = std::mem::take(&mut inner.waiting);
            inner.records.commit(&waiting)?;
        }
        Ok(())
    }
}

/// One key that all passkeys have: their credential IDs tell them apart, and that is all the tenant looks at.
struct Key {
    pair: EcdsaKeyPair,
    public: PublicKey,
    random: SystemRandom,
}

impl Key {
    fn new() -> Result<Self> {
        let random = SystemRandom::new();
        let alg = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(alg, &random).map_err(|_| anyhow!("ring failed"))?;
        let pair = EcdsaKeyPair::from_pkcs8(alg, document.as_ref(), &random).map_err(|e| anyhow!("{e}"))?;
        let point = pair.public_key().as_ref();
        let public = PublicKey::P256 { x: point[1..33].try_into()?, y: point[33..65].try_into()? };
        Ok(Self { pair, public, random })
    }

    fn client_data(ceremony: &str, challenge: &[u8]) -> Vec<u8> {
        ClientData {
            ceremony: ceremony.into(),
            challenge: wire::base64url::encode(challenge),
            origin: ORIGIN.into(),
            cross_origin: Some(false),
            top_origin: None,
        }
        .encode()
    }

    fn data(&self, flags: u8, id: Option<&[u8]>) -> Vec<u8> {
        let rp_id_hash = digest(&SHA256, RP_ID.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes");
        let attested = id.map(|id| AttestedCredentialData {
            aaguid: Aaguid(0x90a3_ccdf_635c_4729_a248_9b70_9135_078f_u128.to_be_bytes()),
            credential_id: id.to_vec(),
            public_key: self.public.clone(),
        });
        AuthenticatorData { rp_id_hash, flags: Flags(flags), sign_count: 0, attested, extensions: None }
            .encode()
    }

    fn create(&self, id: &[u8], challenge: &[u8]) -> RegistrationResponse {
        let object = AttestationObject {
            fmt: "none".into(),
            att_stmt: Value::Map(Vec::new()),
            auth_data: self.data(0x45, Some(id)),
        };
        RegistrationResponse {
            id: wire::base64url::encode(id),
            raw_id: id.to_vec().into(),
            response: AttestationResponse {
                client_data_json: Self::client_data(Ceremony::CREATE, challenge).into(),
                attestation_object: object.encode().into(),
                authenticator_data: None,
                transports: vec!["internal".into()],
                public_key: None,
                public_key_algorithm: None,
            },
            authenticator_attachment: None,
            client_extension_results: Map::new(),
            kind: "public-key".into(),
        }
    }

    fn get(&self, id: &[u8], handle: &[u8], challenge: &[u8]) -> Result<AuthenticationResponse> {
        let (data, client_data) = (self.data(0x05, None), Self::client_data(Ceremony::GET, challenge));
        let signed = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.pair.sign(&self.random, &signed).map_err(|_| anyhow!("ring failed"))?;
        Ok(AuthenticationResponse {
            id: wire::base64url::encode(id),
            raw_id: id.to_vec().into(),
            response: AssertionResponse {
                client_data_json: client_data.into(),
                authenticator_data: data.into(),
                signature: signature.as_ref().to_vec().into(),
                user_handle: Some(handle.to_vec().into()),
            },
            authenticator_attachment: None,
            client_extension_results: Map::new(),
            kind: "public-key".into(),
        })
    }
}

fn open(store: Box<dyn Store + Send>) -> Result<Tenant> {
    let rng = Box::new(rand::rand_core::UnwrapErr(rand::rngs::SysRng));
    let arrange = |kept: Option<Settings>, id: Guid| {
        let id = kept.map_or(id, |kept| kept.tenant_id);
        let mut settings = Settings::new(id, RP_ID, ORIGIN, Behaviour::Current);
        // So that what registering so many leaves in the audit log is not what is measured.
        settings.retention = Duration::from_secs(3600);
        settings
    };
    Ok(Tenant::open(store, rng, arrange)?)
}

/// Fills a tenant with users and their passkeys, each registered as an administrator's program does.
fn fill(tenant: &mut Tenant, key: &Key, users: usize, now: &mut Time) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let body = json!({
        "@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
        "state": "enabled", "isSelfServiceRegistrationAllowed": true, "isAttestationEnforced": false,
        "keyRestrictions": { "isEnforced": true, "enforcementType": "allow",
            "aaGuids": ["90a3ccdf-635c-4729-a248-9b709135078f"] },
    });
    tenant.patch_method_policy(*now, tenant::administration::MethodPolicy::Fido2, &body)?;
    let new = (0..users).map(|number| NewUser {
        user_principal_name: format!("user{number}@contoso.test"),
        ..NewUser::default()
    });
    let added = tenant.add_users(*now, new.collect())?;
    let mut passkeys = Vec::with_capacity(users * PASSKEYS);
    for user in added {
        for _ in 0..PASSKEYS {
            *now = *now + Duration::from_secs(60);
            let (_, options) = tenant.creation_options(*now, user.id, 5)?;
            let id: [u8; 32] = rand::random();
            tenant.provision(*now, user.id, Some("Phone"), &key.create(&id, &options.challenge.0))?;
            passkeys.push((id.to_vec(), options.user.id.0));
        }
    }
    Ok(passkeys)
}

/// Microseconds of one sign-in, without what the passkey itself takes.
fn sign_in(
    tenant: &mut Tenant,
    key: &Key,
    passkeys: &[(Vec<u8>, Vec<u8>)],
    now: &mut Time,
    batch: usize,
) -> Result<f64> {
    let mut spent = Duration::ZERO;
    for _ in 0..batch {
        *now = *now + Duration::from_millis(100);
        let (id, handle) = &passkeys[rand::random_range(0..passkeys.len())];
        let begun = Instant::now();
        let visitor = Visitor { ip_address: "127.0.0.1".into(), user_agent: "bench".into() };
        let session = tenant.begin_sign_in(*now, visitor, tenant::access::apps::OFFICE_HOME.id)?;
        let options = tenant.request_options(*now, &session)?;
        spent += begun.elapsed();
        let response = key.get(id, handle, &options.challenge.0)?;
        let begun = Instant::now();
        let progress = tenant.sign_in_with_passkey(*now, &session, &response)?;
        spent += begun.elapsed();
        ensure!(progress.is_granted(), "a sign-in was not granted");
        tenant.end_session(&session);
    }
    Ok(spent.as_secs_f64() * 1e6 / batch as f64)
}

/// Resident memory of this process in bytes (proc(5), `VmRSS`).
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
}

/// Measures a tenant of so many users.
pub(crate) fn measure(users: usize, folder: &Path) -> Result<Figures> {
    let key = Key::new()?;
    let mut now = Time::from_seconds(1_768_947_547);
    let before = resident()?;
    let mut tenant = open(Box::new(Forgetful))?;
    let passkeys = fill(&mut tenant, &key, users, &mut now)?;
    let bytes = (resident()? - before) / passkeys.len() as f64;
    let in_memory = sign_in(&mut tenant, &key, &passkeys, &mut now, BATCH)?;
    let mut report = f64::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        black_box(tenant.registered_by_method(now, "all", "all")?);
        report = report.min(begun.elapsed().as_secs_f64() * 1e3);
    }
    drop(tenant);

    let file = folder.join("vault.key");
    let open_vault =
        || Vault::open(&folder.join("vault"), KeySource::File(file.clone()), vault::Options::default());
    let vault = open_vault()?;
    let pieces = Pieces::new(vault.records("tenant")?, 5_000);
    let mut tenant = open(Box::new(pieces.clone()))?;
    let passkeys = fill(&mut tenant, &key, users, &mut now)?;
    pieces.flush(1)?;
    let synced = sign_in(&mut tenant, &key, &passkeys, &mut now, BATCH)?;
    drop((tenant, pieces));
    vault.close()?;
    let begun = Instant::now();
    let vault = open_vault()?;
    let opened = begun.elapsed();
    let pieces = Pieces::new(vault.records("tenant")?, 1);
    let tenant = open(Box::new(pieces.clone()))?;
    let start = begun.elapsed().as_secs_f64();
    let reading = (opened + pieces.inner.lock().unwrap_or_else(PoisonError::into_inner).read).as_secs_f64();
    ensure!(tenant.all_passkeys().count() == passkeys.len(), "passkeys are missing after the start");
    Ok(Figures { users, sign_in: in_memory, report, bytes, synced, start, reading })
}
