"""What is between a page and the phone. By bindings, a preload script answers a page's WebAuthn calls (shim.js), a channel of WebDriver BiDi carries
them out of the page without its network, and the instance does what a browser would. Which page asks is what the browser
says, and never what the page says."""

from __future__ import annotations

import json
import sys
import threading
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ._api import FauxkeyError
from ._watch import Watcher

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

    from ._phone import Phone

# By `exec` a browser does everything itself, and only its dialogs are to be closed.
SCRIPTS = {"bindings": ("shim.js", "fauxkeyShim"), "exec": ("closer.js", "fauxkeyCloser")}
SCRIPT = """(channel) => {{
{script}
  {name}((message) => new Promise((reply) => {{
    channel({{ text: JSON.stringify(message), reply: (text) => reply(JSON.parse(text)) }});
  }}));
}}"""


class Carrier:
    """Between the pages of one driver and one phone."""

    def __init__(self, phone: Phone, driver: WebDriver) -> None:
        self._phone = phone
        self._driver = driver
        self._script = driver.script
        self._channel = f"fauxkey-{phone.name}-{id(self)}"
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}

    def start(self) -> None:
        """From now on every new document has the shim, and those that are open."""
        file, name = SCRIPTS[self._phone.route]
        script = files(__package__).joinpath(file).read_text(encoding="utf-8")
        function = SCRIPT.format(script=script, name=name)
        # `root`: what is sent can be called later.
        channel = {"type": "channel", "value": {"channel": self._channel, "ownership": "root"}}
        self._script.add_event_handler("message", self._heard)
        self._script.add_event_handler("realm_destroyed", self._left)
        self._script.add_preload_script(function, arguments=[channel])
        for context in self._contexts():
            self._script.call_function(function, False, {"context": context}, arguments=[channel])

    def _heard(self, event: Any) -> None:
        event = _plain(event)
        if event["channel"] != self._channel:
            return
        realm, data = event["source"]["realm"], event["data"]
        text = dict(data["value"])["text"]["value"]
        try:
            reply = self._answer(realm, event["source"].get("context"), json.loads(text))
        except Exception as error:
            # What is wrong with fauxkey is for whoever reads the test's output, too.
            if not isinstance(error, _Over):
                print(f"fauxkey-selenium: {error}", file=sys.stderr)
            reply = _refused("NotAllowedError", str(error))
        call = "(call, text) => call.reply(text)"
        arguments = [{"handle": data["handle"]}, {"type": "string", "value": json.dumps(reply)}]
        try:
            self._script.call_function(call, False, {"realm": realm}, arguments=arguments)
        except Exception:
            # The document is gone, and nobody waits for it.
            pass

    def _left(self, event: Any) -> None:
        """A ceremony ends with the document that asked (WebAuthn Level 3 §5.1.3 step 19 and others)."""
        realm = _plain(event)["realm"]
        with self._lock:
            theirs = [ceremony for ceremony in self._running if self._running[ceremony].realm == realm]
        for ceremony in theirs:
            self._cancel(ceremony)

    def _answer(self, realm: str, context: str | None, message: dict[str, Any]) -> dict[str, Any]:
        kind = message.get("type")
        if kind in ("create", "get"):
            return self._ceremony(realm, context, message)
        if kind == "begin":
            running = _Running(realm, Watcher(self._phone))
            with self._lock:
                self._running[message["id"]] = running
            return {}
        if kind == "watch":
            return self._watch(message)
        if kind == "cancel":
            self._cancel(message["id"])
            return {}
        if kind == "capabilities":
            return self._capabilities()
        if kind == "signal":
            self._signal(self._origins(realm, context)[0], message["method"], message["options"])
            return {}
        return _refused("NotSupportedError", "fauxkey does not know this call.")

    def _ceremony(self, realm: str, context: str | None, message: dict[str, Any]) -> dict[str, Any]:
        origin, above = self._origins(realm, context)
        # A sandboxed frame has an origin of its own, which is nobody's.
        if origin == "null" or origin != message["origin"]:
            return _refused("NotAllowedError", "This origin has no passkeys.")
        running = _Running(realm)
        with self._lock:
            self._running[message["id"]] = running
        try:
            if message.get("mediation") == "conditional":
                self._until_there_is_one(message["options"].get("rpId") or urlsplit(origin).hostname, running)
            body = {name: message[name] for name in ("id", "type", "options")} | {"origin": origin}
            body["crossOrigin"] = any(one != origin for one in above)
            if body["crossOrigin"]:
                body["topOrigin"] = above[-1]
            body |= {name: value for name in ("client", "link", "account") if (value := getattr(self._phone, name)) is not None}
            reply: dict[str, Any] = self._phone.request("POST", "/ceremonies", body)
            return reply
        finally:
            with self._lock:
                self._running.pop(message["id"], None)

    def _watch(self, message: dict[str, Any]) -> dict[str, Any]:
        """The browser's own ceremony: what the page is to get once it has come to a bad end."""
        with self._lock:
            running = self._running.get(message["id"])
        if running is None or running.watcher is None:
            return {}
        try:
            error = running.watcher.watch(message["timeout"] / 1000, running.over)
            return {"error": error} if error else {}
        finally:
            running.watcher.end()
            with self._lock:
                self._running.pop(message["id"], None)

    def _capabilities(self) -> dict[str, Any]:
        """What its profile has, or what it was told to be."""
        device, link = self._phone.device(), self._phone.link
        toml = self._phone.profile_text(device["profile"])

        def reached(name: str, table: str) -> bool:
            return f"[seen.{table}]" in toml if link is None else link == name

        platform = device["hasUserVerification"] and reached("internal", "same-device")
        return {"platform": platform, "conditional": True, "hybrid": reached("hybrid", "hybrid")}

    def _cancel(self, ceremony: str) -> None:
        with self._lock:
            running = self._running.pop(ceremony, None)
        if running is None:
            return
        running.over.set()
        if self._phone.route == "exec":
            return
        try:
            self._phone.request("DELETE", f"/ceremonies/{quote(ceremony, safe='')}")
        except FauxkeyError:
            # It has ended by itself, or has not begun.
            pass

    def _until_there_is_one(self, rp_id: str | None, running: _Running) -> None:
        """A conditional ceremony waits until the phone has a passkey to offer; its user then takes it from the list."""
        while not any(passkey["rpId"] == rp_id for passkey in self._phone.passkeys()):
            if running.over.wait(0.1):
                raise _Over("The operation was aborted.")

    def _origins(self, realm: str, context: str | None) -> tuple[str, list[str]]:
        """The realm's origin, and those of the frames above it, the nearest first."""
        realms = _plain(self._script.get_realms())["realms"]
        # Sandboxes of WebDriver are realms of the same origin.
        of_context = {one["context"]: one["origin"] for one in realms if "context" in one}
        origin = next((one["origin"] for one in realms if one["realm"] == realm), "null")
        path = _path_to(context, [_plain(tree) for tree in self._driver.browsing_context.get_tree()])
        return origin, [of_context.get(frame, "null") for frame in reversed(path[:-1])]

    def _contexts(self) -> list[str]:
        found: list[str] = []
        pending = [_plain(tree) for tree in self._driver.browsing_context.get_tree()]
        while pending:
            tree = pending.pop()
            found.append(tree["context"])
            pending += [_plain(child) for child in tree.get("children") or []]
        return found

    def _signal(self, origin: str, method: str, options: dict[str, Any]) -> None:
        """What relying parties say of their passkeys (WebAuthn Level 3 §5.1.10), for RP IDs that are theirs."""
        host, rp_id = urlsplit(origin).hostname or "", options["rpId"]
        if host != rp_id and not host.endswith(f".{rp_id}"):
            return
        for passkey in self._phone.passkeys():
            if passkey["rpId"] != rp_id:
                continue
            known, user = passkey["credentialId"], passkey["userHandle"] == options.get("userId")
            if method == "signalUnknownCredential" and known == options["credentialId"]:
                self._phone.remove_passkey(passkey)
            elif method == "signalAllAcceptedCredentials" and user and known not in options["allAcceptedCredentialIds"]:
                self._phone.remove_passkey(passkey)
            elif method == "signalCurrentUserDetails" and user:
                names = {"userName": options["name"], "userDisplayName": options["displayName"]}
                self._phone.request("PATCH", f"/passkeys/{quote(known, safe='')}", names)


class _Running:
    """A ceremony of a document."""

    def __init__(self, realm: str, watcher: Watcher | None = None) -> None:
        self.realm = realm
        self.watcher = watcher
        self.over = threading.Event()


class _Over(Exception):
    """Whoever asked does not wait any more."""


def _refused(name: str, message: str) -> dict[str, Any]:
    return {"error": {"name": name, "message": message}}


def _plain(value: Any) -> Any:
    """Selenium gives dictionaries or objects, by version and method."""
    if isinstance(value, dict):
        return value
    return {_camel(name): member for name, member in vars(value).items() if member is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _path_to(context: str | None, trees: list[dict[str, Any]]) -> list[str]:
    """The contexts from a top one to that one."""
    for tree in trees:
        if tree["context"] == context:
            return [tree["context"]]
        below = _path_to(context, [_plain(child) for child in tree.get("children") or []])
        if below:
            return [tree["context"], *below]
    return []
