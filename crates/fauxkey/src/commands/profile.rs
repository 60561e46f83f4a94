//! `fauxkey profile`.
use super::{Context, Exit, Stop, input};
use crate::cli::ProfileVerb;
use crate::control::{Failure, FailureKind};
use crate::output::{Output, Tone};
use crate::profiles::{Listed, Profiles, capture, edit};
use emulator::DeviceProfile;
use emulator::profile::ProfileError;
use serde::Serialize;
use std::path::Path;

/// A profile, or a file that should be one, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aaguid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_bound: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// What `profile check` found.
#[derive(Serialize)]
struct Checked {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    problems: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'static str>,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

pub(super) fn profile(context: &Context, verb: ProfileVerb) -> Result<Exit, Stop> {
    let output = &context.output;
    let profiles = Profiles::of(&context.home);
    match verb {
        ProfileVerb::List => {
            let rows: Vec<Row> = profiles.list()?.into_iter().map(row).collect();
            output.result(&rows, || table(output, &rows))?;
        }
        ProfileVerb::Show { name } => {
            let profile = profiles.find(&name)?;
            let json =
                serde_json::json!({ "name": profile.name, "title": profile.title, "toml": profile.source });
            output.result(&json, || profile.source.clone())?;
        }
        ProfileVerb::Check { file } => return check(output, &file),
        ProfileVerb::Add { what, from, set } => {
            let profile = match from {
                None => profiles.add(Path::new(&what))?,
                Some(from) => {
                    let source = made_from(output, &profiles, &what, &from)?;
                    profiles.add_text(&what, &edit::edited(&source, &what, &set)?)?
                }
            };
            let added = row(Listed { name: profile.name.clone(), file: None, profile: Ok(profile) });
            output.result(&added, || {
                format!("added {}; try: fauxkey device add NAME --profile {0}", added.name)
            })?;
        }
    }
    Ok(Exit::Done)
}

/// The TOML to start from: that of a profile, or one of what a key answered.
fn made_from(output: &Output, profiles: &Profiles, name: &str, from: &str) -> Result<String, Failure> {
    if let Some((plain, option)) = from.split_once('+') {
        let message = format!("`{}` is a profile with an option, which has no copy", from.escape_debug());
        let hint = format!("say --from {plain} --set attestation={option}");
        return Err(Failure::new(FailureKind::Invalid, message).hint(hint));
    }
    let unknown = match profiles.find(from) {
        Ok(profile) => return Ok(profile.source),
        Err(failure) if failure.kind == FailureKind::NotFound => failure,
        Err(failure) => return Err(failure),
    };
    // What is neither a profile nor a file was most likely meant to be a profile.
    if from != "-" && !Path::new(from).is_file() {
        return Err(unknown);
    }
    let input = input::read(output, from)?;
    Ok(capture::profile(name, &input.name, &capture::read(&input.name, &input.bytes)?))
}

fn row(listed: Listed) -> Row {
    let file = listed.file.map(|file| file.display().to_string());
    let name = listed.name;
    match listed.profile {
        Ok(profile) => Row {
            name,
            title: Some(profile.title),
            aaguid: Some(profile.authenticator.aaguid.to_string()),
            device_bound: Some(profile.device_bound),
            file,
            refused: None,
        },
        Err(why) => {
            Row { name, title: None, aaguid: None, device_bound: None, file, refused: Some(why.message) }
        }
    }
}

fn table(output: &Output, rows: &[Row]) -> String {
    let cells = |row: &Row| {
        [
            row.name.clone(),
            row.title.clone().or_else(|| row.refused.clone()).unwrap_or_default(),
            row.aaguid.clone().unwrap_or_default(),
            match row.device_bound {
                Some(true) => "device-bound".into(),
                Some(false) => "synced".into(),
                None => "cannot be used".into(),
            },
            row.file.clone().unwrap_or_else(|| "built in".into()),
        ]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    output.table(["NAME", "TITLE", "AAGUID", "PASSKEYS", "FROM"], &rows)
}

/// Every refusal on a line of its own, with what to do about it.
fn check(output: &Output, path: &Path) -> Result<Exit, Stop> {
    let input = input::file(path)?;
    let file = input.name.clone();
    let checked = match DeviceProfile::read(&file, input.text()?) {
        Ok(profile) => Checked { file, profile: Some(profile.name), problems: Vec::new() },
        Err(error) => Checked { file, profile: None, problems: findings(error) },
    };
    output.result(&checked, || match &checked.profile {
        Some(name) => format!("{}: the profile {name} can be kept", checked.file),
        None => checked.problems.iter().map(|finding| lines(output, &checked.file, finding)).collect(),
    })?;
    Ok(if checked.problems.is_empty() { Exit::Done } else { Exit::Found })
}

fn findings(error: ProfileError) -> Vec<Finding> {
    match error {
        ProfileError::Toml { invalid, .. } => {
            vec![Finding { line: invalid.line, key: None, why: invalid.why, hint: invalid.hint }]
        }
        ProfileError::Refused { problems, .. } => {
            let finding = |problem: emulator::profile::Problem| Finding {
                line: problem.line,
                key: Some(problem.key),
                why: problem.why,
                hint: Some(problem.hint),
            };
            problems.into_iter().map(finding).collect()
        }
    }
}

fn lines(output: &Output, file: &str, finding: &Finding) -> String {
    let line = finding.line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let key = finding.key.map(|key| format!("{key}: ")).unwrap_or_default();
    let mut text = format!("{file}: {line}{key}{}\n", finding.why);
    if let Some(hint) = &finding.hint {
        text.push_str(&format!("{} {hint}\n", output.painted("hint:", Tone::Hint)));
    }
    text
}
