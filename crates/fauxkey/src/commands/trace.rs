//! `fauxkey trace`, and what `--trace` writes.
use super::{Context, Exit, Stop, input};
use crate::cli::Trace;
use crate::control::{Control, Failure, FailureKind, Lines};
use crate::output::Output;
use crate::remote::Remote;
use crate::trace::{self, Line, TraceFile};
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long after the end of a program the last lines may come from another process.
const LAST_LINES: Duration = Duration::from_millis(250);

pub(super) fn trace(context: &Context, arguments: &Trace) -> Result<Exit, Stop> {
    let output = &context.output;
    let mut file = arguments.to.as_deref().map(TraceFile::create).transpose()?;
    let mut take = |line: &Line| -> Result<(), Stop> {
        // The first line is nobody's, and everybody's.
        let wanted =
            arguments.device.as_ref().is_none_or(|name| line.device.is_empty() || line.device == *name);
        match &mut file {
            _ if !wanted => Ok(()),
            Some(file) => Ok(file.write(line)?),
            None if output.json => Ok(output.document(line)?),
            None => Ok(output.text(&trace::painted(output, line))?),
        }
    };
    let Some(name) = &arguments.file else {
        for line in live(context)?.flatten() {
            take(&line)?;
        }
        return Ok(Exit::Done);
    };
    let input = input::read(output, name)?;
    let lines = trace::read(&input.name, &input.bytes)?;
    lines.iter().try_for_each(take)?;
    Ok(Exit::Done)
}

fn live(context: &Context) -> Result<Lines, Failure> {
    let named = Remote::from_environment(&context.home)?;
    let Some(remote) = named.or_else(|| Remote::running(&context.home)) else {
        return Err(Failure::new(FailureKind::Conflict, "no instance of fauxkey is running")
            .hint("start it with `fauxkey run` in another terminal"));
    };
    remote.trace()
}

/// Writes a trace until the devices are gone, on a thread of its own.
pub(super) struct Recorder(JoinHandle<()>);

impl Recorder {
    /// Begins to write.
    ///
    /// # Errors
    /// If the file cannot be made, or there are no lines to be had.
    pub(super) fn start(output: Output, control: &dyn Control, path: &Path) -> Result<Self, Failure> {
        let (mut file, lines) = (TraceFile::create(path)?, control.trace()?);
        let path = path.to_owned();
        let record = move || {
            for line in lines.flatten() {
                if let Err(error) = file.write(&line) {
                    return output.warn(&format!("the trace {} ends here: {error}", path.display()));
                }
            }
        };
        let thread = thread::Builder::new().name("trace".into()).spawn(record);
        let broken = |error| Failure::new(FailureKind::Broken, format!("cannot start a thread: {error}"));
        Ok(Self(thread.map_err(broken)?))
    }

    /// Waits until the last line is written. The devices must be gone, unless another process has them.
    pub(super) fn finish(self, elsewhere: bool) {
        if elsewhere {
            // Every line is in the file once it was heard of, so that nothing is lost by not waiting for the end.
            return thread::sleep(LAST_LINES);
        }
        let _panicked = self.0.join();
    }
}
