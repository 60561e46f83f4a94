//! What happens on the devices with every message, as lines of a trace: a stream of server-sent events.
use super::Api;
use super::problem::Problem;
use crate::control::Lines;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use futures_util::stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::thread;
use tokio::sync::mpsc;

/// Lines that wait for somebody who listens slowly; then the watch waits, which counts what it misses.
const WAITING: usize = 1024;

/// Answers GET trace: everything from now on, until the server stops.
pub(super) async fn stream(State(api): State<Arc<Api>>) -> Result<impl IntoResponse, Problem> {
    let lines = api.ask(|control| control.trace()).await?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let relayed = thread::Builder::new().name("api trace".into()).spawn(move || relay(lines, &sender));
    relayed.expect("the system has room for a thread");
    let api = api.clone();
    let events = stream::unfold(receiver, move |mut receiver| {
        let api = api.clone();
        async move {
            let line: String = tokio::select! {
                line = receiver.recv() => line?,
                () = api.events.closed() => return None,
            };
            Some((Ok::<_, Infallible>(Message::default().data(line)), receiver))
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Takes the lines as they come. Ends soon after nobody listens any more.
fn relay(lines: Lines, sender: &mpsc::Sender<String>) {
    for line in lines {
        let sent = match line {
            Some(line) => {
                let json = serde_json::to_string(&line).expect("text and numbers are JSON");
                sender.blocking_send(json).is_ok()
            }
            None => !sender.is_closed(),
        };
        if !sent {
            return;
        }
    }
}
