"""A relying party by py_webauthn: a page that does as it is told from outside, and the verdict on what it brings."""

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import webauthn
from selenium.webdriver.support.ui import WebDriverWait
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import InvalidAuthenticationResponse
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

PAGE = b"""<!doctype html><meta charset=utf-8><title>page</title><script>
async function ceremony(kind, publicKey, more = {}) {
  const parsed = kind === 'create' ? PublicKeyCredential.parseCreationOptionsFromJSON(publicKey)
                                   : PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
  try {
    return {value: (await navigator.credentials[kind]({publicKey: parsed, ...more})).toJSON()};
  } catch (error) {
    return {error: error.name, message: error.message};
  }
}
</script>"""
# As a page that is careful has it: nothing may be loaded from anywhere, and it connects to nobody.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; connect-src 'none'"


class Refused(Exception):
    """The browser ended a ceremony with a DOMException."""

    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name = name


class Party:
    """On localhost. What it asks for is a discoverable passkey and a verified user, if nothing else is said."""

    def __init__(self):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path == "/" else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Security-Policy", POLICY)
                self.end_headers()
                self.wfile.write(PAGE if self.path == "/" else b"")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.origin = f"http://localhost:{self._server.server_port}"
        self.passkeys = {}

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def register(self, driver, name, *, timeout=60_000, **more):
        """A new passkey, as py_webauthn has verified it."""
        options = webauthn.generate_registration_options(
            rp_id="localhost",
            rp_name="Party",
            user_name=name,
            timeout=timeout,
            attestation=AttestationConveyancePreference.DIRECT,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            supported_pub_key_algs=[COSEAlgorithmIdentifier.ECDSA_SHA_256],
        )
        response = ask(driver, "create", options, **more)
        verified = webauthn.verify_registration_response(
            credential=response,
            expected_challenge=options.challenge,
            expected_rp_id="localhost",
            expected_origin=self.origin,
            require_user_verification=True,
        )
        self.passkeys[verified.credential_id] = [name, verified.credential_public_key, verified.sign_count]
        return verified

    def sign_in(self, driver, *, timeout=60_000, **more):
        """The name of who signed in; the counter is taken over."""
        options = webauthn.generate_authentication_options(
            rp_id="localhost", timeout=timeout, user_verification=UserVerificationRequirement.REQUIRED
        )
        response = ask(driver, "get", options, **more)
        passkey = self.passkeys[base64url_to_bytes(response["id"])]
        verified = webauthn.verify_authentication_response(
            credential=response,
            expected_challenge=options.challenge,
            expected_rp_id="localhost",
            expected_origin=self.origin,
            credential_public_key=passkey[1],
            credential_current_sign_count=passkey[2],
            require_user_verification=True,
        )
        passkey[2] = verified.new_sign_count
        return passkey[0]

    def notices(self, driver):
        """Whether the next sign-in brings a counter that went back; py_webauthn says so."""
        try:
            self.sign_in(driver)
        except InvalidAuthenticationResponse as refused:
            return "sign count" in str(refused)
        return False


BEGIN = """
const [name, kind, publicKey, more] = arguments;
ceremony(kind, publicKey, more).then((done) => { window[name] = done; });
"""
PATIENCE = 30
"""Seconds after which a ceremony hangs."""


def ask(driver, kind, options, **more):
    """What a page gets, or Refused."""
    return begin(driver, kind, options, **more)()


def begin(driver, kind, options, **more):
    """The same, while the test goes on; to be called for its end."""
    name = f"ceremony_{secrets.token_hex(4)}"
    driver.execute_script(BEGIN, name, kind, json.loads(webauthn.options_to_json(options)), more)

    def end():
        # Looked at again and again, as tests do: chromedriver does nothing else while an asynchronous script runs.
        done = WebDriverWait(driver, PATIENCE, 0.05).until(lambda _: driver.execute_script(f"return window.{name}"))
        if "error" in done:
            raise Refused(done["error"], done["message"])
        return done["value"]

    return end
