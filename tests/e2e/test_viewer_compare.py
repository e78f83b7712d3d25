"""Two traces of one picture side by side, and what can be saved of a view."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.fixture_traces import identity
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser


def scales(viewer: Viewer) -> list[float]:
    found: list[float] = viewer.at(".sc-picture").evaluate_all("all => all.map(n => new DOMMatrix(getComputedStyle(n).transform).a)")
    return found


def steps(viewer: Viewer) -> list[str | None]:
    """The current step of each pane."""
    panes = viewer.at(".sc-info")
    found = [panes.nth(k).locator(".sc-step.is-current") for k in range(panes.count())]
    return [one.get_attribute("data-step") if one.count() else None for one in found]


def compare(viewer: Viewer) -> None:
    viewer.open("search", "step=1")
    viewer.page.get_by_role("button", name="Compare with").click()
    viewer.page.get_by_role("menuitem").first.click()
    expect(viewer.at(".sc-main")).to_have_count(2)


def test_another_trace_of_the_picture_is_chosen_and_linked(viewer: Viewer) -> None:
    compare(viewer)
    expect(viewer.at(".sc-side").nth(0)).to_have_text("ViGoRL-7B · right")
    expect(viewer.at(".sc-side").nth(1)).to_have_text("ViGoRL-3B · wrong")
    assert viewer.query() == {"trace": identity("search"), "step": "1", "compare": identity("search-b")}
    viewer.page.go_back()
    expect(viewer.at(".sc-main")).to_have_count(1)
    viewer.page.go_forward()
    expect(viewer.at(".sc-main")).to_have_count(2)


def test_each_side_has_its_own_step(viewer: Viewer) -> None:
    compare(viewer)
    viewer.press("ArrowRight")
    assert steps(viewer) == ["1", None]
    viewer.press("x", "ArrowRight")
    assert steps(viewer) == ["1", "0"]
    viewer.at(".sc-coordinate").last.click()
    assert steps(viewer) == ["1", "2"]
    assert viewer.query()["compare_step"] == "3"
    link = viewer.page.url
    viewer.page.goto("about:blank")
    viewer.page.goto(link)
    expect(viewer.at(".sc-main")).to_have_count(2)
    expect(viewer.at(".sc-step.is-current")).to_have_count(2)
    assert steps(viewer) == ["1", "2"]


def test_both_pictures_move_together_until_told_otherwise(viewer: Viewer) -> None:
    compare(viewer)
    viewer.press("+", "+")
    first, second = scales(viewer)
    assert first == pytest.approx(second)
    viewer.page.get_by_role("button", name="Move together").click()
    viewer.press("+")
    after, still = scales(viewer)
    assert (after, still) == pytest.approx((first * 1.25, second), rel=1e-4)


def test_escape_leaves_the_step_then_the_comparison(viewer: Viewer) -> None:
    compare(viewer)
    viewer.press("Escape")
    assert steps(viewer) == [None, None]
    viewer.press("Escape")
    expect(viewer.at(".sc-main")).to_have_count(1)
    assert viewer.query() == {"trace": identity("search")}


def test_without_another_trace_the_menu_says_so(viewer: Viewer) -> None:
    viewer.open("grounding")
    viewer.page.get_by_role("button", name="Compare with").click()
    expect(viewer.at(".sc-menu-words")).to_have_text("No other trace of this picture is stored.")


def test_on_a_narrow_screen_the_two_stack(viewer: Viewer) -> None:
    viewer.page.set_viewport_size({"width": 600, "height": 900})
    viewer.open("search", f"compare={identity('search-b')}")
    first, second = viewer.at(".sc-main").nth(0).bounding_box(), viewer.at(".sc-main").nth(1).bounding_box()
    assert first and second and second["y"] >= first["y"] + first["height"]


@pytest.mark.parametrize("size", [(1440, 900), (1280, 720), (900, 800), (900, 900)])
def test_the_two_pictures_are_large_and_level_and_nothing_lies_over_the_words(viewer: Viewer, size: tuple[int, int]) -> None:
    viewer.page.set_viewport_size({"width": size[0], "height": size[1]})
    first = viewer.server.content.views[identity("search")]
    viewer.server.content.views[identity("search")] = first | {"question": first["question"] * 20}
    compare(viewer)
    for opened in (False, True):
        stages = [viewer.at(".sc-stage").nth(k).bounding_box() for k in (0, 1)]
        words = [viewer.at(".sc-info").nth(k).bounding_box() for k in (0, 1)]
        pictures = [viewer.at(".sc-picture").nth(k).bounding_box() for k in (0, 1)]
        for side, (stage, panel, picture) in enumerate(zip(stages, words, pictures, strict=True)):
            assert stage and panel and picture
            assert stage["height"] >= 240 and picture["width"] >= 300 and panel["height"] >= 128
            parts = viewer.at(".sc-main").nth(side).locator("> :visible, .sc-look-caption:visible, .sc-look-frame:visible")
            ends = [box["y"] + box["height"] for box in (parts.nth(k).bounding_box() for k in range(parts.count())) if box]
            assert max(ends) <= panel["y"] + 0.5, "nothing reaches into the words"
        assert stages[0] and stages[1] and (stages[0]["y"], stages[0]["height"]) == (stages[1]["y"], stages[1]["height"])
        if not opened:
            viewer.at(".sc-head").first.get_by_role("button", name="Show all").click()


def test_in_a_low_window_the_looks_give_way_to_a_line(viewer: Viewer) -> None:
    viewer.page.set_viewport_size({"width": 1280, "height": 720})
    compare(viewer)
    expect(viewer.at(".sc-looks:visible")).to_have_count(0)
    viewer.page.get_by_role("button", name="Show 3 looks").first.click()
    expect(viewer.at(".sc-looks:visible")).to_have_count(2)
    expect(viewer.page.get_by_role("button", name="Hide 3 looks").first).to_be_focused()
    viewer.page.get_by_role("button", name="Hide 3 looks").last.click()
    expect(viewer.at(".sc-looks:visible")).to_have_count(0)
    viewer.press("x", "Escape", "x", "Escape", "Escape")
    expect(viewer.at(".sc-main")).to_have_count(1)
    expect(viewer.at(".sc-looks")).to_be_visible()


def save(viewer: Viewer, file: Path, item: str = "Picture of the view") -> str:
    """Saves by the menu; the name that the browser suggests."""
    viewer.page.get_by_role("button", name="Save").click()
    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("menuitem", name=item).click()
    download.value.save_as(file)
    return download.value.suggested_filename


def test_the_view_is_saved_at_the_pictures_own_size(viewer: Viewer, tmp_path: Path) -> None:
    viewer.open("large", "step=2")
    file = tmp_path / "view.png"
    assert save(viewer, file) == f"What-is-on-the-table-{identity('large')[:8]}.png"
    with Image.open(file) as image:
        assert image.width == 4240 and image.height > 2832
        colours = {image.getpixel((1000 + dx, 800 + dy))[:3] for dx in range(-40, 41, 4) for dy in range(-40, 41, 4)}
    assert (0, 158, 115) in colours, "the second mark, bluish green, stands at its point"
    expect(viewer.at(".sc-toast")).to_have_text("Picture saved.")


def test_a_saved_picture_shows_the_true_point_of_every_mark(viewer: Viewer, tmp_path: Path) -> None:
    viewer.open("coinciding", "step=2")
    save(viewer, tmp_path / "view.png")
    with Image.open(tmp_path / "view.png") as image:
        assert image.width == 720, "a narrow picture stands in the middle of a wider paper"
        assert image.getpixel((360, 200))[:3] == (213, 94, 0), "three steps at one point: the dot of the last is on top"
        assert image.getpixel((366, 203))[:3] == (204, 121, 167)
        ring = [image.getpixel((360 - far, 200))[:3] for far in range(2, 7)]
    assert any(min(colour) > 200 for colour in ring) and any(max(colour) < 90 for colour in ring), "a light and a dark outline"


def test_two_traces_are_saved_side_by_side(viewer: Viewer, tmp_path: Path) -> None:
    compare(viewer)
    name = save(viewer, tmp_path / "both.png", "Both pictures, side by side")
    assert name == f"What-lies-to-the-right-of-the-cup-{identity('search')[:8]}-{identity('search-b')[:8]}.png"
    expect(viewer.at(".sc-toast")).to_have_text("Both pictures saved, side by side in one file.")
    with Image.open(tmp_path / "both.png") as image:
        assert image.width > 1200 and image.height > 500
        second = image.width - 660
        blue = [image.getpixel((x, 190))[:3] for x in (60 + 290 - 7, second + 260 - 7)]
    assert blue == [(0, 114, 178)] * 2, "the first mark of each side"


def test_the_words_below_a_saved_picture(viewer: Viewer) -> None:
    viewer.open("outside")
    view = json.dumps(viewer.server.content.views[identity("outside")])
    said = viewer.module("legend.js", f"m.paragraphs({view}).map(one => one.text)")
    assert said[0] == "Where is the second flag?"
    assert said[1] == "ViGoRL-7B · temperature 0.5 · seed 7 · Turns ran out and no answer was demanded. · astronaut.png"
    assert said[2] == "Frame: pixels of the resized picture (512 × 512); stated by the source"
    assert said[7:10] == ["No answer", "Wrong: no answer was given", "Truth, a point: (120, 300)"]
    assert said[-2] == "Fault in turn 1: Malformed tool call. The call names no coordinate."
    assert "No faults." in viewer.module("legend.js", f"m.paragraphs({{...{view}, faults: []}}).map(one => one.text)")


def test_the_data_of_the_trace_is_saved(viewer: Viewer, tmp_path: Path) -> None:
    viewer.open("search")
    file = tmp_path / "trace.json"
    save(viewer, file, "Data of the trace")
    assert json.loads(file.read_text())["id"] == identity("search")


def test_a_trace_that_cannot_be_compared_leaves_the_first_open(viewer: Viewer) -> None:
    viewer.open("search", f"step=1&compare={'0' * 64}")
    expect(viewer.at(".sc-toast")).to_contain_text("There is no trace 000000000000.")
    expect(viewer.at(".sc-main")).to_have_count(1)
    viewer.press("ArrowRight")
    assert viewer.current() == 2
