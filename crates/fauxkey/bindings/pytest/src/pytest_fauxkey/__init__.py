"""A phone full of passkeys as a pytest fixture: `phone`, and `phone_driver`, a browser that sees it."""

from fauxkey_selenium import FauxkeyError, Phone

__all__ = ["FauxkeyError", "Phone"]
__version__ = "0.1.0"
