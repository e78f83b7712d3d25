"""The needle world: how fast scenes are made, how far the overview hides their marks, what a probe reads; and the pictures of its page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from app.bench.report import Figure
from core.crops import look_at, render_look
from core.frames import CoordinateFrame
from core.geometry import Size
from core.tasks.needle.drawing import draw
from core.tasks.needle.expert import solve
from core.tasks.needle.hiding import Probe, differences, overview_of, probe_crops, probe_overview
from core.tasks.needle.scenes import ask
from core.tasks.needle.splits import Split
from core.tasks.needle.values import DIFFICULTIES, Asked, Difficulty, Distractor, Kind, Mark

# Scenes of each measurement of speed, scenes whose overviews are compared, and items that a probe learns from and is asked about.
_TIMED, _COMPARED, _TRAINED, _PROBED = 200, 1_000, 6_000, 4_000
_PROBED_CROPS = 1_000
_GAP, _PAPER = 12, (255, 255, 255)


def run(*, repeats: int = 10, seed: int = 0, pictures: Path | None = None) -> list[Figure]:
    """Scenes a second, differences between two marks in grey levels, and the share of marks that a probe reads, in percent.

    pictures  a folder into which the pictures of the page docs/needle.md are written too
    """
    if pictures is not None:
        write_pictures(pictures)
    return [*_speeds(repeats, seed), *(figure for name in DIFFICULTIES for figure in _hiding(name, seed))]


def _speeds(repeats: int, seed: int) -> list[Figure]:
    figures = []
    for name in ("default", "gui"):
        difficulty = DIFFICULTIES[name]
        asked = [ask(difficulty, seed + at, Split.TRAIN) for at in range(_TIMED)]
        for words, make in _makers(difficulty).items():
            # The first time fills caches.
            _rate(make, asked[:20])
            figures.append(Figure(f"needle, scenes {words} ({name})", tuple(_rate(make, asked) for _ in range(repeats)), "/s"))
    return figures


def _makers(difficulty: Difficulty) -> dict[str, Callable[[Asked], object]]:
    frame, rule = CoordinateFrame.normalised(Size(difficulty.side, difficulty.side)), difficulty.rule()
    return {
        "asked": lambda one: ask(difficulty, one.seed, Split.TRAIN),
        "solved": lambda one: solve(one, frame, rule),
        "drawn": lambda one: draw(one.scene),
    }


def _rate(make: Callable[[Asked], object], asked: Sequence[Asked]) -> float:
    start = time.perf_counter()
    for one in asked:
        make(one)
    return len(asked) / (time.perf_counter() - start)


def _hiding(name: str, seed: int) -> list[Figure]:
    difficulty = DIFFICULTIES[name]
    found = differences(difficulty, _COMPARED, seed)
    blind = probe_overview(_crowded(difficulty), _TRAINED, _PROBED, seed)
    seeing = probe_crops(_crowded(difficulty), _TRAINED // 2, _PROBED_CROPS, seed)
    return [
        Figure(f"needle, largest difference of two marks in an overview ({name})", tuple(one.overview for one in found), "grey", "1"),
        Figure(f"needle, mean difference over a mark in an overview ({name})", tuple(one.overview_mean for one in found), "grey"),
        Figure(f"needle, largest difference of two marks in a crop ({name})", tuple(one.crop for one in found), "grey"),
        Figure(f"needle, marks that a probe reads in overviews ({name})", (100 * blind.accuracy,), "%", _words(blind)),
        Figure(f"needle, marks that the same probe reads in crops ({name})", (100 * seeing.accuracy,), "%", _words(seeing)),
    ]


def _crowded(difficulty: Difficulty) -> Difficulty:
    """The same with more items a scene, where they have room: every one is an example for the probe."""
    return difficulty if Kind.GUI in difficulty.kinds or difficulty.items[1] > 8 else replace(difficulty, items=(6, 6))


def _words(probe: Probe) -> str:
    low, high = probe.interval
    return f"of {probe.n:,}, 95 %: {100 * low:.1f} to {100 * high:.1f}; chance {100 * probe.chance:.1f}"


# The pictures of docs/needle.md


def write_pictures(folder: Path) -> list[Path]:
    """Writes the pictures of the page docs/needle.md into a folder, and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "marks": _marks(),
        "looking": _beside(DIFFICULTIES["default"], 14, Kind.PAIR),
        "search": _beside(DIFFICULTIES["hard"], 3, Kind.SEARCH),
        "gui": _beside(DIFFICULTIES["gui"], 6, Kind.GUI),
    }
    paths = []
    for name, picture in made.items():
        paths.append(folder / f"needle-{name}.png")
        picture.save(paths[-1], optimize=True)
    return paths


def _beside(difficulty: Difficulty, seed: int, kind: Kind) -> Image.Image:
    """A scene, its overview enlarged to the same size, and below one another the crops that the expert looks at."""
    difficulty = replace(difficulty, kinds=(kind,))
    asked = ask(difficulty, seed, Split.TEST)
    whole = draw(asked.scene)
    small = overview_of(whole, asked.scene.overview).resize(whole.size, Image.Resampling.NEAREST)
    crops = [_crop(whole, asked, at, difficulty) for at in asked.looks]
    return _without_noise(_row([whole, small, _column(crops)]), asked.scene.ground)


def _crop(whole: Image.Image, asked: Asked, at: int, difficulty: Difficulty) -> Image.Image:
    frame = CoordinateFrame.original(asked.scene.size)
    look = look_at(asked.scene.items[at].x, asked.scene.items[at].y, frame, difficulty.rule())
    assert look is not None, "an item is in its picture"
    return render_look(whole, look, frame)


def _marks() -> Image.Image:
    """Each mark in a crop, twice as large as a policy is shown it."""
    crops = []
    for mark in Mark:
        difficulty = Difficulty(items=(1, 1), kinds=(Kind.MARK,), distractor=Distractor.NONE, offset=32)
        asked = ask(difficulty, 4, Split.TEST)
        items = tuple(replace(item, mark=mark) for item in asked.scene.items)
        asked = replace(asked, scene=replace(asked.scene, items=items))
        crops.append(_crop(draw(asked.scene), asked, 0, difficulty))
    return _without_noise(_row(crops), asked.scene.ground)


def _without_noise(picture: Image.Image, ground: int) -> Image.Image:
    """The picture in steps of 10 grey levels from the ground's: the noise, which makes files large, falls away."""
    steps = np.rint((np.asarray(picture, np.float64) - ground) / 10)
    return Image.fromarray(np.clip(ground + 10 * steps, 0, 255).astype(np.uint8))


def _row(pictures: Sequence[Image.Image]) -> Image.Image:
    wide = sum(picture.width for picture in pictures) + _GAP * (len(pictures) - 1)
    whole, left = Image.new("RGB", (wide, max(picture.height for picture in pictures)), _PAPER), 0
    for picture in pictures:
        whole.paste(picture, (left, 0))
        left += picture.width + _GAP
    return whole


def _column(pictures: Sequence[Image.Image]) -> Image.Image:
    high = sum(picture.height for picture in pictures) + _GAP * (len(pictures) - 1)
    whole, top = Image.new("RGB", (max(picture.width for picture in pictures), high), _PAPER), 0
    for picture in pictures:
        whole.paste(picture, (0, top))
        top += picture.height + _GAP
    return whole
