"""python-fido2's client and server, and py_webauthn, against every built-in profile over both kinds of socket."""

import ceremonies
import certified
import command_line
import ctaphid
import power
import relying_parties as parties
import u2f
import with_pin
from cases import Cases
from fauxkey import running
from profiles import PROFILES, WITH_PIN, WITH_U2F


def main():
    cases = Cases()
    for profile in PROFILES:
        for link in ("tcp", "unix"):
            with cases.group(f"{profile.name} over {link}"), running(profile.name, link) as daemon:
                ctaphid.judge(cases, daemon)
                ceremonies.judge(cases, daemon, profile)
                power.judge(cases, daemon, profile)
        with cases.group(f"{profile.name} by command"), running(profile.name, "unix") as daemon:
            command_line.judge(cases, daemon, profile)
    for profile, fmt, aaguid in certified.CERTIFIED:
        with cases.group(f"{profile} certified"), running(profile, "unix") as daemon:
            certified.judge(cases, daemon, fmt, aaguid)
    for profile, fmt in certified.BY_WEBAUTHN:
        with cases.group(f"{profile} certified"), running(profile, "unix") as daemon:
            certified.judge_alone(cases, daemon, fmt)
    with cases.group("all-in certified"), running("all-in", "unix") as daemon:
        certified.enterprise(cases, daemon)
    for profile in WITH_PIN:
        with cases.group(f"{profile.name} with a PIN"), running(profile.name, "unix") as daemon:
            parties.trust(daemon.root())
            with_pin.judge(cases, daemon, profile)
    for profile in WITH_U2F:
        for link in ("tcp", "unix"):
            with cases.group(f"{profile.name} over {link}, by U2F"), running(profile.name, link) as daemon:
                parties.trust(daemon.root())
                u2f.judge(cases, daemon, profile)
    cases.exit()


if __name__ == "__main__":
    main()
