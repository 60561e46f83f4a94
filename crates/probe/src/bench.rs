//! Where checks are made: an authenticator and a browser in one, before a relying party, with what they have in hand.
use crate::check::{Basis, Change, Told, Wants, index};
use crate::draft::{Attest, Beginning, Draft};
use crate::forger::Forger;
use crate::key::{ALGORITHMS, Key, sha256};
use crate::plan::{Attestation, Plan};
use crate::report::LeftBehind;
use crate::target::{Begun, CleanedUp, Ended, Exchange, Session, Target, TargetError};
use authenticator::signer::DeterministicSigner;
use emulator::attestation::{self, Flaw, Forged, Format, TestCa};
use rand_core::CryptoRng;
use relying_party::Ceremony;
use std::collections::{BTreeMap, HashMap};
use std::str::FromStr as _;
use std::time::Duration;
use wire::aaguid::Aaguid;
use wire::base64url;
use wire::cose::Algorithm;
use wire::webauthn::Flags;
use wire::webauthn::json::{self, CreationOptions, RequestOptions};

/// The model of certified registrations, where the plan names none: of our own making, in nobody's list.
pub(crate) const OWN_MODEL: Aaguid =
    Aaguid([0xFA, 0x0C, 0x5E, 0x11, 0, 0, 0x40, 0, 0x80, 0, b'p', b'r', b'o', b'b', b'e', b'1']);

/// Why a check ended before anything could be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It could not be told.
    Inconclusive(String),
    /// It was not tried.
    Skipped(String),
    /// Nobody answers any more.
    Gone(String),
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Gone(why) => Self::Gone(why),
            TargetError::Failed(why) => Self::Inconclusive(why),
            TargetError::Unsupported(why) => Self::Skipped(why),
        }
    }
}

impl Stop {
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Inconclusive(why) | Self::Skipped(why) | Self::Gone(why) => why,
        }
    }
}

/// One of the two users, each in a session of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    First,
    Second,
}

impl Who {
    pub(crate) const fn session(self) -> Session {
        match self {
            Self::First => Session::First,
            Self::Second => Session::Second,
        }
    }

    const fn number(self) -> usize {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }
}

/// Whether a sign-in begins with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ByName,
    WithoutName,
}

/// A registration that the relying party began.
pub(crate) struct Creation {
    pub(crate) who: Who,
    pub(crate) user: String,
    pub(crate) options: CreationOptions,
}

/// A sign-in that the relying party began.
pub(crate) struct Request {
    pub(crate) who: Who,
    pub(crate) user: Option<String>,
    pub(crate) options: RequestOptions,
}

/// A credential that was registered honestly. Without `Debug`, as it holds a private key.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) user: String,
    pub(crate) id: Vec<u8>,
    pub(crate) key: Key,
    pub(crate) handle: Vec<u8>,
    pub(crate) flags: Flags,
    /// The counter of the last assertion that was made.
    pub(crate) count: u32,
}

/// What was accepted and is to be deleted: all the names that it may have been given.
struct Made {
    user: String,
    ids: Vec<Vec<u8>>,
}

/// See above.
pub(crate) struct Bench<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) target: &'a mut dyn Target,
    pub(crate) ca: &'a TestCa,
    pub(crate) rng: &'a mut dyn CryptoRng,
    pub(crate) wait: &'a mut dyn FnMut(Duration),
    /// Seconds since 1970.
    pub(crate) now: u64,
    pub(crate) evidence: Vec<Exchange>,
    pub(crate) microseconds: u64,
    /// What honest registrations are attested by.
    pub(crate) base: Basis,
    pub(crate) way: Way,
    /// What the options said of user verification last.
    verification: [Option<String>; 2],
    fixtures: [Option<Credential>; 2],
    made: Vec<Made>,
    honest: HashMap<Basis, Result<(), String>>,
    formats: HashMap<Format, Result<(), String>>,
    forger: Forger,
    next_user: usize,
    /// What the options say that the relying party wants, for people.
    pub(crate) options: BTreeMap<&'static str, String>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        target: &'a mut dyn Target,
        ca: &'a TestCa,
        rng: &'a mut dyn CryptoRng,
        wait: &'a mut dyn FnMut(Duration),
        now: u64,
    ) -> Self {
        let base = match plan.expect.attestation {
            Attestation::Enforced => Basis::Certified,
            Attestation::None | Attestation::Accepted => Basis::Nobody,
        };
        Self {
            plan,
            target,
            ca,
            rng,
            wait,
            now,
            evidence: Vec::new(),
            microseconds: 0,
            base,
            way: Way::ByName,
            verification: [None, None],
            fixtures: [None, None],
            made: Vec::new(),
            honest: HashMap::new(),
            formats: HashMap::new(),
            forger: Forger::default(),
            next_user: 3,
            options: BTreeMap::new(),
        }
    }

    pub(crate) fn wants(&self) -> Wants<'a> {
        let required = |ceremony: Ceremony| {
            let options = self.verification[index(ceremony)].as_deref();
            self.plan.expect.user_verification.required(options)
        };
        Wants {
            plan: self.plan,
            verified: [required(Ceremony::Registration), required(Ceremony::Authentication)],
        }
    }

    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    // Asking.

    fn note(&mut self, exchange: &Exchange) {
        self.microseconds = self.microseconds.saturating_add(exchange.microseconds);
        self.evidence.push(exchange.clone());
    }

    /// Asks for options of either ceremony, as they are.
    pub(crate) fn begin(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
    ) -> Result<Begun, Stop> {
        let begun = self.target.begin(session, ceremony, user)?;
        self.note(&begun.exchange);
        Ok(begun)
    }

    fn user(&mut self, who: Who) -> String {
        let number = if self.plan.users.sign_up {
            self.next_user += 1;
            self.next_user - 1
        } else {
            who.number()
        };
        self.plan.users.name(number)
    }

    pub(crate) fn begin_registration(&mut self, who: Who) -> Result<Creation, Stop> {
        let user = self.user(who);
        let begun = self.begin(who.session(), Ceremony::Registration, Some(&user))?;
        let options: CreationOptions = json::from_value(begun.options)
            .map_err(|e| Stop::Inconclusive(format!("its creation options do not read: {e}")))?;
        let selection = options.authenticator_selection.as_ref();
        self.verification[0] = selection.and_then(|selection| selection.user_verification.clone());
        self.note_options(&options);
        Ok(Creation { who, user, options })
    }

    fn note_options(&mut self, options: &CreationOptions) {
        let said = |word: Option<&String>| word.cloned().unwrap_or_else(|| "not said".into());
        let selection = options.authenticator_selection.as_ref();
        let offered = options.pub_key_cred_params.iter().map(|p| Algorithm(p.alg).to_string());
        self.options.extend([
            ("attestation", said(options.attestation.as_ref())),
            ("user verification in registrations", said(self.verification[0].as_ref())),
            ("resident key", said(selection.and_then(|selection| selection.resident_key.as_ref()))),
            ("algorithms", offered.collect::<Vec<_>>().join(", ")),
            ("RP ID", said(options.rp.id.as_ref())),
            ("bytes in a challenge", options.challenge.0.len().to_string()),
        ]);
    }

    pub(crate) fn begin_sign_in(&mut self, who: Who, user: Option<&str>) -> Result<Request, Stop> {
        let begun = self.begin(who.session(), Ceremony::Authentication, user)?;
        let options: RequestOptions = json::from_value(begun.options)
            .map_err(|e| Stop::Inconclusive(format!("its request options do not read: {e}")))?;
        self.verification[1].clone_from(&options.user_verification);
        let said = options.user_verification.clone().unwrap_or_else(|| "not said".into());
        self.options.insert("user verification in sign-ins", said);
        Ok(Request { who, user: user.map(Into::into), options })
    }

    pub(crate) fn post(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
        text: &str,
    ) -> Result<Ended, Stop> {
        let ended = self.target.finish(session, ceremony, user, text)?;
        self.note(&ended.exchange);
        Ok(ended)
    }

    // Making.

    /// The model of honest registrations.
    pub(crate) fn model(&self, basis: &Basis) -> Aaguid {
        let allowed = self.plan.expect.allowed.first().and_then(|text| Aaguid::from_str(text).ok());
        match basis {
            Basis::Base => self.model(&self.base.clone()),
            Basis::Nobody => allowed.unwrap_or(Aaguid::ZERO),
            Basis::Itself | Basis::Certified => allowed.unwrap_or(OWN_MODEL),
        }
    }

    pub(crate) fn attest(&mut self, basis: &Basis, aaguid: Aaguid) -> Result<Attest, Stop> {
        Ok(match basis {
            Basis::Base => self.attest(&self.base.clone(), aaguid)?,
            Basis::Nobody => Attest::Nobody,
            Basis::Itself => Attest::Itself,
            Basis::Certified => {
                let by = self.ca.batch(aaguid, "a model of the probe", &mut DeterministicSigner, self.rng);
                Attest::By(by.map_err(|e| Stop::Inconclusive(e.to_string()))?)
            }
        })
    }

    fn algorithm(&self, options: &CreationOptions) -> Result<Algorithm, Stop> {
        let offered =
            |algorithm: &Algorithm| options.pub_key_cred_params.iter().any(|p| p.alg == algorithm.0);
        let chosen = &self.plan.expect.algorithms;
        let mut known = ALGORITHMS.into_iter().filter(|a| chosen.is_empty() || chosen.contains(&a.0));
        known.find(offered).ok_or_else(|| {
            Stop::Inconclusive(
                "it offers none of the algorithms that the probe signs with (ES256, EdDSA)".into(),
            )
        })
    }

    pub(crate) fn key(&mut self, algorithm: Algorithm) -> Result<Key, Stop> {
        Key::generate(algorithm, self.rng).map_err(|e| Stop::Inconclusive(e.to_string()))
    }

    fn beginning(
        &mut self,
        rp_id: Option<&str>,
        challenge: &[u8],
        id: Vec<u8>,
        key: Key,
    ) -> Result<Beginning, Stop> {
        let origin = self.target.origin().to_owned();
        let rp_id = rp_id.map_or_else(|| host(&origin).to_owned(), Into::into);
        let stranger = self.key(key.algorithm())?;
        Ok(Beginning { origin, rp_id, challenge: base64url::encode(challenge), id, key, stranger })
    }

    /// An honest registration that answers these options.
    pub(crate) fn draft_registration(&mut self, creation: &Creation, basis: &Basis) -> Result<Draft, Stop> {
        let algorithm = self.algorithm(&creation.options)?;
        let (id, key) = (self.random::<32>().to_vec(), self.key(algorithm)?);
        let rp_id = creation.options.rp.id.as_deref();
        let from = self.beginning(rp_id, &creation.options.challenge.0, id, key)?;
        let aaguid = self.model(basis);
        let attest = self.attest(basis, aaguid)?;
        Ok(Draft::registration(from, aaguid, attest))
    }

    /// An honest sign-in with this credential that answers these options.
    pub(crate) fn draft_sign_in(&mut self, request: &Request, with: &mut Credential) -> Result<Draft, Stop> {
        let rp_id = request.options.rp_id.clone();
        let challenge = request.options.challenge.0.clone();
        let from = self.beginning(rp_id.as_deref(), &challenge, with.id.clone(), with.key.clone())?;
        with.count = with.count.saturating_add(1);
        Ok(Draft::sign_in(from, with.flags, with.count, Some(with.handle.clone())))
    }

    // Posting.

    /// Posts a registration, and remembers to have it deleted.
    pub(crate) fn post_registration(
        &mut self,
        creation: &Creation,
        draft: &Draft,
        text: &str,
    ) -> Result<Ended, Stop> {
        let (session, user) = (creation.who.session(), creation.user.clone());
        let ended = self.post(session, Ceremony::Registration, Some(&user), text)?;
        if ended.accepted {
            let posted = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
            let mut ids = vec![draft.id.clone()];
            ids.extend(
                posted["rawId"].as_str().and_then(base64url::decode_lenient).filter(|id| *id != draft.id),
            );
            self.made.push(Made { user, ids });
        }
        Ok(ended)
    }

    pub(crate) fn post_sign_in(&mut self, request: &Request, text: &str) -> Result<Ended, Stop> {
        self.post(request.who.session(), Ceremony::Authentication, request.user.as_deref(), text)
    }

    /// A registration of the first user, changed.
    pub(crate) fn register(&mut self, basis: &Basis, change: &Change) -> Result<Told, Stop> {
        let creation = self.begin_registration(Who::First)?;
        let draft = self.draft_registration(&creation, basis)?;
        let (draft, text) = change.apply(draft)?;
        self.post_registration(&creation, &draft, &text).map(Told::from)
    }

    /// A sign-in of the first user, changed. One that is accepted leaves the credential's record in a state that nobody
    /// knows, and so it is made anew.
    pub(crate) fn sign_in(&mut self, change: &Change) -> Result<Told, Stop> {
        let mut with = self.fixture(Who::First)?;
        let request = self.begin_sign_in_with(&with)?;
        let draft = self.draft_sign_in(&request, &mut with)?;
        self.keep(Who::First, with);
        let (_, text) = change.apply(draft)?;
        let ended = self.post_sign_in(&request, &text)?;
        if ended.accepted {
            self.retire(Who::First);
        }
        Ok(ended.into())
    }

    /// A sign-in of whose passkey it is, by name if that is the way here.
    pub(crate) fn begin_sign_in_with(&mut self, with: &Credential) -> Result<Request, Stop> {
        let user = (self.way == Way::ByName).then(|| with.user.clone());
        self.begin_sign_in(Who::First, user.as_deref())
    }

    // Honest ceremonies.

    /// A registration in which nothing is wrong but what `edit` does, or why it was refused. What it makes is for the
    /// caller to delete.
    pub(crate) fn registered(
        &mut self,
        who: Who,
        basis: &Basis,
        edit: impl FnOnce(&mut Draft),
    ) -> Result<Result<Credential, String>, Stop> {
        let creation = self.begin_registration(who)?;
        let mut draft = self.draft_registration(&creation, basis)?;
        edit(&mut draft);
        let text = draft.finish().map_err(|e| Stop::Inconclusive(e.to_string()))?.to_string();
        let ended = self.post_registration(&creation, &draft, &text)?;
        if !ended.accepted {
            return Ok(Err(ended.said));
        }
        let flags = Flags(draft.auth[32] & !Flags::AT.0 & !Flags::ED.0);
        let count = u32::from_be_bytes([draft.auth[33], draft.auth[34], draft.auth[35], draft.auth[36]]);
        let handle = creation.options.user.id.0;
        Ok(Ok(Credential { user: creation.user, id: draft.id, key: draft.key, handle, flags, count }))
    }

    /// An honest sign-in with this credential but for what `edit` does.
    pub(crate) fn signed_in(
        &mut self,
        with: &mut Credential,
        edit: impl FnOnce(&mut Draft),
    ) -> Result<Ended, Stop> {
        let request = self.begin_sign_in_with(with)?;
        let mut draft = self.draft_sign_in(&request, with)?;
        edit(&mut draft);
        let text = draft.finish().map_err(|e| Stop::Inconclusive(e.to_string()))?.to_string();
        self.post_sign_in(&request, &text)
    }

    /// Whether an honest registration of this kind is taken, and if not, what is said. It is asked once.
    pub(crate) fn honest(&mut self, basis: &Basis) -> Result<Result<(), String>, Stop> {
        let basis = if *basis == Basis::Base { self.base.clone() } else { basis.clone() };
        if let Some(known) = self.honest.get(&basis) {
            return Ok(known.clone());
        }
        let made = self.registered(Who::First, &basis, |_| ())?.map(drop);
        self.honest.insert(basis, made.clone());
        Ok(made)
    }

    /// A statement about this registration, right in everything but `flaw`. What cannot be made here is skipped.
    pub(crate) fn forge(
        &mut self,
        draft: &Draft,
        format: Format,
        flaw: Option<Flaw>,
    ) -> Result<Forged, Stop> {
        let about = attestation::Draft {
            auth_data: &draft.auth,
            client_data_hash: &sha256(&draft.client),
            credential: draft.key.pair(),
            now: self.now,
        };
        let made = self.ca.forge(format, flaw, &about, &mut self.forger, self.rng);
        made.map_err(|e| Stop::Skipped(e.to_string()))
    }

    /// Whether a correct statement of that format is taken, if that is known, and if not, what is said.
    pub(crate) fn right_format(&self, format: Format) -> Option<Result<(), String>> {
        self.formats.get(&format).cloned()
    }

    /// Keeps that in mind.
    pub(crate) fn note_format(&mut self, format: Format, taken: Result<(), String>) {
        self.formats.insert(format, taken);
    }

    /// Forgets what is accepted, as after a change of policy.
    pub(crate) fn forget(&mut self) {
        self.honest.clear();
        self.formats.clear();
    }

    /// The credential that a user has for sign-ins, made if there is none.
    pub(crate) fn fixture(&mut self, who: Who) -> Result<Credential, Stop> {
        let at = who.number() - 1;
        if let Some(credential) = &self.fixtures[at] {
            return Ok(credential.clone());
        }
        let before = self.made.len();
        let made = self.registered(who, &Basis::Base, |_| ())?;
        let credential =
            made.map_err(|said| Stop::Inconclusive(format!("no credential to sign in with: {said}")))?;
        // It stays until it is retired.
        self.made.truncate(before);
        self.fixtures[at] = Some(credential.clone());
        Ok(credential)
    }

    /// Keeps what a sign-in made of the fixture: its counter.
    pub(crate) fn keep(&mut self, who: Who, credential: Credential) {
        self.fixtures[who.number() - 1] = Some(credential);
    }

    /// Has the fixture deleted; the next check makes another.
    pub(crate) fn retire(&mut self, who: Who) {
        if let Some(credential) = self.fixtures[who.number() - 1].take() {
            self.made.push(Made { user: credential.user, ids: vec![credential.id] });
        }
    }

    // Afterwards.

    /// Deletes one credential now. The error is why it is still there.
    pub(crate) fn delete(&mut self, user: &str, id: &[u8]) -> Result<(), String> {
        match self.target.clean_up(user, id) {
            Ok(CleanedUp::Removed) => Ok(()),
            Ok(CleanedUp::Left(why)) => Err(why),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Deletes what was accepted since. What stays is told.
    pub(crate) fn clean_up(&mut self, check: &str) -> Vec<LeftBehind> {
        let mut left = Vec::new();
        for Made { user, ids } in std::mem::take(&mut self.made) {
            let mut why = None;
            let removed = ids.iter().any(|id| match self.delete(&user, id) {
                Ok(()) => true,
                Err(reason) => {
                    why.get_or_insert(reason);
                    false
                }
            });
            if !removed {
                let credential = ids.first().map(|id| base64url::encode(id)).unwrap_or_default();
                let why = why.unwrap_or_default();
                left.push(LeftBehind { user, credential, check: check.into(), why });
            }
        }
        left
    }

    /// Takes back that something is to be deleted, because it was.
    pub(crate) fn is_deleted(&mut self, id: &[u8]) {
        self.made.retain(|made| !made.ids.iter().any(|known| known == id));
    }
}

impl From<Ended> for Told {
    fn from(ended: Ended) -> Self {
        if ended.accepted { Self::Accepted(ended.said) } else { Self::Refused(ended.said) }
    }
}

/// The host of an origin.
pub(crate) fn host(origin: &str) -> &str {
    let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match rest.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or(literal),
        None => rest.split([':', '/']).next().unwrap_or(rest),
    }
}
