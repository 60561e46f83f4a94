//! One program that has the device open over a socket.
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use wire::ctaphid::{REPORT_SIZE, Report};

/// Reports that wait for a program to read them. It is eight of the longest messages: who leaves more lying has
/// stopped reading.
pub(super) const UNREAD_LIMIT: usize = 8 * 129;
/// Reports taken from one program before the others have their turn.
const TURN: usize = 16;

/// The connection is over: the program went away or does not read, or never wanted a device.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Over;

/// A connection that never blocks.
pub(super) struct Connection {
    socket: OwnedFd,
    framing: Framing,
    outgoing: VecDeque<Report>,
    /// Bytes of the first outgoing report that are on their way.
    sent: usize,
    /// Whether there is something to receive, for the owner's book-keeping.
    pub(super) ready: bool,
}

enum Framing {
    /// One packet is one report, and may have the report number 0 before it, as hidraw has it.
    Packets,
    /// Reports one behind the other.
    Stream { partial: Vec<u8>, spoken: bool },
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, is_stream: bool) -> Self {
        let framing = match is_stream {
            true => Framing::Stream { partial: Vec::with_capacity(REPORT_SIZE), spoken: false },
            false => Framing::Packets,
        };
        Self { socket, framing, outgoing: VecDeque::new(), sent: 0, ready: false }
    }

    /// An input report for the program.
    pub(super) fn queue(&mut self, report: Report) -> Result<(), Over> {
        if self.outgoing.len() == UNREAD_LIMIT {
            self.flush()?;
            if self.outgoing.len() == UNREAD_LIMIT {
                return Err(Over);
            }
        }
        self.outgoing.push_back(report);
        Ok(())
    }

    /// Whether something waits to be sent.
    pub(super) fn has_unread(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Sends what the program has room for.
    pub(super) fn flush(&mut self) -> Result<(), Over> {
        while let Some(report) = self.outgoing.front() {
            match send(&self.socket, &report[self.sent..], SendFlags::NOSIGNAL) {
                Ok(sent) => {
                    self.sent += sent;
                    if self.sent >= REPORT_SIZE {
                        self.sent = 0;
                        self.outgoing.pop_front();
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(_) => return Err(Over),
            }
        }
        Ok(())
    }

    /// Takes what the program wrote, as far as it is its turn; `write` gets each output report.
    pub(super) fn receive(&mut self, mut write: impl FnMut(&[u8]) -> Result<(), Over>) -> Result<(), Over> {
        for _ in 0..TURN {
            // One byte more than a report with its number, so that a longer packet is not taken for one.
            let mut bytes = [0; REPORT_SIZE + 2];
            let room = match &self.framing {
                Framing::Packets => bytes.len(),
                Framing::Stream { partial, .. } => REPORT_SIZE - partial.len(),
            };
            let len = match recv(&self.socket, &mut bytes[..room], RecvFlags::empty()) {
                Ok((0, _)) => return Err(Over),
                Ok((len, _)) => len,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(()),
                Err(_) => return Err(Over),
            };
            let bytes = &bytes[..len];
            match &mut self.framing {
                Framing::Packets => match bytes {
                    report if report.len() == REPORT_SIZE => write(report)?,
                    [0, report @ ..] if report.len() == REPORT_SIZE => write(report)?,
                    // hidraw refuses a write of another length; here nobody would hear it.
                    _ => {}
                },
                Framing::Stream { partial, spoken } => {
                    partial.extend(bytes);
                    if !*spoken && is_http(partial) {
                        return Err(Over);
                    }
                    if partial.len() == REPORT_SIZE {
                        *spoken = true;
                        write(partial)?;
                        partial.clear();
                    }
                }
            }
        }
        Ok(())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether this is the beginning of an HTTP request. A web page can make its browser send one to any port of
/// this machine, with reports in its body; no channel was ever named like a method, so nobody else is hurt.
fn is_http(beginning: &[u8]) -> bool {
    beginning.first_chunk::<4>().is_some_and(|cid| {
        [b"GET ", b"HEAD", b"POST", b"PUT ", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC", b"PRI "]
            .contains(&cid)
    })
}
