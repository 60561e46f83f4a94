//! `struct udev_monitor`: what the real library hears, and our devices coming and going, where hidraw devices were
//! asked for.
//!
//! Only then is a descriptor of ours between the program and the real one: an epoll that is readable when the
//! real library's is, or when our folder changes, which inotify tells.
use super::device::Device;
use super::real::{functions, real};
use super::{Held, Object, Ours, give, hold, release, text};
use crate::bus::{self, Number};
use crate::next::next;
use crate::runtime::{errno, fail};
use alloc::ffi::CString;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;

/// A descriptor of ours.
struct Descriptor(c_int);

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: it is open, and nobody else's.
        unsafe { libc::close(self.0) };
    }
}

/// Somebody who wants to hear.
#[repr(C)]
struct Monitor {
    mark: u64,
    holders: usize,
    udev: Object,
    /// The real library's, or null.
    real: Object,
    /// Whether hidraw devices were asked for.
    hidraw: bool,
    /// Our devices have no tags.
    tagged: bool,
    receiving: bool,
    /// The epoll and the inotify, once they are needed.
    both: Option<(Descriptor, Descriptor)>,
}

impl Ours for Monitor {
    const MARK: u64 = 0xFA0E_B00C_0DE5_0005;
}

impl Held for Monitor {
    fn holders(&mut self) -> &mut usize {
        &mut self.holders
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        if let Some(unref) = real!(udev_monitor_unref: fn(Object) -> Object).filter(|_| !self.real.is_null())
        {
            // SAFETY: it is the real library's, and not used after this.
            unsafe { unref(self.real) };
        }
    }
}

/// An inotify event about a name of at most 15 bytes, as all in our folder are (inotify(7)): 16 bytes, and 16 for
/// the name. Reading that much gives one event at a time, so that the descriptor stays readable until the program
/// has heard of all.
#[repr(C, align(4))]
struct Event([u8; 32]);

impl Event {
    fn mask(&self) -> u32 {
        let [_, _, _, _, a, b, c, d, ..] = self.0;
        u32::from_ne_bytes([a, b, c, d])
    }

    fn name(&self) -> &[u8] {
        let name = self.0.get(16..).unwrap_or_default();
        CStr::from_bytes_until_nul(name).map(CStr::to_bytes).unwrap_or_default()
    }
}

impl Monitor {
    /// Puts our descriptors between, if our devices are wanted or there is nobody else to listen to.
    fn prepare(&mut self) {
        let wanted = self.hidraw && bus::folder().is_some() || self.real.is_null();
        if !wanted || self.both.is_some() {
            return;
        }
        // SAFETY: they take numbers alone.
        let (epoll, inotify) = unsafe {
            (
                Descriptor(libc::epoll_create1(libc::EPOLL_CLOEXEC)),
                Descriptor(libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK)),
            )
        };
        for fd in [Some(inotify.0), self.real_fd()].into_iter().flatten() {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
            // SAFETY: the event lives until the call is over.
            if unsafe { libc::epoll_ctl(epoll.0, libc::EPOLL_CTL_ADD, fd, &mut event) } != 0 {
                // The real library is then alone, as if we were not there.
                return;
            }
        }
        self.both = Some((epoll, inotify));
        if self.receiving {
            self.watch();
        }
    }

    fn real_fd(&self) -> Option<c_int> {
        let real = real!(udev_monitor_get_fd: fn(Object) -> c_int).filter(|_| !self.real.is_null())?;
        // SAFETY: it is the real library's.
        Some(unsafe { real(self.real) }).filter(|fd| *fd >= 0)
    }

    /// From now on, what comes and goes is heard.
    fn watch(&mut self) {
        self.receiving = true;
        let folder = bus::folder().and_then(|folder| CString::new(folder).ok());
        if let Some(((_, inotify), folder)) = self.both.as_ref().zip(folder) {
            let events = libc::IN_MOVED_TO | libc::IN_MOVED_FROM | libc::IN_ONLYDIR;
            // A folder that cannot be watched has no devices that come and go.
            // SAFETY: the path ends in a zero.
            let _watch = unsafe { libc::inotify_add_watch(inotify.0, folder.as_ptr(), events) };
        }
    }

    /// The next device of ours that came or went.
    fn receive(&mut self) -> Option<Device> {
        let (_, inotify) = self.both.as_ref()?;
        let read = next!(read: fn(c_int, *mut c_void, usize) -> isize)?;
        loop {
            let mut event = Event([0; 32]);
            // SAFETY: the buffer is as long as is said.
            let len = unsafe { read(inotify.0, event.0.as_mut_ptr().cast(), event.0.len()) };
            if len < 0 && errno() == libc::EINVAL {
                // A longer name: somebody else's file.
                let mut long = [0u8; 512];
                // SAFETY: the buffer is as long as is said.
                unsafe { read(inotify.0, long.as_mut_ptr().cast(), long.len()) };
                continue;
            }
            if len <= 0 {
                return None;
            }
            let Some(number) = Number::of_name(event.name()) else { continue };
            let device = match event.mask() {
                mask if mask & libc::IN_MOVED_TO != 0 => Device::came(self.udev, number),
                mask if mask & libc::IN_MOVED_FROM != 0 => Device::went(self.udev, number),
                _ => None,
            };
            if let Some(device) = device.filter(|_| self.hidraw && !self.tagged) {
                return Some(device);
            }
        }
    }
}

/// `udev_monitor_new_from_netlink`.
///
/// # Safety
/// As of the function of that name in libudev.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn udev_monitor_new_from_netlink(udev: Object, name: *const c_char) -> Object {
    let real = match real!(udev_monitor_new_from_netlink: fn(Object, *const c_char) -> Object) {
        // SAFETY: what the caller has to keep is what the real function asks.
        Some(real) => unsafe { real(udev, name) },
        None => null_mut(),
    };
    if real.is_null() && bus::folder().is_none() {
        return real;
    }
    let (mark, both) = (Monitor::MARK, None);
    give(Monitor { mark, holders: 1, udev, real, hidraw: false, tagged: false, receiving: false, both })
}

/// Calls the real library's function of that name with the real monitor, if there is one; else it is done, too.
macro_rules! forward {
    ($name:ident($monitor:ident $(, $argument:ident: $kind:ty)*)) => {
        match real!($name: fn(Object $(, $kind)*) -> c_int) {
            // SAFETY: it is the real library's, and the arguments are the caller's.
            Some(real) if !$monitor.real.is_null() => unsafe { real($monitor.real $(, $argument)*) },
            _ => 0,
        }
    };
}

functions! {
    udev_monitor_ref(monitor: Object) -> Object; [Monitor] => hold(monitor); else null_mut();
    udev_monitor_unref(monitor: Object) -> Object; [Monitor] => {
        // SAFETY: the program lets go of it.
        unsafe { release(monitor) };
        null_mut()
    }; else null_mut();
    udev_monitor_get_udev(monitor: Object) -> Object; [Monitor] => monitor.udev; else null_mut();
    udev_monitor_enable_receiving(monitor: Object) -> c_int; [Monitor] => {
        monitor.prepare();
        monitor.watch();
        forward!(udev_monitor_enable_receiving(monitor))
    }; else -libc::ENOSYS;
    udev_monitor_set_receive_buffer_size(monitor: Object, size: c_int) -> c_int;
        [Monitor] => forward!(udev_monitor_set_receive_buffer_size(monitor, size: c_int)); else -libc::ENOSYS;
    udev_monitor_get_fd(monitor: Object) -> c_int; [Monitor] => {
        monitor.prepare();
        match &monitor.both {
            Some((epoll, _)) => epoll.0,
            None => monitor.real_fd().unwrap_or(-libc::EINVAL),
        }
    }; else -libc::ENOSYS;
    udev_monitor_receive_device(monitor: Object) -> Object; [Monitor] => match monitor.receive() {
        Some(device) => give(device),
        None => match real!(udev_monitor_receive_device: fn(Object) -> Object) {
            // SAFETY: it is the real library's.
            Some(real) if !monitor.real.is_null() => unsafe { real(monitor.real) },
            _ => {
                fail(libc::EAGAIN);
                null_mut()
            }
        },
    }; else null_mut();
    udev_monitor_filter_add_match_subsystem_devtype(monitor: Object, subsystem: *const c_char, devtype: *const c_char) -> c_int;
        [Monitor] => {
            // SAFETY: the program gives strings.
            let ours = unsafe { text(subsystem) } == Some(c"hidraw") && devtype.is_null();
            monitor.hidraw |= ours;
            if ours {
                monitor.prepare();
            }
            forward!(udev_monitor_filter_add_match_subsystem_devtype(monitor, subsystem: *const c_char, devtype: *const c_char))
        };
        else -libc::ENOSYS;
    udev_monitor_filter_add_match_tag(monitor: Object, tag: *const c_char) -> c_int; [Monitor] => {
        monitor.tagged |= !tag.is_null();
        forward!(udev_monitor_filter_add_match_tag(monitor, tag: *const c_char))
    }; else -libc::ENOSYS;
    udev_monitor_filter_update(monitor: Object) -> c_int;
        [Monitor] => forward!(udev_monitor_filter_update(monitor)); else -libc::ENOSYS;
    udev_monitor_filter_remove(monitor: Object) -> c_int; [Monitor] => {
        monitor.hidraw = false;
        monitor.tagged = false;
        forward!(udev_monitor_filter_remove(monitor))
    }; else -libc::ENOSYS;
}
