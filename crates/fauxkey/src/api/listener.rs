//! Connections, but not more than a process with devices to run can spare; by TLS where that is asked for.
use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Connections at a time. Others are closed as they come: a program that opens them without end must not take
/// the files that the vault and the sockets need.
pub(super) const CONNECTIONS: usize = 128;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A TCP listener with a bound.
pub(crate) struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
    tls: Option<TlsAcceptor>,
    /// Those who shook hands.
    ready: (Sender<Ready>, Receiver<Ready>),
}

type Ready = (Connection, SocketAddr);

impl Bounded {
    /// Over a listener, by TLS if there is an acceptor.
    pub(crate) fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(CONNECTIONS)), tls, ready: channel(CONNECTIONS) }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Ready {
        loop {
            let (stream, from) = tokio::select! {
                ready = self.ready.1.recv() => match ready {
                    Some(ready) => return ready,
                    // We hold a sender ourselves.
                    None => continue,
                },
                accepted = Listener::accept(&mut self.listener) => accepted,
            };
            let Ok(room) = self.room.clone().try_acquire_owned() else { continue };
            let Some(tls) = &self.tls else {
                return (Connection { stream: Stream::Plain(stream), _room: room }, from);
            };
            let (handshake, ready) = (tls.accept(stream), self.ready.0.clone());
            // Whoever is slow keeps nobody else waiting.
            tokio::spawn(async move {
                if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, handshake).await {
                    let stream = Stream::Tls(Box::new(stream));
                    // The server may have stopped.
                    let _stopped = ready.send((Connection { stream, _room: room }, from)).await;
                }
            });
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection, and the room that it takes.
pub(crate) struct Connection {
    stream: Stream,
    _room: OwnedSemaphorePermit,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The same call for either stream.
macro_rules! either {
    ($stream:expr, $pinned:ident => $call:expr) => {
        match $stream {
            Stream::Plain(stream) => {
                let $pinned = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $pinned = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(&mut self.stream, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(&mut self.stream, stream => stream.poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.stream, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.stream, stream => stream.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(&mut self.stream, stream => stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
