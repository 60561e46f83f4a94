"""A fauxkey that is started, waited for and stopped."""

import json
import os
import subprocess
import tempfile
import time
from contextlib import contextmanager

PROGRAM = os.environ["FAUXKEY"]
"""The binary, named by `cargo xtask peers`."""
PATIENCE = 30
"""Seconds after which something hangs."""


@contextmanager
def serving(*arguments):
    """`fauxkey ARGUMENTS` in a folder of its own: that folder, and what its ready file says. `{folder}` in an argument is
    that folder."""
    with tempfile.TemporaryDirectory(prefix="fauxkey-peers-") as folder:
        ready = os.path.join(folder, "ready.json")
        command = [PROGRAM, *(argument.replace("{folder}", folder) for argument in arguments)]
        command += ["--ready-file", ready, "--exit-with-parent"]
        environment = os.environ | {"FAUXKEY_HOME": folder}
        with open(os.path.join(folder, "log"), "w+") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
            try:
                yield folder, _wait_for(ready, process, log)
            finally:
                process.terminate()
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _wait_for(ready, process, log):
    end = time.monotonic() + PATIENCE
    while not os.path.exists(ready):
        if process.poll() is not None or time.monotonic() > end:
            log.seek(0)
            raise RuntimeError(f"{' '.join(process.args)} did not come up: {log.read()}")
        time.sleep(0.005)
    with open(ready) as file:
        return json.load(file)
