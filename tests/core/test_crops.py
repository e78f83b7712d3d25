"""Windows, dots and pixels of the zoom, against the reference's recorded windows and against real pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from pydantic import TypeAdapter

from core.crops import (
    CropRule,
    as_rgb,
    crop_to_original,
    crop_to_raster,
    cut_look,
    look_at,
    render_look,
    resized,
    snapped_side,
    window_around,
)
from core.errors import GeometryError, PictureError
from core.frames import CoordinateFrame
from core.geometry import Point, Size
from core.trace import Look

RULE = CropRule(offset=100, side=512, dot=True)
PLAIN = CropRule(offset=10, side=28, dot=False)
sizes = st.builds(Size, st.integers(1, 20_000), st.integers(1, 20_000))


def seen(x: float, y: float, frame: CoordinateFrame, rule: CropRule) -> Look:
    look = look_at(x, y, frame, rule)
    assert look is not None
    return look


def test_windows_agree_with_the_recorded_ones(shared: Path) -> None:
    cases = json.loads((shared / "parity/crops.json").read_text())
    assert len(cases) > 50
    for case in cases:
        size, rule = Size(case["width"], case["height"]), CropRule(case["offset"], case["crop_size"], dot=False)
        assert list(window_around(*case["point"], size, rule.offset)) == case["box"], case
        assert [rule.side, rule.side] == case["out"]
        look = seen(*case["point"], CoordinateFrame.original(size), rule)
        assert list(look.cut_from) == case["box"] and look.window.corners == pytest.approx(case["box"])


@pytest.mark.parametrize(("asked", "shown"), [(384, 392), (512, 504), (672, 672), (28, 28), (1, 28), (42, 56), (70, 56)])
def test_the_shown_side_is_a_multiple_of_28(asked: int, shown: int) -> None:
    assert snapped_side(asked) == shown


@pytest.mark.parametrize(
    ("asked", "factor", "shown"), [(672, 32, 672), (512, 32, 512), (384, 32, 384), (40, 32, 32), (5, 32, 32), (57, 1, 57)]
)
def test_a_crop_has_sides_that_the_policys_patches_fit(asked: int, factor: int, shown: int) -> None:
    assert snapped_side(asked, factor) == shown
    assert CropRule(9, asked, dot=False, factor=factor).output == Size(shown, shown)


def test_a_rule_that_was_written_without_a_factor_is_read() -> None:
    adapter = TypeAdapter(CropRule)
    assert adapter.validate_python({"offset": 182, "side": 672, "dot": False}) == CropRule(182, 672, False, 28)
    rule = CropRule(100, 512, True, 32)
    assert adapter.validate_python(adapter.dump_python(rule, mode="json")) == rule
    with pytest.raises(GeometryError):
        CropRule(100, 512, True, 0)


def test_a_look_is_cut_from_the_raster_as_from_the_picture() -> None:
    frame = CoordinateFrame.resized(Size(130, 90), min_pixels=20_000)
    image = Image.effect_noise((130, 90), 60).convert("RGB")
    look = look_at(40, 30, frame, RULE)
    assert look is not None
    raster = resized(image, frame.raster)
    assert cut_look(raster, look, frame, (40, 30)).tobytes() == render_look(image, look, frame, (40, 30)).tobytes()
    assert resized(raster, frame.raster).tobytes() == raster.tobytes()


@given(sizes, st.floats(0, 1), st.floats(0, 1), st.integers(1, 400))
def test_a_window_in_the_picture_is_never_empty_and_holds_its_point(size: Size, across: float, down: float, offset: int) -> None:
    x, y = across * size.width, down * size.height
    left, top, right, bottom = window_around(x, y, size, offset)
    assert 0 <= left < right <= size.width and 0 <= top < bottom <= size.height
    assert right - left <= 2 * offset and bottom - top <= 2 * offset
    assert left <= x <= right + 1 and top <= y <= bottom + 1


@pytest.mark.parametrize(("x", "y"), [(-0.5, 10), (301, 10), (10, 200.01), (10, -1), (float("nan"), 1), (float("inf"), 1)])
def test_a_point_outside_is_no_black_square(x: float, y: float) -> None:
    with pytest.raises(GeometryError, match="outside the picture"):
        window_around(x, y, Size(300, 200), 50)
    assert look_at(x, y, CoordinateFrame.original(Size(300, 200)), RULE) is None


def test_rules_and_windows_of_no_pixels_are_refused() -> None:
    for offset, side in ((0, 28), (10, 0), (-1, 28)):
        with pytest.raises(GeometryError, match="at least 1 px"):
            CropRule(offset, side, dot=False)
    with pytest.raises(GeometryError, match="offset of at least 1 px"):
        window_around(1, 1, Size(10, 10), 0)


def test_fractions_of_a_point_are_taken_off() -> None:
    assert window_around(150.99, 100.5, Size(300, 200), 50) == window_around(150, 100, Size(300, 200), 50) == (100, 50, 200, 150)


def test_the_edges_that_cut_a_window_are_named() -> None:
    frame = CoordinateFrame.original(Size(300, 200))
    assert seen(100, 100, frame, RULE).cut == seen(200, 100, frame, RULE).cut == (), "touching an edge is not being cut by it"
    assert seen(99, 100, frame, RULE).cut == ("left",)
    assert seen(300, 200, frame, RULE).cut == ("right", "bottom")
    assert seen(1, 1, frame, CropRule(500, 28, dot=False)).cut == ("left", "top", "right", "bottom")


def test_edges_are_those_of_the_upright_picture() -> None:
    # Orientation 6: the stored top is the upright right side.
    frame = CoordinateFrame.original(Size(200, 300), orientation=6)
    look = seen(150, 0, frame, PLAIN)
    assert look.cut_from == (140, 0, 160, 10)
    assert look.cut == ("right",)
    assert look.window.corners == pytest.approx((190, 140, 200, 160))


def test_numbers_of_another_grid_are_taken_to_the_raster_first() -> None:
    frame = CoordinateFrame.normalised(Size(2000, 1000))
    look = seen(500, 500, frame, RULE)
    assert look.cut_from == (900, 400, 1100, 600)
    assert look_at(1001, 500, frame, RULE) is None
    resized = CoordinateFrame.resized(Size(1500, 932))
    assert seen(1512, 924, resized, RULE).cut_from == (1412, 824, 1512, 924)
    assert seen(1512, 924, resized, RULE).window.corners == pytest.approx((1412 * 1500 / 1512, 824 * 932 / 924, 1500, 932))


@given(sizes, st.integers(1, 8), st.floats(0, 1), st.floats(0, 1), st.integers(1, 300))
def test_every_crop_pixel_maps_back_into_the_window(size: Size, turned: int, across: float, down: float, offset: int) -> None:
    frame = CoordinateFrame.resized(size, orientation=turned)
    look = seen(across * frame.grid.width, down * frame.grid.height, frame, CropRule(offset, 512, dot=False))
    left, top, right, bottom = look.cut_from
    assert crop_to_raster(0, 0, look) == Point(left, top)
    assert crop_to_raster(look.output.width, look.output.height, look) == Point(right, bottom)
    for u, v in ((0, 0), (504, 504), (10, 499)):
        original = crop_to_original(u, v, look, frame)
        assert look.window.x1 - 1e-6 <= original.x <= look.window.x2 + 1e-6
        assert look.window.y1 - 1e-6 <= original.y <= look.window.y2 + 1e-6
        assert frame.original_to_raster(original).distance(crop_to_raster(u, v, look)) < 1e-6


def noise(width: int, height: int) -> Image.Image:
    """A picture in which no two neighbouring pixels are alike."""
    data = bytes((17 * x * x + 31 * y * (x + 3) + 7 * channel) % 256 for y in range(height) for x in range(width) for channel in range(3))
    return Image.frombytes("RGB", (width, height), data)


def test_the_pixels_are_those_of_the_window() -> None:
    picture = noise(60, 40)
    frame = CoordinateFrame.original(Size(60, 40))
    look = seen(30, 20, frame, CropRule(14, 28, dot=False))
    assert look.output == Size(28, 28)
    # 28 px cut and 28 px shown: nothing is stretched, so the pixels are the picture's own.
    assert render_look(picture, look, frame).tobytes() == picture.crop((16, 6, 44, 34)).tobytes()


def test_a_border_crop_is_stretched_to_a_square() -> None:
    picture = noise(60, 40)
    frame = CoordinateFrame.original(Size(60, 40))
    look = seen(0, 20, frame, CropRule(14, 56, dot=False))
    expected = picture.crop((0, 6, 14, 34)).resize((56, 56), Image.Resampling.BICUBIC)
    assert render_look(picture, look, frame).tobytes() == expected.tobytes()


def test_the_picture_is_first_brought_to_the_raster() -> None:
    picture = noise(100, 50)
    frame = CoordinateFrame.resized(Size(100, 50))
    assert frame.raster == Size(112, 56)
    look = seen(56, 28, frame, CropRule(14, 28, dot=False))
    expected = picture.resize((112, 56), Image.Resampling.BICUBIC).crop((42, 14, 70, 42))
    assert render_look(picture, look, frame).tobytes() == expected.tobytes()


def test_the_dot_is_red_with_a_white_rim_and_drawn_before_stretching() -> None:
    frame = CoordinateFrame.original(Size(100, 100))
    picture = Image.new("RGB", (100, 100), "black")
    look = seen(50.7, 50, frame, CropRule(28, 56, dot=True))
    crop = render_look(picture, look, frame, (50.7, 50))
    assert crop.getpixel((28, 28)) == (255, 0, 0)
    assert crop.getpixel((28 + 7, 28)) == crop.getpixel((28, 28 - 7)) == crop.getpixel((28 - 6, 28)) == (255, 255, 255)
    assert crop.getpixel((28 + 8, 28)) == (0, 0, 0)
    twice = render_look(picture, seen(50, 50, frame, CropRule(28, 112, dot=True)), frame, (50, 50))
    assert twice.getpixel((56 + 10, 56))[1] < 60 < twice.getpixel((56 + 14, 56))[1], "the disc is stretched with the crop"
    corner = render_look(picture, seen(0, 0, frame, CropRule(28, 28, dot=True)), frame, (0, 0))
    assert corner.getpixel((0, 0)) == (255, 0, 0)


def test_a_dot_needs_its_point_and_a_frame_its_picture() -> None:
    frame = CoordinateFrame.original(Size(100, 100))
    look = seen(50, 50, frame, RULE)
    with pytest.raises(GeometryError, match="no point to draw it at"):
        render_look(Image.new("RGB", (100, 100)), look, frame)
    with pytest.raises(PictureError, match="this one has 50 x 100"):
        render_look(Image.new("RGB", (50, 100)), look, frame, (50, 50))


def test_the_picture_passed_in_is_not_drawn_on() -> None:
    picture = Image.new("RGB", (100, 100))
    frame = CoordinateFrame.original(Size(100, 100))
    render_look(picture, seen(50, 50, frame, RULE), frame, (50, 50))
    assert picture.getcolors() == [(10_000, (0, 0, 0))]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_crop_shows_what_lies_at_its_window_in_the_upright_picture(orientation: int) -> None:
    stored = noise(60, 40)
    stored.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(stored)
    frame = CoordinateFrame.original(Size(*upright.size), orientation=orientation)
    look = seen(20, 25, frame, CropRule(14, 28, dot=False))
    crop = render_look(stored, look, frame)
    for u, v in ((0, 0), (27, 0), (5, 20)):
        original = crop_to_original(u + 0.5, v + 0.5, look, frame)
        assert crop.getpixel((u, v)) == upright.getpixel((int(original.x), int(original.y)))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1"])
def test_pictures_of_any_mode_are_shown_in_rgb_on_white(mode: str) -> None:
    picture = Image.new("RGBA", (40, 40), (0, 0, 0, 0)).convert(mode) if mode in ("RGBA", "LA") else Image.new(mode, (40, 40), 0)
    frame = CoordinateFrame.original(Size(40, 40))
    crop = render_look(picture, seen(20, 20, frame, PLAIN), frame)
    assert crop.mode == "RGB"
    assert crop.getpixel((10, 10)) == ((255, 255, 255) if mode in ("RGBA", "LA") else (0, 0, 0))


def test_a_real_picture_is_cut_as_its_evaluation_would(shared: Path) -> None:
    with Image.open(shared / "images/man.jpg") as picture:
        picture.load()
    frame = CoordinateFrame.pixel_budget(Size(*picture.size), 2_000_000)
    look = seen(frame.raster.width / 2, frame.raster.height / 2, frame, CropRule(182, 672, dot=False))
    crop = render_look(picture, look, frame)
    assert crop.size == (672, 672)
    # The crop is the enlarged middle: shrunk to the window's size again, it is close to the picture there.
    raster = picture.convert("RGB").resize((frame.raster.width, frame.raster.height), Image.Resampling.BICUBIC)
    shrunk, expected = crop.resize((364, 364), Image.Resampling.BOX), raster.crop(look.cut_from)
    difference = sum(abs(a - b) for a, b in zip(shrunk.tobytes(), expected.tobytes(), strict=True)) / len(expected.tobytes())
    assert difference < 4


def test_of_sixteen_bits_the_upper_eight_are_shown() -> None:
    grey = Image.frombytes("I;16", (64, 64), (40_000).to_bytes(2, "little") * 64 * 64)
    assert as_rgb(grey).getcolors() == [(64 * 64, (156, 156, 156))]
