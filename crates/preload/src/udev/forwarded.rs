//! What has nothing to do with our devices: the hardware database, the queue of events, and an encoding.
use super::Object;
use super::real::functions;
use core::ffi::{c_char, c_int, c_uint, c_ulonglong};
use core::ptr::null_mut;

functions! {
    udev_hwdb_new(udev: Object) -> Object; else null_mut();
    udev_hwdb_ref(hwdb: Object) -> Object; else null_mut();
    udev_hwdb_unref(hwdb: Object) -> Object; else null_mut();
    udev_hwdb_get_properties_list_entry(hwdb: Object, modalias: *const c_char, flags: c_uint) -> Object; else null_mut();
    udev_queue_new(udev: Object) -> Object; else null_mut();
    udev_queue_ref(queue: Object) -> Object; else null_mut();
    udev_queue_unref(queue: Object) -> Object; else null_mut();
    udev_queue_get_udev(queue: Object) -> Object; else null_mut();
    udev_queue_get_kernel_seqnum(queue: Object) -> c_ulonglong; else 0;
    udev_queue_get_udev_seqnum(queue: Object) -> c_ulonglong; else 0;
    udev_queue_get_udev_is_active(queue: Object) -> c_int; else 0;
    udev_queue_get_queue_is_empty(queue: Object) -> c_int; else 1;
    udev_queue_get_seqnum_is_finished(queue: Object, number: c_ulonglong) -> c_int; else 1;
    udev_queue_get_seqnum_sequence_is_finished(queue: Object, start: c_ulonglong, end: c_ulonglong) -> c_int; else 1;
    udev_queue_get_queued_list_entry(queue: Object) -> Object; else null_mut();
    udev_queue_get_fd(queue: Object) -> c_int; else -libc::ENOSYS;
    udev_queue_flush(queue: Object) -> c_int; else -libc::ENOSYS;
    udev_util_encode_string(text: *const c_char, encoded: *mut c_char, len: usize) -> c_int; else -libc::ENOSYS;
}
