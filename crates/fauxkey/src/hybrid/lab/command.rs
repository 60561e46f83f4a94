//! The process that becomes the command.
use super::apart;
use super::tell::{FromCommand, Line, ToCommand};
use crate::control::{Failure, FailureKind};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::ffi::OsString;
use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// The exit codes of env(1), nohup(1) and shells where a program cannot be started, and where there is none.
const CANNOT_START: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Becomes the command: the helper's socket, whether to have a user namespace of its own, and the program with its
/// arguments.
pub(super) fn become_it(arguments: &[OsString]) -> ExitCode {
    let [socket, own, program, rest @ ..] = arguments else { return ExitCode::FAILURE };
    let Ok(mut helper) = UnixStream::connect(socket).and_then(Line::over) else { return ExitCode::FAILURE };
    let error = match prepare(&mut helper, own == OWN) {
        // The socket is closed as the program starts, which is how the helper hears of it.
        Ok(()) => Command::new(program).args(rest).exec(),
        Err(error) => error,
    };
    let (code, kind) = match error.kind() {
        io::ErrorKind::NotFound => (NOT_FOUND, FailureKind::NotFound),
        _ => (CANNOT_START, FailureKind::Broken),
    };
    let failure = Failure::new(kind, format!("cannot start {}: {error}", program.display()));
    // Who does not hear it sees the exit code.
    let _unheard = helper.tell(&FromCommand::NotStarted { code, failure });
    ExitCode::from(code)
}

/// That the command is to have a user namespace of its own, or that of others.
pub(super) const OWN: &str = "own";
pub(super) const OTHERS: &str = "others";

fn prepare(helper: &mut Line, own: bool) -> io::Result<()> {
    let parent = getppid();
    if own {
        apart::leave_users()?;
        helper.tell(&FromCommand::Apart)?;
        let Some(ToCommand::Mapped) = helper.hear()? else {
            return Err(io::Error::other("the lab's helper has ended"));
        };
    }
    // The command does not outlive the lab, however that ends.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != parent {
        return Err(io::Error::other("the lab's helper has ended"));
    }
    Ok(())
}
