//! Response APDUs on their way: what Le allows of the data, and the rest by GET RESPONSE.
use alloc::vec::Vec;
use wire::apdu::{Response, StatusWord};

/// SW1 that says that SW2 more bytes are there (ISO 7816-4 §5.6); SW2 of zero stands for 256 and more.
const MORE: u16 = 0x6100;

/// At most one response APDU, and the data that it has no room for.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    unsent: Option<Vec<u8>>,
    rest: Vec<u8>,
    /// What stands at the end of the rest.
    status: Option<StatusWord>,
}

impl Outgoing {
    /// A response of any length, of which the first `le` bytes of data go now.
    pub(super) fn put(&mut self, data: Vec<u8>, status: StatusWord, le: usize) {
        (self.rest, self.status) = (data, Some(status));
        self.next(le);
    }

    /// The next `le` bytes of data go now; false if there are none.
    pub(super) fn next(&mut self, le: usize) -> bool {
        let Some(status) = self.status else { return false };
        let rest = self.rest.split_off(self.rest.len().min(le));
        let data = core::mem::replace(&mut self.rest, rest);
        let status = match u16::try_from(self.rest.len()).unwrap_or(u16::MAX) {
            0 => {
                self.status = None;
                status
            }
            more @ 1..=0xFF => StatusWord(MORE | more),
            _ => StatusWord(MORE),
        };
        self.unsent = Some(Response { data, status }.encode());
        true
    }

    /// What was not fetched yet is not to be had any more.
    pub(super) fn drop_rest(&mut self) {
        self.rest.clear();
        self.status = None;
    }

    pub(super) fn is_unsent(&self) -> bool {
        self.unsent.is_some()
    }

    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        self.unsent.take()
    }
}
