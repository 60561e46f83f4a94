//! authenticatorCredentialManagement, CTAP 2.1 §6.8: what is stored, told one by one, deleted and renamed.
//!
//! CTAP 2.2 lets the persistent token read (subcommands 1 to 5) and nothing else.
use crate::authenticator::{Authenticator, Rest, SEQUENCE, Sequence, Silent, Step, Via};
use crate::credentials::rp_id_hash;
use crate::pin::Verified;
use crate::profile::Extension;
use crate::store::{Change, Credential, RecordId};
use alloc::{boxed::Box, collections::BTreeSet, string::String, vec::Vec};
use core::cmp::Reverse;
use wire::ctap2::credential_management::Subcommand;
use wire::ctap2::{CredentialManagement, CredentialManagementResponse, Descriptor, Permissions, UserEntity};
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// A subcommand, read and judged, that may write.
pub(crate) struct Command {
    /// What authorized it, where that has to be noted; the persistent token and the next of a sequence do not.
    token: Option<Verified>,
    action: Action,
}

/// What was decided.
enum Action {
    Count,
    FirstRelyingParty(RelyingParties),
    NextRelyingParty,
    FirstCredential(Credentials),
    NextCredential,
    Delete(RecordId),
    Update(Box<Credential>),
}

/// Relying parties that are still to be told: of each a credential, the next one at the end.
pub(crate) struct RelyingParties(Vec<RecordId>);

/// Credentials of one relying party that are still to be told, the next one at the end.
pub(crate) struct Credentials(Vec<RecordId>);

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(
    auth: &Authenticator,
    now: Instant,
    via: Via,
    request: CredentialManagement,
) -> Result<Step, CtapError> {
    let (token, action) = match request.subcommand {
        Subcommand::GET_CREDS_METADATA => (reads(auth, now, &request, &Scope::Everything)?, Action::Count),
        Subcommand::ENUMERATE_RPS_BEGIN => {
            let token = reads(auth, now, &request, &Scope::Everything)?;
            (token, Action::FirstRelyingParty(RelyingParties::all(auth)?))
        }
        Subcommand::ENUMERATE_CREDENTIALS_BEGIN => {
            let rp = request.rp_id_hash.as_ref().ok_or(missing("CTAP 2.1 §6.8.4: rpIDHash is absent"))?;
            let token = reads(auth, now, &request, &Scope::RelyingParty(*rp))?;
            (token, Action::FirstCredential(Credentials::of(auth, rp)?))
        }
        // The next of a sequence carries no proof: the channel and the timer are its proof.
        Subcommand::ENUMERATE_RPS_NEXT => match auth.continues(via, now)? {
            Rest::RelyingParties(_) => (None, Action::NextRelyingParty),
            _ => {
                return Err(
                    Status::NOT_ALLOWED.because("CTAP 2.1 §6.8.3: enumerateRPsBegin did not come before")
                );
            }
        },
        Subcommand::ENUMERATE_CREDENTIALS_NEXT => match auth.continues(via, now)? {
            Rest::Credentials(_) => (None, Action::NextCredential),
            _ => {
                let why = "CTAP 2.1 §6.8.4: enumerateCredentialsBegin did not come before";
                return Err(Status::NOT_ALLOWED.because(why));
            }
        },
        Subcommand::DELETE_CREDENTIAL => {
            let (token, credential) = writes(auth, now, &request)?;
            (Some(token), Action::Delete(credential.record))
        }
        // The preview command of FIDO_2_1_PRE ends before this one.
        Subcommand::UPDATE_USER_INFORMATION if auth.capabilities.profile.credential_management.standard => {
            let user = request.user.as_ref().ok_or(missing("CTAP 2.1 §6.8.6: user is absent"))?;
            let (token, credential) = writes(auth, now, &request)?;
            (Some(token), Action::Update(Box::new(renamed(credential, user)?)))
        }
        _ => return Err(Status::INVALID_SUBCOMMAND.because("CTAP 2.1 §6.8: unknown subcommand")),
    };
    Ok(Step::Proceed(Silent::CredentialManagement(Box::new(Command { token, action }))))
}

/// What a token must be good for.
enum Scope {
    Everything,
    RelyingParty([u8; 32]),
}

/// The authorization of a subcommand that reads: a token with cm, or the persistent one (CTAP 2.2 §6.8).
fn reads(
    auth: &Authenticator,
    now: Instant,
    request: &CredentialManagement,
    scope: &Scope,
) -> Result<Option<Verified>, CtapError> {
    let read_only = auth.capabilities.profile.credential_management.persistent_read_only;
    if let Some(param) = request.pin_uv_auth_param.as_deref().filter(|_| read_only) {
        let protocol = auth.protocol(request.protocol)?;
        if auth.is_persistent(protocol, &request.authenticated(), param) {
            return Ok(None);
        }
    }
    let token = verified(auth, now, request)?;
    in_scope(auth, token, scope)?;
    Ok(Some(token))
}

/// The authorization of a subcommand that writes, and the credential that it is about.
fn writes<'a>(
    auth: &'a Authenticator,
    now: Instant,
    request: &CredentialManagement,
) -> Result<(Verified, &'a Credential), CtapError> {
    let listed = request.credential.as_ref().ok_or(missing("CTAP 2.1 §6.8.5: credentialID is absent"))?;
    let token = verified(auth, now, request)?;
    let credential = auth.memory.credentials().by_id(&listed.id);
    let credential =
        credential.ok_or(Status::NO_CREDENTIALS.because("CTAP 2.1 §6.8.5: no such credential"))?;
    in_scope(auth, token, &Scope::RelyingParty(rp_id_hash(&credential.rp.id)))?;
    Ok((token, credential))
}

/// pinUvAuthParam is there, and made with a token that may manage credentials.
fn verified(
    auth: &Authenticator,
    now: Instant,
    request: &CredentialManagement,
) -> Result<Verified, CtapError> {
    let param = request.pin_uv_auth_param.as_deref();
    let param = param.ok_or(Status::PUAT_REQUIRED.because("CTAP 2.1 §6.8: pinUvAuthParam is absent"))?;
    let protocol = auth.protocol(request.protocol)?;
    let message = request.authenticated();
    if auth.capabilities.profile.pin_uv_auth_token {
        return auth.verify_token(now, protocol, &message, param, Permissions::CM);
    }
    // FIDO_2_1_PRE: tokens had no permissions yet, and whoever knew the PIN could manage credentials.
    auth.session.token(protocol).verify(now, protocol, &message, param)?;
    Ok(Verified { protocol })
}

/// A token that is bound to a relying party sees that one only.
fn in_scope(auth: &Authenticator, token: Verified, scope: &Scope) -> Result<(), CtapError> {
    let bound = auth.session.token(token.protocol).rp_id();
    let fits = match (bound, scope) {
        (None, _) => true,
        (Some(_), Scope::Everything) => false,
        (Some(rp_id), Scope::RelyingParty(rp)) => rp_id_hash(rp_id) == *rp,
    };
    if fits {
        Ok(())
    } else {
        Err(Status::PIN_AUTH_INVALID.because("CTAP 2.1 §6.8: the token is for one RP ID"))
    }
}

fn missing(why: &'static str) -> CtapError {
    Status::MISSING_PARAMETER.because(why)
}

/// CTAP 2.1 §6.8.6: the account keeps its handle; a name that is absent or empty is removed.
fn renamed(credential: &Credential, user: &UserEntity) -> Result<Credential, CtapError> {
    if user.id != credential.user.id {
        return Err(Status::INVALID_PARAMETER.because("CTAP 2.1 §6.8.6: user.id is not the credential's"));
    }
    let given = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    let user =
        UserEntity { id: user.id.clone(), name: given(&user.name), display_name: given(&user.display_name) };
    Ok(Credential { user, ..credential.clone() })
}

impl RelyingParties {
    /// Every relying party by its newest credential, the newest first.
    fn all(auth: &Authenticator) -> Result<Self, CtapError> {
        let mut newest: Vec<&Credential> = auth.memory.credentials().iter().collect();
        newest.sort_unstable_by_key(|credential| Reverse((credential.created, credential.record)));
        let mut seen = BTreeSet::new();
        newest.retain(|credential| seen.insert(credential.rp.id.as_str()));
        let records = newest.iter().rev().map(|credential| credential.record).collect();
        some(records, "CTAP 2.1 §6.8.3: no discoverable credential").map(Self)
    }
}

impl Credentials {
    /// The discoverable credentials of a relying party, newest first.
    fn of(auth: &Authenticator, rp: &[u8; 32]) -> Result<Self, CtapError> {
        let mut records: Vec<RecordId> = auth.memory.credentials().records_of_rp(rp).collect();
        records.reverse();
        some(records, "CTAP 2.1 §6.8.4: no discoverable credential of this relying party").map(Self)
    }
}

fn some(records: Vec<RecordId>, why: &'static str) -> Result<Vec<RecordId>, CtapError> {
    if records.is_empty() { Err(Status::NO_CREDENTIALS.because(why)) } else { Ok(records) }
}

/// Does what was decided.
pub(crate) fn resume(
    command: Command,
    auth: &mut Authenticator,
    now: Instant,
    via: Via,
) -> Result<Vec<u8>, CtapError> {
    if let Some(token) = command.token {
        auth.session.token_mut(token.protocol).used_for(None);
    }
    match command.action {
        Action::Count => Ok(count(auth).encode()),
        Action::FirstRelyingParty(rest) => {
            let total = Some(number(rest.0.len()));
            tell_relying_party(rest, total, auth, now, via)
        }
        Action::FirstCredential(rest) => {
            let total = Some(number(rest.0.len()));
            tell_credential(rest, total, auth, now, via)
        }
        Action::NextRelyingParty => match auth.sequence.take() {
            Some(Sequence { rest: Rest::RelyingParties(rest), .. }) => {
                tell_relying_party(rest, None, auth, now, via)
            }
            _ => Err(gone()),
        },
        Action::NextCredential => match auth.sequence.take() {
            Some(Sequence { rest: Rest::Credentials(rest), .. }) => {
                tell_credential(rest, None, auth, now, via)
            }
            _ => Err(gone()),
        },
        Action::Delete(record) => change(auth, Change::DeleteCredential(record)),
        Action::Update(credential) => change(auth, Change::PutCredential(credential)),
    }
}

/// getCredsMetadata, CTAP 2.1 §6.8.2.
fn count(auth: &Authenticator) -> CredentialManagementResponse {
    CredentialManagementResponse {
        existing: Some(number(auth.memory.credentials().len())),
        remaining: Some(auth.capabilities.room(&auth.memory)),
        ..CredentialManagementResponse::default()
    }
}

/// enumerateRPsBegin and enumerateRPsGetNextRP, CTAP 2.1 §6.8.3.
fn tell_relying_party(
    mut rest: RelyingParties,
    total_rps: Option<u64>,
    auth: &mut Authenticator,
    now: Instant,
    via: Via,
) -> Result<Vec<u8>, CtapError> {
    let credential =
        rest.0.pop().and_then(|record| auth.memory.credentials().get(record)).ok_or_else(gone)?;
    let response = CredentialManagementResponse {
        rp: Some(credential.rp.clone()),
        rp_id_hash: Some(rp_id_hash(&credential.rp.id)),
        total_rps,
        ..CredentialManagementResponse::default()
    };
    let rest = (!rest.0.is_empty()).then_some(Rest::RelyingParties(rest));
    auth.sequence = rest.map(|rest| Sequence { via, expires: now + SEQUENCE, rest });
    Ok(response.encode())
}

/// enumerateCredentialsBegin and enumerateCredentialsGetNextCredential, CTAP 2.1 §6.8.4.
fn tell_credential(
    mut rest: Credentials,
    total_credentials: Option<u64>,
    auth: &mut Authenticator,
    now: Instant,
    via: Via,
) -> Result<Vec<u8>, CtapError> {
    let credential =
        rest.0.pop().and_then(|record| auth.memory.credentials().get(record)).ok_or_else(gone)?;
    let can = &auth.capabilities;
    let kept = &credential.extensions;
    let response = CredentialManagementResponse {
        user: Some(credential.user.clone()),
        credential: Some(Descriptor { id: credential.id.clone(), transports: Vec::new() }),
        public_key: Some(credential.key.public.to_value()),
        total_credentials,
        cred_protect: can.extends(Extension::CredProtect).then(|| kept.cred_protect.into()),
        large_blob_key: kept.large_blob_key.as_ref().map(|key| key.to_vec()),
        third_party_payment: can.extends(Extension::ThirdPartyPayment).then_some(kept.third_party_payment),
        ..CredentialManagementResponse::default()
    };
    let rest = (!rest.0.is_empty()).then_some(Rest::Credentials(rest));
    auth.sequence = rest.map(|rest| Sequence { via, expires: now + SEQUENCE, rest });
    Ok(response.encode())
}

/// deleteCredential and updateUserInformation, CTAP 2.1 §6.8.5 and §6.8.6.
fn change(auth: &mut Authenticator, change: Change) -> Result<Vec<u8>, CtapError> {
    let mut changes = Vec::from([change]);
    auth.memory.renew_store_state(&auth.capabilities.profile, &mut changes, &mut auth.rng);
    auth.commit(&changes, None)?;
    Ok(Vec::from([Status::OK.0]))
}

fn gone() -> CtapError {
    Status::NOT_ALLOWED.because("CTAP 2.1 §6.8: there is nothing to go on with")
}

fn number(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
