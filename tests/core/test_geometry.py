"""Sizes, points, boxes, and places in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import GeometryError, SaccadeError
from core.geometry import Box, Point, Size, describe_place

coordinates = st.floats(-1e6, 1e6)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x1, x2 = sorted((draw(coordinates), draw(coordinates)))
    y1, y2 = sorted((draw(coordinates), draw(coordinates)))
    return Box(x1, y1, x2, y2)


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (-5, 5)])
def test_a_size_without_pixels_is_refused(width: int, height: int) -> None:
    with pytest.raises(GeometryError, match=f"not {width} x {height}"):
        Size(width, height)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(GeometryError):
        Point(bad, 0)
    with pytest.raises(GeometryError):
        Box(0, 0, 1, bad)


def test_a_box_with_swapped_corners_is_refused() -> None:
    with pytest.raises(GeometryError, match="swap the corners"):
        Box(5, 0, 1, 1)
    assert issubclass(GeometryError, SaccadeError) and issubclass(GeometryError, ValueError)


def test_a_size() -> None:
    size = Size(300, 200)
    assert (size.area, str(size), size.transposed) == (60_000, "300 x 200", Size(200, 300))
    assert size.contains(Point(300, 200)) and size.contains(Point(0, 0))
    assert not size.contains(Point(300.01, 0)) and not size.contains(Point(0, -0.01))


def test_a_box() -> None:
    box = Box(10, 20, 30, 60)
    assert (box.width, box.height, box.area, box.centre) == (20, 40, 800, Point(20, 40))
    assert box.contains(Point(30, 60)) and not box.contains(Point(30.5, 60))
    assert box.clipped(Size(20, 100)) == Box(10, 20, 20, 60)
    assert box.clipped(Size(5, 5)) is None


@given(boxes(), boxes())
def test_intersection_lies_in_both_and_overlap_is_symmetric(one: Box, two: Box) -> None:
    shared = one.intersection(two)
    assert shared == two.intersection(one)
    if shared:
        assert one.intersection(shared) == shared == two.intersection(shared)
    assert 0 <= one.iou(two) <= 1 + 1e-9
    assert one.iou(two) == pytest.approx(two.iou(one))


@given(boxes())
def test_a_box_overlaps_itself_wholly(box: Box) -> None:
    assert box.iou(box) == (1 if box.area > 0 else 0)
    assert box.contains(box.centre)


def test_places_in_words() -> None:
    size = Size(1000, 500)
    assert describe_place(Point(120, 45), size) == "upper left, 12 % from the left, 9 % from the top"
    assert describe_place(Point(500, 250), size) == "centre, 50 % from the left, 50 % from the top"
    assert describe_place(Point(1000, 500), size) == "lower right, 0 % from the right, 0 % from the bottom"
    assert describe_place(Point(1012, -3), size) == "outside the picture, 12 px beyond the right edge and 3 px above the top edge"
    assert describe_place(Point(-4, 507), size) == "outside the picture, 4 px beyond the left edge and 7 px below the bottom edge"
