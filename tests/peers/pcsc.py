"""The device as a smart card: raw APDUs as pcsc_scan and its like send them, python-fido2's CTAP1 and CTAP2 over PC/SC,
and its own suite for live authenticators (`tests/device --reader`)."""

import os
import sys
import time

import readers
from cases import Cases, ensure, equal, raises

readers.bring_pyscard()

import fido2.pcsc  # noqa: E402
import python_fido2_device as suite  # noqa: E402
import relying_parties as parties  # noqa: E402
from ceremonies import Browser, _listed  # noqa: E402
from fauxkey import running  # noqa: E402
from fido2.ctap1 import Ctap1  # noqa: E402
from fido2.ctap2 import Ctap2  # noqa: E402
from fido2.ctap2.pin import ClientPin  # noqa: E402
from smartcard.Exceptions import CardConnectionException, NoCardException  # noqa: E402
from smartcard.System import readers as all_readers  # noqa: E402

PIN = "a1b2c3d4"
PROFILES = os.environ.get("FAUXKEY_PROFILES", "all-in yubikey-5-nfc").split()
"""Those that the suite judges."""
SELECT = bytes.fromhex("00A4040008A0000006472F0001")
GET_INFO = bytes.fromhex("80100000010400")


def card():
    """The card on the reader, connected. One that was just put there, or let go, may take a moment to be awake."""
    (reader,) = [reader for reader in all_readers() if reader.name == readers.NAME]
    end = time.monotonic() + readers.PATIENCE
    while True:
        connection = reader.createConnection()
        try:
            connection.connect()
            return connection
        except NoCardException:
            raise
        except CardConnectionException:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def is_there():
    try:
        card().disconnect()
    except NoCardException:
        return False
    return True


def send(connection, command):
    """A command in bytes or hexadecimal digits; the response's data and status word."""
    command = bytes.fromhex(command) if isinstance(command, str) else command
    data, high, low = connection.transmit(list(command))
    return bytes(data), f"{high:02x}{low:02x}"


def status(connection, command):
    return send(connection, command)[1]


def all_of(connection, command, by="00"):
    """The whole response, by GET RESPONSE of that class; and how many APDUs it took."""
    data, word = send(connection, command)
    count = 1
    while word.startswith("61"):
        more, word = send(connection, f"{by}C00000{word[2:]}")
        data += more
        count += 1
    equal(word, "9000", "status word")
    return data, count


def raw(cases, profile):
    connection = card()
    with cases.case("the ATR is the profile's"):
        expected = {"all-in": "3b80800101", "yubikey-5-nfc": "3b8d80018073c021c057597562694b6579f9"}[profile]
        equal(bytes(connection.getATR()).hex(), expected, "ATR")
    with cases.case("nothing is known before SELECT"):
        for command in ["80100000010400", "0003000000", "8011000000", "00C0000000"]:
            equal(status(connection, command), "6d00", command)
        equal(status(connection, "00A4040007A0000006472F00"), "6a82", "another name")
    with cases.case("SELECT says U2F_V2"):
        equal(send(connection, SELECT), (b"U2F_V2", "9000"), "answer")
    with cases.case("getInfo is the same in short pieces by either class, and in one extended answer"):
        short, count = all_of(connection, GET_INFO)
        ensure(count > 1, "one piece was enough")
        equal(all_of(connection, GET_INFO, "80")[0], short, "by class 80")
        equal(send(connection, "80100000 000001 04 0000".replace(" ", "")), (short, "9000"), "extended")
        equal(short[0], 0, "status")
    for size in (1, 240, 250, 255):
        with cases.case(f"a command comes in pieces of {size} bytes"):
            message = b"\x02" + b"\xa1\x01\x79\x01\x90" + b"x" * 400
            pieces = [message[at : at + size] for at in range(0, len(message), size)]
            for piece in pieces[:-1]:
                equal(status(connection, bytes([0x90, 0x10, 0, 0, len(piece)]) + piece), "9000", "piece")
            last = bytes([0x80, 0x10, 0, 0, len(pieces[-1])]) + pieces[-1] + b"\0"
            equal(send(connection, last), (b"\x14", "9000"), "MISSING_PARAMETER, as clientDataHash is")
    with cases.case("what makes no sense is refused in the words of ISO 7816"):
        for command, word in [
            ("C0100000010400", "6e00"),
            ("80990000", "6d00"),
            ("8010400001 0400", "6a86"),
            ("8010000005 04", "6700"),
            ("00990000", "6d00"),
            ("8011000000", "6985"),
        ]:
            equal(status(connection, command.replace(" ", "")), word, command)
    with cases.case("NFCCTAP_CONTROL ends it"):
        equal(status(connection, "80120100"), "9000", "status word")
        equal(status(connection, GET_INFO), "6d00", "afterwards")
    connection.disconnect()


def field(cases, daemon):
    def place(inserted):
        daemon.api("PUT", "/card", {"inserted": inserted})
        readers.wait_for(lambda: is_there() == inserted, f"the card is still {'away' if inserted else 'there'}")

    with cases.case("a card that is taken away is gone for PC/SC, and back when it is put there"):
        place(False)
        raises(NoCardException, card)
        place(True)
        connection = card()
        equal(send(connection, SELECT), (b"U2F_V2", "9000"), "answer")
        connection.disconnect()
    with cases.case("lying there is presence, for two minutes"):
        place(False)
        place(True)
        with daemon.user("ask"):
            # Nobody would answer.
            connection = card()
            send(connection, SELECT)
            equal(send(connection, "80100000010B00"), (b"\0", "9000"), "authenticatorSelection")
            daemon.api("POST", "/clock", {"advanceMs": 120_000})
            equal(send(connection, "80108000010B00"), (b"\x02", "9100"), "then a touch is waited for")
            equal(send(connection, "8011110000"), (b"\x2d", "9000"), "and withdrawn")
            connection.disconnect()
    with cases.case("a user who refuses is not taken for present"), daemon.user("deny"):
        connection = card()
        send(connection, SELECT)
        equal(send(connection, "80100000010B00"), (b"\x27", "9000"), "OPERATION_DENIED")
        connection.disconnect()


def by_python_fido2(cases, daemon):
    parties.trust(daemon.root())
    (device,) = fido2.pcsc.CtapPcscDevice.list_devices(readers.NAME)
    with cases.case("U2F registers and signs in"):
        ctap = Ctap1(device)
        equal(ctap.get_version(), "U2F_V2", "version")
        challenge, application = os.urandom(32), os.urandom(32)
        registered = ctap.register(challenge, application)
        registered.verify(application, challenge)
        for _ in range(2):
            signed = ctap.authenticate(challenge, application, registered.key_handle)
            signed.verify(application, challenge, registered.public_key)
    with cases.case("a PIN is set"):
        ClientPin(Ctap2(device)).set_pin(PIN)
    for extended in (False, True):
        form = "extended" if extended else "short"
        with cases.case(f"a passkey is made and used in {form} APDUs, and python-fido2's server accepts both"):
            device.use_ext_apdu = extended
            browser = Browser(device)
            browser.user.request_pin = lambda _permissions, _rp_id: PIN
            passkey = browser.register(f"ada-{form}", resident_key_requirement="required")
            browser.sign_in(passkey, allow=[_listed(passkey)])
    with cases.case("what it says of itself is what it says over HID"):
        with daemon.ctap_device() as key:
            equal(Ctap2(device).info.versions, Ctap2(key).info.versions, "versions")
            equal(Ctap2(device).info.options, Ctap2(key).info.options, "options")
    device.close()


def main():
    cases = Cases()
    well = True
    with readers.pcscd():
        for profile in ("all-in", "yubikey-5-nfc"):
            with cases.group(profile), running(profile, "tcp", doors="socket,pcsc") as daemon:
                readers.wait_for(is_there, "no card")
                raw(cases, profile)
                if profile == "all-in":
                    field(cases, daemon)
                by_python_fido2(cases, daemon)
        for profile in PROFILES:
            well = suite.run_profile(profile, card=readers.NAME) and well
    sys.exit(0 if well and not cases.failed else 1)


if __name__ == "__main__":
    main()
