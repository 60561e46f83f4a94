//! Our devices as open files.
//!
//! A device that a program opens is a connection to its socket. Which descriptors are such connections is known by
//! their inode, so that copies of a descriptor count, and a number that was closed and given again does not,
//! whatever system calls did it. A descriptor's number is no more than a hint that asking for the inode is worth
//! a system call.
mod calls;
mod control;
mod stat;

use crate::bus::Number;
use crate::next::next;
use crate::runtime::{errno, fail};
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Descriptors with a number below this have a hint.
const HINTED: usize = 1 << 16;
/// Connections that are remembered; the oldest is forgotten first. A device takes 128 at a time.
const REMEMBERED: usize = 1 << 12;

static HINTS: [AtomicBool; HINTED] = [const { AtomicBool::new(false) }; HINTED];
/// A device's number above, a socket's inode below: 32 bits each, as the kernel's `get_next_ino` gives them.
static CONNECTIONS: [AtomicU64; REMEMBERED] = [const { AtomicU64::new(0) }; REMEMBERED];
static NEXT_CONNECTION: AtomicUsize = AtomicUsize::new(0);

/// Whether a descriptor may be one of ours.
fn is_hinted(fd: c_int) -> bool {
    usize::try_from(fd).ok().and_then(|fd| HINTS.get(fd)).is_some_and(|hint| hint.load(Ordering::Relaxed))
}

fn set_hint(fd: c_int, value: bool) {
    if let Some(hint) = usize::try_from(fd).ok().and_then(|fd| HINTS.get(fd)) {
        hint.store(value, Ordering::Relaxed);
    }
}

/// `copy` is a copy of the descriptor `fd`, or -1.
fn copied(fd: c_int, copy: c_int) -> c_int {
    if copy >= 0 && is_hinted(fd) {
        set_hint(copy, true);
    }
    copy
}

/// The device whose connection has these attributes.
fn by_attributes(attributes: &libc::stat) -> Option<Number> {
    if attributes.st_mode & libc::S_IFMT != libc::S_IFSOCK {
        return None;
    }
    let used = NEXT_CONNECTION.load(Ordering::Acquire).min(REMEMBERED);
    CONNECTIONS.iter().take(used).find_map(|kept| {
        let kept = kept.load(Ordering::Relaxed);
        let (number, inode) = ((kept >> 32) as u32, kept & 0xFFFF_FFFF);
        (number != 0 && inode == attributes.st_ino).then(|| Number::from_kept(number))
    })
}

/// The device that a descriptor is a connection to. Costs a system call.
fn by_descriptor(fd: c_int) -> Option<Number> {
    stat::of_descriptor(fd).and_then(|attributes| by_attributes(&attributes))
}

/// The same, for calls that are too frequent or too delicate to ask unless it is likely.
fn if_hinted(fd: c_int) -> Option<Number> {
    if !is_hinted(fd) {
        return None;
    }
    let kept = errno();
    let device = by_descriptor(fd);
    if device.is_none() {
        set_hint(fd, false);
    }
    fail(kept);
    device
}

/// Opens a device: connects to its socket. ENOENT if there is no such device now; ENODEV if it does not answer.
fn open(number: Number, flags: c_int) -> c_int {
    let Some(path) = number.is_there().then(|| number.socket()).flatten() else { return fail(libc::ENOENT) };
    // SAFETY: all zeros are a valid address.
    let mut address: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    if path.len() >= address.sun_path.len() {
        return fail(libc::ENODEV);
    }
    for (to, from) in address.sun_path.iter_mut().zip(&path) {
        *to = *from as core::ffi::c_char;
    }
    let close_on_exec = if flags & libc::O_CLOEXEC != 0 { libc::SOCK_CLOEXEC } else { 0 };
    // SAFETY: it takes numbers alone.
    let fd = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET | close_on_exec, 0) };
    if fd < 0 {
        return -1;
    }
    let len = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: the address is as long as is said.
    if unsafe { libc::connect(fd, (&raw const address).cast(), len) } < 0 {
        let error = match errno() {
            libc::ECONNREFUSED | libc::ENOENT | libc::EPROTOTYPE => libc::ENODEV,
            other => other,
        };
        // SAFETY: it was opened above, and is not used after this.
        unsafe { libc::close(fd) };
        return fail(error);
    }
    if flags & libc::O_NONBLOCK != 0
        && let Some(fcntl) = next!(fcntl: fn(c_int, c_int, c_int) -> c_int)
    {
        // Not earlier: where many wait to be let in, a connection that does not wait is refused.
        // SAFETY: it takes numbers alone.
        unsafe { fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) };
    }
    if let Some(attributes) = stat::of_descriptor(fd) {
        let at = NEXT_CONNECTION.fetch_add(1, Ordering::AcqRel) % REMEMBERED;
        if let Some(kept) = CONNECTIONS.get(at) {
            kept.store(u64::from(number.get()) << 32 | attributes.st_ino & 0xFFFF_FFFF, Ordering::Release);
        }
    }
    set_hint(fd, true);
    fd
}
