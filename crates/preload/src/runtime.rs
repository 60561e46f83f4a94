//! What a library without std needs: memory, and an end.
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_int;

/// The program's own allocator.
struct Malloc;

/// What malloc(3) aligns to on 64-bit machines. Nothing here needs more.
const ALIGNMENT: usize = 16;

// SAFETY: malloc and free keep the contract; a layout that they cannot serve gets a null pointer, which means
// that there is no memory.
unsafe impl GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > ALIGNMENT {
            return core::ptr::null_mut();
        }
        // SAFETY: any size may be asked for.
        unsafe { libc::malloc(layout.size()).cast() }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, _layout: Layout) {
        // SAFETY: it came from malloc.
        unsafe { libc::free(pointer.cast()) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() > ALIGNMENT {
            return core::ptr::null_mut();
        }
        // SAFETY: it came from malloc.
        unsafe { libc::realloc(pointer.cast(), size).cast() }
    }
}

#[global_allocator]
static ALLOCATOR: Malloc = Malloc;

/// Nothing here panics but for want of memory.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: it takes nothing and does not return.
    unsafe { libc::abort() }
}

/// Sets errno and gives -1, as system calls fail.
pub(crate) fn fail(errno: c_int) -> c_int {
    // SAFETY: it is this thread's errno.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// This thread's errno.
pub(crate) fn errno() -> c_int {
    // SAFETY: it is this thread's errno.
    unsafe { *libc::__errno_location() }
}

/// What the tables of `alloc`, which was compiled with unwinding, name. Nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// What they call where they would unwind.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    // SAFETY: it takes nothing and does not return.
    unsafe { libc::abort() }
}
