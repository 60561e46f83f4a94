//! What the device tells of itself: descriptors, USB 2.0 §9.6 and HID 1.11 §6.2. Numbers are little-endian.
use super::{CONFIGURATION, INTERFACE_CLASS, PACKET_SIZE, Stall};
use crate::ctaphid::REPORT_DESCRIPTOR;
use alloc::string::String;
use alloc::vec::Vec;

/// Who made the device, and which one it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// idVendor.
    pub vendor_id: u16,
    /// idProduct.
    pub product_id: u16,
    /// bcdDevice: the release number, such as 0x0502 for 5.02.
    pub device_version: u16,
    /// iManufacturer. There is no such string if this is empty.
    pub manufacturer: String,
    /// iProduct. Likewise.
    pub product: String,
    /// iSerialNumber. Likewise.
    pub serial: String,
}

// bDescriptorType, USB 2.0 table 9-5 and HID 1.11 §7.1.
const DEVICE: u8 = 1;
const CONFIGURATION_TYPE: u8 = 2;
const STRING: u8 = 3;
const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
const HID: u8 = 0x21;
const REPORT: u8 = 0x22;

/// English (United States), the only language of strings.
const LANGUAGE: [u8; 2] = [0x09, 0x04];
/// How often a host asks for reports and may send some, in milliseconds. CTAP 2.1 §11.2.8.1 recommends 5.
const INTERVAL: u8 = 5;
/// The longest string in UTF-16 code units: bLength is one byte.
const LONGEST_STRING: usize = 126;
/// What a host may let flow, in units of 2 mA.
const CURRENT: u8 = 50;

/// GET_DESCRIPTOR of the device: `value` is type and index. There is no device qualifier, which only devices
/// have that can do high speed.
pub(super) fn of_device(identity: &Identity, value: u16) -> Result<Vec<u8>, Stall> {
    let [kind, index] = value.to_be_bytes();
    match (kind, index) {
        (DEVICE, 0) => Ok(device(identity)),
        (CONFIGURATION_TYPE, 0) => Ok(configuration()),
        (STRING, _) => string(identity, index),
        _ => Err(Stall),
    }
}

/// GET_DESCRIPTOR of the interface.
pub(super) fn of_interface(value: u16) -> Result<Vec<u8>, Stall> {
    let [kind, index] = value.to_be_bytes();
    match (kind, index) {
        (HID, 0) => Ok(hid().into()),
        (REPORT, 0) => Ok(REPORT_DESCRIPTOR.into()),
        _ => Err(Stall),
    }
}

/// USB 2.0 §9.6.1.
fn device(identity: &Identity) -> Vec<u8> {
    let [vendor, product, version] =
        [identity.vendor_id, identity.product_id, identity.device_version].map(u16::to_le_bytes);
    let index = |text: &String, index: u8| if text.is_empty() { 0 } else { index };
    let head = [18, DEVICE, 0x00, 0x02, 0, 0, 0, packet_size()[0]];
    let strings = [index(&identity.manufacturer, 1), index(&identity.product, 2), index(&identity.serial, 3)];
    [&head[..], &vendor, &product, &version, &strings, &[1]].concat()
}

/// The configuration and everything in it, USB 2.0 §9.6.3, §9.6.5, §9.6.6; CTAP 2.1 §11.2.8.1.
fn configuration() -> Vec<u8> {
    let [class, subclass, protocol] = INTERFACE_CLASS;
    let interface = [9, INTERFACE, 0, 0, 2, class, subclass, protocol, 0];
    let [size_low, size_high] = packet_size();
    let interrupt = 3;
    let endpoint = |address| [7, ENDPOINT, address, interrupt, size_low, size_high, INTERVAL];
    let content = [&interface[..], &hid(), &endpoint(0x81), &endpoint(0x01)].concat();
    let head_size = 9;
    let total = u16::try_from(head_size + content.len()).expect("41 fits u16").to_le_bytes();
    // Powered by the bus.
    let attributes = 0x80;
    let head = [9, CONFIGURATION_TYPE, total[0], total[1], 1, CONFIGURATION, 0, attributes, CURRENT];
    [&head[..], &content].concat()
}

/// HID 1.11 §6.2.1: version 1.11, no country, one report descriptor.
fn hid() -> [u8; 9] {
    let [low, high] = u16::try_from(REPORT_DESCRIPTOR.len()).expect("34 fits u16").to_le_bytes();
    [9, HID, 0x11, 0x01, 0, 1, REPORT, low, high]
}

/// USB 2.0 §9.6.7. Text that is too long is cut between characters.
fn string(identity: &Identity, index: u8) -> Result<Vec<u8>, Stall> {
    let text = match index {
        0 => return Ok([&[4, STRING][..], &LANGUAGE].concat()),
        1 => &identity.manufacturer,
        2 => &identity.product,
        3 => &identity.serial,
        _ => return Err(Stall),
    };
    if text.is_empty() {
        return Err(Stall);
    }
    let mut units: Vec<u16> = Vec::new();
    for character in text.chars() {
        if units.len() + character.len_utf16() > LONGEST_STRING {
            break;
        }
        units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
    }
    let bytes: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
    let size = u8::try_from(bytes.len() + 2).expect("126 units and the head are 254 bytes");
    Ok([&[size, STRING][..], &bytes].concat())
}

fn packet_size() -> [u8; 2] {
    u16::try_from(PACKET_SIZE).expect("64 fits u16").to_le_bytes()
}
