//! `org.bluez.Device1`: a device that an advert is heard from.
use super::adapter::ADAPTER;
use super::advert::Advert;
use super::air::Number;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI16, Ordering};
use zbus::object_server::InterfaceRef;
use zbus::{ObjectPath, OwnedObjectPath, Variant, interface};

/// The device of an advert.
pub(super) struct Device {
    address: String,
    advert: Advert,
    rssi: AtomicI16,
}

/// Where the device with a number is.
pub(super) fn path(number: Number) -> OwnedObjectPath {
    let path = format!("{ADAPTER}/dev_{}", address(number).replace(':', "_"));
    ObjectPath::try_from(path).expect("letters, digits, slashes and underscores").into()
}

/// A random static address: its two highest bits are set (Bluetooth Core 5.4, volume 6, part B, section 1.3.2.1).
fn address(number: Number) -> String {
    let [a, b, c, d] = number.to_be_bytes();
    format!("FA:00:{a:02X}:{b:02X}:{c:02X}:{d:02X}")
}

impl Device {
    pub(super) fn new(number: Number, advert: Advert) -> Self {
        Self { address: address(number), advert, rssi: AtomicI16::new(-42) }
    }

    fn data(&self) -> HashMap<String, Variant<'static>> {
        self.advert
            .service_data
            .iter()
            .map(|(uuid, data)| (uuid.clone(), Variant::from(data.clone())))
            .collect()
    }
}

/// The advert is heard again, a little weaker or stronger than before: BlueZ tells of repeated adverts by properties
/// that did not change otherwise.
pub(super) async fn hear(device: &InterfaceRef<Device>) -> zbus::Result<()> {
    let (rssi, data) = {
        let device = device.get().await;
        let rssi = -42 - (device.rssi.load(Ordering::Relaxed) + 43).rem_euclid(5);
        device.rssi.store(rssi, Ordering::Relaxed);
        (rssi, device.data())
    };
    let changed = HashMap::from([("RSSI", Variant::from(rssi)), ("ServiceData", Variant::from(data))]);
    let interface = zbus::names::InterfaceName::from_static_str_unchecked("org.bluez.Device1");
    zbus::fdo::Properties::properties_changed(
        device.signal_emitter(),
        interface,
        changed,
        [].as_slice().into(),
    )
    .await
}

#[interface(name = "org.bluez.Device1")]
impl Device {
    /// There is nothing behind an advert that could be connected to.
    fn connect(&self) -> Result<(), super::refusal::Refusal> {
        Err(super::refusal::Refusal::Failed("nothing but an advert is there".into()))
    }

    fn disconnect(&self) {}

    #[zbus(property)]
    fn address(&self) -> &str {
        &self.address
    }

    #[zbus(property)]
    fn address_type(&self) -> &str {
        "random"
    }

    #[zbus(property)]
    fn alias(&self) -> String {
        self.advert.local_name.clone().unwrap_or_else(|| self.address.replace(':', "-"))
    }

    #[zbus(property)]
    fn adapter(&self) -> ObjectPath<'_> {
        ObjectPath::from_static_str_unchecked(ADAPTER)
    }

    #[zbus(property)]
    fn paired(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn bonded(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn trusted(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn blocked(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn legacy_pairing(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn connected(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn services_resolved(&self) -> bool {
        false
    }

    #[zbus(property, name = "UUIDs")]
    fn uuids(&self) -> &[String] {
        &self.advert.service_uuids
    }

    #[zbus(property, name = "RSSI")]
    fn rssi(&self) -> i16 {
        self.rssi.load(Ordering::Relaxed)
    }

    #[zbus(property)]
    fn service_data(&self) -> HashMap<String, Variant<'static>> {
        self.data()
    }

    #[zbus(property)]
    fn advertising_flags(&self) -> Vec<u8> {
        vec![0x06]
    }
}
