//! `/org/bluez/hci0`: the adapter, its advertising manager and its GATT manager.
use super::advert::Advert;
use super::air::{Air, Change, INSTANCES};
use super::device::{self, Device};
use super::refusal::Refusal;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zbus::message::Header;
use zbus::names::OwnedUniqueName;
use zbus::{Connection, ObjectPath, OwnedVariant, Proxy, interface};

/// Where the adapter is.
pub(super) const ADAPTER: &str = "/org/bluez/hci0";
/// How long an advertiser may take to show its advert.
const SHOWING: Duration = Duration::from_secs(5);

/// The air, as the interfaces share it.
#[derive(Clone, Default)]
pub(super) struct SharedAir(Arc<Mutex<Air>>);

impl SharedAir {
    pub(super) fn lock(&self) -> MutexGuard<'_, Air> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the bus of a change.
pub(super) async fn announce(bus: &Connection, air: &SharedAir, change: Change) -> zbus::Result<()> {
    let server = bus.object_server();
    for number in change.vanished {
        server.remove::<Device, _>(device::path(number)).await?;
    }
    let adapter = server.interface::<_, Adapter>(ADAPTER).await?;
    if change.powered.is_some() {
        adapter.get().await.powered_changed(adapter.signal_emitter()).await?;
        adapter.get().await.power_state_changed(adapter.signal_emitter()).await?;
    }
    if change.discovering.is_some() {
        adapter.get().await.discovering_changed(adapter.signal_emitter()).await?;
    }
    if change.active.is_some() {
        let manager = server.interface::<_, AdvertisingManager>(ADAPTER).await?;
        manager.get().await.active_instances_changed(manager.signal_emitter()).await?;
        manager.get().await.supported_instances_changed(manager.signal_emitter()).await?;
    }
    for (number, advert) in change.appeared {
        server.at(device::path(number), Device::new(number, advert)).await?;
        // It may have gone while it was put there.
        if !air.lock().is_on_air(number) {
            server.remove::<Device, _>(device::path(number)).await?;
        }
    }
    Ok(())
}

/// Lets whoever looks hear all adverts again.
pub(super) async fn repeat(bus: &Connection, air: &SharedAir) {
    let heard = air.lock().heard();
    for (number, _) in heard {
        // A device that has just gone is not heard.
        if let Ok(device) = bus.object_server().interface::<_, Device>(device::path(number)).await {
            drop(device::hear(&device).await);
        }
    }
}

/// Who calls; a bus says so in every message.
fn caller(header: &Header<'_>) -> Result<OwnedUniqueName, Refusal> {
    header
        .sender()
        .map(|sender| sender.to_owned().into())
        .ok_or_else(|| Refusal::Failed("a call from nobody".into()))
}

/// `org.bluez.Adapter1`.
pub(super) struct Adapter(pub(super) SharedAir);

#[interface(name = "org.bluez.Adapter1")]
impl Adapter {
    async fn start_discovery(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Refusal> {
        let change = self.0.lock().start_discovery(caller(&header)?)?;
        announce(bus, &self.0, change).await?;
        repeat(bus, &self.0).await;
        Ok(())
    }

    async fn stop_discovery(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Refusal> {
        let change = self.0.lock().stop_discovery(&caller(&header)?)?;
        Ok(announce(bus, &self.0, change).await?)
    }

    /// Everything is heard whatever is asked for: the filter saves power, and those who set it look at what they hear.
    fn set_discovery_filter(&self, _filter: HashMap<String, OwnedVariant>) {}

    fn get_discovery_filters(&self) -> &[&str] {
        &["UUIDs", "RSSI", "Pathloss", "Transport", "DuplicateData"]
    }

    /// A device that is still on the air is heard again at once, so that it may as well stay.
    fn remove_device(&self, _device: ObjectPath<'_>) {}

    #[zbus(property)]
    fn address(&self) -> &str {
        "00:00:5E:00:53:01"
    }

    #[zbus(property)]
    fn address_type(&self) -> &str {
        "public"
    }

    #[zbus(property)]
    fn name(&self) -> &str {
        "fauxkey"
    }

    #[zbus(property)]
    fn alias(&self) -> &str {
        "fauxkey"
    }

    #[zbus(property, name = "Class")]
    fn class(&self) -> u32 {
        0
    }

    #[zbus(property)]
    fn powered(&self) -> bool {
        self.0.lock().is_powered()
    }

    #[zbus(property)]
    async fn set_powered(&self, on: bool, #[zbus(connection)] bus: &Connection) -> zbus::Result<()> {
        let change = self.0.lock().power(on);
        announce(bus, &self.0, change).await
    }

    #[zbus(property)]
    fn power_state(&self) -> &str {
        if self.0.lock().is_powered() { "on" } else { "off" }
    }

    #[zbus(property)]
    fn discovering(&self) -> bool {
        self.0.lock().is_discovering()
    }

    #[zbus(property)]
    fn discoverable(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn discoverable_timeout(&self) -> u32 {
        0
    }

    #[zbus(property)]
    fn pairable(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn pairable_timeout(&self) -> u32 {
        0
    }

    #[zbus(property, name = "UUIDs")]
    fn uuids(&self) -> &[&str] {
        &[]
    }

    #[zbus(property)]
    fn modalias(&self) -> &str {
        "usb:v1D6Bp0246d0542"
    }

    #[zbus(property)]
    fn roles(&self) -> &[&str] {
        &["central", "peripheral"]
    }
}

/// `org.bluez.LEAdvertisingManager1`.
pub(super) struct AdvertisingManager(pub(super) SharedAir);

#[interface(name = "org.bluez.LEAdvertisingManager1")]
impl AdvertisingManager {
    async fn register_advertisement(
        &self,
        path: ObjectPath<'_>,
        _options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Refusal> {
        let who = caller(&header)?;
        self.0.lock().has_room(&who, path.as_str())?;
        let properties = show(bus, &who, &path).await?;
        let change = self.0.lock().register(who, path.to_string(), Advert::read(&properties)?)?;
        Ok(announce(bus, &self.0, change).await?)
    }

    async fn unregister_advertisement(
        &self,
        path: ObjectPath<'_>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Refusal> {
        let change = self.0.lock().unregister(caller(&header)?, path.to_string())?;
        Ok(announce(bus, &self.0, change).await?)
    }

    #[zbus(property)]
    fn active_instances(&self) -> u8 {
        self.0.lock().active()
    }

    #[zbus(property)]
    fn supported_instances(&self) -> u8 {
        u8::try_from(INSTANCES).unwrap_or(u8::MAX).saturating_sub(self.0.lock().active())
    }

    #[zbus(property)]
    fn supported_includes(&self) -> &[&str] {
        &["tx-power", "appearance", "local-name"]
    }

    #[zbus(property)]
    fn supported_secondary_channels(&self) -> &[&str] {
        &[]
    }
}

/// Asks an advertiser for its advert.
async fn show(
    bus: &Connection,
    who: &OwnedUniqueName,
    path: &ObjectPath<'_>,
) -> Result<HashMap<String, OwnedVariant>, Refusal> {
    let asked = async {
        let object = Proxy::new(bus, who.clone(), path.clone(), "org.freedesktop.DBus.Properties").await?;
        object.call("GetAll", &"org.bluez.LEAdvertisement1").await
    };
    let runtime = zruntime::SharedRuntime::current().map_err(zbus::Error::from)?;
    let shown: Result<zbus::Result<_>, _> = runtime.timeout(SHOWING, asked).await;
    let silent = || Refusal::Failed(format!("{who} did not show its advert at {path}"));
    shown.map_err(|_| silent())?.map_err(|_| silent())
}

/// `org.bluez.GattManager1`, behind which there is nothing.
pub(super) struct GattManager;

#[interface(name = "org.bluez.GattManager1")]
impl GattManager {
    fn register_application(&self, _application: ObjectPath<'_>, _options: HashMap<String, OwnedVariant>) {}

    fn unregister_application(&self, _application: ObjectPath<'_>) {}
}

/// `org.bluez.AgentManager1` at `/org/bluez`: nothing here pairs, so an agent has nothing to do.
pub(super) struct AgentManager;

#[interface(name = "org.bluez.AgentManager1")]
impl AgentManager {
    fn register_agent(&self, _agent: ObjectPath<'_>, _capability: &str) {}

    fn unregister_agent(&self, _agent: ObjectPath<'_>) {}

    fn request_default_agent(&self, _agent: ObjectPath<'_>) {}
}

/// `org.bluez.ProfileManager1` at `/org/bluez`: nothing here connects.
pub(super) struct ProfileManager;

#[interface(name = "org.bluez.ProfileManager1")]
impl ProfileManager {
    fn register_profile(
        &self,
        _profile: ObjectPath<'_>,
        _uuid: &str,
        _options: HashMap<String, OwnedVariant>,
    ) {
    }

    fn unregister_profile(&self, _profile: ObjectPath<'_>) {}
}
