//! Why a ceremony was refused, by the step that refused it.
use serde::Serialize;

/// Which of the two ceremonies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Ceremony {
    /// WebAuthn Level 3 §7.1.
    Registration,
    /// WebAuthn Level 3 §7.2.
    Authentication,
}

/// One check. Most exist in both ceremonies; [`Step::cite`] says where each stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// `type` is `public-key`.
    CredentialType,
    /// `id` is the base64url text of `rawId`.
    CredentialId,
    /// `allowCredentials` lists the credential, or is empty.
    AllowedCredential,
    /// The credential record is that of this credential, and of the account that was identified beforehand.
    CredentialRecord,
    /// The user handle is there where it must be, and is the account's.
    UserHandle,
    /// The client data is UTF-8 text.
    ClientDataUtf8,
    /// The client data is a JSON object with the members that WebAuthn gives it.
    ClientDataJson,
    /// The client data's `type` names this ceremony.
    Type,
    /// The client data's `challenge` is the one that was issued.
    Challenge,
    /// The client data's `origin` is one of ours.
    Origin,
    /// `crossOrigin` is true only where embedding is expected.
    CrossOrigin,
    /// `topOrigin` names a page that may embed ours.
    TopOrigin,
    /// The attestation object is canonical CBOR with its three members.
    AttestationObject,
    /// The authenticator data is well formed and ends where its flags say.
    AuthenticatorData,
    /// Attested credential data stands in a registration and nowhere else.
    AttestedCredentialData,
    /// The members of the JSON response that repeat the attestation object agree with it.
    Conveniences,
    /// The RP ID hash is that of our RP ID.
    RpIdHash,
    /// UP is set.
    UserPresent,
    /// UV is set where it is required.
    UserVerified,
    /// BS is not set without BE.
    BackupState,
    /// BE is what it was at registration.
    BackupEligibility,
    /// BE is not set where only device-bound credentials are wanted.
    DeviceBound,
    /// The public key's algorithm was offered.
    Algorithm,
    /// The public key is a COSE key without members that WebAuthn does not give it.
    CoseKey,
    /// The public key is a point of its curve.
    Curve,
    /// The attestation statement format is one that we can verify, or whose name is enough.
    Format,
    /// The attestation statement has the shape of its format.
    AttestationStatement,
    /// The certificates in the statement are X.509 certificates.
    AttestationCertificates,
    /// The key that attests is for the algorithm that the statement names, or that its format has.
    AttestationAlgorithm,
    /// The attestation signature verifies.
    AttestationSignature,
    /// What was attested was asked for in this ceremony: `extraData` of a TPM, `attestationChallenge` of an Android key,
    /// the nonces of SafetyNet and of Apple.
    AttestationNonce,
    /// The key that was attested, by a TPM, by Android or by Apple, is the credential public key.
    AttestationKey,
    /// `magic` says that a TPM made it.
    TpmMagic,
    /// `type` says that a TPM certified a key.
    TpmType,
    /// The name of what the TPM certified is that of the public area in the statement.
    TpmName,
    /// An Android key is not for all applications.
    AndroidKeyScope,
    /// It was generated where it is.
    AndroidKeyOrigin,
    /// It is for signing alone.
    AndroidKeyPurpose,
    /// SafetyNet's certificate is the service's.
    SafetyNetService,
    /// SafetyNet says that the device passed Android's compatibility tests. Level 1 asks for it by name; later editions
    /// leave to SafetyNet's documentation what must be looked at, which leaves the verdict to its caller.
    SafetyNetIntegrity,
    /// SafetyNet said so just now.
    SafetyNetTime,
    /// The attestation certificate has version 3.
    CertificateVersion,
    /// Its subject has C, O, OU and CN as they must be; that of a TPM's attestation key is empty.
    CertificateSubject,
    /// It names the TPM.
    CertificateAlternativeName,
    /// Its key is for signing, if it says what for (RFC 5280 §4.2.1.3, which §8 does not ask for); that of a TPM is for
    /// attestation.
    CertificateKeyUsage,
    /// It is no certificate of a certification authority.
    CertificateConstraints,
    /// If it names a model, it is the one in the authenticator data.
    CertificateModel,
    /// It tells the one device apart only where enterprise attestation was asked for.
    CertificateDevice,
    /// There are trust anchors for the chain, if there is a chain that must be trusted.
    TrustAnchors,
    /// The chain leads to a trust anchor, and every signature in it verifies; or it need not be trusted.
    AttestationChain,
    /// Every certificate of it is valid now; or it need not be trusted.
    CertificateValidity,
    /// The type of attestation is acceptable.
    AttestationTrust,
    /// The credential ID has at most 1023 bytes.
    CredentialIdLength,
    /// The credential is not registered yet, for any user.
    Unregistered,
    /// `rawId` is the credential ID that the authenticator data attests.
    AttestedCredentialId,
    /// The assertion signature verifies.
    Signature,
    /// The signature counter grew, or both sides of the comparison are zero; and a synced passkey's is zero, where
    /// that is the policy.
    Counter,
    /// The client answered no extension that was not asked for.
    ClientExtensions,
    /// The authenticator answered no extension that was not asked for.
    AuthenticatorExtensions,
}

/// §7.1 in its order. Checks that the section takes for granted cite the section that demands them.
const REGISTRATION: &[(Step, &str)] = &[
    (Step::CredentialType, "WebAuthn L3 §5.1 (type)"),
    (Step::CredentialId, "WebAuthn L3 §5.1 (id)"),
    (Step::ClientDataUtf8, "WebAuthn L3 §7.1 step 5"),
    (Step::ClientDataJson, "WebAuthn L3 §7.1 step 6"),
    (Step::Type, "WebAuthn L3 §7.1 step 7"),
    (Step::Challenge, "WebAuthn L3 §7.1 step 8"),
    (Step::Origin, "WebAuthn L3 §7.1 step 9"),
    (Step::CrossOrigin, "WebAuthn L3 §7.1 step 10"),
    (Step::TopOrigin, "WebAuthn L3 §7.1 step 11"),
    (Step::AttestationObject, "WebAuthn L3 §7.1 step 13"),
    (Step::AuthenticatorData, "WebAuthn L3 §7.1 step 13"),
    (Step::AttestedCredentialData, "WebAuthn L3 §6.1 (AT)"),
    (Step::Conveniences, "WebAuthn L3 §5.2.1.1"),
    (Step::RpIdHash, "WebAuthn L3 §7.1 step 14"),
    (Step::UserPresent, "WebAuthn L3 §7.1 step 15"),
    (Step::UserVerified, "WebAuthn L3 §7.1 step 16"),
    (Step::BackupState, "WebAuthn L3 §7.1 step 17"),
    (Step::DeviceBound, "WebAuthn L3 §7.1 step 18"),
    (Step::Algorithm, "WebAuthn L3 §7.1 step 20"),
    (Step::CoseKey, "WebAuthn L3 §6.5.1 (credentialPublicKey)"),
    (Step::Curve, "WebAuthn L3 §5.8.5"),
    (Step::Format, "WebAuthn L3 §7.1 step 21"),
    (Step::AttestationStatement, "WebAuthn L3 §7.1 step 22"),
    (Step::AttestationCertificates, "WebAuthn L3 §8.2 (x5c)"),
    (Step::AttestationAlgorithm, "WebAuthn L3 §7.1 step 22"),
    (Step::AttestationSignature, "WebAuthn L3 §7.1 step 22"),
    (Step::AttestationNonce, "WebAuthn L3 §7.1 step 22"),
    (Step::AttestationKey, "WebAuthn L3 §7.1 step 22"),
    (Step::TpmMagic, "WebAuthn L3 §8.3 (magic)"),
    (Step::TpmType, "WebAuthn L3 §8.3 (type)"),
    (Step::TpmName, "WebAuthn L3 §8.3 (attested)"),
    (Step::AndroidKeyScope, "WebAuthn L3 §8.4 (allApplications)"),
    (Step::AndroidKeyOrigin, "WebAuthn L3 §8.4 (origin)"),
    (Step::AndroidKeyPurpose, "WebAuthn L3 §8.4 (purpose)"),
    (Step::SafetyNetService, "WebAuthn L3 §8.5 (service)"),
    (Step::SafetyNetIntegrity, "WebAuthn L1 §8.5 (ctsProfileMatch)"),
    (Step::SafetyNetTime, "WebAuthn L3 §8.5 (SafetyNet's documentation, timestampMs)"),
    (Step::CertificateVersion, "WebAuthn L3 §8.2.1 (version)"),
    (Step::CertificateSubject, "WebAuthn L3 §8.2.1 (subject)"),
    (Step::CertificateAlternativeName, "WebAuthn L3 §8.3.1 (subject alternative name)"),
    (Step::CertificateKeyUsage, "WebAuthn L3 §8.3.1 (extended key usage)"),
    (Step::CertificateConstraints, "WebAuthn L3 §8.2.1 (basic constraints)"),
    (Step::CertificateModel, "WebAuthn L3 §8.2 (id-fido-gen-ce-aaguid)"),
    (Step::CertificateDevice, "WebAuthn L3 §8.2.2 (id-fido-gen-ce-sernum)"),
    (Step::TrustAnchors, "WebAuthn L3 §7.1 step 23"),
    (Step::AttestationChain, "WebAuthn L3 §7.1 step 24"),
    (Step::CertificateValidity, "WebAuthn L3 §7.1 step 24"),
    (Step::AttestationTrust, "WebAuthn L3 §7.1 step 24"),
    (Step::CredentialIdLength, "WebAuthn L3 §7.1 step 25"),
    (Step::Unregistered, "WebAuthn L3 §7.1 step 26"),
    (Step::AttestedCredentialId, "WebAuthn L3 §7.1 step 27"),
    (Step::ClientExtensions, "WebAuthn L3 §7.1 step 28"),
    (Step::AuthenticatorExtensions, "WebAuthn L3 §7.1 step 28"),
];

/// §7.2 in its order.
const AUTHENTICATION: &[(Step, &str)] = &[
    (Step::CredentialType, "WebAuthn L3 §5.1 (type)"),
    (Step::CredentialId, "WebAuthn L3 §5.1 (id)"),
    (Step::AllowedCredential, "WebAuthn L3 §7.2 step 5"),
    (Step::CredentialRecord, "WebAuthn L3 §7.2 step 6"),
    (Step::UserHandle, "WebAuthn L3 §7.2 step 6"),
    (Step::AuthenticatorData, "WebAuthn L3 §7.2 step 7"),
    (Step::ClientDataUtf8, "WebAuthn L3 §7.2 step 8"),
    (Step::ClientDataJson, "WebAuthn L3 §7.2 step 9"),
    (Step::Type, "WebAuthn L3 §7.2 step 10"),
    (Step::Challenge, "WebAuthn L3 §7.2 step 11"),
    (Step::Origin, "WebAuthn L3 §7.2 step 12"),
    (Step::CrossOrigin, "WebAuthn L3 §7.2 step 13"),
    (Step::TopOrigin, "WebAuthn L3 §7.2 step 14"),
    (Step::RpIdHash, "WebAuthn L3 §7.2 step 15"),
    (Step::AttestedCredentialData, "WebAuthn L3 §6.1 (AT)"),
    (Step::UserPresent, "WebAuthn L3 §7.2 step 16"),
    (Step::UserVerified, "WebAuthn L3 §7.2 step 17"),
    (Step::BackupState, "WebAuthn L3 §7.2 step 18"),
    (Step::BackupEligibility, "WebAuthn L3 §7.2 step 19"),
    (Step::DeviceBound, "WebAuthn L3 §7.2 step 19"),
    (Step::Signature, "WebAuthn L3 §7.2 step 21"),
    (Step::Counter, "WebAuthn L3 §7.2 step 22"),
    (Step::ClientExtensions, "WebAuthn L3 §7.2 step 23"),
    (Step::AuthenticatorExtensions, "WebAuthn L3 §7.2 step 23"),
];

impl Ceremony {
    /// Every check of this ceremony in the order in which it is made, each with its citation.
    pub const fn steps(self) -> &'static [(Step, &'static str)] {
        match self {
            Self::Registration => REGISTRATION,
            Self::Authentication => AUTHENTICATION,
        }
    }
}

impl Step {
    /// Where the specification demands this check, such as `WebAuthn L3 §7.1 step 8`; `None` if the ceremony
    /// does not have it.
    pub fn cite(self, ceremony: Ceremony) -> Option<&'static str> {
        ceremony.steps().iter().find(|(step, _)| *step == self).map(|(_, cite)| *cite)
    }

    /// Whether a careless relying party could do without this check in that ceremony. Two it could not: without
    /// attested credential data there is no key to register, and trust anchors are its own to have, not the client's.
    pub fn can_be_left_out(self, ceremony: Ceremony) -> bool {
        let needed = ceremony == Ceremony::Registration
            && matches!(self, Self::AttestedCredentialData | Self::TrustAnchors);
        self.cite(ceremony).is_some() && !needed
    }
}

/// A ceremony that was refused. Displayed as `WebAuthn L3 §7.1 step 8: the challenge is not the one that was
/// issued`; what a client said is quoted, escaped and cut, so that a reason can go into a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}: {why}", self.cite())]
pub struct Rejection {
    /// Which ceremony.
    pub ceremony: Ceremony,
    /// Which check.
    pub step: Step,
    /// What was wrong.
    pub why: String,
}

impl Rejection {
    /// Where the specification demands the check that failed.
    pub fn cite(&self) -> &'static str {
        self.step.cite(self.ceremony).unwrap_or("WebAuthn L3 §7")
    }
}

/// What one check finds: nothing, or why not.
pub(crate) type Verdict = Result<(), String>;

/// `Ok` if `condition` holds, else the reason.
pub(crate) fn ensure(condition: bool, why: impl FnOnce() -> String) -> Verdict {
    if condition { Ok(()) } else { Err(why()) }
}

/// Text from outside, quoted and escaped, and cut after 80 characters.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(80) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// A ceremony under way: turns verdicts into rejections and remembers what has passed.
pub(crate) struct Steps<'a> {
    ceremony: Ceremony,
    left_out: &'a [Step],
    passed: Vec<Step>,
}

impl<'a> Steps<'a> {
    /// A ceremony of which nothing has passed. The checks in `left_out` will not be made.
    pub(crate) fn new(ceremony: Ceremony, left_out: &'a [Step]) -> Self {
        Self { ceremony, left_out, passed: Vec::with_capacity(ceremony.steps().len()) }
    }

    /// A step that only judges, and so could be left out.
    pub(crate) fn check(&mut self, step: Step, verdict: Verdict) -> Result<(), Rejection> {
        if self.left_out.contains(&step) { Ok(()) } else { self.read(step, verdict) }
    }

    /// A step that makes a value of which later steps have need. Where it is left out and refuses, `careless` makes do
    /// with less; if it can.
    pub(crate) fn read_or<T>(
        &mut self,
        step: Step,
        result: Result<T, String>,
        careless: impl FnOnce() -> Option<T>,
    ) -> Result<T, Rejection> {
        match result {
            Err(why) if self.left_out.contains(&step) => {
                careless().map_or_else(|| self.read(step, Err(why)), Ok)
            }
            result => self.read(step, result),
        }
    }

    /// A step that makes a value without which there is no ceremony.
    pub(crate) fn read<T>(&mut self, step: Step, result: Result<T, String>) -> Result<T, Rejection> {
        let value = result.map_err(|why| Rejection { ceremony: self.ceremony, step, why })?;
        self.passed.push(step);
        Ok(value)
    }

    /// What has passed, in order.
    pub(crate) fn passed(self) -> Vec<Step> {
        self.passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_reads_as_citation_and_reason() {
        let step = Step::Challenge;
        let why = "the challenge is not the one that was issued".to_owned();
        let registration = Rejection { ceremony: Ceremony::Registration, step, why: why.clone() };
        assert_eq!(registration.to_string(), format!("WebAuthn L3 §7.1 step 8: {why}"));
        let authentication = Rejection { ceremony: Ceremony::Authentication, step, why: why.clone() };
        assert_eq!(authentication.to_string(), format!("WebAuthn L3 §7.2 step 11: {why}"));
    }

    #[test]
    fn a_rejection_is_json_with_the_names_in_camel_case() {
        let why = "why".to_owned();
        let rejection = Rejection { ceremony: Ceremony::Registration, step: Step::RpIdHash, why };
        let expected = serde_json::json!({"ceremony": "registration", "step": "rpIdHash", "why": "why"});
        assert_eq!(serde_json::to_value(rejection).unwrap(), expected);
    }

    #[test]
    fn a_ceremony_makes_each_check_once() {
        for ceremony in [Ceremony::Registration, Ceremony::Authentication] {
            let mut steps: Vec<Step> = ceremony.steps().iter().map(|(step, _)| *step).collect();
            let all = steps.len();
            steps.sort();
            steps.dedup();
            assert_eq!(steps.len(), all);
        }
    }

    /// Sections of their own aside, the numbers never go back: the order is the specification's.
    #[test]
    fn the_numbers_of_the_steps_do_not_decrease() {
        for ceremony in [Ceremony::Registration, Ceremony::Authentication] {
            let numbers = ceremony.steps().iter().filter_map(|(_, cite)| cite.split("step ").nth(1));
            let numbers: Vec<u32> = numbers.map(|number| number.parse().unwrap()).collect();
            assert!(numbers.len() > 15 && numbers.is_sorted(), "{numbers:?}");
        }
    }

    #[test]
    fn what_a_client_said_is_escaped_and_cut() {
        assert_eq!(quoted("a\nb\u{1b}[2J"), r#""a\nb\u{1b}[2J""#);
        assert_eq!(quoted(&"ü".repeat(81)), format!("\"{}\"…", "ü".repeat(80)));
        assert_eq!(quoted(&"ü".repeat(80)), format!("\"{}\"", "ü".repeat(80)));
    }
}
