"""libudev by ctypes, in a program that `fauxkey exec` started: what it finds, and what it hears come and go."""

import ctypes
import os
import select
import stat
import subprocess
import threading

from cases import Cases, ensure, equal

NODE = b"/dev/hidraw64"
udev = ctypes.CDLL("libudev.so.1")
POINTERS = """udev_new udev_unref udev_enumerate_new udev_enumerate_unref udev_enumerate_get_list_entry
udev_list_entry_get_next udev_list_entry_get_by_name udev_device_new_from_syspath udev_device_new_from_devnum
udev_device_new_from_subsystem_sysname udev_device_get_parent udev_device_get_parent_with_subsystem_devtype
udev_device_unref udev_monitor_new_from_netlink udev_monitor_unref udev_monitor_receive_device"""
STRINGS = """udev_list_entry_get_name udev_device_get_syspath udev_device_get_sysname udev_device_get_sysnum
udev_device_get_subsystem udev_device_get_devnode udev_device_get_driver udev_device_get_action
udev_device_get_property_value udev_device_get_sysattr_value"""
for name in POINTERS.split():
    getattr(udev, name).restype = ctypes.c_void_p
for name in STRINGS.split():
    getattr(udev, name).restype = ctypes.c_char_p
udev.udev_device_get_devnum.restype = ctypes.c_ulong


def pointer(value):
    ensure(value, "there is none")
    return ctypes.c_void_p(value)


def listed(context, **wishes):
    """The syspaths that a search finds; a wish is the end of a udev_enumerate_add_match_* and its arguments."""
    search = pointer(udev.udev_enumerate_new(context))
    for wish, arguments in wishes.items():
        getattr(udev, f"udev_enumerate_add_{wish}")(search, *arguments)
    udev.udev_enumerate_scan_devices(search)
    found, entry = [], udev.udev_enumerate_get_list_entry(search)
    while entry:
        found.append(udev.udev_list_entry_get_name(ctypes.c_void_p(entry)))
        entry = udev.udev_list_entry_get_next(ctypes.c_void_p(entry))
    udev.udev_enumerate_unref(search)
    return found


def main():
    cases = Cases()
    context = pointer(udev.udev_new())
    ours = lambda found: [path for path in found if path.endswith(b"/hidraw64")]
    with cases.case("libudev: a search for hidraw finds the device"):
        equal(len(ours(listed(context, match_subsystem=[b"hidraw"]))), 1, "devices")
    with cases.case("libudev: a search for everything finds it, and what is real"):
        everything = listed(context)
        equal(len(ours(everything)), 1, "devices")
        ensure(any(path.startswith(b"/sys/") for path in everything), f"nothing real: {everything}")
    with cases.case("libudev: a search for anything else does not find it"):
        for wishes in (
            {"match_subsystem": [b"input"]},
            {"nomatch_subsystem": [b"hidraw"]},
            {"match_subsystem": [b"hidraw"], "match_tag": [b"seat"]},
            {"match_subsystem": [b"hidraw"], "match_sysname": [b"hidraw0"]},
            {"match_subsystem": [b"hidraw"], "match_property": [b"ID_FIDO_TOKEN", b"2"]},
            {"match_subsystem": [b"hidraw"], "nomatch_sysattr": [b"dev", None]},
        ):
            equal(ours(listed(context, **wishes)), [], f"devices for {wishes}")
    with cases.case("libudev: patterns, properties and attributes find it"):
        for wishes in (
            {"match_subsystem": [b"hid*"]},
            {"match_subsystem": [b"hidraw"], "match_sysname": [b"hidraw6?"]},
            {"match_subsystem": [b"hidraw"], "match_property": [b"ID_FIDO_TOKEN", b"1"]},
            {"match_subsystem": [b"hidraw"], "match_sysattr": [b"dev", b"4095:64"]},
        ):
            equal(len(ours(listed(context, **wishes))), 1, f"devices for {wishes}")
    (syspath,) = ours(listed(context, match_subsystem=[b"hidraw"]))
    with cases.case("libudev: device and parent are described as the kernel's"):
        device = pointer(udev.udev_device_new_from_syspath(context, syspath))
        for what, expected in (
            ("devnode", NODE), ("sysname", b"hidraw64"), ("sysnum", b"64"), ("subsystem", b"hidraw"), ("action", None)
        ):
            equal(getattr(udev, f"udev_device_get_{what}")(device), expected, what)
        parent = pointer(udev.udev_device_get_parent_with_subsystem_devtype(device, b"hid", None))
        equal(udev.udev_device_get_sysname(parent), b"0003:1209:F1D0.0040", "parent")
        equal(udev.udev_device_get_property_value(parent, b"HID_ID"), b"0003:00001209:0000F1D0", "HID_ID")
        equal(udev.udev_device_get_driver(parent), b"hid-generic", "driver")
        ensure(b"\nHID_NAME=fauxkey " in udev.udev_device_get_sysattr_value(parent, b"uevent"), "uevent")
        with open(udev.udev_device_get_syspath(parent) + b"/report_descriptor", "rb") as file:
            equal(file.read()[:3], b"\x06\xd0\xf1", "usage page")
        usb = pointer(udev.udev_device_get_parent_with_subsystem_devtype(device, b"usb", b"usb_device"))
        equal(usb.value, pointer(udev.udev_device_get_parent(parent)).value, "the parent's parent")
        equal(udev.udev_device_get_sysattr_value(usb, b"manufacturer"), b"fauxkey", "manufacturer")
        ensure(udev.udev_device_get_syspath(parent).startswith(udev.udev_device_get_syspath(usb) + b"/"), "usb's path")
        ensure(not udev.udev_device_get_parent_with_subsystem_devtype(usb, b"hid", None), "a child for a parent")
        for other in (
            udev.udev_device_new_from_devnum(context, ctypes.c_char(b"c"), ctypes.c_ulong(udev.udev_device_get_devnum(device))),
            udev.udev_device_new_from_subsystem_sysname(context, b"hidraw", b"hidraw64"),
        ):
            equal(udev.udev_device_get_syspath(pointer(other)), syspath, "syspath")
            udev.udev_device_unref(ctypes.c_void_p(other))
        udev.udev_device_unref(device)
    with cases.case("the device is a character device to stat, fstat, access and copies of its descriptor"):
        number = os.makedev(4095, 64)
        equal(os.stat(NODE).st_rdev, number, "st_rdev")
        ensure(os.access(NODE, os.R_OK | os.W_OK) and not os.access("/dev/hidraw65", os.R_OK), "access")
        fd = os.open(NODE, os.O_RDWR)
        for copy in (fd, os.dup(fd), os.dup2(fd, 200)):
            found = os.fstat(copy)
            ensure(stat.S_ISCHR(found.st_mode) and found.st_rdev == number, f"descriptor {copy}")
        os.close(fd)
        again = os.open("/dev/null", os.O_RDWR)
        equal((again, os.fstat(again).st_rdev), (fd, os.stat("/dev/null").st_rdev), "the number, given again")
    with cases.case("reports of 64 bytes and of 65 with a number are both taken"):
        fd = os.open(NODE, os.O_RDWR)
        for before in (b"", b"\0"):
            nonce = os.urandom(8)
            report = (b"\xff\xff\xff\xff\x86\x00\x08" + nonce).ljust(64, b"\0")
            equal(os.write(fd, before + report), len(before) + 64, "written")
            equal(os.read(fd, 64)[7:15], nonce, "nonce")
        os.close(fd)
    _hot_plug(cases, context)
    cases.exit()


def power(state):
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = [os.environ["FAUXKEY"], "device", "power", state]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def _hot_plug(cases, context):
    monitor = pointer(udev.udev_monitor_new_from_netlink(context, b"udev"))
    udev.udev_monitor_filter_add_match_subsystem_devtype(monitor, b"hidraw", None)
    equal(udev.udev_monitor_enable_receiving(monitor), 0, "enabled")
    other = pointer(udev.udev_monitor_new_from_netlink(context, b"udev"))
    udev.udev_monitor_filter_add_match_subsystem_devtype(other, b"input", None)
    udev.udev_monitor_enable_receiving(other)
    fd = udev.udev_monitor_get_fd(monitor)

    def heard(patience=5.0):
        """What one readiness of the descriptor is for."""
        ensure(select.select([fd], [], [], patience)[0], "nothing is heard")
        device = pointer(udev.udev_monitor_receive_device(monitor))
        try:
            return udev.udev_device_get_action(device), udev.udev_device_get_devnode(device)
        finally:
            udev.udev_device_unref(device)

    with cases.case("hot-plug: power off is heard as remove, and an open device ends with EIO and ENODEV"):
        opened = os.open(NODE, os.O_RDWR)
        power("off")
        equal(heard(), (b"remove", NODE), "heard")
        for errno, use in ((5, lambda: os.read(opened, 64)), (19, lambda: os.write(opened, bytes(64)))):
            try:
                use()
            except OSError as error:
                equal(error.errno, errno, "errno")
            else:
                raise AssertionError("the device is still there")
        os.close(opened)
        equal(listed(context, match_subsystem=[b"hidraw"]), [], "devices")
    with cases.case("hot-plug: power on is heard as add, and the device opens at once"):
        power("on")
        equal(heard(), (b"add", NODE), "heard")
        os.close(os.open(NODE, os.O_RDWR))
    with cases.case("hot-plug: a cycle is heard as both, in order, one readiness each"):
        power("cycle")
        equal([heard(), heard()], [(b"remove", NODE), (b"add", NODE)], "heard")
        ensure(not select.select([fd], [], [], 0.2)[0], "something else is heard")
    with cases.case("hot-plug: who listens for something else hears nothing of it"):
        ensure(not select.select([udev.udev_monitor_get_fd(other)], [], [], 0)[0], "heard")
    with cases.case("hot-plug: a program that waits in another thread is woken"):
        woken = []
        waiting = threading.Thread(target=lambda: woken.append(heard(10)))
        waiting.start()
        power("off")
        waiting.join()
        power("on")
        equal(woken, [(b"remove", NODE)], "heard")


if __name__ == "__main__":
    main()
