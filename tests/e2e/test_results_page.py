"""The page of results, alone on a small server: figures with their n, charts with their tables, kept up to date and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from app.figures import figures
from tests.app.rated import rated_steps, study_results
from tests.e2e.axe import violations
from tests.e2e.fixture_traces import Json
from tests.e2e.lead_server import Lead, LeadServer, pilot

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser


@cache
def document(traces: int = 24) -> Json:
    """What the server would answer for a study of so many traces; 0: nobody has rated."""
    found = study_results(rated_steps(traces))
    told = found.to_json()
    charts = [chart.to_json() for chart in figures(told, found.tables["ratings"])]
    return told | {"figures": charts, "plotly": "/plotly/plotly.min.js?v=1"}


@pytest.fixture(scope="module")
def _server() -> Iterator[LeadServer]:
    server = LeadServer()
    thread = server.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Results:
    """The page, and the server behind it."""

    page: Page
    server: LeadServer

    @property
    def lead(self) -> Lead:
        return self.server.lead

    def open(self) -> Results:
        self.page.goto(f"{self.server.url}/results")
        self.page.locator(".rs-report, .pg-empty").first.wait_for()
        return self

    def at(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def chart(self, name: str) -> Locator:
        """A chart that has been drawn."""
        chart = self.at(f"[data-chart={name}]")
        chart.scroll_into_view_if_needed()
        chart.locator(".main-svg").first.wait_for()
        return chart

    def asked(self) -> list[str]:
        return [line for line in self.lead.asked if "/api/results" in line]


@pytest.fixture
def results(_server: LeadServer, page: Page) -> Results:
    lead = pilot()
    lead.results = {1: document(), 2: document(0)}
    _server.lead = lead
    return Results(page, _server)


def test_the_headline_has_value_interval_n_the_papers_and_who_it_hangs_on(results: Results) -> None:
    results.open()
    expect(results.at(".rs-card h3")).to_have_text(
        ["Accuracy", "Helpfulness", "Helpfulness when accurate", "Helpfulness when not accurate"]
    )
    card, accuracy = results.at("[data-figure=accuracy]"), document()["headlines"][0]
    expect(card.locator(".rs-number")).to_have_text(f"{accuracy['value']:.1%}".replace("%", " %"))
    expect(card.locator(".rs-interval")).to_have_text(re.compile(r"\[\d\d\.\d, \d\d\.\d\]"))
    expect(card).to_contain_text(f"n = {accuracy['n']['ratings']} ratings of {accuracy['n']['steps']} steps in 24 traces, 5 raters")
    expect(card).to_contain_text("The paper: 72.8 % [66.8, 78.7], 20 people")
    left = document()["leave_one_out"][0]
    expect(card).to_contain_text(f"without {left['lowest']['rater']} to")
    expect(card).to_contain_text("Only 5 raters")


def test_intervals_over_raters_alone_can_be_had(results: Results) -> None:
    results.open()
    before = results.at("[data-figure=accuracy] .rs-interval").text_content()
    results.page.get_by_role("group", name="95 % intervals over").get_by_role("button", name="raters", exact=True).click()
    expect(results.at("[data-figure=accuracy] .rs-interval")).not_to_have_text(before or "")
    expect(results.page.get_by_role("button", name="raters", exact=True)).to_be_focused()


def test_what_became_of_every_rating_is_told(results: Results) -> None:
    results.open()
    counts = document()["counts"]
    told = results.at("[data-part=counts]")
    for number, word in (
        (counts["counting"], "count"),
        (counts["skipped"], "skipped"),
        (counts["surplus"], "surplus"),
        (counts["set_apart"], "set apart"),
    ):
        expect(told).to_contain_text(f"{number} {word}")
    expect(told).to_contain_text("of them “Unsure”")
    expect(told).to_contain_text("The sentence cannot be understood alone")


def test_every_chart_is_drawn_with_its_words_and_its_table(results: Results) -> None:
    results.open()
    names = [chart["id"] for chart in document()["figures"] if chart["plotly"] and not chart["id"].startswith("by_")] + ["by_step"]
    for name in names:
        chart = results.chart(name)
        title = next(one["title"] for one in document()["figures"] if one["id"] == name)
        assert (chart.locator(".rs-plot").get_attribute("aria-label") or "").startswith(f"{title}. ")
        chart.locator("summary").click()
        expect(chart.locator("tbody tr").first).to_be_visible()
        assert chart.locator(".rs-file").count() == 2
    box = results.at("[data-chart=accuracy] .main-svg").first.bounding_box()
    assert box and box["height"] > 100 and box["width"] > 300


def test_charts_by_value_are_behind_tabs(results: Results) -> None:
    results.open()
    results.page.get_by_role("tab", name="Domain").click()
    chart = results.chart("by_domain")
    chart.locator("summary").click()
    expect(chart.get_by_role("row", name="spatial")).to_contain_text("n = ")
    expect(results.at("[data-part=breakdowns]")).to_contain_text("demo")


def test_corrected_points_are_told_in_words(results: Results) -> None:
    results.open()
    told = results.at(".rs-points").first
    points = document()["points"][0]
    expect(told).to_contain_text(f"{points['n']['points']} points of {points['n']['steps']} steps")
    expect(told).to_contain_text(f"{points['from_model']['widths']['n']} steps")


def test_raters_are_sorted_by_any_column(results: Results) -> None:
    results.open()
    table = results.at(".rs-raters")
    table.get_by_role("button", name="Median time").click()
    expect(table.get_by_role("columnheader", name="Median time")).to_have_attribute("aria-sort", "descending")
    times = [float((text or "").split()[0]) for text in table.locator("tbody td:nth-child(9)").all_text_contents()]
    assert times == sorted(times, reverse=True) and len(times) == 5
    results.page.keyboard.press("Enter")
    expect(table.get_by_role("columnheader", name="Median time")).to_have_attribute("aria-sort", "ascending")
    assert [float((text or "").split()[0]) for text in table.locator("tbody td:nth-child(9)").all_text_contents()] == sorted(times)


def test_every_table_has_its_files(results: Results) -> None:
    results.open()
    links = results.at(".rs-tables .rs-file").evaluate_all("all => all.map(one => new URL(one.href).pathname)")
    assert links == [f"/api/results/1/tables/{table['name']}.{kind}" for table in document()["tables"] for kind in ("csv", "jsonl")]


@pytest.mark.own_profile
def test_nothing_is_loaded_twice_and_nothing_from_elsewhere(results: Results) -> None:
    results.page.clock.install()
    results.open()
    results.chart("accuracy")
    expect(results.at(".rs-state")).to_have_text(re.compile(r"as of \d\d:\d\d:\d\d, 216 ratings"))
    first = results.at("[data-figure=accuracy]").element_handle()
    for expected in (2, 3):
        with results.page.expect_response(lambda answer: "/api/results" in answer.url) as answered:
            results.page.clock.run_for(10_000)
        assert (answered.value.status, len(results.asked())) == (304, expected)
    # Three times asked, once answered with figures: the card is still the same element.
    assert first is not None and first.evaluate("node => node.isConnected")
    assert sum("/plotly/" in line for line in results.lead.asked) == 1


@pytest.mark.own_profile
def test_results_change_on_the_screen_as_ratings_come(results: Results) -> None:
    results.page.clock.install()
    results.open()
    results.at("[data-part=headline] .rs-notes summary").click()
    chart = results.chart("speed")
    chart.locator("summary").click()
    results.lead.results[1] = document(30)
    results.lead.etag = '"2"'
    results.page.clock.run_for(10_000)
    expect(results.at(".rs-state")).to_contain_text(f"{document(30)['counts']['ratings']} ratings")
    expect(results.at("[data-figure=accuracy]")).to_contain_text("in 30 traces")
    # What a person opened stays open.
    expect(chart.locator("tbody tr").first).to_be_visible()
    expect(results.at("[data-part=headline] .rs-notes p").first).to_be_visible()


@pytest.mark.own_profile
def test_an_old_figure_says_that_it_is_old(results: Results) -> None:
    results.page.clock.install()
    results.open()
    results.lead.failing = 500
    results.page.clock.run_for(10_000)
    expect(results.at(".rs-state")).to_contain_text("not reached since")
    expect(results.at("[data-figure=accuracy]")).to_be_visible()
    results.page.get_by_role("button", name="Refresh").click()
    expect(results.page.get_by_role("alert")).to_contain_text("The database is being restored")
    results.lead.failing = 0
    results.page.get_by_role("button", name="Try again").click()
    expect(results.at("[data-figure=accuracy]")).to_be_visible()


def test_a_study_that_nobody_rated_says_what_to_do(results: Results) -> None:
    results.open()
    results.page.get_by_role("combobox", name="Study").select_option("Second round")
    expect(results.at(".rs-empty")).to_contain_text("Nobody has rated yet")
    expect(results.at(".rs-card").first).to_contain_text("No figure yet")
    assert violations(results.page) == []
    results.server.lead = Lead()
    results.open()
    expect(results.at(".pg-empty")).to_contain_text("No study yet")
    assert violations(results.page) == []


def test_study_and_version_are_chosen_and_kept_for_the_other_page(results: Results) -> None:
    results.lead.studies[1]["version"] = 2
    results.lead.results[2] = document() | {"study": document()["study"] | {"id": 2, "newest": 2}}
    results.open()
    results.page.get_by_role("combobox", name="Study").select_option("Second round")
    with results.page.expect_response(lambda answer: answer.url.endswith("/api/results/2?version=2")):
        results.page.get_by_role("combobox", name="Guideline").select_option("only version 2")
    results.page.get_by_label("Seed").fill("7")
    results.page.keyboard.press("Enter")
    expect(results.at(".rs-tables .rs-file").first).to_have_attribute("href", re.compile(r"version=2&seed=7$"))
    results.page.goto(f"{results.server.url}/studies")
    expect(results.at(".st-row[aria-current]")).to_contain_text("Second round")


def test_names_are_shown_as_text(results: Results) -> None:
    results.open()
    expect(results.at(".rs-raters")).to_contain_text("Dolores <b>")
    results.chart("speed")
    expect(results.at("[data-chart=speed] .ytick").nth(3)).to_have_text("Dolores <b>")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 900), ("light", 390)])
def test_no_barrier_in_light_and_dark_wide_and_narrow(results: Results, theme: Any, width: int) -> None:
    results.page.emulate_media(color_scheme=theme)
    results.page.set_viewport_size({"width": width, "height": 900})
    results.open()
    chart = results.chart("accuracy")
    assert results.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if width == 1440:
        results.page.evaluate("document.getElementById('place').shadowRoot.querySelectorAll('details').forEach(one => one.open = true)")
        assert violations(results.page) == []
    ink = results.at(".rs-root, .sc-root").first.evaluate("node => getComputedStyle(node).color")
    assert chart.locator(".ytick text").first.evaluate("node => getComputedStyle(node).fill") == ink


def test_charts_take_the_colours_of_the_theme_as_it_changes(results: Results) -> None:
    results.page.emulate_media(color_scheme="light")
    results.open()
    point = results.chart("accuracy").locator(".point").first
    expect(point).to_have_css("fill", "rgb(0, 114, 178)")
    results.page.emulate_media(color_scheme="dark")
    expect(point).to_have_css("fill", "rgb(86, 180, 233)")
