"""Makes fixtures/hybrid with `hybrid_oracle.py`, and says whether what is there is what would be made. `--write` replaces it.
Every key comes of a word, so that each run makes the same bytes; none is good for anything but tests."""

import os
import sys

import hybrid_sessions
from cases import Cases, equal
from cryptography.hazmat.primitives.asymmetric import ec
from hybrid_oracle import (
    EID_KEY,
    LINKED,
    PSK,
    QR,
    TUNNEL_ID,
    advert,
    block,
    cbor,
    client_payload,
    code,
    code_eid,
    compressed,
    derive,
    digits,
    eid_key,
    handshake,
    host,
    key,
    link,
    made,
    padded,
    post_handshake,
    private,
    psk,
    public,
)

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fixtures", "hybrid")
HEAD = "# Made by tests/peers/hybrid_vectors.py; fixtures/README.md says what the lines are.\n"
CHROMIUM = (
    "FIDO:/61191134064935078712296719298130680013438557158987009246925823057655598197800076253534321756000246025842955"
    "4331591671680070804729101692771948752773579522109321447142404"
)
"""Chromium 156, off its screen; the key and the secret were thrown away with the profile."""
CHROMIUM_KEY = "0365d94c18d85c020ffdeeee4114397a00f79ef2b007da208982e5e1c585d4627a"
CHROMIUM_SECRET = "248a99c00ca026bd9b98dfe6431bf783"
QR_MAP = "CTAP 2.3 §11.5.1"
DIGITS = "CTAP 2.3 §11.5.1, digit encoding"


POINT, SECRET = compressed(key("desktop")), made("qr secret", 16)
WHOLE = {0: POINT, 1: SECRET, 2: 2, 3: 1795333631, 4: True, 5: "mc"}


def says(members):
    """What a reader finds in a code's map; what is not there has no line."""
    found = {"public-key": members[0], "secret": members[1]}
    names = {2: "known-domains", 3: "time", 5: "hint"}
    found |= {name: str(members[number]) for number, name in names.items() if number in members}
    if 4 in members:
        found["state-assisted"] = str(members[4]).lower()
    if isinstance(members.get(6), bool):
        found["non-discoverable"] = str(members[6]).lower()
    elif 6 in members:
        found["channels"] = " ".join(map(str, members[6]))
    return found


def accepted(name, members, source=QR_MAP, text=None):
    return block(name=name, source=source, expect="OK", text=text or code(members), hex=cbor(members), **says(members))


def refused(name, expect, text, source=QR_MAP):
    return block(name=name, source=source, expect=expect, text=text)


def raw(data):
    return "FIDO:/" + digits(data)


def codes():
    chromium = {
        0: bytes.fromhex(CHROMIUM_KEY),
        1: bytes.fromhex(CHROMIUM_SECRET),
        2: 2,
        3: 1795333631,
        4: False,
        5: "mc",
    }
    without = {number: value for number, value in WHOLE.items() if number != 4}
    base = {0: POINT, 1: SECRET}
    grease = {
        "a text": {7: "grease"},
        "a map": {9: {1: [True, {"x": b"\0"}]}},
        "null and a negative key": {-1: False, 2**32: 2**64 - 1},
        "a key that is text": {"grease": b""},
        "a key that is bytes": {b"\1\2": "x"},
    }
    yield accepted("Chromium 156 on Linux, a profile without an account", chromium, "read off its screen", CHROMIUM)
    yield accepted("as libwebauthn makes it for one ceremony", without | {5: "ga"}, "libwebauthn 0.11, its members")
    yield accepted("as libwebauthn makes it to be linked", WHOLE, "libwebauthn 0.11, its members")
    yield accepted("as libwebauthn makes it with Bluetooth channels", without | {6: [0, 1]}, "libwebauthn 0.11, its members")
    yield accepted("key 6 as a boolean, CTAP 2.2 and before", WHOLE | {6: True}, "CTAP 2.2 §11.5.1")
    yield accepted("key 6 as a boolean that is false", WHOLE | {6: False}, "CTAP 2.2 §11.5.1")
    yield accepted("key 6 as an empty list", WHOLE | {6: []})
    yield accepted("key 6 with a channel that nobody knows", WHOLE | {6: [0, 1, 7]})
    yield accepted("no more than there must be", base)
    yield accepted("a code of the year 1970", base | {3: 0})
    yield accepted("a code of the end of time", base | {3: 2**64 - 1})
    yield accepted("a presentation of a digital credential", WHOLE | {5: "dcp"})
    yield accepted("a hint that nobody knows", WHOLE | {5: "xyz"})
    yield accepted("a small scheme", WHOLE, text="fido:/" + code(WHOLE)[6:])
    for what, members in grease.items():
        yield accepted(f"a member that nobody knows: {what}", WHOLE | members)
    yield from broken_digits()
    yield from broken_maps(base)


def broken_digits():
    text = code(WHOLE)
    whole = text[: 6 + 17]
    yield refused("no text", "SCHEME", "")
    yield refused("another scheme", "SCHEME", "HTTP:/" + text[6:])
    yield refused("a scheme with two strokes", "DIGITS", "FIDO://" + text[6:])
    yield refused("no digits", "CBOR", "FIDO:/")
    for rest in (1, 2, 4, 6, 7, 9, 11, 12, 14, 16):
        yield refused(f"{rest} digits at the end", "DIGITS", whole + "0" * rest, DIGITS)
    yield refused("a letter", "DIGITS", text[:40] + "a" + text[41:], DIGITS)
    yield refused("a blank", "DIGITS", text[:40] + " " + text[41:], DIGITS)
    yield refused("a sign", "DIGITS", text[:6] + "+" + text[7:], DIGITS)
    yield refused("a digit of another script", "DIGITS", text[:40] + "\u0664" + text[41:], DIGITS)
    yield refused("17 digits that are more than 7 bytes", "DIGITS", "FIDO:/" + "9" * 17, DIGITS)
    yield refused("17 digits that are one more than 7 bytes", "DIGITS", f"FIDO:/{2**56:017d}", DIGITS)
    for length, width in ((1, 3), (2, 5), (3, 8), (4, 10), (5, 13), (6, 15)):
        number = f"{256**length:0{width}d}"
        yield refused(f"{width} digits that are one more than {length} bytes", "DIGITS", whole + number, DIGITS)
    yield refused("far too long", "LENGTH", "FIDO:/" + "0" * 17 * 600)


def broken_maps(base):
    start = cbor(base)[1:]
    yield refused("digits that are no CBOR", "CBOR", raw(b"\xff"))
    yield refused("the words of the digits' example", "CBOR", raw(b"hello world"))
    yield refused("a list", "CBOR", raw(cbor([POINT, SECRET])))
    yield refused("a number", "CBOR", raw(b"\0"))
    yield refused("an empty map", "MISSING", raw(b"\xa0"))
    yield refused("it ends in the middle", "CBOR", raw(cbor(WHOLE)[:-1]))
    yield refused("a byte behind the map", "CBOR", raw(cbor(WHOLE) + b"\0"))
    yield refused("a map of indefinite length", "CBOR", raw(b"\xbf" + start + b"\xff"))
    yield refused("a key twice", "CBOR", raw(b"\xa3" + start + b"\x01" + cbor(SECRET)))
    yield refused("keys in another order", "CBOR", raw(b"\xa2\x01" + cbor(SECRET) + b"\x00" + cbor(POINT)))
    yield refused("a number longer than it must be", "CBOR", raw(b"\xa3" + start + b"\x02\x18\x02"))
    yield refused("a length longer than it must be", "CBOR", raw(b"\xa2\x00\x59\x00\x21" + POINT + b"\x01" + cbor(SECRET)))
    yield refused("a tag on the time", "CBOR", raw(b"\xa3" + start + b"\x03\xc1\x00"))
    yield refused("no public key", "MISSING", code({1: SECRET, 2: 2}))
    yield refused("no secret", "MISSING", code({0: POINT, 2: 2}))
    kinds = {
        "a public key that is text": {0: "x" * 33},
        "a secret that is text": {1: "x" * 16},
        "domains that are text": {2: "2"},
        "negative domains": {2: -1},
        "a time that is text": {3: "now"},
        "a negative time": {3: -1},
        "state-assisted as a number": {4: 1},
        "a hint that is bytes": {5: b"mc"},
        "key 6 as text": {6: "x"},
        "key 6 as a number": {6: 1},
        "a channel that is text": {6: ["x"]},
    }
    for name, members in kinds.items():
        yield refused(name, "TYPE", code(base | members))
    uncompressed = public(key("desktop"))
    points = {
        "a public key of 32 bytes": POINT[:32],
        "a public key of 34 bytes": POINT + b"\0",
        "a public key that is not compressed": uncompressed,
        "a public key of 33 bytes that says that it is not compressed": b"\x04" + POINT[1:],
        "a public key of no curve": b"\x02" + b"\xff" * 32,
        "a public key with no point for its x": b"\x02" + off_the_curve(),
        "a public key that is a bare x, which SEC 1 calls compact": b"\x05" + POINT[1:],
        "the point at infinity": b"\0",
        "33 zeros": bytes(33),
    }
    for name, point in points.items():
        yield refused(name, "POINT", code(base | {0: point}))
    for length in (0, 15, 17, 32):
        yield refused(f"a secret of {length} bytes", "SECRET", code(base | {1: made("long", length)}))


def off_the_curve():
    """An x for which there is no y: half of all numbers are one."""
    number = 2
    while True:
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x02" + number.to_bytes(32, "big"))
            number += 1
        except ValueError:
            return number.to_bytes(32, "big")


def texts():
    """Bytes and their digits."""
    yield block(name="the example of the specification", source=DIGITS, hex=b"hello world", digits=digits(b"hello world"))
    for length in range(15):
        yield block(name=f"{length} bytes, all ones", source=DIGITS, hex=b"\xff" * length, digits=digits(b"\xff" * length))
        yield block(name=f"{length} bytes, counting", source=DIGITS, hex=bytes(range(length)), digits=digits(bytes(range(length))))


def keys():
    secret, nonce, eid = made("qr secret", 16), made("client nonce", 16), b"\0" + made("eid", 15)
    example = bytes.fromhex("00112233445566778899aabbccddeeff")
    source = "CTAP 2.3 §11.5, key derivation"

    def row(name, secret, salt, purpose, length, source=source):
        derived = derive(secret, salt, purpose, length)
        return block(name=name, source=source, secret=secret, salt=salt, purpose=str(purpose), hex=derived)

    yield row("EIDKey, as libwebauthn tests it", example, b"", EID_KEY, 64, "libwebauthn 0.11, its tests")
    yield row("EIDKey of a code", secret, b"", EID_KEY, 64)
    yield row("TunnelID of a code", secret, b"", TUNNEL_ID, 16)
    yield row("PSK of a code and an EID", secret, eid, PSK, 32)
    yield row("EIDKey of a link, by the client's nonce", made("link secret"), nonce, EID_KEY, 64)
    yield row("PSK of a link and an EID", made("link secret"), eid, PSK, 32)


def adverts():
    source, wide = "CTAP 2.3 §11.5.1, advertisement", eid_key(SECRET)

    def row(name, expect, data, eid=None, key=wide):
        return block(name=name, source=source, expect=expect, key=key, eid=eid, advert=data)

    for domain in (0, 1, 266, 0xF980, 0xFFFF):
        eid = code_eid(made("nonce", 10), b"\x0a\x0b\x0c", domain)
        yield row(f"tunnel domain {domain}", "OK", advert(wide, eid), eid)
    linked = eid_key(made("link secret"), made("client nonce", 16))
    eid = b"\0" + made("state-assisted", 15)
    yield row("of a link: zero and 15 bytes by chance", "OK LINKED", advert(linked, eid), eid, linked)
    eid = code_eid(made("nonce", 10), b"\x0a\x0b\x0c", 0)
    good = advert(wide, eid)
    yield row("another code's", "FOREIGN", advert(eid_key(made("other", 16)), eid))
    for at in (0, 15, 16, 19):
        yield row(f"a bit of byte {at} turned", "FOREIGN", good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    yield row("no bytes", "LENGTH", b"")
    yield row("a byte less", "LENGTH", good[:-1])
    yield row("a suffix that nobody asked for: a server on PSM 0x81, CTAP 2.3", "LENGTH", good + cbor({1: 0x81}))
    yield row("the first byte is not zero", "RESERVED", advert(wide, b"\1" + eid[1:]))
    for domain in (2, 255):
        yield row(f"domain {domain}, which nobody has", "DOMAIN", advert(wide, code_eid(made("nonce", 10), b"\0\0\0", domain)))


def domains():
    source = "CTAP 2.3 §11.5.1, tunnel service domains"
    for number, name in ((0, "cable.ua5v.com"), (1, "cable.auth.com")):
        yield block(name=f"assigned: {number}", source=source, number=str(number), expect=f"OK {name}")
    for number in (2, 3, 128, 255):
        yield block(name=f"not assigned: {number}", source=source, number=str(number), expect="UNASSIGNED")
    for number in (256, 257, 266, 0x1234, 0xF980, 0xFFFE, 0xFFFF):
        yield block(name=f"by hash: {number}", source=source, number=str(number), expect=f"OK {host(number)}")


def handshakes():
    names = {QR: "KNpsk0", LINKED: "NKpsk0"}
    for pattern, name in names.items():
        for number in range(3):
            words = [f"{name} {number} {part}" for part in ("static", "initiator", "responder")]
            static, first, second = map(key, words)
            secret = made(f"{name} {number} psk")
            one, two, hash_, there, back = handshake(pattern, secret, static, first, second)
            says = [there.seal(b"\1\4"), there.seal(b""), back.seal(b"\1\0"), back.seal(bytes(200))]
            yield block(
                name=f"{name}, {number}",
                source="Noise rev. 34; CTAP 2.3 §11.5, handshake",
                pattern=name,
                prologue=pattern[1],
                psk=secret,
                static=made(words[0]),
                initiator=made(words[1]),
                responder=made(words[2]),
                first=one,
                second=two,
                hash=hash_,
                there_key=there.key,
                back_key=back.key,
                there=" ".join(sealed.hex() for sealed in says[:2]),
                back=" ".join(sealed.hex() for sealed in says[2:]),
            )


def frames():
    """Padded messages: what is in them, or why nothing is."""
    source = "CTAP 2.3 §11.5, framing"

    def row(name, plaintext, message=None):
        expect = "PADDING" if message is None else f"OK {message.hex()}".rstrip()
        return block(name=name, source=source, expect=expect, hex=plaintext)

    for length in (0, 1, 30, 31, 32, 63, 64):
        message = bytes(range(length))
        yield row(f"{length} bytes", padded(message), message)
    message = bytes(range(70))
    yield row("padded before its type was put in front, as libwebauthn does", b"\1" + padded(message), b"\1" + message)
    yield row("not padded to anything", message + b"\0", message)
    yield row("255 zeros, the most that one byte counts", bytes(255) + b"\xff", b"")
    yield row("padding that is no zeros, which nobody looks at", message + b"\7\7\2", message)
    yield row("no bytes", b"")
    yield row("one zero", b"\0", b"")
    yield row("one byte more padding than there are bytes", bytes(30) + b"\x1f")
    yield row("a one alone", b"\1")
    yield row("255 alone", b"\xff")


def links():
    source = "CTAP 2.3 §11.5.2, linking"
    phone, desktop = key("phone static"), key("desktop")
    hash_ = made("handshake hash")
    whole = link(made("contact", 40), made("link id", 8), made("link secret"), phone, "A phone", public(desktop), hash_)

    def row(name, expect, members, raw=None):
        data = cbor(members) if raw is None else raw
        return block(name=name, source=source, expect=expect, desktop=made("desktop"), hash=hash_, hex=data)

    yield row("whole", "OK", whole)
    yield row("with Play services' own member", "OK", whole | {999: True})
    yield row("with a member that nobody knows", "OK", whole | {7: [1, "x"]})
    yield row("a contact of 200 bytes and no name", "OK", whole | {1: made("contact", 32) * 6 + bytes(8), 5: ""})
    for number, name in ((1, "contact"), (2, "link id"), (3, "link secret"), (4, "phone's key"), (5, "name"), (6, "signature")):
        yield row(f"no {name}", "MISSING", {other: value for other, value in whole.items() if other != number})
    yield row("a signature over another handshake", "SIGNATURE", whole | {6: made("x")})
    yield row("a signature of 31 bytes", "LENGTH", whole | {6: whole[6][:31]})
    yield row("another phone's key", "SIGNATURE", whole | {4: public(key("other"))})
    yield row("a key that is no point", "POINT", whole | {4: b"\4" + bytes(64)})
    yield row("a key that is compressed", "POINT", whole | {4: compressed(phone)})
    yield row("a link id of 7 bytes", "LENGTH", whole | {2: bytes(7)})
    yield row("a link secret of 16 bytes", "LENGTH", whole | {3: bytes(16)})
    yield row("a name that is bytes", "TYPE", whole | {5: b"A phone"})
    yield row("a name that is no UTF-8", "CBOR", None, cbor(whole).replace(b"\x67A phone", b"\x67A pho\xff\xff"))
    payload = client_payload(made("link id", 8), made("client nonce", 16), "ga")
    yield block(name="a client's payload", source=source, expect="PAYLOAD", hex=payload)


FILES = {
    "codes.txt": codes,
    "digits.txt": texts,
    "keys.txt": keys,
    "adverts.txt": adverts,
    "domains.txt": domains,
    "handshakes.txt": handshakes,
    "frames.txt": frames,
    "links.txt": links,
    "sessions.txt": hybrid_sessions.sessions,
}


def main():
    cases = Cases()
    os.makedirs(FOLDER, exist_ok=True)
    for name, vectors in FILES.items():
        path, text = os.path.join(FOLDER, name), HEAD + "\n" + "\n".join(vectors())
        if "--write" in sys.argv:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with cases.case(name), open(path, encoding="utf-8") as file:
            equal(file.read() == text, True, "what is there is what would be made")
    cases.exit()


if __name__ == "__main__":
    main()
