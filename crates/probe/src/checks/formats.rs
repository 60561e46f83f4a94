//! Statements of every attestation format, right and wrong in one thing: WebAuthn L3 §7.1 steps 21 to 24, §8.
use crate::bench::{Bench, Stop, Who};
use crate::check::{Basis, Check, Clause, Needs, Told, Want, check, own};
use crate::draft::Attest;
use crate::plan::Attestation;
use crate::report::Severity;
use emulator::attestation::{Flaw, Format};
use relying_party::{Ceremony, Step};
use wire::aaguid::Aaguid;

const GROUP: &str = "formats";
const RIGHT: &str = "Take the formats that you can verify, up to a root that you trust, and no others.";
const WRONG: &str = "Follow the verification procedure of the format to its end, or do not take the format.";
const POLICY: &str =
    "The specification leaves this to you: decide whether you want to take it, and write down that you did.";

/// A registration with a forged statement.
fn forged(bench: &mut Bench<'_>, format: Format, flaw: Option<Flaw>) -> Result<Told, Stop> {
    let creation = bench.begin_registration(Who::First)?;
    let mut draft = bench.draft_registration(&creation, &Basis::Itself)?;
    if format == Format::FidoU2f {
        // A U2F key has no model.
        draft.credential(|credential| credential.aaguid = Aaguid::ZERO);
    }
    let made = bench.forge(&draft, format, flaw)?;
    draft.attest = Attest::Statement(made.fmt, made.att_stmt);
    let text = draft.finish().map_err(|e| Stop::Inconclusive(e.to_string()))?.to_string();
    bench.post_registration(&creation, &draft, &text).map(Told::from)
}

/// The same with a flaw, where a statement of the format without one is taken: else a refusal tells nothing.
fn flawed(bench: &mut Bench<'_>, format: Format, flaw: Flaw) -> Result<Told, Stop> {
    let right = match bench.right_format(format) {
        Some(known) => known,
        None => {
            let right = match forged(bench, format, None)? {
                Told::Refused(said) => Err(said),
                _ => Ok(()),
            };
            bench.note_format(format, right.clone());
            right
        }
    };
    right.map_err(|said| {
        Stop::Skipped(format!("a correct statement of format {} is refused: {said}", format.as_str()))
    })?;
    forged(bench, format, Some(flaw))
}

const fn severity(flaw: Flaw) -> Severity {
    match flaw {
        Flaw::ExtraMember => Severity::Note,
        Flaw::TrailingData
        | Flaw::SignatureTrailingData
        | Flaw::PubAreaTrailingData
        | Flaw::CertInfoTrailingData
        | Flaw::CountryMissing
        | Flaw::CountryWrong
        | Flaw::OrganizationMissing
        | Flaw::UnitMissing
        | Flaw::UnitWrong
        | Flaw::CommonNameMissing
        | Flaw::SubjectNotEmpty
        | Flaw::ManufacturerMissing
        | Flaw::ManufacturerUnknown
        | Flaw::ManufacturerOfTests
        | Flaw::ModelMissing
        | Flaw::FirmwareVersionMissing
        | Flaw::CertificateVersion1
        // RFC 5280 §4.2.1.9: without the extension it is no CA's.
        | Flaw::BasicConstraintsMissing
        | Flaw::KeyUsageWrong
        // The certified key still verifies, by the same hash.
        | Flaw::WrongAlgorithm
        | Flaw::AlgMissing
        | Flaw::PurposeAlsoDecrypt
        | Flaw::AaguidExtensionCritical
        | Flaw::AaguidExtensionNotWrapped => Severity::Low,
        Flaw::CertificateExpired
        | Flaw::CertificateNotYetValid
        | Flaw::CertificateIsCa
        | Flaw::IntermediateExpired
        | Flaw::IntermediateKeyUsageWrong
        | Flaw::TimestampOld
        | Flaw::TimestampFuture
        | Flaw::VersionMissing
        | Flaw::VersionEmpty
        | Flaw::VersionNot2
        | Flaw::TwoCertificates
        | Flaw::KeyNotOnP256
        | Flaw::SoftwareEnforced
        | Flaw::OneBroken
        | Flaw::SubjectAltNameMissing
        | Flaw::ExtendedKeyUsageMissing
        | Flaw::ExtendedKeyUsageWrong => Severity::Medium,
        _ => Severity::High,
    }
}

fn of(format: Format) -> Vec<Check> {
    let name = format.as_str();
    let right = check(
        format!("format-{name}"),
        format!("a correct statement of format {name} by the test CA"),
        GROUP,
        Clause::Step(Ceremony::Registration, Step::Format),
        Severity::Note,
        RIGHT,
        own(Needs::Registration, move |bench| forged(bench, format, None)),
    );
    let wrong = format.flaws().iter().map(|&flaw| {
        let check = check(
            format!("format-{name}-{}", flaw.as_str()),
            format!("a statement of format {name}: {}", flaw.sentence().trim_end_matches('.')),
            GROUP,
            Clause::Owned(flaw.clause(format)),
            severity(flaw),
            if flaw.is_policy() { POLICY } else { WRONG },
            own(Needs::Registration, move |bench| flawed(bench, format, flaw)),
        );
        match flaw.is_policy() {
            true => check.either(),
            false => check.rule(|wants| Want::refuse_if(wants.attestation() != Attestation::None)),
        }
    });
    std::iter::once(right.either()).chain(wrong).collect()
}

pub(super) fn checks() -> Vec<Check> {
    // Of `none` everything is said in the table of attestation.
    Format::ALL.into_iter().filter(|format| *format != Format::None).flat_map(of).collect()
}
