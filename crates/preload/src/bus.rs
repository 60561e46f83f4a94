//! The folder of devices that are there, as `fauxkey` keeps it. It looks like a small `/sys`:
//!
//! ```text
//! hidraw64/                 one device that has power, the USB device: manufacturer, product, as sysfs has them;
//!                           it comes and goes as a whole, by rename
//!   name                    what fauxkey calls it
//!   socket -> PATH          where it listens (SOCK_SEQPACKET, a packet is a report)
//!   hid/                    the HID device: uevent, report_descriptor
//!     hidraw/hidraw64/      the hidraw device: uevent, dev, device -> ../..
//! ```
//!
//! Numbers begin at 64, as the kernel's end at 63 (`HIDRAW_MAX_DEVICES`, include/linux/hidraw.h).
use crate::next::next;
use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};

/// Names the folder.
const FOLDER: &CStr = c"FAUXKEY_EXEC";
/// Names the devices of it that the program sees, separated by commas; all, if it is not set.
const ONLY: &CStr = c"FAUXKEY_EXEC_DEVICES";
/// The kernel's own devices have smaller numbers.
const FIRST: u32 = 64;
/// No driver of the kernel has this major number: they end at 511 (`CHRDEV_MAJOR_MAX`, include/linux/fs.h).
const MAJOR: u32 = 4095;
/// Bytes of the longest file that is read.
const LONGEST: usize = 64 << 10;

/// A variable of the environment, as it was when the program first came here: programs change theirs.
fn variable(name: &CStr, kept: &AtomicPtr<c_char>) -> Option<&'static CStr> {
    let mut text = kept.load(Ordering::Acquire);
    if text.is_null() {
        // SAFETY: the name ends in a zero.
        let set = unsafe { libc::getenv(name.as_ptr()) };
        let set = if set.is_null() { c"".as_ptr() } else { set };
        // SAFETY: it is a string. The copy is kept for good.
        text = unsafe { libc::strdup(set) };
        if text.is_null() {
            return None;
        }
        kept.store(text, Ordering::Release);
    }
    // SAFETY: it is a string that is never freed or changed.
    Some(unsafe { CStr::from_ptr(text) }).filter(|text| !text.is_empty())
}

/// The folder of devices, if there is one.
pub(crate) fn folder() -> Option<&'static str> {
    static KEPT: AtomicPtr<c_char> = AtomicPtr::new(core::ptr::null_mut());
    variable(FOLDER, &KEPT).and_then(|folder| folder.to_str().ok())
}

fn is_wanted(name: &str) -> bool {
    static KEPT: AtomicPtr<c_char> = AtomicPtr::new(core::ptr::null_mut());
    variable(ONLY, &KEPT)
        .is_none_or(|only| only.to_bytes().split(|byte| *byte == b',').any(|one| one == name.as_bytes()))
}

/// A device of ours, by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(u32);

impl Number {
    /// The number of `hidraw64`.
    pub(crate) fn of_name(name: &[u8]) -> Option<Self> {
        let digits = name.strip_prefix(b"hidraw")?;
        if !(2..=6).contains(&digits.len()) {
            return None;
        }
        let mut number = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number * 10 + u32::from(digit - b'0');
        }
        (number >= FIRST).then_some(Self(number))
    }

    /// The number of `/dev/hidraw64`. Costs next to nothing for every other path.
    pub(crate) fn of_path(path: &CStr) -> Option<Self> {
        let number = path.to_bytes().strip_prefix(b"/dev/").and_then(Self::of_name)?;
        folder().map(|_| number)
    }

    /// As the device number that stat(2) shows.
    pub(crate) fn device(self) -> libc::dev_t {
        libc::makedev(MAJOR, self.0)
    }

    /// The device of that device number.
    pub(crate) fn of_device(device: libc::dev_t) -> Option<Self> {
        let number = libc::minor(device);
        (libc::major(device) == MAJOR && number >= FIRST).then_some(Self(number))
    }

    pub(crate) const fn get(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_kept(number: u32) -> Self {
        Self(number)
    }

    /// Where its files are, with `below` behind it.
    fn path(self, below: &str) -> Option<String> {
        folder().map(|folder| format!("{folder}/hidraw{}/{below}", self.0))
    }

    /// The folder that stands for the USB device.
    pub(crate) fn usb_path(self) -> Option<String> {
        folder().map(|folder| format!("{folder}/hidraw{}", self.0))
    }

    /// The folder that stands for the HID device.
    pub(crate) fn hid_path(self) -> Option<String> {
        self.path("hid")
    }

    /// The folder that stands for the hidraw device.
    pub(crate) fn hidraw_path(self) -> Option<String> {
        self.path(&format!("hid/hidraw/hidraw{}", self.0))
    }

    /// Whether it is there, and the program is to see it.
    pub(crate) fn is_there(self) -> bool {
        let name = self.path("name").and_then(|path| read(&path));
        name.as_deref()
            .and_then(|name| core::str::from_utf8(name).ok())
            .is_some_and(|name| is_wanted(name.trim_end()))
    }

    /// What the kernel would tell of the HID device, a `KEY=value` a line.
    pub(crate) fn uevent(self) -> Option<String> {
        String::from_utf8(read(&self.path("hid/uevent")?)?).ok()
    }

    /// Its report descriptor.
    pub(crate) fn report_descriptor(self) -> Option<Vec<u8>> {
        read(&self.path("hid/report_descriptor")?)
    }

    /// Where it listens.
    pub(crate) fn socket(self) -> Option<Vec<u8>> {
        let link = CString::new(self.path("socket")?).ok()?;
        let mut target = alloc::vec![0u8; 256];
        // SAFETY: the path ends in a zero, and the buffer is as long as is said.
        let len = unsafe { libc::readlink(link.as_ptr(), target.as_mut_ptr().cast(), target.len()) };
        target.truncate(usize::try_from(len).ok()?);
        Some(target)
    }
}

/// The value of a key in a uevent.
pub(crate) fn value<'a>(uevent: &'a str, key: &str) -> Option<&'a str> {
    uevent.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

/// The devices that are there and that the program is to see, in order.
pub(crate) fn devices() -> Vec<Number> {
    let mut found = Vec::new();
    let Some(path) = folder().and_then(|folder| CString::new(folder).ok()) else { return found };
    // SAFETY: the path ends in a zero.
    let stream = unsafe { libc::opendir(path.as_ptr()) };
    if stream.is_null() {
        return found;
    }
    loop {
        // SAFETY: the stream is open, and this function's own.
        let entry = unsafe { libc::readdir(stream) };
        if entry.is_null() {
            break;
        }
        // SAFETY: an entry's name ends in a zero, and stays until the next entry is read.
        let name = unsafe { CStr::from_ptr((&raw const (*entry).d_name).cast()) };
        found.extend(Number::of_name(name.to_bytes()).filter(|number| number.is_there()));
    }
    // SAFETY: it is open, and not used after this.
    unsafe { libc::closedir(stream) };
    found.sort_unstable();
    found
}

/// A whole file, if it can be read.
pub(crate) fn read(path: &str) -> Option<Vec<u8>> {
    let path = CString::new(path).ok()?;
    let open = next!(open: fn(*const c_char, c_int, c_int) -> c_int)?;
    // SAFETY: the path ends in a zero.
    let file = unsafe { open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC, 0) };
    if file < 0 {
        return None;
    }
    let mut bytes = Vec::new();
    let read = next!(read: fn(c_int, *mut c_void, usize) -> isize);
    let whole = loop {
        let mut part = [0u8; 1024];
        // SAFETY: the buffer is as long as is said.
        let len = read.map_or(-1, |read| unsafe { read(file, part.as_mut_ptr().cast(), part.len()) });
        match usize::try_from(len) {
            Ok(0) => break true,
            Ok(len) if bytes.len() < LONGEST => bytes.extend_from_slice(part.get(..len).unwrap_or_default()),
            _ => break false,
        }
    };
    // SAFETY: it was opened above, and is not used after this.
    unsafe { libc::close(file) };
    whole.then_some(bytes)
}
