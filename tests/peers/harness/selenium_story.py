"""fauxkey-selenium, installed from its archive, in real browsers by every route."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from cases import Cases
from fauxkey_selenium import Phone, chrome, firefox
from party import Party
from selenium import webdriver
from story import STORY

BROWSERS = ("chromium", "firefox")


def chromium(phone):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.add_argument("--headless=new")
    options.add_argument("--disable-dev-shm-usage")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    return chrome(phone, options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


def firefox_esr(phone):
    options = webdriver.FirefoxOptions()
    options.binary_location = "/usr/bin/firefox-esr"
    options.add_argument("-headless")
    return firefox(phone, options=options, service=webdriver.FirefoxService(os.environ["GECKODRIVER"]))


def main():
    cases = Cases()
    wanted = sys.argv[1:]
    for browser, start in (("chromium", chromium), ("firefox", firefox_esr)):
        for route in ("exec", "bindings"):
            if wanted and browser not in wanted and route not in wanted:
                continue
            with cases.group(f"{browser} by {route}"):
                for chapter in STORY:
                    with cases.case(chapter.__name__.replace("_", " ")):
                        play(start, route, chapter)
    cases.exit()


def play(start, route, chapter):
    """A phone, a browser and a relying party for each, so that nothing is left of the one before."""
    party = Party()
    try:
        options = {"profile": chapter.profile} if hasattr(chapter, "profile") else {}
        with Phone.start(route=route, **options) as phone, start(phone) as driver:
            driver.get(party.origin)
            try:
                chapter(driver, phone, party)
            except BaseException:
                print("\n".join(phone.trace().splitlines()[-40:]), file=sys.stderr)
                raise
    finally:
        party.close()


if __name__ == "__main__":
    main()
