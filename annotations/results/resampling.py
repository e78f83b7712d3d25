"""Intervals by drawing anew what the ratings hang together in: traces, raters, or both at once.

Ratings of one trace resemble each other, and so do those of one rater: drawing single ratings would make every interval too narrow.
So whole clusters are drawn. Every figure here is a function of sums over clusters (a mean is the sum of scores over their number), so that
a resample needs no rating: how often each cluster was drawn, times the clusters' sums, is all the sums of the resample.

Sources. Bias-corrected and accelerated intervals: B. Efron, "Better bootstrap confidence intervals", JASA 82 (1987), as
scipy.stats.bootstrap computes them. Two factors at once: A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007):
traces and raters are drawn independently, and a rating counts as often as its trace was drawn times as often as its rater was. What is
chance of the single rating is then drawn with both, so that the interval errs on the wide side where a trace has few ratings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from annotations.results.figures import LEVEL, Interval, Intervals, counted
from core.errors import StudyError

Array = npt.NDArray[np.float64]
Times = npt.NDArray[np.float32]
Statistic = Callable[[Array], Array]

MIN_RESAMPLES, MAX_RESAMPLES = 100, 100_000
FEW = 10
"""Clusters below which an interval is shown with a caution: it is then too narrow, see tests/annotations/results/test_coverage.py."""
# Numbers that one block of draws holds: 16 MB.
_BLOCK = 1 << 22
# Blocks of draws that are kept: figures of the same n use the same.
_KEPT = 4
# Whole numbers below are exact in single precision, whatever order they are added in.
_EXACT = 1 << 24
# Of all resamples; with more of them undefined, the rest is no fair sample of what could have been.
_MOST_UNDEFINED = 0.1


@dataclass(frozen=True, slots=True)
class Draws:
    """The random draws of one set of results: the same seed and n give the same draws, in whatever order they are asked for.

    Raises StudyError for a number of resamples or a seed that is out of range.
    """

    seed: int = 0
    resamples: int = 2000
    _kept: dict[tuple[int, int, int], Times] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not MIN_RESAMPLES <= self.resamples <= MAX_RESAMPLES:
            raise StudyError(f"Intervals are made of {MIN_RESAMPLES} to {MAX_RESAMPLES:,} resamples, not {self.resamples}.")
        if not 0 <= self.seed < 2**63:
            raise StudyError(f"The seed is a whole number from 0 on, not {self.seed}.")

    def times(self, n: int, factor: int = 0) -> Iterator[Times]:
        """How often each of `n` clusters was drawn, n with replacement: blocks (some resamples, n), together (resamples, n).

        factor  draws of different factors are independent
        """
        rows = max(1, min(self.resamples, _BLOCK // max(n, 1)))
        for block, first in enumerate(range(0, self.resamples, rows)):
            yield self._block(n, min(rows, self.resamples - first), factor, block)

    def _block(self, n: int, rows: int, factor: int, block: int) -> Times:
        key = (n, factor, block)
        if key not in self._kept:
            drawn = np.random.default_rng([self.seed, n, factor, block]).integers(0, n, (rows, n))
            flat = drawn + np.arange(rows)[:, None] * n
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = np.bincount(flat.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float32)
        return self._kept[key]

    def signs(self, n: int) -> tuple[Array, bool]:
        """Signs of +1 and -1 for `n` differences, (ways, n), and whether these are all ways; drawn where there are more than resamples."""
        if n < 63 and 2**n <= self.resamples:
            return _as_signs((np.arange(2**n)[:, None] >> np.arange(n)) & 1), True
        return _as_signs(np.random.default_rng([self.seed, n, 2]).integers(0, 2, (self.resamples, n))), False


def ratio(sums: Array) -> Array:
    """Sums (..., 2) of scores and of their number to means (...); not a number where there are none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Array = sums[..., 0] / sums[..., 1]
    return means


def one_way(sums: Array, statistic: Statistic, draws: Draws, noun: str) -> Interval:
    """The BCa interval of `statistic` over clusters.

    sums       (clusters, m): what each cluster adds to the sums
    statistic  sums (..., m) to values (...); not a number where it is not defined
    noun       what a cluster is, for the words
    """
    n = len(sums)
    if n < 2:
        return _too_few(n, noun)
    narrow = _narrow(sums)
    drawn = np.concatenate([statistic(_added(times, narrow)) for times in draws.times(n)])
    return _accelerated(sums, statistic, drawn, noun)


def of_mean(scores: Array, numbers: Array, draws: Draws) -> Intervals:
    """The intervals of a mean: over traces and raters at once (percentiles), over traces and over raters (BCa).

    scores, numbers  (traces, raters): sum and number of the scores of a trace by a rater; each trace and rater has one
    """
    traces, raters = scores.shape
    by_trace, by_rater = (np.stack([scores.sum(axis=axis), numbers.sum(axis=axis)], axis=-1) for axis in (1, 0))
    over_raters = one_way(by_rater, ratio, draws, "rater")
    if traces < 2:
        return Intervals(_too_few(traces, "trace"), _too_few(traces, "trace"), over_raters)
    cells = _narrow(np.hstack([scores, numbers, by_trace]))
    of_raters = np.concatenate(list(draws.times(raters, factor=1)))
    at_once, of_traces = np.empty((draws.resamples, 2)), np.empty((draws.resamples, 2))
    first = 0
    for times in draws.times(traces):
        there, added = slice(first, first + len(times)), _added(times, cells)
        for column, part in enumerate((added[:, :raters], added[:, raters : 2 * raters])):
            at_once[there, column] = np.einsum("br,br->b", part, of_raters[there])
        of_traces[there] = added[:, 2 * raters :]
        first += len(times)
    over_traces = _accelerated(by_trace, ratio, ratio(of_traces), "trace")
    if raters < 2:
        return Intervals(_too_few(raters, "rater"), over_traces, over_raters)
    value = float(scores.sum() / numbers.sum())
    both = _ends(value, ratio(at_once), None, min(traces, raters), "trace" if traces < raters else "rater")
    return Intervals(both, over_traces, over_raters)


def of_drawn(value: float, drawn: Array, clusters: int, noun: str) -> Interval:
    """The percentile interval of a statistic that was computed on each resample by the caller."""
    return _too_few(clusters, noun) if clusters < 2 else _ends(value, drawn, None, clusters, noun)


def wilson(successes: int, n: int, noun: str) -> Interval:
    """Wilson's interval of a share, each cluster one trial: what is left where all answers are the same and nothing varies."""
    from scipy.stats import binomtest

    ends = binomtest(successes, n).proportion_ci(LEVEL, method="wilson")
    words = f"All answers are the same, so resampling shows no spread: Wilson's interval instead, with one trial a {noun}."
    return Interval(float(ends.low), float(ends.high), "Wilson", n, words)


def sign_flip(differences: Array, draws: Draws) -> float:
    """The two-sided p value that the mean of paired differences is 0, by turning signs: exact where all ways can be tried.

    Source: R. A. Fisher, The Design of Experiments (1935), section 21; with drawn signs one is added to both counts (B. Phipson and
    G. K. Smyth, "Permutation p-values should never be zero", 2010).
    """
    signs, exact = draws.signs(len(differences))
    # Sums of the same numbers in another order may differ in the last bits.
    reached = int(np.count_nonzero(np.abs(signs @ differences) >= np.abs(differences.sum()) - 1e-9))
    return reached / len(signs) if exact else (reached + 1) / (len(signs) + 1)


def holm(values: list[float]) -> list[float]:
    """The p values, each raised for all having been asked at once. Source: S. Holm, Scandinavian Journal of Statistics 6 (1979)."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    raised, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, values[place] * (len(values) - rank)))
        raised[place] = highest
    return raised


def _as_signs(bits: npt.NDArray[np.int64]) -> Array:
    return (1 - 2 * bits).astype(np.float64)


def _narrow(sums: Array) -> npt.NDArray[Any]:
    """The sums in single precision where that is exact, which takes half the time."""
    whole = np.abs(sums).sum() * 16 < _EXACT and np.array_equal(sums, np.rint(sums))
    return sums.astype(np.float32) if whole else sums


def _added(times: Times, sums: npt.NDArray[Any]) -> Array:
    """The sums (resamples, m) of what was drawn."""
    added: Array = (times.astype(sums.dtype, copy=False) @ sums).astype(np.float64)
    return added


def _accelerated(sums: Array, statistic: Statistic, drawn: Array, noun: str) -> Interval:
    total = sums.sum(axis=0)
    return _ends(float(statistic(total)), drawn, statistic(total - sums), len(sums), noun)


def _too_few(clusters: int, noun: str) -> Interval:
    if clusters == 0:
        return Interval(words="There is nothing to resample.")
    return Interval(clusters=clusters, words=f"Only one {noun}: an interval over {noun}s needs two or more.")


def _ends(value: float, drawn: Array, without: Array | None, clusters: int, noun: str) -> Interval:
    defined = drawn[np.isfinite(drawn)]
    undefined = len(drawn) - len(defined)
    if undefined > _MOST_UNDEFINED * len(drawn):
        words = f"It is not defined in {undefined:,} of {len(drawn):,} resamples, so the others tell no interval: too few {noun}s differ."
        return Interval(clusters=clusters, words=words)
    if np.ptp(defined) <= 1e-12:
        return Interval(clusters=clusters, words=f"Every {noun} gives the same value, so resampling shows no spread.")
    accelerated = None if without is None else _bca_levels(value, defined, without)
    tail = (1 - LEVEL) / 2
    levels, method = (accelerated, "BCa") if accelerated is not None else (np.array([tail, 1 - tail]), "percentile")
    low, high = np.quantile(defined, levels)
    cautions = [f"Only {counted(clusters, noun)}: an interval of so few is rough, and likely too narrow."] if clusters < FEW else []
    cautions += [f"Not defined in {undefined:,} of {len(drawn):,} resamples, which are left out."] if undefined else []
    return Interval(float(low), float(high), method, clusters, " ".join(cautions))


def _bca_levels(value: float, drawn: Array, without: Array) -> Any:
    """At which quantiles of the drawn values the interval ends; None where they cannot be told."""
    from scipy.special import ndtr, ndtri

    if not np.isfinite(without).all():
        return None
    below = (np.count_nonzero(drawn < value) + np.count_nonzero(drawn <= value)) / (2 * len(drawn))
    if not 0 < below < 1:
        return None
    bias = ndtri(below)
    apart = without.mean() - without
    squares = float((apart**2).sum())
    acceleration = float((apart**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0
    shifted = bias + ndtri(np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    slack = 1 - acceleration * shifted
    return ndtr(bias + shifted / slack) if (slack > 0).all() else None
