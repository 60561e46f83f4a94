//! A report, written and compared.
use super::super::{Exit, Stop, input};
use crate::cli::ProbeRun;
use crate::control::{Failure, FailureKind};
use crate::output::Output;
use probe::report::{Diff, Report};
use std::path::Path;

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
        path.as_ref().map_or(Ok(()), |path| output.file(path, text().as_bytes()))?;
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
    let input = input::large_file(path)?;
    Report::from_json(input.text()?)
        .map_err(|error| Failure::new(FailureKind::Invalid, format!("{}: {error}", input.name)))
}
