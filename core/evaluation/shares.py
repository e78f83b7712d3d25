"""Shares with their intervals, and differences between two answers to the same questions. All computed by scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
    from scipy.stats import binomtest, bootstrap

    apart = np.array([int(this) - int(that) for this, that in pairs], np.float64)
    one_only, other_only = int((apart > 0).sum()), int((apart < 0).sum())
    changed = one_only + other_only
    p = float(binomtest(one_only, changed, 0.5).pvalue) if changed else 1.0
    interval = None
    if np.ptp(apart) > 0:
        rng = np.random.default_rng(seed)
        ends = bootstrap((apart,), np.mean, n_resamples=_RESAMPLES, batch=_AT_ONCE, confidence_level=LEVEL, method="BCa", rng=rng)
        interval = (float(ends.confidence_interval.low), float(ends.confidence_interval.high))
    return Difference(len(pairs), float(apart.mean()), interval, one_only, other_only, p)
