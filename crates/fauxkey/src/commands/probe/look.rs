//! What there is, without asking anybody.
use super::super::{Exit, Stop, input};
use super::report;
use crate::cli::ProbeVerb;
use crate::control::{Failure, FailureKind};
use crate::files;
use crate::output::Output;
use crate::probe::{built_in, har};
use serde::Serialize;
use serde_json::json;

pub(in super::super) fn look(output: &Output, verb: &ProbeVerb) -> Result<Exit, Stop> {
    match verb {
        ProbeVerb::List => list(output),
        ProbeVerb::Diff { old, new } => report::compare(output, old, new),
        ProbeVerb::Har { file } => {
            let input = input::read_large(output, file)?;
            let found = har::import(&input.name, input.text()?)?;
            output.result(&json!({ "toml": found.toml, "notes": found.notes }), || found.toml.clone())?;
            Ok(Exit::Done)
        }
        ProbeVerb::Targets { name: Some(name) } => {
            let Some(built_in) = built_in::named(name) else { return Err(unknown_target(name).into()) };
            output
                .result(&json!({ "name": built_in.name, "toml": built_in.text }), || built_in.text.into())?;
            Ok(Exit::Done)
        }
        ProbeVerb::Targets { name: None } => targets(output),
    }
}

#[derive(Serialize)]
struct Row {
    id: String,
    title: String,
    group: &'static str,
    clause: String,
    severity: String,
    advice: String,
}

fn list(output: &Output) -> Result<Exit, Stop> {
    let row = |check: probe::Check| Row {
        clause: check.clause.to_string(),
        severity: check.severity.to_string(),
        id: check.id,
        title: check.title,
        group: check.group,
        advice: check.advice,
    };
    let rows: Vec<Row> = probe::checks(&probe::Plan::default()).into_iter().map(row).collect();
    let line = |row: &Row| {
        [row.id.clone(), row.group.into(), row.severity.clone(), row.clause.clone(), row.title.clone()]
    };
    output.result(&rows, || {
        let lines: Vec<_> = rows.iter().map(line).collect();
        output.table(["ID", "GROUP", "SEVERITY", "CLAUSE", "WHAT IS TRIED"], &lines)
    })?;
    Ok(Exit::Done)
}

fn targets(output: &Output) -> Result<Exit, Stop> {
    let mut rows =
        vec![["tenant".to_owned(), "a tenant of one's own, for the run".to_owned(), String::new()]];
    for built_in in built_in::ALL {
        let (description, _) =
            crate::probe::target::description::Description::read(built_in.name, built_in.text)?;
        let untested = description.untested.map(|why| format!("untested: {why}")).unwrap_or_default();
        rows.push([built_in.name.into(), description.title.unwrap_or_default(), untested]);
    }
    let named: Vec<_> = rows
        .iter()
        .map(|[name, title, note]| json!({ "name": name, "title": title, "note": note }))
        .collect();
    output.result(&named, || output.table(["NAME", "WHOSE", ""], &rows))?;
    Ok(Exit::Done)
}

/// There is neither such a target nor such a file.
pub(super) fn unknown_target(name: &str) -> Failure {
    let message = format!("there is no target and no file named `{}`", name.escape_debug());
    let names: Vec<&str> =
        ["tenant"].into_iter().chain(built_in::ALL.map(|built_in| built_in.name)).collect();
    let hint = match files::nearest(name, names.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there are: {}", names.join(", ")),
    };
    Failure::new(FailureKind::NotFound, message).hint(hint)
}
