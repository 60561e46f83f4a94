//! Listening: a socket file that is this user's alone, or a port.
use super::address::SocketAddress;
use crate::control::{Failure, FailureKind};
use crate::files;
use rustix::fs::{Mode, fchmod};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen, socket_with,
    sockopt,
};
use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 64;
/// Bytes that the kernel buffers towards a program, so that one that does not read is noticed.
const SEND_BUFFER: usize = 64 << 10;
const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

/// A socket that listens. Its file goes when this is dropped.
pub(super) struct Listener {
    socket: OwnedFd,
    address: SocketAddress,
    _file: Option<SocketFile>,
}

impl Listener {
    /// Listens; makes the folder of a socket file if need be, and replaces a file that a dead process left.
    ///
    /// # Errors
    /// Invalid for an address that nothing can listen at; Conflict if somebody else listens there; Broken for
    /// what else the operating system says.
    pub(super) fn bind(address: &SocketAddress) -> Result<Self, Failure> {
        address.check()?;
        match address {
            SocketAddress::Unix(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let address = SocketAddress::Unix(path.clone());
                address.check()?;
                let (socket, file) = bind_unix(&address, &path)?;
                Ok(Self { socket, address, _file: Some(file) })
            }
            SocketAddress::Tcp(wanted) => Self::bind_tcp(address, *wanted, SocketAddress::Tcp),
            SocketAddress::TcpAnywhere(wanted) => {
                Self::bind_tcp(address, *wanted, SocketAddress::TcpAnywhere)
            }
        }
    }

    fn bind_tcp(
        address: &SocketAddress,
        wanted: SocketAddr,
        bound: fn(SocketAddr) -> SocketAddress,
    ) -> Result<Self, Failure> {
        let listen = || {
            let listener = TcpListener::bind(wanted)?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        };
        let (local, listener) = listen().map_err(|error: std::io::Error| match error.kind() {
            ErrorKind::AddrInUse => Failure::new(FailureKind::Conflict, format!("{address} is taken"))
                .hint("name another port; 0 takes a free one"),
            ErrorKind::AddrNotAvailable => Failure::new(
                FailureKind::Invalid,
                format!("{address}: this machine does not have that address"),
            ),
            _ => failed(address, &error),
        })?;
        Ok(Self { socket: listener.into(), address: bound(local), _file: None })
    }

    /// Where it really listens.
    pub(super) fn address(&self) -> &SocketAddress {
        &self.address
    }

    /// Whether connections are streams, and not packets.
    pub(super) fn is_stream(&self) -> bool {
        !matches!(self.address, SocketAddress::Unix(_))
    }

    /// The next connection.
    ///
    /// # Errors
    /// `AGAIN` if there is none; others as they come.
    pub(super) fn accept(&self) -> Result<OwnedFd, Errno> {
        let connection = accept_with(&self.socket, FLAGS)?;
        // Both are for the better; neither is needed.
        let _usual_size = sockopt::set_socket_send_buffer_size(&connection, SEND_BUFFER);
        if self.is_stream() {
            let _slower = sockopt::set_tcp_nodelay(&connection, true);
        }
        Ok(connection)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The file of a Unix socket, removed when dropped, unless it is somebody else's by then.
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path) == Some(self.identity) {
            // One that stays is stale, and replaced by whoever comes next.
            let _stale = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

fn bind_unix(address: &SocketAddress, path: &Path) -> Result<(OwnedFd, SocketFile), Failure> {
    let broken = |errno: Errno| failed(address, &errno.into());
    if let Some(folder) = path.parent() {
        files::make_folder(folder).map_err(|error| files::refused("make", folder, &error))?;
    }
    let name = SocketAddrUnix::new(path).map_err(broken)?;
    let socket = seqpacket().map_err(broken)?;
    // Linux gives the file the mode of the socket, so that at no time anybody else can connect.
    fchmod(&socket, Mode::RUSR | Mode::WUSR).map_err(broken)?;
    match bind(&socket, &name) {
        Err(Errno::ADDRINUSE) => {
            remove_stale(address, path, &name)?;
            bind(&socket, &name).map_err(broken)?;
        }
        bound => bound.map_err(broken)?,
    }
    let identity = identity(path).ok_or_else(|| broken(Errno::NOENT))?;
    let file = SocketFile { path: path.into(), identity };
    listen(&socket, BACKLOG).map_err(broken)?;
    Ok((socket, file))
}

/// Removes a socket file at which nobody listens any more.
fn remove_stale(address: &SocketAddress, path: &Path, name: &SocketAddrUnix) -> Result<(), Failure> {
    let taken = |why: &str| Failure::new(FailureKind::Conflict, format!("{address}: {why}"));
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    if !is_socket {
        return Err(taken("there is a file already, and it is no socket").hint("name another path"));
    }
    let probe = seqpacket().map_err(|errno| failed(address, &errno.into()))?;
    match connect(&probe, name) {
        Err(Errno::CONNREFUSED) => {
            fs::remove_file(path).map_err(|error| files::refused("remove", path, &error))
        }
        Err(Errno::NOENT) => Ok(()),
        Err(Errno::ACCESS | Errno::PERM) => {
            Err(taken("the socket there is somebody else's").hint("name another path"))
        }
        // Connected, or too many wait to be, or it is a socket of another type: somebody is there.
        _ => Err(taken("another program listens there").hint("stop it, or name another path")),
    }
}

fn seqpacket() -> Result<OwnedFd, Errno> {
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, FLAGS, None)
}

fn failed(address: &SocketAddress, error: &std::io::Error) -> Failure {
    let failure = Failure::new(FailureKind::Broken, format!("cannot listen at {address}: {error}"));
    if error.kind() == ErrorKind::PermissionDenied {
        return failure.hint("name another address");
    }
    failure
}
