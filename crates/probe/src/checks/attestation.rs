//! Attestation statements: WebAuthn L3 §7.1 steps 21 to 24, §8.2, §8.7.
use crate::bench::{Bench, Stop, Who};
use crate::check::{Act, Basis, Change, Check, Clause, Needs, Told, Want, check, json, made, own};
use crate::draft::{Attest, edit_statement, set};
use crate::plan::Attestation;
use crate::report::Severity;
use authenticator::signer::DeterministicSigner;
use emulator::attestation::TestCa;
use relying_party::{Ceremony, Step};
use wire::cbor::{self, Value as Cbor};

const GROUP: &str = "attestation";
const VERIFY: &str = "Verify statements by the procedure of their format, or take none at all: one that nobody looked at proves \
                      nothing.";
const TRUST: &str = "Follow the certificates up to a root that you chose to trust, for example from the FIDO Metadata Service.";
const DEMAND: &str =
    "Where attestation is demanded, refuse registrations that have none with a trusted root.";

fn clause(step: Step) -> Clause {
    Clause::Step(Ceremony::Registration, step)
}

/// A statement that is wrong: a finding where statements count.
fn wrong(id: &str, title: &str, step: Step, severity: Severity, advice: &str, act: Act) -> Check {
    check(id, title, GROUP, clause(step), severity, advice, act)
        .rule(|wants| Want::refuse_if(wants.attestation() != Attestation::None))
}

/// One that proves too little: a finding where attestation is demanded.
fn too_little(id: &str, title: &str, act: Act) -> Check {
    check(id, title, GROUP, clause(Step::AttestationTrust), Severity::High, DEMAND, act)
        .rule(|wants| Want::refuse_if(wants.attestation() == Attestation::Enforced))
}

fn statement(edit: impl Fn(&mut Vec<(Cbor, Cbor)>) + 'static) -> Change {
    json(move |response| edit_statement(response, &edit))
}

/// A registration that is attested otherwise than the base: refusing it is what may be wanted, so no other control.
fn attested(bench: &mut Bench<'_>, attest: Attest) -> Result<Told, Stop> {
    let creation = bench.begin_registration(Who::First)?;
    let mut draft = bench.draft_registration(&creation, &Basis::Itself)?;
    draft.attest = attest;
    let text = draft.finish().map_err(|e| Stop::Inconclusive(e.to_string()))?.to_string();
    bench.post_registration(&creation, &draft, &text).map(Told::from)
}

/// A certificate by a root that nobody was told of.
fn foreign_root(bench: &mut Bench<'_>) -> Result<Told, Stop> {
    let failed = |e: emulator::attestation::CaError| Stop::Inconclusive(e.to_string());
    let foreign = TestCa::generate(&mut DeterministicSigner, bench.rng).map_err(failed)?;
    let model = bench.model(&Basis::Certified);
    let by =
        foreign.batch(model, "a model of nobody's", &mut DeterministicSigner, bench.rng).map_err(failed)?;
    let creation = bench.begin_registration(Who::First)?;
    let mut draft = bench.draft_registration(&creation, &Basis::Certified)?;
    draft.attest = Attest::By(by);
    let text = draft.finish().map_err(|e| Stop::Inconclusive(e.to_string()))?.to_string();
    let told = Told::from(bench.post_registration(&creation, &draft, &text)?);
    match (&told, bench.honest(&Basis::Certified)?) {
        (Told::Refused(_), Err(said)) => {
            Err(Stop::Inconclusive(format!("a certificate of the test CA is refused too: {said}")))
        }
        _ => Ok(told),
    }
}

pub(super) fn checks() -> Vec<Check> {
    use Severity::{High, Low, Medium, Note};
    let certified = |change| Act::Registration(Basis::Certified, change);
    let itself = |change| Act::Registration(Basis::Itself, change);
    vec![
        too_little(
            "attestation-none",
            "a registration without attestation",
            own(Needs::Registration, |bench| attested(bench, Attest::Nobody)),
        ),
        too_little(
            "attestation-self",
            "a registration that attests itself",
            own(Needs::Registration, |bench| attested(bench, Attest::Itself)),
        ),
        wrong(
            "attestation-format-unknown",
            "a statement in a format that does not exist",
            Step::Format,
            Medium,
            VERIFY,
            own(Needs::Registration, |bench| {
                attested(bench, Attest::Statement("fauxkey-probe".into(), Cbor::Map(Vec::new())))
            }),
        ),
        wrong(
            "attestation-none-with-statement",
            "format none with a statement that is not empty",
            Step::AttestationStatement,
            Low,
            VERIFY,
            Act::Registration(
                Basis::Nobody,
                made(|d| {
                    d.attest = Attest::Statement(
                        "none".into(),
                        cbor::text_map([("sig", Some(cbor::bytes([1; 70])))]),
                    );
                }),
            ),
        ),
        wrong(
            "attestation-none-with-array",
            "format none with an array in place of the empty map",
            Step::AttestationStatement,
            Note,
            VERIFY,
            Act::Registration(
                Basis::Nobody,
                made(|d| d.attest = Attest::Statement("none".into(), Cbor::Array(Vec::new()))),
            ),
        ),
        wrong(
            "packed-self-wrong-key",
            "a self attestation by another key than the credential's",
            Step::AttestationSignature,
            Medium,
            VERIFY,
            itself(made(|d| {
                // The key that signs is not the one in the authenticator data any more.
                d.key = d.stranger.clone();
            })),
        ),
        wrong(
            "packed-self-wrong-algorithm",
            "a self attestation whose alg is not the key's",
            Step::AttestationAlgorithm,
            Medium,
            VERIFY,
            itself(statement(|s| set(s, "alg", Some((-257).into())))),
        ),
        wrong(
            "packed-signature-turned",
            "an attestation signature with a bit turned over",
            Step::AttestationSignature,
            High,
            VERIFY,
            certified(statement(|s| {
                let sig = s.iter_mut().find(|(name, _)| name.as_text() == Some("sig"));
                if let Some((_, Cbor::Bytes(sig))) = sig
                    && let Some(last) = sig.last_mut()
                {
                    *last ^= 1;
                }
            })),
        ),
        wrong(
            "packed-signature-empty",
            "an empty attestation signature",
            Step::AttestationSignature,
            High,
            VERIFY,
            certified(statement(|s| set(s, "sig", Some(cbor::bytes([]))))),
        ),
        wrong(
            "packed-without-certificates",
            "a statement by another key whose certificates were taken away",
            Step::AttestationSignature,
            High,
            VERIFY,
            certified(statement(|s| set(s, "x5c", None))),
        ),
        wrong(
            "packed-no-certificate",
            "bytes in place of the attestation certificate",
            Step::AttestationCertificates,
            High,
            VERIFY,
            certified(statement(|s| set(s, "x5c", Some(Cbor::Array(vec![cbor::bytes([0x30, 0])]))))),
        ),
        wrong(
            "packed-certificates-empty",
            "an empty list of certificates",
            Step::AttestationStatement,
            High,
            VERIFY,
            certified(statement(|s| set(s, "x5c", Some(Cbor::Array(Vec::new()))))),
        ),
        wrong(
            "packed-foreign-root",
            "a certificate of a root that nobody trusts",
            Step::AttestationChain,
            High,
            TRUST,
            own(Needs::Registration, foreign_root),
        ),
        wrong(
            "packed-further-member",
            "a statement with a member that its format does not have",
            Step::AttestationStatement,
            Note,
            VERIFY,
            certified(statement(|s| set(s, "fauxkey", Some(1.into())))),
        )
        .either(),
    ]
}
