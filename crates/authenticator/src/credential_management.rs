//! authenticatorCredentialManagement, CTAP 2.1 §6.8: what is stored, told one by one, deleted and renamed.
//!
//! CTAP 2.2 lets the persistent token read (subcommands 1 to 5) and nothing else.
use crate::authenticator::{Authenticator, Rest, SEQUENCE, Sequence, Silent, Step, Via};
use crate::credentials::rp_id_hash;
use crate::pin::{Protocol, TokenUse, Verified};
use crate::profile::Extension;
use crate::store::{Change, Credential, RecordId};
use alloc::{boxed::Box, collections::BTreeSet, string::String, vec::Vec};
use core::cmp::Reverse;
use wire::ctap2::credential_management::Subcommand;
use wire::ctap2::{CredentialManagement, CredentialManagementResponse, Descriptor, Permissions, UserEntity};
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// A subcommand, read and judged, that may write.
pub(crate) enum Command {
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
    used: &mut Option<TokenUse>,
) -> Result<Step, CtapError> {
    let command = match request.subcommand {
        // The next of a sequence carries no proof: the channel and the timer are its proof.
        Subcommand::ENUMERATE_RPS_NEXT => match auth.continues(via, now)? {
            Rest::RelyingParties(_) => Command::NextRelyingParty,
            _ => {
                return Err(
                    Status::NOT_ALLOWED.because("CTAP 2.1 §6.8.3: enumerateRPsBegin did not come before")
                );
            }
        },
        Subcommand::ENUMERATE_CREDENTIALS_NEXT => match auth.continues(via, now)? {
            Rest::Credentials(_) => Command::NextCredential,
            _ => {
                let why = "CTAP 2.1 §6.8.4: enumerateCredentialsBegin did not come before";
                return Err(Status::NOT_ALLOWED.because(why));
            }
        },
        // The preview command of FIDO_2_1_PRE ends before this one.
        Subcommand::UPDATE_USER_INFORMATION if !auth.capabilities.profile.credential_management.standard => {
            return Err(unknown());
        }
        _ => first(auth, now, &request, used)?,
    };
    Ok(Step::Proceed(Silent::CredentialManagement(Box::new(command))))
}

/// The subcommands that carry a proof. That it is absent is told before what else is, and what is absent before
/// what does not verify.
fn first(
    auth: &Authenticator,
    now: Instant,
    request: &CredentialManagement,
    used: &mut Option<TokenUse>,
) -> Result<Command, CtapError> {
    let subcommands = Subcommand::GET_CREDS_METADATA.0..=Subcommand::UPDATE_USER_INFORMATION.0;
    if !subcommands.contains(&request.subcommand.0) {
        return Err(unknown());
    }
    let param = request.pin_uv_auth_param.as_deref();
    let param = param.ok_or(Status::PUAT_REQUIRED.because("CTAP 2.1 §6.8: pinUvAuthParam is absent"))?;
    let proof = Proof { now, protocol: auth.protocol(request.protocol)?, param, request };
    match request.subcommand {
        Subcommand::GET_CREDS_METADATA => {
            proof.reads(auth, &Scope::Everything, used)?;
            Ok(Command::Count)
        }
        Subcommand::ENUMERATE_RPS_BEGIN => {
            proof.reads(auth, &Scope::Everything, used)?;
            RelyingParties::all(auth).map(Command::FirstRelyingParty)
        }
        Subcommand::ENUMERATE_CREDENTIALS_BEGIN => {
            let rp = request.rp_id_hash.as_ref().ok_or(missing("CTAP 2.1 §6.8.4: rpIDHash is absent"))?;
            proof.reads(auth, &Scope::RelyingParty(*rp), used)?;
            Credentials::of(auth, rp).map(Command::FirstCredential)
        }
        Subcommand::DELETE_CREDENTIAL => {
            let listed = request.credential.as_ref();
            let listed = listed.ok_or(missing("CTAP 2.1 §6.8.5: credentialID is absent"))?;
            Ok(Command::Delete(proof.writes(auth, listed, used)?.record))
        }
        _ => {
            let listed = request.credential.as_ref();
            let listed = listed.ok_or(missing("CTAP 2.1 §6.8.6: credentialID is absent"))?;
            let user = request.user.as_ref().ok_or(missing("CTAP 2.1 §6.8.6: user is absent"))?;
            let credential = proof.writes(auth, listed, used)?;
            Ok(Command::Update(Box::new(renamed(credential, user)?)))
        }
    }
}

/// What a token must be good for.
enum Scope {
    Everything,
    RelyingParty([u8; 32]),
}

/// The proof of a request, still to be verified.
struct Proof<'a> {
    now: Instant,
    protocol: Protocol,
    param: &'a [u8],
    request: &'a CredentialManagement,
}

impl Proof<'_> {
    /// The authorization of a subcommand that reads: a token with cm, or the persistent one (CTAP 2.2 §6.8).
    fn reads(
        &self,
        auth: &Authenticator,
        scope: &Scope,
        used: &mut Option<TokenUse>,
    ) -> Result<(), CtapError> {
        let read_only = auth.capabilities.profile.credential_management.persistent_read_only;
        if read_only && auth.is_persistent(self.protocol, &self.request.authenticated(), self.param) {
            return Ok(());
        }
        let token = self.verified(auth, used)?;
        in_scope(auth, token, scope)
    }

    /// The authorization of a subcommand that writes, and the credential that it is about.
    fn writes<'a>(
        &self,
        auth: &'a Authenticator,
        listed: &Descriptor,
        used: &mut Option<TokenUse>,
    ) -> Result<&'a Credential, CtapError> {
        let token = self.verified(auth, used)?;
        let credential = auth.memory.credentials().by_id(&listed.id);
        let credential =
            credential.ok_or(Status::NO_CREDENTIALS.because("CTAP 2.1 §6.8.5: no such credential"))?;
        in_scope(auth, token, &Scope::RelyingParty(rp_id_hash(&credential.rp.id)))?;
        Ok(credential)
    }

    /// It was made with a token that may manage credentials.
    fn verified(&self, auth: &Authenticator, used: &mut Option<TokenUse>) -> Result<Verified, CtapError> {
        let Self { now, protocol, param, request } = *self;
        let message = request.authenticated();
        let token = if auth.capabilities.profile.pin_uv_auth_token {
            auth.verify_token(now, protocol, &message, param, Permissions::CM)?
        } else {
            // FIDO_2_1_PRE: tokens had no permissions yet, and whoever knew the PIN could manage credentials.
            auth.session.token(protocol).verify(now, protocol, &message, param)?;
            Verified { protocol }
        };
        *used = Some(TokenUse::of(token));
        Ok(token)
    }
}

fn unknown() -> CtapError {
    Status::INVALID_SUBCOMMAND.because("CTAP 2.1 §6.8: unknown subcommand")
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
    match command {
        Command::Count => Ok(count(auth).encode()),
        Command::FirstRelyingParty(rest) => {
            let total = Some(number(rest.0.len()));
            tell_relying_party(rest, total, auth, now, via)
        }
        Command::FirstCredential(rest) => {
            let total = Some(number(rest.0.len()));
            tell_credential(rest, total, auth, now, via)
        }
        Command::NextRelyingParty => match auth.sequence.take() {
            Some(Sequence { rest: Rest::RelyingParties(rest), .. }) => {
                tell_relying_party(rest, None, auth, now, via)
            }
            _ => Err(gone()),
        },
        Command::NextCredential => match auth.sequence.take() {
            Some(Sequence { rest: Rest::Credentials(rest), .. }) => {
                tell_credential(rest, None, auth, now, via)
            }
            _ => Err(gone()),
        },
        Command::Delete(record) => change(auth, Change::DeleteCredential(record)),
        Command::Update(credential) => change(auth, Change::PutCredential(credential)),
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
