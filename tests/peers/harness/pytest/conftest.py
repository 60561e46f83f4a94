"""The browser of this machine, and results as `cargo xtask peers` counts them."""

import os
import sys

import pytest
from selenium import webdriver

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from party import Party  # noqa: E402


@pytest.fixture
def phone_options(phone_options):
    if isinstance(phone_options, webdriver.FirefoxOptions):
        phone_options.binary_location = "/usr/bin/firefox-esr"
    else:
        phone_options.binary_location = "/usr/bin/chromium"
        phone_options.add_argument("--disable-dev-shm-usage")
        if os.geteuid() == 0:
            phone_options.add_argument("--no-sandbox")
    return phone_options


@pytest.fixture
def phone_service(pytestconfig):
    if pytestconfig.getoption("--fauxkey-browser") == "firefox":
        return webdriver.FirefoxService(os.environ["GECKODRIVER"])
    return webdriver.ChromeService("/usr/bin/chromedriver")


@pytest.fixture
def party(phone_driver):
    party = Party()
    phone_driver.get(party.origin)
    yield party
    party.close()


def pytest_runtest_logreport(report):
    group, name = os.environ.get("PEER_GROUP"), report.nodeid.split("::")[-1].removeprefix("test_").replace("_", " ")
    if group and report.failed:
        why = " ".join(str(report.longrepr).split())
        print(f"\nFAILED {group}: {name}: {why[-300:]}")
    elif group and report.when == "call" and report.passed:
        print(f"\nok {group}: {name}")
