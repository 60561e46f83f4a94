//! The instance: the one owner of a home's vault, and of the devices that run on it.
//!
//! A device starts when it is first needed, on a thread of its own ([`crate::runtime`]), and runs until it is
//! deleted or the instance ends. What can be done with devices is [`crate::control::Control`].
//!
//! Messages that come through [`Control::ctap2`] take turns: of two at once on
//! one device, the second waits until the first is answered, user and all. To programs that use the device over
//! a socket or the kernel at the same time, and to it towards them, the authenticator says CHANNEL_BUSY while
//! it waits for its user, as over any two links.
mod accounts;
mod ceremonies;
mod control;
mod convert;
mod fingers;
mod happening;
mod loan;
mod metadata;
mod running;
mod scans;
mod simulation;
mod test_ca;
#[cfg(test)]
mod tests;
mod watch;

pub use happening::Happening;
pub use loan::Loan;
pub use watch::{Nothing, Seen, Watch, What};

use self::happening::Subscribers;
use self::running::{Running, lock};
use crate::app::Shelf;
use crate::ca::{self, Authority};
use crate::control::{Control, Device, Failure, FailureKind};
use crate::devices::{Definition, Devices};
use crate::drivers::exec::{self, Exec};
use crate::drivers::socket::Socket;
use crate::drivers::uhid::Uhid;
use crate::drivers::usbip;
use crate::drivers::{PcscAddress, SocketAddress, UsbipAddress};
use crate::home::Home;
use crate::profiles::Profiles;
use crate::runtime::spawn;
use authenticator::signer::{AttestationIdentity, Attesting, DeterministicSigner, Signer};
use authenticator::store::{MemoryStore, Store, StoreError};
use emulator::{DeviceProfile, FastSigner, UserPolicy, VirtualAuthenticator};
use rand::rand_core::{CryptoRng, SeedableRng as _, UnwrapErr};
use rand::rngs::SysRng;
use rand_chacha::ChaCha20Rng;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard};
use vault::{AuthenticatorId, KeySource, Vault, VaultError};

/// The profile of a device of which nobody said what it should be.
pub const DEFAULT_PROFILE: &str = "ms-authenticator-ios";

/// Owns the vault of a home and its running devices. Meant to be shared in an [`Arc`].
pub struct Instance {
    /// `None` where nothing is kept on disk.
    vault: Option<Vault>,
    /// What keys are made from, where they are to be the same in each run.
    seed: Option<u64>,
    devices: Devices,
    profiles: Profiles,
    subscribers: Arc<Subscribers>,
    watchers: watch::Watchers,
    ceremonies: ceremonies::Ceremonies,
    scans: scans::Scans,
    /// The test CA, once it was needed. Taken after `state` where both are.
    authority: Mutex<Option<Authority>>,
    /// The accounts in the app on each device.
    shelf: Arc<Shelf>,
    /// Sign-ins of the app that wait for a push notification, and where its tenant is.
    app: accounts::App,
    /// Started when the first device needs it, and shared by all.
    usbip: Mutex<Option<usbip::Server>>,
    /// Held while a device is made, changed, started or deleted, so that each is done once and whole.
    state: Mutex<State>,
}

/// What changes.
#[derive(Default)]
struct State {
    /// The devices that run, by name.
    running: BTreeMap<String, Arc<Running>>,
    /// After [`Instance::shutdown`].
    closed: bool,
}

impl Instance {
    /// Opens the vault of a home, and makes it if there is none. No device starts yet.
    ///
    /// # Errors
    /// Conflict if another process has the vault open; Broken for everything else that is wrong with it.
    pub fn open(home: &Home) -> Result<Self, Failure> {
        let key = KeySource::File(home.vault_key());
        let vault = Vault::open(&home.vault(), key, vault::Options::default()).map_err(vault_failure)?;
        let mut instance = Self::new(Some(vault), Devices::OnDisk(home.devices()), Profiles::of(home), None);
        instance.scans.meeting = Some(home.hybrid());
        Ok(instance)
    }

    /// An instance without devices that keeps everything in memory: nothing is read from disk or written there. With a
    /// seed, a device of the same name and profile makes the same keys and credential IDs in the same order in each
    /// run. What the test CA signs is another one all the same.
    ///
    /// # Errors
    /// None so far.
    pub fn ephemeral(seed: Option<u64>) -> Result<Self, Failure> {
        Ok(Self::new(None, Devices::in_memory(), Profiles::built_in(), seed))
    }

    fn new(vault: Option<Vault>, devices: Devices, profiles: Profiles, seed: Option<u64>) -> Self {
        let (subscribers, watchers, ceremonies, scans, authority, app, usbip, state) = Default::default();
        let shelf = Arc::new(Shelf::new(vault.clone()));
        Self {
            seed,
            vault,
            devices,
            profiles,
            subscribers,
            watchers,
            ceremonies,
            scans,
            authority,
            shelf,
            app,
            usbip,
            state,
        }
    }

    /// The device, which is made of `profile` if there is none of that name. One that is there keeps its own
    /// profile.
    ///
    /// # Errors
    /// Those of [`Control::device`] and [`Control::add_device`].
    pub fn ensure_device(&self, name: &str, profile: &str) -> Result<Device, Failure> {
        match self.device(name) {
            Err(failure) if failure.kind == FailureKind::NotFound => self.add_device(name, profile),
            other => other,
        }
    }

    /// Lets programs reach the device over a socket, and returns the address that it really has.
    ///
    /// # Errors
    /// Those of [`Control::device`] and [`Socket::bind`].
    pub fn attach_socket(&self, name: &str, address: &SocketAddress) -> Result<String, Failure> {
        self.running(name)?.attach(|hid| Socket::bind(hid, address))
    }

    /// Plugs the device into the kernel, and returns where programs find it, such as `hidraw:/dev/hidraw3`.
    ///
    /// # Errors
    /// Those of [`Control::device`] and [`Uhid::attach`].
    pub fn attach_uhid(&self, name: &str) -> Result<String, Failure> {
        let running = self.running(name)?;
        running.attach(|hid| Uhid::attach(hid, &running.profile().usb, name))
    }

    /// Puts the device into a folder, where programs that `fauxkey exec` starts find it, and returns where that is.
    ///
    /// # Errors
    /// Those of [`Control::device`] and [`Exec::attach`].
    pub fn attach_exec(&self, name: &str, folder: &Arc<exec::Folder>) -> Result<String, Failure> {
        let running = self.running(name)?;
        running.attach(|hid| Exec::attach(hid, &running.profile().usb, name, folder))
    }

    /// Lets others import the device over USB/IP, and returns where, such as `usbip:127.0.0.1:3240/1-1`. All
    /// devices are at one server, which listens at the `address` that came first.
    ///
    /// # Errors
    /// Those of [`Control::device`], [`usbip::Server::bind`] and [`usbip::Server::export`].
    pub fn attach_usbip(&self, name: &str, address: UsbipAddress) -> Result<String, Failure> {
        let running = self.running(name)?;
        let mut server = lock(&self.usbip);
        let server = match &mut *server {
            Some(server) => server,
            none => none.insert(usbip::Server::bind(address)?),
        };
        running.attach(|hid| server.export(hid, &running.profile().usb))
    }

    /// Puts the device on a virtual reader of smart cards, and returns where, such as `pcsc:127.0.0.1:35963`. Each
    /// device takes the next slot.
    ///
    /// # Errors
    /// Those of [`Control::device`], [`PcscAddress::slot`] and [`Reader::attach`](crate::drivers::pcsc::Reader::attach).
    pub fn attach_pcsc(&self, name: &str, address: PcscAddress) -> Result<String, Failure> {
        let running = self.running(name)?;
        let state = self.open_state()?;
        let cards = state.running.values().filter(|other| other.is_card()).count();
        running.attach_card(address.slot(u16::try_from(cards).unwrap_or(u16::MAX))?)
    }

    /// What the user does until the instance ends. Unlike [`Control::set_user`], it is not kept on disk.
    ///
    /// # Errors
    /// Those of [`Control::device`].
    pub fn set_user_for_now(&self, name: &str, user: UserPolicy) -> Result<(), Failure> {
        self.running(name)?.call(move |device, now| device.set_user(now, user))
    }

    /// Records of somebody else in the vault, sealed in a tree of that name; `None` where nothing is kept on disk.
    ///
    /// # Errors
    /// Conflict if somebody has them open, Broken if the vault does not play along.
    pub fn records(&self, tree: &str) -> Result<Option<vault::Records>, Failure> {
        self.vault.as_ref().map(|vault| vault.records(tree)).transpose().map_err(vault_failure)
    }

    /// Everything that happens on all devices from now on. A subscriber that leaves thousands of happenings lying
    /// misses what comes then; it never keeps a device waiting. The receiver ends with the instance.
    pub fn subscribe(&self) -> Receiver<Happening> {
        self.subscribers.subscribe()
    }

    /// Detaches and stops all devices and closes the vault, so that another process can open it. Whoever waits
    /// for an answer is told that there will be none. Once is enough, and more do no harm.
    pub fn shutdown(&self) {
        let running = {
            let mut state = lock(&self.state);
            // What starts from here on is refused.
            state.closed = true;
            std::mem::take(&mut state.running)
        };
        running.values().for_each(|device| device.stop());
        drop(running);
        drop(lock(&self.usbip).take());
        self.subscribers.close();
        self.watchers.close();
        *lock(&self.authority) = None;
        self.shelf.close();
        if let Some(vault) = self.vault.clone() {
            // Everything acknowledged is durable; only a note that may lag could not be written.
            let _lags = vault.close();
        }
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>, Failure> {
        let state = lock(&self.state);
        if state.closed {
            return Err(Failure::new(FailureKind::Conflict, "this instance of fauxkey is shutting down"));
        }
        Ok(state)
    }

    /// The device, started if need be.
    ///
    /// # Errors
    /// NotFound if there is no such device; Broken if its file, its profile or what is stored of it is.
    fn running(&self, name: &str) -> Result<Arc<Running>, Failure> {
        self.running_in(&mut *self.open_state()?, name)
    }

    fn running_in(&self, state: &mut State, name: &str) -> Result<Arc<Running>, Failure> {
        if let Some(running) = state.running.get(name) {
            return Ok(running.clone());
        }
        let definition = self.devices.find(name)?;
        let running = Arc::new(self.spawn(name, &definition)?);
        state.running.insert(name.into(), running.clone());
        Ok(running)
    }

    fn spawn(&self, name: &str, definition: &Definition) -> Result<Running, Failure> {
        // The device is there all the same, so none of this is NotFound.
        let broken = |failure: Failure| Failure {
            kind: FailureKind::Broken,
            message: format!("the device {name} cannot start: {}", failure.message),
            hint: failure.hint,
        };
        let profile = self.profiles.find(&definition.profile).map_err(broken)?;
        let store: Box<dyn Store + Send> = match &self.vault {
            Some(vault) => {
                let store = vault.authenticator(definition.id);
                Box::new(store.map_err(|error| broken(vault_failure(error)))?)
            }
            None => Box::new(MemoryStore::default()),
        };
        let identity = self.identity(&profile, definition.id).map_err(broken)?;
        let (made_of, user) = (profile.clone(), definition.user);
        let (signer, rng) = self.makings(name, identity);
        let make = move |now| {
            let mut device = VirtualAuthenticator::new(now, made_of, store, signer, rng)?;
            device.set_user(now, user);
            Ok(device)
        };
        let handle = spawn(name, make).map_err(|error| broken(store_failure(error)))?;
        let running = Running::new(name, profile, handle);
        let (subscribers, device) = (self.subscribers.clone(), name.to_owned());
        let tell = move |event: &emulator::Event| {
            subscribers.tell(&device, event);
            true
        };
        running.handle().listen(Box::new(tell)).map_err(|gone| running.gone(gone))?;
        running.hear_questions()?;
        self.forget_on_reset(&running, definition.id)?;
        self.watchers.started(name, &running)?;
        Ok(running)
    }

    /// What makes keys, and from what.
    fn makings(
        &self,
        name: &str,
        identity: AttestationIdentity,
    ) -> (Box<dyn Signer + Send>, Box<dyn CryptoRng + Send>) {
        let Some(seed) = self.seed else {
            let signer = Attesting::new(FastSigner::default(), identity);
            return (Box::new(signer), Box::new(UnwrapErr(SysRng)));
        };
        // ring's randomness cannot be seeded.
        let signer = Attesting::new(DeterministicSigner, identity);
        let seed = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(name).finalize();
        (Box::new(signer), Box::new(ChaCha20Rng::from_seed(seed.into())))
    }

    /// Works with the test CA, which is opened, and if need be made, when it is first needed.
    fn with_authority<T>(
        &self,
        job: impl FnOnce(&mut Authority) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut authority = lock(&self.authority);
        let authority = match &mut *authority {
            Some(authority) => authority,
            none => none.insert(Authority::open(self.vault.as_ref())?),
        };
        job(authority)
    }

    /// The test CA of the home, which relying parties may have been told to trust.
    ///
    /// # Errors
    /// Broken if what was kept of it makes no sense, or the vault does not play along.
    pub fn test_ca(&self) -> Result<emulator::attestation::TestCa, Failure> {
        self.with_authority(|authority| Ok(authority.test_ca().clone()))
    }

    /// What a device has from its maker.
    fn identity(&self, profile: &DeviceProfile, id: AuthenticatorId) -> Result<AttestationIdentity, Failure> {
        if !ca::attests_by_certificate(profile) {
            return Ok(AttestationIdentity::default());
        }
        self.with_authority(|authority| authority.identity(profile, id))
    }

    /// Destroys what the vault has of a device, if it has anything.
    fn destroy(&self, id: AuthenticatorId) -> Result<(), Failure> {
        match self.vault.as_ref().map(|vault| vault.destroy(id)) {
            // It never started.
            None | Some(Ok(()) | Err(VaultError::TreeMissing { .. })) => Ok(()),
            Some(Err(error)) => Err(vault_failure(error)),
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn vault_failure(error: VaultError) -> Failure {
    let kind = match error {
        VaultError::InUse { .. } | VaultError::AlreadyOpen { .. } => FailureKind::Conflict,
        _ => FailureKind::Broken,
    };
    Failure { kind, message: error.to_string(), hint: error.hint() }
}

fn store_failure(error: StoreError) -> Failure {
    match error {
        StoreError::Failed(why) => match why.downcast::<VaultError>() {
            Ok(error) => vault_failure(*error),
            Err(why) => Failure::new(FailureKind::Broken, why.to_string()),
        },
        StoreError::Full => {
            Failure::new(FailureKind::Broken, StoreError::Full.to_string()).hint("make room on the disk")
        }
    }
}
