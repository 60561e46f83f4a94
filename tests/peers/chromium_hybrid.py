"""Debian's Chromium, unmodified and with windows, and a phone across the room: `fauxkey hybrid lab` gives both a world of
their own, with Bluetooth and a tunnel in it, and the phone reads the QR code off the screen. The relying party is
py_webauthn."""

import os
import sys
import tempfile
import time

from browsers import CHALLENGE, IOS, registered, signed_in
from cases import Cases, ensure, equal
from hybrid import DONE, LEFT, REFUSED, Phone, again_in_lab, desktop
from web import Refused
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

ANDROID = "de1e552d-db1d-4423-a619-566b625cdc84"
PHONES = {"ms-authenticator-ios": IOS, "ms-authenticator-android": ANDROID}
INSIDE = "--inside"
UNKNOWN = {"type": "public-key", "id": bytes_to_base64url(bytes(32)), "transports": ["hybrid"]}
"""A passkey that no phone here has."""


def creation(here, name="ada", **more):
    """Options for a new passkey on a phone."""
    return {
        "challenge": bytes_to_base64url(CHALLENGE),
        "rp": {"id": here.rp_id, "name": "Page"},
        "user": {"id": bytes_to_base64url(name.encode()), "name": name, "displayName": name.title()},
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
        phone.scan(DONE)
        made = here.outcome()
        passkey = registered(here, made)
        equal((passkey.aaguid, passkey.user_verified, str(passkey.fmt)), (aaguid, True, "none"), "what it is")
        equal((passkey.credential_device_type.value, passkey.credential_backed_up), ("single_device", False), "BE and BS")
        equal(made["authenticatorAttachment"], "cross-platform", "attachment")
        ensure("hybrid" in made["response"]["transports"], f"transports {made['response']['transports']}")
    with cases.case("py_webauthn takes a sign-in that names no passkey"):
        here.begin("get", request(here))
        phone.scan(DONE)
        used = here.outcome()
        equal(signed_in(here, used, passkey).user_verified, True, "UV")
        equal(used["response"]["userHandle"], bytes_to_base64url(b"ada"), "the account")
    return made, passkey


def by_name(cases, here, phone, made, passkey):
    listed = {"type": "public-key", "id": made["id"], "transports": ["hybrid"]}
    with cases.case("py_webauthn takes a sign-in that names the passkey"):
        here.begin("get", request(here, allowCredentials=[listed]))
        phone.scan(DONE)
        signed_in(here, here.outcome(), passkey)
    with cases.case("a second passkey of the same account is excluded"):
        here.begin("create", creation(here, excludeCredentials=[listed]))
        phone.scan(REFUSED)
        equal(refused(here.outcome), "InvalidStateError", "error")


def choice(cases, here, phone):
    with cases.case("the phone chooses between two accounts, as its user says"):
        here.begin("create", creation(here, "bea"))
        phone.scan(DONE)
        ids = {name: bytes_to_base64url(name.encode()) for name in ("ada", "bea")}
        registered(here, here.outcome())
        # The newest stands first.
        for number, name in ((0, "bea"), (1, "ada")):
            here.begin("get", request(here))
            phone.scan(DONE, "--approve", f"account={number}")
            equal(here.outcome()["response"]["userHandle"], ids[name], f"account {number}")


def prf(cases, here, phone):
    """Without a PIN there is nothing to seal the salts with: Chromium sends what it made of them as it is."""
    with cases.case("PRF gives the same secret twice, and another one for another salt"):
        here.begin("create", creation(here, "cleo", extensions={"prf": {}}))
        phone.scan(DONE)
        made = here.outcome()
        equal(made["clientExtensionResults"]["prf"]["enabled"], True, "prf.enabled")
        passkey = registered(here, made)
        secrets = []
        for salts in ({"first": b"a"}, {"first": b"b", "second": b"a"}):
            evaluated = {which: bytes_to_base64url(salt * 32) for which, salt in salts.items()}
            listed = {"type": "public-key", "id": made["id"], "transports": ["hybrid"]}
            options = request(here, allowCredentials=[listed], extensions={"prf": {"eval": evaluated}})
            here.begin("get", options)
            phone.scan(DONE)
            used = here.outcome()
            signed_in(here, used, passkey)
            secrets.append(used["clientExtensionResults"]["prf"]["results"])
        ensure(any(base64url_to_bytes(secrets[0]["first"])), "the secret is all zeros")
        equal(len(base64url_to_bytes(secrets[0]["first"])), 32, "length")
        equal(secrets[1]["second"], secrets[0]["first"], "the same salt's secret")
        ensure(secrets[1]["first"] != secrets[0]["first"], "another salt gives the same secret")


def refusals(cases, here, phone):
    """None of it leaves anything on the phone."""
    before = len(phone.passkeys())
    with cases.case("a user who denies is a NotAllowedError"):
        here.begin("create", creation(here))
        phone.scan(REFUSED, "--approve", "deny")
        equal(refused(here.outcome), "NotAllowedError", "error")
    with cases.case("a passkey that the phone does not have is a NotAllowedError"):
        here.begin("get", request(here, allowCredentials=[UNKNOWN]))
        phone.scan(REFUSED)
        equal(refused(here.outcome), "NotAllowedError", "error")
    with cases.case("whoever closes the dialog cancels, while the phone asks its user"):
        here.begin("create", creation(here))
        with phone.scanning("--approve", "ignore") as scan:
            scan.until("request")
            here.close_dialog()
            equal(refused(here.outcome), "NotAllowedError", "error")
            scan.ends(LEFT)
    with cases.case("a page that changes its mind cancels, while the phone asks its user"):
        here.begin("create", creation(here))
        with phone.scanning("--approve", "ignore") as scan:
            scan.until("request")
            here.abort()
            equal(refused(here.outcome), "AbortError", "error")
            scan.ends(LEFT)
    with cases.case("a phone that takes no old codes lets it be, and the page waits until its user gives up"):
        here.begin("create", creation(here))
        # The code says when it was made, in whole seconds.
        time.sleep(2.1)
        with phone.scanning("--max-age", "1s") as scan:
            scan.ends(REFUSED)
            ensure("old" in scan.said, "the phone says why")
        equal(here.page.value("window.outcome"), None, "what the page has heard")
        here.close_dialog()
        equal(refused(here.outcome), "NotAllowedError", "error")
    with cases.case("the phone kept nothing of all that"):
        equal(len(phone.passkeys()), before, "passkeys")


def inside():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="fauxkey-phones-") as homes, desktop() as here:
        for profile, aaguid in PHONES.items():
            with cases.group(profile):
                phone = Phone(os.path.join(homes, profile), profile, here.screen.name)
                made, passkey = ceremonies(cases, here, phone, aaguid)
        with cases.group(profile):
            by_name(cases, here, phone, made, passkey)
            choice(cases, here, phone)
            prf(cases, here, phone)
            refusals(cases, here, phone)
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
