"""What is drawn says how sure it is: pixels one to one on fine screens too, and windows that are only supposed in dashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.e2e.fixture_server import FixtureServer, full
from tests.e2e.fixture_traces import identity
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser

ACTUAL = "n => new DOMMatrix(getComputedStyle(n).transform).a"
BLUE = (0, 114, 178)


@pytest.fixture
def fine(browser: Browser, _fixture_server: FixtureServer) -> Iterator[Viewer]:
    """The viewer on a screen of two pixels to a CSS pixel."""
    _fixture_server.content = full()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, device_scale_factor=2)
    yield Viewer(context.new_page(), _fixture_server)
    context.close()


@pytest.mark.parametrize("name", ["large", "long", "grounding"])
def test_one_to_one_is_one_pixel_of_the_screen(fine: Viewer, name: str) -> None:
    fine.open(name)
    fine.page.get_by_role("button", name="1:1").click()
    assert fine.at(".sc-picture").evaluate(ACTUAL) == 0.5
    expect(fine.at(".sc-zoom")).to_have_text("100 %")
    fine.press("+", "1")
    assert fine.at(".sc-picture").evaluate(ACTUAL) == 0.5


def supposed(viewer: Viewer) -> None:
    """The first look's window of `search` is a guess."""
    view = viewer.server.content.views[identity("search")]
    first, *others = view["steps"]
    look = first["look"] | {"guessed": True, "words": "182 px → 672, the window is a guess"}
    viewer.server.content.views[identity("search")] = view | {"steps": [first | {"look": look}, *others]}


def test_a_supposed_window_is_dashed(viewer: Viewer) -> None:
    supposed(viewer)
    viewer.open("search", "step=1")
    dashes = viewer.at(".sc-window .sc-window-line").evaluate_all("all => all.map(n => getComputedStyle(n).strokeDasharray)")
    assert [one == "none" for one in dashes] == [False, True, True]
    expect(viewer.at(".sc-look-words").first).to_have_text("182 px → 672, the window is a guess")


@pytest.mark.parametrize("guessed", [False, True])
def test_a_supposed_window_is_dashed_in_the_saved_picture(viewer: Viewer, tmp_path: Path, guessed: bool) -> None:
    if guessed:
        supposed(viewer)
    viewer.open("search", "step=1")
    left, top, right, _ = viewer.server.content.views[identity("search")]["steps"][0]["look"]["window"]
    viewer.page.get_by_role("button", name="Save").click()
    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("menuitem", name="Picture of the view").click()
    download.value.save_as(tmp_path / "view.png")
    with Image.open(tmp_path / "view.png") as image:
        shift = (image.width - 600) // 2
        line = [image.getpixel((shift + x, top))[:3] == BLUE for x in range(left + 4, right - 4)]
    assert any(line) and all(line) is not guessed
