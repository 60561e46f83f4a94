//! What the hybrid transport takes: Bluetooth, or a lab that has it, and somebody who reads QR codes.
use super::{Check, State};
use crate::child;
use crate::control::{Failure, FailureKind};
use crate::hybrid::image;
use crate::hybrid::radio::Advertiser;
use crate::process;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// How long a lab in which nothing is done may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that are read of what it says.
const LONGEST: u64 = 64 << 10;

/// An adapter by which the phone can say that it is near: what came of looking for one.
pub(super) fn bluetooth(found: Result<Box<dyn Advertiser>, Failure>) -> Check {
    const WHAT: &str = "bluetooth";
    match found {
        Ok(_) => Check::works(
            WHAT,
            "an adapter that can advertise: fauxkey hybrid scan answers codes of real computers",
        ),
        Err(Failure { kind: FailureKind::Conflict, message, hint: Some(hint) }) => {
            Check::not_yet(WHAT, message, hint)
        }
        Err(Failure { message, .. }) => {
            Check::not_here(WHAT, format!("{message}; fauxkey hybrid lab has Bluetooth of its own"))
        }
    }
}

/// Whether there can be a lab: this program makes one, in which nothing is done.
pub(super) fn lab(program: &Path) -> Check {
    const WHAT: &str = "hybrid lab";
    let told = match try_lab(program) {
        Ok(None) => {
            return Check::works(
                WHAT,
                "QR code, tunnel and Bluetooth for a browser or a suite: fauxkey hybrid lab -- bash",
            );
        }
        Ok(Some(failure)) => failure,
        Err(why) => Failure::new(FailureKind::Broken, why),
    };
    let state = if told.kind == FailureKind::Refused { State::NotYet } else { State::Broken };
    Check { what: WHAT, state, detail: told.message, fix: told.hint }
}

/// What a lab said was wrong, if it was.
fn try_lab(program: &Path) -> Result<Option<Failure>, String> {
    let mut command = Command::new(program);
    command.args(["--json", "hybrid", "lab", "--", "true"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child =
        process::as_before(|| command.spawn()).map_err(|error| format!("cannot be tried: {error}"))?;
    let said = child.stderr.take().expect("it was asked for");
    let reader = thread::spawn(move || {
        let mut text = String::new();
        // What is no text is no explanation either.
        let _read = said.take(LONGEST).read_to_string(&mut text);
        text
    });
    let status =
        child::end_within(&mut child, PATIENCE).map_err(|error| format!("cannot be waited for: {error}"))?;
    let Some(status) = status else { return Err(format!("it took longer than {PATIENCE:?}")) };
    if status.success() {
        return Ok(None);
    }
    let said = reader.join().unwrap_or_default();
    let failure = said.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    failure.map(Some).ok_or_else(|| format!("it ended with {status} and did not say why"))
}

/// Whether codes are read off pictures: one is made, and read.
pub(super) fn codes() -> Check {
    const WHAT: &str = "QR codes";
    const CODE: &str = "FIDO:/335311851610699281684828783";
    let read = image::png(CODE).and_then(|picture| image::codes(&picture)).and_then(image::for_a_phone);
    match read {
        Ok(text) if text == CODE => {
            Check::works(WHAT, "read off pictures and screens: fauxkey hybrid scan screenshot.png")
        }
        Ok(text) => Check::broken(
            WHAT,
            format!("a code was read as {text:?}"),
            "give the code's text to fauxkey hybrid scan",
        ),
        Err(Failure { kind: FailureKind::Refused, message, hint: Some(hint) }) => {
            Check::not_yet(WHAT, message, hint)
        }
        Err(Failure { message, hint, .. }) => {
            Check { what: WHAT, state: State::Broken, detail: message, fix: hint }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hybrid::radio::Radio;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn bluetooth_that_is_off_is_switched_on_and_one_that_is_not_there_is_had_in_a_lab() {
        let off = bluetooth(Radio::Off.advertiser());
        assert!(off.state == State::NotYet && off.fix.is_some(), "{}", off.detail);
        let none = bluetooth(Err(Failure::new(FailureKind::NotFound, "there is no Bluetooth adapter")));
        assert!(none.state == State::NotHere, "{}", none.detail);
        assert!(none.detail.ends_with("; fauxkey hybrid lab has Bluetooth of its own"), "{}", none.detail);
        let socket = Radio::Socket("/nowhere".into());
        assert!(bluetooth(socket.advertiser()).state == State::Works);
    }

    #[test]
    fn a_lab_that_is_refused_says_what_would_help() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("fauxkey");
        let become_it = |script: &str| {
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
            lab(&program)
        };
        assert!(become_it("test \"$*\" = '--json hybrid lab -- true'").state == State::Works);
        let failure = Failure::new(FailureKind::Refused, "no namespaces").hint("allow them");
        let failure = serde_json::to_string(&failure).unwrap();
        let check = become_it(&format!("echo note >&2; echo '{failure}' >&2; exit 1"));
        assert!(check.state == State::NotYet, "{}", check.detail);
        assert_eq!((check.detail.as_str(), check.fix.as_deref()), ("no namespaces", Some("allow them")));
        let check = become_it("exit 2");
        assert!(check.state == State::Broken && check.detail.contains("did not say why"), "{}", check.detail);
        assert!(lab(&folder.path().join("none")).state == State::Broken);
    }

    #[cfg(feature = "qr")]
    #[test]
    fn a_code_is_made_and_read() {
        let check = codes();
        assert!(check.state == State::Works, "{}", check.detail);
    }
}
