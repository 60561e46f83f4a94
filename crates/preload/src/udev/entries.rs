//! `struct udev_list_entry`: lists of names, or of names and values.
use super::real::{functions, real};
use super::{Object, Ours, ours, text};
use alloc::boxed::Box;
use alloc::ffi::CString;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char};
use core::ptr::{null, null_mut};

/// An entry of a list of ours.
#[repr(C)]
struct Entry {
    mark: u64,
    name: CString,
    value: Option<CString>,
    next: *mut Entry,
}

impl Ours for Entry {
    const MARK: u64 = 0xFA0E_B00C_0DE5_0002;
}

/// A list of ours. Its entries stay where they are for as long as it lives.
#[derive(Default)]
pub(super) struct Entries(
    #[allow(clippy::vec_box, reason = "programs have pointers to the entries")] Vec<Box<Entry>>,
);

impl Entries {
    pub(super) fn push(&mut self, name: CString, value: Option<CString>) {
        let mut entry = Box::new(Entry { mark: Entry::MARK, name, value, next: null_mut() });
        if let Some(last) = self.0.last_mut() {
            last.next = &raw mut *entry;
        }
        self.0.push(entry);
    }

    /// The first entry, or null.
    pub(super) fn first(&mut self) -> Object {
        self.0.first_mut().map_or(null_mut(), |entry| (&raw mut **entry).cast())
    }

    /// The value of that name.
    pub(super) fn value(&self, name: &CStr) -> Option<&CStr> {
        self.0.iter().find(|entry| *entry.name == *name).and_then(|entry| entry.value.as_deref())
    }

    /// Whether there is an entry whose name and value are matched.
    pub(super) fn any(&self, mut matches: impl FnMut(&CStr, Option<&CStr>) -> bool) -> bool {
        self.0.iter().any(|entry| matches(&entry.name, entry.value.as_deref()))
    }
}

functions! {
    udev_list_entry_get_next(entry: Object) -> Object; [Entry] => entry.next.cast(); else null_mut();
    udev_list_entry_get_name(entry: Object) -> *const c_char; [Entry] => entry.name.as_ptr(); else null();
    udev_list_entry_get_value(entry: Object) -> *const c_char;
        [Entry] => entry.value.as_ref().map_or(null(), |value| value.as_ptr()); else null();
}

/// `udev_list_entry_get_by_name`: the first entry from there on that has the name.
///
/// # Safety
/// As of the function of that name in libudev.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn udev_list_entry_get_by_name(list: Object, name: *const c_char) -> Object {
    let mut at = list;
    // SAFETY: the program gives an entry, and the list of one of ours holds ours.
    while let Some(entry) = unsafe { ours::<Entry>(at) } {
        // SAFETY: the program gives a string.
        if unsafe { text(name) }.is_some_and(|name| *entry.name == *name) {
            return at;
        }
        at = entry.next.cast();
    }
    if at.is_null() {
        return at;
    }
    match real!(udev_list_entry_get_by_name: fn(Object, *const c_char) -> Object) {
        // SAFETY: what the caller has to keep is what the real function asks.
        Some(real) => unsafe { real(at, name) },
        None => null_mut(),
    }
}
