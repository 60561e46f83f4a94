//! A private message bus on a UNIX socket, of the parts of `busd`.
//!
//! `busd::bus::Bus` would do but for three things. It compares the user ID that a client claims with the socket's, which
//! fails across user namespaces. It disconnects a client that does not read for 100 ms, which happens to browsers on a
//! busy machine. And it does not answer calls to names that nobody has, such as those of the many services that a
//! system has and this bus has not, so that programs would wait for half a minute.
use super::sasl::{Sasl, Step};
use busd::{
    fdo::{BUS_NAME, DBus, Monitoring},
    peers::Peers,
};
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener as StdListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use zbus::connection::socket::{Channel, ReadHalf, Socket, Split, WriteHalf};
use zbus::connection::{AuthMechanism, Builder, Connection};
use zbus::export::async_trait::async_trait;
use zbus::fdo::ConnectionCredentials;
use zbus::message::{Flags, Type};
use zbus::names::BusName;
use zbus::{Guid, Message, OwnedGuid};
use zruntime::net::unix::{UnixListener, UnixStream};
use zruntime::{Shared, SharedRuntime, Task};

/// How long a client may take to authenticate.
const AUTHENTICATION: Duration = Duration::from_secs(10);
/// Lines of an authentication.
const LINES: usize = 16;
/// Bytes of a line of an authentication.
const LINE: usize = 512;
/// Clients at a time.
const CLIENTS: usize = 64;
/// How long a client may leave messages unread.
const PATIENCE: Duration = Duration::from_secs(20);

/// The bus, which serves clients on the runtime of the thread that made it.
pub(super) struct Bus {
    peers: Arc<Peers>,
    guid: OwnedGuid,
    clients: Arc<AtomicUsize>,
    /// The bus's own object, which answers as `org.freedesktop.DBus`.
    _service: Connection,
}

impl Bus {
    /// A bus without clients. Errors are zbus's own.
    pub(super) async fn new() -> zbus::Result<Self> {
        let guid = OwnedGuid::from(Guid::generate());
        let peers = Peers::new();
        let (ours, theirs) = Channel::pair();
        let service = Builder::authenticated_socket(ours, guid.clone())
            .p2p()
            .unique_name(BUS_NAME)
            .name(BUS_NAME)
            .serve_at(DBus::PATH, DBus::new(peers.clone(), guid.clone()))
            .serve_at(Monitoring::PATH, Monitoring::new(peers.clone()))
            .build()
            .await?;
        let stream = Builder::authenticated_socket(theirs, guid.clone()).p2p().build_message_stream().await?;
        peers.add_us(stream, service.clone()).await;
        Ok(Self { peers, guid, clients: Arc::default(), _service: service })
    }

    /// Takes clients, until the listener fails.
    pub(super) async fn serve(&self, listener: StdListener) -> io::Result<()> {
        let runtime = SharedRuntime::current()?;
        let listener = UnixListener::from_std(&runtime, listener)?;
        // They end with this.
        let mut welcomes: Vec<Task<(), Shared>> = Vec::new();
        for id in 1.. {
            let (stream, _) = listener.accept().await?;
            welcomes.retain(|welcome| !welcome.is_finished());
            if self.clients.load(Ordering::Relaxed) < CLIENTS {
                let client = Client::new(id, stream, &self.peers, &self.clients);
                let (peers, guid) = (self.peers.clone(), self.guid.clone());
                welcomes.push(runtime.spawn("welcome", welcome(runtime.clone(), peers, guid, client)));
            }
        }
        Ok(())
    }

    /// Hangs up on everybody.
    pub(super) async fn close(&self) {
        self.peers.remove_us();
        self.peers.peers_mut().await.clear();
    }
}

/// Authenticates a client and makes it a peer. A client that fails at that is hung up on.
async fn welcome(runtime: SharedRuntime, peers: Arc<Peers>, guid: OwnedGuid, client: Client) {
    let authenticated = runtime.timeout(AUTHENTICATION, authenticate(&client.stream, guid.as_str())).await;
    if !matches!(authenticated, Ok(Ok(true))) {
        return;
    }
    let id = client.id;
    let builder = Builder::authenticated_socket(client, guid.clone());
    // All that can fail is the building of a connection over a socket that has just closed.
    drop(peers.add(&guid, id, builder, AuthMechanism::External, PATIENCE).await);
}

/// Leads a client to its BEGIN; false if it does not get there.
async fn authenticate(mut stream: &UnixStream<Shared>, guid: &str) -> io::Result<bool> {
    let mut sasl = Sasl::default();
    let mut byte = [0];
    stream.read_exact(&mut byte).await?;
    if byte != [0] {
        return Ok(false);
    }
    for _ in 0..LINES {
        let mut line = Vec::new();
        // Byte by byte, for what follows BEGIN is not ours.
        while !line.ends_with(b"\r\n") {
            if line.len() == LINE {
                return Ok(false);
            }
            stream.read_exact(&mut byte).await?;
            line.extend(byte);
        }
        let line = String::from_utf8_lossy(&line[..line.len() - 2]);
        match sasl.line(&line, guid) {
            Step::Say(answer) => stream.write_all(format!("{answer}\r\n").as_bytes()).await?,
            Step::Begin => return Ok(true),
            Step::HangUp => return Ok(false),
        }
    }
    Ok(false)
}

/// A client's socket, counted as long as it is there.
#[derive(Debug)]
struct Client {
    id: usize,
    stream: UnixStream<Shared>,
    peers: Weak<Peers>,
    clients: Arc<AtomicUsize>,
}

impl Client {
    fn new(id: usize, stream: UnixStream<Shared>, peers: &Arc<Peers>, clients: &Arc<AtomicUsize>) -> Self {
        clients.fetch_add(1, Ordering::Relaxed);
        Self { id, stream, peers: Arc::downgrade(peers), clients: clients.clone() }
    }

    /// Answers a call to a name that nobody has; false if somebody has it, or no answer is wanted.
    async fn answers(&self, message: &Message) -> zbus::Result<bool> {
        let header = message.header();
        let wants_answer = message.message_type() == Type::MethodCall
            && !header.primary().flags().contains(Flags::NO_REPLY_EXPECTED);
        let (Some(peers), Some(destination)) = (self.peers.upgrade(), header.destination()) else {
            return Ok(false);
        };
        let is_there = match destination {
            BusName::Unique(name) => peers.peers().await.contains_key(name.as_str()),
            BusName::WellKnown(name) => peers.name_registry().await.lookup(name.clone()).is_some(),
        };
        if is_there || !wants_answer || *destination == BUS_NAME {
            return Ok(false);
        }
        let caller = {
            let peers = peers.peers().await;
            peers
                .values()
                .find(|peer| peer.id() == self.id)
                .map(|peer| (peer.unique_name().clone(), peer.recipient().clone()))
        };
        let Some((name, caller)) = caller else { return Ok(false) };
        let call = message.with_sender(&name)?;
        let answer = Message::error(&call.header(), "org.freedesktop.DBus.Error.ServiceUnknown")
            .sender(BUS_NAME)
            .build(&format!("nobody on this bus is called {destination}"))?;
        caller.send(&[answer]).await;
        Ok(true)
    }

    fn credentials(&self) -> io::Result<ConnectionCredentials> {
        let peer = rustix::net::sockopt::socket_peercred(&self.stream)?;
        Ok(ConnectionCredentials::default()
            .set_unix_user_id(peer.uid.as_raw())
            .set_process_id(peer.pid.as_raw_nonzero().get().unsigned_abs()))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Socket for Client {
    type ReadHalf = Reader;
    type WriteHalf = Half;

    fn split(self) -> Split<Reader, Half> {
        let client = Arc::new(self);
        Split::new(Reader(Half(client.clone())), Half(client))
    }
}

/// What comes from a client, less what is answered at once.
#[derive(Debug)]
struct Reader(Half);

#[async_trait]
impl ReadHalf for Reader {
    async fn receive_message(
        &mut self,
        sequence: u64,
        bytes: &mut Vec<u8>,
        descriptors: &mut Vec<OwnedFd>,
    ) -> zbus::Result<Message> {
        loop {
            let message = self.0.receive_message(sequence, bytes, descriptors).await?;
            if !self.0.0.answers(&message).await? {
                return Ok(message);
            }
        }
    }

    async fn peer_credentials(&mut self) -> io::Result<ConnectionCredentials> {
        self.0.0.credentials()
    }
}

/// One direction of a client's socket. It passes no file descriptors, which nothing on this bus has.
#[derive(Debug)]
struct Half(Arc<Client>);

#[async_trait]
impl ReadHalf for Half {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        Ok(((&self.0.stream).read(buffer).await?, Vec::new()))
    }
}

#[async_trait]
impl WriteHalf for Half {
    async fn sendmsg(&mut self, buffer: &[u8], _: &[BorrowedFd<'_>]) -> io::Result<usize> {
        (&self.0.stream).write(buffer).await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.0.stream.shutdown(std::net::Shutdown::Both)
    }

    async fn peer_credentials(&mut self) -> io::Result<ConnectionCredentials> {
        self.0.credentials()
    }
}

/// A bus with nobody on it, until what is returned is dropped.
#[cfg(test)]
pub(in super::super) fn alone(path: &std::path::Path) -> zruntime::mpmc::Sender<()> {
    let listener = StdListener::bind(path).unwrap();
    let (held, end) = zruntime::mpmc::unbounded();
    std::thread::spawn(move || {
        let runtime = SharedRuntime::new().unwrap();
        runtime.block_on(async {
            let bus = Arc::new(Bus::new().await.unwrap());
            let serving = bus.clone();
            let accept = runtime.spawn("bus", async move { drop(serving.serve(listener).await) });
            let _dropped = end.recv().await;
            accept.cancel().await;
            bus.close().await;
        });
    });
    held
}
