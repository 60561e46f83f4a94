//! The real functions behind those that stand here under their names.
use core::ffi::{CStr, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// A function that is looked for once.
pub(crate) struct Next {
    name: &'static CStr,
    /// Null until it was looked for; our own address if there is none.
    found: AtomicPtr<c_void>,
}

impl Next {
    /// The function of that name in the libraries behind this one.
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self { name, found: AtomicPtr::new(null_mut()) }
    }

    /// Its address, or null if there is none.
    pub(crate) fn address(&self) -> *mut c_void {
        self.address_in(|name| {
            // SAFETY: the name ends in a zero.
            unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
        })
    }

    /// The same, found by `look_up` at first.
    pub(crate) fn address_in(&self, look_up: impl FnOnce(&CStr) -> *mut c_void) -> *mut c_void {
        let none: *mut c_void = (&raw const self.found).cast_mut().cast();
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            found = look_up(self.name);
            // Two threads that look at once find the same.
            self.found.store(if found.is_null() { none } else { found }, Ordering::Relaxed);
        }
        if found == none { null_mut() } else { found }
    }
}

/// The real function of that name and type, as an `Option`.
macro_rules! next {
    ($name:ident: fn($($argument:ty),*) -> $result:ty) => {{
        const NAME: &core::ffi::CStr = match core::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
            Ok(name) => name,
            Err(_) => c"",
        };
        static NEXT: $crate::next::Next = $crate::next::Next::new(NAME);
        let address = NEXT.address();
        // SAFETY: null is `None`, and any other address is the function of that name, whose type the caller knows.
        unsafe {
            core::mem::transmute::<*mut core::ffi::c_void, Option<unsafe extern "C" fn($($argument),*) -> $result>>(address)
        }
    }};
}

pub(crate) use next;
