"""What every harness for Selenium is put through; each case by name. Everything is true by every route."""

import pytest
import webauthn
from party import Refused, begin
from webauthn.helpers.structs import UserVerificationRequirement

# Chromium and Firefox take no less than ten and fifteen seconds from a page.
SHORT = 1_000


def refused(ceremony, *arguments, **more):
    with pytest.raises(Refused) as caught:
        ceremony(*arguments, **more)
    return caught.value.name


def registers_and_signs_in(driver, phone, party):
    verified = party.register(driver, "ada")
    (passkey,) = phone.passkeys()
    assert passkey["userName"] == "ada" and passkey["rpId"] == "localhost"
    assert verified.aaguid == "90a3ccdf-635c-4729-a248-9b709135078f"
    assert party.sign_in(driver) == "ada"


def a_user_who_denies_makes_no_passkey_and_signs_nobody_in(driver, phone, party):
    phone.deny()
    assert refused(party.register, driver, "ada") == "NotAllowedError"
    assert phone.passkeys() == []
    phone.approve()
    party.register(driver, "ada")
    phone.deny()
    assert refused(party.sign_in, driver) == "NotAllowedError"


def a_user_who_does_nothing_is_waited_for_until_the_time_is_over(driver, phone, party):
    phone.ignore()
    assert refused(party.register, driver, "ada", timeout=SHORT) == "NotAllowedError"
    phone.approve()
    party.register(driver, "ada")
    assert party.sign_in(driver) == "ada"


def a_wrong_finger_locks_the_key_and_the_right_one_does_not_open_it(driver, phone, party):
    phone.add_finger("thumb")
    party.register(driver, "ada")
    phone.wrong_finger()
    # A browser asks again until there is no attempt left, and then for a PIN, which nobody types.
    for _ in range(8):
        assert refused(party.sign_in, driver, timeout=SHORT) == "NotAllowedError"
        if "UV_BLOCKED" in phone.trace():
            break
    else:
        raise AssertionError("it was never locked")
    phone.approve()
    assert refused(party.sign_in, driver, timeout=SHORT) == "NotAllowedError"


a_wrong_finger_locks_the_key_and_the_right_one_does_not_open_it.profile = "fingerprint-key"


def the_second_account_is_chosen_on_the_phone(driver, phone, party):
    for name in ("ada", "bea"):
        party.register(driver, name)
    assert [passkey["userName"] for passkey in phone.passkeys()] == ["bea", "ada"]
    phone.choose(1)
    assert party.sign_in(driver) == "ada"
    phone.choose(0)
    assert party.sign_in(driver) == "bea"


def a_counter_that_goes_backwards_is_noticed_by_py_webauthn(driver, phone, party):
    party.register(driver, "ada")
    fault = phone.fault("counter-backwards")
    party.sign_in(driver)
    assert party.notices(driver)
    assert [armed["struck"] for armed in phone.faults()] == [2]
    fault.remove()
    assert phone.faults() == []


def a_person_answers_what_is_asked(driver, phone, party):
    party.register(driver, "ada")
    phone.ask()
    options = webauthn.generate_authentication_options(
        rp_id="localhost", user_verification=UserVerificationRequirement.REQUIRED
    )
    end = begin(driver, "get", options)
    prompt = phone.prompt()
    # A browser may ask for the user's verification on its own, before it asks for the passkey.
    while prompt["purpose"] != "sign-in":
        phone.answer(prompt, "verified")
        prompt = phone.prompt()
    assert prompt["rpId"] == "localhost"
    phone.answer(prompt, "verified" if prompt["verification"] else "present")
    assert end()["id"] == phone.passkeys()[0]["credentialId"]


def a_passkey_that_was_added_signs_in_and_one_that_was_removed_does_not(driver, phone, party):
    added = phone.add_passkey({"rpId": "localhost", "userName": "cleo"})
    options = webauthn.generate_authentication_options(rp_id="localhost", timeout=SHORT)
    assert begin(driver, "get", options)()["id"] == added["credentialId"]
    phone.remove_passkey(added)
    assert refused(begin(driver, "get", options)) == "NotAllowedError"


STORY = [
    registers_and_signs_in,
    a_user_who_denies_makes_no_passkey_and_signs_nobody_in,
    a_user_who_does_nothing_is_waited_for_until_the_time_is_over,
    a_wrong_finger_locks_the_key_and_the_right_one_does_not_open_it,
    the_second_account_is_chosen_on_the_phone,
    a_counter_that_goes_backwards_is_noticed_by_py_webauthn,
    a_person_answers_what_is_asked,
    a_passkey_that_was_added_signs_in_and_one_that_was_removed_does_not,
]
