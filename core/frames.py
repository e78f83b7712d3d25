"""Coordinate frames: which space a model's numbers live in, and the way to the upright original and back.

Three spaces matter to a trace:

    grid      the space of the numbers the model writes, for example 1512 x 924 or 1000 x 1000
    raster    the pixels that the crops of the zoom are cut from (the picture as it was handed to the policy)
    original  the upright full picture, as a person sees it; everything on a Trace that is a Point or a Box lives here

All maps are linear in continuous coordinates (see core.geometry), so both ways agree to floating-point accuracy. Where a picture
carries an EXIF orientation that the policy's loader ignored, grid and raster lie in the stored axes and the frame turns them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from core.errors import FrameError
from core.geometry import Box, Point, Size

# The side that Qwen2-VL and Qwen2.5-VL snap to: 14 px patches, merged 2 x 2. Qwen3-VL has 16 px patches.
QWEN2_5_FACTOR = 28
QWEN3_FACTOR = 32
# Default budgets of the Qwen2.5-VL image processor and of the reference's evaluation (--max_pixels 3600*3600).
QWEN_MIN_PIXELS = 3136
REFERENCE_MAX_PIXELS = 12_960_000
# The reference's spatial evaluation shrinks pictures to this longest side (--max_image_side).
REFERENCE_MAX_SIDE = 1260
# Qwen2-VL and Qwen3-VL speak in thousandths of the picture's sides.
NORMALISED_GRID = Size(1000, 1000)


class FrameKind(StrEnum):
    """What the model's numbers are measured in."""

    ORIGINAL = "original"
    """Pixels of the picture as it is stored."""
    RESIZED = "resized"
    """Pixels after Qwen's smart_resize: each side a multiple of 28. Qwen2.5-VL speaks this natively."""
    SIDE_LIMIT = "side_limit"
    """Pixels after shrinking the longest side to a limit, as the reference's spatial evaluation does."""
    PIXEL_BUDGET = "pixel_budget"
    """Pixels after smart_resize where the picture is over a pixel budget, else pixels of the original (the reference's web and V* runs)."""
    NORMALISED = "normalised_1000"
    """Thousandths of each side, 0 to 1000: Qwen2-VL and Qwen3-VL."""


def smart_resize(
    size: Size, *, factor: int = QWEN2_5_FACTOR, min_pixels: int = QWEN_MIN_PIXELS, max_pixels: int = REFERENCE_MAX_PIXELS
) -> Size:
    """The size Qwen's image processor gives a picture: sides are multiples of `factor`, the area is within the budget.

    The rule is that of transformers' Qwen2-VL image processor. It refuses sides in a proportion over 200 : 1; this function is
    arithmetic only and answers for every size.
    """
    height = max(factor, round(size.height / factor) * factor)
    width = max(factor, round(size.width / factor) * factor)
    if height * width > max_pixels:
        shrink = math.sqrt(size.area / max_pixels)
        height = max(factor, math.floor(size.height / shrink / factor) * factor)
        width = max(factor, math.floor(size.width / shrink / factor) * factor)
    elif height * width < min_pixels:
        grow = math.sqrt(min_pixels / size.area)
        height = math.ceil(size.height * grow / factor) * factor
        width = math.ceil(size.width * grow / factor) * factor
    return Size(width, height)


def limit_side(size: Size, max_side: int) -> Size:
    """The size after shrinking the longest side to `max_side`; a smaller picture keeps its size. Sides are truncated to whole pixels."""
    longest = max(size.width, size.height)
    if longest <= max_side:
        return size
    return Size(max(1, int(size.width * max_side / longest)), max(1, int(size.height * max_side / longest)))


@dataclass(frozen=True, slots=True)
class CoordinateFrame:
    """The space of a trace's numbers, tied to one picture.

    picture      size of the upright original
    grid         extent of the model's numbers, in the policy's axes
    raster       size of the picture that crops are cut from, in the policy's axes
    orientation  EXIF orientation (1 to 8) that the policy did not apply: 1 where it saw the picture upright
    known_by     how the frame is known, in words ("args.json: max_pixels 2000000")
    """

    kind: FrameKind
    picture: Size
    grid: Size
    raster: Size
    orientation: int = 1
    known_by: str = ""

    def __post_init__(self) -> None:
        if self.orientation not in _TO_UPRIGHT:
            raise FrameError(f"EXIF orientation must be 1 to 8, not {self.orientation}.")

    @classmethod
    def original(cls, picture: Size, *, orientation: int = 1, known_by: str = "") -> CoordinateFrame:
        """Numbers are pixels of the stored picture."""
        stored = stored_size(picture, orientation)
        return cls(FrameKind.ORIGINAL, picture, stored, stored, orientation, known_by)

    @classmethod
    def resized(
        cls,
        picture: Size,
        *,
        factor: int = QWEN2_5_FACTOR,
        min_pixels: int = QWEN_MIN_PIXELS,
        max_pixels: int = REFERENCE_MAX_PIXELS,
        orientation: int = 1,
        known_by: str = "",
    ) -> CoordinateFrame:
        """Numbers are pixels of the smart-resized picture (Qwen2.5-VL)."""
        grid = smart_resize(stored_size(picture, orientation), factor=factor, min_pixels=min_pixels, max_pixels=max_pixels)
        return cls(FrameKind.RESIZED, picture, grid, grid, orientation, known_by)

    @classmethod
    def side_limit(cls, picture: Size, max_side: int = REFERENCE_MAX_SIDE, *, orientation: int = 1, known_by: str = "") -> CoordinateFrame:
        """Numbers are pixels after the longest side was limited."""
        grid = limit_side(stored_size(picture, orientation), max_side)
        return cls(FrameKind.SIDE_LIMIT, picture, grid, grid, orientation, known_by)

    @classmethod
    def pixel_budget(
        cls, picture: Size, max_pixels: int = REFERENCE_MAX_PIXELS, *, orientation: int = 1, known_by: str = ""
    ) -> CoordinateFrame:
        """Numbers are pixels of the smart-resized picture where it was over the budget, and of the original elsewhere."""
        stored = stored_size(picture, orientation)
        grid = smart_resize(stored, max_pixels=max_pixels) if stored.area > max_pixels else stored
        return cls(FrameKind.PIXEL_BUDGET, picture, grid, grid, orientation, known_by)

    @classmethod
    def normalised(cls, picture: Size, *, orientation: int = 1, known_by: str = "") -> CoordinateFrame:
        """Numbers are thousandths of each side (Qwen2-VL, Qwen3-VL); crops are cut from the stored picture."""
        return cls(FrameKind.NORMALISED, picture, NORMALISED_GRID, stored_size(picture, orientation), orientation, known_by)

    def to_original(self, x: float, y: float) -> Point:
        """The point of the upright original that the model's numbers (x, y) name; it may lie outside."""
        return self._upright(x, y, self.grid)

    def from_original(self, point: Point) -> tuple[float, float]:
        """The numbers the model would write for a point of the upright original, not rounded."""
        return self._stored(point, self.grid)

    def to_raster(self, x: float, y: float) -> Point:
        """The pixel of the raster that the model's numbers (x, y) name, in the policy's axes."""
        return Point(x * self.raster.width / self.grid.width, y * self.raster.height / self.grid.height)

    def raster_to_original(self, point: Point) -> Point:
        """The point of the upright original that a pixel of the raster shows."""
        return self._upright(point.x, point.y, self.raster)

    def original_to_raster(self, point: Point) -> Point:
        """The pixel of the raster that shows a point of the upright original."""
        return Point(*self._stored(point, self.raster))

    def raster_box_to_original(self, box: Box) -> Box:
        """A rectangle of the raster as a rectangle of the upright original."""
        one, two = self.raster_to_original(Point(box.x1, box.y1)), self.raster_to_original(Point(box.x2, box.y2))
        return Box(min(one.x, two.x), min(one.y, two.y), max(one.x, two.x), max(one.y, two.y))

    def grid_box_to_original(self, box: Box) -> Box:
        """A rectangle in the model's numbers as a rectangle of the upright original."""
        one, two = self.to_original(box.x1, box.y1), self.to_original(box.x2, box.y2)
        return Box(min(one.x, two.x), min(one.y, two.y), max(one.x, two.x), max(one.y, two.y))

    def round_trip_error(self, x: float, y: float) -> float:
        """Distance in original pixels between the named point and itself sent through the grid and back."""
        there = self.to_original(x, y)
        return there.distance(self.to_original(*self.from_original(there)))

    @property
    def unit(self) -> Point:
        """Original pixels covered by a step of 1 in the model's x and y: what rounding to whole numbers costs."""
        stored = stored_size(self.picture, self.orientation)
        across, down = stored.width / self.grid.width, stored.height / self.grid.height
        return Point(down, across) if self.orientation >= 5 else Point(across, down)

    def _upright(self, x: float, y: float, extent: Size) -> Point:
        if self.orientation == 1 and extent == self.picture:
            # Nothing was resized or turned: the numbers are the pixels, without a rounding error.
            return Point(x, y)
        u, v = _TO_UPRIGHT[self.orientation](x / extent.width, y / extent.height)
        return Point(u * self.picture.width, v * self.picture.height)

    def _stored(self, point: Point, extent: Size) -> tuple[float, float]:
        if self.orientation == 1 and extent == self.picture:
            return point.x, point.y
        across, down = _TO_STORED[self.orientation](point.x / self.picture.width, point.y / self.picture.height)
        return across * extent.width, down * extent.height


def stored_size(picture: Size, orientation: int) -> Size:
    """The size in the file's own axes of an upright picture with this EXIF orientation: 5 to 8 lie on their side."""
    return picture.transposed if orientation >= 5 else picture


# EXIF orientation -> where a fraction of the stored picture lands in the upright one (EXIF 2.3, tag 0x0112).
_TO_UPRIGHT = {
    1: lambda u, v: (u, v),
    2: lambda u, v: (1 - u, v),
    3: lambda u, v: (1 - u, 1 - v),
    4: lambda u, v: (u, 1 - v),
    5: lambda u, v: (v, u),
    6: lambda u, v: (1 - v, u),
    7: lambda u, v: (1 - v, 1 - u),
    8: lambda u, v: (v, 1 - u),
}
# Six of the eight are their own inverse; the two quarter turns undo one another.
_TO_STORED = {**_TO_UPRIGHT, 6: _TO_UPRIGHT[8], 8: _TO_UPRIGHT[6]}
