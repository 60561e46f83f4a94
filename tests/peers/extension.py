"""Pages that `fauxkey browser` answers beside the browser, by the extension and by script: https with a certificate that
nobody signed, mapped names, strict policies, frames of other sites. The relying party is py_webauthn. Which: the
arguments, each a browser and a route such as `chromium:extension`."""

import json
import os
import sys
import tempfile
import time
from contextlib import contextmanager

import webauthn
from beside import HOST, OTHER, browser
from browsers import CHALLENGE, IOS, creation, request
from cases import Cases, ensure, equal
from fauxkey import Daemon, running
from web import Refused
from webauthn.helpers import base64url_to_bytes

RESIDENT = {"residentKey": "required", "userVerification": "required"}
SOON = 20


def registered(pages, response, origin=None, rp_id=HOST):
    return webauthn.verify_registration_response(
        credential=response, expected_challenge=CHALLENGE, expected_rp_id=rp_id, expected_origin=origin or pages.origin
    )


def signed_in(pages, response, passkey, origin=None, rp_id=HOST):
    return webauthn.verify_authentication_response(
        credential=response,
        expected_challenge=CHALLENGE,
        expected_rp_id=rp_id,
        expected_origin=origin or pages.origin,
        credential_public_key=passkey.credential_public_key,
        credential_current_sign_count=passkey.sign_count,
    )


def refused(ceremony, *arguments, **more):
    """The name of the error that a page gets."""
    try:
        got = ceremony(*arguments, **more)
    except Refused as why:
        return why.name
    raise AssertionError(f"it was to be refused, and gave {got!r}")


def client_data(response):
    return json.loads(base64url_to_bytes(response["response"]["clientDataJSON"]))


def until(what, why):
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.05)
    raise AssertionError(why)


def asked(device, yes=True):
    """Waits until the device asks its user, or no longer does."""
    until(lambda: (device.api("GET", "/prompt") is not None) == yes, "no question" if yes else "the device still asks")


def ceremonies(cases, pages):
    with cases.case("py_webauthn takes a registration under a strict policy, with our AAGUID and attestation none"):
        made = pages.create(creation(pages, "ada", selection={"userVerification": "required"}))
        passkey = registered(pages, made)
        equal((passkey.aaguid, passkey.user_verified, str(passkey.fmt)), (IOS, True, "none"), "what it is")
    with cases.case("py_webauthn takes the sign-in"):
        used = pages.get(request(pages, [made], userVerification="required"))
        signed_in(pages, used, passkey)
        equal(client_data(used)["crossOrigin"], False, "crossOrigin")
    with cases.case("an excluded passkey is an InvalidStateError"):
        again = creation(pages, "ada", excludeCredentials=[{"type": "public-key", "id": made["id"]}])
        equal(refused(pages.create, again), "InvalidStateError", "error")
    with cases.case("the page learns of a platform authenticator and of conditional mediation"):
        equal(pages.do(kind="capabilities"), {"platform": True, "conditional": True}, "capabilities")


def rp_ids(cases, pages):
    def of(rp_id):
        return creation(pages, "ada") | {"rp": {"id": rp_id, "name": "Page"}}

    with cases.case("an RP ID above the host is taken"):
        registered(pages, pages.create(of("example.test")), rp_id="example.test")
    with cases.case("a public suffix and a foreign domain are SecurityErrors"):
        for rp_id in ("test", OTHER, "evil.test", f"sub.{HOST}"):
            equal(refused(pages.create, of(rp_id)), "SecurityError", rp_id)
            equal(refused(pages.get, request(pages) | {"rpId": rp_id}), "SecurityError", rp_id)


def frames(cases, pages):
    def framed(allow, kind, options):
        step = {"kind": kind, "publicKey": options, "url": pages.other + "/"}
        return pages.do(kind="frame", allow=allow, step=step)

    options = creation(pages, "ada", selection=RESIDENT) | {"rp": {"id": OTHER, "name": "Page"}}
    with cases.case("a frame of another site may not, unless the page allows it"):
        for allow in (None, "publickey-credentials-get https://else.example", "camera"):
            equal(refused(framed, allow, "get", request(pages) | {"rpId": OTHER}), "NotAllowedError", str(allow))
        equal(refused(framed, "publickey-credentials-get", "create", options), "NotAllowedError", "create")
    allowed = "publickey-credentials-create; publickey-credentials-get"
    with cases.case("a frame that is allowed to takes a user's activation to create a passkey, which nobody gives here"):
        equal(refused(framed, allowed, "create", options), "NotAllowedError", "error")
    with cases.case("a frame that is allowed to signs in, and the relying party sees where it is"):
        pages.go(pages.other + "/")
        made = pages.create(options)
        passkey = registered(pages, made, pages.other, OTHER)
        pages.go(pages.origin + "/")
        wanted = request(pages, [made]) | {"rpId": OTHER}
        for allow in (allowed, f"publickey-credentials-get {pages.other}", "publickey-credentials-get *"):
            used = framed(allow, "get", wanted)
            signed_in(pages, used, passkey, pages.other, OTHER)
            data = client_data(used)
            equal((data["crossOrigin"], data.get("topOrigin")), (True, pages.origin), "client data")


def endings(cases, pages, device):
    with cases.case("who denies is a NotAllowedError"):
        with device.user("deny"):
            equal(refused(pages.create, creation(pages, "ada")), "NotAllowedError", "error")
    with cases.case("a page that aborts ends the question on the device"):
        with device.user("ask"):
            pages.do(kind="begin", id="1", step={"kind": "create", "publicKey": creation(pages, "ada")})
            asked(device)
            pages.do(kind="abort", id="1")
            equal(refused(pages.do, kind="finish", id="1"), "AbortError", "error")
            asked(device, False)
    with cases.case("a page that has waited long enough ends the question on the device"):
        with device.user("ask"):
            pages.do(kind="begin", id="2", step={"kind": "create", "publicKey": creation(pages, "ada", timeout=2000)})
            asked(device)
            equal(refused(pages.do, kind="finish", id="2"), "NotAllowedError", "error")
            asked(device, False)
    with cases.case("a page that goes away ends the question on the device, and the next one is answered"):
        with device.user("ask"):
            pages.do(kind="begin", id="3", step={"kind": "create", "publicKey": creation(pages, "ada")})
            asked(device)
            pages.go(pages.origin + "/?there")
            asked(device, False)
        registered(pages, pages.create(creation(pages, "ada")))


def mediation(cases, pages, device):
    def begin(id):
        step = {"kind": "get", "publicKey": request(pages, userVerification="required"), "mediation": "conditional"}
        pages.do(kind="begin", id=id, step=step)

    for passkey in device.api("GET", "/passkeys"):
        device.api("DELETE", f"/passkeys/{passkey['credentialId']}")
    with cases.case("a conditional sign-in waits until there is a passkey, and then signs in"):
        begin("c1")
        time.sleep(1)
        made = pages.create(creation(pages, "bea", selection=RESIDENT))
        used = pages.do(kind="finish", id="c1")
        signed_in(pages, used, registered(pages, made))
    with cases.case("a conditional sign-in that is denied stays open, as nothing was chosen, until it is aborted"):
        with device.user("deny"):
            begin("c2")
            time.sleep(2)
            pages.do(kind="abort", id="c2")
            equal(refused(pages.do, kind="finish", id="c2"), "AbortError", "error")
    with cases.case("silent mediation is refused, and nobody is asked"):
        step = {"publicKey": request(pages), "mediation": "silent"}
        ensure(refused(pages.get, step["publicKey"], mediation="silent") in ("NotSupportedError", "NotAllowedError"), "")
    return made


def signals(cases, pages, device, made):
    with cases.case("signals rename and delete the passkeys of their own relying party, and no others"):
        user = device.api("GET", "/passkeys")[0]["userHandle"]
        details = {"rpId": HOST, "userId": user, "name": "new name", "displayName": "New Name"}
        pages.do(kind="signal", method="signalCurrentUserDetails", options=details)
        equal(device.api("GET", "/passkeys")[0]["userName"], "new name", "name")
        foreign = {"rpId": OTHER, "credentialId": made["id"]}
        equal(refused(pages.do, kind="signal", method="signalUnknownCredential", options=foreign), "SecurityError", "error")
        equal(len(device.api("GET", "/passkeys")), 1, "passkeys")
        unknown = {"rpId": HOST, "credentialId": made["id"]}
        pages.do(kind="signal", method="signalUnknownCredential", options=unknown)
        equal(device.api("GET", "/passkeys"), [], "passkeys")


def hostile(cases, pages, device):
    with cases.case("a page gets nowhere at the extension's door, even with the token"):
        status, printed, said = device.command("extension", "--pairing")
        equal(status, 0, said)
        pairing = json.loads(printed)
        protocols = ["fauxkey.v1", f"fauxkey.token.{pairing['token']}"]
        # Without a policy of its own that would keep it from trying.
        pages.go(pages.origin + "/?open")
        equal(pages.do(kind="socket", url=pairing["url"], protocols=protocols), "refused", "socket")


@contextmanager
def instance(profile="ms-authenticator-ios"):
    with running(profile, "tcp") as device:
        yield device, {"FAUXKEY_URL": device._ready["url"], "FAUXKEY_TOKEN": device._ready["token"]}


def main():
    cases = Cases()
    for place in sys.argv[1:]:
        name, _, route = place.partition(":")
        with cases.group(f"{name} by {route}"), instance() as (device, environment):
            with browser(name, route, environment) as pages:
                ceremonies(cases, pages)
                rp_ids(cases, pages)
                frames(cases, pages)
                endings(cases, pages, device)
                made = mediation(cases, pages, device)
                signals(cases, pages, device, made)
                hostile(cases, pages, device)
    cases.exit()


if __name__ == "__main__":
    main()
