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
            Flaw::ForeignRoot,
            Flaw::TrailingData,
            Flaw::ExtraMember,
            Flaw::MissingMember,
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

    /// How a statement of this format can be broken, one thing at a time.
    pub const fn flaws(self) -> &'static [Flaw] {
        match self {
            Self::None => &[Flaw::ExtraMember],
            Self::PackedSelf => &[
                Flaw::ExtraMember,
                Flaw::MissingMember,
                Flaw::WrongAlgorithm,
                Flaw::BadSignature,
                Flaw::SignatureOverOtherData,
            ],
            Self::PackedBasic => with_certificate_flaws![
                WrongAlgorithm,
                BadSignature,
                SignatureOverOtherData,
                CertificateForOtherKey,
                AaguidExtensionWrong,
                AaguidExtensionCritical,
                CountryMissing,
                OrganizationMissing,
                UnitMissing,
                UnitWrong,
                CommonNameMissing,
                CertificateIsCa,
            ],
            Self::PackedChain => with_certificate_flaws![
                WrongAlgorithm,
                BadSignature,
                SignatureOverOtherData,
                CertificateForOtherKey,
                AaguidExtensionWrong,
                CertificateIsCa,
                IntermediateMissing,
                IntermediateIsNoCa,
            ],
            Self::FidoU2f => with_certificate_flaws![
                BadSignature,
                SignatureOverOtherData,
                CertificateForOtherKey,
                TwoCertificates,
                KeyNotOnP256,
            ],
            Self::Tpm => with_certificate_flaws![
                WrongAlgorithm,
                BadSignature,
                SignatureOverOtherData,
                CertificateForOtherKey,
                VersionNot2,
                PubAreaOtherKey,
                CertInfoMagic,
                CertInfoType,
                CertInfoExtraData,
                CertInfoName,
                SubjectNotEmpty,
                SubjectAltNameMissing,
                ExtendedKeyUsageMissing,
                CertificateIsCa,
                AaguidExtensionWrong,
            ],
            Self::AndroidKey => with_certificate_flaws![
                WrongAlgorithm,
                BadSignature,
                SignatureOverOtherData,
                CertificateNotForCredential,
                ChallengeWrong,
                AllApplications,
                OriginNotGenerated,
                PurposeNotSign,
            ],
            Self::AndroidSafetyNet => with_certificate_flaws![
                BadSignature,
                CertificateForOtherKey,
                NonceWrong,
                BasicIntegrityFalse,
                CtsProfileMatchFalse,
                VersionMissing,
                VersionEmpty,
                HostnameWrong,
                TimestampOld,
            ],
            Self::Apple => with_certificate_flaws![NonceWrong, NonceMissing, CertificateNotForCredential],
            Self::Compound => &[
                Flaw::OneStatement,
                Flaw::NestedCompound,
                Flaw::OneBroken,
                Flaw::ExtraMember,
                Flaw::MissingMember,
            ],
        }
    }
}
