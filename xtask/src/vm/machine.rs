//! One machine: QEMU, what it prints, and what came of its cases.
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fmt;
use std::io::{BufRead, BufReader};
use std::ops::AddAssign;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What to start.
pub(super) struct Machine<'a> {
    pub(super) kernel: &'a Path,
    pub(super) initramfs: &'a Path,
    /// In MiB.
    pub(super) memory: u32,
    /// Further words of the kernel's command line.
    pub(super) words: String,
    /// Further arguments of QEMU.
    pub(super) devices: Vec<&'a str>,
    pub(super) patience: Duration,
    pub(super) verbose: bool,
}

/// Cases.
#[derive(Default)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The line that a machine prints when it has come to the end of its cases.
const END: &str = "VM-END";
/// Lines shown of a machine that did not come to its end.
const LAST_WORDS: usize = 30;

/// Ends the machine when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Machine<'_> {
    /// Starts it, shows its cases and counts them. One that does not come to its end has failed.
    pub(super) fn run(&self, workspace: &Workspace, name: &str) -> Result<Count> {
        let mut qemu = workspace.command("qemu-system-x86_64");
        // Without RDRAND, which `max` has, the guest would wait for its randomness.
        qemu.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", &self.memory.to_string()]);
        qemu.arg("-kernel").arg(self.kernel).arg("-initrd").arg(self.initramfs);
        let words = format!("console=ttyS0 panic=-1 quiet mitigations=off no_timer_check {}", self.words);
        qemu.args(["-append", &words, "-nodefaults", "-nographic", "-serial", "stdio", "-no-reboot"]);
        let child = qemu.args(&self.devices).stdout(Stdio::piped()).spawn();
        let mut child = Running(child.context("cannot start qemu-system-x86_64")?);
        let output = BufReader::new(child.0.stdout.take().context("its standard output is a pipe")?);
        let begun = Instant::now();
        let (sender, lines) = channel();
        thread::spawn(move || {
            let lines = output.split(b'\n').map_while(Result::ok);
            lines.map(|line| plain(&line)).try_for_each(|line| sender.send(line))
        });
        let mut heard = Heard::default();
        let ending = loop {
            match lines.recv_timeout(self.patience.saturating_sub(begun.elapsed())) {
                Ok(line) => {
                    if self.verbose || heard.is_case(&line) {
                        println!("{line}");
                    }
                    if heard.hear(line) {
                        break None;
                    }
                }
                Err(RecvTimeoutError::Timeout) => break Some(format!("not over after {:?}", self.patience)),
                Err(RecvTimeoutError::Disconnected) => break Some("the machine stopped".into()),
            }
        };
        let mut count = heard.count;
        if let Some(why) = ending {
            count.failed += 1;
            if !self.verbose {
                let from = heard.lines.len().saturating_sub(LAST_WORDS);
                heard.lines[from..].iter().for_each(|line| println!("| {line}"));
            }
            println!("FAILED {name}: {why}");
        } else if count.passed + count.failed == 0 {
            count.failed = 1;
            println!("FAILED {name}: there was no case");
        }
        println!("vm: {name}: {count}, {:.1} s", begun.elapsed().as_secs_f64());
        Ok(count)
    }
}

/// What a machine has said.
#[derive(Default)]
struct Heard {
    count: Count,
    lines: Vec<String>,
}

impl Heard {
    fn is_case(&self, line: &str) -> bool {
        line.starts_with("ok ") || line.starts_with("FAILED ")
    }

    /// True if this was the end.
    fn hear(&mut self, line: String) -> bool {
        if line.starts_with("ok ") {
            self.count.passed += 1;
        } else if line.starts_with("FAILED ") {
            self.count.failed += 1;
        }
        let end = line == END;
        self.lines.push(line);
        end
    }
}

/// A line without the escape sequences that the firmware leaves.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut plain = String::new();
    let mut escaped = false;
    for character in text.chars() {
        match character {
            '\x1B' => escaped = true,
            _ if escaped => escaped = !character.is_ascii_alphabetic(),
            '\r' => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_without_what_the_firmware_leaves() {
        assert_eq!(plain(b"\x1B[2J\x1B[01;01Hok boot\r"), "ok boot");
        assert_eq!(plain(b"plain"), "plain");
    }

    #[test]
    fn cases_are_counted_until_the_end() {
        let mut heard = Heard::default();
        let ends: Vec<bool> = ["ok a", "okay", "FAILED b: c", "see VM-END", "VM-END"]
            .map(|line| heard.hear(line.into()))
            .into();
        assert_eq!(ends, [false, false, false, false, true]);
        assert_eq!(heard.count.to_string(), "1 passed, 1 failed");
    }
}
