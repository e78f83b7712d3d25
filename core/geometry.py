"""Size, Point and Box in pixels: x grows to the right, y grows downwards, (0, 0) is the outer corner of the first pixel.

Coordinates are continuous: the pixel in column 3 covers 3 <= x < 4, and a picture of width W covers 0 <= x <= W.
Which picture the pixels belong to is said by the owner of the value; on a `Trace` it is always the upright original.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.errors import GeometryError


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in whole pixels, each at least 1. Raises GeometryError otherwise."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise GeometryError(f"A size needs a width and a height of at least 1 px, not {self.width} x {self.height}.")

    @property
    def area(self) -> int:
        """Pixels in all."""
        return self.width * self.height

    @property
    def transposed(self) -> Size:
        """The same size lying on its side."""
        return Size(self.height, self.width)

    def contains(self, point: Point) -> bool:
        """True for a point in the picture or on its edge: x == width is the right edge, and is inside."""
        return 0 <= point.x <= self.width and 0 <= point.y <= self.height

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


@dataclass(frozen=True, slots=True)
class Point:
    """A finite point in pixels; it may lie outside a picture. Raises GeometryError for NaN and infinity."""

    x: float
    y: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise GeometryError(f"A point needs two finite numbers, not ({self.x}, {self.y}).")

    def distance(self, other: Point) -> float:
        """Euclidean distance in pixels."""
        return math.hypot(self.x - other.x, self.y - other.y)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle x1 <= x2, y1 <= y2 in pixels. Raises GeometryError for NaN, infinity or corners in the wrong order."""

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (self.x1, self.y1, self.x2, self.y2)):
            raise GeometryError(f"A box needs four finite numbers, not {self.corners}.")
        if self.x1 > self.x2 or self.y1 > self.y2:
            raise GeometryError(f"A box needs x1 <= x2 and y1 <= y2, not {self.corners}: swap the corners.")

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """(x1, y1, x2, y2)."""
        return (self.x1, self.y1, self.x2, self.y2)

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def centre(self) -> Point:
        return Point((self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2)

    def contains(self, point: Point) -> bool:
        """True inside and on the edge, as the reference's point-in-box judge has it."""
        return self.x1 <= point.x <= self.x2 and self.y1 <= point.y <= self.y2

    def intersection(self, other: Box) -> Box | None:
        """The shared rectangle, of area 0 where the two only touch; None where they do not meet."""
        x1, y1 = max(self.x1, other.x1), max(self.y1, other.y1)
        x2, y2 = min(self.x2, other.x2), min(self.y2, other.y2)
        return Box(x1, y1, x2, y2) if x1 <= x2 and y1 <= y2 else None

    def clipped(self, size: Size) -> Box | None:
        """The part inside a picture of that size, or None where there is none."""
        return self.intersection(Box(0, 0, size.width, size.height))

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1; 0 where both are empty."""
        shared = self.intersection(other)
        overlap = shared.area if shared else 0.0
        union = self.area + other.area - overlap
        return overlap / union if union > 0 else 0.0


_ROWS = ("upper", "middle", "lower")
_COLUMNS = ("left", "centre", "right")


def describe_place(point: Point, size: Size) -> str:
    """A point in words for readers who do not see the overlay: 'upper left, 12 % from the left, 9 % from the top'.

    The picture is cut into thirds; a point outside says on which side and by how many pixels.
    """
    if not size.contains(point):
        return "outside the picture, " + " and ".join(_overshoots(point, size))
    across, down = point.x / size.width, point.y / size.height
    row, column = _ROWS[min(2, int(down * 3))], _COLUMNS[min(2, int(across * 3))]
    place = "centre" if (row, column) == ("middle", "centre") else f"{row} {column}"
    side = f"{across:.0%} from the left" if across <= 0.5 else f"{1 - across:.0%} from the right"
    level = f"{down:.0%} from the top" if down <= 0.5 else f"{1 - down:.0%} from the bottom"
    return f"{place}, {side}, {level}".replace("%", " %")


def _overshoots(point: Point, size: Size) -> list[str]:
    beyond = (
        (-point.x, "beyond the left edge"),
        (point.x - size.width, "beyond the right edge"),
        (-point.y, "above the top edge"),
        (point.y - size.height, "below the bottom edge"),
    )
    return [f"{distance:.0f} px {side}" for distance, side in beyond if distance > 0]
