//! From the start of the real process to its first getInfo answer over a real socket.
use crate::measure::median;
use crate::requests;
use anyhow::{Context, bail};
use client::ctaphid::{Event, Host};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use wire::ctap2::GetInfoResponse;
use wire::ctaphid::{REPORT_SIZE, Report};

/// Kills the process when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Milliseconds, the median over `rounds` starts of a home with `passkeys` passkeys.
pub(crate) fn first_get_info(binary: &Path, passkeys: u32, rounds: usize) -> anyhow::Result<f64> {
    let home = tempfile::tempdir()?;
    {
        let (_running, mut platform, _) = start(binary, home.path())?;
        for number in 0..passkeys {
            let reply = platform.call(&registration(number))?;
            if reply.first() != Some(&0) {
                bail!("passkey {number} was refused: {reply:02x?}");
            }
        }
    }
    let mut times = Vec::new();
    for _ in 0..rounds {
        let (_running, _, time) = start(binary, home.path())?;
        times.push(time.as_secs_f64() * 1e3);
    }
    Ok(median(times))
}

/// The fixed registration for another account.
fn registration(number: u32) -> Vec<u8> {
    let message = requests::registration();
    match wire::ctap2::Request::decode(&message) {
        Ok(wire::ctap2::Request::MakeCredential(mut request)) => {
            request.user.id = number.to_be_bytes().to_vec();
            request.encode()
        }
        other => panic!("the fixture is a makeCredential: {other:?}"),
    }
}

fn start(binary: &Path, home: &Path) -> anyhow::Result<(Running, Platform, Duration)> {
    // A free port: asked for, given back and taken by the process.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = format!("127.0.0.1:{port}");
    let begun = Instant::now();
    let child = Command::new(binary)
        .args([
            "run",
            "--profile",
            "security-key",
            "--attach",
            "socket",
            "--socket",
            &format!("tcp:{address}"),
        ])
        .env("FAUXKEY_HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| {
            format!("cannot start {}: build it with `cargo build --release`", binary.display())
        })?;
    let running = Running(child);
    while begun.elapsed() < Duration::from_secs(20) {
        if let Ok(stream) = TcpStream::connect(&address) {
            let mut platform = Platform::open(stream)?;
            platform.call(&GetInfoResponse::request())?;
            return Ok((running, platform, begun.elapsed()));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    bail!("the process did not listen within 20 seconds")
}

/// A computer at the other end of the socket.
struct Platform {
    stream: TcpStream,
    host: Host,
}

impl Platform {
    fn open(stream: TcpStream) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut platform = Self { stream, host: Host::new(rand::random()) };
        platform.exchange()?;
        Ok(platform)
    }

    fn call(&mut self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.host.send_cbor(message)?;
        match self.exchange()? {
            Event::Answer(reply) => Ok(reply),
            other => bail!("unexpected {other:?}"),
        }
    }

    /// Sends what is to be sent and waits for what ends the exchange.
    fn exchange(&mut self) -> anyhow::Result<Event> {
        while let Some(report) = self.host.poll_report() {
            self.stream.write_all(&report)?;
        }
        loop {
            let mut report: Report = [0; REPORT_SIZE];
            self.stream.read_exact(&mut report)?;
            match self.host.handle_report(&report)? {
                None | Some(Event::KeepAlive(_)) => {}
                Some(event) => return Ok(event),
            }
        }
    }
}
