"""Which AAGUID a relying party sees, measured: each route, each attestation preference, with an authenticator that attests
by itself and with one that does not; where a passkey made over one route is found; and what becomes of the options that
Microsoft Graph gives out. Every cell has an expectation in fixtures/browsers/aaguid.json, and one that is otherwise fails
by name; and what they see where fauxkey does what a browser does. `--write` replaces them by what is measured."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager

import beside
import fido2.client
import hybrid
import process
import web
from browsers import creation, request
from cases import Cases, equal
from fauxkey import Connection, HidDescriptor
from fido2.client import ClientError, DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.ctap2 import Ctap2
from fido2.hid import CtapHidDevice
from fido2.webauthn import (
    AttestationObject,
    PublicKeyCredentialCreationOptions,
    PublicKeyCredentialRequestOptions,
)
from webauthn.helpers import base64url_to_bytes

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURE = os.path.join(HERE, "..", "..", "fixtures", "browsers", "aaguid.json")
GRAPH = os.path.join(HERE, "..", "..", "fixtures", "graph", "creation-options.json")
PROFILES = {"self-attested": "ms-authenticator-ios+packed-self", "unattested": "ms-authenticator-ios"}
"""The same model, by how it attests."""
KEY = "fingerprint-key"
"""What Graph's options ask for, credProtect included, takes a security key."""
PREFERENCES = ("none", "indirect", "direct", "enterprise")
CLIENTS = ("spec-l3", "chromium-usb", "chromium-hybrid", "firefox")
FLAGS = ((0x01, "UP"), (0x04, "UV"), (0x08, "BE"), (0x10, "BS"), (0x40, "AT"), (0x80, "ED"))
RESIDENT = {"residentKey": "required", "userVerification": "required"}
LOOKED_FOR = 15_000
"""Milliseconds that a passkey is looked for."""


def seen(response, aaguid):
    """What a relying party sees of a registration, on one line."""
    made = AttestationObject(base64url_to_bytes(response["response"]["attestationObject"]))
    model = made.auth_data.credential_data.aaguid
    told = {str(aaguid): "ours", "00000000-0000-0000-0000-000000000000": "zeros"}.get(str(model), str(model))
    flags = " ".join(name for bit, name in FLAGS if made.auth_data.flags & bit)
    transports = ",".join(response["response"].get("transports") or ["-"])
    return f"{made.fmt}, {told}, {flags}, {transports}, {response.get('authenticatorAttachment')}"


class Refused(Exception):
    """The client of a route said no."""


class ByBrowser:
    """A page in a browser behind `exec`."""

    def __init__(self, site):
        self.site, self.rp_id = site, site.rp_id

    def create(self, options):
        return self._done(self.site.create, options)

    def get(self, options):
        return self._done(self.site.get, options)

    def _done(self, ceremony, options):
        try:
            return ceremony(options)
        except web.Refused as refused:
            raise Refused(refused.name) from None


class ByCommand:
    """`fauxkey webauthn`, in the manner of a client."""

    rp_id = "localhost"

    def __init__(self, instance, client):
        self.instance, self.client = instance, client

    def create(self, options):
        return self._run("create", options)

    def get(self, options):
        return self._run("get", options)

    def _run(self, verb, options):
        command = ["webauthn", verb, "-", "--origin", "http://localhost", "--client", self.client]
        status, printed, said = self.instance.command(*command, stdin=json.dumps(options))
        if status == 1:
            raise Refused(next(iter(said.splitlines()), "?").removeprefix("fauxkey: "))
        if status:
            raise RuntimeError(said)
        return json.loads(printed)


class ByPythonFido2:
    """python-fido2's client on the socket."""

    rp_id = "localhost"

    def __init__(self, instance):
        address = instance.socket
        descriptor = HidDescriptor(address, 0x1209, 0xF1D0, 64, 64, "fauxkey", None)
        self.device = CtapHidDevice(descriptor, Connection(address))
        collector = DefaultClientDataCollector("http://localhost:1", verify=lambda *_: True)
        self._client = Fido2Client(self.device, collector, user_interaction=UserInteraction())

    def create(self, options):
        return self._done(self._client.make_credential, PublicKeyCredentialCreationOptions.from_dict(options))

    def get(self, options):
        chosen = lambda options: self._client.get_assertion(options).get_response(0)  # noqa: E731
        return self._done(chosen, PublicKeyCredentialRequestOptions.from_dict(options))

    def _done(self, ceremony, options):
        try:
            return json.loads(json.dumps(dict(ceremony(options)), default=_plain))
        except ClientError as error:
            raise Refused(error.code.name) from None


def _plain(value):
    return dict(value) if hasattr(value, "keys") else str(value)


class Instance:
    """`fauxkey run` with one device of a profile, for `exec`, a socket and commands."""

    def __init__(self, folder, ready):
        self.folder = folder
        self.environment = {"FAUXKEY_HOME": folder}
        self.ready = ready
        self.trace = os.path.join(folder, "trace.jsonl")
        self.socket = next(place for place in ready["devices"][0]["attached"] if place.startswith("unix:"))

    def command(self, *arguments, stdin=None):
        environment = os.environ | self.environment
        done = subprocess.run(
            [web.PROGRAM, *arguments], input=stdin, env=environment, capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout, done.stderr


@contextmanager
def running(profile):
    doors = ["--attach", "socket,exec", "--trace", "{folder}/trace.jsonl"]
    with process.serving("run", "--device", f"device={profile}", *doors) as (folder, ready):
        yield Instance(folder, ready)


@contextmanager
def routes(instance, names):
    """The routes to a device, opened."""
    if not names:
        yield {}
        return
    name, rest = names[0], names[1:]
    if name in web.BROWSERS:
        with web.browser(name, [], environment=instance.environment) as site, routes(instance, rest) as others:
            yield {f"{name} through exec": ByBrowser(site)} | others
    elif name == "python-fido2":
        with routes(instance, rest) as others:
            route = ByPythonFido2(instance)
            yield {"python-fido2 over the socket": route} | others
            route.device.close()
    else:
        with routes(instance, rest) as others:
            yield {f"webauthn create --client {name}": ByCommand(instance, name)} | others


def outcome(ceremony, *arguments):
    try:
        return ceremony(*arguments)
    except Refused as refused:
        return f"refused: {refused}"


def measure(names):
    """Everything, as the fixture has it."""
    table, found = {}, {}
    for kind, profile in PROFILES.items():
        with running(profile) as instance, routes(instance, names) as open_routes:
            aaguid = instance.ready["devices"][0]["aaguid"]
            for route, party in open_routes.items():
                for preference in PREFERENCES:
                    options = creation(party, f"{kind} {preference}", attestation=preference)
                    made = lambda: seen(party.create(options), aaguid)  # noqa: E731
                    table[f"{route} | {kind} | {preference}"] = outcome(made)
            if kind == "unattested":
                found = _sign_ins(open_routes)
    return {"seen": table | _hybrid(), "found": found, "graph": _graph(names)}


def _sign_ins(open_routes):
    """Where a passkey is found that was made over another route, by the transports that the relying party stored."""
    found = {}
    for maker, by in open_routes.items():
        made = by.create(creation(by, maker))
        for looker, other in open_routes.items():
            stored = {"type": "public-key", "id": made["id"], "transports": made["response"].get("transports", [])}
            options = request(other, timeout=LOOKED_FOR, allowCredentials=[stored])
            used = outcome(other.get, options)
            found[f"{maker} | {looker}"] = used if isinstance(used, str) else "signs in"
    return found


def _graph(names):
    """Microsoft Graph's creationOptions, but for the RP ID, which is a page's own."""
    with open(GRAPH) as file:
        options = json.load(file)["publicKey"]
    results = {}
    for kind, profile in {"the phone": PROFILES["unattested"], "a key with a reader": KEY}.items():
        with running(profile) as instance:
            if profile == KEY:
                instance.command("device", "finger", "add", "thumb")
            with routes(instance, names) as open_routes:
                for route, party in open_routes.items():
                    here = options | {"rp": options["rp"] | {"id": party.rp_id}}
                    made = lambda: seen(party.create(here), instance.ready["devices"][0]["aaguid"])  # noqa: E731
                    results[f"{route} | {kind}"] = outcome(made)
    return results


IN_LAB = "--in-lab"


class ByHybrid:
    """A page in a browser that shows a QR code, which a phone reads off the screen."""

    def __init__(self, desktop, phone):
        self.desktop, self.phone, self.rp_id = desktop, phone, desktop.rp_id

    def create(self, options):
        self.desktop.begin("create", options | {"hints": ["hybrid"]})
        self.phone.scan(hybrid.DONE)
        try:
            return self.desktop.outcome()
        except web.Refused as refused:
            raise Refused(refused.name) from None


def _in_lab():
    """What a page sees over hybrid, in a lab."""
    cells = {}
    with tempfile.TemporaryDirectory(prefix="fauxkey-phones-") as homes, hybrid.desktop() as desktop:
        for kind, profile in PROFILES.items():
            phone = hybrid.Phone(os.path.join(homes, kind), profile, desktop.screen.name)
            party = ByHybrid(desktop, phone)
            for preference in PREFERENCES:
                wish = RESIDENT | {"authenticatorAttachment": "cross-platform"}
                options = creation(party, f"{kind} {preference}", attestation=preference, selection=wish)
                made = lambda: seen(party.create(options), phone.aaguid)  # noqa: E731
                cells[f"chromium over hybrid | {kind} | {preference}"] = outcome(made)
    return cells


def _hybrid():
    done = hybrid.again_in_lab(IN_LAB, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"in the lab: status {done.returncode}")
    return json.loads(done.stdout)


BESIDE = ("chromium:extension", "chromium:script", "chromium-headless-shell:script", "firefox:extension", "ceremonies")
BESIDE_DEVICES = {
    "a phone": ("ms-authenticator-ios+packed-self", ()),
    "a roaming key": ("yubikey-5c", ()),
    "a phone, raw": ("ms-authenticator-ios+packed-self", ("--client", "raw")),
    "a roaming key, raw": ("yubikey-5c", ("--client", "raw")),
}
"""With the switch to answer raw, pages get what the device says."""


class ByCeremonies:
    """`POST ceremonies`, as harnesses ask for pages: the route by bindings."""

    rp_id = "localhost"

    def __init__(self, instance, client):
        self.instance, self.client = instance, client

    def create(self, options):
        with open(self.instance.ready["tokenFile"]) as file:
            headers = {"Authorization": f"Bearer {file.read()}"}
        body = {"type": "create", "origin": "https://localhost", "options": options} | self.client
        address = f"{self.instance.ready['url']}/api/v1/devices/device/ceremonies"
        asked = urllib.request.Request(address, method="POST", data=json.dumps(body).encode(), headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        outcome = json.load(opener.open(asked, timeout=60))
        if "error" in outcome:
            raise Refused(outcome["error"]["name"])
        return outcome["response"]


@contextmanager
def route_beside(instance, place, flags):
    if place == "ceremonies":
        yield ByCeremonies(instance, {"client": flags[1]} if flags else {})
        return
    name, _, route = place.partition(":")
    with beside.browser(name, route, instance.environment, flags) as pages:
        yield ByBrowser(pages)


def _beside():
    """What a page sees where fauxkey itself does what a browser does."""
    cells = {}
    for kind, (profile, flags) in BESIDE_DEVICES.items():
        with running(profile) as instance:
            aaguid = instance.ready["devices"][0]["aaguid"]
            for place in BESIDE:
                with route_beside(instance, place, flags) as party:
                    for preference in PREFERENCES:
                        options = creation(party, f"{kind} {preference}", attestation=preference)
                        made = lambda: seen(party.create(options), aaguid)  # noqa: E731
                        cells[f"{_words(place)} | {kind} | {preference}"] = outcome(made)
            if flags:
                cells[f"trace | {kind}"] = _told(instance)
    return cells


def _words(place):
    name, _, route = place.partition(":")
    return f"{name} by {route}" if route else "POST ceremonies, as bindings do"


def _told(instance):
    """Whether the trace says that the answers were raw. It is written a moment after they were given."""
    everything = len(BESIDE) * len(PREFERENCES)
    end = time.monotonic() + 10
    while True:
        with open(instance.trace) as file:
            lines = [json.loads(line) for line in file.read().splitlines() if line.endswith("}")]
        told = [line for line in lines if line["kind"] == "client" and line["text"].startswith("raw: ")]
        if len(told) >= everything or time.monotonic() > end:
            return "every answer marked" if len(told) == everything else f"{len(told)} of {everything} marked"
        time.sleep(0.2)


def main():
    if IN_LAB in sys.argv:
        print(json.dumps(_in_lab()))
        return
    cases = Cases()
    names = [*web.BROWSERS, "python-fido2", *CLIENTS]
    measured = {"beside": _beside()}
    if "--beside" not in sys.argv:
        measured = measure(names) | measured
    if "--write" in sys.argv:
        with open(FIXTURE) as file:
            document = json.load(file)
        with open(FIXTURE, "w") as file:
            sorted_cells = {part: dict(sorted(cells.items())) for part, cells in measured.items()}
            json.dump(document | sorted_cells, file, indent=2)
            file.write("\n")
    with open(FIXTURE) as file:
        expected = json.load(file)
    for part, cells in measured.items():
        for cell in sorted(cells.keys() | expected[part].keys()):
            with cases.case(f"{part}: {cell}"):
                equal(cells.get(cell), expected[part].get(cell), "cell")
    cases.exit()


if __name__ == "__main__":
    main()
