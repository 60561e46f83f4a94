//! A sign-up page, driven: what is done on it, what it asks of the authenticator, and what its relying party answers.
use super::super::browser::driven::Driven;
use super::super::browser::tab::Happening;
use super::plan::{Step, Steps, value};
use crate::cli::{Coordinates, Way};
use crate::probe::target::allowed::Allowed;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use url::Url;
use wire::base64url;

/// Tells what pages do around `create`.
const WATCH: &str = include_str!("watch.js");
/// What users do on pages.
const HANDS: &str = include_str!("hands.js");
/// How often a page without steps is looked at anew, as one button may lead to another.
const GUESSES: usize = 3;
/// How long a guess has until the page asks for a passkey.
const GUESS: Duration = Duration::from_secs(4);
/// How long a browser may take to show a QR code before it is taken to ask its user first.
const CHOICE: Duration = Duration::from_secs(2);
/// How long the page may take to show what its relying party answered.
const AFTERWARDS: Duration = Duration::from_secs(3);
/// Characters of a relying party's answer that are read.
const LONGEST_ANSWER: usize = 1 << 16;

/// Which page, and what is done on it.
pub(super) struct Visit<'a> {
    pub(super) url: &'a Url,
    pub(super) at: &'a Coordinates,
    pub(super) steps: &'a Steps,
    pub(super) allowed: &'a Allowed,
    /// For names that were never there.
    pub(super) number: u32,
    pub(super) patience: Duration,
}

/// What was seen of a visit.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What was done on the page, in words.
    pub(super) did: Vec<String>,
    /// What the page itself asked for, as far as it said so, if it asked at all.
    pub(super) asked: Option<Option<String>>,
    /// What the page got.
    pub(super) made: Option<Made>,
    /// What it got instead: the name and the message of an error.
    pub(super) error: Option<(String, String)>,
    /// What the relying party answered to the request that had the passkey in it.
    pub(super) answer: Option<Answer>,
    /// Whether what was to be on the page then is there, if anything was to be.
    pub(super) shown: Option<bool>,
    /// A request of the page that failed before it got anything.
    pub(super) failed: Option<Answer>,
    /// What a phone across the room said of what it could not do.
    pub(super) phone: Vec<String>,
    /// What kept the visit from going on.
    pub(super) stuck: Option<String>,
}

/// A passkey, as the page got it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    /// Its ID in base64url.
    pub(super) id: String,
    /// Its attestation object in base64url.
    pub(super) attestation_object: String,
    pub(super) transports: Vec<String>,
    pub(super) attachment: Option<String>,
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Method and URL.
    pub(super) request: String,
    pub(super) status: u64,
    /// The beginning of its body.
    pub(super) body: String,
}

/// What is heard from the page.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Told {
    Asked { attestation: Option<String> },
    Made(Made),
    Error { name: String, message: String },
}

/// A request on its way.
#[derive(Debug)]
struct Request {
    name: String,
    /// Whether a script or a form sent it, and not the page's markup.
    is_call: bool,
    bodies: Vec<Vec<u8>>,
    status: Option<u64>,
    ended: bool,
}

struct Visitor<'a> {
    driven: &'a Driven,
    visit: &'a Visit<'a>,
    seen: Seen,
    /// Whether pages have no WebAuthn there: Web IDL's `[SecureContext]`.
    is_insecure: bool,
    /// When the browser's dialog is to be answered, where it has one.
    choice: Option<Instant>,
    /// In the order in which they were sent.
    requests: BTreeMap<usize, (String, Request)>,
}

/// Visits the page.
pub(super) fn visit(driven: &Driven, visit: &Visit<'_>) -> Seen {
    let (seen, requests) = Default::default();
    let mut visitor = Visitor { driven, visit, seen, is_insecure: false, choice: None, requests };
    if let Err(why) = visitor.go() {
        visitor.seen.stuck = Some(why);
        visitor.seen.failed = visitor.failed();
    }
    let mut seen = visitor.seen;
    seen.phone = driven.said();
    if seen.asked.is_some() && driven.has_seen_a_code() == Some(false) {
        seen.phone.push("it saw no QR code; a page that demands a platform authenticator gets none".into());
    }
    seen
}

impl Visitor<'_> {
    fn go(&mut self) -> Result<(), String> {
        let at = self.visit.at;
        // Whoever has a phone across the room chooses it in the browser's dialog; a page can do so for them.
        let hints = if at.way == Way::Hybrid { json!(["hybrid"]) } else { Value::Null };
        let watch = format!("(send) => ({WATCH})(send, '{}', {hints})", at.preference.name());
        self.driven.tab().prepare(&watch)?;
        self.open(self.visit.url.as_str())?;
        if let Some(target) = &self.visit.steps.accepted
            && !self.hands("see", target, "")?.is_null()
        {
            return Err(format!(
                "{target} is on the page before anything was done, so that it shows nothing"
            ));
        }
        match self.visit.steps.steps.as_slice() {
            [] => self.guess()?,
            steps => self.follow(steps)?,
        }
        self.outcome()
    }

    fn open(&mut self, url: &str) -> Result<(), String> {
        self.driven.tab().open(url).map_err(|why| format!("{url} does not open: {why}"))?;
        let end = Instant::now() + self.visit.patience;
        loop {
            let state = self.hands("state", "", "")?;
            if state["ready"] == true {
                self.is_insecure = state["secure"] == false;
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("{url} does not load to its end"));
            }
            self.wait(Driven::shortly());
        }
    }

    fn follow(&mut self, steps: &[Step]) -> Result<(), String> {
        for step in steps {
            match step {
                Step::Fill(target, with) => {
                    let text = value(with, self.visit.number).map_err(|failure| failure.message)?;
                    self.until("fill", target, &text)?;
                }
                Step::Click(target) => self.until("click", target, "")?,
                Step::Wait(target) => match self.until("see", target, "") {
                    // What is waited for after a passkey was made is what shows that it was taken.
                    Err(_) if self.seen.made.is_some() => {
                        self.seen.shown = Some(false);
                        return Ok(());
                    }
                    seen => seen?,
                },
                Step::Open(url) => {
                    let url = self.visit.url.join(url).map_err(|error| format!("{url}: {error}"))?;
                    self.open(url.as_str())?;
                }
            }
            self.seen.did.push(step.told(self.visit.number));
        }
        Ok(())
    }

    /// Does something to what will be on the page in time.
    fn until(&mut self, verb: &str, target: &str, value: &str) -> Result<(), String> {
        let end = Instant::now() + self.visit.patience;
        while self.hands(verb, target, value)?.is_null() {
            if Instant::now() > end {
                return Err(format!("there is no {target} to {verb} on the page"));
            }
            // A passkey that was refused is why the page does not go on.
            if verb == "see" && self.seen.error.is_some() && self.seen.made.is_none() {
                return Ok(());
            }
            self.wait(Driven::shortly());
        }
        Ok(())
    }

    /// Does what looks right, until the page asks for a passkey.
    fn guess(&mut self) -> Result<(), String> {
        for _ in 0..GUESSES {
            let end = Instant::now() + self.visit.patience.min(GUESS);
            let mut done = self.hands("guess", "", &self.visit.number.to_string())?;
            while done.is_null() && self.seen.asked.is_none() && Instant::now() < end {
                self.wait(Driven::shortly());
                done = self.hands("guess", "", &self.visit.number.to_string())?;
            }
            let did = done["did"].as_array().cloned().unwrap_or_default();
            self.seen.did.extend(did.iter().filter_map(Value::as_str).map(str::to_owned));
            while self.seen.asked.is_none() && Instant::now() < end {
                self.wait(Driven::shortly());
            }
            if self.seen.asked.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits for what comes of it.
    fn outcome(&mut self) -> Result<(), String> {
        let end = Instant::now() + self.visit.patience;
        while self.seen.made.is_none() && self.seen.error.is_none() && Instant::now() < end {
            self.wait(Driven::shortly());
        }
        let Some(made) = self.seen.made.clone() else {
            self.seen.failed = self.failed();
            return match (&self.seen.error, &self.seen.asked) {
                (Some(_), _) => Ok(()),
                (None, Some(_)) => Err(unanswered(self.driven.has_seen_a_code()).into()),
                (None, None) if self.is_insecure => {
                    Err("the page is in no secure context, so that it has no WebAuthn: take https, or localhost".into())
                }
                (None, None) if self.seen.did.is_empty() => Err("nothing on the page looks like a sign-up, so that it has \
                                                                 asked for no passkey: --steps says what is to be done"
                    .into()),
                (None, None) => Err("the page has asked for no passkey".into()),
            };
        };
        let mut end = end;
        if self.seen.shown == Some(false) {
            end = end.min(Instant::now() + AFTERWARDS);
        }
        loop {
            if self.seen.answer.is_none()
                && let Some(answer) = self.answer(&made)
            {
                self.seen.answer = Some(answer);
                // The page has little more to wait for.
                end = end.min(Instant::now() + AFTERWARDS);
            }
            match &self.visit.steps.accepted {
                Some(target) if !self.hands("see", target, "")?.is_null() => {
                    self.seen.shown = Some(true);
                    return Ok(());
                }
                None if self.seen.answer.is_some() => return Ok(()),
                _ => {}
            }
            if Instant::now() > end {
                if self.visit.steps.accepted.is_some() {
                    self.seen.shown = Some(false);
                }
                return Ok(());
            }
            self.wait(Driven::shortly());
        }
    }

    /// Moves a user's hands.
    fn hands(&self, verb: &str, target: &str, value: &str) -> Result<Value, String> {
        let arguments = json!([verb, target, value, self.seen.did]);
        let expression = format!("{HANDS}(...{arguments})");
        // A document that goes takes the answer with it.
        let done =
            self.driven.tab().evaluate(&expression).map_err(|why| format!("{verb} {target}: {why}"))?;
        let done = done.unwrap_or_default();
        if let Some(url) = done["url"].as_str().and_then(|url| Url::parse(url).ok())
            && matches!(url.scheme(), "http" | "https")
        {
            self.visit.allowed.check(&url).map_err(|failure| failure.message)?;
        }
        Ok(done)
    }

    /// Takes what happens until then.
    fn wait(&mut self, end: Instant) {
        self.driven.tab().hear(end).into_iter().for_each(|happening| self.happened(happening));
        self.choose();
    }

    /// Chooses the phone in the browser's dialog. Chromium has one, hint or not, for a page that does not demand a
    /// discoverable credential.
    fn choose(&mut self) {
        let is_open = self.seen.asked.is_some() && self.seen.made.is_none() && self.seen.error.is_none();
        if self.visit.at.way != Way::Hybrid || !is_open {
            self.choice = None;
            return;
        }
        if *self.choice.get_or_insert_with(|| Instant::now() + CHOICE) > Instant::now() {
            return;
        }
        self.choice = None;
        // If there is no dialog yet, the key is the page's: nothing in it is to take it.
        if self.hands("leave", "", "").is_ok_and(|left| !left.is_null()) && self.driven.choose() {
            self.seen.did.push("pressed Enter in the browser's dialog, which offers the phone first".into());
        }
    }

    fn happened(&mut self, happening: Happening) {
        match happening {
            Happening::Told(text) => match serde_json::from_str(&text) {
                Ok(Told::Asked { attestation }) => self.seen.asked = Some(attestation),
                // What was refused before does not count any more.
                Ok(Told::Made(made)) => {
                    self.seen.error = None;
                    self.seen.made = Some(made);
                }
                Ok(Told::Error { name, message }) => self.seen.error = Some((name, message)),
                Err(_) => {}
            },
            // A redirection goes on under its request's ID, and has the body no longer.
            Happening::Sent { id, .. } if self.request(&id).is_some() => {}
            Happening::Sent { id, name, is_call, bodies } => {
                let request = Request { name, is_call, bodies, status: None, ended: false };
                self.requests.insert(self.requests.len(), (id, request));
            }
            Happening::Body(id, body) => {
                if let Some(request) = self.request(&id) {
                    request.bodies.push(body);
                }
            }
            Happening::Answered(id, status) => {
                if let Some(request) = self.request(&id) {
                    request.status = status;
                }
            }
            Happening::Ended(id) => {
                if let Some(request) = self.request(&id) {
                    request.ended = true;
                }
            }
        }
    }

    fn request(&mut self, id: &str) -> Option<&mut Request> {
        self.requests.values_mut().find(|(there, _)| there == id).map(|(_, request)| request)
    }

    /// What was answered to the last request that had the passkey in it.
    fn answer(&self, made: &Made) -> Option<Answer> {
        let id = base64url::decode_lenient(&made.id)?;
        let has = |request: &Request| request.bodies.iter().any(|body| holds(body, &id));
        let mut all = self.requests.values().rev().filter(|(_, request)| request.is_call);
        let (request_id, request) = all.find(|(_, request)| has(request))?;
        if !request.ended {
            return None;
        }
        Some(self.told(request_id, request))
    }

    /// The last request that failed.
    fn failed(&self) -> Option<Answer> {
        let mut all = self.requests.values().rev().filter(|(_, request)| request.is_call);
        let failed = all.find(|(_, request)| request.status.is_some_and(|status| status >= 400));
        failed.map(|(id, request)| self.told(id, request))
    }

    fn told(&self, id: &str, request: &Request) -> Answer {
        let body = self.driven.tab().body(id);
        Answer {
            request: request.name.clone(),
            status: request.status.unwrap_or_default(),
            body: body.chars().take(LONGEST_ANSWER).collect(),
        }
    }
}

/// What it may mean that the browser says nothing. `seen`: whether the phone across the room, if there is one, has seen a code.
const fn unanswered(seen: Option<bool>) -> &'static str {
    match seen {
        None => {
            "the browser has not answered the page; it may be asking its user for something that has to be typed, as a new PIN"
        }
        Some(_) => "the browser has not answered the page",
    }
}

/// Whether a credential ID is in a body, in any of the ways in which pages write it: base64 of both alphabets, also in a
/// form or with escaped slashes, hexadecimal, a list of numbers, or as it is.
fn holds(body: &[u8], id: &[u8]) -> bool {
    if id.is_empty() {
        return false;
    }
    if body.windows(id.len()).any(|part| part == id) {
        return true;
    }
    let text = String::from_utf8_lossy(body);
    let text = percent_encoding::percent_decode_str(&text).decode_utf8_lossy();
    let plain: String = text
        .chars()
        .filter(|c| *c != '\\' && !c.is_whitespace())
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        })
        .collect();
    let numbers = id.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let hexadecimal = wire::hex::encode(id);
    plain.contains(&base64url::encode(id))
        || plain.to_ascii_lowercase().contains(&hexadecimal)
        || plain.contains(&format!("[{numbers}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its base64 has both letters that the alphabets differ in.
    const ID: [u8; 8] = [0xfb, 0xff, 0xbf, 0x00, 0x01, 0x02, 0x03, 0x04];

    #[test]
    fn a_credential_id_is_found_however_the_page_writes_it() {
        for body in [
            r#"{"id":"-_-_AAECAwQ","rawId":"x"}"#,
            r#"{"rawId":"+/+/AAECAwQ="}"#,
            r#"{"rawId":"+\/+\/AAECAwQ="}"#,
            "credential=%7B%22id%22%3A%22-_-_AAECAwQ%22%7D",
            "id=%2B%2F%2B%2FAAECAwQ%3D",
            "FBFFBF0001020304",
            "[251, 255, 191, 0, 1, 2, 3, 4]",
        ] {
            assert!(holds(body.as_bytes(), &ID), "{body}");
        }
        assert!(holds(&[&[1, 2][..], &ID].concat(), &ID));
    }

    #[test]
    fn another_credential_id_is_not_found() {
        for body in ["", r#"{"id":"-_-_AAECAwU"}"#, "[251,255,191,0,1,2,3,40]", "fbffbf00010203"] {
            assert!(!holds(body.as_bytes(), &ID), "{body}");
        }
        assert!(!holds(b"anything", &[]));
    }
}
