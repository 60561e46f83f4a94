//! A peer that is no peer: nonsense to the service, and nonsense from one.
use super::*;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

#[test]
fn what_is_no_request_of_ours_is_refused_with_a_reason() {
    run(async {
        let rig = Rig::new();
        let path = format!("/cable/new/{ID}");
        let whole = upgrade(&path, SPOKEN);
        for (request, status, why) in [
            (whole.replace("GET", "POST"), 405, "GET"),
            (whole.replace("HTTP/1.1", "HTTP/1.0"), 400, "1.1"),
            (whole.replace("Upgrade: websocket", "Upgrade: h2c"), 400, "websocket"),
            (whole.replace("Version: 13", "Version: 12"), 400, "13"),
            (whole.replace("Sec-WebSocket-Key", "X"), 400, "Key"),
            (format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400, "fido.cable"),
            (upgrade("/", SPOKEN), 404, "nothing at this path"),
            (upgrade("/cable/new/xyz", SPOKEN), 404, "nothing at this path"),
            ("\0\0\0\0\r\n\r\n".into(), 400, "not a request"),
            ("hello\r\n\r\n".into(), 400, "not a request"),
        ] {
            let reply = rig.asked(&request).await;
            assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {reply}");
            assert!(reply.contains(why), "{request}: {reply}");
            assert!(reply.contains("\r\nConnection: close\r\n"), "{reply}");
        }
        // And it is still there for others.
        let _tunnel = rig.both(ID).await;
    });
}

/// A first side of a tunnel that is not held to the rules of WebSockets.
async fn stranger(rig: &Rig, other: impl AsyncFnOnce(String) -> Socket) -> (TlsStream<TcpStream>, Socket) {
    let mut stream = rig.plain().await;
    stream.write_all(upgrade(&format!("/cable/new/{ID}"), SPOKEN).as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    while !reply.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut reply).await.unwrap() > 0);
    }
    let reply = String::from_utf8(reply).unwrap();
    let routing = reply.lines().find_map(|line| line.strip_prefix("x-cable-routing-id: ")).unwrap();
    (stream, other(routing.into()).await)
}

#[test]
fn nonsense_in_a_tunnel_cuts_it() {
    // RFC 6455 §5.2: opcode, length, masking key, payload.
    let cases: [(&[u8], u16, &str); 6] = [
        (b"\x81\x82\0\0\0\0hi", 1003, "text"),
        (b"\x82\x02hi", 1002, "unmasked"),
        (b"\xC2\x82\0\0\0\0hi", 1002, "Reserved"),
        (b"\x83\x80\0\0\0\0", 1002, "opcode"),
        (b"\x80\x80\0\0\0\0", 1002, "ontinue"),
        (b"\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0", 1009, "16384"),
    ];
    run(async {
        let rig = Rig::new();
        for (nonsense, code, why) in cases {
            let (mut stream, mut client) =
                stranger(&rig, async |routing| rig.second(&routing, ID).await.unwrap()).await;
            stream.write_all(nonsense).await.unwrap();
            assert_eq!(client.recv().await.unwrap(), None, "{nonsense:?}");
            // A close frame from the service: its opcode, a length, the code, and the reason.
            let mut head = [0; 4];
            stream.read_exact(&mut head).await.unwrap();
            assert_eq!(head[0], 0x88, "{nonsense:?}: {head:?}");
            assert_eq!(u16::from_be_bytes([head[2], head[3]]), code, "{nonsense:?}");
            let mut reason = vec![0; usize::from(head[1]) - 2];
            stream.read_exact(&mut reason).await.unwrap();
            let reason = String::from_utf8_lossy(&reason);
            assert!(reason.contains(why), "{nonsense:?}: {reason}");
        }
    });
}

#[test]
fn a_message_in_fragments_and_between_pings_arrives_whole() {
    run(async {
        let rig = Rig::new();
        let (mut stream, mut client) =
            stranger(&rig, async |routing| rig.second(&routing, ID).await.unwrap()).await;
        stream.write_all(b"\x02\x81\0\0\0\0h\x89\x80\0\0\0\0\x80\x81\0\0\0\0i").await.unwrap();
        assert_eq!(client.recv().await.unwrap(), Some(b"hi".to_vec()));
        let mut pong = [0; 2];
        stream.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong, [0x8A, 0]);
    });
}

#[test]
fn fragments_that_become_too_long_cut_the_tunnel() {
    run(async {
        let rig = Rig::new();
        let (mut stream, mut client) =
            stranger(&rig, async |routing| rig.second(&routing, ID).await.unwrap()).await;
        let fragment = |first: u8| [&[first, 0xFE, 0x20, 0, 0, 0, 0, 0][..], &[0; 0x2000]].concat();
        for first in [0x02, 0, 0] {
            stream.write_all(&fragment(first)).await.unwrap();
        }
        assert_eq!(client.recv().await.unwrap(), None);
    });
}

/// A service that answers everything with these bytes.
async fn answered(reply: &'static [u8]) -> TunnelError {
    let ca = TunnelCa::new(&[]).unwrap();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = ca.acceptor();
    tokio::spawn(async move {
        let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(reply).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let trust = Trust::Roots(vec![ca.root_der()]);
    let service = Service { host: "cable.auth.com".into(), address: Some(address), port: 443, trust };
    open(&service, "/cable/new/x", None, false).await.err().unwrap()
}

#[test]
fn each_answer_that_is_none_is_a_clear_error() {
    run(async {
        for (reply, why) in [
            (&b"HTTP/1.1 410 Gone\r\n\r\n"[..], "cable.auth.com knows no phone by this contact ID any more"),
            (b"HTTP/1.1 500 Oh\r\n\r\n", "cable.auth.com refuses: 500"),
            (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", "cable.auth.com refuses: 200"),
            (
                b"HTTP/1.1 429 No\r\nContent-Type: text/plain\r\n\r\nslow\x1B[2J down\nplease",
                "cable.auth.com refuses: 429: slow[2J down",
            ),
            (
                b"HTTP/1.1 302 Found\r\nLocation: wss://x.test/\r\n\r\n",
                "cable.auth.com refuses: 302: it redirects to wss://x.test/, which is not followed",
            ),
            (b"SSH-2.0-OpenSSH\r\n\r\n", "cable.auth.com is no tunnel service: "),
            (b"", "cable.auth.com is no tunnel service: "),
            (
                b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
                "cable.auth.com is no tunnel service: ",
            ),
        ] {
            let error = answered(reply).await.to_string();
            assert!(error.starts_with(why), "{error}");
        }
    });
}

/// A service that does as it is told when somebody has come.
async fn with_service<F: Future<Output = ()> + Send + 'static>(
    subprotocol: Option<&'static str>,
    act: impl FnOnce(tokio_tungstenite::WebSocketStream<tokio_rustls::server::TlsStream<TcpStream>>) -> F
    + Send
    + 'static,
) -> Result<Opened, TunnelError> {
    let ca = TunnelCa::new(&[]).unwrap();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = ca.acceptor();
    tokio::spawn(async move {
        let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        #[allow(clippy::result_large_err, reason = "the library's own type")]
        let reply = |request: &Request, mut reply: Response| {
            assert_eq!(request.headers()["origin"], "wss://cable.auth.com");
            assert_eq!(request.headers()["host"], "cable.auth.com");
            if let Some(subprotocol) = subprotocol {
                let value = HeaderValue::from_static(subprotocol);
                reply.headers_mut().insert("sec-websocket-protocol", value);
            }
            Ok(reply)
        };
        if let Ok(socket) = tokio_tungstenite::accept_hdr_async(stream, reply).await {
            act(socket).await;
        }
    });
    let trust = Trust::Roots(vec![ca.root_der()]);
    let service = Service { host: "cable.auth.com".into(), address: Some(address), port: 443, trust };
    open(&service, "/cable/new/x", None, false).await
}

#[test]
fn a_service_without_our_subprotocol_is_none() {
    run(async {
        for (subprotocol, why) in [
            (None, "cable.auth.com is no tunnel service: it does not repeat the subprotocol fido.cable"),
            (Some("x"), "cable.auth.com is no tunnel service: it speaks another subprotocol than fido.cable"),
        ] {
            let refused = with_service(subprotocol, async |_| {}).await.err().unwrap();
            assert_eq!(refused.to_string(), why);
        }
    });
}

#[test]
fn a_service_that_sends_text_makes_no_sense() {
    run(async {
        let opened = with_service(Some(SUBPROTOCOL), async |mut socket| {
            socket.send(Message::Ping(vec![1].into())).await.unwrap();
            socket.send(Message::text("hello")).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        });
        let mut socket = opened.await.unwrap().socket;
        let error = socket.recv().await.unwrap_err();
        assert!(matches!(error, TunnelError::Nonsense(_)), "{error}");
    });
}

#[test]
fn a_service_that_breaks_off_is_as_good_as_closed() {
    run(async {
        let opened = with_service(Some(SUBPROTOCOL), async |socket| drop(socket));
        assert_eq!(opened.await.unwrap().socket.recv().await.unwrap(), None);
    });
}
