//! What can be wrong with a statement, each by the sentence of the verification procedure that it breaks.
use super::format::Format;

/// One thing that is wrong with a statement in which all else is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// The attestation certificate was valid once.
    CertificateExpired,
    /// The attestation certificate will be valid.
    CertificateNotYetValid,
    /// The root has the trusted one's name and another key.
    ForeignRoot,
    /// Bytes follow the attestation certificate's DER.
    TrailingData,
    /// The statement has a member that its syntax does not have.
    ExtraMember,
    /// The statement is without a member that its syntax has.
    MissingMember,
    /// `alg` is not the signing key's.
    WrongAlgorithm,
    /// A bit of the signature is another.
    BadSignature,
    /// The signature is over other bytes than it should be.
    SignatureOverOtherData,
    /// The attestation certificate is for another key than the one that signed.
    CertificateForOtherKey,
    /// The certificate is for another key than the credential's, and that key signs.
    CertificateNotForCredential,
    /// id-fido-gen-ce-aaguid tells another AAGUID than the authenticator data.
    AaguidExtensionWrong,
    /// id-fido-gen-ce-aaguid is critical.
    AaguidExtensionCritical,
    /// The subject has no C.
    CountryMissing,
    /// The subject has no O.
    OrganizationMissing,
    /// The subject has no OU.
    UnitMissing,
    /// The subject's OU is not `Authenticator Attestation`.
    UnitWrong,
    /// The subject has no CN.
    CommonNameMissing,
    /// The attestation certificate is a CA's.
    CertificateIsCa,
    /// The certificate between the attestation certificate and the root is left out.
    IntermediateMissing,
    /// The certificate between the attestation certificate and the root is no CA's.
    IntermediateIsNoCa,
    /// `x5c` has two certificates.
    TwoCertificates,
    /// The attestation key is on P-384.
    KeyNotOnP256,
    /// `ver` is `1.2`.
    VersionNot2,
    /// pubArea is of another key than the credential's.
    PubAreaOtherKey,
    /// certInfo's magic is not TPM_GENERATED_VALUE.
    CertInfoMagic,
    /// certInfo's type is TPM_ST_ATTEST_QUOTE.
    CertInfoType,
    /// certInfo's extraData is the hash of something else.
    CertInfoExtraData,
    /// certInfo's attested name is not pubArea's.
    CertInfoName,
    /// The AIK certificate has a subject.
    SubjectNotEmpty,
    /// The AIK certificate has no subject alternative name.
    SubjectAltNameMissing,
    /// The AIK certificate has no extended key usage.
    ExtendedKeyUsageMissing,
    /// attestationChallenge is not the hash of the client data.
    ChallengeWrong,
    /// allApplications is present.
    AllApplications,
    /// The key was imported.
    OriginNotGenerated,
    /// The key is to verify by.
    PurposeNotSign,
    /// The nonce is of other data.
    NonceWrong,
    /// The certificate has no nonce.
    NonceMissing,
    /// basicIntegrity is false.
    BasicIntegrityFalse,
    /// ctsProfileMatch is false.
    CtsProfileMatchFalse,
    /// There is no `ver`.
    VersionMissing,
    /// `ver` is empty.
    VersionEmpty,
    /// The certificate is another host's.
    HostnameWrong,
    /// What SafetyNet says is a day old.
    TimestampOld,
    /// A compound statement of one.
    OneStatement,
    /// A compound statement in a compound one.
    NestedCompound,
    /// One statement of a compound one is signed wrongly.
    OneBroken,
}

impl Flaw {
    /// What it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotYetValid => "certificate-not-yet-valid",
            Self::ForeignRoot => "foreign-root",
            Self::TrailingData => "trailing-data",
            Self::ExtraMember => "extra-member",
            Self::MissingMember => "missing-member",
            Self::WrongAlgorithm => "wrong-algorithm",
            Self::BadSignature => "bad-signature",
            Self::SignatureOverOtherData => "signature-over-other-data",
            Self::CertificateForOtherKey => "certificate-for-other-key",
            Self::CertificateNotForCredential => "certificate-not-for-credential",
            Self::AaguidExtensionWrong => "aaguid-extension-wrong",
            Self::AaguidExtensionCritical => "aaguid-extension-critical",
            Self::CountryMissing => "country-missing",
            Self::OrganizationMissing => "organization-missing",
            Self::UnitMissing => "unit-missing",
            Self::UnitWrong => "unit-wrong",
            Self::CommonNameMissing => "common-name-missing",
            Self::CertificateIsCa => "certificate-is-ca",
            Self::IntermediateMissing => "intermediate-missing",
            Self::IntermediateIsNoCa => "intermediate-is-no-ca",
            Self::TwoCertificates => "two-certificates",
            Self::KeyNotOnP256 => "key-not-on-p256",
            Self::VersionNot2 => "version-not-2",
            Self::PubAreaOtherKey => "pub-area-other-key",
            Self::CertInfoMagic => "cert-info-magic",
            Self::CertInfoType => "cert-info-type",
            Self::CertInfoExtraData => "cert-info-extra-data",
            Self::CertInfoName => "cert-info-name",
            Self::SubjectNotEmpty => "subject-not-empty",
            Self::SubjectAltNameMissing => "subject-alt-name-missing",
            Self::ExtendedKeyUsageMissing => "extended-key-usage-missing",
            Self::ChallengeWrong => "challenge-wrong",
            Self::AllApplications => "all-applications",
            Self::OriginNotGenerated => "origin-not-generated",
            Self::PurposeNotSign => "purpose-not-sign",
            Self::NonceWrong => "nonce-wrong",
            Self::NonceMissing => "nonce-missing",
            Self::BasicIntegrityFalse => "basic-integrity-false",
            Self::CtsProfileMatchFalse => "cts-profile-match-false",
            Self::VersionMissing => "version-missing",
            Self::VersionEmpty => "version-empty",
            Self::HostnameWrong => "hostname-wrong",
            Self::TimestampOld => "timestamp-old",
            Self::OneStatement => "one-statement",
            Self::NestedCompound => "nested-compound",
            Self::OneBroken => "one-broken",
        }
    }

    /// What is wrong, in a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::CertificateExpired => "The attestation certificate expired in 2021.",
            Self::CertificateNotYetValid => "The attestation certificate is not valid before 2049.",
            Self::ForeignRoot => "The root has the name of the trusted one and another key.",
            Self::TrailingData => "A byte follows the attestation certificate's DER.",
            Self::ExtraMember => "The statement has a member that its syntax does not have.",
            Self::MissingMember => "The statement lacks a member that its syntax has.",
            Self::WrongAlgorithm => "alg is not the algorithm of the key that signed.",
            Self::BadSignature => "The signature's last bit is another.",
            Self::SignatureOverOtherData => "The signature is over other data.",
            Self::CertificateForOtherKey => "The certificate is for another key than the one that signed.",
            Self::CertificateNotForCredential => "The certificate is for another key than the credential's.",
            Self::AaguidExtensionWrong => {
                "The certificate's AAGUID is another than the authenticator data's."
            }
            Self::AaguidExtensionCritical => "The certificate's AAGUID extension is marked as critical.",
            Self::CountryMissing => "The certificate's subject has no C.",
            Self::OrganizationMissing => "The certificate's subject has no O.",
            Self::UnitMissing => "The certificate's subject has no OU.",
            Self::UnitWrong => "The certificate's OU is not Authenticator Attestation.",
            Self::CommonNameMissing => "The certificate's subject has no CN.",
            Self::CertificateIsCa => "The attestation certificate says that it is a CA's.",
            Self::IntermediateMissing => {
                "The certificate between attestation certificate and root is left out."
            }
            Self::IntermediateIsNoCa => "The certificate that issued the attestation certificate is no CA's.",
            Self::TwoCertificates => "x5c has two certificates.",
            Self::KeyNotOnP256 => "The attestation key is on P-384.",
            Self::VersionNot2 => "ver is 1.2.",
            Self::PubAreaOtherKey => "pubArea holds another key than the credential's.",
            Self::CertInfoMagic => "certInfo's magic says that no TPM made it.",
            Self::CertInfoType => "certInfo's type says that it is a quote.",
            Self::CertInfoExtraData => "certInfo's extraData is the hash of other data.",
            Self::CertInfoName => "certInfo names another object than pubArea.",
            Self::SubjectNotEmpty => "The AIK certificate has a subject.",
            Self::SubjectAltNameMissing => "The AIK certificate has no subject alternative name.",
            Self::ExtendedKeyUsageMissing => "The AIK certificate has no extended key usage.",
            Self::ChallengeWrong => "attestationChallenge is not the hash of the client data.",
            Self::AllApplications => "The key may be used by all applications.",
            Self::OriginNotGenerated => "The key was imported, not generated.",
            Self::PurposeNotSign => "The key's purpose is to verify.",
            Self::NonceWrong => "The nonce is the hash of other data.",
            Self::NonceMissing => "The certificate has no nonce.",
            Self::BasicIntegrityFalse => "basicIntegrity is false, though ctsProfileMatch is true.",
            Self::CtsProfileMatchFalse => "ctsProfileMatch is false.",
            Self::VersionMissing => "There is no ver.",
            Self::VersionEmpty => "ver is empty.",
            Self::HostnameWrong => "The certificate is for another host than attest.android.com.",
            Self::TimestampOld => "SafetyNet said it a day ago.",
            Self::OneStatement => "The compound statement has one statement.",
            Self::NestedCompound => "The compound statement has a compound statement in it.",
            Self::OneBroken => "The signature of one statement of two is wrong.",
        }
    }

    /// What it breaks in that format: edition, section and the part of it.
    pub fn clause(self, format: Format) -> String {
        let own = format.section();
        let certificate = match format {
            Format::Tpm => "§8.3.1",
            Format::AndroidKey => "§8.4.1",
            Format::FidoU2f | Format::AndroidSafetyNet | Format::Apple => own,
            _ => "§8.2.1",
        };
        let (section, part) = match self {
            Self::CertificateExpired | Self::CertificateNotYetValid => {
                ("§7.1 step 24", "RFC 5280 §6.1.3, validity period")
            }
            Self::ForeignRoot => ("§7.1 step 24", "RFC 5280 §6.1.3, signature by the trust anchor"),
            Self::IntermediateMissing => ("§7.1 step 24", "RFC 5280 §6.1.3, a complete path"),
            Self::IntermediateIsNoCa => ("§7.1 step 24", "RFC 5280 §6.1.4 (k)"),
            Self::TrailingData => (own, "x5c holds X.509 certificates"),
            Self::ExtraMember | Self::MissingMember => (own, "syntax"),
            Self::WrongAlgorithm => (own, "alg"),
            Self::BadSignature | Self::SignatureOverOtherData | Self::CertificateForOtherKey => {
                (own, "signature")
            }
            Self::CertificateNotForCredential => (own, "credential public key"),
            Self::AaguidExtensionWrong => (own, "id-fido-gen-ce-aaguid"),
            Self::AaguidExtensionCritical => (certificate, "id-fido-gen-ce-aaguid is not critical"),
            Self::CountryMissing => (certificate, "Subject-C"),
            Self::OrganizationMissing => (certificate, "Subject-O"),
            Self::UnitMissing | Self::UnitWrong => (certificate, "Subject-OU"),
            Self::CommonNameMissing => (certificate, "Subject-CN"),
            Self::CertificateIsCa => (certificate, "basic constraints"),
            Self::TwoCertificates => (own, "exactly one certificate"),
            Self::KeyNotOnP256 => (own, "P-256"),
            Self::VersionNot2 => (own, "ver is 2.0"),
            Self::PubAreaOtherKey => (own, "pubArea"),
            Self::CertInfoMagic => (own, "certInfo.magic"),
            Self::CertInfoType => (own, "certInfo.type"),
            Self::CertInfoExtraData => (own, "certInfo.extraData"),
            Self::CertInfoName => (own, "certInfo.attested"),
            Self::SubjectNotEmpty => (certificate, "empty subject"),
            Self::SubjectAltNameMissing => (certificate, "subject alternative name"),
            Self::ExtendedKeyUsageMissing => (certificate, "extended key usage"),
            Self::ChallengeWrong => (own, "attestationChallenge"),
            Self::AllApplications => (own, "allApplications"),
            Self::OriginNotGenerated => (own, "origin"),
            Self::PurposeNotSign => (own, "purpose"),
            Self::NonceWrong | Self::NonceMissing => (own, "nonce"),
            Self::BasicIntegrityFalse => (own, "SafetyNet's documentation, basicIntegrity"),
            Self::CtsProfileMatchFalse => (own, "SafetyNet's documentation, ctsProfileMatch"),
            Self::VersionMissing | Self::VersionEmpty => (own, "ver"),
            Self::HostnameWrong => (own, "SafetyNet's documentation, attest.android.com"),
            Self::TimestampOld => (own, "SafetyNet's documentation, timestampMs"),
            Self::OneStatement => (own, "two statements or more"),
            Self::NestedCompound => (own, "no compound statement within"),
            Self::OneBroken => (own, "every statement is verified"),
        };
        format!("WebAuthn L3 {section} ({part})")
    }
}
