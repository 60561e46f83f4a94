//! Reports that wait to be fetched.
use alloc::collections::VecDeque;
use wire::ctaphid::{Command, Packet, Report, fragment};

/// A queue with an upper bound, for a platform that asks and never reads.
#[derive(Default)]
pub(super) struct Outbox {
    reports: VecDeque<Report>,
}

impl Outbox {
    /// Reports kept: four of the longest messages, 33 kB. A platform that leaves more lying has stopped
    /// reading; it loses them all, so that the newest message always goes out, and whole.
    pub(super) const LIMIT: usize = 4 * 129;

    /// Queues a message of at most [`wire::ctaphid::MAX_MESSAGE_SIZE`] bytes.
    pub(super) fn push(&mut self, cid: u32, command: Command, payload: &[u8]) {
        let reports = fragment(cid, command, payload);
        if self.reports.len() + reports.len() > Self::LIMIT {
            self.reports.clear();
        }
        self.reports.extend(reports);
    }

    /// Queues a KEEPALIVE. One that waits unread is replaced: only the newest says anything. (It is of the same
    /// request: a request that is over has left a response behind it, or INIT has discarded it.)
    pub(super) fn push_keepalive(&mut self, cid: u32, status: u8) {
        self.reports.pop_back_if(|report| {
            matches!(Packet::parse(report), Packet::Initialization { command: Command::KEEPALIVE, .. })
        });
        self.push(cid, Command::KEEPALIVE, &[status]);
    }

    /// Forgets what one channel has not fetched.
    pub(super) fn discard(&mut self, cid: u32) {
        self.reports.retain(|report| match Packet::parse(report) {
            Packet::Initialization { cid: its, .. } | Packet::Continuation { cid: its, .. } => its != cid,
        });
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.reports.clear();
    }

    /// The next report to send.
    pub(super) fn pop(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.reports.len()
    }
}
