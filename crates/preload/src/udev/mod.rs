//! libudev, function by function.
//!
//! Objects of the real library go through our hands as they are. Those of ours begin with a mark that no pointer
//! has, which the real ones begin with. What a program makes to find and watch devices is ours in any case, and
//! stands in front of a real one: what is found and heard is the real library's, and ours where the program asked
//! for hidraw devices.
//!
//! libudev is not safe for use by several threads at once, and neither is this (libudev(3)).
mod context;
mod device;
mod entries;
mod enumerate;
mod forwarded;
mod monitor;
mod real;

use alloc::boxed::Box;
use core::ffi::{CStr, c_char, c_void};

/// Some object of libudev.
pub(crate) type Object = *mut c_void;

/// What begins an object of ours.
pub(crate) trait Ours {
    /// No pointer of x86-64 or aarch64 has these high bits, so none of the real library's objects begin with it.
    const MARK: u64;
}

/// An object that programs hold, and let go of.
pub(crate) trait Held: Ours {
    /// How many hold the object.
    fn holders(&mut self) -> &mut usize;
}

/// The object, if it is one of ours of that kind.
///
/// # Safety
/// The pointer is null or an object of libudev, which nobody else uses now.
pub(crate) unsafe fn ours<'a, T: Ours>(object: Object) -> Option<&'a mut T> {
    if object.is_null() {
        return None;
    }
    // SAFETY: every object of libudev is on the heap and begins with a pointer or a mark.
    let is_ours = unsafe { object.cast::<u64>().read_unaligned() } == T::MARK;
    // SAFETY: the mark says that it is one of that kind, and the caller that nobody else uses it.
    if is_ours { unsafe { object.cast::<T>().as_mut() } } else { None }
}

/// One more holds it.
pub(crate) fn hold<T: Held>(object: &mut T) -> Object {
    *object.holders() += 1;
    core::ptr::from_mut(object).cast()
}

/// One less holds it. True if it was the last and the object is gone.
///
/// # Safety
/// It came from `give`, and is not used any more if this says so.
pub(crate) unsafe fn release<T: Held>(object: *mut T) -> bool {
    // SAFETY: as the caller says.
    let holders = unsafe { (*object).holders() };
    *holders = holders.saturating_sub(1);
    if *holders > 0 {
        return false;
    }
    // SAFETY: it came from a box, and this was the last that held it.
    drop(unsafe { Box::from_raw(object) });
    true
}

/// Hands an object to the program.
pub(crate) fn give<T: Held>(object: T) -> Object {
    Box::into_raw(Box::new(object)).cast()
}

/// A string of the program's.
///
/// # Safety
/// It is null or ends in a zero.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: as the caller says.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}
