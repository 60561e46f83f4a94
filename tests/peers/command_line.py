"""`fauxkey webauthn`: the JSON that it prints goes to both relying parties, in the manner of every client."""

import json

import relying_parties as parties
from cases import ensure, equal
from relying_parties import ORIGIN, RP_ID

CLIENTS = ("spec-l3", "chromium-usb", "chromium-hybrid", "firefox", "raw")
REFUSED = 1
"""The exit status where the client or the authenticator says no."""


def judge(cases, daemon, profile):
    for client in CLIENTS:
        for attestation in ("none", "direct"):
            if client == "chromium-hybrid" and "hybrid" not in profile.transports:
                with cases.case(f"{client}, attestation {attestation}: refused, as nobody reaches this profile so"):
                    options, _ = parties.creation("unreachable")
                    status, printed, _ = _webauthn(daemon, "create", client, options)
                    equal((status, printed), (REFUSED, ""), "exit status and output")
                continue
            with cases.case(f"{client}, attestation {attestation}: registers and signs in"):
                _register_and_sign_in(daemon, profile, client, attestation)
    with cases.case("an origin that may not claim the RP ID gets nothing"):
        options, _ = parties.creation("phished")
        evil = "https://login.example.test.evil.test"
        status, printed, said = _webauthn(daemon, "create", "spec-l3", options, evil)
        equal((status, printed), (REFUSED, ""), "exit status and output")
        ensure("RP ID" in said and RP_ID in said, f"it says {said!r}")


def _register_and_sign_in(daemon, profile, client, attestation):
    wishes = {"attestation": attestation, "resident_key_requirement": "required"}
    if profile.verifies:
        wishes["user_verification"] = "required"
    options, state = parties.creation(f"{client}-{attestation}", **wishes)
    response = _printed(daemon, "create", client, options)
    passkey = parties.registered(state, response)
    for name, broken in parties.broken_registrations(response):
        parties.registration_refused(state, broken)
    # Chromium leaves no trace of the model of a key on USB when no attestation is asked for.
    hidden = client == "chromium-usb" and attestation == "none"
    expected = "00000000-0000-0000-0000-000000000000" if hidden else profile.aaguid
    equal(str(passkey.credential.aaguid), expected, "aaguid")
    options, state = parties.request([{"type": "public-key", "id": passkey.credential.credential_id}])
    response = _printed(daemon, "get", client, options)
    for name, broken in parties.broken_sign_ins(response):
        parties.sign_in_refused(state, broken, passkey)
    parties.signed_in(state, response, passkey)


def _printed(daemon, verb, client, options):
    status, printed, said = _webauthn(daemon, verb, client, options)
    equal(status, 0, f"exit status ({said.strip()})")
    return json.loads(printed)


def _webauthn(daemon, verb, client, options, origin=ORIGIN):
    text = json.dumps(dict(options))
    return daemon.command("webauthn", verb, "-", "--origin", origin, "--client", client, stdin=text)
