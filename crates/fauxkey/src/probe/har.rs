//! A recording of a browser (HTTP Archive 1.2), made into a target's description.
//!
//! What a recording has of secrets stays in it: no cookie is taken, no token and no value that nobody knows the meaning of.
use super::target::secrets::authenticates;
use crate::control::{Failure, FailureKind};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value as Toml};
use url::Url;
use wire::base64url;

/// What stands where a value has to be filled in.
const FILL_IN: &str = "FILL-IN";
/// Headers that browsers add by themselves, or that say nothing about who asks.
const USUAL: [&str; 20] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "dnt",
    "host",
    "if-modified-since",
    "if-none-match",
    "origin",
    "pragma",
    "priority",
    "referer",
    "te",
    "upgrade-insecure-requests",
    "user-agent",
    "x-requested-with",
];

/// What stands in requests and is nobody's secret: words of WebAuthn, and of those who speak of it.
const WORDS: [&str; 22] = [
    "",
    "all",
    "none",
    "direct",
    "indirect",
    "enterprise",
    "required",
    "preferred",
    "discouraged",
    "platform",
    "cross-platform",
    "public-key",
    "hybrid",
    "internal",
    "security-key",
    "client-device",
    "es256",
    "ed25519",
    "rs256",
    "true",
    "false",
    "webauthn",
];
/// A segment of a path that is as long as this and has digits in it may be somebody's.
const LONG_SEGMENT: usize = 16;

/// A request of the recording.
struct Entry {
    method: String,
    url: Url,
    headers: Vec<String>,
    body: Body,
    status: u64,
    /// The answer, if it is JSON.
    answer: Option<Value>,
    had_cookies: bool,
}

enum Body {
    None,
    Json(Value),
    Form(Vec<(String, String)>),
}

/// What was found in a recording.
#[derive(Debug)]
pub struct Found {
    /// The description.
    pub toml: String,
    /// What has to be done to it.
    pub notes: Vec<String>,
}

/// Which of the ceremonies, by the shape of options and responses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Registration,
    SignIn,
}

/// Makes a description of a recording.
///
/// # Errors
/// Invalid if it is no recording, or has no registration in it.
pub fn import(name: &str, text: &str) -> Result<Found, Failure> {
    let invalid = |why: &str| Failure::new(FailureKind::Invalid, format!("{name}: {why}"));
    let har: Value =
        serde_json::from_str(text).map_err(|error| invalid(&format!("it is no JSON: {error}")))?;
    let entries = har.pointer("/log/entries").and_then(Value::as_array);
    let entries = entries.ok_or_else(|| invalid("it is no HTTP Archive: there is no log.entries"))?;
    let entries: Vec<Entry> = entries.iter().filter_map(Entry::read).collect();
    let mut import = Import::default();
    let mut sections = Table::new();
    for (kind, title) in [(Kind::Registration, "registration"), (Kind::SignIn, "sign-in")] {
        match ceremony(&entries, kind) {
            Some((begin, finish)) => {
                let ceremony = import.ceremony(title, begin, finish, kind);
                sections.insert(title.into(), Toml::Table(ceremony));
            }
            None if kind == Kind::Registration => {
                return Err(invalid("there is no registration in it")
                    .hint("record one whole: from the request for its options to the one with the browser's response"));
            }
            None => {
                import.notes.push("there is no sign-in in the recording: its checks are not tried".into())
            }
        }
    }
    let Import { base, mut notes, headers, had_cookies, .. } = import;
    let mut whole = Table::new();
    let host = base.as_ref().and_then(Url::host_str).unwrap_or_default();
    whole.insert("title".into(), format!("{host}, out of a recording").into());
    if let Some(base) = &base {
        whole.insert("url".into(), base.origin().ascii_serialization().into());
    }
    if !headers.is_empty() {
        let named =
            headers.into_iter().map(|header| (header.clone(), format!("env:{}", variable(&header)).into()));
        whole.insert("headers".into(), Toml::Table(named.collect()));
    }
    whole.extend(sections);
    if had_cookies {
        notes.push(
            "it was done with cookies, which are not taken: [session] or [cookies] lets somebody in".into(),
        );
    }
    notes.push("there is no clean-up: what is registered stays".into());
    let written = toml::to_string_pretty(&whole)
        .map_err(|error| invalid(&format!("it does not go into TOML: {error}")))?;
    let mut toml = String::from("# Out of a recording, without its secrets.\n");
    for note in &notes {
        toml.push_str(&format!("# {note}\n"));
    }
    toml.push_str(&written);
    Ok(Found { toml, notes })
}

/// The first request of that ceremony with options in its answer, and the next one with a response in its body.
fn ceremony(entries: &[Entry], kind: Kind) -> Option<(&Entry, &Entry)> {
    let finish = entries.iter().rposition(|entry| entry.response(kind).is_some())?;
    let (before, rest) = entries.split_at(finish);
    let begin = before.iter().rev().find(|entry| entry.options(kind).is_some())?;
    Some((begin, rest.first()?))
}

impl Entry {
    fn read(entry: &Value) -> Option<Self> {
        let request = &entry["request"];
        let url = Url::parse(request["url"].as_str()?).ok()?;
        let headers = request["headers"].as_array().into_iter().flatten();
        let headers: Vec<String> =
            headers.filter_map(|header| Some(header["name"].as_str()?.to_owned())).collect();
        let content = &entry["response"]["content"];
        let text = content["text"].as_str().unwrap_or_default();
        let decoded = match content["encoding"].as_str() {
            Some("base64") => base64url::decode_lenient(text).unwrap_or_default(),
            _ => text.as_bytes().to_vec(),
        };
        let cookies = request["cookies"].as_array().is_some_and(|cookies| !cookies.is_empty());
        Some(Self {
            method: request["method"].as_str()?.to_owned(),
            url,
            had_cookies: cookies || headers.iter().any(|header| header.eq_ignore_ascii_case("cookie")),
            headers,
            body: Body::read(&request["postData"]),
            status: entry["response"]["status"].as_u64().unwrap_or_default(),
            answer: serde_json::from_slice(&decoded).ok(),
        })
    }

    /// Where options of that kind are in its answer.
    fn options(&self, kind: Kind) -> Option<String> {
        find(self.answer.as_ref()?, &|value| {
            let has = |name: &str| value.get(name).is_some();
            let is_creation = has("pubKeyCredParams");
            let is_request = has("rpId") || has("allowCredentials") || has("userVerification");
            value["challenge"].is_string()
                && match kind {
                    Kind::Registration => is_creation,
                    Kind::SignIn => !is_creation && is_request,
                }
        })
    }

    /// Where a response of that kind is in its body: a JSON pointer, or the name of a member of a form.
    fn response(&self, kind: Kind) -> Option<String> {
        let is_response = |value: &Value| {
            let response = &value["response"];
            let has = |name: &str| response[name].is_string();
            has("clientDataJSON")
                && match kind {
                    Kind::Registration => has("attestationObject"),
                    Kind::SignIn => has("authenticatorData") && has("signature"),
                }
        };
        match &self.body {
            Body::None => None,
            Body::Json(json) => find(json, &is_response),
            Body::Form(pairs) => {
                let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
                let found =
                    pairs.iter().find(|(_, text)| parsed(text).is_some_and(|value| is_response(&value)));
                found.map(|(name, _)| name.clone())
            }
        }
    }
}

impl Body {
    fn read(data: &Value) -> Self {
        let text = data["text"].as_str().unwrap_or_default();
        if let Ok(json) = serde_json::from_str(text) {
            return Self::Json(json);
        }
        let is_form = data["mimeType"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let listed = data["params"].as_array().into_iter().flatten();
        let text_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let listed: Vec<_> = listed.map(|pair| (text_of(&pair["name"]), text_of(&pair["value"]))).collect();
        match (is_form, listed.is_empty()) {
            (false, _) => Self::None,
            (true, false) => Self::Form(listed),
            (true, true) => Self::Form(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()),
        }
    }
}

/// The JSON pointer to the first value that is it, the outermost first.
fn find(value: &Value, is: &dyn Fn(&Value) -> bool) -> Option<String> {
    if is(value) {
        return Some(String::new());
    }
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    // RFC 6901 §3.
    let step = |name: &str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    children.into_iter().find_map(|(name, child)| Some(step(&name) + &find(child, is)?))
}

/// What is known while the ceremonies are read.
#[derive(Default)]
struct Import {
    base: Option<Url>,
    headers: BTreeSet<String>,
    had_cookies: bool,
    notes: Vec<String>,
    /// The account that it was recorded with.
    user: Option<String>,
}

/// Values of a ceremony that a later request of it takes up.
#[derive(Default)]
struct Taken {
    /// What the answer to begin had, and where.
    offered: BTreeMap<String, String>,
    /// By the names that they are kept under.
    kept: BTreeMap<String, String>,
}

impl Import {
    fn ceremony(&mut self, title: &str, begin: &Entry, finish: &Entry, kind: Kind) -> Table {
        self.base.get_or_insert_with(|| begin.url.clone());
        let options = begin.options(kind).unwrap_or_default();
        let answer = begin.answer.as_ref().unwrap_or(&Value::Null);
        let name = answer.pointer(&format!("{options}/user/name")).and_then(Value::as_str);
        self.user = name.map(Into::into).or(self.user.take());
        let mut taken = Taken::default();
        let mut beginning = self.request(&format!("{title}.begin"), begin, None, &mut taken);
        strings(answer, "", &mut taken.offered);
        taken.offered.retain(|_, pointer| options.is_empty() || !pointer.starts_with(&options));
        let ending = self.request(&format!("{title}.finish"), finish, finish.response(kind), &mut taken);
        if !options.is_empty() {
            beginning.insert("options".into(), options.into());
        }
        if !taken.kept.is_empty() {
            let kept = taken.kept.into_iter().map(|(name, pointer)| (name, pointer.into()));
            beginning.insert("keep".into(), Toml::Table(kept.collect()));
        }
        let mut ceremony = Table::new();
        ceremony.insert("begin".into(), Toml::Table(beginning));
        let mut ending = ending;
        ending.insert("accepted".into(), Toml::Table(accepted(finish)));
        ceremony.insert("finish".into(), Toml::Table(ending));
        ceremony
    }

    fn request(&mut self, place: &str, entry: &Entry, response: Option<String>, taken: &mut Taken) -> Table {
        let mut table = Table::new();
        table.insert("method".into(), entry.method.clone().into());
        let elsewhere = self.base.as_ref().is_some_and(|base| base.origin() != entry.url.origin());
        let path = self.path(place, entry, taken);
        let path = if elsewhere { entry.url.origin().ascii_serialization() + &path } else { path };
        table.insert("path".into(), path.into());
        self.had_cookies |= entry.had_cookies;
        for header in &entry.headers {
            let name = header.to_ascii_lowercase();
            let by_browser =
                name.starts_with(':') || name.starts_with("sec-") || USUAL.contains(&name.as_str());
            if !by_browser || (authenticates(&name) && name != "cookie") {
                self.headers.insert(header.clone());
            }
        }
        let mut query = Table::new();
        for (name, value) in entry.url.query_pairs() {
            let value = self.text(&format!("{place}.query.{name}"), &name, &value, taken);
            query.insert(name.into_owned(), value.into());
        }
        if !query.is_empty() {
            table.insert("query".into(), Toml::Table(query));
        }
        match &entry.body {
            Body::None => {}
            Body::Json(json) => {
                if let Some(body) = self.json(place, "", json, response.as_deref(), taken) {
                    table.insert("body".into(), body);
                }
            }
            Body::Form(pairs) => {
                let mut form = Table::new();
                for (name, value) in pairs {
                    let value = match response.as_deref() {
                        Some(found) if found == name => "{response}".into(),
                        _ => self.text(&format!("{place}.form.{name}"), name, value, taken),
                    };
                    form.insert(name.clone(), value.into());
                }
                table.insert("form".into(), Toml::Table(form));
            }
        }
        table
    }

    fn path(&mut self, place: &str, entry: &Entry, taken: &mut Taken) -> String {
        let segment = |segment: &str| {
            let known = self.user.as_deref() == Some(segment) || taken.offered.contains_key(segment);
            let odd = segment.len() >= LONG_SEGMENT && segment.chars().any(|c| c.is_ascii_digit());
            if known || odd {
                self.text(&format!("{place}.path"), "part", segment, taken)
            } else {
                segment.replace('{', "{{")
            }
        };
        let segments: Vec<String> = entry.url.path().split('/').map(segment).collect();
        segments.join("/")
    }

    /// JSON of a body as a template. TOML has no `null`: such members are left out.
    fn json(
        &mut self,
        place: &str,
        at: &str,
        value: &Value,
        response: Option<&str>,
        taken: &mut Taken,
    ) -> Option<Toml> {
        if response == Some(at) {
            return Some("{response}".into());
        }
        Some(match value {
            Value::Null => return None,
            Value::Bool(yes) => (*yes).into(),
            Value::Number(number) => match number.as_i64() {
                Some(number) => number.into(),
                None => number.as_f64()?.into(),
            },
            Value::String(text) => {
                let name = at.rsplit('/').next().unwrap_or_default().to_owned();
                self.text(&format!("{place}.body{at}"), &name, text, taken).into()
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                Toml::Array(
                    items
                        .filter_map(|(n, item)| self.json(place, &format!("{at}/{n}"), item, response, taken))
                        .collect(),
                )
            }
            Value::Object(members) => {
                let mut table = Table::new();
                for (name, member) in members {
                    let step = name.replace('~', "~0").replace('/', "~1");
                    if let Some(member) = self.json(place, &format!("{at}/{step}"), member, response, taken) {
                        table.insert(name.clone(), member);
                    }
                }
                Toml::Table(table)
            }
        })
    }

    /// A text of a request: the user's name, something of the answer before, a word, or something to be filled in.
    fn text(&mut self, place: &str, name: &str, text: &str, taken: &mut Taken) -> String {
        if self.user.as_deref() == Some(text) {
            return "{user}".into();
        }
        if let Some(pointer) = taken.offered.get(text) {
            let word: String =
                name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            let word = if ["user", "response", "options", "credential", ""].contains(&word.as_str()) {
                format!("kept-{word}")
            } else {
                word
            };
            taken.kept.insert(word.clone(), pointer.clone());
            return format!("{{{word}}}");
        }
        let looks_like_a_name =
            ["user", "email", "login"].iter().any(|word| name.to_ascii_lowercase().contains(word));
        if looks_like_a_name && self.user.is_none() {
            return "{user}".into();
        }
        if WORDS.contains(&text) {
            return text.into();
        }
        self.notes.push(format!("{place}: its value was left out, and has to be filled in"));
        FILL_IN.into()
    }
}

/// Every text that is long enough to be told apart, by its value.
fn strings(value: &Value, at: &str, found: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) if text.len() >= 8 => {
            found.entry(text.clone()).or_insert_with(|| at.to_owned());
        }
        Value::Object(members) => {
            for (name, member) in members {
                let step = name.replace('~', "~0").replace('/', "~1");
                strings(member, &format!("{at}/{step}"), found);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                strings(item, &format!("{at}/{n}"), found);
            }
        }
        _ => {}
    }
}

/// What made the recorded answer a yes.
fn accepted(entry: &Entry) -> Table {
    let status = i64::try_from(entry.status).unwrap_or(200);
    let mut table = Table::from_iter([("status".to_owned(), Toml::Array(vec![status.into()]))]);
    let answer = entry.answer.as_ref().unwrap_or(&Value::Null);
    let signs = ["verified", "success", "ok", "authenticated", "loggedIn", "registered"]
        .map(|name| (name, json!(true)));
    for (name, yes) in signs.into_iter().chain([("status", json!("ok"))]) {
        if answer[name] == yes {
            table.insert("pointer".into(), format!("/{name}").into());
            table.insert("equals".into(), yes.as_str().map_or(true.into(), Into::into));
            break;
        }
    }
    table
}

/// An environment variable by the name of a header.
fn variable(header: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("TARGET_{}", header.chars().map(part).collect::<String>())
}
