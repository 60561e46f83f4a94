"""The walk-through of the tenant in Debian's Chromium through `fauxkey exec`, page by page, in both behaviours. With
FAUXKEY_SCREENSHOTS, pictures of the pages are left in that folder."""

import sys
from contextlib import contextmanager

from cases import Cases, ensure, equal
from phone_page import CONTRAST
from tenant_hands import METHODS, hands, tenant

IOS, ANDROID = "90a3ccdf-635c-4729-a248-9b709135078f", "de1e552d-db1d-4423-a619-566b625cdc84"
IOS_NAME, ANDROID_NAME = "Microsoft Authenticator for iOS", "Microsoft Authenticator for Android"
ADELE, BOB = "adele@contoso.test", "bob@contoso.test"
PREVIEW, CURRENT = "2024-preview", "current"
LABEL = {PREVIEW: "Passkey (FIDO2)", CURRENT: "Passkey (device-bound)"}
STRENGTHS = "/v1.0/policies/authenticationStrengthPolicies"
SIGN_INS = "/beta/auditLogs/signIns?$top=1"


def admin(cases, me, behaviour):
    with cases.case("the Admin page is locked without the token, and the address keeps none"):
        me.open("/admin")
        me.shows("Admin needs the token")
        me.open(me.tenant.admin)
        me.heading("Admin")
        equal(me.page.value("location.search"), "", "what the address has")
    with cases.case("a user is made"):
        me.fill("User principal name", ADELE, "#users")
        me.fill("Display name", "Adele Example", "#users")
        me.click("Add the user", "#users")
        me.shows("The user is there", "#users")
        equal(me.tenant.get(f"/v1.0/users/{ADELE}")["displayName"], "Adele Example", "displayName")
    with cases.case("the passkey policy is prepared: models by name, and the request that is shown is the one that is sent"):
        for box in ("Enable", "Allow self-service set up", "Enforce key restrictions", IOS_NAME, ANDROID_NAME, "All users"):
            me.tick(box, section="#passkeys")
        me.tick("Enforce attestation", False, "#passkeys")
        me.choose("Restrict specific keys", "Allow these alone", "#passkeys")
        method, path, body = me.request("#passkeys")
        equal((method, path), ("PATCH", f"{METHODS}fido2"), "request")
        equal(body["keyRestrictions"], {"isEnforced": True, "enforcementType": "allow", "aaGuids": [IOS, ANDROID]}, "body")
        me.click("Save", "#passkeys")
        me.shows("The passkey policy is saved", "#passkeys")
        policy = me.tenant.get(path)
        equal((policy["state"], policy["isAttestationEnforced"]), ("enabled", False), "policy")
        equal(policy["keyRestrictions"], body["keyRestrictions"], "keyRestrictions")
    with cases.case("Microsoft Authenticator is enabled with the mode Any"):
        me.tick("Enable", section="#authenticator")
        me.choose("Authentication mode", "Any", "#authenticator")
        me.click("Save", "#authenticator")
        me.shows("is saved", "#authenticator")
        policy = me.tenant.get(f"{METHODS}microsoftAuthenticator")
        equal((policy["state"], policy["includeTargets"][0]["authenticationMode"]), ("enabled", "any"), "policy")
    with cases.case("Temporary Access Pass is enabled"):
        me.click("The policy", "#tap")
        me.tick("Enable", section="#tap details")
        me.click("Save", "#tap details")
        me.shows("is saved", "#tap")
        equal(me.tenant.get(f"{METHODS}temporaryAccessPass")["state"], "enabled", "state")
    with cases.case("a strength of the two AAGUIDs is shown back by their names"):
        me.click("New authentication strength", "#strengths")
        me.click("Make the strength", "#strengths")
        me.shows("The authentication strength is there", "#strengths")
        me.shows(IOS_NAME, "#strengths .method")
        me.shows(ANDROID_NAME, "#strengths .method")
    with cases.case("a conditional access policy asks for it"):
        me.click("New conditional access policy", "#access")
        me.choose("Grant", "Strength: Passkeys", "#access details")
        # Microsoft's own cure for the loop of a passkey that is needed to register a passkey.
        me.tick("Microsoft Authenticator Credential Registration", section="#access details")
        me.click("Make the policy", "#access")
        me.shows("The conditional access policy is there", "#access")
        (policy,) = me.tenant.get("/v1.0/identity/conditionalAccess/policies")["value"]
        strength = me.tenant.get(f"{STRENGTHS}/{policy['grantControls']['authenticationStrength']['id']}")
        equal(strength["displayName"], "Passkeys", "strength")
    with cases.case("a bad AAGUID is refused with the place, and nothing is changed"):
        me.fill("Other AAGUIDs, one a line", "no-guid", "#passkeys")
        me.click("Save", "#passkeys")
        me.shows("aaGuids", "#passkeys .refusal")
        me.open("/admin")
    me.pictures(f"admin-{behaviour}")


HYBRID = "window.PublicKeyCredential?.getClientCapabilities?.().then((can) => can.hybridTransport)"
NEXT = {True: "A QR code comes next, in a window", False: "fauxkey hybrid lab -- bash", None: "it does not say"}
# Notes what the browser is asked for, and asks it.
LISTEN = """(() => {
  const get = navigator.credentials.get.bind(navigator.credentials);
  navigator.credentials.get = (options) => { window.asked = options.publicKey.hints; return get(options); };
})()"""


@contextmanager
def enforced(me):
    """While attestation is enforced, by an administrator's program."""
    kind = "#microsoft.graph.fido2AuthenticationMethodConfiguration"
    enforce = lambda wanted: me.tenant.do("PATCH", f"{METHODS}fido2", {"@odata.type": kind, "isAttestationEnforced": wanted})
    enforce(True)
    try:
        yield
    finally:
        enforce(False)


def a_pass(me, user=ADELE):
    """A Temporary Access Pass, as the Admin page tells it."""
    me.open("/admin")
    me.choose("User", user, "#tap")
    me.click("Make a Temporary Access Pass", "#tap")
    me.shows(user, "#pass-about")
    return me.seen("#pass-text")


def with_pass(me, user, text, title):
    """Signs in with a pass; comes to that heading."""
    me.page.until(lambda: me.page.value("document.querySelector('#sign-in')?.dataset.ready !== undefined"), "sign-in is ready")
    me.fill("User name", user)
    me.click("Next")
    me.heading("Choose a way to sign in")
    way = "Temporary Access Pass (multi-use)"
    me.click(way)
    me.fill("Temporary Access Pass", text)
    me.click("Sign in", "main")
    me.heading(title)


def register(cases, me, behaviour):
    with cases.case("a pass is shown once"):
        text = a_pass(me)
        ensure(len(text) >= 8, text)
        me.pictures(f"pass-{behaviour}")
        me.open("/admin")
        ensure(text not in me.page.value("document.documentElement.outerHTML"), "the pass is still there")
    with cases.case("My Security Info sends nobody's visitor to sign in"):
        me.open("/mysecurityinfo")
        me.shows("Nobody is signed in")
        me.click("Sign in")
        me.heading("Sign in")
        me.pictures(f"login-{behaviour}")
    with cases.case("who does not exist is 50034"):
        me.fill("User name", "nobody@contoso.test")
        me.click("Next")
        me.shows("AADSTS50034", "#refusal")
    with cases.case("a wrong pass is refused, and the right one leads to registration: the strength is not met yet"):
        me.open("/login?next=/mysecurityinfo")
        with_pass(me, ADELE, "wrong-pass", "Enter the Temporary Access Pass")
        me.shows("AADSTS", "#refusal")
        me.click("Back")
        me.click("Temporary Access Pass (multi-use)")
        me.fill("Temporary Access Pass", text)
        me.click("Sign in", "main")
        me.heading("Let's set up")
        me.shows("Passkeys")
        me.pictures(f"interrupt-{behaviour}")
    with cases.case("a phone that is too old is refused, and so is Bluetooth that is off"):
        me.click("Set up now")
        me.heading("Add a sign-in method")
        me.pictures(f"adding-{behaviour}")
        me.click("Passkey in Microsoft Authenticator")
        me.click("iPhone or iPad")
        me.heading("Set up the phone")
        me.fill("iOS version", "16.7", "#adding")
        me.click("I understand")
        me.shows("iOS 16.7 is too old", "#adding-refusal")
        me.fill("iOS version", "17.4", "#adding")
        me.tick("Bluetooth on this computer", False, "#adding")
        me.click("I understand")
        me.shows("Bluetooth is off on the computer", "#adding-refusal")
        me.pictures(f"phone-{behaviour}")
        me.tick("Bluetooth on this computer", True, "#adding")
    with cases.case("what comes next is said as it is in this browser: a QR code, or what to do for one"):
        told = me.page.send("Runtime.evaluate", expression=HYBRID, awaitPromise=True, returnByValue=True)["result"].get("value")
        me.shows(NEXT[told], "#adding")
        for other in set(NEXT.values()) - {NEXT[told]}:
            ensure(other not in me.seen("#adding"), f"{other!r} is said too")
    with cases.case("attestation that is enforced stops another device before it makes a passkey"):
        with enforced(me):
            me.click("I understand")
            me.shows("cannot be attested", "#adding-refusal")
            me.shows("register in the Authenticator app itself", "#adding-refusal")
            me.pictures(f"enforced-{behaviour}")
    with cases.case("a passkey is registered, named and listed, with its model and a caution"):
        me.click("I understand")
        me.heading("Name the passkey")
        me.fill("Friendly name, so that you know it again (30 characters at most)", "Adele's phone", "#adding")
        me.click("Next")
        me.shows("The passkey is there", "#adding")
        me.shows(IOS_NAME, "#adding")
        me.shows("an entry of its own", "#adding")
        me.pictures(f"done-{behaviour}")
        me.click("Done")
        me.shows("Adele's phone", ".method")
        me.shows("not attested", ".method")
        (method,) = me.tenant.get(f"/v1.0/users/{ADELE}/authentication/fido2Methods")["value"]
        equal((method["displayName"], method["aaGuid"]), ("Adele's phone", IOS), "method")
        me.pictures(f"security-info-{behaviour}")
    with cases.case("it is renamed"):
        me.click("Rename")
        me.fill("Name", "The phone of Adele", "#renaming")
        me.click("Save")
        me.shows("The phone of Adele", ".method")


def out(me, query=""):
    """Signed out, at the sign-in page."""
    me.page.send("Network.clearBrowserCookies")
    me.open(f"/login{query}")
    me.page.until(lambda: me.page.value("document.querySelector('#sign-in')?.dataset.ready !== undefined"), "sign-in is ready")


def sign_in(cases, me, behaviour):
    page = me.page
    with cases.case("by keyboard alone: Sign-in options, then Face, fingerprint, PIN or security key"):
        out(me)
        page.go_to("button", "Sign-in options")
        page.press("Enter")
        me.heading("Sign-in options")
        me.pictures(f"options-{behaviour}")
        face = "Face, fingerprint, PIN or security key Choose the account on the device: no user name is typed."
        page.go_to("button", face)
        page.press("Enter")
        me.heading("✓ Signed in to OfficeHome")
        me.shows(ADELE)
        me.shows("Passkeys")
        me.pictures(f"signed-in-{behaviour}")
    with cases.case("by user name, too"):
        out(me)
        me.fill("User name", ADELE)
        me.click("Next")
        me.click("Face, fingerprint, PIN or security key")
        me.heading("✓ Signed in to OfficeHome")
        signed = me.tenant.get(SIGN_INS)["value"][0]
        equal(signed["status"]["errorCode"], 0, "errorCode")
        equal(signed["authenticationDetails"][0]["authenticationMethod"], LABEL[behaviour], "method")


    with cases.case("with another device, whose Bluetooth has to be on at both ends: the browser is asked for a code"):
        out(me)
        me.click("Sign-in options")
        me.click("Use another device")
        me.heading("Use another device")
        me.pictures(f"another-device-{behaviour}")
        for whose in ("the phone", "this computer"):
            me.tick(f"Bluetooth on {whose}", False)
            me.click("Go on")
            me.shows(f"Bluetooth is off on {whose.replace('this', 'the')}", "#refusal")
            me.tick(f"Bluetooth on {whose}", True)
        page.value(LISTEN)
        me.click("Go on")
        me.heading("✓ Signed in to OfficeHome")
        equal(page.value("asked"), ["hybrid"], "hints")


def look_back(cases, me, behaviour):
    with cases.case("the sign-in log has it, and the drawer its details, policy and explanation"):
        me.open(me.tenant.admin.replace("/admin", "/signins"))
        me.shows(LABEL[behaviour])
        if behaviour == PREVIEW:
            me.shows("Microsoft Authenticator on iOS")
        me.pictures(f"sign-ins-{behaviour}")
        me.click("Details")
        for text in ("Authentication details", LABEL[behaviour], "Require passkeys", "Passkeys (satisfied)", "✓ passed"):
            me.shows(text, "#drawer")
        me.pictures(f"drawer-{behaviour}")
        me.click("Close", "#drawer")
    with cases.case("a filter is $filter, and the exports have what it leaves"):
        me.choose("Status", "Success")
        me.click("Filter")
        me.page.until(lambda: "status=eq+0" in me.page.value("location.search"), "the filter is in the address")
        ensure("Interrupted" not in me.seen("table"), "an interrupted sign-in passed the filter")
        shown = me.page.value("document.querySelector('#filter-request').textContent")
        ensure("$filter=status/errorCode eq 0" in shown, shown)
        script = """fetch(document.querySelector('a[download="signIns.%s"]').href).then((answer) => answer.text())"""
        csv, exported = (
            me.page.send("Runtime.evaluate", expression=script % kind, awaitPromise=True, returnByValue=True)["result"]["value"]
            for kind in ("csv", "json")
        )
        ensure(ADELE in csv and ",50079," not in csv, csv)
        ensure('"errorCode":0' in exported and '"errorCode":50079' not in exported, exported[:2000])
    with cases.case("the audit log has the registration"):
        me.open("/audits")
        me.shows("Add Passkey (device-bound)")
        me.shows("User registered security info")
        me.pictures(f"audits-{behaviour}")
    with cases.case("Activity counts and draws, and the details are filtered by Passkey (Microsoft Authenticator)"):
        me.open("/activity")
        me.shows("Users with a passkey in Microsoft Authenticator")
        ensure(me.page.value("document.querySelectorAll('figure svg').length") == 4, "four charts")
        me.pictures(f"activity-{behaviour}")
        me.choose("Methods registered", "Passkey (Microsoft Authenticator)")
        me.click("Filter")
        me.page.until(lambda: "method=passKeyDeviceBoundAuthenticator" in me.page.value("location.search"), "the filter")
        me.shows(ADELE, "table")
        me.choose("Methods registered", "Security key")
        me.click("Filter")
        me.shows("Nobody.")


def limits(cases, me, behaviour):
    refused = behaviour == CURRENT
    what = "signs in no longer: 135016" if refused else "signs in all the same: it bound registration"
    with cases.case(f"a passkey whose AAGUID leaves the list {what}"):
        me.open("/admin")
        me.tick(IOS_NAME, False, "#passkeys")
        me.click("Save", "#passkeys")
        me.shows("The passkey policy is saved", "#passkeys")
        out(me)
        me.click("Sign-in options")
        me.click("Face, fingerprint, PIN or security key")
        if refused:
            me.shows("AADSTS135016", "#refusal")
            me.shows("✗ refused", "#refusal")
            me.pictures(f"refused-{behaviour}")
            entry = me.tenant.get(SIGN_INS)["value"][0]
            equal(entry["status"]["errorCode"], 135016, "the log")
            ensure(any(not clause["holds"] for clause in entry["simExplanation"]), "the log explains nothing")
        else:
            me.heading("✓ Signed in to OfficeHome")
    with cases.case("it is deleted, and signs in no longer: 135010"):
        me.tenant.do("PATCH", f"{METHODS}fido2", {
            "@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
            "keyRestrictions": {"isEnforced": True, "enforcementType": "allow", "aaGuids": [IOS]},
        })
        out(me, "?next=/mysecurityinfo")
        me.click("Sign-in options")
        me.click("Face, fingerprint, PIN or security key")
        me.shows("The phone of Adele", ".method")
        me.click("Delete")
        me.click("Delete", "#deleting")
        me.page.until(lambda: "The phone of Adele" not in me.seen("main"), "the passkey is gone")
        out(me)
        me.click("Sign-in options")
        me.click("Face, fingerprint, PIN or security key")
        me.shows("AADSTS135010", "#refusal")


def everywhere(cases, me, behaviour):
    page = me.page
    me.open(me.tenant.admin)
    paths = ("/", "/login", "/mysecurityinfo", "/admin", "/signins", "/audits", "/activity")
    with cases.case("nothing has to be scrolled sideways in a window of 320 pixels, and all can be read"):
        for path in paths:
            me.open(path)
            page.look("light", 320, 700)
            wide = page.value("document.documentElement.scrollWidth")
            ensure(wide <= 320, f"{path}: {wide} pixels in a window of 320")
            for scheme in ("light", "dark"):
                page.look(scheme, 1280, 900)
                equal(page.value(CONTRAST), [], f"too faint in {scheme} at {path}")
    with cases.case("everything that can be reached has a name"):
        for path in paths:
            me.open(path)
            roles = ("button", "link", "textbox", "combobox", "checkbox", "spinbutton")
            nameless = [role for role, name in page.tree() if role in roles and not name.strip()]
            equal(nameless, [], f"without a name at {path}")
    with cases.case("the console has nothing to complain of"):
        complaints = []
        while not page.complaints.empty():
            complaints.append(page.complaints.get())
        # What was refused on purpose.
        expected = ("401 (Unauthorized)", "400 (Bad Request)", "403 (Forbidden)", "404 (Not Found)")
        equal([text for text in complaints if not any(one in text for one in expected)], [], "complaints")
    me.open("/")
    me.pictures(f"front-{behaviour}")


def add(me):
    """Adds a passkey on My Security Info, as far as its name."""
    me.open("/mysecurityinfo")
    me.click("Add sign-in method")
    me.click("Passkey")
    me.heading("Name the passkey")
    me.click("Next")


def others(cases, me, behaviour, profile, why):
    """Another kind of device is refused, and told why."""
    with cases.case(f"{profile} is refused: {why}"):
        path = f"/v1.0/users/{BOB}/authentication/temporaryAccessPassMethods"
        made = me.tenant.do("POST", path, {"isUsableOnce": False})
        me.open("/login?next=/mysecurityinfo")
        with_pass(me, BOB, made["temporaryAccessPass"], "My Security Info")
        add(me)
        me.heading("The passkey was not taken")
        me.shows(why, "#adding-refusal")
        me.shows("✗ refused", "#adding-refusal")
        me.pictures(f"{profile}-{behaviour}")


def profiles(cases, me):
    """The passkey profiles of the current behaviour, with a device that syncs."""
    with cases.case("the tenant opts in to profiles, and one for device-bound passkeys alone refuses a synced one"):
        me.open(me.tenant.admin)
        me.click("Opt in to passkey profiles", "#passkeys")
        me.click("Yes")
        me.shows("The tenant has passkey profiles", "#passkeys")
        me.tick("Synced", False, "#passkeys")
        me.click("Save", "#passkeys")
        me.shows("The passkey policy is saved", "#passkeys")
        (profile,) = me.tenant.get(f"{METHODS}fido2")["passkeyProfiles"]
        equal(profile["passkeyTypes"], "deviceBound", "passkeyTypes")
        me.pictures("profiles")
        add(me)
        me.heading("The passkey was not taken")
        me.shows("passkeyTypes is deviceBound", "#adding-refusal")
    with cases.case("one for both takes it"):
        me.open("/admin")
        me.tick("Synced", True, "#passkeys")
        me.click("Save", "#passkeys")
        me.shows("The passkey policy is saved", "#passkeys")
        add(me)
        me.heading("✓ The passkey is there")
        me.click("Done")
        me.shows("synced", ".method")


def main():
    cases = Cases()
    for behaviour in sys.argv[1:] or (PREVIEW, CURRENT):
        with cases.group(behaviour), tenant(behaviour) as place:
            with hands(place) as me:
                for group in (admin, register, sign_in, look_back, limits, everywhere):
                    with cases.group(group.__name__):
                        group(cases, me, behaviour)
            with cases.group("others"):
                for policy in place.get("/v1.0/identity/conditionalAccess/policies")["value"]:
                    place.do("DELETE", f"/v1.0/identity/conditionalAccess/policies/{policy['id']}")
                place.do("PATCH", f"{METHODS}fido2", {
                    "@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
                    "keyRestrictions": {"isEnforced": False, "enforcementType": "allow", "aaGuids": []},
                })
                place.do("POST", "/v1.0/users", {"userPrincipalName": BOB, "displayName": "Bob Example"})
                if behaviour == PREVIEW:
                    with hands(place, "--profile", "windows-hello-hardware") as me:
                        others(cases, me, behaviour, "windows-hello-hardware", "Windows Hello held no passkeys")
                with hands(place, "--profile", "icloud-keychain") as me:
                    why = "no synced passkeys in the preview" if behaviour == PREVIEW else "need a passkey profile"
                    others(cases, me, behaviour, "icloud-keychain", why)
                    if behaviour == CURRENT:
                        profiles(cases, me)
    cases.exit()


if __name__ == "__main__":
    main()
