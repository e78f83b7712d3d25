"""A real browser for the end-to-end tests; they skip with a clear word where none is found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.fixture_server import FixtureServer, full
from tests.e2e.rate_fixture import RateServer
from tests.e2e.viewing import Viewer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

    from tests.e2e.rate_viewing import Rate

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PROFILE: dict[str, Any] = {
    "viewport": {"width": 1440, "height": 900},
    "permissions": ["clipboard-read", "clipboard-write"],
}
OWN = ("127.0.0.1", "localhost", "")
# Seconds after which what should come is given up: long after it should have come on the slowest machine. Only failures take so long.
PATIENCE = 60


def _executable(playwright: Playwright) -> str:
    """Path of a Chromium: the variable SACCADE_CHROMIUM, one of the system, or Playwright's own; '' where there is none."""
    found = [os.environ.get("SACCADE_CHROMIUM", ""), *(shutil.which(name) or "" for name in NAMES), playwright.chromium.executable_path]
    return next((path for path in found if path and Path(path).is_file()), "")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium for the whole run."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: no browser tests")
    with sync_api.sync_playwright() as playwright:
        executable = _executable(playwright)
        if not executable:
            pytest.skip("no Chromium is found: install one (Debian: apt install chromium) or name it in SACCADE_CHROMIUM")
        chromium = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest) -> float:
    """How long pages and expectations wait, in milliseconds; a test or file that is marked `patient(seconds)` waits so long."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: no browser tests")
    marker = request.node.get_closest_marker("patient")
    milliseconds = 1000.0 * (marker.args[0] if marker else PATIENCE)
    sync_api.expect.set_options(timeout=milliseconds)
    return milliseconds


@pytest.fixture(scope="session")
def _profile(browser: Browser) -> Iterator[BrowserContext]:
    """A profile that keeps what browsers keep of a site's files: opening a page again takes a third of the time."""
    made = browser.new_context(**PROFILE)
    made.new_page()
    yield made
    made.close()


@pytest.fixture
def context(request: pytest.FixtureRequest, browser: Browser, patience: float) -> Iterator[BrowserContext]:
    """A profile, 1440 x 900, that may use the clipboard and knows of no site: without cookies and without storage.

    A test marked `own_profile` has one to itself, because it leaves something behind that cannot be taken back.
    """
    if request.node.get_closest_marker("own_profile"):
        made = browser.new_context(**PROFILE)
        made.set_default_timeout(patience)
        yield made
        made.close()
        return
    shared: BrowserContext = request.getfixturevalue("_profile")
    shared.set_default_timeout(patience)
    yield shared
    keeper, *opened = shared.pages
    for page in opened:
        page.close()
    shared.set_offline(False)
    shared.clear_cookies()
    session = shared.new_cdp_session(keeper)
    session.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "local_storage,indexeddb,cache_storage,service_workers"})
    session.detach()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; the test fails afterwards on a script error, a dialog, or a request to any other machine."""
    made = context.new_page()
    troubles: list[str] = []

    def asked(url: str) -> None:
        if urlsplit(url).hostname not in (*OWN, None):
            troubles.append(f"asked for {url}")

    made.on("pageerror", lambda error: troubles.append(f"script error: {error.stack or error}"))
    made.on("request", lambda request: asked(request.url))

    def dialog(opened: object) -> None:
        troubles.append(f"a dialog opened: {opened}")
        opened.dismiss()  # type: ignore[attr-defined]

    made.on("dialog", dialog)
    yield made
    assert troubles == []


@pytest.fixture(scope="session")
def _fixture_server() -> Iterator[FixtureServer]:
    server = FixtureServer()
    thread = server.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def viewer(_fixture_server: FixtureServer, page: Page) -> Viewer:
    """The viewer alone, on a small server full of made-up traces."""
    _fixture_server.content = full()
    return Viewer(page, _fixture_server)


@pytest.fixture(scope="session")
def _rate_server() -> Iterator[RateServer]:
    server = RateServer()
    yield server
    server.stop()


@pytest.fixture
def rate(_rate_server: RateServer, page: Page) -> Rate:
    """The rating page alone, on a small server with a made-up study."""
    from tests.e2e.rate_viewing import Rate

    _rate_server.renew()
    return Rate(page, _rate_server)
