//! The tenant with real devices before it: the emulator and the client in process, the tenant to judge.
mod limits;
mod registering;
mod signing_in;
mod story;
mod times;

use authenticator::Link;
use authenticator::signer::Attesting;
use authenticator::store::MemoryStore;
use client::{Client, ClientError, Create, Get, Origin, Pin, Platform};
use emulator::{DeviceProfile, FastSigner, Port, VirtualAuthenticator};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tenant::directory::NewUser;
use tenant::registration::Done;
use tenant::sign_in::Progress;
use tenant::store::{RowName, Store, StoreChange, StoreError};
use tenant::{Behaviour, Guid, Phone, Refusal, Route, Settings, Tenant, Time, User, Visitor};
use tests::{CA, NOW, identity, rng};
use transport::direct;
use wire::ctap2::GetInfoResponse;
use wire::webauthn::json::{AuthenticationResponse, CreationOptions, RegistrationResponse, RequestOptions};
use zeroize::Zeroizing;

const PIN: &str = "1234";
pub(super) const RP_ID: &str = "login.contoso.test";
pub(super) const ORIGIN: &str = "https://login.contoso.test";
/// The office portal, as in the samples.
pub(super) const OFFICE: Guid = tenant::access::apps::OFFICE_HOME.id;
pub(super) const IOS: &str = "90a3ccdf-635c-4729-a248-9b709135078f";
pub(super) const ANDROID: &str = "de1e552d-db1d-4423-a619-566b625cdc84";
pub(super) const BEGIN: Time = Time::from_seconds(1_768_947_547);

/// Records in memory, which outlive a tenant, as those of a vault do.
#[derive(Clone, Default)]
pub(super) struct Rows(Arc<Mutex<BTreeMap<RowName, Vec<u8>>>>);

impl Store for Rows {
    fn load(&mut self) -> Result<Vec<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(self.0.lock().unwrap().values().cloned().map(Zeroizing::new).collect())
    }

    fn commit(&mut self, changes: &[StoreChange]) -> Result<(), StoreError> {
        let mut rows = self.0.lock().unwrap();
        for change in changes {
            match change {
                StoreChange::Put(name, content) => drop(rows.insert(*name, content.to_vec())),
                StoreChange::Delete(name) => drop(rows.remove(name)),
            }
        }
        Ok(())
    }
}

/// A device in process.
pub(super) struct Device {
    device: VirtualAuthenticator,
    port: Port,
    link: client::Link,
    /// The PIN, where nothing else verifies its user.
    pin: Option<&'static str>,
}

impl Device {
    pub(super) fn new(profile: &str, link: client::Link) -> Self {
        let profile = DeviceProfile::named(profile).unwrap();
        let signer = Box::new(Attesting::new(FastSigner::default(), identity(&profile.authenticator)));
        let store = Box::<MemoryStore>::default();
        // No two devices make the same credential IDs.
        static SEED: AtomicU64 = AtomicU64::new(1);
        let seed = SEED.fetch_add(1, Ordering::Relaxed);
        let mut device = VirtualAuthenticator::new(NOW, profile, store, signer, rng(seed)).unwrap();
        let side = if link == client::Link::Internal { Link::Internal } else { Link::Usb };
        let port = device.plug(side, Box::new(direct::Device::new()));
        // A reader of fingers wants one; other devices verify without.
        let _none_needed = device.add_finger(NOW, None);
        let mut device = Self { device, port, link, pin: None };
        let info = device.platform().info;
        if info.option("uv") != Some(true) && info.option("clientPin") == Some(false) {
            let pin = Pin::new(PIN).unwrap();
            let begun = client::pin::SetPin::begin(&info, pin, &mut *rng(seed)).unwrap();
            client::run(begun, |request| device.exchange(request)).unwrap();
            device.pin = Some(PIN);
        }
        device
    }

    /// A phone whose own app asks.
    pub(super) fn phone() -> Self {
        Self::new("ms-authenticator-ios", client::Link::Internal)
    }

    /// A device that goes wrong from now on.
    pub(super) fn arm(&self, fault: &str) {
        self.device.arm(fault.parse().unwrap()).unwrap();
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, ClientError> {
        self.device.handle_frame(NOW, self.port, request);
        loop {
            if let Some((_, answer)) = self.device.poll_frame() {
                return Ok(answer);
            }
            let now = self.device.poll_timeout().expect("its user answers");
            self.device.handle_timeout(now);
        }
    }

    fn platform(&mut self) -> Platform {
        let answer = self.exchange(&GetInfoResponse::request()).unwrap();
        Platform::new(Client::SpecL3, self.link, GetInfoResponse::decode(&answer).unwrap())
    }

    pub(super) fn create(&mut self, options: &CreationOptions) -> RegistrationResponse {
        let (platform, origin) = (self.platform(), Origin::parse(ORIGIN).unwrap());
        let pin = self.pin.map(|pin| Pin::new(pin).unwrap());
        let begun = Create::begin_with(&origin, options, &platform, pin, &mut *rng(2)).unwrap();
        client::run(begun, |request| self.exchange(request)).unwrap().response
    }

    pub(super) fn get(&mut self, options: &RequestOptions) -> AuthenticationResponse {
        let (platform, origin) = (self.platform(), Origin::parse(ORIGIN).unwrap());
        let pin = self.pin.map(|pin| Pin::new(pin).unwrap());
        let begun =
            Get::begin_with(&origin, options, &platform, client::Account::Newest, pin, &mut *rng(3)).unwrap();
        client::run(begun, |request| self.exchange(request)).unwrap().response
    }
}

/// A tenant, what it keeps, and the time.
pub(super) struct Town {
    pub(super) tenant: Tenant,
    pub(super) rows: Rows,
    pub(super) now: Time,
    pub(super) user: User,
}

impl Town {
    /// Contoso with one user, passkeys switched on.
    pub(super) fn new(behaviour: Behaviour) -> Self {
        Self::with(behaviour, |_| {})
    }

    pub(super) fn with(behaviour: Behaviour, arrange: impl FnOnce(&mut Settings)) -> Self {
        let rows = Rows::default();
        let mut tenant = open(&rows, behaviour, arrange);
        let new = NewUser {
            user_principal_name: "adele@contoso.test".into(),
            display_name: "Adele Example".into(),
            password: Some(Zeroizing::new("correct horse".into())),
            ..NewUser::default()
        };
        let user = tenant.add_user(BEGIN, new).unwrap();
        let mut town = Self { tenant, rows, now: BEGIN, user };
        town.patch("fido2", json!({ "state": "enabled", "isSelfServiceRegistrationAllowed": true, "isAttestationEnforced": false }));
        town.patch("temporaryAccessPass", json!({ "state": "enabled" }));
        town.patch("microsoftAuthenticator", json!({ "state": "enabled" }));
        town
    }

    /// Changes a method's policy by what a PATCH says beside its type.
    pub(super) fn patch(&mut self, method: &str, mut body: Value) {
        body["@odata.type"] = format!("#microsoft.graph.{method}AuthenticationMethodConfiguration").into();
        let which = tenant::administration::MethodPolicy::named(method).unwrap();
        self.tenant.patch_method_policy(self.now, which, &body).unwrap();
    }

    /// The key restrictions of the walk-through.
    pub(super) fn allow(&mut self, aaguids: &[&str]) {
        self.patch("fido2", json!({ "keyRestrictions": { "isEnforced": true, "enforcementType": "allow", "aaGuids": aaguids } }));
    }

    pub(super) fn later(&mut self, seconds: i64) {
        self.now = Time(self.now.0 + seconds * 1000);
    }

    pub(super) fn session(&mut self) -> String {
        let visitor = Visitor { ip_address: "192.0.2.10".into(), user_agent: "test".into() };
        self.tenant.begin_sign_in(self.now, visitor, OFFICE).unwrap()
    }

    /// A session that begins with a Temporary Access Pass.
    pub(super) fn by_pass(&mut self, once: bool) -> String {
        let request = json!({ "isUsableOnce": once });
        let (_, pass) = self.tenant.create_tap(self.now, self.user.id, &request, None).unwrap();
        let session = self.session();
        self.tenant.identify(self.now, &session, "ADELE@contoso.test").unwrap();
        self.tenant.sign_in_with_pass(self.now, &session, &pass).unwrap();
        session
    }

    /// Registers a passkey in a session.
    pub(super) fn register(
        &mut self,
        session: &str,
        device: &mut Device,
        route: Route,
        phone: Option<&Phone>,
    ) -> Result<Done, Refusal> {
        let options = self.tenant.registration_options(self.now, session, route, phone)?;
        let response = device.create(&options);
        self.tenant.register(self.now, session, None, &response)
    }

    /// A device with a passkey, registered by a pass on My Security Info.
    pub(super) fn registered(&mut self, profile: &str) -> (Device, Done) {
        let mut device = Device::new(profile, client::Link::Usb);
        let session = self.by_pass(false);
        let done = self.register(&session, &mut device, Route::SecurityInfo, None).unwrap();
        (device, done)
    }

    /// Signs in with a passkey without a name.
    pub(super) fn sign_in(&mut self, device: &mut Device) -> Result<Progress, Refusal> {
        let session = self.session();
        let options = self.tenant.request_options(self.now, &session)?;
        let response = device.get(&options);
        self.tenant.sign_in_with_passkey(self.now, &session, &response)
    }

    /// The newest entry of the sign-in log, in Graph's shape.
    pub(super) fn last_sign_in(&self) -> Value {
        self.tenant.sign_ins().next().unwrap().to_graph(true)
    }

    /// Ends the tenant and opens what it kept.
    pub(super) fn restart(&mut self, behaviour: Behaviour) {
        self.tenant = open(&self.rows, behaviour, |_| {});
    }
}

fn open(rows: &Rows, behaviour: Behaviour, arrange: impl FnOnce(&mut Settings)) -> Tenant {
    let settings = |kept: Option<Settings>, id: Guid| {
        let id = kept.map_or(id, |kept| kept.tenant_id);
        let mut settings = Settings::new(id, RP_ID, ORIGIN, behaviour);
        settings.trust_anchors = vec![CA.certificate().to_vec()];
        arrange(&mut settings);
        settings
    };
    Tenant::open(Box::new(rows.clone()), rng(7), settings).unwrap()
}

pub(super) const BOTH: [Behaviour; 2] = [Behaviour::Preview2024, Behaviour::Current];
