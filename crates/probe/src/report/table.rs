//! A report for a terminal.
use super::text::{cut, shown, took, when, wrapped};
use super::words::{by_outcome, by_severity, counts, plural};
use super::{CheckResult, Outcome, Report, Severity};
use std::fmt::Write;

/// Characters on a line.
pub(super) const WIDTH: usize = 100;
/// Where the details of a finding begin.
const INDENT: usize = 4;
/// The column of outcomes: the longest word, and air.
const OUTCOME: usize = 14;
/// The column of severities.
const SEVERITY: usize = 10;
/// The column of IDs, at most: a longer one has a line to itself.
const LONGEST_ID: usize = 44;
/// Of what a relying party said, at most.
const WORDS: usize = 400;

/// Select Graphic Rendition, ECMA-48 §8.3.117.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Heading,
    Bad,
    Doubtful,
    Good,
    Hint,
    Plain,
}

impl Paint {
    pub(super) fn on(self, text: &str, colour: bool) -> String {
        let code = match self {
            Self::Heading => "1",
            Self::Bad => "1;31",
            Self::Doubtful => "1;33",
            Self::Good => "32",
            Self::Hint => "36",
            Self::Plain => return text.to_owned(),
        };
        if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

impl Outcome {
    pub(super) const fn paint(self) -> Paint {
        match self {
            Self::Found => Paint::Bad,
            Self::Inconclusive => Paint::Doubtful,
            Self::Observed => Paint::Hint,
            Self::Skipped => Paint::Plain,
            Self::Held => Paint::Good,
        }
    }
}

impl Severity {
    pub(super) const fn paint(self) -> Paint {
        match self {
            Self::Critical | Self::High => Paint::Bad,
            Self::Medium => Paint::Doubtful,
            Self::Low => Paint::Hint,
            Self::Note => Paint::Plain,
        }
    }
}

impl Report {
    /// The report for a terminal: the findings first, then all checks by group, and the counts last, where they stay in
    /// sight. Lines have at most 100 characters, but for the commands that repeat a finding, which are to be copied whole.
    /// With `colour` it has escape sequences for colours, and none otherwise; what the relying party said never has any.
    pub fn to_table(&self, colour: bool) -> String {
        let mut table = Table { text: String::new(), colour };
        table.about(self);
        let findings = self.findings();
        if !findings.is_empty() {
            table.heading("Findings");
        }
        for finding in &findings {
            table.finding(finding);
        }
        for (group, results) in self.groups() {
            table.group(group, &results);
        }
        table.left_behind(self);
        table.summary(self, &findings);
        table.text
    }
}

struct Table {
    text: String,
    colour: bool,
}

impl Table {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        self.text.push('\n');
        for line in wrapped(&shown(heading), WIDTH) {
            let line = Paint::Heading.on(&line, self.colour);
            self.line(&line);
        }
    }

    /// Words below one another, after so much air.
    fn paragraph(&mut self, indent: usize, words: &str) {
        for line in wrapped(&shown(&cut(words, WORDS)), WIDTH - indent) {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    fn about(&mut self, report: &Report) {
        let Report { target, plan, version, .. } = report;
        self.paragraph(0, &format!("{target} by the plan {plan}"));
        let (when, took) = (when(report.began), took(report.milliseconds));
        self.paragraph(0, &format!("{when}, {took}, fauxkey {version}"));
    }

    fn finding(&mut self, finding: &CheckResult) {
        let severity = format!("{:SEVERITY$}", finding.severity.word());
        let severity = finding.severity.paint().on(&severity, self.colour);
        let mut lines = wrapped(&shown(&finding.id), WIDTH - SEVERITY).into_iter();
        let id = Paint::Heading.on(&lines.next().unwrap_or_default(), self.colour);
        self.line(&format!("{severity}{id}"));
        for rest in lines {
            self.line(&format!("{:SEVERITY$}{rest}", ""));
        }
        self.paragraph(INDENT, finding.verdict.words());
        self.paragraph(INDENT, &format!("Breaks {}.", finding.clause));
        self.paragraph(INDENT, &finding.advice);
        let command = Paint::Hint.on(&shown(&finding.repeat), self.colour);
        self.line(&format!("{:INDENT$}{command}", ""));
    }

    fn group(&mut self, group: &str, results: &[&CheckResult]) {
        self.heading(&format!("{group}: {}", counts(by_outcome(results.iter().copied()))));
        let long = |result: &&&CheckResult| shown(&result.id).chars().count();
        let ids =
            results.iter().map(|result| long(&result)).filter(|id| *id <= LONGEST_ID).max().unwrap_or(0) + 2;
        for result in results {
            self.row(result, ids);
        }
    }

    fn row(&mut self, result: &CheckResult, ids: usize) {
        let outcome = result.verdict.outcome();
        let word = outcome.paint().on(&format!("{:OUTCOME$}", outcome.word()), self.colour);
        let id = shown(&result.id);
        let at = OUTCOME + ids;
        let mut titles = wrapped(&shown(&cut(&result.title, WORDS)), WIDTH - at).into_iter();
        if id.chars().count() + 2 > ids {
            for (place, part) in wrapped(&id, WIDTH - OUTCOME).iter().enumerate() {
                let before = if place == 0 { word.clone() } else { " ".repeat(OUTCOME) };
                self.line(&format!("{before}{part}"));
            }
        } else {
            self.line(&format!("{word}{id:ids$}{}", titles.next().unwrap_or_default()));
        }
        for rest in titles {
            self.line(&format!("{:at$}{rest}", ""));
        }
        // Findings stand above, whole; a refusal that was due is no news.
        if !matches!(outcome, Outcome::Held | Outcome::Found) {
            self.paragraph(OUTCOME + 2, result.verdict.words());
        }
    }

    fn left_behind(&mut self, report: &Report) {
        if report.left_behind.is_empty() {
            return;
        }
        self.heading(&format!("Left behind: {}", plural(report.left_behind.len(), "credential")));
        for left in &report.left_behind {
            self.paragraph(
                0,
                &format!("{} of {}, made by {}: {}", left.credential, left.user, left.check, left.why),
            );
        }
    }

    fn summary(&mut self, report: &Report, findings: &[&CheckResult]) {
        self.text.push('\n');
        let checks = plural(report.results.len(), "check");
        let mut summary = checks;
        if !report.results.is_empty() {
            // Into a string, which takes everything.
            let _taken = write!(summary, ": {}", counts(by_outcome(&report.results)));
        }
        let summary = Paint::Heading.on(&summary, self.colour);
        self.line(&summary);
        match findings {
            [] => {
                let nothing = Paint::Good.on("No findings.", self.colour);
                self.line(&nothing);
            }
            [worst, ..] => {
                let text =
                    format!("{}: {}", plural(findings.len(), "finding"), counts(by_severity(findings)));
                let text = worst.severity.paint().on(&text, self.colour);
                self.line(&text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hostile, sample};
    use super::*;

    #[test]
    fn findings_come_first_with_clause_advice_and_command_and_counts_come_last() {
        let table = sample().to_table(false);
        let expected = "\
http://localhost:8000 by the plan default
2027-01-15 08:00:00 UTC, 12.3 s, fauxkey 0.1.0

Findings
critical  signature-wrong-key
    It accepts another key's signature.
    Breaks WebAuthn L3 §7.1 step 9.
    Compare the origin with a list, whole.
    fauxkey probe http://localhost:8000 --only signature-wrong-key
high      strict:origin-subdomain
    It accepts a sub-domain of the origin.
    Breaks WebAuthn L3 §7.1 step 9.
    Compare the origin with a list, whole.
    fauxkey probe http://localhost:8000 --only strict:origin-subdomain

client data: 1 found, 1 skipped, 1 held
found         strict:origin-subdomain  the lie strict:origin-subdomain
held          origin-null              the lie origin-null
skipped       challenge-expired        the lie challenge-expired
                It would wait for 300 s.

signature: 1 found, 1 observed
found         signature-wrong-key  the lie signature-wrong-key
observed      signature-malleated  the lie signature-malleated
                It refuses a malleated signature: no

counter: 1 inconclusive
inconclusive  counter-back  the lie counter-back
                An honest sign-in is refused too.

Left behind: 1 credential
AQID of probe-1@example.test, made by origin-null: It has no door for that.

6 checks: 2 found, 1 inconclusive, 1 observed, 1 skipped, 1 held
2 findings: 1 critical, 1 high
";
        assert_eq!(table, expected);
    }

    #[test]
    fn lines_have_at_most_100_characters_whatever_is_said() {
        let mut report = hostile();
        report.results[0].title = "x".repeat(250);
        report.results[1].id = "long-".repeat(50);
        report.results[2].verdict = super::super::Verdict::Skipped { why: "é ".repeat(3000) };
        for line in report.to_table(false).lines() {
            let command = line.trim_start().starts_with("</pre>");
            assert!(line.chars().count() <= WIDTH || command, "{line}");
        }
        let words: Vec<String> = report.to_table(false).split_whitespace().map(str::to_owned).collect();
        assert!(words.join(" ").contains("(5600 more characters)"));
    }

    #[test]
    fn only_our_own_words_have_colours_and_only_if_asked_for() {
        for report in [sample(), hostile()] {
            let (plain, colourful) = (report.to_table(false), report.to_table(true));
            let strange = |text: &str| text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
            assert!(!strange(&plain), "{plain:?}");
            let mut uncoloured = colourful.clone();
            for code in ["0", "1", "1;31", "1;33", "32", "36"] {
                uncoloured = uncoloured.replace(&format!("\x1b[{code}m"), "");
            }
            assert!(colourful.contains("\x1b[1;31m") && !strange(&uncoloured), "{uncoloured:?}");
            let same = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
            assert_eq!(same(&uncoloured), same(&plain));
        }
    }

    #[test]
    fn a_run_that_found_nothing_says_so() {
        let mut report = sample();
        report.results.retain(|result| result.verdict.outcome() == Outcome::Held);
        report.left_behind.clear();
        assert!(report.to_table(false).ends_with("\n1 check: 1 held\nNo findings.\n"));
        assert!(!report.to_table(false).contains("Findings"));
        report.results.clear();
        assert!(report.to_table(false).ends_with("\n0 checks\nNo findings.\n"));
    }
}
