//! What is said in an advert: the properties of an `org.bluez.LEAdvertisement1`, read and measured.
use super::refusal::Refusal;
use std::collections::HashMap;
use zbus::OwnedVariant;

/// Bytes that a legacy advertising PDU carries (Bluetooth Core 5.4, volume 6, part B, section 2.3.1).
const ROOM: usize = 31;
/// Bytes of an advertising structure before its data: its length and its type.
const HEADER: usize = 2;
/// What a 16-bit UUID looks like as a 128-bit one, after its first eight digits.
const BASE: &str = "-0000-1000-8000-00805f9b34fb";

/// An advert on its way through the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advert {
    /// Service data by service UUID, which is written in full and in lower case.
    pub(super) service_data: HashMap<String, Vec<u8>>,
    /// UUIDs of services, written in the same way.
    pub(super) service_uuids: Vec<String>,
    /// The advertised name.
    pub(super) local_name: Option<String>,
}

impl Advert {
    /// Reads the properties that an advertiser shows, and checks that they fit into an advert.
    pub(super) fn read(properties: &HashMap<String, OwnedVariant>) -> Result<Self, Refusal> {
        let kind: String = property(properties, "Type")?.unwrap_or_default();
        if !matches!(kind.as_str(), "broadcast" | "peripheral") {
            return Err(Refusal::InvalidArguments(format!(
                "an advert's Type is broadcast or peripheral, not {kind:?}"
            )));
        }
        let named: HashMap<String, OwnedVariant> = property(properties, "ServiceData")?.unwrap_or_default();
        let mut service_data = HashMap::new();
        for (uuid, data) in &named {
            let data = bytes(data).ok_or_else(|| {
                Refusal::InvalidArguments(format!("the service data of {uuid} is not an array of bytes"))
            })?;
            service_data.insert(full(uuid)?, data);
        }
        let service_uuids = property::<Vec<String>>(properties, "ServiceUUIDs")?
            .unwrap_or_default()
            .iter()
            .map(|uuid| full(uuid))
            .collect::<Result<_, _>>()?;
        let advert = Self { service_data, service_uuids, local_name: property(properties, "LocalName")? };
        let length = advert.length(kind == "peripheral");
        if length > ROOM {
            return Err(Refusal::InvalidLength(format!("{length} bytes do not fit into an advert's {ROOM}")));
        }
        Ok(advert)
    }

    /// Bytes on the air; what can be connected to also says its flags.
    fn length(&self, connectable: bool) -> usize {
        let width = |uuid: &str| if uuid.starts_with("0000") && uuid.ends_with(BASE) { 2 } else { 16 };
        let data: usize =
            self.service_data.iter().map(|(uuid, data)| HEADER + width(uuid) + data.len()).sum();
        let of_width = |wanted| {
            let bytes: usize =
                self.service_uuids.iter().map(|uuid| width(uuid)).filter(|width| *width == wanted).sum();
            if bytes == 0 { 0 } else { HEADER + bytes }
        };
        let name = self.local_name.as_ref().map_or(0, |name| HEADER + name.len());
        data + of_width(2) + of_width(16) + name + if connectable { HEADER + 1 } else { 0 }
    }
}

/// A property, if it is there.
fn property<T>(properties: &HashMap<String, OwnedVariant>, name: &str) -> Result<Option<T>, Refusal>
where
    T: TryFrom<OwnedVariant>,
{
    let Some(value) = properties.get(name) else { return Ok(None) };
    let value = value.try_clone().ok().and_then(|value| T::try_from(value).ok());
    value.map(Some).ok_or_else(|| {
        Refusal::InvalidArguments(format!("the advert's {name} is of another type than it should be"))
    })
}

/// An array of bytes, by itself or in a variant.
fn bytes(value: &OwnedVariant) -> Option<Vec<u8>> {
    value.try_clone().ok().and_then(|value| Vec::try_from(value).ok())
}

/// A UUID in full: what BlueZ makes of `fff9`, `0xfff9`, and of UUIDs in capitals.
fn full(uuid: &str) -> Result<String, Refusal> {
    let lower = uuid.to_ascii_lowercase();
    let short = lower.strip_prefix("0x").unwrap_or(&lower);
    let hex = |text: &str| text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let groups: Vec<_> = lower.split('-').collect();
    if matches!(short.len(), 4 | 8) && hex(short) {
        return Ok(format!("{short:0>8}{BASE}"));
    }
    if groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| hex(group)) {
        return Ok(lower);
    }
    Err(Refusal::InvalidArguments(format!("{uuid:?} is no UUID")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::Variant;

    fn owned<'a>(value: impl Into<Variant<'a>>) -> OwnedVariant {
        value.into().try_into_owned().unwrap()
    }

    fn advert(kind: &str, uuid: &str, length: usize) -> Result<Advert, String> {
        let data = HashMap::from([(uuid.to_owned(), owned(vec![7_u8; length]))]);
        let properties =
            HashMap::from([("Type".to_owned(), owned(kind)), ("ServiceData".to_owned(), owned(data))]);
        Advert::read(&properties).map_err(|refusal| format!("{refusal:?}"))
    }

    #[test]
    fn a_uuid_is_written_in_full_however_it_was_said() {
        for uuid in ["fff9", "FFF9", "0xfff9", "0000fff9", "0000FFF9-0000-1000-8000-00805F9B34FB"] {
            let service_data = advert("broadcast", uuid, 20).unwrap().service_data;
            assert_eq!(service_data["0000fff9-0000-1000-8000-00805f9b34fb"], [7; 20], "{uuid}");
        }
        for uuid in ["", "fff", "fffg", "0000fff9-0000-1000-8000", "0000fff9+0000+1000+8000+00805f9b34fb"] {
            assert!(advert("broadcast", uuid, 20).unwrap_err().contains("is no UUID"), "{uuid}");
        }
    }

    #[test]
    fn what_does_not_fit_into_an_advert_is_refused() {
        // 2 bytes of header and 2 of UUID leave 27; flags take 3 of them; a long UUID takes 14 more.
        for (kind, uuid, room) in [
            ("broadcast", "fff9", 27),
            ("peripheral", "fff9", 24),
            ("broadcast", "01234567-0000-1000-8000-00805f9b34fb", 13),
        ] {
            assert!(advert(kind, uuid, room).is_ok(), "{kind} {uuid}");
            assert!(advert(kind, uuid, room + 1).unwrap_err().starts_with("InvalidLength"), "{kind} {uuid}");
        }
    }

    #[test]
    fn properties_of_other_types_are_refused_by_name() {
        assert!(advert("shout", "fff9", 1).unwrap_err().contains("shout"));
        for (name, value) in [("Type", owned(1_u32)), ("ServiceData", owned("x")), ("LocalName", owned(true))]
        {
            let mut properties = HashMap::from([("Type".to_owned(), owned("broadcast"))]);
            properties.insert(name.into(), value);
            assert!(format!("{:?}", Advert::read(&properties).unwrap_err()).contains(name), "{name}");
        }
        let data = HashMap::from([("fff9".to_owned(), owned("text"))]);
        let properties =
            HashMap::from([("Type".to_owned(), owned("broadcast")), ("ServiceData".to_owned(), owned(data))]);
        assert!(format!("{:?}", Advert::read(&properties).unwrap_err()).contains("not an array of bytes"));
    }
}
