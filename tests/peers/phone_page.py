"""The phone page in Debian's Chromium, by keyboard alone, and as a screen reader hears it. What a browser is made to look
at is only looked at: every act is a key. With FAUXKEY_SCREENSHOTS, pictures of it are left in that folder."""

import json
import os
import subprocess
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

from cases import Cases, ensure, equal
from devtools import SHIFT, chromium
from fauxkey import PATIENCE, PROGRAM, running
from phone_codes import codes
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

RP = "login.example.test"
ORIGIN = f"https://{RP}"
CHALLENGE = bytes_to_base64url(bytes(range(32)))
PICTURES = os.environ.get("FAUXKEY_SCREENSHOTS")
APPROVE, WRONG, PIN, DECLINE, LATER = "Approve", "Wrong finger", "PIN", "Decline", "Let it time out"
ASKS = "When a program asks"


class Program:
    """A `fauxkey webauthn` that waits for its user."""

    def __init__(self, daemon, kind, options):
        environment = os.environ | {"FAUXKEY_URL": daemon.url, "FAUXKEY_TOKEN": daemon.token}
        command = [PROGRAM, "webauthn", kind, "-", "--origin", ORIGIN, "--device", daemon.device]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, text=True)
        self._said = None
        self._thread = threading.Thread(target=self._wait, args=[json.dumps(options)], daemon=True)
        self._thread.start()

    def _wait(self, options):
        self._said = self._process.communicate(options, timeout=120)

    def ended(self):
        """Its exit code, what it made, and what it said."""
        self._thread.join(PATIENCE)
        ensure(self._said is not None, "the program still waits")
        printed, said = self._said
        return self._process.returncode, json.loads(printed) if printed else None, said


def register(daemon, name):
    return Program(daemon, "create", {
        "rp": {"id": RP, "name": "Example"},
        "user": {"id": bytes_to_base64url(name.encode()), "name": name, "displayName": name.title()},
        "challenge": CHALLENGE,
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
    })


def sign_in(daemon):
    return Program(daemon, "get", {"challenge": CHALLENGE, "rpId": RP, "userVerification": "required"})


class Phone:
    """The page, and somebody who has nothing but a keyboard."""

    def __init__(self, page, daemon):
        self.page, self.daemon = page, daemon

    def open(self, device=None):
        more = f"&device={device}" if device else ""
        self.page.open(f"{self.daemon.url}/phone?token={self.daemon.token}{more}")
        self.page.until(lambda: self.page.value("document.querySelectorAll('#fault option').length"), "faults are listed")

    def asked(self, title):
        """Waits until the sheet has risen and has the focus; what is said then."""
        self.page.until(lambda: self.page.focus() == ("dialog", title), f"the sheet {title!r} has the focus")
        return self.page.description()

    def answers(self, *names):
        """Goes to each of the buttons in turn and presses it, as soon as it is asked."""
        for name in names:
            self.press(name)

    def press(self, name, role="button"):
        self.page.go_to(role, name)
        self.page.press("Enter")

    def lowered(self):
        self.page.until(lambda: not self.page.value("!!document.querySelector('#sheet .sheet')"), "the sheet is gone")

    def heard(self):
        """What the live region says."""
        return self.page.value("document.querySelector('[role=status]').textContent")

    def choose(self, label, typed):
        """An option of a list, by its first letters."""
        self.page.go_to("combobox", label)
        self.page.type(typed)

    def write(self, label, text):
        self.page.go_to("textbox", label)
        self.page.select_all()
        self.page.type(text)

    def picture(self, name, scheme, width, height):
        if PICTURES:
            self.page.look(scheme, width, height)
            # Sheets have risen by then.
            self.page.until(lambda: self.page.value("document.getAnimations().length") == 0, "everything stands still")
            self.page.screenshot(os.path.join(PICTURES, f"{name}.png"))

    def pictures(self, name):
        self.picture(f"{name}-light-wide", "light", 1280, 900)
        self.picture(f"{name}-dark-wide", "dark", 1280, 900)
        self.picture(f"{name}-light-narrow", "light", 360, 740)
        self.picture(f"{name}-dark-narrow", "dark", 360, 740)
        self.page.look("light", 1280, 900)


def locked(cases, phone):
    with cases.case("without its token the page says where that is, and shows nothing"):
        phone.page.open(f"{phone.daemon.url}/phone")
        names = [name for _, name in phone.page.tree()]
        ensure("This page needs its token" in names, f"{names}")
        ensure(not any(phone.daemon.device == name for name in names), f"{names}")


def questions(cases, phone):
    page, daemon = phone.page, phone.daemon
    with cases.case("who answers is set here"):
        phone.open()
        phone.choose(ASKS, "I answer")
        phone.press("Set")
        page.until(lambda: daemon.api("GET", "/user")["answer"] == "ask", "the device has a person for its user")
    with cases.case("a sheet rises, says who asks and why, and takes the focus, but no key that was meant for the page"):
        program = register(daemon, "ada")
        said = phone.asked("New passkey")
        for text in (RP, "wants to put a new passkey on this device", "3 tries left"):
            ensure(text in said, said)
        ensure(phone.heard().startswith(f"{daemon.device} asks. New passkey {RP} wants to put"), phone.heard())
        ensure(("button", "Details of the passkey") not in page.tree(), "what is under the sheet is in reach")
        page.press("Enter")
        page.press("Space")
        ensure(daemon.api("GET", "/prompt"), "a key on the sheet itself answered")
        phone.pictures("question")
    with cases.case("Approve makes the passkey, which the page then shows under its account"):
        phone.press(APPROVE)
        code, made, said = program.ended()
        equal(code, 0, said)
        phone.lowered()
        page.until(lambda: ("heading", "ada") in page.tree(), "the account is there")
        equal(daemon.api("GET", "/passkeys")[0]["credentialId"], made["id"], "the passkey")
        equal(phone.heard(), "The question is over.", "what is said")
    with cases.case("a wrong finger costs a try, and the right one is asked for again"):
        program = sign_in(daemon)
        ensure("3 tries left" in phone.asked("Sign in"), page.description())
        phone.press(WRONG)
        page.until(lambda: "2 tries left" in phone.heard(), "the sheet says how many tries are left")
        phone.press(WRONG)
        page.until(lambda: "The last try" in phone.heard(), "the last try")
        phone.press(APPROVE)
        equal(program.ended()[0], 0, "exit code")
        phone.lowered()
    with cases.case("three wrong fingers are a refusal"):
        program = sign_in(daemon)
        phone.asked("Sign in")
        for said in ("2 tries left", "The last try", "The question is over"):
            phone.press(WRONG)
            page.until(lambda: said in phone.heard(), said)
        code, _, said = program.ended()
        equal(code, 1, said)
    with cases.case("a PIN is as good as a finger"):
        program = sign_in(daemon)
        phone.asked("Sign in")
        phone.press(PIN)
        equal(program.ended()[0], 0, "exit code")
        phone.lowered()
    with cases.case("Decline refuses"):
        program = register(daemon, "bea")
        phone.asked("New passkey")
        phone.press(DECLINE)
        code, _, said = program.ended()
        equal((code, "NotAllowedError" in said), (1, True), said)
        phone.lowered()
        equal(len(daemon.api("GET", "/passkeys")), 1, "passkeys")
    with cases.case("a question that is left alone can be answered after all, or runs out"):
        program = sign_in(daemon)
        phone.asked("Sign in")
        phone.press(LATER)
        page.until(lambda: page.focus() == ("button", "Answer it after all"), "there is a way back")
        ensure(("dialog", "Sign in") not in page.tree(), "the sheet is still up")
        page.press("Enter")
        phone.asked("Sign in")
        phone.press(LATER)
        daemon.api("POST", "/clock", {"advanceMs": 300_000})
        code, _, said = program.ended()
        equal(code, 1, said)
        phone.lowered()
    with cases.case("with two accounts the phone offers both, and the second one signs in"):
        program = register(daemon, "bea")
        phone.asked("New passkey")
        phone.press(APPROVE)
        equal(program.ended()[0], 0, "exit code")
        phone.lowered()
        program = sign_in(daemon)
        ensure("Choose the account" in phone.asked("Sign in"), page.description())
        phone.pictures("choice")
        phone.press("As ada")
        code, used, said = program.ended()
        equal(code, 0, said)
        equal(base64url_to_bytes(used["response"]["userHandle"]), b"ada", "who signed in")
        phone.lowered()


def passkeys(cases, phone):
    page, daemon = phone.page, phone.daemon
    details = ("DisclosureTriangle", f"Details of the passkey for {RP}")
    with cases.case("a passkey is renamed, and the focus comes back"):
        page.until(lambda: ("heading", "bea") in page.tree(), "the newest account")
        page.go_to(*details)
        page.press("Enter")
        phone.press("Rename")
        page.until(lambda: page.focus() == ("textbox", "Account"), "the dialog is open")
        phone.pictures("renaming")
        phone.write("Account", "bea@work.test")
        phone.write("Person", "Bea B.")
        page.press("Enter")
        page.until(lambda: ("heading", "bea@work.test") in page.tree(), "the new name")
        passkey = daemon.api("GET", "/passkeys")[0]
        equal((passkey["userName"], passkey["userDisplayName"]), ("bea@work.test", "Bea B."), "names")
        page.until(lambda: page.focus() == ("button", "Rename"), "the focus is where it was")
    with cases.case("Escape and Keep it keep a passkey, Delete deletes it"):
        for keep in (lambda: page.press("Escape"), lambda: page.press("Enter")):
            phone.press("Delete")
            page.until(lambda: page.focus() == ("button", "Keep it"), "keeping it is suggested")
            keep()
            page.until(lambda: page.focus() == ("button", "Delete"), "the focus is where it was")
        equal(len(daemon.api("GET", "/passkeys")), 2, "passkeys")
        page.press("Enter")
        page.until(lambda: page.focus() == ("button", "Keep it"), "the dialog is open")
        page.press("Tab")
        equal(page.focus(), ("button", "Delete"), "what comes next")
        page.press("Enter")
        page.until(lambda: len(daemon.api("GET", "/passkeys")) == 1, "it is gone")
        page.until(lambda: ("heading", "bea@work.test") not in page.tree(), "it is gone from the page")
        equal(daemon.api("GET", "/passkeys")[0]["userName"], "ada", "who is left")
        page.until(lambda: page.focus()[0] == "heading", "the focus is not lost")


def faults(cases, phone):
    page, daemon = phone.page, phone.daemon
    with cases.case("a fault is armed, strikes, and shows in the traffic"):
        phone.choose("Fault", "bad-s")
        equal(page.value("document.getElementById('fault-about').textContent"), "The signature does not verify.", "about")
        phone.press("Arm")
        page.until(lambda: any("bad-signature, 1 time; struck 0" in name for _, name in page.tree()), "it is listed")
        (armed,) = daemon.api("GET", "/faults")
        equal((armed["fault"]["fault"], armed["fault"]["times"]), ("bad-signature", 1), "what is armed")
        program = sign_in(daemon)
        phone.asked("Sign in")
        phone.press(APPROVE)
        program.ended()
        page.until(lambda: any("bad-signature, 1 time; struck 1" in name for _, name in page.tree()), "it struck")
        ensure(page.value("!!document.querySelector('#lines .kind-fault')"), "the traffic does not tell of it")
    with cases.case("what is wrong with a fault is said"):
        phone.choose("Fault", "stat")
        phone.press("Arm")
        page.until(lambda: page.value("!document.getElementById('problem').hidden"), "a problem is said")
        ensure(("alert", "") in page.tree(), "and heard")
    with cases.case("a fault is disarmed"):
        phone.pictures("fault")
        phone.press("Disarm bad-signature")
        page.until(lambda: daemon.api("GET", "/faults") == [], "it is gone")
        page.until(lambda: page.focus() == ("combobox", "Fault"), "the focus is not lost")
        ensure(page.value("document.getElementById('problem').hidden"), "the problem is still there")


def traffic(cases, phone):
    page, daemon = phone.page, phone.daemon
    with cases.case("the newest line is in sight, though the window was narrow meanwhile"):
        page.look("light", 360, 740)
        page.look("light", 1280, 900)
        daemon.api("POST", "/ctap2", {"link": "usb", "message": bytes_to_base64url(b"\x04")})
        below = "(({scrollHeight, scrollTop, clientHeight}) => [scrollHeight - scrollTop - clientHeight, scrollTop])"
        sight = lambda: page.value(f"{below}(document.getElementById('lines'))")
        page.until(lambda: sight()[0] < 2 and sight()[1] > 0, "the end is in sight")
    with cases.case("each message is decoded, and its bytes are a key away"):
        phone.press("Clear")
        page.until(lambda: page.value("document.getElementById('lines').childElementCount") == 0, "it is clear")
        daemon.api("POST", "/ctap2", {"link": "usb", "message": bytes_to_base64url(b"\x04")})
        names = lambda: [name for role, name in page.tree() if role == "DisclosureTriangle" and "GetInfo" in name]
        first = page.until(lambda: len(names()) == 2 and names()[0], "request and answer")
        ensure("to the device" in first, first)
        ensure("0x00" in names()[1] and " ms" in names()[1], names()[1])
        page.go_to("DisclosureTriangle", names()[1])
        page.press("Enter")
        ensure(page.value("document.querySelector('#lines details[open]').textContent").count("versions"), "decoded")
        phone.pictures("traffic")
    with cases.case("a pause keeps what comes, and shows it afterwards"):
        count = lambda: page.value("document.getElementById('lines').childElementCount")
        page.go_to("button", "Pause")
        page.press("Space")
        before = count()
        daemon.api("POST", "/ctap2", {"link": "usb", "message": bytes_to_base64url(b"\x04")})
        daemon.api("POST", "/power", {"power": "cycle"})
        page.until(lambda: page.value("document.getElementById('power').dataset.power") == "off", "the page has heard of it")
        equal(count(), before, "lines while it pauses")
        page.press("Space")
        page.until(lambda: count() >= before + 4, "all that was missed")


def devices(cases, phone):
    page, daemon = phone.page, phone.daemon
    with cases.case("the phone is switched off and on"):
        phone.press("Switch off")
        page.until(lambda: any("Off. The passkeys are still on it." in name for _, name in page.tree()), "it is dark")
        equal(daemon.api("GET", "")["powered"], False, "power")
        phone.pictures("off")
        equal(page.focus(), ("button", "Switch on"), "where the focus is")
        page.press("Enter")
        page.until(lambda: daemon.api("GET", "")["powered"], "it has power")
        page.until(lambda: ("heading", "ada") in page.tree(), "it is back")
    with cases.case("another device is chosen, and each says whether it asks"):
        daemon.call("POST", "devices", {"name": "key", "profile": "security-key"})
        daemon.call("PUT", "devices/key/user", {"answer": "ask", "delayMs": 0})
        phone.open(daemon.device)
        program = sign_in(daemon)
        phone.asked("Sign in")
        name = next(name for role, name in page.tree() if role == "button" and name.startswith("key "))
        page.go_to("button", name)
        page.press("Enter")
        page.until(lambda: "The phone key" in [name for _, name in page.tree()], "the key is shown")
        page.until(lambda: ("button", f"{daemon.device} asks Microsoft Authenticator (iOS)") in page.tree(), "it still asks")
        page.go_to("button", f"{daemon.device} asks Microsoft Authenticator (iOS)")
        page.press("Enter")
        phone.asked("Sign in")
        phone.press(DECLINE)
        equal(program.ended()[0], 1, "exit code")


class SignInPage:
    """Somebody at the tenant's sign-in page, who has typed a name."""

    REGISTRATION = "6aa00308-ea33-4caa-90d6-ae905d8cb51b"

    def __init__(self, tenant):
        self._url, self._session = tenant["url"], None
        self._session = self.post("/login/begin", {"app": self.REGISTRATION})["session"]
        self.post("/login/identify", {"userPrincipalName": tenant["user"]})

    def post(self, path, body):
        headers = {"Content-Type": "application/json"}
        if self._session:
            headers["Authorization"] = f"Session {self._session}"
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE) as response:
            text = response.read()
        return json.loads(text) if text else None


def accounts(cases, phone):
    page, daemon = phone.page, phone.daemon
    tenant = daemon._ready["tenant"]
    asked = "Are you trying to sign in?"
    with cases.case("+ adds an account with a pass, once the phone's user agrees"):
        phone.open(daemon.device)
        phone.press("Add account")
        page.until(lambda: page.focus() == ("textbox", "User name"), "the dialog is open")
        equal(page.value("document.getElementById('add-tenant').value"), tenant["url"], "the tenant is filled in")
        page.type(tenant["user"])
        page.go_to("textbox", "Temporary Access Pass")
        page.type(tenant["temporaryAccessPass"])
        phone.pictures("adding")
        page.press("Enter")
        phone.asked("New passkey")
        phone.press(APPROVE)
        page.until(lambda: ("heading", tenant["user"]) in page.tree(), "the account is there")
        page.until(lambda: "is added" in phone.heard(), "it is said")
        account = daemon.api("GET", "/accounts")[0]
        equal((account["kind"], account["userName"]), ("account", tenant["user"]), "the account")
        equal([account[can] for can in ("push", "phoneSignIn", "oneTimeCode")], [True, True, True], "what it can do")
    with cases.case("its code is that of the tenant, and counts down"):
        shown = lambda: page.value("document.querySelector('[data-code]').textContent").replace(" ", "")
        code = lambda: daemon.api("GET", f"/accounts/{account['id']}/code")["code"]
        page.until(lambda: shown() == code(), "the code is shown")
        left = lambda: page.value("parseInt(document.querySelector('[data-left]').textContent)")
        first = left()
        page.until(lambda: left() != first, "it counts")
        phone.pictures("account")
    with cases.case("a sign-in that waits asks for the number, and the right one lets in"):
        visitor = SignInPage(tenant)
        number = visitor.post("/login/push", {"phoneSignIn": True})["number"]
        page.until(lambda: page.focus() == ("dialog", asked), "the sheet has the focus")
        ensure(tenant["user"] in phone.heard() and str(number) not in phone.heard(), phone.heard())
        page.press("Enter")
        equal(visitor.post("/login/push/wait", {}), None, "a key on the sheet itself")
        phone.pictures("push")
        page.go_to("textbox", "Number")
        page.type(str(number))
        page.press("Enter")
        page.until(lambda: not page.value("!!document.querySelector('#pushes .sheet')"), "the sheet is gone")
        equal(visitor.post("/login/push/wait", {})["verdict"], "granted", "the verdict")
    with cases.case("a sign-in of somebody else is declined"):
        visitor = SignInPage(tenant)
        visitor.post("/login/push", {"phoneSignIn": True})
        page.until(lambda: page.focus() == ("dialog", asked), "the sheet has the focus")
        phone.press("No, it is not me")
        page.until(lambda: not page.value("!!document.querySelector('#pushes .sheet')"), "the sheet is gone")
        try:
            visitor.post("/login/push/wait", {})
            ensure(False, "it was let in")
        except urllib.error.HTTPError as refused:
            equal(refused.code, 401, "status")
    with cases.case("an account is kept by Escape, and removed with its passkey"):
        before = len(daemon.api("GET", "/passkeys"))
        phone.press("Remove account")
        page.until(lambda: page.focus() == ("button", "Keep it"), "keeping it is suggested")
        page.press("Escape")
        page.until(lambda: page.focus() == ("button", "Remove account"), "the focus is where it was")
        page.press("Enter")
        page.until(lambda: page.focus() == ("button", "Keep it"), "the dialog is open")
        page.press("Tab")
        page.press("Enter")
        # An open dialog hides everything else from screen readers, so that is waited for first.
        page.until(lambda: not page.value("!!document.querySelector('dialog[open]')"), "the dialog is closed")
        page.until(lambda: ("heading", tenant["user"]) not in page.tree(), "it is gone")
        equal(len(daemon.api("GET", "/passkeys")), before - 1, "passkeys")
        page.until(lambda: page.focus()[0] == "heading", "the focus is not lost")


def everywhere(cases, phone):
    page = phone.page
    with cases.case("everything that can be used has a name for a screen reader"):
        phone.open()
        used = ("button", "combobox", "textbox", "spinbutton", "checkbox", "DisclosureTriangle", "link", "dialog")
        nameless = [(role, name) for role, name in page.tree() if role in used and not name.strip()]
        equal(nameless, [], "without a name")
        landmarks = {role for role, _ in page.tree()}
        ensure({"main", "navigation", "region", "banner"} <= landmarks, f"{landmarks}")
    with cases.case("Shift and Tab go back the way that Tab came"):
        phone.open()
        way = []
        for _ in range(12):
            page.press("Tab")
            way.append(page.focus())
        for step in reversed(way[:-1]):
            page.press("Tab", modifiers=SHIFT)
            equal(page.focus(), step, "the way back")
    with cases.case("nothing is wider than the window, at 320 pixels neither"):
        for width in (320, 360, 700, 896, 1280, 1920):
            page.look("light", width, 700)
            wide = page.value("document.documentElement.scrollWidth")
            ensure(wide <= width, f"{wide} pixels in a window of {width}")
        page.look("light", 1280, 900)
    with cases.case("what is written can be read: contrast of 4.5 to 1 or more, light and dark"):
        for scheme in ("light", "dark"):
            page.look(scheme, 1280, 900)
            equal(page.value(CONTRAST), [], f"too faint in {scheme}")
    with cases.case("the console has nothing to complain of: no script and no style was refused"):
        complaints = []
        while not page.complaints.empty():
            complaints.append(page.complaints.get())
        # The page without its token is refused, the fault without a value, and codes that are none or old.
        expected = ("401 (Unauthorized)", "400 (Bad Request)", "422 (Unprocessable")
        equal([text for text in complaints if not any(one in text for one in expected)], [], "complaints")


CONTRAST = """(() => {
  const channels = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((c) => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || ["SCRIPT", "OPTION"].includes(element.tagName)) continue;
    const [a, b] = [light(channels(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faint.push(`${element.tagName} ${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return faint;
})()"""


@contextmanager
def the_phone():
    # Old codes are refused before any way to a desktop is taken: this one leads nowhere.
    os.environ["FAUXKEY_TUNNEL"], os.environ["FAUXKEY_RADIO"] = "127.0.0.1:9", "off"
    with running("ms-authenticator-ios", "tcp", verb="up") as daemon, chromium() as page:
        daemon.url, daemon.token = daemon._ready["url"], daemon._ready["token"]
        page.look("light", 1280, 900)
        yield Phone(page, daemon)


def main():
    cases = Cases()
    with the_phone() as phone:
        for group in (locked, questions, passkeys, faults, traffic, devices, codes, accounts, everywhere):
            with cases.group(group.__name__):
                group(cases, phone)
    cases.exit()


if __name__ == "__main__":
    main()
