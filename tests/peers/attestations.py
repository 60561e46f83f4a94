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

ALL = ["packed-self", "packed-basic", "packed-chain", "fido-u2f", "tpm", "android-key", "android-safetynet", "apple"]
CERTIFIED = ALL[1:]


def _of(formats, flaw):
    return [f"{name}: {flaw}" for name in formats]


DIFFERENCES = [
    (
        "SimpleWebAuthn",
        _of(ALL, "extra-member"),
        "Each verifyAttestation… asks attStmt for the members that it knows and passes over others; with format none alone they "
        "are counted.",
    ),
    (
        "SimpleWebAuthn",
        _of(CERTIFIED, "trailing-data"),
        "AsnParser and X509Certificate stand on asn1js.fromBER, which reads one value and passes over what follows.",
    ),
    (
        "SimpleWebAuthn",
        _of(["packed-self", "packed-basic", "packed-chain", "tpm", "android-key"], "wrong-algorithm"),
        "verifySignature takes attStmt.alg for shaHashOverride: the key says the algorithm, and -257 has the hash of -7.",
    ),
    (
        "SimpleWebAuthn",
        ["packed-basic: aaguid-extension-critical"],
        "validateExtFIDOGenCEAAGUID compares the value alone, and the path is built without a look at critical extensions.",
    ),
    (
        "SimpleWebAuthn",
        ["none: statement-is-array"],
        "verifyRegistrationResponse asks for attStmt.size, which an array does not have; undefined is not more than 0.",
    ),
    (
        "SimpleWebAuthn",
        _of(["packed-self", "packed-basic", "fido-u2f", "tpm", "android-key"], "signature-trailing-data"),
        "unwrapEC2Signature reads r and s by AsnParser, which passes over what follows.",
    ),
    (
        "SimpleWebAuthn",
        _of(["packed-basic", "fido-u2f", "tpm", "android-key", "android-safetynet"], "key-usage-wrong"),
        "Policy: §8 does not ask for it. Neither getCertificateInfo nor validateCertificatePath reads key usage.",
    ),
    (
        "SimpleWebAuthn",
        ["packed-basic: country-wrong"],
        "verifyAttestationPacked counts the characters of C, and wants two.",
    ),
    (
        "SimpleWebAuthn",
        _of(["packed-basic", "tpm"], "basic-constraints-missing"),
        "getCertificateInfo takes a certificate without basic constraints for one whose CA is false.",
    ),
    (
        "SimpleWebAuthn",
        ["fido-u2f: key-not-on-p256"],
        "verifyAttestationFIDOU2F does not look at the curve: verifySignature takes it from the certificate, and SHA-256 from COSEALG.ES256.",
    ),
    (
        "SimpleWebAuthn",
        ["tpm: pub-area-trailing-data", "tpm: cert-info-trailing-data"],
        "parsePubArea and parseCertInfo read from the front, and do not ask whether anything is left.",
    ),
    (
        "SimpleWebAuthn",
        ["tpm: manufacturer-of-tests"],
        "Policy: the table of getTPMManufacturerInfo has FIDO's id:FFFFF1D0 beside the registered manufacturers.",
    ),
    (
        "SimpleWebAuthn",
        _of(["packed-chain"], "intermediate-is-no-ca") + _of(["packed-chain"], "intermediate-key-usage-wrong"),
        "validateCertificatePath verifies signatures and dates and reads neither basic constraints nor key usage.",
    ),
    (
        "SimpleWebAuthn",
        ["fido-u2f: two-certificates"],
        "verifyAttestationFIDOU2F does not count x5c.",
    ),
    (
        "SimpleWebAuthn",
        [
            *(f"android-key: origin-{flaw}" for flaw in ("not-generated", "missing")),
            *(f"android-key: purpose-{flaw}" for flaw in ("not-sign", "missing", "also-decrypt")),
        ],
        "verifyAttestationAndroidKey reads attestationChallenge and allApplications of KeyDescription and nothing else.",
    ),
    (
        "SimpleWebAuthn",
        ["android-key: software-enforced"],
        "Policy: §8.4 takes both authorization lists together where no trusted execution environment is wanted. "
        "verifyAttestationAndroidKey reads neither list for origin and purpose.",
    ),
    (
        "SimpleWebAuthn",
        ["android-safetynet: basic-integrity-false"],
        "verifyAttestationAndroidSafetyNet reads ctsProfileMatch alone.",
    ),
    (
        "SimpleWebAuthn",
        ["compound: correct"],
        "Unsupported Attestation Format: WebAuthn Level 3 §8.9 is not there.",
    ),
    (
        "py_webauthn",
        _of(["none", *ALL], "extra-member"),
        "parse_attestation_statement takes the members that it knows; that none has no others is asked of the parsed statement.",
    ),
    (
        "py_webauthn",
        ["android-key: trailing-data"],
        "verify_android_key reads certificates by pyOpenSSL and pyasn1, which stop where the value ends; the other formats go through "
        "load_der_x509_certificate, which does not.",
    ),
    (
        "py_webauthn",
        ["none: statement-is-array"],
        "parse_attestation_statement looks for its members by `in`, which an array has too, and finds none.",
    ),
    (
        "py_webauthn",
        ["packed-self: x5c-empty"],
        "verify_packed asks whether x5c is true, which an empty list is not, and so verifies self attestation.",
    ),
    (
        "py_webauthn",
        _of(["packed-basic", "fido-u2f", "tpm", "android-key", "android-safetynet"], "key-usage-wrong"),
        "Policy: §8 does not ask for it. X509StoreContext verifies for no purpose, so that OpenSSL reads key usage of issuers alone.",
    ),
    (
        "py_webauthn",
        [
            *_of(["packed-basic", "packed-chain"], "aaguid-extension-wrong"),
            *_of(["packed-basic", "packed-chain"], "certificate-is-ca"),
            *(f"packed-basic: {part}-missing" for part in ("country", "organization", "unit", "common-name")),
            *(f"packed-basic: {part}-wrong" for part in ("country", "unit")),
            "packed-basic: aaguid-extension-not-wrapped",
            "packed-basic: basic-constraints-missing",
            "packed-basic: certificate-version-1",
        ],
        "verify_packed verifies path and signature and nothing of §8.2.1.",
    ),
    (
        "py_webauthn",
        ["tpm: pub-area-trailing-data", "tpm: cert-info-trailing-data"],
        "TPMPubAreaUnique and parse_cert_info read from the front, and do not ask whether anything is left.",
    ),
    (
        "py_webauthn",
        ["tpm: aaguid-extension-wrong"],
        "verify_tpm leaves that step out, with a TODO.",
    ),
    (
        "py_webauthn",
        ["android-safetynet: cts-profile-match-false"],
        "verify_android_safetynet reads basicIntegrity alone.",
    ),
    (
        "py_webauthn",
        ["compound: correct"],
        "Unsupported attestation type: WebAuthn Level 3 §8.9 is not there.",
    ),
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
        # The one that goes stale comes first.
        for kind in sorted(document["formats"], key=lambda kind: kind["format"] != "android-safetynet"):
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
