"""`fauxkey probe` against relying parties of others: SimpleWebAuthn, py_webauthn and python-fido2's server, each as documented and strict,
and against fauxkey's own tenant in both behaviours.

What it finds is compared with fixtures/probe/expected: a list of `id`, `verdict` and `comment` for each server and setting. A verdict
that changes, a check that is new and one that is gone are failed cases. A finding is to have a comment: what a look at the
server's code said; if it says that the check asks too much, the comment begins with "Doubtful". `--write` replaces ids and
verdicts by what is found now and keeps the comments. `probe.py [--write] [NAME…]` probes those that are named alone.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import node
import process
from cases import Cases, ensure, equal

HERE = Path(__file__).parent
EXPECTED = HERE.parents[1] / "fixtures" / "probe" / "expected"
TARGETS = HERE.parents[1] / "crates" / "fauxkey" / "targets"
SERVERS = HERE / "probe" / "servers"
PATIENCE = 300
"""Seconds for one run of the probe."""
MEASURED = ("enumeration-by-timing",)
"""Checks whose verdict is a matter of microseconds: a busy machine gives another one, and so it is not compared. That the check was made
is."""
RACES = ("robust-huge-json", "robust-huge-attestation-object")
"""A server may hang up before it has read too long a body: whether its refusal still arrives is chance."""

STRICT = HERE.parents[1] / "fixtures" / "probe" / "plans" / "strict.toml"


@dataclass(frozen=True)
class Probed:
    """A server in one of its settings."""

    server: str
    setting: str
    target: str
    command: tuple

    @property
    def name(self):
        return f"{self.server}-{self.setting}"


def _python(script):
    return (sys.executable, "-B", str(SERVERS / script))


SETTINGS = ("default", "strict")
KINDS = (
    ("simplewebauthn", "simplewebauthn", ("node", str(node.FOLDER / "servers" / "simplewebauthn.mjs"))),
    ("py_webauthn", "py_webauthn", _python("py_webauthn_server.py")),
    ("python-fido2", "conformance", _python("python_fido2_server.py")),
)
ALL = [Probed(server, setting, target, command) for server, target, command in KINDS for setting in SETTINGS]
BEHAVIOURS = ("current", "2024-preview")
TENANT = [Probed("tenant", behaviour, "tenant", ()) for behaviour in BEHAVIOURS]


@contextmanager
def listening(probed, root):
    """The server, until the end: its URL."""
    # As documented, no server is told of a root.
    trust = ["--root", str(root)] if probed.setting == "strict" else []
    command = [*probed.command, probed.setting, "--port", "0", *trust]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        first = server.stdout.readline()
        ensure(first.startswith("listening on "), f"it did not come up: {first!r}")
        yield first.split()[-1]
    finally:
        server.stdin.close()
        server.wait(10)


def fauxkey(home, *arguments, statuses=(0,)):
    """Standard output of a command that ends in one of these statuses."""
    environment = os.environ | {"FAUXKEY_HOME": str(home)}
    done = subprocess.run([process.PROGRAM, *arguments], env=environment, capture_output=True, text=True, timeout=PATIENCE)
    ensure(done.returncode in statuses, f"{' '.join(arguments)}: status {done.returncode}: {done.stderr}")
    return done.stdout


def report(home, probed, url):
    """The report of one run. Findings are no failure of ours."""
    path = Path(home) / f"{probed.name}.json"
    plan = []
    if probed.setting == "strict":
        plan = [str(STRICT)]
    target = probed.target
    file = TARGETS / f"{target}.toml"
    where = ["--target", str(file), "--url", url] if url else ["--target", target, "--behaviour", probed.setting]
    fauxkey(home, "probe", *plan, *where, "--out", str(path), statuses=(0, 1))
    return json.loads(path.read_text())


def verdicts(found):
    """Each check's verdict, or that it was measured, or survived."""

    def word(name, verdict):
        if name in MEASURED:
            return "measured"
        return "survived" if name in RACES and verdict in ("held", "observed") else verdict

    return {result["id"]: word(result["id"], result["verdict"]) for result in found["results"]}


def expected(probed):
    path = EXPECTED / f"{probed.name}.json"
    return {row["id"]: row for row in json.loads(path.read_text())} if path.exists() else {}


def write(probed, found):
    """The table of now, with the comments that were there."""
    before = expected(probed)
    rows = []
    for name, verdict in found.items():
        known = before.get(name, {})
        # What was said of another verdict is not said of this one.
        comment = known.get("comment", "") if known.get("verdict") == verdict else ""
        rows.append({"id": name, "verdict": verdict, "comment": comment})
    EXPECTED.mkdir(parents=True, exist_ok=True)
    # A row to a line.
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    (EXPECTED / f"{probed.name}.json").write_text(f"[\n{lines}\n]\n")


def compare(cases, probed, found):
    known = expected(probed)
    for name in sorted(found.keys() | known.keys()):
        with cases.case(name):
            row = known.get(name, {})
            equal(found.get(name), row.get("verdict"), "verdict")
            examined = row["verdict"] not in ("found", "inconclusive") or row["comment"]
            ensure(examined, "nobody has examined it: there is no comment")
            ensure(not row["comment"].startswith("Doubtful"), "a look at the server's code refutes it")


def main():
    cases = Cases()
    arguments = sys.argv[1:]
    writes = "--write" in arguments
    named = [argument for argument in arguments if argument != "--write"]
    node.install()
    with tempfile.TemporaryDirectory(prefix="fauxkey-probe-") as home:
        root = Path(home) / "root.pem"
        root.write_text(fauxkey(home, "ca", "export"))
        for probed in ALL + TENANT:
            if named and probed.name not in named:
                continue
            with cases.group(probed.name):
                if probed.command:
                    with listening(probed, root) as url:
                        outcome = report(home, probed, url)
                else:
                    outcome = report(home, probed, None)
                with cases.case("everything that was made was deleted"):
                    equal(outcome["leftBehind"], [], "left behind")
                found = verdicts(outcome)
                if writes:
                    write(probed, found)
                compare(cases, probed, found)
    cases.exit()


if __name__ == "__main__":
    main()
