//! The relying party: WebAuthn Level 3 ceremonies, verified step by step. No I/O, no clock, no randomness, and
//! no code in common with whatever signs, except the vocabulary of [`wire`]: a verifier that shares code with
//! the signer agrees with its mistakes.
//!
//! ```
//! use relying_party::{RegistrationExpectation, RelyingParty};
//! # use wire::webauthn::json::{self, RegistrationResponse, UserEntity};
//! # let user = UserEntity { id: vec![1; 16].into(), name: "alice".into(), display_name: "Alice".into() };
//! # let challenge = vec![2; 32];
//! # let posted = r#"{"id":"AA","rawId":"AA","type":"public-key","response":{
//! #     "clientDataJSON":"e30","attestationObject":"oA","transports":[]}}"#;
//! let party = RelyingParty::new("login.example.test");
//! let options = party.creation_options(user, challenge, &[]);
//! // … the page calls navigator.credentials.create() and posts what comes of it …
//! let response: RegistrationResponse = json::from_value(serde_json::from_str(posted)?)?;
//! let expected = RegistrationExpectation::of(&options, &|_id| false);
//! let rejection = party.verify_registration(&expected, &response).unwrap_err();
//! assert_eq!(rejection.cite(), "WebAuthn L3 §7.1 step 6");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A response is parsed once, as far as it is needed, and every check is one function and one [`Step`]. The
//! first that refuses is named in the [`Rejection`]; an accepted ceremony lists all that it passed. The numbers
//! are those of the Level 3 edition (w3c/webauthn at 146d0db0, 2026-07-30, where §7 counts as the Candidate
//! Recommendation does).
//!
//! # Registration, §7.1
//!
//! | where | step | function |
//! |---|---|---|
//! | §5.1 (type) | [`CredentialType`](Step::CredentialType) | `registration::is_public_key` |
//! | §5.1 (id) | [`CredentialId`](Step::CredentialId) | `registration::is_text_of` |
//! | §7.1 step 5 | [`ClientDataUtf8`](Step::ClientDataUtf8) | `client_data::utf8` |
//! | §7.1 step 6 | [`ClientDataJson`](Step::ClientDataJson) | `client_data::json` |
//! | §7.1 step 7 | [`Type`](Step::Type) | `client_data::is_of_type` |
//! | §7.1 step 8 | [`Challenge`](Step::Challenge) | `client_data::challenge` |
//! | §7.1 step 9 | [`Origin`](Step::Origin) | `client_data::origin` |
//! | §7.1 step 10 | [`CrossOrigin`](Step::CrossOrigin) | `client_data::cross_origin` |
//! | §7.1 step 11 | [`TopOrigin`](Step::TopOrigin) | `client_data::top_origin` |
//! | §7.1 step 13 | [`AttestationObject`](Step::AttestationObject) | `registration::attestation_object` |
//! | §7.1 step 13 | [`AuthenticatorData`](Step::AuthenticatorData) | `authenticator_data::read` |
//! | §6.1 (AT) | [`AttestedCredentialData`](Step::AttestedCredentialData) | `registration::attested_credential_data` |
//! | §5.2.1.1 | [`Conveniences`](Step::Conveniences) | `registration::conveniences_agree` |
//! | §7.1 step 14 | [`RpIdHash`](Step::RpIdHash) | `authenticator_data::rp_id_hash` |
//! | §7.1 step 15 | [`UserPresent`](Step::UserPresent) | `registration::user_present` |
//! | §7.1 step 16 | [`UserVerified`](Step::UserVerified) | `authenticator_data::user_verified` |
//! | §7.1 step 17 | [`BackupState`](Step::BackupState) | `authenticator_data::backup_state` |
//! | §7.1 step 18 | [`DeviceBound`](Step::DeviceBound) | `authenticator_data::device_bound` |
//! | §7.1 step 20 | [`Algorithm`](Step::Algorithm) | `registration::was_offered` |
//! | §6.5.1 (credentialPublicKey) | [`CoseKey`](Step::CoseKey) | `registration::is_plain_cose_key` |
//! | §5.8.5 | [`Curve`](Step::Curve) | `curve::sound` |
//! | §7.1 step 21 | [`Format`](Step::Format) | `attestation::AttestationPolicy::format` |
//! | §7.1 step 22 | [`AttestationStatement`](Step::AttestationStatement) | `attestation::AttestationPolicy::statement` |
//! | §8.2 (x5c) | [`AttestationCertificates`](Step::AttestationCertificates) | `attestation::statement::Statement::judged` |
//! | §7.1 step 22 | [`AttestationAlgorithm`](Step::AttestationAlgorithm) | `attestation::statement::Judged::check` |
//! | §7.1 step 22 | [`AttestationSignature`](Step::AttestationSignature) | `attestation::statement::Judged::check` |
//! | §7.1 step 22 | [`AttestationNonce`](Step::AttestationNonce) | `attestation::statement::Judged::check` |
//! | §7.1 step 22 | [`AttestationKey`](Step::AttestationKey) | `attestation::statement::Judged::check` |
//! | §8.3 (magic) | [`TpmMagic`](Step::TpmMagic) | `attestation::tpm::Tpm::check` |
//! | §8.3 (type) | [`TpmType`](Step::TpmType) | `attestation::tpm::Tpm::check` |
//! | §8.3 (attested) | [`TpmName`](Step::TpmName) | `attestation::tpm::name` |
//! | §8.4 (allApplications) | [`AndroidKeyScope`](Step::AndroidKeyScope) | `attestation::android_key::scope` |
//! | §8.4 (origin) | [`AndroidKeyOrigin`](Step::AndroidKeyOrigin) | `attestation::android_key::origin` |
//! | §8.4 (purpose) | [`AndroidKeyPurpose`](Step::AndroidKeyPurpose) | `attestation::android_key::purpose` |
//! | §8.5 (service) | [`SafetyNetService`](Step::SafetyNetService) | `attestation::android_safetynet::service` |
//! | L1 §8.5 (ctsProfileMatch) | [`SafetyNetIntegrity`](Step::SafetyNetIntegrity) | `attestation::android_safetynet::integrity` |
//! | §8.5 (SafetyNet's documentation, timestampMs) | [`SafetyNetTime`](Step::SafetyNetTime) | `attestation::android_safetynet::time` |
//! | §8.2.1 (version) | [`CertificateVersion`](Step::CertificateVersion) | `attestation::requirements::is_version_3` |
//! | §8.2.1 (subject) | [`CertificateSubject`](Step::CertificateSubject) | `attestation::requirements::has_a_proper_subject` |
//! | §8.3.1 (subject alternative name) | [`CertificateAlternativeName`](Step::CertificateAlternativeName) | `attestation::tpm::names_the_tpm` |
//! | §8.3.1 (extended key usage) | [`CertificateKeyUsage`](Step::CertificateKeyUsage) | `attestation::certificate::Certificate::may_sign` |
//! | §8.2.1 (basic constraints) | [`CertificateConstraints`](Step::CertificateConstraints) | `attestation::requirements::is_no_authority` |
//! | §8.2 (id-fido-gen-ce-aaguid) | [`CertificateModel`](Step::CertificateModel) | `attestation::requirements::is_for_the_model` |
//! | §8.2.2 (id-fido-gen-ce-sernum) | [`CertificateDevice`](Step::CertificateDevice) | `attestation::requirements::tells_no_device_unasked` |
//! | §7.1 step 23 | [`TrustAnchors`](Step::TrustAnchors) | `attestation::AttestationPolicy::anchors` |
//! | §7.1 step 24 | [`AttestationChain`](Step::AttestationChain) | `attestation::AttestationPolicy::path` |
//! | §7.1 step 24 | [`CertificateValidity`](Step::CertificateValidity) | `attestation::chain::Path::is_valid_at` |
//! | §7.1 step 24 | [`AttestationTrust`](Step::AttestationTrust) | `attestation::AttestationPolicy::trusts` |
//! | §7.1 step 25 | [`CredentialIdLength`](Step::CredentialIdLength) | `registration::is_of_legal_length` |
//! | §7.1 step 26 | [`Unregistered`](Step::Unregistered) | `registration::is_unregistered` |
//! | §7.1 step 27 | [`AttestedCredentialId`](Step::AttestedCredentialId) | `registration::is_raw_id` |
//! | §7.1 step 28 | [`ClientExtensions`](Step::ClientExtensions) | `extensions::only_solicited` |
//! | §7.1 step 28 | [`AuthenticatorExtensions`](Step::AuthenticatorExtensions) | `extensions::only_solicited` |
//!
//! A check that the format of a statement does not have passes: what §8.2.1 asks of certificates is asked of `packed`
//! statements alone, version, basic constraints and model (§8.3) of `tpm` ones too, and that a key is for signing (RFC 5280) of all.
//!
//! Step 12 is a hash, step 19 (policy on BS) has no policy here, and storing the record is the caller's. A policy
//! may let a step pass that it would refuse by default: user verification that is not required, formats that are not
//! known, chains that lead nowhere. Such a step counts as passed, and a warning tells what was let pass.
//!
//! # Authentication, §7.2
//!
//! | where | step | function |
//! |---|---|---|
//! | §5.1 (type) | [`CredentialType`](Step::CredentialType) | `registration::is_public_key` |
//! | §5.1 (id) | [`CredentialId`](Step::CredentialId) | `registration::is_text_of` |
//! | §7.2 step 5 | [`AllowedCredential`](Step::AllowedCredential) | `authentication::is_allowed` |
//! | §7.2 step 6 | [`CredentialRecord`](Step::CredentialRecord) | `authentication::is_record_of` |
//! | §7.2 step 6 | [`UserHandle`](Step::UserHandle) | `authentication::user_handle` |
//! | §7.2 step 7 | [`AuthenticatorData`](Step::AuthenticatorData) | `authenticator_data::read` |
//! | §7.2 step 8 | [`ClientDataUtf8`](Step::ClientDataUtf8) | `client_data::utf8` |
//! | §7.2 step 9 | [`ClientDataJson`](Step::ClientDataJson) | `client_data::json` |
//! | §7.2 step 10 | [`Type`](Step::Type) | `client_data::is_of_type` |
//! | §7.2 step 11 | [`Challenge`](Step::Challenge) | `client_data::challenge` |
//! | §7.2 step 12 | [`Origin`](Step::Origin) | `client_data::origin` |
//! | §7.2 step 13 | [`CrossOrigin`](Step::CrossOrigin) | `client_data::cross_origin` |
//! | §7.2 step 14 | [`TopOrigin`](Step::TopOrigin) | `client_data::top_origin` |
//! | §7.2 step 15 | [`RpIdHash`](Step::RpIdHash) | `authenticator_data::rp_id_hash` |
//! | §6.1 (AT) | [`AttestedCredentialData`](Step::AttestedCredentialData) | `authentication::nothing_attested` |
//! | §7.2 step 16 | [`UserPresent`](Step::UserPresent) | `authenticator_data::user_present` |
//! | §7.2 step 17 | [`UserVerified`](Step::UserVerified) | `authenticator_data::user_verified` |
//! | §7.2 step 18 | [`BackupState`](Step::BackupState) | `authenticator_data::backup_state` |
//! | §7.2 step 19 | [`BackupEligibility`](Step::BackupEligibility) | `authentication::backup_eligibility` |
//! | §7.2 step 19 | [`DeviceBound`](Step::DeviceBound) | `authenticator_data::device_bound` |
//! | §7.2 step 21 | [`Signature`](Step::Signature) | `authentication::signature` |
//! | §7.2 step 22 | [`Counter`](Step::Counter) | `authentication::counter_grew` |
//! | §7.2 step 23 | [`ClientExtensions`](Step::ClientExtensions) | `extensions::only_solicited` |
//! | §7.2 step 23 | [`AuthenticatorExtensions`](Step::AuthenticatorExtensions) | `extensions::only_solicited` |
//!
//! # Carelessness
//!
//! The feature `careless` adds `RelyingParty::verify_registration_without` and `verify_authentication_without`, which leave out
//! chosen steps, so that what looks for careless relying parties can be tried against one of each kind.
//! [`Step::can_be_left_out`] tells which. The feature is for such tests alone, and stands in dev-dependencies alone.
//!
//! # What is absent
//!
//! Revocation lists of certificates; algorithms other
//! than ES256, ES384, EdDSA, RS256, ML-DSA-44 and ML-DSA-65; the appid extension; token binding; and anything that remembers: challenges, accounts and records are the
//! caller's.

mod attestation;
mod authentication;
mod authenticator_data;
mod careless;
mod client_data;
mod credential;
mod curve;
mod extensions;
mod jws;
pub mod metadata;
mod policy;
mod registration;
mod rejection;
mod signature;
#[cfg(test)]
mod tests;

pub use attestation::{
    AttestationFormat, AttestationPolicy, AttestationType, Conveyance, UnknownFormats, UntrustedChain,
};
pub use authentication::{Authenticated, AuthenticationExpectation};
pub use credential::StoredCredential;
pub use extensions::Unsolicited;
pub use policy::{Counter, RelyingParty, UserVerification};
pub use registration::{Registered, RegistrationExpectation};
pub use rejection::{Ceremony, Rejection, Step};
