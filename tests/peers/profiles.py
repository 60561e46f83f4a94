"""What each built-in profile is expected to do, written down a second time and by hand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """What a platform can see of a profile over USB."""

    name: str
    aaguid: str
    versions: tuple
    options: dict
    algorithms: tuple
    transports: tuple
    attestation: str
    """The attestation statement format."""
    verifies: bool
    """Whether it verifies its user, then at every use; otherwise it cannot."""
    counts: bool
    """Whether the signature counter counts; otherwise it is zero."""
    displays: bool = False
    """Whether it shows accounts on a screen of its own, and lets its user choose there."""


PHONE = {
    "versions": ("FIDO_2_0",),
    "options": {"plat": False, "rk": True, "up": True, "uv": True},
    "algorithms": (-7,),
    "transports": ("internal", "hybrid"),
    "attestation": "none",
    "verifies": True,
    "counts": False,
    "displays": True,
}

PROFILES = (
    Profile("ms-authenticator-ios", "90a3ccdf-635c-4729-a248-9b709135078f", **PHONE),
    Profile("ms-authenticator-android", "de1e552d-db1d-4423-a619-566b625cdc84", **PHONE),
    Profile(
        "ctap-2-0-key",
        "fa0c5e11-0000-4000-8000-000063327630",
        versions=("FIDO_2_0",),
        options={"plat": False, "rk": True, "up": True},
        algorithms=(-7,),
        transports=("usb",),
        attestation="packed",
        verifies=False,
        counts=True,
    ),
)

KEY = {
    "options": {"plat": False, "rk": True, "up": True, "clientPin": False, "credMgmt": True},
    "transports": ("usb",),
    "attestation": "packed",
    "verifies": True,
    "counts": True,
}


@dataclass(frozen=True)
class U2f:
    """A profile that speaks U2F."""

    name: str
    ctap2: bool
    """Whether it speaks CTAP2 as well."""


WITH_U2F = (U2f("u2f-key", ctap2=False), U2f("all-in", ctap2=True))

WITH_PIN = (
    Profile("security-key", "fa0c5e11-0000-4000-8000-736563757265", versions=("FIDO_2_0", "FIDO_2_1"), algorithms=(-7, -8), **KEY),
    Profile(
        "all-in",
        "fa0c5e11-0000-4000-8000-0000616c6c69",
        versions=("U2F_V2", "FIDO_2_0", "FIDO_2_1", "FIDO_2_3"),
        algorithms=(-7, -8, -35, -257, -48, -49),
        **KEY,
    ),
)
