"""fauxkey-playwright, installed from its archive: its types, its tests in real browsers, and what a failed test leaves."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

from cases import Cases, ensure, equal

ARCHIVES = os.environ["FAUXKEY_ARCHIVES"]
"""The folder of archives, named by `cargo xtask peers`."""
FOLDER = os.path.join(os.environ["FAUXKEY_PEERS"], "playwright")
"""Where everything is installed."""
PATIENCE = 1200


def run(*command, **more):
    return subprocess.run(command, cwd=FOLDER, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, **more)


def install():
    shutil.copytree(os.path.join(HERE, "playwright"), FOLDER, dirs_exist_ok=True)
    run("npm", "ci", "--silent", "--no-audit", "--no-fund", check=True)
    (archive,) = glob.glob(os.path.join(ARCHIVES, "fauxkey-playwright-*.tgz"))
    run("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-save", "--no-package-lock", archive, check=True)


def failed(environment):
    """A test that fails, as Playwright's JSON reporter has it: what it says, and its attachments."""
    flags = ["--project=chromium by bindings", "--reporter=json"]
    done = run("npx", "playwright", "test", "fails.spec.ts", *flags, env=os.environ | environment, capture_output=True)
    equal(done.returncode, 1, f"exit code of {done.stdout[-500:]} {done.stderr[-500:]}")
    result = json.loads(done.stdout)["suites"][0]["specs"][0]["tests"][0]["results"][0]
    attached = {one["name"]: one for one in result["attachments"]}
    said = {name: b64decode(one["body"]).decode() for name, one in attached.items() if "body" in one}
    return re.search(r"made ([0-9a-f]+)", result["error"]["message"]).group(1), said, attached


def main():
    cases = Cases()
    with cases.group("playwright"):
        install()
        with cases.case("its types are right"):
            done = run("npx", "tsc", capture_output=True)
            equal(done.returncode, 0, done.stdout)
        sys.stdout.flush()
        # Its reporter prints cases as we do.
        tested = run("npx", "playwright", "test")
        with cases.case("a failed test tells its seed and shows its trace, in words and as a file"):
            made, said, attached = failed({"FAILS": "1"})
            replay = said["fauxkey-replay"]
            command = r"FAUXKEY_SEED=(\d+) npx playwright test fails\.spec\.ts:\d+ --project='chromium by bindings'"
            seed = re.fullmatch(command, replay)
            ensure(seed, replay)
            ensure("authenticatorMakeCredential" in said["fauxkey-trace"], said["fauxkey-trace"])
            with open(attached["fauxkey-trace.jsonl"]["path"]) as file:
                ensure(any("authenticatorMakeCredential" in line for line in file), "the file has no such line")
        with cases.case("the seed that it tells makes the same key again, and another one does not"):
            again, _, _ = failed({"FAILS": "1", "FAUXKEY_SEED": seed.group(1)})
            equal(again, made, "the public key")
            other, _, _ = failed({"FAILS": "1", "FAUXKEY_SEED": str(int(seed.group(1)) + 1)})
            ensure(other != made, "another seed makes the same key")
    sys.exit(1 if tested.returncode else 0) if not cases.failed else cases.exit()


if __name__ == "__main__":
    main()
