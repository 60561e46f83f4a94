//! `fauxkey explain`: what any piece of WebAuthn or CTAP says, and what is odd about it.
use super::{Exit, Stop, input};
use crate::cli::Explain;
use crate::control::{Failure, FailureKind};
use crate::output::Output;
use std::path::Path;
use std::time::SystemTime;

pub(super) fn explain(output: &Output, arguments: &Explain) -> Result<Exit, Stop> {
    let bytes = if arguments.input == "-" || is_file(&arguments.input) {
        input::read(output, &arguments.input)?.bytes
    } else {
        arguments.input.clone().into_bytes()
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs());
    let explanation = crate::explain::explain(&bytes, now).map_err(|error| {
        let failure = Failure::new(FailureKind::Invalid, format!("cannot explain this: {error}"));
        Failure { hint: error.hint(), ..failure }
    })?;
    output.result(&explanation, || explanation.to_string())?;
    Ok(Exit::Done)
}

/// What was pasted can be far longer than a file name, which is no reason to fail.
fn is_file(text: &str) -> bool {
    Path::new(text).is_file()
}
