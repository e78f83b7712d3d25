"""The picture: zooming at the pointer, moving it, marks that keep their size, points outside and points that coincide."""

from __future__ import annotations

import json
import math
import re

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.fixture_traces import identity, step, view
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser


def transform(viewer: Viewer) -> tuple[float, float, float]:
    """Scale and offset of the picture."""
    scale, x, y = viewer.at(".sc-picture").first.evaluate(
        "n => { const m = new DOMMatrix(getComputedStyle(n).transform); return [m.a, m.e, m.f] }"
    )
    return scale, x, y


def under(viewer: Viewer, x: float, y: float) -> tuple[float, float]:
    """The picture pixel at a place of the page."""
    box = viewer.at(".sc-stage").first.bounding_box()
    assert box
    scale, left, top = transform(viewer)
    return (x - box["x"] - 1 - left) / scale, (y - box["y"] - 1 - top) / scale


def test_the_wheel_zooms_at_the_pointer(viewer: Viewer) -> None:
    viewer.open("search")
    x, y = (round(value) for value in viewer.centre(viewer.mark(2)))
    before = under(viewer, x, y)
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.wheel(0, -600)
    expect(viewer.at(".sc-zoom")).not_to_have_text("122 %")
    after = under(viewer, x, y)
    assert after == pytest.approx(before, abs=0.1)
    assert transform(viewer)[0] > 1.7
    viewer.page.mouse.wheel(0, 6000)
    viewer.page.mouse.wheel(0, 6000)
    viewer.page.mouse.wheel(0, 6000)
    viewer.page.mouse.wheel(0, 6000)
    viewer.page.wait_for_timeout(100)
    assert transform(viewer)[0] == pytest.approx(1.0, abs=0.5)


def test_fit_and_actual_size(viewer: Viewer) -> None:
    viewer.open("large")
    fitted = transform(viewer)
    viewer.page.get_by_role("button", name="1:1").click()
    assert transform(viewer)[0] == 1
    expect(viewer.at(".sc-zoom")).to_have_text("100 %")
    viewer.press("0")
    assert transform(viewer) == pytest.approx(fitted)


def test_dragging_moves_the_picture_and_picks_nothing(viewer: Viewer) -> None:
    viewer.open("search")
    viewer.press("+", "+", "+")
    x, y = viewer.centre(viewer.mark(2))
    _, left, top = transform(viewer)
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.down()
    viewer.page.mouse.move(x + 60, y - 25, steps=5)
    viewer.page.mouse.up()
    _, moved_left, moved_top = transform(viewer)
    assert (moved_left - left, moved_top - top) == pytest.approx((60, -25), abs=1)
    assert viewer.current() == 0


def test_shift_and_arrows_move_and_plus_and_minus_zoom(viewer: Viewer) -> None:
    viewer.open("search")
    fitted = transform(viewer)
    viewer.press("+", "+")
    zoomed = transform(viewer)
    assert zoomed[0] == pytest.approx(fitted[0] * 1.5625, rel=1e-4)
    viewer.press("Shift+ArrowRight", "Shift+ArrowDown")
    moved = transform(viewer)
    assert (moved[1] - zoomed[1], moved[2] - zoomed[2]) == pytest.approx((-60, -60), abs=0.01)
    viewer.press("-", "-", "-")
    assert transform(viewer)[0] <= fitted[0]


def test_two_fingers_pinch(viewer: Viewer) -> None:
    viewer.open("search")
    before = transform(viewer)[0]
    x, y = viewer.centre(viewer.at(".sc-stage"))
    session = viewer.page.context.new_cdp_session(viewer.page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": px, "y": py, "id": number} for number, (px, py) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x - 40, y), (x + 40, y))
    for spread in (50, 60, 70, 80):
        touch("touchMove", (x - spread, y), (x + spread, y))
    touch("touchEnd")
    assert transform(viewer)[0] == pytest.approx(2 * before, rel=0.15)


def test_marks_keep_their_size_and_stay_on_their_points(viewer: Viewer) -> None:
    viewer.open("search")

    def measured() -> tuple[float, tuple[float, float]]:
        box = viewer.mark(2).locator(".sc-target").bounding_box()
        assert box
        return box["width"], under(viewer, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    width, place = measured()
    assert place == pytest.approx((430, 250), abs=0.7)
    viewer.press("+", "+", "+", "+")
    zoomed_width, zoomed_place = measured()
    assert zoomed_width == pytest.approx(width)
    assert zoomed_place == pytest.approx((430, 250), abs=0.7)


def test_a_step_out_of_sight_is_brought_into_it(viewer: Viewer) -> None:
    viewer.open("large", "step=1")
    viewer.press("1")
    viewer.press("End")
    stage, mark = viewer.at(".sc-stage").first.bounding_box(), viewer.mark(6).locator(".sc-target").bounding_box()
    assert stage and mark
    assert stage["x"] < mark["x"] < stage["x"] + stage["width"] - mark["width"]


def test_single_pixels_are_sharp_from_three_times_on(viewer: Viewer) -> None:
    viewer.open("search")
    rendering = "n => getComputedStyle(n).imageRendering"
    assert viewer.at(".sc-picture").evaluate(rendering) == "auto"
    viewer.press("+", "+", "+", "+", "+", "+")
    assert viewer.at(".sc-picture").evaluate(rendering) == "pixelated"


def test_a_point_outside_stands_at_the_edge_with_words(viewer: Viewer) -> None:
    viewer.open("outside")
    outside = viewer.at(".sc-mark.is-outside")
    expect(outside).to_have_count(2)
    expect(outside.nth(0)).to_contain_text("2: 221 px beyond the right edge")
    expect(outside.nth(1)).to_contain_text("3: 81 px above the top edge")
    picture, mark = viewer.at(".sc-picture").bounding_box(), viewer.mark(2).locator(".sc-target").bounding_box()
    assert picture and mark
    assert picture["x"] + picture["width"] - mark["x"] < 45, "the mark stands at the right edge"
    expect(viewer.at(".sc-step").nth(1)).to_contain_text("Nothing can be drawn or looked at there.")


def test_the_answer_and_the_truth_are_drawn(viewer: Viewer) -> None:
    viewer.open("grounding")
    expect(viewer.at(".sc-truth-box")).to_be_visible()
    expect(viewer.at(".sc-reticle.is-answer")).to_contain_text("Answer")
    viewer.at("[data-layer=truth]").click()
    expect(viewer.at(".sc-truth-box")).to_be_hidden()
    viewer.open("outside")
    expect(viewer.at(".sc-reticle.is-truth")).to_contain_text("Truth")
    viewer.open("search")
    expect(viewer.at(".sc-truth-text")).to_have_text("Truth: a spoon")
    viewer.at("[data-layer=truth]").click()
    expect(viewer.at(".sc-truth-text")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 600])
def test_a_truth_in_words_stands_below_the_picture(viewer: Viewer, width: int) -> None:
    viewer.page.set_viewport_size({"width": width, "height": 800})
    viewer.open("wordy")
    words, stage = viewer.at(".sc-truth-text").bounding_box(), viewer.at(".sc-stage").bounding_box()
    assert words and stage
    assert words["y"] >= stage["y"] + stage["height"]
    assert words["height"] < 30, "one line, the whole of it is in the panel"
    assert words["width"] <= stage["width"]


def test_coinciding_points_are_parted_or_counted(viewer: Viewer) -> None:
    viewer.open("coinciding")
    places = [viewer.centre(viewer.mark(number).locator(".sc-target")) for number in (1, 2, 3)]
    for i, (x, y) in enumerate(places):
        for px, py in places[i + 1 :]:
            assert abs(x - px) + abs(y - py) > 20
    expect(viewer.at(".sc-leader.is-shown")).to_have_count(4)
    expect(viewer.mark(5)).to_contain_text("×14")
    expect(viewer.at(".sc-step").first).to_contain_text("3 steps at this very point: also steps 2 and 3.")


def test_places_of_marks(viewer: Viewer) -> None:
    viewer.open("search")
    edge = "m.edgePlace({x: 700, y: 210}, {width: 512, height: 512})"
    assert viewer.module("spread.js", edge) == {"x": 512, "y": 210, "angle": 0}
    apart = viewer.module("spread.js", "m.spread([{x: 10, y: 10}, null, {x: 200, y: 10}, {x: 10, y: 10}], 17, 26)")
    assert apart[1] is None
    assert apart[2] == {"x": 200, "y": 10, "moved": False, "size": 1}
    assert apart[0]["moved"] and apart[3]["size"] == 2
    assert abs(apart[0]["x"] - apart[3]["x"]) == pytest.approx(52)


def test_marks_of_a_still_picture_stand_beside_their_points_and_clear_of_one_another(viewer: Viewer) -> None:
    viewer.open("search")
    points = (
        [{"x": 300, "y": 200}] * 4
        + [{"x": 306 + 12 * k, "y": 203} for k in range(4)]
        + [{"x": 2, "y": 2}, {"x": 12, "y": 2}, {"x": 90, "y": 300}]
    )
    drawn = viewer.module("spread.js", f"m.part({json.dumps(points)}, {{width: 600, height: 400}}, 1)")
    assert [one["moved"] for one in drawn] == [True] * 10 + [False]
    moved = drawn[:10]
    for i, one in enumerate(moved):
        assert 15 <= one["x"] <= 585 and 15 <= one["y"] <= 385, "inside the picture"
        assert min(math.dist((one["x"], one["y"]), (p["x"], p["y"])) for p in points) >= 19, "no point is covered"
        assert all(math.dist((one["x"], one["y"]), (o["x"], o["y"])) >= 29.9 for o in moved[:i]), "no mark covers another"
    alike = viewer.module("spread.js", "m.part(Array(13).fill({x: 50, y: 50}), {width: 600, height: 400}, 1)")
    assert {(one["x"], one["size"], one["moved"]) for one in alike} == {(50, 13, False)}


def test_a_picture_that_fails_can_be_asked_for_again(viewer: Viewer) -> None:
    viewer.page.route("**/pictures/coffee", lambda route: route.abort())
    viewer.page.goto(viewer.server.url)
    expect(viewer.at(".sc-stage-state")).to_contain_text("The picture could not be loaded.")
    viewer.page.unroute("**/pictures/coffee")
    viewer.page.get_by_role("button", name="Try again").click()
    expect(viewer.at(".sc-stage-state")).to_be_empty()
    assert viewer.at(".sc-picture").evaluate("n => n.naturalWidth") == 600


def test_a_picture_without_a_file_says_so(viewer: Viewer) -> None:
    viewer.page.route("**/pictures/coffee", lambda route: route.fulfill(status=404, json={"error": "There is no picture."}))
    viewer.page.goto(viewer.server.url)
    expect(viewer.at(".sc-stage-state")).to_contain_text("The picture’s file is not in the data folder.")
    expect(viewer.at(".sc-mark").first).to_be_visible()
    viewer.page.unroute("**/pictures/coffee")
    viewer.page.get_by_role("button", name="Try again").click()
    expect(viewer.at(".sc-stage-state")).to_be_empty()


def test_the_thumbnail_stands_in_while_the_picture_loads(viewer: Viewer) -> None:
    held: list[Route] = []
    viewer.page.route(re.compile("/pictures/large$"), lambda route: held.append(route))
    viewer.open("search")
    viewer.at(".sc-row:has-text('What is on the table?')").first.click()
    preview = viewer.at(".sc-preview")
    expect(preview).to_be_visible()
    expect(viewer.at(".sc-stage")).to_have_class(re.compile("is-loading"))
    viewer.page.wait_for_function("document.getElementById('saccade-inspect').shadowRoot.querySelector('.sc-preview').naturalWidth === 160")
    assert viewer.at(".sc-picture").evaluate("n => n.naturalWidth") == 0, "the picture before it is gone"
    marks = [viewer.centre(viewer.mark(number).locator(".sc-target")) for number in (1, 6)]
    box = preview.bounding_box()
    assert box
    assert marks[0] == pytest.approx((box["x"] + box["width"] * 300 / 4240, box["y"] + box["height"] * 400 / 2832), abs=0.7)
    held[0].continue_()
    expect(viewer.at(".sc-stage")).not_to_have_class(re.compile("is-loading"))
    expect(preview).to_be_hidden()


def test_a_view_without_a_thumbnail_is_shown_as_ever(viewer: Viewer) -> None:
    made = view("plain", "coffee", "No thumbnail?", [])
    made["picture"] = {name: value for name, value in made["picture"].items() if name != "thumbnail"}
    viewer.server.content.views[made["id"]] = made
    viewer.open("plain")
    assert viewer.at(".sc-picture").evaluate("n => n.naturalWidth") == 600
    expect(viewer.at(".sc-preview")).to_be_hidden()


def test_the_current_mark_stands_on_its_very_point(viewer: Viewer) -> None:
    viewer.open("coinciding", "step=2")
    box = viewer.mark(2).locator(".sc-target").bounding_box()
    assert box
    assert under(viewer, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == pytest.approx((300, 200), abs=0.7)
    expect(viewer.at(".sc-leader.is-shown")).to_have_count(3)
    viewer.press("ArrowRight")
    expect(viewer.at(".sc-leader.is-shown")).to_have_count(3)
    x, y = viewer.centre(viewer.mark(3).locator(".sc-target"))
    assert under(viewer, x, y) == pytest.approx((300, 200), abs=0.7)


def test_of_very_many_steps_only_those_nearby_are_drawn(viewer: Viewer) -> None:
    rows = [step(identity("thousand"), i, "Here ", (40 + (i * 37) % 500, 30 + (i * 53) % 350), ".", (600, 400)) for i in range(1000)]
    made = view("thousand", "coffee", "A thousand steps?", rows)
    viewer.server.content.views[made["id"]] = made
    viewer.open("thousand")
    expect(viewer.at(".sc-mark:has(.sc-target):not(.is-far)")).to_have_count(1000)
    expect(viewer.at(".sc-link:not(.is-far)")).to_have_count(0)
    viewer.press("End", "ArrowLeft")
    expect(viewer.at(".sc-mark:has(.sc-target):not(.is-far)")).to_have_count(22)
    expect(viewer.at(".sc-step.is-current")).to_be_in_viewport()
    expect(viewer.at(".sc-summary")).to_contain_text("the picture shows those around the current one")
