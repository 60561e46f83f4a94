"""A screen that nobody looks at: Xvfb, what is on it, and a keyboard."""

import os
import subprocess
from contextlib import contextmanager


class Screen:
    """An X server's display."""

    def __init__(self, name):
        self.name = name
        """As DISPLAY has it."""

    def press(self, key):
        """Presses a key of xdotool's name in whatever window has the focus, the browser's own dialogs included."""
        self._tool("key", key)

    def titles(self):
        """The titles of all windows that are shown."""
        found = self._tool("search", "--onlyvisible", "--name", ".")
        return [self._tool("getwindowname", window).strip() for window in found.split()]

    def _tool(self, *arguments):
        environment = os.environ | {"DISPLAY": self.name}
        return subprocess.run(["xdotool", *arguments], env=environment, capture_output=True, text=True, timeout=20).stdout


@contextmanager
def screen(size="1280x900x24"):
    """A display of its own, which is free, as the server itself looks for its number."""
    read, write = os.pipe()
    # Only programs of the same user reach it: no TCP, and a socket in the file system.
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[write], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with open(read) as number:
            yield Screen(f":{number.readline().strip()}")
    finally:
        process.terminate()
        process.wait()
