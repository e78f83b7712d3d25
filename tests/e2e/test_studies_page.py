"""The lead's screen of studies, alone on a small server: made, looked at, revised, closed, by mouse and by keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from annotations.studies.settings import StudySettings
from tests.e2e.axe import violations
from tests.e2e.lead_server import Lead, LeadServer, pilot, study

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

LONG = "A study whose name is longer than any list is wide and has_no_place_to_break_for_a_good_while " * 3


@pytest.fixture(scope="module")
def _server() -> Iterator[LeadServer]:
    server = LeadServer()
    thread = server.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Studies:
    """The page, and the server behind it."""

    page: Page
    server: LeadServer

    @property
    def lead(self) -> Lead:
        return self.server.lead

    def open(self) -> Studies:
        self.page.goto(f"{self.server.url}/studies")
        self.page.locator(".st-app").wait_for()
        return self

    def at(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def new(self) -> Locator:
        self.page.get_by_role("button", name="New study").first.click()
        return self.page.get_by_role("form", name="New study")

    def module(self, file: str, expression: str) -> Any:
        """The value of an expression over a module of the page, `m`."""
        return self.page.evaluate(f"import('/ui/studies/{file}').then(m => ({expression}))")

    def fold(self, title: str) -> None:
        self.page.locator(".st-fold-title").get_by_text(title, exact=True).click()


@pytest.fixture
def studies(_server: LeadServer, page: Page) -> Studies:
    _server.lead = pilot()
    return Studies(page, _server)


def test_a_study_tells_how_far_it_is(studies: Studies) -> None:
    studies.open()
    expect(studies.at(".st-row")).to_have_count(2)
    expect(studies.at(".st-row[aria-current]")).to_contain_text("412 of 720 ratings")
    expect(studies.at(".pg-tile-figure")).to_have_text(["412 of 720", "103 of 240", "4"])
    expect(studies.page.get_by_role("row", name="Rater 2")).to_contain_text("11.5 s")
    studies.at(".st-row").filter(has_text="Second round").click()
    expect(studies.page.get_by_role("heading", name="Second round")).to_be_visible()
    expect(studies.at(".st-panel")).to_contain_text("Nobody has rated yet")


def test_the_link_for_raters_is_copied(studies: Studies) -> None:
    studies.open()
    studies.page.get_by_role("button", name="Copy the link for raters").click()
    expect(studies.at(".sc-toast")).to_contain_text("copied")
    assert studies.page.evaluate("navigator.clipboard.readText()") == f"{studies.server.url}/rate?study=1"
    expect(studies.page.get_by_role("textbox", name="Link for raters")).to_have_value(f"{studies.server.url}/rate?study=1")


def test_the_papers_task_is_made_with_a_name_alone(studies: Studies) -> None:
    form = studies.open().new()
    expect(form.get_by_label("Name", exact=True)).to_be_focused()
    expect(studies.at(".st-found-head")).to_have_text("Would ask 240 steps of 80 traces × 3 people = 720 ratings")
    expect(studies.at(".st-found")).to_contain_text("About 2 h 36 in all, about 52 min for each of 3 people, at an assumed 13 s a step.")
    studies.page.keyboard.type("Third round")
    studies.page.keyboard.press("Enter")
    expect(studies.page.get_by_role("heading", name="Third round")).to_be_visible()
    assert studies.lead.studies[-1]["settings"] == StudySettings().to_json()


def test_what_cannot_be_is_said_beside_its_field(studies: Studies) -> None:
    form = studies.open().new()
    form.get_by_role("button", name="Create the study").click()
    name = form.get_by_label("Name", exact=True)
    expect(name).to_be_focused()
    expect(studies.at("[data-path=name] .st-error")).to_have_text("Give the study a name.")
    assert name.get_attribute("aria-invalid") == "true"
    name.fill("Pilot of March")
    form.get_by_label("People a step").fill("0")
    expect(studies.at("[data-path=ratings_per_item] .st-error")).to_have_text("Each step is rated by 1 to 100 people.")
    form.get_by_role("button", name="Create the study").click()
    expect(form.get_by_label("People a step")).to_be_focused()
    form.get_by_label("People a step").fill("2")
    form.get_by_role("button", name="Create the study").click()
    expect(studies.at(".st-aside > .st-error")).to_contain_text("There is a study Pilot of March already")
    assert len(studies.lead.studies) == 2


def _choice(value: str, key: str, score: float) -> dict[str, Any]:
    return {"value": value, "label": value.upper(), "key": key, "score": score}


REFUSED: tuple[dict[str, Any], ...] = (
    {"ratings_per_item": 0},
    {"ratings_per_item": 101},
    {"lease_minutes": 0},
    {"replacement": "  "},
    {"circle": {"diameter": 0}},
    {"circle": {"diameter": 101, "unit": "percent of width"}},
    {"circle": {"color": "blue"}},
    {"selection": {"traces": -1}},
    {"questions": []},
    {"questions": [{"id": "Q", "text": "x", "measure": "other", "choices": [_choice("a", "a", 0), _choice("b", "b", 1)]}]},
    {"questions": [{"id": "q", "text": "x", "measure": "other", "choices": [_choice("a", "a", 0), _choice("b", "a", 1)]}]},
    {"questions": [{"id": "q", "text": "x", "measure": "accuracy", "choices": [_choice("a", "a", 0), _choice("b", "b", 2)]}]},
)


def test_the_page_finds_what_the_server_would_refuse(studies: Studies) -> None:
    model = StudySettings().to_json()
    tried = [
        {
            name: value | change[name] if isinstance(value, dict) and name in change else change.get(name, value)
            for name, value in model.items()
        }
        for change in REFUSED
    ]
    for settings in tried:
        with pytest.raises(ValueError):
            StudySettings.from_json(settings)
    studies.open()
    found = studies.module("check.js", f"{json.dumps([*tried, model])}.map((settings) => m.check(settings).size)")
    assert all(number >= 1 for number in found[:-1]) and found[-1] == 0


def test_a_selection_is_chosen_by_chips_and_counted_as_it_is_edited(studies: Studies) -> None:
    form = studies.open().new()
    form.get_by_label("Name", exact=True).fill("Spatial")
    form.get_by_role("group", name="Domains").get_by_role("button", name="Spatial").click()
    form.get_by_label("Traces", exact=True).fill("80")
    form.get_by_label("Fewest words").fill("99")
    expect(studies.at(".st-found-head")).to_contain_text("No step fits")
    form.get_by_label("Fewest words").fill("5")
    expect(studies.at(".st-found-head")).to_contain_text("Would ask 240 steps")
    form.get_by_role("button", name="Create the study").click()
    expect(studies.page.get_by_role("heading", name="Spatial")).to_be_visible()
    made = studies.lead.studies[-1]["settings"]["selection"]
    assert (made["domains"], made["traces"], made["min_words"], made["datasets"]) == (["spatial"], 80, 5, [])


def test_questions_are_added_changed_and_removed(studies: Studies) -> None:
    form = studies.open().new()
    form.get_by_label("Name", exact=True).fill("More questions")
    studies.fold("Questions")
    form.get_by_role("button", name="Add a question").click()
    studies.page.keyboard.type("The sentence is true.")
    keys = [studies.at(f"[aria-label='Question 3'] .st-key >> nth={k}").input_value() for k in range(5)]
    assert len(set(keys)) == 5 and not set(keys) & set("yn12345u")
    form.get_by_label("Key of answer 1 of question 3").fill("y")
    expect(studies.at("[data-path='questions.2.choices.0.key'] .st-error")).to_have_text("y is taken.")
    form.get_by_label("Key of answer 1 of question 3").fill(keys[0])
    form.get_by_role("button", name="Remove question 2", exact=True).click()
    expect(form.get_by_role("button", name="Add a question")).to_be_focused()
    form.get_by_role("button", name="Create the study").click()
    expect(studies.page.get_by_role("heading", name="More questions")).to_be_visible()
    assert [question["text"] for question in studies.lead.studies[-1]["settings"]["questions"]][1] == "The sentence is true."
    StudySettings.from_json(studies.lead.studies[-1]["settings"])


def test_the_circle_is_drawn_to_scale_while_it_is_set(studies: Studies) -> None:
    form = studies.open().new()
    ring = studies.at(".st-specimen circle").last
    expect(ring).to_have_attribute("r", "50")
    studies.fold("Circle")
    form.get_by_label("Diameter").fill("10")
    form.get_by_label("Measured in").select_option("percent of width")
    width = float((studies.at(".st-specimen .st-picture-over").get_attribute("viewBox") or "").split()[2])
    expect(ring).to_have_attribute("r", f"{width / 20:g}")
    form.get_by_label("Colour", exact=True).fill("#E69F00")
    expect(ring).to_have_attribute("stroke", "#E69F00")
    form.get_by_label("In place of (x, y)").fill("[here]")
    expect(studies.at(".st-specimen .st-circle-words")).to_have_text("[here]")


def test_a_click_on_the_picture_sets_the_point_of_an_example(studies: Studies) -> None:
    studies.open().new()
    studies.fold("Instructions")
    picture = studies.at(".st-example .st-picture").first
    picture.locator("circle").last.wait_for()
    box = picture.bounding_box()
    assert box is not None
    picture.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    assert 290 <= float(studies.page.get_by_label("From the left, px").first.input_value()) <= 310


def test_settings_go_out_and_come_in_as_json(studies: Studies, tmp_path: Path) -> None:
    form = studies.open().new()
    form.get_by_role("button", name="JSON…").click()
    dialog = studies.page.get_by_role("dialog", name="Settings as JSON")
    text = dialog.get_by_role("textbox", name="Settings as JSON")
    assert json.loads(text.input_value()) == StudySettings().to_json()
    with studies.page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    assert json.loads(download.value.path().read_text()) == StudySettings().to_json()
    text.fill('{"circel": 1}')
    dialog.get_by_role("button", name="Put into the form").click()
    expect(dialog.get_by_role("alert")).to_contain_text("circel is not known here")
    file = tmp_path / "other.json"
    file.write_text(json.dumps({"settings": {"ratings_per_item": 7, "circle": {"diameter": 60}}}))
    dialog.get_by_label("A file of settings").set_input_files(file)
    expect(text).to_have_value(file.read_text())
    dialog.get_by_role("button", name="Put into the form").click()
    expect(form.get_by_label("People a step")).to_have_value("7")
    expect(studies.at("summary").filter(has=studies.page.get_by_text("Circle", exact=True))).to_contain_text("60 pixels, #00BFFF")


def test_saving_makes_a_version_and_says_what_becomes_of_the_ratings(studies: Studies) -> None:
    studies.open().tab("Settings")
    save = studies.page.get_by_role("button", name="Save as version 2")
    expect(save).to_be_disabled()
    studies.page.get_by_label("People a step").fill("5")
    expect(studies.at(".st-changes")).to_contain_text("People a step: 5 instead of 3")
    expect(studies.at(".st-changes")).to_contain_text("stay with version 1 and go on counting")
    studies.fold("Questions")
    studies.page.get_by_role("button", name="Remove answer 3 of question 1").click()
    expect(studies.at(".st-changes")).to_contain_text("are set apart, because other answers are asked for now")
    save.click()
    expect(studies.at(".sc-toast")).to_contain_text("Saved as version 2")
    studies.tab("Versions")
    expect(studies.at(".st-version").first).to_contain_text("Version 2")
    expect(studies.at(".st-version").first).to_contain_text("Grace")
    expect(studies.at(".st-version").first).to_contain_text("People a step: 5 instead of 3")
    expect(studies.at(".st-version").first).to_contain_text("earlier ratings are set apart")


def test_what_is_typed_stays_while_the_lead_looks_elsewhere(studies: Studies) -> None:
    studies.open().tab("Settings")
    studies.page.get_by_label("People a step").fill("9")
    studies.lead.studies[0]["ratings"] = 600
    studies.tab("Progress")
    studies.at(".st-row").filter(has_text="Second round").click()
    studies.tab("Settings")
    expect(studies.page.get_by_label("People a step")).to_have_value("3")
    studies.at(".st-row").filter(has_text="Pilot of March").click()
    expect(studies.page.get_by_label("People a step")).to_have_value("9")
    studies.tab("Progress")
    expect(studies.at(".pg-tile-figure").first).to_have_text("600 of 720")


def test_nobody_saves_over_a_version_they_have_not_seen(studies: Studies) -> None:
    studies.open().tab("Settings")
    studies.page.get_by_label("People a step").fill("5")
    one = studies.lead.studies[0]
    one["versions"].append(one["versions"][0] | {"version": 2, "actor": "Grace"})
    one["version"] = 2
    studies.page.get_by_role("button", name="Save as version 2").click()
    expect(studies.at(".st-aside > .st-error")).to_contain_text("Version 2 was saved meanwhile by Grace")
    assert not any(line.startswith("PUT") for line in studies.lead.asked)


def test_steps_are_left_out_and_taken_back(studies: Studies) -> None:
    studies.open().tab("Steps")
    expect(studies.at(".st-step")).to_have_count(25)
    expect(studies.at(".st-step .st-circle-words").first).to_have_text("[shown with blue circle]")
    studies.at(".st-step >> nth=2").get_by_role("button").click()
    expect(studies.at(".st-step >> nth=2")).to_contain_text("left out by hand")
    expect(studies.at(".st-stack [role=status]")).to_contain_text("239 steps asked, 1 left out")
    studies.at(".st-step >> nth=2").get_by_role("button").click()
    expect(studies.at(".st-step >> nth=2")).not_to_contain_text("left out")
    assert studies.lead.left_out == {1: set()}
    studies.page.get_by_role("button", name="Next page").click()
    expect(studies.at(".st-step").first).to_contain_text("Step 25")


def test_a_study_is_closed_opened_and_repeated(studies: Studies) -> None:
    studies.open()
    for action, state in (("Close the study", "closed"), ("Open again", "open")):
        studies.page.get_by_role("button", name="More").click()
        studies.page.get_by_role("menuitem", name=action).click()
        expect(studies.at(".pg-head .pg-tag")).to_have_text(state)
    studies.page.get_by_role("button", name="More").click()
    studies.page.get_by_role("menuitem", name="Look at the traces again").click()
    expect(studies.at(".sc-toast")).to_contain_text("Nothing has changed: 240 steps asked.")
    studies.page.get_by_role("button", name="More").click()
    studies.page.get_by_role("menuitem", name="Repeat as a new study").click()
    expect(studies.page.get_by_label("Name", exact=True)).to_have_value("Pilot of March (again)")


def test_with_no_study_it_says_what_one_is(studies: Studies) -> None:
    studies.server.lead = Lead(empty=True)
    studies.open()
    expect(studies.at(".pg-empty")).to_contain_text("No study yet")
    expect(studies.at(".pg-empty")).to_contain_text("import some first")
    assert violations(studies.page) == []
    studies.new()
    expect(studies.page.get_by_role("group", name="Policies")).to_contain_text("None in the store yet")


@pytest.mark.parametrize(("status", "way"), [(500, "Try again"), (401, "Sign in")])
def test_a_server_that_refuses_is_told_in_its_words(studies: Studies, status: int, way: str) -> None:
    studies.lead.failing = status
    studies.open()
    expect(studies.page.get_by_role("alert")).to_contain_text("The studies could not be loaded")
    expect(studies.page.get_by_role("alert")).to_contain_text(way)
    if status == 500:
        studies.lead.failing = 0
        studies.page.get_by_role("button", name="Try again").click()
        expect(studies.at(".pg-tile").first).to_be_visible()


def test_tabs_go_by_arrows(studies: Studies) -> None:
    studies.open()
    studies.page.get_by_role("tab", name="Progress").focus()
    studies.page.keyboard.press("ArrowRight")
    expect(studies.page.get_by_role("tab", name="Steps")).to_be_focused()
    expect(studies.at(".st-steps")).to_be_visible()
    studies.page.keyboard.press("End")
    expect(studies.page.get_by_role("form", name="Settings")).to_be_visible()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 900), ("light", 390)])
def test_no_barrier_on_any_part(studies: Studies, theme: Any, width: int) -> None:
    studies.lead.studies.append(study(3, LONG))
    studies.page.emulate_media(color_scheme=theme)
    studies.page.set_viewport_size({"width": width, "height": 900})
    studies.open()
    studies.at(".st-row").last.click()
    expect(studies.at(".pg-title")).to_contain_text("A study whose name")
    for name, part in (("Progress", ".pg-tile"), ("Steps", ".st-step"), ("Versions", ".st-version"), ("Settings", ".st-fold")):
        studies.tab(name)
        studies.at(part).first.wait_for()
        if name == "Settings":
            studies.page.evaluate(
                "document.getElementById('place').shadowRoot.querySelectorAll('.st-fold').forEach(one => one.open = true)"
            )
        assert studies.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        if width == 1440 and (theme == "light" or name in ("Progress", "Settings")):
            assert violations(studies.page) == []
