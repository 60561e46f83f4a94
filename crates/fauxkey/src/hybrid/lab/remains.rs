//! What is left when the command has ended: processes that it started and did not wait for.
use rustix::process::{Pid, Signal, getpid, kill_process};
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// How long they may take to end by themselves once they are asked to.
const GRACE: Duration = Duration::from_secs(2);
/// After this long, what cannot be ended is left: it waits for hardware, or starts others faster than we look.
const LONGEST: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);

/// The namespaces by which the lab's processes are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spaces {
    mounts: PathBuf,
    network: PathBuf,
}

impl Spaces {
    /// Those of a process, by number or as `self`; none if it has ended, or is another user's.
    pub(super) fn of(process: &str) -> Option<Self> {
        let link = |name: &str| fs::read_link(format!("/proc/{process}/ns/{name}")).ok();
        Some(Self { mounts: link("mnt")?, network: link("net")? })
    }

    /// Ends every process that is in one of them, but this one: asks it, and after a while asks no longer.
    pub(super) fn end_all(&self) {
        let begun = Instant::now();
        let mut asked = Vec::new();
        loop {
            let left = self.processes();
            if left.is_empty() || begun.elapsed() > LONGEST {
                return;
            }
            for process in left {
                if begun.elapsed() > GRACE {
                    // It may have ended by now, here and below.
                    let _ended = kill_process(process, Signal::KILL);
                } else if !asked.contains(&process) {
                    let _ended = kill_process(process, Signal::TERM);
                    asked.push(process);
                }
            }
            thread::sleep(PAUSE);
        }
    }

    /// A sandbox within the lab has other mounts, or another network, but seldom both.
    fn is_of(&self, process: i32) -> bool {
        Self::of(&process.to_string())
            .is_some_and(|its| its.mounts == self.mounts || its.network == self.network)
    }

    /// Those that are there now. Those that have ended, and wait to be asked how, are in no namespace.
    fn processes(&self) -> Vec<Pid> {
        let own = getpid();
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<i32>().ok();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let inside = entries.filter_map(number).filter(|process| self.is_of(*process));
        inside.filter_map(Pid::from_raw).filter(|process| *process != own).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_namespaces() {
        let own = Spaces::of("self").unwrap();
        let process = getpid().as_raw_nonzero().get();
        assert_eq!(Spaces::of(&process.to_string()), Some(own.clone()));
        assert!(own.is_of(process) && !own.processes().contains(&getpid()));
        let elsewhere = Spaces { mounts: "mnt:[1]".into(), network: "net:[1]".into() };
        assert!(elsewhere.processes().is_empty());
        // Ends nobody, then, and at once.
        elsewhere.end_all();
        assert_eq!(Spaces::of("no-process"), None);
    }
}
