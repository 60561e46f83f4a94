"""Real browsers through `fauxkey exec`, as root and as somebody without rights in the browser's sandbox; the relying party
is py_webauthn. Which browsers: the arguments."""

import os
import sys

import webauthn
from cases import Cases, ensure, equal
from web import UNPRIVILEGED, Refused, browser
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

IOS = "90a3ccdf-635c-4729-a248-9b709135078f"
CHALLENGE = bytes(range(32))
FINGER = "device finger add thumb"
TEXT = bytes_to_base64url(CHALLENGE)


def creation(site, name, **more):
    """Options for a new passkey."""
    selection = {"residentKey": "discouraged", "userVerification": "discouraged"} | more.pop("selection", {})
    return {
        "challenge": TEXT,
        "rp": {"id": site.rp_id, "name": "Page"},
        "user": {"id": bytes_to_base64url(name.encode()), "name": name, "displayName": name.title()},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": selection,
        "attestation": "none",
        "timeout": 60_000,
    } | more


def request(site, passkeys=(), **more):
    """Options for a sign-in."""
    listed = [{"type": "public-key", "id": passkey["id"], "transports": ["usb"]} for passkey in passkeys]
    options = {"challenge": TEXT, "rpId": site.rp_id, "allowCredentials": listed}
    return options | {"userVerification": "discouraged", "timeout": 60_000} | more


def registered(site, response):
    """py_webauthn's word on a registration."""
    return webauthn.verify_registration_response(
        credential=response, expected_challenge=CHALLENGE, expected_rp_id=site.rp_id, expected_origin=site.origin
    )


def signed_in(site, response, passkey):
    """py_webauthn's word on a sign-in."""
    equal(base64url_to_bytes(response["id"]), passkey.credential_id, "the passkey that signed")
    return webauthn.verify_authentication_response(
        credential=response,
        expected_challenge=CHALLENGE,
        expected_rp_id=site.rp_id,
        expected_origin=site.origin,
        credential_public_key=passkey.credential_public_key,
        credential_current_sign_count=passkey.sign_count,
    )


def a_phone(cases, name, site):
    with cases.case("attestation direct shows our AAGUID, and py_webauthn takes the registration"):
        made = site.create(creation(site, "ada", attestation="direct", selection={"userVerification": "required"}))
        passkey = registered(site, made)
        equal(passkey.aaguid, IOS, "AAGUID")
        equal((passkey.user_verified, str(passkey.fmt)), (True, "none"), "UV and format")
        ensure("usb" in made["response"]["transports"], f"transports {made['response']['transports']}")
    with cases.case("py_webauthn takes the sign-in"):
        used = site.get(request(site, [made], userVerification="required"))
        equal(signed_in(site, used, passkey).user_verified, True, "UV")
    with cases.case("a passkey of another device is not signed for"):
        other = {"id": bytes_to_base64url(bytes(32))}
        try:
            site.get(request(site, [other], timeout=15_000))
            raise AssertionError("it was")
        except Refused as refused:
            ensure(refused.name in ("NotAllowedError", "TimeoutError"), str(refused))
    wish = {"residentKey": "required", "userVerification": "required"}
    if name == "chromium-headless-shell":
        with cases.case("it refuses resident keys, as it has no window to choose an account in"):
            try:
                site.create(creation(site, "bea", selection=wish))
                raise AssertionError("it made one")
            except Refused as refused:
                equal(refused.name, "NotSupportedError", "error")
        return
    with cases.case("the phone chooses between two accounts, and no picker opens"):
        made = [site.create(creation(site, user, selection=wish)) for user in ("bea", "cleo")]
        passkeys = {one["id"]: registered(site, one) for one in made}
        used = site.get(request(site, userVerification="required"))
        signed_in(site, used, passkeys[used["id"]])
        ensure(used["response"].get("userHandle"), "no account is named")


def a_key(cases, site):
    with cases.case("PRF gives the same secret twice, and another one for another salt"):
        # Chromium wants its user verified for PRF, and asks for a new PIN where nothing else is set up.
        wish = {"userVerification": "required"}
        made = site.create(creation(site, "ada", extensions={"prf": {}}, selection=wish))
        passkey = registered(site, made)
        equal(made["clientExtensionResults"]["prf"]["enabled"], True, "prf.enabled")

        def secret(salt):
            evaluated = {"prf": {"eval": {"first": bytes_to_base64url(salt * 32)}}}
            used = site.get(request(site, [made], extensions=evaluated, userVerification="required"))
            signed_in(site, used, passkey)
            return base64url_to_bytes(used["clientExtensionResults"]["prf"]["results"]["first"])

        first, again, other = secret(b"a"), secret(b"a"), secret(b"b")
        equal((len(first), first), (32, again), "the secret")
        ensure(first != other and any(first), "another salt gives the same secret")


def main():
    cases = Cases()
    users = [None, UNPRIVILEGED] if os.geteuid() == 0 else [None]
    for name in sys.argv[1:]:
        for user in users:
            who = "as root" if user is None and os.geteuid() == 0 else "sandboxed, without rights"
            with cases.group(f"{name} {who}"):
                with browser(name, ["--ephemeral"], user=user) as site:
                    a_phone(cases, name, site)
                    if name != "firefox":
                        with cases.case("whoever started it is told of the AAGUID that pages see, once"):
                            equal(site.said().count("sees an AAGUID of zeros from Chromium"), 1, "notes")
                with browser(name, ["--ephemeral", "--profile", "fingerprint-key"], user=user, first=FINGER) as site:
                    a_key(cases, site)
    cases.exit()


if __name__ == "__main__":
    main()
