//! Attestation of every format: what is right is taken, what is wrong is refused, and who leaves out the steps that refuse
//! it is found.
use super::*;
use emulator::attestation::{Flaw, Format};
use probe::checks;
use relying_party::{Ceremony, Step};

fn only(id: &str) -> Plan {
    Plan { include: vec![id.into()], ..plan() }
}

fn verdict<'a>(report: &'a Report, id: &str) -> &'a Verdict {
    &report
        .results
        .iter()
        .find(|result| result.id == id)
        .unwrap_or_else(|| panic!("{id} was not tried"))
        .verdict
}

fn id(format: Format, flaw: Option<Flaw>) -> String {
    let flaw = flaw.map(|flaw| format!("-{}", flaw.as_str())).unwrap_or_default();
    format!("format-{}{flaw}", format.as_str())
}

/// Every check of the group, in its order.
fn every_check() -> impl Iterator<Item = (Format, Option<Flaw>)> {
    let formats = Format::ALL.into_iter().filter(|format| *format != Format::None);
    formats.flat_map(|format| {
        let flaws = format.flaws().iter().copied().map(Some);
        std::iter::once(None).chain(flaws).map(move |flaw| (format, flaw))
    })
}

/// What a relying party takes that leaves nothing out, though something is wrong with it: §8 leaves it to policy.
const TAKEN: [Flaw; 4] =
    [Flaw::ManufacturerUnknown, Flaw::ManufacturerOfTests, Flaw::SoftwareEnforced, Flaw::BasicIntegrityFalse];

#[test]
fn a_correct_statement_of_every_format_is_taken_and_no_flaw_is_passed_over_but_by_policy() {
    let report = probe(&Plan { include: vec!["formats".into()], ..plan() }, &mut strict());
    let all: Vec<String> =
        checks(&plan()).into_iter().filter(|c| c.group == "formats").map(|c| c.id).collect();
    assert_eq!(all, every_check().map(|(format, flaw)| id(format, flaw)).collect::<Vec<_>>());
    for (format, flaw) in every_check() {
        let id = id(format, flaw);
        match (verdict(&report, &id), flaw) {
            (Verdict::Observed { what }, None) => assert!(what.contains("accepts"), "{id}: {what}"),
            (Verdict::Observed { what }, Some(flaw)) => {
                assert!(flaw.is_policy(), "{id}: {what}");
                assert_eq!(what.contains("accepts"), TAKEN.contains(&flaw), "{id}: {what}");
            }
            (Verdict::Held { .. }, Some(flaw)) => assert!(!flaw.is_policy(), "{id}"),
            (other, _) => panic!("{id}: {other:?}"),
        }
    }
}

/// The steps that refuse a flaw, the first first: each is left out after the other until the statement is taken.
fn refused_by(format: Format, flaw: Flaw) -> &'static [Step] {
    let own_key = format == emulator::attestation::Format::PackedSelf;
    use Step::*;
    match flaw {
        Flaw::ExtraMember
        | Flaw::MissingMember
        | Flaw::AlgMissing
        | Flaw::SigMissing
        | Flaw::X5cMissing
        | Flaw::X5cEmpty
        | Flaw::ResponseMissing
        | Flaw::CertInfoMissing
        | Flaw::PubAreaMissing
        | Flaw::VersionMissing
        | Flaw::VersionEmpty
        | Flaw::VersionNot2
        | Flaw::TwoCertificates
        | Flaw::PubAreaTrailingData
        | Flaw::NoStatement
        | Flaw::OneStatement => &[AttestationStatement],
        // An attestation object has a map there, or an array of maps (§6.5.4, §8.9).
        Flaw::StatementIsArray | Flaw::NestedCompound => &[AttestationObject, AttestationStatement],
        Flaw::TrailingData => &[AttestationCertificates],
        // Without the algorithm nothing says how to verify.
        Flaw::WrongAlgorithm if own_key => &[AttestationAlgorithm],
        Flaw::WrongAlgorithm | Flaw::KeyNotOnP256 | Flaw::JwsAlgorithmNone => {
            &[AttestationAlgorithm, AttestationSignature]
        }
        Flaw::BadSignature
        | Flaw::SignatureOverOtherData
        | Flaw::SignatureTrailingData
        | Flaw::SignatureByOtherKey
        | Flaw::CertificateForOtherKey
        | Flaw::OneBroken
        | Flaw::AllBroken => &[AttestationSignature],
        Flaw::CertInfoExtraData | Flaw::ChallengeWrong | Flaw::NonceWrong | Flaw::NonceMissing => {
            &[AttestationNonce]
        }
        Flaw::PubAreaOtherKey | Flaw::CertificateNotForCredential => &[AttestationKey],
        Flaw::CertInfoMagic => &[TpmMagic],
        Flaw::CertInfoType => &[TpmType],
        Flaw::CertInfoName | Flaw::CertInfoTrailingData => &[TpmName],
        Flaw::KeyDescriptionMissing => {
            &[AttestationNonce, AndroidKeyScope, AndroidKeyOrigin, AndroidKeyPurpose]
        }
        Flaw::AllApplications | Flaw::AllApplicationsBySoftware => &[AndroidKeyScope],
        Flaw::OriginNotGenerated | Flaw::OriginMissing => &[AndroidKeyOrigin],
        Flaw::PurposeNotSign | Flaw::PurposeMissing | Flaw::PurposeAlsoDecrypt => &[AndroidKeyPurpose],
        Flaw::HostnameWrong => &[SafetyNetService],
        Flaw::CtsProfileMatchFalse | Flaw::IntegrityFailed => &[SafetyNetIntegrity],
        Flaw::TimestampOld | Flaw::TimestampFuture => &[SafetyNetTime],
        Flaw::CertificateVersion1 => &[CertificateVersion],
        Flaw::CountryMissing
        | Flaw::CountryWrong
        | Flaw::OrganizationMissing
        | Flaw::UnitMissing
        | Flaw::UnitWrong
        | Flaw::CommonNameMissing
        | Flaw::SubjectNotEmpty => &[CertificateSubject],
        Flaw::SubjectAltNameMissing
        | Flaw::ManufacturerMissing
        | Flaw::ModelMissing
        | Flaw::FirmwareVersionMissing => &[CertificateAlternativeName],
        Flaw::KeyUsageWrong | Flaw::ExtendedKeyUsageMissing | Flaw::ExtendedKeyUsageWrong => {
            &[CertificateKeyUsage]
        }
        Flaw::CertificateIsCa | Flaw::BasicConstraintsMissing => &[CertificateConstraints],
        Flaw::AaguidExtensionWrong | Flaw::AaguidExtensionNotWrapped => &[CertificateModel],
        // What is critical, and not known where paths are followed.
        Flaw::AaguidExtensionCritical => &[CertificateModel, AttestationChain],
        Flaw::CertificateSignatureWrong
        | Flaw::ForeignRoot
        | Flaw::SelfSigned
        | Flaw::IntermediateMissing
        | Flaw::IntermediateIsNoCa
        | Flaw::IntermediateKeyUsageWrong => &[AttestationChain],
        Flaw::CertificateExpired | Flaw::CertificateNotYetValid | Flaw::IntermediateExpired => {
            &[CertificateValidity]
        }
        Flaw::ManufacturerUnknown
        | Flaw::ManufacturerOfTests
        | Flaw::SoftwareEnforced
        | Flaw::BasicIntegrityFalse => &[],
    }
}

#[test]
fn every_flaw_is_refused_by_its_steps_and_found_where_they_are_left_out() {
    let mut wrong = Vec::new();
    for (format, flaw) in every_check() {
        let Some(flaw) = flaw else { continue };
        let id = id(format, Some(flaw));
        let mut left_out: Vec<Step> = Vec::new();
        let taken = loop {
            let mut party = strict().without(Ceremony::Registration, &left_out);
            match verdict(&probe(&only(&id), &mut party), &id) {
                Verdict::Found { .. } => break !flaw.is_policy(),
                Verdict::Observed { what } if what.contains("accepts") => break flaw.is_policy(),
                Verdict::Held { .. } | Verdict::Observed { .. } => match party.refused_at {
                    Some(step) if !left_out.contains(&step) => left_out.push(step),
                    _ => break false,
                },
                _ => break false,
            }
        };
        if !taken || left_out != refused_by(format, flaw) {
            wrong.push(format!("{id}: {taken}, {left_out:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
