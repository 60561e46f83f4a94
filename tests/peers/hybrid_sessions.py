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
    agree,
    block,
    cbor,
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


class Session:
    """A session between two that know the code, or the link. Lines are added as things are said."""

    def __init__(self, word, **members):
        self.members = members
        self.lines = []
        self.desktop, self.desktop_once = key("desktop"), key(word + " desktop ephemeral")
        self.phone_once = key(word + " phone ephemeral")
        self.secret, self.nonce, self.routing = made("qr secret", 16), made("nonce", 10), b"\x0a\x0b\x0c"
        self.words = {
            "desktop-static": made("desktop"),
            "desktop-ephemeral": made(word + " desktop ephemeral"),
            "phone-ephemeral": made(word + " phone ephemeral"),
        }
        self.eid = code_eid(self.nonce, self.routing, 0)
        self.shared = psk(self.secret, self.eid)

    def handshake(self):
        one, two, self.hash, self.there, self.back = handshake(
            QR, self.shared, self.desktop, self.desktop_once, self.phone_once
        )
        return one, two

    def says(self, who, message, comment):
        self.lines.append(f"# {comment}\n{who}: {message.hex()}".rstrip())

    def begun(self, first=None, second=None):
        """The handshake, one of whose messages may be another."""
        one, two = self.handshake()
        self.says("desktop", one if first is None else first, "handshake")
        if first is None:
            self.says("phone", two if second is None else second, "handshake")
        return self

    def desktop_says(self, message, plain=None, sealed=None):
        plaintext = padded(message) if plain is None else plain
        self.says("desktop", self.there.seal(plaintext) if sealed is None else sealed, f"plaintext {plaintext.hex()}")
        return self

    def phone_says(self, message, plain=None, sealed=None):
        plaintext = padded(message) if plain is None else plain
        self.says("phone", self.back.seal(plaintext) if sealed is None else sealed, f"plaintext {plaintext.hex()}")
        return self

    def told(self, features=("ctap",)):
        return self.phone_says(post_handshake(ANDROID, features and list(features)))

    def asked(self):
        return self.desktop_says(bytes([CTAP]) + REQUEST)

    def answered(self):
        return self.phone_says(bytes([CTAP]) + ANSWER)

    def ended(self):
        return self.desktop_says(bytes([SHUTDOWN]))

    def text(self, name, test, expect):
        members = {0: compressed(self.desktop), 1: self.secret, 2: 2, 3: 1795333631, 4: False, 5: "ga"} | self.members
        start = block(name=name, source=SOURCE, test=test, expect=expect, code=code(members), **self.words)
        facts = block(
            nonce=self.nonce,
            routing=self.routing,
            tunnel_id=tunnel_id(self.secret),
            advert=advert(eid_key(self.secret), self.eid),
        )
        return start + facts + "".join(line + "\n" for line in self.lines)


def whole(word="whole", **members):
    return Session(word, **members).begun().told()


def sessions():
    yield from good()
    yield from bad_first_messages()
    yield from bad_desktops()
    yield from bad_second_messages()
    yield from bad_greetings()
    yield from bad_phones()


def good():
    yield whole().asked().answered().ended().text("a sign-in that finds nothing", "both", "OK")
    made_two = whole("two").asked().answered().asked().answered().ended()
    yield made_two.text("two requests in one session", "both", "OK")
    yield whole("none").ended().text("a desktop that wanted nothing", "phone", "OK")
    early = whole("early").asked().ended()
    yield early.text("a desktop that does not wait for its answer", "phone", "OK")
    late = whole("late").asked().answered().ended().desktop_says(bytes([CTAP]) + REQUEST)
    yield late.text("a request after the end, which nobody hears", "phone", "OK")
    loose = whole("loose").desktop_says(b"", plain=bytes([CTAP]) + padded(REQUEST)).answered().ended()
    yield loose.text("a desktop that pads before it puts the type in front", "phone", "OK")
    plain = Session("features").begun().told(None).asked().answered().ended()
    yield plain.text("a phone that names no features", "desktop", "OK")
    more = Session("more").begun().told(("ctap", "dc")).asked().answered().ended()
    yield more.text("a phone with another feature", "desktop", "OK")
    unknown = Session("unknown").begun().phone_says(cbor({1: ANDROID, 3: ["ctap"], 7: {"x": [1]}})).asked().answered()
    yield unknown.ended().text("a greeting with a member that nobody knows", "desktop", "OK")
    update = whole("padding").phone_says(bytes([UPDATE]) + cbor({0: bytes(400)})).asked().answered().ended()
    yield update.text("an update of padding alone", "desktop", "OK")
    linking = whole("linking", **{})
    linking.members[4] = True
    linking.phone_says(bytes([UPDATE]) + cbor({0: bytes(200), 1: linked(linking)})).asked().answered().ended()
    yield linking.text("an update that links", "desktop", "OK LINKED")
    old = Session("old place")
    old.members[4] = True
    old.begun().phone_says(post_handshake(ANDROID, ["ctap"], linked(old))).asked().answered().ended()
    yield old.text("a greeting that links, as before", "desktop", "OK LINKED")
    forged = whole("forged")
    forged.members[4] = True
    forged.phone_says(bytes([UPDATE]) + cbor({1: linked(forged) | {6: made("forged")}})).asked().answered().ended()
    yield forged.text("an update whose signature is wrong, which links nothing", "desktop", "OK")


def linked(session):
    contact, words = made("contact", 24), (made("link id", 8), made("link secret"))
    return link(contact, *words, key("phone static"), "A phone", public(session.desktop), session.hash)


def bad_first_messages():
    """A phone hears its first message and ends the session."""

    def row(name, message):
        return Session("first").begun(first=message).text(name, "phone", "HANDSHAKE")

    session = Session("first")
    one, _ = session.handshake()
    known = public(session.desktop)

    def otherwise(pattern=QR, secret=session.shared, static=known):
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
    yield row("another desktop's key", otherwise(static=public(key("other"))))
    long = bytes(1 << 20)
    yield row("the phone's own kind of message", one[65:] + one[:65])
    del long


def bad_desktops():
    """A phone hears something after the handshake that no desktop may say."""

    def row(name, expect, session):
        return session.text(name, "phone", expect)

    def sealed(word, change):
        session = whole(word)
        good = session.there.seal(padded(bytes([CTAP]) + REQUEST))
        session.says("desktop", change(good), "not what was sealed")
        return session

    yield row("a tag that is wrong", "DECRYPT", sealed("tag", lambda good: good[:-1] + bytes([good[-1] ^ 1])))
    yield row("a byte that is wrong", "DECRYPT", sealed("byte", lambda good: bytes([good[0] ^ 1]) + good[1:]))
    yield row("an empty message", "DECRYPT", sealed("empty", lambda good: b""))
    yield row("a message shorter than a tag", "DECRYPT", sealed("short", lambda good: good[:15]))
    yield row("a message that is not sealed", "DECRYPT", sealed("bare", lambda good: bytes([CTAP]) + REQUEST))
    replayed = whole("replayed").asked().answered()
    replayed.lines.append(replayed.lines[3].replace("plaintext", "again: plaintext"))
    yield row("a request sent twice", "DECRYPT", replayed)
    skipped = whole("skipped")
    skipped.there.count = 1
    yield row("a message that skips a number", "DECRYPT", skipped.asked())
    reflected = whole("reflected")
    reflected.says("desktop", bytes.fromhex(reflected.lines[2].rsplit(" ", 1)[1]), "the phone's greeting, reflected")
    yield row("the phone's own message, reflected", "DECRYPT", reflected)
    again = whole("again")
    again.lines.append(again.lines[0])
    yield row("the handshake again", "DECRYPT", again)
    yield row("a message of nothing but a tag", "PADDING", whole("tag alone").desktop_says(b"", plain=b""))
    yield row("padding longer than its message", "PADDING", whole("padding").desktop_says(b"", plain=bytes(31) + b"\x20"))
    yield row("nothing in front of the padding", "TYPE", whole("nothing").desktop_says(b""))
    yield row("a request without a command", "TYPE", whole("bodiless").desktop_says(bytes([CTAP])))
    yield row("a message of type 7", "TYPE", whole("seven").desktop_says(b"\x07" + REQUEST))
    yield row("a message of type 255", "TYPE", whole("top").desktop_says(b"\xff"))
    yield row("an update, which is a phone's", "TYPE", whole("update").desktop_says(bytes([UPDATE]) + cbor({})))
    yield row("a digital credential, which is not offered", "TYPE", whole("json").desktop_says(bytes([JSON]) + b"{}"))
    impatient = whole("impatient").asked().asked()
    yield row("a second request before the answer", "TYPE", impatient)


def bad_second_messages():
    """A desktop hears its answer to the handshake and ends the session."""

    def row(name, message):
        return Session("second").begun(second=message).text(name, "desktop", "HANDSHAKE")

    session = Session("second")
    one, two = session.handshake()

    def otherwise(secret=session.shared, once=session.phone_once):
        phone = Noise(QR, False, secret, public(session.desktop), once)
        phone._mix_secret()
        phone.other = one[:65]
        phone._other_ephemeral(phone.other)
        phone._mix_hash(one[65:])
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
    assert otherwise() == two, "the oracle's own way to the second message"
    assert agree(session.phone_once, public(session.desktop))


def bad_greetings():
    """A desktop hears a greeting that makes no sense."""

    def row(name, expect, plaintext=None, message=None):
        session = Session("greeting").begun()
        return session.phone_says(message, plain=plaintext).text(name, "desktop", expect)

    good = post_handshake(ANDROID, ["ctap"])
    yield row("a greeting of nothing", "PADDING", plaintext=b"")
    yield row("a greeting padded too much", "PADDING", plaintext=good + b"\xff")
    yield row("a greeting that is no CBOR", "GREETING", message=b"hello")
    yield row("a greeting of no bytes", "GREETING", message=b"")
    yield row("a greeting with a byte behind it", "GREETING", message=good + b"\0")
    yield row("a greeting of indefinite length", "GREETING", message=b"\xbf" + good[1:] + b"\xff")
    yield row("a greeting whose members are not in order", "GREETING", message=b"\xa2\x03" + cbor(["ctap"]) + b"\1" + cbor(ANDROID))
    yield row("a greeting that is a list", "GREETING", message=cbor([ANDROID]))
    yield row("a greeting without getInfo", "GREETING", message=cbor({3: ["ctap"]}))
    yield row("a greeting whose getInfo is a map", "GREETING", message=cbor({1: {3: bytes(16)}}))
    yield row("a greeting whose getInfo is no getInfo", "GREETING", message=cbor({1: b"\xa0"}))
    yield row("a greeting whose getInfo has a status in front", "GREETING", message=cbor({1: b"\0" + ANDROID}))
    yield row("a greeting whose features are a text", "GREETING", message=cbor({1: ANDROID, 3: "ctap"}))
    yield row("a phone that does not speak CTAP", "FEATURES", message=post_handshake(ANDROID, ["dc"]))


def bad_phones():
    """A desktop hears something in place of an answer that no phone may say."""

    def row(name, expect, session):
        return session.text(name, "desktop", expect)

    def answered(word, message=None, plain=None):
        return whole(word).asked().phone_says(message, plain=plain)

    wrong = whole("wrong answer").asked()
    good = wrong.back.seal(padded(bytes([CTAP]) + ANSWER))
    wrong.says("phone", good[:-1] + bytes([good[-1] ^ 1]), "not what was sealed")
    yield row("an answer whose tag is wrong", "DECRYPT", wrong)
    again = whole("answer again").asked().answered().asked()
    again.lines.append(again.lines[4])
    yield row("an answer sent twice", "DECRYPT", again)
    yield row("an answer of nothing", "PADDING", answered("nothing", plain=b""))
    yield row("an answer without a type", "TYPE", answered("typeless", b""))
    yield row("an answer without a status", "TYPE", answered("statusless", bytes([CTAP])))
    yield row("an answer of type 7", "TYPE", answered("seven", b"\7\0"))
    yield row("an answer in JSON", "TYPE", answered("json", bytes([JSON]) + b"{}"))
    yield row("a phone that shuts down, which is the desktop's to do", "SHUTDOWN", answered("shutdown", bytes([SHUTDOWN])))
    yield row("an update that is no map", "UPDATE", answered("update", bytes([UPDATE]) + cbor([])))
    yield row("an answer that nobody asked for", "UNASKED", whole("unasked").phone_says(bytes([CTAP]) + ANSWER))
