//! `struct udev_enumerate`: what the real library finds, and ours behind it, where hidraw devices were asked for.
use super::device::Device;
use super::entries::{
    Entries, udev_list_entry_get_name, udev_list_entry_get_next, udev_list_entry_get_value,
};
use super::real::{functions, real};
use super::{Held, Object, Ours, give, hold, ours, release, text};
use crate::bus;
use alloc::ffi::CString;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int};
use core::ptr::null_mut;

/// A search.
#[repr(C)]
struct Enumerate {
    mark: u64,
    holders: usize,
    udev: Object,
    /// The real library's, or null.
    real: Object,
    wanted: Wanted,
    /// What was found, if ours are among it.
    found: Option<Entries>,
}

/// What a program looks for. Names are patterns, as glob(7) has them.
#[derive(Default)]
struct Wanted {
    subsystems: Vec<CString>,
    without_subsystems: Vec<CString>,
    attributes: Entries,
    without_attributes: Entries,
    properties: Option<Entries>,
    names: Vec<CString>,
    /// Our devices have none.
    tags: bool,
    /// Somebody else's device: ours are not below it.
    elsewhere: bool,
    below: Option<CString>,
}

impl Ours for Enumerate {
    const MARK: u64 = 0xFA0E_B00C_0DE5_0004;
}

impl Held for Enumerate {
    fn holders(&mut self) -> &mut usize {
        &mut self.holders
    }
}

impl Drop for Enumerate {
    fn drop(&mut self) {
        if let Some(unref) =
            real!(udev_enumerate_unref: fn(Object) -> Object).filter(|_| !self.real.is_null())
        {
            // SAFETY: it is the real library's, and not used after this.
            unsafe { unref(self.real) };
        }
    }
}

/// fnmatch(3).
fn fits(pattern: &CStr, text: &CStr) -> bool {
    unsafe extern "C" {
        fn fnmatch(pattern: *const c_char, text: *const c_char, flags: c_int) -> c_int;
    }
    // SAFETY: both end in a zero.
    unsafe { fnmatch(pattern.as_ptr(), text.as_ptr(), 0) == 0 }
}

impl Wanted {
    /// Whether hidraw devices were asked for by name: who asks for everything is not surprised with ours.
    fn hidraw(&self) -> bool {
        self.subsystems.iter().any(|pattern| fits(pattern, c"hidraw"))
            && !self.without_subsystems.iter().any(|pattern| fits(pattern, c"hidraw"))
            && !self.tags
            && !self.elsewhere
    }

    fn is(&self, device: &mut Device) -> bool {
        let by_name =
            self.names.is_empty() || self.names.iter().any(|pattern| fits(pattern, device.sysname()));
        // One property is enough, and all attributes are needed (libudev, sd_device_enumerator_add_match_*).
        let has = |pattern: &CStr, wanted: Option<&CStr>| {
            device.properties().any(|name, value| {
                fits(pattern, name)
                    && wanted.is_none_or(|wanted| value.is_some_and(|value| fits(wanted, value)))
            })
        };
        let by_property = self.properties.as_ref().is_none_or(|properties| properties.any(has));
        let below = |above: &CString| device.syspath().to_bytes().starts_with(above.to_bytes());
        if !by_name || !by_property || !self.below.as_ref().is_none_or(below) {
            return false;
        }
        let mut agrees = |name: &CStr, wanted: Option<&CStr>| {
            device.attribute(name).is_some_and(|value| wanted.is_none_or(|wanted| fits(wanted, value)))
        };
        !self.attributes.any(|name, value| !agrees(name, value)) && !self.without_attributes.any(agrees)
    }
}

impl Enumerate {
    /// Adds ours to what was found.
    fn scan(&mut self) {
        self.found = None;
        if !self.wanted.hidraw() {
            return;
        }
        let ours: Vec<CString> = bus::devices()
            .into_iter()
            .filter_map(|number| Device::found(self.udev, number))
            .filter_map(|mut device| self.wanted.is(&mut device).then(|| device.syspath().into()))
            .collect();
        if ours.is_empty() {
            return;
        }
        let mut found = Entries::default();
        let mut entry = self.real_entries();
        // SAFETY: they are entries of the real library's list, which lives until the next search.
        while let Some(name) = unsafe { text(udev_list_entry_get_name(entry)) } {
            // SAFETY: as above.
            let value = unsafe { text(udev_list_entry_get_value(entry)) };
            found.push(name.into(), value.map(Into::into));
            // SAFETY: as above.
            entry = unsafe { udev_list_entry_get_next(entry) };
        }
        ours.into_iter().for_each(|syspath| found.push(syspath, None));
        self.found = Some(found);
    }

    fn real_entries(&self) -> Object {
        match real!(udev_enumerate_get_list_entry: fn(Object) -> Object) {
            // SAFETY: it is the real library's.
            Some(real) if !self.real.is_null() => unsafe { real(self.real) },
            _ => null_mut(),
        }
    }
}

/// `udev_enumerate_new`.
///
/// # Safety
/// As of the function of that name in libudev.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn udev_enumerate_new(udev: Object) -> Object {
    let real = match real!(udev_enumerate_new: fn(Object) -> Object) {
        // SAFETY: what the caller has to keep is what the real function asks.
        Some(real) => match unsafe { real(udev) } {
            null if null.is_null() => return null,
            real => real,
        },
        None => null_mut(),
    };
    give(Enumerate { mark: Enumerate::MARK, holders: 1, udev, real, wanted: Wanted::default(), found: None })
}

functions! {
    udev_enumerate_ref(search: Object) -> Object; [Enumerate] => hold(search); else null_mut();
    udev_enumerate_unref(search: Object) -> Object; [Enumerate] => {
        // SAFETY: the program lets go of it.
        unsafe { release(search) };
        null_mut()
    }; else null_mut();
    udev_enumerate_get_udev(search: Object) -> Object; [Enumerate] => search.udev; else null_mut();
    udev_enumerate_get_list_entry(search: Object) -> Object;
        [Enumerate] => match &mut search.found {
            Some(found) => found.first(),
            None => search.real_entries(),
        };
        else null_mut();
}

/// Calls the real library's function of that name with the real search, if there is one; else it is done, too.
macro_rules! forward {
    ($name:ident($search:ident $(, $argument:ident: $kind:ty)*)) => {
        match real!($name: fn(Object $(, $kind)*) -> c_int) {
            // SAFETY: it is the real library's, and the arguments are the caller's.
            Some(real) if !$search.real.is_null() => unsafe { real($search.real $(, $argument)*) },
            _ => 0,
        }
    };
}

/// Defines functions that say what is looked for, or look: `$note` is done first, and then the real function.
macro_rules! wishes {
    ($($name:ident($search:ident $(, $argument:ident: $kind:ty)*) $note:block)*) => { $(
        #[doc = concat!("`", stringify!($name), "`.")]
        ///
        /// # Safety
        /// As of the function of that name in libudev.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(search: Object $(, $argument: $kind)*) -> c_int {
            // SAFETY: the program gives a search.
            let Some($search) = (unsafe { ours::<Enumerate>(search) }) else { return -libc::EINVAL };
            $note
            forward!($name($search $(, $argument: $kind)*))
        }
    )* };
}

/// A copy of a string of the program's.
///
/// # Safety
/// It is null or ends in a zero.
unsafe fn owned(string: *const c_char) -> Option<CString> {
    // SAFETY: as the caller says.
    unsafe { text(string) }.map(Into::into)
}

wishes! {
    udev_enumerate_add_match_subsystem(search, subsystem: *const c_char) {
        // SAFETY: the program gives a string.
        search.wanted.subsystems.extend(unsafe { owned(subsystem) });
    }
    udev_enumerate_add_nomatch_subsystem(search, subsystem: *const c_char) {
        // SAFETY: the program gives a string.
        search.wanted.without_subsystems.extend(unsafe { owned(subsystem) });
    }
    udev_enumerate_add_match_sysattr(search, name: *const c_char, value: *const c_char) {
        // SAFETY: the program gives strings.
        if let (Some(name), value) = unsafe { (owned(name), owned(value)) } {
            search.wanted.attributes.push(name, value);
        }
    }
    udev_enumerate_add_nomatch_sysattr(search, name: *const c_char, value: *const c_char) {
        // SAFETY: the program gives strings.
        if let (Some(name), value) = unsafe { (owned(name), owned(value)) } {
            search.wanted.without_attributes.push(name, value);
        }
    }
    udev_enumerate_add_match_property(search, name: *const c_char, value: *const c_char) {
        // SAFETY: the program gives strings.
        if let (Some(name), value) = unsafe { (owned(name), owned(value)) } {
            search.wanted.properties.get_or_insert_default().push(name, value);
        }
    }
    udev_enumerate_add_match_tag(search, tag: *const c_char) {
        search.wanted.tags |= !tag.is_null();
    }
    udev_enumerate_add_match_sysname(search, name: *const c_char) {
        // SAFETY: the program gives a string.
        search.wanted.names.extend(unsafe { owned(name) });
    }
    udev_enumerate_add_match_is_initialized(search) {
        // Ours always are.
    }
    udev_enumerate_add_syspath(search, syspath: *const c_char) {
        // Ours are found by looking.
        let ours = bus::folder().map(str::as_bytes);
        // SAFETY: the program gives a string.
        if unsafe { text(syspath) }.zip(ours).is_some_and(|(path, ours)| path.to_bytes().starts_with(ours)) {
            return 0;
        }
    }
    udev_enumerate_scan_subsystems(search) {
        search.found = None;
    }
}

/// `udev_enumerate_scan_devices`.
///
/// # Safety
/// As of the function of that name in libudev.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn udev_enumerate_scan_devices(search: Object) -> c_int {
    // SAFETY: the program gives a search.
    let Some(search) = (unsafe { ours::<Enumerate>(search) }) else { return -libc::EINVAL };
    let result = forward!(udev_enumerate_scan_devices(search));
    search.scan();
    if search.found.is_some() { 0 } else { result }
}

/// `udev_enumerate_add_match_parent`.
///
/// # Safety
/// As of the function of that name in libudev.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn udev_enumerate_add_match_parent(search: Object, parent: Object) -> c_int {
    // SAFETY: the program gives a search.
    let Some(search) = (unsafe { ours::<Enumerate>(search) }) else { return -libc::EINVAL };
    // SAFETY: the program gives a device.
    match unsafe { ours::<Device>(parent) } {
        Some(parent) => {
            search.wanted.below = Some(parent.syspath().into());
            // Nothing real is below it, so the real search may look for nothing.
            let nothing = c"fauxkey-none".as_ptr();
            forward!(udev_enumerate_add_match_sysname(search, nothing: *const c_char))
        }
        None => {
            search.wanted.elsewhere |= !parent.is_null();
            forward!(udev_enumerate_add_match_parent(search, parent: Object))
        }
    }
}
