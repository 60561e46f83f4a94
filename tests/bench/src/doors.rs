//! Round trips through every door of a running process, each beside the same message in memory: what a door
//! costs. `/dev/uhid` and other kernels' doors are measured where they are, not here.
use crate::measure::{Clock, Paired, Subject, paired};
use crate::requests;
use anyhow::{Context, bail};
use authenticator::Link as Kind;
use authenticator::store::MemoryStore;
use client::ctaphid::{Event, Host};
use emulator::{DeviceProfile, FastSigner, Port, VirtualAuthenticator};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, connect, recv, send, socket,
};
use std::collections::VecDeque;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant as WallClock};
use transport::ctaphid::{Config, Device};
use wire::ctap2::MakeCredentialResponse;
use wire::ctaphid::{MAX_MESSAGE_SIZE, REPORT_SIZE, Report};
use wire::time::Instant;
use wire::webauthn::AuthenticatorData;

const PROFILE: &str = "security-key";
/// A PING of one report, and one of eighteen.
const PINGS: [usize; 2] = [57, 1_000];
const PATIENCE: Duration = Duration::from_secs(20);

/// Prints a row for each door and message.
pub(crate) fn print(binary: &Path, rounds: usize) -> anyhow::Result<()> {
    println!("round trips through a process's doors, time on the wall, beside the same message in memory");
    let folder = tempfile::tempdir()?;
    let unix = format!("unix:{}", folder.path().join("bench.sock").display());
    let processes = [
        Process::start(binary, folder.path(), &unix)?,
        Process::start(binary, folder.path(), "tcp:127.0.0.1:0")?,
    ];
    let mut memory = Platform::open(Box::new(Memory::new()?))?;
    let mut measure = |name: &str, wire: Box<dyn Wire>| -> anyhow::Result<()> {
        let mut door = Platform::open(wire)?;
        for len in PINGS {
            let payload = vec![7; len];
            let pair = paired(
                Clock::Wall,
                rounds,
                Subject { batch: 100, work: &mut || door.ping(&payload) },
                Subject { batch: 100, work: &mut || memory.ping(&payload) },
            );
            row(name, &format!("PING of {len} bytes"), &pair);
        }
        let pair = paired(
            Clock::Wall,
            rounds,
            Subject { batch: 50, work: &mut || door.get_assertion() },
            Subject { batch: 50, work: &mut || memory.get_assertion() },
        );
        row(name, "getAssertion", &pair);
        Ok(())
    };
    for process in &processes {
        for address in &process.addresses {
            let (door, place) = address.split_once(':').context("an address has a scheme")?;
            measure(door, wire_to(door, place)?)?;
        }
    }
    card(binary, folder.path(), rounds, &mut memory)
}

/// A card has no PING; selecting comes nearest.
fn card(binary: &Path, folder: &Path, rounds: usize, memory: &mut Platform) -> anyhow::Result<()> {
    let mut card = Card::inserted(binary, folder)?;
    let pair = paired(
        Clock::Wall,
        rounds,
        Subject { batch: 100, work: &mut || card.select() },
        Subject { batch: 100, work: &mut || memory.ping(&[7; PINGS[0]]) },
    );
    row("pcsc", "SELECT, for PING", &pair);
    let pair = paired(
        Clock::Wall,
        rounds,
        Subject { batch: 50, work: &mut || card.get_assertion() },
        Subject { batch: 50, work: &mut || memory.get_assertion() },
    );
    row("pcsc", "getAssertion", &pair);
    Ok(())
}

fn row(door: &str, message: &str, pair: &Paired) {
    println!(
        "{door:<6} {message:<20} {:>8.1} us   in memory {:>8.1} us   ratio {:.1}",
        pair.first, pair.second, pair.ratio
    );
}

/// A running fauxkey, killed when dropped.
struct Process {
    child: Child,
    addresses: Vec<String>,
}

impl Process {
    fn start(binary: &Path, folder: &Path, socket: &str) -> anyhow::Result<Self> {
        // USB/IP once is enough.
        let doors = if socket.starts_with("unix") { "socket,usbip" } else { "socket" };
        Self::with(
            binary,
            folder,
            &["--profile", PROFILE, "--attach", doors, "--socket", socket, "--usbip", "127.0.0.1:0"],
        )
    }

    fn with(binary: &Path, folder: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let ready = folder.join("ready.json");
        let _none = fs::remove_file(&ready);
        let child = Command::new(binary)
            .args(["run", "--ephemeral"])
            .args(flags)
            .args(["--exit-with-parent", "--ready-file"])
            .arg(&ready)
            .env("FAUXKEY_HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| {
                format!("cannot start {}: build it with `cargo build --release`", binary.display())
            })?;
        let mut process = Self { child, addresses: Vec::new() };
        let begun = WallClock::now();
        while begun.elapsed() < PATIENCE {
            if let Ok(text) = fs::read_to_string(&ready) {
                let ready: serde_json::Value = serde_json::from_str(&text)?;
                let attached = ready["devices"][0]["attached"].as_array().context("attached is a list")?;
                process.addresses =
                    attached.iter().filter_map(|address| Some(address.as_str()?.into())).collect();
                return Ok(process);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the process was not ready within {PATIENCE:?}")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What carries reports.
trait Wire {
    fn write(&mut self, report: &Report) -> anyhow::Result<()>;
    fn read(&mut self) -> anyhow::Result<Report>;
}

fn wire_to(door: &str, place: &str) -> anyhow::Result<Box<dyn Wire>> {
    Ok(match door {
        "unix" => {
            let socket = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None)?;
            connect(&socket, &SocketAddrUnix::new(place)?)?;
            Box::new(Packets(socket))
        }
        "tcp" => Box::new(Stream(stream(place)?)),
        "usbip" => {
            let (server, bus_id) = place.split_once('/').context("a bus ID follows the server")?;
            Box::new(Usbip::import(stream(server)?, bus_id)?)
        }
        other => bail!("no way through the door {other}"),
    })
}

fn stream(address: &str) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// A device in this process, behind the same link.
struct Memory {
    device: VirtualAuthenticator,
    port: Port,
}

impl Memory {
    fn new() -> anyhow::Result<Self> {
        let profile = DeviceProfile::named(PROFILE).context("it is built in")?;
        let config = Config {
            version: profile.usb.device_version,
            wink: true,
            cbor: true,
            msg: false,
            max_message_size: MAX_MESSAGE_SIZE,
        };
        let rng = Box::new(ChaCha20Rng::from_seed(rand::random()));
        let store = Box::new(MemoryStore::default());
        let signer = Box::new(FastSigner::default());
        let mut device = VirtualAuthenticator::new(Instant::POWER_UP, profile, store, signer, rng)?;
        let port = device.plug(Kind::Usb, Box::new(Device::new(config)));
        Ok(Self { device, port })
    }
}

impl Wire for Memory {
    fn write(&mut self, report: &Report) -> anyhow::Result<()> {
        self.device.handle_frame(Instant::POWER_UP, self.port, report);
        while self.device.poll_event().is_some() {}
        Ok(())
    }

    fn read(&mut self) -> anyhow::Result<Report> {
        let (_, frame) = self.device.poll_frame().context("nothing to read")?;
        Ok(frame.as_slice().try_into()?)
    }
}

struct Packets(OwnedFd);

impl Wire for Packets {
    fn write(&mut self, report: &Report) -> anyhow::Result<()> {
        send(&self.0, report, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    fn read(&mut self) -> anyhow::Result<Report> {
        let mut report = [0; REPORT_SIZE];
        match recv(&self.0, &mut report[..], RecvFlags::empty())? {
            (REPORT_SIZE, _) => Ok(report),
            (len, _) => bail!("a packet of {len} bytes"),
        }
    }
}

struct Stream(TcpStream);

impl Wire for Stream {
    fn write(&mut self, report: &Report) -> anyhow::Result<()> {
        Ok(self.0.write_all(report)?)
    }

    fn read(&mut self) -> anyhow::Result<Report> {
        let mut report = [0; REPORT_SIZE];
        self.0.read_exact(&mut report)?;
        Ok(report)
    }
}

/// A host that always has a transfer waiting for a report, as Linux has.
struct Usbip {
    stream: TcpStream,
    seqnum: u32,
    /// The number of the transfer that waits.
    waiting: u32,
    reports: VecDeque<Report>,
}

impl Usbip {
    fn import(mut stream: TcpStream, bus_id: &str) -> anyhow::Result<Self> {
        let mut request = [&[0x01, 0x11, 0x80, 0x03, 0, 0, 0, 0], bus_id.as_bytes()].concat();
        request.resize(40, 0);
        stream.write_all(&request)?;
        let mut answer = [0; 320];
        stream.read_exact(&mut answer)?;
        let mut host = Self { stream, seqnum: 0, waiting: 0, reports: VecDeque::new() };
        host.waiting = host.submit(1, &[])?;
        Ok(host)
    }

    fn submit(&mut self, direction: u32, data: &[u8]) -> anyhow::Result<u32> {
        self.seqnum += 1;
        let head = [1, self.seqnum, 0x0001_0001, direction, 1, 0, 64, 0, 0, 0, 0, 0];
        self.stream.write_all(&[&head.map(u32::to_be_bytes).concat(), data].concat())?;
        Ok(self.seqnum)
    }

    /// Takes one answer, with its report if it has one.
    fn answer(&mut self) -> anyhow::Result<u32> {
        let mut head = [0; 48];
        self.stream.read_exact(&mut head)?;
        let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if number(20) != 0 {
            bail!("a transfer ended with {}", number(20).cast_signed());
        }
        let seqnum = number(4);
        if seqnum == self.waiting {
            let mut report = [0; REPORT_SIZE];
            self.stream.read_exact(&mut report)?;
            self.reports.push_back(report);
            self.waiting = self.submit(1, &[])?;
        }
        Ok(seqnum)
    }
}

impl Wire for Usbip {
    fn write(&mut self, report: &Report) -> anyhow::Result<()> {
        let sent = self.submit(0, report)?;
        while self.answer()? != sent {}
        Ok(())
    }

    fn read(&mut self) -> anyhow::Result<Report> {
        loop {
            if let Some(report) = self.reports.pop_front() {
                return Ok(report);
            }
            self.answer()?;
        }
    }
}

/// A device on a reader that this process plays, with a passkey.
struct Card {
    reader: TcpStream,
    sign_in: Vec<u8>,
    _process: Process,
}

impl Card {
    fn inserted(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let flags = ["--profile", "all-in", "--attach", "pcsc", "--pcsc", &address];
        let process = Process::with(binary, folder, &flags)?;
        let (reader, _) = listener.accept()?;
        reader.set_nodelay(true)?;
        reader.set_read_timeout(Some(PATIENCE))?;
        let mut card = Self { reader, sign_in: Vec::new(), _process: process };
        card.say(&[1])?;
        card.select();
        let made = card.ctap2(&requests::registration())?;
        let made = MakeCredentialResponse::decode(&made).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let data = AuthenticatorData::decode(&made.auth_data).map_err(|error| anyhow::anyhow!("{error}"))?;
        let id = data.attested.context("a registration has a credential")?.credential_id;
        card.sign_in = requests::sign_in_with(&id);
        Ok(card)
    }

    fn say(&mut self, what: &[u8]) -> anyhow::Result<()> {
        let length = u16::try_from(what.len())?.to_be_bytes();
        Ok(self.reader.write_all(&[&length[..], what].concat())?)
    }

    /// The data of a response that is a success.
    fn exchange(&mut self, command: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.say(command)?;
        let mut length = [0; 2];
        self.reader.read_exact(&mut length)?;
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        self.reader.read_exact(&mut answer)?;
        match answer.split_last_chunk() {
            Some((data, [0x90, 0x00])) => Ok(data.into()),
            _ => bail!("the card refused"),
        }
    }

    /// By NFCCTAP_MSG in one extended command.
    fn ctap2(&mut self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let length = u16::try_from(message.len())?.to_be_bytes();
        self.exchange(&[&[0x80, 0x10, 0x00, 0x00, 0x00][..], &length, message, &[0, 0]].concat())
    }

    fn select(&mut self) {
        let select = [&[0x00, 0xA4, 0x04, 0x00, 0x08][..], &transport::iso7816::AID].concat();
        assert_eq!(self.exchange(&select).expect("the card is there"), b"U2F_V2");
    }

    fn get_assertion(&mut self) {
        let sign_in = self.sign_in.clone();
        let answer = self.ctap2(&sign_in).expect("the card is there");
        assert_eq!(answer.first(), Some(&0), "refused");
    }
}

/// A program with a channel and a passkey.
struct Platform {
    wire: Box<dyn Wire>,
    host: Host,
    sign_in: Vec<u8>,
}

impl Platform {
    fn open(wire: Box<dyn Wire>) -> anyhow::Result<Self> {
        let mut platform = Self { wire, host: Host::new(rand::random()), sign_in: Vec::new() };
        platform.exchange()?;
        platform.host.send_cbor(&requests::registration())?;
        let Event::Answer(answer) = platform.exchange()? else { bail!("no answer to the registration") };
        let made = MakeCredentialResponse::decode(&answer).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let data = AuthenticatorData::decode(&made.auth_data).map_err(|error| anyhow::anyhow!("{error}"))?;
        let id = data.attested.context("a registration has a credential")?.credential_id;
        platform.sign_in = requests::sign_in_with(&id);
        Ok(platform)
    }

    fn ping(&mut self, payload: &[u8]) {
        self.host.send_ping(payload).expect("the channel is open");
        match self.exchange().expect("the door works") {
            Event::Answer(answer) => assert_eq!(answer, payload),
            other => panic!("{other:?}"),
        }
    }

    fn get_assertion(&mut self) {
        self.host.send_cbor(&self.sign_in).expect("the channel is open");
        match self.exchange().expect("the door works") {
            Event::Answer(answer) => assert_eq!(answer.first(), Some(&0), "refused"),
            other => panic!("{other:?}"),
        }
    }

    fn exchange(&mut self) -> anyhow::Result<Event> {
        while let Some(report) = self.host.poll_report() {
            self.wire.write(&report)?;
        }
        loop {
            match self.host.handle_report(&self.wire.read()?)? {
                None | Some(Event::KeepAlive(_)) => {}
                Some(event) => return Ok(event),
            }
        }
    }
}
