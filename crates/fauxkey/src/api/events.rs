//! What happens on the devices, as it happens: a stream of server-sent events, each one JSON object.
use super::Api;
use crate::announce::Announced;
use crate::control::Prompt;
use crate::instance::Happening;
use authenticator::Event as Inner;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use emulator::Event;
use futures_util::stream;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::{io, thread};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use wire::apdu::StatusWord;

/// Events kept for a listener that is slow; what it misses is counted.
const KEPT: usize = 1024;

/// One event.
#[derive(Serialize)]
struct Happened<'a> {
    device: &'a str,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum What {
    Prompted {
        prompt: Prompt,
    },
    PromptClosed {
        number: u64,
    },
    Answered {
        command: String,
        link: &'static str,
        status: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    Committed {
        changes: usize,
    },
    Winked,
    Power {
        powered: bool,
    },
    /// What a client changed between page and device, or passed over.
    Noted {
        text: String,
    },
    /// A fault struck.
    Fault {
        id: u64,
        fault: &'static str,
        text: String,
    },
    /// A relying party is somebody's real one, and is used for the first time.
    #[serde(rename_all = "camelCase")]
    Announcement {
        rp_id: String,
    },
}

/// In place of events that a slow listener missed.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "missed")]
struct Missed {
    count: u64,
}

impl From<&Event> for What {
    fn from(event: &Event) -> Self {
        match event {
            Event::Prompted(prompt) => Self::Prompted { prompt: prompt.into() },
            Event::PromptClosed(number) => Self::PromptClosed { number: *number },
            Event::Winked => Self::Winked,
            Event::Power(powered) => Self::Power { powered: *powered },
            Event::Fault(strike) => {
                Self::Fault { id: strike.id, fault: strike.kind.name(), text: strike.what.clone() }
            }
            Event::Noted(note) => Self::Noted { text: note.clone() },
            Event::Traffic(_) => unreachable!("the runtime tells of traffic to watchers alone"),
            Event::Authenticator(Inner::Committed { changes }) => Self::Committed { changes: *changes },
            Event::Authenticator(Inner::Answered { command, via, outcome }) => {
                let error = outcome.as_ref().err();
                Self::Answered {
                    command: command.to_string(),
                    link: via.link.transport(),
                    status: error.map_or(wire::status::Status::OK, |error| error.status).to_string(),
                    reason: error.map(|error| error.reason.to_string()),
                }
            }
            Event::Authenticator(Inner::U2fAnswered { instruction, via, outcome }) => {
                let error = outcome.as_ref().err();
                Self::Answered {
                    command: instruction.to_string(),
                    link: via.link.transport(),
                    status: error.map_or(StatusWord::NO_ERROR, |error| error.status).to_string(),
                    reason: error.map(|error| error.reason.to_string()),
                }
            }
        }
    }
}

/// What happened, as the stream has it: one JSON object on one line.
pub fn event_json(happening: &Happening) -> String {
    json(&Happened { device: &happening.device, what: (&happening.event).into() })
}

fn json(event: &impl Serialize) -> String {
    serde_json::to_string(event).expect("text and numbers are JSON")
}

/// Takes events from the devices and gives them to everybody who listens.
pub(super) struct Hub {
    /// `None` once closed.
    listeners: Mutex<Option<broadcast::Sender<Arc<str>>>>,
}

/// The relying party of a prompt, if its first use is to be announced.
fn first_use<'a>(announced: &mut Announced, event: &'a Event) -> Option<&'a str> {
    let Event::Prompted(prompt) = event else { return None };
    prompt.purpose.rp_id().filter(|rp_id| announced.is_first_use(rp_id))
}

impl Hub {
    /// Starts the thread that takes events in. It ends with the devices, or at the first event after the hub
    /// is gone.
    ///
    /// # Errors
    /// If the system has no room for a thread.
    pub(super) fn start(happenings: Receiver<Happening>) -> io::Result<Arc<Self>> {
        let hub = Arc::new(Self { listeners: Mutex::new(Some(broadcast::Sender::new(KEPT))) });
        let weak = Arc::downgrade(&hub);
        thread::Builder::new().name("api events".into()).spawn(move || relay(&happenings, &weak))?;
        Ok(hub)
    }

    /// Ends every stream.
    pub(super) fn close(&self) {
        *self.listeners() = None;
    }

    fn send(&self, happening: &Happening, announced: &mut Announced) {
        if let Some(listeners) = &*self.listeners()
            && listeners.receiver_count() > 0
        {
            let announcement = first_use(announced, &happening.event).map(|rp_id| {
                let what = What::Announcement { rp_id: rp_id.to_owned() };
                json(&Happened { device: &happening.device, what })
            });
            for event in announcement.into_iter().chain([event_json(happening)]) {
                // The last listener may have gone in between.
                let _nobody = listeners.send(event.into());
            }
        }
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<str>> {
        match &*self.listeners() {
            Some(listeners) => listeners.subscribe(),
            // The sender is dropped at once: a stream that ends.
            None => broadcast::Sender::new(1).subscribe(),
        }
    }

    /// Ends when the hub is closed.
    pub(super) async fn closed(&self) {
        let mut events = self.subscribe();
        while !matches!(events.recv().await, Err(RecvError::Closed)) {}
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, Option<broadcast::Sender<Arc<str>>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn relay(happenings: &Receiver<Happening>, hub: &Weak<Hub>) {
    let mut announced = Announced::default();
    while let Ok(happening) = happenings.recv() {
        let Some(hub) = hub.upgrade() else { return };
        hub.send(&happening, &mut announced);
    }
    if let Some(hub) = hub.upgrade() {
        hub.close();
    }
}

/// Answers GET events: everything from now on, until the server stops.
pub(super) async fn stream(State(api): State<Arc<Api>>) -> impl IntoResponse {
    let events = stream::unfold(api.events.subscribe(), |mut receiver| async move {
        let message = match receiver.recv().await {
            Ok(json) => Message::default().data(json),
            Err(RecvError::Lagged(count)) => Message::default().data(json(&Missed { count })),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok::<_, Infallible>(message), receiver))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
