"""Agreement of the points that raters set: corrections, and points set before the model's was shown.

Distances are in pixels of the upright original picture, and in widths of it, which makes pictures of different sizes comparable. A box
has no point: its centre was not what the rater meant to mark. Boxes are counted apart, with how many of them hold the model's point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from annotations.results.figures import Interval, Median
from annotations.results.resampling import Array, Draws, Times, of_drawn, one_way, ratio
from annotations.results.scored import Indices, ScoredSet, sums_by
from core.geometry import Point

if TYPE_CHECKING:
    from annotations.ratings.standing import RatedStep

TOLERANCES = (0.01, 0.02, 0.05, 0.1)
"""Of the picture's width: a sweep, since no single one is right for every picture."""
NOTHING = Interval(words="There is nothing to resample.")
# Weights that are held at once when medians are drawn.
_BLOCK = 1 << 21


@dataclass(frozen=True, slots=True)
class Within:
    """The share of `n` distances that are at most `tolerance` widths of the picture."""

    tolerance: float
    share: float | None
    n: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class Distances:
    """How far points lie apart: medians in pixels and in widths of the picture, and a sweep."""

    pixels: Median
    widths: Median
    within: tuple[Within, ...]


@dataclass(frozen=True, slots=True)
class PointCount:
    """What the distances rest on. `shared_steps`: with points of two raters or more; `pairs`: of raters on these."""

    points: int
    boxes: int
    steps: int
    shared_steps: int
    pairs: int
    traces: int
    raters: int


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes that were drawn, and the share of them that hold the model's point."""

    n: int
    hit: float | None
    words: str


@dataclass(frozen=True, slots=True)
class PointAgreement:
    """Of one kind of point.

    between     distances between two raters' points on the same step
    from_model  distances from the model's point to the raters' median point, one a step
    """

    id: str
    title: str
    words: str
    n: PointCount
    between: Distances
    from_model: Distances
    boxes: Boxes | None


def point_agreements(ratings: ScoredSet, draws: Draws) -> tuple[PointAgreement, PointAgreement]:
    """The agreement of corrected points, and of the points that were set before the model's was shown."""
    corrected = _agreement("corrections", "Corrected points", ratings, _corrected, draws, _boxes(ratings))
    return corrected, _agreement("own_points", "Points set before the model's was shown", ratings, _own, draws, None)


def _corrected(row: RatedStep) -> Point | None:
    correction = row.rating.judgement.correction
    return correction.point if correction else None


def _own(row: RatedStep) -> Point | None:
    return row.rating.judgement.own_point


def _agreement(
    name: str, title: str, ratings: ScoredSet, of: Callable[[RatedStep], Point | None], draws: Draws, boxes: Boxes | None
) -> PointAgreement:
    marked = [(place, row.facts, point) for place, row in enumerate(ratings.rows) if row.facts and (point := of(row)) is not None]
    where = np.array([place for place, _, _ in marked], dtype=np.int64)
    points = np.array([(point.x, point.y) for _, _, point in marked]).reshape(-1, 2)
    model = np.array([(facts.x, facts.y) for _, facts, _ in marked]).reshape(-1, 2)
    width = np.array([facts.width for _, facts, _ in marked], dtype=np.float64)
    step, trace, rater = (np.unique(found[where], return_inverse=True)[1] for found in (ratings.step, ratings.trace, ratings.rater))
    first, second = _pairs_of(step)
    apart = np.hypot(*(points[first] - points[second]).T)
    sizes = np.bincount(step)
    middle, one = _medians(points, step)
    off = np.hypot(*(model[one] - middle).T)
    count = PointCount(
        len(points),
        boxes.n if boxes else 0,
        len(sizes),
        int((sizes > 1).sum()),
        len(first),
        len(np.unique(trace)),
        len(np.unique(rater)),
    )
    words = "" if len(points) else "No rater has set such a point."
    between = _distances(apart, width[first], trace[first], draws, "No step has such points of two raters.")
    from_model = _distances(off, width[one], trace[one], draws, "No rater has set such a point.")
    return PointAgreement(name, title, words, count, between, from_model, boxes)


def _pairs_of(step: Indices) -> tuple[Indices, Indices]:
    """The places of all pairs of points on the same step; the points of a step lie together."""
    first, second = [], []
    for places in np.split(np.arange(len(step)), np.flatnonzero(np.diff(step)) + 1):
        one, other = np.triu_indices(len(places), 1)
        first.append(places[one])
        second.append(places[other])
    return np.concatenate(first), np.concatenate(second)


def _medians(points: Array, step: Indices) -> tuple[Array, Indices]:
    """Of each step the median of its points, each coordinate by itself, (steps, 2), and the place of its first point."""
    first = np.flatnonzero(np.diff(step, prepend=-1))
    last = np.append(first[1:], len(step)) - 1
    middle = np.empty((len(first), 2))
    for axis in range(2):
        ordered = points[np.lexsort((points[:, axis], step)), axis]
        middle[:, axis] = (ordered[(first + last) // 2] + ordered[(first + last + 1) // 2]) / 2
    return middle, first


def _distances(pixels: Array, width: Array, trace: Indices, draws: Draws, words: str) -> Distances:
    if not len(pixels):
        none = Median(None, 0, NOTHING, words)
        return Distances(none, none, tuple(Within(tolerance, None, 0, NOTHING) for tolerance in TOLERANCES))
    cluster = np.unique(trace, return_inverse=True)[1]
    relative = pixels / width
    sweep = []
    for tolerance in TOLERANCES:
        inside = (relative <= tolerance).astype(np.float64)
        sums = np.stack(sums_by(inside, cluster, int(cluster.max()) + 1), axis=-1)
        sweep.append(Within(tolerance, float(inside.mean()), len(inside), one_way(sums, ratio, draws, "trace")))
    return Distances(_median(pixels, cluster, draws), _median(relative, cluster, draws), tuple(sweep))


def _median(values: Array, cluster: Indices, draws: Draws) -> Median:
    """The median with its percentile interval over traces: a median is no function of sums, so each resample is counted out."""
    order = np.argsort(values, kind="stable")
    ordered, owner = values[order], cluster[order]
    clusters = int(cluster.max()) + 1
    rows = max(1, _BLOCK // len(values))
    drawn = [
        drawn_median(ordered, part[:, owner]) for times in draws.times(clusters) for part in np.split(times, range(rows, len(times), rows))
    ]
    interval = of_drawn(float(np.median(values)), np.concatenate(drawn), clusters, "trace")
    return Median(float(np.median(values)), len(values), interval)


def drawn_median(ordered: Array, times: Times) -> Array:
    """The medians (resamples) of ordered values (n) that were drawn so many times each (resamples, n), not all 0 times."""
    up_to = np.cumsum(times, axis=1)
    total = up_to[:, -1:]
    low, high = (np.argmax(up_to > np.floor(place), axis=1) for place in ((total - 1) / 2, total / 2))
    medians: Array = (ordered[low] + ordered[high]) / 2
    return medians


def _boxes(ratings: ScoredSet) -> Boxes:
    drawn = [(row.facts, row.rating.judgement.correction) for row in ratings.rows if row.facts and row.rating.judgement.correction]
    held = [correction.box.contains(Point(facts.x, facts.y)) for facts, correction in drawn if correction.box]
    if not held:
        return Boxes(0, None, "No rater has drawn a box.")
    return Boxes(len(held), sum(held) / len(held), "")
