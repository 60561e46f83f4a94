//! Advertising: one `org.bluez.LEAdvertisement1` of ours, which BlueZ reads when it is registered.
use super::{BLUEZ, adapter, connect, errors};
use crate::control::Failure;
use crate::hybrid::radio::fits;
use std::collections::HashMap;
use transport::hybrid::advert::SERVICE;
use zbus::connection::Connection;
use zbus::{OwnedObjectPath, Proxy, Variant, interface};

/// What BlueZ calls the object by which adverts are registered.
const MANAGER: &str = "org.bluez.LEAdvertisingManager1";
/// Milliseconds between two adverts at least and at most, where BlueZ heeds them: what phones do, and sooner heard than
/// the kernel's 1.28 s.
const INTERVAL: (u32, u32) = (100, 250);

/// Sends adverts by BlueZ, over a connection of its own: when that ends, so does the advert.
pub(in super::super) struct Advertiser {
    bus: Connection,
    wanted: Option<String>,
    on_air: Option<OnAir>,
    count: u32,
}

/// An advert that is registered.
struct OnAir {
    adapter: OwnedObjectPath,
    path: OwnedObjectPath,
}

impl Advertiser {
    /// Connects, and looks whether an advert could be sent.
    pub(in super::super) fn new(address: Option<&str>, wanted: Option<&str>) -> Result<Self, Failure> {
        zbus::block_on(async {
            let bus = connect(address).await?;
            let adapter = adapter(&bus, wanted).await?;
            adapter.check_power()?;
            adapter.check_room()?;
            Ok(Self { bus, wanted: wanted.map(Into::into), on_air: None, count: 0 })
        })
    }

    async fn register(&mut self, service_data: &[u8]) -> Result<(), Failure> {
        let adapter = adapter(&self.bus, self.wanted.as_deref()).await?;
        adapter.check_power()?;
        adapter.check_room()?;
        self.count = self.count.wrapping_add(1);
        let path = OwnedObjectPath::try_from(format!("/fauxkey/advert{}", self.count))
            .expect("letters, digits and slashes");
        let advert = Advertisement { service_data: service_data.to_vec() };
        let broken = |error: zbus::Error| errors::refused(&error, "take the advert");
        self.bus.object_server().at(path.clone(), advert).await.map_err(broken)?;
        let on_air = OnAir { adapter: adapter.path, path };
        let registered = self.call(&on_air, "RegisterAdvertisement").await;
        if registered.is_err() {
            self.forget(&on_air).await;
        } else {
            self.on_air = Some(on_air);
        }
        registered.map_err(broken)
    }

    async fn call(&self, advert: &OnAir, method: &str) -> zbus::Result<()> {
        let manager = Proxy::new(&self.bus, BLUEZ, advert.adapter.clone(), MANAGER).await?;
        if method == "RegisterAdvertisement" {
            manager.call(method, &(&advert.path, HashMap::<&str, Variant<'_>>::new())).await
        } else {
            manager.call(method, &advert.path).await
        }
    }

    async fn forget(&self, advert: &OnAir) {
        // It is there, or the connection is not.
        let _there = self.bus.object_server().remove::<Advertisement, _>(advert.path.clone()).await;
    }
}

impl super::super::Advertiser for Advertiser {
    fn advertise(&mut self, service_data: &[u8]) -> Result<(), Failure> {
        fits(service_data)?;
        self.stop();
        zbus::block_on(self.register(service_data))
    }

    fn stop(&mut self) {
        let Some(on_air) = self.on_air.take() else { return };
        zbus::block_on(async {
            // If BlueZ or the bus is gone, so is the advert.
            let _gone = self.call(&on_air, "UnregisterAdvertisement").await;
            self.forget(&on_air).await;
        });
    }
}

impl Drop for Advertiser {
    fn drop(&mut self) {
        super::super::Advertiser::stop(self);
    }
}

/// The advert: non-connectable, service data and nothing else.
struct Advertisement {
    service_data: Vec<u8>,
}

#[interface(name = "org.bluez.LEAdvertisement1")]
impl Advertisement {
    /// BlueZ says that it has taken the advert off the air, because its adapter is gone for example.
    fn release(&self) {}

    #[zbus(property, name = "Type")]
    fn kind(&self) -> &str {
        "broadcast"
    }

    #[zbus(property)]
    fn service_data(&self) -> HashMap<String, Variant<'_>> {
        let uuid = format!("{:08x}-0000-1000-8000-00805f9b34fb", SERVICE);
        HashMap::from([(uuid, Variant::from(self.service_data.clone()))])
    }

    #[zbus(property)]
    fn min_interval(&self) -> u32 {
        INTERVAL.0
    }

    #[zbus(property)]
    fn max_interval(&self) -> u32 {
        INTERVAL.1
    }
}
