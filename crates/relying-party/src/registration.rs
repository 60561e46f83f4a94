//! Registering a new credential, WebAuthn L3 §7.1, from step 3 on.
use crate::attestation::{AttestationType, Inputs, Judged, Statement, Treatment, TrustPath};
use crate::credential::StoredCredential;
use crate::policy::{RelyingParty, UserVerification};
use crate::rejection::{Ceremony, Rejection, Step, Steps, Verdict, ensure, quoted};
use crate::{authenticator_data, careless, client_data, curve, extensions, signature};
use wire::aaguid::Aaguid;
use wire::cose::{Algorithm, PublicKey};
use wire::ctap2::PUBLIC_KEY;
use wire::webauthn::json::{AttestationResponse, CreationOptions, RegistrationResponse};
use wire::webauthn::{self, AttestationObject, AttestedCredentialData, AuthenticatorData, Flags};
use wire::{base64url, cbor};

/// What a registration is measured by: what was sent out, and what is already there.
#[derive(Clone)]
pub struct RegistrationExpectation<'a> {
    /// The challenge that was issued. That it is fresh and used only once is for the caller to see to. Empty if none
    /// was: then nothing is accepted.
    pub challenge: Vec<u8>,
    /// The account that registers.
    pub user_handle: Vec<u8>,
    /// Whether the user must be verified.
    pub user_verification: UserVerification,
    /// Whether `mediation` was `conditional`, so that the user need not have been present.
    pub conditional: bool,
    /// The algorithms that were offered.
    pub algorithms: Vec<Algorithm>,
    /// The client extensions that were asked for.
    pub extensions: Vec<String>,
    /// Whether any account has a credential with this ID.
    pub is_registered: &'a dyn Fn(&[u8]) -> bool,
}

impl<'a> RegistrationExpectation<'a> {
    /// The expectation that goes with these options.
    pub fn of(options: &CreationOptions, is_registered: &'a dyn Fn(&[u8]) -> bool) -> Self {
        let selection = options.authenticator_selection.as_ref();
        let offered = options.pub_key_cred_params.iter().filter(|offered| offered.kind == PUBLIC_KEY);
        Self {
            challenge: options.challenge.0.clone(),
            user_handle: options.user.id.0.clone(),
            user_verification: UserVerification::from_options(
                selection.and_then(|selection| selection.user_verification.as_deref()),
            ),
            conditional: false,
            algorithms: offered.map(|offered| Algorithm(offered.alg)).collect(),
            extensions: options.extensions.keys().cloned().collect(),
            is_registered,
        }
    }
}

/// A registration that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// What to keep, §7.1 step 27.
    pub credential: StoredCredential,
    /// The model that the authenticator claims to be.
    pub aaguid: Aaguid,
    /// The attestation statement format.
    pub fmt: String,
    /// What proves the claim, if it does: anything but [`Basic`](AttestationType::Basic) proves no model.
    pub attestation: AttestationType,
    /// The certificates in DER from that of the attestation key to the trust anchor; empty without certificates, or if
    /// they are not trusted.
    pub trust_path: Vec<Vec<u8>>,
    /// The serial number in an enterprise attestation: the one device (§8.2.2).
    pub serial_number: Option<Vec<u8>>,
    /// The flags of the authenticator data.
    pub flags: Flags,
    /// What is worth knowing although it was no reason to refuse.
    pub warnings: Vec<String>,
    /// Every check that was made, in order.
    pub passed: Vec<Step>,
}

impl RelyingParty {
    /// Verifies a registration, WebAuthn L3 §7.1 steps 3 to 28.
    ///
    /// # Errors
    /// The first step that refuses it.
    pub fn verify_registration(
        &self,
        expected: &RegistrationExpectation<'_>,
        response: &RegistrationResponse,
    ) -> Result<Registered, Rejection> {
        self.register(&[], expected, response)
    }

    /// Verifies a registration as a careless relying party would: without the checks in `left_out`. One that
    /// [cannot be left out](Step::can_be_left_out) is made all the same. It is there so that whoever looks for careless
    /// relying parties can be tried against one of each kind; nothing that guards anything calls it.
    ///
    /// # Errors
    /// The first step that refuses it.
    #[cfg(any(test, feature = "careless"))]
    pub fn verify_registration_without(
        &self,
        left_out: &[Step],
        expected: &RegistrationExpectation<'_>,
        response: &RegistrationResponse,
    ) -> Result<Registered, Rejection> {
        self.register(left_out, expected, response)
    }

    fn register(
        &self,
        left_out: &[Step],
        expected: &RegistrationExpectation<'_>,
        response: &RegistrationResponse,
    ) -> Result<Registered, Rejection> {
        let mut steps = Steps::new(Ceremony::Registration, left_out);
        steps.check(Step::CredentialType, is_public_key(&response.kind))?;
        steps.check(Step::CredentialId, is_text_of(&response.id, &response.raw_id.0))?;

        let client_data_json = &response.response.client_data_json.0;
        let text = steps.read_or(Step::ClientDataUtf8, client_data::utf8(client_data_json), || {
            Some(careless::text(client_data_json))
        })?;
        let client_data =
            steps.read_or(Step::ClientDataJson, client_data::json(&text), || careless::client_data(&text))?;
        steps.check(Step::Type, client_data::is_of_type(&client_data, webauthn::Ceremony::CREATE))?;
        steps.check(Step::Challenge, client_data::challenge(&client_data, &expected.challenge))?;
        steps.check(Step::Origin, client_data::origin(&client_data, &self.origins))?;
        steps.check(Step::CrossOrigin, client_data::cross_origin(&client_data, &self.top_origins))?;
        steps.check(Step::TopOrigin, client_data::top_origin(&client_data, &self.top_origins))?;
        // §7.1 step 12
        let hash = signature::sha256(client_data_json);

        let bytes = &response.response.attestation_object.0;
        let object = steps.read_or(Step::AttestationObject, attestation_object(bytes), || {
            careless::attestation_object(bytes)
        })?;
        let data = authenticator_data::read(&object.auth_data);
        let data = steps
            .read_or(Step::AuthenticatorData, data, || careless::authenticator_data(&object.auth_data))?;
        let attested = steps.read(Step::AttestedCredentialData, attested_credential_data(&data))?;
        let key = &attested.public_key;
        steps.check(Step::Conveniences, conveniences_agree(&response.response, &object.auth_data, key))?;
        steps.check(Step::RpIdHash, authenticator_data::rp_id_hash(&data, &self.id))?;
        steps.check(Step::UserPresent, user_present(data.flags, expected.conditional))?;
        let uv_required = expected.user_verification == UserVerification::Required;
        steps.check(Step::UserVerified, authenticator_data::user_verified(data.flags, uv_required))?;
        steps.check(Step::BackupState, authenticator_data::backup_state(data.flags))?;
        steps.check(Step::DeviceBound, authenticator_data::device_bound(data.flags, self.device_bound))?;
        steps.check(Step::Algorithm, was_offered(key.algorithm(), &expected.algorithms))?;
        steps.check(Step::CoseKey, is_plain_cose_key(attested, &object.auth_data))?;
        steps.check(Step::Curve, curve::sound(key))?;

        let policy = &self.attestation;
        let format = steps.read_or(Step::Format, policy.format(&object.fmt), || Some(Treatment::Ignored))?;
        let statement = policy.statement(format, &object.att_stmt);
        let statement =
            steps.read_or(Step::AttestationStatement, statement, || Some(Statement::ignored()))?;
        let judged =
            steps.read_or(Step::AttestationCertificates, statement.judged(), || Some(Judged::ignored()))?;
        let inputs = Inputs {
            key,
            data: &data,
            auth_data: &object.auth_data,
            client_data_hash: &hash,
            enterprise: policy.asks_for_enterprise(),
            now: policy.now,
        };
        for step in STATEMENT {
            steps.check(*step, judged.check(*step, &inputs))?;
        }
        let anchors = steps.read(Step::TrustAnchors, policy.anchors(&statement))?;
        let path = steps.read_or(Step::AttestationChain, policy.path(&judged, &anchors), || {
            Some(judged.unlooked_path())
        })?;
        steps.check(Step::CertificateValidity, path.is_valid_at(policy.now))?;
        let attestation = judged.attestation_type(&path);
        steps.check(Step::AttestationTrust, policy.trusts(attestation))?;

        let id = &attested.credential_id;
        steps.check(Step::CredentialIdLength, is_of_legal_length(id))?;
        steps.check(Step::Unregistered, is_unregistered(id, expected.is_registered))?;
        steps.check(Step::AttestedCredentialId, is_raw_id(id, &response.raw_id.0))?;
        let unsolicited = self.unsolicited_extensions;
        let by_client =
            extensions::unsolicited_by_client(&response.client_extension_results, &expected.extensions);
        steps.check(Step::ClientExtensions, extensions::only_solicited(unsolicited, "client", &by_client))?;
        let by_authenticator =
            extensions::unsolicited_by_authenticator(data.extensions.as_ref(), &expected.extensions);
        let verdict = extensions::only_solicited(unsolicited, "authenticator", &by_authenticator);
        steps.check(Step::AuthenticatorExtensions, verdict)?;

        let proven = attestation == AttestationType::Basic;
        let warnings = [
            unproven_aaguid(attested.aaguid, proven && judged.names_the_model()),
            unverified(attestation, &object.fmt, &path),
            undated(attestation, policy.now),
            authenticator_data::reserved_bits(data.flags),
            (!by_client.is_empty()).then(|| extensions::describe("client", &by_client)),
            (!by_authenticator.is_empty()).then(|| extensions::describe("authenticator", &by_authenticator)),
        ];
        Ok(Registered {
            credential: StoredCredential {
                id: id.clone(),
                user_handle: expected.user_handle.clone(),
                public_key: key.clone(),
                sign_count: data.sign_count,
                backup_eligible: data.flags.contains(Flags::BE),
                backed_up: data.flags.contains(Flags::BS),
                uv_initialized: data.flags.contains(Flags::UV),
                transports: response.response.transports.clone(),
            },
            aaguid: attested.aaguid,
            fmt: object.fmt.clone(),
            attestation,
            trust_path: path.to_der(),
            serial_number: judged.serial_number().filter(|_| proven),
            flags: data.flags,
            warnings: warnings.into_iter().flatten().chain(judged.warnings()).collect(),
            passed: steps.passed(),
        })
    }
}

/// What §8 asks of a statement in one format or another, in the order of [`Ceremony::steps`].
const STATEMENT: &[Step] = &[
    Step::AttestationAlgorithm,
    Step::AttestationSignature,
    Step::AttestationNonce,
    Step::AttestationKey,
    Step::TpmMagic,
    Step::TpmType,
    Step::TpmName,
    Step::AndroidKeyScope,
    Step::AndroidKeyOrigin,
    Step::AndroidKeyPurpose,
    Step::SafetyNetService,
    Step::SafetyNetIntegrity,
    Step::SafetyNetTime,
    Step::CertificateVersion,
    Step::CertificateSubject,
    Step::CertificateAlternativeName,
    Step::CertificateKeyUsage,
    Step::CertificateConstraints,
    Step::CertificateModel,
    Step::CertificateDevice,
];

/// §5.1, `type`.
pub(crate) fn is_public_key(kind: &str) -> Verdict {
    ensure(kind == PUBLIC_KEY, || "the credential's type is not public-key".into())
}

/// §5.1, `id`: the base64url encoding of the credential ID.
pub(crate) fn is_text_of(id: &str, raw_id: &[u8]) -> Verdict {
    ensure(id == base64url::encode(raw_id), || "id is not the unpadded base64url text of rawId".into())
}

/// §7.1 step 13. §2 wants decoders to refuse CBOR that is not in the CTAP2 canonical form.
fn attestation_object(bytes: &[u8]) -> Result<AttestationObject, String> {
    AttestationObject::decode(bytes)
        .map_err(|e| format!("the attestation object does not decode: {}", e.reason))
}

/// §6.1: for attestation signatures, AT is set.
fn attested_credential_data(data: &AuthenticatorData) -> Result<&AttestedCredentialData, String> {
    data.attested.as_ref().ok_or_else(|| format!("there is no attested credential data ({})", data.flags))
}

/// §5.2.1.1: getAuthenticatorData(), getPublicKey() and getPublicKeyAlgorithm() say again what the attestation
/// object says.
fn conveniences_agree(response: &AttestationResponse, auth_data: &[u8], key: &PublicKey) -> Verdict {
    let other = |member: &str| format!("{member} is not that of the attestation object");
    let bytes = response.authenticator_data.as_ref();
    ensure(bytes.is_none_or(|bytes| bytes.0 == auth_data), || other("authenticatorData"))?;
    let spki = response.public_key.as_ref();
    let expected = signature::subject_public_key_info(key);
    ensure(spki.is_none_or(|spki| expected.is_none_or(|key| spki.0 == key)), || other("publicKey"))?;
    let algorithm = response.public_key_algorithm;
    ensure(algorithm.is_none_or(|alg| Algorithm(alg) == key.algorithm()), || other("publicKeyAlgorithm"))
}

/// §7.1 step 15.
fn user_present(flags: Flags, conditional: bool) -> Verdict {
    if conditional { Ok(()) } else { authenticator_data::user_present(flags) }
}

/// §7.1 step 20.
fn was_offered(algorithm: Algorithm, offered: &[Algorithm]) -> Verdict {
    ensure(offered.contains(&algorithm), || {
        let offered: Vec<String> = offered.iter().map(ToString::to_string).collect();
        format!("the public key is for {algorithm}, and offered were {}", offered.join(", "))
    })
}

/// §6.5.1: the COSE key has alg and what its type requires, and no other member. What was read holds just
/// that, so writing it again gives the same bytes.
fn is_plain_cose_key(attested: &AttestedCredentialData, auth_data: &[u8]) -> Verdict {
    // §6.1 and §6.5.1: rpIdHash, flags and signCount, aaguid and credentialIdLength.
    let before = 32 + 1 + 4 + 16 + 2 + attested.credential_id.len();
    let plain = cbor::encode(&attested.public_key.to_value());
    ensure(auth_data.get(before..).is_some_and(|rest| rest.starts_with(&plain)), || {
        "the COSE key has members that it must not have, or is not in canonical CBOR".into()
    })
}

/// §7.1 step 25.
fn is_of_legal_length(id: &[u8]) -> Verdict {
    ensure(id.len() <= 1023, || format!("the credential ID has {} bytes, and 1023 are allowed", id.len()))
}

/// §7.1 step 26.
fn is_unregistered(id: &[u8], is_registered: &dyn Fn(&[u8]) -> bool) -> Verdict {
    ensure(!is_registered(id), || "a credential with this ID is registered already".into())
}

/// §7.1 step 27 takes the ID from rawId and the key from the authenticator data: they must be of one
/// credential.
fn is_raw_id(id: &[u8], raw_id: &[u8]) -> Verdict {
    ensure(id == raw_id, || "rawId is not the credential ID in the authenticator data".into())
}

/// §6.5.3: nothing but a certificate that names it proves the model.
fn unproven_aaguid(aaguid: Aaguid, named: bool) -> Option<String> {
    (!named && aaguid != Aaguid::ZERO)
        .then(|| format!("the AAGUID {aaguid} is not proven by any attestation"))
}

/// An attestation that is worth nothing, and why.
fn unverified(attestation: AttestationType, fmt: &str, path: &TrustPath<'_>) -> Option<String> {
    (attestation == AttestationType::Unverified).then(|| match path.nowhere() {
        Some(why) => format!("the certificates in the statement are not trusted: {why}"),
        None => format!("the format {} is not known here, and its statement was not looked at", quoted(fmt)),
    })
}

/// Certificates without a clock.
fn undated(attestation: AttestationType, now: Option<u64>) -> Option<String> {
    (attestation == AttestationType::Basic && now.is_none())
        .then(|| "whether the certificates are valid today was not looked at: there is no clock".into())
}
