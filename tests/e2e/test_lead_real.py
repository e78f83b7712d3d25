"""The lead's two pages over the real application: a study is made, people rate it, and the figures change on the screen."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from annotations.studies.settings import StudySettings
from tests.e2e.curate_world import CurateWorld, make_trace, rate, running
from tests.e2e.fixture_traces import HOSTILE
from tests.e2e.lead_server import PAGE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CurateWorld]:
    """A server with twelve traces and nobody who has rated."""
    with running(tmp_path_factory.mktemp("lead")) as opened:
        opened.services.store.add_traces([make_trace(opened.services.pictures, number) for number in range(12)], dataset="photographs")
        yield opened


def opened(page: Page, world: CurateWorld, name: str) -> None:
    address = f"{world.url}/{name}"
    page.route(address, lambda route: route.fulfill(body=PAGE.format(page=name), content_type="text/html"))
    page.goto(address)


def test_a_study_goes_from_its_form_to_its_figures(page: Page, world: CurateWorld) -> None:
    opened(page, world, "studies")
    page.get_by_role("button", name="New study").first.click()
    page.get_by_label("Name", exact=True).fill("Photographs")
    page.get_by_role("group", name="Policies").get_by_role("button", name="grounded-7b").click()
    expect(page.locator(".st-found-head")).to_contain_text("of 6 traces × 3 people")
    # The worked example's picture stands there until a step of the selection has come.
    expect(page.locator(".st-specimen img")).to_have_js_property("naturalWidth", 480)
    page.get_by_role("button", name="Create the study").click()
    expect(page.get_by_role("heading", name="Photographs")).to_be_visible()
    study = world.services.studies.by_name("Photographs")
    assert study.settings.selection.policies == ("grounded-7b",)
    expect(page.locator(".pg-tile-figure").nth(1)).to_have_text(f"0 of {study.items}")

    page.get_by_role("tab", name="Steps").click()
    page.locator(".st-step").first.get_by_role("button", name="Leave out").click()
    expect(page.locator(".st-step").first).to_contain_text("left out by hand")
    page.locator(".st-step").first.get_by_role("button", name="Take back").click()
    expect(page.locator(".st-step").first.get_by_role("button", name="Leave out")).to_be_visible()

    page.get_by_role("tab", name="Settings").click()
    page.get_by_label("People a step").fill("2")
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.locator(".sc-toast")).to_contain_text("Saved as version 2")
    assert world.services.studies.study(study.id).settings.ratings_per_item == 2

    opened(page, world, "results")
    expect(page.locator(".rs-empty")).to_contain_text("Nobody has rated yet")
    rate(world.services, world.services.studies.study(study.id), 2, seed=3)
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator(".rs-state")).to_contain_text(f"{2 * study.items} ratings")
    expect(page.locator("[data-figure=accuracy]")).to_contain_text("2 raters")
    page.locator("[data-chart=accuracy]").scroll_into_view_if_needed()
    page.locator("[data-chart=accuracy] .point").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="Every rating as CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert len(rows) == 2 * study.items and download.value.suggested_filename == "Photographs-ratings.csv"


def test_what_people_wrote_is_shown_as_they_wrote_it(page: Page, world: CurateWorld) -> None:
    payload = HOSTILE[1]
    study = world.services.studies.create(f"Study {payload}", StudySettings(replacement=f"[{payload}]"))
    page.add_init_script(f"sessionStorage.setItem('saccade-study', {json.dumps(str(study.id))})")
    opened(page, world, "results")
    expect(page.locator(".rs-select option:checked")).to_have_text(f"Study {payload}")
    opened(page, world, "studies")
    expect(page.locator(".st-row[aria-current] .st-row-name")).to_have_text(f"Study {payload}")
    page.get_by_role("tab", name="Steps").click()
    expect(page.locator(".st-circle-words").first).to_have_text(f"[{payload}]")
    assert page.evaluate("window.hit") is None
