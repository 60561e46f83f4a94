//! The client of a tunnel service: either side of a tunnel.
#[cfg(test)]
use super::TunnelCa;
use super::error::TunnelError;
#[cfg(test)]
use super::server::Server;
use super::{CLIENT_PAYLOAD, ROUTING_ID, SIGNAL_CONNECTION, SUBPROTOCOL};
use futures_util::{SinkExt as _, StreamExt as _};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, crypto};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::{ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Bytes of the longest message that is taken in: as many as Chromium takes.
pub const LONGEST_MESSAGE: usize = 1 << 20;
/// The port of `wss`.
const WSS: u16 = 443;
/// How long it may take until there is a tunnel, from looking up the name on.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the service may take to agree that it is over.
const FAREWELL: Duration = Duration::from_secs(1);
/// Characters of what a service says for people.
const LONGEST_SAYING: usize = 200;
/// Bytes that a connection reads at a time. Few tunnels carry more.
pub(super) const READ_AT_ONCE: usize = 8 << 10;

/// A tunnel service, and how to get there.
#[derive(Clone)]
pub struct Service {
    /// Its name: in TLS, and in the headers `Host` and `Origin`.
    pub host: String,
    /// Where it is, instead of looking its name up.
    pub address: Option<SocketAddr>,
    /// Its port, which is also in `Host` and `Origin` unless it is 443.
    pub port: u16,
    /// Whose certificates count.
    pub trust: Trust,
}

impl Service {
    /// A server of ours under one of its names.
    #[cfg(test)]
    pub fn embedded(host: &str, server: &Server, ca: &TunnelCa) -> Self {
        let address = server.address();
        let trust = Trust::Roots(vec![ca.root_der()]);
        Self { host: host.into(), address: Some(address), port: address.port(), trust }
    }

    /// The host as in `Host`, RFC 9110 §7.2.
    fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == WSS { host } else { format!("{host}:{}", self.port) }
    }
}

/// Whose certificates count.
#[derive(Clone)]
pub enum Trust {
    /// Those that this system trusts, or that the variable `SSL_CERT_FILE` names.
    System,
    /// These, in DER, and no others.
    Roots(Vec<CertificateDer<'static>>),
}

impl Trust {
    fn roots(&self) -> Result<RootCertStore, TunnelError> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                // Systems keep certificates that no longer make sense. As long as one does, it can be judged by.
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    let why = found.errors.first().map_or("none were found".into(), ToString::to_string);
                    return Err(TunnelError::NoRoots(why));
                }
            }
            Self::Roots(certificates) => {
                for certificate in certificates {
                    let added = roots.add(certificate.clone());
                    added.map_err(|why| TunnelError::NoRoots(format!("not a certificate: {why}")))?;
                }
            }
        }
        Ok(roots)
    }

    fn connector(&self) -> Result<TlsConnector, TunnelError> {
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|why| TunnelError::Request(why.to_string()))?
            .with_root_certificates(self.roots()?)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// A tunnel that is open on this side.
pub struct Opened {
    /// Its end.
    pub socket: Socket,
    /// What the service said by the header `X-caBLE-Routing-ID`, if it did: hexadecimal digits, not looked at.
    pub routing_id: Option<String>,
    /// Whether the service will tell by a message that is one zero byte when the other side has joined.
    pub signals: bool,
}

/// Opens a tunnel: a WebSocket over TLS at this path, which begins with a slash. `client_payload` is the hexadecimal
/// text that goes along with a contact; `signal` asks to be told when the phone has joined.
///
/// # Errors
/// Gone if the service answers 410, Status if it refuses otherwise, Unknown, Unreachable, Untrusted, Tls, Handshake or
/// Slow if it does not come to that, NoRoots if there is nothing to judge it by, and Request if host, path or payload
/// are none.
pub async fn open(
    service: &Service,
    path: &str,
    client_payload: Option<&str>,
    signal: bool,
) -> Result<Opened, TunnelError> {
    let request = request(service, path, client_payload, signal)?;
    let slow = || TunnelError::Slow { host: service.host.clone(), patience: PATIENCE };
    timeout(PATIENCE, converse(service, request)).await.map_err(|_| slow())?
}

fn request(
    service: &Service,
    path: &str,
    client_payload: Option<&str>,
    signal: bool,
) -> Result<Request, TunnelError> {
    let authority = service.authority();
    let wrong = |what: &str, which: &str| TunnelError::Request(format!("{what} `{}`", which.escape_debug()));
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("the path", path));
    }
    let url = format!("wss://{authority}{path}");
    let mut request = url.as_str().into_client_request().map_err(|_| wrong("the address", &url))?;
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| wrong("the header", text));
    let origin = value(&format!("wss://{authority}"))?;
    let headers = request.headers_mut();
    headers.insert("origin", origin);
    headers.insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
    if let Some(payload) = client_payload {
        headers.insert(CLIENT_PAYLOAD, value(payload)?);
    }
    if signal {
        headers.insert(SIGNAL_CONNECTION, HeaderValue::from_static("true"));
    }
    Ok(request)
}

async fn converse(service: &Service, request: Request) -> Result<Opened, TunnelError> {
    let host = &service.host;
    let name = ServerName::try_from(host.clone())
        .map_err(|_| TunnelError::Request(format!("the host `{}`", host.escape_debug())))?;
    let connector = service.trust.connector()?;
    let stream = connect(service).await?;
    let stream = connector.connect(name, stream).await.map_err(|why| distrust(host, why))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_AT_ONCE)
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let opened = client_async_with_config(request, stream, Some(config)).await;
    let (stream, response) = opened.map_err(|why| refusal(host, why))?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    Ok(Opened {
        socket: Socket { stream },
        routing_id: header(ROUTING_ID).map(Into::into),
        signals: header(SIGNAL_CONNECTION).is_some_and(|value| value.eq_ignore_ascii_case("true")),
    })
}

async fn connect(service: &Service) -> Result<TcpStream, TunnelError> {
    let host = service.host.clone();
    let unknown = |why| TunnelError::Unknown { host: host.clone(), why };
    let addresses: Vec<SocketAddr> = match service.address {
        Some(address) => vec![address],
        None => tokio::net::lookup_host((host.as_str(), service.port)).await.map_err(unknown)?.collect(),
    };
    let mut error = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Small messages that are waited for. Without it they are merely slower.
                let _slow = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(why) => error = Some(TunnelError::Unreachable { host: host.clone(), address, why }),
        }
    }
    let nowhere = || io::Error::new(io::ErrorKind::NotFound, "its name leads nowhere");
    Err(error.unwrap_or_else(|| unknown(nowhere())))
}

fn distrust(host: &str, why: io::Error) -> TunnelError {
    let host = host.to_owned();
    let inner = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => TunnelError::Untrusted { host, why: why.clone() },
        _ => TunnelError::Tls { host, why },
    }
}

fn refusal(host: &str, why: tungstenite::Error) -> TunnelError {
    let host = host.to_owned();
    let handshake = |host, why: String| TunnelError::Handshake { host, why };
    match why {
        tungstenite::Error::Http(response) if response.status() == StatusCode::GONE => {
            TunnelError::Gone { host }
        }
        tungstenite::Error::Http(response) => {
            TunnelError::Status { host, code: response.status().as_u16(), said: said(&response) }
        }
        tungstenite::Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(why)) => match why {
            SubProtocolError::NoSubProtocol => {
                handshake(host, format!("it does not repeat the subprotocol {SUBPROTOCOL}"))
            }
            _ => handshake(host, format!("it speaks another subprotocol than {SUBPROTOCOL}")),
        },
        tungstenite::Error::Io(why) => TunnelError::Io(why),
        other => handshake(host, other.to_string()),
    }
}

/// What a service says for people, made harmless for terminals.
fn said(response: &tungstenite::http::Response<Option<Vec<u8>>>) -> Option<String> {
    let elsewhere = response.headers().get("location").filter(|_| response.status().is_redirection());
    if let Some(elsewhere) = elsewhere {
        let elsewhere = harmless(&String::from_utf8_lossy(elsewhere.as_bytes()));
        return Some(format!("it redirects to {elsewhere}, which is not followed"));
    }
    let plain = response.headers().get("content-type").is_some_and(|kind| {
        kind.as_bytes().get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/plain"))
    });
    let body = String::from_utf8_lossy(response.body().as_deref().filter(|_| plain)?);
    Some(harmless(body.lines().next()?)).filter(|line| !line.is_empty())
}

/// A few characters, none of which moves a cursor.
fn harmless(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(LONGEST_SAYING).collect()
}

/// One end of a tunnel. Dropping it breaks the connection.
pub struct Socket {
    stream: WebSocketStream<TlsStream<TcpStream>>,
}

impl Socket {
    /// Sends one message, however long: the service may cut the tunnel because of it.
    ///
    /// # Errors
    /// Io if the connection is closed or breaks.
    pub async fn send(&mut self, message: Vec<u8>) -> Result<(), TunnelError> {
        self.stream.send(Message::Binary(message.into())).await.map_err(|why| match why {
            tungstenite::Error::Io(why) => TunnelError::Io(why),
            _ => TunnelError::Io(io::Error::new(io::ErrorKind::NotConnected, "it is closed")),
        })
    }

    /// The next message, of at most [`LONGEST_MESSAGE`] bytes. `None` when the tunnel is closed, or the other side has
    /// gone. May be given up and called again: nothing is lost.
    ///
    /// # Errors
    /// Cut if the service ended it for a reason, Nonsense if what came is no message of a tunnel, Io if the
    /// connection broke.
    pub async fn recv(&mut self) -> Result<Option<Vec<u8>>, TunnelError> {
        loop {
            let message = match self.stream.next().await {
                None => return Ok(None),
                Some(Ok(message)) => message,
                Some(Err(why)) => return if has_gone(&why) { Ok(None) } else { Err(broken(why)) },
            };
            match message {
                Message::Binary(message) => return Ok(Some(message.into())),
                Message::Text(_) => {
                    return Err(TunnelError::Nonsense("a text, where only binary messages come".into()));
                }
                Message::Close(frame) => {
                    // Says that it was heard. Whoever closed may not wait for that.
                    let _gone = timeout(FAREWELL, self.stream.flush()).await;
                    return cut(frame).map_or(Ok(None), Err);
                }
                // The library answers pings.
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Closes the tunnel for both sides.
    pub async fn close(self) {
        self.part(CloseCode::Normal).await;
    }

    pub(super) async fn part(mut self, code: CloseCode) {
        let closing = async {
            let frame = CloseFrame { code, reason: "".into() };
            if self.stream.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        // Dropping it has the same effect, if less politely.
        let _rude = timeout(FAREWELL, closing).await;
    }
}

/// Why the tunnel was closed, if that was no common end.
fn cut(frame: Option<CloseFrame>) -> Option<TunnelError> {
    let frame = frame?;
    let common = matches!(frame.code, CloseCode::Normal | CloseCode::Away | CloseCode::Status);
    (!common).then(|| TunnelError::Cut { code: frame.code.into(), reason: harmless(frame.reason.as_str()) })
}

/// Whether a connection ended without a word, which happens when programs end.
pub(super) fn has_gone(why: &tungstenite::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    match why {
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => true,
        tungstenite::Error::Io(why) => {
            matches!(
                why.kind(),
                BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
            )
        }
        _ => false,
    }
}

fn broken(why: tungstenite::Error) -> TunnelError {
    match why {
        tungstenite::Error::Io(why) => TunnelError::Io(why),
        tungstenite::Error::Capacity(_) => {
            TunnelError::Nonsense(format!("a message of more than {LONGEST_MESSAGE} bytes"))
        }
        other => TunnelError::Nonsense(other.to_string()),
    }
}
