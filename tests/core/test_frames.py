"""Every frame leads to the original and back, in every EXIF orientation, and agrees with the reference and with Pillow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from core.errors import FrameError
from core.frames import CoordinateFrame, FrameKind, limit_side, smart_resize, stored_size
from core.geometry import Box, Point, Size

ORIENTATION_TAG = 0x0112
sizes = st.builds(Size, st.integers(1, 20_000), st.integers(1, 20_000))
orientations = st.integers(1, 8)
shares = st.floats(0, 1)


@st.composite
def frames(draw: st.DrawFn) -> CoordinateFrame:
    size, turned = draw(sizes), draw(orientations)
    match draw(st.sampled_from(FrameKind)):
        case FrameKind.ORIGINAL:
            return CoordinateFrame.original(size, orientation=turned)
        case FrameKind.RESIZED:
            return CoordinateFrame.resized(size, orientation=turned, factor=draw(st.sampled_from([28, 32])))
        case FrameKind.SIDE_LIMIT:
            return CoordinateFrame.side_limit(size, draw(st.integers(1, 4000)), orientation=turned)
        case FrameKind.PIXEL_BUDGET:
            return CoordinateFrame.pixel_budget(size, draw(st.sampled_from([200_704, 2_850_000, 12_960_000])), orientation=turned)
        case FrameKind.NORMALISED:
            return CoordinateFrame.normalised(size, orientation=turned)


@given(frames(), shares, shares)
def test_original_to_grid_and_back_is_within_half_a_pixel(frame: CoordinateFrame, across: float, down: float) -> None:
    point = Point(across * frame.picture.width, down * frame.picture.height)
    numbers = frame.from_original(point)
    assert frame.to_original(*numbers).distance(point) < 0.5
    slack = 1e-6
    assert -slack <= numbers[0] <= frame.grid.width + slack and -slack <= numbers[1] <= frame.grid.height + slack


@given(frames(), shares, shares)
def test_grid_to_original_and_back_is_within_half_a_step(frame: CoordinateFrame, across: float, down: float) -> None:
    x, y = round(across * frame.grid.width), round(down * frame.grid.height)
    point = frame.to_original(x, y)
    back = frame.from_original(point)
    assert abs(back[0] - x) < 0.5 and abs(back[1] - y) < 0.5
    assert frame.round_trip_error(x, y) < 0.5
    assert -1e-6 <= point.x <= frame.picture.width + 1e-6 and -1e-6 <= point.y <= frame.picture.height + 1e-6


@given(frames(), shares, shares)
def test_raster_and_grid_name_the_same_place(frame: CoordinateFrame, across: float, down: float) -> None:
    x, y = across * frame.grid.width, down * frame.grid.height
    by_raster = frame.raster_to_original(frame.to_raster(x, y))
    assert by_raster.distance(frame.to_original(x, y)) < 1e-6
    pixel = frame.original_to_raster(by_raster)
    assert pixel.distance(frame.to_raster(x, y)) < 1e-6


@given(frames(), shares, shares)
def test_whole_numbers_cost_at_most_half_the_unit(frame: CoordinateFrame, across: float, down: float) -> None:
    point = Point(across * frame.picture.width, down * frame.picture.height)
    x, y = frame.from_original(point)
    written = frame.to_original(round(x), round(y))
    assert abs(written.x - point.x) <= frame.unit.x / 2 + 1e-6
    assert abs(written.y - point.y) <= frame.unit.y / 2 + 1e-6


@given(frames())
def test_the_whole_grid_and_the_whole_raster_are_the_whole_picture(frame: CoordinateFrame) -> None:
    for box in (
        frame.grid_box_to_original(Box(0, 0, frame.grid.width, frame.grid.height)),
        frame.raster_box_to_original(Box(0, 0, frame.raster.width, frame.raster.height)),
    ):
        assert box.corners == pytest.approx((0, 0, frame.picture.width, frame.picture.height))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_what_pillow_makes_of_it(orientation: int) -> None:
    stored = Image.new("L", (7, 5))
    stored.putpixel((5, 1), 255)
    stored.getexif()[ORIENTATION_TAG] = orientation
    upright = ImageOps.exif_transpose(stored)
    lit = next((x, y) for y in range(upright.height) for x in range(upright.width) if upright.getpixel((x, y)) == 255)

    frame = CoordinateFrame.original(Size(*upright.size), orientation=orientation)
    assert stored_size(frame.picture, orientation) == Size(7, 5) == frame.grid
    # The middle of the lit pixel in the stored axes is the middle of the lit pixel in the upright picture.
    assert frame.to_original(5.5, 1.5).distance(Point(lit[0] + 0.5, lit[1] + 0.5)) < 1e-9


@pytest.mark.parametrize("orientation", [0, 9, -1])
def test_an_orientation_that_exif_does_not_know_is_refused(orientation: int) -> None:
    with pytest.raises(FrameError, match=f"not {orientation}"):
        CoordinateFrame(FrameKind.ORIGINAL, Size(1, 1), Size(1, 1), Size(1, 1), orientation)


def test_smart_resize_agrees_with_the_recorded_sizes(shared: Path) -> None:
    cases = json.loads((shared / "parity/resize.json").read_text())
    assert len(cases) > 20
    for case in cases:
        limits = {key: case[key] for key in ("factor", "min_pixels", "max_pixels")}
        found = smart_resize(Size(case["width"], case["height"]), **limits)
        assert [found.width, found.height] == case["resized"], case


@given(sizes, st.sampled_from([28, 32]))
def test_smart_resize_keeps_to_its_grid(size: Size, factor: int) -> None:
    found = smart_resize(size, factor=factor)
    assert found.width % factor == 0 == found.height % factor


@given(sizes, st.integers(1, 4000))
def test_limit_side_never_grows_and_keeps_to_the_limit(size: Size, limit: int) -> None:
    found = limit_side(size, limit)
    assert max(found.width, found.height) <= max(limit, 1)
    assert found.width <= size.width and found.height <= size.height


def test_known_sizes() -> None:
    assert smart_resize(Size(1920, 1080)) == Size(1932, 1092)
    assert limit_side(Size(1920, 1080), 1260) == Size(1260, 708)
    assert CoordinateFrame.pixel_budget(Size(1920, 1080)).grid == Size(1920, 1080)
    assert CoordinateFrame.pixel_budget(Size(1920, 1080), 2_000_000).grid == smart_resize(Size(1920, 1080), max_pixels=2_000_000)
    assert CoordinateFrame.normalised(Size(300, 200)).to_original(1000, 500) == Point(300, 100)
