"""The fixtures, and what a failed test says of its phone."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from fauxkey_selenium import FauxkeyError, Phone, chrome, environment, firefox
from fauxkey_selenium._program import temporary_home

if TYPE_CHECKING:
    from selenium.webdriver.common.options import ArgOptions
    from selenium.webdriver.common.service import Service
    from selenium.webdriver.remote.webdriver import WebDriver

PHONE = pytest.StashKey[Phone]()
LONGEST_TRACE = 200
"""Lines of a trace that a report shows; the file has all."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fauxkey", "fauxkey: a phone full of passkeys")
    group.addoption(
        "--fauxkey-route",
        choices=["auto", "exec", "bindings"],
        default="auto",
        help="how browsers see the phone [default: auto, which is exec on Linux, else bindings]",
    )
    group.addoption(
        "--fauxkey-browser",
        choices=["chrome", "firefox"],
        default="chrome",
        help="the browser of the fixture phone_driver [default: chrome]",
    )
    group.addoption(
        "--fauxkey-profile", metavar="PROFILE", help="what the phone behaves like [default: ms-authenticator-ios]"
    )
    group.addoption(
        "--fauxkey-program", metavar="PATH", help="the fauxkey program [default: FAUXKEY_BIN, or fauxkey in PATH]"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fauxkey(**options): options of Phone.start for the fixture phone")


@pytest.fixture(scope="session")
def fauxkey_route(pytestconfig: pytest.Config) -> str:
    """`exec` or `bindings`."""
    route: str = pytestconfig.getoption("--fauxkey-route")
    if route != "auto":
        return route
    return "exec" if sys.platform == "linux" and not os.environ.get("FAUXKEY_URL") else "bindings"


@pytest.fixture(scope="session")
def fauxkey_home() -> Iterator[str]:
    """A folder for the phones of this run, one after another: a browser that outlives a test sees them come and go."""
    home = temporary_home()
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def fauxkey_env(pytestconfig: pytest.Config, fauxkey_route: str, fauxkey_home: str) -> dict[str, str]:
    """The environment for browsers that you start yourself; by `bindings` it is what it was."""
    if fauxkey_route != "exec":
        return dict(os.environ)
    return dict(os.environ) | environment(fauxkey_home, program=pytestconfig.getoption("--fauxkey-program"))


@pytest.fixture
def phone(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, fauxkey_route: str, fauxkey_home: str
) -> Iterator[Phone]:
    """A phone for this test alone. `@pytest.mark.fauxkey(profile="yubikey-5-nfc")` says what it is like."""
    options: dict[str, Any] = {"route": fauxkey_route, "home": fauxkey_home}
    options |= {name: pytestconfig.getoption(f"--fauxkey-{name}") for name in ("profile", "program")}
    for marker in reversed(list(request.node.iter_markers("fauxkey"))):
        options |= marker.kwargs
    phone = Phone.start(**{name: value for name, value in options.items() if value is not None})
    request.node.stash[PHONE] = phone
    try:
        yield phone
    finally:
        phone.stop()


@pytest.fixture
def phone_options(pytestconfig: pytest.Config) -> ArgOptions:
    """The options of the browser of `phone_driver`; override it to have others. Headless."""
    from selenium import webdriver

    options: webdriver.FirefoxOptions | webdriver.ChromeOptions
    if pytestconfig.getoption("--fauxkey-browser") == "firefox":
        options = webdriver.FirefoxOptions()
        options.add_argument("-headless")
    else:
        options = webdriver.ChromeOptions()
        options.add_argument("--headless=new")
    return options


@pytest.fixture
def phone_service() -> Service | None:
    """The service of the browser of `phone_driver`; override it to have another."""
    return None


@pytest.fixture
def phone_driver(
    pytestconfig: pytest.Config, phone: Phone, phone_options: ArgOptions, phone_service: Service | None
) -> Iterator[WebDriver]:
    """A browser for this test alone that sees `phone`."""
    start: Callable[..., WebDriver] = firefox if pytestconfig.getoption("--fauxkey-browser") == "firefox" else chrome
    driver = start(phone, options=phone_options, service=phone_service)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    phone = item.stash.get(PHONE, None)
    # Until its fixture is torn down, the phone can tell what passed.
    if phone is not None and call.when == "call" and report.failed:
        report.sections += _explain(item, phone)
    return report


def _explain(item: pytest.Item, phone: Phone) -> list[tuple[str, str]]:
    sections = [("fauxkey: replay", phone.replay(f"pytest {shlex.quote(item.nodeid)}"))]
    try:
        trace = phone.trace().splitlines()
    except FauxkeyError as error:
        return [*sections, ("fauxkey: trace", str(error))]
    shown = trace[-LONGEST_TRACE:]
    if phone.trace_file is not None and phone.trace_file.exists():
        # pytest keeps these folders of the last three runs.
        factory = item.config._tmp_path_factory  # type: ignore[attr-defined]
        kept = factory.mktemp("fauxkey") / "trace.jsonl"
        shutil.copyfile(phone.trace_file, kept)
        shown.append(f"(as a file: {kept})")
    return [*sections, ("fauxkey: trace", "\n".join(shown))]
