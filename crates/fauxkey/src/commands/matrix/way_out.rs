//! The way out of a lab, for a browser in it: its pages are outside, on this machine's loopback or elsewhere.
//!
//! ```text
//! the browser ── TCP ──► lead ── Unix socket ──► serve ── TCP ──► whatever the page is on
//!       inside: a loopback of the lab's own  │  outside: this machine's network
//! ```
//!
//! The browser is told of a proxy by SOCKS 5 (RFC 1928), which resolves names outside and carries every port, so that a
//! page may ask a second server. The socket is a file that this user alone reaches, and nothing else leaves the lab.
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// RFC 1928 §3.
const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
/// §4 and §5.
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;
/// §6.
const SUCCEEDED: u8 = 0;
const GENERAL_FAILURE: u8 = 1;
const REFUSED: u8 = 5;
const COMMAND_NOT_SUPPORTED: u8 = 7;
const ADDRESS_NOT_SUPPORTED: u8 = 8;
/// How long the other side may take to connect.
const PATIENCE: Duration = Duration::from_secs(20);

/// Outside: takes connections at the socket, as long as this process lives.
///
/// # Errors
/// If it cannot be made.
pub(super) fn serve(socket: &Path) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    let serve = move || {
        for stream in listener.incoming().map_while(Result::ok) {
            aside(move || {
                // Who does not speak SOCKS, or goes, is no business of anybody's.
                let _gone = meet(stream);
            });
        }
    };
    thread::Builder::new().name("way out".into()).spawn(serve).map(drop)
}

/// Inside: a port of the loopback from which the socket is reached.
///
/// # Errors
/// If there is none.
pub(super) fn lead(socket: &Path) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let socket = socket.to_path_buf();
    let lead = move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let Ok(out) = UnixStream::connect(&socket) else { continue };
            aside(move || join(stream, out));
        }
    };
    thread::Builder::new().name("way out".into()).spawn(lead)?;
    Ok(address)
}

fn aside(job: impl FnOnce() + Send + 'static) {
    // Without a thread there is no connection, as with any server that is full.
    let _full = thread::Builder::new().name("way out".into()).spawn(job);
}

fn meet(mut stream: UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    match asked(&mut stream).and_then(|(host, port)| reach(&host, port)) {
        Ok(target) => {
            answer(&mut stream, SUCCEEDED)?;
            stream.set_read_timeout(None)?;
            join(target, stream);
            Ok(())
        }
        Err(error) => answer(
            &mut stream,
            match error.kind() {
                io::ErrorKind::ConnectionRefused => REFUSED,
                io::ErrorKind::Unsupported => COMMAND_NOT_SUPPORTED,
                io::ErrorKind::InvalidInput => ADDRESS_NOT_SUPPORTED,
                _ => GENERAL_FAILURE,
            },
        ),
    }
}

/// Where the browser wants to go.
fn asked(stream: &mut (impl Read + Write)) -> io::Result<(String, u16)> {
    let [version, methods] = array(stream)?;
    if version != VERSION {
        return Err(io::ErrorKind::InvalidData.into());
    }
    io::copy(&mut stream.take(u64::from(methods)), &mut io::sink())?;
    stream.write_all(&[VERSION, NO_AUTHENTICATION])?;
    let [_version, command, _reserved, kind] = array(stream)?;
    let host = match kind {
        IPV4 => Ipv4Addr::from(array::<4>(stream)?).to_string(),
        IPV6 => Ipv6Addr::from(array::<16>(stream)?).to_string(),
        DOMAIN => {
            let [length] = array(stream)?;
            let mut name = vec![0; usize::from(length)];
            stream.read_exact(&mut name)?;
            String::from_utf8(name).map_err(|_| io::ErrorKind::InvalidInput)?
        }
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let port = u16::from_be_bytes(array(stream)?);
    match command {
        CONNECT => Ok((host, port)),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn array<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

fn reach(host: &str, port: u16) -> io::Result<TcpStream> {
    // Browsers do not ask for these names (RFC 6761 §6.3), and not every system knows them all.
    if host == "localhost" || host.ends_with(".localhost") {
        let own: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return TcpStream::connect(own.map(|own| SocketAddr::new(own, port)).as_slice());
    }
    TcpStream::connect((host, port))
}

fn answer(stream: &mut impl Write, how: u8) -> io::Result<()> {
    // By which address it was reached is nobody's business.
    stream.write_all(&[VERSION, how, 0, IPV4, 0, 0, 0, 0, 0, 0])
}

/// Carries bytes in both directions until both have ended.
fn join(tcp: TcpStream, unix: UnixStream) {
    let (Ok(mut from_tcp), Ok(mut to_unix)) = (tcp.try_clone(), unix.try_clone()) else { return };
    let (mut from_unix, mut to_tcp) = (unix, tcp);
    // What breaks off is ended on the other side, and there is nobody to be told.
    aside(move || {
        let _broken = io::copy(&mut from_tcp, &mut to_unix);
        let _gone = to_unix.shutdown(Shutdown::Write);
    });
    let _broken = io::copy(&mut from_unix, &mut to_tcp);
    let _gone = to_tcp.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says its port, and echoes what it hears.
    fn server() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                stream.write_all(&port.to_be_bytes()).unwrap();
                let mut heard = Vec::new();
                stream.read_to_end(&mut heard).unwrap();
                stream.write_all(&heard).unwrap();
            }
        });
        port
    }

    fn way() -> (tempfile::TempDir, SocketAddr) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("out");
        serve(&socket).unwrap();
        let address = lead(&socket).unwrap();
        (folder, address)
    }

    fn request(kind: u8, host: &[u8], port: u16) -> Vec<u8> {
        [&[VERSION, CONNECT, 0, kind][..], host, &port.to_be_bytes()].concat()
    }

    /// What is answered, and the connection.
    fn ask(address: SocketAddr, request: &[u8]) -> (u8, TcpStream) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&[VERSION, 2, NO_AUTHENTICATION, 2]).unwrap();
        assert_eq!(array(&mut stream).unwrap(), [VERSION, NO_AUTHENTICATION]);
        stream.write_all(request).unwrap();
        let [version, how, ..] = array::<10>(&mut stream).unwrap();
        assert_eq!(version, VERSION);
        (how, stream)
    }

    #[test]
    fn a_server_is_reached_by_name_and_by_address_in_both_directions_to_the_end() {
        let (_folder, address) = way();
        for (kind, host) in
            [(DOMAIN, &b"\x09localhost"[..]), (DOMAIN, b"\x0ashop.localhost"), (IPV4, &[127, 0, 0, 1])]
        {
            let host =
                if kind == DOMAIN { [&[host.len() as u8 - 1], &host[1..]].concat() } else { host.to_vec() };
            let port = server();
            let (how, mut stream) = ask(address, &request(kind, &host, port));
            assert_eq!(how, SUCCEEDED);
            assert_eq!(u16::from_be_bytes(array(&mut stream).unwrap()), port);
            let long = vec![7; 1 << 20];
            let mut to = stream.try_clone().unwrap();
            let sent = long.clone();
            thread::spawn(move || {
                to.write_all(&sent).unwrap();
                to.shutdown(Shutdown::Write).unwrap();
            });
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).unwrap();
            assert!(heard == long);
        }
    }

    #[test]
    fn what_cannot_be_reached_or_was_not_meant_is_refused_as_socks_says_it() {
        let (_folder, address) = way();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(ask(address, &request(IPV4, &[127, 0, 0, 1], port)).0, REFUSED);
        assert_eq!(ask(address, &request(9, &[], 1)).0, ADDRESS_NOT_SUPPORTED);
        let mut bind = request(IPV4, &[127, 0, 0, 1], port);
        bind[1] = 2;
        assert_eq!(ask(address, &bind).0, COMMAND_NOT_SUPPORTED);
    }
}
