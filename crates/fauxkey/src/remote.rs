//! A running instance, controlled over its API.
use crate::api::presence::Running;
use crate::app::{Account, Added, Code, NewAccount, Push};
use crate::ceremony;
use crate::control::{
    ArmedFault, Certificate, Control, Device, Failure, FailureKind, Fault, Finger, Gesture, Lines, Link,
    Metadata, MetadataRequest, NewPasskey, Passkey, Power, ProfileSummary, Prompt, Scan, Scanned, Script,
    TestCa, User,
};
use crate::extension::Pairing;
use crate::home::Home;
use crate::page::Choice;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};
use ureq::Agent;
use ureq::http::{Method, Request};
use ureq::tls::{Certificate as Trusted, RootCerts, TlsConfig};
use wire::base64url;
use wire::webauthn::json::Base64Url;

#[cfg(test)]
mod tests;

/// How long an instance may take to say that it is there.
const PING: Duration = Duration::from_secs(2);
/// How long it may take to answer what needs no user.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer that are taken in: some hundred thousand passkeys.
const LONGEST_ANSWER: u64 = 64 << 20;

/// An instance in another process, or in this one.
#[derive(Clone)]
pub struct Remote {
    url: String,
    token: String,
    agent: Agent,
    /// Without a time limit: a device waits for its user as long as its profile says, and then asks again.
    patient: Agent,
}

#[derive(Deserialize)]
struct Version {
    name: String,
}

#[derive(Deserialize)]
struct ProfileText {
    toml: String,
}

#[derive(Deserialize)]
struct Reply {
    response: Base64Url,
}

impl Remote {
    /// The running instance: the one that `FAUXKEY_URL` names, or else the one of this home. `None` if none
    /// answers.
    pub fn find(home: &Home) -> Option<Self> {
        match Self::from_environment(home) {
            Ok(Some(remote)) => Some(remote),
            Ok(None) => Self::running(home),
            Err(_) => None,
        }
    }

    /// The instance that `FAUXKEY_URL` names, with the token of `FAUXKEY_TOKEN` or else that of this home; `None`
    /// if the variable is not set.
    ///
    /// # Errors
    /// If it is set and the instance does not answer: who names one does not want another.
    pub fn from_environment(home: &Home) -> Result<Option<Self>, Failure> {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        Self::named(set("FAUXKEY_URL"), set("FAUXKEY_TOKEN"), set("FAUXKEY_CA"), home)
    }

    fn named(
        url: Option<String>,
        given: Option<String>,
        trusted: Option<String>,
        home: &Home,
    ) -> Result<Option<Self>, Failure> {
        let Some(url) = url else { return Ok(None) };
        let token = given.or_else(|| token(home)).ok_or_else(|| {
            Failure::new(FailureKind::Invalid, "FAUXKEY_URL is set, but there is no token for it")
                .hint("set FAUXKEY_TOKEN to what the instance printed when it started")
        })?;
        Self::trusting(&url, &token, trusted.as_deref()).map(Some)
    }

    /// The instance that runs in this home, if one answers there.
    pub fn running(home: &Home) -> Option<Self> {
        let running = Running::read(home)?;
        Self::at(&running.url, &token(home)?).ok()
    }

    /// The instance at `url`, such as `http://127.0.0.1:8123`.
    ///
    /// # Errors
    /// If nobody answers there, if it is not fauxkey, or if it refuses the token.
    pub fn at(url: &str, token: &str) -> Result<Self, Failure> {
        Self::trusting(url, token, None)
    }

    /// The same, asked by TLS: `trusted` is the file in PEM with the certificate that is trusted.
    pub(crate) fn trusting(url: &str, token: &str, trusted: Option<&str>) -> Result<Self, Failure> {
        let trusted = trusted.map(certificate).transpose()?;
        let roots = RootCerts::new_with_certs(trusted.as_slice());
        let crypto = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(crypto).build();
        let agent = |limit| {
            let config = Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                // A proxy on the way would see the token, and would not find our loopback interface.
                .proxy(None)
                .tls_config(tls.clone())
                .timeout_connect(Some(PING))
                .timeout_global(limit);
            Agent::new_with_config(config.build())
        };
        let url = url.trim_end_matches('/').to_owned();
        let remote =
            Self { url, token: token.trim().to_owned(), agent: agent(Some(PATIENCE)), patient: agent(None) };
        let version: Version = remote.exchange(&agent(Some(PING)), Method::GET, &["version"], None)?;
        match version.name.as_str() {
            "fauxkey" => Ok(remote),
            other => Err(broken(format!("{} is no fauxkey but `{other}`", remote.url))),
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What pairs a browser's extension with it.
    pub fn pairing(&self, choice: Choice) -> Pairing {
        Pairing::new(&self.url, &self.token, choice)
    }

    /// What happens from now on, each event as the API has it, until the instance ends.
    ///
    /// # Errors
    /// If the instance does not answer.
    pub fn events(&self) -> Result<impl Iterator<Item = Value> + Send + use<>, Failure> {
        Ok(self.stream("events")?.flatten())
    }

    /// A stream of server-sent events: each one's data, and `None` for the lines between them, some of which only say
    /// that the instance is there.
    fn stream(&self, what: &str) -> Result<impl Iterator<Item = Option<Value>> + Send + use<>, Failure> {
        let request = self.patient.get(format!("{}/api/v1/{what}", self.url));
        let answer = request.header("Authorization", format!("Bearer {}", self.token)).call();
        let answer = answer.map_err(|error| broken(format!("{} streams no {what}: {error}", self.url)))?;
        let lines = BufReader::new(answer.into_body().into_reader()).lines();
        let data = |line: String| serde_json::from_str(line.strip_prefix("data:")?).ok();
        Ok(lines.map_while(Result::ok).map(data))
    }

    fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> Result<T, Failure> {
        self.exchange(&self.agent, method, path, body)
    }

    fn exchange<T: DeserializeOwned>(
        &self,
        agent: &Agent,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> Result<T, Failure> {
        self.exchange_at(agent, method, path, "", body)
    }

    /// Asks and reads the answer; an answer without content is read as `null`. `query` is encoded already.
    fn exchange_at<T: DeserializeOwned>(
        &self,
        agent: &Agent,
        method: Method,
        path: &[&str],
        query: &str,
        body: Option<Value>,
    ) -> Result<T, Failure> {
        if path.contains(&"") {
            return Err(Failure::new(FailureKind::Invalid, "a name or an ID is empty"));
        }
        let path: String = path.iter().flat_map(|segment| ["/".to_owned(), encode(segment)]).collect();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}{}{query}", self.url, if query.is_empty() { "" } else { "?" }))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json");
        let silent = |error: ureq::Error| {
            broken(format!("the instance at {} does not answer: {error}", self.url))
                .hint("is it still running? `fauxkey up` starts one")
        };
        let invalid = |error| {
            Failure::new(FailureKind::Invalid, format!("cannot ask the instance at {}: {error}", self.url))
                .hint("its address looks like http://127.0.0.1:8123")
        };
        let mut answer = match body {
            Some(body) => agent.run(request.body(body.to_string()).map_err(invalid)?),
            None => agent.run(request.body(()).map_err(invalid)?),
        }
        .map_err(silent)?;
        let text = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec().map_err(silent)?;
        let strange =
            || broken(format!("the instance at {} answered something else: {}", self.url, answer.status()));
        if !answer.status().is_success() {
            return Err(serde_json::from_slice(&text).unwrap_or_else(|_| strange()));
        }
        let text = if text.is_empty() { b"null" } else { text.as_slice() };
        serde_json::from_slice(text).map_err(|error| {
            broken(format!("the instance at {} answered what this fauxkey does not read: {error}", self.url))
                .hint("use the same version of fauxkey for both")
        })
    }
}

fn token(home: &Home) -> Option<String> {
    fs::read_to_string(home.token()).ok()
}

/// A certificate out of a file in PEM.
fn certificate(file: &str) -> Result<Trusted<'static>, Failure> {
    let invalid = |why: String| {
        Failure::new(FailureKind::Invalid, format!("FAUXKEY_CA: cannot use {file}: {why}"))
            .hint("the ready file of the instance has its certificate")
    };
    let pem = fs::read(file).map_err(|error| invalid(error.to_string()))?;
    Trusted::from_pem(&pem).map_err(|error| invalid(error.to_string()))
}

fn broken(message: String) -> Failure {
    Failure::new(FailureKind::Broken, message)
}

/// A path segment: everything but RFC 3986's unreserved characters is percent-encoded, and dots too, so that no
/// segment is taken for a relative one.
fn encode(segment: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    segment.bytes().map(encode).collect()
}

impl Control for Remote {
    fn trace(&self) -> Result<Lines, Failure> {
        Ok(Box::new(self.stream("trace")?.map(|line| serde_json::from_value(line?).ok())))
    }

    fn devices(&self) -> Result<Vec<Device>, Failure> {
        self.call(Method::GET, &["devices"], None)
    }

    fn device(&self, name: &str) -> Result<Device, Failure> {
        self.call(Method::GET, &["devices", name], None)
    }

    fn add_device(&self, name: &str, profile: &str) -> Result<Device, Failure> {
        self.call(Method::POST, &["devices"], Some(json!({ "name": name, "profile": profile })))
    }

    fn delete_device(&self, name: &str) -> Result<(), Failure> {
        self.call(Method::DELETE, &["devices", name], None)
    }

    fn reset_device(&self, name: &str) -> Result<(), Failure> {
        self.call(Method::POST, &["devices", name, "reset"], None)
    }

    fn power(&self, name: &str, power: Power) -> Result<Device, Failure> {
        self.call(Method::POST, &["devices", name, "power"], Some(json!({ "power": power })))
    }

    fn insert_card(&self, name: &str, inserted: bool) -> Result<Device, Failure> {
        self.call(Method::PUT, &["devices", name, "card"], Some(json!({ "inserted": inserted })))
    }

    fn set_user(&self, name: &str, user: User) -> Result<Device, Failure> {
        self.call(Method::PUT, &["devices", name, "user"], Some(json!(user)))
    }

    fn script(&self, name: &str) -> Result<Option<Script>, Failure> {
        self.call(Method::GET, &["devices", name, "script"], None)
    }

    fn set_script(&self, name: &str, script: Option<Script>) -> Result<(), Failure> {
        let path = ["devices", name, "script"];
        match script {
            Some(script) => self.call(Method::PUT, &path, Some(json!(script))),
            None => self.call(Method::DELETE, &path, None),
        }
    }

    fn faults(&self, name: &str) -> Result<Vec<ArmedFault>, Failure> {
        self.call(Method::GET, &["devices", name, "faults"], None)
    }

    fn arm(&self, name: &str, fault: Fault) -> Result<ArmedFault, Failure> {
        self.call(Method::POST, &["devices", name, "faults"], Some(json!(fault)))
    }

    fn disarm(&self, name: &str, id: Option<u64>) -> Result<(), Failure> {
        let id = id.map(|id| id.to_string());
        let path: Vec<&str> = ["devices", name, "faults"].into_iter().chain(id.as_deref()).collect();
        self.call(Method::DELETE, &path, None)
    }

    fn advance_clock(&self, name: &str, by: Duration) -> Result<(), Failure> {
        // Half a billion years and more are one and the same.
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.call(Method::POST, &["devices", name, "clock"], Some(json!({ "advanceMs": millis })))
    }

    fn prompt(&self, name: &str) -> Result<Option<Prompt>, Failure> {
        self.call(Method::GET, &["devices", name, "prompt"], None)
    }

    fn await_prompt(&self, name: &str, patience: Duration) -> Result<Option<Prompt>, Failure> {
        let query = format!("waitMs={}", patience.as_millis());
        self.exchange_at(&self.patient, Method::GET, &["devices", name, "prompt"], &query, None)
    }

    fn answer(&self, name: &str, number: u64, gesture: Gesture) -> Result<(), Failure> {
        let body = json!({ "number": number, "gesture": gesture });
        self.call(Method::POST, &["devices", name, "prompt"], Some(body))
    }

    fn passkeys(&self, name: &str) -> Result<Vec<Passkey>, Failure> {
        self.call(Method::GET, &["devices", name, "passkeys"], None)
    }

    fn passkey(&self, name: &str, id: &str) -> Result<Passkey, Failure> {
        self.call(Method::GET, &["devices", name, "passkeys", id], None)
    }

    fn add_passkey(&self, name: &str, passkey: NewPasskey) -> Result<Passkey, Failure> {
        self.call(Method::POST, &["devices", name, "passkeys"], Some(json!(passkey)))
    }

    fn rename_passkey(
        &self,
        name: &str,
        id: &str,
        user_name: Option<String>,
        display_name: Option<String>,
    ) -> Result<Passkey, Failure> {
        let body = json!({ "userName": user_name, "userDisplayName": display_name });
        self.call(Method::PATCH, &["devices", name, "passkeys", id], Some(body))
    }

    fn delete_passkey(&self, name: &str, id: &str) -> Result<(), Failure> {
        self.call(Method::DELETE, &["devices", name, "passkeys", id], None)
    }

    fn fingers(&self, name: &str) -> Result<Vec<Finger>, Failure> {
        self.call(Method::GET, &["devices", name, "fingers"], None)
    }

    fn add_finger(&self, name: &str, finger: Option<String>) -> Result<Finger, Failure> {
        self.call(Method::POST, &["devices", name, "fingers"], Some(json!({ "name": finger })))
    }

    fn rename_finger(&self, name: &str, id: &str, finger: String) -> Result<Finger, Failure> {
        self.call(Method::PATCH, &["devices", name, "fingers", id], Some(json!({ "name": finger })))
    }

    fn remove_finger(&self, name: &str, id: &str) -> Result<(), Failure> {
        self.call(Method::DELETE, &["devices", name, "fingers", id], None)
    }

    fn accounts(&self, name: &str) -> Result<Vec<Account>, Failure> {
        self.call(Method::GET, &["devices", name, "accounts"], None)
    }

    fn add_account(&self, name: &str, new: &NewAccount) -> Result<Added, Failure> {
        self.exchange(&self.patient, Method::POST, &["devices", name, "accounts"], Some(json!(new)))
    }

    fn delete_account(&self, name: &str, id: &str) -> Result<(), Failure> {
        self.call(Method::DELETE, &["devices", name, "accounts", id], None)
    }

    fn account_code(&self, name: &str, id: &str) -> Result<Code, Failure> {
        self.call(Method::GET, &["devices", name, "accounts", id, "code"], None)
    }

    fn pushes(&self, name: &str) -> Result<Vec<Push>, Failure> {
        self.call(Method::GET, &["devices", name, "pushes"], None)
    }

    fn answer_push(&self, name: &str, id: &str, number: Option<u8>) -> Result<(), Failure> {
        let body = json!({ "number": number });
        self.call(Method::POST, &["devices", name, "accounts", id, "push"], Some(body))
    }

    fn ca(&self) -> Result<TestCa, Failure> {
        self.call(Method::GET, &["ca"], None)
    }

    fn ca_chain(&self, model: &str) -> Result<Vec<Certificate>, Failure> {
        self.call(Method::GET, &["ca", "chains", model], None)
    }

    fn rotate_ca(&self) -> Result<TestCa, Failure> {
        self.call(Method::POST, &["ca", "rotate"], None)
    }

    fn metadata(&self, wanted: &MetadataRequest) -> Result<Metadata, Failure> {
        self.call(Method::POST, &["ca", "metadata"], Some(json!(wanted)))
    }

    fn profiles(&self) -> Result<Vec<ProfileSummary>, Failure> {
        self.call(Method::GET, &["profiles"], None)
    }

    fn profile(&self, name: &str) -> Result<String, Failure> {
        self.call::<ProfileText>(Method::GET, &["profiles", name], None).map(|profile| profile.toml)
    }

    fn ceremony(&self, name: &str, request: &ceremony::Request) -> Result<ceremony::Outcome, Failure> {
        let path = ["devices", name, "ceremonies"];
        self.exchange(&self.patient, Method::POST, &path, Some(json!(request)))
    }

    fn cancel_ceremony(&self, name: &str, id: &str) -> Result<bool, Failure> {
        match self.call(Method::DELETE, &["devices", name, "ceremonies", id], None) {
            Ok(()) => Ok(true),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    fn scan(&self, name: &str, scan: &Scan) -> Result<Scanned, Failure> {
        self.exchange(&self.patient, Method::POST, &["devices", name, "hybrid"], Some(json!(scan)))
    }

    fn cancel_scan(&self, name: &str) -> Result<bool, Failure> {
        self.device(name)?;
        match self.call(Method::DELETE, &["devices", name, "hybrid"], None) {
            Ok(()) => Ok(true),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    fn ctap2(&self, name: &str, link: Link, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let body = json!({ "link": link, "message": base64url::encode(message) });
        let path = ["devices", name, "ctap2"];
        self.exchange::<Reply>(&self.patient, Method::POST, &path, Some(body)).map(|reply| reply.response.0)
    }
}
