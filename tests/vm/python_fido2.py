"""python-fido2's client and server before /dev/hidraw. Prints `ok CASE` or `FAILED CASE: why`."""

import subprocess
import time
from contextlib import contextmanager

from fido2.client import DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.ctap2 import Ctap2
from fido2.hid import CtapHidDevice
from fido2.server import Fido2Server

ORIGIN = "https://login.example.test"
PATIENCE = 30


@contextmanager
def case(name):
    try:
        yield
        print(f"ok {name}", flush=True)
    except Exception as error:
        print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")


def wait_for(count):
    end = time.monotonic() + PATIENCE
    while True:
        devices = list(CtapHidDevice.list_devices())
        if len(devices) == count or time.monotonic() > end:
            equal(len(devices), count)
            return devices
        time.sleep(0.05)


def judge(door, device):
    # /dev/uhid keeps 32 reports and drops what a program writes faster than they are taken.
    longest = 7609 if door == "usbip" else 1000
    with case(f"{door}: messages of every length come back"):
        for length in (1, 57, 58, 116, 117, longest):
            equal(device.ping(bytes(i & 255 for i in range(length))), bytes(i & 255 for i in range(length)))
    with case(f"{door}: getInfo"):
        equal(str(Ctap2(device).info.aaguid), "fa0c5e11-0000-4000-8000-736563757265")
    with case(f"{door}: a passkey is made and used, and python-fido2's server agrees"):
        server = Fido2Server({"id": "login.example.test", "name": "Example"}, attestation="direct")
        client = Fido2Client(device, DefaultClientDataCollector(ORIGIN), user_interaction=UserInteraction())
        user = {"id": door.encode(), "name": "ada"}
        options, state = server.register_begin(user, user_verification="discouraged")
        made = server.register_complete(state, client.make_credential(options.public_key))
        options, state = server.authenticate_begin([made.credential_data], user_verification="discouraged")
        answer = client.get_assertion(options.public_key).get_response(0)
        server.authenticate_complete(state, [made.credential_data], answer)


def main():
    with case("uhid: one device is found"):
        (device,) = wait_for(1)
        judge("uhid", device)
        device.close()
    with case("usbip: it is plugged in while the other one stays"):
        subprocess.run(["usbip", "attach", "-r", "127.0.0.1", "-b", "1-1"], check=True, capture_output=True)
        devices = wait_for(2)
        (device,) = [device for device in devices if device.descriptor.path != "/dev/hidraw0"]
        judge("usbip", device)
        for device in devices:
            device.close()
    with case("usbip: it is pulled out"):
        subprocess.run(["usbip", "detach", "-p", "0"], check=True, capture_output=True)
        wait_for(1)


main()
