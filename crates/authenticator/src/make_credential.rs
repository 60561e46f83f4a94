//! authenticatorMakeCredential, CTAP 2.1 §6.1.2, cut where the user is asked.
use crate::attestation;
use crate::authenticator::{Authenticator, Continuation, Question, Silent, Step, Via};
use crate::credentials::{RpIdHash, rp_id_hash};
use crate::extensions::{MakeFacts, MakePlan};
use crate::pin::{TokenUse, Verified};
use crate::profile::Profile;
use crate::sealed::{self, Sealed};
use crate::signer::Signer;
use crate::store::{Change, Credential, RecordId};
use crate::user::{Consent, Purpose, Refusal};
use alloc::{boxed::Box, vec::Vec};
use rand_core::Rng;
use wire::cose::Algorithm;
use wire::ctap2::{Descriptor, MakeCredential, Permissions};
use wire::status::{CtapError, Status};
use wire::time::Instant;
use wire::webauthn::{AttestedCredentialData, AuthenticatorData, Flags};

/// What was decided before the user was asked.
pub(crate) enum Asked {
    /// Every check passed; only the user is lacking.
    ToCreate(Box<Prepared>),
    /// A credential on the excludeList is here, which the platform learns after the user was asked: from CTAP 2.1
    /// on whatever came of a touch, before it only from a user who is present.
    ToRefuse { whatever_comes: bool },
}

pub(crate) struct Prepared {
    request: MakeCredential,
    rp_id_hash: RpIdHash,
    algorithm: Algorithm,
    extensions: MakePlan,
    token: Option<Verified>,
}

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(
    auth: &Authenticator,
    now: Instant,
    via: Via,
    request: MakeCredential,
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

    // Step 3: the first algorithm that the platform lists and we have.
    let algorithm = can
        .choose(&request.algorithms)
        .ok_or(Status::UNSUPPORTED_ALGORITHM.because("CTAP 2.1 §6.1.2 step 3: no algorithm in common"))?;

    // Step 5: options. With a pinUvAuthParam, uv counts as false.
    let mut uv = param.is_none() && request.uv == Some(true);
    let rk = request.rk == Some(true);
    if uv && can.uv(state) != Some(true) {
        let why = "CTAP 2.1 §6.1.2 step 5: uv without built-in user verification that is set up";
        return Err(Status::INVALID_OPTION.because(why));
    }
    if rk && !can.discoverable() {
        let why = "CTAP 2.1 §6.1.2 step 5: rk without discoverable credentials";
        return Err(Status::UNSUPPORTED_OPTION.because(why));
    }
    if request.up == Some(false) {
        return Err(Status::INVALID_OPTION.because("CTAP 2.1 §6.1.2 step 5: up is false"));
    }

    // Step 6: alwaysUv. Where nothing is set up that verifies, no pinUvAuthParam can help.
    if can.always_uv(state) {
        if !auth.is_protected() {
            return Err(auth
                .token_needed("CTAP 2.1 §6.1.2 step 6: alwaysUv is on and nothing is set up to verify by"));
        }
        if param.is_none() && !uv {
            if !auth.uv_is_configured() {
                let why = "CTAP 2.1 §6.1.2 step 6: alwaysUv is on and no pinUvAuthParam was sent";
                return Err(auth.token_needed(why));
            }
            uv = true;
        }
    }

    // Steps 7, 8 and 10: who is protected verifies its user, but for non-discoverable credentials where
    // makeCredUvNotRqd says so. CTAP 2.0 §5.1 counted only a PIN as protection.
    let guarded = if can.speaks_2_1 { auth.is_protected() } else { state.verification.pin.is_some() };
    let verified_anyway = can.verifies(uv);
    if guarded && param.is_none() && !verified_anyway && (rk || !can.make_cred_uv_not_rqd(state)) {
        return Err(
            auth.token_needed("CTAP 2.1 §6.1.2 steps 7 and 8: this credential needs user verification")
        );
    }

    // Step 9: enterprise attestation.
    if let Some(kind) = request.enterprise_attestation {
        if can.profile.enterprise.is_none() || !state.settings.enterprise_attestation {
            let why = "CTAP 2.1 §6.1.2 step 9: enterprise attestation is not there, or not enabled";
            return Err(Status::INVALID_PARAMETER.because(why));
        }
        if !(1..=2).contains(&kind) {
            return Err(
                Status::INVALID_OPTION.because("CTAP 2.1 §6.1.2 step 9: enterpriseAttestation is 1 or 2")
            );
        }
    }

    // Step 11: the token.
    let token = match param {
        Some((protocol, param)) => {
            let token =
                auth.verify_token(now, protocol, &request.client_data_hash, param, Permissions::MC)?;
            auth.token_is_for(token, &request.rp.id)?;
            *used = Some(TokenUse::on(token, &request.rp.id));
            Some(token)
        }
        None => None,
    };
    let verified = token.is_some() || verified_anyway;

    // Step 12: the excludeList, bound to this relying party. A credential of credProtect level 3 shows itself
    // only to a user who is verified.
    if can.list_too_long(via.link, request.exclude_list.len()) {
        let why = "CTAP 2.1 §6.4: excludeList is longer than maxCredentialCountInList";
        return Err(Status::LIMIT_EXCEEDED.because(why));
    }
    let rp_id_hash = rp_id_hash(&request.rp.id);
    let shows_itself = |listed: &Descriptor| {
        let found = auth.memory.find(&rp_id_hash, &listed.id);
        found.is_some_and(|held| verified || auth.memory.cred_protect(&held) != 3)
    };
    let present = token.is_some_and(|token| auth.session.token(token.protocol).user_present(now));
    if request.exclude_list.iter().any(shows_itself) {
        if present {
            return Err(excluded());
        }
        // Verification that was counted on must be had before a credential of level 3 shows itself.
        let verification = token.is_none() && verified_anyway;
        let asked = Asked::ToRefuse { whatever_comes: can.speaks_2_1 && !verification };
        let question = Question { purpose: Purpose::AlreadyRegistered { rp: request.rp }, verification };
        return Ok(Step::Ask(question, Continuation::MakeCredential(asked)));
    }

    let extensions = MakePlan::read(auth, via, &request)?;

    // Steps 13 and 14: one gesture gives presence and, where a token did not, verification.
    let question = Question {
        purpose: Purpose::Register { rp: request.rp.clone(), user: request.user.clone() },
        verification: token.is_none() && verified_anyway,
    };
    let asked = Asked::ToCreate(Box::new(Prepared { request, rp_id_hash, algorithm, extensions, token }));
    if present {
        return Ok(Step::Proceed(Silent::MakeCredential(asked)));
    }
    Ok(Step::Ask(question, Continuation::MakeCredential(asked)))
}

fn excluded() -> CtapError {
    Status::CREDENTIAL_EXCLUDED.because("CTAP 2.1 §6.1.2 step 12: a credential on the excludeList is here")
}

impl Asked {
    /// Steps 12 and 14: declined, timed out and not verified look the same to the platform.
    pub(crate) fn refused(&self, refusal: Refusal) -> CtapError {
        if matches!(self, Self::ToRefuse { whatever_comes: true }) {
            return excluded();
        }
        Status::OPERATION_DENIED.because(match refusal {
            Refusal::Declined => "CTAP 2.1 §6.1.2 step 14: the user declined",
            Refusal::TimedOut => "CTAP 2.1 §6.1.2 step 14: the user did nothing in time",
            Refusal::NotVerified => "CTAP 2.1 §6.1.2 step 11: the user could not be verified",
        })
    }

    /// Whether a platform should hear of it before the key is made.
    pub(crate) fn is_slow(&self, profile: &Profile, signer: &dyn Signer) -> bool {
        let Self::ToCreate(prepared) = self else { return false };
        let Prepared { algorithm, request, .. } = &**prepared;
        signer.is_slow(*algorithm) || attestation::is_slow(profile, *algorithm, request, signer)
    }

    /// `consent` is `None` where the token vouches for presence: its user touched for it.
    pub(crate) fn resume(
        self,
        auth: &mut Authenticator,
        now: Instant,
        consent: Option<&Consent>,
    ) -> Result<Vec<u8>, CtapError> {
        match self {
            Self::ToCreate(prepared) => prepared.create(auth, now, consent),
            // Step 12 clears no flag and no permission of a token.
            Self::ToRefuse { .. } => Err(excluded()),
        }
    }
}

impl Prepared {
    /// Makes, signs, commits, answers, in this order: nothing may fail after the commit.
    fn create(
        self,
        auth: &mut Authenticator,
        now: Instant,
        consent: Option<&Consent>,
    ) -> Result<Vec<u8>, CtapError> {
        let Self { request, rp_id_hash, algorithm, extensions, token } = self;
        let discoverable = request.rk == Some(true);

        // Steps 4, 11 and 14: what was done.
        let by_token = match token {
            Some(token) => auth.vouched(now, token),
            None => Flags::default(),
        };
        let done = consent.map(Consent::flags).unwrap_or_default() | by_token;
        if let Some(token) = token {
            auth.spend(token);
        }

        // Step 18: an account has one discoverable credential at a relying party; a new one takes its place.
        let replaced = if discoverable {
            let replaced =
                auth.memory.credentials().of_user(&rp_id_hash, &request.user.id).map(|old| old.record);
            if replaced.is_none() && auth.capabilities.room(&auth.memory) == 0 {
                let why = "CTAP 2.1 §6.1.2 step 18: every discoverable slot is taken";
                return Err(Status::KEY_STORE_FULL.because(why));
            }
            replaced
        } else {
            None
        };

        // Steps 15 to 17: the key pair, what extensions make of it, and its ID.
        let key = auth.signer.generate(algorithm, &mut auth.rng).map_err(Authenticator::signer_failed)?;
        let uv = done.contains(Flags::UV);
        let sealed = extensions.sealed();
        let id = if discoverable {
            sealed::discoverable_id(&mut auth.rng)
        } else {
            let credential = Sealed {
                key: key.clone(),
                cred_protect: sealed.cred_protect,
                third_party_payment: sealed.third_party_payment,
            };
            auth.memory
                .seal(&rp_id_hash, &credential, &mut auth.rng)
                .ok_or(Status::OTHER.because("the credential could not be sealed into its ID"))?
        };
        let facts = MakeFacts { credential_id: &id, rp_id: &request.rp.id, discoverable, uv };
        let made = extensions.run(auth, &facts)?;

        // Step 19: attested credential data and the statement over it.
        let count = auth.memory.next_count(auth.capabilities.profile.counter)?;
        let backup = auth.capabilities.profile.backup;
        let data = AuthenticatorData {
            rp_id_hash,
            flags: done
                | Flags::AT
                | Flags::BE.when(backup.eligible)
                | Flags::BS.when(backup.backed_up)
                | Flags::ED.when(made.signed.is_some()),
            sign_count: count.value,
            attested: Some(AttestedCredentialData {
                aaguid: auth.capabilities.profile.aaguid,
                credential_id: id.clone(),
                public_key: key.public.clone(),
            }),
            extensions: made.signed,
        };
        let mut response = attestation::attest(auth, &key, data, &request)?;
        response.large_blob_key = made.kept.large_blob_key.as_ref().map(|key| key.to_vec());
        response.unsigned_extension_outputs = made.unsigned;
        let response = response.encode();

        let mut changes: Vec<Change> = count.reservation.into_iter().collect();
        if discoverable {
            changes.extend(replaced.map(Change::DeleteCredential));
            let mut record = RecordId([0; 16]);
            auth.rng.fill_bytes(&mut record.0);
            let created = auth.memory.credentials().next_created();
            let extensions = made.kept;
            let credential =
                Credential { record, id, rp: request.rp, user: request.user, key, created, extensions };
            changes.push(Change::PutCredential(Box::new(credential)));
            auth.memory.renew_store_state(&auth.capabilities.profile, &mut changes, &mut auth.rng);
        }
        auth.commit(&changes, Some(count.value))?;
        Ok(response)
    }
}
