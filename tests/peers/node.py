"""SimpleWebAuthn, which is for Node: installed beside a copy of tests/peers/probe, and asked line by line."""

import json
import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "probe"
FOLDER = Path(os.environ["FAUXKEY_PEERS"]) / "probe"
"""Where it is installed."""
PATIENCE = 10


def install():
    """Into FOLDER, if what is there is not what package-lock.json wants."""
    installed = FOLDER / "node_modules" / ".installed"
    wanted = (SOURCE / "package-lock.json").read_text()
    shutil.copytree(SOURCE, FOLDER, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    if installed.is_file() and installed.read_text() == wanted:
        return
    ci = ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(ci, cwd=FOLDER, check=True, stdin=subprocess.DEVNULL)
    installed.write_text(wanted)


def version():
    """Of @simplewebauthn/server."""
    package = FOLDER / "node_modules" / "@simplewebauthn" / "server" / "package.json"
    return json.loads(package.read_text())["version"]


class Judge:
    """judge.mjs in a process of Node: a question in, an answer out."""

    def __enter__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._node = subprocess.Popen(["node", "judge.mjs"], cwd=FOLDER, **pipes)
        return self

    def __exit__(self, *_):
        self._node.stdin.close()
        self._node.wait(PATIENCE)

    def ask(self, **question):
        """What comes of it; `Refused` if that is an error."""
        self._node.stdin.write(json.dumps(question) + "\n")
        self._node.stdin.flush()
        answer = json.loads(self._node.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["value"]


class Refused(Exception):
    """What SimpleWebAuthn says."""
