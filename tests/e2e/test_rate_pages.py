"""What stands around the steps: studies, instructions, the end, one's own ratings, the zoom; prefetching, time, and hostile text."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import APIResponse, Route, expect

from tests.e2e.rate_viewing import Rate
from tests.e2e.rate_world import STEPS, steps_of, study

pytestmark = pytest.mark.browser

TITLE = ".rt-page h2"


def test_the_instructions_come_first_and_whenever_they_are_asked_for(rate: Rate) -> None:
    rate.open(read=False)
    expect(rate.at(TITLE)).to_have_text("How to rate")
    examples = rate.at(".rt-example")
    expect(examples).to_have_count(2)
    expect(examples.nth(0)).to_contain_text("The cup in the middle holds dark coffee shown with blue circle.")
    expect(examples.nth(0)).to_contain_text("YesThe circle lies on the coffee.")
    expect(examples.nth(1)).to_contain_text("NoAll of the rocket lies outside the circle.")
    ring = examples.nth(0).locator("circle.rt-line").bounding_box()
    picture = examples.nth(0).locator("img").bounding_box()
    assert ring and picture
    assert ring["x"] + ring["width"] / 2 == pytest.approx(picture["x"] + picture["width"] / 2, abs=2)
    rate.press("Enter")
    rate.wait()
    rate.press("y", "i")
    expect(rate.at(TITLE)).to_have_text("How to rate")
    rate.press("i")
    rate.wait()
    assert rate.chosen() == ["yes"]
    rate.page.reload()
    rate.wait()


def test_a_new_guideline_is_shown_and_costs_nothing(rate: Rate) -> None:
    rate.open()
    rate.rate("y", "1")
    rate.press("n", "c")
    rate.page.keyboard.type("begun")
    rate.press("Escape")
    rate.world.studies[1]["version"] = 4
    rate.world.studies[1]["guideline"]["instructions"] = "Look twice."
    rate.press("l")
    expect(rate.at(TITLE)).to_have_text("Your ratings")
    rate.press("Escape", "z")
    expect(rate.at(".rt-banner")).to_contain_text("The guideline has changed: this is version 4.")
    expect(rate.at(".rt-instructions")).to_have_text("Look twice.")
    rate.press("Enter")
    rate.wait()
    expect(rate.at(".rt-guide-button")).to_contain_text("Guideline v4")
    assert rate.chosen() == ["yes", "1"], "what was taken back is still there"
    rate.rate("Enter")
    assert rate.chosen() == ["no"], "and so is what had been begun"
    expect(rate.page.get_by_label("Comment")).to_have_value("begun")
    rate.rate("2")
    rate.until(lambda: len(rate.world.newest("r07")) == 2 and all(row["version"] == 4 for row in rate.world.newest("r07").values()))


def test_several_studies_are_cards(rate: Rate) -> None:
    rate.world.studies |= {2: study(2, "Boats"), 3: study(3, "Old", closed=True)}
    rate.world.items |= {2: steps_of(2), 3: steps_of(3)}
    rate.know(study=2)
    rate.page.goto(rate.server.url)
    cards = rate.at(".rt-study-card")
    expect(cards).to_have_count(3)
    expect(cards.nth(1)).to_contain_text(re.compile(r"Boats.*8 steps to rate.*0 done · guideline v3"))
    expect(cards.nth(2)).to_contain_text("Closed")
    expect(cards.nth(0)).to_be_focused()
    rate.press("2")
    rate.wait()
    expect(rate.at(".rt-study")).to_have_text("Boats")
    expect(rate.at(".rt-rater")).to_have_text("r07")
    rate.page.reload()
    rate.wait()
    expect(rate.at(".rt-study")).to_have_text("Boats")
    rate.press("g")
    expect(cards).to_have_count(3)


def test_no_study_and_nothing_in_one(rate: Rate) -> None:
    studies = rate.world.studies
    rate.world.studies = {}
    rate.open(read=False)
    expect(rate.at(".rt-page")).to_contain_text("There is no study yet.")
    rate.world.studies, rate.world.items[1] = studies, []
    rate.page.reload()
    expect(rate.at(TITLE)).to_have_text("How to rate")
    rate.press("Enter")
    expect(rate.at(TITLE)).to_have_text("Nothing to rate yet")


def test_the_end(rate: Rate) -> None:
    rate.world.items[1] = steps_of(1, STEPS[:2])
    rate.world.studies[2], rate.world.items[2] = study(2, "Boats"), steps_of(2)
    rate.open()
    rate.rate("y", "1")
    rate.press("s", "1")
    expect(rate.at(TITLE)).to_have_text("Done. Thank you")
    expect(rate.at(".rt-figures")).to_have_text("1rated1skipped")
    expect(rate.at(".rt-done")).to_contain_text("1 other study still has steps for you.")
    rate.saved(2)
    rate.press("z")
    rate.wait()
    expect(rate.step()).to_have_text("Trace 1 of 1 · step 2 of 2")
    rate.press("y", "2")
    expect(rate.at(".rt-figures")).to_have_text("2rated0skipped")
    rate.world.items[1] = steps_of(1, STEPS[:3])
    rate.press("t")
    rate.wait()
    expect(rate.step()).to_have_text("Trace 1 of 1 · step 3 of 3")


def test_a_closed_study_says_so(rate: Rate) -> None:
    rate.open()
    rate.world.studies[1]["closed"] = True
    for _ in range(3):
        rate.press("y", "1")
        rate.page.wait_for_timeout(450)
    expect(rate.at(TITLE)).to_have_text("This study is closed")


def test_an_earlier_rating_is_changed(rate: Rate) -> None:
    rate.open()
    rate.rate("y", "1")
    rate.rate("y", "2")
    rate.press("n", "l")
    rows = rate.at("button.rt-mine-row")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Yes · 2")
    rate.press("ArrowDown", "ArrowDown", "Enter")
    expect(rate.at(".rt-note")).to_contain_text("You are changing your rating of")
    assert rate.chosen() == ["yes", "1"]
    rate.press("u")
    rate.page.wait_for_timeout(500)
    assert len(rate.world.ratings) == 2, "a rating that counts is changed by Enter only"
    expect(rate.at(".rt-submit")).to_contain_text("Save the change")
    rate.press("Enter")
    expect(rows.nth(0)).to_contain_text("Unsure · 1")
    expect(rows.nth(0)).to_contain_text("revision 2")
    rate.press("ArrowDown", "Enter")
    expect(rate.at(".rt-note")).to_contain_text("(revision 2)")
    rate.press("n", "Escape")
    expect(rate.at(TITLE)).to_have_text("Your ratings")
    rate.press("Escape")
    expect(rate.step()).to_have_text("Trace 1 of 3 · step 3 of 3")
    assert rate.chosen() == ["no"]
    assert [row["revision"] for row in rate.world.ratings] == [1, 1, 2]


def test_a_saved_rating_leaves_the_keys_on_the_row_they_are_on(rate: Rate) -> None:
    rate.open()
    rate.rate("y", "1")
    rate.saved(1)
    held: list[tuple[Route, APIResponse]] = []
    rate.page.route("**/api/rating/ratings", lambda route: held.append((route, route.fetch())))
    rate.rate("y", "2")
    rate.until(lambda: held)
    rate.press("l")
    rows = rate.at("button.rt-mine-row")
    expect(rows).to_have_count(2)
    expect(rate.at("li.is-unsent")).to_have_count(1)
    rate.press("ArrowDown", "ArrowDown")
    for route, answer in held:
        route.fulfill(response=answer)
    expect(rate.at("li.is-unsent")).to_have_count(0)
    expect(rows.nth(1)).to_be_focused()
    rate.press("Enter")
    expect(rate.at(".rt-note")).to_contain_text("You are changing your rating of")
    assert rate.chosen() == ["yes", "1"]


def test_a_rating_that_opens_too_late_is_not_opened(rate: Rate) -> None:
    rate.open()
    rate.rate("y", "1")
    rate.press("l")
    expect(rate.at("button.rt-mine-row")).to_have_count(1)
    held: list[tuple[Route, APIResponse]] = []
    rate.page.route("**/api/rating/items/*", lambda route: held.append((route, route.fetch())))
    rate.press("ArrowDown", "Enter")
    rate.until(lambda: held)
    rate.press("Escape")
    expect(rate.step()).to_have_text("Trace 1 of 3 · step 2 of 3")
    for route, answer in held:
        route.fulfill(response=answer)
    rate.page.wait_for_timeout(300)
    expect(rate.step()).to_have_text("Trace 1 of 3 · step 2 of 3")
    expect(rate.at(".rt-note")).to_be_hidden()
    rate.rate("n", "3")
    rate.saved(2)
    assert [row["item"] for row in rate.world.ratings] == [1001, 1002]


def test_own_ratings_have_pages(rate: Rate) -> None:
    for item in rate.world.items[1][:7]:
        rate.world.write(
            "r07",
            {
                "token": str(item["item"]),
                "item": item["item"],
                "version_id": 3,
                "judgement": {"kind": "skipped", "answers": {}, "comment": "", "correction": None, "reason": "Too dark", "seconds": 2},
            },
        )
    rate.open()
    rate.press("l")
    expect(rate.at("button.rt-mine-row")).to_have_count(5)
    rate.page.get_by_role("button", name="Older").click()
    expect(rate.at("button.rt-mine-row")).to_have_count(2)
    expect(rate.at("button.rt-mine-row").nth(0)).to_contain_text("SkippedToo dark")


@pytest.mark.parametrize("opened", [True, False])
def test_the_zoom_and_whether_it_was_seen(rate: Rate, opened: bool) -> None:
    rate.world.items[1] = steps_of(1, STEPS[1:4])
    rate.open()
    if opened:
        rate.press("x")
        expect(rate.at(".rt-crop")).to_be_visible()
        expect(rate.at(".rt-zoom")).to_contain_text("160 × 160 px, framed in the picture.")
        window, (left, top), (right, bottom) = (
            rate.at(".rt-mark.is-window").bounding_box(),
            rate.to_screen(380, 160),
            rate.to_screen(540, 320),
        )
        assert window
        assert (window["x"], window["y"]) == (pytest.approx(left, abs=3), pytest.approx(top, abs=3))
        assert (window["width"], window["height"]) == (pytest.approx(right - left, abs=6), pytest.approx(bottom - top, abs=6))
        rate.until(lambda: any(draft["content"]["zoom_seen"] for draft in rate.world.drafts.values()))
    rate.rate("y", "1")
    expect(rate.page.get_by_role("button", name="Zoom")).to_be_hidden()
    rate.rate("y", "1")
    expect(rate.at(".rt-zoom")).to_be_visible(visible=opened)
    rate.press("x" if opened else "i", "x" if opened else "i")
    rate.saved(2)
    assert [one["zoom_seen"] for one in rate.given()] == [opened, None]


def test_the_zoom_is_seen_in_one_step_after_another(rate: Rate) -> None:
    table = (*STEPS[2][:4], (40, 240, 200, 400))
    handle = ("coffee", 400, 120, "The cup's handle points away {}.", (320, 40, 480, 200))
    rate.world.items[1] = steps_of(1, [STEPS[1], table, STEPS[3], handle, STEPS[5]])
    rate.open()
    rate.press("x")
    for item in (1001, 1002, 1003):
        rate.until(lambda item=item: rate.world.drafts.get(("r07", item), {"content": {"zoom_seen": False}})["content"]["zoom_seen"])
        if item == 1003:
            rate.press("x")
        rate.rate("y", "1")
    expect(rate.at(".rt-zoom")).to_be_hidden()
    rate.rate("y", "1")
    rate.rate("y", "1")
    rate.until(lambda: len(rate.world.ratings) == 5)
    assert [one["zoom_seen"] for one in rate.given()] == [True, True, True, False, None]


def test_a_zoom_that_fails_was_not_seen(rate: Rate) -> None:
    rate.world.items[1] = steps_of(1, STEPS[1:3])
    rate.page.route("**/zoom.png", lambda route: route.abort())
    rate.open()
    rate.press("x")
    expect(rate.at(".rt-zoom")).to_contain_text("The zoom could not be loaded.")
    rate.rate("y", "1")
    rate.saved(1)
    assert rate.given()[0]["zoom_seen"] is False


def test_what_comes_next_is_there_already(rate: Rate) -> None:
    asked: list[str] = []
    rate.page.on("request", lambda request: asked.append(request.url))
    rate.world.items[1] = steps_of(1, [STEPS[0], STEPS[3], STEPS[5]])
    rate.open()
    rate.page.wait_for_load_state("networkidle")
    assert {url.split("/")[-2] for url in asked if "/pictures/" in url} == {"coffee", "astronaut", "rocket"}
    rate.server.stop()
    rate.rate("y", "1")
    assert rate.at(".rt-picture").evaluate("one => one.complete && one.naturalWidth") == 512
    rate.rate("y", "1")
    assert rate.at(".rt-picture").evaluate("one => one.complete && one.naturalWidth") == 640
    assert "/pictures/astronaut" in rate.at(".rt-picture").get_attribute("src") or "rocket" in (
        rate.at(".rt-picture").get_attribute("src") or ""
    )


def test_progress_and_the_time_that_is_left(rate: Rate) -> None:
    rate.open()
    bar = rate.page.get_by_role("progressbar")
    for done in range(5):
        expect(bar).to_have_attribute("aria-valuetext", f"{done} of 8 steps rated")
        expect(rate.at(".rt-left")).to_be_hidden()
        rate.rate("y", "1")
    expect(rate.at(".rt-left")).to_have_text("less than a minute left")
    expect(rate.at(".rt-guide-button")).to_contain_text("Guideline v3")


def test_the_time_left_in_words(rate: Rate) -> None:
    cases = [
        ({"done": 4, "open": 9, "seconds_left": 600}, ""),
        ({"done": 5, "open": 9, "seconds_left": 540}, "about 9 min left"),
        ({"done": 5, "open": 900, "seconds_left": 54_000}, "about 15 h left"),
        ({"done": 5, "open": 0, "seconds_left": 0}, ""),
        ({"done": 5, "open": 9, "seconds_left": None}, ""),
    ]
    assert rate.module("words.js", f"{json.dumps([progress for progress, _ in cases])}.map(m.timeLeft)") == [words for _, words in cases]


def test_an_answer_that_comes_late_does_not_take_progress_back(rate: Rate) -> None:
    rate.open()
    late: list[tuple[Route, APIResponse]] = []
    rate.page.route("**/next", lambda route: late.append((route, route.fetch())))
    rate.world.delay = 0.5
    rate.rate("y", "1")
    rate.until(lambda: late)
    rate.saved(1)
    bar = rate.page.get_by_role("progressbar")
    for route, answer in late:
        assert answer.json()["progress"]["done"] == 0, "it was asked for before the rating was saved"
        with rate.page.expect_response("**/next"):
            route.fulfill(response=answer)
    rate.page.wait_for_timeout(100)
    expect(bar).to_have_attribute("aria-valuetext", "1 of 8 steps rated")


@pytest.mark.own_profile
def test_time_passes_only_while_somebody_is_there(rate: Rate) -> None:
    rate.page.goto(f"{rate.server.url}/ui/favicon.svg")
    rate.still()
    rate.module("clock.js", "(window.watch = new m.Clock(), watch.start(2))")
    hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }"
    rate.page.clock.run_for(3000)
    assert rate.page.evaluate("watch.seconds") == pytest.approx(5, abs=0.1)
    rate.page.evaluate(hide, True)
    rate.page.clock.run_for(30_000)
    rate.page.evaluate(hide, False)
    rate.page.clock.run_for(1000)
    assert rate.page.evaluate("watch.seconds") == pytest.approx(6, abs=0.1)
    rate.page.clock.run_for(600_000)
    assert rate.page.evaluate("watch.seconds") == pytest.approx(65, abs=0.1), "a minute without a sign of life is the most"
    rate.press("y")
    rate.page.clock.run_for(2000)
    assert rate.page.evaluate("watch.seconds") == pytest.approx(67, abs=0.1)
    rate.page.evaluate("watch.pause()")
    rate.page.clock.run_for(5000)
    assert rate.page.evaluate("watch.seconds") == pytest.approx(67, abs=0.1)


@pytest.mark.own_profile
def test_a_picture_that_fails(rate: Rate) -> None:
    rate.world.failing = "/pictures"
    rate.open()
    state = rate.at(".rt-stage-state")
    expect(state).to_contain_text("The picture could not be loaded. Try again, or skip this step.")
    rate.world.failing = ""
    state.get_by_role("button", name="Try again").click()
    expect(state).to_be_hidden()


def test_the_server_does_not_answer_at_first(rate: Rate) -> None:
    rate.know()
    rate.world.failing = "/api/session"
    rate.page.goto(rate.server.url)
    expect(rate.at(".rt-card")).to_contain_text("The database is being restored.")
    rate.world.failing = ""
    rate.press("Enter")
    rate.wait()


def test_words_of_others_stay_words(rate: Rate) -> None:
    nasty = "<img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script>{{7*7}}\u202e"
    question = {
        "id": "q",
        "text": nasty,
        "low": nasty,
        "high": nasty,
        "choices": [{"value": value, "label": nasty, "key": key} for value, key in (("a", "a"), ("d", "d"))],
    }
    shown = study(1, nasty, questions=[question], skip_reasons=[nasty], instructions=nasty)
    shown["guideline"]["examples"][0] |= {
        "why": nasty,
        "answer_label": nasty,
        "sentence": [{"text": nasty, "circle": False}, {"text": nasty, "circle": True}],
    }
    rate.rater = "r07 <b>"
    rate.world.studies[1], rate.world.items[1] = shown, steps_of(1, [("coffee", 10, 10, nasty + " {}", None), *STEPS])
    for item in rate.world.items[1]:
        item["question"] = nasty
    rate.open(read=False)
    expect(rate.at(".rt-instructions")).to_have_text(nasty)
    rate.press("Enter")
    rate.wait()
    expect(rate.at(".rt-sentence")).to_contain_text("<img src=x")
    expect(rate.at(".rt-asked")).to_contain_text("<script>")
    rate.press("c")
    rate.page.keyboard.type(nasty)
    rate.press("Escape", "s", "Escape", "?", "Escape")
    rate.rate("a")
    rate.press("l")
    expect(rate.at("button.rt-mine-row")).to_contain_text("<img src=x")
    rate.page.get_by_role("heading", name="Your ratings").wait_for()
    assert rate.page.title() == "Rate · Saccade"
    assert rate.page.evaluate("document.querySelector('#saccade-rate').shadowRoot.querySelectorAll('img[src$=x], script, b').length") == 0
