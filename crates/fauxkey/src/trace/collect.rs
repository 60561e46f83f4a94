//! What happens on devices, into lines.
use super::ctaphid::{self, Assembled, Assembler};
use super::line::{Carrier, Kind, Line, Towards, Wire};
use super::{decode, redact};
use crate::log;
use authenticator::Event as Inner;
use emulator::{DeviceProfile, Event, Protocol, Traffic, Unit};
use std::collections::HashMap;
use std::time::Duration;
use transport::Format;
use wire::ctap2::Command;
use wire::ctaphid::{Command as Hid, Report};
use wire::hex;

/// Turns events into lines. One for all devices of a trace.
#[derive(Default)]
pub struct Collector {
    devices: HashMap<String, Links>,
}

/// What is known of a device's links.
#[derive(Default)]
struct Links {
    /// By port.
    assemblers: HashMap<usize, Assembler>,
    /// The request that is open, by port and channel.
    requests: HashMap<(usize, u32), Open>,
    /// Why the request on a channel was refused: by the authenticator's name for the channel.
    reasons: HashMap<(authenticator::Link, u32), String>,
}

/// A request without its answer.
struct Open {
    at: Duration,
    /// Of CTAP2.
    command: Option<Command>,
    /// The KEEPALIVE that was told last: it comes again and again.
    keepalive: Option<u8>,
}

/// Where a message was seen.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// When, since the trace began.
    pub at: Duration,
    /// The device's name.
    pub device: &'a str,
    /// Which way.
    pub towards: Towards,
    /// The kind of link, in WebAuthn's words.
    pub link: &'a str,
    /// Which of the device's links.
    pub port: usize,
}

impl Place<'_> {
    fn line(&self, carrier: Carrier, channel: String, command: String, name: String) -> Line {
        let Self { at, device, towards, link, port } = *self;
        let wire = Wire { towards, link: link.into(), port, carrier, channel, command, announced: None };
        Line { wire: Some(wire), ..Line::new(seconds(at), device, Kind::Message, name) }
    }
}

impl Collector {
    /// The lines of what happened on a device.
    pub fn event(&mut self, at: Duration, device: &str, event: &Event) -> Vec<Line> {
        let line = |kind, name: &str, text: String| {
            vec![Line { text, ..Line::new(seconds(at), device, kind, name) }]
        };
        match event {
            Event::Prompted(prompt) => line(Kind::User, "asks", log::question(prompt)),
            Event::PromptClosed(_) => line(Kind::User, "no longer asks", String::new()),
            Event::Fault(strike) => line(Kind::Fault, strike.kind.name(), strike.what.clone()),
            Event::Noted(note) => line(Kind::Client, "client", note.clone()),
            Event::Winked => line(Kind::Device, "winks", String::new()),
            Event::Power(on) => {
                // What was open stays unanswered.
                self.devices.remove(device);
                line(Kind::Device, if *on { "power on" } else { "power off" }, String::new())
            }
            Event::Authenticator(Inner::Committed { changes }) => line(
                Kind::Store,
                "stored",
                format!("{changes} change{}", if *changes == 1 { "" } else { "s" }),
            ),
            Event::Authenticator(Inner::Answered { via, outcome, .. }) => {
                self.answered(device, *via, outcome.as_ref().err().map(|error| error.reason.to_string()))
            }
            Event::Authenticator(Inner::U2fAnswered { via, outcome, .. }) => {
                self.answered(device, *via, outcome.as_ref().err().map(|error| error.reason.to_string()))
            }
            Event::Traffic(traffic) => self.traffic(at, device, traffic),
        }
    }

    /// A device runs.
    pub fn runs(&mut self, at: Duration, device: &str, profile: &DeviceProfile) -> Line {
        let text = format!("{}, aaguid {}", profile.title, profile.authenticator.aaguid);
        let known = DeviceProfile::named(&profile.name).is_some_and(|known| known.source == profile.source);
        let source = (!known).then(|| profile.source.clone());
        let name = format!("runs as {}", profile.name);
        Line { text, profile: source, ..Line::new(seconds(at), device, Kind::Device, name) }
    }

    /// A report of CTAPHID was seen.
    pub fn report(&mut self, place: Place<'_>, report: &Report) -> Vec<Line> {
        let links = self.links(place.device);
        let assembled = links.assemblers.entry(place.port).or_default().report(place.towards, report);
        assembled.into_iter().filter_map(|message| links.ctaphid(place, message)).collect()
    }

    /// A whole CTAP message was seen, by itself or in APDUs.
    pub fn message(&mut self, place: Place<'_>, channel: u32, protocol: Protocol, bytes: &[u8]) -> Line {
        let line = place.line(Carrier::Message, String::new(), String::new(), String::new());
        self.links(place.device).message(place, line, channel, protocol, bytes.into())
    }

    fn links(&mut self, device: &str) -> &mut Links {
        if !self.devices.contains_key(device) {
            self.devices.insert(device.into(), Links::default());
        }
        self.devices.get_mut(device).expect("it was just put there")
    }

    /// A user who touches at once makes a success of a U2F request that was refused a moment ago.
    fn answered(&mut self, device: &str, via: authenticator::Via, reason: Option<String>) -> Vec<Line> {
        let (reasons, key) = (&mut self.links(device).reasons, (via.link, via.channel));
        match reason {
            Some(reason) => reasons.insert(key, reason),
            None => reasons.remove(&key),
        };
        Vec::new()
    }

    fn traffic(&mut self, at: Duration, device: &str, traffic: &Traffic) -> Vec<Line> {
        let Traffic { port, link, towards, unit } = traffic;
        let (name, towards) = (link.transport(), Towards::from(*towards));
        let place = Place { at, device, towards, link: name, port: port.number() };
        match unit {
            Unit::Frame { format: Format::Ctaphid, bytes } => {
                let mut lines = match <&Report>::try_from(bytes.as_slice()) {
                    Ok(report) => self.report(place, report),
                    Err(_) => vec![Line {
                        text: format!("{} bytes, which are no report", bytes.len()),
                        ..place.line(Carrier::Ctaphid, String::new(), String::new(), "CTAPHID".into())
                    }],
                };
                self.give_reasons(device, *port, *link, &mut lines);
                lines
            }
            Unit::Frame { format: Format::Apdu, bytes } => vec![apdu(place, bytes)],
            // It comes again as a message.
            Unit::Frame { format: Format::Message, .. } => Vec::new(),
            Unit::Message { channel, protocol, bytes } => {
                let links = self.links(device);
                // Those of CTAPHID are put together from its reports.
                if links.assemblers.contains_key(&port.number()) {
                    return Vec::new();
                }
                let mut lines = vec![self.message(place, *channel, *protocol, bytes)];
                let wanted = (*link, port.channel(*channel));
                self.give_reason(device, wanted, &mut lines[0]);
                lines
            }
        }
    }

    fn give_reasons(
        &mut self,
        device: &str,
        port: emulator::Port,
        link: authenticator::Link,
        lines: &mut [Line],
    ) {
        for line in lines {
            let Some(wire) = &line.wire else { continue };
            if let Ok(channel) = u32::from_str_radix(&wire.channel, 16) {
                self.give_reason(device, (link, port.channel(channel)), line);
            }
        }
    }

    /// A request makes what came of the one before forgotten; an answer takes it.
    fn give_reason(&mut self, device: &str, key: (authenticator::Link, u32), line: &mut Line) {
        let Some(wire) = &line.wire else { return };
        let carries =
            wire.carrier == Carrier::Message || ["CTAPHID_CBOR", "CTAPHID_MSG"].contains(&&*wire.command);
        if carries {
            let reason = self.links(device).reasons.remove(&key);
            if wire.towards == Towards::Platform {
                line.reason = reason;
            }
        }
    }
}

impl Links {
    /// A CTAPHID message, or `None` if it says nothing new.
    fn ctaphid(&mut self, place: Place<'_>, assembled: Assembled) -> Option<Line> {
        let Assembled { channel, command, mut payload, announced } = assembled;
        let name = ctaphid::name(command);
        let line = place.line(Carrier::Ctaphid, format!("{channel:08x}"), name.clone(), name);
        let mut line = match command {
            Hid::CBOR | Hid::MSG if announced.is_none() => {
                let protocol = if command == Hid::CBOR { Protocol::Ctap2 } else { Protocol::U2f };
                self.message(place, line, channel, protocol, payload)
            }
            _ => {
                let hidden = match command {
                    // Nobody knows where its secrets are.
                    Hid::CBOR | Hid::MSG => redact::whole(&mut payload, "what is not complete"),
                    _ => Vec::new(),
                };
                let open = self.requests.get_mut(&(place.port, channel));
                if command == Hid::KEEPALIVE && announced.is_none() && payload.len() == 1 {
                    let status = payload.first().copied();
                    if open.is_some_and(|open| std::mem::replace(&mut open.keepalive, status) == status) {
                        return None;
                    }
                }
                let (text, status) = ctaphid::say(command, place.towards, &payload);
                Line { text, status, bytes: Some(hex::encode(&payload)), hidden, ..line }
            }
        };
        if let (Some(announced), Some(wire)) = (announced, &mut line.wire) {
            wire.announced = Some(announced);
            let came = line.bytes.as_ref().map_or(0, |digits| digits.len() / 2);
            line.text = format!("broken off after {came} of {announced} bytes");
        }
        Some(line)
    }

    fn message(
        &mut self,
        place: Place<'_>,
        line: Line,
        channel: u32,
        protocol: Protocol,
        mut bytes: Vec<u8>,
    ) -> Line {
        let key = (place.port, channel);
        match place.towards {
            Towards::Device => {
                let (hidden, (name, text)) = match protocol {
                    Protocol::Ctap2 => (redact::request(&mut bytes), decode::request(&bytes)),
                    Protocol::U2f => (Vec::new(), decode::u2f_request(&bytes)),
                };
                let command =
                    bytes.first().map(|byte| Command(*byte)).filter(|_| protocol == Protocol::Ctap2);
                self.requests.insert(key, Open { at: place.at, command, keepalive: None });
                Line { name, text, bytes: Some(hex::encode(&bytes)), hidden, ..line }
            }
            Towards::Platform => {
                let open = self.requests.remove(&key);
                let command = open.as_ref().and_then(|open| open.command);
                let (hidden, (status, text)) = match protocol {
                    Protocol::Ctap2 => {
                        (redact::response(command, &mut bytes), decode::response(command, &bytes))
                    }
                    Protocol::U2f => (Vec::new(), decode::u2f_response(&bytes)),
                };
                let took_ms = open.map(|open| place.at.saturating_sub(open.at).as_secs_f64() * 1_000.0);
                let name = match protocol {
                    Protocol::Ctap2 => command.map_or_else(|| "answer".into(), decode::name),
                    Protocol::U2f => "U2F answer".into(),
                };
                let (status, bytes) = (Some(status), Some(hex::encode(&bytes)));
                Line { name, text, status, took_ms: took_ms.map(thousandths), bytes, hidden, ..line }
            }
        }
    }
}

/// An APDU of a smart card. Its data are part of a message, which has a line of its own with what is secret hidden.
fn apdu(place: Place<'_>, bytes: &[u8]) -> Line {
    let ((name, status), text) = match place.towards {
        Towards::Device => {
            let (name, text) = decode::command_apdu(bytes);
            ((name, None), text)
        }
        Towards::Platform => {
            let (status, text) = decode::response_apdu(bytes);
            (("response APDU".into(), Some(status)), text)
        }
    };
    Line { text, status, ..place.line(Carrier::Apdu, String::new(), String::new(), name) }
}

/// Microseconds are as fine as anybody wants them.
fn seconds(at: Duration) -> f64 {
    (at.as_secs_f64() * 1e6).round() / 1e6
}

fn thousandths(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
