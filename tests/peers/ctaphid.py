"""CTAPHID as python-fido2 speaks it, and bare reports beside it."""

import os
import struct
import time

from cases import ensure, equal, raises
from fauxkey import Connection, REPORT
from fido2 import cbor
from fido2.ctap import CtapError
from fido2.hid import CAPABILITY, CTAPHID

LONGEST = 7609
"""Bytes of the longest message."""
SOON = 0.25
"""Seconds. CANCEL is answered within a few milliseconds; a busy machine may take longer."""
BROADCAST = 0xFFFFFFFF
MAKE_CREDENTIAL = b"\x01" + cbor.encode(
    {
        1: bytes(32),
        2: {"id": "login.example.test"},
        3: {"id": b"raw"},
        4: [{"alg": -7, "type": "public-key"}],
    }
)
UP_NEEDED = 2


class Channel:
    """A channel, report by report."""

    def __init__(self, connection):
        self._connection = connection
        nonce = os.urandom(8)
        self.cid = BROADCAST
        self.send(CTAPHID.INIT, nonce)
        command, answer = self.receive()
        equal(command, CTAPHID.INIT, "command")
        equal(answer[:8], nonce, "nonce")
        (self.cid,) = struct.unpack(">I", answer[8:12])

    def send(self, command, data=b"", length=None):
        length = len(data) if length is None else length
        self.write(struct.pack(">IBH", self.cid, 0x80 | command, length) + data[:57])
        for seq, start in enumerate(range(57, len(data), 59)):
            self.write(struct.pack(">IB", self.cid, seq) + data[start : start + 59])

    def write(self, report):
        self._connection.write_packet(report.ljust(REPORT, b"\0"))

    def receive(self):
        """The next message on this channel."""
        cid, command, length, data = self._report(">IBH")
        while len(data) < length:
            data += self._report(">IB")[-1]
        return command & 0x7F, data[:length]

    def _report(self, header):
        while True:
            report = self._connection.read_packet()
            if struct.unpack_from(">I", report)[0] == self.cid:
                return *struct.unpack_from(header, report), report[struct.calcsize(header) :]


def judge(cases, daemon):
    with daemon.ctap_device() as device:
        with cases.case("INIT says CTAPHID 2 with WINK and CBOR, without U2F"):
            equal(device.version, 2, "protocol version")
            equal(device.capabilities, CAPABILITY.WINK | CAPABILITY.CBOR | CAPABILITY.NMSG, "capabilities")
        for length in (0, 1, 57, 58, 116, 117, LONGEST):
            with cases.case(f"PING echoes {length} bytes"):
                data = os.urandom(length)
                ensure(device.ping(data) == data, "the echo differs")
        with cases.case("WINK is answered"):
            device.wink()
        with cases.case("a command that it does not have is INVALID_CMD"):
            equal(raises(CtapError, device.call, 0x3E).code, CtapError.ERR.INVALID_COMMAND, "error")
    connection = Connection(daemon.address)
    try:
        _bare(cases, daemon, connection)
    finally:
        connection.close()


def _bare(cases, daemon, connection):
    channel, other = Channel(connection), Channel(connection)
    with cases.case("each INIT allocates another channel"):
        ensure(channel.cid != other.cid and BROADCAST not in (channel.cid, other.cid), "channels")
    with cases.case("a length beyond 7609 is answered with INVALID_LENGTH"):
        channel.send(CTAPHID.PING, bytes(57), LONGEST + 1)
        equal(channel.receive(), (CTAPHID.ERROR, bytes([CtapError.ERR.INVALID_LENGTH])), "answer")
    with cases.case("a packet out of sequence is answered with INVALID_SEQ"):
        channel.send(CTAPHID.PING, bytes(57), 100)
        channel.write(struct.pack(">IB", channel.cid, 1))
        equal(channel.receive(), (CTAPHID.ERROR, bytes([CtapError.ERR.INVALID_SEQ])), "answer")
    with cases.case("while a user is asked, KEEPALIVE says that a touch is needed"), daemon.user("ignore"):
        channel.send(CTAPHID.CBOR, MAKE_CREDENTIAL)
        for _ in range(3):
            equal(channel.receive(), (CTAPHID.KEEPALIVE, bytes([UP_NEEDED])), "report")
        with cases.case("meanwhile another channel is told CHANNEL_BUSY"):
            other.send(CTAPHID.PING, b"?")
            equal(other.receive(), (CTAPHID.ERROR, bytes([CtapError.ERR.CHANNEL_BUSY])), "answer")
        with cases.case("CANCEL on another channel changes nothing"):
            other.send(CTAPHID.CANCEL)
            equal(channel.receive()[0], CTAPHID.KEEPALIVE, "command")
        with cases.case(f"CANCEL is answered with KEEPALIVE_CANCEL within {SOON} s"):
            start = time.monotonic()
            channel.send(CTAPHID.CANCEL)
            answer = channel.receive()
            while answer[0] == CTAPHID.KEEPALIVE:
                answer = channel.receive()
            took = time.monotonic() - start
            equal(answer, (CTAPHID.CBOR, bytes([CtapError.ERR.KEEPALIVE_CANCEL])), "answer")
            ensure(took < SOON, f"it took {took:.3f} s")
    with cases.case("INIT on a channel that waits aborts and keeps the channel"), daemon.user("ignore"):
        channel.send(CTAPHID.CBOR, MAKE_CREDENTIAL)
        equal(channel.receive()[0], CTAPHID.KEEPALIVE, "command")
        nonce = os.urandom(8)
        channel.send(CTAPHID.INIT, nonce)
        answer = channel.receive()
        while answer[0] == CTAPHID.KEEPALIVE:
            answer = channel.receive()
        equal((answer[0], answer[1][:12]), (CTAPHID.INIT, nonce + struct.pack(">I", channel.cid)), "answer")
    with cases.case("afterwards the channel works as before"):
        channel.send(CTAPHID.PING, b"!")
        equal(channel.receive(), (CTAPHID.PING, b"!"), "answer")
