//! A server over a control that is not real, and a client that says exactly what it is told.
use super::{Served, serve_control};
use crate::app::{Account, AccountKind, Added, Code, NewAccount, Number, Push};
use crate::ceremony;
use crate::control::{
    Answer, ArmedFault, Certificate, CertificateKind, Control, Device, Failure, FailureKind, Fault, Finger,
    Gesture, Lines, Link, Metadata, MetadataRequest, NewPasskey, Passkey, Power, ProfileSummary, Prompt,
    Scan, Scanned, Script, TestCa, User,
};
use crate::home::Home;
use crate::hybrid::event::{Event, Outcome};
use crate::instance::Happening;
use crate::trace::{Kind, Line};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The passkey that the fake has.
pub(crate) const ID: &str = "ZmF1eGtleQ";
/// Any free port.
pub(crate) const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Long enough for anything that is going to happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Has the device `phone`, fails in the way that other names say, and remembers what it was asked.
pub(crate) struct Fake {
    /// The device.
    pub(crate) device: Mutex<Device>,
    calls: Mutex<Vec<String>>,
    /// Whether a question is open.
    pub(crate) asking: Mutex<bool>,
    /// Which question; [`prompt`] if none is put here.
    pub(crate) question: Mutex<Option<Prompt>>,
    /// What [`Control::ctap2`] waits for, if anything.
    pub(crate) touch: Mutex<Option<Receiver<()>>>,
    /// What the passkey is called.
    pub(crate) account: Mutex<Option<String>>,
    /// What the app lists.
    pub(crate) listed: Mutex<Vec<Account>>,
    /// Whether a code is being answered.
    pub(crate) scans: Mutex<bool>,
    /// What waits for the app.
    pub(crate) waiting: Mutex<Vec<Push>>,
}

/// The failure that belongs to a device's name.
pub(crate) fn failure(name: &str) -> Option<Failure> {
    let kind = match name {
        "phone" => return None,
        "busy" => FailureKind::Conflict,
        "refusing" => FailureKind::Refused,
        "odd" => FailureKind::Invalid,
        "closed" => FailureKind::Forbidden,
        "broken" => FailureKind::Broken,
        "panics" => panic!("the fake was told to panic"),
        _ => {
            return Some(
                Failure::new(FailureKind::NotFound, format!("no device `{name}`")).hint("look again"),
            );
        }
    };
    Some(Failure::new(kind, format!("device `{name}` is {kind:?}")))
}

pub(crate) fn device() -> Device {
    Device {
        name: "phone".into(),
        profile: "ms-authenticator-ios".into(),
        title: "Microsoft Authenticator (iOS)".into(),
        aaguid: "90a3ccdf-635c-4729-a248-9b709135078f".into(),
        powered: true,
        has_resident_key: true,
        has_user_verification: true,
        default_backup_eligibility: false,
        default_backup_state: false,
        passkeys: 1,
        user: User { answer: Answer::Approve, delay_ms: 0 },
        attached: vec!["unix:/run/user/1000/fauxkey/phone.sock".into()],
    }
}

pub(crate) fn passkey() -> Passkey {
    Passkey {
        credential_id: ID.into(),
        rp_id: "example.test".into(),
        rp_name: Some("Example".into()),
        user_handle: vec![1, 2, 3].into(),
        user_name: Some("ada@example.test".into()),
        user_display_name: Some("Ada".into()),
        algorithm: "ES256".into(),
        public_key: vec![0xA5].into(),
        created: 7,
    }
}

pub(crate) fn account() -> Account {
    Account {
        id: ID.into(),
        kind: AccountKind::Account,
        user_name: "ada@contoso.test".into(),
        display_name: Some("Ada".into()),
        organization: Some("Contoso".into()),
        tenant: Some("http://localhost:8123".into()),
        passkey: Some("b3RoZXI".into()),
        push: true,
        phone_sign_in: true,
        one_time_code: true,
        warnings: Vec::new(),
    }
}

pub(crate) fn push() -> Push {
    Push {
        account: ID.into(),
        user_name: "ada@contoso.test".into(),
        organization: Some("Contoso".into()),
        application: Some("Office".into()),
        asked: Some("2026-01-20T22:24:07Z".into()),
    }
}

pub(crate) fn finger() -> Finger {
    Finger { id: "0102030405060708".into(), name: Some("thumb".into()) }
}

pub(crate) fn prompt() -> Prompt {
    Prompt {
        number: 7,
        purpose: "sign-in".into(),
        rp_id: Some("example.test".into()),
        accounts: vec!["ada@example.test".into()],
        verification: true,
        attempts: 3,
        choice: false,
        long_touch: false,
        samples: None,
    }
}

impl Default for Fake {
    fn default() -> Self {
        let (calls, asking, question, touch, account) = Default::default();
        let (listed, waiting) = (Mutex::new(vec![self::account()]), Mutex::new(vec![push()]));
        let scans = Mutex::new(true);
        Self { device: Mutex::new(device()), calls, asking, question, touch, account, listed, scans, waiting }
    }
}

impl Fake {
    /// What it was asked since the last time.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn called(&self, what: String) {
        self.calls.lock().unwrap().push(what);
    }

    fn on(&self, name: &str, what: String) -> Result<(), Failure> {
        self.called(what);
        failure(name).map_or(Ok(()), Err)
    }

    fn has(&self, id: &str) -> Result<(), Failure> {
        if id == ID { Ok(()) } else { Err(Failure::new(FailureKind::NotFound, format!("no passkey `{id}`"))) }
    }

    fn found(&self) -> Passkey {
        match &*self.account.lock().unwrap() {
            Some(account) => {
                Passkey { user_name: Some(account.clone()), user_display_name: None, ..passkey() }
            }
            None => passkey(),
        }
    }
}

pub(crate) fn certificate() -> Certificate {
    Certificate {
        kind: CertificateKind::Enterprise,
        subject: "CN=fauxkey test".into(),
        fingerprint: "00".repeat(32),
        not_before: "2020-01-01T00:00:00Z".into(),
        not_after: "2049-12-31T00:00:00Z".into(),
        aaguid: Some("90a3ccdf-635c-4729-a248-9b709135078f".into()),
        device: Some("phone".into()),
        serial_number: Some("0011223344556677".into()),
        certificate: vec![0x30, 0].into(),
    }
}

pub(crate) fn armed() -> ArmedFault {
    ArmedFault { id: 3, struck: 1, fault: Fault::new(emulator::faults::Kind::BadSignature).once() }
}

pub(crate) fn profile() -> ProfileSummary {
    ProfileSummary {
        name: "ms-authenticator-ios".into(),
        title: "Microsoft Authenticator on iOS".into(),
        aaguid: "90a3ccdf-635c-4729-a248-9b709135078f".into(),
        transports: vec!["internal".into(), "hybrid".into()],
        has_resident_key: true,
        has_user_verification: true,
    }
}

pub(crate) fn scanned() -> Scanned {
    let events = vec![Event::Scanned { hint: Some("mc".into()), age: Some(3) }, Event::response(0x27)];
    Scanned { outcome: Outcome::Refused { status: 0x27, name: "OPERATION_DENIED".into() }, events }
}

pub(crate) fn ca() -> TestCa {
    TestCa { root: certificate(), leaves: vec![certificate()] }
}

pub(crate) fn metadata() -> Metadata {
    Metadata { payload: serde_json::json!({ "no": 1 }), blob: "e30.e30.AA".into(), root: certificate() }
}

impl Control for Fake {
    fn trace(&self) -> Result<Lines, Failure> {
        self.called("trace".into());
        let line = |name| Some(Line::new(0.0, "phone", Kind::Device, name));
        Ok(Box::new([line("power off"), None, line("power on")].into_iter()))
    }

    fn ca(&self) -> Result<TestCa, Failure> {
        self.called("ca".into());
        Ok(ca())
    }

    fn ca_chain(&self, model: &str) -> Result<Vec<Certificate>, Failure> {
        self.on(model, format!("chain {model}")).map(|()| vec![certificate()])
    }

    fn rotate_ca(&self) -> Result<TestCa, Failure> {
        self.called("rotate".into());
        Ok(ca())
    }

    fn metadata(&self, wanted: &MetadataRequest) -> Result<Metadata, Failure> {
        self.called(format!("metadata {}", wanted.profiles.join(" ")));
        Ok(metadata())
    }

    fn devices(&self) -> Result<Vec<Device>, Failure> {
        self.called("devices".into());
        Ok(vec![self.device.lock().unwrap().clone()])
    }

    fn device(&self, name: &str) -> Result<Device, Failure> {
        self.on(name, format!("device {name}")).map(|()| device())
    }

    fn add_device(&self, name: &str, profile: &str) -> Result<Device, Failure> {
        self.on(name, format!("add {name} {profile}")).map(|()| device())
    }

    fn delete_device(&self, name: &str) -> Result<(), Failure> {
        self.on(name, format!("delete {name}"))
    }

    fn reset_device(&self, name: &str) -> Result<(), Failure> {
        self.on(name, format!("reset {name}"))
    }

    fn power(&self, name: &str, power: Power) -> Result<Device, Failure> {
        self.on(name, format!("power {name} {power:?}"))?;
        Ok(Device { powered: power != Power::Off, ..device() })
    }

    fn insert_card(&self, name: &str, inserted: bool) -> Result<Device, Failure> {
        self.on(name, format!("card {name} {inserted}"))?;
        Ok(device())
    }

    fn set_user(&self, name: &str, user: User) -> Result<Device, Failure> {
        self.on(name, format!("user {name} {:?} {}", user.answer, user.delay_ms))?;
        Ok(Device { user, ..device() })
    }

    fn script(&self, name: &str) -> Result<Option<Script>, Failure> {
        self.on(name, format!("script {name}"))?;
        Ok(Some(Script { otherwise: Some("deny".into()), ..Script::default() }))
    }

    fn set_script(&self, name: &str, script: Option<Script>) -> Result<(), Failure> {
        let steps = script.map(|script| script.steps.len());
        self.on(name, format!("play {name} {steps:?}"))
    }

    fn faults(&self, name: &str) -> Result<Vec<ArmedFault>, Failure> {
        self.on(name, format!("faults {name}")).map(|()| vec![armed()])
    }

    fn arm(&self, name: &str, fault: Fault) -> Result<ArmedFault, Failure> {
        self.on(name, format!("arm {name} {fault}"))?;
        Ok(ArmedFault { fault, ..armed() })
    }

    fn disarm(&self, name: &str, id: Option<u64>) -> Result<(), Failure> {
        self.on(name, format!("disarm {name} {id:?}"))
    }

    fn advance_clock(&self, name: &str, by: Duration) -> Result<(), Failure> {
        self.on(name, format!("clock {name} {by:?}"))
    }

    fn prompt(&self, name: &str) -> Result<Option<Prompt>, Failure> {
        self.on(name, format!("prompt {name}"))?;
        let question = self.question.lock().unwrap().clone().unwrap_or_else(prompt);
        Ok(self.asking.lock().unwrap().then_some(question))
    }

    fn await_prompt(&self, name: &str, patience: Duration) -> Result<Option<Prompt>, Failure> {
        self.on(name, format!("await {name} {patience:?}"))?;
        Ok(Some(prompt()))
    }

    fn answer(&self, name: &str, number: u64, gesture: Gesture) -> Result<(), Failure> {
        self.on(name, format!("answer {name} {number} {gesture:?}"))
    }

    fn passkeys(&self, name: &str) -> Result<Vec<Passkey>, Failure> {
        self.on(name, format!("passkeys {name}")).map(|()| vec![self.found()])
    }

    fn passkey(&self, name: &str, id: &str) -> Result<Passkey, Failure> {
        self.on(name, format!("passkey {name} {id}"))?;
        self.has(id).map(|()| self.found())
    }

    fn add_passkey(&self, name: &str, new: NewPasskey) -> Result<Passkey, Failure> {
        self.on(name, format!("make {name} {} {:?}", new.rp_id, new.algorithm)).map(|()| passkey())
    }

    fn rename_passkey(
        &self,
        name: &str,
        id: &str,
        user_name: Option<String>,
        display_name: Option<String>,
    ) -> Result<Passkey, Failure> {
        self.on(name, format!("rename {name} {id} {user_name:?} {display_name:?}"))?;
        self.has(id).map(|()| Passkey { user_name, user_display_name: display_name, ..passkey() })
    }

    fn delete_passkey(&self, name: &str, id: &str) -> Result<(), Failure> {
        self.on(name, format!("forget {name} {id}"))?;
        self.has(id)
    }

    fn fingers(&self, name: &str) -> Result<Vec<Finger>, Failure> {
        self.on(name, format!("fingers {name}")).map(|()| vec![finger()])
    }

    fn add_finger(&self, name: &str, called: Option<String>) -> Result<Finger, Failure> {
        self.on(name, format!("enrol {name} {called:?}"))?;
        Ok(Finger { name: called, ..finger() })
    }

    fn rename_finger(&self, name: &str, id: &str, called: String) -> Result<Finger, Failure> {
        self.on(name, format!("call {name} {id} {called}"))?;
        Ok(Finger { name: Some(called), ..finger() })
    }

    fn remove_finger(&self, name: &str, id: &str) -> Result<(), Failure> {
        self.on(name, format!("remove {name} {id}"))
    }

    fn accounts(&self, name: &str) -> Result<Vec<Account>, Failure> {
        self.on(name, format!("accounts {name}")).map(|()| self.listed.lock().unwrap().clone())
    }

    fn add_account(&self, name: &str, new: &NewAccount) -> Result<Added, Failure> {
        self.on(name, format!("enter {name} {} {:?}", new.user_name, new.tenant))?;
        Ok(match new.push {
            true => Added::Number(Number { number: 42, waiting: "later".into() }),
            false => Added::Account(Box::new(account())),
        })
    }

    fn delete_account(&self, name: &str, id: &str) -> Result<(), Failure> {
        self.on(name, format!("leave {name} {id}"))
    }

    fn account_code(&self, name: &str, id: &str) -> Result<Code, Failure> {
        self.on(name, format!("code {name} {id}"))?;
        Ok(Code { code: "012345".into(), seconds_left: 7 })
    }

    fn pushes(&self, name: &str) -> Result<Vec<Push>, Failure> {
        self.on(name, format!("pushes {name}")).map(|()| self.waiting.lock().unwrap().clone())
    }

    fn answer_push(&self, name: &str, id: &str, number: Option<u8>) -> Result<(), Failure> {
        self.on(name, format!("push {name} {id} {number:?}"))
    }

    fn profiles(&self) -> Result<Vec<ProfileSummary>, Failure> {
        self.called("profiles".into());
        Ok(vec![profile()])
    }

    fn profile(&self, name: &str) -> Result<String, Failure> {
        self.on(name, format!("profile {name}")).map(|()| "title = \"Phone\"\n".into())
    }

    fn ceremony(&self, name: &str, request: &ceremony::Request) -> Result<ceremony::Outcome, Failure> {
        let ceremony::Request { kind, origin, id, .. } = request;
        self.on(name, format!("ceremony {name} {kind:?} {origin} {id:?}"))?;
        if let Some(touch) = self.touch.lock().unwrap().take() {
            // The test has ended without a touch.
            let _untouched = touch.recv();
        }
        let error = ceremony::PageError { name: "NotAllowedError".into(), message: "no".into() };
        Ok(ceremony::Outcome { response: None, error: Some(error), notes: vec!["a note".into()] })
    }

    fn cancel_ceremony(&self, name: &str, id: &str) -> Result<bool, Failure> {
        self.on(name, format!("cancel {name} {id}")).map(|()| id != "none")
    }

    fn scan(&self, name: &str, scan: &Scan) -> Result<Scanned, Failure> {
        let what = match scan {
            Scan::Code(code) => format!("code {code}"),
            Scan::Image(image) => format!("image of {} bytes", image.0.len()),
        };
        self.on(name, format!("scan {name} {what}"))?;
        if let Some(touch) = self.touch.lock().unwrap().take() {
            // The test has ended without a touch.
            let _untouched = touch.recv();
        }
        Ok(scanned())
    }

    fn cancel_scan(&self, name: &str) -> Result<bool, Failure> {
        self.on(name, format!("give up {name}")).map(|()| *self.scans.lock().unwrap())
    }

    fn ctap2(&self, name: &str, link: Link, message: &[u8]) -> Result<Vec<u8>, Failure> {
        self.on(name, format!("ctap2 {name} {link:?} {message:?}"))?;
        if let Some(touch) = self.touch.lock().unwrap().take() {
            // The test has ended without a touch.
            let _untouched = touch.recv();
        }
        Ok(message.iter().rev().copied().collect())
    }
}

/// A server that runs.
pub(crate) struct Rig {
    pub(crate) served: Served,
    pub(crate) fake: Arc<Fake>,
    pub(crate) happenings: Sender<Happening>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::at(None)
    }

    pub(crate) fn at(home: Option<&Home>) -> Self {
        let fake = Arc::new(Fake::default());
        let (happenings, heard) = channel();
        let served = serve_control(fake.clone(), heard, home, FREE).unwrap();
        Self { served, fake, happenings }
    }

    /// `host:port`.
    pub(crate) fn authority(&self) -> &str {
        self.served.url.strip_prefix("http://").unwrap()
    }

    /// Asks with the token.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        let authorization = format!("Authorization: Bearer {}", self.served.token);
        self.ask_with(method, path, &[&authorization], body)
    }

    /// Asks with these header lines, and with the right `Host` if there is none among them.
    pub(crate) fn ask_with(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Reply {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|header| header.starts_with("Host:")) {
            request += &format!("Host: {}\r\n", self.authority());
        }
        headers.iter().for_each(|header| request += &format!("{header}\r\n"));
        if !body.is_empty() {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        self.say(&[request.as_bytes(), b"\r\n", body.as_bytes()].concat())
    }

    /// Says exactly this and hears everything.
    pub(crate) fn say(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        // A server that has heard enough may close before it has read everything.
        let _closed = stream.write_all(bytes);
        let mut text = Vec::new();
        let _reset = stream.read_to_end(&mut text);
        Reply::read(&String::from_utf8(text).unwrap())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.authority()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.head.lines().skip(1).filter_map(|line| line.split_once(':').map(|(name, _)| name))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The failure that every refusal carries.
    pub(crate) fn failure(&self) -> Failure {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
