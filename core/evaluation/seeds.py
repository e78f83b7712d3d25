"""Figures over several trainings of one kind that were asked the same questions, with intervals for other seeds and other questions.

A figure has a value for each seed and each question. Both are drawn by chance, and each value hangs on its seed, on its question, and on
how the two meet: a two-way random effects model with one value a cell. How far its mean strays follows from its mean squares, with the
degrees of freedom of S. L. Hillis, Statistics in Medicine 26, 2007 (readers and cases there are seeds and questions here). With three seeds
that is wider than drawing three seeds again would be, which cannot show how far a fourth may lie; it keeps its 95 %
(`test_the_interval_keeps_its_level_with_three_seeds`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.shares import LEVEL

Cells = Sequence[Sequence[float]]
"""A row for each seed, a column for each question."""
Tries = Sequence[Sequence[tuple[int, int]]]
"""The same with (hits, tries) in each cell."""


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """A mean, a rate, or a difference of two, over `seeds` trainings and `n` questions.

    interval  its 95 % interval; None where all values are alike, so that nothing tells how far it strays
    p         of the two-sided test that it is 0; None where there is no interval, and it is not 0
    """

    seeds: int
    n: int
    value: float
    interval: tuple[float, float] | None
    p: float | None

    def to_json(self) -> dict[str, Any]:
        """The figure as JSON values."""
        interval = None if self.interval is None else list(self.interval)
        return {"seeds": self.seeds, "n": self.n, "value": self.value, "interval": interval, "p": self.p}


def mean_over_seeds(cells: Cells) -> OverSeeds:
    """The mean of all cells. With one seed the interval is for other questions alone. Raises ValueError where there is no cell, or rows
    are of different length."""
    return _told(_table(cells), None)


def rate_over_seeds(tries: Tries) -> OverSeeds | None:
    """All hits of all tries; None where nothing was tried. Its interval is that of the ratio's linear part: hits less rate times tries,
    over the mean of tries. Raises ValueError as `mean_over_seeds`."""
    found = _linear(tries)
    return None if found is None else _told(found[1], found[0])


def mean_difference_over_seeds(one: Cells, other: Cells) -> OverSeeds:
    """How much more the one has, seed by seed and question by question. A side of one row is the same for all seeds of the other. Raises
    ValueError as `mean_over_seeds`, and where the two do not fit."""
    return _told(_apart(_table(one), _table(other)), None)


def rate_difference_over_seeds(one: Tries, other: Tries) -> OverSeeds | None:
    """How much larger the one's rate is; None where a side tried nothing. Raises ValueError as `mean_difference_over_seeds`."""
    this, that = _linear(one), _linear(other)
    if this is None or that is None:
        return None
    return _told(_apart(this[1], that[1]), this[0] - that[0])


_Table = NDArray[np.float64]


def _table(cells: Cells) -> _Table:
    table = np.array(cells, np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError("A figure over seeds needs a row for each seed and at least one question.")
    return table


def _apart(one: _Table, other: _Table) -> _Table:
    if one.shape[1] != other.shape[1] or (len(one) != len(other) and 1 not in (len(one), len(other))):
        raise ValueError(f"{one.shape} and {other.shape} seeds and questions cannot be paired.")
    return one - other


def _linear(tries: Tries) -> tuple[float, _Table] | None:
    """A rate, and what each cell adds to its distance from what is true; None where nothing was tried."""
    table = np.array(tries, np.float64)
    if table.ndim != 3 or not table.size:
        raise ValueError("A rate over seeds needs a row for each seed and at least one question.")
    hits, tried = table[..., 0], table[..., 1]
    if not tried.sum():
        return None
    rate = float(hits.sum() / tried.sum())
    return rate, (hits - rate * tried) / tried.mean()


def _told(table: _Table, value: float | None) -> OverSeeds:
    """The figure of a table; `value` where it is another than its mean."""
    found = float(table.mean()) if value is None else value
    seeds, questions = table.shape
    spread, freedom = _spread(table)
    if not spread > 1e-12:
        return OverSeeds(seeds, questions, found, None, 1.0 if abs(found) < 1e-12 else None)
    from scipy.stats import t

    reach = float(t.ppf((1 + LEVEL) / 2, freedom)) * spread
    return OverSeeds(seeds, questions, found, (found - reach, found + reach), float(2 * t.sf(abs(found) / spread, freedom)))


def _spread(table: _Table) -> tuple[float, float]:
    """Standard error of a table's mean, and its degrees of freedom; 0 where nothing tells it."""
    seeds, questions = table.shape
    if questions == 1:
        return 0.0, 1.0
    rows, columns, mean = table.mean(1), table.mean(0), table.mean()
    of_questions = seeds * float(((columns - mean) ** 2).sum()) / (questions - 1)
    if seeds == 1:
        return math.sqrt(of_questions / questions), questions - 1
    of_seeds = questions * float(((rows - mean) ** 2).sum()) / (seeds - 1)
    rest_freedom = (seeds - 1) * (questions - 1)
    of_rest = float(((table - rows[:, None] - columns + mean) ** 2).sum()) / rest_freedom
    total = of_seeds + max(of_questions - of_rest, 0.0)
    if not total > 0:
        return 0.0, 1.0
    freedom = total**2 * (seeds - 1) / of_seeds**2 if of_seeds > 0 else math.inf
    return math.sqrt(total / (seeds * questions)), min(freedom, questions - 1)
