//! The file that says how a relying party is asked: `docs/probe-targets.md`.
use super::template::{JsonTemplate, Template};
use crate::control::{Failure, FailureKind};
use crate::files;
use emulator::profile::InvalidToml;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use ureq::http::Method;
use url::Url;

/// A target, as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Description {
    /// Whose it is, for people.
    pub title: Option<String>,
    /// Why nobody has tried it.
    pub untested: Option<String>,
    /// What paths are added to.
    pub url: Option<String>,
    /// The origin that pages of it have.
    pub origin: Option<String>,
    /// Requests a second at most.
    pub rate: Option<f64>,
    /// Seconds that an answer may take.
    pub timeout: Option<f64>,
    /// An HTTP proxy on the way.
    pub proxy: Option<String>,
    /// Headers of every request.
    pub headers: BTreeMap<String, String>,
    /// Cookies that every session begins with.
    pub cookies: BTreeMap<String, String>,
    /// How a session is begun and renewed.
    pub session: Option<SessionTable>,
    registration: Option<CeremonyTable>,
    sign_in: Option<CeremonyTable>,
    clean_up: Option<RequestTable>,
    changes: BTreeMap<String, RequestTable>,
}

/// Who must be logged in, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SessionTable {
    /// A program and its arguments, which prints headers.
    pub refresh: Vec<String>,
    /// What an answer has if the session is over.
    #[serde(default = "SessionTable::unauthorized")]
    pub expired: Accepted,
}

impl SessionTable {
    fn unauthorized() -> Accepted {
        Accepted { status: Some(vec![401]), pointer: None, equals: None }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CeremonyTable {
    begin: RequestTable,
    finish: RequestTable,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct RequestTable {
    method: Option<String>,
    path: Option<String>,
    query: BTreeMap<String, String>,
    body: Option<Value>,
    form: Option<BTreeMap<String, String>>,
    headers: BTreeMap<String, String>,
    options: Option<String>,
    accepted: Accepted,
    said: Vec<String>,
    keep: BTreeMap<String, String>,
    nameless: Option<bool>,
    command: Option<Vec<String>>,
}

/// What an answer must have.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Accepted {
    /// One of these; any from 200 to 299 if there are none.
    pub status: Option<Vec<u16>>,
    /// Where something is that is not `null`.
    pub pointer: Option<String>,
    /// And what it is.
    pub equals: Option<Value>,
}

impl Accepted {
    /// Whether an answer has all of it.
    pub fn is_met(&self, status: u16, json: Option<&Value>) -> bool {
        let by_status = match &self.status {
            Some(list) => list.contains(&status),
            None => (200..300).contains(&status),
        };
        let by_content = self.pointer.as_ref().is_none_or(|pointer| {
            let found = json.and_then(|json| json.pointer(pointer)).filter(|found| !found.is_null());
            found.is_some_and(|found| self.equals.as_ref().is_none_or(|wanted| wanted == found))
        });
        by_status && by_content
    }
}

/// A request, ready to be filled in.
#[derive(Clone, Debug)]
pub struct Request {
    /// Over what it goes.
    pub way: Way,
    /// What goes with it.
    pub content: Content,
    /// More headers.
    pub headers: BTreeMap<String, String>,
    /// Where options are in the answer.
    pub options: String,
    /// What is a yes.
    pub accepted: Accepted,
    /// Where the answer tells people why.
    pub said: Vec<String>,
    /// What is kept for later, and where it is.
    pub keep: BTreeMap<String, String>,
    /// Whether it may be asked without a name.
    pub nameless: bool,
}

/// Over what a request goes.
#[derive(Clone, Debug)]
pub enum Way {
    /// HTTP.
    Http {
        /// The method.
        method: Method,
        /// Added to the URL, or a whole one.
        path: Template,
        /// Added to the path.
        query: BTreeMap<String, Template>,
    },
    /// A program and its arguments.
    Command(Vec<Template>),
}

/// What goes with a request.
#[derive(Clone, Debug)]
pub enum Content {
    /// Nothing.
    None,
    /// JSON.
    Json(JsonTemplate),
    /// `application/x-www-form-urlencoded`.
    Form(BTreeMap<String, Template>),
}

/// The requests of a ceremony.
#[derive(Clone, Debug)]
pub struct Requests {
    /// Asks for options.
    pub begin: Request,
    /// Posts the response.
    pub finish: Request,
}

/// Everything that can be asked.
#[derive(Clone, Debug)]
pub struct Doors {
    /// §7.1.
    pub registration: Option<Requests>,
    /// §7.2.
    pub sign_in: Option<Requests>,
    /// Deletes a credential.
    pub clean_up: Option<Request>,
    /// By the names that a plan has for them.
    pub changes: BTreeMap<String, Request>,
}

/// What a placeholder may stand for in a request, beside what is always there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Begin,
    Finish,
    CleanUp,
    Change,
}

impl Description {
    /// Reads one. `name` is what errors call it.
    ///
    /// # Errors
    /// Invalid, with the line and the nearest key that there is.
    pub fn read(name: &str, text: &str) -> Result<(Self, Doors), Failure> {
        let description: Self = toml::from_str(text).map_err(|error| {
            let invalid = InvalidToml::new(text, &error);
            Failure { kind: FailureKind::Invalid, message: format!("{name}: {invalid}"), hint: invalid.hint }
        })?;
        let doors = description.doors().map_err(|why| {
            Failure::new(FailureKind::Invalid, format!("{name}: {why}"))
                .hint("`fauxkey probe targets simplewebauthn` is an example")
        })?;
        Ok((description, doors))
    }

    fn doors(&self) -> Result<Doors, String> {
        for (what, number) in [("rate", self.rate), ("timeout", self.timeout)] {
            if number.is_some_and(|number| !(number > 0.0 && number.is_finite())) {
                return Err(format!("{what}: it must be more than 0"));
            }
        }
        if self.session.as_ref().is_some_and(|session| session.refresh.is_empty()) {
            return Err("session.refresh: it names no program".into());
        }
        let ceremony = |name: &str, table: &Option<CeremonyTable>| {
            let Some(table) = table else { return Ok(None) };
            let begin = self.request(&format!("{name}.begin"), &table.begin, Role::Begin)?;
            let finish = self.request(&format!("{name}.finish"), &table.finish, Role::Finish)?;
            Ok::<_, String>(Some(Requests { begin, finish }))
        };
        let doors = Doors {
            registration: ceremony("registration", &self.registration)?,
            sign_in: ceremony("sign-in", &self.sign_in)?,
            clean_up: self
                .clean_up
                .as_ref()
                .map(|table| self.request("clean-up", table, Role::CleanUp))
                .transpose()?,
            changes: self
                .changes
                .iter()
                .map(|(name, table)| {
                    Ok((name.clone(), self.request(&format!("changes.{name}"), table, Role::Change)?))
                })
                .collect::<Result<_, String>>()?,
        };
        if doors.registration.is_none() {
            return Err("there is no [registration]: without a passkey there is nothing to try".into());
        }
        Ok(doors)
    }

    fn request(&self, place: &str, table: &RequestTable, role: Role) -> Result<Request, String> {
        let read = |what: &str, text: &str| -> Result<Template, String> {
            let template = Template::read(text).map_err(|why| format!("{place}.{what}: {why}"))?;
            template
                .placeholders()
                .try_for_each(|name| self.check(name, role, &format!("{place}.{what}")))?;
            Ok(template)
        };
        let table_of = |what: &str, texts: &BTreeMap<String, String>| {
            let read =
                |(name, text): (&String, &String)| Ok((name.clone(), read(&format!("{what}.{name}"), text)?));
            texts.iter().map(read).collect::<Result<BTreeMap<_, _>, String>>()
        };
        let content = match (&table.body, &table.form) {
            (Some(_), Some(_)) => return Err(format!("{place}: it has a body and a form, and can have one")),
            (None, None) => Content::None,
            (None, Some(form)) => Content::Form(table_of("form", form)?),
            (Some(body), None) => {
                let body = JsonTemplate::read(body).map_err(|why| format!("{place}.body: {why}"))?;
                for name in body.placeholders() {
                    self.check(name, role, &format!("{place}.body"))?;
                }
                Content::Json(body)
            }
        };
        let way = match (&table.path, &table.command) {
            (None, None) => return Err(format!("{place}: it has neither a path nor a command")),
            (Some(_), Some(_)) => {
                return Err(format!("{place}: it has a path and a command, and can have one"));
            }
            (None, Some(command)) => {
                let unfit = table.method.is_some() || !table.query.is_empty() || !table.headers.is_empty();
                if unfit || table.form.is_some() {
                    return Err(format!("{place}: a command has no method, query, form or headers"));
                }
                if command.is_empty() {
                    return Err(format!("{place}.command: it names no program"));
                }
                Way::Command(command.iter().map(|word| read("command", word)).collect::<Result<_, _>>()?)
            }
            (Some(path), None) => {
                if !path.starts_with('/') && !is_whole(path) {
                    return Err(format!(
                        "{place}.path: it begins neither with / nor with http:// or https://"
                    ));
                }
                let usual = if matches!(content, Content::None) { "GET" } else { "POST" };
                let method = table.method.as_deref().unwrap_or(usual);
                let method = Method::from_bytes(method.as_bytes())
                    .map_err(|_| format!("{place}.method: {} is none", method.escape_debug()))?;
                Way::Http { method, path: read("path", path)?, query: table_of("query", &table.query)? }
            }
        };
        let is_command = matches!(way, Way::Command(_));
        let pointers = table.said.iter().chain(table.keep.values()).chain(&table.options);
        let accepted = [&table.accepted.pointer].into_iter().flatten();
        for pointer in pointers.chain(accepted) {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                let why = "is no JSON pointer, which begins with / (RFC 6901)";
                return Err(format!("{place}: {} {why}", pointer.escape_debug()));
            }
        }
        if table.accepted.equals.is_some() && table.accepted.pointer.is_none() {
            return Err(format!("{place}.accepted: it has equals and no pointer"));
        }
        if role == Role::Finish
            && !is_command
            && !content_has(&content, "response")
            && !in_query(&way, "response")
        {
            return Err(format!("{place}: {{response}} stands nowhere in it"));
        }
        if role != Role::Begin && (table.options.is_some() || table.nameless.is_some()) {
            return Err(format!("{place}: options and nameless are for begin"));
        }
        Ok(Request {
            way,
            content,
            headers: table.headers.clone(),
            options: table.options.clone().unwrap_or_default(),
            accepted: table.accepted.clone(),
            said: table.said.clone(),
            keep: table.keep.clone(),
            nameless: table.nameless.unwrap_or(true),
        })
    }

    /// Whether a placeholder can ever have a value there.
    fn check(&self, name: &str, role: Role, place: &str) -> Result<(), String> {
        let ceremonies = [&self.registration, &self.sign_in].into_iter().flatten();
        let requests = ceremonies.flat_map(|ceremony| [&ceremony.begin, &ceremony.finish]);
        let kept = requests.flat_map(|request| request.keep.keys()).map(String::as_str);
        let mut known: Vec<&str> = match role {
            Role::Begin => vec!["user"],
            Role::Finish => vec!["user", "response", "options"],
            Role::CleanUp => vec!["user", "credential", "options"],
            Role::Change => Vec::new(),
        };
        if role != Role::Change {
            known.extend(kept);
        }
        if known.contains(&name) {
            return Ok(());
        }
        let hint = match files::nearest(name, known.iter().copied()) {
            Some(nearest) => format!("did you mean {{{nearest}}}?"),
            None => format!("there are: {}", known.join(", ")),
        };
        Err(format!("{place}: {{{name}}} stands for nothing here; {hint}"))
    }
}

fn content_has(content: &Content, name: &str) -> bool {
    match content {
        Content::None => false,
        Content::Json(body) => body.placeholders().contains(&name),
        Content::Form(form) => form.values().any(|value| value.placeholders().any(|found| found == name)),
    }
}

fn in_query(way: &Way, name: &str) -> bool {
    match way {
        Way::Http { path, query, .. } => path
            .placeholders()
            .chain(query.values().flat_map(|value| value.placeholders()))
            .any(|found| found == name),
        Way::Command(_) => false,
    }
}

/// Whether a path goes elsewhere.
pub fn is_whole(path: &str) -> bool {
    path.starts_with("http://") || path.starts_with("https://")
}

impl Doors {
    /// Every request.
    pub fn all(&self) -> impl Iterator<Item = &Request> {
        let ceremonies = [&self.registration, &self.sign_in].into_iter().flatten();
        let ceremonies = ceremonies.flat_map(|requests| [&requests.begin, &requests.finish]);
        ceremonies.chain(&self.clean_up).chain(self.changes.values())
    }
}

/// A URL that paths are added to.
///
/// # Errors
/// Invalid if it is none.
pub fn base(text: &str) -> Result<Url, Failure> {
    let invalid = |why: String| {
        Failure::new(FailureKind::Invalid, format!("{}: {why}", text.escape_debug()))
            .hint("a URL is such as http://localhost:8000")
    };
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it has a query or a fragment".into()));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::built_in;
    use serde_json::json;

    const LEAST: &str = "registration.begin = { path = \"/b\" }\nregistration.finish = { path = \"/f\", body = \"{response}\" }\n";

    fn refused(text: &str) -> Failure {
        let failure = Description::read("t.toml", text).map(drop).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid);
        assert!(failure.message.starts_with("t.toml: "), "{failure}");
        failure
    }

    #[test]
    fn the_built_in_descriptions_are_read_and_have_both_ceremonies_and_clean_up_or_a_reason() {
        for built_in in built_in::ALL {
            let (description, doors) = Description::read(built_in.name, built_in.text).unwrap();
            assert!(description.title.is_some() && description.url.is_some(), "{}", built_in.name);
            assert!(doors.registration.is_some() && doors.sign_in.is_some(), "{}", built_in.name);
            assert_eq!(doors.clean_up.is_none(), built_in.name == "fido2-net-lib");
        }
    }

    #[test]
    fn the_examples_of_the_documentation_are_read() {
        let text = include_str!("../../../docs/probe-targets.md");
        let mut examples = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let whole = examples.next().unwrap().to_owned();
        Description::read("docs", &whole).unwrap();
        for part in examples {
            let text = if part.contains("registration") { part.to_owned() } else { format!("{LEAST}{part}") };
            Description::read("docs", &text).unwrap_or_else(|failure| panic!("{failure}: {text}"));
        }
    }

    #[test]
    fn a_wrong_key_is_refused_with_its_line_and_the_nearest_one() {
        let failure = refused("url = 'http://localhost'\nhedaers = {}\n");
        assert_eq!(failure.message.split(',').next(), Some("t.toml: line 2: unknown field `hedaers`"));
        assert_eq!(failure.hint.as_deref(), Some("did you mean `headers`?"));
        let failure = refused("[registration.begin]\npath = '/b'\n[registration.finish]\nacepted = {}\n");
        assert!(failure.message.starts_with("t.toml: line 4: unknown field `acepted`"), "{failure}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_place() {
        for (text, why) in [
            ("", "there is no [registration]"),
            ("rate = 0\n", "rate: it must be more than 0"),
            ("timeout = inf\n", "timeout: it must be more than 0"),
            ("session.refresh = []\n", "session.refresh: it names no program"),
            (
                "clean-up = { path = '/{credentail}' }\n",
                "clean-up.path: {credentail} stands for nothing here; did you mean {credential}?",
            ),
            ("clean-up = { path = '/{response}' }\n", "clean-up.path: {response} stands"),
            ("changes.x = { path = '/{user}' }\n", "changes.x.path: {user} stands for nothing"),
            ("clean-up = { path = 'x' }\n", "clean-up.path: it begins neither with /"),
            ("clean-up = { path = '@example.com/' }\n", "clean-up.path: it begins neither with /"),
            ("clean-up = { }\n", "clean-up: it has neither a path nor a command"),
            ("clean-up = { path = '/', command = ['x'] }\n", "clean-up: it has a path and a command"),
            ("clean-up = { command = [] }\n", "clean-up.command: it names no program"),
            ("clean-up = { command = ['x'], method = 'GET' }\n", "clean-up: a command has no method"),
            ("clean-up = { path = '/', body = {}, form = {} }\n", "clean-up: it has a body and a form"),
            ("clean-up = { path = '/', method = 'G T' }\n", "clean-up.method: G T is none"),
            ("clean-up = { path = '/', said = ['error'] }\n", "clean-up: error is no JSON pointer"),
            (
                "clean-up = { path = '/', accepted = { equals = 1 } }\n",
                "clean-up.accepted: it has equals and no pointer",
            ),
            ("clean-up = { path = '/', nameless = true }\n", "clean-up: options and nameless are for begin"),
            (
                "sign-in = { begin = { path = '/' }, finish = { path = '/' } }\n",
                "sign-in.finish: {response} stands nowhere",
            ),
            (
                "sign-in = { begin = { path = '/{' }, finish = { path = '/' } }\n",
                "sign-in.begin.path: a brace opens",
            ),
        ] {
            let whole = if text.is_empty() { String::new() } else { format!("{LEAST}{text}") };
            let failure = refused(&whole);
            assert!(failure.message.starts_with(&format!("t.toml: {why}")), "{text}: {failure}");
        }
    }

    #[test]
    fn an_answer_is_a_yes_only_if_it_has_everything() {
        let accepted = |text: &str| toml::from_str::<Accepted>(text).unwrap();
        let yes = json!({ "ok": true, "null": null, "list": [1] });
        for (text, status, is_met) in [
            ("", 200, true),
            ("", 299, true),
            ("", 302, false),
            ("status = [201, 302]", 302, true),
            ("status = [201]", 200, false),
            ("pointer = '/ok'", 200, true),
            ("pointer = '/ok'", 400, false),
            ("pointer = '/null'", 200, false),
            ("pointer = '/nothing'", 200, false),
            ("pointer = '/list/0'\nequals = 1", 200, true),
            ("pointer = '/ok'\nequals = 'true'", 200, false),
        ] {
            assert_eq!(accepted(text).is_met(status, Some(&yes)), is_met, "{text} {status}");
        }
        assert!(!accepted("pointer = ''").is_met(200, None), "no JSON has no members");
        assert!(accepted("pointer = ''").is_met(200, Some(&yes)));
    }
}
