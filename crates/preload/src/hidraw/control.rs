//! hidraw's requests (include/uapi/linux/hidraw.h), answered as drivers/hid/hidraw.c does.
use crate::bus::{Number, value};
use crate::runtime::fail;
use core::ffi::{c_int, c_ulong, c_void};

/// `HID_MAX_DESCRIPTOR_SIZE`: bytes of the longest report descriptor.
const LONGEST_DESCRIPTOR: usize = 4096;

/// Whether a request is one of hidraw's, which have the type `H`. Sockets have none of that type.
pub(super) const fn is_hidraw(request: c_ulong) -> bool {
    request >> 8 & 0xFF == b'H' as c_ulong
}

/// Answers a request. ENODEV if the device is gone by now, EINVAL to requests that there are none for FIDO devices.
///
/// # Safety
/// The argument is null or what the request asks for.
pub(super) unsafe fn answer(number: Number, request: c_ulong, argument: *mut c_void) -> c_int {
    if argument.is_null() {
        return fail(libc::EFAULT);
    }
    // _IOC_SIZE of linux/ioctl.h.
    let room = (request >> 16 & 0x3FFF) as usize;
    match request & 0xFF {
        // HIDIOCGRDESCSIZE: an int.
        0x01 => {
            let Some(descriptor) = number.report_descriptor() else { return fail(libc::ENODEV) };
            // SAFETY: the argument is an int.
            unsafe { argument.cast::<c_int>().write_unaligned(descriptor.len() as c_int) };
            0
        }
        // HIDIOCGRDESC: how many bytes are wanted, in 32 bits, and room for them.
        0x02 => {
            let Some(descriptor) = number.report_descriptor() else { return fail(libc::ENODEV) };
            // SAFETY: the argument begins with 32 bits.
            let wanted = unsafe { argument.cast::<u32>().read_unaligned() } as usize;
            if wanted > LONGEST_DESCRIPTOR - 1 {
                return fail(libc::EINVAL);
            }
            // SAFETY: behind the 32 bits are 4096 bytes.
            unsafe { copy(&descriptor, argument.cast::<u8>().add(4), wanted) };
            0
        }
        // HIDIOCGRAWINFO: the bus in 32 bits, and vendor and product in 16 each.
        0x03 => {
            let Some(uevent) = number.uevent() else { return fail(libc::ENODEV) };
            let mut id = value(&uevent, "HID_ID").unwrap_or_default().split(':');
            let mut part =
                || id.next().and_then(|part| u32::from_str_radix(part, 16).ok()).unwrap_or_default();
            let info = Info { bus: part(), vendor: part() as u16, product: part() as u16 };
            // SAFETY: the argument is such a struct.
            unsafe { argument.cast::<Info>().write_unaligned(info) };
            0
        }
        // HIDIOCGRAWNAME, HIDIOCGRAWPHYS, HIDIOCGRAWUNIQ: text with the zero that ends it.
        request @ (0x04 | 0x05 | 0x08) => {
            let Some(uevent) = number.uevent() else { return fail(libc::ENODEV) };
            let key = match request {
                0x04 => "HID_NAME",
                0x05 => "HID_PHYS",
                _ => "HID_UNIQ",
            };
            let mut text = value(&uevent, key).unwrap_or_default().as_bytes().to_vec();
            text.push(0);
            // SAFETY: the request says how much room there is.
            unsafe { copy(&text, argument.cast(), room) as c_int }
        }
        _ => fail(libc::EINVAL),
    }
}

/// `struct hidraw_devinfo`.
#[repr(C)]
struct Info {
    bus: u32,
    vendor: u16,
    product: u16,
}

/// Copies as many bytes as there is room for, and says how many.
///
/// # Safety
/// At `to` is room for `room` bytes.
unsafe fn copy(from: &[u8], to: *mut u8, room: usize) -> usize {
    let len = from.len().min(room);
    // SAFETY: neither side is shorter, and what is ours is nobody's buffer.
    unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), to, len) };
    len
}
