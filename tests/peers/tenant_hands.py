"""A tenant that runs, and somebody with a mouse and a keyboard in front of its pages. What a browser is made to look at is
only looked at: every act is a click or a key."""

import json
import os
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import process
from cases import ensure, equal
from devtools import HEADLESS, over_pipe
from process import PROGRAM

PICTURES = os.environ.get("FAUXKEY_SCREENSHOTS")
METHODS = "/v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/"


class Tenant:
    """`fauxkey tenant serve --ephemeral`."""

    def __init__(self, ready):
        self.url, self._token = ready["tenant"], ready["token"]
        self.admin = f"{self.url}/admin?token={self._token}"

    def graph(self, method, path, body=None):
        """What Graph answers to an administrator's program: the status, and JSON or text."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path.replace(" ", "%20"), data, headers, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as response:
                status, text = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, text

    def get(self, path):
        status, value = self.graph("GET", path)
        equal(status, 200, f"{path}: {value}")
        return value

    def do(self, method, path, body=None):
        status, value = self.graph(method, path, body)
        ensure(status < 300, f"{method} {path}: {status} {value}")
        return value


@contextmanager
def tenant(behaviour):
    """A tenant of that behaviour."""
    with process.serving("tenant", "serve", "--ephemeral", "--behaviour", behaviour) as (_, ready):
        yield Tenant(ready)


# Where the middle of a thing is, once it can be clicked; null if it is not there.
PLACE = """(() => {
  const within = [...document.querySelectorAll("dialog[open]")].pop() ?? document;
  const name = (one) => [...one.childNodes].filter((node) => !node.classList?.contains("hidden"))
    .map((node) => node.textContent).join("").trim();
  const fits = (one) => one.checkVisibility() && %s;
  const found = [...within.querySelectorAll(%s)].find(fits);
  if (!found) return null;
  found.scrollIntoView({ block: "center", behavior: "instant" });
  const box = (%s)(found).getBoundingClientRect();
  return [box.x + Math.min(box.width / 2, 60), box.y + box.height / 2];
})()"""


class Hands:
    """Somebody in front of a page."""

    def __init__(self, page, tenant):
        self.page, self.tenant = page, tenant

    def open(self, path):
        self.page.open(path if path.startswith("http") else self.tenant.url + path)

    # ---- Acts ----

    def _click(self, fits, selector, box="(one) => one", what=""):
        script = PLACE % (fits, json.dumps(selector), box)
        x, y = self.page.until(lambda: self._at_rest(script), what or f"{selector} where {fits} is there")
        self.page.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.page.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _at_rest(self, script):
        """A place that is still the same a moment later: a page that lays itself out anew moves what is to be clicked."""
        place = self.page.value(script)
        return place if place and place == self.page.value(script) else None

    def click(self, name, section=""):
        """A button, link or fold of that name."""
        fits = f"(name(one) === {json.dumps(name)} || name(one.querySelector('strong') ?? one) === {json.dumps(name)})"
        selector = ", ".join(f"{section} {one}".strip() for one in ("button", "a", "summary"))
        self._click(fits, selector, what=f"{name!r} in {section or 'the page'} to click")

    def _field(self, label, section):
        return f"label(one) === {json.dumps(label)}", f"{section} input, {section} select, {section} textarea"

    def fill(self, label, text, section="main"):
        """The field that has that label."""
        self._at_field(label, section)
        self.page.select_all()
        self.page.press("Backspace")
        self.page.type(text)

    def _at_field(self, label, section):
        self._click(LABELLED % json.dumps(label), f"{section} :is(input, select, textarea)", what=f"the field {label!r}")

    def choose(self, label, option, section="main"):
        """An option of a list, by its first letters."""
        listed = self.page.until(lambda: self._listed(label, section), f"the list {label!r}")
        ensure(any(one.startswith(option) for one in listed), f"{option!r} is not in {listed}")
        self.page.until(lambda: self._chosen(label, option, section), f"{option!r} chosen in the list {label!r}")

    def _chosen(self, label, option, section):
        """Types it, and looks: a dialog that closes gives the focus back when it pleases."""
        at = (json.dumps(section), LABELLED % json.dumps(label))
        self.page.value(FOCUS % at)
        self.page.type(option[:40])
        chosen = (self.page.value(CHOSEN % at) or "").startswith(option)
        # A list forgets after a second what was typed before.
        return chosen or time.sleep(1.2)

    def _listed(self, label, section):
        return self.page.value(OPTIONS % (json.dumps(section), LABELLED % json.dumps(label)))

    def tick(self, label, wanted=True, section="main"):
        """Has a box ticked, or not."""
        look = TICKED % (json.dumps(section), LABELLED % json.dumps(label))
        is_so = self.page.until(lambda: self.page.value(look), f"the box {label!r} in {section}") == "yes"
        if is_so != wanted:
            fits = LABELLED % json.dumps(label)
            self._click(fits, f"{section} input[type=checkbox]", what=f"the box {label!r}")
            equal(self.page.value(look), "yes" if wanted else "no", f"the box {label!r} after a click")

    # ---- Looks ----

    def shows(self, text, selector="main"):
        """Waits until that text is in sight."""
        inside = f"[...document.querySelectorAll({json.dumps(selector)})].filter((one) => one.checkVisibility())"
        script = f"{inside}.map((one) => one.innerText).join('\\n')"
        found = lambda: text in (self.page.value(script) or "")
        try:
            self.page.until(found, text)
        except AssertionError:
            raise AssertionError(f"{text!r} is not in {self.page.value(script)!r}") from None

    def seen(self, selector="main"):
        return self.page.value(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def heading(self, text):
        """Waits until a heading of that name has the focus, or is in sight."""
        script = "[...document.querySelectorAll('h1, h2')].some((one) => one.checkVisibility() && one.innerText.trim() === %s)"
        self.page.until(lambda: self.page.value(script % json.dumps(text)), f"the heading {text!r}")

    def request(self, section):
        """The request that a form shows: method, path and body."""
        text = self.page.value(f"document.querySelector({json.dumps(section + ' .graph pre')}).textContent")
        head, _, body = text.partition("\n")
        method, _, address = head.partition(" ")
        path = address.removeprefix("https://graph.microsoft.com")
        return method, path, json.loads(body.split("\n\n", 1)[1]) if "\n\n" in body else None

    def pictures(self, name):
        """Light and dark, wide and as narrow as a phone, if pictures are wanted."""
        if not PICTURES:
            return
        os.makedirs(PICTURES, exist_ok=True)
        for scheme, size, width, height in (
            ("light", "wide", 1280, 900),
            ("dark", "wide", 1280, 900),
            ("light", "narrow", 360, 740),
            ("dark", "narrow", 360, 740),
        ):
            self.page.look(scheme, width, height)
            self.page.screenshot(os.path.join(PICTURES, f"{name}-{size}-{scheme}.png"))
        self.page.look("light", 1280, 900)


LABELLED = """[...(one.labels ?? [])].some((label) => [...label.childNodes]
  .filter((node) => !["INPUT", "SELECT", "TEXTAREA"].includes(node.nodeName))
  .map((node) => node.querySelector?.("bdi")?.textContent ?? node.textContent).join("").trim() === %s)"""
FOCUS = """(() => { const one = [...document.querySelector(%s).querySelectorAll("select")]
  .find((one) => one.checkVisibility() && %s); one.focus(); })()"""
OPTIONS = """(() => { const one = [...document.querySelector(%s)?.querySelectorAll("select") ?? []]
  .find((one) => one.checkVisibility() && %s); return one ? [...one.options].map((option) => option.textContent) : null; })()"""
CHOSEN = """(() => { const one = [...document.querySelector(%s)?.querySelectorAll("select") ?? []]
  .find((one) => one.checkVisibility() && %s); return one?.selectedOptions[0]?.textContent ?? null; })()"""
TICKED = """(() => { const one = [...document.querySelector(%s)?.querySelectorAll("input[type=checkbox]") ?? []]
  .find((one) => one.checkVisibility() && %s); return one ? (one.checked ? "yes" : "no") : null; })()"""


@contextmanager
def hands(tenant, *flags):
    """A Chromium through `fauxkey exec` with those flags, and hands."""
    before = [PROGRAM, "exec", "--ephemeral", *flags, "--"]
    with over_pipe(HEADLESS, before) as page:
        page.look("light", 1280, 900)
        page.patience = 30
        yield Hands(page, tenant)
