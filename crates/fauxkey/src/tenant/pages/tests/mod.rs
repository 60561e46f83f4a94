//! The tenant's server, asked over its socket, with a device of this house at hand.
mod api;
mod guard;
mod pages;

use crate::ceremony::{Kind, Request};
use crate::control::{Answer, Control, User};
use crate::instance::Instance;
use crate::tenant::host::Arrangement;
use crate::tenant::serve::{ServedTenant, serve};
use serde_json::{Value, json};
use std::sync::Arc;
use tenant::Behaviour;
use ureq::Agent;
use ureq::http::Request as HttpRequest;

const FIDO2: &str = "/v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/fido2";
const AUTHENTICATOR: &str =
    "/v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/microsoftAuthenticator";
const TAP: &str =
    "/v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/temporaryAccessPass";
const ADELE: &str = "adele@contoso.test";
const TOKEN: &str = "token-of-a-test";

/// A tenant that is served, and a phone.
struct Rig {
    instance: Arc<Instance>,
    served: ServedTenant,
    agent: Agent,
}

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON of what was done.
    fn done(&self) -> Value {
        assert!(self.status < 300, "{self:?}");
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The error's code, after a look at its status.
    fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()["error"].clone()
    }
}

impl Rig {
    /// With passkeys, passes and the app enabled for everybody, and Adele.
    fn new(behaviour: Behaviour) -> Self {
        let instance = Arc::new(Instance::ephemeral(None).unwrap());
        let arrangement = Arrangement { behaviour: Some(behaviour), ..Arrangement::default() };
        let served = serve(&instance, None, None, TOKEN.into(), &arrangement).unwrap();
        let agent: Agent =
            Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
        let rig = Self { instance, served, agent };
        let policy = |kind: &str| format!("#microsoft.graph.{kind}AuthenticationMethodConfiguration");
        let restrictions = json!({ "isEnforced": false, "enforcementType": "allow", "aaGuids": [] });
        let body = json!({ "@odata.type": policy("fido2"), "state": "enabled",
            "isAttestationEnforced": false, "keyRestrictions": restrictions });
        rig.graph("PATCH", FIDO2, &body);
        rig.graph("PATCH", TAP, &json!({ "@odata.type": policy("temporaryAccessPass"), "state": "enabled" }));
        let body = json!({ "@odata.type": policy("microsoftAuthenticator"), "state": "enabled" });
        rig.graph("PATCH", AUTHENTICATOR, &body);
        rig.graph(
            "POST",
            "/v1.0/users",
            &json!({ "userPrincipalName": ADELE, "displayName": "Adele",
            "passwordProfile": { "password": "correct horse" } }),
        );
        rig
    }

    /// Asks exactly that.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = HttpRequest::builder().method(method).uri(format!("{}{path}", self.served.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(body).unwrap()).unwrap();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let headers = headers.collect();
        Reply {
            status: response.status().as_u16(),
            headers,
            body: response.body_mut().read_to_string().unwrap(),
        }
    }

    /// As an administrator's program; what was done.
    fn graph(&self, method: &str, path: &str, body: &Value) -> Value {
        let authorization = format!("Bearer {TOKEN}");
        let headers = [("authorization", authorization.as_str())];
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        self.ask(method, path, &headers, &body).done()
    }

    /// As a program that has a session, or none.
    fn post(&self, session: &str, path: &str, body: &Value) -> Reply {
        self.asked(session, "POST", path, body)
    }

    fn asked(&self, session: &str, method: &str, path: &str, body: &Value) -> Reply {
        let authorization = format!("Session {session}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let headers = if session.is_empty() { &headers[1..] } else { &headers[..] };
        self.ask(method, path, headers, &serde_json::to_vec(body).unwrap())
    }

    /// A page, as the browser that has the administrator's cookie.
    fn page(&self, path: &str) -> Reply {
        self.ask("GET", path, &[("cookie", &format!("token={TOKEN}"))], &[])
    }

    /// A new session.
    fn begin(&self) -> String {
        let begun = self.post("", "/login/begin", &json!({})).done();
        begun["session"].as_str().unwrap().to_owned()
    }

    /// A session that somebody was named in.
    fn named(&self, who: &str) -> String {
        let session = self.begin();
        self.post(&session, "/login/identify", &json!({ "userPrincipalName": who })).done();
        session
    }

    /// A session that Adele is signed in to by a new pass.
    fn signed_in(&self) -> String {
        let path = format!("/v1.0/users/{ADELE}/authentication/temporaryAccessPassMethods");
        let pass = self.graph("POST", &path, &json!({ "isUsableOnce": false }));
        let session = self.named(ADELE);
        let body = json!({ "pass": pass["temporaryAccessPass"] });
        assert_eq!(self.post(&session, "/login/pass", &body).done()["verdict"], "granted");
        session
    }

    /// What a device makes of options: of the phone, or of one of another profile.
    fn ceremony(&self, kind: Kind, profile: &str, options: &Value) -> Value {
        self.instance.ensure_device(profile, profile).unwrap();
        self.instance.set_user(profile, User { answer: Answer::Approve, delay_ms: 0 }).unwrap();
        let request = json!({ "type": if kind == Kind::Create { "create" } else { "get" },
            "origin": self.served.url(), "options": options });
        let request: Request = serde_json::from_value(request).unwrap();
        let outcome = self.instance.ceremony(profile, &request).unwrap();
        let response = outcome.response.unwrap_or_else(|| panic!("{:?}", outcome.error));
        Value::Object(response)
    }

    /// Registers a passkey of that profile; what was answered.
    fn register(&self, session: &str, profile: &str, wanted: &Value) -> Reply {
        let options = self.post(session, "/register/options", wanted).done();
        let response = self.ceremony(Kind::Create, profile, &options);
        let body = json!({ "displayName": "Adele's", "response": response });
        self.post(session, "/register/finish", &body)
    }

    /// Signs in with the passkey of that profile; what was answered.
    fn sign_in(&self, session: &str, profile: &str) -> Reply {
        let options = self.post(session, "/login/options", &json!({})).done();
        let response = self.ceremony(Kind::Get, profile, &options);
        self.post(session, "/login/passkey", &json!({ "response": response }))
    }
}

const IOS: &str = "ms-authenticator-ios";
