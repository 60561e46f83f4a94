"""A pytest plugin: python-fido2 finds our socket, and every case is told in the words of `cargo xtask peers`."""

import os

import fido2.hid
from fauxkey import Connection, is_there
from fido2.hid.base import HidDescriptor

ADDRESS = os.environ["FAUXKEY_SOCKET"]
GROUP = os.environ.get("FAUXKEY_CASES", "")


class _Plug:
    """The suite wants another path after each time that the device was without power."""

    def __init__(self):
        self.number = 0
        self.was_there = False

    def descriptors(self):
        there = is_there(ADDRESS)
        if there and not self.was_there:
            self.number += 1
        self.was_there = there
        return [self.descriptor()] if there else []

    def descriptor(self, _path=None):
        return HidDescriptor(f"{ADDRESS}#{self.number}", 0x1209, 0xF1D0, 64, 64, "fauxkey", None)


PLUG = _Plug()
fido2.hid.list_descriptors = PLUG.descriptors
fido2.hid.get_descriptor = PLUG.descriptor
fido2.hid.open_connection = lambda _descriptor: Connection(ADDRESS)


def pytest_runtest_logreport(report):
    name = f"{GROUP}{report.nodeid.removeprefix('tests/device/')}"
    if report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        print(f"\nskipped {name}: {why.removeprefix('Skipped: ')}")
    elif report.failed:
        last = [line for line in str(report.longrepr).splitlines() if line.strip()][-1:]
        print(f"\nFAILED {name}: {report.when}: {' '.join(last)}")
    elif report.when == "call":
        print(f"\nok {name}")
