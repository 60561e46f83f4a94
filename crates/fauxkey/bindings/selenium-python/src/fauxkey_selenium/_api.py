"""The control API of a running instance: HTTP and JSON with a bearer token."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from typing import Any
from urllib.parse import urlsplit


class FauxkeyError(Exception):
    """What fauxkey refused, in its own words."""

    def __init__(
        self, message: str, *, status: int | None = None, kind: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(f"{message}\nhint: {hint}" if hint else message)
        self.status = status
        self.kind = kind
        self.hint = hint


class Api:
    """One instance. A connection for each request, no proxy, and no limit of time: a user may take theirs."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.token = token

    def _connect(self) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
        parts = urlsplit(self.url)
        host = parts.hostname or "127.0.0.1"
        connection = http.client.HTTPConnection(host, parts.port)
        if parts.scheme == "https":
            # An instance on another host may have a certificate that FAUXKEY_CA names.
            trust = ssl.create_default_context(cafile=os.environ.get("FAUXKEY_CA") or None)
            connection = http.client.HTTPSConnection(host, parts.port, context=trust)
        return connection, f"{parts.path}/api/v1", {"Authorization": f"Bearer {self.token}"}

    def stream(self, path: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """An answer that does not end, and its connection."""
        connection, base, headers = self._connect()
        connection.request("GET", base + path, headers=headers)
        return connection, connection.getresponse()

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The body of the answer, or None where there is none."""
        connection, base, headers = self._connect()
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, base + path, content, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise FauxkeyError(f"fauxkey at {self.url} does not answer: {error}") from error
        finally:
            connection.close()
        try:
            value = json.loads(text) if text else None
        except ValueError:
            value = {"message": text}
        if response.status < 300:
            return value
        problem = value if isinstance(value, dict) else {}
        message = problem.get("message") or f"{method} {path} was answered with {response.status}"
        raise FauxkeyError(message, status=response.status, kind=problem.get("kind"), hint=problem.get("hint"))
