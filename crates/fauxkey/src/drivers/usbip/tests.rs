//! Clients that speak USB/IP byte by byte, to devices that run.
use super::*;
use crate::drivers::testing::{GET_INFO, Program, Wire, device, make_credential, profile};
use crate::runtime::DeviceHandle;
use std::io::{ErrorKind as Io, Read, Write};
use std::net::TcpStream;
use wire::ctap2::{GetInfoResponse, MakeCredentialResponse};
use wire::ctaphid::{MAX_MESSAGE_SIZE, REPORT_SIZE, Report};

/// A client at the other end.
struct Line {
    stream: TcpStream,
    seqnum: u32,
    device_id: u32,
}

impl Line {
    fn to(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream, seqnum: 0, device_id: 0 }
    }

    /// A client that has the device.
    fn importing(server: &Server, number: u32) -> Self {
        let mut line = Self::to(server);
        assert_eq!(line.import(&format!("1-{number}")), 0);
        line
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn receive<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn is_over(&mut self) -> bool {
        match self.stream.read(&mut [0; 1]) {
            Ok(len) => len == 0,
            Err(error) if error.kind() == Io::ConnectionReset => true,
            Err(error) => panic!("{error}"),
        }
    }

    /// The bus IDs of the devices that nobody has.
    fn list(&mut self) -> Vec<String> {
        self.send(&[0x01, 0x11, 0x80, 0x05, 0, 0, 0, 0]);
        let head = self.receive::<12>();
        assert_eq!(head[..8], [0x01, 0x11, 0x00, 0x05, 0, 0, 0, 0]);
        let record = |_| {
            let record = self.receive::<316>();
            String::from_utf8(record[256..288].into()).unwrap().trim_end_matches('\0').to_owned()
        };
        (0..head[11]).map(record).collect()
    }

    /// The status of an import.
    fn import(&mut self, bus_id: &str) -> u8 {
        let mut request = [&[0x01, 0x11, 0x80, 0x03, 0, 0, 0, 0], bus_id.as_bytes()].concat();
        request.resize(40, 0);
        self.send(&request);
        let head = self.receive::<8>();
        if head[7] == 0 {
            let record = self.receive::<312>();
            self.device_id = 1 << 16 | u32::from(record[295]);
        }
        head[7]
    }

    fn submit(&mut self, direction: u32, endpoint: u32, length: u32, setup: [u8; 8], data: &[u8]) -> u32 {
        self.seqnum += 1;
        let head = [1, self.seqnum, self.device_id, direction, endpoint, 0, length, 0, 0, 0];
        self.send(&[&head.map(u32::to_be_bytes).concat()[..], &setup, data].concat());
        self.seqnum
    }

    /// Number and status of what is answered next, and how many bytes went.
    fn returned(&mut self) -> (u32, i32, u32) {
        let head = self.receive::<48>();
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        (number(4), number(20).cast_signed(), number(24))
    }
}

impl Wire for Line {
    fn write(&mut self, report: &Report) {
        let seqnum = self.submit(0, 1, 64, [0; 8], report);
        assert_eq!(self.returned(), (seqnum, 0, 64));
    }

    fn read(&mut self) -> Report {
        let seqnum = self.submit(1, 1, 64, [0; 8], &[]);
        assert_eq!(self.returned(), (seqnum, 0, 64));
        self.receive::<REPORT_SIZE>()
    }
}

struct Rig {
    server: Server,
    devices: Vec<(DeviceHandle, Hid, Usbip)>,
}

impl Rig {
    fn with(devices: usize) -> Self {
        let server = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let export = |_| {
            let (handle, hid) = device();
            let exported = server.export(&hid, &profile().usb).unwrap();
            (handle, hid, exported)
        };
        let devices = (0..devices).map(export).collect();
        Self { server, devices }
    }

    fn power(&self, index: usize, on: bool) {
        let (handle, hid, _) = &self.devices[index];
        let switch = move |device: &mut emulator::VirtualAuthenticator, now| match on {
            true => device.power_on(now).unwrap(),
            false => device.power_off(now),
        };
        handle.call(switch).unwrap();
        handle.call(|_, _| ()).unwrap();
        hid.settle();
    }
}

#[test]
fn a_client_that_imports_the_device_reaches_it() {
    let rig = Rig::with(1);
    let (handle, _, exported) = &rig.devices[0];
    assert_eq!(exported.address(), format!("usbip:{}/1-1", rig.server.address));
    let mut program = Program::open(Line::importing(&rig.server, 1), 1);
    let info = GetInfoResponse::decode(&program.cbor(GET_INFO)).unwrap();
    assert_eq!(info.aaguid, profile().authenticator.aaguid);
    MakeCredentialResponse::decode(&program.cbor(&make_credential("example.test", "kim"))).unwrap();
    assert_eq!(handle.call(|device, _| device.passkey_count()).unwrap(), 1);
    program.ping(MAX_MESSAGE_SIZE);
}

#[test]
fn the_device_says_who_it_is_as_its_profile_has_it() {
    let rig = Rig::with(1);
    let mut line = Line::importing(&rig.server, 1);
    let seqnum = line.submit(1, 0, 18, [0x80, 6, 0, 1, 0, 0, 18, 0], &[]);
    assert_eq!(line.returned(), (seqnum, 0, 18));
    let descriptor = line.receive::<18>();
    let usb = profile().usb;
    let [major, minor, _] = usb.device_version;
    let expected = [usb.vendor_id.to_le_bytes(), usb.product_id.to_le_bytes(), [minor, major]].concat();
    assert_eq!(descriptor[8..14], expected);
}

#[test]
fn a_device_is_had_by_one_client_at_a_time_and_the_list_follows() {
    let rig = Rig::with(2);
    let mut onlooker = Line::to(&rig.server);
    assert_eq!(onlooker.list(), ["1-1", "1-2"]);
    let first = Line::importing(&rig.server, 1);
    assert_eq!(onlooker.list(), ["1-2"]);
    assert_eq!((onlooker.import("1-1"), onlooker.import("1-3"), onlooker.import("")), (2, 4, 4));
    let second = Program::open(Line::importing(&rig.server, 2), 2);
    assert_eq!(onlooker.list(), <[String; 0]>::default());
    let mut first = Program::open(first, 1);
    first.ping(100);
    drop(second);
    // The server notices when it gets to it.
    while onlooker.list().is_empty() {}
    first.ping(100);
    assert_eq!((onlooker.import("1-1"), onlooker.import("1-2")), (2, 0));
}

#[test]
fn several_devices_do_not_hear_each_other() {
    let rig = Rig::with(2);
    let mut first = Program::open(Line::importing(&rig.server, 1), 1);
    let mut second = Program::open(Line::importing(&rig.server, 2), 2);
    first.cbor(&make_credential("example.test", "kim"));
    second.ping(500);
    let count = |index: usize| rig.devices[index].0.call(|device, _| device.passkey_count()).unwrap();
    assert_eq!((count(0), count(1)), (1, 0));
}

#[test]
fn a_device_that_loses_its_power_is_unplugged_and_can_be_had_again_afterwards() {
    let rig = Rig::with(2);
    let mut other = Program::open(Line::importing(&rig.server, 2), 2);
    let mut line = Program::open(Line::importing(&rig.server, 1), 1).wire;
    line.submit(1, 1, 64, [0; 8], &[]);
    rig.power(0, false);
    assert!(line.is_over());
    let mut onlooker = Line::to(&rig.server);
    assert_eq!((onlooker.list(), onlooker.import("1-1")), (vec![], 4));
    other.ping(100);
    rig.power(0, true);
    assert_eq!(onlooker.list(), ["1-1"]);
    Program::open(Line::importing(&rig.server, 1), 3).ping(100);
}

#[test]
fn a_command_that_waits_for_its_user_is_gone_with_the_power() {
    let rig = Rig::with(1);
    let ask = emulator::UserPolicy { answer: emulator::Answer::Ask, delay: Duration::ZERO };
    rig.devices[0].0.call(move |device, now| device.set_user(now, ask)).unwrap();
    let mut program = Program::open(Line::importing(&rig.server, 1), 1);
    let message = make_credential("example.test", "kim");
    for report in wire::ctaphid::fragment(program.device.cid, wire::ctaphid::Command::CBOR, &message) {
        program.wire.write(&report);
    }
    while program.wire.read()[4..8] != [0xBB, 0, 1, 2] {}
    rig.power(0, false);
    assert!(program.wire.is_over());
    rig.power(0, true);
    assert!(rig.devices[0].0.call(|device, _| device.prompt().is_none()).unwrap());
    Program::open(Line::importing(&rig.server, 1), 2).ping(10);
}

#[test]
fn a_device_that_is_detached_is_gone_and_its_number_is_free() {
    let mut rig = Rig::with(2);
    let mut line = Line::importing(&rig.server, 1);
    let (handle, hid, exported) = rig.devices.remove(0);
    drop(exported);
    assert!(line.is_over());
    assert_eq!(Line::to(&rig.server).list(), ["1-2"]);
    let again = rig.server.export(&hid, &profile().usb).unwrap();
    assert!(again.address().ends_with("/1-1"));
    Program::open(Line::importing(&rig.server, 1), 1).ping(10);
    drop(handle);
}

#[test]
fn a_transfer_that_is_given_up_is_answered_and_the_next_one_gets_the_report() {
    let rig = Rig::with(1);
    let mut line = Line::importing(&rig.server, 1);
    let waiting = line.submit(1, 1, 64, [0; 8], &[]);
    line.seqnum += 1;
    let unlink = [2, line.seqnum, line.device_id, 0, 0, waiting, 0, 0, 0, 0, 0, 0];
    line.send(&unlink.map(u32::to_be_bytes).concat());
    assert_eq!(line.returned(), (line.seqnum, -104, 0));
    Program::open(line, 1).ping(10);
}

#[test]
fn empty_sessions_and_nonsense_end_and_others_do_not_notice() {
    let rig = Rig::with(1);
    let mut program = Program::open(Line::importing(&rig.server, 1), 1);
    for _ in 0..200 {
        drop(Line::to(&rig.server));
    }
    let page = b"POST / HTTP/1.1\r\nHost: 127.0.0.1:3240\r\n\r\n".as_slice();
    for nonsense in [page, &[0xFF; 100], &[0x01, 0x11, 0x80, 0x99]] {
        let mut line = Line::to(&rig.server);
        line.send(nonsense);
        assert!(line.is_over());
    }
    let half = Line::to(&rig.server);
    half.stream.shutdown(std::net::Shutdown::Write).unwrap();
    program.ping(1_000);
}

#[test]
fn a_client_that_reads_nothing_loses_its_connection_and_the_device_goes_on() {
    let rig = Rig::with(1);
    let mut deaf = Line::importing(&rig.server, 1);
    deaf.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let descriptor = [
        [1, 1, deaf.device_id, 1, 0, 0, 255, 0, 0, 0].map(u32::to_be_bytes).concat(),
        vec![0x80, 6, 0, 2, 0, 0, 255, 0],
    ]
    .concat();
    let many = descriptor.repeat(1_000);
    let ended = (0..10_000).any(|_| deaf.stream.write_all(&many).is_err());
    assert!(ended, "half a gigabyte of questions, and no answer read");
    let mut onlooker = Line::to(&rig.server);
    while onlooker.list().is_empty() {}
    Program::open(Line::importing(&rig.server, 1), 1).ping(10);
}

#[test]
fn a_server_that_is_dropped_hangs_up() {
    let Rig { server, devices } = Rig::with(1);
    let address = server.address;
    let mut line = Line::importing(&server, 1);
    drop(server);
    assert!(line.is_over());
    assert!(TcpStream::connect(address.socket()).is_err());
    drop(devices);
}

#[test]
fn a_port_that_is_taken_is_said_with_a_way_out() {
    let rig = Rig::with(0);
    let failure = Server::bind(rig.server.address).err().unwrap();
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert!(failure.message.contains("is taken") && failure.hint.unwrap().contains("--usbip"));
    let foreign = Server::bind("192.0.2.1:3240".parse().unwrap()).err().unwrap();
    assert_eq!(foreign.kind, FailureKind::Invalid);
}
