"""libfido2 by Debian's fido2-tools, hidapi and libudev, all unmodified, behind `fauxkey exec`."""

import base64
import os
import subprocess
import sys
import threading
import time

from cases import Cases, ensure, equal, raises
from exec_door import NODE, PATIENCE, PROGRAM, Ended, instance

PROFILE = "all-in"
RP = "login.example.test"
PIN, NEW_PIN = "a1b2c3", "d4e5f6"
SALTS = [bytes(range(32)), bytes(range(1, 33))]
HERE = os.path.dirname(os.path.abspath(__file__))


def encoded(data):
    return base64.b64encode(data).decode()


def lines(*values):
    return "".join(f"{value}\n" for value in values)


class Key:
    """A credential that fido2-cred made and checked."""

    def __init__(self, key, name, flags="", algorithm="es256", pin=True):
        self.key, self.name, self.algorithm = key, name, algorithm
        wanted = key.path(f"{name}.param", lines(encoded(bytes(32)), RP, name, encoded(name.encode())))
        self.made = key.path(f"{name}.cred")
        self.public = key.path(f"{name}.pub")
        answers = [("Enter PIN", PIN)] if pin else []
        key.at_terminal(
            "fido2-cred", "-M", *flags.split(), "-i", wanted, "-o", self.made, NODE, algorithm, answers=answers
        )
        with open(self.made) as file:
            made = file.read().splitlines()
        # Up to the certificate; a large blob key behind it is not for fido2-cred -V.
        checked = key.path(f"{name}.checked", lines(*made[:7]))
        kept = [flag for flag in flags.split() if flag not in ("-r", "-b")]
        key.exec("fido2-cred", "-V", *kept, "-i", checked, "-o", self.public, algorithm)
        with open(self.public) as file:
            self.id = file.readline().strip()
        with open(self.public) as file:
            pem = file.read().partition("\n")[2]
        with open(self.public, "w") as file:
            file.write(pem)

    def sign_in(self, flags="", salt=None, by_id=True, pin=True, status=0):
        """The lines that fido2-assert writes, after it has checked them."""
        wanted = [encoded(bytes(32)), RP] + ([self.id] if by_id else []) + ([encoded(salt)] if salt else [])
        asked, got = self.key.path("assert.param", lines(*wanted)), self.key.path("assert.out")
        answers = [("Enter PIN", PIN)] if pin else []
        self.key.at_terminal(
            "fido2-assert", "-G", *flags.split(), "-i", asked, "-o", got, NODE, answers=answers, status=status
        )
        if status:
            return None
        kept = [flag for flag in flags.split() if flag in ("-h", "-p", "-v")]
        self.key.exec("fido2-assert", "-V", *kept, "-i", got, self.public, self.algorithm)
        with open(got) as file:
            return file.read().splitlines()


def main():
    cases = Cases()
    with cases.group(PROFILE), instance(PROFILE) as key:
        _list(cases, key)
        _without_pin(cases, key)
        _pin(cases, key)
        _passkeys(cases, key)
        _gone(cases, key)
        _reset(cases, key)
    with cases.group("by itself"):
        _by_itself(cases)
    with cases.group("libudev and hidapi"), instance(PROFILE) as key:
        _libraries(cases, key)
    cases.exit()


def _list(cases, key):
    with cases.case("fido2-token -L lists the device"):
        names = "(fauxkey fauxkey: everything of CTAP 2.3)"
        equal(key.exec("fido2-token", "-L").strip(), f"{NODE}: vendor=0x1209, product=0xf1d0 {names}", "list")
    with cases.case("fido2-token -I says what the profile says"):
        info = key.exec("fido2-token", "-I", NODE)
        for line in ("version strings: U2F_V2, FIDO_2_0, FIDO_2_1, FIDO_2_3", "transport strings: usb", "pin protocols: 2, 1"):
            ensure(line in info, f"there is no `{line}` in {info}")


def _without_pin(cases, key):
    for algorithm in ("es256", "eddsa"):
        with cases.case(f"without a PIN, {algorithm}: a credential is made, checked and used"):
            Key(key, f"plain-{algorithm}", algorithm=algorithm, pin=False).sign_in("-p", pin=False)
    with cases.case("a user who refuses is FIDO_ERR_OPERATION_DENIED"):
        key.fauxkey("device", "user", "deny")
        try:
            refused = str(raises(Ended, Key, key, "refused", pin=False))
            ensure("OPERATION_DENIED" in refused, refused)
        finally:
            key.fauxkey("device", "user", "approve")


def _pin(cases, key):
    with cases.case("fido2-token -S sets a PIN"):
        key.at_terminal("fido2-token", "-S", NODE, answers=[("new PIN", NEW_PIN), ("again", NEW_PIN)])
        ensure("clientPin" in key.exec("fido2-token", "-I", NODE), "getInfo does not say so")
    with cases.case("fido2-token -C changes it"):
        answers = [("current PIN", NEW_PIN), ("new PIN", PIN), ("again", PIN)]
        key.at_terminal("fido2-token", "-C", NODE, answers=answers)


def _passkeys(cases, key):
    blob = key.path("blob", "a blob that is larger than the others: " + "x" * 100)
    found = key.path("blob.found")
    ada = None
    with cases.case("a passkey with hmac-secret and a large blob key is made and checked, verified by PIN"):
        ada = Key(key, "ada", "-r -h -b -v")
    if ada is None:
        return
    with cases.case("a wrong PIN costs a retry and the right one gives it back"):
        refused = [("Enter PIN", "wrong")]
        key.at_terminal("fido2-token", "-Lr", NODE, answers=refused, status=1)
        ensure("pin retries: 7" in key.exec("fido2-token", "-I", NODE), "the retries are not 7")
        key.at_terminal("fido2-token", "-Lr", NODE, answers=[("Enter PIN", PIN)])
        ensure("pin retries: 8" in key.exec("fido2-token", "-I", NODE), "the retries are not 8")
    with cases.case("fido2-assert finds the passkey without being told which, and both accept it"):
        equal(ada.sign_in("-r -v", by_id=False)[4], encoded(b"ada"), "user ID")
    with cases.case("hmac-secret is the same for the same salt and another for another"):
        first, again, other = (ada.sign_in("-h -v", salt)[-1] for salt in (SALTS[0], SALTS[0], SALTS[1]))
        equal(again, first, "secret")
        equal(len(base64.b64decode(first)), 32, "bytes of a secret")
        ensure(other != first, "another salt gives the same")
    with cases.case("a large blob is stored, listed, read and deleted"):
        by = ["-n", RP, "-i", ada.id]
        key.at_terminal("fido2-token", "-Sb", *by, blob, NODE, answers=[("Enter PIN", PIN)])
        key.at_terminal("fido2-token", "-Gb", *by, found, NODE, answers=[("Enter PIN", PIN)])
        with open(blob) as wanted, open(found) as got:
            equal(got.read(), wanted.read(), "blob")
        listed = key.at_terminal("fido2-token", "-Lb", NODE, answers=[("Enter PIN", PIN)])
        # libfido2 1.12 does not say whose it is, though it finds it by that.
        ensure("00: " in listed and "01: " not in listed, listed)
        key.at_terminal("fido2-token", "-Db", *by, NODE, answers=[("Enter PIN", PIN)])
        os.remove(found)
        key.at_terminal("fido2-token", "-Gb", *by, found, NODE, answers=[("Enter PIN", PIN)], status=1)
    with cases.case("a second and a third passkey are made"):
        Key(key, "bob", "-r -v", "eddsa")
        Key(key, "eve", "-r -v -c 3")
    with cases.case("relying parties and passkeys are listed"):
        ensure(RP in key.at_terminal("fido2-token", "-Lr", NODE, answers=[("Enter PIN", PIN)]), "no relying party")
        listed = key.at_terminal("fido2-token", "-Lk", RP, NODE, answers=[("Enter PIN", PIN)])
        equal(listed.count("es256"), 2, "ES256 passkeys")
        equal(listed.count("eddsa"), 1, "EdDSA passkeys")
        ensure(ada.id in listed and encoded(b"bob") in listed, listed)
    with cases.case("a deleted passkey is gone"):
        key.at_terminal("fido2-token", "-D", "-i", ada.id, NODE, answers=[("Enter PIN", PIN)])
        ensure(ada.id not in key.at_terminal("fido2-token", "-Lk", RP, NODE, answers=[("Enter PIN", PIN)]), "listed")
        ada.sign_in("-v", status=1)


def _gone(cases, key):
    with cases.case("a device without power is not there, and opening it fails"):
        key.power("off")
        equal(key.exec("fido2-token", "-L"), "", "list")
        refused = str(raises(Ended, key.exec, "fido2-token", "-I", NODE))
        ensure("fido2-token: fido_dev_open" in refused, refused)
        key.power("on")
        ensure(NODE in key.exec("fido2-token", "-L"), "it did not come back")
    with cases.case("a device that is pulled out while it waits for its user ends the command with an error"):
        key.fauxkey("device", "user", "ignore")
        pull = threading.Timer(1.0, key.power, ["off"])
        pull.start()
        refused = str(raises(Ended, Key, key, "pulled", "", pin=False))
        pull.join()
        ensure("fido2-cred: " in refused and ": 1, not 0" in refused, refused)
        key.power("on")
        key.fauxkey("device", "user", "approve")


def _reset(cases, key):
    with cases.case("fido2-token -R forgets everything"):
        key.power("cycle")
        key.exec("fido2-token", "-R", NODE)
        ensure("noclientPin" in key.exec("fido2-token", "-I", NODE), "there is a PIN")


def _by_itself(cases):
    """Without an instance, `exec` has a device of its own."""
    with cases.case("exec starts a device when none runs, and passes on the exit code"):
        command = [PROGRAM, "exec", "--ephemeral", "--profile", "security-key", "--", "sh", "-c", "fido2-token -L; exit 7"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        equal((done.returncode, done.stdout.partition(":")[0]), (7, NODE), "result")
    if os.geteuid() == 0:
        with cases.case("another user's program sees it, too"):
            script = "id -u; fido2-token -I /dev/hidraw64"
            command = [PROGRAM, "exec", "--ephemeral", "--user", "nobody", "--", "sh", "-c", script]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
            equal((done.returncode, done.stdout.split("\n")[:2]), (0, ["65534", "proto: 0x02"]), done.stderr)


def _libraries(cases, key):
    """Small programs in processes of their own, which print cases, too."""
    for program in ("exec_libudev.py", "exec_hidapi.py"):
        environment = key.environment | {"FAUXKEY": PROGRAM}
        command = [PROGRAM, "exec", "--", sys.executable, "-B", "-u", os.path.join(HERE, program)]
        with cases.case(f"{program} runs to its end", quiet=True):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
            sys.stderr.write(done.stderr)
            sys.stdout.write(done.stdout)
            equal(done.returncode, 0, "exit code")
    with cases.case("an instance that dies leaves a device that does not open"):
        opened = "import os\ntry: os.open('/dev/hidraw64', os.O_RDWR)\nexcept OSError as e: print(e.errno)"
        command = f"kill -9 {key.process.pid}; sleep 0.3; {sys.executable} -c \"{opened}\"; fido2-token -I {NODE} && exit 1; exit 0"
        said = key.exec("sh", "-c", command)
        equal(said.split()[0], "19", "errno, which is ENODEV")


if __name__ == "__main__":
    main()
