"""Programs behind `fauxkey exec`, with an instance beside them, and a terminal where they ask for a PIN."""

import json
import os
import pty
import select
import subprocess
import tempfile
import time
from contextlib import contextmanager

PROGRAM = os.environ["FAUXKEY"]
"""The binary, named by `cargo xtask peers`."""
NODE = "/dev/hidraw64"
"""The first device's name in a program."""
PATIENCE = 30
"""Seconds after which something hangs."""


class Ended(Exception):
    """A program ended with another status than it was to."""


class Instance:
    """`fauxkey run` with one device, in a home of its own."""

    def __init__(self, folder, process, ready):
        self.folder = folder
        self.process = process
        self.environment = _environment(folder)
        self.ready = ready

    def path(self, name, contents=None):
        """A file beside the home, written if there is something to write."""
        path = os.path.join(self.folder, name)
        if contents is not None:
            with open(path, "w") as file:
                file.write(contents)
        return path

    def fauxkey(self, *arguments):
        """Another command on this instance; its standard output."""
        return _run([PROGRAM, *arguments], self.environment)

    def power(self, state):
        self.fauxkey("device", "power", state)

    def exec(self, *program, status=0, stdin=None):
        """A program behind `fauxkey exec`; what it wrote to standard output."""
        return _run([PROGRAM, "exec", "--", *program], self.environment, status, stdin)

    def at_terminal(self, *program, answers=(), status=0):
        """The same, at a terminal on which each question is answered in turn; everything that stood there."""
        return at_terminal([PROGRAM, "exec", "--", *program], answers, status, self.environment)


def _environment(folder):
    # Without colours, messages in another language, and instances of somebody else's.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAUXKEY_")}
    return kept | {"FAUXKEY_HOME": os.path.join(folder, "home"), "LC_ALL": "C", "NO_COLOR": "1"}


def _run(command, environment, status=0, stdin=None):
    done = subprocess.run(
        command, env=environment, input=stdin, capture_output=True, text=True, timeout=PATIENCE
    )
    if done.returncode != status:
        raise Ended(f"{' '.join(command[1:])}: {done.returncode}, not {status}: {done.stdout} {done.stderr}")
    return done.stdout


def at_terminal(command, answers=(), status=0, environment=None):
    """Runs a command on a terminal of its own. `answers` are pairs: the end of a question, and what to type."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(command[0], command, environment or os.environ)
    answers, shown, answered = list(answers), "", 0
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                os.kill(child, 9)
                raise Ended(f"{' '.join(command)} hangs after: {shown}")
            try:
                part = os.read(terminal, 4096)
            except OSError:
                break
            if not part:
                break
            shown += part.decode(errors="replace")
            if answers and answers[0][0] in shown[answered:]:
                answered = len(shown)
                os.write(terminal, answers.pop(0)[1].encode() + b"\n")
    finally:
        os.close(terminal)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended != status:
        raise Ended(f"{' '.join(command[1:])}: {ended}, not {status}: {shown}")
    if answers:
        raise Ended(f"{' '.join(command[1:])} did not ask `{answers[0][0]}`: {shown}")
    return shown


@contextmanager
def instance(profile, *arguments):
    """An instance with a device of that profile, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="fauxkey-exec-") as folder:
        ready, log_file = os.path.join(folder, "ready.json"), os.path.join(folder, "log")
        command = [PROGRAM, "run", "--profile", profile, "--attach", "exec", "--ready-file", ready]
        command += ["--exit-with-parent", *arguments]
        with open(log_file, "w+") as log:
            process = subprocess.Popen(command, env=_environment(folder), stdout=log, stderr=log)
            try:
                deadline = time.monotonic() + PATIENCE
                while not os.path.exists(ready):
                    if process.poll() is not None or time.monotonic() > deadline:
                        log.seek(0)
                        raise RuntimeError(f"fauxkey did not come up: {log.read()}")
                    time.sleep(0.01)
                with open(ready) as file:
                    yield Instance(folder, process, json.load(file))
            finally:
                process.terminate()
                process.wait(PATIENCE)
