//! A report, shown, written and compared.
use super::super::{Exit, Stop, input};
use crate::control::{Failure, FailureKind};
use crate::files;
use crate::output::{Output, shown};
use probe::report::{Report, Severity, Verdict};
use std::path::Path;

/// In a word.
pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// Writes the files that were asked for.
pub(super) fn write(output: &Output, report: &Report, out: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = out else { return Ok(()) };
    let text = serde_json::to_string_pretty(report).expect("a report is texts and numbers") + "\n";
    std::fs::write(path, text).map_err(|error| files::refused("write", path, &error))?;
    output.inform(&format!("wrote {}", path.display()));
    Ok(())
}

/// For a terminal.
pub(super) fn show(output: &Output, report: &Report) -> String {
    let mut counts = [0_usize; 5];
    let mut rows = Vec::new();
    for result in &report.results {
        let (place, word, what) = match &result.verdict {
            Verdict::Found { what } => (0, "FOUND", what),
            Verdict::Held { said } => (1, "held", said),
            Verdict::Observed { what } => (2, "observed", what),
            Verdict::Inconclusive { why } => (3, "inconclusive", why),
            Verdict::Skipped { why } => (4, "skipped", why),
        };
        counts[place] += 1;
        let what: String = shown(what).chars().take(100).collect();
        rows.push([
            word.to_owned(),
            severity(result.severity).into(),
            result.id.clone(),
            result.clause.clone(),
            what,
        ]);
    }
    let [found, held, observed, inconclusive, skipped] = counts;
    let mut text = output.table(["VERDICT", "SEVERITY", "CHECK", "CLAUSE", "WHAT IT DID"], &rows);
    text.push_str(&format!(
        "\n\n{}: {found} found, {held} held, {observed} observed, {inconclusive} inconclusive, {skipped} skipped",
        report.target
    ));
    for left in &report.left_behind {
        text.push_str(&format!(
            "\nleft behind: {} of {}: {}",
            left.credential,
            shown(&left.user),
            shown(&left.why)
        ));
    }
    text
}

/// Compares two runs.
pub(super) fn compare(output: &Output, old: &Path, new: &Path) -> Result<Exit, Stop> {
    let (old, new) = (read(old)?, read(new)?);
    let is_found = |report: &Report, id: &str| {
        let found = |verdict: &Verdict| matches!(verdict, Verdict::Found { .. });
        report.results.iter().any(|result| result.id == id && found(&result.verdict))
    };
    let ids = |of: &Report, without: &Report| -> Vec<String> {
        let ids = of.results.iter().map(|result| result.id.clone());
        ids.filter(|id| is_found(of, id) && !is_found(without, id)).collect()
    };
    let (worse, better) = (ids(&new, &old), ids(&old, &new));
    let document = serde_json::json!({ "worse": worse, "better": better });
    output.result(&document, || {
        let mut lines: Vec<String> = worse.iter().map(|id| format!("worse   {id}")).collect();
        lines.extend(better.iter().map(|id| format!("better  {id}")));
        if lines.is_empty() {
            "nothing is found that was not, and the other way round".into()
        } else {
            lines.join("\n")
        }
    })?;
    Ok(if worse.is_empty() { Exit::Done } else { Exit::Found })
}

fn read(path: &Path) -> Result<Report, Failure> {
    let input = input::file(path)?;
    serde_json::from_str(input.text()?).map_err(|error| {
        Failure::new(FailureKind::Invalid, format!("{}: it is no report: {error}", input.name))
    })
}
