"""Every attestation statement that fauxkey makes, correct and with each of its flaws, shown to SimpleWebAuthn and to py_webauthn,
which trust the test CA alone.

tests/examples/attestations.rs makes them; `cargo xtask peers attestations` builds it and says in FAUXKEY_ATTESTATIONS where it is. It is
run here, because what SafetyNet says is stale after ten seconds. A correct one is to be accepted by both and a flawed one refused
by both. What they do otherwise stands in DIFFERENCES, with the reason, read in the library's code: a difference that is not there
is a failed case, and so is one that is not one any more.
"""

import json
import os
import subprocess
from base64 import b64encode
from importlib.metadata import version

import node
import webauthn
from cases import Cases, ensure, equal
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.structs import AttestationFormat

EXAMINED = {"SimpleWebAuthn": "14.0.3", "py_webauthn": "3.0.1"}
"""The versions that the reasons are about."""

CORRECT = "correct"

DIFFERENCES = [
]
"""Each with the library, the cases (`FORMAT: FLAW`, or `FORMAT: correct`) and the reason."""


class SimpleWebAuthn:
    """verifyRegistrationResponse, and SettingsService for the roots."""

    name = "SimpleWebAuthn"

    def __init__(self, judge, document):
        self._judge = judge
        self._told = {name: document[name] for name in ("challenge", "origin", "rpId")}
        roots = [b64encode(root.public_bytes(Encoding.DER)).decode() for root in _roots(document)]
        judge.ask(judgement="trust", roots=roots)

    def register(self, response):
        return self._judge.ask(judgement="register", response=response, **self._told)["fmt"]


class PyWebauthn:
    """verify_registration_response, with the roots for every format."""

    name = "py_webauthn"

    def __init__(self, document):
        # It compares the roots of android-key as text, in the manner of OpenSSL.
        roots = [root.public_bytes(Encoding.PEM) for root in _roots(document)]
        self._told = {
            "expected_challenge": base64url_to_bytes(document["challenge"]),
            "expected_rp_id": document["rpId"],
            "expected_origin": document["origin"],
            "pem_root_certs_bytes_by_fmt": {fmt: roots for fmt in AttestationFormat},
        }

    def register(self, response):
        return str(webauthn.verify_registration_response(credential=response, **self._told).fmt)


def _roots(document):
    return [x509.load_pem_x509_certificate(root.encode()) for root in document["roots"]]


def made():
    """What the example prints."""
    done = subprocess.run([os.environ["FAUXKEY_ATTESTATIONS"]], stdout=subprocess.PIPE, check=True, timeout=60)
    return json.loads(done.stdout)


def judged(judge, response):
    """The format if it is accepted, and what the library says if not."""
    try:
        return judge.register(response), None
    except Exception as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        return None, " ".join(f"{type(error).__name__}: {error}{cause}".split())


def explained(library):
    """The cases that this library judges otherwise."""
    found = set()
    for name, cases, why in DIFFERENCES:
        ensure(why, f"a difference of {name} without a reason")
        if name == library:
            ensure(not found & set(cases), f"explained twice: {found & set(cases)}")
            found |= set(cases)
    return found


def show(judge, name, response, fmt, wanted, differences, occurred):
    """One response to one library."""
    found, why = judged(judge, response)
    if found is not None:
        equal(found, fmt, "format")
    if (found is not None) == wanted:
        ensure(name not in differences, f"{judge.name} agrees: {why or 'accepted'}")
        return
    occurred.add(name)
    ensure(name in differences, f"{judge.name}: {why or 'accepted'}; this is not explained")


def main():
    cases = Cases()
    node.install()
    versions = {"SimpleWebAuthn": node.version(), "py_webauthn": version("webauthn")}
    with cases.case("the libraries are the versions that were examined"):
        equal(versions, EXAMINED, "versions")
    with node.Judge() as process:
        document = made()
        judges = [SimpleWebAuthn(process, document), PyWebauthn(document)]
        differences = {judge.name: explained(judge.name) for judge in judges}
        occurred = {judge.name: set() for judge in judges}
        for kind in document["formats"]:
            shown = [(CORRECT, kind["correct"], True)]
            shown += [(flawed["flaw"], flawed["response"], False) for flawed in kind["flawed"]]
            for flaw, response, wanted in shown:
                name = f"{kind['format']}: {flaw}"
                for judge in judges:
                    with cases.case(f"{name}, {judge.name}"):
                        show(judge, name, response, kind["fmt"], wanted, differences[judge.name], occurred[judge.name])
        with cases.case("all of Attestation Statement Formats are there"):
            fmts = {kind["fmt"] for kind in document["formats"]}
            equal({str(fmt.value) for fmt in AttestationFormat} - fmts, set(), "formats that py_webauthn knows and were not shown")
    for library, names in differences.items():
        with cases.case(f"every difference of {library} is one"):
            equal(sorted(names - occurred[library]), [], "explained, and no difference")
    cases.exit()


if __name__ == "__main__":
    main()
