"""A tenant that runs, the device of somebody in it, and what is no client's business: signing in on its pages."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import process
from process import PATIENCE, PROGRAM

FIDO2 = "policies/authenticationMethodsPolicy/authenticationMethodConfigurations/fido2"
IOS, ANDROID = "90a3ccdf-635c-4729-a248-9b709135078f", "de1e552d-db1d-4423-a619-566b625cdc84"


class Tenant:
    """`fauxkey tenant serve --ephemeral`, with devices."""

    def __init__(self, ready):
        self.url, self.token = ready["tenant"], ready["token"]
        self._environment = os.environ | {"FAUXKEY_URL": ready["url"], "FAUXKEY_TOKEN": ready["token"]}

    def command(self, *arguments, stdin=None):
        """Another fauxkey command on this instance: its standard output."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            input=stdin,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if done.returncode != 0:
            raise RuntimeError(f"fauxkey {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def device(self, name, profile):
        """A device whose user approves everything."""
        self.command("device", "add", name, "--profile", profile)
        self.command("device", "user", "approve", "--device", name)

    def made(self, options, device, name):
        """The body that Graph takes for a passkey that this device makes."""
        how = ["--origin", self.url, "--device", device, "--format", "graph", "--display-name", name]
        return json.loads(self.command("webauthn", "create", *how, stdin=json.dumps(options)))

    def signs_in(self, device):
        """Somebody signs in with the passkey of a device: what the page is told, or the refusal of it."""
        session = self._page("login/begin", {})["session"]
        options = self._page("login/options", {}, session)
        how = ["--origin", self.url, "--device", device]
        response = json.loads(self.command("webauthn", "get", *how, stdin=json.dumps(options)))
        return self._page("login/passkey", {"response": response}, session)

    def _page(self, path, body, session=None):
        headers = {"Content-Type": "application/json", "Origin": self.url}
        if session:
            headers["Authorization"] = f"Session {session}"
        request = urllib.request.Request(f"{self.url}/{path}", json.dumps(body).encode(), headers)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())


@contextmanager
def serving():
    """A tenant as Entra is now."""
    with process.serving("tenant", "serve", "--ephemeral") as (_, ready):
        yield Tenant(ready)
