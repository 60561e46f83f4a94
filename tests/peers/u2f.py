"""CTAP1 by python-fido2: its own Ctap1 registers, checks and signs in, and its own verification judges; then its
client does so for a page."""

import os
import time
from threading import Event

import relying_parties as parties
from cases import ensure, equal, raises
from fido2.client import ClientError, DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.ctap import CtapError
from fido2.ctap1 import APDU, ApduError, Ctap1
from fido2.ctap2 import Ctap2
from fido2.hid import CAPABILITY, CTAPHID
from fido2.utils import sha256
from fido2.webauthn import PublicKeyCredentialDescriptor
from relying_parties import ORIGIN, RP_ID

APP = sha256(RP_ID.encode())
OTHER = sha256(b"https://other.example.test/app-id.json")
POLL = 0.1
"""Seconds between two requests that wait for a touch."""


def judge(cases, daemon, profile):
    with daemon.ctap_device() as device:
        _capabilities(cases, device, profile)
        _raw(cases, daemon, Ctap1(device))
        if profile.ctap2:
            _with_ctap2(cases, Ctap1(device), Ctap2(device, strict_cbor=True))
        else:
            _by_the_client(cases, daemon, device)


def _capabilities(cases, device, profile):
    with cases.case("INIT says that U2F is spoken"):
        expected = CAPABILITY.WINK | (CAPABILITY.CBOR if profile.ctap2 else 0)
        equal(device.capabilities, expected, "capabilities")
    if profile.ctap2:
        with cases.case("getInfo says it too"):
            ensure("U2F_V2" in Ctap2(device).info.versions, "U2F_V2 is not advertised")
    else:
        with cases.case("a key of U2F only has no CBOR"):
            refused = raises(CtapError, device.call, CTAPHID.CBOR, b"\x04")
            equal(refused.code, CtapError.ERR.INVALID_COMMAND, "error")


def _raw(cases, daemon, ctap):
    challenge = os.urandom(32)
    with cases.case("U2F_VERSION is U2F_V2"):
        equal(ctap.get_version(), "U2F_V2", "version")
    with cases.case("a registration verifies"):
        registered = ctap.register(challenge, APP)
        registered.verify(APP, challenge)
        ensure(len(registered.key_handle) <= 255, "the handle is too long")
    with cases.case("an authentication verifies, and the counter counts"):
        counters = []
        for _ in range(3):
            signed = ctap.authenticate(challenge, APP, registered.key_handle)
            signed.verify(APP, challenge, registered.public_key)
            equal(signed.user_presence, 1, "presence")
            counters.append(signed.counter)
        ensure(counters == sorted(set(counters)), f"the counter went {counters}")
    for name, app, handle, expected in (
        ("one of ours", APP, registered.key_handle, APDU.USE_NOT_SATISFIED),
        ("one of another application", OTHER, registered.key_handle, APDU.WRONG_DATA),
        ("a stranger's", APP, os.urandom(64), APDU.WRONG_DATA),
    ):
        with cases.case(f"check-only tells a key handle that is {name}"):
            equal(raises(ApduError, ctap.authenticate, challenge, app, handle, True).code, expected, "status word")
    with cases.case("a user who takes a second is polled for"), daemon.user("approve", delay_ms=1000):
        refused = _poll(lambda: ctap.authenticate(challenge, APP, registered.key_handle))
        ensure(refused >= 3, f"it waited for {refused} times")
    with cases.case("a user who declines is never answered for"), daemon.user("deny"):
        for _ in range(5):
            refused = raises(ApduError, ctap.register, os.urandom(32), OTHER)
            equal(refused.code, APDU.USE_NOT_SATISFIED, "status word")
    for name, expected, apdu in (
        ("class", 0x6E00, (0x80, 3, 0, 0)),
        ("instruction", 0x6D00, (0, 0x40, 0, 0)),
        ("length", 0x6700, (0, 1, 0, 0, b"short")),
    ):
        with cases.case(f"a wrong {name} is {expected:04X}"):
            equal(raises(ApduError, ctap.send_apdu, *apdu).code, expected, "status word")


def _poll(call):
    """How often the request was refused before it was granted."""
    for refused in range(100):
        try:
            call()
            return refused
        except ApduError as error:
            equal(error.code, APDU.USE_NOT_SATISFIED, "status word")
        time.sleep(POLL)
    raise AssertionError("it was never granted")


def _with_ctap2(cases, ctap1, ctap2):
    challenge = os.urandom(32)
    with cases.case("a key of U2F signs in by CTAP2"):
        registered = ctap1.register(challenge, APP)
        allow = [{"type": "public-key", "id": registered.key_handle}]
        assertion = ctap2.get_assertion(RP_ID, challenge, allow)
        ctap1.authenticate(challenge, APP, registered.key_handle)
        equal(assertion.credential["id"], registered.key_handle, "credential")
    with cases.case("a passkey of CTAP2 signs in by U2F"):
        key = [{"type": "public-key", "alg": -7}]
        made = ctap2.make_credential(challenge, {"id": RP_ID, "name": "Example"}, {"id": b"u2f", "name": "u"}, key)
        data = made.auth_data.credential_data
        public = b"\4" + data.public_key[-2] + data.public_key[-3]
        ctap1.authenticate(challenge, APP, data.credential_id).verify(APP, challenge, public)


class _Touch(UserInteraction):
    def __init__(self):
        self.asked = 0
        self.on_touch = lambda: None

    def prompt_up(self):
        self.asked += 1
        self.on_touch()


def _by_the_client(cases, daemon, device):
    user = _Touch()
    client = Fido2Client(device, DefaultClientDataCollector(ORIGIN), user_interaction=user)
    with cases.case("python-fido2's client registers, and the relying parties accept it"):
        options, state = parties.creation("u2f", user_verification="discouraged", resident_key_requirement="discouraged")
        passkey = parties.registered(state, parties.to_json(client.make_credential(options)))
        equal(passkey.attestation, "fido-u2f", "attestation statement format")
        equal(bytes(passkey.credential.aaguid), bytes(16), "aaguid")
    listed = PublicKeyCredentialDescriptor(type="public-key", id=passkey.credential.credential_id)
    with cases.case("python-fido2's client signs in, and the relying parties accept it"):
        options, state = parties.request([listed], user_verification="discouraged")
        response = client.get_assertion(options).get_response(0)
        parties.signed_in(state, parties.to_json(response), passkey)
    with cases.case("a key that is excluded is not made again"):
        options, _ = parties.creation("u2f-too", exclude=[listed], user_verification="discouraged",
                                      resident_key_requirement="discouraged")
        refused = raises(ClientError, client.make_credential, options)
        equal(refused.code, ClientError.ERR.DEVICE_INELIGIBLE, "error")
    with cases.case("a client that cancels stops asking"), daemon.user("ignore"):
        event = Event()
        user.on_touch = event.set
        options, _ = parties.request([listed], user_verification="discouraged")
        refused = raises(ClientError, client.get_assertion, options, event)
        equal(refused.code, ClientError.ERR.TIMEOUT, "error")
