//! authenticatorGetAssertion and authenticatorGetNextAssertion, CTAP 2.1 §6.2.2 and §6.3, cut where the user
//! is asked.
use crate::authenticator::{Authenticator, Continuation, Question, Silent, Step, Via};
use crate::credentials::{RpIdHash, rp_id_hash};
use crate::make_credential::without_pin_support;
use crate::memory::Held;
use crate::store::{Change, RecordId};
use crate::user::{Consent, Purpose, Refusal};
use alloc::{boxed::Box, vec::Vec};
use core::time::Duration;
use wire::ctap2::{Descriptor, GetAssertion, GetAssertionResponse, UserEntity};
use wire::status::{CtapError, Status};
use wire::time::Instant;
use wire::webauthn::{AuthenticatorData, Flags};

/// How long the next account may be asked for, CTAP 2.1 §6.3 step 3.
const NEXT_ASSERTION: Duration = Duration::from_secs(30);
/// How many accounts a prompt shows.
const ACCOUNTS_SHOWN: usize = 100;

/// What was decided before the user was asked.
pub(crate) struct Asked {
    via: Via,
    rp_id_hash: RpIdHash,
    client_data_hash: [u8; 32],
    found: Found,
    /// The `up` option: whether presence was asked for, and so may be told.
    up: bool,
}

/// What will sign.
enum Found {
    /// CTAP 2.0 says so only after a touch.
    Nothing,
    /// The first match of an allowList.
    Listed(Held),
    /// Discoverable credentials, newest first; never empty.
    Discovered(Vec<RecordId>),
}

/// Accounts that are still to be told, CTAP 2.1 §6.2.2 step 12.
pub(crate) struct Remaining {
    via: Via,
    assertion: Assertion,
    /// The next one stands at the end.
    records: Vec<RecordId>,
    expires: Instant,
}

/// What all assertions of one request have in common.
#[derive(Clone, Copy)]
struct Assertion {
    rp_id_hash: RpIdHash,
    client_data_hash: [u8; 32],
    flags: Flags,
}

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(auth: &Authenticator, via: Via, request: GetAssertion) -> Result<Step, CtapError> {
    let can = &auth.capabilities;

    // Steps 1 and 2: no PIN/UV auth protocol is supported yet.
    if let Some(param) = &request.pin_uv_auth_param {
        return without_pin_support(param, request.pin_uv_auth_protocol);
    }

    // Step 4: options.
    if request.uv == Some(true) && !can.built_in_verification() {
        return Err(
            Status::INVALID_OPTION.because("CTAP 2.1 §6.2.2 step 4: uv without built-in user verification")
        );
    }
    if request.rk.is_some() {
        return Err(Status::UNSUPPORTED_OPTION.because("CTAP 2.1 §6.2.2 step 4: rk has no meaning here"));
    }
    let up = request.up != Some(false);

    // Step 7: what can sign.
    if can.list_too_long(request.allow_list.len()) {
        return Err(Status::LIMIT_EXCEEDED
            .because("CTAP 2.1 §6.4: allowList is longer than maxCredentialCountInList"));
    }
    let rp_id_hash = rp_id_hash(&request.rp_id);
    let found = locate(auth, &rp_id_hash, &request.allow_list);
    let nothing = matches!(found, Found::Nothing);
    if nothing && (can.speaks_2_1 || !up) {
        return Err(no_credentials());
    }

    let rp_id = request.rp_id;
    let accounts = accounts(auth, &found);
    let asked = Box::new(Asked { via, rp_id_hash, client_data_hash: request.client_data_hash, found, up });
    if nothing {
        // CTAP 2.0 §5.2: consent comes before the platform learns that there is nothing.
        let question = Question::presence(Purpose::NothingToSignIn { rp_id });
        return Ok(Step::Ask(question, Continuation::GetAssertion(asked)));
    }

    // Steps 6 and 9: one gesture gives presence and, where asked for or always done, verification. A silent
    // request asks nobody, unless it wants verification all the same.
    let verification = if up { can.verifies(request.uv) } else { request.uv == Some(true) };
    if up || verification {
        let question = Question { purpose: Purpose::SignIn { rp_id, accounts }, verification };
        Ok(Step::Ask(question, Continuation::GetAssertion(asked)))
    } else {
        Ok(Step::Proceed(Silent::GetAssertion(asked)))
    }
}

/// CTAP 2.1 §6.2.2 step 7. An empty allowList counts as none.
fn locate(auth: &Authenticator, rp: &RpIdHash, allow_list: &[Descriptor]) -> Found {
    if allow_list.is_empty() {
        let records: Vec<RecordId> = auth.memory.credentials().records_of_rp(rp).collect();
        return if records.is_empty() { Found::Nothing } else { Found::Discovered(records) };
    }
    allow_list
        .iter()
        .find_map(|listed| auth.memory.find(rp, &listed.id))
        .map_or(Found::Nothing, Found::Listed)
}

/// The accounts that a prompt shows. Credentials that live in their own IDs have none.
fn accounts(auth: &Authenticator, found: &Found) -> Vec<UserEntity> {
    let records = match found {
        Found::Listed(Held::Stored(record)) => core::slice::from_ref(record),
        Found::Discovered(records) => records,
        Found::Nothing | Found::Listed(Held::Sealed { .. }) => &[],
    };
    let shown = records.iter().take(ACCOUNTS_SHOWN);
    shown.filter_map(|record| auth.memory.credentials().get(*record)).map(|c| c.user.clone()).collect()
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
        let Self { via, rp_id_hash, client_data_hash, found, up } = self;

        // Step 9: what was done, as far as it was asked for.
        let done = consent.map(Consent::flags).unwrap_or_default();
        let flags = Flags::UP.when(up && done.contains(Flags::UP)) | Flags::UV.when(done.contains(Flags::UV));
        let assertion = Assertion { rp_id_hash, client_data_hash, flags };

        match found {
            Found::Nothing => Err(no_credentials()),
            // Step 11: an allowList gives one credential, and no count.
            Found::Listed(held) => assertion.sign(auth, held, None),
            // Step 12: several accounts are told one by one, the newest first.
            Found::Discovered(mut records) => {
                let count = records.len();
                records.reverse();
                let newest = records.pop().ok_or_else(no_credentials)?;
                let total = (count > 1).then(|| u64::try_from(count).unwrap_or(u64::MAX));
                let response = assertion.sign(auth, Held::Stored(newest), total)?;
                if !records.is_empty() {
                    auth.remaining =
                        Some(Remaining { via, assertion, records, expires: now + NEXT_ASSERTION });
                }
                Ok(response)
            }
        }
    }
}

impl Assertion {
    /// CTAP 2.1 §6.2.2 steps 12 and 13.
    fn sign(
        self,
        auth: &mut Authenticator,
        held: Held,
        number_of_credentials: Option<u64>,
    ) -> Result<Vec<u8>, CtapError> {
        let count = auth.memory.next_count(auth.capabilities.profile.counter)?;
        let backup = auth.capabilities.profile.backup;
        let data = AuthenticatorData {
            rp_id_hash: self.rp_id_hash,
            flags: self.flags | Flags::BE.when(backup.eligible) | Flags::BS.when(backup.backed_up),
            sign_count: count.value,
            attested: None,
            extensions: None,
        };
        let (id, user, signed) = match held {
            Held::Sealed { id, key } => (id, None, auth.signer.sign(&key, &data, &self.client_data_hash)),
            Held::Stored(record) => {
                let credential = auth.memory.credentials().get(record).ok_or_else(no_credentials)?;
                let signed = auth.signer.sign(&credential.key, &data, &self.client_data_hash);
                (credential.id.clone(), self.told(&credential.user), signed)
            }
        };
        let signed = signed.map_err(Authenticator::signer_failed)?;
        let response = GetAssertionResponse {
            credential: Some(Descriptor { id, transports: Vec::new() }),
            auth_data: signed.auth_data,
            signature: signed.signature,
            user,
            number_of_credentials,
        }
        .encode();
        let changes: Vec<Change> = count.reservation.into_iter().collect();
        auth.commit(&changes, Some(count.value))?;
        Ok(response)
    }

    /// CTAP 2.1 §6.2.2 step 12: names are told only of a user who was verified. An empty user handle, which
    /// CTAP 2.0 platforms could store, is not told at all.
    fn told(self, user: &UserEntity) -> Option<UserEntity> {
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
    let refused = |why| Err(Status::NOT_ALLOWED.because(why));
    match &auth.remaining {
        None => refused("CTAP 2.1 §6.3 step 1: no getAssertion has accounts left"),
        Some(remaining) if remaining.via != via => {
            refused("CTAP 2.1 §6.3 step 1: the getAssertion came over another channel")
        }
        Some(remaining) if now > remaining.expires => {
            refused("CTAP 2.1 §6.3 step 3: more than 30 seconds since the last account")
        }
        Some(_) => Ok(Step::Proceed(Silent::GetNextAssertion)),
    }
}

/// authenticatorGetNextAssertion: signs, answers, restarts the timer.
pub(crate) fn resume_next(auth: &mut Authenticator, now: Instant) -> Result<Vec<u8>, CtapError> {
    let mut remaining = auth.remaining.take().ok_or_else(no_credentials)?;
    let record = remaining.records.pop().ok_or_else(no_credentials)?;
    let response = remaining.assertion.sign(auth, Held::Stored(record), None)?;
    if !remaining.records.is_empty() {
        auth.remaining = Some(Remaining { expires: now + NEXT_ASSERTION, ..remaining });
    }
    Ok(response)
}
