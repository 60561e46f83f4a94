use crate::api::extension::pairing;
use crate::api::testing::{Rig, SOON};
use crate::control::FailureKind;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::header::{ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tungstenite::{Error, Message, WebSocket};

const PATH: &str = "/api/v1/extension";
const EXTENSION: &str = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";

/// An extension that is connected, or the status with which it was refused.
fn connect(rig: &Rig, query: &str, origin: &str, token: &str) -> Result<WebSocket<TcpStream>, u16> {
    let url = format!("{}{PATH}{query}", rig.served.url.replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert(ORIGIN, origin.parse().unwrap());
    let protocols = format!("fauxkey.v1, fauxkey.token.{token}");
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocols.parse().unwrap());
    let stream = TcpStream::connect(rig.authority()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    match tungstenite::client(request, stream) {
        Ok((socket, response)) => {
            assert_eq!(
                response.headers()[SEC_WEBSOCKET_PROTOCOL],
                "fauxkey.v1",
                "the token is not said back"
            );
            Ok(socket)
        }
        Err(tungstenite::HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

fn say(socket: &mut WebSocket<TcpStream>, message: &Value) {
    socket.send(Message::text(message.to_string())).unwrap();
}

fn hear(socket: &mut WebSocket<TcpStream>) -> Value {
    serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap()
}

fn create(id: &str) -> Value {
    let options = json!({ "rp": { "name": "a" }, "challenge": "AA" });
    json!({ "type": "create", "id": id, "origin": "https://a.test", "crossOrigin": false, "options": options })
}

#[test]
fn an_extension_with_the_token_of_the_pairing_is_answered() {
    let rig = Rig::new();
    let mut socket = connect(&rig, "", EXTENSION, &pairing(&rig.served.token)).unwrap();
    say(&mut socket, &json!({}));
    assert_eq!(hear(&mut socket), json!({ "number": null, "reply": {} }), "somebody is there");
    say(&mut socket, &json!({ "number": 3, "call": create("x") }));
    let answer = hear(&mut socket);
    assert_eq!(answer["number"], 3);
    // The fake says no, and why is for people alone.
    assert_eq!(answer["reply"], json!({ "error": { "name": "NotAllowedError", "message": "no" } }));
    let calls = rig.fake.calls();
    assert!(calls.iter().any(|call| call.starts_with("ceremony phone Create https://a.test")), "{calls:?}");
    say(&mut socket, &json!({ "number": 4, "call": { "type": "dance" } }));
    assert_eq!(hear(&mut socket)["reply"]["error"]["name"], "TypeError");
}

#[test]
fn no_page_and_no_other_extension_gets_in() {
    let rig = Rig::new();
    let right = pairing(&rig.served.token);
    for origin in
        ["https://evil.test", "null", "http://127.0.0.1:1", "https://chrome-extension.evil.test", ""]
    {
        assert_eq!(connect(&rig, "", origin, &right).err(), Some(403), "{origin}, even with the token");
    }
    for token in ["", "x", &rig.served.token, &right[1..], &format!("{right}x")] {
        assert_eq!(connect(&rig, "", EXTENSION, token).err(), Some(401), "{token:?}");
    }
    assert!(connect(&rig, "", "moz-extension://6f2b6a4c", &right).is_ok());
}

#[test]
fn the_token_of_the_pairing_opens_nothing_else() {
    let rig = Rig::new();
    let bearer = format!("Authorization: Bearer {}", pairing(&rig.served.token));
    let protocol = format!("Sec-WebSocket-Protocol: fauxkey.token.{}", pairing(&rig.served.token));
    for headers in [[bearer.as_str()], [protocol.as_str()]] {
        assert_eq!(rig.ask_with("GET", "/api/v1/devices", &headers, "").status, 401);
    }
    let with_token = format!("Authorization: Bearer {}", rig.served.token);
    let origin = format!("Origin: {EXTENSION}");
    let reply = rig.ask_with("GET", "/api/v1/devices", &[&with_token, &origin], "");
    assert_eq!(reply.status, 403, "an extension has no business with the rest of the API");
    assert_eq!(reply.failure().kind, FailureKind::Forbidden);
}

/// What the fake is asked until it was asked for that.
fn until(rig: &Rig, what: &str) -> String {
    let end = Instant::now() + SOON;
    while Instant::now() < end {
        if let Some(call) = rig.fake.calls().into_iter().find(|call| call.starts_with(what)) {
            return call;
        }
        sleep(Duration::from_millis(5));
    }
    panic!("nobody asked for: {what}");
}

#[test]
fn what_goes_on_is_called_off_by_the_page_and_when_the_browser_is_gone() {
    for browser_goes in [false, true] {
        let rig = Rig::new();
        let (_touch, untouched) = channel();
        *rig.fake.touch.lock().unwrap() = Some(untouched);
        let mut socket = connect(&rig, "", EXTENSION, &pairing(&rig.served.token)).unwrap();
        say(&mut socket, &json!({ "number": 1, "call": create("x") }));
        let asked = until(&rig, "ceremony phone");
        let id = asked.split('"').find(|part| part.starts_with("page-")).unwrap().to_owned();
        if browser_goes {
            drop(socket);
        } else {
            say(&mut socket, &json!({ "number": 2, "call": { "type": "cancel", "id": "x" } }));
        }
        assert_eq!(until(&rig, "cancel"), format!("cancel phone {id}"));
    }
}
