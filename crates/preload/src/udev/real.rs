//! The real libudev, where the machine has one.
//!
//! Asked for by its name, the loader would give us ourselves, as we have that name; asked for by its path, it gives
//! the real one.
use core::ffi::{CStr, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

#[cfg(target_arch = "x86_64")]
const MULTIARCH: [&CStr; 2] =
    [c"/usr/lib/x86_64-linux-gnu/libudev.so.1", c"/lib/x86_64-linux-gnu/libudev.so.1"];
#[cfg(target_arch = "aarch64")]
const MULTIARCH: [&CStr; 2] =
    [c"/usr/lib/aarch64-linux-gnu/libudev.so.1", c"/lib/aarch64-linux-gnu/libudev.so.1"];
const OTHERS: [&CStr; 5] = [
    c"/usr/lib64/libudev.so.1",
    c"/lib64/libudev.so.1",
    c"/usr/lib/libudev.so.1",
    c"/lib/libudev.so.1",
    c"/run/current-system/sw/lib/libudev.so.1",
];

/// The loaded library, or null if there is none.
pub(super) fn library() -> *mut c_void {
    static LIBRARY: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
    let none: *mut c_void = (&raw const LIBRARY).cast_mut().cast();
    let mut library = LIBRARY.load(Ordering::Acquire);
    if library.is_null() {
        let open = |path: &&CStr| {
            // SAFETY: the path ends in a zero, and what is loaded is the library that the program asked for.
            let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
            (!library.is_null()).then_some(library)
        };
        library = MULTIARCH.iter().chain(&OTHERS).find_map(open).unwrap_or(none);
        LIBRARY.store(library, Ordering::Release);
    }
    if library == none { null_mut() } else { library }
}

/// The function of the real library of that name and type, as an `Option`.
macro_rules! real {
    ($name:ident: fn($($argument:ty),*) -> $result:ty) => {{
        const NAME: &core::ffi::CStr = match core::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
            Ok(name) => name,
            Err(_) => c"",
        };
        static REAL: $crate::next::Next = $crate::next::Next::new(NAME);
        let address = REAL.address_in(|name| match $crate::udev::real::library() {
            library if library.is_null() => library,
            // SAFETY: the library is open, and the name ends in a zero.
            library => unsafe { libc::dlsym(library, name.as_ptr()) },
        });
        // SAFETY: null is `None`, and any other address is the function of that name, whose type the caller knows.
        unsafe {
            core::mem::transmute::<*mut core::ffi::c_void, Option<unsafe extern "C" fn($($argument),*) -> $result>>(address)
        }
    }};
}

/// Defines functions that are the real library's, unless the first argument is an object of ours of the kind that is
/// named: then it is what stands behind `=>`. Where there is no real library, it is what stands behind `else`.
macro_rules! functions {
    ($($name:ident($first:ident: $kind:ty $(, $argument:ident: $type:ty)*) -> $result:ty
        ; $([$ours:ident] => $mine:expr;)? else $none:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`.")]
        ///
        /// # Safety
        /// As of the function of that name in libudev.
        #[allow(clippy::unused_unit, reason = "some have nothing to do")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($first: $kind $(, $argument: $type)*) -> $result {
            $(
                // SAFETY: the caller gives an object of libudev.
                #[allow(unused_variables, reason = "some answer without looking")]
                if let Some($first) = unsafe { $crate::udev::ours::<$ours>($first) } {
                    return $mine;
                }
            )?
            match $crate::udev::real::real!($name: fn($kind $(, $type)*) -> $result) {
                // SAFETY: what the caller has to keep is what the real function asks.
                Some(real) => unsafe { real($first $(, $argument)*) },
                None => $none,
            }
        }
    )* };
}

pub(super) use {functions, real};
