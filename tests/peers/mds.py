"""The metadata BLOB of `fauxkey mds`, read by two who read the FIDO Alliance's: python-fido2's `fido2.mds3`, and SimpleWebAuthn's
MetadataService.

It must be signed by an RSA key, as theirs is: python-fido2 2.2.1 wants the signature of ES256 in DER, where a JWS has its two numbers
one behind the other (RFC 7518 section 3.4), so that no BLOB signed by ES256 satisfies it and SimpleWebAuthn both."""

import json
import os
import subprocess
import sys
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

import node
from cases import Cases, ensure, equal, raises
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fido2.attestation import UntrustedAttestation
from fido2.mds3 import AuthenticatorStatus, MdsAttestationVerifier, parse_blob
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import Aaguid, AttestationObject

RP_ID = "login.example.test"
ORIGIN = "https://login.example.test"
PATIENCE = 60
KEY = "yubikey-5c"
"""Attests by certificate, in format packed."""

COMPROMISED = {
    AuthenticatorStatus.USER_VERIFICATION_BYPASS,
    AuthenticatorStatus.ATTESTATION_KEY_COMPROMISE,
    AuthenticatorStatus.USER_KEY_REMOTE_COMPROMISE,
    AuthenticatorStatus.USER_KEY_PHYSICAL_COMPROMISE,
}
"""For which SimpleWebAuthn gives no statement out. Of REVOKED it knows nothing."""
REPORTED = (
    "FIDO_CERTIFIED_L2",
    "UPDATE_AVAILABLE",
    "REVOKED",
    "USER_VERIFICATION_BYPASS",
    "ATTESTATION_KEY_COMPROMISE",
    "USER_KEY_REMOTE_COMPROMISE",
    "USER_KEY_PHYSICAL_COMPROMISE",
)
BEYOND_SIMPLEWEBAUTHN = {
    # It compares alg, which is that of the TPM's attestation key, with those of credentials (authenticatorGetInfo's).
    "windows-hello-hardware+tpm": "did not match one of -257",
    # It looks no apple statement up, and trusts the roots that it was given for the format.
    "ms-authenticator-android+apple": "could not be chained to any specified trust anchor",
}
"""Registrations that the BLOB vouches for, and that SimpleWebAuthn refuses all the same, with the reason."""
REFUSED = {"REVOKED", "ATTESTATION_KEY_COMPROMISE"}
"""What python-fido2 refuses, unless it is given other filters: the latter if the report names the certificate."""


def der(root):
    """The certificate in a PEM file, in DER."""
    return x509.load_pem_x509_certificate(Path(root).read_bytes()).public_bytes(Encoding.DER)


def by_python_fido2(blob, root):
    """What is in a BLOB whose chain ends in the root: fido2.mds3.MetadataBlobPayload."""
    return parse_blob(Path(blob).read_bytes().strip(), der(root))


def by_simplewebauthn(blob, root, aaguids):
    """The statement of each AAGUID, or `refused` with the reason."""
    node.install()
    with node.Judge() as judge:
        judge.ask(judgement="trust", roots=[b64encode(der(root)).decode()])
        return judge.ask(judgement="metadata", blob=Path(blob).read_text().strip(), aaguids=[str(one) for one in aaguids])


def broken(blob):
    """The BLOB with one thing wrong, each by name."""
    header, payload, signature = Path(blob).read_text().strip().split(".")

    def flipped(text):
        at = len(text) // 2
        return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]

    yield "another payload", ".".join((header, flipped(payload), signature))
    yield "another signature", ".".join((header, payload, flipped(signature)))


def read(cases, blob, root):
    """Both readers, on a BLOB in a file."""
    with cases.case("python-fido2 reads it, and follows its chain to the root"):
        payload = by_python_fido2(blob, root)
        ensure(payload.no >= 1, f"its number is {payload.no}")
        ensure(payload.next_update > date.today(), f"its next update was {payload.next_update}")
    entries = [entry for entry in payload.entries if entry.aaguid]
    with cases.case("every entry is complete"):
        ensure(entries, "there is no entry with an AAGUID")
        for entry in entries:
            statement = entry.metadata_statement
            equal(Aaguid(statement.aaguid), Aaguid(entry.aaguid), "AAGUID of the statement")
            equal(statement.schema, 3, "schema")
            by_certificate = {"basic_full", "attca", "anonca"} & set(statement.attestation_types)
            equal(bool(statement.attestation_root_certificates), bool(by_certificate), f"{statement.description}: roots")
            ensure(statement.authenticator_get_info, f"{statement.description} has no authenticatorGetInfo")
            ensure(entry.status_reports, f"{statement.description} has no status report")
    with cases.case("python-fido2 finds every entry by its AAGUID, but those that were revoked"):
        verifier = MdsAttestationVerifier(payload)
        for entry in entries:
            revoked = any(report.status == AuthenticatorStatus.REVOKED for report in entry.status_reports)
            equal(verifier.find_entry_by_aaguid(entry.aaguid) is None, revoked, f"{entry.metadata_statement.description} left out")
    with cases.case("SimpleWebAuthn gives every statement out, but those of models that were compromised"):
        found = by_simplewebauthn(blob, root, [entry.aaguid for entry in entries])
        for entry, statement in zip(entries, found, strict=True):
            compromised = COMPROMISED & {report.status for report in entry.status_reports}
            equal("refused" in statement, bool(compromised), f"{entry.metadata_statement.description}: {statement}: refused")
            if not compromised:
                equal(statement["description"], entry.metadata_statement.description, "description")
    for name, text in broken(blob):
        with cases.case(f"{name} is refused by both"), tempfile.TemporaryDirectory() as folder:
            other = Path(folder) / "blob.jwt"
            other.write_text(text)
            raises(Exception, by_python_fido2, other, root)
            # The service passes over a BLOB that it cannot verify, and then knows nobody.
            found = by_simplewebauthn(other, root, [entries[0].aaguid])
            ensure("No metadata statement found" in found[0].get("refused", ""), found)


@dataclass
class Registration:
    """What a device of a home answered, and what it was asked."""

    challenge: str
    response: dict

    def by_python_fido2(self, payload):
        """UntrustedAttestation if the BLOB does not vouch for it."""
        response = self.response["response"]
        hashed = sha256(websafe_decode(response["clientDataJSON"])).digest()
        MdsAttestationVerifier(payload).verify_attestation(
            AttestationObject(websafe_decode(response["attestationObject"])), hashed
        )

    def by_simplewebauthn(self, judge, blob):
        """node.Refused if the BLOB does not vouch for it. U2F registrations it does not look up."""
        judge.ask(judgement="metadata", blob=Path(blob).read_text().strip(), aaguids=[])
        told = {"challenge": self.challenge, "origin": ORIGIN, "rpId": RP_ID}
        return judge.ask(judgement="register", response=self.response, **told)


class Home:
    """A home with its test CA, and devices of profiles."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._environment = os.environ | {"FAUXKEY_HOME": str(self.folder / "home")}

    def run(self, *arguments, told=None):
        """Standard output of a command that succeeds."""
        command = [os.environ["FAUXKEY"], *arguments]
        done = subprocess.run(
            command, env=self._environment, input=told, stdout=subprocess.PIPE, check=True, timeout=PATIENCE
        )
        return done.stdout

    def mds(self, name, *arguments):
        """A BLOB in a file of that name."""
        path = self.folder / f"{name}.jwt"
        self.run("mds", *arguments, "--out", str(path), "--root", str(self.root))
        return path

    @property
    def root(self):
        return self.folder / "root.pem"

    def register(self, profile):
        """A new passkey on a new device of the profile."""
        device = profile.replace("+", "-")
        self.run("device", "add", device, "--profile", profile)
        challenge = websafe_encode(os.urandom(32))
        options = {
            "rp": {"id": RP_ID, "name": "Example"},
            "user": {"id": "AQ", "name": "ada@example.test", "displayName": "Ada"},
            "challenge": challenge,
            "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in (-7, -257)],
            "attestation": "direct",
            "authenticatorSelection": {"userVerification": "discouraged", "residentKey": "discouraged"},
        }
        create = ["webauthn", "create", "--origin", ORIGIN, "--device", device, "--link", "usb"]
        return Registration(challenge, json.loads(self.run(*create, told=json.dumps(options).encode())))


def registrations(cases, home, other):
    """Registrations, by a relying party that trusts what the BLOB says and nothing else."""
    models = (
        KEY,
        "ms-authenticator-ios+packed",
        "u2f-key",
        "windows-hello-hardware+tpm",
        "ms-authenticator-android+apple",
    )
    keys = {profile: home.register(profile) for profile in models}
    blob = home.mds("chosen", *keys)
    node.install()
    with node.Judge() as judge:
        judge.ask(judgement="trust", roots=[b64encode(der(home.root)).decode()], formats=["mds"])
        payload = by_python_fido2(blob, home.root)
        for profile, registration in keys.items():
            with cases.case(f"{profile} is accepted by python-fido2"):
                registration.by_python_fido2(payload)
            if profile in BEYOND_SIMPLEWEBAUTHN:
                with cases.case(f"{profile} is refused by SimpleWebAuthn, which reads its statement in another way"):
                    refused = raises(node.Refused, registration.by_simplewebauthn, judge, blob)
                    ensure(BEYOND_SIMPLEWEBAUTHN[profile] in str(refused), refused)
                continue
            with cases.case(f"{profile} is accepted by SimpleWebAuthn"):
                registration.by_simplewebauthn(judge, blob)
        foreign = other.register(KEY)
        with cases.case("the same model under another root is refused by both"):
            raises(UntrustedAttestation, foreign.by_python_fido2, payload)
            raises(node.Refused, foreign.by_simplewebauthn, judge, blob)
        with cases.case("a model that is not in the BLOB is refused by both"):
            without = home.mds("without", "titan-v2")
            raises(UntrustedAttestation, keys[KEY].by_python_fido2, by_python_fido2(without, home.root))
            raises(node.Refused, keys[KEY].by_simplewebauthn, judge, without)
        for status in REPORTED:
            blob = home.mds(status, KEY, "--status", f"{KEY}={status}@2026-01-31")
            payload = by_python_fido2(blob, home.root)
            with cases.case(f"{status}: python-fido2 {'refuses' if status in REFUSED else 'accepts'}"):
                equal([report.status.value for report in payload.entries[0].status_reports], [status], "reports")
                if status in REFUSED:
                    raises(UntrustedAttestation, keys[KEY].by_python_fido2, payload)
                else:
                    keys[KEY].by_python_fido2(payload)
            compromised = AuthenticatorStatus(status) in COMPROMISED
            with cases.case(f"{status}: SimpleWebAuthn {'refuses' if compromised else 'accepts'}"):
                if compromised:
                    refused = raises(node.Refused, keys[KEY].by_simplewebauthn, judge, blob)
                    ensure("compromised" in str(refused), refused)
                else:
                    keys[KEY].by_simplewebauthn(judge, blob)


def main():
    """`mds.py [BLOB ROOT]`: without them, `fauxkey mds` makes one."""
    cases = Cases()
    if len(sys.argv) == 3:
        with cases.group("BLOB"):
            read(cases, *sys.argv[1:])
        cases.exit()
    temporary = tempfile.TemporaryDirectory
    with temporary(prefix="fauxkey-mds-") as folder, temporary(prefix="fauxkey-mds-") as another:
        home, other = Home(folder), Home(another)
        with cases.group("BLOB"):
            blob = home.mds("all")
            with cases.case("its root is that of `ca export`"):
                equal(home.root.read_bytes(), home.run("ca", "export"), "root")
            read(cases, blob, home.root)
            other.mds("all")
            with cases.case("under another root it is refused"):
                raises(Exception, by_python_fido2, blob, other.root)
        with cases.group("registration"):
            registrations(cases, home, other)
    cases.exit()


if __name__ == "__main__":
    main()
