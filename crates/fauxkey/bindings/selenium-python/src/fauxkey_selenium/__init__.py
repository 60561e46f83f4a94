"""A phone full of passkeys for Selenium tests.

    from fauxkey_selenium import Phone, chrome

    with Phone.start() as phone, chrome(phone) as driver:
        driver.get("https://login.example.test")
        phone.approve()
"""

from ._api import FauxkeyError
from ._drivers import chrome, firefox
from ._phone import ArmedFault, NewPasskey, Passkey, Phone, Prompt, ScriptStep
from ._program import environment

__all__ = [
    "ArmedFault",
    "FauxkeyError",
    "NewPasskey",
    "Passkey",
    "Phone",
    "Prompt",
    "ScriptStep",
    "chrome",
    "environment",
    "firefox",
]
__version__ = "0.1.0"
