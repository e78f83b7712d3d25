"""The list of traces: search, filters, order, pages, and words for when there is nothing, or when the server fails."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.fixture_server import Content
from tests.e2e.fixture_traces import identity
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser


def asked_for_lists(viewer: Viewer) -> list[str]:
    return [path for path in viewer.server.content.asked if path.startswith("/api/traces?")]


def test_many_traces_are_counted_and_paged(viewer: Viewer) -> None:
    viewer.open()
    expect(viewer.at(".sc-count")).to_have_text("12,480 traces")
    expect(viewer.at(".sc-row")).to_have_count(50)
    expect(viewer.at(".sc-paging")).to_contain_text("of 250")
    viewer.page.get_by_role("button", name="Next page").click()
    expect(viewer.at(".sc-page[data-key=page]")).to_have_value("2")
    assert viewer.query()["list_page"] == "2"
    assert "page" not in viewer.query(), "Gradio reads that name itself"
    viewer.at(".sc-page[data-key=page]").fill("999")
    viewer.press("Enter")
    expect(viewer.at(".sc-page[data-key=page]")).to_have_value("250")
    expect(viewer.at(".sc-row")).to_have_count(30)
    expect(viewer.page.get_by_role("button", name="Next page")).to_be_disabled()


def test_search_waits_for_the_typing_to_end_and_stands_in_the_address(viewer: Viewer) -> None:
    viewer.open()
    viewer.page.wait_for_load_state("networkidle")
    before = len(asked_for_lists(viewer))
    viewer.at(".sc-search").press_sequentially("left eye", delay=15)
    expect(viewer.at(".sc-row-question").first).to_have_text("Point at the cat's left eye.")
    assert len(asked_for_lists(viewer)) - before <= 2
    assert viewer.query()["q"] == "left eye"


def test_filters_narrow_the_list_and_can_be_cleared(viewer: Viewer) -> None:
    viewer.open()
    viewer.page.get_by_role("button", name="wrong").first.click()
    expect(viewer.at(".sc-count")).not_to_have_text("12,480 traces")
    expect(viewer.at(".sc-row-meta.is-right")).to_have_count(0)
    viewer.page.get_by_role("button", name="More").click()
    viewer.at("[data-key='dataset=screens']").click()
    viewer.at("[data-key='stop=max_turns']").click()
    viewer.at("[data-key=min_looks]").fill("1")
    viewer.press("Enter")
    expect(viewer.at(".sc-filters-open")).to_contain_text("More · 3")
    assert viewer.query().items() >= {"correct": "wrong", "dataset": "screens", "stop": "max_turns", "min_looks": "1"}.items()
    viewer.at("[data-key=clear]").click()
    expect(viewer.at(".sc-count")).to_have_text("12,480 traces")
    assert set(viewer.query()) == {"trace", "in"}


def test_several_values_of_one_filter_join(viewer: Viewer) -> None:
    viewer.open(query="dataset=needle&dataset=screens")
    expect(viewer.at(".sc-count")).to_have_text("8,313 traces")
    viewer.page.get_by_role("button", name="More").click()
    expect(viewer.at("[data-key='dataset=needle']")).to_have_attribute("aria-pressed", "true")
    viewer.at("[data-key='dataset=needle']").click()
    expect(viewer.at(".sc-count")).to_have_text("4,156 traces")


def test_a_filter_keeps_the_focus_after_its_click(viewer: Viewer) -> None:
    viewer.open()
    chip = viewer.at("[data-key='correct=wrong']")
    chip.focus()
    viewer.press("Enter")
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(chip).to_be_focused()


def test_the_address_brings_filters_order_and_page_back(viewer: Viewer) -> None:
    viewer.open(query="correct=right&sort=looks&list_page=3")
    expect(viewer.at("[data-key='correct=right']")).to_have_attribute("aria-pressed", "true")
    expect(viewer.at("select[aria-label=Order]")).to_have_value("looks")
    expect(viewer.at(".sc-page[data-key=page]")).to_have_value("3")
    assert "sort=looks&page=3" in asked_for_lists(viewer)[-1], "the server knows the page by its own name"


def test_a_page_beyond_the_last_shows_the_last(viewer: Viewer) -> None:
    viewer.open(query="q=left&list_page=900")
    expect(viewer.at(".sc-page[data-key=page]")).to_have_value("84")
    assert viewer.at(".sc-row").count() > 0
    viewer.page.wait_for_url("**list_page=84**")


def test_values_that_nothing_knows_are_not_sent(viewer: Viewer) -> None:
    viewer.open(query="correct=bogus&faults=perhaps&sort=colour&min_looks=few&max_looks=-1&list_page=2nd&step=abc")
    expect(viewer.at(".sc-count")).to_have_text("12,480 traces")
    viewer.at(".sc-app:not(.is-empty)").wait_for()
    assert asked_for_lists(viewer)[-1] == "/api/traces?page_size=50"
    assert viewer.current() == 0
    assert set(viewer.query()) == {"trace", "in"}


def test_an_error_in_the_frameworks_own_words_is_said(viewer: Viewer) -> None:
    viewer.open("search")
    finding = {"detail": [{"loc": ["query", "min_looks"], "msg": "Input should be a valid integer"}]}
    viewer.page.route("**/api/traces?*", lambda route: route.fulfill(status=422, json=finding))
    viewer.at("[data-key='correct=wrong']").click()
    expect(viewer.at(".sc-rows")).to_contain_text("The server refused the request (422): min_looks: Input should be a valid integer")
    viewer.page.route("**/api/traces?*", lambda route: route.fulfill(status=405, json={"detail": "Method Not Allowed"}))
    viewer.page.get_by_role("button", name="Try again").click()
    expect(viewer.at(".sc-rows")).to_contain_text("(405): Method Not Allowed")
    viewer.page.unroute("**/api/traces?*")
    viewer.page.get_by_role("button", name="Try again").click()
    expect(viewer.at(".sc-count")).to_have_text(re.compile("trace"))


def test_brackets_go_through_the_list_across_pages(viewer: Viewer) -> None:
    viewer.open(query="list_page=2")
    viewer.at(".sc-row").last.click()
    last = json.loads(viewer.at(".sc-row").last.get_attribute("data-key") or "[]")[0]
    expect(viewer.at(f".sc-main[data-trace='{last}']")).to_be_visible()
    viewer.press("]")
    expect(viewer.at(".sc-page[data-key=page]")).to_have_value("3")
    expect(viewer.at(".sc-row").first).to_have_attribute("aria-current", "true")
    viewer.press("[")
    expect(viewer.at(f".sc-main[data-trace='{last}']")).to_be_visible()
    expect(viewer.at(".sc-row").last).to_have_attribute("aria-current", "true")


def test_the_ends_of_the_list_are_said(viewer: Viewer) -> None:
    viewer.open("search")
    expect(viewer.at(".sc-row[aria-current]")).to_have_count(1)
    viewer.press("[")
    expect(viewer.at(".sc-toast")).to_have_text("This is the first trace of the list.")


def test_the_list_is_one_stop_for_tab_and_arrows_move_in_it(viewer: Viewer) -> None:
    viewer.open("search")
    expect(viewer.at(".sc-row[tabindex='0']")).to_have_count(1)
    viewer.at(".sc-row[tabindex='0']").focus()
    viewer.press("ArrowDown", "ArrowDown")
    expect(viewer.at(".sc-row").nth(2)).to_be_focused()
    assert viewer.current() == 0
    viewer.press("Enter")
    expect(viewer.at(".sc-question")).to_have_text("Point at the cat's left eye.")


def test_rows_are_links_that_open_elsewhere_too(viewer: Viewer) -> None:
    viewer.open("search", "correct=right")
    href = viewer.at(".sc-row").nth(1).get_attribute("href")
    assert href == f"{viewer.server.url}/?correct=right&trace={identity('grounding')}&in=demo"


def test_an_empty_store_says_so(viewer: Viewer) -> None:
    viewer.server.content = Content()
    viewer.page.goto(viewer.server.url)
    expect(viewer.at(".sc-rows")).to_contain_text("No traces yet")
    expect(viewer.at(".sc-problem")).to_contain_text("Nothing to look at")
    expect(viewer.page.get_by_role("button", name="Save")).to_be_hidden()


def test_filters_that_nothing_fits_offer_to_be_cleared(viewer: Viewer) -> None:
    viewer.open("search", "q=nothing+of+the+sort")
    expect(viewer.at(".sc-rows")).to_contain_text("No trace fits")
    viewer.page.get_by_role("button", name="Clear search and filters").click()
    expect(viewer.at(".sc-count")).to_have_text("12,480 traces")
    expect(viewer.at(".sc-search")).to_have_value("")


def test_an_error_shows_the_servers_sentence_and_a_way_on(viewer: Viewer) -> None:
    viewer.server.content.failing = True
    viewer.page.goto(viewer.server.url)
    expect(viewer.at(".sc-nothing")).to_contain_text("The database is being restored. Try again in a minute.")
    viewer.server.content.failing = False
    viewer.at(".sc-nothing").get_by_role("button", name="Try again").click()
    expect(viewer.at(".sc-question")).to_have_text("What lies to the right of the cup?")


def test_a_trace_that_is_not_there_is_said_and_the_list_still_works(viewer: Viewer) -> None:
    viewer.page.goto(f"{viewer.server.url}/?trace={'0' * 64}")
    expect(viewer.at(".sc-problem")).to_contain_text("There is no trace 000000000000. It may have been deleted.")
    expect(viewer.at(".sc-problem").get_by_role("button", name="Try again")).to_be_visible()
    viewer.at(".sc-row").nth(2).click()
    expect(viewer.at(".sc-question")).to_have_text("Point at the cat's left eye.")
    expect(viewer.at(".sc-problem")).to_be_hidden()


def test_a_server_that_is_gone_is_said_in_words(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.page.route("**/api/**", lambda route: route.abort())
    viewer.page.get_by_role("button", name="Next page").click()
    expect(viewer.at(".sc-nothing")).to_contain_text("The server does not answer.")
    viewer.page.unroute("**/api/**")
    viewer.at(".sc-nothing").get_by_role("button", name="Try again").click()
    expect(viewer.at(".sc-row")).to_have_count(50)


def test_a_slow_answer_never_replaces_a_later_wish(viewer: Viewer) -> None:
    viewer.open("search")
    held: list[Route] = []
    viewer.page.route(re.compile(identity("outside")), lambda route: held.append(route))
    viewer.at(".sc-row").nth(3).click()
    expect(viewer.at(".sc-app")).to_have_class(re.compile("is-busy"))
    viewer.at(".sc-row").nth(4).click()
    expect(viewer.at(".sc-question")).to_have_text("How many times is one place named?")
    held[0].continue_()
    viewer.page.wait_for_load_state("networkidle")
    expect(viewer.at(".sc-question")).to_have_text("How many times is one place named?")
    assert viewer.query()["trace"] == identity("coinciding")


def test_the_next_trace_is_fetched_ahead(viewer: Viewer) -> None:
    viewer.open("grounding")
    viewer.page.wait_for_function("performance.getEntriesByType('resource').some(one => one.name.endsWith('/pictures/astronaut'))")
    viewer.page.wait_for_load_state("networkidle")
    before = len([path for path in viewer.server.content.asked if identity("outside") in path])
    viewer.press("]")
    expect(viewer.at(".sc-question")).to_have_text("Where is the second flag?")
    after = [path for path in viewer.server.content.asked if path.endswith(f"{identity('outside')}?dataset=demo")]
    assert before == len(after) == 1
