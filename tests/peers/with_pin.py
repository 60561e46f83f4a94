"""Ceremonies on a key with a PIN: python-fido2's client asks for it, and both relying parties judge."""

import itertools

import relying_parties as parties
from cases import equal, raises
from ceremonies import ALGORITHMS, Browser, _listed
from fido2.client import ClientError
from fido2.ctap import CtapError
from fido2.ctap2.pin import ClientPin
from fido2.webauthn import AttestationObject, AuthenticatorData

PIN, WRONG = "a1b2c3d4", "wrong pin"


def judge(cases, daemon, profile):
    with daemon.ctap_device() as device:
        browser = Browser(device)
        _get_info(cases, browser, profile)
        with cases.case("a PIN is set"):
            ClientPin(browser.ctap).set_pin(PIN)
            equal(browser.ctap.get_info().options["clientPin"], True, "clientPin")
    with daemon.ctap_device() as device:
        # A browser that meets the key with its PIN.
        browser = Browser(device)
        browser.user.request_pin = lambda _permissions, _rp_id: PIN
        _every_wish(cases, browser, profile)
        _wrong_pin(cases, daemon, browser)


def _get_info(cases, browser, profile):
    with cases.case("getInfo is canonical CBOR and says what the profile says"):
        info = browser.ctap.get_info()
        equal(tuple(info.versions), profile.versions, "versions")
        equal(str(info.aaguid), profile.aaguid, "aaguid")
        equal({name: info.options.get(name) for name in profile.options}, profile.options, "options")
        equal(tuple(entry["alg"] for entry in info.algorithms), profile.algorithms, "algorithms")
        equal(tuple(info.transports), profile.transports, "transports")
        equal(info.pin_uv_protocols, [2, 1], "PIN/UV auth protocols")


def _every_wish(cases, browser, profile):
    """Every combination of discoverability, verification and algorithm that the profile has."""
    has = [algorithm for algorithm in ALGORITHMS if ALGORITHMS[algorithm] in profile.algorithms]
    for resident, wish, algorithm in itertools.product(("required", "discouraged"), ("required", "discouraged"), has):
        with cases.case(f"{algorithm}, residentKey {resident}, userVerification {wish}: registers and signs in"):
            asked = {"resident_key_requirement": resident, "user_verification": wish}
            options, state = parties.creation(f"{algorithm}-{resident}-{wish}", algorithms=(ALGORITHMS[algorithm],), **asked)
            passkey = parties.registered(state, browser.create(options))
            # A list names the passkey; a verified user may also do without where it is discoverable.
            assertion = browser.sign_in(passkey, allow=[_listed(passkey)], user_verification=wish)
            flags = AuthenticatorData(parties.websafe_decode(assertion["response"]["authenticatorData"])).flags
            verified = AuthenticatorData.FLAG.UV if wish == "required" else 0
            equal(flags, AuthenticatorData.FLAG.UP | verified, "flags")
    with cases.case("of several algorithms the first that the key has is taken"):
        for first, second in itertools.permutations(has, 2):
            order = (-70000, ALGORITHMS[first], ALGORITHMS[second])
            options, _ = parties.creation("ordered", algorithms=order, resident_key_requirement="required")
            made = AttestationObject(parties.websafe_decode(browser.create(options)["response"]["attestationObject"]))
            equal(made.auth_data.credential_data.public_key[3], order[1], f"{first} before {second}")


def _wrong_pin(cases, daemon, browser):
    with cases.case("after three wrong PINs even the right one waits for a power cycle, and no retry is lost to it"):
        pin = ClientPin(browser.ctap)
        expected = [CtapError.ERR.PIN_INVALID] * 2 + [CtapError.ERR.PIN_AUTH_BLOCKED]
        for status in expected:
            equal(raises(CtapError, pin.get_pin_token, WRONG).code, status, "status")
        equal(raises(CtapError, pin.get_pin_token, PIN).code, CtapError.ERR.PIN_AUTH_BLOCKED, "status")
        equal(pin.get_pin_retries(), (5, True), "retries and power cycle state")
    with cases.case("after the power cycle the right PIN is taken, and all retries are back"):
        daemon.power("cycle")
        with daemon.ctap_device() as device:
            pin = ClientPin(Browser(device).ctap)
            pin.get_pin_token(PIN, ClientPin.PERMISSION.GET_ASSERTION, parties.RP_ID)
            equal(pin.get_pin_retries()[0], 8, "retries")
    with cases.case("a browser that is told a wrong PIN gets nothing"):
        with daemon.ctap_device() as device:
            other = Browser(device)
            other.user.request_pin = lambda _permissions, _rp_id: WRONG
            options, _ = parties.creation("wrong-pin", user_verification="required")
            raises(ClientError, other.create, options)
