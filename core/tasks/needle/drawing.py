"""A scene -> its picture, and why the overview cannot show a mark.

A hatching is a cosine whose period is one pixel of the overview along an axis, or along both. The reduction to the overview (Pillow's
BICUBIC, the cubic convolution of Keys 1981 with a = -1/2, stretched by the same factor) has a zero of third order at that very
frequency: the lines weigh out to nothing. What would still leak, because a mark ends somewhere, is computed and taken off beforehand: the
mark is projected onto what that reduction maps to zero. No channel runs out of its 0 to 255, and the noise that lies over everything
before rounding to whole grey levels is wide enough (twice over the needed +-1 level) that rounding errors do not depend on the mark.

Computed in whole 64ths of a grey level, so that the same scene is the same picture everywhere.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.tasks.needle.paints import AMPLITUDE, NOISE, PAINTS
from core.tasks.needle.values import GRAINS, MARK_REACH, Item, Mark, Scene, Shape
from core.tasks.needle.widgets import draw_windows

Grid = NDArray[np.float64]
Levels = NDArray[np.int16]

# The part of a mark's reach in which it has its full amplitude; from there it falls to nothing as a raised cosine.
FULL = 0.4
_FINE = 64
_ROUND = 32


def draw(scene: Scene) -> Image.Image:
    """The scene's picture, RGB, `scene.side` px a side."""
    column, row = scene.grain
    grain = _grain(scene.side + GRAINS)[row : row + scene.side, column : column + scene.side]
    if scene.windows:
        canvas = grain + (np.asarray(draw_windows(scene), np.int16) * np.int16(_FINE) + np.int16(_ROUND))
    else:
        canvas = grain + np.int16(scene.ground * _FINE + _ROUND)
    for item in scene.items:
        if isinstance(item, Item):
            _add_shape(canvas, item, scene.ground)
        add_mark(canvas, item.mark, (item.mark_centre.x, item.mark_centre.y), MARK_REACH * item.size, item.phase, scene.period)
    canvas >>= 6
    return Image.fromarray(canvas.astype(np.uint8))


def _add_shape(canvas: Levels, item: Item, ground: int) -> None:
    left, top = item.x - item.size // 2, item.y - item.size // 2
    paint = np.array(PAINTS[item.colour], np.int16) - np.int16(ground)
    canvas[top : top + item.size, left : left + item.size] += shape_cover(item.shape, item.size)[:, :, None] * paint


def add_mark(canvas: Levels, mark: Mark, middle: tuple[float, float], reach: float, phase: tuple[int, int], period: int) -> None:
    """Lay a hatching round a point, in every channel; the canvas is in 64ths of a grey level."""
    first = [int((at - reach) // period) - 2 for at in middle]
    cells = max(math.ceil((at + reach) / period) + 2 - begin for at, begin in zip(middle, first, strict=True))
    left, top = first[0] * period, first[1] * period
    window = _window(cells * period, middle[0] - left, middle[1] - top, reach)
    hatched = np.rint(hidden(window * hatching(mark, cells * period, phase, period), period) * (AMPLITUDE * _FINE)).astype(np.int16)
    canvas[top : top + cells * period, left : left + cells * period] += hatched[:, :, None]


def hatching(mark: Mark, side: int, phase: tuple[int, int], period: int) -> Grid:
    """The endless hatching on a square that begins at a border between overview pixels; -1 to 1."""
    turn = 2 * np.pi * np.arange(side) / period
    across, down = turn + 2 * np.pi * phase[0] / 64, turn[:, None] + 2 * np.pi * phase[1] / 64
    if mark is Mark.ACROSS:
        return np.cos(down) + np.zeros(side)
    if mark is Mark.UPRIGHT:
        return np.cos(across) + np.zeros((side, 1))
    if mark is Mark.RISING:
        return _cosine_of_sum(across, down, 1)
    if mark is Mark.FALLING:
        return _cosine_of_sum(across, down, -1)
    if mark is Mark.CHECKED:
        return np.cos(across) * np.cos(down)
    woven: Grid = (np.cos(across) + np.cos(down)) / 2
    return woven


def _cosine_of_sum(across: Grid, down: Grid, sign: int) -> Grid:
    # Four cosines and sines of a row and a column instead of a cosine for every pixel.
    product: Grid = np.cos(across) * np.cos(down) - sign * np.sin(across) * np.sin(down)
    return product


@lru_cache(maxsize=256)
def _window(side: int, across: float, down: float, reach: float) -> Grid:
    middles = np.arange(side) + 0.5
    part = np.hypot(middles - across, middles[:, None] - down) / reach
    window: Grid = np.cos(np.clip((part - FULL) / (1 - FULL), 0, 1) * (np.pi / 2)) ** 2
    return window


def hidden(pattern: Grid, period: int) -> Grid:
    """The pattern without what the overview would show of it: its projection onto the null space of the reduction, along both axes."""
    seen = _seen(len(pattern), period)
    # numpy's product of two matrices warns on some machines where nothing is wrong; this one is as fast at this size.
    unseen: Grid = pattern - seen.dot(pattern).dot(seen)
    return unseen


@lru_cache(maxsize=64)
def _seen(side: int, period: int) -> Grid:
    """The projection of a line of px onto what Pillow's reduction by `period` sees of it; the line has nothing beyond its ends."""
    beyond = 2 * period
    long = side + 2 * beyond
    impulses = Image.fromarray(np.eye(long, dtype=np.float32))
    weights = np.asarray(impulses.resize((long // period, long), Image.Resampling.BICUBIC), np.float64).T
    # The line's own overview pixels only: their weights are those of the middle of a picture, where no border cuts them off.
    inner = weights[2:-2, beyond:-beyond]
    return np.asarray(np.linalg.pinv(inner) @ inner, np.float64)


@lru_cache(maxsize=256)
def shape_cover(shape: Shape, size: int) -> Levels:
    """How much of each pixel of a box of `size` px the shape covers, in 64ths."""
    fine = 8
    mask = Image.new("L", (size * fine, size * fine), 0)
    pen = ImageDraw.Draw(mask)
    if shape is Shape.DISC:
        pen.ellipse((0, 0, size * fine - 1, size * fine - 1), fill=255)
    else:
        pen.polygon([(x * size * fine, y * size * fine) for x, y in _corners(shape)], fill=255)
    share = np.asarray(mask.resize((size, size), Image.Resampling.BOX), np.float64) / 255
    return np.rint(share * _FINE).astype(np.int16)


def _corners(shape: Shape) -> list[tuple[float, float]]:
    """The shape's outline in its box, 0 to 1."""
    if shape is Shape.SQUARE:
        return [(0, 0), (1, 0), (1, 1), (0, 1)]
    if shape is Shape.TRIANGLE:
        return [(0.5, 0), (1, 1), (0, 1)]
    if shape is Shape.DIAMOND:
        return [(0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)]
    if shape is Shape.CROSS:
        near, far = 0.28, 0.72
        arms = [(near, 0), (far, 0), (far, near), (1, near), (1, far), (far, far), (far, 1), (near, 1), (near, far)]
        return [*arms, (0, far), (0, near), (near, near)]
    turns = [math.pi * (at / 5 - 0.5) for at in range(10)]
    # The sides of a star with this inner radius pass its middle at 0.295: farther out than a mark reaches.
    radii = (0.5, 0.31) * 5
    return [(0.5 + radius * math.cos(turn), 0.5 + radius * math.sin(turn)) for radius, turn in zip(radii, turns, strict=True)]


@lru_cache(maxsize=4)
def _grain(side: int) -> Levels:
    """Noise for a picture of `side` px: the sum of two even draws, in 64ths of a grey level."""
    # RandomState's stream is frozen, which numpy's newer generators do not promise.
    dice = np.random.RandomState(20260101)
    half = NOISE * _FINE // 2
    first, second = (dice.randint(-half, half + 1, (side, side, 3), np.int16) for _ in range(2))
    grain: Levels = first + second
    return grain
