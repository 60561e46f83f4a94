"""A room with a desktop and phones in it: `fauxkey hybrid lab` gives it Bluetooth and a tunnel service, the desktop is an
unmodified Chromium with windows on a screen that nobody looks at, and a phone is `fauxkey hybrid scan`."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from devtools import HEADLESS, over_pipe
from process import PROGRAM
from screen import screen
from web import Refused

PATIENCE = 60
"""Seconds after which something hangs: a phone looks at the screen for thirty."""
DONE, REFUSED, LEFT = 0, 1, 3
"""Exit statuses of `hybrid scan`."""
SOMEBODY = ["--appear-as", "1000:1000"]
"""For root, as Chromium has no sandbox for root."""
CEREMONY = """((kind, json) => {
  window.outcome = null;
  window.control = new AbortController();
  const parse = {create: 'parseCreationOptionsFromJSON', get: 'parseRequestOptionsFromJSON'}[kind];
  navigator.credentials[kind]({publicKey: PublicKeyCredential[parse](json), signal: control.signal}).then(
    credential => { window.outcome = {value: credential.toJSON()}; },
    error => { window.outcome = {error: error.name, message: String(error.message)}; });
})"""


def again_in_lab(*arguments, **more):
    """Runs the script that was started once more, with those arguments, in a lab."""
    # A home of its own: what the lab and the browser leave there is gone with it.
    with tempfile.TemporaryDirectory(prefix="fauxkey-hybrid-") as home:
        flags = SOMEBODY if os.geteuid() == 0 else []
        command = [PROGRAM, "hybrid", "lab", *flags, "--", sys.executable, "-B", "-u", sys.argv[0], *arguments]
        environment = os.environ | {"HOME": home, "FAUXKEY_HOME": os.path.join(home, "fauxkey"), "NO_COLOR": "1"}
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, **more)


class Page(BaseHTTPRequestHandler):
    """A relying party's page."""

    def do_GET(self):
        body = b"<!doctype html><meta charset=utf-8><title>page</title><h1>Page</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Desktop:
    """A browser that shows a page, and its user."""

    rp_id = "localhost"

    def __init__(self, page, screen, origin):
        self.page, self.screen, self.origin = page, screen, origin

    def begin(self, kind, options):
        """The user clicks, and the browser shows a code."""
        expression = f"{CEREMONY}({json.dumps(kind)}, {json.dumps(options)})"
        found = self.page.send("Runtime.evaluate", expression=expression, userGesture=True)
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"]))

    def close_dialog(self):
        self.screen.press("Escape")

    def abort(self):
        """The page changes its mind."""
        self.page.value("control.abort()")

    def outcome(self):
        """What the page gets: a response in JSON, or Refused."""
        done = self.page.until(lambda: self.page.value("window.outcome"), "the page hears how it ended")
        if "error" in done:
            raise Refused(done["error"], done["message"])
        return done["value"]


@contextmanager
def desktop():
    """A desktop with its page open, in a lab."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://localhost:{server.server_port}"
    # The lab's CA is in the home.
    home = {"HOME": os.environ["HOME"]}
    with screen() as display, over_pipe(HEADLESS, screen=display.name, environment=home) as page:
        page.patience = PATIENCE
        page.open(origin + "/")
        yield Desktop(page, display, origin)
    server.shutdown()
    server.server_close()


class Phone:
    """A device of a profile, in a home of its own."""

    def __init__(self, home, profile, display):
        self.home, self.profile = home, profile
        self._environment = os.environ | {"FAUXKEY_HOME": home, "DISPLAY": display}
        self.aaguid = self.command("device", "add", "phone", "--profile", profile)["aaguid"]

    def command(self, *arguments):
        """A command's document."""
        command = [PROGRAM, "--json", *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def passkeys(self):
        return self.command("passkey", "list", "--device", "phone")

    @contextmanager
    def scanning(self, *flags):
        """The phone looks at the screen."""
        command = [PROGRAM, "--json", "hybrid", "scan", "--screen", "--device", "phone", *flags]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, env=self._environment, text=True, **pipes)
        scan = Scan(process)
        try:
            yield scan
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()

    def scan(self, status, *flags):
        """The phone looks at the screen, does what there is to do, and ends with that status."""
        with self.scanning(*flags) as scan:
            scan.ends(status)


class Scan:
    """A phone that has looked at a code."""

    def __init__(self, process):
        self._process = process
        self.events = []
        """What happened, in JSON."""
        self.said = None
        """What it says of a failure."""
        self._arrived = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        try:
            for line in self._process.stdout:
                with self._arrived:
                    self.events.append(json.loads(line))
                    self._arrived.notify_all()
        except ValueError:
            # Closed at the end.
            pass

    def until(self, event):
        """Waits for an event."""
        said = lambda: any(one.get("event") == event for one in self.events)  # noqa: E731
        with self._arrived:
            if not self._arrived.wait_for(said, PATIENCE):
                raise AssertionError(f"the phone never says {event}, but {self.events}")

    def ends(self, status):
        """Waits until it ends, with that status."""
        try:
            found = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the phone does not end; it said {self.events}") from None
        self.said = self._process.stderr.read()
        if found != status:
            said = f"{self.events} {self.said}"
            raise AssertionError(f"the phone's status: {found} where {status} was expected; it said {said}")
