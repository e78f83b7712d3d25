"""The zoom: which window of the picture is cut out around a point, and the exact pixels the model was shown.

The rule is the reference's (evaluation, SFT builder and RL agree on it): a square window around the point, clamped to the picture
and never shifted, so that it is smaller at a border; a red dot on the crop if the rule asks for one; then the crop is stretched
to a square whose side is a multiple of 28 (of 32 for a policy with such patches). Crops are always cut from the whole picture, never
from an earlier crop.

Windows are whole pixels of the frame's raster, in the policy's axes. A point need not be whole: `int()` takes its fraction off
before the window is laid, as the reference does, so the window's middle is up to 1 px up and left of the point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

from core.errors import GeometryError, PictureError
from core.frames import QWEN2_5_FACTOR, CoordinateFrame, stored_size
from core.geometry import Box, Point, Size
from core.trace import Look

# The reference's mark: a red disc of radius 7 px with a white outline of 2 px, drawn on the crop before it is stretched.
DOT_RADIUS = 7
DOT_OUTLINE = 2
DOT_COLOUR = (255, 0, 0)
DOT_OUTLINE_COLOUR = (255, 255, 255)
_SIXTEEN_BITS = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})


@dataclass(frozen=True, slots=True)
class CropRule:
    """How a domain zooms. Raises GeometryError for an offset or a side below 1.

    offset  half the window's side, in pixels of the raster
    side    side of the crop as the settings name it; the model sees `snapped_side(side, factor)`
    dot     a red dot marks the point
    factor  the crop's side is a multiple of this many pixels: what the policy's patches ask for
    """

    offset: int
    side: int
    dot: bool
    factor: int = QWEN2_5_FACTOR

    def __post_init__(self) -> None:
        if self.offset < 1 or self.side < 1:
            raise GeometryError(f"A crop needs an offset and a side of at least 1 px, not {self.offset} and {self.side}.")
        if self.factor < 1:
            raise GeometryError(f"A crop's side is a multiple of at least 1 px, not of {self.factor}.")

    @property
    def output(self) -> Size:
        """The crop's size as the model sees it."""
        side = snapped_side(self.side, self.factor)
        return Size(side, side)


def snapped_side(side: int, factor: int = QWEN2_5_FACTOR) -> int:
    """The side in pixels that is really shown where `side` is asked for: 384 -> 392, 512 -> 504, 672 -> 672.

    `qwen_vl_utils.fetch_image` rounds to the nearest multiple of 28 (a tie goes to the even multiple), and never below 28; another
    `factor` takes its place in the same rule.
    """
    return max(factor, round(side / factor) * factor)


def window_around(x: float, y: float, raster: Size, offset: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the window around a pixel of the raster: right and bottom are the first that are left out.

    Raises GeometryError for an offset below 1, and for a point outside 0 <= x <= width, 0 <= y <= height: the reference cuts a
    black pixel there. Inside, the window is never empty, so the reference's widening of empty windows has nothing to do.
    """
    if offset < 1:
        raise GeometryError(f"A window needs an offset of at least 1 px, not {offset}.")
    if not _inside(x, y, raster):
        raise GeometryError(f"The point ({x:g}, {y:g}) is outside the picture of {raster} px: there is nothing to cut out.")
    column, row = int(x), int(y)
    return max(0, column - offset), max(0, row - offset), min(raster.width, column + offset), min(raster.height, row + offset)


def look_at(x: float, y: float, frame: CoordinateFrame, rule: CropRule) -> Look | None:
    """The look that the environment gives at (x, y) in the model's own numbers; None where that is outside the picture.

    Numbers of a grid that is not the raster (Qwen3-VL's thousandths) are first taken to raster pixels. `Look.cut` names the edges
    of the upright original, also where the policy saw the picture turned.
    """
    across, down = x * frame.raster.width / frame.grid.width, y * frame.raster.height / frame.grid.height
    if not _inside(across, down, frame.raster):
        return None
    cut_from = window_around(across, down, frame.raster, rule.offset)
    window = _upright_window(cut_from, frame)
    return Look(window, cut_from, rule.output, rule.dot, _cut_edges(int(across), int(down), rule.offset, frame))


def render_look(picture: Image.Image, look: Look, frame: CoordinateFrame, point_xy: tuple[float, float] | None = None) -> Image.Image:
    """The crop's exact pixels as the model saw them (RGB, `look.output`): for a person it is not turned upright either.

    `picture` is the whole picture in the axes the policy saw: upright where `frame.orientation` is 1, as stored in the file where
    it is not. `point_xy` is the point in the model's own numbers, needed where a dot is drawn. Raises PictureError where the
    picture is of another size than the frame's, GeometryError where a dot has no point.
    """
    stored = stored_size(frame.picture, frame.orientation)
    if picture.size != (stored.width, stored.height):
        raise PictureError(
            f"The frame is for a picture of {stored} px in the policy's axes, and this one has {picture.width} x {picture.height}: "
            "turn it as its frame says, or give the right picture."
        )
    return cut_look(resized(picture, frame.raster), look, frame, point_xy)


def resized(picture: Image.Image, size: Size) -> Image.Image:
    """The picture in RGB and in that size, as a policy is shown it; what is transparent lies on white."""
    whole = as_rgb(picture)
    if whole.size == (size.width, size.height):
        return whole
    # Pillow's default for RGB, which is what the reference's loader leaves it at.
    return whole.resize((size.width, size.height), Image.Resampling.BICUBIC)


def cut_look(raster: Image.Image, look: Look, frame: CoordinateFrame, point_xy: tuple[float, float] | None = None) -> Image.Image:
    """What `render_look` gives, from the frame's raster instead of the whole picture: for many looks at one picture.

    Raises GeometryError where a dot has no point.
    """
    crop = raster.crop(look.cut_from)
    if look.dot:
        _draw_dot(crop, look, frame, point_xy)
    return crop.resize((look.output.width, look.output.height), Image.Resampling.BICUBIC)


def crop_to_raster(u: float, v: float, look: Look) -> Point:
    """The raster pixel that the pixel (u, v) of the crop shows. The crop's corners map to the window's corners."""
    left, top, right, bottom = look.cut_from
    return Point(left + u * (right - left) / look.output.width, top + v * (bottom - top) / look.output.height)


def crop_to_original(u: float, v: float, look: Look, frame: CoordinateFrame) -> Point:
    """The point of the upright original that the pixel (u, v) of the crop shows."""
    return frame.raster_to_original(crop_to_raster(u, v, look))


def _inside(x: float, y: float, raster: Size) -> bool:
    return math.isfinite(x) and math.isfinite(y) and 0 <= x <= raster.width and 0 <= y <= raster.height


def _upright_window(cut_from: tuple[int, int, int, int], frame: CoordinateFrame) -> Box:
    window = frame.raster_box_to_original(Box(*cut_from))
    # Clipped because the map may be a rounding error beyond the edge; the window itself is inside, so something is left.
    return window.clipped(frame.picture) or window


def _cut_edges(column: int, row: int, offset: int, frame: CoordinateFrame) -> tuple[str, ...]:
    wished = frame.raster_box_to_original(Box(column - offset, row - offset, column + offset, row + offset))
    beyond = {
        "left": wished.x1 < 0,
        "top": wished.y1 < 0,
        "right": wished.x2 > frame.picture.width,
        "bottom": wished.y2 > frame.picture.height,
    }
    return tuple(edge for edge, is_beyond in beyond.items() if is_beyond)


def _draw_dot(crop: Image.Image, look: Look, frame: CoordinateFrame, point_xy: tuple[float, float] | None) -> None:
    if point_xy is None:
        raise GeometryError("This look has a dot, and no point to draw it at: give the point in the model's numbers.")
    point = frame.to_raster(*point_xy)
    x, y = int(point.x) - look.cut_from[0], int(point.y) - look.cut_from[1]
    disc = (x - DOT_RADIUS, y - DOT_RADIUS, x + DOT_RADIUS, y + DOT_RADIUS)
    ImageDraw.Draw(crop).ellipse(disc, fill=DOT_COLOUR, outline=DOT_OUTLINE_COLOUR, width=DOT_OUTLINE)


def as_rgb(picture: Image.Image) -> Image.Image:
    """The picture in RGB; what is transparent lies on white, as Qwen's loader has it; of 16 bits the upper eight are kept."""
    if picture.mode in _SIXTEEN_BITS:
        # Pillow's own conversion would clip everything over 255 to white.
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    paper = Image.new("RGB", clear.size, (255, 255, 255))
    paper.paste(clear, mask=clear.getchannel("A"))
    return paper
