//! Scanning: discovery of Low Energy devices, and what BlueZ says about those that come and those that are heard again.
use super::{BLUEZ, adapter, connect, errors, property};
use crate::control::{Failure, FailureKind};
use futures_util::stream::{Stream, StreamExt, select};
use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::time::{Duration, Instant};
use transport::hybrid::advert::{OLD_SERVICE, SERVICE};
use zbus::connection::Connection;
use zbus::message::Message;
use zbus::{MatchRule, MessageStream, OwnedObjectPath, OwnedVariant, Proxy, Variant};
use zruntime::SharedRuntime;

type Properties = HashMap<String, OwnedVariant>;

/// Signals that wait at most until they are asked for.
const QUEUE: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");

/// Hears adverts by BlueZ, over a connection of its own: when that ends, so does the discovery.
pub(in super::super) struct Scanner {
    signals: Pin<Box<dyn Stream<Item = zbus::Result<Message>> + Send>>,
    adapter: OwnedObjectPath,
    heard: VecDeque<Vec<u8>>,
    _bus: Connection,
}

impl Scanner {
    /// Connects, and begins discovery.
    pub(in super::super) fn new(address: Option<&str>, wanted: Option<&str>) -> Result<Self, Failure> {
        zbus::block_on(async {
            let bus = connect(address).await?;
            let adapter = adapter(&bus, wanted).await?;
            adapter.check_power()?;
            let signals =
                signals(&bus).await.map_err(|error| errors::refused(&error, "say what it hears"))?;
            discover(&bus, &adapter.path)
                .await
                .map_err(|error| errors::refused(&error, "begin to listen"))?;
            Ok(Self { signals, adapter: adapter.path, heard: VecDeque::new(), _bus: bus })
        })
    }

    /// Looks what a signal tells. Fails if it is that Bluetooth has gone.
    fn take(&mut self, message: &Message) -> Result<(), Failure> {
        let header = message.header();
        let body = message.body();
        let devices = format!("{}/dev_", self.adapter.as_str());
        let path = header.path().map(|path| path.as_str()).unwrap_or_default();
        match header.member().map(|member| member.as_str()).unwrap_or_default() {
            "InterfacesAdded" => {
                let Ok((path, interfaces)) =
                    body.deserialize::<(OwnedObjectPath, HashMap<String, Properties>)>()
                else {
                    return Ok(());
                };
                if path.starts_with(&devices)
                    && let Some(device) = interfaces.get("org.bluez.Device1")
                {
                    self.heard.extend(service_data(device));
                }
            }
            "PropertiesChanged" => {
                let Ok((interface, changed, _)) = body.deserialize::<(String, Properties, Vec<String>)>()
                else {
                    return Ok(());
                };
                if interface == "org.bluez.Device1" && path.starts_with(&devices) {
                    self.heard.extend(service_data(&changed));
                }
                if interface == "org.bluez.Adapter1"
                    && path == self.adapter.as_str()
                    && property(&changed, "Powered") == Some(false)
                {
                    let name = path.rsplit('/').next().unwrap_or_default();
                    return Err(errors::adapter_off(name));
                }
            }
            "NameOwnerChanged" => return Err(gone("BlueZ has ended")),
            _ => {}
        }
        Ok(())
    }
}

impl super::super::Scanner for Scanner {
    fn next(&mut self, patience: Duration) -> Result<Option<Vec<u8>>, Failure> {
        zbus::block_on(async {
            let runtime = SharedRuntime::current().map_err(|error| {
                Failure::new(FailureKind::Broken, format!("cannot wait for adverts: {error}"))
            })?;
            let begun = Instant::now();
            loop {
                if let Some(data) = self.heard.pop_front() {
                    return Ok(Some(data));
                }
                let left = patience.saturating_sub(begun.elapsed());
                match runtime.timeout(left, self.signals.next()).await {
                    Ok(Some(Ok(message))) => self.take(&message)?,
                    Ok(Some(Err(_)) | None) => return Err(gone("the system bus has ended")),
                    Err(_) => return Ok(None),
                }
            }
        })
    }
}

fn gone(what: &str) -> Failure {
    Failure::new(FailureKind::Broken, format!("{what} while adverts were listened for"))
}

/// What BlueZ says about its objects, and that it has gone.
async fn signals(
    bus: &Connection,
) -> zbus::Result<Pin<Box<dyn Stream<Item = zbus::Result<Message>> + Send>>> {
    let of = |interface, member| {
        MatchRule::builder().msg_type(zbus::message::Type::Signal).interface(interface).member(member)
    };
    let added = of("org.freedesktop.DBus.ObjectManager", "InterfacesAdded").sender(BLUEZ).build()?;
    let changed = of("org.freedesktop.DBus.Properties", "PropertiesChanged")
        .sender(BLUEZ)
        .path_namespace("/org/bluez")
        .build()?;
    let left = of("org.freedesktop.DBus", "NameOwnerChanged")
        .sender("org.freedesktop.DBus")
        .arg(0, BLUEZ)
        .arg(2, "")
        .build()?;
    let added = MessageStream::for_match_rule(added, bus, Some(QUEUE)).await?;
    let changed = MessageStream::for_match_rule(changed, bus, Some(QUEUE)).await?;
    let left = MessageStream::for_match_rule(left, bus, Some(QUEUE)).await?;
    Ok(Box::pin(select(select(added, changed), left)))
}

/// Begins discovery in which the same advert is told again and again: BlueZ tells of a known one else only when its
/// strength changes.
async fn discover(bus: &Connection, adapter: &OwnedObjectPath) -> zbus::Result<()> {
    let adapter = Proxy::new(bus, BLUEZ, adapter.clone(), "org.bluez.Adapter1").await?;
    let filter = HashMap::from([("Transport", Variant::from("le")), ("DuplicateData", Variant::from(true))]);
    adapter.call::<_, _, ()>("SetDiscoveryFilter", &filter).await?;
    adapter.call("StartDiscovery", &()).await
}

/// The service data of the FIDO service among a device's properties, under either UUID.
fn service_data(properties: &Properties) -> Vec<Vec<u8>> {
    let services: Properties = property(properties, "ServiceData").unwrap_or_default();
    let uuid = |service: u16| format!("{service:08x}-0000-1000-8000-00805f9b34fb");
    [SERVICE, OLD_SERVICE].into_iter().filter_map(|service| property(&services, &uuid(service))).collect()
}
