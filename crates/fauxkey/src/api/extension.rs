//! The WebSocket of the browser extension: calls of pages in, answers out.
//!
//! A page that knows the address gets nowhere: its `Origin` is not an extension's, which it cannot change. Another
//! extension gets nowhere without the token of the pairing, which is in no page's reach. That token opens this and
//! nothing else.
use super::Api;
use super::problem::Problem;
use crate::page::{Call, Choice, Front};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

/// The subprotocol that is spoken.
const PROTOCOL: &str = "fauxkey.v1";
/// What a subprotocol that carries the token begins with. The WebSocket of a browser sends no headers of one's own, and an
/// address is shown in too many places to have the token in it.
const TOKEN: &str = "fauxkey.token.";
/// Bytes of a message that are taken in.
const LONGEST_MESSAGE: usize = 1 << 20;
/// Calls of one browser that wait at a time.
const CALLS: usize = 64;
/// How long an extension may be silent. It says something every 20 seconds, which also keeps its browser from ending it.
const SILENCE: Duration = Duration::from_secs(75);

/// The token of the pairing that belongs to an instance's token.
pub fn pairing(token: &str) -> String {
    let digest = Sha256::new().chain_update("fauxkey extension\0").chain_update(token).finalize();
    wire::base64url::encode(&digest)
}

/// The token among the subprotocols that were offered.
pub(super) fn token(offered: &str) -> Option<&str> {
    offered.split(',').find_map(|one| one.trim().strip_prefix(TOKEN))
}

/// Whether a browser puts this `Origin` on what an extension of it asks.
pub(super) fn is_extension(origin: &str) -> bool {
    ["chrome-extension://", "moz-extension://"].iter().any(|scheme| origin.starts_with(scheme))
}

/// Which device its pages see.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    device: Option<String>,
    #[serde(default)]
    client: Option<String>,
}

/// A message of the extension.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    /// To be named in the answer; without it the message only says that somebody is there.
    #[serde(default)]
    number: Option<u64>,
    #[serde(default)]
    call: Value,
}

/// Lets an extension in.
pub(super) async fn connect(
    State(api): State<Arc<Api>>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let Query(wanted) = wanted.map_err(|why| Problem::invalid(format!("the query: {why}")))?;
    let upgrade = upgrade.map_err(|why| Problem::invalid(format!("this is for WebSockets alone: {why}")))?;
    let choice = Choice {
        device: wanted.device.filter(|name| !name.is_empty()),
        client: wanted.client.filter(|name| !name.is_empty()),
    };
    let front = Arc::new(Front::new(api.control.clone(), choice));
    Ok(upgrade
        .protocols([PROTOCOL])
        .max_message_size(LONGEST_MESSAGE)
        .on_upgrade(move |socket| async move { converse(&api, socket, &front).await }))
}

/// Until one side has had enough. What goes on then is called off.
async fn converse(api: &Api, mut socket: WebSocket, front: &Arc<Front>) {
    let (sender, mut answers) = mpsc::channel::<String>(CALLS);
    let room = Arc::new(Semaphore::new(CALLS));
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            message = socket.recv() => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => {
                        let Some(refused) = take(front, &sender, &room, text.as_str()) else { continue };
                        if socket.send(Message::text(refused)).await.is_err() { break }
                    }
                    // The rest is the protocol's own, and answered by the library.
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None => break,
                }
            }
            Some(answer) = answers.recv() => {
                if socket.send(Message::text(answer)).await.is_err() { break }
            }
            () = sleep_until(heard + SILENCE) => break,
            () = api.events.closed() => break,
        }
    }
    let front = front.clone();
    // It talks to devices, and may wait for them.
    drop(tokio::task::spawn_blocking(move || front.call_off_under("")));
}

/// Begins to answer a message; what there is to say at once, if there is something.
fn take(
    front: &Arc<Front>,
    sender: &mpsc::Sender<String>,
    room: &Arc<Semaphore>,
    text: &str,
) -> Option<String> {
    let answer = |number: Option<u64>, reply: &Value| json!({ "number": number, "reply": reply }).to_string();
    let refused = |number, name: &str, message: String| {
        Some(answer(number, &json!({ "error": { "name": name, "message": message } })))
    };
    let sent: Sent = match serde_json::from_str(text) {
        Ok(sent) => sent,
        Err(why) => return refused(None, "DataError", format!("no message of ours: {why}")),
    };
    // Only to say that somebody is there, and to hear that somebody else is.
    let Some(number) = sent.number else { return Some(answer(None, &json!({}))) };
    let call: Call = match serde_json::from_value(sent.call) {
        Ok(call) => call,
        Err(why) => return refused(Some(number), "TypeError", format!("no call of ours: {why}")),
    };
    let Ok(place) = room.clone().try_acquire_owned() else {
        return refused(Some(number), "OperationError", format!("{CALLS} calls wait already"));
    };
    let (job, sender) = (front.take(call), sender.clone());
    tokio::task::spawn_blocking(move || {
        let reply = job();
        drop(place);
        // The browser may have gone.
        let _gone = sender.blocking_send(answer(Some(number), &reply));
    });
    None
}
