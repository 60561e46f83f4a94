//! Traces as packet captures (draft-ietf-opsawg-pcapng), for Wireshark and its kin, and captures of real keys as traces.
mod read;
mod usb;
mod write;

pub use read::read;
pub use write::Writer;

/// What a file of this format begins with: the type of its section header.
pub const MAGIC: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
