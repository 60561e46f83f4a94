//! A tunnel service of our own: on a thread of its own, everything in memory, everything bounded.
mod desk;
mod door;
mod phones;
mod relay;

use super::TunnelCa;
use super::client::READ_AT_ONCE;
use crate::api::background::Background;
use desk::Desk;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// A connection, by TLS.
type Stream = TlsStream<TcpStream>;
/// A connection that became a WebSocket.
type WebSocket = WebSocketStream<Stream>;
/// One that is handed to the other side of its tunnel, with the room that it takes.
type Second = (WebSocket, OwnedSemaphorePermit);

/// How long to rest when the system has no more files for connections.
const REST: Duration = Duration::from_millis(50);

/// What the service allows. What is more is refused, or cut with a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages that each side of a tunnel may send.
    pub messages: usize,
    /// Bytes of each.
    pub message_bytes: usize,
    /// How long a tunnel may be, from when the second side joins.
    pub lifetime: Duration,
    /// How long the first side may wait for the second.
    pub waiting: Duration,
    /// Tunnels at a time, those included in which one side waits.
    pub tunnels: usize,
    /// Phones that wait to be contacted at a time.
    pub phones: usize,
    /// How long a waiting phone may be silent. It is asked for a sign of life in time.
    pub silence: Duration,
    /// Connections at a time, of any kind. Others are closed as they come.
    pub connections: usize,
    /// How long it may take from a connection to a whole request.
    pub handshake: Duration,
}

impl Default for Limits {
    /// 16 messages of 16 KiB a side and two minutes; 256 tunnels and as many phones.
    fn default() -> Self {
        Self {
            messages: 16,
            message_bytes: 16 << 10,
            lifetime: Duration::from_secs(120),
            waiting: Duration::from_secs(120),
            tunnels: 256,
            phones: 256,
            silence: Duration::from_secs(60),
            connections: 1024,
            handshake: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// How the connections of this service read and write.
    fn sockets(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(READ_AT_ONCE)
            .max_message_size(Some(self.message_bytes))
            .max_frame_size(Some(self.message_bytes))
    }
}

/// A tunnel service that runs until this is dropped, which ends all its tunnels.
///
/// It answers to any name in `Host`; which names clients take it for is a matter of the certificate.
pub struct Server {
    address: SocketAddr,
    _thread: Background,
}

impl Server {
    /// Serves on this listener, on a thread of its own.
    ///
    /// # Errors
    /// If the system gives no thread or the listener is none.
    pub fn start(listener: std::net::TcpListener, ca: &TunnelCa, limits: Limits) -> io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (acceptor, desk) = (ca.acceptor(), Arc::new(Desk::new(limits)));
        let run = move |stopped: oneshot::Receiver<()>| {
            runtime.block_on(async move {
                tokio::select! {
                    () = serve(listener, acceptor, desk) => {}
                    // Told to, or nobody is there any more to tell.
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        };
        Ok(Self { address, _thread: Background::start("tunnel", run)? })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: tokio::net::TcpListener, acceptor: TlsAcceptor, desk: Arc<Desk>) {
    let room = Arc::new(Semaphore::new(desk.limits.connections));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(REST).await;
            continue;
        };
        let Ok(room) = room.clone().try_acquire_owned() else { continue };
        let (handshake, desk) = (acceptor.accept(stream), desk.clone());
        tokio::spawn(async move { door::attend(handshake, room, &desk).await });
    }
}
