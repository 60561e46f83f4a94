//! Cells across the room: a phone takes a screen, a radio and a tunnel service, which `fauxkey hybrid lab` has. This program
//! is started in one for all of these cells, and its report is read; pages are reached by [`super::way_out`].
use super::cell::Cell;
use super::{Trial, way_out};
use crate::child::code;
use crate::cli::Coordinates;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The file that runs now, even if another one has its name since.
const PROGRAM: &str = "/proc/self/exe";
/// How often it is asked whether it has ended.
const LOOK: Duration = Duration::from_millis(100);

/// What is read of a report.
#[derive(Deserialize)]
struct Inner {
    cells: Vec<Cell>,
}

/// Whether this is a lab already: a program in it sees the same variable.
pub(super) fn is_lab() -> bool {
    std::env::var_os("FAUXKEY_LAB").is_some()
}

/// Tries these cells in a lab of their own, to the end or until a signal.
///
/// # Errors
/// Why none of them could be tried.
pub(super) fn try_all(
    trial: &Trial<'_>,
    cells: &[Coordinates],
    stopped: &AtomicBool,
) -> Result<Vec<Cell>, String> {
    // Nobody else may reach the socket, and no other program has its name.
    let folder =
        tempfile::Builder::new().prefix("fauxkey-matrix-").tempdir().map_err(|error| error.to_string())?;
    let (socket, out) = (folder.path().join("out"), folder.path().join("cells.json"));
    way_out::serve(&socket).map_err(|error| format!("there is no way out of the lab: {error}"))?;
    let mut command = Command::new(PROGRAM);
    command.args(["hybrid", "lab", "--", PROGRAM]).args(words(trial, cells, &socket, &out));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("the lab does not start: {error}"))?;
    let said = child.stderr.take().expect("it is piped");
    let said = listen(said, trial.context.output.verbose);
    let status = wait(&mut child, stopped).map_err(|error| error.to_string())?;
    let said = said.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let report = std::fs::read(&out).ok().and_then(|text| serde_json::from_slice::<Inner>(&text).ok());
    match report {
        Some(report) => Ok(report.cells),
        None if said.trim().is_empty() => Err(format!("the lab ended with code {}", code(status))),
        None => Err(one_line(&said)),
    }
}

/// This program's arguments, in the lab.
fn words(trial: &Trial<'_>, cells: &[Coordinates], socket: &Path, out: &Path) -> Vec<OsString> {
    let mut more: Vec<OsString> = Vec::new();
    for at in cells {
        more.extend(["--only".into(), at.to_string().into()]);
    }
    for (flag, path) in [("--way-out", socket), ("--out", out)] {
        more.extend([flag.into(), path.into()]);
    }
    trial.words(more)
}

/// What it says, to the end, and to this program's user where they want to hear it.
fn listen(mut said: ChildStderr, verbose: bool) -> Option<JoinHandle<String>> {
    let listen = move || {
        let mut text = Vec::new();
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = said.read(&mut part) {
            let part = part.get(..length).unwrap_or_default();
            if verbose {
                eprint!("{}", String::from_utf8_lossy(part));
            }
            text.extend_from_slice(part);
        }
        String::from_utf8_lossy(&text).into_owned()
    };
    thread::Builder::new().name("lab".into()).spawn(listen).ok()
}

fn wait(child: &mut Child, stopped: &AtomicBool) -> std::io::Result<std::process::ExitStatus> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let mut is_told = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if stopped.load(Ordering::Relaxed) && !is_told {
            is_told = true;
            // It ends the cell that it is at, and reports. It may have heard the same signal, which does no harm.
            let _gone = pid.map(|pid| kill_process(pid, Signal::TERM));
        }
        thread::sleep(LOOK);
    }
}

/// What a failed command said, as part of a sentence.
fn one_line(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines = lines.map(|line| line.strip_prefix("fauxkey: ").unwrap_or(line).trim_end_matches('.'));
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_lab_says_against_itself_is_one_sentence() {
        let said = "fauxkey: cannot make a user namespace for the lab: denied\nhint: run it as root.\n\n";
        assert_eq!(one_line(said), "cannot make a user namespace for the lab: denied; hint: run it as root");
    }
}
