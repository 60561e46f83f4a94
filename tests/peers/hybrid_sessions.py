"""Whole sessions over the hybrid transport, for fixtures/hybrid/sessions.txt: what each side says, byte for byte, where both
keep to the specification, and what one side must make of another that does not."""

from hybrid_oracle import (
    CTAP,
    JSON,
    LINKED,
    QR,
    SHUTDOWN,
    UPDATE,
    Noise,
    advert,
    block,
    cbor,
    client_payload,
    code,
    code_eid,
    compressed,
    eid_key,
    handshake,
    key,
    link,
    made,
    padded,
    post_handshake,
    psk,
    public,
    tunnel_id,
)

SOURCE = "CTAP 2.3 §11.5"
ANDROID = cbor(
    {1: ["FIDO_2_0", "FIDO_2_1"], 2: ["prf"], 3: bytes(16), 4: {"rk": True, "uv": True}, 9: ["cable", "hybrid", "internal"]}
)
REQUEST = b"\x02" + cbor({1: "example.test", 2: made("client data hash"), 5: {"uv": True}})
ANSWER = b"\x2e"
TIME, ROUTING = 1795333631, b"\x0a\x0b\x0c"
CONTACT, LINK_ID, NAME = made("contact", 24), made("link id", 8), "A phone"


class Session:
    """A session of a desktop and a phone that met by a code, or by a link. Lines are added as things are said."""

    def __init__(self, word, state_assisted=False, by_link=False):
        self.state_assisted, self.by_link, self.links = state_assisted, by_link, by_link
        self.lines = []
        self.desktop, self.phone = key("desktop"), key("phone static")
        self.desktop_once, self.phone_once = key(word + " desktop ephemeral"), key(word + " phone ephemeral")
        self.words = {"desktop-ephemeral": made(word + " desktop ephemeral")}
        self.words["phone-ephemeral"] = made(word + " phone ephemeral")
        if by_link:
            self.secret, self.pattern, self.static = made("link secret"), LINKED, self.phone
            self.eid, self.key = b"\0" + made("nonce", 15), eid_key(self.secret, made("client nonce", 16))
            self.tunnel = made("tunnel", 16)
        else:
            self.secret, self.pattern, self.static = made("qr secret", 16), QR, self.desktop
            self.eid, self.key = code_eid(made("nonce", 10), ROUTING, 0), eid_key(self.secret)
            self.tunnel = tunnel_id(self.secret)
        self.shared = psk(self.secret, self.eid)

    def handshake(self):
        made = handshake(self.pattern, self.shared, self.static, self.desktop_once, self.phone_once)
        one, two, self.hash, self.there, self.back = made
        return one, two

    def hears(self, who, message):
        """Something that is no message of this session's."""
        self.lines.append(f"{who}: {message.hex()}".rstrip())
        return self

    def begun(self, first=None, second=None):
        """The handshake, one of whose messages may be another."""
        one, two = self.handshake()
        self.hears("desktop", one if first is None else first)
        return self if first is not None else self.hears("phone", two if second is None else second)

    def desktop_says(self, message, plaintext=None):
        return self._says("desktop", self.there, message, plaintext)

    def phone_says(self, message, plaintext=None):
        return self._says("phone", self.back, message, plaintext)

    def _says(self, who, half, message, plaintext):
        self.lines.append(f"says: {message.hex()}".rstrip())
        return self.hears(who, half.seal(padded(message) if plaintext is None else plaintext))

    def told(self, features=None):
        return self.phone_says(post_handshake(ANDROID, features))

    def updated(self, members):
        return self.phone_says(bytes([UPDATE]) + cbor(members))

    def linked(self):
        """Filled up to 512 bytes, so that the tunnel service does not see whether there is a link in it."""
        self.links, members = True, {0: b"", 1: self.link()}
        members[0] = bytes(512 - len(cbor(members)) - 1)
        while len(cbor(members)) > 512:
            members[0] = members[0][1:]
        return self.updated(members)

    def link(self):
        return link(CONTACT, LINK_ID, made("link secret"), self.phone, NAME, public(self.desktop), self.hash)

    def asked(self):
        return self.desktop_says(bytes([CTAP]) + REQUEST)

    def answered(self):
        return self.phone_says(bytes([CTAP]) + ANSWER)

    def ended(self):
        return self.desktop_says(bytes([SHUTDOWN]))

    def text(self, name, test, expect):
        nonce, met = self.eid[1:] if self.by_link else self.eid[1:11], {}
        if self.by_link:
            payload = client_payload(LINK_ID, made("client nonce", 16), "ga")
            met = {"client_nonce": made("client nonce", 16), "payload": payload}
        else:
            members = {0: compressed(self.desktop), 1: self.secret, 2: 2, 3: TIME, 4: self.state_assisted, 5: "ga"}
            met = {"desktop_static": made("desktop"), "secret": self.secret, "code": code(members)}
        if self.links:
            met |= {"contact": CONTACT, "link_id": LINK_ID, "link_secret": made("link secret")}
            met |= {"phone_static": made("phone static"), "phone_name": NAME}
        facts = {"nonce": nonce, "routing": ROUTING, "tunnel_id": self.tunnel, "advert": advert(self.key, self.eid)}
        block_ = block(name=name, source=SOURCE, test=test, expect=expect, **met, **self.words, **facts)
        return block_ + "".join(line + "\n" for line in self.lines)


def whole(word="whole", **kind):
    return Session(word, **kind).begun().told()


def sessions():
    yield from good()
    yield from bad_first_messages()
    yield from bad_desktops()
    yield from bad_second_messages()
    yield from bad_greetings()
    yield from bad_phones()


def good():
    yield whole().asked().answered().ended().text("a sign-in that finds nothing", "both", "OK")
    two = whole("two").asked().answered().asked().answered().ended()
    yield two.text("two requests in one session", "both", "OK")
    padding = whole("padding", state_assisted=True).updated({0: bytes(507)}).asked().answered().ended()
    yield padding.text("a desktop that could be linked, and a phone that does not want to be", "both", "OK")
    linked = whole("linking", state_assisted=True).linked().asked().answered().ended()
    yield linked.text("an update that links", "both", "OK LINKED")
    returned = whole("returned", by_link=True).asked().answered().ended()
    yield returned.text("a desktop that comes back by its link", "both", "OK")
    yield whole("none").ended().text("a desktop that wanted nothing", "phone", "CLOSED")
    yield whole("early").asked().ended().text("a desktop that does not wait for its answer", "phone", "CLOSED")
    late = whole("late").asked().answered().ended().hears("desktop", made("late"))
    yield late.text("something after the end, which nobody hears", "phone", "OK")
    loose = whole("loose").desktop_says(bytes([CTAP]) + REQUEST, bytes([CTAP]) + padded(REQUEST)).answered().ended()
    yield loose.text("a desktop that pads before it puts the type in front", "phone", "OK")
    for features in (["ctap"], ["ctap", "dc"]):
        named = Session("features").begun().told(features).asked().answered().ended()
        yield named.text(f"a phone with the features {' and '.join(features)}", "desktop", "OK")
    unknown = Session("unknown").begun().phone_says(cbor({1: ANDROID, 3: ["ctap"], 7: {"x": [1]}})).asked().answered()
    yield unknown.ended().text("a greeting with a member that nobody knows", "desktop", "OK")
    middle = whole("middle").asked().updated({0: bytes(9), 7: True}).answered().ended()
    yield middle.text("an update while a request is open, with a member that nobody knows", "desktop", "OK")
    old = Session("old place", state_assisted=True).begun()
    old.links = True
    old.phone_says(post_handshake(ANDROID, ["ctap"], old.link())).asked().answered().ended()
    yield old.text("a greeting that links, as before there were updates", "desktop", "OK LINKED")


def bad_first_messages():
    """A phone hears its first message and ends the session."""

    def row(name, message, by_link=False):
        return Session("first", by_link=by_link).begun(first=message).text(name, "phone", "HANDSHAKE")

    session, returned = Session("first"), Session("first", by_link=True)
    one, _ = session.handshake()
    known = public(session.desktop)

    def otherwise(pattern=QR, secret=session.shared, static=known):
        own = session.desktop if static is known else static
        return Noise(pattern, True, secret, own, session.desktop_once).first()

    def returning(pattern=LINKED, secret=returned.shared, static=public(returned.phone)):
        return Noise(pattern, True, secret, static, session.desktop_once).first()

    yield row("no first message", b"")
    yield row("a first message of 80 bytes", one[:-1])
    yield row("a first message of 82 bytes", one + b"\0")
    yield row("a first message of 65 bytes, without a tag", one[:65])
    yield row("a first message whose tag is wrong", one[:-1] + bytes([one[-1] ^ 1]))
    yield row("a first message whose point is on no curve", b"\4" + bytes(31) + b"\5" + one[33:])
    yield row("a first message whose point is compressed", compressed(session.desktop_once) + one[65:] + bytes(32))
    yield row("a first message whose point is at infinity", bytes(65) + one[65:])
    yield row("another prologue", otherwise((QR[0], LINKED[1])))
    yield row("another protocol's name", otherwise((QR[0].replace(b"P256", b"25519"), QR[1])))
    yield row("another code's secret", otherwise(secret=psk(made("other", 16), session.eid)))
    yield row("another advert's EID", otherwise(secret=psk(session.secret, b"\0" + made("other", 15))))
    yield row("another desktop's key", otherwise(static=key("other")))
    yield row("the tag before the point", one[65:] + one[:65])
    yield row("a first message by link, where there was a code", returning())
    yield row("a first message by code, where there was a link", one, True)
    yield row("by link: another prologue", returning((LINKED[0], QR[1])), True)
    yield row("by link: another secret", returning(secret=made("other")), True)
    yield row("by link: another phone's key", returning(static=public(key("other"))), True)


def bad_desktops():
    """A phone hears something after the handshake that no desktop may say."""

    def row(name, expect, session):
        return session.text(name, "phone", expect)

    def sealed(word, change):
        session = whole(word)
        return session.hears("desktop", change(session.there.seal(padded(bytes([CTAP]) + REQUEST))))

    yield row("a tag that is wrong", "TAG", sealed("tag", lambda good: good[:-1] + bytes([good[-1] ^ 1])))
    yield row("a byte that is wrong", "TAG", sealed("byte", lambda good: bytes([good[0] ^ 1]) + good[1:]))
    yield row("an empty message", "TAG", sealed("empty", lambda good: b""))
    yield row("a message shorter than a tag", "TAG", sealed("short", lambda good: good[:15]))
    yield row("a message cut in the middle", "TAG", sealed("cut", lambda good: good[:40]))
    yield row("a message that is not sealed", "TAG", sealed("bare", lambda good: bytes([CTAP]) + REQUEST))
    replayed = whole("replayed").asked().answered()
    yield row("a request sent twice", "TAG", replayed.hears("desktop", said(replayed, 5)))
    skipped = whole("skipped")
    skipped.there.count = 1
    yield row("a message that skips a number", "TAG", skipped.hears("desktop", said(skipped.asked(), -1, drop=2)))
    reflected = whole("reflected")
    yield row("the phone's own message, reflected", "TAG", reflected.hears("desktop", said(reflected, 3)))
    again = whole("again")
    yield row("the handshake again", "TAG", again.hears("desktop", said(again, 0)))
    yield row("a message of nothing but a tag", "PADDING", whole("tag alone").desktop_says(b"", b""))
    yield row("padding longer than its message", "PADDING", whole("padding").desktop_says(b"", bytes(31) + b"\x20"))
    yield row("nothing in front of the padding", "TYPE", whole("nothing").desktop_says(b""))
    yield row("a message of type 4", "TYPE", whole("four").desktop_says(b"\x04" + REQUEST))
    yield row("a message of type 7", "TYPE", whole("seven").desktop_says(b"\x07" + REQUEST))
    yield row("a message of type 255", "TYPE", whole("top").desktop_says(b"\xff"))
    yield row("a request without a command", "EMPTY", whole("bodiless").desktop_says(bytes([CTAP])))
    yield row("an update, which is a phone's", "UNEXPECTED", whole("update").desktop_says(bytes([UPDATE]) + cbor({})))
    json = whole("json").desktop_says(bytes([JSON]) + b"{}")
    yield row("a digital credential, which is not offered", "UNEXPECTED", json)
    yield row("a second request before the answer", "UNEXPECTED", whole("impatient").asked().asked())


def said(session, line, drop=0):
    """What was sent in a line; the last `drop` lines are taken back."""
    sent = bytes.fromhex(session.lines[line].split(": ")[1])
    del session.lines[len(session.lines) - drop :]
    return sent


def bad_second_messages():
    """A desktop hears its answer to the handshake and ends the session."""

    def row(name, message, by_link=False):
        return Session("second", by_link=by_link).begun(second=message).text(name, "desktop", "HANDSHAKE")

    session, returned = Session("second"), Session("second", by_link=True)
    one, two = session.handshake()
    _, linked_two = returned.handshake()

    def otherwise(secret=session.shared):
        phone = Noise(QR, False, secret, public(session.desktop), session.phone_once)
        phone.hear_first(one, check=False)
        return phone.second()

    yield row("no second message", b"")
    yield row("a second message of 80 bytes", two[:-1])
    yield row("a second message of 82 bytes", two + b"\0")
    yield row("a second message whose tag is wrong", two[:-1] + bytes([two[-1] ^ 0x80]))
    yield row("a second message whose point is on no curve", b"\4" + bytes(31) + b"\5" + two[33:])
    yield row("a second message whose point is at infinity", bytes(65) + two[65:])
    yield row("a point that was not the phone's", public(key("other")) + two[65:])
    yield row("the desktop's own message, reflected", one)
    yield row("a phone that knows another secret", otherwise(psk(made("other", 16), session.eid)))
    yield row("a phone that answers as one that is linked", linked_two)
    yield row("by link: a phone that answers as to a code", two, True)
    assert otherwise() == two, "the oracle's own way to the second message"


def bad_greetings():
    """A desktop hears a greeting that makes no sense."""

    def row(name, expect, message, plaintext=None):
        return Session("greeting").begun().phone_says(message, plaintext).text(name, "desktop", expect)

    good = post_handshake(ANDROID, ["ctap"])
    unsorted = b"\xa2\x03" + cbor(["ctap"]) + b"\1" + cbor(ANDROID)
    yield row("a greeting of nothing", "PADDING", b"", b"")
    yield row("a greeting padded too much", "PADDING", b"", good + b"\xff")
    yield row("a greeting that is no CBOR", "GREETING", b"hello")
    yield row("a greeting of no bytes", "GREETING", b"")
    yield row("a greeting with a byte behind it", "GREETING", good + b"\0")
    yield row("a greeting of indefinite length", "GREETING", b"\xbf" + good[1:] + b"\xff")
    yield row("a greeting whose members are not in order", "GREETING", unsorted)
    yield row("a greeting that is a list", "GREETING", cbor([ANDROID]))
    yield row("a greeting with a type in front", "GREETING", bytes([CTAP]) + good)
    yield row("a greeting without getInfo", "FEATURES", cbor({3: ["ctap"]}))
    yield row("a greeting whose getInfo is a map", "GREETING", cbor({1: {3: bytes(16)}}))
    yield row("a greeting whose features are a text", "GREETING", cbor({1: ANDROID, 3: "ctap"}))
    yield row("a greeting whose features are numbers", "GREETING", cbor({1: ANDROID, 3: [1]}))
    yield row("a greeting that links to a number", "GREETING", cbor({1: ANDROID, 2: 7}))
    yield row("a phone that does not speak CTAP", "FEATURES", post_handshake(ANDROID, ["dc"]))
    yield row("a phone without features", "FEATURES", post_handshake(ANDROID, []))


def bad_phones():
    """A desktop hears something in place of an answer that no phone may say."""

    def row(name, expect, session):
        return session.text(name, "desktop", expect)

    def answered(word, message, plaintext=None):
        return whole(word).asked().phone_says(message, plaintext)

    def changed(word, change, linkable=True):
        session = whole(word, state_assisted=linkable)
        session.links = True
        return session.updated({1: session.link() | change})

    wrong = whole("wrong answer").asked()
    good = wrong.back.seal(padded(bytes([CTAP]) + ANSWER))
    yield row("an answer whose tag is wrong", "TAG", wrong.hears("phone", good[:-1] + bytes([good[-1] ^ 1])))
    again = whole("answer again").asked().answered().asked()
    yield row("an answer sent twice", "TAG", again.hears("phone", said(again, 7)))
    yield row("an answer of nothing", "PADDING", answered("nothing", b"", b""))
    yield row("an answer without a type", "TYPE", answered("typeless", b""))
    yield row("an answer of type 7", "TYPE", answered("seven", b"\7\0"))
    yield row("an answer without a status", "EMPTY", answered("statusless", bytes([CTAP])))
    yield row("an answer in JSON", "UNEXPECTED", answered("json", bytes([JSON]) + b"{}"))
    shutdown = answered("shutdown", bytes([SHUTDOWN]))
    yield row("a phone that shuts down, which is the desktop's to do", "UNEXPECTED", shutdown)
    yield row("an answer that nobody asked for", "UNEXPECTED", whole("unasked").answered())
    yield row("an update that is no map", "UPDATE", answered("update", bytes([UPDATE]) + cbor([])))
    yield row("an update without a body", "UPDATE", answered("update", bytes([UPDATE])))
    yield row("a link whose signature is wrong", "SIGNATURE", changed("forged", {6: made("forged")}))
    yield row("a link of another phone's key", "SIGNATURE", changed("other", {4: public(key("other"))}))
    returned = whole("returned", by_link=True)
    yield row("a link from a phone that is linked", "UNEXPECTED", returned.updated({1: returned.link()}))
