//! Logical channels, CTAP 2.1 §11.2.3: who may speak.
use alloc::vec::Vec;
use wire::ctaphid::BROADCAST;

/// The channel identifier that is nobody's, CTAP 2.1 §11.2.3.
pub(super) const RESERVED: u32 = 0;

/// The channels handed out, at most [`Channels::LIMIT`].
///
/// Identifiers count up from 1. They tell applications apart and keep nobody out: CTAP 2.1 §11.2.3 leaves
/// their choice to the vendor, and whoever can write a report can write any of them.
#[derive(Default)]
pub(super) struct Channels {
    /// Least recently used first.
    allocated: Vec<u32>,
    /// The identifier handed out last. It outlives a reset, so that an application which slept through it
    /// does not find its channel belonging to another.
    last: u32,
}

impl Channels {
    /// Channels remembered. Every application that opens the device takes one and none gives it back.
    pub(super) const LIMIT: usize = 64;

    /// Whether this channel may speak.
    pub(super) fn is_allocated(&self, cid: u32) -> bool {
        self.allocated.contains(&cid)
    }

    /// This channel was used just now.
    pub(super) fn touch(&mut self, cid: u32) {
        if let Some(place) = self.allocated.iter().position(|&known| known == cid) {
            self.allocated[place..].rotate_left(1);
        }
    }

    /// A channel that nobody has. If the table is full, the least recently used one that is not `pinned` is
    /// forgotten.
    pub(super) fn allocate(&mut self, pinned: Option<u32>) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1);
            if ![RESERVED, BROADCAST].contains(&self.last) && !self.is_allocated(self.last) {
                break;
            }
        }
        self.insert(self.last, pinned);
        self.last
    }

    /// A channel that its user named, allocated if it was not. As for [`Channels::allocate`].
    pub(super) fn adopt(&mut self, cid: u32, pinned: Option<u32>) {
        if self.is_allocated(cid) {
            self.touch(cid);
        } else {
            self.insert(cid, pinned);
        }
    }

    /// Every channel is forgotten.
    pub(super) fn clear(&mut self) {
        self.allocated.clear();
    }

    fn insert(&mut self, cid: u32, pinned: Option<u32>) {
        if self.allocated.len() >= Self::LIMIT {
            let oldest = self.allocated.iter().position(|&known| Some(known) != pinned);
            self.allocated.remove(oldest.expect("one pin cannot hold a table of 64"));
        }
        self.allocated.push(cid);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.allocated.len()
    }

    /// As if `last` had been handed out just now.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, last: u32) {
        self.last = last;
    }
}
