"""A reader of smart cards: Debian's pcscd with vsmartcard's virtual reader, for as long as the scripts need it."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

PYSCARD = "2.3.1"
VPCD = ("127.0.0.1", 35963)
"""Where the virtual reader waits for a card."""
NAME = "Virtual PCD 00 00"
PATIENCE = 20
"""Seconds after which something hangs."""


def bring_pyscard():
    """pyscard is a source package: it is built here, with the compiler and headers that the peer brings."""
    try:
        import smartcard  # noqa: F401
    except ImportError:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", f"pyscard=={PYSCARD}"], check=True)


def listens():
    try:
        socket.create_connection(VPCD, 1).close()
    except OSError:
        return False
    return True


@contextmanager
def pcscd():
    """pcscd as it runs without a service manager, unless one runs already."""
    if listens():
        yield
        return
    os.makedirs("/run/pcscd", exist_ok=True)
    process = subprocess.Popen(
        ["/usr/sbin/pcscd", "--foreground"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(listens, "pcscd opens no virtual reader")
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_for(condition, why):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(why)
        time.sleep(0.05)
