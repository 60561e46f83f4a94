//! Attestation of every format: what is right is taken, what is wrong is refused, and who leaves out the step that refuses
//! it is found.
use super::*;
use probe::checks;
use relying_party::{Ceremony, Step};

/// So many steps may refuse the same lie.
const STEPS_AT_MOST: usize = 4;

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

fn ids() -> impl Iterator<Item = String> {
    checks(&plan()).into_iter().filter(|check| check.group == "formats").map(|check| check.id)
}

#[test]
fn a_correct_statement_of_every_format_is_taken_and_no_flaw_is_passed_over() {
    let report = probe(&Plan { include: vec!["formats".into()], ..plan() }, &mut strict());
    let all = checks(&plan());
    let right =
        |id: &str| !all.iter().any(|other| other.id != id && id.starts_with(&format!("{}-", other.id)));
    let mut formats = 0;
    for result in report.results.iter().filter(|result| result.group == "formats") {
        match &result.verdict {
            Verdict::Observed { what } if right(&result.id) => {
                assert!(what.contains("accepts"), "{}: {what}", result.id);
                formats += 1;
            }
            Verdict::Observed { .. } | Verdict::Held { .. } => assert!(!right(&result.id), "{}", result.id),
            other => panic!("{}: {other:?}", result.id),
        }
    }
    assert_eq!(formats, 9, "of ten formats, none apart");
}

#[test]
fn every_flaw_is_found_where_the_steps_that_refuse_it_are_left_out() {
    for id in ids() {
        let mut left_out: Vec<Step> = Vec::new();
        loop {
            let mut party = strict().without(Ceremony::Registration, &left_out);
            let report = probe(&only(&id), &mut party);
            match verdict(&report, &id) {
                Verdict::Found { .. } => {
                    assert!(!left_out.is_empty(), "{id} is found where nothing is left out");
                    break;
                }
                Verdict::Held { said } => {
                    let step = party.refused_at.unwrap_or_else(|| panic!("{id}: {said}"));
                    assert!(
                        !left_out.contains(&step) && left_out.len() < STEPS_AT_MOST,
                        "{id}: {left_out:?}, {said}"
                    );
                    left_out.push(step);
                }
                Verdict::Observed { .. } => break,
                other => panic!("{id}: {other:?}"),
            }
        }
    }
}
