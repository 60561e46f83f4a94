//! Adapters before a server of this house's own relying party, and before servers that do one odd thing.
mod adapter;
mod recording;
mod strangers;
mod whole;

use super::target::allowed::Allowed;
use super::target::description::Description;
use super::target::{Adapter, Settings};
use crate::api::background::Background;
use crate::control::Failure;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, extract};
use relying_party::{
    AuthenticationExpectation, RegistrationExpectation, RelyingParty, StoredCredential, UserVerification,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wire::base64url;
use wire::webauthn::json::{self as forms, CreationOptions, RequestOptions, UserEntity};

/// A request that came in.
#[derive(Clone, Debug)]
struct Came {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: String,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    fn cookie(&self) -> &str {
        self.header("cookie")
    }
}

/// What goes out.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    fn json(status: u16, value: &Value) -> Self {
        Self { status, headers: Vec::new(), body: value.to_string() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A server, and everything that came to it.
struct Server {
    url: String,
    came: Arc<Mutex<Vec<Came>>>,
    _background: Background,
}

impl Server {
    fn start(mut answer: impl FnMut(&Came) -> Reply + Send + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let came = Arc::new(Mutex::new(Vec::new()));
        let log = came.clone();
        let job = move |method: axum::http::Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let came = Came {
                method: method.to_string(),
                path: uri.path().to_owned(),
                query: uri.query().unwrap_or_default().to_owned(),
                headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            };
            log.lock().unwrap().push(came.clone());
            let Reply { status, headers, body } = answer(&came);
            let mut response: Response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            for (name, value) in headers {
                response.headers_mut().append(name, value.parse().unwrap());
            }
            response
        };
        let job = Arc::new(Mutex::new(job));
        let handler =
            move |method, uri, headers, extract::Extension(()): extract::Extension<()>, body: Bytes| {
                let job = job.clone();
                async move { (job.lock().unwrap())(method, uri, headers, body) }
            };
        let router = Router::new()
            .fallback(handler)
            .layer(extract::DefaultBodyLimit::max(8 << 20))
            .layer(axum::Extension(()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let run = move |stopped: tokio::sync::oneshot::Receiver<()>| {
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    _ = axum::serve(listener, router) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        };
        Self { url, came, _background: Background::start("relying party", run).unwrap() }
    }

    fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }
}

/// Settings that let no time pass, and tell how much would have.
fn settings(url: Option<&str>) -> (Settings, Arc<Mutex<Vec<Duration>>>) {
    let slept = Arc::new(Mutex::new(Vec::new()));
    let log = slept.clone();
    let sleep = Box::new(move |time| log.lock().unwrap().push(time));
    (Settings { url: url.map(Into::into), proxy: None, allowed: Allowed::default(), sleep }, slept)
}

fn adapter(text: &str, url: Option<&str>) -> Result<Adapter, Failure> {
    let (description, doors) = Description::read("test.toml", text)?;
    Adapter::new(&description, doors, Path::new("/"), settings(url).0)
}

/// A relying party behind the routes of the conformance tests. A browser is known by its cookie, and the cookie has the
/// challenge.
#[derive(Default)]
struct Party {
    accounts: HashMap<String, Vec<StoredCredential>>,
    creations: HashMap<String, CreationOptions>,
    requests: HashMap<String, (RequestOptions, Option<String>)>,
}

impl Party {
    fn answer(&mut self, came: &Came) -> Reply {
        let origin = format!("http://{}", came.header("host"));
        let mut party = RelyingParty::new("localhost");
        party.origins = vec![origin];
        party.user_verification = UserVerification::Preferred;
        let sid = came.cookie().strip_prefix("sid=").unwrap_or_default().to_owned();
        let no = |why: &str| Reply::json(400, &json!({ "status": "failed", "errorMessage": why }));
        let yes = || Reply::json(200, &json!({ "status": "ok", "errorMessage": "" }));
        let offered = |mut options: Value, sid: &str| {
            options["status"] = "ok".into();
            Reply::json(200, &options).with("set-cookie", format!("sid={sid}; Path=/; HttpOnly"))
        };
        let challenge = rand::random::<[u8; 32]>().to_vec();
        let new_sid = format!("session-{}", base64url::encode(&rand::random::<[u8; 12]>()));
        let user = came.json()["username"].as_str().map(str::to_owned);
        match came.path.as_str() {
            "/attestation/options" => {
                let Some(name) = user else { return no("no username") };
                let entity = UserEntity {
                    id: format!("id of {name}").into_bytes().into(),
                    name: name.clone(),
                    display_name: name.clone(),
                };
                let known = self.accounts.get(&name).cloned().unwrap_or_default();
                let options = party.creation_options(entity, challenge, &known);
                let value = serde_json::to_value(&options).unwrap();
                self.creations.insert(new_sid.clone(), options);
                offered(value, &new_sid)
            }
            "/attestation/result" => {
                let Some(options) = self.creations.remove(&sid) else {
                    return no("no registration is going on");
                };
                let Ok(response) = serde_json::from_str(&came.body)
                    .map_err(|e| e.to_string())
                    .and_then(|value| forms::from_value(value).map_err(|e| e.to_string()))
                else {
                    return no("this is no response");
                };
                let is_known = |id: &[u8]| self.accounts.values().flatten().any(|known| known.id == id);
                let expected = RegistrationExpectation::of(&options, &is_known);
                match party.verify_registration(&expected, &response) {
                    Ok(registered) => {
                        self.accounts.entry(options.user.name).or_default().push(registered.credential);
                        yes()
                    }
                    Err(rejection) => no(&rejection.to_string()),
                }
            }
            "/assertion/options" => {
                let allow =
                    user.as_ref().and_then(|name| self.accounts.get(name)).cloned().unwrap_or_default();
                let options = party.request_options(challenge, &allow);
                let value = serde_json::to_value(&options).unwrap();
                self.requests.insert(new_sid.clone(), (options, user));
                offered(value, &new_sid)
            }
            "/assertion/result" => {
                let Some((options, _)) = self.requests.remove(&sid) else {
                    return no("no sign-in is going on");
                };
                let parsed = serde_json::from_str::<Value>(&came.body).ok();
                let response = parsed.and_then(|value| forms::from_value(value).ok());
                let response: forms::AuthenticationResponse = match response {
                    Some(response) => response,
                    None => return no("this is no response"),
                };
                let id = response.raw_id.0.clone();
                let known = self.accounts.values_mut().flatten().find(|known| known.id == id);
                let Some(known) = known else { return no("nobody has this passkey") };
                let expected = AuthenticationExpectation::of(&options, None);
                match party.verify_authentication(&expected, &response, known) {
                    Ok(done) => {
                        *known = done.credential;
                        yes()
                    }
                    Err(rejection) => no(&rejection.to_string()),
                }
            }
            path if came.method == "DELETE" && path.starts_with("/credentials/") => {
                let id = base64url::decode(path.trim_start_matches("/credentials/")).unwrap();
                for credentials in self.accounts.values_mut() {
                    credentials.retain(|known| known.id != id);
                }
                Reply { status: 204, headers: Vec::new(), body: String::new() }
            }
            _ => no("there is nothing here"),
        }
    }
}
