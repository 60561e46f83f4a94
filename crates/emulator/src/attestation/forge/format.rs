//! The formats that there are, WebAuthn Level 3 §8.1.
use super::flaw::Flaw;

/// An attestation statement format, and of format `packed` each way to fill it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// §8.7: no attestation.
    None,
    /// §8.2 without certificates: the credential's own key signs.
    PackedSelf,
    /// §8.2 with one certificate, by the root.
    PackedBasic,
    /// §8.2 with two certificates: one between it and the root.
    PackedChain,
    /// §8.6: a U2F key's registration.
    FidoU2f,
    /// §8.3: a TPM certifies the credential's key.
    Tpm,
    /// §8.4: Android's keystore certifies the credential's key.
    AndroidKey,
    /// §8.5: SafetyNet's word about an Android device.
    AndroidSafetyNet,
    /// §8.8: Apple certifies the credential's key anonymously.
    Apple,
    /// §8.9: several statements, here one of [`Self::PackedBasic`] and one of [`Self::Tpm`].
    Compound,
}

/// Whoever checks certificates can be shown these with each format that has some.
macro_rules! with_certificate_flaws {
    ($($flaw:ident),* $(,)?) => {
        &[
            Flaw::CertificateExpired,
            Flaw::CertificateNotYetValid,
            Flaw::CertificateSignatureWrong,
            Flaw::ForeignRoot,
            Flaw::TrailingData,
            Flaw::ExtraMember,
            $(Flaw::$flaw),*
        ]
    };
}

impl Format {
    /// Every format, in the order of their names here.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::PackedSelf,
        Self::PackedBasic,
        Self::PackedChain,
        Self::FidoU2f,
        Self::Tpm,
        Self::AndroidKey,
        Self::AndroidSafetyNet,
        Self::Apple,
        Self::Compound,
    ];

    /// What it is called here.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PackedSelf => "packed-self",
            Self::PackedBasic => "packed-basic",
            Self::PackedChain => "packed-chain",
            Self::FidoU2f => "fido-u2f",
            Self::Tpm => "tpm",
            Self::AndroidKey => "android-key",
            Self::AndroidSafetyNet => "android-safetynet",
            Self::Apple => "apple",
            Self::Compound => "compound",
        }
    }

    /// The attestation statement format identifier, as IANA has it.
    pub const fn fmt(self) -> &'static str {
        match self {
            Self::PackedSelf | Self::PackedBasic | Self::PackedChain => "packed",
            other => other.as_str(),
        }
    }

    /// Its section in WebAuthn Level 3.
    pub const fn section(self) -> &'static str {
        match self {
            Self::PackedSelf | Self::PackedBasic | Self::PackedChain => "§8.2",
            Self::Tpm => "§8.3",
            Self::AndroidKey => "§8.4",
            Self::AndroidSafetyNet => "§8.5",
            Self::FidoU2f => "§8.6",
            Self::None => "§8.7",
            Self::Apple => "§8.8",
            Self::Compound => "§8.9",
        }
    }

    /// Where the requirements of its certificates stand: in a section of their own, or in its own.
    pub(super) const fn certificate_section(self) -> &'static str {
        match self {
            Self::PackedSelf | Self::PackedBasic | Self::PackedChain => "§8.2.1",
            Self::Tpm => "§8.3.1",
            Self::AndroidKey => "§8.4.1",
            other => other.section(),
        }
    }

    /// How a statement of this format can be broken, one thing at a time.
    pub const fn flaws(self) -> &'static [Flaw] {
        match self {
            Self::None => &[Flaw::ExtraMember, Flaw::StatementIsArray],
            Self::PackedSelf => &[
                Flaw::ExtraMember,
                Flaw::StatementIsArray,
                Flaw::AlgMissing,
                Flaw::SigMissing,
                Flaw::X5cEmpty,
                Flaw::WrongAlgorithm,
                Flaw::BadSignature,
                Flaw::SignatureOverOtherData,
                Flaw::SignatureTrailingData,
                Flaw::SignatureByOtherKey,
            ],
            Self::PackedBasic => with_certificate_flaws![
                StatementIsArray,
                AlgMissing,
                SigMissing,
                X5cEmpty,
                WrongAlgorithm,
                BadSignature,
                SignatureOverOtherData,
                SignatureTrailingData,
                CertificateForOtherKey,
                KeyUsageWrong,
                AaguidExtensionWrong,
                AaguidExtensionCritical,
                AaguidExtensionNotWrapped,
                CountryMissing,
                CountryWrong,
                OrganizationMissing,
                UnitMissing,
                UnitWrong,
                CommonNameMissing,
                CertificateVersion1,
                CertificateIsCa,
                BasicConstraintsMissing,
                SelfSigned,
            ],
            // What stands before the path is as with one certificate.
            Self::PackedChain => with_certificate_flaws![
                WrongAlgorithm,
                BadSignature,
                SignatureOverOtherData,
                CertificateForOtherKey,
                AaguidExtensionWrong,
                CertificateIsCa,
                IntermediateMissing,
                IntermediateIsNoCa,
                IntermediateKeyUsageWrong,
                IntermediateExpired,
            ],
            Self::FidoU2f => with_certificate_flaws![
                StatementIsArray,
                SigMissing,
                X5cMissing,
                X5cEmpty,
                BadSignature,
                SignatureOverOtherData,
                SignatureTrailingData,
                CertificateForOtherKey,
                KeyUsageWrong,
                TwoCertificates,
                KeyNotOnP256,
                SelfSigned,
            ],
            Self::Tpm => with_certificate_flaws![
                StatementIsArray,
                VersionMissing,
                VersionNot2,
                AlgMissing,
                X5cMissing,
                X5cEmpty,
                SigMissing,
                CertInfoMissing,
                PubAreaMissing,
                WrongAlgorithm,
                BadSignature,
                SignatureOverOtherData,
                SignatureTrailingData,
                CertificateForOtherKey,
                PubAreaOtherKey,
                PubAreaTrailingData,
                CertInfoMagic,
                CertInfoType,
                CertInfoExtraData,
                CertInfoName,
                CertInfoTrailingData,
                CertificateVersion1,
                SubjectNotEmpty,
                SubjectAltNameMissing,
                ManufacturerMissing,
                ManufacturerUnknown,
                ManufacturerOfTests,
                ModelMissing,
                FirmwareVersionMissing,
                ExtendedKeyUsageMissing,
                ExtendedKeyUsageWrong,
                KeyUsageWrong,
                CertificateIsCa,
                BasicConstraintsMissing,
                AaguidExtensionWrong,
            ],
            Self::AndroidKey => with_certificate_flaws![
                StatementIsArray,
                AlgMissing,
                SigMissing,
                X5cMissing,
                X5cEmpty,
                WrongAlgorithm,
                BadSignature,
                SignatureOverOtherData,
                SignatureTrailingData,
                SignatureByOtherKey,
                CertificateNotForCredential,
                KeyUsageWrong,
                KeyDescriptionMissing,
                ChallengeWrong,
                AllApplications,
                AllApplicationsBySoftware,
                OriginNotGenerated,
                OriginMissing,
                PurposeNotSign,
                PurposeMissing,
                PurposeAlsoDecrypt,
                SoftwareEnforced,
            ],
            Self::AndroidSafetyNet => with_certificate_flaws![
                StatementIsArray,
                VersionMissing,
                VersionEmpty,
                ResponseMissing,
                X5cMissing,
                X5cEmpty,
                JwsAlgorithmNone,
                BadSignature,
                SignatureOverOtherData,
                CertificateForOtherKey,
                KeyUsageWrong,
                NonceWrong,
                BasicIntegrityFalse,
                CtsProfileMatchFalse,
                IntegrityFailed,
                HostnameWrong,
                TimestampOld,
                TimestampFuture,
                IntermediateMissing,
            ],
            Self::Apple => with_certificate_flaws![
                StatementIsArray,
                X5cMissing,
                X5cEmpty,
                NonceWrong,
                NonceMissing,
                CertificateNotForCredential,
            ],
            Self::Compound => &[
                Flaw::NoStatement,
                Flaw::OneStatement,
                Flaw::NestedCompound,
                Flaw::OneBroken,
                Flaw::AllBroken,
                Flaw::ForeignRoot,
                Flaw::ExtraMember,
                Flaw::MissingMember,
            ],
        }
    }
}
