//! What can be wrong with a statement, each by the sentence of the verification procedure that it breaks.
use super::format::Format;

/// Where it stands what a flaw breaks, and which part of it that is.
enum Rule {
    /// In the format's own section.
    Format(&'static str),
    /// Among what the format demands of its certificate.
    Certificate(&'static str),
    /// Where the relying party follows the certificates up to a trust anchor.
    Path(&'static str),
    /// In another document or edition, all of the citation.
    Elsewhere(&'static str),
}

macro_rules! flaws {
    ($($flaw:ident, $name:literal, $rule:expr, $sentence:literal;)+) => {
        /// One thing that is wrong with a statement in which all else is right.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Flaw {
            $(#[doc = $sentence] $flaw,)+
        }

        impl Flaw {
            /// Every flaw; which of them a format can have, [`Format::flaws`] says.
            pub const ALL: &'static [Self] = &[$(Self::$flaw),+];

            /// What it is called.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$flaw => $name),+ }
            }

            /// What is wrong, in a sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$flaw => $sentence),+ }
            }

            const fn rule(self) -> Rule {
                use Rule::*;
                match self { $(Self::$flaw => $rule),+ }
            }
        }
    };
}

flaws! {
    // Where the statement is bytes.
    ExtraMember, "extra-member", Format("syntax"), "The statement has a member that its syntax does not have.";
    MissingMember, "missing-member", Format("syntax"), "The statement lacks a member that its syntax has.";
    StatementIsArray, "statement-is-array", Format("syntax: a map"),
        "The statement is an array of what should be its members.";
    AlgMissing, "alg-missing", Format("syntax: alg"), "The statement has no alg.";
    SigMissing, "sig-missing", Format("syntax: sig"), "The statement has no sig.";
    X5cMissing, "x5c-missing", Format("syntax: x5c"), "There is no x5c.";
    X5cEmpty, "x5c-empty", Format("syntax: x5c"), "x5c is empty.";
    ResponseMissing, "response-missing", Format("syntax: response"), "The statement has no response.";
    CertInfoMissing, "cert-info-missing", Format("syntax: certInfo"), "The statement has no certInfo.";
    PubAreaMissing, "pub-area-missing", Format("syntax: pubArea"), "The statement has no pubArea.";
    VersionMissing, "version-missing", Format("ver"), "There is no ver.";
    VersionEmpty, "version-empty", Format("ver"), "ver is empty.";
    VersionNot2, "version-not-2", Format("ver is 2.0"), "ver is 1.2.";

    // The signature.
    WrongAlgorithm, "wrong-algorithm", Format("alg"), "alg is not the algorithm of the key that signed.";
    BadSignature, "bad-signature", Format("signature"), "The signature's last bit is another.";
    SignatureOverOtherData, "signature-over-other-data", Format("signature"), "The signature is over other data.";
    SignatureTrailingData, "signature-trailing-data", Format("signature"), "A byte follows the signature.";
    SignatureByOtherKey, "signature-by-other-key", Format("signature"), "Another key signed than the credential's.";
    CertificateForOtherKey, "certificate-for-other-key", Format("signature"),
        "The certificate is for another key than the one that signed.";
    CertificateNotForCredential, "certificate-not-for-credential", Format("credential public key"),
        "The certificate is for another key than the credential's.";
    KeyUsageWrong, "key-usage-wrong", Elsewhere("RFC 5280 §4.2.1.3 (digitalSignature)"),
        "The certificate's key usage is without digitalSignature.";

    // What the certificate says.
    AaguidExtensionWrong, "aaguid-extension-wrong", Format("id-fido-gen-ce-aaguid"),
        "The certificate's AAGUID is another than the authenticator data's.";
    AaguidExtensionCritical, "aaguid-extension-critical",
        Certificate("id-fido-gen-ce-aaguid is not critical"),
        "The certificate's AAGUID extension is marked as critical.";
    AaguidExtensionNotWrapped, "aaguid-extension-not-wrapped",
        Certificate("id-fido-gen-ce-aaguid is wrapped in two OCTET STRINGs"),
        "The certificate's AAGUID stands in its extension without the inner OCTET STRING.";
    CountryMissing, "country-missing", Certificate("Subject-C"), "The certificate's subject has no C.";
    CountryWrong, "country-wrong", Certificate("Subject-C"),
        "C in the certificate's subject is 00, which is no country's code.";
    OrganizationMissing, "organization-missing", Certificate("Subject-O"), "The certificate's subject has no O.";
    UnitMissing, "unit-missing", Certificate("Subject-OU"), "The certificate's subject has no OU.";
    UnitWrong, "unit-wrong", Certificate("Subject-OU"), "The certificate's OU is not Authenticator Attestation.";
    CommonNameMissing, "common-name-missing", Certificate("Subject-CN"), "The certificate's subject has no CN.";
    CertificateVersion1, "certificate-version-1", Certificate("version 3"),
        "The certificate says that it is of version 1, and has the extensions of version 3.";
    CertificateIsCa, "certificate-is-ca", Certificate("basic constraints"),
        "The attestation certificate says that it is a CA's.";
    BasicConstraintsMissing, "basic-constraints-missing", Certificate("basic constraints"),
        "The attestation certificate has no basic constraints.";
    TwoCertificates, "two-certificates", Format("exactly one certificate"), "x5c has two certificates.";
    KeyNotOnP256, "key-not-on-p256", Format("P-256"), "The attestation key is on P-384, and signed with SHA-256.";
    TrailingData, "trailing-data", Format("x5c holds X.509 certificates"),
        "A byte follows the attestation certificate's DER.";

    // The path to a trust anchor.
    CertificateExpired, "certificate-expired", Path("RFC 5280 §6.1.3, validity period"),
        "The attestation certificate expired in 2021.";
    CertificateNotYetValid, "certificate-not-yet-valid", Path("RFC 5280 §6.1.3, validity period"),
        "The attestation certificate is not valid before 2049.";
    CertificateSignatureWrong, "certificate-signature-wrong", Path("RFC 5280 §6.1.3, signature"),
        "The last bit of the signature in the attestation certificate is another.";
    ForeignRoot, "foreign-root", Path("RFC 5280 §6.1.3, signature by the trust anchor"),
        "The root has name and key identifier of the trusted one, and another key.";
    SelfSigned, "self-signed", Path("RFC 5280 §6.1.3, signature by the trust anchor"),
        "The attestation certificate is signed by its own key.";
    IntermediateMissing, "intermediate-missing", Path("RFC 5280 §6.1.3, a complete path"),
        "The certificate between attestation certificate and root is left out.";
    IntermediateIsNoCa, "intermediate-is-no-ca", Path("RFC 5280 §6.1.4 (k)"),
        "The certificate that issued the attestation certificate is no CA's.";
    IntermediateKeyUsageWrong, "intermediate-key-usage-wrong", Path("RFC 5280 §6.1.4 (n)"),
        "The key usage of the CA between is without keyCertSign.";
    IntermediateExpired, "intermediate-expired", Path("RFC 5280 §6.1.3, validity period"),
        "The certificate of the CA between expired in 2021.";

    // Format `tpm`.
    PubAreaOtherKey, "pub-area-other-key", Format("pubArea"), "pubArea holds another key than the credential's.";
    PubAreaTrailingData, "pub-area-trailing-data", Format("pubArea is a TPMT_PUBLIC, TPMv2-Part2 §12.2.4"),
        "A byte follows the structure in pubArea, and certInfo is for all of it.";
    CertInfoMagic, "cert-info-magic", Format("certInfo.magic"), "certInfo's magic says that no TPM made it.";
    CertInfoType, "cert-info-type", Format("certInfo.type"), "certInfo's type says that it is a quote.";
    CertInfoExtraData, "cert-info-extra-data", Format("certInfo.extraData"),
        "certInfo's extraData is the hash of other data.";
    CertInfoName, "cert-info-name", Format("certInfo.attested"), "certInfo names another object than pubArea.";
    CertInfoTrailingData, "cert-info-trailing-data",
        Format("certInfo is a TPMS_ATTEST, TPMv2-Part2 §10.12.8"),
        "A byte follows the structure in certInfo, and is signed.";
    SubjectNotEmpty, "subject-not-empty", Certificate("empty subject"), "The AIK certificate has a subject.";
    SubjectAltNameMissing, "subject-alt-name-missing", Certificate("subject alternative name"),
        "The AIK certificate has no subject alternative name.";
    ManufacturerMissing, "manufacturer-missing",
        Certificate("subject alternative name: TPM manufacturer"),
        "The AIK certificate does not say who made the TPM.";
    ManufacturerUnknown, "manufacturer-unknown",
        Certificate("subject alternative name: TPM manufacturer"),
        "The AIK certificate names a manufacturer that is in no registry.";
    ManufacturerOfTests, "manufacturer-of-tests", Certificate("subject alternative name: TPM manufacturer"),
        "The AIK certificate names the manufacturer that FIDO's conformance tests have, and no registry.";
    ModelMissing, "model-missing", Certificate("subject alternative name: TPM model"),
        "The AIK certificate does not say of which model the TPM is.";
    FirmwareVersionMissing, "firmware-version-missing", Certificate("subject alternative name: TPM version"),
        "The AIK certificate does not say which version of its firmware the TPM has.";
    ExtendedKeyUsageMissing, "extended-key-usage-missing", Certificate("extended key usage"),
        "The AIK certificate has no extended key usage.";
    ExtendedKeyUsageWrong, "extended-key-usage-wrong", Certificate("extended key usage"),
        "The AIK certificate's extended key usage is clientAuth.";

    // Format `android-key`.
    KeyDescriptionMissing, "key-description-missing", Certificate("the extension with the key description"),
        "The certificate does not describe the key.";
    ChallengeWrong, "challenge-wrong", Format("attestationChallenge"),
        "attestationChallenge is not the hash of the client data.";
    AllApplications, "all-applications", Format("allApplications"),
        "The key may be used by all applications, as hardware enforces.";
    AllApplicationsBySoftware, "all-applications-by-software", Format("allApplications"),
        "The key may be used by all applications, as software enforces.";
    OriginNotGenerated, "origin-not-generated", Format("origin"), "The key was imported, not generated.";
    OriginMissing, "origin-missing", Format("origin"), "The description does not say where the key is from.";
    PurposeNotSign, "purpose-not-sign", Format("purpose"), "The key's purpose is to verify.";
    PurposeMissing, "purpose-missing", Format("purpose"), "The description does not say what the key is for.";
    PurposeAlsoDecrypt, "purpose-also-decrypt", Format("purpose"), "The key's purpose is to sign, and to decrypt.";
    SoftwareEnforced, "software-enforced",
        Format("teeEnforced, where a trusted execution environment is wanted"),
        "Software alone made the key and keeps it.";

    // Formats `android-safetynet` and `apple`.
    NonceWrong, "nonce-wrong", Format("nonce"), "The nonce is the hash of other data.";
    NonceMissing, "nonce-missing", Format("nonce"), "The certificate has no nonce.";
    JwsAlgorithmNone, "jws-algorithm-none", Format("SafetyNet's documentation, the JWS's signature"),
        "The JWS says alg none, and has no signature.";
    BasicIntegrityFalse, "basic-integrity-false", Format("SafetyNet's documentation, basicIntegrity"),
        "basicIntegrity is false, though ctsProfileMatch is true.";
    CtsProfileMatchFalse, "cts-profile-match-false", Elsewhere("WebAuthn L1 §8.5 (ctsProfileMatch)"),
        "ctsProfileMatch is false.";
    IntegrityFailed, "integrity-failed", Elsewhere("WebAuthn L1 §8.5 (ctsProfileMatch)"),
        "Neither ctsProfileMatch nor basicIntegrity is true, as of a rooted device.";
    HostnameWrong, "hostname-wrong", Format("SafetyNet's documentation, attest.android.com"),
        "The certificate is for another host than attest.android.com.";
    TimestampOld, "timestamp-old", Format("SafetyNet's documentation, timestampMs"), "SafetyNet said it a day ago.";
    TimestampFuture, "timestamp-future", Format("SafetyNet's documentation, timestampMs"),
        "SafetyNet will say it tomorrow.";

    // Format `compound`.
    NoStatement, "no-statement", Format("two statements or more"), "The compound statement has no statement.";
    OneStatement, "one-statement", Format("two statements or more"), "The compound statement has one statement.";
    NestedCompound, "nested-compound", Format("no compound statement within"),
        "The compound statement has a compound statement in it.";
    OneBroken, "one-broken", Format("how many statements must verify is policy"),
        "The signature of one statement of two is wrong.";
    AllBroken, "all-broken", Format("enough statements verify"), "The signatures of both statements are wrong.";
}

impl Flaw {
    /// What it breaks in that format: edition, section and the part of it.
    pub fn clause(self, format: Format) -> String {
        let (section, part) = match self.rule() {
            Rule::Format(part) => (format.section(), part),
            Rule::Certificate(part) => (format.certificate_section(), part),
            Rule::Path(part) => ("§7.1 step 24", part),
            Rule::Elsewhere(citation) => return citation.into(),
        };
        format!("WebAuthn L3 {section} ({part})")
    }

    /// Whether the specification leaves it to the relying party's policy what to make of it.
    pub const fn is_policy(self) -> bool {
        match self {
            // The CDDL of a statement does not say what becomes of further members.
            Self::ExtraMember
            // RFC 5280 says what the bit means; §8 asks for it nowhere.
            | Self::KeyUsageWrong
            // §8.3.1 wants a manufacturer as the TCG writes it, and nobody has to keep its registry, which grows.
            | Self::ManufacturerUnknown
            | Self::ManufacturerOfTests
            // §8.4: who does not insist on a trusted execution environment takes both authorization lists together.
            | Self::SoftwareEnforced
            // §8.5 reserves ver for the future, and leaves what SafetyNet finds to its caller: Level 1 alone names
            // ctsProfileMatch.
            | Self::VersionEmpty
            | Self::BasicIntegrityFalse
            | Self::CtsProfileMatchFalse
            | Self::IntegrityFailed
            // §8.9: how many statements are sufficient.
            | Self::OneBroken => true,
            _ => false,
        }
    }
}
