//! Two connections that are one tunnel.
use super::super::client::has_gone;
use super::desk::Waiting;
use super::{Limits, Second, Stream, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

/// How long a side may take to agree that it is over.
const FAREWELL: Duration = Duration::from_secs(2);
/// The whole of the message that tells a client that the phone has joined.
const JOINED: &[u8] = &[0];

/// What a side did.
pub(super) enum Heard {
    /// Sent something to the other side.
    Message(Bytes),
    /// Gave a sign of life.
    Nothing,
    /// It is over.
    Ending(Ending),
}

/// Why it is over.
pub(super) enum Ending {
    /// The side closed the tunnel, with a code and a reason perhaps.
    Closed(Option<CloseFrame>),
    /// The side has gone without a word.
    Gone,
    /// The side broke a rule, and is told which.
    Offence(CloseFrame),
}

impl Ending {
    pub(super) fn offence(code: CloseCode, reason: impl Into<String>) -> Self {
        Self::Offence(farewell(code, reason))
    }

    /// Whether the side has said that it is done, RFC 6455 §7.4.1.
    pub(super) fn is_normal(&self) -> bool {
        matches!(self, Self::Closed(Some(frame)) if frame.code == CloseCode::Normal)
    }

    /// What the side itself is told.
    pub(super) fn reply(&self) -> CloseFrame {
        match self {
            // It has had its answer from the library, or does not hear any more.
            Self::Closed(_) | Self::Gone => farewell(CloseCode::Normal, ""),
            Self::Offence(frame) => frame.clone(),
        }
    }

    /// What the other side is told.
    fn news(&self) -> CloseFrame {
        match self {
            Self::Closed(Some(frame)) if frame.code.is_allowed() => frame.clone(),
            Self::Closed(_) => farewell(CloseCode::Normal, ""),
            Self::Gone => farewell(CloseCode::Away, "the other side has gone"),
            Self::Offence(frame) => {
                farewell(CloseCode::Away, format!("the other side was cut off: {}", frame.reason))
            }
        }
    }
}

/// A close frame. Reasons have at most 123 bytes, RFC 6455 §5.5.
fn farewell(code: CloseCode, reason: impl Into<String>) -> CloseFrame {
    let mut reason: String = reason.into();
    reason.truncate(reason.floor_char_boundary(123));
    CloseFrame { code, reason: reason.into() }
}

/// What the next message of a side means.
pub(super) fn heard(message: Option<Result<Message, Error>>, limits: &Limits) -> Heard {
    let offence = |code, reason: String| Heard::Ending(Ending::offence(code, reason));
    match message {
        Some(Ok(Message::Binary(message))) => Heard::Message(message),
        Some(Ok(Message::Text(_))) => {
            offence(CloseCode::Unsupported, "a tunnel carries binary messages, not text".into())
        }
        Some(Ok(Message::Close(frame))) => Heard::Ending(Ending::Closed(frame)),
        // The library answers pings.
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Heard::Nothing,
        None => Heard::Ending(Ending::Gone),
        Some(Err(why)) if has_gone(&why) => Heard::Ending(Ending::Gone),
        Some(Err(Error::Capacity(_))) => {
            offence(CloseCode::Size, format!("a message has at most {} bytes here", limits.message_bytes))
        }
        Some(Err(Error::Io(_))) => Heard::Ending(Ending::Gone),
        Some(Err(why)) => offence(CloseCode::Protocol, why.to_string()),
    }
}

/// The first side: waits for the second, and then passes on what they say.
pub(super) async fn wait(mut socket: WebSocket, waiting: Waiting, signal: bool, limits: &Limits) {
    let Waiting { mut second, place, .. } = waiting;
    let deadline = Instant::now() + limits.waiting;
    // What it says before there is anybody to hear it. It is not listened to further until there is.
    let mut early = None;
    let (other, _room) = loop {
        let ending = tokio::select! {
            joined = &mut second => match joined {
                Ok(other) => break other,
                // Its connection broke just then. The tunnel was promised to it.
                Err(_) => Ending::offence(CloseCode::Away, "the other side has gone"),
            },
            message = socket.next(), if early.is_none() => match heard(message, limits) {
                Heard::Message(message) => {
                    early = Some(message);
                    continue;
                }
                Heard::Nothing => continue,
                Heard::Ending(ending) => ending,
            },
            () = sleep_until(deadline) => {
                let seconds = limits.waiting.as_secs();
                Ending::offence(CloseCode::Policy, format!("nobody joined the tunnel within {seconds} s"))
            }
        };
        drop(place);
        // Whoever comes in this moment hears it too.
        second.close();
        if let Ok((late, _room)) = second.try_recv() {
            tokio::join!(dismiss(late, ending.news()), dismiss(socket, ending.reply()));
        } else {
            dismiss(socket, ending.reply()).await;
        }
        return;
    };
    if signal && socket.send(Message::Binary(JOINED.into())).await.is_err() {
        return dismiss(other, Ending::Gone.news()).await;
    }
    let ends = pass(socket, other, early, limits).await;
    // Nobody has to wait for goodbyes to use the ID again.
    drop(place);
    let [one, other] = ends.map(|(socket, frame)| dismiss(socket, frame));
    tokio::join!(one, other);
}

/// The second side: from now on it is the first one's.
pub(super) async fn join(second: Second, first: oneshot::Sender<Second>) {
    if let Err((socket, _room)) = first.send(second) {
        dismiss(socket, Ending::Gone.news()).await;
    }
}

/// Passes messages on until one side ends it or the time is over: both sides, and what to tell each.
async fn pass(
    one: WebSocket,
    other: WebSocket,
    early: Option<Bytes>,
    limits: &Limits,
) -> [(WebSocket, CloseFrame); 2] {
    let deadline = Instant::now() + limits.lifetime;
    let (mut to_one, mut from_one) = one.split();
    let (mut to_other, mut from_other) = other.split();
    // Each direction by itself: a side that does not listen keeps nobody from talking to the other.
    let (one_says, other_says) = tokio::select! {
        ending = carry(&mut from_one, &mut to_other, early, limits) => (ending.reply(), ending.news()),
        ending = carry(&mut from_other, &mut to_one, None, limits) => (ending.news(), ending.reply()),
        () = sleep_until(deadline) => {
            let seconds = limits.lifetime.as_secs();
            let over = farewell(CloseCode::Policy, format!("a tunnel is open for at most {seconds} s here"));
            (over.clone(), over)
        }
    };
    let whole = "both halves are of one socket";
    [
        (from_one.reunite(to_one).expect(whole), one_says),
        (from_other.reunite(to_other).expect(whole), other_says),
    ]
}

/// Passes on what one side says, which `early` is the beginning of. The ending is that side's doing, or the other's
/// that has gone.
async fn carry(
    from: &mut SplitStream<WebSocket>,
    to: &mut SplitSink<WebSocket, Message>,
    early: Option<Bytes>,
    limits: &Limits,
) -> Ending {
    let mut early = early.map(|message| Ok(Message::Binary(message)));
    let mut carried = 0;
    loop {
        let next = match early.take() {
            Some(early) => Some(early),
            None => from.next().await,
        };
        let message = match heard(next, limits) {
            Heard::Message(message) => message,
            Heard::Nothing => continue,
            Heard::Ending(ending) => return ending,
        };
        if carried == limits.messages {
            let reason = format!("a side sends at most {} messages here", limits.messages);
            return Ending::offence(CloseCode::Policy, reason);
        }
        carried += 1;
        if to.send(Message::Binary(message)).await.is_err() {
            // What it said before it went is still to be heard by the other direction, which also ends this one.
            std::future::pending::<()>().await;
        }
    }
}

/// Ends a connection: says why, hears the answer, and hangs up. Whoever does not answer is hung up on.
pub(super) async fn dismiss(mut socket: WebSocket, frame: CloseFrame) {
    let parting = async move {
        if socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
        drain(socket.into_inner()).await
    };
    // It is over in any case.
    let _over = timeout(FAREWELL, parting).await;
}

/// Ends a connection to which the last was said.
pub(super) async fn hang_up(stream: Stream) {
    // It is over in any case.
    let _over = timeout(FAREWELL, drain(stream)).await;
}

/// Takes off what still comes until the other end has hung up too. Otherwise the system would reset the connection, and
/// the last that was said might be lost.
async fn drain(mut stream: Stream) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}
