"""A fauxkey process, its control API, and its socket as a HID device of python-fido2."""

import json
import os
import socket
import subprocess
import urllib.request
from contextlib import contextmanager

import fido2.client
import fido2.hid
import process
from fido2.ctap2.pin import ClientPin
from fido2.hid.base import CtapHidConnection, HidDescriptor
from process import PATIENCE, PROGRAM

REPORT = 64
"""Bytes of a CTAPHID report, without a report number."""


class Daemon:
    """`fauxkey run --ephemeral` with one device behind one socket."""

    def __init__(self, ready):
        self._ready = ready
        self.device = ready["devices"][0]["name"]
        self.address = ready["devices"][0]["attached"][0]

    def api(self, method, path, body=None):
        """Asks the control API about the device."""
        return self.call(method, f"devices/{self.device}{path}", body)

    def root(self):
        """The root certificate of the test CA in PEM."""
        status, printed, said = self.command("ca", "export")
        if status != 0:
            raise RuntimeError(said)
        return printed.encode()

    def call(self, method, path, body=None):
        """Asks the control API."""
        request = urllib.request.Request(
            f"{self._ready['url']}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._ready['token']}", "Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE) as response:
            text = response.read()
        return json.loads(text) if text else None

    def power(self, state):
        return self.api("POST", "/power", {"power": state})

    @contextmanager
    def user(self, answer, delay_ms=0):
        """For a while the user answers in another way."""
        self.api("PUT", "/user", {"answer": answer, "delayMs": delay_ms})
        try:
            yield
        finally:
            self.api("PUT", "/user", {"answer": "approve", "delayMs": 0})

    def command(self, *arguments, stdin=None):
        """Another fauxkey command on this instance: its status, standard output and standard error."""
        environment = os.environ | {"FAUXKEY_URL": self._ready["url"], "FAUXKEY_TOKEN": self._ready["token"]}
        done = subprocess.run(
            [PROGRAM, *arguments], input=stdin, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )
        return done.returncode, done.stdout, done.stderr

    def ctap_devices(self):
        """The device as python-fido2 finds it: a list of one, or of none while it has no power."""
        return list(fido2.hid.CtapHidDevice.list_devices())

    @contextmanager
    def ctap_device(self):
        """The device, opened by python-fido2."""
        (device,) = self.ctap_devices()
        try:
            yield device
        finally:
            device.close()


@contextmanager
def running(profile, link, doors="socket", verb="run"):
    """A process with a device of that profile behind a `tcp` or `unix` socket, plugged into python-fido2, and perhaps
    further doors; with the verb `up`, a tenant beside it."""
    address = "tcp:127.0.0.1:0" if link == "tcp" else "unix:{folder}/device.sock"
    command = [verb, "--ephemeral", "--profile", profile, "--approve", "auto", "--attach", doors]
    with process.serving(*command, "--socket", address, "--listen", "127.0.0.1:0") as (_, ready):
        daemon = Daemon(ready)
        _plug_in(daemon.address)
        yield daemon


def connect(address):
    """The bare socket: 64-byte reports over TCP, or as packets of a Unix socket."""
    kind, _, place = address.partition(":")
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(PATIENCE)
        connection.connect(place)
    else:
        host, _, port = place.rpartition(":")
        connection = socket.create_connection((host, int(port)), PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Connection(CtapHidConnection):
    """The socket as an open hidraw file."""

    def __init__(self, address):
        self._socket = connect(address)

    def read_packet(self):
        report = b""
        while len(report) < REPORT:
            part = self._socket.recv(REPORT - len(report))
            if not part:
                raise OSError("the device is gone")
            report += part
        return report

    def write_packet(self, data):
        self._socket.sendall(data)

    def close(self):
        self._socket.close()


def is_there(address):
    """Whether a device answers INIT; without power, connections end."""
    nonce = os.urandom(8)
    connection = Connection(address)
    try:
        connection.write_packet((b"\xff\xff\xff\xff\x86\x00\x08" + nonce).ljust(REPORT, b"\0"))
        return connection.read_packet()[7:15] == nonce
    except OSError:
        return False
    finally:
        connection.close()


def _plug_in(address):
    """Replaces the functions by which python-fido2 finds and opens the system's HID devices."""
    descriptor = HidDescriptor(address, 0x1209, 0xF1D0, REPORT, REPORT, "fauxkey", None)
    fido2.hid.list_descriptors = lambda: [descriptor] if is_there(address) else []
    fido2.hid.get_descriptor = lambda _path: descriptor
    fido2.hid.open_connection = lambda found: Connection(found.path)


class _MaybeClientPin(ClientPin):
    """python-fido2 2.2.1 makes a ClientPin whenever a user is to be verified, and raises ValueError for an
    authenticator that verifies by itself and has neither PIN nor token, as CTAP 2.0 allows. It would not be used."""

    def __init__(self, ctap, protocol=None):
        if protocol is not None or ctap.info.pin_uv_protocols:
            super().__init__(ctap, protocol)


fido2.client.ClientPin = _MaybeClientPin
