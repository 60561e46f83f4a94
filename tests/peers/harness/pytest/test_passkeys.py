"""The story by the fixtures of pytest-fauxkey."""

import pytest
import story


def of(chapter):
    def test(phone_driver, phone, party):
        chapter(phone_driver, phone, party)

    profile = getattr(chapter, "profile", None)
    return pytest.mark.fauxkey(profile=profile)(test) if profile else test


for chapter in story.STORY:
    globals()[f"test_{chapter.__name__}"] = of(chapter)


def test_browsers_of_ones_own_see_phones_come_and_go(phone, fauxkey_env, fauxkey_route):
    if fauxkey_route == "exec":
        assert fauxkey_env["FAUXKEY_EXEC"].endswith("/bus") and "libudev.so.1" in fauxkey_env["LD_PRELOAD"]
    else:
        assert "FAUXKEY_EXEC" not in fauxkey_env
    assert phone.route == fauxkey_route
