"""Shares and means with their intervals, and differences between two answers to the same questions. All computed by scipy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
_RESAMPLES = 9_999
# So many resamples are drawn at once: memory stays small with many questions.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `n`, and the 95 % interval from `low` to `high` (Wilson, JASA 22, 1927). Of nothing, it is 0 to 1."""

    count: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself; not a number where n is 0."""
        return self.count / self.n if self.n else math.nan

    def to_json(self) -> dict[str, Any]:
        """The share as JSON values."""
        return {"count": self.count, "n": self.n, "share": self.value if self.n else None, "interval": [self.low, self.high]}


def share(count: int, n: int) -> Share:
    """The share with its interval."""
    if n == 0:
        return Share(0, 0, 0.0, 1.0)
    from scipy.stats import binomtest

    ends = binomtest(count, n).proportion_ci(LEVEL, method="wilson")
    return Share(count, n, float(ends.low), float(ends.high))


@dataclass(frozen=True, slots=True)
class Difference:
    """How much oftener one is right than another on the same questions.

    value      share of the one less share of the other, -1 to 1
    interval   its 95 % interval, by resampling questions (BCa: B. Efron, JASA 82, 1987); None where all pairs differ alike, so that
               resampling shows no spread
    one_only   questions on which the one alone is right, and `other_only` the other alone
    p          McNemar's exact test that both are right equally often (Q. McNemar, Psychometrika 12, 1947)
    """

    n: int
    value: float
    interval: tuple[float, float] | None
    one_only: int
    other_only: int
    p: float

    def to_json(self) -> dict[str, Any]:
        """The difference as JSON values."""
        interval = None if self.interval is None else list(self.interval)
        counts = {"only_this": self.one_only, "only_other": self.other_only}
        return {"n": self.n, "difference": self.value, "interval": interval, "p_mcnemar": self.p} | counts


def difference(one: Sequence[bool], other: Sequence[bool], seed: int = 0) -> Difference:
    """The difference of two that were asked the same questions, in the same order. Raises ValueError where there are none, or they are of
    different length."""
    pairs = list(zip(one, other, strict=True))
    if not pairs:
        raise ValueError("A difference needs at least one question.")
    from scipy.stats import binomtest

    apart = np.array([int(this) - int(that) for this, that in pairs], np.float64)
    one_only, other_only = int((apart > 0).sum()), int((apart < 0).sum())
    changed = one_only + other_only
    p = float(binomtest(one_only, changed, 0.5).pvalue) if changed else 1.0
    return Difference(len(pairs), float(apart.mean()), _resampled((apart,), np.mean, seed), one_only, other_only, p)


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over `n` questions, or a difference of two, with its 95 % interval by resampling questions (BCa); None where all are alike, so
    that resampling shows no spread, or where a resample can have nothing to take the mean of."""

    n: int
    value: float
    interval: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """The mean as JSON values."""
        return {"n": self.n, "value": self.value, "interval": None if self.interval is None else list(self.interval)}


def mean(values: Sequence[float], seed: int = 0) -> Mean:
    """The mean over questions. Raises ValueError where there are none."""
    if not values:
        raise ValueError("A mean needs at least one question.")
    column = np.array(values, np.float64)
    return Mean(len(values), float(column.mean()), _resampled((column,), np.mean, seed))


def mean_difference(one: Sequence[float], other: Sequence[float], seed: int = 0) -> Mean:
    """How much more the one has, in the mean over the same questions. Raises ValueError as `mean`, and where they differ in length."""
    return mean([this - that for this, that in zip(one, other, strict=True)], seed)


def rate_difference(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]], seed: int = 0) -> Mean | None:
    """How much larger a rate is, on the same questions: a question has (hits, tries), and a rate is all hits of all tries.

    Whole questions are resampled, both sides together, because tries on one question hang together. None where a side has no tries.
    Raises ValueError where the two differ in length.
    """
    table = np.array([(*this, *that) for this, that in zip(one, other, strict=True)], np.float64).reshape(-1, 4)
    hits, tries, other_hits, other_tries = table.T
    if not tries.sum() or not other_tries.sum():
        return None
    value = float(_rates_apart(hits, tries, other_hits, other_tries))
    return Mean(len(one), value, _resampled((hits, tries, other_hits, other_tries), _rates_apart, seed))


def rate(each: Sequence[tuple[int, int]], seed: int = 0) -> Mean | None:
    """All hits of all tries, of questions that have (hits, tries) each; whole questions are resampled. None where there are no tries."""
    hits, tries = np.array(each, np.float64).reshape(-1, 2).T
    if not tries.sum():
        return None
    return Mean(len(each), float(_rate(hits, tries)), _resampled((hits, tries), _rate, seed))


_Column = NDArray[np.float64]


def _rate(hits: _Column, tries: _Column, axis: int = -1) -> Any:
    return hits.sum(axis) / tries.sum(axis)


def _rates_apart(hits: _Column, tries: _Column, other_hits: _Column, other_tries: _Column, axis: int = -1) -> Any:
    return _rate(hits, tries, axis) - _rate(other_hits, other_tries, axis)


def _resampled(columns: tuple[_Column, ...], statistic: Callable[..., Any], seed: int) -> tuple[float, float] | None:
    """The BCa interval of a statistic over questions, all columns of a question together; None where there is none."""
    if all(np.ptp(column) == 0 for column in columns):
        return None
    from scipy.stats import DegenerateDataWarning, bootstrap

    how: dict[str, Any] = {"n_resamples": _RESAMPLES, "batch": _AT_ONCE, "confidence_level": LEVEL, "method": "BCa"}
    # A resample may have nothing to divide by, and a statistic no spread: both are told by an end that is no number.
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", DegenerateDataWarning)
        ends = bootstrap(columns, statistic, paired=True, vectorized=True, rng=np.random.default_rng(seed), **how).confidence_interval
    low, high = float(ends.low), float(ends.high)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None
