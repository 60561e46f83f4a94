"""A page that registers and signs in as soon as it is opened, and its relying party, py_webauthn. Prints `ok CASE` or
`FAILED CASE: why`; ends when the page is done."""

import http.server
import json
import sys
import threading

import webauthn
from webauthn.helpers import base64url_to_bytes

NAME = sys.argv[1]
ORIGIN, RP_ID = "http://localhost:8000", "localhost"
CHALLENGE = bytes(range(32))
PAGE = b"""<!doctype html><title>page</title><script>
const post = (stage, value) => fetch('/' + stage, {method: 'POST', body: JSON.stringify(value)});
(async () => {
  try {
    const challenge = Uint8Array.from({length: 32}, (_, i) => i);
    await post('create', {focus: document.hasFocus()});
    const made = await navigator.credentials.create({publicKey: {challenge, rp: {id: 'localhost', name: 'Page'},
      user: {id: new Uint8Array([1]), name: 'ada', displayName: 'Ada'}, attestation: 'none', timeout: 300000,
      pubKeyCredParams: [{type: 'public-key', alg: -7}],
      authenticatorSelection: {userVerification: 'discouraged', residentKey: 'discouraged'}}});
    await post('made', made.toJSON());
    const used = await navigator.credentials.get({publicKey: {challenge, rpId: 'localhost', timeout: 300000,
      allowCredentials: [{type: 'public-key', id: made.rawId, transports: ['usb']}], userVerification: 'discouraged'}});
    await post('used', used.toJSON());
  } catch (error) {
    await post('broke', String(error));
  }
})();
</script>"""


class Party:
    """What the page did so far."""

    passkey = None
    done = False

    def create(self, value):
        print(f"page: create, focus {value['focus']}", flush=True)

    def made(self, value):
        self.passkey = webauthn.verify_registration_response(
            credential=value, expected_challenge=CHALLENGE, expected_rp_id=RP_ID, expected_origin=ORIGIN
        )
        transports = value["response"]["transports"]
        if "usb" not in transports:
            raise AssertionError(f"the browser names the transports {transports}")

    def used(self, value):
        self.done = True
        webauthn.verify_authentication_response(
            credential=value,
            expected_challenge=CHALLENGE,
            expected_rp_id=RP_ID,
            expected_origin=ORIGIN,
            credential_public_key=self.passkey.credential_public_key,
            credential_current_sign_count=self.passkey.sign_count,
        )
        if base64url_to_bytes(value["id"]) != self.passkey.credential_id:
            raise AssertionError("another passkey signed")

    def broke(self, value):
        self.done = True
        raise AssertionError(value)


CASES = {
    "made": "py_webauthn takes the registration",
    "used": "py_webauthn takes the sign-in",
    "broke": "the page comes to its end",
}
party = Party()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer(PAGE if self.path == "/" else b"")

    def do_POST(self):
        stage = self.path[1:]
        value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        case = f"{NAME}: {CASES.get(stage, stage)}"
        try:
            getattr(party, stage)(value)
            if stage in CASES:
                print(f"ok {case}", flush=True)
        except Exception as error:
            print(f"FAILED {case}: {error}", flush=True)
        self._answer(b"")
        if party.done:
            threading.Thread(target=server.shutdown).start()

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler)
print("page: served", flush=True)
server.serve_forever()
