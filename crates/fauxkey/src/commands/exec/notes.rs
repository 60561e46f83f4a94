//! What whoever started a program should know of what it does on the devices.
use crate::announce::Announced;
use crate::instance::Happening;
use crate::log;
use crate::output::Output;
use crate::remote::Remote;
use authenticator::{Link, Purpose};
use emulator::Event;
use serde_json::Value;
use std::io;
use std::sync::mpsc::Receiver;
use std::thread;

/// Said once. Measured: Chromium 156 shows the page zeros, and Firefox 153 does not.
const ZEROS: &str = "a page that asks for attestation \"none\" sees an AAGUID of zeros from Chromium, as from every \
                     USB key; to see the real one, ask for \"direct\" (it also keeps it with \
                     `fauxkey browser --route extension`, and would over hybrid, for which there is no door here yet)";

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

    fn hear(&mut self, happening: &Happening) {
        let Event::Prompted(prompt) = &happening.event else { return };
        let Some(rp_id) = prompt.purpose.rp_id().filter(|rp_id| !rp_id.starts_with("ssh:")) else { return };
        log::announce(&mut self.announced, &self.output, rp_id);
        if matches!(prompt.purpose, Purpose::Register { .. }) && prompt.link == Link::Usb {
            self.registering(rp_id);
        }
    }
}

/// Says it of an instance in this process, on a thread of its own.
///
/// # Errors
/// If the system has no room for a thread.
pub(super) fn of(output: Output, happenings: Receiver<Happening>) -> io::Result<()> {
    let mut notes = Notes::new(output);
    let follow = move || happenings.iter().for_each(|happening| notes.hear(&happening));
    thread::Builder::new().name("notes".into()).spawn(follow).map(drop)
}

/// Says it of an instance in another process, which announces relying parties itself, unless it is to be done here.
///
/// # Errors
/// If the system has no room for a thread.
pub(super) fn of_remote(output: Output, remote: &Remote, announce: bool) -> io::Result<()> {
    // Without events there is nothing to say, and the program runs as well.
    let Ok(events) = remote.events() else { return Ok(()) };
    let mut notes = Notes::new(output);
    let mut asked = None;
    let follow = move || {
        for event in events {
            let text = |name: &str| event[name].as_str();
            if announce && let Some(rp_id) = event["prompt"]["rpId"].as_str() {
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
        }
    };
    thread::Builder::new().name("notes".into()).spawn(follow).map(drop)
}

fn makes_credential(event: &Value) -> bool {
    event["command"] == "authenticatorMakeCredential" && event["link"] == "usb"
}
