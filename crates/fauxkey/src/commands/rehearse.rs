//! `fauxkey rehearse`: the whole story, unattended.
use super::{Context, Exit, Stop};
use crate::cli::Rehearse;
use crate::output::Tone;
use crate::rehearse::{Step, rehearse};

pub(super) fn run(context: &Context, arguments: &Rehearse) -> Result<Exit, Stop> {
    let output = &context.output;
    let profiles: &[String] = &arguments.profile;
    let mut steps = 0;
    for profile in profiles {
        if !output.json {
            output.text(&output.painted(&format!("with a device of profile {profile}"), Tone::Heading))?;
        }
        let mut unwritten = None;
        steps += rehearse(profile, &mut |step| {
            let written = output.result(step, || line(step));
            unwritten = unwritten.take().or(written.err());
        })?;
        if let Some(error) = unwritten {
            return Err(error.into());
        }
    }
    output.say(&format!("rehearsed: {steps} steps, each verified"));
    Ok(Exit::Done)
}

fn line(step: &Step) -> String {
    let Step { what, outcome, verified_by, millis } = step;
    format!("ok  {what} ({millis} ms)\n      {outcome}\n      verified by {verified_by}")
}
