"""The page of preferred traces in a real browser, over the real application: the form, the text, and what they take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error, expect

from annotations.curation.rules import parse_rule
from core.manifest import manifest_path
from core.records import read_records
from tests.e2e.axe import violations
from tests.e2e.curate_world import PAGE, CurateWorld, make_trace, rate, running
from tests.e2e.fixture_traces import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

pytestmark = pytest.mark.browser


@dataclass
class Curate:
    """The page over a running server."""

    page: Page
    world: CurateWorld

    def open(self) -> Curate:
        address = f"{self.world.url}/curate"
        self.page.route(address, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        self.page.goto(address)
        return self

    def at(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def condition(self, name: str) -> Locator:
        return self.at(f"[data-condition={name}]")

    @property
    def rule(self) -> Locator:
        return self.page.get_by_label("Rule", exact=True).and_(self.at("textarea"))

    def records(self) -> Locator:
        return self.at(".cu-figure strong")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CurateWorld]:
    """A server with a study that three people have rated, and one that nobody has."""
    with running(tmp_path_factory.mktemp("curate")) as opened:
        study = opened.study("Pilot", 18)
        opened.services.studies.create("Nobody rated this", study.settings)
        # By this seed, people moved two points that were zoomed in on, and some that were not.
        rate(opened.services, study, 3, seed=6)
        yield opened


@pytest.fixture
def curate(world: CurateWorld, page: Page) -> Curate:
    opened = Curate(page, world).open()
    expect(opened.records()).to_be_visible()
    return opened


def test_the_form_and_the_text_are_one_rule(curate: Curate) -> None:
    expect(curate.rule).to_have_value("accurate>=0.8, helpful>=3.5, right, raters>=2, faults<=0")
    first = int(curate.records().inner_text())
    curate.condition("answer").get_by_role("checkbox").uncheck()
    curate.condition("helpful").get_by_role("checkbox").uncheck()
    expect(curate.rule).to_have_value("accurate>=0.8, raters>=2, faults<=0")
    curate.condition("accurate").get_by_role("spinbutton").fill("0.5")
    expect(curate.rule).to_have_value("accurate>=0.5, raters>=2, faults<=0")
    expect(curate.at(".cu-level code").first).to_have_text("accurate>=0.5")
    assert int(curate.records().inner_text()) > first
    curate.condition("domain").get_by_role("button", name="Visual search").click()
    expect(curate.rule).to_have_value("accurate>=0.5, raters>=2, faults<=0, domain=visual_search")
    curate.rule.fill('helpful>=2.5, looks>=1, policy="grounded-3b"')
    expect(curate.condition("helpful").get_by_role("spinbutton")).to_have_value("2.5")
    expect(curate.condition("looks").get_by_role("checkbox")).to_be_checked()
    expect(curate.condition("accurate").get_by_role("checkbox")).not_to_be_checked()
    expect(curate.condition("policy").get_by_role("button", pressed=True)).to_have_text("grounded-3b9")
    curate.condition("looks").get_by_role("slider").press("ArrowRight")
    expect(curate.rule).to_have_value("helpful>=2.5, looks>=2, policy=grounded-3b")
    expect(curate.records()).to_have_text("0")
    expect(curate.page.get_by_text("None passes this rule: turn a condition off, or lower it.")).to_be_visible()


def test_the_text_that_the_page_writes_is_the_programs_own(curate: Curate) -> None:
    values = [
        {"accurate": 0.123456789, "helpful": 3, "answer": "wrong", "raters": 12, "faults": 0},
        {
            "agreement": 1,
            "steps_rated": 0.000001,
            "looks": 1,
            "domain": ["spatial"],
            "policy": ['say "x"', "a|b", "plain", "ü", "a b", "back\\slash"],
        },
        {"dataset": ["a,b"], "policy": []},
        {},
    ]
    for one in values:
        text = curate.page.evaluate("values => import('/ui/curate/rule.js').then(m => m.ruleText(values))", one)
        rule = parse_rule(text)
        assert {
            name: list(value) if isinstance(value, tuple) else value
            for name in rule.conditions
            if (value := getattr(rule, name)) is not None
        } == {name: sorted(value) if isinstance(value, list) else value for name, value in one.items() if value != []}


def test_a_rule_that_cannot_be_read_is_told_and_the_last_answer_stays(curate: Curate) -> None:
    before = curate.records().inner_text()
    curate.rule.fill("acurate>=0.8")
    expect(curate.page.get_by_role("alert")).to_contain_text("A rule knows no 'acurate' (did you mean accurate?)")
    expect(curate.records()).to_have_text(before)
    expect(curate.page.get_by_text("Below stands what the last rule that could be read takes.")).to_be_visible()
    assert violations(curate.page) == []
    curate.rule.fill("any")
    expect(curate.page.get_by_role("alert")).to_be_hidden()
    expect(curate.rule).not_to_have_attribute("aria-invalid", "true")
    expect(curate.page.get_by_text("Below stands")).to_be_hidden()


def test_corrections_and_the_split(curate: Curate) -> None:
    curate.rule.fill("any")
    expect(curate.page.get_by_text("left out: people moved a point that the model zoomed in on")).to_be_visible()
    expect(curate.at(".cu-example .pg-tag.is-warn").first).to_have_text("left out")
    expect(curate.at(".cu-example .pg-tag.is-on").first).to_contain_text("moved")
    curate.page.get_by_label("The model’s points").check()
    expect(curate.records()).to_have_text("18")
    expect(curate.at(".cu-example .pg-tag.is-warn")).to_have_count(0)
    curate.page.get_by_label("Train", exact=True).fill("0")
    expect(curate.page.get_by_role("alert")).to_contain_text("make 1 together, not 0,0.05,0.05")
    curate.page.get_by_label("Test", exact=True).fill("0.95")
    rows = curate.at(".cu-splits tbody tr")
    expect(rows.nth(0).locator("td").first).to_have_text("0")
    counts = [int(row.locator("td").first.inner_text()) for row in rows.all()]
    assert sum(counts) == 18 and counts[2] > 9
    expect(curate.at(".cu-command")).to_contain_text("--corrections leave --split 0,0.05,0.95")


def test_an_example_leads_to_its_trace(curate: Curate) -> None:
    link = curate.at(".cu-example a").first
    href = link.get_attribute("href")
    assert href and href.startswith(f"{curate.world.url}/?trace=")
    assert curate.world.services.store.trace(href.rpartition("=")[2]).trace.sample.question == link.inner_text()
    expect(curate.at(".cu-example img").first).to_have_js_property("complete", True)
    assert curate.at(".cu-example img").first.evaluate("one => one.naturalWidth") > 0


def test_the_files_are_downloaded_and_the_command_is_copied(curate: Curate, tmp_path: Path) -> None:
    curate.rule.fill("raters>=3")
    expect(curate.at(".cu-command")).to_contain_text("--preferred 'raters>=3'")
    for label in ("Records (JSONL)", "Manifest (JSON)"):
        with curate.page.expect_download() as waiting:
            curate.page.get_by_role("link", name=label).click()
        waiting.value.save_as(tmp_path / waiting.value.suggested_filename)
    path = tmp_path / "records.jsonl"
    assert len(list(read_records(path))) == int(curate.records().inner_text())
    assert json.loads(manifest_path(path).read_text())["rule"] == "raters>=3"
    curate.page.get_by_role("button", name="Copy the command").click()
    expect(curate.page.get_by_text("Copied.")).to_be_visible()
    assert curate.page.evaluate("navigator.clipboard.readText()") == curate.at(".cu-command").inner_text()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (900, "light"), (390, "dark")])
def test_nobody_is_kept_from_using_it(curate: Curate, width: int, scheme: str) -> None:
    curate.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    curate.page.set_viewport_size({"width": width, "height": 900})
    curate.rule.fill("any")
    expect(curate.page.get_by_text("left out: people moved")).to_be_visible()
    assert violations(curate.page) == []
    assert curate.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_stands_there_stays_until_the_answer_has_come(curate: Curate) -> None:
    before = curate.records().inner_text()
    held: list[Route] = []
    curate.page.route("**/preview", lambda route: held.append(route))
    curate.condition("helpful").get_by_role("checkbox").uncheck()
    expect(curate.rule).to_have_value("accurate>=0.8, right, raters>=2, faults<=0")
    curate.page.wait_for_function("() => document.querySelector('#saccade-curate').shadowRoot.querySelector('.cu-found.is-busy')")
    expect(curate.records()).to_have_text(before)
    held[-1].continue_()
    expect(curate.at(".cu-level code")).to_have_text(["accurate>=0.8", "right", "raters>=2", "faults<=0"])
    expect(curate.at(".cu-found")).not_to_have_class("cu-found is-busy")
    curate.page.unroute("**/preview")


def test_an_empty_place_is_told_in_words_and_fills_with_ratings(tmp_path: Path, page: Page) -> None:
    with running(tmp_path / "data") as world:
        curate = Curate(page, world).open()
        expect(page.get_by_role("heading", name="Nothing is rated yet")).to_be_visible()
        assert violations(page) == []
        traces = [make_trace(world.services.pictures, 2 * number, question=text, policy=text) for number, text in enumerate(HOSTILE[:6])]
        world.services.store.add_traces(traces, dataset=HOSTILE[0])
        study = world.services.studies.create(HOSTILE[1], world.study("Other", 2).settings)
        rate(world.services, study, 1)
        page.reload()
        expect(curate.records()).to_be_visible()
        curate.rule.fill("any")
        expect(curate.at(".cu-example")).to_have_count(8)
        assert page.evaluate("window.hit") is None
        expect(page.get_by_role("option")).to_have_text([f"{HOSTILE[1]} (19 ratings)"])
        curate.condition("policy").get_by_role("button", name=HOSTILE[3]).click()
        expect(curate.records()).to_have_text("1")
        expect(curate.at(".cu-origin").first).to_contain_text(HOSTILE[3])


def test_a_late_answer_does_not_put_back_what_was_moved_since(curate: Curate) -> None:
    held: list[Route] = []
    curate.page.route("**/preview", lambda route: held.append(route))
    curate.condition("answer").get_by_role("checkbox").uncheck()
    curate.page.wait_for_timeout(300)
    (late,) = held
    answer = late.fetch()
    curate.page.unroute("**/preview")
    # The late answer comes right behind the next move, long before that move is sent.
    curate.condition("helpful").get_by_role("checkbox").evaluate("one => one.click()")
    with suppress(Error):
        late.fulfill(response=answer)
    expect(curate.at(".cu-level code")).to_have_text(["accurate>=0.8", "raters>=2", "faults<=0"])
    expect(curate.rule).to_have_value("accurate>=0.8, raters>=2, faults<=0")
