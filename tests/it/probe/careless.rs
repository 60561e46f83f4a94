//! Each way to be careless, and what the probe says of it: that, and nothing else.
use super::party::Fault;
use super::*;
use probe::checks;
use relying_party::{Ceremony, Step};

const BOTH: [(Ceremony, &str); 2] =
    [(Ceremony::Registration, "registration"), (Ceremony::Authentication, "sign-in")];
const IOS: &str = "90a3ccdf-635c-4729-a248-9b709135078f";
const ANDROID: &str = "de1e552d-db1d-4423-a619-566b625cdc84";
const BITWARDEN: &str = "d548826e-79b4-db40-a3d8-11116f7e8349";

/// Without the models, whose certificates take time.
fn steps(plan: Plan) -> Plan {
    Plan { exclude: vec!["robustness".into(), "formats".into(), "model-*".into()], ..plan }
}

/// Without those that look for crashes, and the formats, which `formats.rs` has.
fn quick(plan: Plan) -> Plan {
    Plan { exclude: vec!["robustness".into(), "formats".into()], ..plan }
}

fn bound() -> (Plan, Party) {
    let mut party = strict();
    party.party.device_bound = true;
    (Plan { expect: Expect { device_bound: true, ..plan().expect }, ..plan() }, party)
}

/// Wants the two Authenticators, attested, and no Bitwarden.
fn choosy() -> (Plan, Party) {
    let expect = Expect {
        attestation: Attestation::Enforced,
        allowed: vec![IOS.into(), ANDROID.into()],
        blocked: vec![BITWARDEN.into()],
        ..plan().expect
    };
    let mut party = strict().enforcing();
    party.allowed = [IOS, ANDROID].map(|text| text.parse().unwrap()).into();
    party.blocked = vec![BITWARDEN.parse().unwrap()];
    (Plan { expect, ..plan() }, party)
}

/// The IDs that these words name; a word that ends in `*` names all that begin so.
fn named(words: &[String], plan: &Plan) -> BTreeSet<String> {
    let all: Vec<String> = checks(plan).into_iter().map(|check| check.id).collect();
    let mut ids = BTreeSet::new();
    for word in words {
        let begins = |id: &&String| word.strip_suffix('*').map_or(*id == word, |start| id.starts_with(start));
        let before = ids.len();
        ids.extend(all.iter().filter(begins).cloned());
        assert!(ids.len() > before, "{word} names nothing, or nothing more");
    }
    ids
}

/// What each step that is left out is found by. `~` stands for the word of the ceremony.
const STEPS: &[(Step, &str)] = &[
    (Step::Type, "~-type-other-ceremony ~-type-capitals ~-type-of-nothing"),
    (
        Step::Challenge,
        "~-challenge-other ~-challenge-empty ~-challenge-truncated ~-challenge-extended ~-challenge-case \
         ~-challenge-padded ~-challenge-standard ~-challenge-twice ~-challenge-of-other-session \
         ~-challenge-of-other-ceremony",
    ),
    (
        Step::Origin,
        "~-origin-other-site ~-origin-sc* ~-origin-su* ~-origin-pa* ~-origin-po* ~-origin-pu* ~-origin-t* ~-origin-l* ~-origin-b* ~-origin-en* ~-origin-i* ~-origin-a* ~-origin-n* ~-origin-em* ~-origin-w*",
    ),
    (Step::CrossOrigin, "~-cross-origin"),
    (Step::TopOrigin, "~-top-origin-without-frame"),
    (Step::RpIdHash, "~-rp-id-hash-*"),
    (Step::UserPresent, "~-user-not-present"),
    (Step::UserVerified, "~-user-not-verified"),
    (Step::BackupState, "~-backed-up-not-eligible"),
];

const REGISTRATION_STEPS: &[(Step, &str)] = &[
    (Step::Algorithm, "registration-algorithm-not-offered"),
    (
        Step::Curve,
        "registration-key-no-point registration-key-zeros registration-key-rsa-short registration-key-rsa-exponent-1",
    ),
    (Step::AttestationAlgorithm, "packed-self-wrong-algorithm"),
    (
        Step::AttestationSignature,
        "packed-self-wrong-key packed-signature-turned packed-signature-empty packed-without-certificates",
    ),
    (Step::CertificateModel, "certificate-of-another-model"),
    (Step::CredentialIdLength, "registration-id-too-long"),
    (Step::Unregistered, "registration-id-of-another-user registration-id-again"),
];

const SIGN_IN_STEPS: &[(Step, &str)] = &[
    (
        Step::UserHandle,
        "sign-in-handle-of-another sign-in-handle-unknown sign-in-handle-missing sign-in-handle-of-another-by-name",
    ),
    (
        Step::BackupEligibility,
        "sign-in-becomes-eligible sign-in-becomes-eligible-and-backed-up sign-in-becomes-device-bound",
    ),
    (
        Step::Signature,
        "sign-in-signature-wrong-key sign-in-signature-empty sign-in-signature-ze* sign-in-signature-bit-turned \
         sign-in-signature-client-data-changed sign-in-signature-authenticator-data-changed \
         sign-in-signature-user-verified-on-the-way sign-in-signature-bytes-after sign-in-signature-without-der",
    ),
    (
        Step::Counter,
        "sign-in-counter-back sign-in-counter-equal sign-in-counter-as-registered sign-in-counter-zero-after-some \
         sign-in-counter-cloned",
    ),
];

fn table() -> Vec<(Ceremony, &'static [Step], Vec<String>)> {
    let rows = |ceremony: Ceremony, word: &str, table: &'static [(Step, &'static str)]| {
        let row = |(step, ids): &'static (Step, &str)| {
            let ids = ids.split_whitespace().map(|id| id.replace('~', word)).collect();
            (ceremony, std::slice::from_ref(step), ids)
        };
        table.iter().map(row).collect::<Vec<_>>()
    };
    let [(registration, _), (sign_in, _)] = BOTH;
    let both = BOTH.into_iter().flat_map(|(ceremony, word)| rows(ceremony, word, STEPS));
    let own = [rows(registration, "", REGISTRATION_STEPS), rows(sign_in, "", SIGN_IN_STEPS)];
    both.chain(own.into_iter().flatten()).collect()
}

/// Lies that two steps refuse are found where both are left out.
fn pairs() -> Vec<(Ceremony, &'static [Step], Vec<String>)> {
    let ids = |ids: &str| ids.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let frames: &[Step] = &[Step::CrossOrigin, Step::TopOrigin];
    let accounts: &[Step] = &[Step::AllowedCredential, Step::CredentialRecord];
    let whose: &[Step] = &[Step::AllowedCredential, Step::CredentialRecord, Step::UserHandle];
    let [(registration, _), (sign_in, _)] = BOTH;
    vec![
        (
            registration,
            frames,
            ids("registration-cross-origin registration-top-origin registration-top-origin-without-frame"),
        ),
        (sign_in, frames, ids("sign-in-cross-origin sign-in-top-origin sign-in-top-origin-without-frame")),
        (
            sign_in,
            accounts,
            ids("sign-in-credential-of-another-without-handle sign-in-credential-of-another-with-own-handle"),
        ),
        (
            sign_in,
            whose,
            ids("sign-in-credential-of-another sign-in-credential-of-another-w* sign-in-handle-of-another \
                 sign-in-handle-unknown sign-in-handle-missing sign-in-handle-of-another-by-name"),
        ),
    ]
}

#[test]
fn a_step_that_is_left_out_is_found_by_the_checks_for_it_and_by_no_others() {
    let plan = steps(plan());
    for (ceremony, steps, expected) in table().into_iter().chain(pairs()) {
        let report = probe(&plan, &mut strict().without(ceremony, steps));
        assert_eq!(those(&report, FOUND), named(&expected, &plan), "{ceremony:?} without {steps:?}");
        assert_eq!(those(&report, INCONCLUSIVE), BTreeSet::new(), "{ceremony:?} without {steps:?}");
    }
}

/// Whatever is found where a step is left out has that step's clause, whichever step it is.
#[test]
fn what_is_found_has_the_clause_of_the_step_that_is_left_out() {
    let plan = steps(plan());
    let known: Vec<_> = table().into_iter().map(|(ceremony, steps, _)| (ceremony, steps[0])).collect();
    for (ceremony, _) in BOTH {
        for (step, clause) in ceremony.steps().iter().filter(|(step, _)| !known.contains(&(ceremony, *step)))
        {
            let report = probe(&plan, &mut strict().without(ceremony, &[*step]));
            for result in report.results.iter().filter(|result| FOUND(&result.verdict)) {
                assert_eq!(result.clause, *clause, "{ceremony:?} without {step:?}: {}", result.id);
            }
        }
    }
    let all = checks(&plan);
    for (ceremony, steps, ids) in table() {
        let ids = named(&ids, &plan);
        for check in all.iter().filter(|check| ids.contains(&check.id)) {
            assert_eq!(Some(check.clause.to_string().as_str()), steps[0].cite(ceremony), "{}", check.id);
        }
    }
}

#[test]
fn a_passkey_that_can_be_copied_is_found_where_only_device_bound_ones_are_wanted() {
    let (plan, party) = bound();
    let plan = quick(plan);
    let report = probe(&plan, &mut party.without(Ceremony::Registration, &[Step::DeviceBound]));
    let expected = named(&["registration-backup-eligible".into(), "registration-backed-up".into()], &plan);
    assert_eq!(those(&report, FOUND), expected);
}

#[test]
fn frames_and_sub_domains_that_are_meant_are_told_and_no_findings() {
    let steps = [Step::Origin, Step::CrossOrigin, Step::TopOrigin];
    let meant = Plan {
        include: vec!["origin".into()],
        expect: Expect { frames: true, sub_domains: true, ..plan().expect },
        ..plan()
    };
    for ceremony in [Ceremony::Registration, Ceremony::Authentication] {
        let of = |plan: &Plan, name: &str| {
            let report = probe(plan, &mut strict().without(ceremony, &steps));
            let word = if ceremony == Ceremony::Registration { "registration" } else { "sign-in" };
            let id = format!("{word}-{name}");
            report.results.into_iter().find(|result| result.id == id).unwrap().verdict
        };
        let unmeant = Plan { expect: plan().expect, ..meant.clone() };
        for name in ["origin-subdomain", "cross-origin"] {
            assert!(matches!(of(&meant, name), Verdict::Observed { .. }), "{name}");
            assert!(matches!(of(&unmeant, name), Verdict::Found { .. }), "{name}");
        }
        assert!(matches!(of(&meant, "top-origin"), Verdict::Found { .. }), "nobody knows that page");
    }
}

#[test]
fn what_is_not_attested_is_found_where_attestation_is_enforced() {
    let plan =
        Plan { expect: Expect { attestation: Attestation::Enforced, ..plan().expect }, ..quick(plan()) };
    let party = strict().enforcing().without(Ceremony::Registration, &[Step::AttestationTrust]);
    let found = those(&probe(&plan, &mut { party }), FOUND);
    let mut expected = named(&["attestation-none".into(), "attestation-self".into()], &plan);
    let unproven = |id: &&String| {
        id.starts_with("model-") && !id.ends_with("-attested")
            || id.ends_with("-self-attested")
            || id.ends_with("-unattested")
    };
    expected.extend(checks(&plan).iter().map(|check| &check.id).filter(unproven).cloned());
    assert_eq!(found, expected);
}

#[test]
fn a_policy_on_models_that_is_forgotten_or_too_strict_is_found() {
    let (plan, party) = choosy();
    let plan = quick(plan);
    let found = those(&probe(&plan, &mut party.with(&[Fault::AnyModel])), FOUND);
    let wanted = |id: &str| id.contains("ms-authenticator");
    let attested = |id: &&String| id.starts_with("model-") && id.ends_with("-attested") && !wanted(id);
    assert_eq!(found, checks(&plan).iter().map(|check| &check.id).filter(attested).cloned().collect());
    let (_, party) = choosy();
    let found = those(&probe(&plan, &mut party.with(&[Fault::RefusesAndroid])), FOUND);
    assert_eq!(found, named(&["model-ms-authenticator-android-attested".into()], &plan));
}

/// What the caller of a verifier does wrong, and what finds it.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::ChallengesStay, "registration-challenge-replayed sign-in-challenge-replayed"),
    (Fault::ChallengesForAll, "registration-challenge-of-other-session sign-in-challenge-of-other-session"),
    (
        Fault::OneChallengeASession,
        "registration-challenge-of-other-ceremony sign-in-challenge-of-other-ceremony",
    ),
    // The challenge of another session is the same as one's own, too.
    (
        Fault::OneChallenge,
        "registration-challenge-repeated sign-in-challenge-repeated registration-challenge-of-other-* \
         sign-in-challenge-of-other-*",
    ),
    (Fault::UniquePerUser, "registration-id-of-another-user"),
    (Fault::DeletesNothing, "sign-in-credential-deleted"),
    (Fault::RefusesNobody, "enumeration-by-answer"),
    (Fault::NothingForNobody, "enumeration-by-answer"),
    (Fault::OthersForNobody, "enumeration-by-answer"),
    (Fault::LessForNobody, "enumeration-by-answer"),
    (Fault::SlowForSomebody, "enumeration-by-timing"),
    (Fault::NameIsHandle, "user-handle"),
    (Fault::LongHandle, "user-handle"),
    (Fault::WantsCounters, "sign-in-counter-never"),
];

#[test]
fn what_the_caller_of_a_verifier_does_wrong_is_found_and_nothing_else() {
    let plan = steps(plan());
    for (fault, expected) in FAULTS {
        let expected: Vec<String> = expected.split_whitespace().map(Into::into).collect();
        let report = probe(&plan, &mut strict().with(&[*fault]));
        assert_eq!(those(&report, FOUND), named(&expected, &plan), "{fault:?}");
    }
}

#[test]
fn where_a_name_that_nobody_has_is_refused_there_is_no_time_to_measure() {
    let plan = Plan { include: vec!["enumeration-by-*".into()], ..plan() };
    let report = probe(&plan, &mut strict().with(&[Fault::RefusesNobody]));
    let timing = report.results.iter().find(|result| result.id == "enumeration-by-timing").unwrap();
    assert!(matches!(&timing.verdict, Verdict::Skipped { why } if why.ends_with("enumeration-by-answer")));
}

#[test]
fn whoever_does_not_survive_an_input_is_found() {
    for check in checks(&plan()).into_iter().filter(|check| check.group == "robustness") {
        let plan = Plan { include: vec![check.id.clone()], ..plan() };
        let report = probe(&plan, &mut strict().with(&[Fault::FallsOver]));
        assert_eq!(those(&report, FOUND), [check.id].into());
    }
}

/// Each check that may find something finds it somewhere: in one of the tables above, or where everything is taken.
#[test]
fn every_check_can_find_its_fault() {
    let covered = |plan: &Plan, mut party: Party, also: &[String]| {
        party.faults = vec![Fault::Gullible];
        let mut found = those(&probe(&quick(plan.clone()), &mut party), FOUND);
        found.extend(named(also, plan));
        let can: BTreeSet<String> =
            checks(plan).into_iter().filter(|check| check.can_be_found(plan)).map(|check| check.id).collect();
        can.difference(&found).cloned().collect::<Vec<_>>()
    };
    let by_fault = FAULTS.iter().flat_map(|(_, ids)| ids.split_whitespace().map(str::to_owned));
    // Each in a run of its own, above.
    let mut also: Vec<String> = by_fault.chain(["robust-*".into(), "format-*".into()]).collect();
    also.sort();
    also.dedup();
    also.retain(|word| word != "registration-challenge-of-other-*" && word != "sign-in-challenge-of-other-*");
    assert_eq!(covered(&plan(), strict(), &also), [""; 0]);
    let (bound, party) = bound();
    assert_eq!(covered(&bound, party, &also), [""; 0]);
    // The model that the control is of cannot be refused by a check: nothing is told then at all.
    also.push("model-ms-authenticator-android-attested".into());
    let (choosy, party) = choosy();
    assert_eq!(covered(&choosy, party, &also), ["model-ms-authenticator-ios-attested"]);
}
