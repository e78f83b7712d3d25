"""The circle at its size, and places put by the rater: the point moved, a box drawn, one's own point first."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.rate_viewing import Rate
from tests.e2e.rate_world import STEPS, steps_of, study

pytestmark = pytest.mark.browser


def radius(rate: Rate, mark: str = "is-circle") -> float:
    """On the screen, in CSS pixels."""
    return float(rate.at(f".rt-mark.{mark} circle.rt-line").get_attribute("r") or 0)


def scale(rate: Rate) -> float:
    left, right = rate.to_screen(0, 0), rate.to_screen(1, 0)
    return right[0] - left[0]


@pytest.mark.parametrize(("diameter", "unit", "pixels"), [(100.0, "pixels", 50), (10.0, "percent of width", 30)])
def test_the_circle_has_the_study_s_size_at_every_zoom(rate: Rate, diameter: float, unit: str, pixels: float) -> None:
    rate.world.studies[1] = study(1, "Demo", circle={"diameter": diameter, "unit": unit, "color": "#D55E00"})
    rate.open()
    assert radius(rate) == pytest.approx(pixels * scale(rate), rel=0.01)
    before = scale(rate)
    rate.press("+", "+")
    assert scale(rate) == pytest.approx(before * 1.25**2, rel=0.01)
    assert radius(rate) == pytest.approx(pixels * scale(rate), rel=0.01)
    rate.press("Shift+ArrowLeft", "0")
    assert scale(rate) == pytest.approx(before, rel=0.01)
    assert rate.at(".rt-marks").evaluate("one => getComputedStyle(one.querySelector('.is-circle .rt-line')).stroke") == "rgb(213, 94, 0)"


def test_the_circle_is_where_the_point_is(rate: Rate) -> None:
    rate.open()
    box = rate.at(".rt-mark.is-circle circle.rt-line").bounding_box()
    assert box is not None
    x, y = rate.to_screen(300, 190)
    assert box["x"] + box["width"] / 2 == pytest.approx(x, abs=1)
    assert box["y"] + box["height"] / 2 == pytest.approx(y, abs=1)


def test_moving_the_point_by_keys_and_numbers(rate: Rate) -> None:
    rate.open()
    rate.press("m", "ArrowRight", "Shift+ArrowDown")
    fields = rate.at(".rt-place-panel input")
    expect(fields.nth(0)).to_have_value("301")
    expect(fields.nth(1)).to_have_value("200")
    expect(rate.at(".rt-mark.is-circle")).to_have_class("rt-mark is-circle is-ghost")
    rate.press("Tab")
    rate.page.keyboard.type("42.5")
    rate.press("Escape")
    expect(rate.at(".rt-mark.is-point")).to_be_visible()
    rate.press("Backspace")
    expect(rate.at(".rt-mark.is-point")).to_be_visible()
    rate.rate("n", "2")
    rate.saved(1)
    assert rate.given()[0]["correction"] == {"point": {"x": 42.5, "y": 200}, "box": None}


def test_a_point_stays_inside_the_picture(rate: Rate) -> None:
    rate.world.items[1] = steps_of(1, [("coffee", 5, 395, "The corner {}.", None)])
    rate.open()
    rate.press("m", "Shift+ArrowLeft", "Shift+ArrowDown", "Shift+ArrowDown")
    rate.press("y", "1")
    rate.saved(1)
    assert rate.given()[0]["correction"]["point"] == {"x": 0, "y": 400}


def test_moving_the_point_by_pointer(rate: Rate) -> None:
    rate.open()
    rate.press("m")
    mouse = rate.page.mouse
    mouse.move(*rate.to_screen(310, 200))
    mouse.down()
    mouse.move(*rate.to_screen(210, 260), steps=5)
    mouse.up()
    x, y = (float(field.input_value()) for field in rate.at(".rt-place-panel input").all())
    assert (x, y) == (pytest.approx(200, abs=1.5), pytest.approx(250, abs=1.5)), "it keeps its distance to the pointer"
    mouse.click(*rate.to_screen(120, 80))
    x, y = (float(field.input_value()) for field in rate.at(".rt-place-panel input").all())
    assert (x, y) == (pytest.approx(120, abs=1), pytest.approx(80, abs=1))
    rate.press("Backspace")
    expect(rate.at(".rt-mark.is-point")).to_be_hidden()
    rate.press("Escape")
    rate.rate("y", "1")
    rate.saved(1)
    assert rate.given()[0]["correction"] is None
    assert rate.given()[0]["keys_only"] is False


def test_a_box_by_keys(rate: Rate) -> None:
    rate.open()
    rate.press("b", "ArrowLeft")
    values = [field.input_value() for field in rate.at(".rt-place-panel input").all()]
    assert values == ["249", "140", "349", "240"]
    rate.press("Alt+Shift+ArrowRight", "Control+ArrowUp", "Escape")
    rate.rate("n", "1")
    rate.saved(1)
    assert rate.given()[0]["correction"] == {"point": None, "box": {"x1": 249, "y1": 140, "x2": 359, "y2": 239}}


def test_a_box_by_pointer_takes_the_place_of_a_moved_point(rate: Rate) -> None:
    rate.open()
    rate.press("m", "ArrowLeft", "b")
    mouse = rate.page.mouse

    def drag(start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse.move(*rate.to_screen(*start))
        mouse.down()
        mouse.move(*rate.to_screen(*end), steps=4)
        mouse.up()

    drag((400, 300), (200, 100))
    expect(rate.at(".rt-mark.is-point")).to_be_hidden()
    drag((300, 200), (310, 220))
    drag((410, 320), (450, 700))
    values = [float(field.input_value()) for field in rate.at(".rt-place-panel input").all()]
    assert values == [pytest.approx(210, abs=2), pytest.approx(120, abs=2), pytest.approx(450, abs=2), 400]
    rate.press("Enter")
    expect(rate.at(".rt-place-panel")).to_be_hidden()
    rate.rate("n", "1")
    rate.saved(1)
    assert rate.given()[0]["correction"]["point"] is None


def test_one_s_own_point_comes_first(rate: Rate) -> None:
    rate.world.studies[1] = study(1, "Demo", own_point_first=True)
    rate.world.items[1] = steps_of(1, STEPS[1:2])
    rate.open()
    expect(rate.at(".rt-mark.is-circle")).to_be_hidden()
    assert rate.page.get_by_role("radio", name="Yes").is_disabled()
    rate.press("x", "y")
    expect(rate.at(".rt-zoom")).to_be_hidden()
    expect(rate.at(".rt-hint")).to_have_text("Mark the place first, then confirm it.")
    assert rate.chosen() == []
    rate.press("Shift+ArrowLeft", "ArrowUp", "Enter")
    expect(rate.at(".rt-mark.is-circle")).to_be_visible()
    expect(rate.at(".rt-mark.is-own")).to_be_visible()
    rate.press("y", "4")
    rate.saved(1)
    assert rate.given()[0]["own_point"] == {"x": 290, "y": 199}


def test_one_s_own_point_by_pointer_survives_a_reload_before_it_is_confirmed(rate: Rate) -> None:
    rate.world.studies[1] = study(1, "Demo", own_point_first=True)
    rate.open()
    rate.page.mouse.click(*rate.to_screen(100, 50))
    rate.page.reload()
    rate.wait()
    expect(rate.at(".rt-mark.is-circle")).to_be_hidden()
    rate.page.get_by_role("button", name="Confirm and show the circle").click()
    expect(rate.at(".rt-mark.is-circle")).to_be_visible()
    rate.rate("n", "1")
    rate.saved(1)
    point = rate.given()[0]["own_point"]
    assert (point["x"], point["y"]) == (pytest.approx(100, abs=1), pytest.approx(50, abs=1))


def test_a_study_without_corrections(rate: Rate) -> None:
    rate.world.studies[1] = study(1, "Demo", corrections=False)
    rate.open()
    rate.press("m", "b")
    expect(rate.at(".rt-place-panel")).to_be_hidden()
    expect(rate.page.get_by_role("button", name="Move the point")).to_be_hidden()


def test_boxes_are_brought_inside(rate: Rate) -> None:
    cases = [
        ((10, 10, 5, 2), (5, 2, 10, 10)),
        ((-5, -5, 900, 900), (0, 0, 100, 50)),
        ((100, 50, 100, 50), (99, 49, 100, 50)),
        ((-9, -9, -5, -5), (0, 0, 1, 1)),
    ]
    boxes = [dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)) for box, _ in cases]
    found = rate.module("placing.js", f"{json.dumps(boxes)}.map(box => Object.values(m.boxWithin(box, {{width: 100, height: 50}})))")
    assert [tuple(box) for box in found] == [inside for _, inside in cases]


def test_pictures_of_odd_sizes_are_whole_and_in_sight(rate: Rate) -> None:
    odd = ("tiny", "wide", "tall", "huge")
    rate.world.items[1] = steps_of(1, [(picture, 10, 10, f"The corner of what is {picture} {{}}.", None) for picture in odd])
    rate.open()
    for _ in odd:
        rate.wait()
        shown, stage = rate.at(".rt-picture").bounding_box(), rate.at(".rt-stage").bounding_box()
        assert shown and stage
        assert shown["x"] >= stage["x"] and shown["y"] >= stage["y"]
        assert shown["x"] + shown["width"] <= stage["x"] + stage["width"] and shown["y"] + shown["height"] <= stage["y"] + stage["height"]
        expect(rate.at(".rt-sentence")).to_be_in_viewport()
        expect(rate.page.get_by_role("radio", name="5, strongly agree")).to_be_in_viewport()
        rate.rate("y", "1")
