//! Where programs outside reach a device: what carries HID reports to and from it.
//!
//! Each door has a HID interface of its own, [`hid::Hid`]: one CTAPHID link, however many programs talk over it,
//! and between two links the authenticator says CHANNEL_BUSY. A driver runs
//! on a thread of its own, hears of reports and power through its [`mailbox::Mailbox`], and never keeps the
//! device waiting. Dropping it detaches it.
//!
//! | module | programs reach it by |
//! |---|---|
//! | [`socket`] | a Unix or TCP socket |
//! | [`exec`] | `/dev/hidraw64` and on, in programs that `fauxkey exec` starts |
//! | [`uhid`] | `/dev/hidraw`, through the kernel's `/dev/uhid` |
//! | [`pcsc`] | PC/SC, as a card on vsmartcard's virtual reader: APDUs, and no HID interface |
//! | [`usbip`] | whatever their operating system has for USB devices, through its USB/IP client |
mod address;
pub mod exec;
pub mod hid;
mod mailbox;
pub mod pcsc;
pub mod socket;
#[cfg(test)]
pub(crate) mod testing;
pub mod uhid;
pub mod usbip;

pub use pcsc::PcscAddress;
pub use socket::SocketAddress;
pub use usbip::UsbipAddress;

/// A driver that is attached to a device, until it is dropped.
pub trait Driver: Send {
    /// Where programs reach the device, such as `unix:/run/user/1000/fauxkey/phone.sock`.
    fn address(&self) -> String;

    /// The reader that the device can be put on and taken from, if this is one.
    fn as_reader(&self) -> Option<&pcsc::Reader> {
        None
    }
}
