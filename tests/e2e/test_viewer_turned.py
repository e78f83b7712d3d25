"""Pictures come upright from the server: what a file says about its orientation turns them no second time in the browser."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageOps
from playwright.sync_api import Route

from tests.e2e.fixture_server import picture
from tests.e2e.fixture_traces import identity
from tests.e2e.viewing import Viewer

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 451, 300


def marked(image: Image.Image, file_format: str) -> bytes:
    """The picture as it stands, with EXIF orientation 6 (a quarter to the right) written into its file."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    stream = io.BytesIO()
    image.save(stream, file_format, exif=exif.tobytes())
    return stream.getvalue()


def halves(width: int, height: int) -> Image.Image:
    """Red at the left, blue at the right."""
    made = Image.new("RGB", (width, height), (255, 0, 0))
    made.paste((0, 0, 255), (width // 2, 0, width, height))
    return made


def answered(body: bytes, kind: str, route: Route) -> None:
    route.fulfill(body=body, content_type=kind)


@pytest.fixture
def turned(viewer: Viewer) -> Viewer:
    """The viewer before a picture and a look whose files say, wrongly by now, that they lie on their side."""
    bodies = {"**/pictures/chelsea": ("JPEG", (WIDTH, HEIGHT)), "**/pictures/chelsea/thumbnail": ("JPEG", (160, 106))}
    for pattern, (file_format, size) in {**bodies, "**/looks/0.png": ("PNG", (672, 672))}.items():
        body = marked(halves(*size), file_format)
        viewer.page.route(pattern, partial(answered, body, f"image/{file_format.lower()}"))
    return viewer


def shown(viewer: Viewer, selector: str) -> list[str]:
    """The colours at the left and the right of an element, as they are on the screen."""
    image = Image.open(io.BytesIO(viewer.at(selector).first.screenshot())).convert("RGB")
    return [named(image, x * image.width // 8, image.height // 3) for x in (2, 6)]


def named(image: Image.Image, x: int, y: int) -> str:
    pixel = image.convert("RGB").getpixel((x, y))
    assert isinstance(pixel, tuple)
    return "red" if pixel[0] > pixel[2] else "blue"


def test_the_fixture_would_be_turned_by_who_heeds_its_orientation(viewer: Viewer) -> None:
    made = Image.open(io.BytesIO(marked(picture("chelsea"), "JPEG")))
    assert (made.size, ImageOps.exif_transpose(made).size) == ((WIDTH, HEIGHT), (HEIGHT, WIDTH))


def test_the_picture_and_its_thumbnail_are_shown_as_they_are(turned: Viewer) -> None:
    turned.open("wordy")
    turned.at("[data-layer=path]").click()
    assert shown(turned, ".sc-picture") == ["red", "blue"]
    turned.at(".sc-preview").first.evaluate("n => { n.hidden = false; n.nextElementSibling.hidden = true }")
    assert shown(turned, ".sc-preview") == ["red", "blue"]


def test_the_looks_are_shown_as_they_are(turned: Viewer) -> None:
    turned.open("search")
    turned.at(".sc-look-picture").first.evaluate("n => n.decode()")
    assert shown(turned, ".sc-look-picture") == ["red", "blue"]
    turned.press("Home", "o")
    turned.at(".sc-crop").evaluate("n => n.decode()")
    turned.at(".sc-cross").evaluate("n => { n.hidden = true }")
    assert shown(turned, ".sc-crop") == ["red", "blue"]


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_the_saved_picture_shows_it_as_it_is(turned: Viewer, tmp_path: Path, file_format: str) -> None:
    body = marked(halves(WIDTH, HEIGHT), file_format)
    turned.page.route("**/pictures/chelsea", partial(answered, body, f"image/{file_format.lower()}"))
    turned.open("wordy")
    turned.page.get_by_role("button", name="Save").click()
    with turned.page.expect_download() as download:
        turned.page.get_by_role("menuitem", name="Picture of the view").click()
    download.value.save_as(tmp_path / "view.png")
    assert identity("wordy")[:8] in download.value.suggested_filename
    with Image.open(tmp_path / "view.png") as image:
        left = (image.width - WIDTH) // 2
        assert [named(image, left + x, 100) for x in (90, 360)] == ["red", "blue"]
