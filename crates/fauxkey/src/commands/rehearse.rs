//! `fauxkey rehearse`: the whole story, unattended.
use super::{Context, Exit, Stop};
use crate::cli::{Behaviour, Rehearse};
use crate::control::Failure;
use crate::output::{Output, Tone};
use crate::rehearse::{CrossDevice, Step, rehearse, rehearse_tenant};
use std::io;

/// The profiles of the devices whose stories are played where nothing else is said.
const PROFILES: [&str; 3] = ["ms-authenticator-ios", "ms-authenticator-android", "security-key"];

pub(super) fn run(context: &Context, arguments: &Rehearse) -> Result<Exit, Stop> {
    let output = &context.output;
    let all = arguments.profile.is_empty() && arguments.behaviour.is_empty();
    let profiles = if all { PROFILES.map(String::from).to_vec() } else { arguments.profile.clone() };
    let behaviours = match all {
        true => vec![Behaviour::Preview2024, Behaviour::Current],
        false => arguments.behaviour.clone(),
    };
    let mut steps = 0;
    for profile in &profiles {
        heading(output, &format!("with a device of profile {profile}"))?;
        steps += streamed(output, |told| rehearse(profile, told))?;
    }
    let way = match arguments.cross_device {
        CrossDevice::Hid => "",
        CrossDevice::Hybrid => ", the phone across the room",
    };
    for behaviour in behaviours {
        let behaviour = behaviour.into();
        let named = tenant::Behaviour::as_str(behaviour);
        heading(output, &format!("a tenant and a phone, behaviour {named}{way}"))?;
        steps += tabled(output, named, |told| rehearse_tenant(behaviour, arguments.cross_device, told))?;
    }
    output.say(&format!("rehearsed: {steps} steps, each verified"));
    Ok(Exit::Done)
}

fn heading(output: &Output, text: &str) -> io::Result<()> {
    if output.json { Ok(()) } else { output.text(&output.painted(text, Tone::Heading)) }
}

/// Each step as soon as it is done.
fn streamed(
    output: &Output,
    play: impl FnOnce(&mut dyn FnMut(&Step)) -> Result<usize, Failure>,
) -> Result<usize, Stop> {
    let mut unwritten = None;
    let steps = play(&mut |step| {
        let written = output.result(step, || line(step));
        unwritten = unwritten.take().or(written.err());
    })?;
    unwritten.map_or(Ok(steps), |error: io::Error| Err(error.into()))
}

/// All steps in a table, also those before one that failed; as they are done for programs.
fn tabled(
    output: &Output,
    behaviour: &str,
    play: impl FnOnce(&mut dyn FnMut(&Step)) -> Result<usize, Failure>,
) -> Result<usize, Stop> {
    if output.json {
        return streamed(output, play);
    }
    let mut steps: Vec<Step> = Vec::new();
    let played = play(&mut |step| {
        output.detail(&line(step));
        steps.push(step.clone());
    });
    let mut part = None;
    let rows: Vec<_> = steps
        .iter()
        .map(|step| {
            let shown = if step.part == part { String::new() } else { step.part.clone().unwrap_or_default() };
            part.clone_from(&step.part);
            [shown, step.what.clone(), step.verified_by.clone(), step.millis.to_string()]
        })
        .collect();
    output.text(&output.table(["PART", "STEP", "VERIFIED BY", "MS"], &rows))?;
    let played = played.map_err(|failure| Failure {
        message: format!("behaviour {behaviour}: {}", failure.message),
        ..failure
    })?;
    Ok(played)
}

fn line(step: &Step) -> String {
    let Step { what, outcome, verified_by, millis, .. } = step;
    format!("ok  {what} ({millis} ms)\n      {outcome}\n      verified by {verified_by}")
}
