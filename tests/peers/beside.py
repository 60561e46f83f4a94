"""Browsers that `fauxkey browser` opens with fauxkey beside them, by the extension or by a script in each page; and pages
that do in them what they are told: over https with a certificate that nobody signed, under names that are mapped, with the
strictest policies that still let them run, one in a frame of the other."""

import datetime
import ipaddress
import json
import os
import queue
import shutil
import ssl
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from web import PATIENCE, PROGRAM, Refused, end

HOST, OTHER = "login.example.test", "embedder.example"
"""Two sites: they share no registrable domain."""
NONCE = "c2l0ZQ"
POLICY = (
    f"default-src 'none'; script-src 'nonce-{NONCE}'; connect-src 'self'; frame-src https:; "
    "require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'; form-action 'none'"
)
SCRIPT = """
const ask = (path, value) => fetch(path, {method: 'POST', body: JSON.stringify(value)}).then(r => r.json());
const pending = {};
const inFrame = ({allow, step}) => new Promise((resolve) => {
  const frame = document.createElement('iframe');
  if (allow !== null) frame.allow = allow;
  frame.src = step.url;
  const hear = ({data, source}) => {
    if (source !== frame.contentWindow) return;
    if (data === 'ready') { frame.contentWindow.postMessage(step, '*'); return; }
    removeEventListener('message', hear);
    frame.remove();
    resolve(data);
  };
  addEventListener('message', hear);
  document.body.append(frame);
});
const ceremony = async ({kind, publicKey, mediation, signal}) => {
  const parsed = kind === 'create' ? PublicKeyCredential.parseCreationOptionsFromJSON(publicKey)
                                   : PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
  const made = await navigator.credentials[kind]({publicKey: parsed, signal, ...(mediation ? {mediation} : {})});
  if (!(made instanceof PublicKeyCredential)) throw new Error('not of its class');
  return made.toJSON();
};
const attempt = async (what) => {
  try { return {value: await what()}; }
  catch (error) { return {error: error.name, message: String(error.message)}; }
};
const steps = {
  create: ceremony,
  get: ceremony,
  begin: ({id, ...step}) => {
    const controller = new AbortController();
    pending[id] = {controller, done: attempt(() => ceremony({...step.step, signal: controller.signal}))};
    return true;
  },
  abort: ({id}) => { pending[id].controller.abort(); return true; },
  finish: async ({id}) => { const done = await pending[id].done; if (done.error) throw new DOMException(done.message, done.error); return done.value; },
  signal: async ({method, options}) => { await PublicKeyCredential[method](options); return true; },
  capabilities: async () => ({
    platform: await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable(),
    conditional: await PublicKeyCredential.isConditionalMediationAvailable(),
  }),
  socket: ({url, protocols}) => new Promise((resolve) => {
    let socket;
    try { socket = new WebSocket(url, protocols); } catch { resolve('refused'); return; }
    socket.onopen = () => resolve('open');
    socket.onerror = () => resolve('refused');
  }),
};
const run = (step) => attempt(() => step.kind === 'frame' ? inFrame(step) : steps[step.kind](step));
if (parent !== window) {
  addEventListener('message', async ({data}) => parent.postMessage(await run(data), '*'));
  parent.postMessage('ready', '*');
} else (async () => {
  let done = {value: location.href};
  for (;;) {
    const step = await ask('/next', done);
    if (step.kind === 'leave') { location.assign(step.url); return; }
    done = await run(step);
    if (step.kind === 'frame' && done.value) done = done.value;
  }
})();
"""


def certificate(folder):
    """The files of a certificate for both names, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fauxkey test page")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName(HOST), x509.DNSName(OTHER), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = os.path.join(folder, "page.pem"), os.path.join(folder, "page.key")
    with open(paths[0], "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(paths[1], "wb") as file:
        plain = serialization.NoEncryption()
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return paths


class Pages:
    """The pages, and what they are told."""

    rp_id = HOST

    def __init__(self, folder):
        self._asked, self._done = queue.Queue(), queue.Queue()
        pages = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = f"<!doctype html><meta charset=utf-8><title>page</title><body><script nonce={NONCE}>{SCRIPT}</script>"
                self._answer("text/html", body.encode() if self.path.partition("?")[0] == "/" else b"")

            def do_POST(self):
                pages._done.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answer("application/json", json.dumps(pages._asked.get()).encode())

            def _answer(self, kind, body):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if "open" not in self.path:
                    self.send_header("Content-Security-Policy", POLICY)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except (ConnectionError, ssl.SSLError):
                    pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(folder))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        port = self._server.server_port
        self.origin, self.other = f"https://{HOST}:{port}", f"https://{OTHER}:{port}"

    def opened(self):
        return self._next()["value"]

    def create(self, public_key, **more):
        return self.do(kind="create", publicKey=public_key, **more)

    def get(self, public_key, **more):
        return self.do(kind="get", publicKey=public_key, **more)

    def do(self, **step):
        """What a step gives, or Refused."""
        self._asked.put(step)
        done = self._next()
        if "error" in done:
            raise Refused(done["error"], done["message"])
        return done["value"]

    def go(self, url):
        """To another page; the address of the page that is there then."""
        self._asked.put({"kind": "leave", "url": url})
        return self.opened()

    def _next(self):
        try:
            return self._done.get(timeout=PATIENCE)
        except queue.Empty:
            raise RuntimeError("the page does not answer") from None

    def close(self):
        self._asked.put({"kind": "capabilities"})
        self._server.shutdown()
        self._server.server_close()


FIREFOX = {
    "network.dns.localDomains": f"{HOST},{OTHER}",
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "app.update.enabled": False,
}
CHROMIUM = [
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP {OTHER} 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--password-store=basic",
    "--mute-audio",
]
HEADLESS = {"chromium": ["--headless=new", *CHROMIUM], "chromium-headless-shell": CHROMIUM, "firefox": ["--headless"]}


@contextmanager
def browser(name, route, environment, flags=()):
    """The pages, in a browser that `fauxkey browser` opens by that route for the instance that the environment names."""
    folder = tempfile.mkdtemp(prefix="fauxkey-beside-")
    data = os.path.join(folder, "profile")
    os.mkdir(data)
    if name == "firefox":
        with open(os.path.join(data, "user.js"), "w") as file:
            for key, value in FIREFOX.items():
                file.write(f"user_pref({json.dumps(key)}, {json.dumps(value)});\n")
    pages = Pages(folder)
    command = [PROGRAM, "browser", "--route", route, "--browser", name, "--data", data, "--any-certificate", "--verbose"]
    home = {"HOME": folder, "XDG_RUNTIME_DIR": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder}
    home |= {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "MOZ_HEADLESS": "1", "NO_COLOR": "1"}
    log = open(os.path.join(folder, "log"), "w+")
    process = subprocess.Popen(
        [*command, *flags, pages.origin + "/", "--", *HEADLESS[name]],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=os.environ | home | environment,
        start_new_session=True,
    )
    try:
        try:
            pages.opened()
        except RuntimeError:
            log.seek(0)
            raise RuntimeError(f"{name} did not open the page: {log.read()[-2000:]}") from None
        yield pages
    finally:
        pages.close()
        end(process, group=False)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)
