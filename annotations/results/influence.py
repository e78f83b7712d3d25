"""Every headline once more without each rater: whether a figure hangs on one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from annotations.results.figures import Figure
from annotations.results.headlines import asked
from annotations.results.resampling import ratio
from annotations.results.scored import ScoredSet, sums_by


@dataclass(frozen=True, slots=True)
class Without:
    """A figure without one rater: its value, of `n` ratings, and how far that is from the whole."""

    rater: str
    value: float | None
    change: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Extreme:
    """Without whom a figure is lowest, or highest."""

    rater: str
    value: float


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """A headline without each of the raters it rests on."""

    figure: str
    title: str
    unit: str
    value: float | None
    words: str
    lowest: Extreme | None
    highest: Extreme | None
    rows: tuple[Without, ...]


def leave_one_out(ratings: ScoredSet, figures: tuple[Figure, ...], names: Mapping[int, str]) -> tuple[LeaveOneOut, ...]:
    """For each headline its value without each rater. figures: the headlines of the same ratings; names by rater id."""
    found = []
    for which, whole in zip(asked(ratings), figures, strict=True):
        sums = np.stack(sums_by(which.scores(ratings), ratings.rater, len(ratings.raters)), axis=-1)
        rest = sums.sum(axis=0) - sums
        rows = tuple(
            _without(names[rater], float(value), whole.value, int(n))
            for rater, value, n, own in zip(ratings.raters, ratio(rest), rest[:, 1], sums[:, 1], strict=True)
            if own
        )
        found.append(_told(whole, rows))
    return tuple(found)


def _without(rater: str, value: float, whole: float | None, n: int) -> Without:
    if not n or whole is None:
        return Without(rater, None, None, n)
    return Without(rater, value, value - whole, n)


def _told(whole: Figure, rows: tuple[Without, ...]) -> LeaveOneOut:
    there = sorted((row.value, row.rater) for row in rows if row.value is not None)
    if not there:
        words = "Only one rater: nothing is left without them." if rows else whole.words
        return LeaveOneOut(whole.id, whole.title, whole.unit, whole.value, words, None, None, rows)
    (low, lowest), (high, highest) = there[0], there[-1]
    return LeaveOneOut(whole.id, whole.title, whole.unit, whole.value, "", Extreme(lowest, low), Extreme(highest, high), rows)
