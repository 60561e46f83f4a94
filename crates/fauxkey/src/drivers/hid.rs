//! A HID interface of a device, as the driver of `/dev/hidraw` has it in the kernel: one link, many openers.
use super::mailbox::{Mailbox, Signal};
use crate::runtime::{DeviceHandle, Gone};
use emulator::profile::UsbIdentity;
use emulator::{DeviceProfile, Event, Port};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use transport::ctaphid;
use wire::ctaphid::MAX_MESSAGE_SIZE;

/// How many reports may be on their way to the device before its answer is waited for, so that a program that
/// writes faster than the device reads is slowed down and does not fill the memory.
const WINDOW: u32 = 64;

/// One CTAPHID link, and the drivers that hear what it sends.
pub struct Hid {
    handle: DeviceHandle,
    port: Port,
    readers: Readers,
}

/// `BUS_USB` of `linux/input.h`.
pub(super) const BUS_USB: u16 = 3;

/// What the kernel calls a device on USB (drivers/hid/usbhid/hid-core.c, `usbhid_probe`).
pub(super) fn device_name(identity: &UsbIdentity) -> String {
    match identity.manufacturer.as_str() {
        "" => identity.product.clone(),
        manufacturer => format!("{manufacturer} {}", identity.product),
    }
}

/// How many reports may be on their way to the device from a program that cannot be slowed down; further ones are
/// lost, as the kernel loses them.
const BACKLOG: u32 = 4_096;

type Readers = Arc<Mutex<Vec<Weak<Mailbox>>>>;

/// Writes output reports: from a program to the device.
pub(super) struct Writer {
    handle: DeviceHandle,
    port: Port,
    /// Reports since the device was last heard of.
    unconfirmed: u32,
    /// Reports posted, and those of them that the device has read.
    posted: u32,
    read: Arc<AtomicU32>,
}

impl Hid {
    /// Plugs the HID interface into a running device.
    ///
    /// # Errors
    /// If the device is gone.
    pub fn plug(handle: &DeviceHandle, profile: &DeviceProfile) -> Result<Self, Gone> {
        // CTAP 2.1 §11.2.9.1.3: what is not spoken is not announced, and INVALID_CMD.
        let speaks = &profile.authenticator;
        let link = ctaphid::Device::new(ctaphid::Config {
            version: profile.usb.device_version,
            wink: true,
            cbor: speaks.speaks_ctap2(),
            msg: speaks.speaks_u2f(),
            max_message_size: MAX_MESSAGE_SIZE,
        });
        let readers = Readers::default();
        let input = {
            let readers = readers.clone();
            move |frame: &[u8]| {
                if let Ok(report) = frame.try_into() {
                    tell(&readers, Signal::Input(report));
                }
            }
        };
        let port = handle.plug(authenticator::Link::Usb, Box::new(link), Box::new(input))?;
        let power = {
            let readers = readers.clone();
            move |event: &Event| {
                if let Event::Power(on) = event {
                    tell(&readers, Signal::Power(*on));
                }
                true
            }
        };
        handle.listen(Box::new(power))?;
        Ok(Self { handle: handle.clone(), port, readers })
    }

    /// From now on the driver hears the device. The first it hears is whether the power is on.
    ///
    /// # Errors
    /// If the device is gone.
    pub(super) fn open(&self, mailbox: &Arc<Mailbox>) -> Result<Writer, Gone> {
        let (readers, reader) = (self.readers.clone(), mailbox.clone());
        // On the device's thread, so that no change of the power falls between asking and hearing.
        self.handle.call(move |device, _| {
            reader.push(Signal::Power(device.is_powered()));
            lock(&readers).push(Arc::downgrade(&reader));
        })?;
        let (handle, port) = (self.handle.clone(), self.port);
        Ok(Writer { handle, port, unconfirmed: 0, posted: 0, read: Arc::default() })
    }

    /// Waits until every driver has acted on what happened to the device.
    pub fn settle(&self) {
        // Not under the lock: the device's thread needs it to tell more.
        let readers: Vec<Arc<Mailbox>> = lock(&self.readers).iter().filter_map(Weak::upgrade).collect();
        readers.iter().for_each(|reader| reader.settle());
    }
}

impl Writer {
    /// Hands the device an output report. Waits for the device now and then.
    ///
    /// # Errors
    /// If the device is gone.
    pub(super) fn write(&mut self, report: &[u8]) -> Result<(), Gone> {
        self.handle.frame(self.port, report.into())?;
        self.unconfirmed += 1;
        if self.unconfirmed == WINDOW {
            self.unconfirmed = 0;
            self.handle.call(|_, _| ())?;
        }
        Ok(())
    }
}

impl Writer {
    /// Hands the device an output report and never waits.
    ///
    /// # Errors
    /// If the device is gone.
    pub(super) fn post(&mut self, report: &[u8]) -> Result<(), Gone> {
        if self.posted.wrapping_sub(self.read.load(Ordering::Relaxed)) >= BACKLOG {
            return Ok(());
        }
        self.handle.frame(self.port, report.into())?;
        self.posted = self.posted.wrapping_add(1);
        if self.posted.is_multiple_of(WINDOW) {
            let (read, posted) = (self.read.clone(), self.posted);
            self.handle.post(move || read.store(posted, Ordering::Relaxed))?;
        }
        Ok(())
    }
}

fn tell(readers: &Readers, signal: Signal) {
    lock(readers).retain(|reader| match reader.upgrade() {
        Some(reader) => {
            reader.push(signal);
            true
        }
        None => false,
    });
}

fn lock(readers: &Readers) -> MutexGuard<'_, Vec<Weak<Mailbox>>> {
    readers.lock().unwrap_or_else(PoisonError::into_inner)
}
