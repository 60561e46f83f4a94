//! Programs at both kinds of socket.
use super::*;
use crate::drivers::testing::{GET_INFO, Program, Wire, device, make_credential, profile};
use crate::runtime::DeviceHandle;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, connect, recv, send, socket,
};
use std::fs;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use wire::ctap2::{GetInfoResponse, MakeCredentialResponse};
use wire::ctaphid::{BROADCAST, Command, MAX_MESSAGE_SIZE, REPORT_SIZE, Report, fragment};

/// The other end of a socket.
struct Line {
    socket: OwnedFd,
    /// What a report gets before it on its way out.
    number: &'static [u8],
}

impl Line {
    fn to(address: &str) -> Self {
        let socket = match address.split_once(':').unwrap() {
            ("unix", path) => {
                let socket = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
                connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
                socket
            }
            (_, address) => TcpStream::connect(address).unwrap().into(),
        };
        set_socket_timeout(&socket, Timeout::Recv, Some(Duration::from_secs(10))).unwrap();
        Self { socket, number: &[] }
    }

    fn send(&self, bytes: &[u8]) {
        assert_eq!(send(&self.socket, bytes, SendFlags::NOSIGNAL), Ok(bytes.len()));
    }

    /// A report, or `None` if the connection is over.
    fn receive(&self) -> Option<Report> {
        let (mut report, mut len) = ([0; REPORT_SIZE], 0);
        while len < REPORT_SIZE {
            match recv(&self.socket, &mut report[len..], RecvFlags::empty()) {
                Ok((0, _)) | Err(Errno::CONNRESET) => return None,
                Ok((more, _)) => len += more,
                Err(errno) => panic!("{errno}"),
            }
        }
        Some(report)
    }
}

impl Wire for Line {
    fn write(&mut self, report: &Report) {
        self.send(&[self.number, report].concat());
    }

    fn read(&mut self) -> Report {
        self.receive().expect("a report")
    }
}

struct Rig {
    folder: tempfile::TempDir,
    handle: DeviceHandle,
    hid: Hid,
}

impl Rig {
    fn new() -> Self {
        let (handle, hid) = device();
        Self { folder: tempfile::tempdir().unwrap(), handle, hid }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("run/phone.sock")
    }

    fn unix(&self) -> Result<Socket, Failure> {
        Socket::bind(&self.hid, &SocketAddress::Unix(self.path()))
    }

    /// A socket of each kind.
    fn both(&self) -> [Socket; 2] {
        [self.unix().unwrap(), Socket::bind(&self.hid, &"tcp:127.0.0.1:0".parse().unwrap()).unwrap()]
    }

    fn power(&self, on: bool) {
        let switched = self.handle.call(move |device, now| {
            if on {
                device.power_on(now).unwrap();
            } else {
                device.power_off(now);
            }
        });
        switched.unwrap();
        // What happened in one job is told before the next.
        self.handle.call(|_, _| ()).unwrap();
    }
}

fn init(nonce: u8) -> Report {
    fragment(BROADCAST, Command::INIT, &[nonce; 8])[0]
}

#[test]
fn a_program_opens_a_channel_asks_for_info_and_makes_a_passkey() {
    let rig = Rig::new();
    for socket in rig.both() {
        let mut program = Program::open(Line::to(&socket.address()), 1);
        assert_eq!(program.device.version, profile().usb.device_version);
        assert_eq!(program.device.capabilities, 0x0D, "WINK, CBOR and NMSG");
        let info = GetInfoResponse::decode(&program.cbor(GET_INFO)).unwrap();
        assert_eq!(info.aaguid, profile().authenticator.aaguid);
        let made = program.cbor(&make_credential("example.test", &socket.address()));
        assert_eq!(MakeCredentialResponse::decode(&made).unwrap().fmt, "none");
        program.ping(MAX_MESSAGE_SIZE);
    }
    assert_eq!(rig.handle.call(|device, _| device.passkey_count()).unwrap(), 2);
}

#[test]
fn a_packet_may_have_the_report_number_before_it() {
    let rig = Rig::new();
    let socket = rig.unix().unwrap();
    let mut line = Line::to(&socket.address());
    line.number = &[0];
    Program::open(line, 1).ping(1_000);
}

#[test]
fn packets_of_other_lengths_are_ignored() {
    let rig = Rig::new();
    let socket = rig.unix().unwrap();
    let line = Line::to(&socket.address());
    for len in [1, 63, 66, 67, 1_000] {
        line.send(&vec![0xFF; len]);
    }
    line.send(&[&[1], init(9).as_slice()].concat());
    Program::open(line, 1).ping(100);
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let rig = Rig::new();
    let [_, tcp] = rig.both();
    let line = Line::to(&tcp.address());
    let stream = [init(1), init(2), init(3)].concat();
    for piece in stream.chunks(7) {
        line.send(piece);
        thread::sleep(Duration::from_millis(1));
    }
    for nonce in 1..=3 {
        assert_eq!(line.receive().unwrap()[7..15], [nonce; 8]);
    }
}

#[test]
fn every_connection_hears_every_report_whoever_asked_and_over_whatever_it_came() {
    let rig = Rig::new();
    let sockets = rig.both();
    let lines: Vec<Line> = sockets.iter().chain(&sockets).map(|socket| Line::to(&socket.address())).collect();
    // A connection counts from when it is accepted; an answer says that it was.
    for (asker, nonce) in lines.iter().zip(10..) {
        asker.send(&init(nonce));
        while asker.receive().unwrap()[7..15] != [nonce; 8] {}
    }
    for (asker, nonce) in lines.iter().zip(1..) {
        asker.send(&init(nonce));
        for line in &lines {
            while line.receive().unwrap()[7..15] != [nonce; 8] {}
        }
    }
}

#[test]
fn a_program_that_does_not_read_loses_its_connection_and_holds_up_nobody() {
    let rig = Rig::new();
    for socket in rig.both() {
        let sleeper = Line::to(&socket.address());
        sleeper.send(&init(1));
        let mut program = Program::open(Line::to(&socket.address()), 2);
        // More than the sleeper's queue and everything that the kernel may buffer for it.
        for _ in 0..60 {
            program.ping(MAX_MESSAGE_SIZE);
        }
        let read = std::iter::from_fn(|| sleeper.receive()).count();
        assert!(read < 60 * 129, "{read} reports");
        program.ping(1);
    }
}

#[test]
fn a_device_without_power_is_not_there() {
    let rig = Rig::new();
    for socket in rig.both() {
        let program = Program::open(Line::to(&socket.address()), 1);
        rig.power(false);
        assert_eq!(program.wire.receive(), None);
        let line = Line::to(&socket.address());
        // It may be over before the first word.
        let _closed = send(&line.socket, &init(1), SendFlags::NOSIGNAL);
        assert_eq!(line.receive(), None);
        rig.power(true);
        Program::open(Line::to(&socket.address()), 2).ping(100);
    }
    rig.power(false);
    let [socket, _] = rig.both();
    assert_eq!(Line::to(&socket.address()).receive(), None, "nor was it when the socket was made");
}

#[test]
fn a_socket_file_is_its_owners_alone_and_goes_with_the_device() {
    let rig = Rig::new();
    let socket = rig.unix().unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o777;
    let path = rig.path();
    assert_eq!(socket.address(), format!("unix:{}", path.display()));
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let line = Line::to(&socket.address());
    drop(socket);
    assert!(!path.exists());
    assert_eq!(line.receive(), None);
}

#[test]
fn a_socket_file_that_is_somebody_elses_by_now_stays() {
    let rig = Rig::new();
    let socket = rig.unix().unwrap();
    fs::remove_file(rig.path()).unwrap();
    let other = rig.unix().unwrap();
    drop(socket);
    Program::open(Line::to(&other.address()), 1).ping(1);
}

#[test]
fn a_stale_socket_file_is_replaced_and_a_live_one_is_not() {
    let rig = Rig::new();
    fs::create_dir(rig.path().parent().unwrap()).unwrap();
    // Closing a listener leaves its file.
    drop(std::os::unix::net::UnixListener::bind(rig.path()).unwrap());
    assert!(rig.path().exists());
    let socket = rig.unix().unwrap();
    assert_eq!(fs::metadata(rig.path()).unwrap().mode() & 0o777, 0o600);
    let refused = rig.unix().err().unwrap();
    assert_eq!(refused.kind, FailureKind::Conflict);
    assert!(refused.message.ends_with("phone.sock: another program listens there"), "{refused}");
    assert!(refused.hint.is_some());
    Program::open(Line::to(&socket.address()), 1).ping(1);
    drop(socket);

    // A live one of another type.
    let listener = std::os::unix::net::UnixListener::bind(rig.path()).unwrap();
    assert_eq!(rig.unix().err().unwrap().kind, FailureKind::Conflict);
    drop(listener);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let rig = Rig::new();
    fs::create_dir(rig.path().parent().unwrap()).unwrap();
    fs::write(rig.path(), "precious").unwrap();
    let refused = rig.unix().err().unwrap();
    assert_eq!(refused.kind, FailureKind::Conflict);
    assert!(refused.message.ends_with("there is a file already, and it is no socket"), "{refused}");
    assert_eq!(fs::read_to_string(rig.path()).unwrap(), "precious");
}

#[test]
fn a_port_that_is_taken_is_refused() {
    let rig = Rig::new();
    let [_, tcp] = rig.both();
    let refused = Socket::bind(&rig.hid, &tcp.address().parse().unwrap()).err().unwrap();
    assert_eq!(refused.kind, FailureKind::Conflict);
    assert!(refused.message.ends_with("is taken"), "{refused}");
}

#[test]
fn a_web_page_that_sends_reports_is_hung_up_on() {
    let rig = Rig::new();
    let [_, tcp] = rig.both();
    let request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 64\r\nX: yyyyyyyyyy\r\n\r\n";
    let padding = vec![b' '; request.len().next_multiple_of(REPORT_SIZE) - request.len()];
    let line = Line::to(&tcp.address());
    line.send(&[request.as_slice(), &padding, &init(1)].concat());
    assert_eq!(line.receive(), None);
    // One byte at a time.
    let line = Line::to(&tcp.address());
    for byte in b"GET" {
        line.send(&[*byte]);
        thread::sleep(Duration::from_millis(1));
    }
    line.send(b" ");
    assert_eq!(line.receive(), None);
}

#[test]
fn connections_beyond_the_limit_end_at_once_and_leave_room_again() {
    let rig = Rig::new();
    let socket = rig.unix().unwrap();
    let mut lines: Vec<Line> = (0..CONNECTIONS).map(|_| Line::to(&socket.address())).collect();
    // Connections are accepted in order.
    assert_eq!(Line::to(&socket.address()).receive(), None);
    lines.pop();
    let mut program = loop {
        // The one that ended may not have been noticed yet.
        let line = Line::to(&socket.address());
        let sent = send(&line.socket, &init(1), SendFlags::NOSIGNAL).is_ok();
        if sent && line.receive().is_some() {
            break Program::open(line, 2);
        }
    };
    program.ping(1);
}

#[test]
fn a_flood_from_one_program_is_slowed_down_and_leaves_the_others_their_turn() {
    let rig = Rig::new();
    let socket = rig.unix().unwrap();
    let flooder = Line::to(&socket.address());
    let flood = thread::spawn(move || {
        // Reports that nobody answers: continuation packets of no message.
        let stray = [0; REPORT_SIZE];
        for _ in 0..50_000 {
            flooder.send(&stray);
        }
    });
    let mut program = Program::open(Line::to(&socket.address()), 1);
    for _ in 0..20 {
        program.ping(1_000);
    }
    flood.join().unwrap();
    program.ping(1);
}
