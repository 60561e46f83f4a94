"""Debian's Chromium, unmodified and with windows, and a phone across the room: `fauxkey hybrid lab` gives both a world of
their own, with Bluetooth and a tunnel in it, and the phone reads the QR code off the screen. The relying party is
py_webauthn."""

import os
import sys
import tempfile
import time

from browsers import CHALLENGE, IOS, registered, signed_in
from cases import Cases, ensure, equal
from hybrid import Phone, again_in_lab, desktop
from web import Refused
from webauthn.helpers import bytes_to_base64url

ANDROID = "de1e552d-db1d-4423-a619-566b625cdc84"
PHONES = {"ms-authenticator-ios": IOS, "ms-authenticator-android": ANDROID}
INSIDE = "--inside"
DONE, REFUSED, LEFT = 0, 1, 3
"""Exit statuses of `hybrid scan`."""
UNKNOWN = {"type": "public-key", "id": bytes_to_base64url(bytes(32)), "transports": ["hybrid"]}
"""A passkey that no phone here has."""


def creation(here, **more):
    """Options for a new passkey on a phone."""
    return {
        "challenge": bytes_to_base64url(CHALLENGE),
        "rp": {"id": here.rp_id, "name": "Page"},
        "user": {"id": bytes_to_base64url(b"ada"), "name": "ada", "displayName": "Ada"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {
            "authenticatorAttachment": "cross-platform",
            "residentKey": "required",
            "userVerification": "required",
        },
        "hints": ["hybrid"],
        "timeout": 60_000,
    } | more


def request(here, **more):
    """Options for a sign-in with a phone."""
    options = {"challenge": bytes_to_base64url(CHALLENGE), "rpId": here.rp_id, "userVerification": "required"}
    return options | {"hints": ["hybrid"], "timeout": 60_000} | more


def refused(outcome):
    """The name of the error that the page gets."""
    try:
        got = outcome()
    except Refused as why:
        return why.name
    raise AssertionError(f"it was to be refused, and gave {got!r}")


def ceremonies(cases, here, phone, aaguid):
    with cases.case("the phone scans the screen, and py_webauthn takes the registration"):
        here.begin("create", creation(here))
        equal(phone.scan(), DONE, "the phone's status")
        made = here.outcome()
        passkey = registered(here, made)
        equal((passkey.aaguid, passkey.user_verified, str(passkey.fmt)), (aaguid, True, "none"), "what it is")
        equal((passkey.credential_device_type.value, passkey.credential_backed_up), ("single_device", False), "BE and BS")
        equal(made["authenticatorAttachment"], "cross-platform", "attachment")
        ensure("hybrid" in made["response"]["transports"], f"transports {made['response']['transports']}")
    with cases.case("py_webauthn takes a sign-in that names no passkey"):
        here.begin("get", request(here))
        equal(phone.scan(), DONE, "the phone's status")
        used = here.outcome()
        equal(signed_in(here, used, passkey).user_verified, True, "UV")
        equal(used["response"]["userHandle"], bytes_to_base64url(b"ada"), "the account")
    with cases.case("py_webauthn takes a sign-in that names it"):
        listed = {"type": "public-key", "id": made["id"], "transports": ["hybrid"]}
        here.begin("get", request(here, allowCredentials=[listed]))
        equal(phone.scan(), DONE, "the phone's status")
        signed_in(here, here.outcome(), passkey)
    with cases.case("a second passkey of the same account is excluded"):
        excluded = {"type": "public-key", "id": made["id"], "transports": ["hybrid"]}
        here.begin("create", creation(here, excludeCredentials=[excluded]))
        equal(phone.scan(), REFUSED, "the phone's status")
        equal(refused(here.outcome), "InvalidStateError", "error")


def refusals(cases, here, phone):
    """None of it leaves anything on the phone."""
    before = len(phone.passkeys())
    with cases.case("a user who denies is a NotAllowedError"):
        here.begin("create", creation(here))
        equal(phone.scan("--approve", "deny"), REFUSED, "the phone's status")
        equal(refused(here.outcome), "NotAllowedError", "error")
    with cases.case("a passkey that the phone does not have is a NotAllowedError"):
        here.begin("get", request(here, allowCredentials=[UNKNOWN]))
        equal(phone.scan(), REFUSED, "the phone's status")
        equal(refused(here.outcome), "NotAllowedError", "error")
    with cases.case("whoever closes the dialog cancels, while the phone asks its user"):
        here.begin("create", creation(here))
        with phone.scanning("--approve", "ignore") as scan:
            scan.until("request")
            here.close_dialog()
            equal(refused(here.outcome), "NotAllowedError", "error")
            equal(scan.ended(), LEFT, "the phone's status")
    with cases.case("a page that changes its mind cancels, while the phone asks its user"):
        here.begin("create", creation(here))
        with phone.scanning("--approve", "ignore") as scan:
            scan.until("request")
            here.abort()
            equal(refused(here.outcome), "AbortError", "error")
            equal(scan.ended(), LEFT, "the phone's status")
    with cases.case("a phone that takes no old codes lets it be, and the page waits until its user gives up"):
        here.begin("create", creation(here))
        # The code says when it was made, in whole seconds.
        time.sleep(2.1)
        with phone.scanning("--max-age", "1s") as scan:
            equal(scan.ended(), REFUSED, "the phone's status")
            ensure("old" in scan.said(), "the phone says why")
        equal(here.page.value("window.outcome"), None, "what the page has heard")
        here.close_dialog()
        equal(refused(here.outcome), "NotAllowedError", "error")
    with cases.case("the phone kept nothing of all that"):
        equal(len(phone.passkeys()), before, "passkeys")


def inside():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="fauxkey-phones-") as homes, desktop() as here:
        phones = {}
        for profile, aaguid in PHONES.items():
            with cases.group(profile):
                phones[profile] = Phone(os.path.join(homes, profile), profile, here.screen.name)
                ceremonies(cases, here, phones[profile], aaguid)
        refusals(cases, here, phones["ms-authenticator-android"])
        with cases.case("the browser has its sandbox"):
            here.page.open("chrome://sandbox")
            told = here.page.value("document.body.innerText")
            ensure("You are adequately sandboxed" in told, told)
    cases.exit()


def main():
    if INSIDE in sys.argv:
        inside()
    sys.exit(again_in_lab(INSIDE).returncode)


if __name__ == "__main__":
    main()
