//! A real adapter, by BlueZ: `org.bluez` on the system bus.
mod advertiser;
mod errors;
mod scanner;

pub(super) use advertiser::Advertiser;
pub(super) use scanner::Scanner;

use crate::control::{Failure, FailureKind};
use std::collections::HashMap;
use std::time::Duration;
use zbus::connection::{Builder, Connection};
use zbus::fdo::{ManagedObjects, ObjectManagerProxy};
use zbus::{OwnedObjectPath, OwnedVariant};

/// BlueZ's name on the bus.
const BLUEZ: &str = "org.bluez";
/// How long BlueZ may take for an answer. Powering up takes a second or two.
const PATIENCE: Duration = Duration::from_secs(10);

/// An adapter, as BlueZ shows it.
#[derive(Debug)]
struct Adapter {
    /// Its object, such as `/org/bluez/hci0`.
    path: OwnedObjectPath,
    powered: bool,
    /// How many adverts it has room for, if it can advertise at all.
    instances: Option<u8>,
}

/// A connection to the bus of that address, or to the system's, which `DBUS_SYSTEM_BUS_ADDRESS` may name.
async fn connect(address: Option<&str>) -> Result<Connection, Failure> {
    let builder = address.map_or_else(Builder::system, Builder::address);
    builder.method_timeout(PATIENCE).build().await.map_err(|error| errors::no_bus(address, &error))
}

/// The adapter of that name, or the first that is on, or else the first.
async fn adapter(bus: &Connection, wanted: Option<&str>) -> Result<Adapter, Failure> {
    let managed = async { ObjectManagerProxy::new(bus, BLUEZ, "/").await?.get_managed_objects().await };
    let objects = managed
        .await
        .map_err(|error: zbus::fdo::Error| errors::refused(&error.into(), "show its adapters"))?;
    choose(&objects, wanted)
}

fn choose(objects: &ManagedObjects, wanted: Option<&str>) -> Result<Adapter, Failure> {
    let mut adapters: Vec<_> = objects
        .iter()
        .filter_map(|(path, interfaces)| {
            let adapter = interfaces.get("org.bluez.Adapter1")?;
            let manager = interfaces.get("org.bluez.LEAdvertisingManager1");
            Some(Adapter {
                path: path.clone(),
                powered: property(adapter, "Powered").unwrap_or(false),
                instances: manager.map(|manager| property(manager, "SupportedInstances").unwrap_or(1)),
            })
        })
        .collect();
    adapters.sort_by(|a, b| (a.path.len(), a.path.as_str()).cmp(&(b.path.len(), b.path.as_str())));
    let names: Vec<_> = adapters.iter().map(|adapter| adapter.name().to_owned()).collect();
    let at = match wanted {
        Some(wanted) => adapters.iter().position(|adapter| adapter.name() == wanted),
        None => adapters.iter().position(|adapter| adapter.powered).or(Some(0)),
    };
    let missing = || match wanted {
        Some(wanted) if !names.is_empty() => {
            let message = format!("there is no Bluetooth adapter {wanted}, but {}", names.join(", "));
            Failure::new(FailureKind::NotFound, message)
        }
        _ => Failure::new(FailureKind::NotFound, "there is no Bluetooth adapter")
            .hint("plug one in; where there is none, run everything in `fauxkey hybrid lab`"),
    };
    at.filter(|at| *at < adapters.len()).map(|at| adapters.swap_remove(at)).ok_or_else(missing)
}

impl Adapter {
    /// Its name, such as `hci0`.
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it is on.
    fn check_power(&self) -> Result<(), Failure> {
        if self.powered { Ok(()) } else { Err(errors::adapter_off(self.name())) }
    }

    /// Whether it could send one more advert.
    fn check_room(&self) -> Result<(), Failure> {
        match self.instances {
            None => Err(Failure::new(
                FailureKind::NotFound,
                format!("the Bluetooth adapter {} cannot send adverts: it is not of Low Energy", self.name()),
            )
            .hint("name another adapter, such as bluez:hci1")),
            Some(0) => Err(errors::no_room(self.name())),
            Some(_) => Ok(()),
        }
    }
}

/// A property of that type, if it is there.
fn property<T>(properties: &HashMap<String, OwnedVariant>, name: &str) -> Option<T>
where
    T: TryFrom<OwnedVariant>,
{
    T::try_from(properties.get(name)?.try_clone().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::Variant;
    use zbus::names::OwnedInterfaceName;

    /// Adapters by name, whether each is on, and how many adverts it has room for.
    fn objects(adapters: &[(&str, bool, Option<u8>)]) -> ManagedObjects {
        let owned = |value: Variant<'_>| value.try_into_owned().unwrap();
        let interface = |name: &str| OwnedInterfaceName::try_from(name.to_owned()).unwrap();
        let mut objects = ManagedObjects::new();
        objects.insert(OwnedObjectPath::try_from("/org/bluez").unwrap(), HashMap::new());
        for (name, powered, instances) in adapters {
            let adapter = HashMap::from([("Powered".to_owned(), owned(Variant::from(*powered)))]);
            let mut interfaces = HashMap::from([(interface("org.bluez.Adapter1"), adapter)]);
            if let Some(instances) = instances {
                let manager =
                    HashMap::from([("SupportedInstances".to_owned(), owned(Variant::from(*instances)))]);
                interfaces.insert(interface("org.bluez.LEAdvertisingManager1"), manager);
            }
            objects.insert(OwnedObjectPath::try_from(format!("/org/bluez/{name}")).unwrap(), interfaces);
        }
        objects
    }

    #[test]
    fn the_first_adapter_that_is_on_is_taken_unless_one_is_named() {
        let objects = objects(&[("hci10", true, Some(5)), ("hci2", true, Some(5)), ("hci0", false, Some(5))]);
        assert_eq!(choose(&objects, None).unwrap().name(), "hci2");
        assert_eq!(choose(&objects, Some("hci10")).unwrap().name(), "hci10");
        let off = choose(&objects, Some("hci0")).unwrap();
        assert_eq!(off.check_power().unwrap_err().message, "Bluetooth is off: the adapter hci0 has no power");
    }

    #[test]
    fn where_all_adapters_are_off_it_is_said_of_the_first() {
        let objects = objects(&[("hci1", false, Some(5)), ("hci0", false, Some(5))]);
        assert_eq!(choose(&objects, None).unwrap().name(), "hci0");
    }

    #[test]
    fn an_adapter_that_is_not_there_is_told_with_those_that_are() {
        let failure =
            choose(&objects(&[("hci1", true, None), ("hci0", true, None)]), Some("hci7")).unwrap_err();
        assert_eq!(failure.message, "there is no Bluetooth adapter hci7, but hci0, hci1");
        for wanted in [None, Some("hci0")] {
            let failure = choose(&objects(&[]), wanted).unwrap_err();
            assert_eq!(
                (failure.kind, failure.message.as_str()),
                (FailureKind::NotFound, "there is no Bluetooth adapter")
            );
            assert!(failure.hint.unwrap().contains("hybrid lab"));
        }
    }

    #[test]
    fn an_adapter_without_low_energy_or_without_room_cannot_advertise() {
        let check = |instances| choose(&objects(&[("hci0", true, instances)]), None).unwrap().check_room();
        assert!(check(None).unwrap_err().message.contains("not of Low Energy"));
        assert_eq!(
            check(Some(0)).unwrap_err().message,
            "the Bluetooth adapter hci0 has no room for another advert"
        );
        assert_eq!(check(Some(1)), Ok(()));
    }
}
