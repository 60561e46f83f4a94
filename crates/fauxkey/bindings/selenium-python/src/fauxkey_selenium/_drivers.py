"""Drivers that see a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService, Firefox, FirefoxOptions, FirefoxService

    from ._phone import Phone


def chrome(phone: Phone, *, options: ChromeOptions | None = None, service: ChromeService | None = None) -> Chrome:
    """Chrome or Chromium with the phone."""
    from selenium import webdriver

    options = options or webdriver.ChromeOptions()
    service = service or webdriver.ChromeService()
    phone.prepare(options=options, service=service)
    driver = webdriver.Chrome(options=options, service=service)
    phone.attach(driver)
    return driver


def firefox(phone: Phone, *, options: FirefoxOptions | None = None, service: FirefoxService | None = None) -> Firefox:
    """Firefox with the phone. Pages that ask for attestation are answered without asking the person at the screen."""
    from selenium import webdriver

    options = options or webdriver.FirefoxOptions()
    # A question that no test can answer.
    options.set_preference("security.webauthn.always_allow_direct_attestation", True)
    service = service or webdriver.FirefoxService()
    phone.prepare(options=options, service=service)
    driver = webdriver.Firefox(options=options, service=service)
    phone.attach(driver)
    return driver
