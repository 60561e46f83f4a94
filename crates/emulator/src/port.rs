//! The name of a link.

/// Names a link of a virtual authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Port(pub(crate) usize);

impl Port {
    /// Its place among the device's links, counted from 0. A place is not given twice.
    pub fn number(self) -> usize {
        self.0
    }

    /// A link's channel as the authenticator knows it ([`authenticator::Via::channel`]): two links of one kind both
    /// count their channels from 1, and the port tells them apart.
    pub fn channel(self, channel: u32) -> u32 {
        channel ^ u32::try_from(self.0).unwrap_or(u32::MAX) << 24
    }
}
