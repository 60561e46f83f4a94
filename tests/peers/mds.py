"""The metadata BLOB of `fauxkey mds`, read by two who read the FIDO Alliance's: python-fido2's `fido2.mds3`, and SimpleWebAuthn's
MetadataService.

It must be signed by an RSA key, as theirs is: python-fido2 2.2.1 wants the signature of ES256 in DER, where a JWS has its two numbers
one behind the other (RFC 7518 section 3.4), so that no BLOB signed by ES256 satisfies it and SimpleWebAuthn both."""

import os
import subprocess
import sys
import tempfile
from base64 import b64encode
from datetime import date
from pathlib import Path

import node
from cases import Cases, ensure, equal, raises
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fido2.mds3 import AuthenticatorStatus, MdsAttestationVerifier, parse_blob
from fido2.webauthn import Aaguid

COMPROMISED = {
    AuthenticatorStatus.USER_VERIFICATION_BYPASS,
    AuthenticatorStatus.ATTESTATION_KEY_COMPROMISE,
    AuthenticatorStatus.USER_KEY_REMOTE_COMPROMISE,
    AuthenticatorStatus.USER_KEY_PHYSICAL_COMPROMISE,
}
"""For which SimpleWebAuthn gives no statement out. Of REVOKED it knows nothing."""


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


def main():
    """`mds.py [BLOB ROOT]`: without them, `fauxkey mds` makes one."""
    cases = Cases()
    if len(sys.argv) == 3:
        with cases.group("BLOB"):
            read(cases, *sys.argv[1:])
        cases.exit()
    with tempfile.TemporaryDirectory(prefix="fauxkey-mds-") as folder:
        environment = os.environ | {"FAUXKEY_HOME": folder}
        blob, root = Path(folder) / "blob.jwt", Path(folder) / "root.pem"
        fauxkey(environment, "mds", "--out", str(blob))
        root.write_bytes(fauxkey(environment, "ca", "export"))
        with cases.group("BLOB"):
            read(cases, blob, root)
    cases.exit()


def fauxkey(environment, *arguments):
    """Standard output of a command that succeeds."""
    command = [os.environ["FAUXKEY"], *arguments]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=60).stdout


if __name__ == "__main__":
    main()
