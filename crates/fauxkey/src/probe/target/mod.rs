//! A relying party, as a description tells how it is asked.
pub mod allowed;
mod command;
pub mod description;
pub mod http;
mod rate;
pub mod secrets;
mod session;
pub mod template;

use crate::control::{Failure, FailureKind};
use allowed::{Allowed, is_loopback};
use description::{Content, Description, Doors, Request, Requests, SessionTable, Way, is_whole};
use http::{Answer, Outgoing, Sleep, Wire};
use probe::target::{Begun, CleanedUp, Ended, Exchange, Session, Target, TargetError};
use relying_party::Ceremony;
use secrets::Secret;
use serde_json::Value;
use session::Browser;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use template::{Values, percent};
use url::Url;
use wire::base64url;

/// How long an answer may take, if the description does not say.
const PATIENCE: f64 = 30.0;
/// Characters of an answer that are said where it does not say anything for people.
const LONGEST_SAYING: usize = 200;

/// What a run decides about a target.
pub struct Settings {
    /// Instead of the description's.
    pub url: Option<String>,
    /// Instead of the description's.
    pub proxy: Option<String>,
    /// Hosts that may be asked though they are no tests'.
    pub allowed: Allowed,
    /// Lets time pass.
    pub sleep: Sleep,
}

/// A relying party behind requests and commands.
pub struct Adapter {
    wire: Wire,
    doors: Arc<Doors>,
    /// Without a slash at the end of its path.
    url: Option<Url>,
    origin: String,
    folder: PathBuf,
    timeout: Duration,
    headers: Vec<(String, Secret)>,
    session: Option<Arc<SessionTable>>,
    browsers: [Browser; 2],
    /// Who registered what, by its ID in base64url.
    registered: HashMap<String, Session>,
}

/// What was asked and answered.
struct Asked {
    answer: Answer,
    exchange: Exchange,
}

/// Who asks, and what for.
#[derive(Clone, Copy, Default)]
struct Asking<'a> {
    /// Nobody's is that of a change.
    session: Option<Session>,
    user: Option<&'a str>,
    credential: Option<&'a str>,
    response: Option<&'a str>,
}

impl Adapter {
    /// To whom `description` describes. Paths in it are from `folder`. Nobody is asked yet.
    ///
    /// # Errors
    /// Forbidden if a host may not be asked; Invalid if the description makes no sense, or a secret is missing.
    pub fn new(
        description: &Description,
        doors: Doors,
        folder: &Path,
        settings: Settings,
    ) -> Result<Self, Failure> {
        let Settings { url, proxy, allowed, sleep } = settings;
        let url = url.as_deref().or(description.url.as_deref()).map(description::base).transpose()?;
        let origin = origin(description.origin.as_deref(), url.as_ref())?;
        let hosts = hosts(url.as_ref(), &doors)?;
        for url in &hosts {
            allowed.check(url)?;
        }
        let here = hosts.iter().all(|url| url.host_str().is_some_and(is_loopback));
        let rate = description.rate.or(if here { None } else { Some(1.0) });
        let timeout = Duration::try_from_secs_f64(description.timeout.unwrap_or(PATIENCE));
        let timeout = timeout.map_err(|_| Failure::new(FailureKind::Invalid, "timeout: it is too long"))?;
        let proxy = proxy.as_deref().or(description.proxy.as_deref());
        let mut wire = Wire::new(allowed, rate, timeout, proxy, sleep)?;
        let headers = resolved("headers", &description.headers, folder, &mut wire)?;
        let cookies = resolved("cookies", &description.cookies, folder, &mut wire)?;
        let cookies: BTreeMap<String, Secret> = cookies.into_iter().collect();
        for request in doors.all() {
            // Whether they are there is known before anything is asked, and none is ever shown.
            resolved("headers", &request.headers, folder, &mut wire)?;
        }
        let browsers = [(); 2].map(|()| Browser::new(url.as_ref(), &cookies));
        let session = description.session.clone().map(Arc::new);
        let (doors, folder) = (Arc::new(doors), folder.to_path_buf());
        let registered = HashMap::new();
        Ok(Self { wire, doors, url, origin, folder, timeout, headers, session, browsers, registered })
    }

    fn browser(&mut self, session: Session) -> &mut Browser {
        &mut self.browsers[index(session)]
    }

    /// Asks in a session that is begun, and once more in a new one if it has ended.
    fn ask(&mut self, request: &Request, asking: Asking<'_>) -> Result<Asked, TargetError> {
        let asked = self.asked(request, asking);
        asked.map_err(|error| self.wire.scrubbed(error))
    }

    fn asked(&mut self, request: &Request, asking: Asking<'_>) -> Result<Asked, TargetError> {
        let Some((session, table)) = asking.session.zip(self.session.clone()) else {
            return self.once(request, asking);
        };
        if self.browser(session).is_new() {
            self.refresh(session, &table)?;
        }
        let asked = self.once(request, asking)?;
        if !table.expired.is_met(asked.answer.status, asked.answer.json.as_ref()) {
            return Ok(asked);
        }
        self.refresh(session, &table)?;
        self.once(request, asking)
    }

    fn refresh(&mut self, session: Session, table: &SessionTable) -> Result<(), TargetError> {
        let Self { wire, url, folder, timeout, browsers, .. } = self;
        let browser = &mut browsers[index(session)];
        browser.refresh(session, table, url.as_ref(), folder, *timeout, &mut wire.hidden)
    }

    fn once(&mut self, request: &Request, asking: Asking<'_>) -> Result<Asked, TargetError> {
        let Asking { session, user, credential, response } = asking;
        let kept = session.map(|session| self.browser(session).kept(user));
        let (kept, options) =
            kept.map_or_else(Default::default, |kept| (kept.values.clone(), kept.options.clone()));
        let values = Values { user, credential, response, options: options.as_ref(), kept: Some(&kept) };
        let body = match &request.content {
            Content::None => None,
            Content::Json(template) => template.write(&values).map(|body| ("application/json", body)),
            Content::Form(form) => {
                let mut written = url::form_urlencoded::Serializer::new(String::new());
                for (name, value) in form {
                    if let Some(value) = value.text(&values) {
                        written.append_pair(name, &value);
                    }
                }
                Some(("application/x-www-form-urlencoded", written.finish()))
            }
        };
        let asked = match &request.way {
            Way::Command(words) => {
                // A word that has no value stays as an empty one, so that the others stay in their places.
                let words: Vec<String> =
                    words.iter().map(|word| word.text(&values).unwrap_or_default()).collect();
                let input = body.as_ref().map(|(_, body)| body.as_str()).or(response);
                self.wire.pause();
                let ran = command::run(
                    &words,
                    input.unwrap_or_default(),
                    session.unwrap_or(Session::First),
                    self.url.as_ref(),
                    &self.folder,
                    self.timeout,
                )?;
                let answer = Answer::printed(ran.output.to_string(), ran.ended, ran.took);
                let exchange = self.wire.exchange(&words.join(" "), input, &answer, false);
                Asked { answer, exchange }
            }
            Way::Http { method, path, query } => {
                let url = self.address(&path.in_url(&values), query, &values)?;
                let headers = self.headers_of(request, session, &url, method.is_safe())?;
                let outgoing = Outgoing { method: method.clone(), url, headers, body };
                let answer = self.wire.ask(&outgoing)?;
                let Outgoing { method, url, body, .. } = outgoing;
                if let Some(session) = session {
                    let Self { wire, browsers, .. } = self;
                    let cookies = answer.set_cookie.iter().map(String::as_str);
                    browsers[index(session)].store(&url, cookies, &mut wire.hidden);
                }
                let body = body.as_ref().map(|(_, body)| body.as_str());
                let exchange = self.wire.exchange(&format!("{method} {url}"), body, &answer, true);
                Asked { answer, exchange }
            }
        };
        if let Some(session) = session {
            let kept = self.browser(session).kept(user);
            for (name, pointer) in &request.keep {
                if let Some(value) = asked.answer.json.as_ref().and_then(|json| json.pointer(pointer)) {
                    kept.values.insert(name.clone(), value.clone());
                }
            }
        }
        Ok(asked)
    }

    /// Where a request goes.
    fn address(
        &self,
        path: &str,
        query: &BTreeMap<String, template::Template>,
        values: &Values<'_>,
    ) -> Result<Url, TargetError> {
        let base = self.url.as_ref().map(|url| url.as_str().trim_end_matches('/'));
        let mut address = match base {
            _ if is_whole(path) => path.to_owned(),
            Some(base) => format!("{base}{path}"),
            None => return Err(TargetError::Gone("the target has no URL".into())),
        };
        let texts = query.iter().filter_map(|(name, value)| Some((name, value.text(values)?)));
        for (name, text) in texts {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(&format!("{}={}", percent(name), percent(&text)));
        }
        let url = Url::parse(&address);
        url.map_err(|error| TargetError::Failed(format!("{path} leads nowhere: {error}")))
    }

    /// The request's own headers before the session's, the session's before the file's, those before ours.
    fn headers_of(
        &mut self,
        request: &Request,
        session: Option<Session>,
        url: &Url,
        is_safe: bool,
    ) -> Result<Vec<(String, Secret)>, TargetError> {
        let mut headers = Vec::new();
        for (name, value) in &request.headers {
            let value = secrets::resolve(&format!("headers.{name}"), value, &self.folder);
            let (value, _) = value.map_err(|failure| TargetError::Gone(failure.message))?;
            headers.push((name.clone(), value));
        }
        if let Some(session) = session {
            let browser = self.browser(session);
            headers.extend(browser.headers().map(|(name, value)| (name.to_owned(), value.clone())));
            headers.extend(browser.cookie(url).map(|cookie| ("Cookie".to_owned(), cookie)));
        }
        headers.extend(self.headers.iter().cloned());
        headers.push(("Accept".into(), Secret::new("application/json, */*;q=0.5")));
        // As a page of the relying party would have it, Fetch §3.2.
        if !is_safe {
            headers.push(("Origin".into(), Secret::new(self.origin.clone())));
        }
        Ok(headers)
    }

    /// What an answer says to people.
    fn said(&self, request: &Request, answer: &Answer) -> String {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let found = request.said.iter().find_map(|pointer| text(answer.json.as_ref()?.pointer(pointer)?));
        let said = found.unwrap_or_else(|| match answer.body.trim() {
            "" => format!("status {}", answer.status),
            body => body.to_owned(),
        });
        self.wire.hidden.scrub(&said).chars().filter(|c| !c.is_control()).take(LONGEST_SAYING).collect()
    }

    fn is_accepted(request: &Request, answer: &Answer) -> bool {
        request.accepted.is_met(answer.status, answer.json.as_ref())
    }
}

impl Target for Adapter {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn begin(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
    ) -> Result<Begun, TargetError> {
        let doors = self.doors.clone();
        let request = &requests(&doors, ceremony)?.begin;
        if user.is_none() && !request.nameless {
            return Err(TargetError::Unsupported("it wants a name to begin with".into()));
        }
        let asking = Asking { session: Some(session), user, ..Asking::default() };
        let Asked { answer, exchange } = self.ask(request, asking)?;
        if !Self::is_accepted(request, &answer) {
            let said = self.said(request, &answer);
            return Err(TargetError::Failed(format!("it does not begin ({}): {said}", answer.status)));
        }
        let options = answer.json.as_ref().and_then(|json| json.pointer(&request.options));
        let Some(options) = options.filter(|options| options.is_object()).cloned() else {
            let place = if request.options.is_empty() { "its answer" } else { &request.options };
            return Err(TargetError::Failed(format!("there are no options in {place}")));
        };
        self.browser(session).kept(user).options = Some(options.clone());
        Ok(Begun { options, exchange })
    }

    fn finish(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
        response: &str,
    ) -> Result<Ended, TargetError> {
        let doors = self.doors.clone();
        let request = &requests(&doors, ceremony)?.finish;
        let asking = Asking { session: Some(session), user, response: Some(response), ..Asking::default() };
        let Asked { answer, exchange } = self.ask(request, asking)?;
        let accepted = Self::is_accepted(request, &answer);
        if accepted && ceremony == Ceremony::Registration {
            let response: Option<Value> = serde_json::from_str(response).ok();
            let id = response.and_then(|response| response["id"].as_str().map(Into::into));
            self.registered.extend(id.map(|id: String| (id, session)));
        }
        Ok(Ended { accepted, said: self.said(request, &answer), exchange })
    }

    fn clean_up(&mut self, user: &str, credential: &[u8]) -> Result<CleanedUp, TargetError> {
        let doors = self.doors.clone();
        let Some(request) = &doors.clean_up else {
            return Ok(CleanedUp::Left("the target's description has no clean-up".into()));
        };
        let id = base64url::encode(credential);
        let session = self.registered.get(&id).copied().unwrap_or(Session::First);
        let asking =
            Asking { session: Some(session), user: Some(user), credential: Some(&id), ..Asking::default() };
        let Asked { answer, .. } = self.ask(request, asking)?;
        if answer.status == 404 || Self::is_accepted(request, &answer) {
            self.registered.remove(&id);
            return Ok(CleanedUp::Removed);
        }
        Ok(CleanedUp::Left(self.said(request, &answer)))
    }

    fn change(&mut self, name: &str) -> Result<Exchange, TargetError> {
        let doors = self.doors.clone();
        let Some(request) = doors.changes.get(name) else {
            let there: Vec<&str> = doors.changes.keys().map(String::as_str).collect();
            let there = if there.is_empty() { "nothing".into() } else { there.join(", ") };
            return Err(TargetError::Unsupported(format!("no change is called {name}; there is {there}")));
        };
        let Asked { answer, exchange } = self.ask(request, Asking::default())?;
        if Self::is_accepted(request, &answer) {
            return Ok(exchange);
        }
        Err(TargetError::Failed(format!("{name} is refused: {}", self.said(request, &answer))))
    }
}

const fn index(session: Session) -> usize {
    match session {
        Session::First => 0,
        Session::Second => 1,
    }
}

fn requests(doors: &Doors, ceremony: Ceremony) -> Result<&Requests, TargetError> {
    let requests = match ceremony {
        Ceremony::Registration => &doors.registration,
        Ceremony::Authentication => &doors.sign_in,
    };
    let missing = || TargetError::Unsupported("the target's description has no such ceremony".into());
    requests.as_ref().ok_or_else(missing)
}

/// The origin of a target's pages.
fn origin(named: Option<&str>, url: Option<&Url>) -> Result<String, Failure> {
    if let Some(text) = named {
        let parsed = Url::parse(text).ok().map(|url| url.origin().ascii_serialization());
        return parsed.filter(|origin| origin == text).ok_or_else(|| {
            Failure::new(FailureKind::Invalid, format!("origin: {} is none", text.escape_debug()))
                .hint("an origin is such as https://login.example.test, without a slash")
        });
    }
    url.map(|url| url.origin().ascii_serialization()).ok_or_else(|| {
        Failure::new(FailureKind::Invalid, "nobody says where the target is").hint("give --url URL")
    })
}

/// Every host that is asked.
fn hosts(url: Option<&Url>, doors: &Doors) -> Result<Vec<Url>, Failure> {
    let mut hosts: Vec<Url> = url.into_iter().cloned().collect();
    for request in doors.all() {
        let Way::Http { path, .. } = &request.way else { continue };
        let path = path.in_url(&Values::default());
        if is_whole(&path) {
            let url = Url::parse(&path);
            hosts.push(url.map_err(|error| Failure::new(FailureKind::Invalid, format!("{path}: {error}")))?);
        } else if url.is_none() {
            return Err(
                Failure::new(FailureKind::Invalid, "nobody says where the target is").hint("give --url URL")
            );
        }
    }
    Ok(hosts)
}

/// Values of headers or cookies. Those that are secret are hidden from reports from now on.
fn resolved(
    what: &str,
    texts: &BTreeMap<String, String>,
    folder: &Path,
    wire: &mut Wire,
) -> Result<Vec<(String, Secret)>, Failure> {
    let mut values = Vec::new();
    for (name, text) in texts {
        let (value, hide) = secrets::resolve(&format!("{what}.{name}"), text, folder)?;
        if hide || what == "cookies" || secrets::authenticates(name) {
            wire.hidden.add(&value);
        }
        values.push((name.clone(), value));
    }
    Ok(values)
}
