"""Stepping through a trace: keys, clicks, hovering, playing, and the link that opens the same view."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.fixture_traces import identity
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser


def test_the_first_trace_opens_by_itself_with_its_whole_path(viewer: Viewer) -> None:
    viewer.open()
    expect(viewer.at(".sc-question")).to_have_text("What lies to the right of the cup?")
    expect(viewer.at(".sc-step")).to_have_count(3)
    expect(viewer.at(".sc-mark:has(.sc-target)")).to_have_count(3)
    expect(viewer.at(".sc-link")).to_have_count(2)
    assert viewer.current() == 0
    assert viewer.query()["trace"] == identity("search")


def test_arrow_keys_step_and_the_address_follows(viewer: Viewer) -> None:
    viewer.open("search")
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "Home", "ArrowLeft", "End"):
        viewer.press(key)
        seen.append((viewer.current(), viewer.query().get("step")))
    assert seen == [(1, "1"), (2, "2"), (3, "3"), (3, "3"), (2, "2"), (1, "1"), (1, "1"), (3, "3")]
    viewer.press("Escape")
    assert (viewer.current(), viewer.query().get("step")) == (0, None)
    viewer.press("ArrowLeft")
    assert viewer.current() == 3, "from the whole path the left arrow goes to the last step"


def test_a_step_shows_its_mark_its_window_and_its_look(viewer: Viewer) -> None:
    viewer.open("search", "step=2")
    expect(viewer.at(".sc-mark.is-current")).to_have_attribute("data-step", "1")
    expect(viewer.at(".sc-window.is-current")).to_be_visible()
    expect(viewer.at(".sc-window[data-step='0']")).to_be_hidden()
    expect(viewer.at(".sc-look.is-current")).to_have_attribute("data-step", "1")
    viewer.page.get_by_role("button", name="Windows").click()
    expect(viewer.at(".sc-window[data-step='0']")).to_be_visible()


def test_a_coordinate_and_its_mark_light_up_together(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.at(
        ".sc-coordinate",
    ).nth(1).hover()
    expect(viewer.mark(2)).to_have_class("sc-mark is-hot")
    viewer.mark(3).locator(".sc-target").hover()
    expect(viewer.at(".sc-coordinate.is-hot")).to_have_text("(560, 215)")
    expect(viewer.at(".sc-look.is-hot")).to_have_attribute("data-step", "2")


def test_clicks_on_coordinate_mark_look_and_card_pick_the_step(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.at(".sc-coordinate").nth(2).click()
    assert viewer.current() == 3
    viewer.mark(1).locator(".sc-target").click()
    assert viewer.current() == 1
    viewer.at(".sc-look-pick").nth(1).click()
    assert viewer.current() == 2
    viewer.at(".sc-step-text").nth(2).click(position={"x": 5, "y": 5})
    assert viewer.current() == 3


def test_what_is_said_to_a_screen_reader(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.press("ArrowRight")
    expect(viewer.at("[aria-live=polite]")).to_contain_text("Step 1 of 3. The cup stands in the middle")
    expect(viewer.at(".sc-step-pick").first).to_have_attribute("aria-current", "step")


def test_the_link_opens_the_same_view(viewer: Viewer, browser: Browser) -> None:
    viewer.open("search")
    viewer.press("ArrowRight", "ArrowRight")
    viewer.page.get_by_role("button", name="Share").click()
    expect(viewer.at(".sc-toast")).to_have_text("Link copied.")
    link = viewer.page.evaluate("navigator.clipboard.readText()")
    assert link == f"{viewer.server.url}/?trace={identity('search')}&step=2"
    other = browser.new_page()
    other.goto(link)
    expect(other.locator(".sc-step.is-current")).to_have_attribute("data-step", "1")
    other.close()


@pytest.mark.parametrize("step", ["0", "-3", "99", "x", ""])
def test_a_step_that_is_not_there_harms_nothing(viewer: Viewer, step: str) -> None:
    viewer.open("search", f"step={step}")
    assert viewer.current() == (3 if step == "99" else 0)


def test_back_and_forward_go_through_traces_not_steps(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.press("ArrowRight", "ArrowRight")
    viewer.at(".sc-row").nth(2).click()
    expect(viewer.at(".sc-question")).to_have_text("Point at the cat's left eye.")
    viewer.page.go_back()
    expect(viewer.at(".sc-question")).to_have_text("What lies to the right of the cup?")
    expect(viewer.at(".sc-step.is-current")).to_have_attribute("data-step", "1")
    viewer.page.go_forward()
    expect(viewer.at(".sc-question")).to_have_text("Point at the cat's left eye.")


def test_other_names_in_the_address_are_left_alone(viewer: Viewer) -> None:
    viewer.open("search", "__theme=light&tab=inspect")
    viewer.press("ArrowRight")
    assert viewer.query() == {"trace": identity("search"), "__theme": "light", "tab": "inspect", "step": "1"}


def test_stepping_zooming_and_playing_ask_the_server_nothing(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.page.wait_for_load_state("networkidle")
    before = len(viewer.server.content.asked)
    viewer.press("ArrowRight", "+", "+", "ArrowRight", "Shift+ArrowLeft", "0", "Home")
    viewer.at(".sc-look-pick").nth(1).click()
    viewer.at("select[aria-label='Speed of playing']").select_option("4")
    viewer.at(".sc-play").click()
    expect(viewer.at(".sc-step.is-current")).to_have_attribute("data-step", "2")
    assert viewer.server.content.asked[before:] == []


def test_every_switch_of_a_step_is_measured(viewer: Viewer) -> None:
    viewer.open("large")
    for number in range(1, 4):
        viewer.press("ArrowRight")
        viewer.page.wait_for_function(f"performance.getEntriesByName('saccade:step').length === {number}")
    last = viewer.page.evaluate("performance.getEntriesByName('saccade:step').at(-1).detail")
    assert last == {"trace": identity("large"), "step": 3}


def test_space_plays_to_the_end_and_pauses(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.at("select[aria-label='Speed of playing']").select_option("4")
    viewer.at(".sc-stage").first.focus()
    viewer.press("Space")
    expect(viewer.at(".sc-play")).to_have_attribute("aria-label", "Pause")
    expect(viewer.at(".sc-step.is-current")).to_have_attribute("data-step", "2")
    expect(viewer.at(".sc-play")).to_have_attribute("aria-label", "Play the path")
    viewer.press("Space", "Space")
    expect(viewer.at(".sc-play")).to_have_attribute("aria-label", "Play the path")
    assert viewer.current() == 1, "playing again began at the first step, and paused there"


def test_space_plays_after_a_click_but_belongs_to_a_control_reached_by_tab(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.at(".sc-step-pick").nth(1).click()
    viewer.press("Space")
    expect(viewer.at(".sc-play")).to_have_attribute("aria-label", "Pause")
    viewer.press("Escape")
    viewer.at("[data-layer=windows]").focus()
    viewer.press("Tab", "Shift+Tab", "Space")
    expect(viewer.at("[data-layer=windows]")).to_have_attribute("aria-pressed", "true")
    expect(viewer.at(".sc-play")).to_have_attribute("aria-label", "Play the path")


def test_with_less_motion_playing_jumps_without_a_moving_ring(viewer: Viewer) -> None:
    viewer.page.emulate_media(reduced_motion="reduce")
    viewer.open("search")
    viewer.press("Space")
    assert viewer.current() == 1
    assert viewer.page.evaluate("document.querySelector('#saccade-inspect').shadowRoot.getAnimations().length") == 0


def test_keys_rest_while_typing_while_hidden_and_behind_a_dialog(viewer: Viewer) -> None:
    viewer.open("search", "step=1")
    viewer.press("/")
    viewer.page.keyboard.type("] 0")
    viewer.press("ArrowLeft", "End", "Space")
    assert viewer.current() == 1
    expect(viewer.at(".sc-search")).to_have_value("] 0 ")
    viewer.at(".sc-stage").first.focus()
    viewer.press("?")
    expect(viewer.at(".sc-keys")).to_be_visible()
    viewer.press("ArrowRight")
    assert viewer.current() == 1
    viewer.press("Escape")
    expect(viewer.at(".sc-keys")).to_be_hidden()
    assert viewer.current() == 1, "Escape closed the sheet and nothing more"
    viewer.page.evaluate("document.querySelector('main').style.display = 'none'")
    viewer.press("ArrowRight")
    viewer.page.evaluate("document.querySelector('main').style.display = ''")
    assert viewer.current() == 1


def test_mounting_twice_gives_one_viewer(viewer: Viewer) -> None:
    viewer.open("search")
    assert viewer.module(
        "main.js", "m.mount(document.getElementById('saccade-inspect')) === m.mount(document.getElementById('saccade-inspect'))"
    )
    expect(viewer.at(".sc-app")).to_have_count(1)
