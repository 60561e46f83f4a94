"""The tenant's walk-through with another device, over hybrid: `fauxkey hybrid lab` gives a world of their own to the tenant, to
Debian's Chromium, unmodified and with windows, and to a phone, which reads the QR codes off the screen."""

import os
import sys
import tempfile

from cases import Cases, ensure, equal
from devtools import HEADLESS, over_pipe
from hybrid import Phone, again_in_lab
from screen import screen
from tenant import ADELE, CURRENT, HYBRID, IOS, IOS_NAME, NEXT, PREVIEW, enforced, out, with_pass
from tenant_hands import METHODS, Hands, tenant

INSIDE = "--inside"
DONE, REFUSED = 0, 1
"""Exit statuses of `hybrid scan`."""


def prepare(place):
    """Passkeys and passes for everybody, and Adele; her pass."""
    everybody = {"state": "enabled", "isSelfServiceRegistrationAllowed": True, "isAttestationEnforced": False}
    for method, changes in (("fido2", everybody), ("temporaryAccessPass", {"state": "enabled"})):
        kind = f"#microsoft.graph.{method}AuthenticationMethodConfiguration"
        place.do("PATCH", METHODS + method, {"@odata.type": kind} | changes)
    place.do("POST", "/v1.0/users", {"userPrincipalName": ADELE, "displayName": "Adele Example"})
    path = f"/v1.0/users/{ADELE}/authentication/temporaryAccessPassMethods"
    return place.do("POST", path, {"isUsableOnce": False})["temporaryAccessPass"]


def settings(me):
    """My Security Info, as far as the settings of the phone."""
    me.open("/mysecurityinfo")
    me.click("Add sign-in method")
    me.click("Passkey in Microsoft Authenticator")
    me.click("iPhone or iPad")
    me.heading("Set up the phone")


def another_device(me):
    """The sign-in page, as far as the other device."""
    out(me)
    me.click("Sign-in options")
    me.click("Use another device")
    me.heading("Use another device")


def walk(cases, me, phone, behaviour):
    with cases.case("the page says that a QR code comes next"):
        me.open("/login?next=/mysecurityinfo")
        with_pass(me, ADELE, prepare(me.tenant), "My Security Info")
        settings(me)
        told = me.page.send("Runtime.evaluate", expression=HYBRID, awaitPromise=True, returnByValue=True)
        equal(told["result"].get("value"), True, "hybridTransport")
        me.shows(NEXT[True], "#adding")
        me.pictures(f"hybrid-{behaviour}")
    with cases.case("where attestation is enforced there is no code, and the page says why"):
        with enforced(me):
            me.click("I understand")
            me.shows("cannot be attested", "#adding-refusal")
        equal(len(phone.passkeys()), 0, "passkeys on the phone")
    with cases.case("where Bluetooth is off there is none either"):
        me.tick("Bluetooth on the phone", False, "#adding")
        me.click("I understand")
        me.shows("Bluetooth is off on the phone", "#adding-refusal")
        me.tick("Bluetooth on the phone", True, "#adding")
    with cases.case("who denies on the phone is asked again, and nothing is kept"):
        me.click("I understand")
        phone.scan(REFUSED, "--approve", "deny")
        me.shows("NotAllowedError", "#adding-refusal")
        equal(len(phone.passkeys()), 0, "passkeys on the phone")
    with cases.case("the phone reads the code, and the passkey gets a friendly name"):
        me.click("I understand")
        phone.scan(DONE)
        me.heading("Name the passkey")
        me.fill("Friendly name, so that you know it again (30 characters at most)", "Adele's iPhone", "#adding")
        me.click("Next")
        me.shows(IOS_NAME, "#adding")
        me.click("Done")
        me.shows("Adele's iPhone", ".method")
        (method,) = me.tenant.get(f"/v1.0/users/{ADELE}/authentication/fido2Methods")["value"]
        equal((method["displayName"], method["aaGuid"]), ("Adele's iPhone", IOS), "method")
    with cases.case("it is an entry of its own in the phone's app"):
        (entry,) = phone.command("account", "list", "--device", "phone")
        equal((entry["kind"], entry["userName"]), ("passkey", ADELE), "entry")
    with cases.case("it signs in with another device"):
        another_device(me)
        me.click("Go on")
        phone.scan(DONE)
        me.heading("✓ Signed in to OfficeHome")
        me.shows(ADELE)
    with cases.case("who denies then is told so, and signs in at the second try"):
        another_device(me)
        me.click("Go on")
        phone.scan(REFUSED, "--approve", "deny")
        me.shows("NotAllowedError", "#refusal")
        me.click("Go on")
        phone.scan(DONE)
        me.heading("✓ Signed in to OfficeHome")


def inside():
    cases = Cases()
    # The lab's CA is in the home.
    home = {"HOME": os.environ["HOME"]}
    with tempfile.TemporaryDirectory(prefix="fauxkey-phones-") as homes, screen() as display:
        for behaviour in PREVIEW, CURRENT:
            phone = Phone(os.path.join(homes, behaviour), "ms-authenticator-ios", display.name)
            with cases.group(behaviour), tenant(behaviour) as place:
                with over_pipe(HEADLESS, screen=display.name, environment=home) as page:
                    page.patience = 30
                    walk(cases, Hands(page, place), phone, behaviour)
    cases.exit()


def main():
    if INSIDE in sys.argv:
        inside()
    sys.exit(again_in_lab(INSIDE).returncode)


if __name__ == "__main__":
    main()
