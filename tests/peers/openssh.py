"""OpenSSH, unmodified, behind `fauxkey exec`: keys of both kinds, resident and not, and real logins."""

import getpass
import os
import socket
import subprocess
import time
from contextlib import contextmanager

from cases import Cases, ensure, equal, raises
from exec_door import NODE, PATIENCE, Ended, instance

PROFILE = "all-in"
PIN = "a1b2c3"
SSHD = "/usr/sbin/sshd"
ALGORITHMS = {"ecdsa-sk": "sk-ecdsa-sha2-nistp256@openssh.com", "ed25519-sk": "sk-ssh-ed25519@openssh.com"}


def main():
    cases = Cases()
    with cases.group(PROFILE), instance(PROFILE) as key, server(key) as login:
        for algorithm, name in ALGORITHMS.items():
            _key(cases, key, login, algorithm, name)
        with cases.case("a PIN is set"):
            key.at_terminal("fido2-token", "-S", NODE, answers=[("new PIN", PIN), ("again", PIN)])
        for algorithm in ALGORITHMS:
            _resident(cases, key, login, algorithm)
        _download(cases, key, login)
        _refusals(cases, key, login)
    cases.exit()


def _generate(key, algorithm, name, *options, answers=()):
    path = key.path(name)
    command = ["ssh-keygen", "-q", "-t", algorithm, "-N", "", "-C", name, "-f", path, *options]
    key.at_terminal(*command, answers=answers)
    with open(f"{path}.pub") as file:
        return path, file.read()


def _key(cases, key, login, algorithm, name):
    with cases.case(f"ssh-keygen -t {algorithm} makes a key, and ssh logs in with it"):
        path, public = _generate(key, algorithm, algorithm)
        equal(public.split()[0], name, "type")
        equal(login(path, public), "welcome", "what the shell said")
    with cases.case(f"{algorithm}: a file is signed, and the signature verifies"):
        message, signers = key.path("message", "hello\n"), key.path("signers", f"ada {public}")
        if os.path.exists(f"{message}.sig"):
            os.remove(f"{message}.sig")
        key.exec("ssh-keygen", "-Y", "sign", "-f", path, "-n", "file", message)
        verify = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "ada", "-n", "file", "-s", f"{message}.sig"]
        key.exec(*verify, stdin="hello\n")
        raises(Ended, key.exec, *verify, stdin="hello?\n")


def _resident(cases, key, login, algorithm):
    with cases.case(f"a resident {algorithm} that wants its PIN each time is made and used"):
        options = ["-O", "resident", "-O", "verify-required", "-O", f"application=ssh:{algorithm}"]
        path, public = _generate(key, algorithm, f"resident-{algorithm}", *options, answers=[("PIN", PIN)])
        equal(login(path, public, answers=[("PIN", PIN)]), "welcome", "what the shell said")
    with cases.case(f"{algorithm}: the passkey is on the device"):
        ensure(f"ssh:{algorithm}" in key.fauxkey("passkey", "list"), "it is not listed")


def _download(cases, key, login):
    with cases.case("ssh-keygen -K downloads both, and they log in"):
        folder = key.path("downloaded")
        os.mkdir(folder)
        command = f"cd {folder} && exec ssh-keygen -K -N ''"
        key.at_terminal("sh", "-c", command, answers=[("PIN", PIN)])
        found = sorted(os.listdir(folder))
        expected = [f"id_{algorithm.replace('-', '_')}_rk_{algorithm}" for algorithm in ALGORITHMS]
        equal([name for name in found if not name.endswith(".pub")], sorted(expected), "files")
        for name in expected:
            path = os.path.join(folder, name)
            with open(f"{path}.pub") as file:
                equal(login(path, file.read(), answers=[("PIN", PIN)]), "welcome", "what the shell said")


def _refusals(cases, key, login):
    with cases.case("a user who refuses does not log in"):
        path, public = _generate(key, "ecdsa-sk", "refused")
        key.fauxkey("device", "user", "deny")
        try:
            raises(Ended, login, path, public)
        finally:
            key.fauxkey("device", "user", "approve")
    with cases.case("without the device there is no login"):
        key.power("off")
        raises(Ended, login, path, public)
        key.power("on")
        equal(login(path, public), "welcome", "what the shell said")


@contextmanager
def server(key):
    """A server of our own on loopback. Gives what logs in: the key's file and its public line in, the greeting out."""
    host, authorized = key.path("host_key"), key.path("authorized_keys", "")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host], check=True)
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = [
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {host}", f"AuthorizedKeysFile {authorized}",
        "UsePAM no", "StrictModes no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
        "PermitRootLogin yes", f"PidFile {key.path('sshd.pid')}", "LogLevel VERBOSE",
    ]  # fmt: skip
    path = key.path("sshd_config", "".join(f"{line}\n" for line in config))
    with open(key.path("sshd.log"), "w+") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", path], stderr=log)
        try:
            _wait(port, process, log)

            def login(identity, public, answers=()):
                key.path("authorized_keys", public)
                command = ["ssh", "-F", "none", "-i", identity, "-p", str(port), "-l", getpass.getuser()]
                for option in (
                    "IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=no", "LogLevel=ERROR",
                    f"UserKnownHostsFile={key.path('known_hosts')}", "PreferredAuthentications=publickey",
                    f"BatchMode={'no' if answers else 'yes'}",
                ):  # fmt: skip
                    command += ["-o", option]
                said = key.at_terminal(*command, "127.0.0.1", "echo welcome", answers=answers)
                return said.split()[-1]

            yield login
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait(port, process, log):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise RuntimeError(f"sshd did not come up: {log.read()}")
            time.sleep(0.05)


if __name__ == "__main__":
    main()
