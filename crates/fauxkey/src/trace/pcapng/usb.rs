//! Reports in interrupt transfers, as the operating systems capture them.
use crate::trace::line::Towards;
use pcap_file::{DataLink, Endianness};
use wire::ctaphid::{REPORT_SIZE, Report};

/// A transfer that carries a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The USB bus.
    pub bus: u16,
    /// The device's address there.
    pub device: u16,
    /// Which way.
    pub towards: Towards,
    /// What it carries.
    pub report: Report,
}

/// USB 2.0 §9.6.6: the bit of an endpoint's address that says that it is for what comes from the device.
const IN: u8 = 0x80;
/// The header of LINKTYPE_USB_LINUX_MMAPPED and of LINKTYPE_USB_LINUX, in bytes (Linux, Documentation/usb/usbmon.rst).
const LINUX_MMAPPED: usize = 64;
const LINUX: usize = 48;
/// In those headers, an interrupt transfer.
const LINUX_INTERRUPT: u8 = 1;
/// In USBPcap's header, an interrupt transfer.
const WINDOWS_INTERRUPT: u8 = 1;

/// The report in a packet, if it carries one.
pub fn read(link: DataLink, endianness: Endianness, packet: &[u8]) -> Option<Transfer> {
    match link {
        DataLink::USB_LINUX_MMAPPED => linux(endianness, packet, LINUX_MMAPPED),
        DataLink::USB_LINUX => linux(endianness, packet, LINUX),
        DataLink::USBPCAP => windows(packet),
        _ => None,
    }
}

/// `type` at 8, `xfer_type` at 9, `epnum` at 10, `devnum` at 11, `busnum` at 12.
fn linux(endianness: Endianness, packet: &[u8], header: usize) -> Option<Transfer> {
    let (header, report) = packet.split_at_checked(header)?;
    let (kind, transfer, endpoint, device) = (header[8], header[9], header[10], header[11]);
    // What the host sends is in the submission, what the device sends in the completion.
    let carries = if endpoint & IN == 0 { b'S' } else { b'C' };
    if transfer != LINUX_INTERRUPT || kind != carries {
        return None;
    }
    let bus = [header[12], header[13]];
    let bus = if endianness == Endianness::Big { u16::from_be_bytes(bus) } else { u16::from_le_bytes(bus) };
    Some(Transfer { bus, device: device.into(), towards: towards(endpoint), report: report.try_into().ok()? })
}

/// headerLen at 0, bus at 17, device at 19, endpoint at 21, transfer at 22; little-endian (USBPcap, USBPcap.h).
fn windows(packet: &[u8]) -> Option<Transfer> {
    let number = |at: usize| Some(u16::from_le_bytes(*packet.get(at..)?.first_chunk()?));
    let (header, report) = packet.split_at_checked(number(0)?.into())?;
    let [endpoint, transfer] = *header.get(21..)?.first_chunk()?;
    if transfer != WINDOWS_INTERRUPT {
        return None;
    }
    let report = report.try_into().ok()?;
    Some(Transfer { bus: number(17)?, device: number(19)?, towards: towards(endpoint), report })
}

fn towards(endpoint: u8) -> Towards {
    if endpoint & IN == 0 { Towards::Device } else { Towards::Platform }
}

/// A packet of LINKTYPE_USB_LINUX_MMAPPED in little-endian order. `seconds` are since 1970.
pub fn write(transfer: &Transfer, id: u64, seconds: f64) -> Vec<u8> {
    let Transfer { bus, device, towards, report } = transfer;
    let (kind, endpoint) = match towards {
        Towards::Device => (b'S', 0x01),
        Towards::Platform => (b'C', IN | 0x01),
    };
    let length = u32::try_from(REPORT_SIZE).expect("64 fits");
    let (whole, micros) = (seconds.floor(), (seconds.fract() * 1e6).floor());
    let mut packet = Vec::with_capacity(LINUX_MMAPPED + REPORT_SIZE);
    packet.extend(id.to_le_bytes());
    packet.extend([kind, LINUX_INTERRUPT, endpoint, u8::try_from(*device).unwrap_or(u8::MAX)]);
    packet.extend(bus.to_le_bytes());
    // No set-up packet, and data that are here.
    packet.extend([b'-', 0]);
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit, and so do microseconds")]
    packet.extend([&(whole as i64).to_le_bytes()[..], &(micros as i32).to_le_bytes()].concat());
    packet.extend(0_i32.to_le_bytes());
    packet.extend([length.to_le_bytes(), length.to_le_bytes()].concat());
    packet.resize(LINUX_MMAPPED, 0);
    packet.extend(report);
    packet
}
