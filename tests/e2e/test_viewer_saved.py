"""The paper of a saved picture: wide enough for its words whatever the picture's size, and nothing on it is cut."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Route

from tests.e2e.fixture_traces import Json, identity, step, view
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser

NARROWEST = 720


def answered(body: bytes, route: Route) -> None:
    route.fulfill(body=body, content_type="image/png")


def opened(viewer: Viewer, size: tuple[int, int], steps: list[Json], **changes: Json) -> None:
    """A trace on a picture of one green."""
    stream = io.BytesIO()
    Image.new("RGB", size, (0, 200, 0)).save(stream, "PNG")
    viewer.page.route("**/pictures/odd**", partial(answered, stream.getvalue()))
    made = view("odd", "coffee", "What is there?", steps, **changes)
    width, height = size
    made["picture"] |= {"url": "/pictures/odd", "thumbnail": "/pictures/odd/thumbnail", "width": width, "height": height}
    viewer.server.content.views[made["id"]] = made
    viewer.open("odd")


def saved(viewer: Viewer, file: Path) -> Image.Image:
    viewer.page.get_by_role("button", name="Save").click()
    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("menuitem", name="Picture of the view").click()
    download.value.save_as(file)
    assert identity("odd")[:8] in download.value.suggested_filename
    with Image.open(file) as image:
        return image.convert("RGB")


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (2000, 3), (719, 5)])
def test_a_tiny_picture_stands_in_the_middle_of_a_wide_paper(viewer: Viewer, tmp_path: Path, size: tuple[int, int]) -> None:
    opened(viewer, size, [])
    image = saved(viewer, tmp_path / "view.png")
    width, height = size
    first, top = (image.width - width) // 2, 0 if height > 100 else 47
    assert image.width == max(NARROWEST, width) and image.height >= height + 150
    if size == (2000, 3):
        top = 106
    assert [x for x in range(image.width) if image.getpixel((x, top)) == (0, 200, 0)] == list(range(first, first + width))


def test_the_marks_of_a_tiny_picture_are_not_cut(viewer: Viewer, tmp_path: Path) -> None:
    steps = [step(identity("odd"), 0, "Here ", (0.5, 0.5), ".", (1, 1)), step(identity("odd"), 1, "Beyond ", (40, 0.5), ".", (1, 1))]
    opened(viewer, (1, 1), steps)
    image = saved(viewer, tmp_path / "view.png")
    assert image.getpixel((360 - 6, 47)) == (0, 114, 178), "the mark of step 1 reaches beyond the pixel"
    assert "black" not in edges(image), "nothing is cut at the paper's edge"


def edges(image: Image.Image) -> set[str]:
    """Whether any row or column at the paper's rim has something dark."""
    rim = [image.getpixel((x, 0)) for x in range(image.width)] + [image.getpixel((0, y)) for y in range(image.height)]
    return {"black" for one in rim if isinstance(one, tuple) and max(one) < 100}


def test_points_outside_have_an_arrow_at_the_edge(viewer: Viewer, tmp_path: Path) -> None:
    steps = [step(identity("odd"), 0, "Beyond ", (1500, 300), ".", (800, 600))]
    answer = {"text": "(-90, 200)", "point": {"x": -90, "y": 200, "inside": False}, "verdict": False, "reason": "outside"}
    opened(viewer, (800, 600), steps, answer=answer)
    image = saved(viewer, tmp_path / "view.png")
    assert image.width == 800
    assert image.getpixel((791, 300)) == (0, 114, 178), "the arrow of the step, at the right"
    assert image.getpixel((8, 200)) == (15, 110, 110), "the arrow of the answer, at the left"


@pytest.mark.parametrize(("x", "y"), [(2, 300), (798, 300), (400, 1), (400, 599), (-5000, -5000), (9000, 9000)])
def test_no_word_is_cut_at_the_edge(viewer: Viewer, tmp_path: Path, x: float, y: float) -> None:
    truth = {"kind": "point", "text": "here", "box": None, "point": {"x": x, "y": y}}
    opened(viewer, (800, 600), [], truth=truth)
    image = saved(viewer, tmp_path / "view.png").crop((0, 0, 800, 600))
    viewer.at("[data-layer=truth]").click()
    bare = saved(viewer, tmp_path / "bare.png").crop((0, 0, 800, 600))
    white = [one for one in image.getcolors(480_000) or [] if one[1] == (255, 255, 255)]
    assert white and not [one for one in bare.getcolors(480_000) or [] if one[1] == (255, 255, 255)]
