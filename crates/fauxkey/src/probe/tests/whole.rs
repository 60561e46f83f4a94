//! Whole runs.
use super::{Party, Server, adapter};
use crate::probe::built_in;
use crate::probe::tenant::{Policy, TenantTarget};
use emulator::FastSigner;
use emulator::attestation::TestCa;
use probe::report::{Report, Verdict};
use probe::{Plan, Target, Tools};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::{Arc, Mutex};
use tenant::Behaviour;

fn plan(include: &[&str]) -> Plan {
    Plan { include: include.iter().map(|word| (*word).into()).collect(), ..Plan::default() }
}

fn ca() -> TestCa {
    TestCa::generate(&mut FastSigner::default(), &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
}

fn run(plan: &Plan, target: &mut dyn Target, ca: &TestCa) -> Report {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let tools = Tools { ca, rng: &mut rng, wait: &mut |_| (), version: "0", now: 0, repeat: "fauxkey probe" };
    probe::run(plan, target, tools, &mut |_| ())
}

fn verdict<'a>(report: &'a Report, id: &str) -> &'a Verdict {
    &report
        .results
        .iter()
        .find(|result| result.id == id)
        .unwrap_or_else(|| panic!("{id} was not tried"))
        .verdict
}

#[test]
fn honest_ceremonies_are_taken_over_http_lies_are_not_and_nothing_is_left_or_told() {
    let party = Arc::new(Mutex::new(Party::default()));
    let behind = party.clone();
    let server = Server::start(move |came| behind.lock().unwrap().answer(came));
    let text = format!(
        "headers = {{ X-Api-Key = \"key-that-nobody-reads\" }}\n{}",
        built_in::named("conformance").unwrap().text
    );
    let mut target = adapter(&text, Some(&server.url)).unwrap();
    let report = run(&plan(&["signature", "origin"]), &mut target, &ca());
    for control in ["control-registration", "control-sign-in"] {
        assert!(
            matches!(verdict(&report, control), Verdict::Held { .. }),
            "{control}: {:?}",
            verdict(&report, control)
        );
    }
    assert!(matches!(verdict(&report, "sign-in-signature-wrong-key"), Verdict::Held { .. }));
    let found: Vec<_> =
        report.results.iter().filter(|result| matches!(result.verdict, Verdict::Found { .. })).collect();
    assert!(found.is_empty(), "{found:#?}");
    let left = party.lock().unwrap().accounts.values().flatten().count();
    assert_eq!((report.left_behind.len(), left), (0, 0), "{:?}", report.left_behind);
    let text = serde_json::to_string(&report).unwrap();
    assert!(text.contains("/attestation/result") && text.contains("clientDataJSON"), "evidence is missing");
    assert!(!text.contains("key-that-nobody-reads") && !text.contains("session-"), "a secret was told");
    assert!(server.came().iter().all(|came| came.header("x-api-key") == "key-that-nobody-reads"));
}

#[test]
fn a_relying_party_without_clean_up_has_what_is_left_listed() {
    let party = Arc::new(Mutex::new(Party::default()));
    let behind = party.clone();
    let server = Server::start(move |came| behind.lock().unwrap().answer(came));
    let text = built_in::named("conformance").unwrap().text;
    let text = text.split("[clean-up]").next().unwrap();
    let report =
        run(&plan(&["sign-in-signature-wrong-key"]), &mut adapter(text, Some(&server.url)).unwrap(), &ca());
    let left = party.lock().unwrap().accounts.values().flatten().count();
    assert!(left > 0);
    assert_eq!(report.left_behind.len(), left);
}

#[test]
fn a_tenant_of_one_s_own_is_probed_in_both_behaviours() {
    for behaviour in [Behaviour::Preview2024, Behaviour::Current] {
        for attestation_enforced in [false, true] {
            let ca = ca();
            let policy = Policy { attestation_enforced, device_bound: false };
            let mut target =
                TenantTarget::start(behaviour, policy, ca.certificate(), Box::new(|_| ())).unwrap();
            let mut plan = plan(&["signature", "robust-deep-json"]);
            if attestation_enforced {
                plan.expect.attestation = probe::Attestation::Enforced;
            }
            let report = run(&plan, &mut target, &ca);
            for control in ["control-registration", "control-sign-in", "sign-in-signature-wrong-key"] {
                let verdict = verdict(&report, control);
                assert!(
                    matches!(verdict, Verdict::Held { .. }),
                    "{behaviour:?} {attestation_enforced} {control}: {verdict:?}"
                );
            }
            assert_eq!(report.left_behind, []);
            let text = serde_json::to_string(&report).unwrap();
            assert!(!text.contains("Session "), "a session was told");
        }
    }
}
