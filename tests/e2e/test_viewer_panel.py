"""The trace in words: answer, faults, reward, raw text, frame audit, the overlay as text; and a look opened large."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.fixture_traces import identity, step, view
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser


def test_answer_truth_verdict_and_stop_reason_in_words(viewer: Viewer) -> None:
    viewer.open("outside")
    panel = viewer.at(".sc-info")
    expect(panel.locator("h3").first).to_have_text("4 steps, 1 look")
    expect(panel.locator(".sc-stop")).to_have_text("Turns ran out and no answer was demanded.")
    expect(panel.locator(".sc-answer-text")).to_have_text("No answer")
    expect(panel.locator(".sc-verdict")).to_have_text("Wrong: no answer was given")
    expect(panel.locator(".sc-truth-words")).to_have_text("Truth, a point: (120, 300)")
    viewer.open("grounding")
    expect(panel.locator(".sc-verdict")).to_have_text("Right: inside the truth's box")
    viewer.open("nothing")
    expect(panel.locator(".sc-verdict")).to_have_text("Not scored")
    expect(panel.locator(".sc-truth-words")).to_have_text("No truth is known.")


def test_faults_lead_into_the_raw_text(viewer: Viewer) -> None:
    viewer.open("outside")
    faults = viewer.at(".sc-fault")
    expect(faults).to_have_count(4)
    expect(faults.nth(2)).to_contain_text("The call names no coordinate.")
    expect(viewer.at(".sc-step").first).to_contain_text("Malformed tool call")
    expect(faults.nth(3).get_by_role("button")).to_have_count(0)
    faults.nth(0).get_by_role("button", name="show in the text").click()
    mark = viewer.at(".sc-fault-mark[data-fault='0']")
    expect(mark).to_be_in_viewport()
    expect(mark).to_have_text("(733, 210)")


def test_fault_spans_count_characters_not_code_units(viewer: Viewer) -> None:
    viewer.open("search")
    cut = "m.cutAtFaults('a\\u{1F600}bcd', [{start: 2, end: 4, title: 'x'}]).pieces.map(p => [p.text, p.faults.length])"
    assert viewer.module("rawtext.js", cut) == [["a\U0001f600", 0], ["bc", 1], ["d", 0]]
    later = "m.cutAtFaults('cde', [{start: 0, end: 4, title: 'x'}], 2).pieces.map(p => [p.text, p.faults.length])"
    assert viewer.module("rawtext.js", later) == [["cd", 1], ["e", 0]]


def test_the_raw_text_tells_who_wrote_what(viewer: Viewer) -> None:
    viewer.open("search")
    expect(viewer.at(".sc-raw")).to_have_count(0)
    viewer.at(".is-raw summary").click()
    expect(viewer.at(".sc-turn")).to_have_count(3)
    expect(viewer.at(".sc-segment.is-model .sc-author").first).to_have_text("Model")
    expect(viewer.at(".sc-segment.is-observation .sc-author").first).to_have_text("Observation, by the environment")
    expect(viewer.at(".sc-raw").first).to_contain_text("<think>The cup stands in the middle")


def test_the_frame_audit_has_every_coordinate(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.at(".is-frame summary").click()
    rows = viewer.at(".sc-audit tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_have_text("2(430, 250)(430, 250)(430, 250)0")
    expect(viewer.at(".is-frame")).to_contain_text("One grid unit is 1 × 1 px of the original.")
    expect(viewer.at(".is-frame")).to_contain_text("How the frame is known: stated by the source")


@pytest.mark.parametrize("size", [(1440, 900), (1280, 720), (1000, 800)])
def test_the_frame_audit_fits_its_panel(viewer: Viewer, size: tuple[int, int]) -> None:
    rows = [step(identity("exact"), i, "Here ", (1186.9 - i / 7, 1037.2 + i / 7), ".", (1411, 1411)) for i in range(12)]
    for row in rows:
        row["audit"] |= {"raw": "(1177.13, 1036.86)", "round_trip_error": 0.012}
    made = view("exact", "retina", "Where exactly?", rows)
    viewer.server.content.views[made["id"]] = made
    viewer.page.set_viewport_size({"width": size[0], "height": size[1]})
    viewer.open("exact")
    viewer.at(".is-frame summary").click()
    room = viewer.at(".sc-scroll-x")
    expect(room.locator("thead")).to_contain_text("Error px")
    assert room.evaluate("n => n.scrollWidth <= n.clientWidth")
    expect(viewer.at(".is-frame")).to_contain_text("the way from the grid to the original and back")


def test_a_long_answer_its_reason_and_a_long_truth_fold(viewer: Viewer) -> None:
    viewer.open("wordy")
    card = viewer.at(".sc-answer")
    for part in (".sc-answer-text", ".sc-verdict", ".sc-truth-words"):
        box = card.locator(part).bounding_box()
        assert box and box["height"] < 130, f"{part} is folded"
    more = card.get_by_role("button", name="Show all")
    expect(more).to_have_count(3)
    more.first.click()
    text = card.locator(".sc-answer-text")
    assert text.evaluate("n => n.scrollHeight <= n.clientHeight + 1 && n.clientHeight > 400"), "all of it is in sight"
    card.get_by_role("button", name="Show less").click()
    assert text.evaluate("n => n.clientHeight < 130")


def test_the_reward_in_both_profiles_with_reasons_on_demand(viewer: Viewer) -> None:
    viewer.open("search")
    strict, vigorl = viewer.at("[data-profile=strict]"), viewer.at("[data-profile=vigorl]")
    expect(strict.locator("> summary")).to_have_text("Reward, strict profile1.16")
    expect(strict.locator(".sc-component > summary").nth(2)).to_have_text("Diverse looks0.40 × 0.400.16")
    reason = strict.locator(".sc-reason").first
    expect(reason).to_be_hidden()
    strict.locator(".sc-component > summary").first.click()
    expect(reason).to_have_text("The answer equals the truth.")
    expect(vigorl.locator(".sc-component").first).to_be_hidden()
    vigorl.locator("> summary").click()
    expect(vigorl.locator(".sc-component").first).to_be_visible()
    expect(viewer.at(".sc-recorded")).to_have_text("Score recorded in the source1.00")


def test_the_overlay_as_text(viewer: Viewer) -> None:
    viewer.open("grounding")
    viewer.at(".is-words summary").click()
    expect(viewer.at(".sc-overlay-text li")).to_have_text("Step 1: middle centre, 60 % from the left, 37 % from the top.")
    assert "Step 1: middle centre" in (viewer.at(".sc-overlay").get_attribute("aria-label") or "")


def test_a_trace_without_steps(viewer: Viewer) -> None:
    viewer.open("nothing")
    expect(viewer.at(".sc-no-steps")).to_contain_text("No steps")
    expect(viewer.at(".sc-rewards")).to_have_text("No reward: without a truth nothing is scored.")
    expect(viewer.at(".sc-looks")).to_be_hidden()
    viewer.press("ArrowRight", "Space", "End", "o", "+", "Escape")
    assert viewer.current() == 0


def test_long_texts_fold_and_the_current_step_is_in_sight(viewer: Viewer) -> None:
    viewer.open("long", "step=22")
    expect(viewer.at(".sc-step")).to_have_count(30)
    expect(viewer.at(".sc-step.is-current")).to_be_in_viewport()
    expect(viewer.at(".sc-look")).to_have_count(10)
    title = viewer.at(".sc-question")
    short = title.bounding_box()
    viewer.at(".sc-head").get_by_role("button", name="Show all").click()
    whole = title.bounding_box()
    assert short and whole and whole["height"] > short["height"]
    assert viewer.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert viewer.page.evaluate("scrollY") == 0


def test_a_look_opens_large_and_maps_its_pixels_back(viewer: Viewer) -> None:
    viewer.open("search", "step=3")
    viewer.press("o")
    dialog = viewer.at(".sc-look-dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator(".sc-facts")).to_contain_text("cut at the right edge")
    image = dialog.locator(".sc-crop")
    box = image.bounding_box()
    assert box and (box["width"], box["height"]) == (672, 672)
    viewer.page.mouse.move(box["x"] + 0.5, box["y"] + 100.5)
    # The window is x 469 to 600 and y 124 to 306: 131 and 182 px over 672 crop pixels.
    expect(dialog.locator(".sc-mapping")).to_have_text("crop pixel (0, 100) → original pixel (469.1, 151.2)")
    viewer.press("Shift+ArrowRight", "ArrowUp")
    expect(dialog.locator(".sc-mapping")).to_have_text("crop pixel (10, 99) → original pixel (471, 150.9)")
    dialog.get_by_role("button", name="4 ×").click()
    large = image.bounding_box()
    assert large and large["width"] == 2688
    viewer.press("Escape")
    expect(dialog).to_be_hidden()
    assert viewer.current() == 3


def test_a_look_that_fails_says_so(viewer: Viewer) -> None:
    viewer.page.route("**/looks/1.png", lambda route: route.abort())
    viewer.open("search")
    expect(viewer.at(".sc-look.is-missing")).to_have_count(1)
