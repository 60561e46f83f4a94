"""Power: a device that is switched off is gone, and what was on it is there again afterwards."""

import relying_parties as parties
from cases import ensure, equal, raises
from ceremonies import Browser
from fauxkey import Connection, is_there
from fido2.client import ClientError
from fido2.ctap import CtapError


def judge(cases, daemon, profile):
    with daemon.ctap_device() as device:
        browser = Browser(device)
        passkey = browser.register("before", resident_key_requirement="required")
        info = browser.ctap.get_info()
    with cases.case("without power the device vanishes, and programs that have it open lose it"):
        connection = Connection(daemon.address)
        daemon.power("off")
        raises(OSError, connection.read_packet)
        connection.close()
        equal(daemon.ctap_devices(), [], "devices")
        ensure(not is_there(daemon.address), "it answers")
    with cases.case("with power it comes back as it was, and its passkeys sign"):
        daemon.power("on")
        with daemon.ctap_device() as device:
            browser = Browser(device)
            equal(browser.ctap.get_info(), info, "getInfo")
            browser.sign_in(passkey, allow=[_listed(passkey)])
    with cases.case("a reset later than ten seconds after power-up is not allowed"):
        daemon.power("cycle")
        daemon.api("POST", "/clock", {"advanceMs": 10_001})
        with daemon.ctap_device() as device:
            equal(raises(CtapError, Browser(device).ctap.reset).code, CtapError.ERR.NOT_ALLOWED, "status")
    with cases.case("a reset right after power-up leaves nothing, and passkeys can be made again"):
        daemon.power("cycle")
        with daemon.ctap_device() as device:
            browser = Browser(device)
            browser.ctap.reset()
            equal(browser.ctap.get_info(), info, "getInfo")
            equal(daemon.api("GET", "/passkeys"), [], "passkeys")
            options, _ = parties.request([_listed(passkey)])
            equal(raises(ClientError, browser.get, options).cause.code, CtapError.ERR.NO_CREDENTIALS, "status")
            browser.register("after", resident_key_requirement="required")


def _listed(passkey):
    return {"type": "public-key", "id": passkey.credential.credential_id}
