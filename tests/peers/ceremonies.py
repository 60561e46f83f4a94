"""Ceremonies: python-fido2's client registers and signs in, and both relying parties judge."""

import itertools
from threading import Event

import relying_parties as parties
from cases import ensure, equal, raises
from fido2.client import ClientError, DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.ctap import CtapError
from fido2.ctap2 import Ctap2
from fido2.webauthn import AuthenticatorData, PublicKeyCredentialDescriptor
from relying_parties import EDDSA, ES256, ES384, ML_DSA_44, ML_DSA_65, ORIGIN, RP_ID, RS256

ALGORITHMS = {
    "ES256": ES256,
    "EdDSA": EDDSA,
    "ES384": ES384,
    "RS256": RS256,
    "ML-DSA-44": ML_DSA_44,
    "ML-DSA-65": ML_DSA_65,
}
UNKNOWN_ID = bytes(64)
# Errors of the client, each with the status of the authenticator behind it.
NO_CREDENTIALS = ClientError.ERR.DEVICE_INELIGIBLE, CtapError.ERR.NO_CREDENTIALS
EXCLUDED = ClientError.ERR.DEVICE_INELIGIBLE, CtapError.ERR.CREDENTIAL_EXCLUDED
UNSUPPORTED = ClientError.ERR.CONFIGURATION_UNSUPPORTED, CtapError.ERR.UNSUPPORTED_ALGORITHM
DENIED = ClientError.ERR.BAD_REQUEST, CtapError.ERR.OPERATION_DENIED
CANCELLED = ClientError.ERR.TIMEOUT, CtapError.ERR.KEEPALIVE_CANCEL


class Watcher(UserInteraction):
    """Notes that the authenticator asked for a touch, and may do something then."""

    def __init__(self):
        self.touches = 0
        self.on_touch = lambda: None

    def prompt_up(self):
        self.touches += 1
        self.on_touch()


class Browser:
    """python-fido2's client with strict CBOR, on one device."""

    def __init__(self, device):
        self.user = Watcher()
        self._client = Fido2Client(device, DefaultClientDataCollector(ORIGIN), user_interaction=self.user)
        self.ctap = self._client._backend.ctap2 = Ctap2(device, strict_cbor=True)

    def create(self, options, event=None):
        return parties.to_json(self._client.make_credential(options, event))

    def get(self, options, event=None):
        """All assertions; the first is the newest account's."""
        selection = self._client.get_assertion(options, event)
        return [parties.to_json(selection.get_response(i)) for i in range(len(selection.get_assertions()))]

    def register(self, user, **wishes):
        options, state = parties.creation(user, **wishes)
        return parties.registered(state, self.create(options))

    def sign_in(self, passkey, allow=(), **wishes):
        options, state = parties.request(allow, **wishes)
        responses = self.get(options)
        equal(len(responses), 1, "accounts")
        parties.signed_in(state, responses[0], passkey)
        return responses[0]


def judge(cases, daemon, profile):
    with daemon.ctap_device() as device:
        browser = Browser(device)
        _get_info(cases, browser, profile)
        _every_wish(cases, browser, profile)
        _lists(cases, daemon, browser)
        if profile.displays:
            _chosen_account(cases, browser)
        else:
            _accounts(cases, browser)
        _mutations(cases, browser)
        _user(cases, daemon, browser)


def _get_info(cases, browser, profile):
    with cases.case("getInfo is canonical CBOR and says what the profile says"):
        info = browser.ctap.get_info()
        equal(tuple(info.versions), profile.versions, "versions")
        equal(str(info.aaguid), profile.aaguid, "aaguid")
        equal(info.options, profile.options, "options")
        equal(tuple(entry["alg"] for entry in info.algorithms), profile.algorithms, "algorithms")
        equal(tuple(info.transports), profile.transports, "transports")
        equal((info.extensions, info.pin_uv_protocols), ([], []), "extensions and PIN protocols")


def _every_wish(cases, browser, profile):
    """Every combination of discoverability, verification and algorithm."""
    wishes = itertools.product(("required", "discouraged"), ("required", "discouraged"), ALGORITHMS)
    for resident, verification, algorithm in wishes:
        name = f"{algorithm}, residentKey {resident}, userVerification {verification}"
        alg = ALGORITHMS[algorithm]
        asked = {"resident_key_requirement": resident, "user_verification": verification, "algorithms": (alg,)}
        options, state = parties.creation(f"{algorithm}-{resident}-{verification}", **asked)
        unverifiable = verification == "required" and not profile.verifies
        if alg not in profile.algorithms and not unverifiable:
            with cases.case(f"{name}: refused, as it does not do {algorithm}"):
                refused = raises(ClientError, browser.create, options)
                _is(refused, UNSUPPORTED)
        elif unverifiable:
            with cases.case(f"{name}: refused by the client, as it does not verify users"):
                refused = raises(ClientError, browser.create, options)
                equal(refused.code, ClientError.ERR.CONFIGURATION_UNSUPPORTED, "error")
            with cases.case(f"{name}: refused by the authenticator when a client asks all the same"):
                key = [{"type": "public-key", "alg": alg}]
                call = (browser.ctap.make_credential, bytes(32), {"id": RP_ID}, {"id": b"u"}, key)
                refused = raises(CtapError, *call, options={"rk": resident == "required", "uv": True})
                supported = alg in profile.algorithms
                # CTAP 2.1 §6.1.2: the algorithm is step 3, the option step 5.
                expected = CtapError.ERR.INVALID_OPTION if supported else CtapError.ERR.UNSUPPORTED_ALGORITHM
                equal(refused.code, expected, "status")
        else:
            found = "found" if resident == "required" else "not found"
            with cases.case(f"{name}: registers, signs in, and is {found} without a list"):
                _granted(browser, profile, options, state, resident == "required")


def _granted(browser, profile, options, state, discoverable):
    passkey = parties.registered(state, browser.create(options))
    equal(passkey.attestation, profile.attestation, "attestation statement format")
    equal(passkey.credential.public_key[3], state["algorithms"][0], "algorithm")
    equal(str(passkey.credential.aaguid), profile.aaguid, "aaguid")
    verification = state["user_verification"]
    for _ in range(2):
        before = passkey.sign_count
        assertion = browser.sign_in(passkey, allow=[_listed(passkey)], user_verification=verification)
        _counter_and_flags(profile, assertion, before, passkey.sign_count)
    options, state = parties.request(user_verification=verification)
    found = _all(browser, options)
    ids = [assertion["id"] for assertion in found]
    equal(parties.websafe_encode(passkey.credential.credential_id) in ids, discoverable, "found without a list")
    if discoverable:
        equal(found[0]["response"]["userHandle"], parties.websafe_encode(passkey.user), "user handle")
        parties.signed_in(state, found[0], passkey)


def _all(browser, options):
    try:
        return browser.get(options)
    except ClientError as error:
        _is(error, NO_CREDENTIALS)
        return []


def _counter_and_flags(profile, assertion, before, after):
    flags = AuthenticatorData(parties.websafe_decode(assertion["response"]["authenticatorData"])).flags
    expected = AuthenticatorData.FLAG.UP | (AuthenticatorData.FLAG.UV if profile.verifies else 0)
    equal(flags, expected, "flags")
    if profile.counts:
        ensure(after > before, f"the counter went from {before} to {after}")
    else:
        equal((before, after), (0, 0), "counter")


def _lists(cases, daemon, browser):
    """excludeList and allowList."""
    ours = browser.register("excluded", resident_key_requirement="required")
    sealed = browser.register("sealed", resident_key_requirement="discouraged")
    for name, passkey in (("discoverable", ours), ("not discoverable", sealed)):
        with cases.case(f"a passkey that is excluded and {name} is not made again, which the user learns first"):
            options, _ = parties.creation("excluded-too", exclude=[_listed(passkey)])
            touches = browser.user.touches
            with daemon.user("approve", delay_ms=250):
                refused = raises(ClientError, browser.create, options)
            _is(refused, EXCLUDED)
            equal(browser.user.touches, touches + 1, "touches")
    with cases.case("an exclusion that is not ours does not count"):
        browser.register("not-excluded", exclude=[_unknown()])
    with cases.case("an allowList finds our passkey behind a hundred others"):
        browser.sign_in(ours, allow=[_unknown(number) for number in range(100)] + [_listed(ours)])
    with cases.case("an allowList without ours signs nothing"):
        options, _ = parties.request([_unknown()])
        _is(raises(ClientError, browser.get, options), NO_CREDENTIALS)
    with cases.case("another RP ID finds nothing"):
        for allow in (None, [{"type": "public-key", "id": sealed.credential.credential_id}]):
            refused = raises(CtapError, browser.ctap.get_assertion, "other.example.test", bytes(32), allow)
            equal(refused.code, CtapError.ERR.NO_CREDENTIALS, "status")
    with cases.case("a registration again for the same account replaces its passkey"):
        again = browser.register("excluded", resident_key_requirement="required")
        options, _ = parties.request([_listed(ours)])
        _is(raises(ClientError, browser.get, options), NO_CREDENTIALS)
        browser.sign_in(again, allow=[_listed(again)])


def _accounts(cases, browser):
    """Several accounts at one relying party, by getNextAssertion."""
    with cases.case("several accounts sign in one after the other, the newest first"):
        passkeys = [browser.register(f"account-{n}", resident_key_requirement="required") for n in range(3)]
        options, state = parties.request()
        responses = browser.get(options)
        ensure(len(responses) > 3, f"{len(responses)} accounts")
        for passkey, response in zip(reversed(passkeys), responses):
            equal(parties.websafe_decode(response["id"]), passkey.credential.credential_id, "credential ID")
            equal(response["response"]["userHandle"], parties.websafe_encode(passkey.user), "user handle")
            parties.signed_in(state, response, passkey)
    with cases.case("names of accounts are not told without a verified user"):
        assertions = browser.ctap.get_assertions(RP_ID, bytes(32))
        for assertion in assertions:
            equal(set(assertion.user), {"id"}, "user members")
        equal(assertions[0].number_of_credentials, len(assertions), "numberOfCredentials")
    with cases.case("getNextAssertion beyond the last one, or without a first, is not allowed"):
        for _ in range(2):
            equal(raises(CtapError, browser.ctap.get_next_assertion).code, CtapError.ERR.NOT_ALLOWED, "status")


def _chosen_account(cases, browser):
    """Several accounts at one relying party, of which the user chooses one on the phone: the newest, if unattended."""
    with cases.case("of several accounts, the one that was chosen on the phone signs in"):
        passkeys = [browser.register(f"account-{n}", resident_key_requirement="required") for n in range(3)]
        options, state = parties.request()
        (response,) = browser.get(options)
        equal(response["response"]["userHandle"], parties.websafe_encode(passkeys[-1].user), "user handle")
        parties.signed_in(state, response, passkeys[-1])
    with cases.case("the platform is told that the user has chosen, and of no other account"):
        assertion = browser.ctap.get_assertion(RP_ID, bytes(32), options={"uv": True})
        equal((assertion.user_selected, assertion.number_of_credentials), (True, None), "userSelected")
        equal(set(assertion.user), {"id", "name", "displayName"}, "user members")
        equal(raises(CtapError, browser.ctap.get_next_assertion).code, CtapError.ERR.NOT_ALLOWED, "status")


def _mutations(cases, browser):
    options, state = parties.creation("mutated", resident_key_requirement="required")
    response = browser.create(options)
    for name, broken in parties.broken_registrations(response):
        with cases.case(f"both relying parties refuse the registration with {name}"):
            parties.registration_refused(state, broken)
    with cases.case("both relying parties accept the registration as it was"):
        passkey = parties.registered(state, response)
    options, state = parties.request([_listed(passkey)])
    (response,) = browser.get(options)
    for name, broken in parties.broken_sign_ins(response):
        with cases.case(f"both relying parties refuse the sign-in with {name}"):
            parties.sign_in_refused(state, broken, passkey)
    with cases.case("both relying parties accept the sign-in as it was"):
        parties.signed_in(state, response, passkey)


def _user(cases, daemon, browser):
    """What the user does reaches the client."""
    options, state = parties.creation("asked", resident_key_requirement="required")
    with cases.case("a user who takes a while is waited for, and the client hears of it"):
        touches = browser.user.touches
        with daemon.user("approve", delay_ms=350):
            parties.registered(state, browser.create(options))
        equal(browser.user.touches, touches + 1, "touches")
    with cases.case("a user who declines ends it"), daemon.user("deny"):
        _is(raises(ClientError, browser.create, options), DENIED)
    for name, ceremony, wish in (
        ("registration", browser.create, options),
        ("sign-in", browser.get, parties.request()[0]),
    ):
        with cases.case(f"a client that cancels ends the {name}"), daemon.user("ignore"):
            event = Event()
            browser.user.on_touch = event.set
            try:
                _is(raises(ClientError, ceremony, wish, event), CANCELLED)
            finally:
                browser.user.on_touch = lambda: None


def _is(error, expected):
    ensure(isinstance(error.cause, CtapError), f"the cause is {error.cause!r}")
    equal((error.code, error.cause.code), expected, "error and status")


def _listed(passkey):
    return PublicKeyCredentialDescriptor(type="public-key", id=passkey.credential.credential_id)


def _unknown(number=0):
    return PublicKeyCredentialDescriptor(type="public-key", id=UNKNOWN_ID[:-1] + bytes([number]))
