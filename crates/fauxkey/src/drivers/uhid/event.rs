//! The events of `/dev/uhid` as bytes: `struct uhid_event` of `linux/uhid.h`, packed, numbers in the machine's
//! own order. A read or write is one event, and this side always writes whole ones.
use crate::drivers::hid::{BUS_USB, device_name};
use emulator::profile::UsbIdentity;
use transport::ctaphid::REPORT_DESCRIPTOR;
use wire::ctaphid::{REPORT_SIZE, Report};

/// `sizeof(struct uhid_event)`: a type of 4 bytes and the largest of its unions' members.
pub(super) const EVENT_SIZE: usize = 4_380;

/// One event.
pub(super) type Bytes = [u8; EVENT_SIZE];

// `enum uhid_event_type`.
const DESTROY: u32 = 1;
const START: u32 = 2;
const STOP: u32 = 3;
const OPEN: u32 = 4;
const CLOSE: u32 = 5;
const OUTPUT: u32 = 6;
const GET_REPORT: u32 = 9;
const GET_REPORT_REPLY: u32 = 10;
const CREATE2: u32 = 11;
const INPUT2: u32 = 12;
const SET_REPORT: u32 = 13;
const SET_REPORT_REPLY: u32 = 14;

/// `EIO` of errno(3).
const EIO: u16 = 5;
/// Where the member of the union begins, behind the type.
const MEMBER: usize = 4;
/// Bytes in `uhid_output_req.data`; its size stands behind them.
const OUTPUT_DATA: usize = 4_096;

/// What the kernel says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// The HID device is there.
    Start,
    /// It is going.
    Stop,
    /// The first program has opened it.
    Open,
    /// The last program has closed it.
    Close,
    /// An output report as hidraw passes it on: with the report number 0 before it.
    Output(&'a [u8]),
    /// A program asks for a report by a control transfer.
    GetReport(RequestId),
    /// A program sends a report by a control transfer.
    SetReport(RequestId),
    /// Anything else, by its type: nothing that this device needs.
    Other(u32),
}

/// Ties a reply to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestId(u32);

/// Reads an event. `None` if it is too short for its type, or announces more data than there is room for.
pub(super) fn decode(bytes: &[u8]) -> Option<Event<'_>> {
    let number = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes);
    Some(match number(0)? {
        START => Event::Start,
        STOP => Event::Stop,
        OPEN => Event::Open,
        CLOSE => Event::Close,
        OUTPUT => {
            let size = bytes.get(MEMBER + OUTPUT_DATA..)?.first_chunk().copied().map(u16::from_ne_bytes)?;
            Event::Output(bytes.get(MEMBER..MEMBER + OUTPUT_DATA)?.get(..size.into())?)
        }
        GET_REPORT => Event::GetReport(RequestId(number(MEMBER)?)),
        SET_REPORT => Event::SetReport(RequestId(number(MEMBER)?)),
        other => Event::Other(other),
    })
}

/// `UHID_CREATE2`: a FIDO device on USB, as far as programs can see. `unique` tells it from others, where the
/// kernel has a serial number. Names are cut where the kernel has no more room.
pub(super) fn create(identity: &UsbIdentity, unique: &str) -> Bytes {
    let name = device_name(identity);
    let [major, minor, _build] = identity.device_version;
    let descriptor_size = u16::try_from(REPORT_DESCRIPTOR.len()).expect("34 fits u16");
    Draft::new(CREATE2)
        .text(&name, 128)
        .text("", 64) // phys
        .text(unique, 64)
        .bytes(&descriptor_size.to_ne_bytes())
        .bytes(&BUS_USB.to_ne_bytes())
        .bytes(&u32::from(identity.vendor_id).to_ne_bytes())
        .bytes(&u32::from(identity.product_id).to_ne_bytes())
        .bytes(&u32::from(u16::from_be_bytes([major, minor])).to_ne_bytes())
        .bytes(&0u32.to_ne_bytes()) // country
        .bytes(&REPORT_DESCRIPTOR)
        .done()
}

/// `UHID_DESTROY`: unplugs the device.
pub(super) fn destroy() -> Bytes {
    Draft::new(DESTROY).done()
}

/// `UHID_INPUT2`: an input report, without a number.
pub(super) fn input(report: &Report) -> Bytes {
    let size = u16::try_from(REPORT_SIZE).expect("64 fits u16");
    Draft::new(INPUT2).bytes(&size.to_ne_bytes()).bytes(report).done()
}

/// `UHID_GET_REPORT_REPLY` that refuses: FIDO devices have no feature reports.
pub(super) fn refuse_get_report(request: RequestId) -> Bytes {
    Draft::new(GET_REPORT_REPLY).bytes(&request.0.to_ne_bytes()).bytes(&EIO.to_ne_bytes()).done()
}

/// `UHID_SET_REPORT_REPLY` that refuses.
pub(super) fn refuse_set_report(request: RequestId) -> Bytes {
    Draft::new(SET_REPORT_REPLY).bytes(&request.0.to_ne_bytes()).bytes(&EIO.to_ne_bytes()).done()
}

/// An event that is being written, from its beginning.
struct Draft {
    bytes: Bytes,
    len: usize,
}

impl Draft {
    fn new(kind: u32) -> Self {
        Self { bytes: [0; EVENT_SIZE], len: 0 }.bytes(&kind.to_ne_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        self
    }

    /// A zero-terminated text in a field of `room` bytes.
    fn text(mut self, text: &str, room: usize) -> Self {
        let end = text.floor_char_boundary(room - 1);
        self.bytes[self.len..][..end].copy_from_slice(&text.as_bytes()[..end]);
        self.len += room;
        self
    }

    fn done(self) -> Bytes {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn identity() -> UsbIdentity {
        UsbIdentity {
            vendor_id: 0x1209,
            product_id: 0xF1D0,
            manufacturer: "fauxkey".into(),
            product: "security key".into(),
            device_version: [1, 2, 3],
        }
    }

    /// An event, made as the kernel makes it: little-endian, as on every machine that this is tested on.
    fn event(parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; EVENT_SIZE];
        for (at, part) in parts {
            bytes[*at..][..part.len()].copy_from_slice(part);
        }
        bytes
    }

    /// Offsets as a C compiler gives them for `linux/uhid.h`.
    #[test]
    fn create2_has_each_member_where_the_kernel_looks_for_it() {
        let expected = event(&[
            (0, &[11, 0, 0, 0]),
            (4, b"fauxkey security key\0"),
            (196, b"fauxkey-7-phone\0"),
            (260, &[34, 0]),
            (262, &[3, 0]),
            (264, &[0x09, 0x12, 0, 0]),
            (268, &[0xD0, 0xF1, 0, 0]),
            (272, &[0x02, 0x01, 0, 0]),
            (280, &REPORT_DESCRIPTOR),
        ]);
        assert_eq!(create(&identity(), "fauxkey-7-phone").as_slice(), expected);
        let anonymous = UsbIdentity { manufacturer: String::new(), ..identity() };
        assert_eq!(&create(&anonymous, "")[4..17], b"security key\0");
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_between_characters_and_ends_in_zero() {
        let product = format!("{}é", "x".repeat(118));
        let long = UsbIdentity { product, ..identity() };
        let event = create(&long, &"é".repeat(40));
        assert_eq!(event[4..12], *b"fauxkey ");
        assert_eq!(event[12..132], [[b'x'; 118].as_slice(), &[0, 0]].concat());
        assert_eq!(event[196..260], ["é".repeat(31).as_bytes(), &[0, 0]].concat());
    }

    #[test]
    fn the_other_events_to_the_kernel_are_byte_exact() {
        let report: Report = std::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(input(&report).as_slice(), event(&[(0, &[12, 0, 0, 0, 64, 0]), (6, &report)]));
        assert_eq!(destroy().as_slice(), event(&[(0, &[1])]));
        let request = RequestId(0x0102_0304);
        let reply = |kind| event(&[(0, &[kind, 0, 0, 0, 4, 3, 2, 1, 5, 0])]);
        assert_eq!(refuse_get_report(request).as_slice(), reply(10));
        assert_eq!(refuse_set_report(request).as_slice(), reply(14));
    }

    #[test]
    fn events_from_the_kernel_are_read() {
        for (kind, expected) in [
            (2, Event::Start),
            (3, Event::Stop),
            (4, Event::Open),
            (5, Event::Close),
            (9, Event::GetReport(RequestId(0x0102_0304))),
            (13, Event::SetReport(RequestId(0x0102_0304))),
            (8, Event::Other(8)),
            (0xFF, Event::Other(0xFF)),
        ] {
            assert_eq!(decode(&event(&[(0, &[kind, 0, 0, 0, 4, 3, 2, 1])])), Some(expected));
        }
    }

    #[test]
    fn an_output_report_is_as_long_as_it_says() {
        let data: Vec<u8> = (0..=64).collect();
        for size in [64u8, 65, 0] {
            let bytes = event(&[(0, &[6]), (4, &data), (4100, &[size, 0, 1])]);
            assert_eq!(decode(&bytes), Some(Event::Output(&data[..size.into()])));
        }
        let whole = event(&[(0, &[6]), (4100, &[0x00, 0x10])]);
        assert_eq!(decode(&whole), Some(Event::Output(&[0; 4096])));
        let beyond = event(&[(0, &[6]), (4100, &[0x01, 0x10])]);
        assert_eq!(decode(&beyond), None);
    }

    #[test]
    fn an_event_that_is_cut_short_is_none() {
        let bytes = event(&[(0, &[6]), (4100, &[64, 0])]);
        for len in (0..4).chain([4, 68, 4100, 4101]) {
            assert_eq!(decode(&bytes[..len]), None, "{len}");
        }
        assert_eq!(decode(&[9, 0, 0, 0, 1, 1, 1]), None);
        assert_eq!(decode(&[2, 0, 0, 0]), Some(Event::Start));
    }

    proptest! {
        #[test]
        fn no_bytes_can_make_it_panic(kind in 0u8..16, bytes in prop::collection::vec(any::<u8>(), 0..EVENT_SIZE)) {
            decode(&bytes);
            decode(&[&[kind, 0, 0, 0], bytes.as_slice()].concat());
        }
    }
}
