"""A real Chromium over its DevTools pipe: a page with a keyboard, an accessibility tree, and screenshots."""

import base64
import fcntl
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager

from web import CHROMIUM, PATIENCE, end

KEYS = {
    "Tab": ("Tab", 9, None),
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, None),
    "Space": ("Space", 32, " "),
    "ArrowDown": ("ArrowDown", 40, None),
    "ArrowUp": ("ArrowUp", 38, None),
    "Home": ("Home", 36, None),
    "End": ("End", 35, None),
    "Backspace": ("Backspace", 8, None),
}
SHIFT, CONTROL = 8, 2


class Page:
    """The one page of a browser."""

    patience = PATIENCE
    """Seconds after which something never comes."""

    def __init__(self, process, to_browser, from_browser):
        self._process, self._to, self._from = process, to_browser, from_browser
        self._count, self._answers, self._session = 0, {}, None
        self._arrived = threading.Condition()
        self.complaints = queue.SimpleQueue()
        """What the console said that is a warning or worse, and exceptions."""
        threading.Thread(target=self._listen, daemon=True).start()
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Accessibility"):
            self.send(f"{domain}.enable")

    def _listen(self):
        buffer = b""
        while part := os.read(self._from, 1 << 16):
            *messages, buffer = (buffer + part).split(b"\0")
            for message in map(json.loads, messages):
                if "id" in message:
                    with self._arrived:
                        self._answers[message["id"]] = message
                        self._arrived.notify_all()
                elif message["method"] == "Runtime.exceptionThrown":
                    self.complaints.put(json.dumps(message["params"]["exceptionDetails"]))
                elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] != "info":
                    entry = message["params"]["entry"]
                    self.complaints.put(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")

    def send(self, method, **params):
        """One DevTools command; its result."""
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        with self._arrived:
            if not self._arrived.wait_for(lambda: number in self._answers, PATIENCE):
                raise RuntimeError(f"{method}: the browser does not answer")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url):
        self.send("Page.navigate", url=url)
        self.until(lambda: self.value("document.readyState") == "complete", "the page is loaded")

    def value(self, expression):
        """What an expression of JavaScript gives there: to look, never to act."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def until(self, condition, what):
        """Waits until that is so; its result."""
        end = time.monotonic() + self.patience
        while not (found := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"never: {what}; the focus is on {self.focus()}")
            time.sleep(0.03)
        return found

    def press(self, key, times=1, modifiers=0):
        """Presses a key that has a name."""
        code, number, text = KEYS[key]
        held = {"key": " " if key == "Space" else key, "code": code, "windowsVirtualKeyCode": number}
        held["modifiers"] = modifiers
        for _ in range(times):
            down = held | ({"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"})
            self.send("Input.dispatchKeyEvent", **down)
            self.send("Input.dispatchKeyEvent", **held, type="keyUp")

    def type(self, text):
        """Types text, one key after the other."""
        for character in text:
            # The codes of other characters are those of other keys: 46 is Delete.
            code = ord(character.upper()) if character.isalnum() else 0
            held = {"key": character, "windowsVirtualKeyCode": code}
            self.send("Input.dispatchKeyEvent", **held, type="keyDown", text=character)
            self.send("Input.dispatchKeyEvent", **held, type="keyUp")

    def select_all(self):
        held = {"key": "a", "code": "KeyA", "windowsVirtualKeyCode": 65, "modifiers": CONTROL}
        self.send("Input.dispatchKeyEvent", **held, type="rawKeyDown", commands=["selectAll"])
        self.send("Input.dispatchKeyEvent", **held, type="keyUp")

    def focus(self):
        """What has the focus, as a screen reader hears it: role and name."""
        found = self.send("Runtime.evaluate", expression="document.activeElement")["result"]
        if "objectId" not in found:
            # The page is on its way.
            return "", ""
        tree = self.send("Accessibility.getPartialAXTree", objectId=found["objectId"], fetchRelatives=False)
        (node,) = [node for node in tree["nodes"] if not node.get("ignored")][:1] or [{}]
        text = lambda key: node.get(key, {}).get("value", "")
        return text("role"), text("name")

    def description(self):
        """What a screen reader says further of what has the focus."""
        found = self.send("Runtime.evaluate", expression="document.activeElement")["result"]
        tree = self.send("Accessibility.getPartialAXTree", objectId=found["objectId"], fetchRelatives=False)
        return tree["nodes"][0].get("description", {}).get("value", "")

    def tree(self):
        """Everything that a screen reader can reach: pairs of role and name."""
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        heard = [node for node in nodes if not node.get("ignored")]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in heard]

    def go_to(self, role, name, most=120):
        """Presses Tab until that has the focus."""
        seen = []
        for _ in range(most):
            if (here := self.focus()) == (role, name):
                return
            seen.append(here)
            self.press("Tab")
        raise AssertionError(f"Tab never comes to {role} {name!r}, but to {list(dict.fromkeys(seen))}")

    def look(self, scheme, width, height):
        """The colour scheme and the size of the window."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        self.send("Emulation.setScrollbarsHidden", hidden=True)

    def screenshot(self, path):
        whole = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(whole["data"]))


def pipes():
    """Ours and the browser's ends of two pipes: read here, write here, read there, write there. None is 3 or 4, which the
    shell that starts the browser puts them on."""
    (read_here, write_there), (read_there, write_here) = os.pipe(), os.pipe()
    ends = [read_here, write_here, read_there, write_there]
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high


HEADLESS = "/usr/bin/chromium"
"""Debian's, in its new headless mode; chromium-headless-shell has no other."""


def chromium():
    return over_pipe(HEADLESS)


@contextmanager
def over_pipe(program, before=(), screen=None, environment=None):
    """A browser with a profile of its own, started by `before`; its page. On a screen it has windows."""
    folder = tempfile.mkdtemp(prefix="fauxkey-devtools-")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    flags = ["--remote-debugging-pipe", f"--user-data-dir={folder}/profile", *CHROMIUM, *sandbox]
    environment = os.environ | {"HOME": folder, "DBUS_SESSION_BUS_ADDRESS": "disabled:"} | (environment or {})
    if screen:
        environment["DISPLAY"] = screen
    elif program == HEADLESS:
        flags.append("--headless=new")
    read_here, write_here, read_there, write_there = pipes()
    # Chromium reads commands from descriptor 3 and writes to 4.
    start = f'exec "$0" "$@" 3<&{read_there} 4>&{write_there}'
    with open(os.path.join(folder, "log"), "w") as log:
        process = subprocess.Popen(
            ["bash", "-c", start, *before, program, *flags, "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            pass_fds=(read_there, write_there),
            start_new_session=True,
        )
        os.close(read_there)
        os.close(write_there)
        try:
            yield Page(process, write_here, read_here)
        finally:
            end(process)
            os.close(write_here)
            shutil.rmtree(folder, ignore_errors=True)
