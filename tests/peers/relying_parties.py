"""Two relying parties that are not ours, python-fido2's server and py_webauthn, asked about the same responses."""

import json
from dataclasses import dataclass

import webauthn
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fido2 import cbor
from fido2.attestation import Attestation, AttestationVerifier
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import AttestationFormat

from cases import equal, raises

RP_ID = "login.example.test"
ORIGIN = "https://login.example.test"
ES256, EDDSA, ES384, RS256, ML_DSA_44, ML_DSA_65 = -7, -8, -35, -257, -48, -49
# py_webauthn 3 has no number for it: python-fido2 judges alone.
UNKNOWN_TO_WEBAUTHN = {ES384}


CERTIFIED = [one for one in AttestationFormat if one is not AttestationFormat.NONE]
"""Formats whose certificates lead to a root."""
ROOT = []
"""The one root that both trust, in PEM; without one, py_webauthn trusts every chain and python-fido2 none."""


def trust(pem):
    """From now on both trust this root, and no other."""
    ROOT[:] = [pem]


@dataclass
class Passkey:
    """What is kept of a registration."""

    credential: AttestedCredentialData
    user: bytes
    sign_count: int
    attestation: str
    """The attestation statement format."""


def creation(user, algorithms=(ES256,), exclude=(), attestation="direct", **wishes):
    """Creation options, and what the registration is measured by."""
    server = _server(attestation)
    server.allowed_algorithms = [
        PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=alg) for alg in algorithms
    ]
    account = PublicKeyCredentialUserEntity(id=user.encode(), name=f"{user}@example.test", display_name=user.title())
    options, state = server.register_begin(account, list(exclude) or None, **wishes)
    return options.public_key, state | {"algorithms": list(algorithms), "user": user.encode()}


def request(allow=(), **wishes):
    """Request options, and what the sign-in is measured by."""
    options, state = _server().authenticate_begin(list(allow) or None, **wishes)
    return options.public_key, state


def registered(state, response):
    """Both accept this registration."""
    auth_data = _fido2_registered(state, response)
    credential = auth_data.credential_data
    if UNKNOWN_TO_WEBAUTHN & set(state["algorithms"]):
        attested = AttestationObject(websafe_decode(response["response"]["attestationObject"]))
        return Passkey(credential, state["user"], auth_data.counter, attested.fmt)
    verified = registered_by_webauthn(state, response)
    equal(verified.credential_id, credential.credential_id, "credential ID")
    equal(verified.credential_device_type.value, "single_device", "credential device type")
    equal(verified.credential_backed_up, False, "backed up")
    return Passkey(credential, state["user"], auth_data.counter, str(verified.fmt))


def signed_in(state, response, passkey):
    """Both accept this sign-in; the counter is taken over."""
    _fido2_signed_in(state, response, passkey)
    if passkey.credential.public_key[3] in UNKNOWN_TO_WEBAUTHN:
        passkey.sign_count = AuthenticatorData(websafe_decode(response["response"]["authenticatorData"])).counter
        return
    passkey.sign_count = _webauthn_signed_in(state, response, passkey).new_sign_count


def registration_refused(state, response):
    """Both refuse this registration."""
    raises(Exception, _fido2_registered, state, response)
    raises(Exception, registered_by_webauthn, state, response)


def sign_in_refused(state, response, passkey):
    """Both refuse this sign-in."""
    raises(Exception, _fido2_signed_in, state, response, passkey)
    raises(Exception, _webauthn_signed_in, state, response, passkey)


def broken_registrations(response):
    """The same registration with one thing wrong, each by name."""

    def attestation(change):
        # Bytes of authenticator data and signature are changed, and what is around them stays as it was.
        plain = cbor.decode(websafe_decode(response["response"]["attestationObject"]))
        change(plain)
        return _with(response, "attestationObject", cbor.encode(plain))

    def flip(index, bit):
        return lambda plain: plain.update(authData=_flipped(plain["authData"], index, bit))

    yield "another challenge", _with_challenge(response)
    yield "another RP ID hash", attestation(flip(0, 0x01))
    yield "no user present", attestation(flip(32, 0x01))
    if "sig" in AttestationObject(websafe_decode(response["response"]["attestationObject"])).att_stmt:
        yield "a flipped bit in the attestation signature", attestation(
            lambda plain: plain["attStmt"].update(sig=_flipped(plain["attStmt"]["sig"], -1, 0x01))
        )
        yield "a flipped bit in the AAGUID, which is signed", attestation(flip(37, 0x01))


def broken_sign_ins(response):
    """The same sign-in with one thing wrong, each by name."""
    auth_data = websafe_decode(response["response"]["authenticatorData"])
    signature = websafe_decode(response["response"]["signature"])
    yield "another challenge", _with_challenge(response)
    yield "another RP ID hash", _with(response, "authenticatorData", _flipped(auth_data, 0, 0x01))
    yield "another counter", _with(response, "authenticatorData", _flipped(auth_data, 33, 0x40))
    yield "a flipped bit in the signature", _with(response, "signature", _flipped(signature, -1, 0x01))


def to_json(response):
    """What a page would post."""
    return json.loads(json.dumps(dict(response)))


def _server(attestation="direct"):
    """python-fido2 verifies statements only where they were asked for, so all responses go to one that asked."""
    party = PublicKeyCredentialRpEntity(id=RP_ID, name="Example")
    return Fido2Server(party, attestation, verify_origin=lambda origin: origin == ORIGIN, verify_attestation=_verify_attestation)


class _Verifier(AttestationVerifier):
    """python-fido2's own verifier of trust paths."""

    def ca_lookup(self, _result, _auth_data):
        return x509.load_pem_x509_certificate(ROOT[0]).public_bytes(Encoding.DER) if ROOT else None


def _verify_attestation(attestation, client_data_hash):
    # SafetyNet's certificates are in its JWS.
    if "x5c" in attestation.att_stmt or attestation.fmt == "android-safetynet":
        _Verifier().verify_attestation(attestation, client_data_hash)
    else:
        Attestation.for_type(attestation.fmt)().verify(attestation.att_stmt, attestation.auth_data, client_data_hash)


def _fido2_registered(state, response):
    return _server().register_complete(state, response)


def _fido2_signed_in(state, response, passkey):
    return _server().authenticate_complete(state, [passkey.credential], response)


def registered_by_webauthn(state, response):
    """py_webauthn alone accepts this registration."""
    return webauthn.verify_registration_response(
        credential=response,
        expected_challenge=websafe_decode(state["challenge"]),
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        require_user_verification=state["user_verification"] == "required",
        supported_pub_key_algs=[COSEAlgorithmIdentifier(alg) for alg in state["algorithms"]],
        pem_root_certs_bytes_by_fmt=dict.fromkeys(CERTIFIED, ROOT) if ROOT else None,
    )


def _webauthn_signed_in(state, response, passkey):
    return webauthn.verify_authentication_response(
        credential=response,
        expected_challenge=websafe_decode(state["challenge"]),
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=cbor.encode(dict(passkey.credential.public_key)),
        credential_current_sign_count=passkey.sign_count,
        require_user_verification=state["user_verification"] == "required",
    )


def _with(response, member, value):
    return response | {"response": response["response"] | {member: websafe_encode(value)}}


def _with_challenge(response):
    client_data = json.loads(websafe_decode(response["response"]["clientDataJSON"]))
    challenge = _flipped(websafe_decode(client_data["challenge"]), 0, 0x01)
    client_data["challenge"] = websafe_encode(challenge)
    return _with(response, "clientDataJSON", json.dumps(client_data).encode())


def _flipped(data, index, bit):
    data = bytearray(data)
    data[index] ^= bit
    return bytes(data)
