"""python-fido2's own suite for live authenticators (`tests/device` of its source package), unattended.

The suite runs file by file, each on a fresh device, against `fauxkey run` behind a socket. Its controller, a plain
GET without headers, is a small server here that holds the API's token: touch on means that the user approves, off
that the user is asked and nobody answers; power goes through the API.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fauxkey

VERSION = "2.2.1"
PROFILES = os.environ.get("FAUXKEY_PROFILES", "all-in security-key fingerprint-key").split()
ENTERPRISE = {"all-in": "enterprise.example.test"}
"""Profiles with enterprise attestation, and an RP ID to which each grants it."""
NOT_OURS = {
    "test_sign_extension_v4.py": "a prototype of a signing extension, with 272 cases",
    "test_preview_sign.py": "a prototype of a signing extension",
}
"""Files that test what no edition of CTAP has."""


def suite(folder):
    """The suite's folder, out of the source package."""
    here = os.path.join(folder, f"fido2-{VERSION}")
    if not os.path.isdir(os.path.join(here, "tests", "device")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        pip += ["--no-build-isolation", "--disable-pip-version-check", "--dest", folder, f"fido2=={VERSION}"]
        subprocess.run(pip, check=True)
        with tarfile.open(f"{here}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return here


def controller(daemon):
    """Serves what the suite's `--controller` asks; returns its address."""

    class Controller(BaseHTTPRequestHandler):
        def do_GET(self):
            match self.path.strip("/").split("/"):
                case [_, "touch", "on"]:
                    daemon.api("PUT", "/user", {"answer": "approve", "delayMs": 0})
                case [_, "touch", "off"]:
                    daemon.api("PUT", "/user", {"answer": "ask", "delayMs": 0})
                case [_, "power", ("on" | "off") as state]:
                    daemon.power(state)
                case [""]:
                    pass
                case _:
                    self.send_error(404)
                    return
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Controller)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def run_file(profile, folder, file, card=None):
    """Runs one file, over HID or as the card on a reader of that name; prints a line for each case, and returns whether
    all went well."""
    with fauxkey.running(profile, "tcp", "socket,pcsc" if card else "socket") as daemon:
        environment = os.environ | {
            "FAUXKEY_SOCKET": daemon.address,
            "FAUXKEY_CASES": f"{profile} on a reader: " if card else f"{profile}: ",
            "PYTHONPATH": os.path.dirname(os.path.abspath(__file__)),
        }
        command = [sys.executable, "-B", "-m", "pytest", os.path.join("tests", "device", file), "-q", "--no-header"]
        command += ["-p", "device_plugin", "-p", "no:cacheprovider", "--controller", controller(daemon)]
        command += ["--pico-port", "1"]
        if card:
            command += ["--reader", card]
        if profile in ENTERPRISE:
            command += ["--ep-rp-id", ENTERPRISE[profile]]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    said = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "FAILED ", "skipped "))]
    print("\n".join(said), flush=True)
    # 0 is passed, 5 is that everything was skipped before it was a case.
    if done.returncode in (0, 5):
        return True
    if not any(line.startswith("FAILED ") for line in said):
        print(f"FAILED {profile}: {file}: pytest ended with {done.returncode}")
    print(done.stdout, file=sys.stderr)
    return False


def run_profile(profile, card=None):
    """Runs every file on one profile; whether all went well."""
    cache = os.path.join(sys.prefix, "python-fido2-source")
    os.makedirs(cache, exist_ok=True)
    folder = suite(cache)
    files = sorted(name for name in os.listdir(os.path.join(folder, "tests", "device")) if name.startswith("test_"))
    well = True
    for file in files:
        if file in NOT_OURS:
            print(f"skipped {profile}: {file}: {NOT_OURS[file]}")
        else:
            well = run_file(profile, folder, file, card) and well
    return well


def main():
    well = [run_profile(profile) for profile in PROFILES]
    sys.exit(0 if all(well) else 1)


if __name__ == "__main__":
    main()
