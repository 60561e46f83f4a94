"""Every field of a registration and of a sign-in, changed once, shown to py_webauthn and to python-fido2's server.

What is posted is made by tests/examples/mutations.rs; `cargo xtask peers mutations` lets it be made and says in
FAUXKEY_MUTATIONS where. What the two libraries make of it otherwise than our relying party stands, with the reason, in
fixtures/mutations/differences.json: a difference that is not there is a failed case, and so is one that is not
one any more.
"""

import json
import os
import ssl
from importlib.metadata import version
from pathlib import Path

import webauthn
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fido2 import cbor
from fido2.attestation import Attestation, AttestationVerifier
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import Aaguid, AttestedCredentialData, PublicKeyCredentialRpEntity
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import AttestationFormat

from cases import Cases, ensure, equal

EXPECTED = Path(__file__).parents[2] / "fixtures" / "mutations" / "differences.json"
NAMES = {-7: "ES256", -257: "RS256"}


class PyWebauthn:
    """verify_registration_response and verify_authentication_response."""

    name = "py_webauthn"
    package = "webauthn"

    def __init__(self, document, table):
        self.challenge = websafe_decode(table["challenge"])
        self.rp_id, self.origin = document["rpId"], document["origin"]
        self.algorithms = [COSEAlgorithmIdentifier(alg) for alg in document["algorithms"]]
        self.root = ssl.DER_cert_to_PEM_cert(websafe_decode(document["root"])).encode()
        self.key, self.count = websafe_decode(table["publicKey"]), table["signCount"]

    def register(self, posted):
        webauthn.verify_registration_response(
            credential=posted,
            expected_challenge=self.challenge,
            expected_rp_id=self.rp_id,
            expected_origin=self.origin,
            require_user_verification=True,
            supported_pub_key_algs=self.algorithms,
            pem_root_certs_bytes_by_fmt={AttestationFormat.PACKED: [self.root]},
        )

    def sign_in(self, posted):
        webauthn.verify_authentication_response(
            credential=posted,
            expected_challenge=self.challenge,
            expected_rp_id=self.rp_id,
            expected_origin=self.origin,
            credential_public_key=self.key,
            credential_current_sign_count=self.count,
            require_user_verification=True,
        )


class PythonFido2:
    """Fido2Server, which verifies attestation by what it is given for it: the library's own formats and trust paths."""

    name = "python-fido2"
    package = "fido2"

    def __init__(self, document, table):
        self.root = websafe_decode(document["root"])
        party = PublicKeyCredentialRpEntity(id=document["rpId"], name="Contoso")
        self.server = Fido2Server(
            party, "direct", verify_origin=lambda origin: origin == document["origin"], verify_attestation=self.verify_attestation
        )
        self.state = {"challenge": table["challenge"], "user_verification": "required"}
        key = CoseKey.parse(cbor.decode(websafe_decode(table["publicKey"])))
        self.credential = AttestedCredentialData.create(
            Aaguid(bytes(16)), websafe_decode(table["credentialId"]), key
        )

    def verify_attestation(self, attestation, client_data_hash):
        root = self.root

        class Verifier(AttestationVerifier):
            def ca_lookup(self, _result, _auth_data):
                return x509.load_der_x509_certificate(root).public_bytes(Encoding.DER)

        if "x5c" in attestation.att_stmt:
            Verifier().verify_attestation(attestation, client_data_hash)
        else:
            judge = Attestation.for_type(attestation.fmt)()
            judge.verify(attestation.att_stmt, attestation.auth_data, client_data_hash)

    def register(self, posted):
        self.server.register_complete(self.state, json.loads(posted))

    def sign_in(self, posted):
        self.server.authenticate_complete(self.state, [self.credential], json.loads(posted))


def verdict(judge, registers, posted):
    """Nothing if it is accepted, else what the library says."""
    try:
        (judge.register if registers else judge.sign_in)(posted)
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split()) or type(error).__name__
    return None


def explained(expected, library):
    """Names of mutations that this library judges otherwise, each with whether it accepts it."""
    found = {}
    for difference in expected["differences"]:
        if difference["library"] != library:
            continue
        ensure(difference["why"], "a difference without an explanation")
        for word in ("accepts", "refuses"):
            for name in difference.get(word, []):
                ensure(name not in found, f"{name} is explained twice")
                found[name] = word == "accepts"
    return found


def main():
    cases = Cases()
    document = json.loads(Path(os.environ["FAUXKEY_MUTATIONS"]).read_text())
    expected = json.loads(EXPECTED.read_text())
    occurred = {judge.name: set() for judge in (PyWebauthn, PythonFido2)}
    differences = {judge.name: explained(expected, judge.name) for judge in (PyWebauthn, PythonFido2)}
    for judge in (PyWebauthn, PythonFido2):
        with cases.case(f"{judge.name} is the version that was examined"):
            equal(version(judge.package), expected["versions"][judge.package], "version")
    for table in document["tables"]:
        with cases.group(NAMES[table["algorithm"]]):
            judges = [PyWebauthn(document, table), PythonFido2(document, table)]
            for judge in judges:
                with cases.case(f"{judge.name} accepts the good ones"):
                    equal(verdict(judge, True, json.dumps(table["registration"])), None, "registration")
                    equal(verdict(judge, False, json.dumps(table["signIn"])), None, "sign-in")
            for mutation in table["mutations"]:
                with cases.case(mutation["name"]):
                    compare(mutation, judges, differences, occurred)
    for library, found in differences.items():
        with cases.case(f"every difference of {library} is one"):
            equal(sorted(set(found) - occurred[library]), [], "explained, and no difference")
    cases.exit()


def compare(mutation, judges, differences, occurred):
    ours = mutation["step"] or "accepted"
    for judge in judges:
        why = verdict(judge, mutation["registers"], mutation["posted"])
        accepts = why is None
        if accepts == (mutation["step"] is None):
            ensure(mutation["name"] not in differences[judge.name], f"{judge.name} agrees: {ours}")
            continue
        occurred[judge.name].add(mutation["name"])
        known = differences[judge.name].get(mutation["name"])
        ensure(known == accepts, f"{judge.name}: {why or 'accepted'}; ours: {ours}; this is not explained")


if __name__ == "__main__":
    main()
