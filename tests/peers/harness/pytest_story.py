"""pytest-fauxkey, installed from its archive: its fixtures in real browsers, and what a failed test tells."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

from cases import Cases, ensure, equal

PATIENCE = 1200
ROUTES = [("chrome", "exec"), ("chrome", "bindings"), ("firefox", "exec")]


def pytest(*arguments, **more):
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    folder = os.path.join(HERE, "pytest")
    return subprocess.run(command, cwd=folder, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, **more)


def failed(environment):
    done = pytest("fails.py", "--fauxkey-route=bindings", env=os.environ | environment, capture_output=True)
    equal(done.returncode, 1, f"exit code of {done.stdout[-1500:]}")
    return re.search(r"made ([0-9a-f]+)", done.stdout).group(1), done.stdout


def main():
    cases, codes = Cases(), []
    for browser, route in ROUTES:
        group = f"pytest: {browser} by {route}"
        flags = ["-q", "-s", f"--fauxkey-browser={browser}", f"--fauxkey-route={route}"]
        codes.append(pytest("test_passkeys.py", *flags, env=os.environ | {"PEER_GROUP": group}).returncode)
    with cases.group("pytest"):
        with cases.case("a failed test tells its seed and shows its trace, and keeps it as a file"):
            made, said = failed({})
            seed = re.search(r"FAUXKEY_SEED=(\d+) pytest fails\.py::test_fails\n", said)
            ensure(seed, said)
            ensure("authenticatorMakeCredential" in said, said)
            kept = re.search(r"\(as a file: (.+)\)", said).group(1)
            with open(kept) as file:
                ensure(any("authenticatorMakeCredential" in line for line in file), "the file has no such line")
        with cases.case("the seed that it tells makes the same key again, and another one does not"):
            equal(failed({"FAUXKEY_SEED": seed.group(1)})[0], made, "the public key")
            ensure(failed({"FAUXKEY_SEED": str(int(seed.group(1)) + 1)})[0] != made, "another seed makes the same key")
    sys.exit(1 if cases.failed or any(codes) else 0)


if __name__ == "__main__":
    main()
