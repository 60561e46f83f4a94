//! authenticatorMakeCredential, CTAP 2.1 §6.1.2, cut where the user is asked.
use crate::authenticator::{Authenticator, Continuation, Question, Step};
use crate::credentials::{RpIdHash, rp_id_hash};
use crate::profile::Attestation;
use crate::sealed;
use crate::store::{Change, Credential, KeyPair, RecordId};
use crate::user::{Consent, Purpose, Refusal};
use alloc::{boxed::Box, string::ToString, vec::Vec};
use rand_core::Rng;
use wire::cbor::{self, Value};
use wire::cose::Algorithm;
use wire::ctap2::{Descriptor, MakeCredential, MakeCredentialResponse};
use wire::status::{CtapError, Status};
use wire::webauthn::{AttestedCredentialData, AuthenticatorData, Flags};

/// What was decided before the user was asked.
pub(crate) enum Asked {
    /// Every check passed; only the user is lacking.
    ToCreate(Box<Prepared>),
    /// A credential on the excludeList is here, which the platform may learn only from a user who is present.
    ToRefuse,
}

pub(crate) struct Prepared {
    request: MakeCredential,
    rp_id_hash: RpIdHash,
    algorithm: Algorithm,
}

/// Decides; changes nothing, as `&Authenticator` promises.
pub(crate) fn begin(auth: &Authenticator, request: MakeCredential) -> Result<Step, CtapError> {
    let can = &auth.capabilities;

    // Steps 1 and 2: no PIN/UV auth protocol is supported yet.
    if let Some(param) = &request.pin_uv_auth_param {
        return without_pin_support(param, request.pin_uv_auth_protocol);
    }

    // Step 3: the first algorithm that the platform lists and we have.
    let algorithm = can
        .choose(&request.algorithms)
        .ok_or(Status::UNSUPPORTED_ALGORITHM.because("CTAP 2.1 §6.1.2 step 3: no algorithm in common"))?;

    // Step 5: options.
    if request.uv == Some(true) && !can.built_in_verification() {
        return Err(
            Status::INVALID_OPTION.because("CTAP 2.1 §6.1.2 step 5: uv without built-in user verification")
        );
    }
    if request.rk == Some(true) && !can.discoverable() {
        return Err(
            Status::UNSUPPORTED_OPTION.because("CTAP 2.1 §6.1.2 step 5: rk without discoverable credentials")
        );
    }
    if request.up == Some(false) {
        return Err(Status::INVALID_OPTION.because("CTAP 2.1 §6.1.2 step 5: up is false"));
    }

    // Step 9: no profile has enterprise attestation yet.
    if request.enterprise_attestation.is_some() {
        return Err(Status::INVALID_PARAMETER
            .because("CTAP 2.1 §6.1.2 step 9: not capable of enterprise attestation"));
    }

    // Step 12: the excludeList, bound to this relying party.
    if can.list_too_long(request.exclude_list.len()) {
        return Err(Status::LIMIT_EXCEEDED
            .because("CTAP 2.1 §6.4: excludeList is longer than maxCredentialCountInList"));
    }
    let rp_id_hash = rp_id_hash(&request.rp.id);
    let is_here = |listed: &Descriptor| auth.memory.find(&rp_id_hash, &listed.id).is_some();
    if request.exclude_list.iter().any(is_here) {
        let purpose = Purpose::AlreadyRegistered { rp: request.rp };
        return Ok(Step::Ask(Question::presence(purpose), Continuation::MakeCredential(Asked::ToRefuse)));
    }

    // Steps 11, 13 and 14: one gesture gives presence and, where asked for or always done, verification.
    let question = Question {
        purpose: Purpose::Register { rp: request.rp.clone(), user: request.user.clone() },
        verification: can.verifies(request.uv),
    };
    let prepared = Box::new(Prepared { request, rp_id_hash, algorithm });
    Ok(Step::Ask(question, Continuation::MakeCredential(Asked::ToCreate(prepared))))
}

/// A pinUvAuthParam where there is no PIN: CTAP 2.1 §6.1.2 and §6.2.2 steps 1 and 2.
pub(crate) fn without_pin_support(param: &[u8], protocol: Option<i64>) -> Result<Step, CtapError> {
    if param.is_empty() {
        // CTAP 2.0 §5.1: platforms choose among authenticators by a touch that ends so.
        return Ok(Step::Ask(Question::presence(Purpose::Select), Continuation::TouchWithoutPin));
    }
    Err(match protocol {
        None => Status::MISSING_PARAMETER
            .because("CTAP 2.1 §6.1.2 step 2: pinUvAuthParam without pinUvAuthProtocol"),
        Some(_) => Status::INVALID_PARAMETER
            .because("CTAP 2.1 §6.1.2 step 2: this pinUvAuthProtocol is not supported"),
    })
}

/// Step 14: declined, timed out and not verified look the same to the platform.
pub(crate) fn refused(refusal: Refusal) -> CtapError {
    Status::OPERATION_DENIED.because(match refusal {
        Refusal::Declined => "CTAP 2.1 §6.1.2 step 14: the user declined",
        Refusal::TimedOut => "CTAP 2.1 §6.1.2 step 14: the user did nothing in time",
        Refusal::NotVerified => "CTAP 2.1 §6.1.2 step 11: the user could not be verified",
    })
}

impl Asked {
    pub(crate) fn resume(self, auth: &mut Authenticator, consent: &Consent) -> Result<Vec<u8>, CtapError> {
        match self {
            Self::ToCreate(prepared) => prepared.create(auth, consent),
            Self::ToRefuse => Err(Status::CREDENTIAL_EXCLUDED
                .because("CTAP 2.1 §6.1.2 step 12: a credential on the excludeList is here")),
        }
    }
}

impl Prepared {
    /// Makes, signs, commits, answers, in this order: nothing may fail after the commit.
    fn create(self, auth: &mut Authenticator, consent: &Consent) -> Result<Vec<u8>, CtapError> {
        let Self { request, rp_id_hash, algorithm } = self;
        let discoverable = request.rk == Some(true);

        // Step 18: an account has one discoverable credential at a relying party; a new one takes its place.
        let replaced = if discoverable {
            let replaced =
                auth.memory.credentials().of_user(&rp_id_hash, &request.user.id).map(|old| old.record);
            let room = auth.capabilities.profile.discoverable.unwrap_or(0);
            let held = u32::try_from(auth.memory.credentials().len()).unwrap_or(u32::MAX);
            if replaced.is_none() && held >= room {
                return Err(Status::KEY_STORE_FULL
                    .because("CTAP 2.1 §6.1.2 step 18: every discoverable slot is taken"));
            }
            replaced
        } else {
            None
        };

        // Step 17: the key pair and its ID.
        let key = auth.signer.generate(algorithm, &mut auth.rng).map_err(Authenticator::signer_failed)?;
        let id = if discoverable {
            sealed::discoverable_id(&mut auth.rng)
        } else {
            auth.memory
                .seal(&rp_id_hash, &key, &mut auth.rng)
                .ok_or(Status::OTHER.because("the credential could not be sealed into its ID"))?
        };

        // Step 19: attested credential data and the statement over it.
        let count = auth.memory.next_count(auth.capabilities.profile.counter)?;
        let backup = auth.capabilities.profile.backup;
        let data = AuthenticatorData {
            rp_id_hash,
            flags: consent.flags()
                | Flags::AT
                | Flags::BE.when(backup.eligible)
                | Flags::BS.when(backup.backed_up),
            sign_count: count.value,
            attested: Some(AttestedCredentialData {
                aaguid: auth.capabilities.profile.aaguid,
                credential_id: id.clone(),
                public_key: key.public.clone(),
            }),
            extensions: None,
        };
        let response = attest(auth, &key, &data, &request.client_data_hash)?;

        let mut changes: Vec<Change> = count.reservation.into_iter().collect();
        if discoverable {
            changes.extend(replaced.map(Change::DeleteCredential));
            let mut record = RecordId([0; 16]);
            auth.rng.fill_bytes(&mut record.0);
            let created = auth.memory.credentials().next_created();
            let credential = Credential { record, id, rp: request.rp, user: request.user, key, created };
            changes.push(Change::PutCredential(Box::new(credential)));
        }
        auth.commit(&changes, Some(count.value))?;
        Ok(response)
    }
}

/// The attestation statement, WebAuthn Level 3 §8.2 and §8.7, in a whole response.
fn attest(
    auth: &mut Authenticator,
    key: &KeyPair,
    data: &AuthenticatorData,
    client_data_hash: &[u8; 32],
) -> Result<Vec<u8>, CtapError> {
    let (fmt, auth_data, att_stmt) = match auth.capabilities.profile.attestation {
        Attestation::None => ("none", auth.signer.present(data), Value::Map(Vec::new())),
        Attestation::PackedSelf => {
            let signed =
                auth.signer.sign(key, data, client_data_hash).map_err(Authenticator::signer_failed)?;
            let statement = cbor::text_map([
                ("alg", Some(key.public.algorithm().0.into())),
                ("sig", Some(Value::Bytes(signed.signature))),
            ]);
            ("packed", signed.auth_data, statement)
        }
    };
    Ok(MakeCredentialResponse { fmt: fmt.to_string(), auth_data, att_stmt }.encode())
}
