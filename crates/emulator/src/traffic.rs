//! What passes over a device's links, for those who watch: frames as they are, and the messages in them.
use crate::port::Port;
use std::fmt;
use transport::Format;

/// Something passed over a link. Told only while somebody watches
/// ([`VirtualAuthenticator::watch`](crate::VirtualAuthenticator::watch)).
///
/// The bytes are those on the wire: a watcher redacts what is secret in them before it shows or keeps them.
#[derive(Clone, PartialEq, Eq)]
pub struct Traffic {
    /// Over which link.
    pub port: Port,
    /// What the authenticator takes that link for.
    pub link: authenticator::Link,
    /// Which way.
    pub towards: Towards,
    /// What.
    pub unit: Unit,
}

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Towards {
    /// From the platform to the device.
    Device,
    /// From the device to the platform.
    Platform,
}

/// What passed over a link.
#[derive(Clone, PartialEq, Eq)]
pub enum Unit {
    /// A frame of the link.
    Frame {
        /// What kind.
        format: Format,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// A whole message: a request after the frame that completes it, an answer before its first frame.
    Message {
        /// The link's channel.
        channel: u32,
        /// What it is written in.
        protocol: Protocol,
        /// All of it.
        bytes: Vec<u8>,
    },
}

/// What a message is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// CTAP2 (CTAP 2.1 §6): a command byte or a status byte, then CBOR.
    Ctap2,
    /// CTAP1, which is FIDO U2F: APDUs.
    U2f,
}

/// Without the bytes, which may be personal or secret.
impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, link, towards, unit } = self;
        write!(f, "{unit:?} over {link:?} {port:?} towards {towards:?}")
    }
}

/// Without the bytes, which may be personal or secret.
impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { format, bytes } => write!(f, "{format:?} frame of {} bytes", bytes.len()),
            Self::Message { channel, protocol, bytes } => {
                write!(f, "{protocol:?} message of {} bytes on {channel:08x}", bytes.len())
            }
        }
    }
}
