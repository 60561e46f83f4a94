//! Verifying an authentication assertion, WebAuthn L3 §7.2, from step 3 on.
use crate::credential::StoredCredential;
use crate::policy::{Counter, RelyingParty, UserVerification};
use crate::registration::{is_public_key, is_text_of};
use crate::rejection::{Ceremony, Rejection, Step, Steps, Verdict, ensure};
use crate::{authenticator_data, careless, client_data, extensions, signature};
use wire::cose::PublicKey;
use wire::ctap2::PUBLIC_KEY;
use wire::webauthn::json::{AuthenticationResponse, RequestOptions};
use wire::webauthn::{self, AuthenticatorData, Flags};

/// What a sign-in is measured by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationExpectation {
    /// The challenge that was issued. That it is fresh and used only once is for the caller to see to. Empty if none
    /// was: then nothing is accepted.
    pub challenge: Vec<u8>,
    /// Whether the user must be verified.
    pub user_verification: UserVerification,
    /// The IDs of the credentials that will do; any if empty.
    pub allowed: Vec<Vec<u8>>,
    /// The user handle of the account that was identified beforehand, by a name or a cookie. `None` if the
    /// passkey is to say whose it is.
    pub user_handle: Option<Vec<u8>>,
    /// The client extensions that were asked for.
    pub extensions: Vec<String>,
}

impl AuthenticationExpectation {
    /// The expectation that goes with these options, and with the account that was identified beforehand.
    pub fn of(options: &RequestOptions, user_handle: Option<&[u8]>) -> Self {
        let allowed = options.allow_credentials.iter().filter(|allowed| allowed.kind == PUBLIC_KEY);
        Self {
            challenge: options.challenge.0.clone(),
            user_verification: UserVerification::from_options(options.user_verification.as_deref()),
            allowed: allowed.map(|allowed| allowed.id.0.clone()).collect(),
            user_handle: user_handle.map(Into::into),
            extensions: options.extensions.keys().cloned().collect(),
        }
    }
}

/// A sign-in that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Authenticated {
    /// What to keep from now on, §7.2 step 24. `uv_initialized` stays as it was: raising it takes another
    /// factor, of which this crate knows nothing.
    pub credential: StoredCredential,
    /// The flags of the authenticator data.
    pub flags: Flags,
    /// The signature counter of the authenticator data.
    pub sign_count: u32,
    /// What is worth knowing although it was no reason to refuse.
    pub warnings: Vec<String>,
    /// Every check that was made, in order.
    pub passed: Vec<Step>,
}

impl RelyingParty {
    /// Verifies a sign-in, WebAuthn L3 §7.2 steps 3 to 24. `credential` is the record that the caller found by
    /// `response.raw_id`.
    ///
    /// # Errors
    /// The first step that refuses it.
    pub fn verify_authentication(
        &self,
        expected: &AuthenticationExpectation,
        response: &AuthenticationResponse,
        credential: &StoredCredential,
    ) -> Result<Authenticated, Rejection> {
        self.authenticate(&[], expected, response, credential)
    }

    /// Verifies a sign-in as a careless relying party would: without the checks in `left_out`. It is there so that
    /// whoever looks for careless relying parties can be tried against one of each kind; nothing that guards
    /// anything calls it.
    ///
    /// # Errors
    /// The first step that refuses it.
    #[cfg(any(test, feature = "careless"))]
    pub fn verify_authentication_without(
        &self,
        left_out: &[Step],
        expected: &AuthenticationExpectation,
        response: &AuthenticationResponse,
        credential: &StoredCredential,
    ) -> Result<Authenticated, Rejection> {
        self.authenticate(left_out, expected, response, credential)
    }

    fn authenticate(
        &self,
        left_out: &[Step],
        expected: &AuthenticationExpectation,
        response: &AuthenticationResponse,
        credential: &StoredCredential,
    ) -> Result<Authenticated, Rejection> {
        let mut steps = Steps::new(Ceremony::Authentication, left_out);
        steps.check(Step::CredentialType, is_public_key(&response.kind))?;
        steps.check(Step::CredentialId, is_text_of(&response.id, &response.raw_id.0))?;
        let id = &response.raw_id.0;
        steps.check(Step::AllowedCredential, is_allowed(id, &expected.allowed))?;
        let account = expected.user_handle.as_deref();
        steps.check(Step::CredentialRecord, is_record_of(credential, id, account))?;
        let told = response.response.user_handle.as_ref().map(|handle| handle.0.as_slice());
        steps.check(Step::UserHandle, user_handle(told, account, &credential.user_handle))?;
        // §7.2 step 7: cData, authData and sig
        let client_data_json = &response.response.client_data_json.0;
        let auth_data = &response.response.authenticator_data.0;
        let sig = &response.response.signature.0;
        let data = authenticator_data::read(auth_data);
        let data =
            steps.read_or(Step::AuthenticatorData, data, || careless::authenticator_data(auth_data))?;

        let text = steps.read_or(Step::ClientDataUtf8, client_data::utf8(client_data_json), || {
            Some(careless::text(client_data_json))
        })?;
        let client_data =
            steps.read_or(Step::ClientDataJson, client_data::json(&text), || careless::client_data(&text))?;
        steps.check(Step::Type, client_data::is_of_type(&client_data, webauthn::Ceremony::GET))?;
        steps.check(Step::Challenge, client_data::challenge(&client_data, &expected.challenge))?;
        steps.check(Step::Origin, client_data::origin(&client_data, &self.origins))?;
        steps.check(Step::CrossOrigin, client_data::cross_origin(&client_data, &self.top_origins))?;
        steps.check(Step::TopOrigin, client_data::top_origin(&client_data, &self.top_origins))?;

        steps.check(Step::RpIdHash, authenticator_data::rp_id_hash(&data, &self.id))?;
        steps.check(Step::AttestedCredentialData, nothing_attested(&data))?;
        steps.check(Step::UserPresent, authenticator_data::user_present(data.flags))?;
        let uv_required = expected.user_verification == UserVerification::Required;
        steps.check(Step::UserVerified, authenticator_data::user_verified(data.flags, uv_required))?;
        steps.check(Step::BackupState, authenticator_data::backup_state(data.flags))?;
        steps.check(Step::BackupEligibility, backup_eligibility(data.flags, credential.backup_eligible))?;
        steps.check(Step::DeviceBound, authenticator_data::device_bound(data.flags, self.device_bound))?;

        // §7.2 step 20
        let hash = signature::sha256(client_data_json);
        steps.check(Step::Signature, signature(&credential.public_key, auth_data, &hash, sig))?;
        let growth = counter_grew(data.sign_count, credential.sign_count);
        let zero = synced_counts_zero(data.sign_count, credential.backup_eligible);
        steps.check(Step::Counter, self.counter.judge(&growth, &zero))?;

        let policy = self.unsolicited_extensions;
        let by_client =
            extensions::unsolicited_by_client(&response.client_extension_results, &expected.extensions);
        steps.check(Step::ClientExtensions, extensions::only_solicited(policy, "client", &by_client))?;
        let by_authenticator =
            extensions::unsolicited_by_authenticator(data.extensions.as_ref(), &expected.extensions);
        let verdict = extensions::only_solicited(policy, "authenticator", &by_authenticator);
        steps.check(Step::AuthenticatorExtensions, verdict)?;

        let warnings = [
            growth.err(),
            authenticator_data::reserved_bits(data.flags),
            (!by_client.is_empty()).then(|| extensions::describe("client", &by_client)),
            (!by_authenticator.is_empty()).then(|| extensions::describe("authenticator", &by_authenticator)),
        ];
        Ok(Authenticated {
            credential: StoredCredential {
                sign_count: self.counter.remember(data.sign_count, credential.sign_count),
                backed_up: data.flags.contains(Flags::BS),
                ..credential.clone()
            },
            flags: data.flags,
            sign_count: data.sign_count,
            warnings: warnings.into_iter().flatten().collect(),
            passed: steps.passed(),
        })
    }
}

/// §7.2 step 5.
fn is_allowed(id: &[u8], allowed: &[Vec<u8>]) -> Verdict {
    ensure(allowed.is_empty() || allowed.iter().any(|allowed| allowed == id), || {
        "the credential is not one of those that were allowed".into()
    })
}

/// §7.2 step 6: the record is that of this credential, and the account that was identified has it.
fn is_record_of(record: &StoredCredential, id: &[u8], account: Option<&[u8]>) -> Verdict {
    ensure(record.id == id, || "the credential record is that of another credential".into())?;
    ensure(account.is_none_or(|account| account == record.user_handle), || {
        "the credential belongs to another account than the one that was identified".into()
    })
}

/// §7.2 step 6: a user handle must be there if nothing else says whose credential it is, and must be right.
fn user_handle(told: Option<&[u8]>, account: Option<&[u8]>, owner: &[u8]) -> Verdict {
    match told {
        None => ensure(account.is_some(), || {
            "there is no user handle, and no account was identified beforehand".into()
        }),
        Some(told) => {
            ensure(told == account.unwrap_or(owner), || "the user handle is that of another account".into())
        }
    }
}

/// §6.1: for assertion signatures, AT is not set.
fn nothing_attested(data: &AuthenticatorData) -> Verdict {
    ensure(data.attested.is_none(), || {
        format!("an assertion carries attested credential data ({})", data.flags)
    })
}

/// §7.2 step 19.1 and 19.2.
fn backup_eligibility(flags: Flags, at_registration: bool) -> Verdict {
    let now = flags.contains(Flags::BE);
    ensure(now == at_registration, || {
        format!("BE was {} at registration and is {} now", u8::from(at_registration), u8::from(now))
    })
}

/// §7.2 step 21.
fn signature(key: &PublicKey, auth_data: &[u8], client_data_hash: &[u8; 32], sig: &[u8]) -> Verdict {
    ensure(signature::verifies(key, auth_data, client_data_hash, sig), || {
        "the signature does not verify with the credential's public key".into()
    })
}

/// §7.2 step 22: nothing to compare if both are zero.
fn counter_grew(now: u32, stored: u32) -> Verdict {
    ensure((now, stored) == (0, 0) || now > stored, || {
        format!("the signature counter is {now} and was {stored}: the authenticator may have been cloned")
    })
}

/// No step of §7.2: copies of a credential cannot count together, so a counter of theirs tells nothing.
fn synced_counts_zero(now: u32, synced: bool) -> Verdict {
    ensure(!synced || now == 0, || {
        format!("the signature counter is {now}, and that of a synced passkey must be 0 here")
    })
}

impl Counter {
    /// What follows from the counter's growth, or lack of it, and from a synced passkey's being zero, or not.
    fn judge(self, growth: &Verdict, zero: &Verdict) -> Verdict {
        match self {
            Self::Ignore => Ok(()),
            Self::W3c => growth.clone(),
            Self::Entra2026 => growth.clone().and_then(|()| zero.clone()),
        }
    }

    /// §7.2 step 24.1: the counter to keep.
    const fn remember(self, now: u32, stored: u32) -> u32 {
        match self {
            Self::Ignore => stored,
            Self::W3c | Self::Entra2026 => now,
        }
    }
}
