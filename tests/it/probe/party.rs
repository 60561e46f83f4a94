//! A relying party in memory, as strict as it can be, and in how many ways it may be careless.
use emulator::attestation::TestCa;
use probe::Target;
use probe::target::{Begun, CleanedUp, Ended, Exchange, Session, TargetError};
use rand_core::Rng as _;
use relying_party::{
    AttestationPolicy, AttestationType, AuthenticationExpectation, Ceremony, Conveyance,
    RegistrationExpectation, RelyingParty, Step, StoredCredential,
};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use tests::rng;
use wire::aaguid::Aaguid;
use wire::base64url;
use wire::cose::Algorithm;
use wire::webauthn::ClientData;
use wire::webauthn::json::{self, AuthenticationResponse, RegistrationResponse, UserEntity};

pub(super) const ORIGIN: &str = "https://login.contoso.test";
const RP_ID: &str = "login.contoso.test";
/// A moment at which every certificate of the test CA is valid: 2027-01-15.
const TODAY: u64 = 1_800_000_000;

/// What the caller of a verifier can do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A challenge is good for ever.
    ChallengesStay,
    /// A challenge of one session is good in every other.
    ChallengesForAll,
    /// A session has one challenge, whatever it is for.
    OneChallengeASession,
    /// Every challenge is the same.
    OneChallenge,
    /// Whether an ID is registered is looked up among the user's own credentials.
    UniquePerUser,
    /// Deletion deletes nothing.
    DeletesNothing,
    /// A sign-in of a name that nobody has does not begin.
    RefusesNobody,
    /// A name that nobody has gets no credentials to choose from.
    NothingForNobody,
    /// A name that nobody has gets other credentials each time.
    OthersForNobody,
    /// The options of a name that nobody has lack a member.
    LessForNobody,
    /// A name that somebody has takes longer.
    SlowForSomebody,
    /// The name is the user handle.
    NameIsHandle,
    /// The user handle is longer than it may be.
    LongHandle,
    /// Counters of 0 are refused.
    WantsCounters,
    /// The models that it means to want are forgotten.
    AnyModel,
    /// One of the models that it means to want is refused.
    RefusesAndroid,
    /// What is too large, too deep or no response at all ends it.
    FallsOver,
    /// Everything is taken that is said.
    Gullible,
}

struct Account {
    handle: Vec<u8>,
    credentials: Vec<StoredCredential>,
}

struct Pending {
    user: Option<String>,
    options: Value,
}

/// See above.
pub(super) struct Party {
    pub(super) party: RelyingParty,
    /// The steps that it leaves out, in either ceremony.
    pub(super) left_out: [Vec<Step>; 2],
    pub(super) faults: Vec<Fault>,
    /// The step that refused a registration last.
    pub(super) refused_at: Option<Step>,
    pub(super) allowed: Vec<Aaguid>,
    pub(super) blocked: Vec<Aaguid>,
    /// Whether there is a sign-in by name, and one without.
    pub(super) by_name: bool,
    pub(super) without_name: bool,
    accounts: BTreeMap<String, Account>,
    pending: HashMap<(Session, u8), Pending>,
    /// The challenge that each session was given last.
    last: HashMap<Session, Value>,
    drawn: u64,
    gone: bool,
}

const fn index(ceremony: Ceremony) -> u8 {
    match ceremony {
        Ceremony::Registration => 0,
        Ceremony::Authentication => 1,
    }
}

impl Party {
    /// A strict one, which trusts that root.
    pub(super) fn new(ca: &TestCa) -> Self {
        let party = RelyingParty {
            algorithms: vec![Algorithm::ES256, Algorithm::RS256],
            attestation: AttestationPolicy {
                conveyance: Conveyance::Direct,
                trust_anchors: vec![ca.certificate().to_vec()],
                now: Some(TODAY),
                ..AttestationPolicy::default()
            },
            ..RelyingParty::new(RP_ID)
        };
        Self {
            party,
            left_out: [Vec::new(), Vec::new()],
            faults: Vec::new(),
            refused_at: None,
            allowed: Vec::new(),
            blocked: Vec::new(),
            by_name: true,
            without_name: true,
            accounts: BTreeMap::new(),
            pending: HashMap::new(),
            last: HashMap::new(),
            drawn: 0,
            gone: false,
        }
    }

    pub(super) fn with(mut self, faults: &[Fault]) -> Self {
        self.faults = faults.to_vec();
        self
    }

    pub(super) fn without(mut self, ceremony: Ceremony, steps: &[Step]) -> Self {
        self.left_out[usize::from(index(ceremony))] = steps.to_vec();
        self
    }

    /// Takes only what is attested.
    pub(super) fn enforcing(mut self) -> Self {
        self.party.attestation.accepted = vec![AttestationType::Basic];
        self
    }

    /// How many credentials there are.
    pub(super) fn credentials(&self) -> usize {
        self.accounts.values().map(|account| account.credentials.len()).sum()
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        self.drawn += 1;
        let mut bytes = [0; N];
        rng(0xACC0_0000 + self.drawn).fill_bytes(&mut bytes);
        bytes
    }

    fn challenge(&mut self) -> Vec<u8> {
        if self.has(Fault::OneChallenge) { vec![0xFB; 32] } else { self.random::<32>().to_vec() }
    }

    fn exchange(request: &str, response: &str) -> Exchange {
        Exchange { request: request.into(), response: response.into(), microseconds: 100 }
    }

    fn register(&mut self, pending: &Pending, response: &Value) -> Result<(), String> {
        let user = pending.user.clone().ok_or("nobody registers")?;
        let options: json::CreationOptions = json::from_value(pending.options.clone()).unwrap();
        let response: RegistrationResponse = json::from_value(response.clone()).map_err(|e| e.to_string())?;
        let per_user = self.has(Fault::UniquePerUser);
        let is_registered = |id: &[u8]| {
            let theirs = self.accounts.iter().filter(|(name, _)| !per_user || **name == user);
            theirs.flat_map(|(_, account)| &account.credentials).any(|credential| credential.id == id)
        };
        let expected = RegistrationExpectation::of(&options, &is_registered);
        let registered = self
            .party
            .verify_registration_without(&self.left_out[0], &expected, &response)
            .map_err(|rejection| {
                self.refused_at = Some(rejection.step);
                rejection.to_string()
            })?;
        let model = registered.aaguid;
        if !self.has(Fault::AnyModel) {
            let wanted = self.allowed.is_empty() || self.allowed.contains(&model);
            if !wanted || self.blocked.contains(&model) {
                return Err(format!("the model {model} is not wanted here"));
            }
        }
        if self.has(Fault::RefusesAndroid) && model.to_string().starts_with("de1e552d") {
            return Err("no Android, please".into());
        }
        let account = self.accounts.get_mut(&user).ok_or("there is no such account")?;
        account.credentials.retain(|credential| credential.id != registered.credential.id);
        account.credentials.push(registered.credential);
        Ok(())
    }

    fn sign_in(&mut self, pending: &Pending, response: &Value) -> Result<(), String> {
        let options: json::RequestOptions = json::from_value(pending.options.clone()).unwrap();
        let response: AuthenticationResponse =
            json::from_value(response.clone()).map_err(|e| e.to_string())?;
        let id = &response.raw_id.0;
        let accounts = self.accounts.iter();
        let found = accounts
            .flat_map(|(name, account)| account.credentials.iter().map(move |credential| (name, credential)))
            .find(|(_, credential)| credential.id == *id);
        let (owner, record) = found.ok_or("there is no such credential")?;
        let (owner, record) = (owner.clone(), record.clone());
        let account = match &pending.user {
            Some(name) => Some(self.accounts.get(name).ok_or("there is no such account")?.handle.clone()),
            None => None,
        };
        let expected = AuthenticationExpectation::of(&options, account.as_deref());
        let signed_in = self
            .party
            .verify_authentication_without(&self.left_out[1], &expected, &response, &record)
            .map_err(|rejection| rejection.to_string())?;
        if self.has(Fault::WantsCounters) && signed_in.sign_count == 0 {
            return Err("a counter must count".into());
        }
        let account = self.accounts.get_mut(&owner).unwrap();
        let kept = account.credentials.iter_mut().find(|credential| credential.id == *id).unwrap();
        *kept = signed_in.credential;
        Ok(())
    }

    /// What was begun and is answered now.
    fn pending(&mut self, session: Session, ceremony: Ceremony, response: &Value) -> Result<Pending, String> {
        let mut key = (session, index(ceremony));
        if self.has(Fault::ChallengesForAll) {
            let client = response["response"]["clientDataJSON"].as_str().and_then(base64url::decode);
            let told =
                client.and_then(|client| ClientData::decode(&client).ok()).map(|client| client.challenge);
            let found = self.pending.iter().find(|((_, other), pending)| {
                *other == index(ceremony) && pending.options["challenge"].as_str() == told.as_deref()
            });
            key = found.map_or(key, |(key, _)| *key);
        }
        let mut pending = self.pending.remove(&key).ok_or("nothing was begun")?;
        let as_it_was = Pending { user: pending.user.clone(), options: pending.options.clone() };
        if self.has(Fault::ChallengesForAll) {
            // It is theirs, and whoever brings it is taken for whom this session is.
            let own = self.pending.remove(&(session, index(ceremony)));
            if let Some(own) = own {
                let challenge = pending.options["challenge"].take();
                pending = own;
                pending.options["challenge"] = challenge;
            }
        }
        if self.has(Fault::OneChallengeASession)
            && let Some(last) = self.last.get(&session)
        {
            pending.options["challenge"] = last.clone();
        }
        if self.has(Fault::ChallengesStay) {
            self.pending.insert(key, as_it_was);
        }
        Ok(pending)
    }

    fn judge(&mut self, session: Session, ceremony: Ceremony, text: &str) -> Result<(), String> {
        let response: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let pending = self.pending(session, ceremony, &response)?;
        match ceremony {
            Ceremony::Registration => self.register(&pending, &response),
            Ceremony::Authentication => self.sign_in(&pending, &response),
        }
    }

    fn request(&mut self, user: Option<&str>) -> Result<(Value, u64), TargetError> {
        let challenge = self.challenge();
        let Some(name) = user else {
            if !self.without_name {
                return Err(TargetError::Unsupported("there is no sign-in without a name".into()));
            }
            return Ok((serde_json::to_value(self.party.request_options(challenge, &[])).unwrap(), 100));
        };
        if !self.by_name {
            return Err(TargetError::Unsupported("there is no sign-in by name".into()));
        }
        let known = self.accounts.get(name).map(|account| account.credentials.clone()).unwrap_or_default();
        let somebody = !known.is_empty();
        if !somebody && self.has(Fault::RefusesNobody) {
            return Err(TargetError::Failed("404: no such user".into()));
        }
        let mut options = serde_json::to_value(self.party.request_options(challenge, &known)).unwrap();
        if !somebody && !self.has(Fault::NothingForNobody) {
            let seed = if self.has(Fault::OthersForNobody) { self.drawn } else { 0 };
            let mut id = [0; 32];
            rng(name.bytes().map(u64::from).sum::<u64>() + (seed << 32)).fill_bytes(&mut id);
            options["allowCredentials"] =
                serde_json::json!([{"type": "public-key", "id": base64url::encode(&id)}]);
        }
        if !somebody && self.has(Fault::LessForNobody) {
            options.as_object_mut().unwrap().remove("timeout");
        }
        let slow = somebody && self.has(Fault::SlowForSomebody);
        Ok((options, if slow { 5000 } else { 100 }))
    }
}

impl Target for Party {
    fn origin(&self) -> &str {
        ORIGIN
    }

    fn begin(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
    ) -> Result<Begun, TargetError> {
        if self.gone {
            return Err(TargetError::Gone("connection refused".into()));
        }
        let (options, microseconds) = match ceremony {
            Ceremony::Registration => {
                let name =
                    user.ok_or_else(|| TargetError::Unsupported("a registration needs a name".into()))?;
                let handle = if self.has(Fault::NameIsHandle) {
                    name.as_bytes().to_vec()
                } else if self.has(Fault::LongHandle) {
                    self.random::<65>().to_vec()
                } else {
                    self.random::<64>().to_vec()
                };
                let challenge = self.challenge();
                let account = Account { handle, credentials: Vec::new() };
                let account = self.accounts.entry(name.into()).or_insert(account);
                let id = account.handle.clone().into();
                let user = UserEntity { id, name: name.into(), display_name: name.into() };
                let options = self.party.creation_options(user, challenge, &account.credentials);
                (serde_json::to_value(options).unwrap(), 100)
            }
            Ceremony::Authentication => self.request(user)?,
        };
        self.last.insert(session, options["challenge"].clone());
        let pending = Pending { user: user.map(Into::into), options: options.clone() };
        self.pending.insert((session, index(ceremony)), pending);
        let exchange = Exchange { microseconds, ..Self::exchange("begin", &options.to_string()) };
        Ok(Begun { options, exchange })
    }

    fn finish(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        _: Option<&str>,
        response: &str,
    ) -> Result<Ended, TargetError> {
        if self.has(Fault::FallsOver) && serde_json::from_str::<Value>(response).map_or(true, is_too_much) {
            self.gone = true;
        }
        if self.gone {
            return Err(TargetError::Gone("connection reset".into()));
        }
        let judged = if self.has(Fault::Gullible) { Ok(()) } else { self.judge(session, ceremony, response) };
        let (accepted, said) = match judged {
            Ok(()) => (true, String::new()),
            Err(why) => (false, why),
        };
        Ok(Ended { accepted, exchange: Self::exchange(response, &said), said })
    }

    fn clean_up(&mut self, user: &str, credential: &[u8]) -> Result<CleanedUp, TargetError> {
        if self.gone {
            return Err(TargetError::Gone("connection refused".into()));
        }
        if self.has(Fault::DeletesNothing) || self.has(Fault::Gullible) {
            return Ok(CleanedUp::Removed);
        }
        let account = self.accounts.get_mut(user);
        let account = account.ok_or_else(|| TargetError::Failed("there is no such account".into()))?;
        let before = account.credentials.len();
        account.credentials.retain(|known| known.id != credential);
        if account.credentials.len() < before {
            Ok(CleanedUp::Removed)
        } else {
            Ok(CleanedUp::Left("there is no such credential".into()))
        }
    }

    fn change(&mut self, name: &str) -> Result<Exchange, TargetError> {
        match name {
            "enforce attestation" => {
                self.party.attestation.accepted = vec![AttestationType::Basic];
                Ok(Self::exchange(name, ""))
            }
            _ => Err(TargetError::Unsupported(format!("nothing is called {name}"))),
        }
    }
}

/// Large, deep, or no registration and no sign-in.
fn is_too_much(response: Value) -> bool {
    let long = |member: &str| response["response"][member].as_str().is_some_and(|text| text.len() > 20_000);
    let object = response["response"]["attestationObject"].as_str().and_then(base64url::decode);
    let lying = object.is_some_and(|object| object.len() < 20);
    let neither =
        response["response"]["attestationObject"].is_null() && response["response"]["userHandle"].is_null();
    response.to_string().len() > 60_000
        || long("clientDataJSON")
        || long("attestationObject")
        || lying
        || neither
}
