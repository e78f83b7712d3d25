"""Rating by keys: two a step, no mouse; changing, taking back, skipping; and keys of one's own."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.rate_viewing import ROOT, Rate
from tests.e2e.rate_world import study

pytestmark = pytest.mark.browser


def test_six_steps_from_the_name_on_by_keys_alone(rate: Rate) -> None:
    rate.open(signed_in=False, read=False)
    rate.at(".rt-form input").wait_for()
    rate.page.keyboard.type("r07")
    rate.press("Enter")
    expect(rate.at(".rt-page h2")).to_have_text("How to rate")
    rate.press("Enter")
    rate.wait()
    expect(rate.step()).to_have_text("Trace 1 of 3 · step 1 of 3")
    for keys in ("y5", "n1", "u3", "y4", "4y", "y2"):
        rate.rate(*keys)
    expect(rate.step()).to_have_text("Trace 3 of 3 · step 2 of 3")
    rate.saved(6)
    given = rate.given()
    assert [(one["answers"]["accurate"], one["answers"]["helpful"]) for one in given] == [
        ("yes", "5"), ("no", "1"), ("unsure", "3"), ("yes", "4"), ("yes", "4"), ("yes", "2"),
    ]  # fmt: skip
    assert all(one["keys_only"] and one["kind"] == "rated" and one["seconds"] > 0 for one in given)
    assert len({row["token"] for row in rate.world.ratings}) == 6


def test_an_answer_is_changed_before_the_last_one(rate: Rate) -> None:
    rate.open()
    rate.press("n", "y")
    assert rate.chosen() == ["yes"]
    rate.rate("u", "3")
    rate.saved(1)
    assert rate.given()[0]["answers"] == {"accurate": "unsure", "helpful": "3"}


@pytest.mark.own_profile
def test_the_last_answer_is_seen_before_the_next_step_comes(rate: Rate) -> None:
    rate.open()
    rate.still()
    rate.press("y", "4")
    rate.page.clock.run_for(300)
    assert rate.chosen() == ["yes", "4"]
    rate.press("z")
    assert rate.chosen() == ["yes"], "undo within the moment takes that answer back"
    rate.press("4")
    rate.page.clock.run_for(200)
    rate.press("5")
    rate.page.clock.run_for(200)
    assert rate.chosen() == ["yes", "5"], "a change begins the moment anew"
    rate.press("c")
    rate.page.clock.run_for(1000)
    expect(rate.at(".rt-submit")).to_be_visible()
    assert rate.given() == [], "a comment that is begun in the moment holds the step"


def test_a_mouse_does_all_of_it_as_well(rate: Rate) -> None:
    rate.open()
    before = rate.sentence()
    rate.page.get_by_role("radio", name="No", exact=True).click()
    rate.page.get_by_role("radio", name="5, strongly agree").click()
    expect(rate.at(".rt-sentence")).not_to_have_text(before)
    rate.saved(1)
    assert rate.given()[0]["answers"] == {"accurate": "no", "helpful": "5"}
    assert rate.given()[0]["keys_only"] is False


def test_a_step_that_waits_for_enter(rate: Rate) -> None:
    rate.open()
    rate.press("?")
    rate.page.get_by_label("The next step opens by itself").uncheck()
    rate.press("Escape", "y", "Enter")
    expect(rate.at(".rt-hint")).to_have_text("Not answered yet: The circle helped me understand the sentence.")
    rate.press("4")
    expect(rate.at(".rt-submit")).to_be_visible()
    rate.rate("Enter")
    rate.saved(1)
    rate.page.reload()
    rate.wait()
    expect(rate.at(".rt-foot")).to_contain_text("Two keys a step, then ⏎.")
    assert rate.world.preferences["r07"]["rate"]["advance"] is False


def test_taking_back_again_and_again_and_after_a_reload(rate: Rate) -> None:
    rate.open()
    first = rate.sentence()
    rate.rate("y", "1")
    second = rate.sentence()
    rate.rate("n", "2")
    rate.saved(2)
    rate.press("z")
    expect(rate.at(".rt-words .rt-sentence")).to_have_text(second)
    assert rate.chosen() == ["no", "2"]
    rate.press("Control+z")
    expect(rate.at(".rt-words .rt-sentence")).to_have_text(first)
    expect(rate.status()).to_contain_text("taken back")
    assert [row["kind"] for row in rate.world.ratings] == ["rated", "rated", "withdrawn", "withdrawn"]
    rate.press("u")
    rate.rate("Enter")
    expect(rate.at(".rt-words .rt-sentence")).to_have_text(second)
    rate.rate("y", "5")
    rate.page.wait_for_function(f"() => {ROOT}.querySelector('.rt-saved').textContent.includes('saved')")
    rate.page.reload()
    rate.wait()
    rate.press("z")
    expect(rate.at(".rt-words .rt-sentence")).to_have_text(second)
    assert rate.chosen() == ["yes", "5"]
    newest = rate.world.newest("r07")
    assert [(row["revision"], row["kind"], row["judgement"]["answers"]["accurate"]) for row in newest.values()] == [
        (3, "rated", "unsure"),
        (4, "withdrawn", "yes"),
    ]


def test_nothing_to_take_back(rate: Rate) -> None:
    rate.open()
    rate.press("z")
    expect(rate.at(".sc-toast")).to_have_text("There is nothing to take back.")


def test_keys_rest_while_a_comment_is_written(rate: Rate) -> None:
    rate.open()
    rate.press("c")
    rate.page.keyboard.type("yes, 5 of 7? no: z")
    assert rate.chosen() == []
    rate.press("Control+Enter")
    rate.rate("y", "5")
    rate.saved(1)
    assert rate.given()[0]["comment"] == "yes, 5 of 7? no: z"
    expect(rate.at(".rt-comment")).to_be_hidden()


def test_skipping_by_number_and_in_own_words(rate: Rate) -> None:
    rate.open()
    rate.press("s", "9", "Escape", "1")
    assert rate.chosen() == ["1"], "out of the list, digits are answers again"
    rate.rate("s", "3")
    rate.press("s", "Tab", "Tab", "Tab", "Tab")
    rate.page.keyboard.type("Too dark to see")
    rate.rate("Enter")
    rate.saved(2)
    assert [(one["kind"], one["reason"], one["answers"]) for one in rate.given()] == [
        ("skipped", "Disturbing content", {"helpful": "1"}),
        ("skipped", "Too dark to see", {}),
    ]


def test_a_key_of_ones_own(rate: Rate) -> None:
    rate.open()
    rate.press("?")
    said = rate.at(".rt-sheet-said")
    change = rate.page.get_by_role("button", name="Yes: Y. Change the key")
    change.click()
    rate.press("n")
    expect(said).to_have_text("N is taken: “No”. Choose another key, or change that one first.")
    rate.press("Tab")
    expect(said).to_have_text("Tab keeps its meaning everywhere. Choose another key.")
    rate.press("Control+j")
    expect(said).to_contain_text("belong to the browser")
    rate.press("j")
    expect(said).to_have_text("“Yes” is J now.")
    rate.press("Escape")
    expect(rate.page.get_by_role("radio", name="Yes")).to_contain_text("J")
    rate.press("y")
    assert rate.chosen() == []
    rate.rate("j", "3")
    rate.saved(1)
    rate.until(lambda: "r07" in rate.world.preferences)
    rate.page.evaluate("localStorage.removeItem('saccade.rate/preferences/r07')")
    rate.page.reload()
    rate.wait()
    rate.press("j")
    assert rate.chosen() == ["yes"], "the server keeps the keys"
    rate.press("?")
    rate.page.get_by_role("button", name="All keys as they were").click()
    rate.press("Escape", "y", "n")
    assert rate.chosen() == ["no"]


def test_where_a_study_takes_a_key_its_action_moves(rate: Rate) -> None:
    choices = [{"value": value, "label": value, "key": key} for value, key in (("more", "m"), ("same", "s"), ("0", "0"))]
    question = {"id": "amount", "text": "How much?", "low": "", "high": "", "choices": choices}
    rate.world.studies[1] = study(1, "Amounts", questions=[question])
    rate.open()
    expect(rate.at(".rt-foot")).to_contain_text("One key a step")
    expect(rate.page.get_by_role("button", name="Skip")).to_contain_text("Shift S")
    rate.press("Shift+M")
    expect(rate.at(".rt-place-panel")).to_be_visible()
    rate.rate("m")
    rate.rate("0")
    rate.saved(2)
    assert [one["answers"] for one in rate.given()] == [{"amount": "more"}, {"amount": "0"}]


def test_names_of_keys(rate: Rate) -> None:
    names = {
        "y": {"key": "Y", "code": "KeyY"},
        "Shift+y": {"key": "Y", "code": "KeyY", "shiftKey": True},
        "n": {"key": "т", "code": "KeyN"},
        "?": {"key": "?", "code": "Slash", "shiftKey": True},
        "Ctrl+z": {"key": "z", "code": "KeyZ", "ctrlKey": True},
        "Ctrl+k": {"key": "k", "code": "KeyK", "metaKey": True},
        "Alt+Shift+ArrowLeft": {"key": "ArrowLeft", "code": "ArrowLeft", "altKey": True, "shiftKey": True},
        "+": {"key": "+", "code": "NumpadAdd"},
    }
    assert rate.module("keymap.js", f"{json.dumps(list(names.values()))}.map(m.keyName)") == list(names)
