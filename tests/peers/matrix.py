"""`fauxkey matrix` on a sign-up page of a real relying party, py_webauthn's, in Debian's Chromium, chromium-headless-shell and Firefox ESR:
each cell sees what docs/aaguid.md says, and goes red where the relying party says no."""

import html.parser
import json
import os
import shlex
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import webauthn
from cases import Cases, ensure, equal
from process import PROGRAM
from webauthn.helpers import base64url_to_bytes, parse_attestation_object
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorAttachment,
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

PHONE, KEY, SYNCED = "ms-authenticator-ios+packed-self", "yubikey-5c", "icloud-keychain"
EXEC, BESIDE = {PHONE: "self-attested"}, {PHONE: "a phone", KEY: "a roaming key"}
"""What they are called where it was measured."""
FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fixtures", "browsers", "aaguid.json")
PREFERENCES = ("none", "indirect", "direct", "enterprise")
ZEROS = "00000000-0000-0000-0000-000000000000"
PATIENCE = 900
"""Seconds for all cells of a run."""

PAGE = """<!doctype html><meta charset=utf-8><title>Sign up</title>
<form id=form><label>User name <input id=username name=username autocomplete=username required></label>
<label><input type=checkbox id=terms required> I agree</label>
<button type=button>Sign in</button> <button id=register>Create a passkey</button></form><p id=outcome></p>
<script>
const post = async (path, value) => {
  const answer = await fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(value)});
  return {status: answer.status, body: await answer.json()};
};
document.getElementById('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const outcome = document.getElementById('outcome');
  try {
    const begun = await post('/begin', {username: document.getElementById('username').value});
    if (begun.status !== 200) throw new Error(begun.body.error);
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(begun.body);
    const made = await navigator.credentials.create({publicKey});
    const done = await post('/finish', made.toJSON());
    outcome.textContent = done.body.verified ? 'Welcome' : `Refused: ${done.body.error}`;
  } catch (error) { outcome.textContent = `Failed: ${error.name} ${error.message}`; }
});
</script>"""
FORM = PAGE.replace(
    """const done = await post('/finish', made.toJSON());
    outcome.textContent = done.body.verified ? 'Welcome' : `Refused: ${done.body.error}`;""",
    """const sent = document.createElement('form');
    sent.method = 'post';
    sent.action = '/form';
    sent.innerHTML = '<input type=hidden name=credential>';
    sent.firstChild.value = JSON.stringify(made.toJSON());
    document.body.append(sent);
    sent.submit();""",
)
"""The same, without a script that waits for the answer: the browser goes where the form goes, and is sent on from there."""
STEPS = """
[[step]]
fill = "#username"
with = "matrix-{n}@example.test"
[[step]]
click = "#terms"
[[step]]
click = "text=Create a passkey"
"""


class Party:
    """A relying party with a page. `allowed`: the AAGUIDs that it takes, or None for all of them. `root`: the certificate, in
    PEM, that everything it takes has to be attested up to, or None where it does not look."""

    def __init__(self, allowed=None, broken=False, page=PAGE, selection=None, root=None):
        self.names, self.challenges = [], set()
        party = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                pages = {"/": page, "/welcome": "<!doctype html><p>Welcome"}
                self._answer(200 if self.path in pages else 404, pages.get(self.path, ""), "text/html")

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path == "/form":
                    verdict = party.finish(json.loads(parse_qs(body)["credential"][0]))
                    sent_on = {"Location": "/welcome"} if verdict["verified"] else {}
                    self._answer(303 if sent_on else 403, verdict.get("error", ""), "text/html", sent_on)
                    return
                body = json.loads(body)
                try:
                    value = {"/begin": party.begin, "/finish": party.finish}[self.path](body)
                    self._answer(200, json.dumps(value), "application/json")
                except Exception as error:
                    self._answer(400, json.dumps({"error": str(error)}), "application/json")

            def _answer(self, status, body, kind, more={}):
                body = body.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for header, value in more.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.allowed, self.broken, self.selection, self.root = allowed, broken, selection, root
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.origin = f"http://localhost:{self._server.server_port}"

    def begin(self, body):
        ensure(not self.broken, "the shop is closed")
        self.names.append(body["username"])
        options = webauthn.generate_registration_options(
            rp_id="localhost",
            rp_name="Shop",
            user_name=body["username"],
            attestation=AttestationConveyancePreference.DIRECT,
            authenticator_selection=self.selection,
        )
        self.challenges.add(options.challenge)
        return json.loads(webauthn.options_to_json(options))

    def finish(self, body):
        client_data = json.loads(base64url_to_bytes(body["response"]["clientDataJSON"]))
        challenge = base64url_to_bytes(client_data["challenge"])
        ensure(challenge in self.challenges, "a challenge of ours")
        self.challenges.remove(challenge)
        expected = {"expected_challenge": challenge, "expected_rp_id": "localhost", "expected_origin": self.origin}
        if self.root:
            # What it knows no root for, and what has no certificates, py_webauthn takes as it is.
            given = parse_attestation_object(base64url_to_bytes(body["response"]["attestationObject"]))
            if given.fmt != AttestationFormat.PACKED or not given.att_stmt.x5c:
                return {"verified": False, "error": f"{given.fmt.value} without certificates is not enough"}
            expected["pem_root_certs_bytes_by_fmt"] = {AttestationFormat.PACKED: [self.root]}
        made = webauthn.verify_registration_response(credential=body, **expected)
        if self.allowed is not None and str(made.aaguid) not in self.allowed:
            return {"verified": False, "error": f"the model {made.aaguid} is not allowed"}
        return {"verified": True}

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def party(**more):
    there = Party(**more)
    try:
        yield there
    finally:
        there.close()


def surroundings(folder):
    """An environment in which everything that fauxkey and browsers keep is in that folder."""
    home = {"HOME": folder, "FAUXKEY_HOME": os.path.join(folder, "home"), "NO_COLOR": "1"}
    home |= {"XDG_RUNTIME_DIR": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder}
    return os.environ | home | {"DBUS_SESSION_BUS_ADDRESS": "disabled:"}


class Run:
    """A run of `fauxkey matrix`: its exit code, its report and its page. `there`: the folder of a home that is there
    already. `before`: the words of a command that runs it."""

    def __init__(self, *arguments, there=None, before=()):
        with tempfile.TemporaryDirectory(prefix="fauxkey-matrix-") as folder:
            steps, out, page = (os.path.join(folder, name) for name in ("steps.toml", "out.json", "page.html"))
            with open(steps, "w") as file:
                file.write(STEPS)
            arguments = [argument.replace("STEPS", steps) for argument in arguments]
            environment = surroundings(there or folder)
            command = [*before, PROGRAM, "matrix", *arguments, "--out", out, "--html", page]
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
            )
            self.status, self.said, self.table = done.returncode, done.stderr, done.stdout
            self.cells, self.page, self.attested_by = {}, "", None
            if os.path.exists(out):
                with open(out) as file:
                    report = json.load(file)
                cells, self.attested_by = report["cells"], report["attestedBy"]
                self.cells = {f"{cell['profile']}/{cell['route']}/{cell['attestation']}": cell for cell in cells}
                with open(page) as file:
                    self.page = file.read()


def expected(browser, profile, route, preference):
    """What a page sees, format and AAGUID: as was measured for docs/aaguid.md, or for other devices as it says there."""
    with open(FIXTURE) as file:
        measured = json.load(file)
    if route == "exec":
        cell = measured["seen"].get(f"{browser} through exec | {EXEC.get(profile)} | {preference}")
    else:
        cell = measured["beside"].get(f"{browser} by {route} | {BESIDE.get(profile)} | {preference}")
    if cell:
        return tuple(cell.split(", ")[:2])
    if preference != "none":
        return {PHONE: "packed", KEY: "packed", SYNCED: "none"}[profile], "ours"
    if route == "exec":
        # Chromium hides every model that it reaches over HID.
        return "none", "ours" if browser == "firefox" else "zeros"
    # fauxkey does what Chromium does for such a device.
    return "none", "zeros" if profile == KEY else "ours"


def grid(cases, browser, routes):
    with party() as shop:
        run = Run(
            shop.origin, "--browser", browser, "--profile", f"{PHONE},{KEY},{SYNCED}", "--route", routes, "--steps", "STEPS"
        )
        with cases.case("every passkey was taken"):
            equal((run.status, run.said.count("fauxkey:")), (0, 0), f"exit code; {run.said}{run.table}")
            equal(len(shop.names), len(set(shop.names)), "names of accounts that were new")
        for profile in (PHONE, KEY, SYNCED):
            for route in routes.split(","):
                for preference in PREFERENCES:
                    name = f"{profile}/{route}/{preference}"
                    with cases.case(f"{name} is as in aaguid.md"):
                        cell = run.cells[name]
                        got = cell["got"]
                        equal(cell["outcome"], "accepted", f"outcome; {cell}")
                        equal((got["format"], got["model"]), expected(browser, profile, route, preference), "format and AAGUID")
                        equal(cell["pageAsked"], "direct", "what the page asked for")
                        synced = profile == SYNCED
                        equal((got["backupEligible"], got["backupState"]), (synced, synced), "BE and BS")
                        wants = preference != "none" and profile != SYNCED
                        by = {PHONE: "itself", KEY: "certificates"}.get(profile) if wants else "nothing"
                        equal(got["attested"], by, "what it is attested by")
        return run


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.cells, self.links, self.ids, self.others = [], [], set(), set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "td":
            self.cells.append(attributes.get("class"))
        if tag == "a":
            self.links.append(attributes["href"])
        if "id" in attributes:
            self.ids.add(attributes["id"])
        if tag in ("script", "img", "iframe") or "src" in attributes:
            self.others.add(tag)


def policy(cases, browser):
    """A relying party with a list of models: red where the browser erased it."""
    yubikey = "ff4dac45-ede8-4ec2-aced-cf66103f4335"
    with party(allowed={yubikey}) as shop:
        run = Run(
            shop.origin, "--browser", browser, "--profile", f"{KEY},{PHONE}", "--route", "exec,hybrid", "--attestation", "none,direct"
        )
        with cases.case("it does what looks right where there are no steps, and says it"):
            did = " ".join(run.cells[f"{KEY}/exec/direct"]["did"])
            for part in ("filled input#username with matrix-", "ticked input#terms", "clicked Create a passkey"):
                ensure(part in did, f"{part}: {did}")
        with cases.case("a list of models takes the key with direct alone, and no phone"):
            found = {name: cell["outcome"] for name, cell in run.cells.items() if "/exec/" in name}
            wanted = {f"{KEY}/exec/none": "refused", f"{KEY}/exec/direct": "accepted"}
            wanted |= {f"{PHONE}/exec/none": "refused", f"{PHONE}/exec/direct": "refused"}
            equal(found, wanted, f"outcomes; {run.said}")
            equal(run.status, 1, "exit code")
        with cases.case("a red cell says what was answered, and why"):
            cell = run.cells[f"{KEY}/exec/none"]
            equal((cell["answer"]["status"], cell["got"]["aaguid"]), (200, ZEROS), "answer and AAGUID")
            ensure("is not allowed" in cell["answer"]["words"], cell["answer"])
            ensure("wrote zeros over the AAGUID" in " ".join(cell["why"]), cell["why"])
        with cases.case("what is not tried is grey, and says why"):
            cell = run.cells[f"{KEY}/hybrid/none"]
            equal(cell["outcome"], "not-tried", "outcome")
            ensure("it is no phone" in " ".join(cell["why"]), cell["why"])
        with cases.case("the page has a cell in its colour for each, with a link to where it is explained"):
            tags = Tags()
            tags.feed(run.page)
            equal(sorted(tags.cells), sorted(["found", "held", "found", "found"] + ["skipped"] * 2 + ["found"] * 2), "colours")
            equal({link[1:] for link in tags.links} - tags.ids, set(), "links that lead nowhere")
            equal(tags.others, set(), "what it loads")
        with cases.case("the command of a red cell does it again"):
            command = shlex.split(run.cells[f"{KEY}/exec/none"]["repeat"])
            equal(command[:2], ["fauxkey", "matrix"], "the verb")
            again = Run(*command[2:])
            equal((again.status, list(again.cells)), (1, [f"{KEY}/exec/none"]), f"exit code and cells; {again.said}")


class Place:
    """A home that stays from one command to the next."""

    def __init__(self, folder):
        self.folder = folder

    def command(self, *arguments):
        done = subprocess.run([PROGRAM, *arguments], env=surroundings(self.folder), capture_output=True, text=True, timeout=60)
        equal(done.returncode, 0, f"exit code of {arguments}; {done.stderr}")
        return done.stdout

    def root(self):
        return self.command("ca", "export").encode()


def enforced(cases, browser):
    """A relying party that takes nothing but what is attested up to the one root that it was told to trust."""
    own, self_signed = "corp-key", PHONE
    with tempfile.TemporaryDirectory(prefix="fauxkey-home-") as mine, tempfile.TemporaryDirectory(prefix="fauxkey-home-") as others:
        home, other = Place(mine), Place(others)
        home.command("profile", "add", own, "--from", KEY, "--set", 'title="Corporate key"')
        certified = [KEY, f"{own}+packed", "ms-authenticator-ios+packed"]
        profiles = ",".join([*certified, self_signed])
        flags = ["--browser", browser, "--profile", profiles, "--route", "exec,script", "--attestation", "none,direct"]
        with party(root=home.root()) as shop:
            run = Run(shop.origin, *flags, there=mine)
            for profile in certified:
                for route in ("exec", "script"):
                    with cases.case(f"{profile} by {route} is taken with direct, and with none refused and told why"):
                        none, direct = (run.cells[f"{profile}/{route}/{one}"] for one in ("none", "direct"))
                        equal((none["outcome"], direct["outcome"]), ("refused", "accepted"), f"outcomes; {run.said}{run.table}")
                        why = " ".join(none["why"])
                        ensure("removed the statement" in why and none["got"]["attested"] == "nothing", why)
                        ensure("`fauxkey ca export` prints the root" in " ".join(direct["why"]), direct["why"])
            with cases.case("what attests itself is refused"):
                found = {cell["outcome"] for name, cell in run.cells.items() if name.startswith(self_signed)}
                equal(found, {"refused"}, f"outcomes; {run.table}")
            with cases.case("the report says by whom its cells are attested"):
                root = json.loads(home.command("--json", "ca", "show"))["root"]
                equal(run.attested_by["whose"], "home", "whose the CA is")
                equal(run.attested_by["root"]["fingerprint"], root["fingerprint"], "fingerprint")
                ensure(root["fingerprint"] in run.page and root["fingerprint"] in run.table, "the page and the table say it")
            with cases.case("no private key of the CA leaves"):
                ensure("PRIVATE" not in run.table + run.said + run.page + json.dumps(run.cells), run.table)
        one = ["--browser", browser, "--only", f"{KEY}/script/direct"]
        with party(root=other.root()) as shop:
            with cases.case("who trusts the root of another home refuses"):
                run = Run(shop.origin, *one, there=mine)
                equal((run.status, run.cells[one[3]]["outcome"]), (1, "refused"), f"exit code and outcome; {run.said}")
        with party(root=home.root()) as shop:
            ready = os.path.join(mine, "ready.json")
            running = [PROGRAM, "run", "--attach", "socket", "--ready-file", ready]
            process = subprocess.Popen(
                running, env=surroundings(mine), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                with cases.case("while an instance has the home's CA, another one attests, and it is said"):
                    until(lambda: os.path.exists(ready))
                    run = Run(shop.origin, *one, there=mine)
                    equal((run.status, run.attested_by), (1, {"whose": "run"}), f"exit code and whose the CA is; {run.said}")
                    ensure("the test CA belongs to the instance at" in run.said, run.said)
                    ensure("no relying party trusts its root" in " ".join(run.cells[one[3]]["why"]), run.table)
            finally:
                process.terminate()
                process.wait(20)


def across(cases, browser):
    """A phone across the room: the page is on this machine's loopback, and the browser in a lab. The first page lets the
    browser ask which device it is to be, the second demands what only a phone or a key with a PIN has."""
    phone = "ms-authenticator-ios"
    resident = AuthenticatorSelectionCriteria(resident_key=ResidentKeyRequirement.REQUIRED)
    for what, selection in {"a page that demands nothing": None, "a page that demands passkeys": resident}.items():
        with tempfile.TemporaryDirectory(prefix="fauxkey-home-") as mine:
            with party(selection=selection, root=Place(mine).root()) as shop:
                flags = ["--profile", f"{phone},{phone}+packed", "--route", "hybrid", "--attestation", "none,direct"]
                run = Run(shop.origin, "--browser", browser, *flags, there=mine)
            for profile, fmt in {phone: "none", f"{phone}+packed": "packed"}.items():
                for preference in ("none", "direct"):
                    with cases.case(f"{what} gets {profile} by QR code with {preference}, and judges it by its root"):
                        cell = run.cells[f"{profile}/hybrid/{preference}"]
                        is_good = (fmt, preference) == ("packed", "direct")
                        equal(cell["outcome"], "accepted" if is_good else "refused", f"outcome; {cell}; {run.said}")
                        got = cell["got"]
                        equal(got["format"], fmt if preference == "direct" else "none", "format")
                        equal((got["model"], got["attachment"]), ("ours", "cross-platform"), "AAGUID and attachment")
                        equal(got["transports"], ["hybrid", "internal"], "transports")
                        chosen = any("pressed Enter in the browser's dialog" in done for done in cell["did"])
                        equal(chosen, selection is None, f"whether the browser asked; {cell['did']}")
    one = ["--browser", browser, "--only", f"{phone}/hybrid/none"]
    platform = AuthenticatorSelectionCriteria(authenticator_attachment=AuthenticatorAttachment.PLATFORM)
    with party(selection=platform) as shop:
        with cases.case("a page that demands a platform authenticator gets no phone"):
            run = Run(shop.origin, *one, "--patience", "8s")
            cell = run.cells[one[3]]
            ensure(cell["got"] is None and cell["outcome"] == "refused", f"{cell}; {run.said}")
            ensure("it saw no QR code" in " ".join(cell["why"]), cell["why"])
    with party() as shop:
        with cases.case("where there are no namespaces it is not tried, and the reason is the lab's"):
            run = Run(shop.origin, *one, before=NO_NAMESPACES)
            equal((run.status, run.cells[one[3]]["outcome"]), (2, "not-tried"), f"exit code and outcome; {run.said}")
            ensure("user.max_user_namespaces is 0" in " ".join(run.cells[one[3]]["why"]), run.table)
        with cases.case("a lab that is there already is taken, with the page that is in it"):
            run = Run(shop.origin, *one, "--patience", "5s", before=[PROGRAM, "hybrid", "lab", "--"])
            equal((run.status, run.cells[one[3]]["outcome"]), (2, "broken"), f"exit code and outcome; {run.said}")
            ensure("ERR_CONNECTION_REFUSED" in " ".join(run.cells[one[3]]["why"]), run.table)


NO_MORE = 'for kind in user net; do echo 0 > /proc/sys/user/max_"$kind"_namespaces; done; exec "$@"'
NO_NAMESPACES = ["unshare", "--user", "--map-root-user", "sh", "-c", NO_MORE, "sh"]
"""What runs below can make none, whoever it is."""


def until(condition, patience=30):
    end = time.monotonic() + patience
    while not condition():
        ensure(time.monotonic() < end, "it never comes")
        time.sleep(0.05)


def verdicts(cases, browser, route):
    """How it is told whether a passkey was taken."""
    one = ["--browser", browser, "--only", f"{PHONE}/{route}/direct", "--steps", "STEPS"]
    with party(allowed=set()) as shop:
        with cases.case("what is to be on the page decides"):
            run = Run(shop.origin, *one, "--accepted", "text=Refused:")
            equal((run.status, run.cells[one[3]]["outcome"]), (0, "accepted"), f"exit code and outcome; {run.said}")
            run = Run(shop.origin, *one, "--accepted", "text=Welcome", "--patience", "5s")
            equal((run.status, run.cells[one[3]]["outcome"]), (1, "refused"), f"exit code and outcome; {run.said}")
        with cases.case("a relying party's no is red, with its words"):
            run = Run(shop.origin, *one)
            cell = run.cells[one[3]]
            equal((run.status, cell["outcome"], cell["answer"]["status"]), (1, "refused", 200), f"exit code and outcome; {run.said}")
            ensure("is not allowed" in cell["answer"]["words"], cell["answer"])
    with party(broken=True) as shop:
        with cases.case("a page that asks for no passkey is neither green nor red, and its failed request is told"):
            run = Run(shop.origin, *one, "--patience", "5s")
            equal((run.status, run.cells[one[3]]["outcome"]), (2, "broken"), f"exit code and outcome; {run.said}")
            why = " ".join(run.cells[one[3]]["why"])
            ensure("/begin was answered 400" in why, why)
    for allowed, outcome in ((None, "accepted"), (set(), "refused")):
        with party(allowed=allowed, page=FORM) as shop:
            with cases.case(f"a form that leaves the page is {outcome} by where it leads"):
                run = Run(shop.origin, *one)
                equal(run.cells[one[3]]["outcome"], outcome, f"outcome; {run.said}{run.table}")
    with party() as shop:
        with cases.case("what is on the page from the beginning shows nothing"):
            run = Run(shop.origin, *one, "--accepted", "text=I agree")
            equal((run.status, run.cells[one[3]]["outcome"]), (2, "broken"), f"exit code and outcome; {run.said}")
    with cases.case("a page that does not open is told with the browser's reason"):
        run = Run(shop.origin, *one)
        equal((run.status, run.cells[one[3]]["outcome"]), (2, "broken"), f"exit code and outcome; {run.said}")
        ensure("does not open: " in run.table and "CONNECTION_REFUSED" in run.table, run.table)


def firefox(cases):
    grid(cases, "firefox", "exec,extension")
    verdicts(cases, "firefox", "exec")
    with party() as shop:
        with cases.case("what Firefox cannot do is grey, and says what can"):
            run = Run(shop.origin, "--browser", "firefox", "--profile", PHONE, "--route", "script,hybrid", "--attestation", "none")
            for route, words in {"script": "take extension", "hybrid": "take --browser chromium"}.items():
                cell = run.cells[f"{PHONE}/{route}/none"]
                equal(cell["outcome"], "not-tried", "outcome")
                ensure(words in " ".join(cell["why"]), cell["why"])


def rules(cases, browser):
    verdicts(cases, browser, "script")
    resident = AuthenticatorSelectionCriteria(
        resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
    )
    with party(selection=resident) as shop:
        with cases.case("a browser that makes no discoverable credentials is told from a relying party that wants none"):
            run = Run(shop.origin, "--browser", browser, "--only", f"{PHONE}/exec/direct")
            equal((run.status, run.cells[f"{PHONE}/exec/direct"]["outcome"]), (1, "refused"), f"exit code; {run.said}")
            ensure("take --browser chromium" in " ".join(run.cells[f"{PHONE}/exec/direct"]["why"]), run.table)
        with cases.case("Chromium makes one on a phone, and not on a key whose PIN somebody would have to type"):
            names = [f"{PHONE}/exec/direct", f"{KEY}/exec/direct"]
            only = [word for name in names for word in ("--only", name)]
            run = Run(shop.origin, "--browser", "chromium", *only, "--patience", "8s")
            found = [run.cells[name]["outcome"] for name in names]
            equal((run.status, found), (2, ["accepted", "broken"]), f"exit code and outcomes; {run.said}{run.table}")
            ensure("a new PIN" in " ".join(run.cells[names[1]]["why"]), run.table)
    with cases.case("a profile that there is not is said before anything is tried"):
        run = Run("http://localhost:9", "--profile", "yubikey-6")
        ensure(run.status == 2 and "no profile named `yubikey-6`" in run.said and not run.cells, run.said)
    with cases.case("a stranger's host is not visited unless it is named"):
        run = Run("https://shop.example-bank.com/", "--browser", browser, "--only", f"{PHONE}/script/direct")
        equal(run.status, 2, "exit code")
        ensure("--i-am-authorised-to-test shop.example-bank.com" in run.said, run.said)


def main():
    cases = Cases()
    for name, routes in {"chromium": "exec,script,extension", "chromium-headless-shell": "exec,script"}.items():
        with cases.group(name):
            grid(cases, name, routes)
    with cases.group("firefox"):
        firefox(cases)
    with cases.group("policy"):
        policy(cases, "chromium")
    with cases.group("enforced"):
        enforced(cases, "chromium")
    with cases.group("across the room"):
        across(cases, "chromium")
    with cases.group("rules"):
        rules(cases, "chromium-headless-shell")
    cases.exit()


if __name__ == "__main__":
    main()
