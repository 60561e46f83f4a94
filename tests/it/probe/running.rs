//! A run: its controls, its phases, what it leaves behind.
use super::party::ORIGIN;
use super::*;
use probe::report::Severity;
use probe::{Phase, Users};

#[test]
fn a_strict_relying_party_gives_no_finding_whatever_the_plan_is() {
    const AUTHENTICATORS: [&str; 2] =
        ["90a3ccdf-635c-4729-a248-9b709135078f", "de1e552d-db1d-4423-a619-566b625cdc84"];
    let models = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let aaguids = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
    let bound = Plan { expect: Expect { device_bound: true, ..plan().expect }, ..plan() };
    let enforced = Plan { expect: Expect { attestation: Attestation::Enforced, ..plan().expect }, ..plan() };
    let chosen = Plan {
        expect: Expect {
            allowed: models(&AUTHENTICATORS),
            blocked: models(&["fbfc3007-154e-4ecc-8c0b-6e020557d7bd"]),
            ..enforced.expect.clone()
        },
        ..plan()
    };
    let mut strictly_bound = strict();
    strictly_bound.party.device_bound = true;
    let mut choosy = strict().enforcing();
    choosy.allowed = aaguids(&AUTHENTICATORS);
    choosy.blocked = aaguids(&["fbfc3007-154e-4ecc-8c0b-6e020557d7bd"]);
    let [mut nameless, mut named] = [strict(), strict()];
    (nameless.by_name, named.without_name) = (false, false);
    let sign_up = Plan { users: Users { sign_up: true, ..Users::default() }, ..plan() };
    let cases = [
        ("strict", plan(), strict()),
        ("of the default plan", Plan::default(), strict()),
        ("device-bound", bound, strictly_bound),
        ("enforcing", enforced, strict().enforcing()),
        ("enforcing, unknown to the plan", Plan::default(), strict().enforcing()),
        ("choosing models", chosen, choosy),
        ("without names", plan(), nameless),
        ("with names only", plan(), named),
        ("signing up", sign_up, strict()),
    ];
    for (name, mut plan, mut party) in cases {
        // Once is enough for the formats, which take the longest.
        if name != "strict" {
            plan.exclude.push("formats".into());
        }
        let report = probe(&plan, &mut party);
        let wrong: Vec<_> = report
            .results
            .iter()
            .filter(|r| FOUND(&r.verdict) || INCONCLUSIVE(&r.verdict))
            .map(|r| (&r.id, &r.verdict))
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        assert_eq!((report.left_behind.as_slice(), party.credentials()), ([].as_slice(), 0), "{name}");
        assert!(
            report.results.iter().filter(|r| matches!(r.verdict, Verdict::Held { .. })).count() > 80,
            "{name}"
        );
        assert_eq!(report.target, ORIGIN);
    }
}

#[test]
fn the_same_seed_gives_the_same_report() {
    // The signatures in certificates are the test CA's, and random.
    let exclude = ["robustness", "models", "attestation", "formats"].map(Into::into).into();
    let plan = Plan { exclude, ..plan() };
    assert!(probe(&plan, &mut strict()) == probe(&plan, &mut strict()));
}

/// A refusal of everything is no sign of strictness.
#[test]
fn where_honest_ceremonies_are_refused_nothing_is_told() {
    let mut party = strict();
    party.party.origins = vec!["https://another.test".into()];
    let report = probe(&plan(), &mut party);
    let told: Vec<_> = report.results.iter().filter(|r| !INCONCLUSIVE(&r.verdict)).map(|r| &r.id).collect();
    assert!(told.is_empty(), "{} of {}", told.len(), report.results.len());
    let Verdict::Inconclusive { why } = &report.results[0].verdict else { panic!("it is the control") };
    assert!(why.contains("WebAuthn L3 §7.1 step 9"), "{why}");
    assert_eq!(party.credentials(), 0);
}

/// A target that was recorded may have registrations alone.
#[test]
fn where_nobody_signs_in_the_checks_of_sign_ins_are_skipped_and_the_others_made() {
    let mut party = strict();
    (party.by_name, party.without_name) = (false, false);
    let plan = Plan { include: vec!["challenge".into()], ..plan() };
    let report = probe(&plan, &mut party);
    let skipped = |verdict: &Verdict| matches!(verdict, Verdict::Skipped { .. });
    let [mut sign_ins, mut held] = [0, 0];
    for result in &report.results {
        assert!(!INCONCLUSIVE(&result.verdict) && !FOUND(&result.verdict), "{}", result.id);
        if result.id.contains("sign-in") {
            assert!(skipped(&result.verdict), "{}: {:?}", result.id, result.verdict);
            sign_ins += 1;
        }
        held += usize::from(matches!(result.verdict, Verdict::Held { .. }));
    }
    assert!(sign_ins > 10 && held > 10, "{sign_ins} of sign-ins, {held} held");
}

/// Broken statements are refused here for their root's sake, and nothing follows from that.
#[test]
fn where_the_test_root_is_not_trusted_broken_certificates_tell_nothing() {
    let mut party = strict();
    party.party.attestation.trust_anchors.clear();
    let report = probe(&Plan { include: vec!["attestation".into()], ..plan() }, &mut party);
    let inconclusive = those(&report, INCONCLUSIVE);
    for id in
        ["packed-signature-turned", "packed-signature-empty", "packed-foreign-root", "packed-no-certificate"]
    {
        assert!(inconclusive.contains(id), "{id}");
    }
    assert!(!inconclusive.contains("packed-self-wrong-key") && those(&report, FOUND).is_empty());
}

#[test]
fn a_phase_has_a_state_of_its_own_and_keeps_what_was_registered_before() {
    let phase = |name: &str, change: Option<&str>, checks: &[&str]| Phase {
        name: name.into(),
        change: change.map(Into::into),
        checks: checks.iter().map(|check| (*check).into()).collect(),
    };
    let plan = Plan {
        phases: vec![
            phase("before", None, &["attestation-none"]),
            phase("after", Some("enforce attestation"), &["sign-in-user-not-verified", "attestation-none"]),
            phase("never", Some("be kind"), &["attestation-none"]),
        ],
        ..plan()
    };
    let mut party = strict();
    let report = probe(&plan, &mut party);
    let verdicts: Vec<(&str, &Verdict)> =
        report.results.iter().map(|r| (r.id.as_str(), &r.verdict)).collect();
    let of = |id: &str| {
        verdicts.iter().find(|(other, _)| *other == id).unwrap_or_else(|| panic!("{id}: {verdicts:#?}")).1
    };
    assert!(matches!(of("before:attestation-none"), Verdict::Observed { what } if what.contains("accepts")));
    assert!(matches!(of("after:change"), Verdict::Held { .. }));
    assert!(matches!(of("after:sign-in-user-not-verified"), Verdict::Held { .. }));
    assert!(matches!(of("after:attestation-none"), Verdict::Observed { what } if what.contains("refuses")));
    assert!(matches!(of("never:attestation-none"), Verdict::Inconclusive { why } if why.contains("be kind")));
    assert_eq!((report.left_behind.len(), party.credentials()), (0, 0));
}

#[test]
fn what_cannot_be_deleted_is_listed_and_a_result_can_be_repeated() {
    struct Stubborn(Party);
    impl probe::Target for Stubborn {
        fn origin(&self) -> &str {
            ORIGIN
        }
        fn begin(
            &mut self,
            session: probe::target::Session,
            ceremony: relying_party::Ceremony,
            user: Option<&str>,
        ) -> Result<probe::target::Begun, probe::target::TargetError> {
            self.0.begin(session, ceremony, user)
        }
        fn finish(
            &mut self,
            session: probe::target::Session,
            ceremony: relying_party::Ceremony,
            user: Option<&str>,
            response: &str,
        ) -> Result<probe::target::Ended, probe::target::TargetError> {
            self.0.finish(session, ceremony, user, response)
        }
        fn clean_up(
            &mut self,
            _: &str,
            _: &[u8],
        ) -> Result<probe::target::CleanedUp, probe::target::TargetError> {
            Ok(probe::target::CleanedUp::Left("it has no such door".into()))
        }
        fn change(&mut self, name: &str) -> Result<probe::target::Exchange, probe::target::TargetError> {
            self.0.change(name)
        }
    }
    let mut random = rng(3);
    let (mut wait, mut seen) = (|_| (), Vec::new());
    let tools = Tools {
        ca: &CA,
        rng: &mut *random,
        wait: &mut wait,
        version: "9.9.9",
        now: 7,
        repeat: "fauxkey probe here",
    };
    let plan = Plan {
        include: vec!["sign-in-user-not-verified".into(), "registration-extra-members".into()],
        ..plan()
    };
    let mut target = Stubborn(strict());
    let report =
        probe::run(&plan, &mut target, tools, &mut |p| seen.push((p.done, p.of, p.verdict.is_some())));
    assert_eq!(report.left_behind.len(), target.0.credentials());
    assert!(
        report
            .left_behind
            .iter()
            .all(|left| left.why == "it has no such door" && left.user == "probe-1@example.test")
    );
    assert_eq!(seen, [(0, 2, false), (1, 2, true), (1, 2, false), (2, 2, true)]);
    let last = report.results.iter().find(|result| result.id == "sign-in-user-not-verified").unwrap();
    assert_eq!(last.repeat, "fauxkey probe here --only sign-in-user-not-verified");
    assert_eq!((last.severity, last.evidence.len()), (Severity::High, 2));
    assert_eq!((report.version.as_str(), report.began), ("9.9.9", 7));
    assert_eq!(serde_json::from_str::<Report>(&serde_json::to_string(&report).unwrap()).unwrap(), report);
}

#[test]
fn a_challenge_that_expires_is_waited_for_if_the_plan_is_patient() {
    let only = Plan { include: vec!["sign-in-challenge-expired".into()], ..plan() };
    let verdict = |plan: &Plan, waited: &mut u64| {
        let mut random = rng(4);
        let mut wait = |pause: std::time::Duration| *waited += pause.as_secs();
        let tools = Tools { ca: &CA, rng: &mut *random, wait: &mut wait, version: "", now: 0, repeat: "" };
        probe::run(plan, &mut strict(), tools, &mut |_| ()).results.pop().unwrap().verdict
    };
    let mut waited = 0;
    assert!(matches!(verdict(&only, &mut waited), Verdict::Skipped { why } if why.contains("patience")));
    assert_eq!(waited, 0);
    let patient = Plan { patience: 3600, ..only };
    assert!(matches!(verdict(&patient, &mut waited), Verdict::Observed { .. }));
    assert!(waited > 5 && waited < 3600, "{waited}");
}

#[test]
fn words_of_a_plan_that_name_nothing_are_told() {
    let plan = Plan {
        include: vec!["origin".into(), "orign".into()],
        exclude: vec!["sign-in-*".into(), "x-*".into()],
        ..plan()
    };
    assert_eq!(probe::unknown_words(&plan), ["orign", "x-*"]);
}
