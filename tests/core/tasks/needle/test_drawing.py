"""The pictures of the needle world: the same for ever, marks clear of every limit, colours and marks that can be told apart."""

from __future__ import annotations

import hashlib
from itertools import combinations

import numpy as np
import pytest

from core.tasks.needle.drawing import draw, hatching, hidden, shape_cover
from core.tasks.needle.paints import AMPLITUDE, NOISE, PAINTS
from core.tasks.needle.scenes import ask
from core.tasks.needle.splits import Split
from core.tasks.needle.values import DIFFICULTIES, MARK_REACH, TRIANGLE_DROP, Mark, Shape

PINNED = {"easy": "18ccb9c11d2bbb9a", "default": "ff0b91b4b158a647", "hard": "1d702a18ec17a79f", "gui": "3e12b70d45539476"}


@pytest.mark.parametrize("name", DIFFICULTIES)
def test_the_same_scene_is_the_same_picture_for_ever(name: str) -> None:
    pixels = draw(ask(DIFFICULTIES[name], 7, Split.TRAIN).scene).tobytes()
    assert hashlib.sha256(pixels).hexdigest()[:16] == PINNED[name]


def test_no_mark_runs_out_of_a_channel() -> None:
    for paint in PAINTS.values():
        assert min(paint) - AMPLITUDE - NOISE >= 0 and max(paint) + AMPLITUDE + NOISE <= 255


def test_the_ground_is_plain_but_for_its_noise() -> None:
    scene = ask(DIFFICULTIES["default"], 2, Split.TRAIN).scene
    pixels = np.asarray(draw(scene), int)
    ground = np.ones(pixels.shape[:2], bool)
    for item in scene.items:
        ground[int(item.box.y1) - 8 : int(item.box.y2) + 8, int(item.box.x1) - 8 : int(item.box.x2) + 8] = False
    assert np.abs(pixels[ground] - scene.ground).max() <= NOISE
    assert abs(pixels[ground].mean() - scene.ground) < 0.02


@pytest.mark.parametrize("size", [40, 48, 64, 96])
@pytest.mark.parametrize("shape", Shape)
def test_a_mark_fits_into_every_shape(shape: Shape, size: int) -> None:
    cover = shape_cover(shape, size)
    middles = np.arange(size) + 0.5
    drop = round(TRIANGLE_DROP * size) if shape is Shape.TRIANGLE else 0
    distance = np.hypot(middles - size / 2, middles[:, None] - size / 2 - drop)
    # Up to the last pixel, in which a raised cosine has nothing left to show.
    assert cover[distance < MARK_REACH * size - 1].min() == 64
    assert cover.shape == (size, size) and cover.max() == 64


def test_colours_are_far_apart() -> None:
    far = {(one, two): lab_distance(PAINTS[one], PAINTS[two]) for one, two in combinations(PAINTS, 2)}
    # A difference of about 2.3 is just noticed (Mahy, Van Eycken and Oosterlinck 1994).
    assert min(far.values()) > 45, min(far, key=lambda pair: far[pair])


def lab_distance(one: tuple[int, int, int], two: tuple[int, int, int]) -> float:
    """The distance of two sRGB colours in CIE L*a*b* (CIE 1976), under daylight D65."""
    return float(np.linalg.norm(lab(one) - lab(two)))


def lab(paint: tuple[int, int, int]) -> np.ndarray:
    part = np.array(paint) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz.dot(linear) / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("period", [3, 4, 8])
def test_hatchings_are_bounded_and_differ_whatever_their_phase(period: int) -> None:
    side = 12 * period
    spectra = {}
    for mark in Mark:
        drawn = [hatching(mark, side, (across, down), period) for across, down in ((0, 0), (13, 40), (32, 32))]
        assert all(np.abs(pattern).max() <= 1 + 1e-9 and abs(pattern.mean()) < 1e-9 for pattern in drawn)
        spectra[mark] = [np.abs(np.fft.fft2(pattern)).round(3) for pattern in drawn]
    for one, two in combinations(Mark, 2):
        # Where their spectra have their weight: across from upright, rising from falling, and so on.
        assert all(np.abs(first - second).max() > 0.2 * side**2 for first, second in zip(spectra[one], spectra[two], strict=True))


def test_hiding_changes_a_mark_by_little() -> None:
    middles = np.arange(48) + 0.5
    window = np.cos(np.clip(np.hypot(middles - 23, middles[:, None] - 25) / 18, 0, 1) * np.pi / 2) ** 2
    for mark in Mark:
        pattern = window * hatching(mark, 48, (5, 9), 4)
        assert 0 < np.abs(hidden(pattern, 4) - pattern).max() < 0.02
