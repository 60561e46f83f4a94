//! Another's program as a child: the terminal is its own, and what comes to us is passed on.
use crate::process;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::siginfo::Cause;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Signals that are passed on. Those that stop and continue come to all of a job, and so to both.
const PASSED_ON: [i32; 7] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH];

/// How often it is asked whether a child has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// Runs the program to its end, and gives its exit code, or 128 and the number of the signal that ended it.
///
/// # Errors
/// If it cannot be started.
pub fn run(command: &mut Command) -> io::Result<u8> {
    let signals = Signals::hold()?;
    let mut child = process::as_before(|| command.spawn())?;
    let _passing_on = signals.pass_on(&child)?;
    child.wait().map(code)
}

/// Waits for a child's end, and brings it about when the time is over: `None`.
///
/// # Errors
/// If it cannot be waited for.
pub fn end_within(child: &mut Child, patience: Duration) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

/// As shells have it.
pub fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// The signals that come to this process, held until there is a child that they are for.
pub struct Signals(SignalsInfo<WithOrigin>);

impl Signals {
    /// Holds them from now on. To be called before the child is started, so that none is lost; it starts no thread.
    ///
    /// # Errors
    /// If the signals cannot be caught.
    pub fn hold() -> io::Result<Self> {
        Ok(Self(SignalsInfo::<WithOrigin>::new(PASSED_ON)?))
    }

    /// Passes them on to the child, those that were held first, until what is returned is dropped.
    ///
    /// # Errors
    /// If the child is gone, or if no thread can be started.
    pub fn pass_on(self, child: &Child) -> io::Result<PassingOn> {
        let Self(mut signals) = self;
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
        Ok(PassingOn { handle, thread: Some(thread) })
    }
}

/// A thread that passes signals on, as long as this is kept.
pub struct PassingOn {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Drop for PassingOn {
    fn drop(&mut self) {
        self.handle.close();
        // A thread that panicked passes nothing on.
        let _over = self.thread.take().map(JoinHandle::join);
    }
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
