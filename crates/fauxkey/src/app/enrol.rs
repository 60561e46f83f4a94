//! Adding an account: + → Work or school account → Sign in → Temporary Access Pass, or what was set up before → face,
//! finger or PIN → the account is there.
//!
//! The tenant is asked as its own pages ask it; the ceremony runs on the phone itself, over its internal link.
use super::door::{self, Door};
use super::kept::Facts;
use super::{NewAccount, PhoneFacts, Secret, System};
use crate::ceremony::{Kind, Outcome, Request};
use crate::control::{Failure, FailureKind, Link};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

/// What the app signs in to for this, as Entra calls it: "Microsoft Authenticator Credential Registration". A
/// conditional access policy that asks for a passkey everywhere has to exclude it, or nobody gets one.
const REGISTRATION: &str = "6aa00308-ea33-4caa-90d6-ae905d8cb51b";
/// How long a push notification is waited for: as long as the tenant lets it wait.
const PUSH: Duration = Duration::from_secs(60);
/// How often the tenant is asked whether it was answered.
const PUSH_POLL: Duration = Duration::from_millis(200);

/// The phone that the app runs on.
pub struct Handset<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// Its system.
    pub system: System,
    /// Runs a ceremony on it.
    pub ceremony: &'a dyn Fn(&Request) -> Result<Outcome, Failure>,
    /// Deletes a passkey on it, by its credential ID.
    pub forget: &'a dyn Fn(&str) -> Result<(), Failure>,
}

/// What came of an attempt.
pub enum Enrolment {
    /// The account, which is to be kept, and what the tenant warned of.
    Done(Facts, Vec<String>),
    /// A push notification was sent: a number is to be typed on the phone that has the account already.
    Number(u8, Box<Waiting>),
}

/// A sign-in that waits for its push notification.
pub struct Waiting {
    door: Door,
    user_name: String,
}

/// How the user shows who it is.
enum Proof<'a> {
    Pass(&'a Secret),
    Code(&'a Secret, &'a Secret),
    Push(&'a Secret),
}

impl Handset<'_> {
    /// Begins to add an account at the tenant at that address.
    ///
    /// # Errors
    /// Invalid if something is missing or too much; those of [`Door::post`]; Refused if the phone's user, or the
    /// phone, says no.
    pub fn begin(&self, tenant: &str, new: &NewAccount) -> Result<Enrolment, Failure> {
        let proof = proof(new)?;
        let mut door = Door::to(tenant, &self.agent(new.phone.as_ref()))?;
        let begun = door.post("/login/begin", &json!({ "app": REGISTRATION }))?;
        let session = begun.get("session").and_then(Value::as_str).ok_or_else(|| strange(&door))?;
        door.enter(Secret::from(session));
        door.post("/login/identify", &json!({ "userPrincipalName": new.user_name.trim() }))?;
        let waiting = Waiting { door, user_name: new.user_name.trim().to_owned() };
        let progress = match proof {
            Proof::Pass(pass) => waiting.door.post("/login/pass", &BTreeMap::from([("pass", pass)]))?,
            Proof::Code(password, code) => {
                waiting.door.post("/login/password", &BTreeMap::from([("password", password)]))?;
                waiting.door.post("/login/code", &BTreeMap::from([("code", code)]))?
            }
            Proof::Push(password) => {
                waiting.door.post("/login/password", &BTreeMap::from([("password", password)]))?;
                let sent = waiting.door.post("/login/push", &json!({ "phoneSignIn": false }))?;
                let number = sent.get("number").and_then(Value::as_u64);
                let number = number.and_then(|number| u8::try_from(number).ok());
                return Ok(Enrolment::Number(
                    number.ok_or_else(|| strange(&waiting.door))?,
                    Box::new(waiting),
                ));
            }
        };
        self.register(&waiting, new, &progress)
    }

    /// Goes on once the push notification was answered, and waits for that.
    ///
    /// # Errors
    /// Those of [`Handset::begin`].
    pub fn go_on(&self, waiting: &Waiting, new: &NewAccount) -> Result<Enrolment, Failure> {
        let until = Instant::now() + PUSH;
        loop {
            let progress = waiting.door.post("/login/push/wait", &json!({}))?;
            if !progress.is_null() {
                return self.register(waiting, new, &progress);
            }
            if Instant::now() > until {
                let message = "the push notification was not answered in time";
                return Err(Failure::new(FailureKind::Refused, message).hint("begin again"));
            }
            thread::sleep(PUSH_POLL);
        }
    }

    /// Signed in: the ceremony, and what the tenant makes of it.
    fn register(
        &self,
        Waiting { door, user_name }: &Waiting,
        new: &NewAccount,
        progress: &Value,
    ) -> Result<Enrolment, Failure> {
        if progress.get("verdict").and_then(Value::as_str) == Some("stepUp") {
            let modes = door::texts(progress, "/modes").join(" or ");
            let message = format!("the tenant asks {user_name} for more: {modes}");
            return Err(Failure::new(FailureKind::Refused, message)
                .hint("sign in with a Temporary Access Pass, or with a password and a second factor"));
        }
        let phone = self.facts(new.phone.as_ref());
        let wanted = json!({ "route": "inApp", "phone": phone });
        let options = match door.post("/register/options", &wanted)? {
            Value::Object(options) => options,
            _ => return Err(strange(door)),
        };
        let organization = door::text(&Value::Object(options.clone()), "/rp/name");
        let person = door::text(&Value::Object(options.clone()), "/user/displayName");
        let (passkey, response) = self.make(door.origin(), options)?;
        let mut body = json!({ "response": response });
        if let Some(name) = &new.display_name {
            body["displayName"] = name.as_str().into();
        }
        let registered = door.post("/register/finish", &body).inspect_err(|_| {
            // Nobody will ever ask for it. That it could not be deleted is no better news than the refusal.
            let _left = (self.forget)(&passkey);
        })?;
        // The session has served its purpose; it ends by itself, too.
        let _open = door.post("/login/out", &json!({}));
        let facts = Facts {
            order: 0,
            tenant: door.origin().to_owned(),
            user_name: user_name.clone(),
            display_name: person,
            organization,
            passkey,
            app: door::text(&registered, "/app/id"),
            push: door::yes(&registered, "/app/push"),
            phone_sign_in: door::yes(&registered, "/app/phoneSignIn"),
            one_time_code: door::yes(&registered, "/app/oneTimeCode"),
        };
        Ok(Enrolment::Done(facts, door::texts(&registered, "/warnings")))
    }

    /// The ceremony on this very device: its passkey's credential ID, and the response.
    fn make(
        &self,
        origin: &str,
        options: Map<String, Value>,
    ) -> Result<(String, Map<String, Value>), Failure> {
        let request = Request {
            kind: Kind::Create,
            origin: origin.into(),
            options,
            id: None,
            cross_origin: false,
            top_origin: None,
            client: None,
            link: Some(Link::Internal),
            account: None,
            pins: Vec::new(),
        };
        let outcome = (self.ceremony)(&request)?;
        if let Some(error) = outcome.error {
            let message = format!("the phone makes no passkey: {} ({})", error.message, error.name);
            let hint = match error.name.as_str() {
                "InvalidStateError" => {
                    "the account is on this phone already: delete it there and at the tenant"
                }
                _ => "whoever holds the phone has to agree, by face, finger or PIN",
            };
            return Err(Failure::new(FailureKind::Refused, message).hint(hint));
        }
        let response = outcome.response.unwrap_or_default();
        let id = response.get("id").and_then(Value::as_str).map(ToOwned::to_owned);
        id.map(|id| (id, response)).ok_or_else(|| {
            Failure::new(FailureKind::Broken, "the ceremony ended with neither a passkey nor an error")
        })
    }

    /// This phone, as the tenant hears of it.
    fn facts(&self, given: Option<&PhoneFacts>) -> Value {
        let given = given.cloned().unwrap_or_default();
        let (os, app) = self.system.versions();
        json!({
            "name": self.name,
            "platform": self.system.name(),
            "osVersion": given.os_version.as_deref().unwrap_or(os),
            "appVersion": given.app_version.as_deref().unwrap_or(app),
            "usageData": given.usage_data.unwrap_or(true),
            "autoFill": given.auto_fill.unwrap_or(true),
            "otherProviders": given.other_providers.unwrap_or(0),
            // Nothing is in the air where everything is on one device.
            "bluetooth": true,
            "computerBluetooth": true,
        })
    }

    /// What logs tell of who asks.
    fn agent(&self, given: Option<&PhoneFacts>) -> String {
        let (os, app) = self.system.versions();
        let version = |given: Option<&String>, usual: &str| -> String {
            let plain = |text: &&String| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
            given.filter(plain).map_or_else(|| usual.to_owned(), Clone::clone)
        };
        let app = version(given.and_then(|given| given.app_version.as_ref()), app);
        let os = version(given.and_then(|given| given.os_version.as_ref()), os);
        format!("Authenticator/{app} ({} {os}; fauxkey)", self.system.name())
    }
}

/// What was given, if it is enough and no more than one thing.
fn proof(new: &NewAccount) -> Result<Proof<'_>, Failure> {
    let invalid = |message: &str| Failure::new(FailureKind::Invalid, message);
    if new.user_name.trim().is_empty() {
        return Err(invalid("there is no user name").hint("one looks like ada@contoso.test"));
    }
    match (&new.pass, &new.password, &new.code, new.push) {
        (Some(pass), None, None, false) => Ok(Proof::Pass(pass)),
        (None, Some(password), Some(code), false) => Ok(Proof::Code(password, code)),
        (None, Some(password), None, true) => Ok(Proof::Push(password)),
        (None, Some(_), None, false) => Err(invalid("a password is not enough to register a passkey")
            .hint("add a one-time code, or ask for a push notification")),
        (None, None, ..) => Err(invalid("nothing says who this is")
            .hint("give a Temporary Access Pass, or a password with a one-time code or a push notification")),
        _ => {
            Err(invalid("a Temporary Access Pass stands alone, and beside a password stands one more factor"))
        }
    }
}

fn strange(door: &Door) -> Failure {
    Failure::new(FailureKind::Broken, format!("{} answered what no tenant does", door.origin()))
        .hint("is this the address of the tenant?")
}
