//! A report, written and compared.
use super::super::{Exit, Stop, input};
use crate::cli::ProbeRun;
use crate::control::{Failure, FailureKind};
use crate::files;
use crate::output::Output;
use probe::report::{Diff, Report, Severity};
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
pub(super) fn write(output: &Output, report: &Report, arguments: &ProbeRun) -> Result<(), Failure> {
    // Only what is in the folder that this was started in can be a path in its repository.
    let plan = arguments.plan.as_deref().filter(|plan| plan.is_relative()).and_then(Path::to_str);
    let forms: [(&Option<_>, &dyn Fn() -> String); 4] = [
        (&arguments.out, &|| report.to_json()),
        (&arguments.junit, &|| report.to_junit()),
        (&arguments.sarif, &|| report.to_sarif(plan)),
        (&arguments.html, &|| report.to_html()),
    ];
    for (path, text) in forms {
        let Some(path) = path else { continue };
        std::fs::write(path, text()).map_err(|error| files::refused("write", path, &error))?;
        output.inform(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// Compares two runs.
pub(super) fn compare(output: &Output, old: &Path, new: &Path) -> Result<Exit, Stop> {
    let diff = Diff::between(&read(old)?, &read(new)?);
    output.result(&diff, || diff.to_text(output.colours()))?;
    Ok(if diff.is_worse() { Exit::Found } else { Exit::Done })
}

fn read(path: &Path) -> Result<Report, Failure> {
    let input = input::file(path)?;
    Report::from_json(input.text()?)
        .map_err(|error| Failure::new(FailureKind::Invalid, format!("{}: {error}", input.name)))
}
