"""One trace in several data sets: every row of the list is its own, and a link opens the one that was seen."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.e2e.fixture_server import item
from tests.e2e.fixture_traces import identity
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser

SECOND = "demo & more"


@pytest.fixture
def twice(viewer: Viewer) -> Viewer:
    """The trace `search` in two data sets: first and third row of four."""
    content = viewer.server.content
    one = content.views[identity("search")]
    other = one | {"dataset": SECOND}
    content.elsewhere[one["id"], SECOND] = other
    content.items = [item(one), item(content.views[identity("grounding")]), item(other), item(content.views[identity("outside")])]
    return viewer


def rows(viewer: Viewer) -> list[int]:
    """The rows that are marked as open."""
    found: list[int] = viewer.at(".sc-row").evaluate_all("all => all.flatMap((row, k) => row.hasAttribute('aria-current') ? [k] : [])")
    return found


def shown(viewer: Viewer, row: int, dataset: str) -> None:
    expect(viewer.at(".sc-row").nth(row)).to_have_attribute("aria-current", "true")
    expect(viewer.at(".sc-facts-line").first).to_contain_text(f"· {dataset} ·")
    assert rows(viewer) == [row]


def test_brackets_walk_row_by_row(twice: Viewer) -> None:
    twice.open()
    shown(twice, 0, "demo")
    twice.press("]")
    expect(twice.at(".sc-row").nth(1)).to_have_attribute("aria-current", "true")
    twice.press("]")
    shown(twice, 2, SECOND)
    twice.press("]")
    expect(twice.at(".sc-question")).to_have_text("Where is the second flag?")
    twice.press("[")
    shown(twice, 2, SECOND)
    twice.press("[", "[")
    shown(twice, 0, "demo")


def test_the_address_says_in_which_data_set(twice: Viewer) -> None:
    twice.open()
    twice.at(".sc-row").nth(2).click()
    shown(twice, 2, SECOND)
    assert twice.query() == {"trace": identity("search"), "in": SECOND}
    link = twice.page.url
    twice.at(".sc-row").nth(0).click()
    shown(twice, 0, "demo")
    twice.page.go_back()
    shown(twice, 2, SECOND)
    twice.page.goto("about:blank")
    twice.page.goto(link)
    shown(twice, 2, SECOND)
    assert f"/api/traces/{identity('search')}?dataset={quote(SECOND).replace('%20', '+')}" in twice.server.content.asked
    assert twice.at(".sc-row").nth(0).get_attribute("href") != twice.at(".sc-row").nth(2).get_attribute("href")


def test_a_link_without_a_data_set_marks_the_one_that_came(twice: Viewer) -> None:
    twice.server.content.items.reverse()
    twice.open("search")
    shown(twice, 3, "demo")
    assert twice.query() == {"trace": identity("search")}
