//! `struct udev`, the context: the real library's, and one of ours where there is none.
use super::real::{functions, real};
use super::{Held, Object, Ours, give, hold, release};
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// A context where there is no real library.
#[repr(C)]
struct Context {
    mark: u64,
    holders: usize,
    userdata: *mut c_void,
}

impl Ours for Context {
    const MARK: u64 = 0xFA0E_B00C_0DE5_0001;
}

impl Held for Context {
    fn holders(&mut self) -> &mut usize {
        &mut self.holders
    }
}

/// `udev_new`.
///
/// # Safety
/// None.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn udev_new() -> Object {
    match real!(udev_new: fn() -> Object) {
        // SAFETY: it takes nothing.
        Some(real) => unsafe { real() },
        None => give(Context { mark: Context::MARK, holders: 1, userdata: null_mut() }),
    }
}

functions! {
    udev_ref(udev: *mut c_void) -> Object; [Context] => hold(udev); else null_mut();
    udev_unref(udev: *mut c_void) -> Object; [Context] => {
        // SAFETY: the program lets go of it.
        unsafe { release(udev) };
        null_mut()
    }; else null_mut();
    udev_get_userdata(udev: *mut c_void) -> *mut c_void; [Context] => udev.userdata; else null_mut();
    udev_set_userdata(udev: *mut c_void, userdata: *mut c_void) -> (); [Context] => udev.userdata = userdata; else {};
    // A function to log with, and how much; there is nothing to log here.
    udev_set_log_fn(udev: *mut c_void, log: *mut c_void) -> (); [Context] => {}; else {};
    udev_get_log_priority(udev: *mut c_void) -> c_int; [Context] => 0; else 0;
    udev_set_log_priority(udev: *mut c_void, priority: c_int) -> (); [Context] => {}; else {};
}
