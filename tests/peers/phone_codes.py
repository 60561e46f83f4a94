"""The phone page's way to a QR code on another screen: a dialog, a file that is dropped, and what is pasted. What a code
leads to is in chromium_hybrid.py; here nobody is on the other side."""

import base64
from pathlib import Path

from cases import ensure, equal

FIXTURES = Path(__file__).parents[2] / "fixtures/hybrid"
SCAN = "Scan a QR code"

# A file or a text, as the browser hands it to a page: by `drop` with what was dragged, by `paste` with the clipboard.
HAND = """(([how, name, kind, bytes, text]) => {
  const data = new DataTransfer();
  if (bytes !== null) {
    const content = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
    data.items.add(new File([content], name, { type: kind }));
  }
  if (text !== null) data.setData("text/plain", text);
  const options = { bubbles: true, cancelable: true };
  const event = how === "drop" ? new DragEvent("drop", { ...options, dataTransfer: data })
    : new ClipboardEvent("paste", { ...options, clipboardData: data });
  return !document.body.dispatchEvent(event);
})(%s)"""


def hand(page, how, name="", kind="", content=None, text=None):
    """Whether the page took it for itself."""
    coded = None if content is None else base64.b64encode(content).decode()
    words = [page_word(word) for word in (how, name, kind, coded, text)]
    return page.value(HAND % f"[{', '.join(words)}]")


def page_word(word):
    return "null" if word is None else "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"


def said(page):
    return page.value("[...document.querySelectorAll('#scan-said li')].map((line) => line.textContent).join(' | ')")


def over(phone, *words):
    """Waits until the page says how it ended, and closes that."""
    page = phone.page
    # What an earlier scan said may stand there until this one begins.
    closable = "!document.getElementById('scan-close').hidden"
    page.until(lambda: page.value(closable) and all(word in said(page) for word in words), f"it is over, and says {words}")
    phone.press("Close")
    page.until(lambda: page.focus() == ("button", SCAN), "the focus is back")


def codes(cases, phone):
    page = phone.page
    picture = (FIXTURES / "chromium156-qr.png").read_bytes()
    text = (FIXTURES / "chromium156-qr.txt").read_text().strip()
    alone = lambda: page.value("document.getElementById('problem').textContent")
    with cases.case("the dialog takes what a code says, and says what is wrong with it"):
        phone.open(phone.daemon.device)
        phone.press(SCAN)
        page.until(lambda: page.value("document.getElementById('scanning').open"), "the dialog is open")
        phone.pictures("scanning")
        page.go_to("textbox", "Or what the code says")
        page.type("FIDO:/12")
        page.press("Enter")
        over(phone, "this is no code for a phone")
    with cases.case("Escape leaves the dialog, and the focus comes back"):
        phone.press(SCAN)
        page.until(lambda: page.value("document.getElementById('scanning').open"), "the dialog is open")
        page.press("Escape")
        page.until(lambda: page.focus() == ("button", SCAN), "the focus is back")
    with cases.case("a screenshot is dropped or pasted, and the code in it is read"):
        for how in ("drop", "paste"):
            ensure(hand(page, how, "screen.png", "image/png", picture), f"{how}: the page leaves it to the browser")
            over(phone, "scanned a code for a registration")
    with cases.case("a text is pasted or dropped"):
        for how in ("paste", "drop"):
            ensure(hand(page, how, text=text), f"{how}: the page leaves it to the browser")
            over(phone, "scanned a code for a registration")
    with cases.case("a picture without a code, and a file that is none, say so"):
        dot = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
        hand(page, "drop", "dot.png", "image/png", dot)
        over(phone, "there is no QR code in the picture")
        hand(page, "drop", "broken.png", "image/png", picture[:2000])
        over(phone, "the picture is broken")
        ensure(hand(page, "drop", "notes.txt", "text/plain", b"notes"), "the browser shows the file")
        equal(alone(), "that is no picture, and no code's text", "what is said")
        ensure(not hand(page, "paste", text="something else"), "another text is taken away")
    with cases.case("a device that no code reaches takes none"):
        phone.open("key")
        ensure(("button", SCAN) not in page.tree(), "a security key scans")
        ensure(hand(page, "drop", "screen.png", "image/png", picture), "the browser shows the file")
        ensure(page.value("document.getElementById('scan').hidden"), "it is scanned")
        phone.open(phone.daemon.device)
