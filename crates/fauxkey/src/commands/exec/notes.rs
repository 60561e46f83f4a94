//! What whoever started a program should know of what it does on the devices.
use crate::announce::Announced;
use crate::commands::person::{Person, Where};
use crate::control::Prompt;
use crate::instance::Instance;
use crate::log;
use crate::output::Output;
use crate::remote::Remote;
use authenticator::{Link, Purpose};
use emulator::Event;
use serde::Deserialize;
use serde_json::Value;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::thread;

/// Said once. Measured: Chromium 156 shows the page zeros, and Firefox 153 does not.
const ZEROS: &str = "a page that asks for attestation \"none\" sees an AAGUID of zeros from Chromium, as from every \
                     USB key; to see the real one, ask for \"direct\" (it also keeps it with \
                     `fauxkey browser --route extension`, and over hybrid, for which there is `fauxkey hybrid lab`)";

/// What was said.
struct Notes {
    output: Output,
    announced: Announced,
    of_zeros: bool,
}

impl Notes {
    fn new(output: Output) -> Self {
        Self { output, announced: Announced::default(), of_zeros: false }
    }

    /// A program asks for a passkey over this door.
    fn registering(&mut self, rp_id: &str) {
        // OpenSSH's are no pages (PROTOCOL.u2f).
        if !self.of_zeros && !rp_id.starts_with("ssh:") {
            self.of_zeros = true;
            self.output.note(ZEROS);
        }
    }

    fn announce(&mut self, rp_id: &str) {
        if !rp_id.starts_with("ssh:") {
            log::announce(&mut self.announced, &self.output, rp_id);
        }
    }

    fn hear(&mut self, event: &Event) {
        let Event::Prompted(prompt) = event else { return };
        let Some(rp_id) = prompt.purpose.rp_id().filter(|rp_id| !rp_id.starts_with("ssh:")) else { return };
        log::announce(&mut self.announced, &self.output, rp_id);
        if matches!(prompt.purpose, Purpose::Register { .. }) && prompt.link == Link::Usb {
            self.registering(rp_id);
        }
    }
}

/// Whoever started the program: the devices have no terminal but this one.
fn place() -> Where {
    Where { without_log: true, desktop: io::stderr().is_terminal() }
}

/// Says it of an instance in this process, on a thread of its own, and asks whoever is there.
///
/// # Errors
/// If the system has no room for a thread.
pub(in crate::commands) fn of(output: Output, instance: Arc<Instance>) -> io::Result<()> {
    let happenings = instance.subscribe();
    let mut notes = Notes::new(output);
    let person = Person::there(output, instance, place());
    let follow = move || {
        for happening in happenings {
            notes.hear(&happening.event);
            if let Some(person) = &person {
                person.hear(&happening);
            }
        }
    };
    thread::Builder::new().name("notes".into()).spawn(follow).map(drop)
}

/// Says it of an instance in another process. One that was started for this program has nobody else to announce relying
/// parties to and to ask; others do that themselves.
///
/// # Errors
/// If the system has no room for a thread.
pub(super) fn of_remote(output: Output, remote: &Remote, is_ours: bool) -> io::Result<()> {
    // Without events there is nothing to say, and the program runs as well.
    let Ok(events) = remote.events() else { return Ok(()) };
    let mut notes = Notes::new(output);
    let mut asked = None;
    let person = is_ours.then(|| Person::there(output, Arc::new(remote.clone()), place())).flatten();
    let follow = move || {
        for event in events {
            let text = |name: &str| event[name].as_str();
            if is_ours && let Some(rp_id) = event["prompt"]["rpId"].as_str() {
                notes.announce(rp_id);
            }
            match text("kind") {
                Some("prompted") if event["prompt"]["purpose"] == "register" => {
                    asked = event["prompt"]["rpId"].as_str().map(str::to_owned);
                }
                // Prompts do not say over which link they came; answers do.
                Some("answered") if makes_credential(&event) => {
                    if let Some(rp_id) = asked.take() {
                        notes.registering(&rp_id);
                    }
                }
                _ => {}
            }
            if let Some(person) = &person {
                hear(person, &event);
            }
        }
    };
    thread::Builder::new().name("notes".into()).spawn(follow).map(drop)
}

/// Tells a person of a question that the API told of.
fn hear(person: &Arc<Person>, event: &Value) {
    let Some(device) = event["device"].as_str() else { return };
    match event["kind"].as_str() {
        Some("prompted") => {
            if let Ok(prompt) = Prompt::deserialize(&event["prompt"]) {
                person.prompted(device, prompt);
            }
        }
        Some("prompt-closed") => {
            if let Some(number) = event["number"].as_u64() {
                person.closed(device, number);
            }
        }
        _ => {}
    }
}

fn makes_credential(event: &Value) -> bool {
    event["command"] == "authenticatorMakeCredential" && event["link"] == "usb"
}
