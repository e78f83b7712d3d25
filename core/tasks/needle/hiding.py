"""Measures how well an overview hides the marks: how far two marks differ in it, and what a probe reads from it.

The probe is a ridge regression on the pixels of a patch and on its power spectrum, which tells a hatching whatever its phase. Shown
crops, it reads the marks; shown overviews, it does no better than chance. It is told where each item is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.crops import look_at, render_look, resized
from core.frames import CoordinateFrame
from core.geometry import Size
from core.tasks.needle.chance import Chance
from core.tasks.needle.drawing import draw
from core.tasks.needle.scenes import ask
from core.tasks.needle.splits import Split
from core.tasks.needle.values import GRAINS, Difficulty, Mark, Scene

Numbers = NDArray[np.float64]

# What the probe sees of a crop, and the strength of its ridge in parts of the mean variance of a feature.
_CROP_PATCH = 32
_RIDGE = 0.1


@dataclass(frozen=True, slots=True)
class Difference:
    """How far the pictures of one scene with two marks differ, in grey levels of one channel.

    overview       the largest difference of any pixel of the overview
    overview_mean  the mean of the difference, sign and all, over the overview pixels of a mark: the largest of the scene's items
    crop           the largest difference of any pixel of the crop that a look at the first item shows
    """

    overview: float
    overview_mean: float
    crop: float


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe reads: how many marks of the `n` it was tested on, after `trained` others. Chance is `chance`."""

    trained: int
    n: int
    right: int
    chance: float

    @property
    def accuracy(self) -> float:
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy (Wilson 1927)."""
        z2, share = 1.959964**2 / self.n, self.accuracy
        middle, half = share + z2 / 2, (share * (1 - share) * z2 + z2**2 / 4) ** 0.5
        return (middle - half) / (1 + z2), (middle + half) / (1 + z2)


def differences(difficulty: Difficulty, scenes: int, seed: int = 0) -> list[Difference]:
    """For that many scenes, how far they differ from themselves with another mark on every item; phases are drawn anew too."""
    found = []
    for at in range(scenes):
        chance = Chance("differences", seed, at)
        scene = ask(difficulty, seed + at, Split.TEST).scene
        one = _with_marks(scene, [chance.pick(difficulty.marks) for _ in scene.items], chance)
        others = [chance.pick([mark for mark in difficulty.marks if mark is not item.mark]) for item in one.items]
        found.append(_difference(one, _with_marks(scene, others, chance), difficulty))
    return found


def probe_overview(difficulty: Difficulty, trained: int, n: int, seed: int = 0) -> Probe:
    """What the probe reads from the overview round the items."""
    return _probe(difficulty, trained, n, seed, crops=False)


def probe_crops(difficulty: Difficulty, trained: int, n: int, seed: int = 0) -> Probe:
    """What the same probe reads from crops round the items: what it could read, were it shown."""
    return _probe(difficulty, trained, n, seed, crops=True)


def overview_of(picture: Image.Image, side: int) -> Image.Image:
    """The picture as a policy is shown it, `side` px a side."""
    return resized(picture, Size(side, side))


def _with_marks(scene: Scene, marks: Sequence[Mark], chance: Chance) -> Scene:
    items = [replace(item, mark=mark, phase=(chance.below(64), chance.below(64))) for item, mark in zip(scene.items, marks, strict=True)]
    return replace(scene, items=tuple(items))


def _difference(one: Scene, two: Scene, difficulty: Difficulty) -> Difference:
    pictures = [draw(scene) for scene in (one, two)]
    small = [np.asarray(overview_of(picture, one.overview), np.float64) for picture in pictures]
    change = small[0] - small[1]
    # The same seed draws the same noise, so what differs is the marks' doing alone.
    means = [float(abs(change[_cells(item.mark_box.corners, one.period)].mean())) for item in one.items]
    crops = [_crop(picture, one, 0, difficulty) for picture in pictures]
    return Difference(float(np.abs(change).max()), max(means), float(np.abs(crops[0] - crops[1]).max()))


def _cells(corners: tuple[float, float, float, float], period: int) -> tuple[slice, slice]:
    left, top, right, bottom = (round(corner / period) for corner in corners)
    return slice(top, bottom), slice(left, right)


def _crop(picture: Image.Image, scene: Scene, at: int, difficulty: Difficulty) -> Numbers:
    """The crop that a look at an item shows, as a policy is shown it."""
    frame = CoordinateFrame.original(scene.size)
    centre = scene.items[at].mark_centre
    look = look_at(centre.x, centre.y, frame, difficulty.rule())
    assert look is not None, "an item is in its picture"
    return np.asarray(render_look(picture, look, frame), np.float64)


def marked_scenes(difficulty: Difficulty, seed: int = 0) -> Iterator[Scene]:
    """Scenes without end whose items bear marks by chance, whatever their questions would have made of them: what a probe learns from."""
    for at in count(seed):
        chance = Chance("probe", at)
        scene = ask(difficulty, at, Split.TEST).scene
        scene = _with_marks(scene, [chance.pick(difficulty.marks) for _ in scene.items], chance)
        yield replace(scene, grain=(chance.below(GRAINS), chance.below(GRAINS)))


def _probe(difficulty: Difficulty, trained: int, n: int, seed: int, *, crops: bool) -> Probe:
    rows, labels, marks = list[Numbers](), list[int](), difficulty.marks
    for scene in marked_scenes(difficulty, seed):
        rows += _patches(scene, difficulty, crops=crops)
        labels += [marks.index(item.mark) for item in scene.items]
        if len(rows) >= trained + n:
            break
    features, wanted = np.array(rows[: trained + n]), np.array(labels[: trained + n])
    read = _ridge(features[:trained], np.eye(len(marks))[wanted[:trained]], features[trained:]).argmax(1)
    return Probe(trained, n, int((read == wanted[trained:]).sum()), 1 / len(marks))


def _patches(scene: Scene, difficulty: Difficulty, *, crops: bool) -> list[Numbers]:
    picture = draw(scene)
    if crops:
        middle = slice((difficulty.rule().output.width - _CROP_PATCH) // 2, (difficulty.rule().output.width + _CROP_PATCH) // 2)
        return [_features(_crop(picture, scene, at, difficulty)[middle, middle]) for at in range(len(scene.items))]
    small = np.asarray(overview_of(picture, scene.overview), np.float64)
    half = max(item.size for item in scene.items) // (2 * scene.period)
    patches = []
    for item in scene.items:
        column, row = (round(at / scene.period) for at in (item.mark_centre.x, item.mark_centre.y))
        # A patch at the border is moved inside, so that all are of one size.
        column, row = (min(max(at, half), scene.overview - half) for at in (column, row))
        patches.append(_features(small[row - half : row + half, column - half : column + half]))
    return patches


def _features(patch: Numbers) -> Numbers:
    """A patch's pixels, and the logarithm of its power spectrum."""
    grey = patch.mean(2)
    power = np.abs(np.fft.rfft2(grey - grey.mean())) ** 2
    return np.concatenate([patch.ravel(), 32 * np.log1p(power).ravel()])


def _ridge(features: Numbers, wanted: Numbers, asked: Numbers) -> Numbers:
    """What a ridge regression of `wanted` on `features` says of `asked`."""
    mean = features.mean(0)
    centred = features - mean
    gram = centred.T.dot(centred)
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram)
    weights: Numbers = np.linalg.solve(gram, centred.T.dot(wanted - wanted.mean(0)))
    said: Numbers = (asked - mean).dot(weights) + wanted.mean(0)
    return said
