//! One connection of a client.
use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;
use transport::usbip::Session;

/// Bytes that wait for a client to take them. Who leaves more lying has stopped reading.
const UNSENT_LIMIT: usize = 1 << 20;
/// Bytes taken from one client before the others have their turn.
const TURN: usize = 16 << 10;

/// The connection is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Over;

/// A connection that never blocks.
pub(super) struct Client {
    socket: TcpStream,
    pub(super) session: Session,
    /// The number of the device that it has.
    pub(super) device: Option<u16>,
    unsent: Vec<u8>,
    /// Whether there is something to receive, for the owner's book-keeping.
    pub(super) ready: bool,
}

impl Client {
    /// Whoever connected.
    ///
    /// # Errors
    /// If the connection is over already.
    pub(super) fn new(socket: TcpStream) -> Result<Self, Over> {
        socket.set_nonblocking(true).map_err(|_| Over)?;
        // All for the better. A client that vanished without a word would keep its device busy for ever.
        let _slower = socket.set_nodelay(true);
        let _forgotten_later = sockopt::set_socket_keepalive(&socket, true)
            .and_then(|()| sockopt::set_tcp_keepidle(&socket, Duration::from_secs(10)))
            .and_then(|()| sockopt::set_tcp_keepintvl(&socket, Duration::from_secs(5)))
            .and_then(|()| sockopt::set_tcp_keepcnt(&socket, 3));
        Ok(Self { socket, session: Session::new(), device: None, unsent: Vec::new(), ready: false })
    }

    /// Takes what has come, as far as it is its turn.
    pub(super) fn receive(&mut self) -> Result<(), Over> {
        let mut bytes = [0; TURN];
        match recv(&self.socket, &mut bytes[..], RecvFlags::empty()) {
            Ok((0, _)) => Err(Over),
            Ok((len, _)) => {
                self.session.handle_bytes(&bytes[..len]);
                Ok(())
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(_) => Err(Over),
        }
    }

    /// Sends what the client has room for.
    pub(super) fn flush(&mut self) -> Result<(), Over> {
        self.unsent.extend(self.session.poll_bytes().unwrap_or_default());
        while !self.unsent.is_empty() {
            match send(&self.socket, &self.unsent, SendFlags::NOSIGNAL) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.unsent.len() <= UNSENT_LIMIT => return Ok(()),
                Err(_) => return Err(Over),
            }
        }
        Ok(())
    }

    /// Whether something waits to be sent.
    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
