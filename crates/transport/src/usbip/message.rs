//! The messages of USB/IP as bytes. All numbers are big-endian, but those in a SETUP packet.
//!
//! Source: the Linux kernel's `Documentation/usb/usbip_protocol.rst`, version 1.1.1 of the protocol (0x0111).
use super::Exported;
use crate::usb::{Direction, INTERFACE_CLASS, Identity, Setup};
use alloc::vec::Vec;

/// The only version that is spoken today.
const VERSION: u16 = 0x0111;
const OP_REQ_IMPORT: u16 = 0x8003;
const OP_REP_IMPORT: u16 = 0x0003;
const OP_REQ_DEVLIST: u16 = 0x8005;
const OP_REP_DEVLIST: u16 = 0x0005;
const CMD_SUBMIT: u32 = 1;
const CMD_UNLINK: u32 = 2;
const RET_SUBMIT: u32 = 3;
const RET_UNLINK: u32 = 4;

/// Bytes in the head of an operation.
const OPERATION_SIZE: usize = 8;
/// Bytes in a bus ID, filled up with zeros.
pub(super) const BUS_ID_SIZE: usize = 32;
/// Bytes in a path of sysfs, filled up with zeros.
const PATH_SIZE: usize = 256;
/// Bytes in the head of a command.
const COMMAND_SIZE: usize = 48;
/// `USB_SPEED_FULL` of `linux/usb/ch9.h`.
const FULL_SPEED: u32 = 2;
/// Bytes that may come with one submission: more than any transfer to this device can have.
pub(super) const LONGEST_TRANSFER: u32 = 0x1_0000;

/// Why the bytes of a client make no sense. There is nothing to be done but to hang up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It speaks another version of USB/IP, or something else altogether.
    Version(u16),
    /// The operation is neither a list nor an import.
    Operation(u16),
    /// The command is neither a submission nor an unlink.
    Command(u32),
    /// The command is for another device than the one that was imported.
    Device(u32),
    /// A transfer of so many bytes, which no endpoint here takes.
    Oversize(u32),
    /// An isochronous transfer: there is no such endpoint here.
    Isochronous(u32),
    /// More transfers wait than any host submits.
    TooMany,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Version(version) => write!(f, "not USB/IP 1.1.1, but version {version:#06x}"),
            Self::Operation(code) => write!(f, "unknown operation {code:#06x}"),
            Self::Command(command) => write!(f, "unknown command {command:#010x}"),
            Self::Device(id) => write!(f, "a command for device {id:#010x}, which was not imported here"),
            Self::Oversize(len) => write!(f, "a transfer of {len} bytes"),
            Self::Isochronous(packets) => write!(f, "an isochronous transfer of {packets} packets"),
            Self::TooMany => f.write_str("too many transfers at once"),
        }
    }
}

/// What a client asks before it has a device.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Which devices are there.
    List,
    /// To have this one: its bus ID without the zeros behind it.
    Import(Vec<u8>),
}

/// What a client asks of the device that it has.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Submit(Submit),
    /// To give up the submission with that number.
    Unlink {
        seqnum: u32,
        submitted: u32,
    },
}

/// One transfer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Submit {
    pub(super) seqnum: u32,
    pub(super) direction: Direction,
    pub(super) endpoint: u32,
    /// Bytes that the client has room for, or sends.
    pub(super) length: u32,
    /// Of endpoint 0 alone.
    pub(super) setup: Setup,
    /// Of a transfer out.
    pub(super) data: Vec<u8>,
}

/// Takes an operation from the front of `bytes`; `None` while it is not all there.
pub(super) fn take_operation(bytes: &mut Vec<u8>) -> Result<Option<Operation>, Refusal> {
    let [Some(version), Some(code)] = [0, 2].map(|at| u16_at(bytes, at)) else { return Ok(None) };
    if version != VERSION {
        return Err(Refusal::Version(version));
    }
    let size = match code {
        OP_REQ_DEVLIST => OPERATION_SIZE,
        OP_REQ_IMPORT => OPERATION_SIZE + BUS_ID_SIZE,
        _ => return Err(Refusal::Operation(code)),
    };
    let Some(bytes) = take(bytes, size) else { return Ok(None) };
    Ok(Some(match code {
        OP_REQ_IMPORT => {
            let bus_id = &bytes[OPERATION_SIZE..];
            let end = bus_id.iter().position(|byte| *byte == 0).unwrap_or(BUS_ID_SIZE);
            Operation::Import(bus_id[..end].into())
        }
        _ => Operation::List,
    }))
}

/// Takes a command for the device `device_id` from the front of `bytes`; `None` while it is not all there.
pub(super) fn take_command(bytes: &mut Vec<u8>, device_id: u32) -> Result<Option<Command>, Refusal> {
    let head = bytes.first_chunk::<COMMAND_SIZE>().copied();
    let Some(head) = head else { return Ok(None) };
    let number = |index: usize| u32_at(&head, index * 4).expect("the head has twelve numbers");
    let [command, seqnum, device, direction, endpoint] = [0, 1, 2, 3, 4].map(number);
    if device != device_id && matches!(command, CMD_SUBMIT | CMD_UNLINK) {
        return Err(Refusal::Device(device));
    }
    match command {
        CMD_SUBMIT => {
            let [length, packets] = [6, 8].map(number);
            // Linux sends 0 for what is not isochronous, and the protocol says 0xFFFFFFFF.
            if !matches!(packets, 0 | u32::MAX) {
                return Err(Refusal::Isochronous(packets));
            }
            let direction = if direction == 0 { Direction::Out } else { Direction::In };
            let data_size = match direction {
                Direction::Out if length > LONGEST_TRANSFER => return Err(Refusal::Oversize(length)),
                Direction::Out => usize::try_from(length).expect("at most 65536"),
                Direction::In => 0,
            };
            let Some(all) = take(bytes, COMMAND_SIZE + data_size) else { return Ok(None) };
            let setup = head.last_chunk().expect("eight of 48 bytes");
            Ok(Some(Command::Submit(Submit {
                seqnum,
                direction,
                endpoint,
                length,
                setup: Setup::decode(setup),
                data: all[COMMAND_SIZE..].into(),
            })))
        }
        CMD_UNLINK => {
            take(bytes, COMMAND_SIZE);
            Ok(Some(Command::Unlink { seqnum, submitted: number(5) }))
        }
        other => Err(Refusal::Command(other)),
    }
}

/// OP_REP_DEVLIST.
pub(super) fn device_list(devices: &[Exported]) -> Vec<u8> {
    let count = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    let mut bytes = [&operation(OP_REP_DEVLIST, 0)[..], &count.to_be_bytes()].concat();
    for device in devices {
        bytes.extend(record(device));
        bytes.extend(INTERFACE_CLASS);
        bytes.push(0);
    }
    bytes
}

/// OP_REP_IMPORT: the device, or the status that says why not.
pub(super) fn import(device: Result<&Exported, u32>) -> Vec<u8> {
    match device {
        Ok(device) => [&operation(OP_REP_IMPORT, 0)[..], &record(device)].concat(),
        Err(status) => operation(OP_REP_IMPORT, status).into(),
    }
}

/// RET_SUBMIT with the data of a transfer in; `actual` is how many bytes went either way.
pub(super) fn submitted(seqnum: u32, status: i32, actual: usize, data: &[u8]) -> Vec<u8> {
    let actual = u32::try_from(actual).unwrap_or(u32::MAX);
    let numbers = [RET_SUBMIT, seqnum, 0, 0, 0, status.cast_unsigned(), actual, 0, 0, 0, 0, 0];
    [&numbers.map(u32::to_be_bytes).concat(), data].concat()
}

/// RET_UNLINK.
pub(super) fn unlinked(seqnum: u32, status: i32) -> Vec<u8> {
    let numbers = [RET_UNLINK, seqnum, 0, 0, 0, status.cast_unsigned(), 0, 0, 0, 0, 0, 0];
    numbers.map(u32::to_be_bytes).concat()
}

/// The identifier that commands carry: bus and device number. There is one bus, number 1.
pub(super) fn device_id(device: &Exported) -> u32 {
    1 << 16 | u32::from(device.number)
}

fn operation(code: u16, status: u32) -> [u8; OPERATION_SIZE] {
    let [version, code] = [VERSION, code].map(u16::to_be_bytes);
    let status = status.to_be_bytes();
    let mut bytes = [0; OPERATION_SIZE];
    bytes[..2].copy_from_slice(&version);
    bytes[2..4].copy_from_slice(&code);
    bytes[4..].copy_from_slice(&status);
    bytes
}

/// A device as the list and the import show it, 312 bytes.
fn record(device: &Exported) -> Vec<u8> {
    let Identity { vendor_id, product_id, device_version, .. } = device.identity;
    let bus_id = device.bus_id();
    let path = alloc::format!("/sys/devices/platform/fauxkey/usb1/{bus_id}");
    [
        &padded(path.as_bytes(), PATH_SIZE)[..],
        &padded(bus_id.as_bytes(), BUS_ID_SIZE),
        &[1, u32::from(device.number), FULL_SPEED].map(u32::to_be_bytes).concat(),
        &[vendor_id, product_id, device_version].map(u16::to_be_bytes).concat(),
        // Class, subclass and protocol stand at the interface; configuration 1 of 1 is set, with 1 interface.
        &[0, 0, 0, crate::usb::CONFIGURATION, 1, 1],
    ]
    .concat()
}

fn padded(text: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = text.to_vec();
    bytes.resize(size, 0);
    bytes
}

fn take(bytes: &mut Vec<u8>, size: usize) -> Option<Vec<u8>> {
    (bytes.len() >= size).then(|| bytes.drain(..size).collect())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}
