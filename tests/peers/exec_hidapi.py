"""Debian's libhidapi-hidraw0 by ctypes, in a program that `fauxkey exec` started."""

import ctypes
import os

from cases import Cases, ensure, equal


class Info(ctypes.Structure):
    """`struct hid_device_info`."""


Info._fields_ = [
    ("path", ctypes.c_char_p),
    ("vendor_id", ctypes.c_ushort),
    ("product_id", ctypes.c_ushort),
    ("serial_number", ctypes.c_wchar_p),
    ("release_number", ctypes.c_ushort),
    ("manufacturer_string", ctypes.c_wchar_p),
    ("product_string", ctypes.c_wchar_p),
    ("usage_page", ctypes.c_ushort),
    ("usage", ctypes.c_ushort),
    ("interface_number", ctypes.c_int),
    ("next", ctypes.POINTER(Info)),
]

hidapi = ctypes.CDLL("libhidapi-hidraw.so.0")
hidapi.hid_enumerate.restype = ctypes.POINTER(Info)
hidapi.hid_open_path.restype = ctypes.c_void_p
hidapi.hid_error.restype = ctypes.c_wchar_p


def main():
    cases = Cases()
    with cases.case("hidapi: the device is found by its usage page"):
        found, entry = [], hidapi.hid_enumerate(0x1209, 0xF1D0)
        while entry:
            found.append((entry.contents.path, entry.contents.usage_page, entry.contents.usage, entry.contents.product_string))
            entry = entry.contents.next
        equal([one[:3] for one in found], [(b"/dev/hidraw64", 0xF1D0, 1)], "devices")
        ensure("fauxkey" in found[0][3], f"its name is {found[0][3]}")
    with cases.case("hidapi: it opens, and answers CTAPHID_INIT"):
        device = hidapi.hid_open_path(b"/dev/hidraw64")
        ensure(device, hidapi.hid_error(None))
        device, nonce = ctypes.c_void_p(device), os.urandom(8)
        report = b"\0" + (b"\xff\xff\xff\xff\x86\x00\x08" + nonce).ljust(64, b"\0")
        equal(hidapi.hid_write(device, report, 65), 65, "written")
        answer = ctypes.create_string_buffer(64)
        equal(hidapi.hid_read_timeout(device, answer, 64, 5000), 64, "read")
        equal(answer.raw[7:15], nonce, "nonce")
        serial = ctypes.create_unicode_buffer(128)
        equal(hidapi.hid_get_serial_number_string(device, serial, 128), 0, "serial number")
        ensure(serial.value.startswith("fauxkey-"), f"the serial number is {serial.value}")
        hidapi.hid_close(device)
    cases.exit()


if __name__ == "__main__":
    main()
