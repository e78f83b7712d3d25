"""Every tab of the real application, wide and narrow, light and dark: nothing keeps anybody out, and nothing hangs over the edge.

And the way through them: somebody rates, and the results change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.bench.serving import Serving, serving
from app.ui import MODULE_TABS
from tests.e2e.axe import violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

# What each tab shows when it has come to rest.
READY = {
    "Inspect": ".sc-step",
    "Ask": ".ak-no-model, .ak-picture-image",
    "Rate": "text=Start rating",
    "Results": "text=Headline figures",
    "Curate": "text=Preferred traces",
    "Train": ".tr-head h2, .tr-empty h2",
    "Studies": "text=Steps with all their ratings",
    "Raters": "h2",
    "Import": "#sc-import-check",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("data")) as running:
        yield running


def _show(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()
    page.locator(READY[tab]).locator("visible=true").first.wait_for()
    # What is fetched anew stands there paler until it has come.
    expect(page.locator(".is-busy").locator("visible=true")).to_have_count(0)


def test_every_tab_is_looked_at() -> None:
    assert {*(title for title, _, _ in MODULE_TABS), "Import"} == set(READY)


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (900, "dark")])
def test_no_screen_keeps_anybody_out(browser: Browser, server: Serving, width: int, theme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    context.request.post(f"{server.address}/api/session", data={"name": f"ana {width} {theme}"})
    page.goto(f"{server.address}/?__theme={theme}")
    page.wait_for_selector(".sc-step")
    found: list[str] = []
    for tab in READY:
        _show(page, tab)
        found += [f"{tab}: {one}" for one in violations(page)]
        if (over := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            found.append(f"{tab}: {over} px hang over the edge")
    context.close()
    assert found == []


def test_somebody_rates_and_the_results_change(page: Page, server: Serving) -> None:
    page.goto(f"{server.address}/")
    page.wait_for_selector(".sc-step")
    _show(page, "Results")
    expect(page.get_by_text("Nobody has rated yet").first).to_be_visible()
    page.request.post(f"{server.address}/api/session", data={"name": "bo"})
    _show(page, "Rate")
    page.keyboard.press("Enter")
    for _ in range(2):
        # The next step has opened when nothing is chosen.
        expect(page.get_by_role("radio", name=re.compile("Yes")).first).not_to_be_checked()
        with page.expect_response("**/api/rating/ratings"):
            page.keyboard.press("y")
            page.keyboard.press("4")
        expect(page.get_by_text(re.compile(r"saved \d\d:\d\d:\d\d", re.IGNORECASE)).first).to_be_visible()
    _show(page, "Results")
    expect(page.get_by_text(re.compile(r"n = 2 ratings of 2 steps")).first).to_be_visible(timeout=30_000)


def test_an_address_that_names_a_run_opens_it(page: Page, server: Serving) -> None:
    example = page.request.get(f"{server.address}/api/ask").json()["examples"][0]
    wish = {"policy": "replay", "question": example["question"], "domain": example["domain"], "picture": example["picture"]["sha256"]}
    run = page.request.post(f"{server.address}/api/runs", data=wish).json()["run"]
    page.goto(f"{server.address}/?run={run}")
    expect(page.get_by_role("tab", name="Ask", exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".ak-run")).to_contain_text("recorded run: no model is running")
    # Of another tab the address says what that one shows.
    page.get_by_role("tab", name="Inspect", exact=True).click()
    page.wait_for_function("!location.search.includes('run=')")
    page.get_by_role("tab", name="Ask", exact=True).click()
    page.wait_for_function("(run) => new URLSearchParams(location.search).get('run') === run", arg=run)
    page.request.delete(f"{server.address}/api/runs/{run}")
