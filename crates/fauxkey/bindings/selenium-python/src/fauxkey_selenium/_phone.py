"""A phone, and everything that a test does with it."""

from __future__ import annotations

import http.client
import os
import secrets
import shutil
import sys
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from urllib.parse import quote

from ._api import Api, FauxkeyError
from ._program import Instance, environment, temporary_home

if TYPE_CHECKING:
    from selenium.webdriver.common.options import ArgOptions
    from selenium.webdriver.common.service import Service
    from selenium.webdriver.remote.webdriver import WebDriver

DEFAULT_PROFILE = "ms-authenticator-ios"
A_MOMENT = 0.25
"""Seconds in which nobody answers."""
Route = Literal["exec", "bindings"]
Link = Literal["usb", "internal", "hybrid"]
UserAnswer = Literal["approve", "ask", "deny", "ignore", "wrong-finger"] | dict[Literal["account"], int]
Gesture = Literal["present", "long-touch", "verified", "not-verified", "declined"] | dict[Literal["account"], int]


class _Named(TypedDict, total=False):
    rpName: str
    userName: str
    userDisplayName: str


class Passkey(_Named):
    """A discoverable passkey. Its private key is nowhere to be had. What is bytes is base64url."""

    credentialId: str
    rpId: str
    userHandle: str
    algorithm: str
    publicKey: str
    created: int


class _MaybeNew(TypedDict, total=False):
    userHandle: str
    userName: str
    userDisplayName: str
    algorithm: str


class NewPasskey(_MaybeNew):
    """What a passkey is made of without a ceremony; `userHandle` is base64url, and random if absent."""

    rpId: str


class _MaybeAsked(TypedDict, total=False):
    rpId: str
    accounts: list[str]
    choice: bool


class Prompt(_MaybeAsked):
    """A question to the user."""

    number: int
    purpose: str
    verification: bool
    attempts: int


class ScriptStep(TypedDict, total=False):
    """What a scripted user does with the questions that a step is about; `do` is there always."""

    rpId: str
    purpose: str
    prompt: int
    do: str
    delayMs: int


class ArmedFault:
    """A fault that will happen."""

    def __init__(self, phone: Phone, armed: dict[str, Any]) -> None:
        self._phone = phone
        self.id: str | int = armed["id"]

    def remove(self) -> None:
        """Disarms it."""
        self._phone.request("DELETE", f"/faults/{quote(str(self.id), safe='')}")


class Phone:
    """A software authenticator that behaves like the phone or key of a profile. Its keys protect nothing."""

    def __init__(
        self, *, name: str, profile: str, route: Route, seed: int | None, client: str | None, link: Link | None
    ) -> None:
        """Use :meth:`start`."""
        self.name = name
        self.profile = profile
        self.route: Route = route
        self.seed = seed
        self.client = client
        self.link: Link | None = link
        self.account: str | None = None
        self._path = f"/devices/{quote(name, safe='')}"
        self._api: Api | None = None
        self._instance: Instance | None = None
        self._temporary: str | None = None
        self._environment: dict[str, str] = {}

    @classmethod
    def start(
        cls,
        *,
        profile: str = DEFAULT_PROFILE,
        route: Route | None = None,
        seed: int | None = None,
        user: UserAnswer | None = None,
        program: str | None = None,
        name: str | None = None,
        home: str | None = None,
        url: str | None = None,
        token: str | None = None,
        client: str | None = None,
        link: Link | None = None,
    ) -> Phone:
        """Starts a phone in a process of its own, which ends with this one.

        `profile` is what it behaves like (`fauxkey profile list`); `route` how browsers reach it (by default `exec` on
        Linux, else `bindings`); `seed` makes its keys (by default FAUXKEY_SEED, or a random number); `user` is what
        its user does at first (by default agree); `program` is fauxkey (by default FAUXKEY_BIN, or fauxkey in PATH);
        `home` a folder to work in: phones of the same folder are seen by the same browser, one after another.
        `url` and `token` name an instance that runs already (by default FAUXKEY_URL and FAUXKEY_TOKEN).
        By bindings, `client` says whose rules to follow between page and device, and `link` how it is reached.
        """
        url = url or os.environ.get("FAUXKEY_URL")
        if route is None:
            route = "exec" if sys.platform == "linux" and not url else "bindings"
        if route not in ("exec", "bindings"):
            raise FauxkeyError(f"there is no route {route}: there are exec and bindings")
        if url:
            return cls._join(url, token, profile, route, name, user, client, link)
        if seed is None:
            seed = _seed_of_environment()
        if seed is None:
            seed = secrets.randbelow(2**31)
        phone = cls(name=name or "phone", profile=profile, route=route, seed=seed, client=client, link=link)
        if home is None:
            home = phone._temporary = temporary_home()
        try:
            if route == "exec":
                # Before there is a device, so that the folder is there which browsers look into.
                phone._environment = environment(home, program=program)
            phone._instance = Instance(
                program=program, home=home, profile=profile, name=phone.name, seed=seed, on_exec=route == "exec"
            )
            phone._api = Api(phone._instance.url, phone._instance.token)
            if user is not None:
                phone.user(user)
        except BaseException:
            phone.stop()
            raise
        return phone

    @classmethod
    def _join(
        cls,
        url: str,
        token: str | None,
        profile: str,
        route: Route,
        name: str | None,
        user: UserAnswer | None,
        client: str | None,
        link: Link | None,
    ) -> Phone:
        """A device of its own on an instance that runs already, as in a service container."""
        if route == "exec":
            hint = "leave route out, or let the phone start an instance of its own"
            raise FauxkeyError(f"the devices of {url} cannot be shown by exec", hint=hint)
        token = token or os.environ.get("FAUXKEY_TOKEN")
        if not token:
            raise FauxkeyError(f"there is no token for {url}", hint="give token, or set FAUXKEY_TOKEN")
        name = name or f"test-{secrets.token_hex(6)}"
        phone = cls(name=name, profile=profile, route=route, seed=None, client=client, link=link)
        api = Api(url, token)
        api.request("POST", "/devices", {"name": name, "profile": profile})
        phone._api = api
        if user is not None:
            phone.user(user)
        return phone

    def __enter__(self) -> Phone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The control API's address."""
        return self._running().url

    @property
    def token(self) -> str:
        """The control API's bearer token."""
        return self._running().token

    @property
    def trace_file(self) -> Path | None:
        """The file that has everything that passed, as JSON lines."""
        return self._instance.trace_file if self._instance else None

    def _running(self) -> Api:
        if self._api is None:
            raise FauxkeyError(f"{self.name} does not run")
        return self._api

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the control API about this device; `path` begins with a slash, or is empty."""
        return self._running().request(method, self._path + path, body)

    def env(self, base: dict[str, str] | None = None) -> dict[str, str]:
        """The environment of a driver's service: by `exec`, the browser sees the phone in it."""
        return dict(os.environ if base is None else base) | self._environment

    def prepare(self, *, options: ArgOptions | None = None, service: Service | None = None) -> None:
        """Readies what a driver is made of: by `exec` its service's environment, by `bindings` its options."""
        if self.route == "exec" and service is not None:
            service.env = self.env(service.env)  # type: ignore[arg-type]
        if options is not None:
            options.set_capability("webSocketUrl", True)

    def attach(self, driver: WebDriver) -> None:
        """By `bindings`, shows the phone to every page of a driver, over WebDriver BiDi, those that are open included.

        By `exec` browsers see it anyway; this closes the dialogs in which they show what went wrong, so that pages hear
        of it. While a ceremony waits for the phone, look again and again (`WebDriverWait`): chromedriver does nothing
        else during `execute_async_script`.
        """
        from ._carrier import Carrier

        Carrier(self, driver).start()

    def device(self) -> dict[str, Any]:
        """What the control API says of the device."""
        found: dict[str, Any] = self.request("GET", "")
        return found

    def profile_text(self, profile: str) -> str:
        """A profile, as TOML."""
        found: str = self._running().request("GET", f"/profiles/{quote(profile, safe='')}")["toml"]
        return found

    def events(self) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Everything that happens from now on, as server-sent events, until the connection is closed."""
        return self._running().stream("/events")

    def add_finger(self, name: str | None = None) -> dict[str, str]:
        """Enrols a finger, on devices whose fingers are enrolled."""
        made: dict[str, str] = self.request("POST", "/fingers", {} if name is None else {"name": name})
        return made

    def passkeys(self) -> list[Passkey]:
        """The discoverable passkeys, newest first."""
        found: list[Passkey] = self.request("GET", "/passkeys")
        return found

    def add_passkey(self, passkey: NewPasskey) -> Passkey:
        """Makes a passkey without a ceremony."""
        handle = urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
        made: Passkey = self.request("POST", "/passkeys", {"userHandle": handle, **passkey})
        return made

    def remove_passkey(self, passkey: Passkey | str) -> None:
        """Deletes a passkey for good."""
        credential_id = passkey if isinstance(passkey, str) else passkey["credentialId"]
        self.request("DELETE", f"/passkeys/{quote(credential_id, safe='')}")

    def user(self, answer: UserAnswer, *, delay: float = 0.0) -> None:
        """What the user does from now on, after `delay` seconds; what is being asked at this moment included."""
        self.request("PUT", "/user", {"answer": answer, "delayMs": round(delay * 1000)})
        # Where the phone does not choose by itself, the browser does for its user.
        self.account = str(answer["account"]) if isinstance(answer, dict) else None

    def approve(self, *, delay: float = 0.0) -> None:
        """From now on the user agrees."""
        self.user("approve", delay=delay)

    def deny(self, *, delay: float | None = None) -> None:
        """From now on the user says no; by `exec` after a moment, if nothing else is said.

        Firefox asks again at once for as long as it is denied, and nothing else gets through to it while nobody takes
        time to answer.
        """
        self.user("deny", delay=self._moment(delay))

    def ignore(self) -> None:
        """From now on the user does nothing, and commands time out."""
        self.user("ignore")

    def ask(self) -> None:
        """From now on each question waits for :meth:`answer`."""
        self.user("ask")

    def wrong_finger(self, *, delay: float | None = None) -> None:
        """From now on every verification fails, until the device is locked; `delay` as for :meth:`deny`."""
        self.user("wrong-finger", delay=self._moment(delay))

    def _moment(self, delay: float | None) -> float:
        if delay is not None:
            return delay
        return A_MOMENT if self.route == "exec" else 0.0

    def choose(self, account: int, *, delay: float = 0.0) -> None:
        """From now on the user agrees and takes the account at that place, counted from 0 at the newest."""
        self.user({"account": account}, delay=delay)

    def script(self, steps: list[ScriptStep], otherwise: str | None = None) -> None:
        """From now on the user follows a script."""
        body: dict[str, Any] = {"steps": steps}
        if otherwise is not None:
            body["otherwise"] = otherwise
        self.request("PUT", "/script", body)

    def prompt(self, *, timeout: float = 30.0) -> Prompt:
        """Waits until the user is asked something, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            wait = min(30_000, max(0, round((deadline - time.monotonic()) * 1000)))
            prompt: Prompt | None = self.request("GET", f"/prompt?waitMs={wait}")
            if prompt:
                return prompt
            if time.monotonic() >= deadline:
                raise FauxkeyError(f"{self.name} was not asked anything in {timeout} s")

    def answer(self, prompt: Prompt | int, gesture: Gesture) -> None:
        """Answers a question."""
        number = prompt if isinstance(prompt, int) else prompt["number"]
        self.request("POST", "/prompt", {"number": number, "gesture": gesture})

    def fault(
        self,
        fault: str,
        *,
        times: int | None = None,
        after: int | None = None,
        command: str | None = None,
        rp_id: str | None = None,
        value: int | str | None = None,
    ) -> ArmedFault:
        """Arms a fault, such as `counter-backwards`.

        It happens `times` times, or for good, and leaves the first `after` occasions alone; only on a CTAP `command`
        such as `getAssertion`, and only for an RP ID, if they are given. `value` is what the fault needs to know.
        """
        members = {"times": times, "after": after, "command": command, "rpId": rp_id, "value": value}
        given = {name: member for name, member in members.items() if member is not None}
        return ArmedFault(self, self.request("POST", "/faults", {"fault": fault, **given}))

    def faults(self) -> list[dict[str, Any]]:
        """What is armed."""
        found: list[dict[str, Any]] = self.request("GET", "/faults")
        return found

    def clear_faults(self) -> None:
        """Disarms everything."""
        self.request("DELETE", "/faults")

    def power(self, power: Literal["off", "on", "cycle"]) -> None:
        """Pulls the device out, or plugs it in."""
        self.request("POST", "/power", {"power": power})

    def advance_clock(self, seconds: float) -> None:
        """Lets the device's clock jump forward."""
        self.request("POST", "/clock", {"advanceMs": round(seconds * 1000)})

    def reset(self) -> None:
        """Back to the factory state."""
        self.request("POST", "/reset")

    def trace(self) -> str:
        """Everything that passed so far, a line a message, with the reason of each refusal."""
        return self._instance.trace() if self._instance else ""

    def replay(self, command: str) -> str:
        """A command line that makes the same keys again: the one that is given, behind the seed."""
        return command if self.seed is None else f"FAUXKEY_SEED={self.seed} {command}"

    def end(self) -> None:
        """Ends the device. Its trace is there until :meth:`stop`."""
        if self._instance:
            self._instance.end()
        elif self._api:
            api, self._api = self._api, None
            api.request("DELETE", self._path)

    def stop(self) -> None:
        """Ends the device, and removes what is left of it on disk, its trace included."""
        self.end()
        if self._instance:
            self._instance.remove()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)


def _seed_of_environment() -> int | None:
    text = os.environ.get("FAUXKEY_SEED")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise FauxkeyError(f"FAUXKEY_SEED is {text}, and no number of up to 15 digits")
    return int(text)
