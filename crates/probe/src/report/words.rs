//! A report's words, counts and order, which all its forms share.
use super::{CheckResult, Report, Severity, Verdict};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What came of a check, in a word. The order is that of how much it needs a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// [`Verdict::Found`].
    Found,
    /// [`Verdict::Inconclusive`].
    Inconclusive,
    /// [`Verdict::Observed`].
    Observed,
    /// [`Verdict::Skipped`].
    Skipped,
    /// [`Verdict::Held`].
    Held,
}

impl Outcome {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Found, Self::Inconclusive, Self::Observed, Self::Skipped, Self::Held];

    /// As it stands in JSON and before people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Inconclusive => "inconclusive",
            Self::Observed => "observed",
            Self::Skipped => "skipped",
            Self::Held => "held",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Severity {
    /// All of them, from the one that costs most.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Note];

    /// As it stands in JSON and before people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Verdict {
    /// Which of the five it is.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Found { .. } => Outcome::Found,
            Self::Inconclusive { .. } => Outcome::Inconclusive,
            Self::Observed { .. } => Outcome::Observed,
            Self::Skipped { .. } => Outcome::Skipped,
            Self::Held { .. } => Outcome::Held,
        }
    }

    /// What it says beside that: what the relying party did or said, or why it cannot be told. A stranger's words may be
    /// in it.
    pub fn words(&self) -> &str {
        match self {
            Self::Held { said } => said,
            Self::Found { what } | Self::Observed { what } => what,
            Self::Inconclusive { why } | Self::Skipped { why } => why,
        }
    }
}

impl CheckResult {
    /// The check without the phase that it was tried in, which stands before a colon.
    pub fn check(&self) -> &str {
        self.id.rsplit_once(':').map_or(&self.id, |(_, check)| check)
    }

    /// How long its exchanges took, in microseconds.
    pub(super) fn microseconds(&self) -> u64 {
        self.evidence.iter().fold(0, |sum, exchange| sum.saturating_add(exchange.microseconds))
    }
}

impl Report {
    /// How many checks came to that.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.results.iter().filter(|result| result.verdict.outcome() == outcome).count()
    }

    /// The findings: what costs most first, and else in the order of the plan.
    pub fn findings(&self) -> Vec<&CheckResult> {
        let found = |result: &&CheckResult| result.verdict.outcome() == Outcome::Found;
        let mut findings: Vec<&CheckResult> = self.results.iter().filter(found).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    /// The groups in the order of the plan, each with its checks.
    pub fn groups(&self) -> Vec<(&str, Vec<&CheckResult>)> {
        let mut groups: Vec<(&str, Vec<&CheckResult>)> = Vec::new();
        for result in &self.results {
            match groups.iter_mut().find(|(name, _)| *name == result.group) {
                Some((_, results)) => results.push(result),
                None => groups.push((&result.group, vec![result])),
            }
        }
        groups
    }
}

/// Those counts that are not nothing, such as `1 critical, 2 high`.
pub(super) fn counts<T: fmt::Display>(counted: impl IntoIterator<Item = (T, usize)>) -> String {
    let some = counted.into_iter().filter(|(_, count)| *count > 0);
    some.map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// How many of them came to what.
pub(super) fn by_outcome<'a>(
    results: impl IntoIterator<Item = &'a CheckResult> + Clone,
) -> [(Outcome, usize); 5] {
    Outcome::ALL.map(|outcome| {
        let count = results.clone().into_iter().filter(|result| result.verdict.outcome() == outcome).count();
        (outcome, count)
    })
}

/// How many of the findings cost what.
pub(super) fn by_severity(findings: &[&CheckResult]) -> [(Severity, usize); 5] {
    Severity::ALL
        .map(|severity| (severity, findings.iter().filter(|finding| finding.severity == severity).count()))
}

/// `1 check`, `2 checks`.
pub(super) fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{result, sample, verdict};
    use super::*;

    #[test]
    fn words_are_those_of_the_json() {
        for outcome in Outcome::ALL {
            let json = serde_json::to_value(verdict(outcome, "x")).unwrap();
            assert_eq!(json["verdict"], outcome.word());
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.word());
            assert_eq!(verdict(outcome, "x").words(), "x");
        }
        for severity in Severity::ALL {
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.word());
        }
    }

    #[test]
    fn findings_are_sorted_by_what_they_cost_and_groups_are_not() {
        let report = sample();
        let ids: Vec<&str> = report.findings().iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, ["signature-wrong-key", "strict:origin-subdomain"]);
        let groups = report.groups();
        let names: Vec<(&str, usize)> = groups.iter().map(|(name, results)| (*name, results.len())).collect();
        assert_eq!(names, [("client data", 3), ("signature", 2), ("counter", 1)]);
        assert_eq!(
            counts(by_outcome(&report.results)),
            "2 found, 1 inconclusive, 1 observed, 1 skipped, 1 held"
        );
        assert_eq!(counts(by_severity(&report.findings())), "1 critical, 1 high");
    }

    #[test]
    fn a_check_is_the_same_in_every_phase() {
        let id = |id: &str| result(id, "g", Severity::Low, verdict(Outcome::Held, "")).check().to_owned();
        assert_eq!(id("origin-null"), "origin-null");
        assert_eq!(id("before: the change:origin-null"), "origin-null");
    }
}
