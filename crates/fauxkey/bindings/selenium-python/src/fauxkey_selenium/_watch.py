"""When a ceremony of the browser's own has come to a bad end, as the device's events tell."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._phone import Phone

GRACE = 0.5
"""Seconds that a browser has to tell its page by itself."""
DENIED = {"name": "NotAllowedError", "message": "The operation either timed out or was not allowed."}
EXCLUDED = {"name": "InvalidStateError", "message": "The authenticator has a passkey for this account already."}
FINAL = {
    "OPERATION_DENIED": DENIED,
    "UV_BLOCKED": DENIED,
    "PIN_BLOCKED": DENIED,
    "USER_ACTION_TIMEOUT": DENIED,
    "KEY_STORE_FULL": DENIED,
    "CREDENTIAL_EXCLUDED": EXCLUDED,
}
"""Statuses after which no browser goes on: CTAP 2.1 §8.2."""


class Watcher:
    """Somebody who listens to a phone's events, from now on."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self._found: dict[str, str] | None = None
        self._known = threading.Event()
        self._connection, self._response = phone.events()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        asked = None
        try:
            for line in self._response:
                if not line.startswith(b"data:"):
                    continue
                event: dict[str, Any] = json.loads(line.removeprefix(b"data:"))
                if event.get("device") != self._phone.name:
                    continue
                if event["kind"] == "prompted":
                    asked = event["prompt"]["purpose"]
                if event["kind"] == "answered" and (error := _final(event["status"].split(" ")[-1], asked)):
                    self._found = error
                    self._known.set()
                    return
        except (OSError, ValueError, AttributeError):
            # The connection was closed.
            pass

    def watch(self, timeout: float, over: threading.Event) -> dict[str, str] | None:
        """What the page is to get, or None if the ceremony was over before. A timeout of 0 is none."""
        deadline = time.monotonic() + timeout if timeout else None
        while not over.wait(0.05):
            if self._known.is_set():
                return None if over.wait(GRACE) else self._found
            if deadline is not None and time.monotonic() > deadline + GRACE:
                return DENIED
        return None

    def end(self) -> None:
        """Listens no more."""
        self._connection.close()


def _final(status: str, asked: str | None) -> dict[str, str] | None:
    # Browsers also look silently, and then nobody is asked.
    if status == "NO_CREDENTIALS" and asked == "nothing-to-sign-in":
        return DENIED
    return FINAL.get(status)
