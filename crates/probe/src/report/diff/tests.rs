//! What is worse than what.
use super::super::tests::{hostile, result, sample, verdict};
use super::*;

/// A report of one check, or of none.
fn report(state: Option<(Outcome, Severity)>) -> Report {
    let mut report = sample();
    let one = |(outcome, severity)| result("phase:check", "group", severity, verdict(outcome, "It does."));
    report.results = state.map(one).into_iter().collect();
    report
}

fn turn(before: Option<(Outcome, Severity)>, after: Option<(Outcome, Severity)>) -> Option<Turn> {
    let diff = Diff::between(&report(before), &report(after));
    assert_eq!(diff.changes.len() + diff.unchanged, 1, "a check changed or it did not");
    assert_eq!(diff.is_worse(), diff.changes.iter().any(|change| change.turn == Turn::Worse));
    diff.changes.first().map(|change| change.turn)
}

/// Rows: before; columns: after; both in the order of `Outcome::ALL`, and then not there.
/// `w`orse, `l`ess sure, `d`ifferent, `b`etter, `.` nothing.
const TABLE: [&str; 6] = [
    // found, inconclusive, observed, skipped, held, not there
    ". l d l b l", // found
    "w . b d b d", // inconclusive
    "w l . l b l", // observed
    "w d b . b d", // skipped
    "w l l l . l", // held
    "w d d d d -", // not there
];

#[test]
fn every_verdict_turns_into_every_other_as_the_table_says() {
    let states: Vec<Option<Outcome>> = Outcome::ALL.into_iter().map(Some).chain([None]).collect();
    for (row, before) in TABLE.iter().zip(&states) {
        for (cell, after) in row.split(' ').zip(&states) {
            let expected = match cell {
                "w" => Some(Turn::Worse),
                "l" => Some(Turn::LessSure),
                "d" => Some(Turn::Different),
                "b" => Some(Turn::Better),
                "." => None,
                "-" => continue,
                other => panic!("{other}"),
            };
            let with = |state: Option<Outcome>| state.map(|outcome| (outcome, Severity::High));
            assert_eq!(turn(with(*before), with(*after)), expected, "{before:?} to {after:?}");
        }
    }
}

#[test]
fn a_finding_is_worse_if_it_costs_more_and_the_severity_of_anything_else_is_nothing_new() {
    for before in Severity::ALL {
        for after in Severity::ALL {
            let expected = match after.cmp(&before) {
                std::cmp::Ordering::Greater => Some(Turn::Worse),
                std::cmp::Ordering::Equal => None,
                std::cmp::Ordering::Less => Some(Turn::Better),
            };
            let found = |severity| Some((Outcome::Found, severity));
            assert_eq!(turn(found(before), found(after)), expected, "{before} to {after}");
            for outcome in Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Found) {
                assert_eq!(turn(Some((outcome, before)), Some((outcome, after))), None, "{outcome}");
            }
        }
    }
}

#[test]
fn another_observation_is_different_and_other_words_of_the_server_are_not() {
    let observed = |words: &str| {
        let mut report = report(None);
        report.results = vec![result("check", "group", Severity::Low, verdict(Outcome::Observed, words))];
        report
    };
    let turns = |before: &str, after: &str| {
        Diff::between(&observed(before), &observed(after)).changes.first().map(|change| change.turn)
    };
    assert_eq!(turns("It accepts a lie.", "It refuses a lie: no"), Some(Turn::Different));
    assert_eq!(turns("It refuses a lie: no (request 17)", "It refuses a lie: no (request 18)"), None);
}

#[test]
fn the_same_check_in_another_phase_is_another_check() {
    let (before, mut after) = (sample(), sample());
    after.results[1].id = "strict:origin-null".into();
    let diff = Diff::between(&before, &after);
    let changes: Vec<(&str, Turn, bool)> =
        diff.changes.iter().map(|change| (change.id.as_str(), change.turn, change.after.is_some())).collect();
    assert_eq!(
        changes,
        [("strict:origin-null", Turn::Different, true), ("origin-null", Turn::LessSure, false)]
    );
    assert_eq!(diff.unchanged, 5);
}

#[test]
fn checks_that_stand_there_twice_are_compared_in_their_order() {
    let (mut before, mut after) = (sample(), sample());
    before.results.push(before.results[1].clone());
    after.results.push(after.results[1].clone());
    after.results[6].verdict = verdict(Outcome::Found, "It accepts that.");
    let diff = Diff::between(&before, &after);
    assert_eq!((diff.changes.len(), diff.unchanged), (1, 6));
    assert_eq!(diff.changes[0].before.as_ref().map(|state| state.outcome), Some(Outcome::Held));
    assert!(diff.is_worse());
}

#[test]
fn the_text_has_what_got_worse_first() {
    let (before, mut after) = (sample(), sample());
    after.results[0].verdict = verdict(Outcome::Held, "origin mismatch");
    after.results[1].verdict = verdict(Outcome::Found, "It accepts an opaque origin.");
    after.results.remove(3);
    after.plan = "other".into();
    let diff = Diff::between(&before, &after);
    let text = "\
before: http://localhost:8000 by the plan default, 2027-01-15 08:00:00 UTC, fauxkey 0.1.0
after: http://localhost:8000 by the plan other, 2027-01-15 08:00:00 UTC, fauxkey 0.1.0
These are runs of different plans or targets: compare with care.

worse: 1
  origin-null: held → found (high)
      the lie origin-null
      It accepts an opaque origin.

less sure: 1
  signature-wrong-key: found (critical) → not there
      the lie signature-wrong-key

better: 1
  strict:origin-subdomain: found (high) → held
      the lie strict:origin-subdomain
      origin mismatch

3 checks as before
It got worse.
";
    assert_eq!(diff.to_text(false), text);
    let again: Diff = serde_json::from_str(&diff.to_json()).unwrap();
    assert_eq!(again, diff);
    let json: serde_json::Value = serde_json::from_str(&diff.to_json()).unwrap();
    assert_eq!(json["changes"][2]["turn"], "lessSure");
    assert_eq!(json["changes"][0]["before"]["outcome"], "found");
}

#[test]
fn a_run_is_no_worse_than_itself_and_says_so() {
    for report in [sample(), hostile()] {
        let diff = Diff::between(&report, &report);
        assert_eq!((diff.changes.len(), diff.unchanged), (0, 6));
        assert!(diff.to_text(false).ends_with("\n6 checks as before\nNothing got worse.\n"));
    }
}

#[test]
fn only_our_own_words_have_colours_and_lines_are_not_too_long() {
    let diff = Diff::between(&sample(), &hostile());
    assert!(diff.to_text(true).contains("\x1b[1;31mworse: 2\x1b[0m"));
    let plain = diff.to_text(false);
    assert!(!plain.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{plain:?}");
    assert!(plain.lines().all(|line| line.chars().count() <= WIDTH), "{plain}");
}
