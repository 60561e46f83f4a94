//! Which models are taken: the AAGUID, and what proves it. WebAuthn L3 §6.5.1, §8.2.
use crate::bench::{Bench, Stop, Who};
use crate::check::{Basis, Check, Clause, Needs, Told, Want, Wants, check, own};
use crate::plan::{Attestation, Plan};
use crate::report::Severity;
use emulator::DeviceProfile;
use relying_party::{Ceremony, Step};
use std::str::FromStr as _;
use wire::aaguid::Aaguid;

const GROUP: &str = "models";
const POLICY: &str = "Compare the AAGUID with the models that you want, and demand attestation up to a trusted root: without it the \
                      AAGUID is what the client says.";
const NAMED: &str = "Compare the AAGUID in the attestation certificate (id-fido-gen-ce-aaguid) with that in the authenticator data.";
/// In nobody's list.
const UNKNOWN: Aaguid =
    Aaguid([0xFA, 0x0C, 0x5E, 0x11, 0, 0, 0x40, 0, 0x80, 0, b'n', b'o', b'b', b'o', b'd', b'y']);
const AUTHENTICATORS: [(&str, &str); 2] =
    [("ios", "90a3ccdf-635c-4729-a248-9b709135078f"), ("android", "de1e552d-db1d-4423-a619-566b625cdc84")];

/// Whether the plan wants that model.
fn wanted(wants: &Wants<'_>, model: Aaguid) -> Want {
    let names = |list: &[String]| list.iter().any(|text| Aaguid::from_str(text) == Ok(model));
    let expect = &wants.plan.expect;
    if names(&expect.blocked) {
        Want::Refuse
    } else if expect.allowed.is_empty() {
        Want::Either
    } else if names(&expect.allowed) {
        Want::Accept
    } else {
        Want::Refuse
    }
}

/// A registration by that model.
fn register(bench: &mut Bench<'_>, model: Aaguid, basis: &Basis, certified: Aaguid) -> Result<Told, Stop> {
    let creation = bench.begin_registration(Who::First)?;
    let mut draft = bench.draft_registration(&creation, basis)?;
    draft.credential(|credential| credential.aaguid = model);
    draft.attest = bench.attest(basis, certified)?;
    let text = draft.finish().map_err(|e| Stop::Inconclusive(e.to_string()))?.to_string();
    let told = Told::from(bench.post_registration(&creation, &draft, &text)?);
    let unattested = bench.plan.expect.attestation == Attestation::Enforced && *basis != Basis::Certified;
    if let (Told::Refused(said), false) = (&told, unattested) {
        // Another model that is attested so must be taken, or the model is not why this one is refused.
        if let Err(honest) = bench.honest(basis)? {
            return Err(Stop::Inconclusive(format!(
                "it refuses an honest registration that is attested so: {honest} (and this one: {said})"
            )));
        }
    }
    Ok(told)
}

fn model(name: &str, title: &str, model: Aaguid) -> [Check; 2] {
    let row = |basis: Basis, word: &str| {
        let how = if word == "attested" { "attested by the test CA" } else { "without attestation" };
        let attested = word == "attested";
        let act = own(Needs::Registration, move |bench| register(bench, model, &basis, model));
        let clause = Clause::Text("WebAuthn L3 §6.5.1 (aaguid)");
        let (id, title) = (format!("model-{name}-{word}"), format!("{title} ({model}) {how}"));
        check(id, title, GROUP, clause, Severity::Medium, POLICY, act).rule(move |wants| {
            let enforced = wants.attestation() == Attestation::Enforced && !attested;
            if enforced { Want::Refuse } else { wanted(wants, model) }
        })
    };
    [row(Basis::Nobody, "unattested"), row(Basis::Certified, "attested")]
}

/// A blocked model's certificate beside an allowed AAGUID, and the reverse.
fn disguised(bench: &mut Bench<'_>, certificate_is_blocked: bool) -> Result<Told, Stop> {
    let blocked = bench.plan.expect.blocked.iter().find_map(|text| Aaguid::from_str(text).ok());
    let blocked = blocked.ok_or_else(|| Stop::Skipped("the plan blocks no model".into()))?;
    let honest = bench.model(&Basis::Certified);
    let (told, certified) = if certificate_is_blocked { (honest, blocked) } else { (blocked, honest) };
    register(bench, told, &Basis::Certified, certified)
}

pub(super) fn checks(plan: &Plan) -> Vec<Check> {
    let mut models: Vec<(String, String, Aaguid)> = Vec::new();
    for profile in DeviceProfile::built_in() {
        let aaguid = profile.authenticator.aaguid;
        let ours = aaguid.0.starts_with(&[0xFA, 0x0C, 0x5E, 0x11]);
        if aaguid != Aaguid::ZERO && !ours && models.iter().all(|(.., other)| *other != aaguid) {
            models.push((profile.name, profile.title, aaguid));
        }
    }
    let planned = plan.expect.allowed.iter().chain(&plan.expect.blocked);
    for aaguid in planned.filter_map(|text| Aaguid::from_str(text).ok()) {
        if models.iter().all(|(.., other)| *other != aaguid) {
            models.push((aaguid.to_string(), "a model that the plan names".into(), aaguid));
        }
    }
    models.push(("unknown".into(), "a model that nobody knows".into(), UNKNOWN));
    models.push(("zero".into(), "no model, as authenticators without an AAGUID say".into(), Aaguid::ZERO));
    let mut all: Vec<Check> =
        models.iter().flat_map(|(name, title, aaguid)| model(name, title, *aaguid)).collect();
    for (system, aaguid) in AUTHENTICATORS {
        let aaguid = Aaguid::from_str(aaguid).expect("it is a UUID");
        let act = own(Needs::Registration, move |bench| register(bench, aaguid, &Basis::Itself, aaguid));
        let id = format!("model-ms-authenticator-{system}-self-attested");
        let title = format!("Microsoft Authenticator for {system}, said by a key that attests itself");
        let clause = Clause::Text("WebAuthn L3 §6.5.3 (self attestation)");
        // Self attestation proves nothing, so where models count it must not do.
        all.push(check(id, title, GROUP, clause, Severity::High, POLICY, act).rule(move |wants| {
            let blocked = wanted(wants, aaguid) == Want::Refuse;
            Want::refuse_if(blocked || wants.attestation() == Attestation::Enforced)
        }));
    }
    let named = |id: &str, title: &str, act: fn(&mut Bench<'_>) -> Result<Told, Stop>| {
        let clause = Clause::Step(Ceremony::Registration, Step::CertificateModel);
        let act = own(Needs::Registration, act);
        check(id, title, GROUP, clause, Severity::High, NAMED, act)
            .rule(|wants| Want::refuse_if(wants.attestation() != Attestation::None))
    };
    all.extend([
        named(
            "certificate-of-another-model",
            "an AAGUID that is not that of the attestation certificate",
            |bench| {
                let honest = bench.model(&Basis::Certified);
                register(bench, honest, &Basis::Certified, UNKNOWN)
            },
        ),
        named(
            "blocked-model-with-anothers-certificate",
            "a blocked model under another model's certificate",
            |bench| disguised(bench, false),
        )
        .rule(|_| Want::Refuse),
        named("blocked-models-certificate", "a blocked model's certificate beside another AAGUID", |bench| {
            disguised(bench, true)
        }),
    ]);
    all
}
