//! Functions of libc that ask what a file is: our devices are character devices.
//!
//! On 64-bit machines `stat` and `stat64` are one. Before glibc 2.33, programs called `__xstat` and its kin instead,
//! and there was no `stat` to be found; since, there is `stat`, and `__xstat` is for old programs alone.
use super::by_attributes;
use super::calls::named;
use crate::bus::Number;
use crate::next::next;
use crate::runtime::fail;
use core::ffi::{c_char, c_int, c_uint};
use core::mem::MaybeUninit;

/// Everybody may read and write: whether the user may is the socket's affair.
const MODE: u32 = libc::S_IFCHR | 0o666;
/// `_STAT_VER`: what programs say to `__xstat`.
const VERSION: c_int = if cfg!(target_arch = "x86_64") { 1 } else { 0 };

/// What a descriptor really is.
pub(super) fn of_descriptor(fd: c_int) -> Option<libc::stat> {
    let mut attributes = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: there is room for the attributes.
    let failed = unsafe { real_fstat(fd, attributes.as_mut_ptr()) } != 0;
    // SAFETY: all zeros would be valid, too.
    (!failed).then(|| unsafe { attributes.assume_init() })
}

/// # Safety
/// As of fstat(2).
unsafe fn real_fstat(fd: c_int, attributes: *mut libc::stat) -> c_int {
    if let Some(real) = next!(fstat: fn(c_int, *mut libc::stat) -> c_int) {
        // SAFETY: as the caller says.
        return unsafe { real(fd, attributes) };
    }
    match next!(__fxstat: fn(c_int, c_int, *mut libc::stat) -> c_int) {
        // SAFETY: as the caller says.
        Some(real) => unsafe { real(VERSION, fd, attributes) },
        None => fail(libc::ENOSYS),
    }
}

/// Makes a socket's attributes those of our device, if it is one.
///
/// # Safety
/// They are null or somebody's attributes.
unsafe fn disguise(attributes: *mut libc::stat) {
    // SAFETY: as the caller says.
    if let Some(attributes) = unsafe { attributes.as_mut() }
        && let Some(number) = by_attributes(attributes)
    {
        attributes.st_mode = MODE;
        attributes.st_rdev = number.device();
    }
}

/// The attributes of a device's name.
///
/// # Safety
/// There is room for them, or a null pointer.
unsafe fn of_name(number: Number, attributes: *mut libc::stat) -> c_int {
    if !number.is_there() {
        return fail(libc::ENOENT);
    }
    // SAFETY: all zeros are valid attributes.
    let mut ours: libc::stat = unsafe { MaybeUninit::zeroed().assume_init() };
    ours.st_mode = MODE;
    ours.st_rdev = number.device();
    ours.st_nlink = 1;
    ours.st_ino = number.get().into();
    ours.st_blksize = 4096;
    // SAFETY: as the caller says.
    match unsafe { attributes.as_mut() } {
        Some(attributes) => {
            *attributes = ours;
            0
        }
        None => fail(libc::EFAULT),
    }
}

/// Defines functions that ask about a descriptor.
macro_rules! of_descriptors {
    ($($name:ident[$($version:ident)?];)*) => { $(
        #[doc = concat!("`", stringify!($name), "`, to which our devices are character devices.")]
        ///
        /// # Safety
        /// As of the function of that name in libc.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($version: c_int,)? fd: c_int, attributes: *mut libc::stat) -> c_int {
            $(let _one_for_this_machine = $version;)?
            // SAFETY: what the caller has to keep is what the real function asks.
            let result = unsafe { real_fstat(fd, attributes) };
            if result == 0 {
                // SAFETY: the real function has filled them.
                unsafe { disguise(attributes) };
            }
            result
        }
    )* };
}

of_descriptors! {
    fstat[];
    fstat64[];
    __fxstat[version];
    __fxstat64[version];
}

/// Defines functions that ask about a path, each with its other name for when there is no function of its own.
macro_rules! of_paths {
    ($($name:ident[$($version:ident)?] or $other:ident[$($value:expr)?];)*) => { $(
        #[doc = concat!("`", stringify!($name), "`, to which our devices are there.")]
        ///
        /// # Safety
        /// As of the function of that name in libc.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($version: c_int,)? path: *const c_char, attributes: *mut libc::stat) -> c_int {
            // SAFETY: a path ends in a zero.
            if let Some(number) = unsafe { named(path) } {
                // SAFETY: the caller has room for them.
                return unsafe { of_name(number, attributes) };
            }
            if let Some(real) = next!($name: fn($(of_paths!(@ $version),)? *const c_char, *mut libc::stat) -> c_int) {
                // SAFETY: what the caller has to keep is what the real function asks.
                return unsafe { real($($version,)? path, attributes) };
            }
            match next!($other: fn($(of_paths!(@@ $value),)? *const c_char, *mut libc::stat) -> c_int) {
                // SAFETY: it asks the same.
                Some(real) => unsafe { real($($value,)? path, attributes) },
                None => fail(libc::ENOSYS),
            }
        }
    )* };
    (@ $version:ident) => { c_int };
    (@@ $value:expr) => { c_int };
}

of_paths! {
    stat[] or __xstat[VERSION];
    stat64[] or __xstat64[VERSION];
    lstat[] or __lxstat[VERSION];
    lstat64[] or __lxstat64[VERSION];
    __xstat[version] or stat[];
    __xstat64[version] or stat64[];
    __lxstat[version] or lstat[];
    __lxstat64[version] or lstat64[];
}

/// Defines functions that ask about a path below a folder, or a descriptor.
macro_rules! of_both {
    ($($name:ident;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`, to which our devices are character devices.")]
        ///
        /// # Safety
        /// As of the function of that name in libc.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(folder: c_int, path: *const c_char, attributes: *mut libc::stat, flags: c_int) -> c_int {
            // SAFETY: a path ends in a zero.
            if let Some(number) = unsafe { named(path) } {
                // SAFETY: the caller has room for them.
                return unsafe { of_name(number, attributes) };
            }
            let Some(real) = next!($name: fn(c_int, *const c_char, *mut libc::stat, c_int) -> c_int) else {
                return fail(libc::ENOSYS);
            };
            // SAFETY: what the caller has to keep is what the real function asks.
            let result = unsafe { real(folder, path, attributes, flags) };
            if result == 0 {
                // SAFETY: the real function has filled them.
                unsafe { disguise(attributes) };
            }
            result
        }
    )* };
}

of_both! {
    fstatat;
    fstatat64;
}

/// `statx`, to which our devices are character devices.
///
/// # Safety
/// As of the function of that name in libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn statx(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    mask: c_uint,
    attributes: *mut libc::statx,
) -> c_int {
    // SAFETY: a path ends in a zero.
    if let Some(number) = unsafe { named(path) } {
        // SAFETY: all zeros are valid attributes.
        let mut ours: libc::stat = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: there is room for them.
        if unsafe { of_name(number, &mut ours) } != 0 {
            return -1;
        }
        // SAFETY: the caller has room for them, or gave a null pointer.
        let Some(attributes) = (unsafe { attributes.as_mut() }) else { return fail(libc::EFAULT) };
        // SAFETY: all zeros are valid attributes.
        *attributes = unsafe { MaybeUninit::zeroed().assume_init() };
        attributes.stx_mask = libc::STATX_TYPE | libc::STATX_MODE | libc::STATX_NLINK | libc::STATX_INO;
        attributes.stx_nlink = 1;
        attributes.stx_ino = ours.st_ino;
        be_device(attributes, number);
        return 0;
    }
    let Some(real) = next!(statx: fn(c_int, *const c_char, c_int, c_uint, *mut libc::statx) -> c_int) else {
        return fail(libc::ENOSYS);
    };
    // SAFETY: what the caller has to keep is what the real function asks.
    let result = unsafe { real(folder, path, flags, mask, attributes) };
    if result == 0
        // SAFETY: they are filled if it succeeded.
        && let Some(attributes) = unsafe { attributes.as_mut() }
    {
        // SAFETY: all zeros are valid attributes.
        let mut short: libc::stat = unsafe { MaybeUninit::zeroed().assume_init() };
        short.st_mode = attributes.stx_mode.into();
        short.st_ino = attributes.stx_ino;
        if let Some(number) = by_attributes(&short) {
            be_device(attributes, number);
        }
    }
    result
}

fn be_device(attributes: &mut libc::statx, number: Number) {
    attributes.stx_mode = MODE as u16;
    attributes.stx_rdev_major = libc::major(number.device());
    attributes.stx_rdev_minor = libc::minor(number.device());
}

/// `access`, to which our devices may be read and written.
///
/// # Safety
/// As of the function of that name in libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn access(path: *const c_char, mode: c_int) -> c_int {
    // SAFETY: a path ends in a zero.
    if let Some(number) = unsafe { named(path) } {
        return of_access(number, mode);
    }
    match next!(access: fn(*const c_char, c_int) -> c_int) {
        // SAFETY: what the caller has to keep is what the real function asks.
        Some(real) => unsafe { real(path, mode) },
        None => fail(libc::ENOSYS),
    }
}

/// `faccessat`, to which our devices may be read and written.
///
/// # Safety
/// As of the function of that name in libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn faccessat(folder: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int {
    // SAFETY: a path ends in a zero.
    if let Some(number) = unsafe { named(path) } {
        return of_access(number, mode);
    }
    match next!(faccessat: fn(c_int, *const c_char, c_int, c_int) -> c_int) {
        // SAFETY: what the caller has to keep is what the real function asks.
        Some(real) => unsafe { real(folder, path, mode, flags) },
        None => fail(libc::ENOSYS),
    }
}

fn of_access(number: Number, mode: c_int) -> c_int {
    if !number.is_there() {
        fail(libc::ENOENT)
    } else if mode & libc::X_OK != 0 {
        fail(libc::EACCES)
    } else {
        0
    }
}
