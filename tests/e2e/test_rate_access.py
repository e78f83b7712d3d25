"""For everyone: axe-core on every screen, sizes and names, focus, narrow and enlarged windows, light and dark, less motion."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import violations
from tests.e2e.rate_viewing import ROOT, Rate
from tests.e2e.rate_world import LONG, STEPS, steps_of, study

pytestmark = pytest.mark.browser

SHOWN = f"[...{ROOT}.querySelectorAll('button, a, input, select, textarea, summary')].filter(n => n.checkVisibility({{visibilityProperty: true}}))"
SMALL = f"""{SHOWN}.filter(n => n.type !== 'checkbox').map(n => [n, n.getBoundingClientRect()]).filter(([n, b]) => b.width < 23.5 || b.height < 23.5)
  .map(([n, b]) => `${{n.className}} ${{b.width}} x ${{b.height}}`)"""
OVERFLOW = "document.documentElement.scrollWidth <= innerWidth"


def _trial(rate: Rate) -> None:
    rate.open()
    rate.rate("y", "4")
    rate.press("x", "n", "m", "ArrowLeft", "c")
    rate.page.keyboard.type("left")
    rate.press("Escape")


def _own(rate: Rate) -> None:
    rate.world.studies[1] = study(1, "Demo", own_point_first=True)
    rate.open()


def _unsaved(rate: Rate) -> None:
    """A rating that is refused, another that cannot be sent, and a third step that is about to be skipped."""
    rate.world.refusing = "The study asks other questions now."
    rate.open()
    rate.rate("y", "4")
    rate.at(".rt-trouble:visible").wait_for()
    rate.world.refusing, rate.world.failing = "", "/api/rating/ratings"
    rate.rate("y", "4")
    expect(rate.status()).to_contain_text("not saved yet")
    rate.press("s")


def _password(rate: Rate) -> None:
    rate.world.passwords, rate.world.names = {"r07": "x"}, {"r01", "r02"}
    rate.open(signed_in=False)
    rate.at(".rt-form").wait_for()
    rate.page.keyboard.type("r07")
    rate.press("Enter")


def _guide(rate: Rate) -> None:
    rate.open(read=False)
    rate.at(".rt-example img").nth(1).wait_for()


def _studies(rate: Rate) -> None:
    rate.world.studies |= {2: study(2, "Boats"), 3: study(3, "Old", closed=True)}
    rate.world.items |= {2: steps_of(2), 3: steps_of(3)}
    rate.open()
    rate.press("g")
    rate.at(".rt-study-card").nth(2).wait_for()


def _done(rate: Rate) -> None:
    rate.world.items[1] = steps_of(1, STEPS[:1])
    rate.open()
    rate.press("y", "1")
    rate.at(".rt-done").wait_for()


def _mine(rate: Rate) -> None:
    rate.open()
    rate.rate("y", "1")
    rate.saved(1)
    rate.press("l")
    rate.at(".rt-mine-row img").wait_for()


def _keys(rate: Rate) -> None:
    rate.open()
    rate.press("?")


SCREENS: list[Callable[[Rate], None]] = [_trial, _own, _unsaved, _password, _guide, _studies, _done, _mine, _keys]


@pytest.mark.parametrize("screen", SCREENS, ids=lambda one: one.__name__.strip("_"))
def test_axe_finds_nothing_and_everything_fits(rate: Rate, screen: Callable[[Rate], None]) -> None:
    screen(rate)
    assert violations(rate.page) == []
    assert rate.page.evaluate(SMALL) == []
    rate.page.emulate_media(color_scheme="dark")
    for width, height in ((720, 450), (900, 900), (320, 640)):
        rate.page.set_viewport_size({"width": width, "height": height})
        assert rate.page.evaluate(OVERFLOW), f"no scrolling sideways at {width} px"
        assert rate.page.evaluate(SMALL) == []
    assert violations(rate.page) == []


def test_answers_are_groups_that_arrows_walk(rate: Rate) -> None:
    rate.open()
    group = rate.page.get_by_role("radiogroup", name="The circle helped me understand the sentence.")
    expect(group.get_by_role("radio")).to_have_count(5)
    group.get_by_role("radio", name="1, strongly disagree").focus()
    rate.press("ArrowRight", "ArrowRight")
    expect(group.get_by_role("radio", name="3")).to_be_focused()
    assert rate.chosen() == [], "walking gives no answer"
    rate.press(" ")
    expect(group.get_by_role("radio", name="3")).to_be_checked()


def test_by_tab_alone(rate: Rate) -> None:
    rate.open()
    rate.page.get_by_role("radio", name="Yes").focus()
    rate.press(" ", "Tab")
    expect(rate.page.get_by_role("radio", name="1, strongly disagree")).to_be_focused()
    before = rate.sentence()
    rate.press("Enter")
    expect(rate.at(".rt-sentence")).not_to_have_text(before)
    expect(rate.step()).to_be_focused()


def test_focus_is_seen(rate: Rate) -> None:
    rate.open()
    for _ in range(12):
        rate.press("Tab")
        outline = rate.page.evaluate(
            f"(() => {{ const s = getComputedStyle({ROOT}.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]; }})()"
        )
        assert outline == ["solid", 2]


def test_what_happens_is_said_aloud(rate: Rate) -> None:
    rate.open()
    live = rate.at("[aria-live=polite]")
    expect(live).to_have_text("Trace 1 of 3 · step 1 of 3. The cup in the middle holds dark coffee [shown with blue circle].")
    rate.world.failing = "/api/rating/ratings"
    rate.rate("y", "4")
    expect(live).to_have_text("1 rating not saved yet. The database is being restored. It is tried again; nothing is lost.")
    rate.world.failing = ""
    rate.press("t")
    expect(live).to_contain_text("Trace 1, step 1 saved")


def test_a_long_sentence_leaves_room_for_the_picture(rate: Rate) -> None:
    rate.world.items[1] = steps_of(1, [("coffee", 300, 190, LONG + " {}", None)])
    for width, height in ((1440, 900), (900, 900), (390, 844)):
        rate.page.set_viewport_size({"width": width, "height": height})
        rate.open()
        picture, words = rate.at(".rt-picture").bounding_box(), rate.at(".rt-words").bounding_box()
        assert picture and words
        assert picture["height"] > 200 and words["y"] >= picture["y"] + picture["height"]
        assert rate.page.evaluate(OVERFLOW)
        rate.at(".rt-words").focus()
        rate.press("End")
        rate.page.wait_for_function(f"() => {ROOT}.querySelector('.rt-words').scrollTop > 0")


def test_without_motion(rate: Rate) -> None:
    rate.page.emulate_media(reduced_motion="reduce")
    rate.open()
    assert rate.at(".rt-bar-fill").first.evaluate("one => getComputedStyle(one).transitionDuration") == "0s"


def test_the_page_around_keeps_its_styles_and_this_one_its_own(rate: Rate) -> None:
    rate.open()
    look = "n => JSON.stringify([getComputedStyle(n).color, getComputedStyle(n).fontSize, getComputedStyle(n).marginTop])"
    before = rate.at(".rt-sentence").evaluate(look)
    rate.page.add_style_tag(
        content="* { color: red; } p { font-size: 99px !important; margin: 50px !important; } button { padding: 40px !important; }"
    )
    assert rate.at(".rt-sentence").evaluate(look) == before
