"""Attestation by certificate: both relying parties verify it up to the exported root of the test CA, and no other."""

import relying_parties as parties
from cases import ensure, equal, raises
from ceremonies import Browser
from fido2.attestation import UntrustedAttestation
from fido2.ctap2 import Config
from fido2.webauthn import AttestationObject, Aaguid

CERTIFIED = (
    ("ms-authenticator-ios+packed", "packed", "90a3ccdf-635c-4729-a248-9b709135078f"),
    ("security-key+fido-u2f", "fido-u2f", str(Aaguid.NONE)),
    ("all-in", "packed", "fa0c5e11-0000-4000-8000-0000616c6c69"),
    ("windows-hello-hardware+tpm", "tpm", "08987058-cadc-4b81-b6e1-30de50dcbe96"),
    ("ms-authenticator-android+android-safetynet", "android-safetynet", "de1e552d-db1d-4423-a619-566b625cdc84"),
    ("ms-authenticator-ios+apple", "apple", "90a3ccdf-635c-4729-a248-9b709135078f"),
)
"""Profile, format and AAGUID."""
BY_WEBAUTHN = (("ms-authenticator-android+android-key", "android-key"),)
"""Profile and format, for py_webauthn alone: python-fido2 does not know it."""
WISHES = {"resident_key_requirement": "discouraged", "user_verification": "discouraged"}
"""What a key without a PIN can do too."""
ENTERPRISE_RP_ID = "enterprise.example.test"
"""The one that the profile all-in lists."""
SERIAL = bytes.fromhex("060b2b0601040182e51c010102")
"""id-fido-gen-ce-sernum in DER."""


def judge(cases, daemon, fmt, aaguid):
    parties.trust(daemon.root())
    # Windows Hello makes no others.
    wishes = WISHES | ({"algorithms": (parties.RS256,)} if fmt == "tpm" else {})
    with daemon.ctap_device() as device:
        browser = Browser(device)
        with cases.case("both accept its chain up to the exported root, and learn its model"):
            passkey = browser.register("certified", **wishes)
            equal((passkey.attestation, str(passkey.credential.aaguid)), (fmt, aaguid), "format and AAGUID")
            listed = [{"type": "public-key", "id": passkey.credential.credential_id}]
            browser.sign_in(passkey, allow=listed, user_verification="discouraged")
        options, state = parties.creation("broken", **wishes)
        response = browser.create(options)
        for name, broken in parties.broken_registrations(response):
            # A U2F signature does not cover the AAGUID, which must be zero all the same: py_webauthn alone looks.
            if fmt != "fido-u2f" or "AAGUID" not in name:
                with cases.case(f"both refuse its registration with {name}"):
                    parties.registration_refused(state, broken)
        with cases.case("after the root was rotated both refuse what the old one does not vouch for, at once"):
            daemon.call("POST", "ca/rotate")
            response = browser.create(options)
            raises(UntrustedAttestation, parties._fido2_registered, state, response)
            parties.registration_refused(state, response)
        with cases.case("both accept it with the new root, and refuse the old one's"):
            parties.trust(daemon.root())
            parties.registered(state, response)


def judge_alone(cases, daemon, fmt):
    parties.trust(daemon.root())
    with daemon.ctap_device() as device:
        browser = Browser(device)
        options, state = parties.creation("certified", **WISHES)
        response = browser.create(options)
        with cases.case("py_webauthn accepts its chain up to the exported root"):
            verified = parties.registered_by_webauthn(state, response)
            equal(verified.fmt, fmt, "format")
        with cases.case("py_webauthn refuses it for another challenge"):
            raises(Exception, parties.registered_by_webauthn, parties.creation("other", **WISHES)[1], response)
        with cases.case("after the root was rotated py_webauthn refuses what the old one does not vouch for"):
            daemon.call("POST", "ca/rotate")
            raises(Exception, parties.registered_by_webauthn, state, browser.create(options))


def enterprise(cases, daemon):
    """The device that is told apart, and only to whom it is granted."""

    def statement(rp_id, value):
        made = ctap.make_credential(
            bytes(32), {"id": rp_id}, {"id": b"u"}, [{"type": "public-key", "alg": -7}], enterprise_attestation=value
        )
        AttestationObject.create(made.fmt, made.auth_data, made.att_stmt)
        equal((made.fmt, len(made.att_stmt["x5c"])), ("packed", 1), "format and certificates")
        return bool(made.ep_att), SERIAL in made.att_stmt["x5c"][0]

    with daemon.ctap_device() as device:
        ctap = Browser(device).ctap
        with cases.case("enterprise attestation is given only once it is enabled, and to whom it is granted"):
            equal(ctap.get_info().options["ep"], False, "ep")
            Config(ctap).enable_enterprise_attestation()
            equal(ctap.get_info().options["ep"], True, "ep")
            for rp_id, value, given in (
                (ENTERPRISE_RP_ID, 1, True),
                (ENTERPRISE_RP_ID, 2, True),
                (parties.RP_ID, 1, False),
                (parties.RP_ID, 2, True),
                (ENTERPRISE_RP_ID, None, False),
            ):
                equal(statement(rp_id, value), (given, given), f"{rp_id}, {value}: epAtt and a serial number")
        with cases.case("the API tells which device it is that the certificate tells apart"):
            leaves = daemon.call("GET", "ca")["leaves"]
            devices = [leaf.get("device") for leaf in leaves if leaf["kind"] == "enterprise"]
            equal(devices, [daemon.device], "devices")
            ensure(all("private" not in key.lower() for leaf in leaves for key in leaf), "no private key is told")
