"""What the relying parties in Python share: JSON over HTTP on loopback, sessions by a cookie, and users in memory."""

import argparse
import hmac
import json
import secrets
import sys
import threading
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

RP_ID = "localhost"
LONGEST_BODY = 1 << 20


class Refused(Exception):
    """The relying party says no; why."""


class NotFound(Exception):
    """There is nothing at this address."""


def refuse_unless(condition, why):
    if not condition:
        raise Refused(why)


class User:
    """An account, and its passkeys by credential ID."""

    def __init__(self, name):
        self.name = name
        self.id = secrets.token_bytes(32)
        self.passkeys = {}


class Users:
    """All accounts. Who is not there yet is made."""

    def __init__(self):
        self._by_name = {}
        self._secret = secrets.token_bytes(32)

    def named(self, name):
        refuse_unless(isinstance(name, str) and name, "username is missing")
        return self._by_name.setdefault(name, User(name))

    def known(self, name):
        return self._by_name.get(name)

    def owner(self, credential_id, name=None):
        """Whose passkey it is, among all users or of one by name."""
        asked = [self._by_name.get(name)] if name else self._by_name.values()
        return next((user for user in asked if user and credential_id in user.passkeys), None)

    def decoy(self, name):
        """The credential ID of a user that there is not: always the same."""
        return hmac.digest(self._secret, name.encode(), "sha256")

    def remove(self, credential_id):
        owner = self.owner(credential_id)
        if not owner:
            raise NotFound
        del owner.passkeys[credential_id]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("setting", choices=("default", "strict"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--root", type=Path)
    return parser.parse_args()


def serve(port, make, failed):
    """Serves until standard input ends. `make` gets the origin and gives the routes: functions of a session and a body, by
    method and path; that of `DELETE /credentials` gets what stands behind in the path. `failed` makes the body of a no."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def answer(self):
            cookie = None
            try:
                session, cookie = self.session()
                status, value = 200, self.route(session)
            except NotFound:
                status, value = 404, failed("there is no such thing")
            except Exception as error:
                status, value = 400, failed(str(error) or type(error).__name__)
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if cookie:
                self.send_header("Set-Cookie", f"session={cookie}; Path=/; HttpOnly; SameSite=Lax")
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        do_GET = do_POST = do_DELETE = answer

        def session(self):
            try:
                cookie = SimpleCookie(self.headers.get("Cookie", "")).get("session")
            except CookieError:
                cookie = None
            if cookie and cookie.value in sessions:
                return sessions[cookie.value], None
            name = secrets.token_urlsafe(18)
            sessions[name] = {}
            return sessions[name], name

        def route(self, session):
            # All of the body is read, so that the next request is found behind it.
            length = int(self.headers.get("Content-Length") or 0)
            # Also one that is too long: who closes while a client still writes may take the answer away from it.
            body = self.rfile.read(length)
            refuse_unless(length <= LONGEST_BODY, "the body is too long")
            path = urlsplit(self.path).path
            if self.command == "DELETE" and path.startswith("/credentials/"):
                return routes["DELETE /credentials"](session, unquote(path.split("/", 2)[2]))
            route = routes.get(f"{self.command} {path}")
            if not route:
                raise NotFound
            with lock:
                return route(session, json.loads(body) if body else {})

        def log_message(self, *_):
            pass

    sessions, lock = {}, threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    origin = f"http://localhost:{server.server_port}"
    routes = make(origin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on {origin}", flush=True)
    # Who started it holds the other end.
    sys.stdin.read()
