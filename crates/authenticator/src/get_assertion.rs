//! authenticatorGetAssertion and authenticatorGetNextAssertion, CTAP 2.1 §6.2.2 and §6.3, cut where the user
//! is asked.
use crate::Link;
use crate::authenticator::{
    Authenticator, Continuation, Question, Rest, SEQUENCE, Sequence, Silent, Step, Via,
};
use crate::credentials::{RpIdHash, rp_id_hash};
use crate::extensions::{GetFacts, GetPlan};
use crate::memory::Held;
use crate::pin::{TokenUse, Verified};
use crate::store::{Change, Credential, CredentialExtensions, RecordId};
use crate::user::{Consent, Purpose, Refusal};
use alloc::{boxed::Box, vec::Vec};
use wire::ctap2::{Descriptor, GetAssertion, GetAssertionResponse, Permissions, UserEntity};
use wire::status::{CtapError, Status};
use wire::time::Instant;
use wire::webauthn::{AuthenticatorData, Flags};

/// How many accounts a prompt shows.
const ACCOUNTS_SHOWN: usize = 100;

/// What was decided before the user was asked.
pub(crate) struct Asked {
    via: Via,
    rp_id_hash: RpIdHash,
    client_data_hash: [u8; 32],
    found: Found,
    extensions: GetPlan,
    token: Option<Verified>,
    /// The `up` option: whether presence was asked for.
    up: bool,
}

/// What a response says of further accounts.
enum Among {
    /// Nothing: it is the only one, or one of those that follow.
    Nothing,
    /// `numberOfCredentials`: the platform may get the others, and lets its user choose.
    Several(u64),
    /// `userSelected`: the user chose on the authenticator's own screen, and the platform need not ask.
    Chosen,
}

/// What will sign.
enum Found {
    /// CTAP 2.0 says so only after a touch.
    Nothing,
    /// The first match of an allowList.
    Listed(Held),
    /// The matches of an allowList, in its order, of which the user of a phone chooses one; two at least.
    Choice(Vec<RecordId>),
    /// Discoverable credentials, newest first; never empty.
    Discovered(Vec<RecordId>),
}

/// Accounts that are still to be told, CTAP 2.1 §6.2.2 step 12.
pub(crate) struct Remaining {
    assertion: Assertion,
    /// The next one stands at the end.
    records: Vec<RecordId>,
}

/// What all assertions of one request have in common.
struct Assertion {
    rp_id_hash: RpIdHash,
    client_data_hash: [u8; 32],
    flags: Flags,
    extensions: GetPlan,
    listed: bool,
}

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(
    auth: &Authenticator,
    now: Instant,
    via: Via,
    request: GetAssertion,
    used: &mut Option<TokenUse>,
) -> Result<Step, CtapError> {
    let can = &auth.capabilities;
    let state = auth.memory.state();

    // Step 1: an empty pinUvAuthParam asks for a touch, and whether there is a PIN.
    if request.pin_uv_auth_param.as_deref() == Some(&[]) {
        return Ok(Step::Ask(Question::presence(Purpose::Select), Continuation::TouchOnly));
    }
    // Step 2: a pinUvAuthParam needs a protocol that is supported.
    let param = match &request.pin_uv_auth_param {
        Some(param) => Some((auth.protocol(request.pin_uv_auth_protocol)?, param.as_slice())),
        None => None,
    };

    // Step 4: options. With a pinUvAuthParam, uv counts as false.
    let mut uv = param.is_none() && request.uv == Some(true);
    if uv && can.uv(state) != Some(true) {
        let why = "CTAP 2.1 §6.2.2 step 4: uv without built-in user verification that is set up";
        return Err(Status::INVALID_OPTION.because(why));
    }
    if request.rk.is_some() {
        return Err(Status::UNSUPPORTED_OPTION.because("CTAP 2.1 §6.2.2 step 4: rk has no meaning here"));
    }
    // A phone does nothing across the room that its user does not know of, whatever `up` says.
    let up = request.up != Some(false) || via.link == Link::Hybrid;

    // Step 5: alwaysUv, which lets silent requests through.
    if up && can.always_uv(state) {
        if !auth.is_protected() {
            return Err(auth
                .token_needed("CTAP 2.1 §6.2.2 step 5: alwaysUv is on and nothing is set up to verify by"));
        }
        if param.is_none() && !uv {
            if !auth.uv_is_configured() {
                let why = "CTAP 2.1 §6.2.2 step 5: alwaysUv is on and no pinUvAuthParam was sent";
                return Err(auth.token_needed(why));
            }
            uv = true;
        }
    }

    // Step 6: the token.
    let token = match param {
        Some((protocol, param)) => {
            let token =
                auth.verify_token(now, protocol, &request.client_data_hash, param, Permissions::GA)?;
            auth.token_is_for(token, &request.rp_id)?;
            *used = Some(TokenUse::on(token, &request.rp_id));
            Some(token)
        }
        None => None,
    };
    let verification = token.is_none() && if up { can.verifies(uv) } else { uv };
    let verified = token.is_some() || verification;

    // Step 7: what can sign.
    if can.list_too_long(via.link, request.allow_list.len()) {
        let why = "CTAP 2.1 §6.4: allowList is longer than maxCredentialCountInList";
        return Err(Status::LIMIT_EXCEEDED.because(why));
    }
    let rp_id_hash = rp_id_hash(&request.rp_id);
    let found = locate(auth, via, &rp_id_hash, &request.allow_list, verified);
    let nothing = matches!(found, Found::Nothing);
    // Verification (step 6) comes first all the same: that there is nothing for a user who is verified is nobody
    // else's business.
    if nothing && (can.speaks_2_1 || !up) && !verification {
        return Err(no_credentials());
    }

    let extensions = GetPlan::read(auth, via, &request)?;
    let accounts = accounts(auth, &found);
    // Step 12: what has a display lets its user choose there.
    let choice = match &found {
        Found::Discovered(several) => shows_accounts(auth, via) && up && several.len() > 1,
        Found::Choice(_) => true,
        Found::Listed(_) | Found::Nothing => false,
    };
    let present = token.is_some_and(|token| auth.session.token(token.protocol).user_present(now));
    let rp_id = request.rp_id;
    let client_data_hash = request.client_data_hash;
    let asked = Box::new(Asked { via, rp_id_hash, client_data_hash, found, extensions, token, up });
    if nothing {
        // CTAP 2.0 §5.2: consent comes before the platform learns that there is nothing.
        let question = Question { purpose: Purpose::NothingToSignIn { rp_id }, verification };
        return Ok(Step::Ask(question, Continuation::GetAssertion(asked)));
    }

    // Steps 6, 9 and 12: one gesture gives presence, the choice of an account and, where a token did not,
    // verification. A silent request asks nobody, unless it wants verification all the same.
    if (up && !present) || verification || choice {
        let question = Question { purpose: Purpose::SignIn { rp_id, accounts, choice }, verification };
        Ok(Step::Ask(question, Continuation::GetAssertion(asked)))
    } else {
        Ok(Step::Proceed(Silent::GetAssertion(asked)))
    }
}

/// CTAP 2.1 §6.2.2 step 7. An empty allowList counts as none. credProtect level 3 shows itself only to a user who
/// is verified, level 2 also to who names the credential.
fn locate(auth: &Authenticator, via: Via, rp: &RpIdHash, allow_list: &[Descriptor], verified: bool) -> Found {
    if allow_list.is_empty() {
        let shows_itself = |credential: &&Credential| verified || credential.extensions.cred_protect < 2;
        let found = auth.memory.credentials().of_rp(rp).filter(shows_itself);
        let records: Vec<RecordId> = found.map(|credential| credential.record).collect();
        return if records.is_empty() { Found::Nothing } else { Found::Discovered(records) };
    }
    let shows_itself = |held: &Held| verified || auth.memory.cred_protect(held) < 3;
    let mut found =
        allow_list.iter().filter_map(|listed| auth.memory.find(rp, &listed.id)).filter(shows_itself);
    if via.link == Link::Hybrid {
        return on_a_phone(found);
    }
    found.next().map_or(Found::Nothing, Found::Listed)
}

/// Step 11 leaves it to the authenticator which credential of an allowList signs, and phones leave it to their user.
/// What lives in its own ID has no name to be shown under: it signs where nothing else does.
fn on_a_phone(found: impl Iterator<Item = Held>) -> Found {
    let (mut records, mut first) = (Vec::new(), None);
    for held in found {
        match &held {
            Held::Stored(record) if records.contains(record) => {}
            Held::Stored(record) => records.push(*record),
            Held::Sealed { .. } => {}
        }
        first.get_or_insert(held);
    }
    match (records.as_slice(), first) {
        ([only], _) => Found::Listed(Held::Stored(*only)),
        ([], None) => Found::Nothing,
        ([], Some(sealed)) => Found::Listed(sealed),
        _ => Found::Choice(records),
    }
}

/// The accounts that a prompt shows. Credentials that live in their own IDs have none.
fn accounts(auth: &Authenticator, found: &Found) -> Vec<UserEntity> {
    let records = match found {
        Found::Listed(Held::Stored(record)) => core::slice::from_ref(record),
        Found::Discovered(records) | Found::Choice(records) => records,
        Found::Nothing | Found::Listed(Held::Sealed { .. }) => &[],
    };
    let shown = records.iter().take(ACCOUNTS_SHOWN);
    shown.filter_map(|record| auth.memory.credentials().get(*record)).map(|c| c.user.clone()).collect()
}

/// Whether the user sees the accounts on the authenticator's own display, and not on the platform's. Where both are
/// one device there is one display, and it is the platform's. What is reached over hybrid is a phone, and over hybrid
/// there is no second account to be had.
fn shows_accounts(auth: &Authenticator, via: Via) -> bool {
    match via.link {
        Link::Internal => false,
        Link::Hybrid => true,
        Link::Usb | Link::Nfc => auth.capabilities.profile.display,
    }
}

fn no_credentials() -> CtapError {
    Status::NO_CREDENTIALS.because("CTAP 2.1 §6.2.2 step 7: no credential matches")
}

/// Step 9: declined, timed out and not verified look the same to the platform.
pub(crate) fn refused(refusal: Refusal) -> CtapError {
    Status::OPERATION_DENIED.because(match refusal {
        Refusal::Declined => "CTAP 2.1 §6.2.2 step 9: the user declined",
        Refusal::TimedOut => "CTAP 2.1 §6.2.2 step 9: the user did nothing in time",
        Refusal::NotVerified => "CTAP 2.1 §6.2.2 step 6: the user could not be verified",
    })
}

impl Asked {
    /// Signs, answers. `consent` is `None` where nobody was asked.
    pub(crate) fn resume(
        self,
        auth: &mut Authenticator,
        now: Instant,
        consent: Option<&Consent>,
    ) -> Result<Vec<u8>, CtapError> {
        let Self { via, rp_id_hash, client_data_hash, found, extensions, token, up } = self;

        // Steps 8 and 9: what was done. Built-in verification is presence too, even where none was asked for; of a
        // token's presence a silent request tells nothing, and does not use the token up.
        let by_token = match token {
            Some(token) => auth.vouched(now, token),
            None => Flags::default(),
        };
        if let (Some(token), true) = (token, up) {
            auth.spend(token);
        }
        let done = consent.map(Consent::flags).unwrap_or_default() | by_token;
        let touched = (up || consent.is_some()) && done.contains(Flags::UP);
        let flags = Flags::UP.when(touched) | Flags::UV.when(done.contains(Flags::UV));
        let listed = matches!(found, Found::Listed(_) | Found::Choice(_));
        let assertion = Assertion { rp_id_hash, client_data_hash, flags, extensions, listed };

        match found {
            Found::Nothing => Err(no_credentials()),
            // Step 11: an allowList gives one credential, and no count.
            Found::Listed(held) => assertion.sign(auth, held, Among::Nothing),
            // userSelected must not be there after an allowList (§6.2.2, 0x06).
            Found::Choice(records) => {
                let chosen = chosen(&records, consent)?;
                assertion.sign(auth, Held::Stored(chosen), Among::Nothing)
            }
            // Step 12: what has a display shows who signs in, were it one account alone. CTAP 2.0 has no such member
            // and passes over it (§6), so that phones that say FIDO_2_0 may have it: Chromium then does not ask again.
            Found::Discovered(records) if consent.is_some() && up && shows_accounts(auth, via) => {
                let chosen = chosen(&records, consent)?;
                assertion.sign(auth, Held::Stored(chosen), Among::Chosen)
            }
            // Step 12: otherwise several accounts are told one by one, the newest first.
            Found::Discovered(mut records) => {
                let count = records.len();
                records.reverse();
                let newest = records.pop().ok_or_else(no_credentials)?;
                let among = match count {
                    1 => Among::Nothing,
                    several => Among::Several(u64::try_from(several).unwrap_or(u64::MAX)),
                };
                let response = assertion.sign(auth, Held::Stored(newest), among)?;
                keep_remaining(auth, via, now, assertion, records);
                Ok(response)
            }
        }
    }
}

/// The record that the user chose of those that were shown.
fn chosen(records: &[RecordId], consent: Option<&Consent>) -> Result<RecordId, CtapError> {
    let account = consent.map_or(0, Consent::account);
    records.get(account).copied().ok_or_else(|| {
        Status::OPERATION_DENIED.because("CTAP 2.1 §6.2.2 step 12: no account that was shown was chosen")
    })
}

fn keep_remaining(
    auth: &mut Authenticator,
    via: Via,
    now: Instant,
    assertion: Assertion,
    records: Vec<RecordId>,
) {
    if !records.is_empty() {
        let rest = Rest::Assertions(Box::new(Remaining { assertion, records }));
        auth.sequence = Some(Sequence { via, expires: now + SEQUENCE, rest });
    }
}

impl Assertion {
    /// CTAP 2.1 §6.2.2 steps 10, 12 and 13.
    fn sign(&self, auth: &mut Authenticator, held: Held, among: Among) -> Result<Vec<u8>, CtapError> {
        let (id, key, user, kept, stored) = match held {
            Held::Sealed { id, credential } => {
                let kept = CredentialExtensions {
                    cred_protect: credential.cred_protect,
                    third_party_payment: credential.third_party_payment,
                    ..CredentialExtensions::default()
                };
                (id, credential.key, None, kept, None)
            }
            Held::Stored(record) => {
                let credential = auth.memory.credentials().get(record).ok_or_else(no_credentials)?.clone();
                let user = self.told(&credential.user);
                (
                    credential.id.clone(),
                    credential.key.clone(),
                    user,
                    credential.extensions.clone(),
                    Some(credential),
                )
            }
        };
        let facts = GetFacts {
            credential_id: &id,
            kept: &kept,
            uv: self.flags.contains(Flags::UV),
            up: self.flags.contains(Flags::UP),
            listed: self.listed,
            stored: stored.is_some(),
        };
        let got = self.extensions.run(auth, &facts)?;

        let count = auth.memory.next_count(auth.capabilities.profile.counter)?;
        let backup = auth.capabilities.profile.backup;
        let data = AuthenticatorData {
            rp_id_hash: self.rp_id_hash,
            flags: self.flags
                | Flags::BE.when(backup.eligible)
                | Flags::BS.when(backup.backed_up)
                | Flags::ED.when(got.signed.is_some()),
            sign_count: count.value,
            attested: None,
            extensions: got.signed,
        };
        let signed =
            auth.signer.sign(&key, &data, &self.client_data_hash).map_err(Authenticator::signer_failed)?;
        let response = GetAssertionResponse {
            credential: Some(Descriptor { id, transports: Vec::new() }),
            auth_data: signed.auth_data,
            signature: signed.signature,
            user,
            number_of_credentials: match among {
                Among::Several(count) => Some(count),
                Among::Nothing | Among::Chosen => None,
            },
            user_selected: matches!(among, Among::Chosen),
            large_blob_key: got.large_blob_key,
            unsigned_extension_outputs: got.unsigned,
        }
        .encode();
        let mut changes: Vec<Change> = count.reservation.into_iter().collect();
        if let (Some(extensions), Some(credential)) = (got.kept, stored) {
            changes.push(Change::PutCredential(Box::new(Credential { extensions, ..credential })));
        }
        auth.commit(&changes, Some(count.value))?;
        Ok(response)
    }

    /// CTAP 2.1 §6.2.2 step 12: names are told only of a user who was verified. An empty user handle, which
    /// CTAP 2.0 platforms could store, is not told at all.
    fn told(&self, user: &UserEntity) -> Option<UserEntity> {
        if user.id.is_empty() {
            None
        } else if self.flags.contains(Flags::UV) {
            Some(user.clone())
        } else {
            Some(UserEntity { id: user.id.clone(), name: None, display_name: None })
        }
    }
}

/// authenticatorGetNextAssertion, CTAP 2.1 §6.3: decides.
pub(crate) fn begin_next(auth: &Authenticator, via: Via, now: Instant) -> Result<Step, CtapError> {
    match auth.continues(via, now)? {
        Rest::Assertions(_) => Ok(Step::Proceed(Silent::GetNextAssertion)),
        _ => Err(Status::NOT_ALLOWED.because("CTAP 2.1 §6.3 step 1: no getAssertion has accounts left")),
    }
}

/// authenticatorGetNextAssertion: signs, answers, restarts the timer.
pub(crate) fn resume_next(auth: &mut Authenticator, now: Instant) -> Result<Vec<u8>, CtapError> {
    let Some(Sequence { via, rest: Rest::Assertions(remaining), .. }) = auth.sequence.take() else {
        return Err(no_credentials());
    };
    let Remaining { assertion, mut records } = *remaining;
    let record = records.pop().ok_or_else(no_credentials)?;
    let response = assertion.sign(auth, Held::Stored(record), Among::Nothing)?;
    keep_remaining(auth, via, now, assertion, records);
    Ok(response)
}
