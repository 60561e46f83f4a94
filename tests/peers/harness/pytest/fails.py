"""Fails on purpose: what it leaves is looked at by pytest_story.py."""


def test_fails(phone_driver, phone, party):
    verified = party.register(phone_driver, "ada")
    assert f"{phone.profile} has made {verified.credential_public_key.hex()}" == "something else"
