//! The driver over a socket that stands for the kernel: one packet is one event.
use super::*;
use crate::drivers::testing::{GET_INFO, Program, Wire, device, make_credential, profile};
use crate::runtime::DeviceHandle;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};
use wire::ctap2::{GetInfoResponse, MakeCredentialResponse};
use wire::ctaphid::{BROADCAST, Command, fragment};

/// The kernel.
struct Kernel {
    socket: OwnedFd,
    /// How long an output report is: 65 bytes over hidraw.
    size: u16,
}

impl Kernel {
    fn event(&self, kind: u32, parts: &[(usize, &[u8])]) {
        let mut bytes = vec![0; EVENT_SIZE];
        bytes[..4].copy_from_slice(&kind.to_ne_bytes());
        for (at, part) in parts {
            bytes[*at..][..part.len()].copy_from_slice(part);
        }
        assert_eq!(send(&self.socket, &bytes, SendFlags::NOSIGNAL), Ok(EVENT_SIZE));
    }

    /// The next event of the driver, by its type; `None` if the driver is gone.
    fn hear(&self) -> Option<(u32, Vec<u8>)> {
        let mut bytes = vec![0; EVENT_SIZE + 1];
        let (len, _) = recv(&self.socket, &mut bytes[..], RecvFlags::empty()).unwrap();
        if len == 0 {
            return None;
        }
        assert_eq!(len, EVENT_SIZE, "one write is one whole event");
        let (kind, rest) = bytes.split_first_chunk().unwrap();
        Some((u32::from_ne_bytes(*kind), rest[..EVENT_SIZE - 4].to_vec()))
    }

    #[track_caller]
    fn expect(&self, kind: u32) -> Vec<u8> {
        let (heard, rest) = self.hear().expect("the driver is there");
        assert_eq!(heard, kind);
        rest
    }
}

impl Wire for Kernel {
    fn write(&mut self, report: &Report) {
        let start = 4 + usize::from(self.size) - 64;
        self.event(6, &[(start, report), (4_100, &self.size.to_ne_bytes()), (4_102, &[1])]);
    }

    fn read(&mut self) -> Report {
        let input = self.expect(12);
        assert_eq!(input[..2], 64u16.to_ne_bytes());
        input[2..66].try_into().unwrap()
    }
}

fn plug() -> (DeviceHandle, Uhid, Kernel) {
    let (handle, hid) = device();
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    rustix::io::ioctl_fionbio(&theirs, false).unwrap();
    set_socket_timeout(&theirs, Timeout::Recv, Some(Duration::from_secs(10))).unwrap();
    let uhid = Uhid::over(ours, &hid, &profile().usb, "phone").unwrap();
    let kernel = Kernel { socket: theirs, size: 65 };
    assert_eq!(kernel.expect(11), event::create(&profile().usb, &uhid.unique)[4..]);
    (handle, uhid, kernel)
}

#[test]
fn programs_reach_the_device_with_and_without_report_numbers() {
    let (handle, _uhid, kernel) = plug();
    kernel.event(2, &[]);
    kernel.event(4, &[]);
    let mut program = Program::open(kernel, 1);
    let info = GetInfoResponse::decode(&program.cbor(GET_INFO)).unwrap();
    assert_eq!(info.aaguid, profile().authenticator.aaguid);
    program.wire.size = 64;
    let made = program.cbor(&make_credential("example.test", "kim"));
    MakeCredentialResponse::decode(&made).unwrap();
    program.ping(1_000);
    assert_eq!(handle.call(|device, _| device.passkey_count()).unwrap(), 1);
}

#[test]
fn control_transfers_of_reports_are_refused() {
    let (_handle, _uhid, kernel) = plug();
    for (request, reply) in [(9, 10), (13, 14)] {
        kernel.event(request, &[(4, &0xABCD_u32.to_ne_bytes())]);
        let answer = kernel.expect(reply);
        assert_eq!(answer[..6], [&0xABCD_u32.to_ne_bytes()[..], &5u16.to_ne_bytes()].concat());
    }
}

#[test]
fn a_device_without_power_is_unplugged_until_it_has_some() {
    let (handle, _uhid, kernel) = plug();
    handle.call(|device, now| device.power_off(now)).unwrap();
    kernel.expect(1);
    handle.call(|device, now| device.power_on(now).unwrap()).unwrap();
    kernel.expect(11);
    Program::open(kernel, 1).ping(100);
}

/// `UHID_STOP` and `UHID_START` come when another driver is bound to the device, or a machine that slept starts
/// it anew; `UHID_OPEN` and `UHID_CLOSE` when the first program opens it and the last one closes it.
#[test]
fn a_command_goes_on_while_drivers_and_programs_come_and_go() {
    let (handle, _uhid, kernel) = plug();
    let ask = emulator::UserPolicy { answer: emulator::Answer::Ask, delay: Duration::ZERO };
    handle.call(move |device, now| device.set_user(now, ask)).unwrap();
    let mut program = Program::open(kernel, 1);
    for report in fragment(program.device.cid, Command::CBOR, &make_credential("example.test", "kim")) {
        program.wire.write(&report);
    }
    // KEEPALIVE: it waits for its user.
    while program.wire.read()[4..8] != [0xBB, 0, 1, 2] {}
    for kind in [5, 3, 2, 4] {
        program.wire.event(kind, &[]);
    }
    let number = handle.call(|device, _| device.prompt().unwrap().number).unwrap();
    let verified = authenticator::Gesture::Verified;
    assert!(handle.call(move |device, now| device.answer(now, number, verified)).unwrap());
    let answer = std::iter::repeat_with(|| program.wire.read()).find(|report| report[4] != 0xBB).unwrap();
    assert_eq!((answer[4], answer[7]), (0x90, 0), "CBOR, and OK");
}

#[test]
fn a_device_that_is_pulled_out_while_it_waits_for_its_user_works_again_when_it_is_back() {
    let (handle, _uhid, kernel) = plug();
    let ask = emulator::UserPolicy { answer: emulator::Answer::Ask, delay: Duration::ZERO };
    handle.call(move |device, now| device.set_user(now, ask)).unwrap();
    let mut program = Program::open(kernel, 1);
    for report in fragment(program.device.cid, Command::CBOR, &make_credential("example.test", "kim")) {
        program.wire.write(&report);
    }
    while program.wire.read()[4..8] != [0xBB, 0, 1, 2] {}
    assert!(handle.call(|device, _| device.prompt().is_some()).unwrap());
    handle.call(|device, now| device.power_off(now)).unwrap();
    // Another KEEPALIVE may have been on its way.
    let (kind, _) =
        std::iter::repeat_with(|| program.wire.hear().unwrap()).find(|(kind, _)| *kind != 12).unwrap();
    assert_eq!(kind, 1, "the kernel's device goes");
    assert!(handle.call(|device, _| device.prompt().is_none()).unwrap(), "nobody is asked any more");
    // What was still on its way from the kernel goes nowhere.
    program.wire.write(&fragment(BROADCAST, Command::INIT, &[3; 8])[0]);
    handle.call(|device, now| device.power_on(now).unwrap()).unwrap();
    program.wire.expect(11);
    handle.call(|device, now| device.set_user(now, emulator::UserPolicy::default())).unwrap();
    let mut again = Program::open(program.wire, 2);
    MakeCredentialResponse::decode(&again.cbor(&make_credential("example.test", "kim"))).unwrap();
    assert_eq!(handle.call(|device, _| device.passkey_count()).unwrap(), 1);
}

#[test]
fn a_driver_that_is_dropped_unplugs_the_device() {
    let (_handle, uhid, kernel) = plug();
    assert_eq!(uhid.address(), format!("uhid:fauxkey-{}-phone", std::process::id()));
    drop(uhid);
    kernel.expect(1);
    assert_eq!(kernel.hear(), None);
}

#[test]
fn a_kernel_that_goes_away_ends_the_driver() {
    let (_handle, uhid, kernel) = plug();
    drop(kernel);
    drop(uhid);
}

#[test]
fn events_that_make_no_sense_are_passed_over() {
    let (_handle, _uhid, mut kernel) = plug();
    kernel.event(77, &[]);
    kernel.event(6, &[(4_100, &0xFFFF_u16.to_ne_bytes())]);
    kernel.event(6, &[(4_100, &3u16.to_ne_bytes())]);
    assert_eq!(send(&kernel.socket, &[6], SendFlags::NOSIGNAL), Ok(1));
    kernel.write(&fragment(BROADCAST, Command::INIT, &[9; 8])[0]);
    assert_eq!(kernel.read()[7..15], [9; 8]);
}

#[test]
fn what_keeps_the_door_shut_is_said_with_a_way_out() {
    for (errno, hint) in [
        (Errno::NOENT, Some("modprobe uhid")),
        (Errno::NODEV, Some("modprobe uhid")),
        (Errno::ACCESS, Some("KERNEL==\"uhid\"")),
        (Errno::PERM, Some("KERNEL==\"uhid\"")),
        (Errno::MFILE, None),
    ] {
        let failure = refused(errno);
        assert_eq!(failure.kind, FailureKind::Broken);
        assert!(failure.message.starts_with("cannot open /dev/uhid: "), "{failure}");
        assert_eq!(failure.hint.is_some(), hint.is_some());
        assert!(hint.is_none_or(|hint| failure.hint.unwrap().contains(hint)));
    }
}
