//! The door of the service: what a connection asks for, and the reply to that.
use super::super::{
    CLIENT_PAYLOAD, LONGEST_CONTACT_ID, LONGEST_PAYLOAD, ROUTING, ROUTING_ID, SIGNAL_CONNECTION, SUBPROTOCOL,
    TUNNEL_ID,
};
use super::desk::{Desk, Refusal, Station, Waiting};
use super::{Stream, WebSocket, phones, relay};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::Accept;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::machine::TryParse as _;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response, create_response, write_response};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::Role;

/// Bytes of the longest request.
const LONGEST_REQUEST: usize = 8 << 10;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Errand {
    /// A phone wants a tunnel with this ID.
    New([u8; TUNNEL_ID]),
    /// Somebody wants to join it.
    Connect([u8; ROUTING], [u8; TUNNEL_ID]),
    /// A client wants the phone behind this contact ID.
    Contact(Vec<u8>),
    /// The phone behind this contact ID waits.
    Wait(Vec<u8>),
}

/// What a connection does when it has become a WebSocket.
enum Part {
    /// The first side of a tunnel. It is told when the other one has joined, if it wants to be.
    First(Waiting, bool),
    /// The second side.
    Second(oneshot::Sender<WebSocket>),
    /// A phone.
    Phone(Station),
}

/// A connection from its beginning to its end.
pub(super) async fn attend(handshake: Accept<TcpStream>, desk: &Arc<Desk>) {
    let arriving = async {
        let mut stream = handshake.await.ok()?;
        // Small messages that are waited for. Without it they are merely slower.
        let _slow = stream.get_ref().0.set_nodelay(true);
        let request = read(&mut stream).await?;
        Some((stream, request))
    };
    // Whoever does not get that far has lost nothing.
    let Ok(Some((mut stream, request))) = timeout(desk.limits.handshake, arriving).await else { return };
    let admitted = request.and_then(|(request, rest)| Ok((admit(&request, desk)?, rest)));
    let ((reply, part), rest) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => return refuse(stream, &refusal).await,
    };
    let mut bytes = Vec::new();
    if write_response(&mut bytes, &reply).is_err() || !written(&mut stream, &bytes, desk).await {
        return;
    }
    let config = Some(desk.limits.sockets());
    let socket = WebSocketStream::from_partially_read(stream, rest, Role::Server, config).await;
    match part {
        Part::First(waiting, signal) => relay::wait(socket, waiting, signal, &desk.limits).await,
        Part::Second(first) => relay::join(socket, first).await,
        Part::Phone(station) => phones::wait(socket, station, &desk.limits).await,
    }
}

/// A request, and what came behind it; `None` if the connection ended before.
async fn read(stream: &mut Stream) -> Option<Result<(Request, Vec<u8>), Refusal>> {
    let mut bytes = Vec::with_capacity(1 << 10);
    while bytes.len() < LONGEST_REQUEST {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        match Request::try_parse(&bytes) {
            Ok(None) => {}
            Ok(Some((length, request))) => return Some(Ok((request, bytes.split_off(length)))),
            Err(why) => return Some(Err(nonsense(&why))),
        }
    }
    Some(Err(Refusal::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        format!("a request has at most {LONGEST_REQUEST} bytes"),
    )))
}

fn nonsense(why: &Error) -> Refusal {
    let status = match why {
        Error::Protocol(ProtocolError::WrongHttpMethod) => StatusCode::METHOD_NOT_ALLOWED,
        Error::Capacity(CapacityError::TooManyHeaders) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    Refusal::new(status, format!("not a request for a WebSocket: {why}"))
}

/// Whether a request is one of ours, and who may come in by it.
fn admit(request: &Request, desk: &Arc<Desk>) -> Result<(Response, Part), Refusal> {
    let errand = errand(request.uri().path())?;
    let headers = request.headers();
    keep_pages_out(headers)?;
    if !offers_our_subprotocol(headers) {
        let message = format!("only the subprotocol {SUBPROTOCOL} is spoken here");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
    }
    let mut reply = create_response(request).map_err(|why| nonsense(&why))?;
    let part = match errand {
        Errand::New(id) => {
            let waiting = desk.open(id)?;
            let routing = HeaderValue::from_str(&wire::hex::encode(&waiting.routing));
            reply.headers_mut().insert(ROUTING_ID, routing.expect("hexadecimal digits may be in a header"));
            Part::First(waiting, false)
        }
        Errand::Connect(routing, id) => Part::Second(desk.join(routing, id)?),
        Errand::Contact(id) => {
            let signal = headers
                .get(SIGNAL_CONNECTION)
                .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
            let waiting = desk.contact(&id, client_payload(headers)?)?;
            if signal {
                reply.headers_mut().insert(SIGNAL_CONNECTION, HeaderValue::from_static("true"));
            }
            Part::First(waiting, signal)
        }
        Errand::Wait(id) => Part::Phone(desk.station(id)?),
    };
    reply.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok((reply, part))
}

/// The digits are hexadecimal in either case: Chromium sends capitals, others do not.
fn errand(path: &str) -> Result<Errand, Refusal> {
    let mut parts = path.split('/').skip(1);
    let parts = [(); 5].map(|()| parts.next());
    match parts {
        [Some("cable"), Some("new"), Some(id), None, _] => digits(id).map(Errand::New),
        [Some("cable"), Some("connect"), Some(routing), Some(id), None] => {
            digits(routing).zip(digits(id)).map(|(routing, id)| Errand::Connect(routing, id))
        }
        [Some("cable"), Some("contact"), Some(id), None, _] => contact_id(id).map(Errand::Contact),
        [Some("fauxkey"), Some("contacts"), Some(id), None, _] => contact_id(id).map(Errand::Wait),
        _ => None,
    }
    .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path of a tunnel service"))
}

fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Two digits a byte, and nothing that is passed over.
    let bytes = wire::hex::decode(text).filter(|_| text.len() == 2 * N)?;
    bytes.try_into().ok()
}

fn contact_id(text: &str) -> Option<Vec<u8>> {
    wire::base64url::decode(text).filter(|id| (1..=LONGEST_CONTACT_ID).contains(&id.len()))
}

fn client_payload(headers: &HeaderMap) -> Result<Vec<u8>, Refusal> {
    let text = headers.get(CLIENT_PAYLOAD).and_then(|value| value.to_str().ok());
    let payload = text.and_then(wire::hex::decode);
    payload.filter(|payload| (1..=LONGEST_PAYLOAD).contains(&payload.len())).ok_or_else(|| {
        let message =
            format!("the header {CLIENT_PAYLOAD} holds 1 to {LONGEST_PAYLOAD} bytes in hexadecimal");
        Refusal::new(StatusCode::BAD_REQUEST, message)
    })
}

/// A page may open WebSockets to any host, but not without telling its own origin. Clients of the hybrid transport say
/// `wss` and this service's host, CTAP 2.2 §11.5, or nothing; this service itself has no pages.
fn keep_pages_out(headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let ours = |origin: &HeaderValue| {
        let origin = origin.as_bytes();
        origin.starts_with(b"wss://") || origin.strip_prefix(b"https://").is_some_and(|origin| origin == host)
    };
    if headers.get_all(header::ORIGIN).iter().all(ours) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "this is for clients of the hybrid transport, not for pages"))
}

fn offers_our_subprotocol(headers: &HeaderMap) -> bool {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    offered
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|offered| offered.trim() == SUBPROTOCOL))
}

async fn refuse(mut stream: Stream, refusal: &Refusal) {
    let Refusal { status, why } = refusal;
    let reply = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{why}\n",
        why.len() + 1
    );
    if stream.write_all(reply.as_bytes()).await.is_ok() {
        relay::hang_up(stream).await;
    }
}

async fn written(stream: &mut Stream, bytes: &[u8], desk: &Desk) -> bool {
    let writing = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    matches!(timeout(desk.limits.handshake, writing).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_read_with_digits_in_either_case() {
        let id = [0xAB; TUNNEL_ID];
        let (lower, upper) = ("ab".repeat(16), "AB".repeat(16));
        for digits in [&lower, &upper] {
            assert_eq!(errand(&format!("/cable/new/{digits}")), Ok(Errand::New(id)));
            assert_eq!(
                errand(&format!("/cable/connect/0a0B0c/{digits}")),
                Ok(Errand::Connect([10, 11, 12], id))
            );
        }
        assert_eq!(errand("/cable/contact/AQI"), Ok(Errand::Contact(vec![1, 2])));
        assert_eq!(errand("/fauxkey/contacts/_-8"), Ok(Errand::Wait(vec![0xFF, 0xEF])));
    }

    #[test]
    fn a_path_that_is_a_little_different_leads_nowhere() {
        let id = "ab".repeat(16);
        for path in [
            "",
            "/",
            "/cable",
            "/cable/new",
            "/cable/new/",
            &format!("/cable/new/{id}/"),
            &format!("/cable/new/{id}00"),
            &format!("/cable/new/{}", &id[2..]),
            &format!("/cable/new/{}:", &id[..31]),
            &format!("/cable/new/g{}", &id[1..]),
            &format!("//cable/new/{id}"),
            &format!("/Cable/new/{id}"),
            &format!("/cable/connect/{id}"),
            &format!("/cable/connect/0a0b/{id}"),
            &format!("/cable/connect/0a0b0c/{id}/x"),
            "/cable/contact/",
            "/cable/contact/AQI=",
            "/cable/contact/A+I",
            &format!("/cable/contact/{}", "A".repeat(344)),
            "/fauxkey/contact/AQI",
        ] {
            let refusal = errand(path).expect_err(path);
            assert_eq!(refusal.status, StatusCode::NOT_FOUND, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "[/a-z0-9]{0,40}|/cable/(new|connect|contact)/.{0,80}|.*") {
            let _nowhere = errand(&path);
        }
    }
}
