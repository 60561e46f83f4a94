//! Functions of libc that open, read, write, copy and control descriptors, under their own names.
use super::{by_descriptor, control, copied, if_hinted, is_hinted, open as open_device};
use crate::bus::Number;
use crate::next::next;
use crate::runtime::{errno, fail};
use core::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};

/// The device that a path names.
///
/// # Safety
/// The path is null or ends in a zero.
pub(super) unsafe fn named(path: *const c_char) -> Option<Number> {
    // SAFETY: as the caller says.
    (!path.is_null()).then(|| unsafe { CStr::from_ptr(path) }).and_then(Number::of_path)
}

/// Defines functions that take a path and flags, and forward what is none of ours.
macro_rules! opening {
    ($($name:ident[$($before:ident: $kind:ty)?](path, flags $(, $mode:ident)?);)*) => { $(
        #[doc = concat!("`", stringify!($name), "`, which opens our devices too.")]
        ///
        /// # Safety
        /// As of the function of that name in libc.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($before: $kind,)? path: *const c_char, flags: c_int $(, $mode: c_uint)?) -> c_int {
            // SAFETY: a path ends in a zero.
            if let Some(number) = unsafe { named(path) } {
                return open_device(number, flags);
            }
            match next!($name: fn($($kind,)? *const c_char, c_int $(, opening!(@ $mode))?) -> c_int) {
                // SAFETY: what the caller has to keep is what the real function asks.
                Some(real) => unsafe { real($($before,)? path, flags $(, $mode)?) },
                None => fail(libc::ENOSYS),
            }
        }
    )* };
    (@ $mode:ident) => { c_uint };
}

opening! {
    open[](path, flags, mode);
    open64[](path, flags, mode);
    openat[folder: c_int](path, flags, mode);
    openat64[folder: c_int](path, flags, mode);
    // What they are with _FORTIFY_SOURCE.
    __open_2[](path, flags);
    __open64_2[](path, flags);
    __openat_2[folder: c_int](path, flags);
    __openat64_2[folder: c_int](path, flags);
}

/// What reading gave, as hidraw gives it: a device that is gone is EIO and not the end of a file
/// (drivers/hid/hidraw.c, `hidraw_read`).
fn read_result(fd: c_int, wanted: usize, len: isize) -> isize {
    let over = len == 0 && wanted > 0 || len < 0 && errno() == libc::ECONNRESET;
    if over && if_hinted(fd).is_some() { fail(libc::EIO) as isize } else { len }
}

/// `read`, to which a device that is gone is an error.
///
/// # Safety
/// As of the function of that name in libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(fd: c_int, buffer: *mut c_void, len: usize) -> isize {
    let Some(real) = next!(read: fn(c_int, *mut c_void, usize) -> isize) else {
        return fail(libc::ENOSYS) as isize;
    };
    // SAFETY: what the caller has to keep is what the real function asks.
    let got = unsafe { real(fd, buffer, len) };
    if is_hinted(fd) { read_result(fd, len, got) } else { got }
}

/// What `read` is with `_FORTIFY_SOURCE`.
///
/// # Safety
/// As of the function of that name in libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __read_chk(fd: c_int, buffer: *mut c_void, len: usize, room: usize) -> isize {
    let Some(real) = next!(__read_chk: fn(c_int, *mut c_void, usize, usize) -> isize) else {
        return fail(libc::ENOSYS) as isize;
    };
    // SAFETY: what the caller has to keep is what the real function asks.
    let got = unsafe { real(fd, buffer, len, room) };
    if is_hinted(fd) { read_result(fd, len, got) } else { got }
}

/// `write`, to which a device that is gone is ENODEV and not SIGPIPE (drivers/hid/hidraw.c, `hidraw_send_report`).
/// A report of 64 bytes goes as it is, and one of 65 with its number before it: the other side takes both.
///
/// # Safety
/// As of the function of that name in libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, buffer: *const c_void, len: usize) -> isize {
    if if_hinted(fd).is_some() {
        // SAFETY: the caller's buffer is as long as is said.
        let sent = unsafe { libc::send(fd, buffer, len, libc::MSG_NOSIGNAL) };
        let gone = sent < 0 && matches!(errno(), libc::EPIPE | libc::ECONNRESET | libc::ENOTCONN);
        return if gone { fail(libc::ENODEV) as isize } else { sent };
    }
    match next!(write: fn(c_int, *const c_void, usize) -> isize) {
        // SAFETY: what the caller has to keep is what the real function asks.
        Some(real) => unsafe { real(fd, buffer, len) },
        None => fail(libc::ENOSYS) as isize,
    }
}

/// `ioctl`, which answers hidraw's requests for our devices.
///
/// # Safety
/// As of the function of that name in libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    if control::is_hidraw(request)
        && let Some(number) = by_descriptor(fd)
    {
        // SAFETY: the argument is what the request asks for.
        return unsafe { control::answer(number, request, argument) };
    }
    match next!(ioctl: fn(c_int, c_ulong, *mut c_void) -> c_int) {
        // SAFETY: what the caller has to keep is what the real function asks.
        Some(real) => unsafe { real(fd, request, argument) },
        None => fail(libc::ENOSYS),
    }
}

/// Defines functions that may copy a descriptor.
macro_rules! copying {
    ($($name:ident(fd $(, $argument:ident: $kind:ty)*) if $copies:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`, after which a copy of our descriptor is ours.")]
        ///
        /// # Safety
        /// As of the function of that name in libc.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(fd: c_int $(, $argument: $kind)*) -> c_int {
            let Some(real) = next!($name: fn(c_int $(, $kind)*) -> c_int) else { return fail(libc::ENOSYS) };
            // SAFETY: what the caller has to keep is what the real function asks.
            let result = unsafe { real(fd $(, $argument)*) };
            if $copies { copied(fd, result) } else { result }
        }
    )* };
}

copying! {
    dup(fd) if true;
    dup2(fd, copy: c_int) if true;
    dup3(fd, copy: c_int, flags: c_int) if true;
    fcntl(fd, command: c_int, argument: *mut c_void) if copies(command);
    fcntl64(fd, command: c_int, argument: *mut c_void) if copies(command);
}

const fn copies(command: c_int) -> bool {
    matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC)
}
