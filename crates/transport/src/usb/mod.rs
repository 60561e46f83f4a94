//! A full-speed USB device with one interface, the FIDO HID interface of CTAP 2.1 §11.2.8, for whoever carries
//! its transfers to a host.
//!
//! There are three pipes: control transfers on endpoint 0 ([`Device::control_in`], [`Device::control_out`]),
//! input reports on interrupt endpoint 0x81, and output reports on interrupt endpoint 0x01. The device says
//! whether those two work ([`Device::accepts`]); what goes through them is CTAPHID's, not this module's. A
//! request that the device does not know is answered with a stall, as USB 2.0 §9.2.7 says.
//!
//! Reports go through the interrupt endpoints alone. GET_REPORT and SET_REPORT, which HID 1.11 §7.2 would allow
//! on endpoint 0, are stalled, as `/dev/uhid`'s driver refuses them: no platform uses them for FIDO devices.
mod descriptors;
#[cfg(test)]
mod tests;

pub use descriptors::Identity;

use alloc::vec::Vec;

/// Bytes in a packet of each endpoint, which is one report. CTAP 2.1 §11.2.8.1.
pub const PACKET_SIZE: usize = 64;
/// The number of the only configuration.
pub const CONFIGURATION: u8 = 1;
/// Class, subclass and protocol of the only interface: HID, no subclass, no protocol. CTAP 2.1 §11.2.8.1.
pub const INTERFACE_CLASS: [u8; 3] = [3, 0, 0];

/// Which way data goes, seen from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the host to the device.
    Out,
    /// From the device to the host.
    In,
}

/// The first stage of a control transfer, USB 2.0 §9.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// bmRequestType: direction, type and recipient.
    pub request_type: u8,
    /// bRequest.
    pub request: u8,
    /// wValue.
    pub value: u16,
    /// wIndex: an interface, an endpoint, or a language.
    pub index: u16,
    /// wLength: bytes in the data stage, at most.
    pub length: u16,
}

impl Setup {
    /// Reads the eight bytes of a SETUP packet; numbers in it are little-endian.
    pub const fn decode(bytes: &[u8; 8]) -> Self {
        let [request_type, request, value_low, value_high, index_low, index_high, len_low, len_high] = *bytes;
        Self {
            request_type,
            request,
            value: u16::from_le_bytes([value_low, value_high]),
            index: u16::from_le_bytes([index_low, index_high]),
            length: u16::from_le_bytes([len_low, len_high]),
        }
    }

    /// Which way the data stage goes. A transfer without data goes out, whatever bmRequestType says.
    pub const fn direction(self) -> Direction {
        if self.request_type & 0x80 != 0 && self.length > 0 { Direction::In } else { Direction::Out }
    }
}

/// The device refuses a request: its endpoint answers STALL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall;

// bmRequestType without the direction, USB 2.0 table 9-2: standard or class; device, interface or endpoint.
const DEVICE: u8 = 0x00;
const INTERFACE: u8 = 0x01;
const ENDPOINT: u8 = 0x02;
const CLASS_INTERFACE: u8 = 0x21;

// bRequest of standard requests, USB 2.0 table 9-4.
const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const SET_FEATURE: u8 = 3;
const SET_ADDRESS: u8 = 5;
const GET_DESCRIPTOR: u8 = 6;
const GET_CONFIGURATION: u8 = 8;
const SET_CONFIGURATION: u8 = 9;
const GET_INTERFACE: u8 = 10;
const SET_INTERFACE: u8 = 11;

// bRequest of HID, HID 1.11 §7.2.
const GET_IDLE: u8 = 2;
const GET_PROTOCOL: u8 = 3;
const SET_IDLE: u8 = 10;
const SET_PROTOCOL: u8 = 11;

/// The feature selector ENDPOINT_HALT, USB 2.0 table 9-6.
const ENDPOINT_HALT: u16 = 0;
/// The interrupt endpoint of input reports.
const IN: u16 = 0x81;
/// The interrupt endpoint of output reports.
const OUT: u16 = 0x01;

/// The device. It is configured from the beginning, as a device is that an operating system already had when
/// it lends it to another.
#[derive(Clone, Debug)]
pub struct Device {
    identity: Identity,
    configuration: u8,
    /// Whether the IN endpoint and the OUT endpoint are halted.
    halted: (bool, bool),
    /// HID's idle rate in units of 4 ms. Remembered, and without effect: reports come when there are some.
    idle: u8,
    /// HID's protocol: 0 boot, 1 report. Remembered: there is no boot protocol here.
    protocol: u8,
}

impl Device {
    /// A device that has just been plugged in, configured.
    pub fn new(identity: Identity) -> Self {
        Self { identity, configuration: CONFIGURATION, halted: (false, false), idle: 0, protocol: 1 }
    }

    /// What it says of itself.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether the interrupt endpoint of that direction takes transfers: configured and not halted.
    pub fn accepts(&self, direction: Direction) -> bool {
        let halted = match direction {
            Direction::In => self.halted.0,
            Direction::Out => self.halted.1,
        };
        self.configuration != 0 && !halted
    }

    /// A control transfer that reads. Returns at most `setup.length` bytes.
    ///
    /// # Errors
    /// If the device does not know the request.
    pub fn control_in(&self, setup: Setup) -> Result<Vec<u8>, Stall> {
        let Setup { request_type, request, value, index, length } = setup;
        let mut data = match (request_type & 0x7F, request) {
            (DEVICE, GET_DESCRIPTOR) => descriptors::of_device(&self.identity, value)?,
            (INTERFACE, GET_DESCRIPTOR) if index == 0 => descriptors::of_interface(value)?,
            // Powered by the bus, and never wakes its host. USB 2.0 §9.4.5.
            (DEVICE, GET_STATUS) => alloc::vec![0, 0],
            (INTERFACE, GET_STATUS) if index == 0 => alloc::vec![0, 0],
            (ENDPOINT, GET_STATUS) => alloc::vec![u8::from(self.halted(index)?), 0],
            (DEVICE, GET_CONFIGURATION) => alloc::vec![self.configuration],
            (INTERFACE, GET_INTERFACE) if index == 0 && self.configuration != 0 => alloc::vec![0],
            (CLASS_INTERFACE, GET_IDLE) if index == 0 => alloc::vec![self.idle],
            (CLASS_INTERFACE, GET_PROTOCOL) if index == 0 => alloc::vec![self.protocol],
            _ => return Err(Stall),
        };
        data.truncate(length.into());
        Ok(data)
    }

    /// A control transfer that writes, or has no data.
    ///
    /// # Errors
    /// If the device does not know the request.
    pub fn control_out(&mut self, setup: Setup, _data: &[u8]) -> Result<(), Stall> {
        let Setup { request_type, request, value, index, .. } = setup;
        let [low, high] = value.to_le_bytes();
        match (request_type, request) {
            // Addresses are the business of whoever carries the transfers.
            (DEVICE, SET_ADDRESS) => {}
            (DEVICE, SET_CONFIGURATION) if value <= u16::from(CONFIGURATION) => {
                self.configuration = low;
                // USB 2.0 §9.4.5: a configuration that is set clears every halt.
                self.halted = (false, false);
            }
            (INTERFACE, SET_INTERFACE) if value == 0 && index == 0 && self.configuration != 0 => {
                self.halted = (false, false);
            }
            (ENDPOINT, CLEAR_FEATURE) if value == ENDPOINT_HALT => self.halt(index, false)?,
            (ENDPOINT, SET_FEATURE) if value == ENDPOINT_HALT => self.halt(index, true)?,
            (CLASS_INTERFACE, SET_IDLE) if index == 0 && low == 0 => self.idle = high,
            (CLASS_INTERFACE, SET_PROTOCOL) if index == 0 && value <= 1 => self.protocol = low,
            _ => return Err(Stall),
        }
        Ok(())
    }

    fn halted(&self, endpoint: u16) -> Result<bool, Stall> {
        match endpoint {
            IN => Ok(self.halted.0),
            OUT => Ok(self.halted.1),
            0 | 0x80 => Ok(false),
            _ => Err(Stall),
        }
    }

    fn halt(&mut self, endpoint: u16, halted: bool) -> Result<(), Stall> {
        match endpoint {
            IN => self.halted.0 = halted,
            OUT => self.halted.1 = halted,
            // Endpoint 0 heals by itself with the next SETUP packet. USB 2.0 §8.5.3.4.
            0 | 0x80 if !halted => {}
            _ => return Err(Stall),
        }
        Ok(())
    }
}
