//! The program as a child: the terminal is its own, and what comes to us is passed on.
use crate::process;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::thread;

/// Signals that are passed on. Those that stop and continue come to all of a job, and so to both.
const PASSED_ON: [i32; 7] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH];

/// Runs the program to its end, and gives its exit code, or 128 and the number of the signal that ended it.
///
/// # Errors
/// If it cannot be started.
pub(super) fn run(command: &mut Command) -> io::Result<u8> {
    // Before the start, so that none is lost.
    let mut signals = SignalsInfo::<WithOrigin>::new(PASSED_ON)?;
    let mut child = process::as_before(|| command.spawn())?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a child has a number");
    // A descriptor, and not the number, which another process may have by the time.
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let handle = signals.handle();
    let pass_on = move || {
        for origin in signals.forever() {
            // What the terminal says, it says to all of the job, which the program is in, too.
            if origin.cause == Cause::Kernel {
                continue;
            }
            if let Some(signal) = Signal::from_named_raw(origin.signal) {
                // It may have ended by now.
                let _ended = pidfd_send_signal(&process, signal);
            }
        }
    };
    let thread = thread::Builder::new().name("signals".into()).spawn(pass_on)?;
    let status = child.wait();
    handle.close();
    // A thread that panicked passes nothing on.
    let _over = thread.join();
    status.map(code)
}

/// As shells have it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_passed_on_and_a_signal_is_128_more() {
        for (script, expected) in [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137)] {
            assert_eq!(run(Command::new("sh").args(["-c", script])).unwrap(), expected, "{script}");
        }
    }
}
