//! A server of ours, a client of ours, and strangers in place of either.
mod bounds;
mod contacts;
mod strangers;
mod trust;
mod tunnels;

use super::*;
use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// A tunnel ID, as Chromium writes it.
const ID: &str = "00112233445566778899AABBCCDDEEFF";

/// Runs a test, which is not to wait for ever.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(timeout(PATIENCE, test)).expect("nothing to wait for that long")
}

/// A service, and the CA behind it.
struct Rig {
    ca: TunnelCa,
    server: Server,
}

impl Rig {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let ca = TunnelCa::new(&[]).unwrap();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Server::start(listener, &ca, limits).unwrap();
        Self { ca, server }
    }

    fn service(&self) -> Service {
        Service::embedded("cable.ua5v.com", &self.server, &self.ca)
    }

    async fn open(&self, path: &str) -> Result<Opened, TunnelError> {
        open(&self.service(), path, None, false).await
    }

    /// The first side of a tunnel, and the routing ID.
    async fn first(&self, id: &str) -> (Socket, String) {
        let opened = self.open(&format!("/cable/new/{id}")).await.unwrap();
        (opened.socket, opened.routing_id.expect("the reply to a phone has a routing ID"))
    }

    async fn second(&self, routing: &str, id: &str) -> Result<Socket, TunnelError> {
        Ok(self.open(&format!("/cable/connect/{routing}/{id}")).await?.socket)
    }

    /// Both sides of a tunnel.
    async fn both(&self, id: &str) -> [Socket; 2] {
        let (first, routing) = self.first(id).await;
        [first, self.second(&routing, id).await.unwrap()]
    }

    /// A connection by TLS, before a word is said.
    async fn plain(&self) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.root_der()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.server.address()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }

    /// What the service says to a request, until it hangs up or has said the head of a reply.
    async fn asked(&self, request: &str) -> String {
        let mut stream = self.plain().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        while !reply.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read_buf(&mut reply).await {
                Ok(length) if length > 0 => {}
                _ => break,
            }
        }
        String::from_utf8(reply).unwrap()
    }
}

/// The request of a WebSocket of ours at this path, with more headers.
fn upgrade(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n{more}\r\n"
    )
}

/// The header that all clients of the hybrid transport send.
const SPOKEN: &str = "Sec-WebSocket-Protocol: fido.cable\r\n";

fn status<T>(result: Result<T, TunnelError>) -> u16 {
    match result.err().expect("it is refused") {
        TunnelError::Status { code, .. } => code,
        TunnelError::Gone { .. } => 410,
        other => panic!("{other}"),
    }
}

/// Until something is so, which takes a moment.
async fn soon<T, F: Future<Output = Option<T>>>(mut check: impl FnMut() -> F) -> T {
    loop {
        if let Some(found) = check().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
