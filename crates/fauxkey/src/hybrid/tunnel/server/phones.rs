//! Linked phones that wait to be contacted. See [`super::super::contacts`] for what they hear.
use super::desk::Station;
use super::relay::{Ending, Heard, dismiss, heard};
use super::{Limits, WebSocket};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Tells a phone of its contacts until it goes.
pub(super) async fn wait(mut socket: WebSocket, mut station: Station, limits: &Limits) {
    let mut last = Instant::now();
    let mut asked = false;
    let ending = loop {
        let patience = if asked { limits.silence } else { limits.silence / 2 };
        let message = tokio::select! {
            message = socket.next() => match heard(message, limits) {
                Heard::Nothing => {
                    (last, asked) = (Instant::now(), false);
                    continue;
                }
                Heard::Message(_) => {
                    break Ending::offence(CloseCode::Policy, "nothing is said here but by the service");
                }
                Heard::Ending(ending) => break ending,
            },
            // The sender is in the books as long as the station is.
            Some(contact) = station.contacts.recv() => Message::Binary(contact.encode().into()),
            () = sleep_until(last + patience) => {
                if asked {
                    break Ending::offence(CloseCode::Policy, "the phone gave no sign of life");
                }
                asked = true;
                Message::Ping(Vec::new().into())
            }
        };
        // A phone that does not take it is as silent as one that does not answer.
        if !matches!(timeout(limits.silence, socket.send(message)).await, Ok(Ok(()))) {
            break Ending::Gone;
        }
    };
    if ending.is_normal() {
        station.unlink()
    } else {
        drop(station)
    }
    dismiss(socket, ending.reply()).await;
}
