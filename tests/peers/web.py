"""Unmodified browsers behind `fauxkey exec`, and a local page that does in them what it is told."""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROGRAM = os.environ["FAUXKEY"]
"""The binary, named by `cargo xtask peers`."""
PATIENCE = 90
"""Seconds after which something hangs. Browsers on a busy machine take their time."""
UNPRIVILEGED = "nobody"

PAGE = b"""<!doctype html><meta charset=utf-8><title>page</title><script>
const ask = (path, value) => fetch(path, {method: 'POST', body: JSON.stringify(value)}).then(r => r.json());
async function step({kind, publicKey, probe}) {
  if (kind === 'probe') return eval(probe);
  const signal = AbortSignal.timeout(publicKey.timeout || 60000);
  const parsed = kind === 'create' ? PublicKeyCredential.parseCreationOptionsFromJSON(publicKey)
                                   : PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
  return (await navigator.credentials[kind]({publicKey: parsed, signal})).toJSON();
}
(async () => {
  let done = {focus: document.hasFocus(), agent: navigator.userAgent};
  for (;;) {
    const next = await ask('/next', done);
    try { done = {value: await step(next)}; }
    catch (error) { done = {error: error.name, message: String(error.message)}; }
  }
})();
</script>"""


class Refused(Exception):
    """The browser ended a ceremony with a DOMException."""

    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name = name


class Site:
    """A page on localhost that runs ceremonies as they are asked for here."""

    def __init__(self):
        self._asked, self._done = queue.Queue(), queue.Queue()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self._answer("text/html", PAGE if self.path == "/" else b"")

            def do_POST(self):
                site._done.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answer("application/json", json.dumps(site._asked.get()).encode())

            def _answer(self, kind, body):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.origin = f"http://localhost:{self._server.server_port}"
        self.rp_id = "localhost"

    def opened(self):
        """Waits until a browser has the page open."""
        return self._next()

    def create(self, public_key):
        """A RegistrationResponseJSON, or Refused."""
        return self._do(kind="create", publicKey=public_key)

    def get(self, public_key):
        """An AuthenticationResponseJSON, or Refused."""
        return self._do(kind="get", publicKey=public_key)

    def probe(self, script):
        """What an expression of JavaScript gives there."""
        return self._do(kind="probe", probe=script)

    def _do(self, **step):
        self._asked.put(step)
        done = self._next()
        if "error" in done:
            raise Refused(done["error"], done["message"])
        return done["value"]

    def _next(self):
        try:
            return self._done.get(timeout=PATIENCE)
        except queue.Empty:
            raise RuntimeError("the page does not answer") from None

    def close(self):
        self._asked.put({"kind": "probe", "probe": "0"})
        self._server.shutdown()
        self._server.server_close()


CHROMIUM = [
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--mute-audio",
    "--password-store=basic",
]
FIREFOX = {
    # As users have it who were asked once: without it Firefox waits at a question for a page that asks for attestation.
    "security.webauthn.always_allow_direct_attestation": True,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


def _chromium(profile, url, root):
    sandbox = ["--no-sandbox"] if root else []
    return ["/usr/bin/chromium", "--headless=new", f"--user-data-dir={profile}", *CHROMIUM, *sandbox, url], None


def _headless_shell(profile, url, root):
    """It opens the page over DevTools: one that the command line names does not have the focus there."""
    sandbox = ["--no-sandbox"] if root else []
    port = _free_port()
    command = ["/usr/bin/chromium-headless-shell", f"--remote-debugging-port={port}", f"--user-data-dir={profile}"]
    return [*command, *CHROMIUM, *sandbox, "about:blank"], lambda: _open_tab(port, url)


def _firefox(profile, url, _root):
    with open(os.path.join(profile, "user.js"), "w") as file:
        for name, value in FIREFOX.items():
            file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
    return ["/usr/bin/firefox-esr", "--headless", "--no-remote", "--profile", profile, url], None


BROWSERS = {"chromium": _chromium, "chromium-headless-shell": _headless_shell, "firefox": _firefox}


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _open_tab(port, url):
    end = time.monotonic() + PATIENCE
    request = urllib.request.Request(f"http://127.0.0.1:{port}/json/new?{url}", method="PUT")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            return opener.open(request, timeout=10).read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


@contextmanager
def browser(name, flags, environment=None, user=None, first=None):
    """A browser that shows a page of its own, behind `fauxkey exec` with those flags; the page. `first` is a fauxkey
    command that is done on the same devices before the browser starts."""
    site = Site()
    folder = tempfile.mkdtemp(prefix="fauxkey-browser-")
    profile = os.path.join(folder, "profile")
    os.mkdir(profile)
    command, opens = BROWSERS[name](profile, site.origin + "/", user is None)
    if user:
        flags = [*flags, "--user", user]
        for path in (folder, profile, *(os.path.join(profile, file) for file in os.listdir(profile))):
            shutil.chown(path, user)
    # A home of its own, so that nothing of the machine's browsers is touched or found.
    home = {"HOME": folder, "XDG_RUNTIME_DIR": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder}
    home |= {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "MOZ_HEADLESS": "1"}
    before = []
    if first:
        # Where that user reaches it, too.
        program = shutil.copy(PROGRAM, os.path.join(folder, "fauxkey"))
        before = ["sh", "-c", f'"$0" {first} && exec "$@"', program]
    env = [*before, "env", *(f"{key}={value}" for key, value in home.items())]
    log = open(os.path.join(folder, "log"), "w+")
    process = subprocess.Popen(
        [PROGRAM, "exec", *flags, "--", *env, *command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=os.environ | {"NO_COLOR": "1"} | (environment or {}),
        start_new_session=True,
    )
    site.said = lambda: _read(log)
    try:
        if opens:
            opens()
        try:
            site.opened()
        except RuntimeError:
            raise RuntimeError(f"{name} did not open the page: {site.said()[-2000:]}") from None
        yield site
    finally:
        site.close()
        end(process)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def end(process, group=True):
    """Ends a process and all that it has started: kindly, and after a while not. `group`: whether the kind word is for all of
    them, or for the first, which tells the others."""
    try:
        os.killpg(process.pid, signal.SIGTERM) if group else os.kill(process.pid, signal.SIGTERM)
        process.wait(20)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _read(log):
    log.flush()
    log.seek(0)
    text = log.read()
    log.seek(0, os.SEEK_END)
    return text
