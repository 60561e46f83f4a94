//! A tenant of one's own as the relying party: made for the run, gone with it, asked as its pages ask it.
use super::target::allowed::Allowed;
use super::target::http::{Answer, Outgoing, Sleep, Wire};
use super::target::secrets::Secret;
use crate::control::Failure;
use crate::instance::Instance;
use crate::tenant::host::Arrangement;
use crate::tenant::reach::Reach;
use crate::tenant::serve::{ServedTenant, Site, serve};
use probe::target::{Begun, CleanedUp, Ended, Exchange, Session, Target, TargetError};
use relying_party::Ceremony;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tenant::Behaviour;
use ureq::http::Method;
use url::Url;
use wire::base64url;

/// Where the policies of methods are.
const CONFIGURATIONS: &str = "/beta/policies/authenticationMethodsPolicy/authenticationMethodConfigurations";
/// The passkey profile that every tenant begins with.
const DEFAULT: &str = "00000000-0000-0000-0000-000000000001";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What its passkey policy wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Nobody registers without attestation that leads to the test CA.
    pub attestation_enforced: bool,
    /// No synced passkeys. Before there were passkey profiles, no policy said so.
    pub device_bound: bool,
}

/// The tenant.
pub struct TenantTarget {
    behaviour: Behaviour,
    policy: Policy,
    wire: Wire,
    graph: Reach,
    /// Those that are there.
    users: BTreeSet<String>,
    /// Sessions that a user is signed in to by a Temporary Access Pass.
    signed_in: HashMap<(Session, String), Secret>,
    /// Sessions in which somebody is about to sign in.
    signing_in: HashMap<(Session, Option<String>), Secret>,
    served: ServedTenant,
    /// Holds what the tenant keeps. It goes last.
    _instance: Instance,
}

impl TenantTarget {
    /// Starts one that trusts `root`, a certificate in DER.
    ///
    /// # Errors
    /// Those of [`serve`], and what the tenant refuses of its policy.
    pub fn start(behaviour: Behaviour, policy: Policy, root: &[u8], sleep: Sleep) -> Result<Self, Failure> {
        let instance = Instance::ephemeral(None)?;
        let token = base64url::encode(&rand::random::<[u8; 32]>());
        let arrangement = Arrangement {
            behaviour: Some(behaviour),
            trust_anchors: vec![root.to_vec()],
            ..Arrangement::default()
        };
        let served = serve(&instance, None, None, token.clone(), &arrangement)?;
        let graph = Reach::running(served.url().to_owned(), token);
        let wire = Wire::new(Allowed::default(), None, PATIENCE, None, sleep)?;
        let (users, signed_in, signing_in) = Default::default();
        let target = Self {
            behaviour,
            policy,
            wire,
            graph,
            users,
            signed_in,
            signing_in,
            served,
            _instance: instance,
        };
        target.set_policy(policy)?;
        let pass = json!({ "@odata.type": configuration("temporaryAccessPass"), "state": "enabled" });
        target.graph.call("PATCH", &format!("{CONFIGURATIONS}/temporaryAccessPass"), Some(&pass))?;
        Ok(target)
    }

    /// What is served, with the clock that can be moved on.
    pub fn site(&self) -> Arc<Site> {
        self.served.site.clone()
    }

    fn set_policy(&self, policy: Policy) -> Result<(), Failure> {
        let mut changes = json!({
            "@odata.type": configuration("fido2"),
            "state": "enabled",
            "isSelfServiceRegistrationAllowed": true,
            "isAttestationEnforced": policy.attestation_enforced,
            "keyRestrictions": { "isEnforced": false, "enforcementType": "allow", "aaGuids": [] },
        });
        if self.behaviour == Behaviour::Current {
            let enforcement = if policy.attestation_enforced { "registrationOnly" } else { "disabled" };
            let types = if policy.device_bound || policy.attestation_enforced {
                "deviceBound"
            } else {
                "deviceBound,synced"
            };
            changes = json!({
                "@odata.type": configuration("fido2"),
                "state": "enabled",
                "isSelfServiceRegistrationAllowed": true,
                "defaultPasskeyProfile": DEFAULT,
                "passkeyProfiles": [{
                    "id": DEFAULT,
                    "name": "Default passkey profile",
                    "passkeyTypes": types,
                    "attestationEnforcement": enforcement,
                    "keyRestrictions": { "isEnforced": false, "enforcementType": "allow", "aaGuids": [] },
                }],
                "includeTargets": [{ "targetType": "group", "id": "all_users", "allowedPasskeyProfiles": [DEFAULT] }],
            });
        }
        self.graph.call("PATCH", &format!("{CONFIGURATIONS}/fido2"), Some(&changes)).map(drop)
    }

    fn asked(
        &mut self,
        session: Option<&Secret>,
        path: &str,
        body: String,
    ) -> Result<(Answer, Exchange), TargetError> {
        let url = format!("{}{path}", self.served.url());
        let url = Url::parse(&url).map_err(|error| TargetError::Failed(format!("{url}: {error}")))?;
        let mut headers = vec![("Origin".to_owned(), Secret::new(self.served.url()))];
        headers.extend(
            session.map(|id| ("Authorization".to_owned(), Secret::new(format!("Session {}", id.expose())))),
        );
        let (asked, content) = (format!("POST {url}"), body.clone());
        let outgoing =
            Outgoing { method: Method::POST, url, headers, body: Some(("application/json", body)) };
        let answer = self.wire.ask(&outgoing)?;
        let exchange = self.wire.exchange(&asked, Some(&content), &answer, true);
        Ok((answer, exchange))
    }

    /// Asks for what must be done for anything else to be.
    fn call(&mut self, session: Option<&Secret>, path: &str, body: &Value) -> Result<Value, TargetError> {
        let (answer, _) = self.asked(session, path, body.to_string())?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.json.unwrap_or(Value::Null));
        }
        Err(TargetError::Failed(said(&answer)))
    }

    /// A new session.
    fn session(&mut self) -> Result<Secret, TargetError> {
        let begun = self.call(None, "/login/begin", &json!({}))?;
        let id = begun["session"].as_str().map(Secret::new);
        let id = id.ok_or_else(|| TargetError::Failed("the tenant began no session".into()))?;
        self.wire.hidden.add(&id);
        Ok(id)
    }

    /// A session in which that user may register, as My Security Info has it: signed in by a Temporary Access Pass.
    fn registrar(&mut self, session: Session, user: &str) -> Result<Secret, TargetError> {
        if let Some(id) = self.signed_in.get(&(session, user.to_owned())) {
            return Ok(id.clone());
        }
        if self.users.insert(user.to_owned()) {
            let new = json!({ "userPrincipalName": user, "displayName": user });
            self.graph.call("POST", "/v1.0/users", Some(&new)).map_err(failed)?;
        }
        let passes = format!("/v1.0/users/{user}/authentication/temporaryAccessPassMethods");
        let made =
            self.graph.call("POST", &passes, Some(&json!({ "isUsableOnce": false }))).map_err(failed)?;
        let id = self.session()?;
        self.call(Some(&id), "/login/identify", &json!({ "userPrincipalName": user }))?;
        self.call(Some(&id), "/login/pass", &json!({ "pass": made["temporaryAccessPass"] }))?;
        self.signed_in.insert((session, user.to_owned()), id.clone());
        Ok(id)
    }

    fn options(&mut self, session: &Secret, path: &str, body: &Value) -> Result<Begun, TargetError> {
        let (answer, exchange) = self.asked(Some(session), path, body.to_string())?;
        let Answer { json: Some(options), status: 200..300, .. } = answer else {
            return Err(TargetError::Failed(format!(
                "it does not begin ({}): {}",
                answer.status,
                said(&answer)
            )));
        };
        Ok(Begun { options, exchange })
    }
}

impl Target for TenantTarget {
    fn origin(&self) -> &str {
        self.served.url()
    }

    fn begin(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
    ) -> Result<Begun, TargetError> {
        match (ceremony, user) {
            (Ceremony::Registration, None) => {
                Err(TargetError::Unsupported("nobody registers without being somebody".into()))
            }
            (Ceremony::Registration, Some(user)) => {
                let wanted = json!({ "route": "securityInfo" });
                let id = self.registrar(session, user)?;
                let begun = self.options(&id, "/register/options", &wanted);
                if begun.is_ok() {
                    return begun;
                }
                // What was shown may be too long ago.
                self.signed_in.remove(&(session, user.to_owned()));
                let id = self.registrar(session, user)?;
                self.options(&id, "/register/options", &wanted)
            }
            (Ceremony::Authentication, user) => {
                let id = self.session()?;
                if let Some(user) = user {
                    self.call(Some(&id), "/login/identify", &json!({ "userPrincipalName": user }))?;
                }
                self.signing_in.insert((session, user.map(Into::into)), id.clone());
                self.options(&id, "/login/options", &json!({}))
            }
        }
    }

    fn finish(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
        response: &str,
    ) -> Result<Ended, TargetError> {
        let key = (session, user.map(str::to_owned));
        let (id, path, body) = match ceremony {
            Ceremony::Registration => {
                let id = self.signed_in.get(&(session, user.unwrap_or_default().to_owned()));
                (id, "/register/finish", format!("{{\"displayName\":\"probe\",\"response\":{response}}}"))
            }
            Ceremony::Authentication => {
                (self.signing_in.get(&key), "/login/passkey", format!("{{\"response\":{response}}}"))
            }
        };
        let id = id.cloned().ok_or_else(|| TargetError::Failed("nothing was begun".into()))?;
        let (answer, exchange) = self.asked(Some(&id), path, body)?;
        let accepted = (200..300).contains(&answer.status);
        Ok(Ended { accepted, said: if accepted { String::new() } else { said(&answer) }, exchange })
    }

    fn clean_up(&mut self, user: &str, credential: &[u8]) -> Result<CleanedUp, TargetError> {
        // What Graph calls it is not in every answer, as not every response that is taken can be read here.
        let method = self.served.site.host.with(|tenant, _| {
            let user = tenant.user(user).ok()?.id;
            let passkey = tenant.passkeys(user).find(|passkey| passkey.credential.id == credential)?;
            Some(passkey.id())
        });
        let Some(method) = method else { return Ok(CleanedUp::Removed) };
        let path = format!("/v1.0/users/{user}/authentication/fido2Methods/{method}");
        Ok(match self.graph.call("DELETE", &path, None) {
            Ok(_) => CleanedUp::Removed,
            Err(failure) => CleanedUp::Left(failure.message),
        })
    }

    /// `attestation-enforced` and `attestation-not-enforced`.
    fn change(&mut self, name: &str) -> Result<Exchange, TargetError> {
        let attestation_enforced = match name {
            "attestation-enforced" => true,
            "attestation-not-enforced" => false,
            _ => {
                let why = format!(
                    "no change is called {name}; there is attestation-enforced, attestation-not-enforced"
                );
                return Err(TargetError::Unsupported(why));
            }
        };
        self.policy.attestation_enforced = attestation_enforced;
        self.set_policy(self.policy).map_err(failed)?;
        let request = format!(
            "PATCH {}{CONFIGURATIONS}/fido2: attestation enforced: {attestation_enforced}",
            self.served.url()
        );
        Ok(Exchange { request, response: "204".into(), microseconds: 0 })
    }
}

fn configuration(method: &str) -> String {
    format!("#microsoft.graph.{method}AuthenticationMethodConfiguration")
}

fn failed(failure: Failure) -> TargetError {
    TargetError::Failed(failure.message)
}

/// What it says to people, with the number that it is known by.
fn said(answer: &Answer) -> String {
    let error = answer.json.as_ref().map(|json| &json["error"]);
    let message = error.and_then(|error| error["message"].as_str());
    let number = error.and_then(|error| error["number"].as_u64());
    match (message, number) {
        (Some(message), Some(number)) => format!("{message} ({number})"),
        (Some(message), None) => message.to_owned(),
        (None, _) => format!("status {}", answer.status),
    }
}
