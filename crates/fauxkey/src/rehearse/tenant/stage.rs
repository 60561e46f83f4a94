//! What the story is played on: an instance with a phone, a computer that the phone is plugged into, and a tenant with
//! its server.
use super::room::Room;
use crate::app::{Door, Secret};
use crate::ceremony::{Kind, Request};
use crate::control::{Control, Failure, FailureKind, Link};
use crate::drivers::socket::SocketAddress;
use crate::home::Home;
use crate::instance::Instance;
use crate::rehearse::platform::Platform;
use crate::rehearse::story::{broken, ensure};
use crate::rehearse::{CrossDevice, Found};
use crate::tenant::host::Arrangement;
use crate::tenant::reach::Reach;
use crate::tenant::serve::{ServedTenant, serve};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tenant::Behaviour;
use wire::webauthn::json::{AuthenticationResponse, CreationOptions, RegistrationResponse, RequestOptions};

/// The phone.
pub(super) const PHONE: &str = "phone";
/// Where the policies of methods are.
const CONFIGURATIONS: &str = "/beta/policies/authenticationMethodsPolicy/authenticationMethodConfigurations";

/// Everything, while it runs. The tenant goes first: it has records of the instance's vault open.
pub(super) struct Stage {
    pub(super) behaviour: Behaviour,
    pub(super) cross_device: CrossDevice,
    pub(super) folder: PathBuf,
    pub(super) home: Home,
    pub(super) graph: Reach,
    pub(super) served: ServedTenant,
    pub(super) instance: Arc<Instance>,
    /// The computer, at which the phone is another device.
    pub(super) computer: Box<dyn Computer>,
    /// What the users were told once.
    pub(super) passes: Map<String, Value>,
}

impl Stage {
    /// Starts all of it.
    pub(super) fn set(
        folder: &Path,
        behaviour: Behaviour,
        cross_device: CrossDevice,
    ) -> Result<(Found, Self), Failure> {
        let home = Home::at(folder.join("home"));
        let instance = Arc::new(Instance::open(&home)?);
        let computer = plug(&instance, &home, PHONE, "ms-authenticator-ios")?;
        let computer: Box<dyn Computer> = match cross_device {
            CrossDevice::Hid => Box::new(computer),
            CrossDevice::Hybrid => Box::new(Room::furnish(instance.clone(), &home.run)?),
        };
        let token = wire::base64url::encode(&rand::random::<[u8; 32]>());
        let arrangement = Arrangement { behaviour: Some(behaviour), ..Arrangement::default() };
        let served = serve(&instance, Some(&home), None, token.clone(), &arrangement)?;
        let graph = Reach::running(served.url().to_owned(), token);
        let stage = Self {
            behaviour,
            cross_device,
            folder: folder.to_owned(),
            home,
            graph,
            served,
            instance,
            computer,
            passes: Map::new(),
        };
        let organization = stage.list("/v1.0/organization")?;
        let first = organization.first().ok_or_else(|| broken("the tenant does not say who it is"))?;
        ensure(text(first, "/simBehaviour") == behaviour.as_str(), "it has another behaviour")?;
        ensure(stage.list("/v1.0/users")?.is_empty(), "there are users already")?;
        ensure(stage.instance.accounts(PHONE)?.is_empty(), "the phone has accounts already")?;
        let what = format!("{} at {}", text(first, "/displayName"), stage.served.url());
        Ok((Found::new(what, "Graph's organization, and the phone's empty list"), stage))
    }

    /// Another device, plugged into the same computer.
    pub(super) fn plug(&self, name: &str, profile: &str) -> Result<Platform, Failure> {
        plug(&self.instance, &self.home, name, profile)
    }

    /// Asks Graph.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.graph.call(method, path, body)
    }

    /// The members of a collection of Graph's.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        match self.call("GET", path, None)?["value"].take() {
            Value::Array(items) => Ok(items),
            _ => Err(broken(format!("{path} is no collection"))),
        }
    }

    /// A method's policy.
    pub(super) fn policy(&self, id: &str) -> Result<Value, Failure> {
        self.call("GET", &format!("{CONFIGURATIONS}/{id}"), None)
    }

    /// Changes a method's policy.
    pub(super) fn patch_policy(&self, id: &str, kind: &str, mut changes: Value) -> Result<Value, Failure> {
        changes["@odata.type"] = format!("#microsoft.graph.{kind}AuthenticationMethodConfiguration").into();
        self.call("PATCH", &format!("{CONFIGURATIONS}/{id}"), Some(&changes))?;
        self.policy(id)
    }

    /// A visitor of the sign-in page who wants to an application, or to the office where none is named.
    pub(super) fn visit(&self, app: Option<&str>) -> Result<Door, Failure> {
        let mut door = Door::to(self.served.url(), "fauxkey rehearse")?;
        let begun = door.post("/login/begin", &app.map_or_else(|| json!({}), |app| json!({ "app": app })))?;
        door.enter(Secret::from(text(&begun, "/session").as_str()));
        Ok(door)
    }

    /// The same, with the user's name typed.
    pub(super) fn visit_as(&self, user: &str, app: Option<&str>) -> Result<Door, Failure> {
        let door = self.visit(app)?;
        door.post("/login/identify", &json!({ "userPrincipalName": user }))?;
        Ok(door)
    }

    /// A visitor who has shown a Temporary Access Pass, and may register.
    pub(super) fn visit_with_pass(&self, user: &str) -> Result<Door, Failure> {
        let door = self.visit_as(user, Some(tenant::access::apps::MY_SIGNINS.id.to_string().as_str()))?;
        let pass = self.passes.get(user).ok_or_else(|| broken("nobody was told a pass"))?;
        door.post("/login/pass", &json!({ "pass": pass }))?;
        Ok(door)
    }

    /// The newest entry of the sign-in log.
    pub(super) fn last_sign_in(&self) -> Result<Value, Failure> {
        let log = self.list("/beta/auditLogs/signIns?$top=1")?;
        log.into_iter().next().ok_or_else(|| broken("the sign-in log is empty"))
    }

    /// A user's passkeys, as Graph has them.
    pub(super) fn methods(&self, user: &str) -> Result<Vec<Value>, Failure> {
        self.list(&format!("/beta/users/{user}/authentication/fido2Methods"))
    }

    /// A page on the phone itself asks for a ceremony.
    pub(super) fn on_the_phone(
        &self,
        kind: Kind,
        options: Value,
        account: Option<&str>,
    ) -> Result<Value, Failure> {
        let Value::Object(options) = options else { return Err(broken("the options are no object")) };
        let request = Request {
            kind,
            origin: self.served.url().to_owned(),
            options,
            id: None,
            cross_origin: false,
            top_origin: None,
            client: None,
            link: Some(Link::Internal),
            account: account.map(Into::into),
            pins: Vec::new(),
        };
        let outcome = self.instance.ceremony(PHONE, &request)?;
        match (outcome.response, outcome.error) {
            (Some(response), _) => Ok(Value::Object(response)),
            (None, Some(error)) => Err(Failure::new(FailureKind::Refused, error.message)),
            (None, None) => Err(broken("the ceremony ended with nothing")),
        }
    }
}

/// Makes a device, lets it be reached over a socket, and connects to it.
fn plug(instance: &Instance, home: &Home, name: &str, profile: &str) -> Result<Platform, Failure> {
    instance.ensure_device(name, profile)?;
    let path = home.run.join(format!("{name}.sock"));
    instance.attach_socket(name, &SocketAddress::Unix(path.clone()))?;
    Platform::open(&path)
}

/// A computer with a browser, and a device that the browser reaches.
pub(super) trait Computer {
    /// The registration ceremony of a page of that origin.
    ///
    /// # Errors
    /// If the ceremony ended without a passkey.
    fn create(&mut self, origin: &str, options: &CreationOptions) -> Result<RegistrationResponse, Failure>;

    /// The sign-in ceremony, likewise.
    ///
    /// # Errors
    /// If it ended without a signature.
    fn get(&mut self, origin: &str, options: &RequestOptions) -> Result<AuthenticationResponse, Failure>;

    /// What the devices themselves say where Bluetooth is off on either side; `None` where they need none.
    ///
    /// # Errors
    /// If one of them does not mind.
    fn without_bluetooth(&mut self) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}

/// The device is plugged in.
impl Computer for Platform {
    fn create(&mut self, origin: &str, options: &CreationOptions) -> Result<RegistrationResponse, Failure> {
        let (made, answer) = Platform::create(self, origin, options)?;
        ensure(answer.keepalives > 0, "the computer never heard that the user was asked")?;
        Ok(made.response)
    }

    fn get(&mut self, origin: &str, options: &RequestOptions) -> Result<AuthenticationResponse, Failure> {
        let (signed, answer) = Platform::get(self, origin, options)?;
        ensure(answer.keepalives > 0, "the computer never heard that the user was asked")?;
        Ok(signed.response)
    }
}

/// A registration from a browser to the device that it reaches, and what the tenant makes of it.
pub(super) fn register(
    door: &Door,
    computer: &mut dyn Computer,
    wanted: &Value,
    display_name: Option<&str>,
) -> Result<Value, Failure> {
    let options = door.post("/register/options", wanted)?;
    let options = serde_json::from_value(options).map_err(broken)?;
    let response = computer.create(door.origin(), &options)?;
    door.post("/register/finish", &json!({ "displayName": display_name, "response": response }))
}

/// A sign-in from a browser by the device that it reaches, and what the tenant makes of it.
pub(super) fn sign_in(door: &Door, computer: &mut dyn Computer) -> Result<Value, Failure> {
    let nearby = json!({ "bluetooth": true, "computerBluetooth": true });
    let options = door.post("/login/options", &json!({ "nearby": nearby }))?;
    let options = serde_json::from_value(options).map_err(broken)?;
    let response = computer.get(door.origin(), &options)?;
    door.post("/login/passkey", &json!({ "response": response }))
}

/// What must be refused, by that word or number of the tenant's.
pub(super) fn refused<T>(result: Result<T, Failure>, code: &str) -> Result<String, Failure> {
    match result {
        Ok(_) => Err(broken(format!("it was not refused, and should be by {code}"))),
        Err(failure) if failure.message.contains(&format!("({code})")) => Ok(failure.message),
        Err(failure) => {
            Err(Failure { message: format!("{}, and not by {code}", failure.message), ..failure })
        }
    }
}

/// A member as text; empty if there is none.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// How many checks of WebAuthn the tenant says that an answer passed.
pub(super) fn checks(answer: &Value) -> Result<usize, Failure> {
    let passed = answer["passed"].as_array().map_or(0, Vec::len);
    ensure(passed > 0, "the tenant names no check that it passed")?;
    Ok(passed)
}

/// Whether a list has something of which a member has that text.
pub(super) fn any(list: &[Value], pointer: &str, wanted: &str) -> bool {
    list.iter().any(|item| text(item, pointer) == wanted)
}
