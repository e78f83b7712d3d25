"""The page on which models are asked, for everyone: no rule of axe is broken in any state, wide and narrow, light and dark; by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.ask_world import BROKEN, QUICK, SLOW, AskWorld, give, opened, running, state
from tests.e2e.axe import violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

ROOT = "document.querySelector('#saccade-ask').shadowRoot"
SHOWN = f"[...{ROOT}.querySelectorAll('button, a, input, select, textarea, summary')].filter(n => n.checkVisibility({{visibilityProperty: true}}))"
SMALL = f"""{SHOWN}.filter(n => !n.matches('.ak-radio, [type=checkbox], .sc-hidden')).map(n => [n, n.getBoundingClientRect()])
  .filter(([n, b]) => b.width < 23.5 || b.height < 23.5).map(([n, b]) => `${{n.className}} ${{b.width}} x ${{b.height}}`)"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskWorld]:
    with running(tmp_path_factory.mktemp("asked")) as made:
        yield made


def troubles(page: Page, place: str) -> list[str]:
    """What keeps somebody from using the page as it is now."""
    found = [*violations(page), *(f"small: {one}" for one in page.evaluate(SMALL))]
    if (over := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
        found.append(f"{over} px hang over the edge")
    return [f"{place}: {one}" for one in found]


def _form(page: Page) -> None:
    """Where there is little room, the form comes when it is called."""
    if page.get_by_role("button", name="Question", exact=True).is_visible():
        page.get_by_role("button", name="Question", exact=True).click()


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (900, "dark")])
def test_no_state_keeps_anybody_out(browser: Browser, world: AskWorld, width: int, theme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    opened(page, world, theme=theme)
    found = troubles(page, "empty")
    page.locator("summary", has_text="Settings").click()
    page.locator("summary", has_text="Add a policy").click()
    page.get_by_label("Temperature").fill("99")
    give(page, policy=SLOW, truth="a spoon")
    page.get_by_label("Temperature").fill("99")
    found += troubles(page, "form")
    page.get_by_role("button", name="Back to the paper’s").click()
    page.keyboard.press("Control+Enter")
    page.locator(".sc-mark[data-step='0']").wait_for()
    found += troubles(page, "running")
    page.keyboard.press("Escape")
    expect(state(page)).to_have_text("Stopped")
    _form(page)
    give(page, policy=QUICK, samples=3, truth="a biscuit", question="Which? " * 120)
    page.keyboard.press("Control+Enter")
    expect(state(page)).to_have_text("Done")
    found += troubles(page, "draws")
    page.keyboard.press("]")
    found += troubles(page, "one of the draws")
    page.get_by_role("button", name="Ask again").click()
    found += troubles(page, "menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save to a study").click()
    page.get_by_role("button", name="Save", exact=True).wait_for()
    found += troubles(page, "study")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    found += troubles(page, "keys")
    page.keyboard.press("Escape")
    _form(page)
    page.get_by_role("button", name="From the store").click()
    page.locator(".ak-shelf-pick").first.wait_for()
    found += troubles(page, "stored pictures")
    page.keyboard.press("Escape")
    give(page, policy=BROKEN)
    page.keyboard.press("Control+Enter")
    expect(state(page)).to_have_text("Failed")
    _form(page)
    page.locator(".ak-policy .st-error").wait_for()
    found += troubles(page, "failed")
    page.get_by_role("tab", name="Recent runs").click()
    page.locator(".ak-run-row").first.wait_for()
    found += troubles(page, "recent runs")
    context.close()
    assert found == []


def test_everything_by_keyboard(page: Page, world: AskWorld) -> None:
    opened(page, world)
    give(page, policy=QUICK, samples=2)
    page.get_by_label("Samples").focus()
    page.keyboard.press("Control+Enter")
    expect(state(page)).to_have_text("Done")
    expect(page.locator(".sc-hidden[aria-live]")).to_have_text("Done")
    # The run has the focus: its keys work at once, and the form's field does not take them.
    page.keyboard.press("]")
    expect(page.get_by_label("Samples")).to_have_value("2")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".sc-step.is-current")).to_have_attribute("data-step", "0")
    expect(page.locator(".sc-hidden[aria-live]")).to_contain_text("Step 1 of 5.")
    page.keyboard.press("End")
    expect(page.locator(".sc-step.is-current")).to_have_attribute("data-step", "4")
    page.keyboard.press("Home")
    page.keyboard.press("o")
    expect(page.get_by_role("dialog", name="A look, opened larger")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator(".sc-step.is-current")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".ak-card-pick").first).to_be_focused()


def test_a_narrow_window_has_it_all(page: Page, world: AskWorld) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, world)
    give(page, policy=QUICK)
    page.get_by_role("button", name="Ask Ctrl").click()
    expect(state(page)).to_have_text("Done")
    expect(page.locator(".sc-step")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
