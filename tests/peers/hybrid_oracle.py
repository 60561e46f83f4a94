"""The hybrid transport of CTAP 2.3 §11.5, written a second time: codes, keys, adverts, tunnel domains, Noise, frames and links,
on python's cryptography and nothing of ours. It draws no randomness: whoever calls it brings every key. `hybrid_vectors.py`
makes fixtures/hybrid with it."""

import hashlib
import hmac as hmac_module

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

QR = (b"Noise_KNpsk0_P256_AESGCM_SHA256", b"\x01")
"""The handshake behind a QR code, and its prologue."""
LINKED = (b"Noise_NKpsk0_P256_AESGCM_SHA256", b"\x00")
"""The handshake of devices that are linked."""
EID_KEY, TUNNEL_ID, PSK = 1, 2, 3
"""What keys are derived for."""
SHUTDOWN, CTAP, UPDATE, JSON = 0, 1, 2, 3
"""The first bytes of messages."""


def cbor(value):
    """CTAP2 canonical CBOR of integers, booleans, bytes, texts, lists and dicts; members of dicts are sorted."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(cbor, value))
    members = sorted(((cbor(key), cbor(item)) for key, item in value.items()), key=canonical)
    return head(5, len(members)) + b"".join(key + item for key, item in members)


def canonical(member):
    """By major type, then the shorter key first, then bytewise."""
    key, _ = member
    return key[0] >> 5, len(key), key


def head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for width, more in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if number < 1 << 8 * width:
            return bytes([major << 5 | more]) + number.to_bytes(width, "big")
    raise ValueError(f"{number} has no head")


def digits(data):
    """Seven bytes are 17 digits of a little-endian number, and fewer at the end are fewer."""
    widths = (0, 3, 5, 8, 10, 13, 15, 17)
    pieces = (data[at : at + 7] for at in range(0, len(data), 7))
    return "".join(f"{int.from_bytes(piece, 'little'):0{widths[len(piece)]}d}" for piece in pieces)


def code(members):
    """The text of a QR code with these members."""
    return "FIDO:/" + digits(cbor(members))


def derive(secret, salt, purpose, length):
    """CTAP 2.3 §11.5: HKDF with the purpose as a little-endian number for info."""
    return HKDF(hashes.SHA256(), length, salt, purpose.to_bytes(4, "little")).derive(secret)


def tunnel_id(secret):
    return derive(secret, b"", TUNNEL_ID, 16)


def eid_key(secret, salt=b""):
    """Salted with the client's nonce where devices are linked."""
    return derive(secret, salt, EID_KEY, 64)


def psk(secret, eid):
    return derive(secret, eid, PSK, 32)


def code_eid(nonce, routing, domain):
    """What a phone says by advert after it has read a code."""
    return b"\0" + nonce + routing + domain.to_bytes(2, "little")


def advert(key, eid):
    """20 bytes of service data: the EID encrypted, and the beginning of a MAC over that."""
    encryptor = Cipher(algorithms.AES(key[:32]), modes.ECB()).encryptor()
    sealed = encryptor.update(eid) + encryptor.finalize()
    return sealed + hmac(key[32:], sealed)[:4]


def hmac(key, message):
    return hmac_module.new(key, message, hashlib.sha256).digest()


def host(domain):
    """The tunnel service of a number that is not assigned."""
    tail = domain.to_bytes(2, "little") + b"\0"
    number = int.from_bytes(hashlib.sha256(b"caBLEv2 tunnel server domain" + tail).digest()[:8], "little")
    top = ("com", "org", "net", "info")[number & 3]
    number >>= 2
    label = ""
    while number:
        label += "abcdefghijklmnopqrstuvwxyz234567"[number & 31]
        number >>= 5
    return f"cable.{label}.{top}"


def private(scalar):
    """The P-256 key of 32 bytes."""
    return ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())


def public(key, form=PublicFormat.UncompressedPoint):
    """A public key in 65 bytes."""
    return key.public_key().public_bytes(Encoding.X962, form)


def compressed(key):
    """A public key in 33 bytes, as codes have it."""
    return public(key, PublicFormat.CompressedPoint)


def agree(key, point):
    return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))


class Half:
    """One direction after the handshake."""

    def __init__(self, key):
        self.key, self.count = key, 0

    def _nonce(self):
        self.count += 1
        return bytes(8) + (self.count - 1).to_bytes(4, "big")

    def seal(self, plaintext):
        return AESGCM(self.key).encrypt(self._nonce(), plaintext, b"")

    def open(self, sealed):
        return AESGCM(self.key).decrypt(self._nonce(), sealed, b"")


class Noise:
    """One side of `QR` or `LINKED`, Noise rev. 34. `static` is the initiator's key in the first, the responder's in the second:
    a key where it is one's own, a point of 65 bytes where it is the other's."""

    def __init__(self, pattern, initiator, secret, static, ephemeral):
        name, prologue = pattern
        self.initiator, self.ephemeral = initiator, ephemeral
        self.linked = pattern[0] == LINKED[0]
        self.static = static
        # §5.2: a name of at most 32 bytes is filled up with zeros.
        self.hash = self.chain = name.ljust(32, b"\0") if len(name) <= 32 else hashlib.sha256(name).digest()
        self.key = None
        self._mix_hash(prologue)
        self._mix_hash(static if isinstance(static, bytes) else public(static))
        self.secret = secret

    def _mix_hash(self, data):
        self.hash = hashlib.sha256(self.hash + data).digest()

    def _hkdf(self, material, count):
        """Noise §4.3, by the letter."""
        temporary, made = hmac(self.chain, material), [b""]
        for number in range(1, count + 1):
            made.append(hmac(temporary, made[-1] + bytes([number])))
        return made[1:]

    def _mix_key(self, material):
        self.chain, self.key = self._hkdf(material, 2)

    def _mix_secret(self):
        self.chain, hashed, self.key = self._hkdf(self.secret, 3)
        self._mix_hash(hashed)

    def _own_ephemeral(self):
        point = public(self.ephemeral)
        self._mix_hash(point)
        # §9.2: with a PSK, ephemeral keys are mixed into the key as well.
        self._mix_key(point)
        return point

    def _other_ephemeral(self, point):
        self._mix_hash(point)
        self._mix_key(point)

    def _seal_nothing(self):
        tag = AESGCM(self.key).encrypt(bytes(12), b"", self.hash)
        self._mix_hash(tag)
        return tag

    def _open_nothing(self, tag):
        if AESGCM(self.key).decrypt(bytes(12), tag, self.hash) != b"":
            raise InvalidTag
        self._mix_hash(tag)

    def first(self):
        """The initiator's message: psk, e, and es where the responder is known."""
        self._mix_secret()
        point = self._own_ephemeral()
        if self.linked:
            self._mix_key(agree(self.ephemeral, self.static))
        return point + self._seal_nothing()

    def hear_first(self, message, check=True):
        """What the responder makes of it. One that does not check its tag goes on with what it got."""
        self._mix_secret()
        self.other, tag = message[:65], message[65:]
        self._other_ephemeral(self.other)
        if self.linked:
            self._mix_key(agree(self.static, self.other))
        if check:
            self._open_nothing(tag)
        else:
            self._mix_hash(tag)

    def second(self):
        """The responder's message: e, ee, and se where the initiator is known."""
        point = self._own_ephemeral()
        self._mix_key(agree(self.ephemeral, self.other))
        if not self.linked:
            self._mix_key(agree(self.ephemeral, self.static))
        return point + self._seal_nothing()

    def hear_second(self, message):
        """What the initiator makes of it."""
        point, tag = message[:65], message[65:]
        self._other_ephemeral(point)
        self._mix_key(agree(self.ephemeral, point))
        if not self.linked:
            self._mix_key(agree(self.static, point))
        self._open_nothing(tag)

    def split(self):
        """What the initiator sends by, and what the responder sends by."""
        first, second = self._hkdf(b"", 2)
        return Half(first), Half(second)


def handshake(pattern, secret, static, first_ephemeral, second_ephemeral):
    """Both sides: two messages, the handshake hash, and both directions."""
    known = public(static)
    own_first, own_second = (known, static) if pattern[0] == LINKED[0] else (static, known)
    client = Noise(pattern, True, secret, own_first, first_ephemeral)
    phone = Noise(pattern, False, secret, own_second, second_ephemeral)
    one = client.first()
    phone.hear_first(one)
    two = phone.second()
    client.hear_second(two)
    there, back = client.split()
    assert phone.hash == client.hash and phone.chain == client.chain
    return one, two, client.hash, there, back


def padded(message, granularity=32):
    """Zeros and their number, so that whole blocks come of it."""
    zeros = -(len(message) + 1) % granularity
    return message + bytes(zeros) + bytes([zeros])


def unpadded(plaintext):
    if not plaintext or plaintext[-1] + 1 > len(plaintext):
        raise ValueError("the padding is longer than the message")
    return plaintext[: len(plaintext) - 1 - plaintext[-1]]


def post_handshake(get_info, features=None, link=None):
    """What the phone says first."""
    members = {1: get_info}
    if link is not None:
        members[2] = link
    if features is not None:
        members[3] = features
    return cbor(members)


def link(contact, link_id, link_secret, static, name, qr_key, handshake_hash, extra=()):
    """What makes two devices linked; `static` is the phone's own key, `qr_key` the point of the client's code."""
    signature = hmac(agree(static, qr_key), handshake_hash)
    members = {1: contact, 2: link_id, 3: link_secret, 4: public(static), 5: name, 6: signature}
    return members | dict(extra)


def client_payload(link_id, nonce, hint):
    """What a linked client tells the phone by way of the tunnel service."""
    return cbor({1: link_id, 2: nonce, 3: hint})


def made(word, length=32):
    """Bytes that come of a word: good for fixtures and nothing else."""
    return hashlib.sha256(b"fauxkey hybrid fixture: " + word.encode()).digest()[:length]


def key(word):
    return private(made(word))


def block(**members):
    """A vector of a fixture; members whose value is None are left out."""
    shown = {name.replace("_", "-"): value for name, value in members.items() if value is not None}
    shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in shown.items()}
    return "".join(f"{name}: {value}".rstrip() + "\n" for name, value in shown.items())
