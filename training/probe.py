"""`launch.py probe`: can a net learn to read the needle world's marks without looking? It must not, and from crops it must.

A small convolutional net is trained on marks that are drawn by chance, in five views of the same scenes:

    item    the overview as a policy is shown it, cut round an item whose place is known
    whole   all of the overview, with the item's place given beside it
    crop    what a look at the item shows

    finer-item, finer-whole    as the first two, from an overview twice as fine, in which marks are seen: the net would read them there

On the first two it has to stay at chance; on the others it reads nearly all. A scene is shown once, so nothing can be learnt by heart.
"""

# ruff: noqa: T201 - a command speaks through print

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from core.errors import TaskError

if TYPE_CHECKING:
    from core.tasks.needle.hiding import Probe
    from core.tasks.needle.values import Difficulty

SCENES, ASKED = 20_000, 4_000
"""Scenes that a net learns from, and items that it is asked about then."""
_BATCH = 32
_RATE = 2e-3
# So many px of the overview stand round an item on each side.
_MARGIN = 4


class View(StrEnum):
    """What the net is shown."""

    ITEM = "item"
    WHOLE = "whole"
    CROP = "crop"
    FINER_ITEM = "finer-item"
    FINER_WHOLE = "finer-whole"


BLIND = (View.ITEM, View.WHOLE)
"""Views in which no mark is to be read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a net read in a view: `probe` counts it, `parameters` are the net's, `seconds` from the first scene to the last answer."""

    view: View
    probe: Probe
    parameters: int
    seconds: float

    @property
    def betrays(self) -> bool:
        """Whether marks were read that must not be: more than chance would, by the interval, in a view that cannot show them."""
        return self.view in BLIND and self.probe.interval[0] > self.probe.chance

    @property
    def at_chance(self) -> bool:
        """Whether chance lies within the 95 % interval of the accuracy."""
        low, high = self.probe.interval
        return low <= self.probe.chance <= high

    def to_json(self) -> dict[str, Any]:
        """The reading as JSON values."""
        low, high = self.probe.interval
        return {
            "view": self.view.value,
            "items_learnt": self.probe.trained,
            "n": self.probe.n,
            "right": self.probe.right,
            "accuracy": self.probe.accuracy,
            "interval": [low, high],
            "chance": self.probe.chance,
            "parameters": self.parameters,
            "seconds": self.seconds,
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which scenes, and how many."""
    views = tuple(view.value for view in View)
    parser.add_argument("views", nargs="*", metavar="VIEW", help=f"what the net is shown: {', '.join(views)} (default: all)")
    parser.add_argument(
        "--difficulty", action="append", metavar="NAME", help="easy, default, hard or gui; may be repeated (default default)"
    )
    parser.add_argument("--scenes", type=_count, default=SCENES, metavar="N", help=f"scenes that it learns from (default {SCENES:,})")
    parser.add_argument("--n", type=_count, default=ASKED, metavar="N", help=f"items that it is asked about (default {ASKED:,})")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of scenes and weights (default 0)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no such number: give a whole number of at least 1")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Trains a net for each view, and prints what it reads; 1 where a mark was read that must not be. Raises TaskError for a difficulty
    or a view that does not exist."""
    from core.tasks.needle.task import NeedleTask

    names = arguments.difficulty or ["default"]
    views = [_view(name) for name in arguments.views] or list(View)
    worlds = [NeedleTask.named(name) for name in names]
    found, betrayed = list[dict[str, Any]](), False
    if not arguments.json:
        print(f"{'':<20} {'learnt from':>12} {'asked':>7} {'right':>8}  95 % interval    chance  seconds")
    for world in worlds:
        for view in views:
            reading = probe(world.difficulty, view, scenes=arguments.scenes, n=arguments.n, seed=arguments.seed)
            betrayed = betrayed or reading.betrays
            found.append({"difficulty": world.name, "seed": arguments.seed, "scenes": arguments.scenes} | reading.to_json())
            if not arguments.json:
                print(_line(world.name, reading), flush=True)
    if arguments.json:
        print(json.dumps(found, indent=2))
    return 1 if betrayed else 0


def _view(name: str) -> View:
    if name not in tuple(View):
        raise TaskError(f"There is no view {name!r}: choose from {', '.join(View)}.")
    return View(name)


def _line(name: str, reading: Reading) -> str:
    low, high = (100 * end for end in reading.probe.interval)
    told = reading.probe
    figures = f"{told.trained:>12,} {told.n:>7,} {100 * told.accuracy:>6.1f} %  {low:>5.1f} to {high:>5.1f} %"
    return f"{name + ' ' + reading.view:<20} {figures}  {100 * told.chance:>5.1f} %  {reading.seconds:>7.0f}"


def probe(difficulty: Difficulty, view: View, *, scenes: int = SCENES, n: int = ASKED, seed: int = 0) -> Reading:
    """Train a net on marks in one view of that many scenes, and ask it about `n` items of others. The same arguments give the same net on
    one machine.

    Of whole overviews one item a scene is learnt from, in the other views every one.
    """
    import torch

    from core.tasks.needle.hiding import Probe

    began = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _net(len(difficulty.marks))
        learnt = _learn(net, _scenes(difficulty, view, seed, 0, scenes), scenes * _a_scene(difficulty, view))
        asked = islice((one for scene in _scenes(difficulty, view, seed, scenes, None) for one in scene), n)
        right = _right(net, asked)
    parameters = sum(weight.numel() for weight in net.parameters())
    return Reading(view, Probe(learnt, n, right, 1 / len(difficulty.marks)), parameters, time.perf_counter() - began)


# A picture (uint8, [rows, columns, 3]), the item's place in it ([rows, columns], 1 where it is), and the number of its mark.
_Shown = tuple[Any, Any, int]


def _a_scene(difficulty: Difficulty, view: View) -> float:
    """About how many items of a scene are learnt from."""
    return 1.0 if view in (View.WHOLE, View.FINER_WHOLE) else sum(difficulty.items) / 2


def _scenes(difficulty: Difficulty, view: View, seed: int, first: int, count: int | None) -> Iterator[list[_Shown]]:
    """What is shown of each scene from the `first` on, counted from where this seed begins."""
    from core.tasks.needle.hiding import marked_scenes

    # Seeds lie so far apart that no two share a scene.
    begin = 10_000_000 * seed + first
    for at, scene in enumerate(islice(marked_scenes(difficulty, begin), count)):
        yield _SHOWN[view](difficulty, scene, begin + at)


def _items(difficulty: Difficulty, scene: Any, finer: int = 1) -> list[_Shown]:
    import numpy as np

    from core.tasks.needle.drawing import draw
    from core.tasks.needle.hiding import overview_of

    side, period = scene.overview * finer, scene.period / finer
    small = np.asarray(overview_of(draw(scene), side))
    half = round(max(item.size for item in scene.items) / (2 * period)) + _MARGIN * finer
    shown = list[_Shown]()
    for item in scene.items:
        # A patch at the border is moved inside, so that all are of one size.
        column, row = (min(max(round(at / period), half), side - half) for at in (item.mark_centre.x, item.mark_centre.y))
        patch = small[row - half : row + half, column - half : column + half]
        shown.append((patch, np.ones(patch.shape[:2], np.float32), difficulty.marks.index(item.mark)))
    return shown


def _whole(difficulty: Difficulty, scene: Any, at: int, finer: int = 1) -> list[_Shown]:
    import numpy as np

    from core.tasks.needle.drawing import draw
    from core.tasks.needle.hiding import overview_of

    item, side = scene.items[at % len(scene.items)], scene.overview * finer
    place = np.zeros((side, side), np.float32)
    left, top, right, bottom = (round(corner * side / scene.side) for corner in item.mark_box.corners)
    place[top:bottom, left:right] = 1
    return [(np.asarray(overview_of(draw(scene), side)), place, difficulty.marks.index(item.mark))]


def _crops(difficulty: Difficulty, scene: Any) -> list[_Shown]:
    import numpy as np

    from core.crops import look_at, render_look
    from core.frames import CoordinateFrame
    from core.tasks.needle.drawing import draw

    picture, frame = draw(scene), CoordinateFrame.original(scene.size)
    shown = list[_Shown]()
    for item in scene.items:
        look = look_at(item.centre.x, item.centre.y, frame, difficulty.rule())
        assert look is not None, "an item is in its picture"
        crop = np.asarray(render_look(picture, look, frame))
        shown.append((crop, np.ones(crop.shape[:2], np.float32), difficulty.marks.index(item.mark)))
    return shown


_SHOWN: dict[View, Callable[[Difficulty, Any, int], list[_Shown]]] = {
    View.ITEM: lambda difficulty, scene, at: _items(difficulty, scene),
    View.WHOLE: _whole,
    View.CROP: lambda difficulty, scene, at: _crops(difficulty, scene),
    View.FINER_ITEM: lambda difficulty, scene, at: _items(difficulty, scene, finer=2),
    View.FINER_WHOLE: lambda difficulty, scene, at: _whole(difficulty, scene, at, finer=2),
}


# The net


def _net(marks: int) -> Any:
    """Three layers of convolutions, each behind the first at half the size, and the mean over the item's place."""
    from torch import nn

    def layer(before: int, behind: int) -> list[Any]:
        return [nn.Conv2d(before, behind, 3, padding=1), nn.BatchNorm2d(behind), nn.ReLU()]

    # Colours, and how far each pixel stands out of its neighbours.
    features = nn.Sequential(*layer(6, 16), nn.MaxPool2d(2), *layer(16, 32), nn.MaxPool2d(2), *layer(32, 64), nn.Conv2d(64, 64, 1))
    return nn.ModuleDict({"features": features, "head": nn.Linear(64, marks)})


def _said(net: Any, shown: Sequence[_Shown]) -> Any:
    """[items, marks]: the net's logits."""
    import numpy as np
    import torch
    from torch.nn import functional

    grey = torch.from_numpy(np.stack([picture for picture, _, _ in shown])).permute(0, 3, 1, 2).float()
    # A mark that leaks is a grey level or less, far below the colours: it is given in a size in which it could be seen.
    fine = torch.tanh((grey - functional.avg_pool2d(grey, 3, 1, 1, count_include_pad=False)) / 4)
    maps = functional.relu(net["features"](torch.cat([grey / 64 - 2, fine], 1)))
    place = torch.from_numpy(np.stack([place for _, place, _ in shown]))[:, None]
    weights = functional.adaptive_avg_pool2d(place, maps.shape[2:])
    return net["head"]((maps * weights).sum((2, 3)) / weights.sum((2, 3)).clamp(min=1e-6))


def _learn(net: Any, scenes: Iterator[list[_Shown]], about: float) -> int:
    """One pass over the scenes, at a rate that falls to nothing; how many items there were."""
    import torch
    from torch.nn import functional

    optimiser = torch.optim.AdamW(net.parameters(), lr=_RATE)
    learnt = 0
    for batch in _batches(scenes):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * max(0.01, 1 - learnt / about)
        wanted = torch.tensor([mark for _, _, mark in batch])
        optimiser.zero_grad()
        functional.cross_entropy(_said(net, batch), wanted).backward()
        optimiser.step()
        learnt += len(batch)
    return learnt


def _batches(scenes: Iterator[list[_Shown]]) -> Iterator[list[_Shown]]:
    """Items in batches; each is of several scenes, and the items of a scene may stand in two."""
    ones = (one for scene in scenes for one in scene)
    while batch := list(islice(ones, _BATCH)):
        # One alone has no spread that it could be set against.
        if len(batch) > 1:
            yield batch


def _right(net: Any, asked: Iterator[_Shown]) -> int:
    """How many it reads right; they are drawn as they are asked about."""
    import torch

    net.eval()
    right = 0
    with torch.no_grad():
        while some := list(islice(asked, _BATCH)):
            right += int((_said(net, some).argmax(1) == torch.tensor([mark for _, _, mark in some])).sum())
    return right
