//! The device as a host's enumeration sees it.
use super::*;
use crate::ctaphid::REPORT_DESCRIPTOR;
use alloc::string::String;
use alloc::vec;
use proptest::prelude::*;

fn identity() -> Identity {
    Identity {
        vendor_id: 0x1209,
        product_id: 0xF1D0,
        device_version: 0x0102,
        manufacturer: "fauxkey".into(),
        product: "clé".into(),
        serial: String::new(),
    }
}

fn device() -> Device {
    Device::new(identity())
}

fn setup(request_type: u8, request: u8, value: u16, index: u16, length: u16) -> Setup {
    Setup { request_type, request, value, index, length }
}

fn descriptor(kind: u8, index: u8) -> Result<Vec<u8>, Stall> {
    device().control_in(setup(0x80, 6, u16::from_be_bytes([kind, index]), 0, 0xFFFF))
}

#[test]
fn setup_packets_are_little_endian_and_go_out_when_they_have_no_data() {
    let read = Setup::decode(&[0x80, 6, 0x00, 0x01, 0x09, 0x04, 0x12, 0x00]);
    assert_eq!(read, setup(0x80, 6, 0x0100, 0x0409, 18));
    assert_eq!(read.direction(), Direction::In);
    assert_eq!(Setup { length: 0, ..read }.direction(), Direction::Out);
    assert_eq!(Setup { request_type: 0x21, ..read }.direction(), Direction::Out);
}

/// Byte for byte by USB 2.0 table 9-8.
#[test]
fn the_device_descriptor_names_vendor_product_version_and_the_strings_that_there_are() {
    let expected = [18, 1, 0, 2, 0, 0, 0, 64, 0x09, 0x12, 0xD0, 0xF1, 0x02, 0x01, 1, 2, 0, 1];
    assert_eq!(descriptor(1, 0).unwrap(), expected);
    assert_eq!(descriptor(1, 1), Err(Stall));
    let named = Device::new(Identity { serial: "7".into(), manufacturer: String::new(), ..identity() });
    assert_eq!(named.control_in(setup(0x80, 6, 0x0100, 0, 18)).unwrap()[14..17], [0, 2, 3]);
}

/// Byte for byte by USB 2.0 tables 9-10, 9-12 and 9-13, HID 1.11 §6.2.1 and CTAP 2.1 §11.2.8.1.
#[test]
fn the_configuration_has_one_hid_interface_with_two_interrupt_endpoints_of_64_bytes() {
    let expected = [
        &[9, 2, 41, 0, 1, 1, 0, 0x80, 50][..],
        &[9, 4, 0, 0, 2, 3, 0, 0, 0],
        &[9, 0x21, 0x11, 0x01, 0, 1, 0x22, 34, 0],
        &[7, 5, 0x81, 3, 64, 0, 5],
        &[7, 5, 0x01, 3, 64, 0, 5],
    ]
    .concat();
    assert_eq!(descriptor(2, 0).unwrap(), expected);
    assert_eq!(descriptor(2, 1), Err(Stall));
    assert_eq!(descriptor(6, 0), Err(Stall), "no device qualifier at full speed");
}

#[test]
fn the_interface_has_the_report_descriptor_of_fido_and_nothing_else() {
    let of_interface = |value, index| device().control_in(setup(0x81, 6, value, index, 255));
    assert_eq!(of_interface(0x2200, 0).unwrap(), REPORT_DESCRIPTOR);
    assert_eq!(of_interface(0x2100, 0).unwrap(), [9, 0x21, 0x11, 0x01, 0, 1, 0x22, 34, 0]);
    assert_eq!(of_interface(0x2300, 0), Err(Stall), "no physical descriptor");
    assert_eq!(of_interface(0x2200, 1), Err(Stall), "no second interface");
}

#[test]
fn strings_are_utf_16_and_fit_their_length_byte() {
    assert_eq!(descriptor(3, 0).unwrap(), [4, 3, 0x09, 0x04]);
    assert_eq!(descriptor(3, 2).unwrap(), [8, 3, b'c', 0, b'l', 0, 0xE9, 0]);
    assert_eq!(descriptor(3, 3), Err(Stall), "there is no serial number");
    assert_eq!(descriptor(3, 4), Err(Stall));
    // 125 units and a character of two: cut before it.
    let product = ["x"; 125].concat() + "\u{1F511}y";
    let long = Device::new(Identity { product, ..identity() });
    let string = long.control_in(setup(0x80, 6, 0x0302, 0x0409, 255)).unwrap();
    assert_eq!((string.len(), string[0]), (252, 252));
}

#[test]
fn a_host_gets_no_more_than_it_asked_for() {
    let first = device().control_in(setup(0x80, 6, 0x0100, 0, 8)).unwrap();
    assert_eq!(first, [18, 1, 0, 2, 0, 0, 0, 64]);
}

#[test]
fn configuration_and_halts_decide_whether_the_endpoints_work() {
    let mut device = device();
    let accepts =
        |device: &Device| [Direction::In, Direction::Out].map(|direction| device.accepts(direction));
    let configuration = |device: &Device| device.control_in(setup(0x80, 8, 0, 0, 1)).unwrap();
    let halt = |endpoint| setup(0x02, 3, 0, endpoint, 0);
    let status = |device: &Device, endpoint| device.control_in(setup(0x82, 0, 0, endpoint, 2));

    assert_eq!((configuration(&device), accepts(&device)), (vec![1], [true, true]));
    device.control_out(halt(0x81), &[]).unwrap();
    assert_eq!((status(&device, 0x81), accepts(&device)), (Ok(vec![1, 0]), [false, true]));
    device.control_out(halt(0x01), &[]).unwrap();
    assert_eq!((status(&device, 0x01), accepts(&device)), (Ok(vec![1, 0]), [false, false]));
    device.control_out(setup(0x02, 1, 0, 0x81, 0), &[]).unwrap();
    assert_eq!(accepts(&device), [true, false]);
    device.control_out(setup(0x00, 9, 1, 0, 0), &[]).unwrap();
    assert_eq!(accepts(&device), [true, true], "a configuration that is set clears every halt");
    device.control_out(setup(0x00, 9, 0, 0, 0), &[]).unwrap();
    assert_eq!((configuration(&device), accepts(&device)), (vec![0], [false, false]));
    assert_eq!(device.control_out(setup(0x01, 11, 0, 0, 0), &[]), Err(Stall), "nothing is configured");
    device.control_out(setup(0x00, 9, 1, 0, 0), &[]).unwrap();
    device.control_out(halt(0x01), &[]).unwrap();
    device.control_out(setup(0x01, 11, 0, 0, 0), &[]).unwrap();
    assert_eq!(accepts(&device), [true, true]);
    assert_eq!(status(&device, 0), Ok(vec![0, 0]));
    assert_eq!(status(&device, 2), Err(Stall));
    assert_eq!(device.control_out(halt(2), &[]), Err(Stall));
    assert_eq!(device.control_out(halt(0), &[]), Err(Stall));
}

#[test]
fn hid_s_settings_are_remembered() {
    let mut device = device();
    let read = |device: &Device, request| device.control_in(setup(0xA1, request, 0, 0, 1)).unwrap();
    assert_eq!((read(&device, 2), read(&device, 3)), (vec![0], vec![1]));
    device.control_out(setup(0x21, 10, 0x7D00, 0, 0), &[]).unwrap();
    device.control_out(setup(0x21, 11, 0, 0, 0), &[]).unwrap();
    assert_eq!((read(&device, 2), read(&device, 3)), (vec![0x7D], vec![0]));
}

#[test]
fn everything_else_is_stalled() {
    let mut device = device();
    for (request_type, request, value, index) in [
        (0xA1, 1, 0x0100, 0), // GET_REPORT
        (0xA1, 2, 0, 1),      // GET_IDLE of another interface
        (0x80, 7, 0x0100, 0), // SET_DESCRIPTOR, read
        (0xC0, 6, 0x0100, 0), // a vendor's request
        (0x81, 12, 0, 0),     // SYNCH_FRAME
        (0x81, 10, 0, 1),     // GET_INTERFACE of another interface
        (0x81, 0, 0, 1),      // GET_STATUS of another interface
    ] {
        assert_eq!(device.control_in(setup(request_type, request, value, index, 64)), Err(Stall));
    }
    for (request_type, request, value, index) in [
        (0x21, 9, 0x0200, 0), // SET_REPORT
        (0x21, 10, 1, 0),     // SET_IDLE of a numbered report
        (0x21, 11, 2, 0),     // SET_PROTOCOL of no protocol
        (0x00, 9, 2, 0),      // SET_CONFIGURATION of another one
        (0x00, 3, 1, 0),      // SET_FEATURE DEVICE_REMOTE_WAKEUP
        (0x02, 3, 1, 0x81),   // SET_FEATURE of another feature
        (0x01, 11, 1, 0),     // SET_INTERFACE of another setting
        (0x00, 7, 0x0100, 0), // SET_DESCRIPTOR
        (0x40, 9, 1, 0),      // a vendor's request
    ] {
        assert_eq!(device.control_out(setup(request_type, request, value, index, 0), &[]), Err(Stall));
    }
    assert!(device.accepts(Direction::In) && device.accepts(Direction::Out));
}

proptest! {
    #[test]
    fn no_request_makes_it_panic_or_say_too_much(requests in prop::collection::vec(any::<[u8; 8]>(), 0..200)) {
        let mut device = device();
        for setup in requests.iter().map(Setup::decode) {
            if let Ok(data) = device.control_in(setup) {
                prop_assert!(data.len() <= setup.length.into());
            }
            let _known = device.control_out(setup, &[0; 7]);
        }
    }
}
